"""One moment of one run, projected to the plane of x and y; numbers only, nothing is drawn here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.errors import RequestError
from abm.record import CellFrame, Run
from abm.view.canvas import NothingToShowError
from abm.view.options import MAXIMUM, PROJECTIONS, Options

Box = tuple[float, float, float, float]
"""Left, right, lower and upper edge [um]."""

SECTION_HALF = 10.0  # [um] cells this far from the section are shown
DEFAULT_DAYS = (3.0, 7.0, 28.0)
LONG = 56.0  # [d] runs from this length on show their end
NEAR = 0.5  # [d] a frame this far from a wanted day will do


@dataclass(frozen=True)
class Snapshot:
    """One panel: a field and cells of one run at one moment, projected to a plane."""

    run: Run
    day: float
    field: NDArray[np.float64]  # (ny, nx), nan outside the tissue
    regions: Mapping[str, NDArray[np.bool_]]  # (ny, nx) each
    cells: CellFrame | None
    unit: str


def default_days(groups: RunGroups) -> tuple[float, ...]:
    """Days 3, 7 and 28, of long runs 7, 28 and the last, as far as all runs have frames near them.

    Else three evenly spaced days.
    """
    ends = [times[-1] for run in groups.runs if len(times := run.field_times)]
    if not ends:
        raise NothingToShowError("no frames of fields were recorded")
    end, frames = float(min(ends)), groups.runs[0].field_times
    wanted = DEFAULT_DAYS if end < LONG else (*DEFAULT_DAYS[1:], end)
    days = tuple(day for day in wanted if day <= end and np.abs(frames - day).min() <= NEAR)
    return days if len(days) > 1 else tuple(dict.fromkeys((0.0, end / 2, end)))


def pick(runs: Sequence[Run], options: Options) -> Run:
    """The replicate to show.

    Raises
    ------
    RecordError
        There is no such replicate.
    """
    if options.replicate is None:
        return runs[0]
    for run in runs:
        if run.replicate == options.replicate:
            return run
    known = ", ".join(str(run.replicate) for run in runs)
    raise RequestError(f"arm {runs[0].arm} has no replicate {options.replicate}; there are {known}")


def snapshot(run: Run, day: float, options: Options) -> Snapshot:
    """Field and cells nearest to a day, projected to the plane of x and y.

    Raises
    ------
    NothingToShowError
        The file has no frames of fields.
    RecordError
        There is no such field or projection.
    """
    if options.projection not in PROJECTIONS:
        raise RequestError(f"projection {options.projection!r}; there are {', '.join(PROJECTIONS)}")
    if len(run.field_times) == 0:
        raise NothingToShowError(f"{run.path.name} holds no frames of fields")
    frame = run.field(options.field, time=day)
    values = np.where(run.tissue, frame.values.astype(np.float64), np.nan)
    cells = None
    if len(run.frame_times):
        cells = run.frame(
            time=frame.time, columns=["id", "type", "phenotype", "status", "place", "x", "y", "z"]
        )
        cells = cells.where(place="tissue", status="alive")
    if options.projection == MAXIMUM and len(values) > 1:
        highest = np.where(np.isnan(values), -np.inf, values).max(axis=0)
        plane = np.where(np.isfinite(highest), highest, np.nan)
        regions = {name: np.asarray(mask.any(axis=0)) for name, mask in run.regions.items()}
    else:
        middle = len(values) // 2
        plane = values[middle]
        regions = {name: mask[middle] for name, mask in run.regions.items()}
        if cells is not None and len(values) > 1:
            cells = near(cells, float(run.coordinate("z")[middle]))
    return Snapshot(run, frame.time, plane, regions, cells, frame.unit)


def near(cells: CellFrame, height: float) -> CellFrame:
    """Cells within 10 um of a height."""
    keep = np.abs(cells["z"] - height) <= SECTION_HALF
    return CellFrame(
        cells.time,
        cells.tick,
        {name: column[keep] for name, column in cells.columns.items()},
        cells.labels,
        cells.units,
    )


def box_of(run: Run) -> Box:
    """Edges of the domain in x and y."""
    edges: list[float] = []
    for axis in "xy":
        centres = run.coordinate(axis)
        half = 0.5 * (centres[1] - centres[0]) if len(centres) > 1 else centres[0]
        edges += [float(centres[0] - half), float(centres[-1] + half)]
    return (edges[0], edges[1], edges[2], edges[3])
