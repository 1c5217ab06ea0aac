"""What every signal contributes to the responses of one cell, by the kernel that the simulation uses.

A contribution is found by leaving one signal out: the response is evaluated once more with that signal at 0,
everything else as it is.  A factor (`times`) is not set to 0, which would abolish any response, but to the
value it has in the naive tissue at the same place: "without" a factor means without the difference to rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abm.compile.model import Model
from abm.engine.state import State, new_state
from abm.engine.step import sense as survey_tissue
from abm.kernels.responses import ratio_power, respond, saturated, shaped
from abm.kernels.sensing import sense
from abm.state.kinds import SignalKind
from abm.state.tables import Floats, Ints, Role, Shape, Signals, Surroundings, Target
from abm.study.why_names import signal_text, signal_unit

ROLE_WORDS = {
    Role.ADD: "adds",
    Role.INCREASE: "increases",
    Role.DECREASE: "decreases",
    Role.BRAKE: "brakes",
    Role.TIMES: "times",
    Role.DIVIDE: "divided_by",
}


@dataclass(frozen=True)
class Contribution:
    """What one signal does to one response.

    Attributes
    ----------
    signal : str
        As scenario files write it.
    role : str
        The side of the response it stands on: adds, increases, decreases, brakes, times, divided_by.
    value : float
        Of the signal, in `unit`; the mean where several places count.
    unit : str
    form : str
        What the term makes of its signal: ``Hill``, ``s/h``, ``(s/h)^n``, ``min(s/h, 1)``, ``1 - s/h``.
    term : float
        The number it makes of it: for the sides `increases` and `decreases` the Hill value that this signal
        has alone and without brakes.
    without : float
        The response with this signal left out, in the unit of the response.
    effect : float
        The response minus `without`.
    share : float
        Size of the effect over the sum of the sizes of all effects on this response, 0 to 1.
    """

    signal: str
    role: str
    value: float
    unit: str
    form: str
    term: float
    without: float
    effect: float
    share: float


@dataclass(frozen=True)
class Places:
    """Where responses are evaluated: one cell, or the voxels over which a waiting cell takes the mean.

    Attributes
    ----------
    group : int
        Of the response table: cell type, or number of types + index of the site.
    voxel, phenotype : (m,) int64
    age : (m,) float64 [min]
    variables : (m, n_slot) float64
    """

    group: int
    voxel: Ints
    phenotype: Ints
    age: Floats
    variables: Floats

    @property
    def groups(self) -> Ints:
        """The group once for each place, (m,) int64."""
        return np.full(len(self.voxel), self.group, np.int64)


@dataclass(frozen=True)
class Row:
    """One row of the response table, evaluated."""

    row: int
    target: Target
    slot: int
    value: float
    base: float
    contributions: tuple[Contribution, ...]


def at_rest(model: Model, time: float) -> State:
    """The naive tissue, surveyed, as if it had been left alone until `time` [min]."""
    state = new_state(model)
    survey_tissue(model, state)
    state.here = state.here._replace(time=time)
    return state


def signals_at(model: Model, here: Surroundings, places: Places) -> Floats:
    """Every signal that the group reads, at each place, (m, n_signal); own variables included."""
    values = np.zeros((len(places.voxel), len(model.signals.kind)))
    for row in np.flatnonzero(model.signals.kind == SignalKind.OWN):
        values[:, row] = places.variables[:, model.signals.first[row]]
    sense(
        model.signals,
        model.responses.wanted,
        here,
        0,
        len(places.voxel),
        places.groups,
        places.voxel,
        places.phenotype,
        places.age,
        values,
    )
    return values


def resting_places(model: Model, rest: State, places: Places) -> Places:
    """The same places with a cell in its first phenotype and with the variables of rest."""
    k = places.group if places.group < len(model.names.cell_types) else -1
    variables = np.zeros_like(places.variables)
    if k >= 0:
        variables[:] = model.variables.initial[k][: variables.shape[1]]
    nothing = np.zeros((len(places.voxel), max(1, model.behaviours.n))), np.zeros_like(variables)
    phenotype = np.zeros_like(places.phenotype)
    resting = Places(places.group, places.voxel, phenotype, places.age, variables)
    if k >= 0:  # instant variables take their values of rest
        respond(
            model.responses,
            model.signals,
            rest.here,
            resting.groups,
            resting.voxel,
            phenotype,
            resting.age,
            variables,
            *nothing,
        )
    return resting


def explain_rows(model: Model, here: Surroundings, rest: State, places: Places) -> list[Row]:
    """Every response of a group at some places, with the contribution of every signal.

    Parameters
    ----------
    here : Surroundings
        As the engine has set them for the step.
    rest : State
        See `at_rest`.
    places : Places
        With instant variables as of this step.
    """
    table = model.responses
    now = signals_at(model, here, places)
    then = signals_at(model, rest.here, resting_places(model, rest, places))
    return [
        _row(model, here, places, r, now, then)
        for r in range(table.group_first[places.group], table.group_first[places.group + 1])
    ]


def _row(model: Model, here: Surroundings, places: Places, r: int, now: Floats, then: Floats) -> Row:
    table = model.responses
    terms = np.arange(table.term_first[r], table.term_first[r + 1])
    signals = table.signal[terms]
    s, rest = now[:, signals], then[:, signals]
    variants = np.repeat(s[None], 1 + len(terms), axis=0)
    for j, t in enumerate(terms):
        variants[1 + j, :, j] = _left_out(model, t, rest[:, j])
    variants = variants.reshape((1 + len(terms)) * len(s), len(terms))
    values = _evaluate(model, here, r, variants).reshape(1 + len(terms), len(s)).mean(axis=1)
    effects = values[0] - values[1:]
    total = float(np.abs(effects).sum())
    found = [
        Contribution(
            signal=signal_text(model, int(signals[j]), places.group),
            role=ROLE_WORDS[Role(int(table.role[t]))],
            value=float(s[:, j].mean()),
            unit=signal_unit(model, int(signals[j])),
            form=_form(model, t),
            term=float(np.mean([_term_value(model, r, t, x) for x in s[:, j]])),
            without=float(values[1 + j]),
            effect=float(effects[j]),
            share=abs(float(effects[j])) / total if total > 0.0 else 0.0,
        )
        for j, t in enumerate(terms)
    ]
    return Row(
        row=r,
        target=Target(int(table.target[r])),
        slot=int(table.slot[r]),
        value=float(values[0]),
        base=float(table.base[r]),
        contributions=tuple(sorted(found, key=lambda c: -abs(c.effect))),
    )


def _left_out(model: Model, term: int, rest: Floats) -> Floats | float:
    """What a signal is set to when it is left out."""
    table = model.responses
    if table.role[term] != Role.TIMES:
        return 0.0
    if model.signals.kind[table.signal[term]] == SignalKind.MODIFIER:
        return 1.0
    return rest


def _evaluate(model: Model, here: Surroundings, r: int, values: Floats) -> Floats:
    """Value of one response for given signals of its terms (n, n_term), by the engine's kernel."""
    n, m = values.shape
    low, high = model.responses.term_first[r], model.responses.term_first[r + 1]
    per_row = ("base", "up_to", "down_to", "joint_power", "up_rest", "down_rest")
    per_term = ("role", "shape", "scale", "power", "amount", "rest")
    one = model.responses._replace(
        group_first=np.array([0, 1]),
        wanted=np.ones((1, max(m, 1)), np.uint8),
        target=np.array([int(Target.BEHAVIOUR)]),
        slot=np.zeros(1, np.int64),
        term_first=np.array([0, m]),
        signal=np.arange(m),
        **{name: getattr(model.responses, name)[r : r + 1] for name in per_row},
        **{name: getattr(model.responses, name)[low:high] for name in per_term},
    )
    # A world of one voxel for each set of values, in which every signal is a concentration.
    nothing = np.zeros(m, np.int64)
    read = Signals(np.full(m, int(SignalKind.CONCENTRATION)), np.arange(m), nothing)
    world = here._replace(concentration=np.ascontiguousarray(values.T).reshape(m, n))
    out, none = np.zeros((n, 1)), np.zeros(n, np.int64)
    respond(one, read, world, none, np.arange(n), none, np.zeros(n), np.zeros((n, 1)), out, np.zeros((n, 1)))
    return out[:, 0]


def _form(model: Model, term: int) -> str:
    """What a term makes of its signal."""
    table = model.responses
    role, shape = Role(int(table.role[term])), Shape(int(table.shape[term]))
    if role is Role.BRAKE:
        return "s/h"
    if role is Role.DIVIDE:
        return "s/h" if table.power[term] == 1.0 else "(s/h)^n"
    return {Shape.HILL: "Hill", Shape.LINEAR: "s/h", Shape.FULL: "min(s/h, 1)", Shape.LIMIT: "1 - s/h"}[shape]


def _term_value(model: Model, r: int, term: int, signal: float) -> float:
    """The number that a term makes of its signal."""
    table = model.responses
    role, shape = Role(int(table.role[term])), int(table.shape[term])
    scale, power, joint = float(table.scale[term]), float(table.power[term]), float(table.joint_power[r])
    if role in (Role.BRAKE, Role.DIVIDE):
        return float(ratio_power(signal, scale, power))
    if role in (Role.INCREASE, Role.DECREASE) and shape == Shape.HILL:
        ratio = ratio_power(signal, scale, power)
        return float(saturated(ratio_power(ratio, 1.0, joint) if joint > 0.0 else ratio, 1.0))
    return float(shaped(shape, signal, scale, power))
