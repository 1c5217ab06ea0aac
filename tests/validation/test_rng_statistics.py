"""Random numbers have the laws they claim, also across neighbouring cells, steps, streams and draws.

Seeds are fixed, so a result never changes by chance.  Every single comparison would reject a perfect
generator with probability ``ALARM`` = 1e-5; there are fewer than 100 of them, hence a false-alarm rate
below 1e-3 for the whole file when seeds or code change.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abm.kernels import rng

pytestmark = pytest.mark.validation

ALARM = 1e-5
SEED = np.uint64(20_15)
N = 200_000


def draws(stream: int = 1, step: int = 0, cells: np.ndarray | None = None, draw: int = 0, seed: int = 2015):
    cells = np.arange(N) if cells is None else cells
    out = np.empty(cells.size)
    rng.fill_uniform(np.uint64(seed), stream, step, cells, draw, out)
    return out


def along(name: str) -> np.ndarray:
    """Uniform numbers in which one argument counts up and the others are fixed."""
    if name == "cell":
        return draws()
    if name == "cell bit 32":
        return draws(cells=np.arange(2**16) << 32)
    fixed = (SEED, 1, 5, 17, 0)
    position = ["seed", "stream", "step", "cell", "draw"].index(name)
    count = {"seed": 20_000, "stream": 4096, "step": 20_000, "draw": 20_000}[name]
    out = np.empty(count)
    for k in range(count):
        arguments = list(fixed)
        arguments[position] = np.uint64(k) if name == "seed" else k
        out[k] = rng.uniform(*arguments)
    return out


ARGUMENTS = ["cell", "cell bit 32", "step", "draw", "stream", "seed"]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_uniform_and_serially_independent(name: str) -> None:
    u = along(name)
    counts = np.histogram(u, bins=64, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > ALARM
    grid = np.histogram2d(u[:-1:2], u[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(grid.ravel()).pvalue > ALARM
    for lag in (1, 2, 3, 7, 64):
        # The correlation of independent uniform numbers is normal with variance 1 / n.
        r = np.mean((u[lag:] - 0.5) * (u[:-lag] - 0.5)) * 12
        assert 2 * stats.norm.sf(abs(r) * np.sqrt(u.size - lag)) > ALARM


@pytest.mark.parametrize("other", [{"step": 1}, {"stream": 2}, {"draw": 1}, {"seed": 2016}, {"cells": 1}])
def test_neighbours_are_independent_cell_by_cell(other: dict[str, int]) -> None:
    change = {"cells": np.arange(1, N + 1)} if "cells" in other else other
    grid = np.histogram2d(draws(), draws(**change), bins=32, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(grid.ravel()).pvalue > ALARM


def test_both_numbers_of_a_pair_are_independent() -> None:
    pairs = np.array([rng.uniform_pair(SEED, 1, 2, cell, 0) for cell in range(50_000)])
    grid = np.histogram2d(pairs[:, 0], pairs[:, 1], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(grid.ravel()).pvalue > ALARM


def test_every_bit_is_fair() -> None:
    scaled = (draws() * 2.0**53).astype(np.int64)
    for bit in range(53):
        ones = np.count_nonzero(scaled >> bit & 1)
        assert stats.binomtest(ones, N, 0.5).pvalue > ALARM / 53


def test_rare_events_have_their_probability() -> None:
    """An event of probability 1e-6, 5e7 draws, 50 events expected."""
    cells, out, count = np.arange(10**6), np.empty(10**6), 0
    for step in range(50):
        rng.fill_uniform(SEED, rng.TRANSITION, step, cells, 0, out)
        count += np.count_nonzero(out < 1e-6)
    low, high = stats.poisson.ppf([ALARM / 2, 1 - ALARM / 2], 50)
    assert low <= count <= high


def test_smallest_numbers_are_uniform_too() -> None:
    """Numbers below 1e-4, scaled up, are uniform again: no lumps where rare events are decided."""
    cells, out, small = np.arange(10**6), np.empty(10**6), []
    for step in range(20):
        rng.fill_uniform(SEED, rng.DEATH, step, cells, 0, out)
        small.append(out[out < 1e-4] * 1e4)
    assert stats.kstest(np.concatenate(small), "uniform").pvalue > ALARM


def test_normal_and_exponential() -> None:
    normal = np.empty(N)
    rng.fill_normal(SEED, rng.NEURON, 3, np.arange(N), 0, normal)
    assert stats.kstest(normal, "norm").pvalue > ALARM
    tail = np.count_nonzero(np.abs(normal) > 3.5)
    assert stats.binomtest(tail, N, 2 * stats.norm.sf(3.5)).pvalue > ALARM
    pairs = np.array([rng.normal_pair(SEED, 1, 2, cell, 0) for cell in range(50_000)])
    assert stats.pearsonr(pairs[:, 0], pairs[:, 1]).pvalue > ALARM
    assert stats.pearsonr(pairs[:, 0] ** 2, pairs[:, 1] ** 2).pvalue > ALARM
    waiting = np.array([rng.exponential(SEED, 1, 2, cell, 0) for cell in range(50_000)])
    assert stats.kstest(waiting, "expon").pvalue > ALARM


@pytest.mark.parametrize("ndim", [2, 3])
def test_unit_vectors_are_isotropic(ndim: int) -> None:
    vectors = np.array([rng.unit_vector(SEED, 1, 2, cell, 0, ndim) for cell in range(50_000)])[:, :ndim]
    # Rayleigh's test: ndim n |mean|^2 is chi-square with ndim degrees of freedom.
    assert stats.chi2.sf(ndim * 50_000 * np.sum(vectors.mean(axis=0) ** 2), ndim) > ALARM
    turn = np.arctan2(vectors[:, 1], vectors[:, 0]) / (2 * np.pi) + 0.5
    assert stats.kstest(turn, "uniform").pvalue > ALARM
    if ndim == 3:
        for axis in range(3):  # Archimedes: each coordinate is uniform on [-1, 1]
            assert stats.kstest((vectors[:, axis] + 1) / 2, "uniform").pvalue > ALARM


@pytest.mark.parametrize("mean", [1e-3, 0.3, 3.0, 12.0, 63.9, 64.1, 300.0, 1e5])
def test_poisson(mean: float) -> None:
    n = 400_000
    numbers = np.array([rng.poisson(SEED, rng.ARRIVAL, 4, cell, 1, mean) for cell in range(n)])
    # Classes of at least 10 expected counts, with open ends.
    edges = np.unique(stats.poisson.ppf(np.linspace(10 / n, 1 - 10 / n, 60), mean))
    cumulative = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    expected = np.diff(cumulative) * n
    observed = np.bincount(np.searchsorted(edges, numbers), minlength=expected.size)
    enough = expected >= 5
    expected = np.append(expected[enough], expected[~enough].sum() + 1e-300)
    observed = np.append(observed[enough], observed[~enough].sum())
    chi2 = np.sum((observed - expected)[expected > 1] ** 2 / expected[expected > 1])
    assert stats.chi2.sf(chi2, np.count_nonzero(expected > 1) - 1) > ALARM
    z = (numbers.mean() - mean) / np.sqrt(mean / n)
    assert 2 * stats.norm.sf(abs(z)) > ALARM


def test_poisson_tail() -> None:
    """At mean 0.05 three or more happen with probability 2.0e-5: 40 times in 2e6 draws."""
    n = 2_000_000
    count = sum(rng.poisson(SEED, rng.ARRIVAL, 8, cell, 0, 0.05) >= 3 for cell in range(n))
    expected = n * stats.poisson.sf(2, 0.05)
    low, high = stats.poisson.ppf([ALARM / 2, 1 - ALARM / 2], expected)
    assert low <= count <= high
