"""Numbers out of courses over time: means, extremes and areas of windows, and how long a condition holds.

Courses are linear between readouts; windows may begin and end between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


def cut(time: Floats, values: Floats, start: float, end: float) -> tuple[Floats, Floats]:
    """The part of courses within a window, with their values at its ends.

    Parameters
    ----------
    time : (n_time,) float64
        Increasing.
    values : (n_replicate, n_time) float64
    start, end : float
        Within `time`.

    Returns
    -------
    time : (m,) float64
    values : (n_replicate, m) float64
    """
    inside = time[(time > start) & (time < end)]
    edges = [start] if start == end else [start, end]
    cut_time = np.concatenate([edges[:1], inside, edges[1:]])
    return cut_time, at_times(time, values, cut_time)


def at_times(time: Floats, values: Floats, wanted: Floats) -> Floats:
    """Values of courses at some times, (n_replicate, n_wanted); nan next to an undefined readout."""
    found = np.array([np.interp(wanted, time, row) for row in values]).reshape(len(values), len(wanted))
    # np.interp spreads a nan over both neighbouring intervals, also where a readout is met exactly.
    column = np.searchsorted(time, wanted)
    met = (column < len(time)) & (time[np.minimum(column, len(time) - 1)] == wanted)
    found[:, met] = values[:, column[met]]
    return found


def area(time: Floats, values: Floats) -> Floats:
    """Area under courses by the trapezoidal rule, (n_replicate,)."""
    return np.asarray(np.trapezoid(values, time, axis=1))


def mean_where_defined(time: Floats, values: Floats, start: float, end: float) -> Floats:
    """Mean over a window, (n_replicate,), of the stretches where a course is defined; nan where it never is.

    Parameters
    ----------
    time : (n_time,) float64
        Increasing.
    values : (n_replicate, n_time) float64
        nan where undefined.
    start, end : float
        Within `time`; when equal, the value at this time.
    """
    times, courses = cut(time, values, start, end)
    if start == end:
        return np.asarray(courses[:, 0])
    areas = 0.5 * (courses[:, 1:] + courses[:, :-1]) * np.diff(times)
    lengths = np.where(np.isfinite(areas), np.diff(times), 0.0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.nansum(areas, axis=1) / lengths)


def breakpoints(courses: Sequence[tuple[Floats, Floats]], edges: Sequence[float]) -> Floats:
    """Times between which no course changes its sign.

    Parameters
    ----------
    courses : sequence of ((n_time,), (n_time,)) float64
        Times and values of each.
    edges : sequence of float
        Further times to split at.
    """
    found = [np.asarray(edges, dtype=np.float64)]
    for time, values in courses:
        a, b = values[:-1], values[1:]
        crosses = np.flatnonzero(((a < 0) & (b > 0)) | ((a > 0) & (b < 0)))
        share = a[crosses] / (a[crosses] - b[crosses])
        found += [time, time[crosses] + share * np.diff(time)[crosses]]
    return np.unique(np.concatenate(found))


def pearson(x: Floats, y: Floats) -> Floats:
    """Correlation along the last axis, (...); nan where one of the two does not vary."""
    dx = x - x.mean(axis=-1, keepdims=True)
    dy = y - y.mean(axis=-1, keepdims=True)
    spread = np.sqrt((dx**2).sum(axis=-1) * (dy**2).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (dx * dy).sum(axis=-1) / spread
    return np.asarray(np.where(spread > 0.0, np.clip(r, -1.0, 1.0), np.nan))


def weighted_pearson(time: Floats, x: Floats, y: Floats) -> Floats:
    """Correlation of two courses over time, (n_replicate,), each readout weighing its share of the time."""
    weight = np.zeros_like(time)
    weight[:-1] += np.diff(time)
    weight[1:] += np.diff(time)
    root = np.sqrt(weight / weight.sum())
    dx = (x - (x * root**2).sum(axis=1, keepdims=True)) * root
    dy = (y - (y * root**2).sum(axis=1, keepdims=True)) * root
    spread = np.sqrt((dx**2).sum(axis=1) * (dy**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (dx * dy).sum(axis=1) / spread
    return np.asarray(np.where(spread > 0.0, np.clip(r, -1.0, 1.0), np.nan))
