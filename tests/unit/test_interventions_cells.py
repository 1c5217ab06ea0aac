"""Knock-outs and depletions: who is missing, who stays, and what the books say."""

from __future__ import annotations

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.readout import read_out
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.state.cells import TISSUE
from tests.reference.box import BOX, amount, history, with_interventions
from tests.reference.tissue import SMALL, advance

BASE = SMALL.split("arms:")[0]


def treated(*lines: str, text: str = BASE, seed: int = 1) -> Model:
    return with_interventions(text, *lines, seed=seed)


# -------------------------------------------------------------------------- a cytokine is knocked out

#: X has every source there is: baseline, rule of the tissue, injury, cells, waiting cells, held border.
SOURCES = (
    BOX.replace("thickness: 20 um}", "thickness: 20 um, boundaries: {x_max: {X: 7 pg/ml}}}")
    + """
compartments: {csf: {volume: 40 ul, half_life: 1 h}}
routes: {intrathecal: {compartment: csf}}
cytokines:
  X: {diffusion: 10 um^2/s, half_life: 1 h, baseline: 5 pg/ml}
  Y: {diffusion: 10 um^2/s, half_life: 1 h, baseline: 5 pg/ml}
injury_kinds:
  cut: {drives: {hit: {decay: 1 d}}, releases: [{cytokine: X, drive: hit, rate: 3 pg/ml/h}]}
injuries: [{kind: cut, site: left}]
tissue: {behaviours: {production of X: {base: 1, adds: [{signal: hit drive, amount: 1, per: 1}]}}}
cell_types:
  cell:
    radius: 3 um
    density: 125000 /mm^3
    behaviours: {secretion of X: 1 fg/day, secretion of Y: 1 fg/day}
  msc:
    radius: 3 um
    compartments:
      csf: {lifetime: 9 d, homing_fraction: 0, behaviours: {X secretion: 1 fg/day, secretion of Y: 1 fg/day}}
"""
)
SOURCES = SOURCES.replace("tissue: {extracellular_fraction: 0.2}\n", "", 1).replace(
    "tissue: {behaviours", "tissue: {extracellular_fraction: 0.2, behaviours"
)
CELLS = "inject_cells: {type: msc, dose: 1e5, route: intrathecal, at: 0 h}"
OUT = "knock_out: {cytokine: X}"


def test_nothing_makes_a_missing_cytokine() -> None:
    """No baseline, no production, no release, no secretion in tissue and CSF, nothing from a held border."""
    m = treated(CELLS, OUT, text=SOURCES)
    seen, state = history(m, 300.0)
    assert not seen[:, 0].any() and not state.reservoirs.c[:, 0].any()
    for name in ("initial", "amount", "sourced", "decayed", "produced", "cleared", "exchanged"):
        assert not getattr(state.budget, name)[..., 0].any(), name
    intact = history(treated(CELLS, text=SOURCES), 300.0)
    assert intact[0][:, 0].min() >= 5.0 and intact[1].budget.produced[0, 0] > 0.0
    # The other cytokine has all of its own.
    np.testing.assert_array_equal(seen[:, 1], intact[0][:, 1])
    assert "without X from birth" in [given.text for given in step(m, new_state(m))]


def test_a_dose_of_what_is_missing_still_works() -> None:
    """Rescue: the dose alone, which decays with its half-life."""
    box = SOURCES.replace(", boundaries: {x_max: {X: 7 pg/ml}}", "")
    line = "infuse: {cytokine: X, dose: 1 pg, route: local, site: whole, at: 1 h}"
    seen, state = history(treated(CELLS, OUT, line, text=box), 180.0)
    np.testing.assert_allclose(amount(seen[-1, 0].mean()), 1e3 * 0.25, rtol=1e-4)
    assert state.budget.added[0] == pytest.approx(1e3, rel=1e-12)


def test_a_knock_out_of_the_default_tissue() -> None:
    """No TNF anywhere at any time; fewer active microglia than with it."""
    m, control = treated("knock_out: {cytokine: TNF-a}"), treated()
    f = m.names.cytokines.index("TNF-a")
    state, intact = advance(m, days=0.5), advance(control, days=0.5)
    assert not state.concentration[f].any() and intact.concentration[f].min() > 10.0
    active = [s.cells.variables[s.cells.type == 0, 0].mean() for s in (state, intact)]
    assert active[0] < active[1]


# -------------------------------------------------------------------------- a cell type is knocked out

TYPES = (
    BOX
    + """
compartments: {csf: {volume: 40 ul, half_life: none}}
routes: {intrathecal: {compartment: csf}}
cell_types:
  macrophage:
    radius: 2 um
    density: 125000 /mm^3
    behaviours: {arrival: 1e6 /mm^3/h, migration speed: 1 um/min}
    compartments: {csf: {lifetime: 9 d, homing_fraction: 100 %, behaviours: {entry: 5 /h}}}
  monocyte:
    radius: 2 um
    density: 250000 /mm^3
    placement: territories
    behaviours: {transform to macrophage: 0.1 /h, death: 0.1 /h, division: 0.1 /h, migration speed: 1 um/min}
"""
)
NO_MACROPHAGES = "knock_out: {cell_type: macrophage}"


def test_a_missing_type_neither_is_nor_comes() -> None:
    """Not at the start, not through vessels, not out of other cells."""
    m = treated(NO_MACROPHAGES, text=TYPES)
    state = advance(m, days=0.5)
    counters = {name: int(values[0]) for name, values in state.counters.items()}
    assert not np.any(state.cells.type == 0) and not any(counters.values())
    assert read_out(m, state)["cell_count"][0] == 0
    intact = advance(treated(text=TYPES), days=0.5)
    assert intact.counters["arrived"][0] > 0 and intact.counters["transformed_into"][0] > 0


def test_injected_cells_of_a_missing_type_live() -> None:
    dose = "inject_cells: {type: macrophage, dose: 6, route: intrathecal, at: 0 h}"
    local = "inject_cells: {type: macrophage, dose: 4, route: local, site: left, at: 0 h}"
    state = advance(treated(NO_MACROPHAGES, dose, local, text=TYPES), days=0.25)
    assert int(np.sum((state.cells.type == 0) & (state.cells.place == TISSUE))) == 10
    assert state.counters["entered"][0] == 6


def test_a_missing_type_leaves_all_others_their_ids_and_places() -> None:
    """Paired with an intact animal from the first moment; nothing senses the missing type."""
    still = TYPES.replace("transform to macrophage: 0.1 /h, ", "")
    intact, without = treated(text=still), treated(NO_MACROPHAGES, text=still)
    for days in (0.0, 0.3):
        a, b = advance(intact, days=days), advance(without, days=days)
        mine = a.cells.type == 1
        np.testing.assert_array_equal(a.cells.id[mine], b.cells.id)
        if days == 0.0:
            np.testing.assert_array_equal(a.cells.position[mine], b.cells.position)
        for name in ("died", "born"):
            assert a.counters[name][1] == b.counters[name][1] > -1
    assert b.counters["born"][1] > 3 and b.counters["died"][1] > 3


def test_a_tissue_without_microglia() -> None:
    """C11 of the targets, by sign: less IL-1b and TNF where nobody makes most of them."""
    m = treated("knock_out: {cell_type: microglia}")
    state, intact = advance(m, days=1.0), advance(treated(), days=1.0)
    k = m.names.cell_types.index("microglia")
    assert not np.any(state.cells.type == k) and not m.naive[k].any()
    for name in ("IL-1b", "TNF-a"):
        f = m.names.cytokines.index(name)
        assert state.concentration[f].mean() < intact.concentration[f].mean()
    others = [s.cells.id[np.isin(s.cells.type, [1, 3])] for s in (state, intact)]  # astrocytes, neurons
    np.testing.assert_array_equal(*others)


# ------------------------------------------------------------------------------------------ depletion

#: 40 000 cells of two types, half of the first kind primed.
CROWD = """
schema_version: 1
title: Crowd
time: {duration: 1 d, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h, cells: never, fields: never, checkpoint: never}
domain: {size: [1 mm, 1 mm], spacing: 20 um, thickness: 20 um}
tissue: {extracellular_fraction: 0.2}
regions: {left: {rectangle: {low: [0 um, 0 um], high: [500 um, 1000 um]}}}
cell_types:
  a:
    radius: 2 um
    density: 1e6 /mm^3
    phenotypes: {naive: {}, primed: {when: {variable: mark, above: 0.5}}}
    variables: {mark: {equals: {adds: [{signal: inside left, amount: 1, per: 1}]}}}
  b: {radius: 2 um, density: 1e6 /mm^3}
"""
N = 20_000


def interval(n: int, share: float) -> float:
    """Half-width that a binomial count leaves once in 1e6 tests (4.9 standard deviations)."""
    return 4.9 * float(np.sqrt(n * share * (1.0 - share)))


def books_hold(m: Model, state: State) -> None:
    start = np.bincount(m.cells.type, minlength=len(m.names.cell_types))
    left = np.bincount(state.cells.type, minlength=len(start))
    np.testing.assert_array_equal(left + state.counters["removed"], start)
    room = np.zeros(m.grid.n_voxel, np.int64)
    np.add.at(room, state.cells.voxel, m.space[state.cells.type])
    np.testing.assert_array_equal(state.occupancy.reshape(-1), room)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.8, 1.0])
def test_a_share_of_a_type_is_removed(share: float) -> None:
    """A binomial number of one type, none of the other; their room is free again. False alarms: 1e-6."""
    m = treated(f"remove_cells: {{type: a, share: {share}, at: 10 min}}", text=CROWD)
    state = advance(m, days=20 / 1440)
    removed = state.counters["removed"]
    assert abs(removed[0] - share * N) <= interval(N, share) and removed[1] == 0
    books_hold(m, state)
    assert read_out(m, state)["cells_removed"][0] == removed[0]
    assert not state.counters["died"].any() and not state.cells.dead.any()  # taken away, not killed


@pytest.mark.parametrize(
    ("rest", "inside"),
    [
        ("site: left", True),
        ("phenotype: primed", True),
        ("phenotype: naive", False),
        ("phenotype: primed, site: left", True),
    ],
)
def test_by_place_and_phenotype(rest: str, inside: bool) -> None:
    """Primed are exactly the cells on the left, from the first step on. False alarms: 1e-6."""
    m = treated(f"remove_cells: {{type: a, share: 30 %, at: 10 min, {rest}}}", text=CROWD)
    state = advance(m, days=20 / 1440)
    left = [(s.position[:, 0] < 500.0) & (s.type == 0) for s in (m.cells, state.cells)]
    right = [(s.position[:, 0] >= 500.0) & (s.type == 0) for s in (m.cells, state.cells)]
    hit, spared = (left, right) if inside else (right, left)
    n = int(hit[0].sum())
    assert abs((n - hit[1].sum()) - 0.3 * n) <= interval(n, 0.3)
    assert spared[0].sum() == spared[1].sum()
    books_hold(m, state)


def test_repeated_depletions_draw_anew() -> None:
    """Half three times leaves an eighth; two at one moment are independent too. False alarms: 1e-6 each."""
    m = treated("remove_cells: {type: a, share: 50 %, at: 0 h, every: 20 min, repeats: 3}", text=CROWD)
    seen: list[int] = []
    advance(m, days=50 / 1440, watch=lambda s: seen.append(int(s.counters["removed"][0])))
    assert seen[0] == seen[1] < seen[2] == seen[3] < seen[4]
    for n, removed in ((N, seen[0]), (N - seen[0], seen[2] - seen[0]), (N - seen[2], seen[4] - seen[2])):
        assert abs(removed - 0.5 * n) <= interval(n, 0.5)
    twice = treated(*["remove_cells: {type: a, share: 50 %, at: 0 h}"] * 2, text=CROWD)
    removed = advance(twice, days=10 / 1440).counters["removed"][0]
    assert abs(removed - 0.75 * N) <= interval(N, 0.75)


def test_a_higher_share_takes_the_same_cells_and_more() -> None:
    """Arms share the draw of every cell."""
    left = [
        set(
            advance(
                treated(f"remove_cells: {{type: a, share: {share}, at: 0 h}}", text=CROWD), days=10 / 1440
            ).cells.id
        )
        for share in (0.3, 0.6)
    ]
    assert left[1] < left[0]


def test_waiting_cells_and_bodies_stay() -> None:
    """Depletion reaches the living cells of the tissue only."""
    text = TYPES.replace("entry: 5 /h", "entry: 0 /h").replace("death: 0.1 /h", "death: 5 /h")
    dose = "inject_cells: {type: macrophage, dose: 6, route: intrathecal, at: 0 h}"
    lines = [f"remove_cells: {{type: {name}, at: 1 h}}" for name in ("macrophage", "monocyte")]
    state = advance(treated(dose, *lines, text=text), days=70 / 1440)
    assert int(np.sum(state.cells.place != TISSUE)) == 6
    bodies = int(state.cells.dead.sum())
    assert bodies == state.counters["died"].sum() > 3
    living = (state.cells.place == TISSUE) & (state.cells.dead == 0)
    assert np.all(state.cells.birth_tick[living] >= 60)  # came or were born after it
