"""Paired effects with few replicates: bootstrap intervals, a permutation test, exact proportions.

Everything here is a pure function of its numbers: the resamples come from a fixed stream of raw bits, whose
values numpy guarantees (its distributions it does not), so equal data give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.analysis.statistics import LEVEL, t_quantile

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Statistic: TypeAlias = Callable[[Rows], Floats]
"""Rows of replicates, (..., n), to a number for each set of rows, (...)."""

RESAMPLES = 20_000
SEED = 20150617
# Beyond it the matrix of resamples is too large and the mean as good as normal.
MOST_RESAMPLED = 1000
_MOST_NUMBERS = 4_000_000
# All 2^n signs are tried up to here.
EXACT_UP_TO = 12
# Differences smaller than this share of what is compared are rounding, not effects.
ROUNDING = 1e-12
# Share of resamples in which a statistic may be undefined, such as the correlation of n equal rows.
_MOST_UNDEFINED = 0.01

NONE, NO_SPREAD, STUDENT, BOOTSTRAP, EXACT = "", "no spread", "Student t", "BCa bootstrap", "Clopper-Pearson"


@dataclass(frozen=True)
class Effect:
    """A mean over replicates with all that is said about it.

    Attributes
    ----------
    n : int
        Replicates.
    mean : float
    sd : float
        Sample standard deviation; nan for one replicate.
    low, high : float
        Interval of the mean; nan for one replicate.
    level : float
        Coverage of the interval.
    method : str
        One of `BOOTSTRAP`, `STUDENT`, `NO_SPREAD`, `EXACT`, `NONE`.
    d_z : float
        Cohen's d of paired data, mean / sd; nan where there is no spread.
    p : float
        Two-sided sign-flip test of the mean being 0; nan for one replicate.
    """

    n: int
    mean: float
    sd: float = math.nan
    low: float = math.nan
    high: float = math.nan
    level: float = LEVEL
    method: str = NONE
    d_z: float = math.nan
    p: float = math.nan


def least_replicates(level: float = LEVEL) -> int:
    """The fewest replicates whose resampled means can cover at a level.

    A resampled mean never leaves the range of the n values, and that range holds the median of what they
    are drawn from with probability 1 − 2^(1−n) only: 6 replicates for 95 %.
    """
    n = 2
    while 1.0 - 2.0 ** (1 - n) < level:
        n += 1
    return n


def paired_effect(differences: ArrayLike, level: float = LEVEL, scale: float = 0.0) -> Effect:
    """Mean of paired differences with interval, effect size and test.

    Parameters
    ----------
    differences : (n,) array_like
        One for each replicate, finite.
    level : float
        Coverage of the interval.
    scale : float
        Size of what was subtracted: differences below `ROUNDING` times it count as none.

    Returns
    -------
    Effect
        With fewer than `least_replicates` the interval is Student's; from there on it is the bootstrap's.
    """
    d = np.array(differences, dtype=np.float64)
    n = len(d)
    slack = ROUNDING * max(scale, float(np.abs(d).max(initial=0.0)))
    d[np.abs(d) <= slack] = 0.0
    mean = float(d.mean())
    if n < 2:
        return Effect(n, mean, level=level)
    p = sign_flip_p(d)
    if float(np.ptp(d)) <= 2.0 * slack:
        return Effect(n, mean, 0.0, mean, mean, level, NO_SPREAD, p=p)
    sd = float(d.std(ddof=1))
    if least_replicates(level) <= n <= MOST_RESAMPLED:
        low, high = bootstrap_interval(lambda rows: d[rows].mean(axis=-1), n, level)
        method = BOOTSTRAP
    else:
        half = t_quantile(level, n - 1) * sd / math.sqrt(n)
        low, high, method = mean - half, mean + half, STUDENT
    return Effect(n, mean, sd, low, high, level, method, mean / sd, p)


def bootstrap_interval(statistic: Statistic, n: int, level: float = LEVEL) -> tuple[float, float]:
    """BCa bootstrap interval of a statistic of n replicates, widened for small samples.

    Bias-corrected and accelerated percentiles (Efron, J Am Stat Assoc 1987;82:171, eq. 2.3; acceleration from
    the jackknife) at the nominal level of Hesterberg's expansion (Am Stat 2015;69:371, sec. 5.3):
    Φ(z) with z = √(n/(n − 1)) · t(n − 1) in place of the normal quantile.

    Parameters
    ----------
    statistic : callable
        Of rows (..., n) to numbers (...).
    n : int
        At least 2.
    level : float

    Returns
    -------
    low, high : float
        nan where the statistic is undefined in more than 1 % of the resamples.
    """
    drawn = statistic(resamples(n))
    defined = np.sort(drawn[np.isfinite(drawn)])
    if len(defined) < (1.0 - _MOST_UNDEFINED) * len(drawn):
        return math.nan, math.nan
    whole = float(statistic(np.arange(n)[None])[0])
    below = (np.sum(defined < whole) + 0.5 * np.sum(defined == whole)) / len(defined)
    edge = 0.5 / len(defined)
    normal = NormalDist()
    bias = normal.inv_cdf(min(max(float(below), edge), 1.0 - edge))
    acceleration = _acceleration(statistic, n)
    wide = math.sqrt(n / (n - 1)) * t_quantile(level, n - 1)

    def end(z: float) -> float:
        rest = 1.0 - acceleration * (bias + z)
        share = normal.cdf(bias + (bias + z) / rest) if rest > 0.0 else float(z > 0.0)
        return float(np.quantile(defined, share))

    return end(-wide), end(wide)


def _acceleration(statistic: Statistic, n: int) -> float:
    """Skewness of the jackknife values over 6 (Efron 1987, eq. 6.6)."""
    rows = np.arange(n)
    left_out = np.array([np.delete(rows, i) for i in range(n)])
    values = statistic(left_out)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return 0.0
    deviation = values.mean() - values
    squares = float((deviation**2).sum())
    return float((deviation**3).sum()) / (6.0 * squares**1.5) if squares > 0.0 else 0.0


@lru_cache(maxsize=16)
def resamples(n: int) -> Rows:
    """Rows drawn with replacement, (n_resample, n) int64; always the same for the same n."""
    count = max(2000, min(RESAMPLES, _MOST_NUMBERS // n))
    raw = np.random.PCG64(SEED).random_raw(count * n)
    # The upper half of each word as a fraction of n: uniform to 2^-32.
    rows = ((raw >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
    found = rows.astype(np.int64).reshape(count, n)
    found.flags.writeable = False
    return found


def sign_flip_p(differences: ArrayLike) -> float:
    """Two-sided p of paired differences being symmetric about 0, by flipping their signs.

    Exact over all 2^n signs for up to 12 replicates, so never below 2/2^n; else the share of 20,000 random
    flips with one added on both sides (Phipson & Smyth, Stat Appl Genet Mol Biol 2010;9:39).
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    least = abs(float(d.sum())) - ROUNDING * float(np.abs(d).sum())
    if n <= EXACT_UP_TO:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ d) >= least))
    count = max(2000, min(RESAMPLES, _MOST_NUMBERS // n))
    raw = np.random.PCG64(SEED).random_raw(count * n) >> np.uint64(63)
    signs = 1.0 - 2.0 * raw.astype(np.float64).reshape(count, n)
    hits = int(np.sum(np.abs(signs @ d) >= least))
    return (hits + 1) / (count + 1)


def proportion_effect(successes: int, n: int, level: float = LEVEL) -> Effect:
    """A share of replicates with its exact interval (Clopper & Pearson, Biometrika 1934;26:404)."""
    tail = 0.5 * (1.0 - level)
    low = 0.0 if successes == 0 else _solve(lambda q: _at_least(successes, n, q) - tail)
    high = 1.0 if successes == n else _solve(lambda q: _at_least(successes + 1, n, q) - (1.0 - tail))
    return Effect(n, successes / n, low=low, high=high, level=level, method=EXACT)


def _at_least(k: int, n: int, q: float) -> float:
    """P(X >= k) of a binomial with n trials and chance 0 < q < 1; by logarithms, for any n."""
    logs = (
        math.lgamma(n + 1)
        - math.lgamma(i + 1)
        - math.lgamma(n - i + 1)
        + i * math.log(q)
        + (n - i) * math.log1p(-q)
        for i in range(k, n + 1)
    )
    return math.fsum(map(math.exp, logs))


def _solve(rising: Callable[[float], float]) -> float:
    """Zero of a rising function on 0 to 1, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if rising(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)
