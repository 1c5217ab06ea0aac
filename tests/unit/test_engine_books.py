"""What is given, what arrives, what is lost and what remains adds up, for cells and for proteins."""

from __future__ import annotations

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.events import apply_interventions
from abm.engine.readout import read_out
from abm.engine.state import State, new_state
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from abm.state.cells import TISSUE
from tests.reference.tissue import SMALL, advance, experiment, model

BASE = SMALL.split("arms:")[0]
NG = 1e6  # fg


def with_interventions(*lines: str) -> Model:
    arm = "arms:\n  treated:\n    interventions:\n" + "".join(f"      - {line}\n" for line in lines)
    return model(BASE + arm, "treated")


def reservoir_content(m: Model, state: State) -> np.ndarray:
    """What each compartment holds, (n_compartment, n_field) [fg]."""
    volume = m.fields.reservoirs.volume[:, None]
    return state.reservoirs.c * volume * FG_PER_PG_UM3_PER_ML


# ------------------------------------------------------------------------------------------- proteins

ROUTES = {
    "bolus into CSF": (["infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 1 h}"], "csf", 10),
    "into blood": (["infuse: {cytokine: TGF-b1, dose: 10 ng, route: intravenous, at: 1 h}"], "blood", 10),
    "over time": (
        ["infuse: {cytokine: TGF-b1, dose: 3 ng, route: intrathecal, at: 1 h, duration: 80 min}"],
        "csf",
        3,
    ),
    "again and again": (
        ["infuse: {cytokine: TGF-b1, dose: 2 ng, route: intrathecal, at: [1 h, 90 min, 3 h]}"],
        "csf",
        6,
    ),
    "two at once": (["infuse: {cytokine: TGF-b1, dose: 2 ng, route: intrathecal, at: 1 h}"] * 2, "csf", 4),
    "begun but not over": (
        ["infuse: {cytokine: TGF-b1, dose: 8 ng, route: intrathecal, at: 3 h, duration: 4 h}"],
        "csf",
        2,
    ),
}


@pytest.mark.parametrize("name", ROUTES)
def test_protein_into_a_compartment(name: str) -> None:
    """Infused = cleared + passed into the tissue + remaining, beyond what an untreated animal does."""
    lines, compartment, dose = ROUTES[name]
    m, control = with_interventions(*lines), model(BASE + "arms: {cci: {}}\n", "cci")
    state, untreated = advance(m, days=4 / 24), advance(control, days=4 / 24)
    c, f = m.names.compartments.index(compartment), m.names.cytokines.index("TGF-b1")
    given = dose * NG * float(experiment(BASE).base.cytokines["TGF-b1"].active_fraction)

    def more(name: str) -> float:
        """Of a quantity of this compartment than in the untreated animal."""
        return float((getattr(state.budget, name) - getattr(untreated.budget, name))[c, f])

    infused = more("produced") + float(state.infused[c, f])
    assert infused == pytest.approx(given, rel=1e-9)
    remaining = float((reservoir_content(m, state) - reservoir_content(control, untreated))[c, f])
    passed = more("exchanged") * m.fields.reservoirs.multiplicity
    assert infused == pytest.approx(more("cleared") + passed + remaining, rel=1e-9)
    assert more("cleared") > 0.0 and remaining > 0.0
    # CSF touches the tissue, blood does not.
    assert (passed > 0.0) == (compartment == "csf")


@pytest.mark.parametrize("duration", ["0 min", "40 min", "70 min"])
def test_protein_into_the_tissue(duration: str) -> None:
    """The slab takes its share of a local dose, at the site only; no cell makes or senses the substance."""
    inert = BASE + "cytokines: {dextran: {diffusion: 30 um^2/s, half_life: 1 d, baseline: 100 pg/ml}}\n"
    line = (
        f"infuse: {{cytokine: dextran, dose: 1 ng, route: local, site: site, at: 1 h, duration: {duration}}}"
    )
    m = model(f"{inert}arms:\n  a:\n    interventions: [{{{line}}}]\n", "a")
    control = model(inert + "arms: {cci: {}}\n", "cci")
    f = m.names.cytokines.index("dextran")
    share = 1.0 * NG / m.fields.reservoirs.multiplicity
    soon = advance(m, days=70 / 1440)
    field = soon.concentration[f].reshape(-1)
    assert field[m.regions[0] == 1].mean() > 1.3 * field[m.regions[1] == 1].mean()
    state, untreated = advance(m, soon, days=110 / 1440), advance(control, days=180 / 1440)
    given = (state.budget.sourced + state.budget.added - untreated.budget.sourced)[f]
    assert given == pytest.approx(share, rel=1e-9)
    assert abs(state.budget.residual()[f]) < 1e-10 * share


def test_every_compartment_balances() -> None:
    """Content = start + produced + infused - cleared - what the tissue took, for every protein."""
    m = model(SMALL, "cci_bmsc")
    state = advance(m, days=1.0)
    start = m.fields.reservoirs.c * m.fields.reservoirs.volume[:, None] * FG_PER_PG_UM3_PER_ML
    b = state.budget
    expected = start + b.produced + state.infused - b.cleared - m.fields.reservoirs.multiplicity * b.exchanged
    np.testing.assert_allclose(reservoir_content(m, state), expected, rtol=1e-9, atol=1e-3)
    assert b.produced.max() > 0.0


@pytest.mark.parametrize("arm", ["naive", "sham", "cci", "cci_bmsc", "cci_tgfb1", "naive_tgfb1"])
def test_mass_balance_of_every_field_at_every_step(arm: str) -> None:
    """Residual below 1e-10 of what was secreted (the engine itself stops at 1e-8 of what passed through)."""
    worst = 0.0

    def look(state: State) -> None:
        nonlocal worst
        secreted = state.budget.sourced + state.budget.added
        residual = np.abs(state.budget.residual())
        worst = max(worst, float(np.max(residual[secreted > 0.0] / secreted[secreted > 0.0])))
        assert np.all(residual[secreted == 0.0] == 0.0)

    state = advance(model(SMALL, arm), days=0.5, watch=look)
    assert state.budget.sourced[0] > 0.0
    assert worst < 1e-10


def test_uptake_is_booked() -> None:
    text = (
        BASE
        + """
cell_types: {microglia: {behaviours: {uptake of TNF-a: 2 /min}}}
arms: {cci: {}}
"""
    )
    m = model(text, "cci")
    state = advance(m, days=0.25)
    f = m.names.cytokines.index("TNF-a")
    b = state.budget
    assert b.taken_up[f] > 0.01 * b.decayed[f]
    assert abs(b.residual()[f]) < 1e-10 * b.sourced[f]
    # A cell of volume v clears its own volume at 2 /min: the sink of a voxel is 2 v / voxel per min.
    share = m.cell_volume[0] / m.grid.voxel_volume
    assert (
        b.taken_up[f] < 2.0 * share * len(state.cells.id) * 50.0 * m.fields.system.voxel_volume * 1e-9 * 360
    )


# ---------------------------------------------------------------------------------------------- cells

DOSES = {
    "one dose": ["inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 1 h}"],
    "half of them dead": [
        "inject_cells: {type: msc, dose: 5e5, viability: 50 %, route: intrathecal, at: 1 h}"
    ],
    "three doses": ["inject_cells: {type: msc, dose: 1e5, route: intrathecal, at: [1 h, 2 h, 5 h]}"],
    "two routes": [
        "inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 1 h}",
        "inject_cells: {type: msc, dose: 5e6, route: intravenous, at: 2 h}",
    ],
    "primed": ["inject_cells: {type: msc, phenotype: primed, dose: 2.5e5, route: intrathecal, at: 1 h}"],
}


@pytest.mark.parametrize("name", DOSES)
def test_every_injected_cell_is_accounted_for(name: str) -> None:
    """Given = alive in the pool + died there + followed; followed = waiting + in tissue + lost + cleared."""
    m = with_interventions(*DOSES[name])
    msc, multiplicity = m.names.cell_types.index("msc"), m.fields.reservoirs.multiplicity
    given = sum(injection.dose for injection in m.treatment.injections)

    def balance(state: State) -> None:
        books = [dose for (k, _), dose in state.doses.items() if k == msc]
        count = {key: int(values[msc]) for key, values in state.counters.items()}
        cells = state.cells
        mine = cells.type == msc
        waiting, live = mine & (cells.place != TISSUE), mine & (cells.place == TISSUE) & (cells.dead == 0)
        dead = int((mine & (cells.dead == 1)).sum())
        so_far = sum(i.dose for i in m.treatment.injections if i.tick < state.tick)
        assert sum(book.given for book in books) == pytest.approx(so_far)
        total = sum(book.pool + book.pool_lost for book in books) + count["injected"] * multiplicity
        assert total == pytest.approx(so_far, rel=1e-12)
        assert all(book.pool >= 0.0 for book in books)
        assert count["injected"] == waiting.sum() + count["entered"] + count["lost_waiting"]
        gone = count["cleared"] + count["phagocytosed"] + count["dissolved"]
        assert count["entered"] == live.sum() + dead + gone
        assert count["born"] == count["arrived"] == 0

    state = advance(m, days=0.6, watch=balance)
    assert given > 0.0 and state.counters["injected"][msc] > 0
    waiting = read_out(m, state)["compartment_cells"][:, msc].sum()
    assert 0.0 < waiting < given


def test_a_small_dose_never_leaves_a_negative_pool() -> None:
    """Fewer cells than one followed cell stands for: none is followed, all die off in the pool."""
    m = with_interventions("inject_cells: {type: msc, dose: 100, route: intrathecal, at: 0 h}")
    assert m.fields.reservoirs.multiplicity > 100.0
    for seed in range(30):
        tried = model(
            BASE + "arms:\n  a:\n    interventions: [{inject_cells: {type: msc, dose: 100, "
            "route: intrathecal, at: 0 h}}]\n"
            "cell_types: {msc: {compartments: {csf: {homing_fraction: 100 %}}}}\n",
            "a",
            seed,
        )
        state = advance(tried, days=10 / 1440)
        assert min(dose.pool for dose in state.doses.values()) >= 0.0


def test_local_cells_are_the_share_of_the_slab() -> None:
    m = with_interventions("inject_cells: {type: msc, dose: 4e3, route: local, site: opposite, at: 0 h}")
    state = new_state(m)
    assert apply_interventions(m, state) == [("4000 living msc local", 4e3, "cells")]
    msc = state.cells.type == m.names.cell_types.index("msc")
    expected = 4e3 / m.fields.reservoirs.multiplicity
    assert abs(int(msc.sum()) - expected) < 1.0
    assert np.all(m.regions[1][state.cells.voxel[msc]] == 1)


def test_cells_that_find_no_room_are_counted() -> None:
    m = with_interventions("inject_cells: {type: msc, dose: 1e5, route: local, site: opposite, at: 0 h}")
    state = new_state(m)
    apply_interventions(m, state)
    msc = m.names.cell_types.index("msc")
    refused = int(state.counters["entry_refused"][msc])
    assert refused > 0
    assert state.counters["injected"][msc] + refused == pytest.approx(
        1e5 / m.fields.reservoirs.multiplicity, abs=1.0
    )
    assert np.all(state.occupancy <= m.capacity)


def test_population_of_every_type_balances_at_every_step() -> None:
    """Start + injected + arrived + born + turned into = in the table + gone, counted here once more."""
    mortal = """
cell_types:
  microglia: {behaviours: {death: 0.01 /h}}
  t_cell: {density: 300 /mm^3, behaviours: {arrival: {base: 300 /mm^3/h, times: []}}}
"""
    m = model(SMALL + mortal, "cci_bmsc", 2)
    n_type = len(m.names.cell_types)
    start = np.bincount(m.cells.type, minlength=n_type)

    def balance(state: State) -> None:
        c = state.counters
        came = start + c["injected"] + c["arrived"] + c["born"] + c["transformed_into"]
        gone = c["lost_waiting"] + c["cleared"] + c["dissolved"] + c["phagocytosed"] + c["transformed_away"]
        np.testing.assert_array_equal(np.bincount(state.cells.type, minlength=n_type), came - gone)
        bodies = np.bincount(state.cells.type[state.cells.dead == 1], minlength=n_type)
        np.testing.assert_array_equal(c["died"] - c["dissolved"] - c["phagocytosed"], bodies)
        assert np.all(np.diff(state.cells.id) > 0)
        here = state.cells.place == TISSUE
        room = np.zeros(m.grid.n_voxel, np.int64)
        np.add.at(room, state.cells.voxel[here], m.space[state.cells.type[here]])
        np.testing.assert_array_equal(state.occupancy.reshape(-1), room)
        np.testing.assert_array_equal(m.grid.voxel_of(state.cells.position[here]), state.cells.voxel[here])

    state = advance(m, days=1.0, watch=balance)
    for counter in ("injected", "arrived", "entered", "born", "died", "cleared", "phagocytosed"):
        assert state.counters[counter].sum() > 0, counter
