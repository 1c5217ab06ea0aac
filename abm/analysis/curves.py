"""Time series of all replicates of an arm, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from abm.analysis.statistics import LEVEL, Interval, mean_interval
from abm.errors import RecordError
from abm.record import Run


@dataclass(frozen=True)
class Curves:
    """One quantity of several replicates at the times they share.

    Attributes
    ----------
    time : (n_time,) float64 [d]
    values : (n_replicate, n_time) float64
        nan where there is no value.
    replicates : tuple of int
        Number of the replicate of each row.
    unit, label : str
        Unit and meaning of the values.
    """

    time: NDArray[np.float64]
    values: NDArray[np.float64]
    replicates: tuple[int, ...]
    unit: str
    label: str = ""

    def interval(self, level: float = LEVEL) -> Interval:
        """Mean and Student's t interval over the replicates, at every time."""
        return mean_interval(self.values, level)

    def at(self, day: float) -> NDArray[np.float64]:
        """Value of every replicate on a day, (n_replicate,), linear between readouts; nan outside."""
        if len(self.time) == 0 or not self.time[0] - 1e-9 <= day <= self.time[-1] + 1e-9:
            return np.full(len(self.values), np.nan)
        return np.array([np.interp(day, self.time, row) for row in self.values])

    def scaled(self, factor: float, unit: str) -> Curves:
        """The same in another unit."""
        return replace(self, values=self.values * factor, unit=unit)

    def relative_to_start(self) -> Curves:
        """Every replicate divided by its first value."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return replace(self, values=self.values / self.values[:, :1], unit="1")


def collect(runs: Sequence[Run], series: str, **labels: str | float) -> Curves:
    """One series of several runs at the times that all of them have.

    Parameters
    ----------
    runs : sequence of Run
        Replicates of one arm.
    series : str
        Name of a recorded series.
    **labels
        One label for each of its dimensions beside time, e.g. ``region="site"``.

    Raises
    ------
    RecordError
        A run lacks the series or a label, or a dimension was left open.
    """
    found = [run.series(series) for run in runs]
    picked = [one.at(**labels) for one in found]
    if picked and picked[0].dims != ("time",):
        raise RecordError(
            f"{runs[0].path}: series {series!r} has the dimensions {', '.join(picked[0].dims)}; "
            "pick one label of each but time"
        )
    time = common_times([one.time for one in picked])
    values = [one.values[np.isin(one.time, time)] for one in picked]
    return Curves(
        time=time,
        values=np.array(values, dtype=np.float64).reshape(len(runs), len(time)),
        replicates=tuple(run.replicate for run in runs),
        unit=picked[0].unit if picked else "",
        label=picked[0].long_name if picked else "",
    )


def common_times(times: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Times that all of several time axes have.

    Equal ticks give equal floats, so the comparison is exact.
    """
    if not times:
        return np.zeros(0)
    return np.asarray(reduce(np.intersect1d, times), dtype=np.float64)


def paired(a: Curves, b: Curves) -> tuple[Curves, Curves]:
    """The rows and times that two arms share, so that row i of both has the same noise.

    Raises
    ------
    RecordError
        They share no replicate.
    """
    both = [number for number in a.replicates if number in b.replicates]
    if not both:
        raise RecordError(
            f"no replicate in common: {list(a.replicates)} and {list(b.replicates)}; "
            "a paired difference needs the same replicate in both arms"
        )
    time = common_times([a.time, b.time])

    def cut(curves: Curves) -> Curves:
        rows = [curves.replicates.index(number) for number in both]
        columns = np.isin(curves.time, time)
        return replace(curves, time=time, values=curves.values[rows][:, columns], replicates=tuple(both))

    return cut(a), cut(b)
