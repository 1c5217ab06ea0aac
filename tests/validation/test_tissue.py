"""What any dorsal horn must do, on small pieces of it and for short times."""

from __future__ import annotations

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.readout import read_out
from abm.engine.state import State
from abm.state.cells import TISSUE
from tests.reference.tissue import SMALL, advance, model

pytestmark = pytest.mark.validation


def threshold(m: Model, state: State) -> float:
    """Paw-withdrawal threshold relative to the baseline."""
    assert m.readout is not None and m.readout.threshold is not None
    return float(read_out(m, state)["withdrawal_threshold"] / m.readout.threshold.baseline)


def thresholds(arm: str, days: list[float], text: str = SMALL, seed: int = 1) -> list[float]:
    """Threshold on some days, in order."""
    m, state, found = model(text, arm, seed), None, []
    for before, day in zip([0.0, *days], days, strict=False):
        state = advance(m, state, days=day - before)
        found.append(threshold(m, state))
    return found


# ------------------------------------------------------------------------------------------- no injury


@pytest.fixture(scope="module")
def naive() -> tuple[Model, State]:
    m = model(SMALL, "naive")
    return m, advance(m, days=4.0)


def test_naive_tissue_stays_flat(naive: tuple[Model, State]) -> None:
    """No field bends, not even at the border with the CSF."""
    m, state = naive
    c = state.concentration.reshape(len(m.names.cytokines), -1)
    np.testing.assert_allclose(c, np.broadcast_to(m.fields.baseline[:, None], c.shape), rtol=1e-9, atol=1e-12)
    n = len(m.names.compartments)
    np.testing.assert_allclose(
        state.reservoirs.c[:n], np.broadcast_to(m.fields.baseline, (n, len(c))), rtol=1e-9, atol=1e-12
    )


def test_naive_tissue_keeps_its_cells(naive: tuple[Model, State]) -> None:
    m, state = naive
    np.testing.assert_array_equal(state.cells.id, m.cells.id)
    for name, count in state.counters.items():
        assert count.sum() == 0, name
    # Nothing activates, so nothing crawls.
    np.testing.assert_array_equal(state.cells.position, m.cells.position)
    assert np.all(np.abs(state.cells.variables[state.cells.type != 3]) < 1e-9)


def test_naive_tissue_feels_nothing(naive: tuple[Model, State]) -> None:
    m, state = naive
    assert threshold(m, state) == pytest.approx(1.0, abs=1e-9)
    assert state.solver_counters.sum() == 0


def test_tgf_b1_does_nothing_to_the_threshold_of_naive_tissue() -> None:
    """JCI 2015;125:3226, Fig. 6: no effect in sham; the gate only scales what there is to feel."""
    m = model(SMALL, "naive_tgfb1")
    lowest, highest = [], []

    def look(state: State) -> None:
        if state.tick % 30 == 0:
            lowest.append(threshold(m, state))
            highest.append(float(state.concentration[m.names.cytokines.index("TGF-b1")].max()))

    advance(m, days=1.0, watch=look)
    assert min(lowest) > 1.0 - 1e-9
    assert max(highest) > 1000.0  # ten times its baseline: it was there


# --------------------------------------------------------------------------------------------- injury

# A larger site beside the CSF on one side: less is washed out, so it inflames as a whole dorsal horn does.
WIDE = SMALL.replace("x_max: csf, y_min: csf, y_max: csf", "x_max: no-flux").replace(
    "center: [0.15 mm, 0.2 mm], radius: 100 um", "center: [0.16 mm, 0.2 mm], radius: 150 um"
)


def test_cci_lowers_the_threshold_and_sham_does_not() -> None:
    cci, sham = (thresholds(arm, [1.0, 2.0, 3.0], WIDE) for arm in ("cci", "sham"))
    assert cci[0] > cci[1] > cci[2]
    assert cci[2] < 0.5
    assert min(sham) > 0.97


def test_sham_recovers() -> None:
    """Glia answer to the skin incision and calm down; the animal hardly feels it."""
    m, activation = model(WIDE, "sham"), []

    def look(state: State) -> None:
        if state.tick % 180 == 0:
            glia = (state.cells.type == 0) & (m.regions[0][state.cells.voxel] == 1)
            activation.append(state.cells.variables[glia, 0].mean())

    state = advance(m, days=6.0, watch=look)
    peak = int(np.argmax(activation))
    assert 0 < peak < len(activation) // 2
    assert activation[-1] < 0.6 * activation[peak]
    assert threshold(m, state) > 0.995


@pytest.fixture(scope="module")
def injured() -> tuple[Model, State]:
    m = model(WIDE, "cci")
    return m, advance(m, days=3.0)


def test_inflammation_is_where_the_injury_is(injured: tuple[Model, State]) -> None:
    """Cytokines cross this small piece; what the drive does by itself does not."""
    m, state = injured
    values = read_out(m, state)
    il1, tnf = (values["cytokine_by_region"][m.names.cytokines.index(c)] for c in ("IL-1b", "TNF-a"))
    assert il1[0] > 1.5 * 50.0 and tnf[0] > 1.3 * 50.0
    glia, voxel = state.cells.type == 0, state.cells.voxel
    activation = [state.cells.variables[glia & (region[voxel] == 1), 0].mean() for region in m.regions]
    assert activation[0] > 1.5 * activation[1]
    cxcl12 = values["cytokine_by_region"][m.names.cytokines.index("CXCL12")]
    assert cxcl12[0] > 1.5 * 500.0


def test_only_microglia_multiply(injured: tuple[Model, State]) -> None:
    _, state = injured
    born, dead = state.counters["born"], state.counters["died"]
    assert born[0] > 0 and born[1:].sum() == 0  # microglia only
    assert dead.sum() == 0


# --------------------------------------------------------------------------------------------- therapy


def test_tgf_b1_relieves_for_hours() -> None:
    """10 ng at 2 d: relief within two hours, gone after a day."""
    late = WIDE.replace("route: intrathecal, at: 6 h", "route: intrathecal, at: 2 d")
    hours = [2.0, 2.0 + 2 / 24, 3.0]
    treated, control = thresholds("cci_tgfb1", hours, late), thresholds("cci", hours, late)
    assert treated[0] == control[0]
    assert treated[1] > control[1] + 0.2
    assert treated[2] < control[2] + 0.1


# Half of the dose dies within six hours, in the CSF and in the tissue.
MORTAL = (
    SMALL
    + """
cell_types:
  msc:
    behaviours: {clearance: 0.1 /h}
    compartments: {csf: {lifetime: 9 h, homing_fraction: 20 %}}
"""
)


def test_msc_relieve_never_multiply_and_end() -> None:
    m = model(MORTAL, "cci_bmsc")
    msc = m.names.cell_types.index("msc")
    followed = []

    def look(state: State) -> None:
        mine = state.cells.type == msc
        followed.append(int(mine.sum()))
        alive = read_out(m, state)["compartment_cells"][0, msc] if state.tick % 300 == 0 else 0.0
        in_tissue = int((mine & (state.cells.place == TISSUE)).sum())
        assert alive + in_tissue * m.fields.reservoirs.multiplicity <= 2.5e5 * (1 + 1e-12)

    state = advance(m, days=5.0, watch=look)
    at_dose = next(i for i, n in enumerate(followed) if n > 0)
    assert np.all(np.diff(followed[at_dose:]) <= 0)
    assert state.counters["entered"][msc] > 50
    assert followed[-1] == 0
    dose = state.doses[msc, 0]
    assert dose.pool < 1e-4 * dose.given
    assert state.counters["born"][msc] == 0


def test_msc_are_denser_at_the_injury() -> None:
    """They enter all around, and follow CXCL12; two days after the dose."""
    text = SMALL + "cell_types: {msc: {compartments: {csf: {homing_fraction: 20 %}}}}\n"
    m = model(text, "cci_bmsc")
    state = advance(m, days=2.25)
    msc = (state.cells.type == m.names.cell_types.index("msc")) & (state.cells.place == TISSUE)
    inside = [int(m.regions[g][state.cells.voxel[msc]].sum()) / int(m.regions[g].sum()) for g in (0, 1)]
    assert msc.sum() > 100
    assert inside[0] > 2.0 * inside[1]


# --------------------------------------------------------------------------------------- 2-D and 3-D

BLOCK = SMALL.replace("size: [0.4 mm, 0.4 mm]", "size: [0.4 mm, 0.4 mm, 60 um]")
SLAB_3D = BLOCK.replace("spacing: 20 um\n  thickness: 60 um", "spacing: [20 um, 20 um, 60 um]")
DEEP = (
    SMALL.replace("size: [0.4 mm, 0.4 mm]", "size: [0.4 mm, 0.4 mm, 0.1 mm]")
    .replace("x_max: csf, y_min: csf, y_max: csf", "x_max: no-flux")
    .replace("  thickness: 60 um\n", "  tissue: {ball: {center: [0.2 mm, 0.2 mm, 50 um], radius: 230 um}}\n")
    .replace(
        "{disc: {center: [0.15 mm, 0.2 mm], radius: 100 um}}",
        "{ball: {center: [0.16 mm, 0.2 mm, 50 um], radius: 150 um}}",
    )
)


@pytest.mark.parametrize("arm", ["cci", "cci_bmsc", "cci_tgfb1"])
def test_a_slab_is_a_block_of_one_layer(arm: str) -> None:
    """Two dimensions are one layer of three: the same numbers, to the bit."""
    flat, block = model(SMALL, arm), model(SLAB_3D, arm)
    assert flat.grid == block.grid
    a, b = advance(flat, days=0.5), advance(block, days=0.5)
    for name, first, second in zip(a.cells._fields, a.cells, b.cells, strict=True):
        np.testing.assert_array_equal(first, second, err_msg=name)
    np.testing.assert_array_equal(a.concentration, b.concentration)
    np.testing.assert_array_equal(a.reservoirs.c, b.reservoirs.c)


@pytest.mark.boundscheck
def test_three_dimensions_with_a_mask() -> None:
    """The same code on 20 x 20 x 5 voxels, outlined by a ball: all in the tissue, and the same biology."""
    m = model(DEEP + "cell_types: {msc: {compartments: {csf: {homing_fraction: 20 %}}}}\n", "cci_bmsc")
    assert m.grid.shape == (5, 20, 20)
    assert 0.5 < m.tissue.mean() < 0.95
    state = advance(m, days=1.5)
    here = state.cells.place == TISSUE
    assert np.all(m.tissue.reshape(-1)[state.cells.voxel[here]] == 1)
    assert np.all(state.concentration[:, m.tissue == 0] == 0.0)
    assert np.abs(state.budget.residual()).max() < 1e-10 * state.budget.sourced.max()
    msc = m.names.cell_types.index("msc")
    depth = state.cells.position[here & (state.cells.type == msc), 2]
    assert state.counters["entered"][msc] > 20
    assert len(np.unique(np.floor(depth / 20.0))) == 5


def test_three_dimensional_tissue_inflames() -> None:
    m = model(DEEP, "cci")
    state = advance(m, days=1.5)
    il1 = read_out(m, state)["cytokine_by_region"][m.names.cytokines.index("IL-1b")]
    assert il1[0] > 1.2 * 50.0
    assert threshold(m, state) < 0.9


def test_naive_three_dimensional_tissue_is_flat_up_to_its_outline() -> None:
    m = model(DEEP, "naive")
    state = advance(m, days=0.5)
    inside = m.tissue == 1
    for f, baseline in enumerate(m.fields.baseline):
        np.testing.assert_allclose(state.concentration[f][inside], baseline, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(state.cells.id, m.cells.id)
