"""A sixth cell type, an eighth cytokine, a region and an injury of their own: data only, no Python."""

from __future__ import annotations

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.readout import phenotype_labels, read_out
from abm.engine.state import State
from tests.reference.tissue import SMALL, advance, model

pytestmark = [pytest.mark.e2e, pytest.mark.boundscheck]

# A macrophage that follows a toxin: comes through vessels, divides, secretes CCL2, takes it up again, eats
# the dead, turns foamy and dies. Astrocytes answer CCL2 with CXCL12; the toxin kills astrocytes.
MACROPHAGES = (
    SMALL.split("regions:")[0]
    + """
injury_kinds:
  toxin:
    drives: {poison: {amplitude: 1, rise: 1 h}}
    releases: [{cytokine: DAMP, drive: poison, rate: 5 pg/ml/min}]
injuries:
  - {kind: toxin, at: 2 h, site: nerve, edge: 20 um}
regions:
  nerve: {rectangle: {low: [0.1 mm, 0.1 mm], high: [0.3 mm, 0.3 mm]}}
  site: {rectangle: {low: [0.1 mm, 0.1 mm], high: [0.3 mm, 0.3 mm]}}
  elsewhere: {outside: {disc: {center: [0.2 mm, 0.2 mm], radius: 250 um}}}
cytokines:
  CCL2: {label: CCL2, molar_mass: 8.6 kDa, diffusion: 20 um^2/s, half_life: 40 min, baseline: 10 pg/ml}
cell_types:
  astrocyte:
    behaviours:
      death: {base: 0 /h, adds: [{signal: poison drive, amount: 0.03 /h, per: 1}]}
      secretion of CXCL12:
        base: 0 fg/day
        increases: [{signal: excess CCL2, to: 20 fg/day, half_max: 50 pg/ml, hill_power: 2}]
  macrophage:
    label: macrophage
    density: 3000 /mm^3
    placement: territories
    radius: 6 um
    phenotypes:
      resting: {label: resting}
      angry: {label: angry, when: {variable: anger, above: 0.2}}
    variables:
      anger:
        rise: 2 h
        fall: 1 d
        target: {base: 0, increases: [{signal: poison drive, to: 1, half_max: 0.3}]}
    behaviours:
      secretion of CCL2: {base: 0 fg/day, adds: [{signal: own anger, amount: 8 fg/day, per: 1}]}
      uptake of CCL2: 0.5 /min
      phagocytosis of dead cells: 0.5 /h
      division: {base: 0.05 /h, times: [{signal: own anger}]}
      death: {base: 0 /h, adds: [{signal: phenotype angry, amount: 0.01 /h, per: 1}]}
      transform to foam_cell: {base: 0 /h, adds: [{signal: inside nerve, amount: 0.02 /h, per: 1}]}
      migration speed: 1 um/min
      migration bias: {base: 0, increases: [{signal: relative gradient of DAMP, to: 0.5, half_max: 1 /mm}]}
      chemotactic sensitivity to DAMP: 1
      arrival: {base: 500 /mm^3/h, times: [{signal: poison drive}]}
  foam_cell:
    label: foam cell
    radius: 8 um
    behaviours: {clearance: 0.01 /h}
arms:
  alive: {}
  silent: {cell_types: {macrophage: {behaviours: {secretion of CCL2: 0 fg/day}}}}
"""
)


@pytest.fixture(scope="module")
def after() -> tuple[Model, State]:
    m = model(MACROPHAGES, "alive")
    return m, advance(m, days=1.5)


@pytest.fixture(scope="module")
def silent() -> State:
    return advance(model(MACROPHAGES, "silent"), days=1.5)


def count(after: tuple[Model, State], counter: str, cell_type: str) -> int:
    m, state = after
    return int(state.counters[counter][m.names.cell_types.index(cell_type)])


def mean_of(m: Model, state: State, cytokine: str) -> float:
    return float(read_out(m, state)["cytokine_mean"][m.names.cytokines.index(cytokine)])


def test_it_is_counted_with_the_others(after: tuple[Model, State]) -> None:
    m, state = after
    assert m.names.cell_types == (
        *("microglia", "astrocyte", "t_cell", "neuron", "msc"),
        *("macrophage", "foam_cell"),
    )
    found = dict(zip(m.names.cell_types, read_out(m, state)["cell_count"], strict=True))
    assert np.count_nonzero(m.cells.type == 5) == round(3000e-9 * 400 * 400 * 60)
    assert found["macrophage"] > 20 and found["foam_cell"] > 3
    phenotypes = dict(zip(phenotype_labels(m), read_out(m, state)["phenotype_count"], strict=True))
    assert phenotypes["macrophage:angry"] > 0 and phenotypes["macrophage:resting"] > 0
    assert phenotypes["foam_cell:foam_cell"] == found["foam_cell"]


def test_its_cytokine_is_secreted_diffuses_and_is_taken_up(after: tuple[Model, State], silent: State) -> None:
    m, state = after
    f = m.names.cytokines.index("CCL2")
    field = state.concentration[f, 0]
    assert np.all(np.abs(silent.concentration[f] - 10.0) < 1.0)  # uptake lowers it a little
    by_region = dict(zip(m.names.regions, read_out(m, state)["cytokine_by_region"][f], strict=True))
    assert by_region["nerve"] > by_region["elsewhere"] > 11.0
    empty = np.setdiff1d(np.arange(m.grid.n_voxel), state.cells.voxel)
    assert field.reshape(-1)[empty].min() > 11.0
    assert state.budget.taken_up[f] > 0.0 and state.budget.decayed[f] > 0.0


def test_another_type_answers_to_it(after: tuple[Model, State], silent: State) -> None:
    m, state = after
    assert mean_of(m, state, "CXCL12") > 1.2 * mean_of(m, silent, "CXCL12")
    assert mean_of(m, silent, "CXCL12") == pytest.approx(500.0, rel=0.01)


def test_it_arrives_divides_transforms_and_dies(after: tuple[Model, State]) -> None:
    for counter in ("arrived", "born", "died", "transformed_away"):
        assert count(after, counter, "macrophage") > 0, counter
    assert count(after, "transformed_into", "foam_cell") == count(after, "transformed_away", "macrophage")
    assert count(after, "cleared", "foam_cell") > 0


def test_the_dead_are_eaten(after: tuple[Model, State]) -> None:
    m, state = after
    bodies = read_out(m, state)["dead_count"][m.names.cell_types.index("astrocyte")]
    gone = count(after, "phagocytosed", "astrocyte") + count(after, "dissolved", "astrocyte")
    assert count(after, "died", "astrocyte") == gone + bodies
    # 24 h until a body dissolves; macrophages and microglia in contact take 2 h.
    assert count(after, "phagocytosed", "astrocyte") > count(after, "dissolved", "astrocyte")


def test_it_gathers_where_the_drive_is(after: tuple[Model, State]) -> None:
    m, state = after
    by_region = read_out(m, state)["cell_count_by_region"][5]
    areas = m.regions.sum(axis=1)
    density = dict(zip(m.names.regions, by_region / areas, strict=True))
    assert density["nerve"] > 2.0 * density["elsewhere"]


def test_variables_follow_the_drive_of_the_new_injury(after: tuple[Model, State]) -> None:
    m, state = after
    inside = m.regions[m.names.regions.index("nerve")][state.cells.voxel] == 1
    anger = state.cells.variables[(state.cells.type == 5) & inside, 0]
    assert 0.4 < anger.mean() < 1 / 1.3  # the target at full drive
    assert m.variables.initial[5, 0] == 0.0


def test_nothing_happens_before_the_injury() -> None:
    m = model(MACROPHAGES, "alive")
    state = advance(m, days=2 / 24)
    assert state.counters["arrived"].sum() == state.counters["died"].sum() == 0
    assert np.all(state.cells.variables[state.cells.type == 5, 0] == 0.0)
