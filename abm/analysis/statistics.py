"""Means over replicates and their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
_HALVINGS = 200  # of the bracket of an angle: far beyond double precision


@dataclass(frozen=True)
class Interval:
    """Mean over replicates with its confidence interval.

    Attributes
    ----------
    mean, low, high : ndarray of float64
        `low` and `high` are nan where fewer than two replicates have a value: one run has no interval.
    n : ndarray of int64
        Replicates that have a value.
    level : float
        Coverage of the interval.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]
    level: float = LEVEL

    @property
    def exists(self) -> bool:
        """Whether there is an interval anywhere."""
        return bool((self.n >= 2).any())


def mean_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean and Student's t interval over the first axis, which counts replicates.

    Parameters
    ----------
    values : (n_replicate, ...) array
        nan where a replicate has no value; such a replicate is left out at that place only.
    level : float
        Coverage, 0 to 1.

    Returns
    -------
    Interval
        mean ± t(level, n − 1) · s/√n with the sample standard deviation s.
    """
    array = np.asarray(values, dtype=np.float64)
    present = np.isfinite(array)
    n = present.sum(axis=0)
    filled = np.where(present, array, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / n
        squares = np.where(present, (array - mean) ** 2, 0.0).sum(axis=0)
        error = np.sqrt(squares / (n - 1) / n)
    factor = np.full(n.shape, np.nan)
    for count in np.unique(n[n >= 2]):
        factor[n == count] = t_quantile(level, int(count) - 1)
    half = np.where(n >= 2, factor * error, np.nan)
    return Interval(mean, mean - half, mean + half, np.asarray(n, dtype=np.int64), level)


@lru_cache(maxsize=256)
def t_quantile(level: float, freedom: int) -> float:
    """The t for which P(|T| <= t) = `level`, T being Student's t with whole degrees of freedom.

    Solved by bisection of the angle atan(t/√ν) on the finite sums of Abramowitz and Stegun (1964),
    26.7.3 and 26.7.4.

    Raises
    ------
    ValueError
        `level` is not inside 0 to 1, or `freedom` is below 1.
    """
    if not 0.0 < level < 1.0 or freedom < 1:
        raise ValueError(f"level {level} (allowed: between 0 and 1), freedom {freedom} (allowed: from 1)")
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _coverage(middle, freedom) < level:
            low = middle
        else:
            high = middle
    return math.tan(0.5 * (low + high)) * math.sqrt(freedom)


def _coverage(angle: float, freedom: int) -> float:
    """P(|T| <= √ν tan(angle))."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1, freedom // 2 + 1 if not odd else (freedom - 1) // 2 + 1):
        total += term
        term *= cosine * cosine * (2 * k / (2 * k + 1) if odd else (2 * k - 1) / (2 * k))
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total
