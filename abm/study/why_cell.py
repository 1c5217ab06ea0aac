"""The responses of one cell at one moment: in the tissue, waiting in a compartment, or as a dead body."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from abm.compile.model import Model, Site, Waiting
from abm.engine.fate import event_columns
from abm.engine.state import State
from abm.kernels.responses import respond
from abm.kernels.sensing import in_contact
from abm.state.cells import TISSUE
from abm.state.kinds import BehaviourKind, VariableKind
from abm.state.tables import Floats, Target
from abm.study.why_names import behaviour_kind, behaviour_text, behaviour_unit, column_text
from abm.study.why_rounding import spread
from abm.study.why_terms import Contribution, Places, Row, at_rest, explain_rows

BEHAVIOUR, TARGET, GAIN, EQUALS, LOSS = "behaviour", "target", "gain", "equals", "loss"


@dataclass(frozen=True)
class ResponseNow:
    """One response of the cell at this moment.

    Attributes
    ----------
    name : str
        The behaviour or the variable.
    what : str
        ``behaviour``; of a variable ``target``, ``gain`` or ``equals``; ``loss`` for the constant risk of a
        waiting cell or a body.
    unit : str
        Internal unit of value, base and effects.
    value, base : float
        The mean over `places` voxels.
    contributions : tuple of Contribution
        The largest effect first.
    probability : float or None
        That it happens within the next step, all competing events considered; None for what is no event.
    uncertainty : float
        Largest error of the value by the rounding of records, to first order; 0 for an exact state.
    places : int
        Voxels over which a waiting cell takes the mean; 1 for a cell in the tissue.
    """

    name: str
    what: str
    unit: str
    value: float
    base: float
    contributions: tuple[Contribution, ...] = ()
    probability: float | None = None
    uncertainty: float = 0.0
    places: int = 1


def of_a_cell(model: Model, state: State, behaviours: Floats, row: int) -> tuple[ResponseNow, ...]:
    """Responses of a live cell in the tissue, in the order in which the engine evaluates them.

    Parameters
    ----------
    state : State
        As the engine has it after `respond_all`.
    behaviours : (n, n_behaviour) float64
        What that returned.
    row : int
        Of the cell.
    """
    places = cell_places(model, state, row)
    rest = at_rest(model, state.here.time)
    events = [int(column) for column in event_columns(model) if column >= 0]
    risk = float(behaviours[row, events].sum())
    happens = _chance(risk, model.clock.cell_step)
    found = []
    for one in explain_rows(model, state.here, rest, places):
        found.append(_named(model, places.group, one))
        if one.target is not Target.BEHAVIOUR:
            continue
        if one.slot in events:
            share = one.value / risk if risk > 0.0 else 0.0
            found[-1] = replace(found[-1], probability=share * happens)
        elif one.slot == model.behaviours.phagocytosis:
            found[-1] = replace(found[-1], probability=_chance(one.value, model.clock.cell_step))
    return tuple(found)


def cell_places(model: Model, state: State, row: int) -> Places:
    """A cell in the tissue as the place where its responses are evaluated."""
    cells, one = state.cells, slice(row, row + 1)
    age = np.asarray((state.tick - cells.birth_tick[one]) * model.clock.tick, np.float64)
    return Places(int(cells.type[row]), cells.voxel[one], cells.phenotype[one], age, cells.variables[one])


def _chance(rate: float, minutes: float) -> float:
    return -math.expm1(-rate * minutes)


def _named(model: Model, k: int, one: Row) -> ResponseNow:
    """A row of the response table in words."""
    if one.target is Target.BEHAVIOUR:
        name, unit = column_text(model, one.slot, k), behaviour_unit(behaviour_kind(model, one.slot))
        what = BEHAVIOUR
    else:
        name, unit = model.names.variables[k][one.slot], "1"
        what = EQUALS if one.target is Target.INSTANT else TARGET
        if model.variables.kind[k, one.slot] == VariableKind.ACCUMULATING:
            what, unit = GAIN, "1/min"
    return ResponseNow(name, what, unit, one.value, one.base, one.contributions)


def of_a_body(model: Model, state: State, behaviours: Floats, row: int) -> tuple[ResponseNow, ...]:
    """A dead cell does nothing; it dissolves, or phagocytes in contact take it up."""
    cells = state.cells
    appetite = np.zeros((1, model.grid.n_voxel))
    column = model.behaviours.phagocytosis
    if column >= 0:
        live = (cells.dead == 0) & (cells.place == TISSUE)
        np.add.at(appetite[0], cells.voxel[live], behaviours[live, column])
    eaten = float(in_contact(appetite, 0, state.here.shape, cells.voxel[row]))
    dissolves = 1.0 / model.body_lifetime
    happens = _chance(eaten + dissolves, model.clock.cell_step)
    return tuple(
        ResponseNow(name, LOSS, "1/min", rate, rate, probability=happens * rate / (eaten + dissolves))
        for name, rate in (("taken up by phagocytes in contact", eaten), ("dissolved", dissolves))
    )


def of_a_waiting_cell(model: Model, state: State, k: int, compartment: int) -> tuple[ResponseNow, ...]:
    """Loss, entry and secretion of a cell that waits in a compartment."""
    waiting = next(w for w in model.waiting if (w.cell_type, w.compartment) == (k, compartment))
    rest, sites = at_rest(model, state.here.time), _sites(waiting)
    found = []
    for site in sites:
        places = _site_places(model, waiting, site)
        (one,) = explain_rows(model, state.here, rest, places)
        kind = BehaviourKind(site.kind)
        name = behaviour_text(model, kind, site.cytokine, k)
        found.append(
            ResponseNow(
                name,
                BEHAVIOUR,
                behaviour_unit(kind),
                one.value,
                one.base,
                one.contributions,
                places=len(places.voxel),
            )
        )
    lost = 1.0 / waiting.lifetime
    enters = next((r.value for r, s in zip(found, sites, strict=True) if s is waiting.entry), 0.0)
    happens = _chance(lost + enters, model.clock.cell_step)
    chances = {s.kind: happens * r.value / (lost + enters) for r, s in zip(found, sites, strict=True)}
    entry = chances.get(BehaviourKind.ENTRY)
    found = [
        replace(r, probability=entry) if s is waiting.entry else r for r, s in zip(found, sites, strict=True)
    ]
    loss = ResponseNow(
        "loss while waiting", LOSS, "1/min", lost, lost, probability=happens * lost / (lost + enters)
    )
    return (loss, *found)


def _sites(waiting: Waiting) -> list[Site]:
    return [*([waiting.entry] if waiting.entry is not None else []), *waiting.secretion]


def _site_places(model: Model, waiting: Waiting, site: Site) -> Places:
    """The voxels over which a waiting cell takes the mean."""
    everywhere = site.kind == BehaviourKind.ENTRY or (site.senses_tissue and len(waiting.voxels) > 0)
    voxels = waiting.voxels if everywhere else np.zeros(1, np.int64)
    n, n_slot = len(voxels), model.variables.kind.shape[1]
    return Places(site.group, voxels, np.zeros(n, np.int64), np.zeros(n), np.zeros((n, n_slot)))


# ------------------------------------------------------------------------------------------ uncertainty


def with_uncertainty(
    model: Model, state: State, row: int, variables: Floats, responses: tuple[ResponseNow, ...]
) -> tuple[ResponseNow, ...]:
    """The responses of a cell with what the rounding of records leaves open."""
    places = cell_places(model, state, row)
    table = model.responses
    rows = range(table.group_first[places.group], table.group_first[places.group + 1])

    def evaluate() -> Floats:
        mine = variables.copy()
        behaviours, drift = np.zeros((1, max(1, model.behaviours.n))), np.zeros_like(mine)
        respond(
            table,
            model.signals,
            state.here,
            places.groups,
            places.voxel,
            places.phenotype,
            places.age,
            mine,
            behaviours,
            drift,
        )
        out = {Target.BEHAVIOUR: behaviours, Target.INSTANT: mine, Target.DRIFT: drift}
        return np.array([out[Target(int(table.target[r]))][0, table.slot[r]] for r in rows])

    bounds = spread(model, state, int(places.voxel[0]), variables, evaluate)
    return tuple(replace(r, uncertainty=float(b)) for r, b in zip(responses, bounds, strict=True))


def waiting_with_uncertainty(
    model: Model, state: State, k: int, compartment: int, responses: tuple[ResponseNow, ...]
) -> tuple[ResponseNow, ...]:
    """The same for a cell that waits in a compartment."""

    def evaluate() -> Floats:
        return np.array([r.value for r in of_a_waiting_cell(model, state, k, compartment)])

    none = np.zeros((1, 0))
    bounds = spread(model, state, None, none, evaluate)
    return tuple(replace(r, uncertainty=float(b)) for r, b in zip(responses, bounds, strict=True))
