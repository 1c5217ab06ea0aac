"""Cells of a standalone page: by id, differences in time, see docs/playback_format.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record import CellFrame
from abm.view.play.describe import Grid
from abm.view.play.frames import CELL_COLUMNS, lay_out
from abm.view.play.pack_fields import GROUP, Store, compress, groups_of
from abm.view.play.planes import quantise
from abm.view.play.ranges import ends_of
from abm.view.play.session import PlayedRun

# Variables take every fourth of the 255 numbers: eight bits of noise would be most of a page.
COARSE = 4

_CODES = ("type", "phenotype", "status", "place")


class CellPacker:
    """Packs the cells of one run.

    Parameters
    ----------
    played : PlayedRun
    frames : sequence of int
        Frames to pack.
    variables : sequence of str
        Columns beside those that every file has.
    """

    def __init__(self, played: PlayedRun, frames: Sequence[int], variables: Sequence[str]) -> None:
        self._played = played
        self.frames = list(frames)
        self._variables = list(variables)
        with played.reading() as run:
            grid = Grid(run)
        axes = "xyz" if grid.shape[0] > 1 else "xy"
        self._edges = {axis: (grid.origin[i], grid.origin[i] + grid.size[i]) for i, axis in enumerate(axes)}
        self.ranges: dict[str, tuple[float, float]] = {}

    def estimate(self) -> int:
        """About how many compressed bytes come out, from the group in the middle."""
        groups = list(groups_of(self.frames))
        if not groups:
            return 0
        with self._played.reading() as run:
            seen = self._played.ranges.columns(run, self._variables)
        self.ranges = {name: _widened(ends.low, ends.high) for name, ends in seen.items()}
        middle = groups[len(groups) // 2]
        body, _, _ = self._group(middle)
        return len(compress(body)) * len(self.frames) // len(middle)

    def pack(self, store: Store, advance: Callable[[], None]) -> dict[str, Any]:
        """Store every block, and return what the head says of the cells; see :class:`.FieldPacker`."""
        self.ranges = {name: self._range(name) for name in self._variables}
        groups = []
        for number, frames in enumerate(groups_of(self.frames)):
            block = f"{self._played.id}/c/{number}"
            body, columns, n = self._group(frames)
            store(block, compress(body))
            advance()
            first = number * GROUP
            groups.append({"first": first, "frames": len(frames), "n": n, "block": block, "columns": columns})
        return {"group": GROUP, "groups": groups}

    def _range(self, name: str) -> tuple[float, float]:
        low, high = math.inf, -math.inf
        for frame in self.frames:
            with self._played.reading() as run:
                ends = ends_of(run.cell_values(name, run.frame_rows(frame)))
            if math.isfinite(ends[0]):
                low, high = min(low, ends[0]), max(high, ends[1])
        return _widened(low, high)

    def _group(self, frames: Sequence[int]) -> tuple[bytes, list[dict[str, Any]], int]:
        """Bytes of a group, where its columns are, and how many cells it has."""
        read = []
        for frame in frames:
            with self._played.reading() as run:
                read.append(run.frame(frame, columns=[*CELL_COLUMNS, *self._variables]))
        ids = np.unique(np.concatenate([cells["id"] for cells in read]))
        rows = [np.searchsorted(ids, cells["id"]) for cells in read]
        present = np.zeros((len(read), len(ids)), np.uint8)
        for i, where in enumerate(rows):
            present[i, where] = 1
        table: list[tuple[str, str, NDArray[Any]]] = [
            ("id", "i8", ids.astype("<i8")),
            ("present", "u1", along_frames(present)),
        ]
        scales = {**self._edges, **self.ranges}
        for name in (*_CODES, *self._edges, *self._variables):
            values = self._column(name, read, rows, len(ids), scales.get(name))
            for i in range(len(read)):
                before = values[i - 1] if i else np.zeros_like(values[0])
                values[i] = np.where(present[i], values[i], before)
            kind = "u2" if values.dtype.itemsize == 2 else "u1"
            table.append((name, kind, planes_of(along_frames(values))))
        body, places = lay_out(table)
        for place in places:
            if place["name"] in scales:
                place["low"], place["high"] = scales[place["name"]]
        return body, places, len(ids)

    def _column(
        self,
        name: str,
        read: Sequence[CellFrame],
        rows: Sequence[NDArray[np.intp]],
        count: int,
        scale: tuple[float, float] | None,
    ) -> NDArray[Any]:
        """One column as numbers (frames, cells), anything where a cell is absent."""
        size = 2 if name in self._edges else 1
        values = np.zeros((len(read), count), np.uint16 if size == 2 else np.uint8)
        for i, (cells, where) in enumerate(zip(read, rows, strict=True)):
            if scale is None:
                values[i, where] = cells[name].astype(np.uint8)
                continue
            numbers = quantise(cells[name], *scale, bytes_each=size)
            values[i, where] = numbers if size == 2 else coarsened(numbers)
        return values


def coarsened(numbers: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    """Bytes rounded to multiples of :data:`COARSE`; 255, nothing, stays."""
    rounded = (numbers.astype(np.uint16) + COARSE // 2) // COARSE * COARSE
    # The last multiple that is not nothing; without it the highest value would be rounded to nothing.
    rounded = np.minimum(rounded, 254)
    return np.where(numbers == 255, 255, rounded).astype(np.uint8)


def along_frames(values: NDArray[Any]) -> NDArray[Any]:
    """Unsigned numbers (frames, cells) minus those of the frame before, modulo their type."""
    coded = values.copy()
    coded[1:] = values[1:] - values[:-1]
    return coded


def planes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Bytes of one-byte numbers; all low bytes, then all high bytes of two-byte ones."""
    if values.dtype.itemsize == 1:
        return values
    return np.stack([values & 0xFF, values >> 8]).astype(np.uint8)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Ends of a scale that is never empty."""
    if not math.isfinite(low):
        return 0.0, 1.0
    return (low, high) if high > low else (low, low + (abs(low) or 1.0))
