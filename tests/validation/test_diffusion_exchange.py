"""Reservoirs, walls and the mass budget."""

from __future__ import annotations

import numpy as np
import pytest

from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML, Reservoirs, permeable_face_rate
from tests.validation.diffusion_case import VOXEL_VOLUME, Case, Floats, observed_order

pytestmark = pytest.mark.validation

D = 1800.0


def one_reservoir(c: float, volume: float, multiplicity: float, clearance: float = 0.0) -> Reservoirs:
    """One compartment for one field."""
    return Reservoirs(
        np.array([[c]]), np.array([volume]), np.array([[clearance]]), np.zeros((1, 1)), multiplicity
    )


def surface(shape: tuple[int, int, int], rate: float) -> tuple[object, object, Floats]:
    """Exchange with reservoir 0 through the low-y face of the grid."""
    voxel = np.arange(np.prod(shape)).reshape(shape)[:, 0].ravel()
    return voxel, np.zeros(len(voxel), np.int64), np.full((1, len(voxel)), rate)


def reservoir_amount(reservoirs: Reservoirs) -> Floats:
    """(n_res, n_field) [fg] in the reservoirs of finite volume."""
    volume = np.where(np.isfinite(reservoirs.volume), reservoirs.volume, 0.0)
    return reservoirs.c * volume[:, None] * FG_PER_PG_UM3_PER_ML


def test_tissue_and_reservoir_reach_one_concentration() -> None:
    """Behind a permeable face, without losses: everything at total amount / total volume, to 1e-12.

    The slab stands for 50 slabs, so 50 times its amount and the reservoir's are what is conserved.
    """
    shape, n_slab, volume = (1, 12, 9), 50.0, 4e6
    rate = float(permeable_face_rate(D, 60.0, 20.0))
    reservoirs = one_reservoir(8.0, volume, n_slab)
    case = Case(D, 0.0, shape, 20.0, exchange=surface(shape, rate), reservoirs=reservoirs)
    case.c[0] = 1.0
    case.open_budget()
    tissue_volume = n_slab * case.c[0].size * VOXEL_VOLUME
    mean = (tissue_volume * 1.0 + volume * 8.0) / (tissue_volume + volume)
    start = reservoir_amount(reservoirs)[0, 0] + n_slab * case.budget.initial[0]
    for _ in range(300):
        case.run(0.5, 10)
        total = reservoir_amount(reservoirs)[0, 0] + n_slab * case.budget.amount[0]
        assert abs(total - start) < 1e-12 * start
    np.testing.assert_allclose(case.c, mean, rtol=1e-12)
    np.testing.assert_allclose(reservoirs.c, mean, rtol=1e-12)
    assert case.counters.sum() == 0


def test_coupling_with_a_reservoir_is_second_order() -> None:
    """One voxel and one compartment with clearance against the 2 x 2 exponential; dt = 1, 1/2, 1/4, 1/8.

    Found: 3.4e-3, 8.5e-4, 2.1e-4, 5.3e-5 pg/ml of 10, orders 1.994, 1.998, 1.999.
    """
    g, k, m, volume = 0.3, 0.05, 2.0, 5e3
    back = m * g * VOXEL_VOLUME / volume
    matrix = np.array([[-g - 0.02, g], [back, -back - k]])
    values, vectors = np.linalg.eig(matrix)
    start = np.array([1.0, 10.0])
    exact = vectors @ (np.exp(values * 8.0) * np.linalg.solve(vectors, start))
    errors = []
    for n in (8, 16, 32, 64):
        reservoirs = one_reservoir(10.0, volume, m, k)
        exchange = (np.zeros(1, np.int64), np.zeros(1, np.int64), np.full((1, 1), g))
        case = Case(D, 0.02, (1, 1, 1), 20.0, exchange=exchange, reservoirs=reservoirs)
        case.c[0] = 1.0
        case.run(8.0 / n, n)
        errors.append(max(abs(case.c[0, 0, 0, 0] - exact[0]), abs(reservoirs.c[0, 0] - exact[1])))
    assert min(observed_order(errors)) > 1.9


def test_nothing_crosses_a_wall() -> None:
    """A closed ring keeps its inside at exactly zero; opening one voxel of it lets the cytokine in."""
    inside = {}
    for opened in (False, True):
        tissue = np.ones((1, 21, 21), np.bool_)
        tissue[0, 5:16, 5:16] = False
        tissue[0, 6:15, 6:15] = True
        tissue[0, 5, 10] = opened
        case = Case(D, 0.01, tissue.shape, 20.0, tissue=tissue)
        case.source[0, 0, 18, 10] = 5.0
        case.run(1 / 3, 600)
        inside[opened] = case.c[0, 0, 6:15, 6:15].copy()
        assert not case.c[0][~tissue].any()
        # Source and tissue are symmetric about the middle column; so must be the field, to rounding.
        np.testing.assert_allclose(case.c, case.c[..., ::-1], rtol=1e-12)
        assert abs(case.budget.residual()[0]) < 1e-12 * case.budget.sourced[0]
    assert (inside[False] == 0.0).all()
    assert (inside[True] > 0.0).all()


def test_walls_in_3d_are_stable_at_any_step() -> None:
    """Rough tissue, D dt / h^2 = 15 asked for: taken in 8 parts, no step redone, settles to one level.

    In one piece the Douglas scheme would multiply the fastest-growing mode by more than 2 per step.
    """
    rng = np.random.default_rng(4)
    tissue = rng.random((6, 7, 8)) < 0.7
    tissue[3] = True
    tissue[:, 3] = True
    tissue[:, :, 3] = True
    padded = np.pad(tissue, 1)
    open_faces = sum(np.roll(padded, s, a)[1:-1, 1:-1, 1:-1] for s in (1, -1) for a in (0, 1, 2))
    tissue &= open_faces > 0
    case = Case(6000.0, 0.0, tissue.shape, 20.0, tissue=tissue)
    case.c[0] = rng.uniform(0.9, 1.1, tissue.shape) * tissue
    mean = case.c[0][tissue].mean()
    case.open_budget()
    case.run(1.0, 200)
    assert case.counters.sum() == 0
    assert abs(case.budget.residual()[0]) < 1e-12 * case.budget.initial[0]
    np.testing.assert_allclose(case.c[0][tissue], mean, rtol=1e-9)


def test_u_shaped_wall_makes_the_way_longer() -> None:
    """A U one voxel wide is a one-dimensional channel: the steady profile falls linearly along its arms.

    A source at one end and a held zero at the other; the slope along the path is flux / D everywhere.
    """
    shape = (1, 9, 3)
    tissue = np.ones(shape, np.bool_)
    tissue[0, :-1, 1] = False
    end = np.array([2])
    held = one_reservoir(0.0, np.inf, 1.0)
    exchange = (end, np.zeros(1, np.int64), np.array([[2 * D / 400.0]]))
    case = Case(D, 0.0, shape, 20.0, tissue=tissue, exchange=exchange, reservoirs=held)
    case.source[0, 0, 0, 0] = 1.0
    c = case.run(0.5, 4000)[0, 0]
    path = np.concatenate([c[:, 0], [c[-1, 1]], c[::-1, 2]])
    slope = 1.0 * 400.0 / D
    np.testing.assert_allclose(path, slope * (np.arange(len(path))[::-1] + 0.5), rtol=1e-10)


def test_uniform_third_dimension_changes_nothing() -> None:
    """Five equal layers without losses give the values of one layer, to 1e-13.

    With losses the scheme shares them among three axes instead of two: a difference of second order in dt,
    found 4.1e-5, 1.0e-5, 2.5e-6 at dt = 1/2, 1/4, 1/8 min (loss 0.05 per min).
    """
    rng = np.random.default_rng(3)
    start, source = rng.random((11, 13)), rng.random((11, 13))
    differences = []
    for loss, dt in ((0.0, 0.5), (0.05, 0.5), (0.05, 0.25), (0.05, 0.125)):
        layers = []
        for nz in (1, 5):
            case = Case(D, loss, (nz, 11, 13), 20.0)
            case.c[0], case.source[0] = start, source
            layers.append(case.run(dt, round(10 / dt))[0])
        assert np.ptp(layers[1], axis=0).max() < 1e-13
        differences.append(float(np.abs(layers[1][2] - layers[0][0]).max()))
    assert differences[0] < 1e-13
    assert differences[1] < 1e-4
    assert min(observed_order(differences[1:])) > 1.9


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_no_axis_is_special(axes: tuple[int, int, int]) -> None:
    """In a uniform box the operators commute: swapping axes swaps the result, to rounding."""
    rng = np.random.default_rng(8)
    shape = (4, 7, 19)
    start, source = rng.random(shape), rng.random(shape)
    case = Case(D, 0.05, shape, 20.0)
    case.c[0], case.source[0] = start, source
    case.run(1 / 3, 30)
    swapped = Case(D, 0.05, tuple(shape[a] for a in axes), 20.0)
    swapped.c[0], swapped.source[0] = start.transpose(axes), source.transpose(axes)
    swapped.run(1 / 3, 30)
    np.testing.assert_allclose(swapped.c[0], case.c[0].transpose(axes), rtol=1e-12)


def test_budget_closes_with_everything_switched_on() -> None:
    """Walls, D jumps, decay, uptake, moving sources, boluses, three reservoirs; 3,000 steps.

    Residual of each tissue and of each reservoir below 1e-11 of what was put in (found 3e-13).
    """
    rng = np.random.default_rng(21)
    shape = (1, 31, 37)
    tissue = rng.random(shape) < 0.9
    diffusion = rng.choice([300.0, 1800.0, 6000.0], (3, *shape))
    m = 80
    exchange = (rng.integers(0, 31 * 37, m), rng.integers(0, 3, m), rng.uniform(0, 5, (3, m)))
    reservoirs = Reservoirs(
        c=rng.random((3, 3)),
        volume=np.array([4e7, 1e8, np.inf]),
        clearance=np.full((3, 3), 0.01),
        input=rng.random((3, 3)),
        multiplicity=20.0,
    )
    uptake = rng.uniform(0, 2.0, (3, *shape)) * (rng.random((3, *shape)) < 0.1)
    case = Case(
        diffusion,
        np.array([0.001, 0.01, 0.1]),
        shape,
        20.0,
        tissue=tissue,
        uptake=uptake,
        exchange=exchange,
        reservoirs=reservoirs,
    )
    held = reservoir_amount(reservoirs)
    to_fg = VOXEL_VOLUME * FG_PER_PG_UM3_PER_ML
    for call in range(1000):
        case.source[:] = rng.random(case.c.shape) * (rng.random(case.c.shape) < 0.02) * tissue
        bolus = call % 250 == 100
        if bolus:
            case.c[:, 0, 15, 15] += 1e3
            case.budget.added[:] += 1e3 * to_fg
        case.run(1 / 3, 3, restart=bolus)
    budget = case.budget
    assert (np.abs(budget.residual()) < 1e-11 * budget.sourced).all()
    expected = held + budget.produced - budget.cleared - reservoirs.multiplicity * budget.exchanged
    error = (reservoir_amount(reservoirs) - expected)[:2]
    assert (np.abs(error) < 1e-11 * budget.produced[:2]).all()
    for part in (budget.decayed, budget.taken_up, np.abs(budget.exchanged), budget.produced[:2]):
        assert (part > 0.0).all()
    np.testing.assert_allclose(case.c.reshape(3, -1).sum(axis=1) * to_fg, budget.amount, rtol=1e-13)


def test_budget_notices_what_it_was_not_told() -> None:
    """A millionth of the content that appears from nowhere shows in the residual."""
    case = Case(D, 0.01, (1, 20, 20), 20.0)
    case.source[:] = 1.0
    case.run(1 / 3, 30)
    stolen = 1e-6 * case.budget.amount[0]
    case.c[0, 0, 10, 10] += stolen / (VOXEL_VOLUME * FG_PER_PG_UM3_PER_ML)
    case.run(1 / 3, 3)
    # What was put in decays for another minute, and its decay is booked: the residual is all of it.
    assert case.budget.residual()[0] == pytest.approx(stolen, rel=1e-6)
