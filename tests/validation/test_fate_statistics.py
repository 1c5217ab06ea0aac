"""Events, births and deaths have the statistics that theory gives for them.

Seeds are fixed, so a result never changes by chance.  Every comparison would reject correct code with
probability ``ALARM`` = 1e-5; there are fewer than 50 of them: false-alarm rate below 1e-3 for the file.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abm.kernels import fate, rng, status

pytestmark = pytest.mark.validation

ALARM = 1e-5
Z = stats.norm.isf(ALARM / 2)
SEED = np.uint64(31)
STREAMS = np.arange(30, 40)


def choose(step: int, ids: np.ndarray, rates: np.ndarray, dt: float) -> np.ndarray:
    event = np.empty(ids.size, np.int64)
    assert fate.choose_events(SEED, rng.FATE, step, ids, rates, dt, event) == (status.OK, -1)
    return event


def race(step: int, ids: np.ndarray, rates: np.ndarray, dt: float) -> np.ndarray:
    event = np.empty(ids.size, np.int64)
    streams = STREAMS[: rates.shape[1]]
    assert fate.race_events(SEED, streams, step, ids, rates, dt, event) == (status.OK, -1)
    return event


@pytest.mark.parametrize("decide", [choose, race])
@pytest.mark.parametrize("dt", [0.5, 10.0, 300.0])
def test_waiting_times_are_exponential(decide, dt: float) -> None:
    """Steps until the event are geometric with 1 - exp(-rate dt); spread within the step, exponential."""
    n, rate = 5000, 0.01
    ids, rates = np.arange(n), np.full((n, 1), rate)
    happened = np.zeros(n, int)
    for step in range(1, int(16 / (rate * dt)) + 2):
        event = decide(step, ids, rates, dt)
        happened[(happened == 0) & (event == 0)] = step
    assert np.all(happened > 0)
    q = -np.expm1(-rate * dt)
    within = -np.log1p(-q * np.random.default_rng(1).uniform(size=n)) / rate
    assert stats.kstest((happened - 1) * dt + within, stats.expon(scale=1 / rate).cdf).pvalue > ALARM


@pytest.mark.parametrize("decide", [choose, race])
@pytest.mark.parametrize("dt", [0.01, 1.0, 30.0])
def test_competing_risks(decide, dt: float) -> None:
    """None, or which of four: total and proportions, also where rate x dt is far above 1."""
    n = 400_000
    rate = np.array([0.05, 0.0, 0.2, 0.01])
    counts = np.bincount(decide(3, np.arange(n), np.tile(rate, (n, 1)), dt) + 1, minlength=5)
    total = rate.sum()
    expected = n * np.append(np.exp(-total * dt), -np.expm1(-total * dt) * rate / total)
    assert counts[2] == 0
    possible = expected > 0
    assert stats.chisquare(counts[possible], expected[possible]).pvalue > ALARM


@pytest.mark.parametrize("decide", [choose, race])
def test_rare_events(decide) -> None:
    """A rate of 1e-9 per minute over 2e7 cell steps of 10 min: 0.2 events of one kind, 200 of another."""
    n, steps = 200_000, 100
    ids, rates = np.arange(n), np.tile([1e-9, 1e-6], (n, 1))
    found = np.zeros(3, int)
    for step in range(steps):
        found += np.bincount(decide(step, ids, rates, 10.0) + 1, minlength=3)
    for count, rate in zip(found[1:], (1e-9, 1e-6), strict=True):
        low, high = stats.poisson.ppf([ALARM / 2, 1 - ALARM / 2], n * steps * rate * 10)
        assert low <= count <= high


def lineages(
    n: int, birth: float, death: float, dt: float, steps: int, units: int = 10**9
) -> tuple[np.ndarray, int]:
    """Sizes of ``n`` lineages after ``steps``, and how many divisions were refused.

    All founders sit in the middle voxel of a small tissue; daughters get consecutive ids and are placed
    in it, so that ids, draws and places are those of a simulation.
    """
    shape, spacing = (1, 5, 5), (20.0, 20.0, 20.0)
    offsets = fate.search_offsets(shape, spacing, 60.0)
    tissue, capacity = np.ones(shape, np.uint8), np.full(shape, units, np.int32)
    ids, founder, voxel = np.arange(n), np.arange(n), np.full(n, 12)
    occupancy = np.zeros(shape, np.int32)
    occupancy[0, 2, 2] = n
    next_id, refused = n, 0
    for step in range(steps):
        event = choose(step, ids, np.tile([birth, death], (ids.size, 1)), dt)
        mothers, dead = np.flatnonzero(event == 0), event == 1
        m = mothers.size
        position, place = np.empty((m, 3)), np.empty(m, np.int64)
        code, row, born = fate.place_cells(
            SEED, rng.DIVISION_PLACE, step, ids[mothers], voxel[mothers], np.ones(m, np.int32), spacing,
            offsets, tissue, capacity, occupancy, position, place,
        )  # fmt: skip
        assert (code, row) == (status.OK, -1)
        np.subtract.at(occupancy.reshape(-1), voxel[dead], 1)
        refused += m - born
        kept = mothers[place >= 0]
        ids = np.concatenate([ids[~dead], next_id + np.arange(born)])
        founder = np.concatenate([founder[~dead], founder[kept]])
        voxel = np.concatenate([voxel[~dead], place[place >= 0]])
        next_id += born
        assert occupancy.sum() == ids.size
        assert np.all(occupancy <= np.maximum(capacity, n))
    return np.bincount(founder, minlength=n), refused


def deviation(sizes: np.ndarray, mean: float, variance: float) -> float:
    """How many standard errors the sample's mean or variance is off, whichever is more."""
    squared = (sizes - mean) ** 2
    of_mean = abs(sizes.mean() - mean) / np.sqrt(variance / sizes.size)
    of_variance = abs(squared.mean() - variance) / (squared.std() / np.sqrt(sizes.size))
    return float(max(of_mean, of_variance))


@pytest.mark.parametrize(("birth", "death", "dt", "steps"), [(0.03, 0.0, 10.0, 6), (0.02, 0.03, 10.0, 8)])
def test_births_and_deaths_per_step(birth: float, death: float, dt: float, steps: int) -> None:
    """Exact at any step: a Galton-Watson process (mean m^k) in which a cell leaves 0, 1 or 2 cells."""
    total = birth + death
    happens = -np.expm1(-total * dt)
    two, none = happens * birth / total, happens * death / total
    m = 1 + two - none
    sigma2 = two * 4 + (1 - two - none) - m**2
    sizes, refused = lineages(4000, birth, death, dt, steps)
    assert refused == 0
    assert deviation(sizes, m**steps, sigma2 * m ** (steps - 1) * (m**steps - 1) / (m - 1)) < Z


@pytest.mark.parametrize("death", [0.0, 0.006])
def test_small_steps_give_the_birth_death_process(death: float) -> None:
    """Limit of small steps: mean exp((b - d) t), variance (b + d)/(b - d) mean (mean - 1).

    With d = 0 this is the Yule process.  One event per cell and step slows growth by the factor
    1 - b dt / 2 to first order, 0.05 % here, below what the sample resolves.
    """
    birth, dt, steps = 0.01, 0.1, 1200
    sizes, _ = lineages(2000, birth, death, dt, steps)
    growth = np.exp((birth - death) * dt * steps)
    assert deviation(sizes, growth, (birth + death) / (birth - death) * growth * (growth - 1)) < Z


def test_extinction() -> None:
    """A critical birth-death process has died out by time t with probability b t / (1 + b t)."""
    rate, dt, steps = 0.01, 0.2, 1000
    sizes, _ = lineages(3000, rate, rate, dt, steps)
    expected = rate * dt * steps / (1 + rate * dt * steps)
    assert stats.binomtest(int(np.count_nonzero(sizes == 0)), 3000, expected).pvalue > ALARM


def test_a_full_tissue_refuses_births() -> None:
    sizes, refused = lineages(30, 0.05, 0.0, 10.0, 30, units=4)
    assert sizes.sum() == 30 + 24 * 4  # 24 voxels of 4 around the overfull one
    assert refused > 100


def test_mother_and_daughter_are_independent() -> None:
    """What happens to a mother says nothing about her daughter, in the same step or the next."""
    n, p = 200_000, 0.3
    mothers, daughters = np.arange(n), n + np.arange(n)
    rates = np.full((n, 1), -np.log1p(-p) / 10.0)
    for lag in (0, 1):
        pairs = 2 * (choose(5, mothers, rates, 10.0) == 0) + (choose(5 + lag, daughters, rates, 10.0) == 0)
        expected = n * np.array([(1 - p) ** 2, p * (1 - p), p * (1 - p), p**2])
        assert stats.chisquare(np.bincount(pairs, minlength=4), expected).pvalue > ALARM


def test_places_around_a_full_voxel_are_even() -> None:
    """Among free voxels at equal distance none is preferred, also when some are taken."""
    n, shape, spacing = 20_000, (1, 5, 5), (20.0, 20.0, 20.0)
    offsets = fate.search_offsets(shape, spacing, 20.0)
    tissue, capacity = np.ones(shape, np.uint8), np.full(shape, 1, np.int32)
    found = np.empty(n, np.int64)
    for k in range(n):
        occupancy = np.zeros(shape, np.int32)
        occupancy[0, 2, 2] = occupancy[0, 1, 2] = 1
        fate.place_cells(
            SEED, rng.DIVISION_PLACE, 1, np.array([k]), np.array([12]), np.ones(1, np.int32), spacing,
            offsets, tissue, capacity, occupancy, np.empty((1, 3)), found[k : k + 1],
        )  # fmt: skip
    counts = np.bincount(found, minlength=25)
    assert counts[[11, 13, 17]].sum() == n
    assert stats.chisquare(counts[[11, 13, 17]]).pvalue > ALARM


def test_points_in_a_voxel_are_uniform() -> None:
    n, shape, spacing = 20_000, (3, 3, 3), (20.0, 10.0, 30.0)
    offsets = fate.search_offsets(shape, spacing, 0.0)
    position, voxel = np.empty((n, 3)), np.empty(n, np.int64)
    fate.place_cells(
        SEED, rng.PLACEMENT, 0, np.arange(n), np.full(n, 13), np.ones(n, np.int32), spacing, offsets,
        np.ones(shape, np.uint8), np.full(shape, n, np.int32), np.zeros(shape, np.int32), position, voxel,
    )  # fmt: skip
    inside = position / spacing - 1
    for axis in range(3):
        assert stats.kstest(inside[:, axis], "uniform").pvalue > ALARM
        assert abs(stats.pearsonr(inside[:, axis], inside[:, axis - 1]).statistic) < Z / np.sqrt(n)
