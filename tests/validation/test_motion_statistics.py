"""The persistent, biased walk has the statistics that theory gives for it.

Seeds are fixed, so a result never changes by chance.  Every comparison would reject a correct walk with
probability ``ALARM`` = 1e-5; there are fewer than 100 of them: false-alarm rate below 1e-3 for the file.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from abm.kernels import motion, neighbours, status

pytestmark = pytest.mark.validation

ALARM = 1e-5
Z = stats.norm.isf(ALARM / 2)
SEED = np.uint64(77)


class Walk:
    """``n`` cells in the middle of a domain so wide that none reaches a face."""

    def __init__(self, n: int, ndim: int, speed: float, T: float, dt: float, bias: float = 0.0) -> None:
        self.ndim, self.dt = ndim, dt
        side = 5
        self.shape = (1 if ndim == 2 else side, side, side)
        self.spacing = (1e6, 1e6, 1e6)
        self.position = np.full((n, 3), 2.5e6)
        if ndim == 2:
            self.position[:, 2] = 5e5
        self.origin = self.position.copy()
        self.ids, self.voxel = np.arange(n), np.empty(n, np.int64)
        neighbours.voxel_of_positions(self.position, self.shape, self.spacing, self.voxel)
        self.direction, self.pull = np.zeros((n, 3)), np.zeros((n, 3))
        self.speed, self.bias, self.T = (np.full(n, value) for value in (speed, bias, T))
        self.space, self.tissue = np.zeros(n, np.int32), np.ones(self.shape, np.uint8)
        self.capacity, self.occupancy = np.zeros((2, *self.shape), np.int32)

    def step(self, number: int) -> None:
        answer = motion.reorient(
            SEED,
            number,
            self.ids,
            self.direction,
            self.speed,
            self.bias,
            self.T,
            self.pull,
            self.dt,
            self.ndim,
        )
        assert answer == (status.OK, -1)
        answer = motion.move(
            self.ids, self.ids, self.position, self.direction, self.voxel, self.speed, self.space, self.dt,
            self.spacing, self.tissue, self.capacity, self.occupancy,
        )  # fmt: skip
        assert answer[:2] == (status.OK, -1)
        assert answer[3:] == (0, 0)

    def displacement(self) -> np.ndarray:
        return self.position - self.origin


def discrete_msd(n_step: np.ndarray, speed: float, T: float, dt: float) -> np.ndarray:
    """Mean squared displacement after ``n_step`` steps.

    Directions keep with p = exp(-dt / T) per step and are otherwise drawn anew, so that
    E[u_i . u_j] = p^|i - j| and the double sum over steps is geometric; the same for any dimension.
    """
    p = np.exp(-dt / T)
    return (speed * dt) ** 2 * (n_step * (1 + p) / (1 - p) - 2 * p * (1 - p**n_step) / (1 - p) ** 2)


def continuous_msd(t: np.ndarray, speed: float, T: float) -> np.ndarray:
    """Limit dt -> 0: 2 v^2 T (t - T (1 - exp(-t / T))) (Fuerth 1920, doi:10.1007/BF01328731)."""
    return 2 * speed**2 * T * (t - T * (1 - np.exp(-t / T)))


def test_discrete_formula_tends_to_the_continuous_one() -> None:
    t = np.array([1.0, 20.0, 400.0])
    errors = [
        np.max(np.abs(discrete_msd(t / dt, 0.8, 30.0, dt) / continuous_msd(t, 0.8, 30.0) - 1))
        for dt in (0.1, 0.05, 0.025)
    ]
    assert errors[0] < 2e-3
    assert errors[0] > 1.9 * errors[1] > 3.6 * errors[2]


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(("T", "dt"), [(30.0, 6.0), (5.0, 10.0), (200.0, 2.0)])
def test_mean_squared_displacement(ndim: int, T: float, dt: float) -> None:
    n, lags = 8000, [1, 2, 5, 20, 60, 150]
    walk = Walk(n, ndim, speed=0.8, T=T, dt=dt)
    for step in range(1, lags[-1] + 1):
        walk.step(step)
        if step in lags:
            squared = np.sum(walk.displacement() ** 2, axis=1)
            expected = discrete_msd(np.array(step), 0.8, T, dt)
            if step == 1:
                np.testing.assert_allclose(squared, expected, rtol=1e-6)
            else:
                assert abs(squared.mean() - expected) < Z * squared.std() / np.sqrt(n)


@pytest.mark.parametrize("ndim", [2, 3])
def test_small_steps_give_the_continuous_limit(ndim: int) -> None:
    n, T = 6000, 40.0
    walk = Walk(n, ndim, speed=1.0, T=T, dt=T / 100)
    for step in range(300):
        walk.step(step)
    squared = np.sum(walk.displacement() ** 2, axis=1)
    expected = continuous_msd(np.array(3 * T), 1.0, T)
    assert abs(squared.mean() - expected) < Z * squared.std() / np.sqrt(n)


@pytest.mark.parametrize("ndim", [2, 3])
def test_unbiased_walk_is_isotropic(ndim: int) -> None:
    n = 20_000
    walk = Walk(n, ndim, speed=1.0, T=20.0, dt=5.0)
    walk.pull[:] = [1.0, 2.0, 3.0]  # no bias, so without effect
    for step in range(25):
        walk.step(step)
    for vectors in (walk.direction, walk.displacement()):
        unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        # Rayleigh's test: ndim n |mean direction|^2 is chi-square with ndim degrees of freedom.
        rayleigh = ndim * n * np.sum(unit.mean(axis=0) ** 2)
        assert stats.chi2.sf(rayleigh, ndim) > ALARM
        turn = np.arctan2(unit[:, 1], unit[:, 0]) / (2 * np.pi) + 0.5
        assert stats.kstest(turn, "uniform").pvalue > ALARM
    if ndim == 2:
        assert np.all(walk.displacement()[:, 2] == 0.0)


def mean_cosine(bias: float, ndim: int) -> float:
    """Mean cosine to the gradient of normalise((1 - b) r + b g), r uniform: the forward index."""

    def integrand(angle: float) -> float:
        c = np.cos(angle)
        cosine = ((1 - bias) * c + bias) / np.sqrt((1 - bias) ** 2 + bias**2 + 2 * bias * (1 - bias) * c)
        return cosine / np.pi if ndim == 2 else cosine * np.sin(angle) / 2

    # At bias 1/2 the integrand turns within an infinitesimal interval before pi.
    return integrate.quad(integrand, 0, np.pi, points=[3.0, 3.14], limit=200)[0]


@pytest.mark.parametrize("bias", [0.0, 0.1, 0.3, 0.49, 0.5, 0.51, 0.7, 0.9])
def test_integral_of_the_forward_index_in_three_dimensions(bias: float) -> None:
    """The integral has a closed form in 3-D, that of the field of a charged sphere."""
    a = 1 - bias
    closed = 2 * bias / (3 * a) if bias < a else 1 - a**2 / (3 * bias**2)
    assert mean_cosine(bias, 3) == pytest.approx(closed, abs=1e-7)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("bias", [0.0, 0.1, 0.25, 0.4, 0.5, 0.7, 0.9, 1.0])
def test_forward_index(ndim: int, bias: float) -> None:
    """Displacement along the gradient over path length, for whole walks with persistence."""
    n, n_step, speed, dt = 4000, 40, 1.0, 5.0
    gradient = np.array([2.0, -1.0, 0.0 if ndim == 2 else 2.0])
    walk = Walk(n, ndim, speed, T=15.0, dt=dt, bias=bias)
    walk.pull[:] = gradient * 1e-7
    for step in range(n_step):
        walk.step(step)
    forward = walk.displacement() @ gradient / np.linalg.norm(gradient) / (n_step * speed * dt)
    if bias == 1.0:
        np.testing.assert_allclose(forward, 1.0, atol=1e-5)
    else:
        assert abs(forward.mean() - mean_cosine(bias, ndim)) < Z * forward.std() / np.sqrt(n)


def test_bias_grows_from_none_to_full() -> None:
    for ndim in (2, 3):
        values = [mean_cosine(bias, ndim) for bias in np.linspace(0, 1, 21)]
        assert values[0] == pytest.approx(0.0, abs=1e-12)
        assert values[-1] == pytest.approx(1.0)
        assert np.all(np.diff(values) > 0)


def test_persistence_times_are_exponential() -> None:
    """Steps until a new direction are geometric with 1 - exp(-dt / T), also for dt of the order of T."""
    n, T, dt = 20_000, 12.0, 8.0
    walk = Walk(n, 2, speed=1.0, T=T, dt=dt)
    walk.step(0)
    kept_for = np.zeros(n, int)
    first, waiting = walk.direction.copy(), np.ones(n, bool)
    for step in range(1, 40):
        walk.step(step)
        waiting &= np.all(walk.direction == first, axis=1)
        kept_for += waiting
    q = 1 - np.exp(-dt / T)
    cut = 12
    observed = np.bincount(np.minimum(kept_for, cut), minlength=cut + 1)
    expected = n * np.append(stats.geom.pmf(np.arange(1, cut + 1), q), stats.geom.sf(cut, q))
    assert stats.chisquare(observed, expected).pvalue > ALARM


def box(n: int, shape: tuple[int, int, int], tissue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points uniform over the tissue of a grid of 20 um voxels, and their voxels."""
    random = np.random.default_rng(5)
    places = np.argwhere(tissue)[:, ::-1]
    position = (places[random.integers(0, len(places), n)] + random.uniform(0, 1, (n, 3))) * 20.0
    voxel = np.empty(n, np.int64)
    assert neighbours.voxel_of_positions(position, shape, (20.0,) * 3, voxel) == (status.OK, -1)
    return position, voxel


@pytest.mark.parametrize(("speed", "T"), [(1.3, 0.0), (1.3, 25.0), (5.0, 25.0), (1.3, np.inf)])
@pytest.mark.parametrize("walls", [False, True])
def test_uniform_density_stays_uniform(speed: float, T: float, walls: bool) -> None:
    """Cells neither pile up at walls and faces nor avoid them, at any speed and persistence."""
    n, shape = 60_000, (1, 12, 12)
    tissue = np.ones(shape, np.uint8)
    if walls:
        tissue[0, 4:8, 4:8] = 0
        tissue[0, 0, :] = 0
    position, voxel = box(n, shape, tissue)
    position[:, 2] = 10.0
    ids, direction, pull = np.arange(n), np.zeros((n, 3)), np.zeros((n, 3))
    speeds, bias, times = np.full(n, speed), np.zeros(n), np.full(n, T)
    space, capacity = np.ones(n, np.int32), np.full(shape, n, np.int32)
    occupancy = np.empty(shape, np.int32)
    neighbours.sum_occupancy(voxel, space, occupancy)
    turned = 0
    for step in range(60):
        motion.reorient(SEED, step, ids, direction, speeds, bias, times, pull, 10.0, 2)
        answer = motion.move(
            ids,
            ids,
            position,
            direction,
            voxel,
            speeds,
            space,
            10.0,
            (20.0,) * 3,
            tissue,
            capacity,
            occupancy,
        )
        assert answer[:2] == (status.OK, -1)
        turned += answer[4]
    counts = occupancy[tissue > 0]
    assert counts.sum() == n
    assert np.all(occupancy[tissue == 0] == 0)
    assert stats.chisquare(counts).pvalue > ALARM
    # Also at a finer scale than the voxel, where refusals would leave their mark.
    inside = stats.kstest(position[:, 0] % 20.0 / 20.0, "uniform")
    assert inside.pvalue > ALARM
    assert (turned > 0) == walls
