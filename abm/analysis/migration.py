"""Where injected cells are: in or out of a region, and how far from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from abm.analysis.curves import Curves
from abm.record import Run

_BLOCK = 4_000_000  # distances held in memory at a time


def injected_types(runs: Sequence[Run]) -> list[str]:
    """Cell types of which a dose was given in any of the runs."""
    found: dict[str, None] = {}
    for run in runs:
        if "dose_given" not in run.series_names:
            continue
        for name in ("dose_given", "cells_injected"):
            series = run.series(name)
            axis = series.dims.index("cell_type")
            others = tuple(i for i in range(len(series.dims)) if i != axis)
            given = series.values.max(axis=others) > 0 if series.values.size else []
            found.update(
                {str(t): None for t, some in zip(series.labels["cell_type"], given, strict=False) if some}
            )
    return list(found)


def edge_points(run: Run, region: str) -> NDArray[np.float64]:
    """Centres (n, 3) [um] (x, y, z) of the voxels of a region that touch what is outside it."""
    mask = run.regions[region]
    padded = np.pad(mask, 1, constant_values=False)
    if mask.shape[0] == 1:
        padded[0], padded[-1] = padded[1], padded[1]  # a slab has no upper and lower side
    inner = np.ones_like(mask)
    for axis in range(3):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
    z, y, x = np.nonzero(mask & ~inner)
    return np.stack([run.coordinate("x")[x], run.coordinate("y")[y], run.coordinate("z")[z]], axis=-1).astype(
        np.float64
    )


def inside(run: Run, region: str, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the points (n, 3) [um] lie in a voxel of a region."""
    mask = run.regions[region]
    index = []
    for axis, centres, size in zip(range(3), map(run.coordinate, "xyz"), mask.shape[::-1], strict=True):
        spacing = centres[1] - centres[0] if size > 1 else 2.0 * centres[0]
        index.append(np.clip(np.floor(points[:, axis] / spacing).astype(int), 0, size - 1))
    return np.asarray(mask[index[2], index[1], index[0]])


def distances(
    points: NDArray[np.float64], edge: NDArray[np.float64], within: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Distance [um] of every point to the nearest point of an edge; 0 within."""
    found = np.zeros(len(points))
    step = max(1, _BLOCK // max(len(edge), 1))
    outside = np.flatnonzero(~within)
    for start in range(0, len(outside), step):
        rows = outside[start : start + step]
        found[rows] = np.sqrt(((points[rows, None, :] - edge[None]) ** 2).sum(axis=-1).min(axis=1))
    return found


def distance_to_region(runs: Sequence[Run], cell_type: str, region: str) -> Curves:
    """Mean distance [um] of the living cells of a type in the tissue to a region, at every frame of cells.

    0 for a cell inside the region; nan where there are no such cells.
    """
    shared = reduce(np.intersect1d, [run.frame_times for run in runs])
    rows = []
    for run in runs:
        edge = edge_points(run, region)
        numbers = np.flatnonzero(np.isin(run.frame_times, shared))
        rows.append([_mean_distance(run, int(number), cell_type, region, edge) for number in numbers])
    values = np.array(rows, dtype=np.float64).reshape(len(runs), len(shared))
    label = f"mean distance of {cell_type} to {region}"
    return Curves(np.asarray(shared, dtype=np.float64), values, tuple(r.replicate for r in runs), "um", label)


def _mean_distance(run: Run, number: int, cell_type: str, region: str, edge: NDArray[np.float64]) -> float:
    frame = run.frame(number, columns=["type", "status", "place", "x", "y", "z"])
    keep = (
        (frame.names("type") == cell_type)
        & (frame.names("status") == "alive")
        & (frame.names("place") == "tissue")
    )
    points = np.stack([frame[axis][keep] for axis in "xyz"], axis=-1).astype(np.float64)
    if len(points) == 0 or len(edge) == 0:
        return float("nan")
    return float(distances(points, edge, inside(run, region, points)).mean())
