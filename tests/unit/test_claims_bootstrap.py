"""Intervals and tests for few replicates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abm.analysis.bootstrap import (
    BOOTSTRAP,
    NO_SPREAD,
    STUDENT,
    bootstrap_interval,
    least_replicates,
    paired_effect,
    proportion_effect,
    resamples,
    sign_flip_p,
)

PINNED = [5, 4, 0, 4, 5, 5, 5, 1, 1, 1]
SAMPLE = np.array([0.31, 0.77, 1.24, 0.55, 0.98, 1.61, 0.12, 0.89, 1.05, 0.43])


@pytest.mark.parametrize(("level", "least"), [(0.9, 5), (0.95, 6), (0.99, 8), (0.5, 2)])
def test_least_replicates(level: float, least: int) -> None:
    """The range of n values holds the median with probability 1 - 2^(1-n)."""
    assert least_replicates(level) == least
    assert 1.0 - 2.0 ** (1 - least) >= level > 1.0 - 2.0 ** (2 - least)


def test_few_replicates_have_students_interval() -> None:
    for n in range(2, 6):
        effect = paired_effect(SAMPLE[:n])
        low, high = stats.ttest_1samp(SAMPLE[:n], 0.0).confidence_interval(0.95)
        assert effect.method == STUDENT
        assert (effect.low, effect.high) == pytest.approx((low, high), rel=1e-9)
    assert paired_effect(SAMPLE[:6]).method == BOOTSTRAP


def test_bootstrap_against_scipy() -> None:
    """scipy's BCa at the widened nominal level: only the resamples differ (20,000 each; 2 % of the width)."""
    n = len(SAMPLE)
    wide = math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)
    nominal = 2.0 * stats.norm.cdf(wide) - 1.0
    expected = stats.bootstrap(
        (SAMPLE,), np.mean, confidence_level=nominal, n_resamples=20_000, method="BCa", rng=3
    ).confidence_interval
    effect = paired_effect(SAMPLE)
    width = expected.high - expected.low
    assert effect.low == pytest.approx(expected.low, abs=0.02 * width)
    assert effect.high == pytest.approx(expected.high, abs=0.02 * width)
    assert effect.mean == pytest.approx(SAMPLE.mean())
    assert effect.d_z == pytest.approx(SAMPLE.mean() / SAMPLE.std(ddof=1))


def covered(draw: str, n: int, experiments: int = 2000) -> float:
    """Share of experiments whose 95 % interval holds the mean they were drawn from; fixed seed."""
    rng = np.random.default_rng(7)
    samples = (
        rng.standard_normal((experiments, n)) if draw == "normal" else rng.exponential(size=(experiments, n))
    )
    truth = 0.0 if draw == "normal" else 1.0
    effects = [paired_effect(sample) for sample in samples]
    return float(np.mean([effect.low <= truth <= effect.high for effect in effects]))


def test_coverage_in_short() -> None:
    """Normal data, 8 replicates, 300 experiments: 0.935 less three standard errors (false alarms 1.4e-3)."""
    assert covered("normal", 8, 300) > 0.935 - 3.0 * math.sqrt(0.935 * 0.065 / 300)


@pytest.mark.slow
@pytest.mark.validation
@pytest.mark.parametrize(
    ("n", "lowest"), [(3, 0.95), (5, 0.95), (6, 0.935), (8, 0.935), (12, 0.94), (20, 0.945)]
)
def test_coverage_on_normal_data(n: int, lowest: float) -> None:
    """The stated lower limit of the true coverage, less three standard errors of 2,000 experiments.

    False-alarm rate: below 1.4e-3 for each n if the coverage is what is stated; the seed is fixed.
    """
    error = math.sqrt(lowest * (1.0 - lowest) / 2000)
    found = covered("normal", n)
    assert lowest - 3.0 * error < found < 0.985


@pytest.mark.slow
@pytest.mark.validation
def test_coverage_on_skewed_data() -> None:
    """Exponential data, 10 replicates: 0.93 less three standard errors, and more than Student's (0.91)."""
    rng = np.random.default_rng(7)
    samples = rng.exponential(size=(2000, 10))
    half = stats.t.ppf(0.975, 9) * samples.std(axis=1, ddof=1) / math.sqrt(10)
    student = float(np.mean(np.abs(samples.mean(axis=1) - 1.0) <= half))
    found = covered("exponential", 10)
    assert found > 0.93 - 3.0 * math.sqrt(0.93 * 0.07 / 2000)
    assert found > student


@pytest.mark.slow
@pytest.mark.validation
def test_verdicts_go_wrong_no_more_often_than_stated() -> None:
    """No effect, 8 replicates: an interval wholly on one side is an error of about 5 %.

    Expected 0.06 at most (coverage 0.94); with 2,000 experiments the limit of 0.076 is three standard errors
    above, a false-alarm rate of 1.4e-3.
    """
    assert 1.0 - covered("normal", 8) < 0.06 + 3.0 * math.sqrt(0.06 * 0.94 / 2000)


def test_the_same_numbers_give_the_same_interval() -> None:
    resamples.cache_clear()
    first = paired_effect(SAMPLE)
    resamples.cache_clear()
    paired_effect(SAMPLE[:7])
    assert paired_effect(SAMPLE) == first
    # Pinned: the stream of raw bits is guaranteed by numpy, its distributions are not.
    assert resamples(10)[0].tolist() == PINNED
    assert resamples(10).min() == 0 and resamples(10).max() == 9
    counts = np.bincount(resamples(10).ravel(), minlength=10) / resamples(10).size
    assert np.abs(counts - 0.1).max() < 0.003


@pytest.mark.parametrize("n", [2, 3, 6, 9, 12])
def test_sign_flips_are_exact(n: int) -> None:
    differences = np.resize(SAMPLE - 0.5, n)
    expected = stats.permutation_test(
        (differences, np.zeros(n)),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue
    assert sign_flip_p(differences) == pytest.approx(expected, rel=1e-12)


def test_sign_flips_of_many_replicates_are_drawn() -> None:
    rng = np.random.default_rng(5)
    d = rng.standard_normal(13) + 0.3
    signs = 1 - 2 * (np.arange(2**13)[:, None] >> np.arange(13) & 1)
    exact = float(np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-12))
    # Four standard errors of 20,000 flips: a false-alarm rate of 6e-5.
    assert sign_flip_p(d) == pytest.approx(exact, abs=4.0 * math.sqrt(exact * (1.0 - exact) / 20_000))
    # None of 20,000 flips of 60 signs leaves all as they were.
    assert sign_flip_p(np.arange(1.0, 61.0)) == 1.0 / 20_001.0
    assert sign_flip_p(d) == sign_flip_p(-d) == sign_flip_p(d)


def test_smallest_p() -> None:
    for n in range(2, 13):
        assert sign_flip_p(np.ones(n) + np.arange(n)) == 2.0 / 2**n


def test_no_spread() -> None:
    effect = paired_effect([2.0, 2.0, 2.0])
    assert (effect.low, effect.high, effect.method, effect.p) == (2.0, 2.0, NO_SPREAD, 0.25)
    assert math.isnan(effect.d_z)
    nothing = paired_effect([0.0, 0.0])
    assert (nothing.mean, nothing.low, nothing.high, nothing.p) == (0.0, 0.0, 0.0, 1.0)


def test_rounding_is_no_effect() -> None:
    """0.1 + 0.2 is not 0.3 to the last bit, and no difference all the same."""
    left, right = np.array([0.1 + 0.2, 0.3, 0.3]), np.array([0.3, 0.3, 0.3])
    assert (left - right)[0] != 0.0
    effect = paired_effect(left - right, scale=0.3)
    assert (effect.mean, effect.low, effect.high, effect.method) == (0.0, 0.0, 0.0, NO_SPREAD)


def test_one_replicate_has_a_mean_only() -> None:
    effect = paired_effect([1.5])
    assert effect.mean == 1.5
    assert all(math.isnan(value) for value in (effect.low, effect.high, effect.d_z, effect.p, effect.sd))


@pytest.mark.parametrize(("k", "n"), [(0, 3), (1, 3), (3, 3), (4, 10), (700, 2000)])
def test_shares_have_exact_intervals(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    effect = proportion_effect(k, n)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert effect.mean == k / n


def test_a_statistic_that_is_mostly_undefined_has_no_interval() -> None:
    low, high = bootstrap_interval(lambda rows: np.where(rows[..., 0] == 0, np.nan, rows.mean(axis=-1)), 8)
    assert math.isnan(low) and math.isnan(high)


def test_many_replicates_are_not_resampled() -> None:
    rng = np.random.default_rng(1)
    effect = paired_effect(rng.standard_normal(3000))
    assert effect.method == STUDENT
    assert effect.low < effect.mean < effect.high
