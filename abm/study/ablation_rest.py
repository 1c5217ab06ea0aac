"""What signals and responses are in the naive tissue of an arm: the values that ablated rules are held at."""

from __future__ import annotations

import numpy as np

from abm.compile.build import compile_model
from abm.compile.model import Model, Site
from abm.engine.sites import values_at
from abm.kernels.responses import respond, shaped
from abm.scenario.schema import Factor, Scenario
from abm.scenario.signals import parse_signal
from abm.scenario.walk import ResponsePlace
from abm.state.kinds import BehaviourKind, SignalKind
from abm.state.tables import Floats, Shape, Target
from abm.study.why_names import signal_text
from abm.study.why_terms import Places, at_rest, resting_places, signals_at

SAME = 1e-9  # relative to 1: values that differ by less are one value
_FLOWS = (SignalKind.TIME, SignalKind.AGE)


class NoSingleValueError(Exception):
    """What would be held has no single value in the naive tissue; the message says why."""


class Rest:
    """The naive tissue of one arm: without its injuries, doses and other interventions.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        Of the run; it places the cells.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.model: Model = compile_model(scenario, seed)
        self.state = at_rest(self.model, 0.0)

    def factor(self, place: ResponsePlace, factor: Factor) -> float:
        """Value of one factor of a response.

        Raises
        ------
        NoSingleValueError
            It depends on time, or on the place.
        """
        signal = parse_signal(factor.signal, place.names)
        if signal.kind in _FLOWS:
            raise NoSingleValueError(f"{signal} goes on in naive tissue too")
        places = self._places(place)
        here = signals_at(self.model, self.state.here, resting_places(self.model, self.state, places))
        column = self._column(str(signal), places.group)
        form, scale = _form(factor)
        values = np.array([shaped(int(form), s, scale, float(factor.hill_power)) for s in here[:, column]])
        return _single(values, str(signal))

    def response(self, place: ResponsePlace) -> float:
        """Value of a whole response; errors as for `factor`."""
        if any(
            parse_signal(term.signal, place.names).kind in _FLOWS for _, _, term in place.response.terms()
        ):
            raise NoSingleValueError("it depends on time, which goes on in naive tissue too")
        places = self._places(place)
        if place.variable is None:
            site = self._site(place)
            return _single(values_at(self.model, self.state, site, places.voxel), place.title)
        resting = resting_places(self.model, self.state, places)
        behaviours = np.zeros((len(places.voxel), max(1, self.model.behaviours.n)))
        variables, drift = resting.variables.copy(), np.zeros_like(resting.variables)
        respond(
            self.model.responses,
            self.model.signals,
            self.state.here,
            resting.groups,
            resting.voxel,
            resting.phenotype,
            resting.age,
            variables,
            behaviours,
            drift,
        )
        k = places.group
        slot = self.model.names.variables[k].index(place.variable)
        rows = slice(self.model.responses.group_first[k], self.model.responses.group_first[k + 1])
        instant = (self.model.responses.target[rows] == Target.INSTANT) & (
            self.model.responses.slot[rows] == slot
        )
        return _single((variables if instant.any() else drift)[:, slot], place.variable)

    # ------------------------------------------------------------------------------------------ private

    def _places(self, place: ResponsePlace) -> Places:
        """Where a response is evaluated in the naive tissue: at its cells; everywhere without any."""
        model = self.model
        voxels = np.flatnonzero(model.tissue.reshape(-1))
        arrives = place.behaviour is not None and place.behaviour.kind is BehaviourKind.ARRIVAL
        waits = place.path[2:3] == ("compartments",)
        if place.cell_type is None or arrives or waits:
            group = self._site(place).group
            if waits:
                voxels = next(w.voxels for w in model.waiting if self._site(place) in (w.entry, *w.secretion))
        else:
            group = model.names.cell_types.index(place.cell_type)
            mine = self.state.cells.voxel[self.state.cells.type == group]
            voxels = mine if len(mine) else voxels
        n, n_slot = len(voxels), model.variables.kind.shape[1]
        return Places(group, voxels, np.zeros(n, np.int64), np.zeros(n), np.zeros((n, n_slot)))

    def _site(self, place: ResponsePlace) -> Site:
        """The site that a response of a place was compiled to."""
        behaviour, model = place.behaviour, self.model
        assert behaviour is not None
        k = -1 if place.cell_type is None else model.names.cell_types.index(place.cell_type)
        sites: list[Site] = list(model.sites)
        compartment = -1
        if place.path[2:3] == ("compartments",):
            compartment = model.names.compartments.index(str(place.path[3]))
            sites = [
                site
                for w in model.waiting
                if (w.cell_type, w.compartment) == (k, compartment)
                for site in (*([w.entry] if w.entry else []), *w.secretion)
            ]
        elif behaviour.compartment is not None:
            compartment = model.names.compartments.index(behaviour.compartment)
        f = -1 if behaviour.field is None else model.names.cytokines.index(behaviour.field)
        for site in sites:
            same_field = behaviour.field is None or site.cytokine == f
            if (
                site.kind == behaviour.kind
                and site.cell_type == k
                and same_field
                and site.compartment == compartment
            ):
                return site
        raise NoSingleValueError(f"{place.title} was not compiled")

    def _column(self, signal: str, group: int) -> int:
        """Row of the signal table that holds a signal, seen by a group."""
        for row in np.flatnonzero(self.model.responses.wanted[group]):
            if signal_text(self.model, int(row), group) == signal:
                return int(row)
        raise NoSingleValueError(f"{signal} is sensed through an intervention")


def _form(factor: Factor) -> tuple[Shape, float]:
    """Shape and scale of a factor, from which of its keys are given."""
    if factor.half_max is not None:
        return Shape.HILL, float(factor.half_max)
    if factor.limit is not None:
        return Shape.LIMIT, float(factor.limit)
    return Shape.LINEAR, float(factor.per or 1.0)


def _single(values: Floats, what: str) -> float:
    """The one value of an array that holds only one."""
    if len(values) == 0:
        raise NoSingleValueError(f"{what} is evaluated nowhere")
    low, high = float(values.min()), float(values.max())
    if not high - low <= SAME * max(1.0, abs(high)):
        raise NoSingleValueError(f"{what} is {low:.3g} to {high:.3g} in naive tissue, depending on the place")
    return low
