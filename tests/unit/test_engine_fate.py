"""Events of cells in the engine: how often, where, and what is left behind.

Counts are compared with their expectation to within 4.5 standard deviations: with the fixed seeds a test
is red or green for ever, with fresh ones it would be red once in 150,000.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.state.cells import TISSUE
from tests.reference.signals import touching, voxel_index
from tests.reference.tissue import advance, model

SIGMAS = 4.5
HEAD = """
schema_version: 1
title: Events
time: {duration: 2 d, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain: {size: [0.4 mm, 0.4 mm], spacing: 20 um, thickness: 20 um}
tissue: {body_lifetime: 10 h, neighbourhood: 40 um}
regions:
  half: {rectangle: {low: [0 mm, 0 mm], high: [0.2 mm, 0.4 mm]}}
"""


def assert_poisson(found: float, expected: float) -> None:
    assert abs(found - expected) < SIGMAS * math.sqrt(expected), (found, expected)


def assert_binomial(found: float, chances: np.ndarray) -> None:
    """Sum of independent events with these chances."""
    spread = math.sqrt(float((chances * (1.0 - chances)).sum()))
    assert abs(found - chances.sum()) < SIGMAS * spread, (found, chances.sum(), spread)


def test_bodies_are_eaten_by_who_touches_them_or_dissolve() -> None:
    """Hazard of a body: the appetites of the live cells in contact, plus 1 / lifetime."""
    m = model(
        HEAD
        + """
cell_types:
  prey: {radius: 2 um, density: 1e5 /mm^3}
  eater: {radius: 2 um, density: 4e4 /mm^3, behaviours: {phagocytosis of dead cells: 0.05 /h}}
""",
        seed=5,
    )
    state = new_state(m)
    state.cells.dead[state.cells.type == 0] = 1
    state.counters["died"][0] = int((state.cells.type == 0).sum())
    bodies = np.flatnonzero(state.cells.dead)
    eaters = np.array(
        [
            touching(m, state.cells, voxel_index(m, state.cells.position[i]), -1, state.cells.type == 1)
            for i in bodies
        ]
    )
    assert len(bodies) > 250 and len(set(eaters)) > 4
    hazard = eaters * 0.05 + 0.1  # per hour
    hours = 4.0
    state = advance(m, state, days=hours / 24)
    left = np.isin(m.cells.id[bodies], state.cells.id)
    assert_binomial(left.sum(), np.exp(-hazard * hours))
    for group in (eaters < 3, eaters >= 3):  # those with many eaters go sooner
        assert_binomial(left[group].sum(), np.exp(-hazard[group] * hours))
    gone = 1.0 - np.exp(-hazard * hours)
    assert_binomial(state.counters["phagocytosed"][0], gone * eaters * 0.05 / hazard)
    assert_binomial(state.counters["dissolved"][0], gone * 0.1 / hazard)


def test_cells_arrive_at_their_rate_and_place() -> None:
    """500 /mm^3/h through the vessels of one half, on 0.0016 mm^3, for two days."""
    m = model(
        HEAD
        + """
cell_types:
  guest: {radius: 2 um, behaviours: {arrival: {base: 5e4 /mm^3/h, times: [{signal: inside half}]}}}
"""
    )
    state = advance(m, days=0.5)
    expected = 5e4 * 0.0016 * 12
    assert_poisson(len(state.cells.id), expected)
    assert state.counters["arrived"][0] == len(state.cells.id)
    assert np.all(m.regions[0][state.cells.voxel] == 1)
    # Uniform inside: the mean of n uniform places lies within a few standard errors of the middle.
    x = state.cells.position[:, 0]
    assert abs(x.mean() - 100.0) < SIGMAS * 200.0 / math.sqrt(12 * len(x))
    born = state.cells.birth_tick * m.clock.tick
    assert abs(born.mean() - 360.0) < SIGMAS * 720.0 / math.sqrt(12 * len(born))


def test_a_full_tissue_takes_no_guests() -> None:
    m = model(
        HEAD.replace("neighbourhood: 40 um", "neighbourhood: 40 um, packing: 0.05")
        + "cell_types: {guest: {radius: 4 um, behaviours: {arrival: 2e6 /mm^3/h}}}\n"
    )
    state = advance(m, days=4 / 24)
    assert np.all(state.occupancy <= m.capacity)
    assert len(state.cells.id) == m.grid.n_voxel  # one guest fits into each voxel
    assert state.counters["entry_refused"][0] > 100


DIVIDING = """
cell_types:
  mother:
    radius: 2 um
    density: 1e5 /mm^3
    variables: {mark: {value: 0.25}, level: {gain: 0.1 /h, loss_time: 1 d}}
    behaviours: {division: 0.02 /h}
"""


def test_divisions() -> None:
    m = model(HEAD + DIVIDING, seed=2)
    state = advance(m, days=0.5)
    start = len(m.cells.id)
    born = int(state.counters["born"][0])
    assert len(state.cells.id) == start + born
    # A pure birth process: mean n (e^rt - 1), variance n e^rt (e^rt - 1).
    growth = math.exp(0.02 * 12)
    spread = math.sqrt(start * growth * (growth - 1.0))
    assert abs(born - start * (growth - 1.0)) < SIGMAS * spread
    daughters = state.cells.parent >= 0
    assert daughters.sum() == born
    mothers = np.searchsorted(state.cells.id, state.cells.parent[daughters])
    np.testing.assert_array_equal(state.cells.id[mothers], state.cells.parent[daughters])
    apart = np.linalg.norm(state.cells.position[daughters] - state.cells.position[mothers], axis=1)
    assert apart.max() < 2 * 20.0 * math.sqrt(2.0) + 20.0
    np.testing.assert_array_equal(state.cells.variables[:, 0], 0.25)  # inherited
    assert np.all(state.cells.variables[:, 1] == state.cells.variables[0, 1])  # all as old as the tissue
    assert state.cells.birth_tick[daughters].min() >= 0


COMPETING = """
cell_types:
  a:
    radius: 2 um
    density: 2e5 /mm^3
    phenotypes: {one: {}, two: {}, three: {}}
    behaviours:
      transition to two: {base: 0.03 /h, times: [{signal: phenotype one}]}
      transition to three: {base: 0.01 /h, times: [{signal: phenotype one}]}
      transform to b: {base: 0.02 /h, times: [{signal: phenotype one}]}
      clearance: {base: 0.04 /h, times: [{signal: phenotype one}]}
      death: {base: 0.05 /h, times: [{signal: phenotype one}]}
  b: {radius: 3 um, variables: {fresh: {value: 0.7}}}
"""


def test_competing_events_share_by_their_rates() -> None:
    m = model(HEAD.replace("body_lifetime: 10 h", "body_lifetime: 1000 d") + COMPETING, seed=9)
    state = advance(m, days=0.5)
    n = len(m.cells.id)
    total = 0.15
    moved = 1.0 - math.exp(-total * 12)
    cells, names = state.cells, m.names.phenotypes[0]
    a = (cells.type == 0) & (cells.dead == 0)
    found = {
        "one": int((a & (cells.phenotype == names.index("one"))).sum()),
        "two": int((a & (cells.phenotype == names.index("two"))).sum()),
        "three": int((a & (cells.phenotype == names.index("three"))).sum()),
        "b": int((cells.type == 1).sum()),
        "dead": int((cells.dead == 1).sum()),
        "cleared": int(state.counters["cleared"][0]),
    }
    # A body dissolves in 1000 days; hardly any has.
    found["dead"] += int(state.counters["dissolved"][0])
    assert sum(found.values()) == n
    chances = {"two": 0.03, "three": 0.01, "b": 0.02, "cleared": 0.04, "dead": 0.05}
    assert_binomial(found["one"], np.full(n, 1.0 - moved))
    for name, rate in chances.items():
        assert_binomial(found[name], np.full(n, moved * rate / total))
    np.testing.assert_array_equal(cells.variables[cells.type == 1, 0], 0.7)
    assert np.all(cells.phenotype[cells.type == 1] == 0)


WAITING = """
compartments: {bath: {label: bath, volume: 1 ul, half_life: 1 h, permeability: 1 um/s}}
routes: {into_bath: {compartment: bath}}
cell_types:
  guest:
    radius: 2 um
    compartments:
      bath:
        lifetime: 10 h
        homing_fraction: 60 %
        behaviours: {entry: {base: 0 /h, adds: [{signal: inside half, amount: 0.08 /h, per: 1}]}}
interventions:
  - inject_cells: {type: guest, dose: 2000, route: into_bath, at: 0 h}
"""


@pytest.fixture(scope="module")
def waited() -> tuple[Model, State]:
    m = model(HEAD + WAITING, seed=4)
    return m, advance(m, days=0.25)


def test_waiting_cells_die_or_enter(waited: tuple[Model, State]) -> None:
    """Entry is the mean over where they can enter: 0.08 /h in one half of the tissue, 0.04 /h."""
    _, state = waited
    entry, loss, hours = 0.04, 0.1, 6.0
    assert state.counters["injected"][0] == 1200
    left = math.exp(-(entry + loss) * hours)
    waiting = int((state.cells.place != TISSUE).sum())
    assert_binomial(waiting, np.full(1200, left))
    assert_binomial(state.counters["entered"][0], np.full(1200, (1 - left) * entry / (entry + loss)))
    assert_binomial(state.counters["lost_waiting"][0], np.full(1200, (1 - left) * loss / (entry + loss)))
    dose = state.doses[0, 0]
    assert dose.pool == pytest.approx(800 * math.exp(-loss * hours), rel=1e-9)


def test_waiting_cells_enter_where_they_are_drawn(waited: tuple[Model, State]) -> None:
    m, state = waited
    entered = state.cells.place == TISSUE
    assert np.all(m.regions[0][state.cells.voxel[entered]] == 1)
    y = state.cells.position[entered, 1]
    assert abs(y.mean() - 200.0) < SIGMAS * 400.0 / math.sqrt(12 * len(y))


def test_phenotypes_follow_their_threshold() -> None:
    m = model(
        HEAD
        + """
cell_types:
  c:
    radius: 2 um
    density: 1e5 /mm^3
    phenotypes: {calm: {}, tense: {when: {variable: v, above: 0.3}}, mad: {when: {variable: v, above: 0.6}}}
    variables: {v: {target: 0, time_constant: 100000 d}}
"""
    )
    state = new_state(m)
    rng = np.random.default_rng(0)
    for _ in range(3):  # up and down again, from any phenotype
        v = rng.uniform(0.0, 1.0, len(state.cells.id))
        state.cells.variables[:, 0] = v
        step(m, state)
        want = np.where(v > 0.6, 2, np.where(v > 0.3, 1, 0))
        np.testing.assert_array_equal(state.cells.phenotype, want)
