"""Fields of a standalone page: bytes, differences in time; see docs/playback_format.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.view.play.describe import finite
from abm.view.play.planes import LINEAR, LOG, MAXIMUM, Plane, block_factor, block_mean, quantise, read_plane
from abm.view.play.ranges import ends_of
from abm.view.play.session import PlayedRun

GROUP = 20  # frames of a block
LEVELS = 255
LOG_FROM = 10.0  # highest over lowest value beyond which the scale is logarithmic
DEEPEST = 1e4  # highest over lowest value that a logarithmic scale tells apart
MOST_SLICES = 8  # of a three-dimensional tissue, beside its maximum

Store = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Scale:
    """How the values of a cytokine become bytes."""

    kind: str
    low: float
    high: float

    @property
    def error(self) -> str:
        """Largest error of rounding, in words."""
        steps = 2 * (LEVELS - 1)
        if self.kind == LOG:
            share = (self.high / self.low) ** (1.0 / steps) - 1.0
            return f"at most {100 * share:.2g} % of the value above {self.low:.3g}"
        return f"at most {(self.high - self.low) / steps:.2g}"


def scale_for(low: float, high: float) -> Scale:
    """Logarithmic where the values span more than a factor of ten, else linear; never empty."""
    if not math.isfinite(low):
        return Scale(LINEAR, 0.0, 1.0)
    if high > 0.0 and high > LOG_FROM * low and low >= 0.0:
        return Scale(LOG, max(low, high / DEEPEST), high)
    return Scale(LINEAR, low, high if high > low else low + (abs(low) or 1.0))


class FieldPacker:
    """Packs the fields of one run.

    Parameters
    ----------
    played : PlayedRun
    frames : sequence of int
        Frames to pack.
    cytokines : sequence of str
        Fields to pack.
    most : int
        Longest side after averaging [pixels].
    """

    def __init__(self, played: PlayedRun, frames: Sequence[int], cytokines: Sequence[str], most: int) -> None:
        self._played = played
        self.frames = list(frames)
        self._cytokines = list(cytokines)
        with played.reading() as run:
            nz, ny, nx = run.tissue.shape
        self._factor = block_factor((ny, nx), most)
        self._shape = (-(-ny // self._factor), -(-nx // self._factor))
        self.layers = layers_of(nz)

    @property
    def planes(self) -> int:
        """How many planes are read, those for the ranges included."""
        return 2 * len(self.frames) * len(self._cytokines) * len(self.layers)

    def estimate(self) -> int:
        """About how many compressed bytes come out, from the group in the middle of each cytokine."""
        groups = list(groups_of(self.frames))
        if not groups:
            return 0
        middle = groups[len(groups) // 2]
        total = 0
        with self._played.reading() as run:
            seen = self._played.ranges.cytokines(run)
        for name in self._cytokines:
            scale = scale_for(seen[name].low, seen[name].high)
            size = len(compress(self._group(name, self.layers[0], middle, scale)))
            total += size * len(self.frames) // len(middle)
        return total * len(self.layers)

    def pack(self, store: Store, advance: Callable[[], None]) -> dict[str, Any]:
        """Store every block, and return what the head says of the fields.

        Parameters
        ----------
        store : callable
            Takes the name and the compressed bytes of a block.
        advance : callable
            Called after every plane read.
        """
        return {
            "group": GROUP,
            "shape": list(self._shape),
            "factor": self._factor,
            "layers": self.layers,
            "cytokines": [self._cytokine(name, store, advance) for name in self._cytokines],
        }

    def _cytokine(self, name: str, store: Store, advance: Callable[[], None]) -> dict[str, Any]:
        ends: list[list[tuple[float, float]]] = []
        for layer in self.layers:
            ends.append([])
            for frame in self.frames:
                ends[-1].append(ends_of(self._plane(name, layer, frame)))
                advance()
        known = [pair for row in ends for pair in row if math.isfinite(pair[0])]
        low, high = (
            min((pair[0] for pair in known), default=math.nan),
            max((p[1] for p in known), default=0.0),
        )
        scale = scale_for(low, high)
        blocks: list[list[str]] = []
        for layer in self.layers:
            blocks.append([])
            for number, group in enumerate(groups_of(self.frames)):
                block = f"{self._played.id}/f/{name}/{layer}/{number}"
                store(block, compress(self._group(name, layer, group, scale, advance)))
                blocks[-1].append(block)
        return {
            "name": name,
            "scale": scale.kind,
            "low": scale.low,
            "high": scale.high,
            "error": scale.error,
            "range": [[[finite(low), finite(high)] for low, high in row] for row in ends],
            "blocks": blocks,
        }

    def _group(
        self,
        name: str,
        layer: str,
        frames: Sequence[int],
        scale: Scale,
        advance: Callable[[], None] | None = None,
    ) -> bytes:
        bytes_ = np.empty((len(frames), *self._shape), np.uint8)
        for i, frame in enumerate(frames):
            bytes_[i] = quantise(self._plane(name, layer, frame), scale.low, scale.high, scale.kind)
            if advance:
                advance()
        return differences(bytes_).tobytes()

    def _plane(self, name: str, layer: str, frame: int) -> Plane:
        return block_mean(read_plane(self._played.followed, name, frame, layer), self._factor)


def layers_of(count: int) -> list[str]:
    """Layers that are packed: all of a flat tissue, else the maximum and some slices."""
    if count == 1:
        return ["0"]
    slices = min(count, MOST_SLICES)
    return [MAXIMUM, *(str((2 * i + 1) * count // (2 * slices)) for i in range(slices))]


def groups_of(frames: Sequence[int]) -> Iterator[Sequence[int]]:
    """Frames in groups of :data:`GROUP`."""
    for start in range(0, len(frames), GROUP):
        yield frames[start : start + GROUP]


def differences(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bytes (frames, ny, nx) minus left neighbours in the first frame, minus the frame before in others.

    Modulo 256; in the first column of the first frame minus the byte of the row before.
    """
    coded = values.copy()
    coded[1:] = values[1:] - values[:-1]
    coded[0, :, 1:] = values[0, :, 1:] - values[0, :, :-1]
    coded[0, 1:, 0] = values[0, 1:, 0] - values[0, :-1, 0]
    return coded


def compress(data: bytes) -> bytes:
    """One zlib stream."""
    import zlib

    return zlib.compress(data, 6)
