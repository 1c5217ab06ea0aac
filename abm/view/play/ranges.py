"""Lowest and highest values of fields and columns, from few frames: a file of any size opens at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.record import Run

# Numbers read of each kind, whatever the size of the file; at least two frames of each cytokine and column.
SAMPLED_VALUES = 6_000_000
LEAST_FRAMES = 2
MOST_FRAMES = 40
SAMPLED_LAYERS = 3


@dataclass(frozen=True)
class Range:
    """Ends of what was seen, NaN when nothing was; exact when everything was looked at."""

    low: float
    high: float
    exact: bool


class RangeSampler:
    """Ranges of one growing run; what was read once is remembered.

    The frames looked at are multiples of a power of two, and the last one, so that few are new when the run
    has grown.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, int], tuple[float, float]] = {}

    def cytokines(self, run: Run) -> dict[str, Range]:
        """Range of every field, inside the tissue."""
        count, (nz, ny, nx) = len(run.field_times), run.tissue.shape
        layers = _spread(nz, SAMPLED_LAYERS)
        cost = max(len(run.cytokines), 1) * len(layers) * ny * nx
        frames = _frames(count, SAMPLED_VALUES // cost)
        exact = len(frames) == count and len(layers) == nz
        found = {}
        for name in run.cytokines:
            ends = [self._plane(run, name, frame, layer) for frame in frames for layer in layers]
            found[name] = _merged(ends, exact)
        return found

    def columns(self, run: Run, names: Iterable[str]) -> dict[str, Range]:
        """Range of every column of numbers."""
        wanted, count = list(names), len(run.frame_times)
        rows = run.frame_rows(count - 1) if count else slice(0, 0)
        frames = _frames(count, SAMPLED_VALUES // max(len(wanted) * (rows.stop - rows.start), 1))
        found = {}
        for name in wanted:
            ends = [self._column(run, name, frame) for frame in frames]
            found[name] = _merged(ends, len(frames) == count)
        return found

    def _plane(self, run: Run, name: str, frame: int, layer: int) -> tuple[float, float]:
        key = (f"field {name}", frame, layer)
        if key not in self._seen:
            values = run.field(name, frame, layer=layer).values
            self._seen[key] = ends_of(values[run.tissue[layer]])
        return self._seen[key]

    def _column(self, run: Run, name: str, frame: int) -> tuple[float, float]:
        key = (f"column {name}", frame, 0)
        if key not in self._seen:
            self._seen[key] = ends_of(run.cell_values(name, run.frame_rows(frame)))
        return self._seen[key]


def ends_of(values: NDArray[np.floating]) -> tuple[float, float]:
    """Lowest and highest finite value; NaN twice when there is none."""
    if values.size:
        # Numbers only, as nearly always: no copy of them is needed.
        low, high = float(values.min()), float(values.max())
        if np.isfinite(low) and np.isfinite(high):
            return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)


def _merged(ends: Iterable[tuple[float, float]], exact: bool) -> Range:
    known = [pair for pair in ends if np.isfinite(pair[0])]
    if not known:
        return Range(np.nan, np.nan, exact)
    return Range(min(low for low, _ in known), max(high for _, high in known), exact)


def _frames(count: int, affordable: int) -> list[int]:
    """Frames to look at: every first, second, fourth, ... and the last."""
    most = min(max(affordable, LEAST_FRAMES), MOST_FRAMES)
    return sorted(set(_strides(count, most)))


def _strides(count: int, most: int) -> Iterator[int]:
    if count:
        step = 1
        # The last frame counts as well, unless it is one of them.
        while -(-count // step) + ((count - 1) % step != 0) > most and step < count:
            step *= 2
        yield from range(0, count, step)
        yield count - 1


def _spread(count: int, most: int) -> list[int]:
    """Evenly spread whole numbers below `count`, in the middle of their shares."""
    chosen = min(count, most)
    return [(2 * i + 1) * count // (2 * chosen) for i in range(chosen)]
