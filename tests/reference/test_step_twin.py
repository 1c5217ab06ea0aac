"""Sense, respond and move the variables, against readable twins of each, on tissue with a mask."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.events import set_drives
from abm.engine.state import State, new_state
from abm.engine.step import respond_all, sense
from abm.kernels.kinetics import advance_variables
from abm.scenario.behaviours import parse_behaviour
from abm.scenario.schema.responses import Response
from abm.scenario.schema.scenario import Scenario
from abm.scenario.signals import parse_signal
from abm.scenario.vocabulary import vocabulary_of
from abm.state.cells import TISSUE
from abm.state.kinds import BehaviourKind, SignalKind
from tests.reference.responses import response_value
from tests.reference.signals import signal_value
from tests.reference.tissue import SMALL, advance, experiment, model

# Every signal there is, each as an instant variable of its own with slope one.
SIGNALS = {
    "concentration": ("X", "1 pg/ml"),
    "excess": ("excess X", "1 pg/ml"),
    "gradient": ("X gradient", "1 pg/ml/um"),
    "gradient_other_way_to_say_it": ("gradient of Y", "1 pg/ml/um"),
    "relative_gradient": ("relative gradient of X", "1 /um"),
    "own": ("own memory", "1"),
    "phenotype": ("phenotype second", "1"),
    "contact_own_type": ("contact with reader", "1"),
    "contact_other_type": ("contact with other", "1"),
    "contact_live": ("contact with live cells", "1"),
    "contact_dead": ("contact with dead cells", "1"),
    "density": ("density of other", "1 /um^3"),
    "relative_density": ("relative density of other", "1"),
    "surplus": ("surplus of other", "1"),
    "mean": ("mean memory of other", "1"),
    "load": ("memory load of other", "1"),
    "drive": ("acute drive", "1"),
    "drive_of_another_kind": ("late drive", "1"),
    "region": ("inside spot", "1"),
    "level": ("Y level in bath", "1 pg/ml"),
    "time": ("time", "1 min"),
    "age": ("age", "1 min"),
    "dead": ("dead", "1"),
}
ALL_SIGNALS = """
schema_version: 1
title: One cell type that reads every signal, in 3-D with a mask
time: {duration: 1 d, cell_step: 10 min, field_step: 5 min}
record: {readout: 1 h}
domain:
  size: [120 um, 100 um, 60 um]
  spacing: [20 um, 20 um, 10 um]
  tissue: {ball: {center: [60 um, 50 um, 30 um], radius: 52 um}}
  boundaries: {x_min: bath}
regions:
  spot: {box: {low: [20 um, 20 um, 0 um], high: [80 um, 60 um, 45 um]}}
compartments:
  bath: {label: bath, volume: 1 ul, half_life: 1 h, permeability: 1 um/s}
cytokines:
  X: {diffusion: 3 um^2/s, half_life: 1 h, baseline: 50 pg/ml, sensing_floor: 7 pg/ml}
  Y: {diffusion: 3 um^2/s, half_life: 1 h, baseline: 5 pg/ml}
tissue: {neighbourhood: 40 um, packing: 0.9}
injury_kinds:
  cut: {drives: {acute: {amplitude: 0.8, decay: 5 h}}}
  slow: {drives: {acute: {amplitude: 0.1}, late: {amplitude: 2, rise: 3 h, off: 9 h, off_width: 2 h}}}
injuries:
  - {kind: cut, at: 0 h, site: spot, edge: 30 um}
  - {kind: slow, at: 1 h, site: spot}
cell_types:
  other:
    radius: 3 um
    density: 300000 /mm^3
    variables: {memory: {value: 0}}
  reader:
    radius: 3 um
    density: 200000 /mm^3
    phenotypes: {first: {}, second: {}}
    variables:
      memory: {value: 0}
"""


def reading(name: str) -> str:
    text, unit = SIGNALS[name]
    return f"      {name}: {{equals: {{adds: [{{signal: {text}, amount: 1, per: {unit}}}]}}}}\n"


def shaken(m: Model, seed: int) -> State:
    """A state in which nothing is uniform: fields, variables, phenotypes, dead and waiting cells."""
    state, rng = new_state(m), np.random.default_rng(seed)
    state.tick = 66
    state.concentration[:] = rng.uniform(0.0, 100.0, state.concentration.shape) * m.tissue
    state.reservoirs.c[:] = rng.uniform(0.0, 100.0, state.reservoirs.c.shape)
    cells = state.cells
    n = len(cells.id)
    cells.variables[:] = rng.uniform(-1.0, 2.0, cells.variables.shape)
    cells.phenotype[:] = rng.integers(0, 2, n) * (cells.type == 1)
    cells.dead[:] = rng.random(n) < 0.2
    cells.place[:] = rng.random(n) < 0.1
    cells.birth_tick[:] = rng.integers(0, 60, n)
    # Some blocks gain cells and some lose all of theirs.
    away = (cells.position[:, 0] < 40.0) & (rng.random(n) < 0.5)
    cells.type[away] = 1 - cells.type[away]
    return state


@pytest.fixture(scope="module")
def readings() -> tuple[Model, State]:
    m = model(ALL_SIGNALS + "".join(reading(name) for name in SIGNALS))
    state = shaken(m, 5)
    set_drives(m, state)
    sense(m, state)
    respond_all(m, state)
    return m, state


@pytest.mark.parametrize("name", SIGNALS)
def test_every_signal(readings: tuple[Model, State], name: str) -> None:
    m, state = readings
    scenario = experiment(ALL_SIGNALS + "".join(reading(key) for key in SIGNALS)).base
    signal = parse_signal(SIGNALS[name][0], vocabulary_of(scenario).of("reader"))
    slot = m.names.variables[1].index(name)
    cells = state.cells
    rows = np.flatnonzero((cells.type == 1) & (cells.place == TISSUE) & (cells.dead == 0))
    got = cells.variables[rows, slot]
    want = [signal_value(m, state, signal, int(i)) for i in rows]
    assert len(rows) > 30
    assert len(set(want)) > 1 or signal.kind in (SignalKind.LEVEL, SignalKind.TIME, SignalKind.DEAD)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_no_kind_of_signal_is_left_out() -> None:
    scenario = experiment(ALL_SIGNALS + "".join(reading(key) for key in SIGNALS)).base
    names = vocabulary_of(scenario).of("reader")
    # Levels of drugs and factors of interventions have tests of their own (test_interventions_*).
    others = {SignalKind.DRUG, SignalKind.MODIFIER, SignalKind.MODIFIED}
    assert {parse_signal(text, names).kind for text, _ in SIGNALS.values()} == set(SignalKind) - others


# ------------------------------------------------------------------------- the library's own responses


def own_responses(scenario: Scenario, name: str) -> Iterator[tuple[str, Response]]:
    """Behaviours and moving variables of a cell type."""
    for text, response in scenario.cell_types[name].behaviours.items():
        if parse_behaviour(text, vocabulary_of(scenario).of(name)).kind is not BehaviourKind.ARRIVAL:
            yield text, response
    for text, variable in scenario.cell_types[name].variables.items():
        if variable.response is not None:
            yield f"variable {text}", variable.response


def column_of(m: Model, scenario: Scenario, name: str, text: str) -> int:
    behaviour = parse_behaviour(text, vocabulary_of(scenario).of(name))
    columns, kind = m.behaviours, behaviour.kind
    if behaviour.field is not None:
        f = m.names.cytokines.index(behaviour.field)
        return int(
            {BehaviourKind.SECRETION: columns.secretion, BehaviourKind.SENSITIVITY: columns.sensitivity}[
                kind
            ][f]
        )
    if behaviour.phenotype is not None:
        phenotypes = m.names.phenotypes[m.names.cell_types.index(name)]
        return {p: c for c, p in columns.transition}[phenotypes.index(behaviour.phenotype)]
    return int(getattr(columns, kind.name.lower()))


@pytest.fixture(scope="module")
def inflamed() -> tuple[Scenario, Model, State, np.ndarray, np.ndarray]:
    """Dorsal horn half a day after CCI, with MSC on their way, as its cells sense it."""
    sets = ("cell_types.t_cell.density=200 /mm^3", "cell_types.msc.density=500 /mm^3")
    scenario, m = experiment(SMALL, *sets).arms["cci_bmsc"], model(SMALL, "cci_bmsc", 3, sets)
    state = advance(m, days=0.5)
    set_drives(m, state)
    sense(m, state)
    behaviours, drift = respond_all(m, state)
    return scenario, m, state, behaviours, drift


@pytest.mark.parametrize("name", ["microglia", "astrocyte", "t_cell", "neuron", "msc"])
def test_every_response_of_the_library(inflamed: tuple, name: str) -> None:
    """Tables, sensing and evaluation together: nothing of the compiled path is used for the expectation."""
    scenario, m, state, behaviours, drift = inflamed
    k, names = m.names.cell_types.index(name), vocabulary_of(scenario).of(name)
    baselines = {text: float(c.baseline) for text, c in scenario.cytokines.items()}
    cells = state.cells
    rows = np.flatnonzero((cells.type == k) & (cells.place == TISSUE))[:8]
    assert len(rows) > 0
    for text, response in own_responses(scenario, name):
        signals = {term.signal: parse_signal(term.signal, names) for _, _, term in response.terms()}
        for i in rows:
            read = {key: signal_value(m, state, signal, int(i)) for key, signal in signals.items()}
            want = response_value(response, read, baselines)
            if text.startswith("variable "):
                slot = m.names.variables[k].index(text.removeprefix("variable "))
                instant = scenario.cell_types[name].variables[m.names.variables[k][slot]].equals is not None
                got = cells.variables[i, slot] if instant else drift[i, slot]
            else:
                got = behaviours[i, column_of(m, scenario, name, text)]
            assert got == pytest.approx(want, rel=1e-12, abs=1e-15), (text, int(i))


def test_variables_follow_their_differential_equations(inflamed: tuple) -> None:
    """Against 2,000 explicit sub-steps of dV/dt, for every variable of every cell."""
    scenario, m, state, _, drift = inflamed
    before, dt, n_substep = state.cells.variables.copy(), m.clock.cell_step, 2000
    after = state.cells._replace(variables=before.copy())
    assert advance_variables(after, m.variables, drift, dt) == (-1, -1)
    checked = 0
    for k, (name, cell_type) in enumerate(scenario.cell_types.items()):
        rows = (state.cells.type == k) & (state.cells.place == TISSUE)
        for slot, variable in enumerate(cell_type.variables.values()):
            v, pull = before[rows, slot].copy(), drift[rows, slot]
            for _ in range(n_substep):
                if variable.target is not None:
                    rise = float(variable.rise or variable.time_constant)
                    fall = float(variable.fall or variable.time_constant)
                    v += dt / n_substep * (pull - v) / np.where(pull > v, rise, fall)
                elif variable.gain is not None:
                    v += dt / n_substep * (pull * (1.0 - v) - v / float(variable.loss_time))
            np.testing.assert_allclose(after.variables[rows, slot], v, rtol=1e-6, atol=1e-9, err_msg=name)
            checked += int(rows.sum())
    assert checked > 100
