"""Where cells went: one cell over all frames, the cells of a type over the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record import Run
from abm.view.play.describe import plain
from abm.view.play.guard import Refused
from abm.view.play.session import PlayedRun

TRACK_ROWS = 20_000_000  # rows of the cell table searched for one cell; of longer files every k-th frame
TRAIL_FRAMES = 200
BATCH = 20  # frames read before others get their turn

_ALONG = ("x", "y", "z", "phenotype", "place")


def track(played: PlayedRun, cell: int) -> dict[str, Any]:
    """Places and states of one cell in all frames in which it lives; every k-th one of very long runs.

    Raises
    ------
    Refused
        No frame has such a cell.
    RecordError
        The file is damaged.
    """
    with played.reading() as run:
        times = run.frame_times
        rows = run.frame_rows(len(times) - 1) if len(times) else slice(0, 0)
    every = max(1, -(-rows.stop // TRACK_ROWS))
    frames = range(0, len(times), every)
    found: list[tuple[int, dict[str, float]]] = []
    for start in range(0, len(frames), BATCH):
        with played.reading() as run:
            found += _places(run, cell, frames[start : start + BATCH])
    if not found:
        raise Refused(404, f"no frame has a cell {cell}")
    columns = {name: np.array([place[name] for _, place in found]) for name in _ALONG}
    return {
        "cell": cell,
        "every": every,
        "frame": [number for number, _ in found],
        "time": times[[number for number, _ in found]].tolist(),
        **{name: plain(values) for name, values in columns.items()},
    }


def _places(run: Run, cell: int, frames: Sequence[int]) -> list[tuple[int, dict[str, float]]]:
    found = []
    for number in frames:
        if number >= len(run.frame_times):
            break  # cut off meanwhile by a resume
        rows = run.frame_rows(number)
        at = np.flatnonzero(run.cell_values("id", rows) == cell)
        if len(at):
            row = rows.start + int(at[0])
            found.append((number, {name: float(run.cell_values(name, row)) for name in _ALONG}))
    return found


def trails(played: PlayedRun, kind: int, frame: int, back: int) -> dict[str, Any]:
    """Paths of the cells of a type that are in the tissue, over the frames before one.

    Parameters
    ----------
    kind : int
        Code of the cell type.
    frame : int
        The frame at which the paths end; only its cells have one.
    back : int
        How many frames they go back at most.
    """
    steps: list[dict[int, tuple[float, float, float]]] = []
    for number in range(max(0, frame - back), frame + 1):
        with played.reading() as run:
            steps.append(_positions(run, kind, number))
    paths = []
    for cell in steps[-1]:
        # Back from the last frame to where the cell entered the tissue.
        path = []
        for step in reversed(steps):
            if cell not in step:
                break
            path.append(step[cell])
        x, y, z = (list(axis) for axis in zip(*reversed(path), strict=True))
        paths.append({"id": cell, "x": x, "y": y, "z": z})
    return {"frame": frame, "cells": paths}


def _positions(run: Run, kind: int, number: int) -> dict[int, tuple[float, float, float]]:
    rows = run.frame_rows(number)
    mine = (run.cell_values("type", rows) == kind) & (run.cell_values("place", rows) == 0)
    if not mine.any():
        return {}
    ids = run.cell_values("id", rows)[mine].tolist()
    position: NDArray[np.float32] = np.column_stack([run.cell_values(axis, rows)[mine] for axis in "xyz"])
    return {cell: (x, y, z) for cell, (x, y, z) in zip(ids, position.tolist(), strict=True)}
