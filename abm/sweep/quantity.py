"""A number for every run of an arm of a sweep: a scalar, or a series over a window, against another arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.analysis.compare import THRESHOLD, percent_of_maximum
from abm.analysis.experiment import days
from abm.analysis.windows import mean_where_defined
from abm.errors import AbmError
from abm.record.sweep_index import Found
from abm.record.sweep_table import series_values, summary_values
from abm.scenario.nodes import listed, nearest
from abm.sweep.axes import Axis
from abm.sweep.manifest import Manifest
from abm.view.labels import arm_label

Floats = NDArray[np.float64]
_TOLERANCE = 1e-9


class NotAnalysableError(AbmError):
    """A sweep does not hold what is asked of it."""

    exit_code = 2


@dataclass(frozen=True)
class Quantity:
    """What is asked of every run.

    Attributes
    ----------
    name : str
        Scalar of the summary; or a series, with ``/label`` for each of its dimensions.
    arm : str
        May be empty where there is only one.
    against : str
        Arm that is subtracted at the same point and replicate, with which the noise is shared; or empty.
    mpe : bool
        Percent of the maximal possible effect against that arm instead of the difference.
    start, end : float or None [d]
        Window over which a series is averaged; its beginning and its end when None.
    since : str
        Axis of times from whose value the window counts; from the start of the run when empty.
    """

    name: str
    arm: str = ""
    against: str = ""
    mpe: bool = False
    start: float | None = None
    end: float | None = None
    since: str = ""

    def label(self, manifest: Manifest) -> str:
        """In words: what it is and its unit, then behind a comma over which time and against what."""
        unit = _unit(manifest, self.name.partition("/")[0])
        name = self.name.replace("_", " ").replace("/", " of ")
        if self.mpe:
            name, unit = "maximal possible effect", "%"
        text = name + (f" [{unit}]" if unit != "1" else "")
        arm = self.arm or (manifest.arms[0] if len(manifest.arms) > 1 else "")
        if arm:
            text += f", {arm_label(arm)}" + (f" against {arm_label(self.against)}" if self.against else "")
        if self.start is not None or self.end is not None:
            since = f" from {axis_named(manifest, self.since).label} on" if self.since else ""
            end = "end" if self.end is None else f"{self.end:g} d"
            text += f", mean over {self.start or 0.0:g} d to {end}{since}"
        return text


def axis_named(manifest: Manifest, name: str) -> Axis:
    """The axis with a name.

    Raises
    ------
    NotAnalysableError
        There is none.
    """
    names = [axis.name for axis in manifest.design.axes]
    if name not in names:
        raise NotAnalysableError(f"no axis '{name}'{nearest(name, names)}; axes: {', '.join(names)}")
    return manifest.design.axes[names.index(name)]


def values_of(manifest: Manifest, found: Found, quantity: Quantity) -> Floats:
    """A quantity at every point of its arm, (n_point, n_replicate) float64.

    nan where a run is missing or failed, or the quantity is undefined; a window counts as far as the
    quantity is defined in it.

    Raises
    ------
    NotAnalysableError
        There is no such quantity, arm or axis, or the window is not within the series.
    """
    arm = arm_number(manifest, quantity.arm)
    other = arm_number(manifest, quantity.against) if quantity.against else None
    if quantity.mpe and (other is None or quantity.name != THRESHOLD):
        raise NotAnalysableError(f"--mpe goes with --of {THRESHOLD} and --against ARM")
    scalars = summary_values(found, manifest.declaration)
    if quantity.name in scalars:
        if quantity.since or quantity.start is not None or quantity.end is not None:
            raise NotAnalysableError(f"'{quantity.name}' is one number for a run; windows are for series")
        cube = _by_case(manifest, scalars[quantity.name])
        return cube[:, arm] if other is None else cube[:, arm] - cube[:, other]
    cube = _by_case(manifest, _course(manifest, found, quantity.name, list(scalars)))
    courses = cube[:, arm]
    if other is not None:
        vehicle = cube[:, other]
        courses = (
            percent_of_maximum(courses, vehicle, courses[..., :1]) if quantity.mpe else courses - vehicle
        )
    return _means(manifest, courses, quantity)


def _by_case(manifest: Manifest, values: Floats) -> Floats:
    """Values of runs, (n_run, ...), by point, arm and replicate."""
    shape = len(manifest.design), len(manifest.arms), manifest.replicates
    return values[manifest.cases().run].reshape(*shape, *values.shape[1:])


def arm_number(manifest: Manifest, name: str) -> int:
    """Position of an arm; the only one when the name is empty.

    Raises
    ------
    NotAnalysableError
        There is none, or several and no name.
    """
    if not name and len(manifest.arms) == 1:
        return 0
    if name not in manifest.arms:
        given = f"no arm '{name}'{nearest(name, manifest.arms)}" if name else "say which arm"
        raise NotAnalysableError(f"{given}; arms: {', '.join(manifest.arms)}")
    return manifest.arms.index(name)


def _course(manifest: Manifest, found: Found, name: str, scalars: list[str]) -> Floats:
    """A series of every run with one label of each dimension, (n_run, n_time)."""
    declared = manifest.declaration
    series, *labels = name.split("/")
    known = {one.name: one for one in declared.series}
    if series not in known:
        names = [*scalars, *known]
        raise NotAnalysableError(
            f"no quantity '{series}'{nearest(series, names)}; there are {listed(names, 60)}"
        )
    dims = known[series].dims
    if len(labels) != len(dims):
        form = "/".join([series, *(dim.upper() for dim in dims)])
        raise NotAnalysableError(f"'{series}' has {len(dims)} labels beside time; write it as {form}")
    place: list[int] = []
    for dim, label in zip(dims, labels, strict=True):
        there = [str(one) for one in next(d for d in declared.dimensions if d.name == dim).labels]
        if label not in there:
            raise NotAnalysableError(
                f"no {dim} '{label}'{nearest(label, there)}; there are {listed(there, 60)}"
            )
        place.append(there.index(label))
    values = series_values(found, declared, series)
    for number in place:
        values = values[:, :, number]
    return values


def _means(manifest: Manifest, courses: Floats, quantity: Quantity) -> Floats:
    """Means of courses, (n_point, n_replicate, n_time), over the window of every point."""
    time = np.array(manifest.declaration.time)
    found = np.empty(courses.shape[:2])
    for point, (start, end) in enumerate(_windows(manifest, quantity, time)):
        found[point] = mean_where_defined(time, courses[point], start, end)
    return found


def _windows(manifest: Manifest, quantity: Quantity, time: Floats) -> list[tuple[float, float]]:
    """The window of every point [d]."""
    origin = np.zeros(len(manifest.design))
    if quantity.since:
        axis = axis_named(manifest, quantity.since)
        column = manifest.design.values[:, manifest.design.axes.index(axis)]
        origin = np.array([days(axis.text(float(value))) for value in column])
        if np.isnan(origin).any():
            raise NotAnalysableError(
                f"--since {axis.name}: its values are no times, e.g. {axis.text(column[0])}"
            )
    first, last = float(time[0]), float(time[-1])
    windows = []
    for point, zero in enumerate(map(float, origin)):
        start = zero + (quantity.start or 0.0)
        end = last if quantity.end is None else zero + quantity.end
        if not first - _TOLERANCE <= start <= end <= last + _TOLERANCE:
            raise NotAnalysableError(
                f"{manifest.design.text(point)}: the window is from day {start:g} to {end:g}, "
                f"and the series from day {first:g} to {last:g}"
            )
        windows.append((max(start, first), min(end, last)))
    return windows


def _unit(manifest: Manifest, name: str) -> str:
    declared = manifest.declaration
    units = {column.name: column.unit for column in declared.summary}
    units |= {series.name: series.unit for series in declared.series}
    return units.get(name, "1")
