"""The points of a sweep at both ends of a quantity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abm.analysis.statistics import mean_interval
from abm.record.sweep_index import Found
from abm.sweep.manifest import Manifest
from abm.sweep.quantity import NotAnalysableError, Quantity, arm_number, values_of


@dataclass(frozen=True)
class Ranked:
    """One point with its mean over replicates.

    Attributes
    ----------
    point, run : int
        The run is the replicate that is nearest to the mean.
    mean, low, high : float
        With the 95 % interval; nan where there is one replicate.
    replicates : int
        That have a value.
    """

    point: int
    run: int
    mean: float
    low: float
    high: float
    replicates: int


def rank(manifest: Manifest, found: Found, quantity: Quantity, count: int) -> dict[str, list[Ranked]]:
    """The points with the lowest and with the highest means, the most extreme first.

    Parameters
    ----------
    count : int
        Of each; points for which no replicate has a value are left out.

    Raises
    ------
    NotAnalysableError
        No run has a value, or see :func:`abm.sweep.quantity.values_of`.
    """
    values = values_of(manifest, found, quantity)
    interval = mean_interval(values.T)
    known = np.flatnonzero(interval.n > 0)
    if not len(known):
        raise NotAnalysableError(f"{manifest.folder}: no complete run has a value of '{quantity.name}'")
    order = known[np.argsort(interval.mean[known], kind="stable")]
    runs = manifest.cases().run.reshape(len(manifest.design), len(manifest.arms), manifest.replicates)
    arm = arm_number(manifest, quantity.arm)

    def ranked(point: int) -> Ranked:
        typical = int(np.nanargmin(np.abs(values[point] - interval.mean[point])))
        return Ranked(
            point=point,
            run=int(runs[point, arm, typical]),
            mean=float(interval.mean[point]),
            low=float(interval.low[point]),
            high=float(interval.high[point]),
            replicates=int(interval.n[point]),
        )

    ends = {"lowest": order[:count], "highest": order[::-1][:count]}
    return {end: [ranked(int(point)) for point in points] for end, points in ends.items()}
