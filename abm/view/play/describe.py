"""What a run holds, as the page is told: grid, frames, names with units, regions, events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.analysis.experiment import DOSE_EVENT, Experiment, read_experiment
from abm.record import Run
from abm.record.layout import CODED_COLUMNS, STANDARD_COLUMNS
from abm.view.labels import arm_label, dose_label, name_label, unit_label
from abm.view.play.outlines import rings
from abm.view.play.ranges import Range, RangeSampler
from abm.view.play.session import PlayedRun, Session

VERSION = 1  # of the protocol
INJURY_EVENT = "injury"


def describe_session(session: Session) -> dict[str, Any]:
    """All runs, as the answer ``/api/runs``."""
    return {"version": VERSION, "runs": [describe_run(played) for played in session.values()]}


def describe_run(played: PlayedRun) -> dict[str, Any]:
    """One run, as in the answer ``/api/runs/ID``; numbers that are not known are None.

    Raises
    ------
    RecordError
        The file is gone or damaged.
    """
    with played.reading() as run:
        found = _constant(run, played.id)
    # In parts, so that whoever writes the file never waits long.
    with played.reading() as run:
        found["cytokines"] = _cytokines(run, played.ranges)
    with played.reading() as run:
        found["columns"] = _columns(run, played.ranges)
    return found


def _constant(run: Run, name: str) -> dict[str, Any]:
    experiment = read_experiment(run)
    grid = Grid(run)
    return {
        "id": name,
        "file": run.path.name,
        "title": run.title,
        "arm": run.arm,
        "armLabel": arm_label(run.arm),
        "replicate": run.replicate,
        "seed": run.seed,
        "status": run.status,
        "live": run.is_being_written,
        "message": run.status_message,
        "shape": list(grid.shape),
        "spacing": grid.spacing,
        "origin": grid.origin,
        "size": grid.size,
        "days": float(run.time[-1]) if len(run.time) else 0.0,
        "fieldTimes": run.field_times.tolist(),
        "cellTimes": run.frame_times.tolist(),
        "readoutRegion": experiment.readout_region,
        "regions": _regions(run, grid, experiment),
        "events": sorted(_events(run, experiment), key=lambda event: event["time"]),
        "series": list(_series(run)),
    }


class Grid:
    """Where the voxels are.

    Attributes
    ----------
    shape : (nz, ny, nx)
    spacing, origin, size : list of three floats [um]
        Along x, y, z: sides of a voxel, lower edge of the first one, sides of the domain.
    """

    def __init__(self, run: Run) -> None:
        centres = [run.coordinate(axis) for axis in "xyz"]
        self.shape = (len(centres[2]), len(centres[1]), len(centres[0]))
        self.spacing = [float(c[1] - c[0]) if len(c) > 1 else 2.0 * float(c[0]) for c in centres]
        self.origin = [float(c[0]) - 0.5 * s for c, s in zip(centres, self.spacing, strict=True)]
        self.size = [s * len(c) for c, s in zip(centres, self.spacing, strict=True)]


def _cytokines(run: Run, ranges: RangeSampler) -> list[dict[str, Any]]:
    labels, unit = read_experiment(run).labels, run.field_unit
    return [
        {"name": name, "label": name_label(name, labels), "unit": unit, **_ends(seen)}
        for name, seen in ranges.cytokines(run).items()
    ]


def _columns(run: Run, ranges: RangeSampler) -> list[dict[str, Any]]:
    labels = read_experiment(run).labels
    variables = variable_names(run)
    seen = ranges.columns(run, variables)
    found: list[dict[str, Any]] = []
    for name in (*CODED_COLUMNS, *variables):
        codes = [str(code) for code in run.cell_labels[name]] if name in CODED_COLUMNS else None
        column = {"name": name, "label": name_label(name, labels), "unit": unit_label(run.column_units[name])}
        printed = None if codes is None else [name_label(code, labels) for code in codes]
        ends = _ends(seen[name]) if name in seen else {"low": None, "high": None, "exact": True}
        found.append({**column, "codes": codes, "codeLabels": printed, **ends})
    return found


def variable_names(run: Run) -> list[str]:
    """Columns beside those that every file has."""
    standard = {column.name for column in STANDARD_COLUMNS}
    return [name for name in run.column_names if name not in standard]


def _ends(seen: Range) -> dict[str, Any]:
    return {"low": finite(seen.low), "high": finite(seen.high), "exact": seen.exact}


def _regions(run: Run, grid: Grid, experiment: Experiment) -> list[dict[str, Any]]:
    """The region of the readout first."""
    names = sorted(run.regions, key=lambda name: name != experiment.readout_region)
    return [
        {
            "name": name,
            "label": name_label(name, experiment.labels),
            "outlines": _outlines(run.regions[name], grid),
        }
        for name in names
    ]


def _outlines(mask: NDArray[np.bool_], grid: Grid) -> list[list[list[list[float]]]]:
    """Rings [um] of every layer; equal layers are traced once."""
    traced: dict[bytes, list[list[list[float]]]] = {}
    found = []
    for layer in mask:
        key = np.packbits(layer).tobytes()
        if key not in traced:
            traced[key] = [
                [
                    [grid.origin[0] + i * grid.spacing[0], grid.origin[1] + j * grid.spacing[1]]
                    for i, j in ring
                ]
                for ring in rings(layer)
            ]
        found.append(traced[key])
    return found


def _events(run: Run, experiment: Experiment) -> Iterator[dict[str, Any]]:
    """The log of the file, and the injuries, which its scenario tells."""
    for injury in experiment.injuries:
        text = f"{injury.label}, {injury.site}" if injury.site else injury.label
        time = finite(injury.day) or 0.0
        yield {"time": time, "kind": INJURY_EVENT, "text": text, "amount": None, "unit": ""}
    for event in run.events:
        text = dose_label(event["text"], experiment.labels) if event["kind"] == DOSE_EVENT else event["text"]
        yield {
            "time": event["time"],
            "kind": event["kind"],
            "text": text,
            "amount": finite(event["amount"]),
            "unit": event["unit"],
        }


def _series(run: Run) -> Iterator[dict[str, Any]]:
    for about in run.series_outlines():
        yield {
            "name": about.name,
            "label": about.long_name or about.name.replace("_", " "),
            "unit": unit_label(about.unit),
            "dims": list(about.dims[1:]),
            "labels": {dim: plain(about.labels[dim]) for dim in about.dims[1:]},
        }


def finite(value: float) -> float | None:
    """The number, or None where JSON has no word for it."""
    return float(value) if math.isfinite(value) else None


def plain(values: NDArray[Any]) -> list[Any]:
    """An array as nested lists for JSON, None for what is not finite."""
    if values.dtype.kind != "f":
        return list(values.tolist())
    found = values.astype(object)
    found[~np.isfinite(values)] = None
    return list(found.tolist())
