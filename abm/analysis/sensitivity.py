"""Global sensitivity: which inputs a result depends on, with intervals from the bootstrap.

Everything here is a pure function of numbers: designs are made in `abm/sweep/design.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.analysis.statistics import LEVEL

Floats = NDArray[np.float64]

RESAMPLES = 1_000
_SEED = 20150617


@dataclass(frozen=True)
class Measure:
    """One measure of every input.

    Attributes
    ----------
    name : str
    value, low, high : (k,) float64
        Estimate and the ends of its percentile interval.
    """

    name: str
    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Sensitivity:
    """Measures of every input, and how many points they rest on.

    Attributes
    ----------
    measures : tuple of Measure
    used, given : int
        Base points or trajectories with all their results; those of the design.
    level : float
        Coverage of the intervals.
    """

    measures: tuple[Measure, ...]
    used: int
    given: int
    level: float = LEVEL

    def __getitem__(self, name: str) -> Measure:
        return next(measure for measure in self.measures if measure.name == name)


FIRST, TOTAL = "first order", "total"
MEAN_STAR, MEAN, SPREAD = "mean |effect|", "mean effect", "sd of effects"


def sobol_indices(results: Floats, axes: int, level: float = LEVEL) -> Sensitivity:
    """Sobol' indices of first order and in total.

    Parameters
    ----------
    results : (n * (axes + 2),) float64
        At the blocks A, B, AB_1 ... AB_k of Saltelli's design; base points with a nan are left out.
    axes : int
        k.

    Returns
    -------
    Sensitivity
        `FIRST` by Saltelli et al. 2010, `TOTAL` by Jansen 1999; an index is a share of the variance, but an
        estimate can lie a little outside 0 to 1.

    Raises
    ------
    ValueError
        Fewer than two base points have all their results.
    """
    blocks = np.asarray(results, dtype=np.float64).reshape(axes + 2, -1)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(blocks).all(axis=0))
    kept = blocks[:, whole]
    _enough(kept.shape[1], "base points")

    def both(rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        a, b, mixed = kept[0, rows], kept[1, rows], kept[2:][:, rows]
        # Without its mean a result does not multiply its own rounding and chance.
        centre = 0.5 * (a.mean() + b.mean())
        a, b, mixed = a - centre, b - centre, mixed - centre
        variance = 0.5 * (a.var() + b.var())
        if variance <= 0.0:
            return np.full(axes, np.nan), np.full(axes, np.nan)
        first = (b * (mixed - a)).mean(axis=1) / variance
        total = 0.5 * ((a - mixed) ** 2).mean(axis=1) / variance
        return first, total

    names = (FIRST, TOTAL)
    return Sensitivity(_with_intervals(names, both, kept.shape[1], level), kept.shape[1], len(whole), level)


def morris_effects(results: Floats, points: Floats, level: float = LEVEL) -> Sensitivity:
    """Elementary effects of Morris 1991: change of the result over the whole range of an input.

    Parameters
    ----------
    results : (n * (k + 1),) float64
        Trajectories with a nan are left out.
    points : (n * (k + 1), k) float64
        In the unit cube, one input moves from each point to the next.

    Returns
    -------
    Sensitivity
        `MEAN_STAR` (Campolongo et al. 2007) says how much an input matters, `MEAN` in which direction,
        `SPREAD` how far its effect depends on itself and the others; in the unit of the result.

    Raises
    ------
    ValueError
        Fewer than two trajectories have all their results.
    """
    axes = points.shape[1]
    paths, values = points.reshape(-1, axes + 1, axes), np.asarray(results).reshape(-1, axes + 1)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    _enough(int(whole.sum()), "trajectories")
    steps, changes = np.diff(paths[whole], axis=1), np.diff(values[whole], axis=1)
    moved = np.argmax(np.abs(steps), axis=2)
    lengths = np.take_along_axis(steps, moved[:, :, None], axis=2)[:, :, 0]
    effects = np.empty((len(steps), axes))
    np.put_along_axis(effects, moved, changes / lengths, axis=1)

    def three(rows: NDArray[np.int64]) -> tuple[Floats, ...]:
        chosen = effects[rows]
        return np.abs(chosen).mean(axis=0), chosen.mean(axis=0), chosen.std(axis=0, ddof=1)

    names = (MEAN_STAR, MEAN, SPREAD)
    return Sensitivity(_with_intervals(names, three, len(effects), level), len(effects), len(whole), level)


def _enough(count: int, what: str) -> None:
    if count < 2:
        raise ValueError(f"only {count} {what} have all their results; two are needed")


def _with_intervals(
    names: tuple[str, ...],
    statistic: Callable[[NDArray[np.int64]], tuple[Floats, ...]],
    count: int,
    level: float,
) -> tuple[Measure, ...]:
    """Measures with percentile intervals over resampled base points or trajectories."""
    rng = np.random.default_rng(_SEED)
    estimates = statistic(np.arange(count))
    drawn = [statistic(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    ends = (0.5 * (1.0 - level), 0.5 * (1.0 + level))
    found = []
    for i, name in enumerate(names):
        low, high = np.quantile(np.array([one[i] for one in drawn]), ends, axis=0)
        found.append(Measure(name, np.asarray(estimates[i]), low, high))
    return tuple(found)
