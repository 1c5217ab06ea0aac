"""Planes of fields: one layer or a projection of a frame, averaged over blocks, as numbers or bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record.following import FollowedRun

Plane = NDArray[np.float32]

MAXIMUM, MEAN = "max", "mean"
PROJECTIONS = (MAXIMUM, MEAN)
LINEAR, LOG = "linear", "log"
SCALES = (LINEAR, LOG)
SLAB_VALUES = 4_000_000  # voxels read at once for a projection
NOTHING = {1: 255, 2: 65535}  # what stands for no value, by bytes of the number


def read_plane(followed: FollowedRun, cytokine: str, frame: int, z: str) -> Plane:
    """One layer (its number as text) or a projection (``max``, ``mean``) of one field.

    Returns
    -------
    (ny, nx) float32
        NaN outside the tissue.

    Raises
    ------
    RecordError
        There is no such frame, or the file is damaged.
    """
    if z not in PROJECTIONS:
        with followed.reading() as run:
            packed, inside = run.packed_layer(cytokine, frame, int(z)), run.tissue[int(z)]
            values = None if packed else run.field(cytokine, frame, layer=int(z)).values
        # Decoded when nobody waits for the file any more.
        values = packed.unpack() if packed else values
        return _within(np.asarray(values, np.float32), inside)
    with followed.reading() as run:
        nz, ny, nx = run.tissue.shape
    slab = max(1, SLAB_VALUES // (ny * nx))
    highest = np.full((ny, nx), -np.inf, np.float32)
    total, count = np.zeros((ny, nx)), np.zeros((ny, nx), np.int64)
    for start in range(0, nz, slab):
        layers = slice(start, min(start + slab, nz))
        with followed.reading() as run:
            values, inside = run.field(cytokine, frame, layer=layers).values, run.tissue[layers]
        np.maximum(highest, np.where(inside, values, -np.inf).max(axis=0), out=highest)
        total += np.where(inside, values, 0.0).sum(axis=0)
        count += inside.sum(axis=0)
    if z == MAXIMUM:
        return np.asarray(np.where(count > 0, highest, np.nan), np.float32)
    mean = np.divide(total, count, out=np.full((ny, nx), np.nan), where=count > 0)
    return np.asarray(mean, np.float32)


def _within(values: Plane, inside: NDArray[np.bool_]) -> Plane:
    """NaN outside the tissue."""
    return values if inside.all() else np.where(inside, values, np.float32(np.nan))


def block_factor(shape: tuple[int, int], most: int) -> int:
    """The least whole factor by which the longer side comes to at most `most` blocks."""
    return -(-max(shape) // most)


def block_mean(plane: Plane, factor: int) -> Plane:
    """Mean over blocks of `factor` x `factor` values, those at the upper edges narrower.

    Parameters
    ----------
    plane : (ny, nx) float32
        NaN counts as nothing; a block of nothing is NaN.
    """
    if factor == 1:
        return plane
    known = np.isfinite(plane)
    if known.all():
        total = _sums(plane, factor)
        sizes = [np.minimum(factor, n - np.arange(0, n, factor)) for n in plane.shape]
        return np.asarray(total / (sizes[0][:, None] * sizes[1]), np.float32)
    total, count = _sums(np.where(known, plane, np.float32(0.0)), factor), _sums(known, factor)
    mean = np.full(total.shape, np.nan, np.float32)
    return np.divide(total, count, out=mean, where=count > 0, casting="same_kind")


def _sums(values: Plane | NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    """Sums over blocks; adding strided parts is five times as fast as ``np.add.reduceat``."""
    return _row_sums(_row_sums(values, factor).T, factor).T


def _row_sums(values: Plane | NDArray[np.bool_], factor: int) -> NDArray[np.float32]:
    total = values[::factor].astype(np.float32)
    for k in range(1, factor):
        part = values[k::factor]
        total[: len(part)] += part
    return total


def quantise(
    values: NDArray[np.floating], low: float, high: float, scale: str = LINEAR, bytes_each: int = 1
) -> NDArray[np.unsignedinteger]:
    """Values as whole numbers, as docs/playback_format.md has it; NaN becomes the largest number.

    Parameters
    ----------
    values : float array
    low, high : float
        Ends of the scale, low < high; positive for ``log``.
    scale : str
        ``linear`` or ``log``.
    bytes_each : int
        1 or 2.

    Returns
    -------
    uint8 or uint16 array of the same shape
    """
    top = NOTHING[bytes_each] - 1
    given: NDArray[Any] = values.astype(np.float32 if bytes_each == 1 else np.float64, copy=False)
    if scale == LOG:
        share = np.log(np.maximum(given, low) / low) / np.log(high / low)
    else:
        share = (given - low) / (high - low)
    with np.errstate(invalid="ignore"):
        numbers = np.rint(np.clip(share, 0.0, 1.0) * top)
    numbers = np.where(np.isnan(share), NOTHING[bytes_each], numbers)
    return np.asarray(numbers, np.uint8 if bytes_each == 1 else np.dtype("<u2"))


def restore(
    numbers: NDArray[np.unsignedinteger], low: float, high: float, scale: str = LINEAR
) -> NDArray[np.float64]:
    """What quantised numbers mean; NaN for the largest number of their type."""
    nothing = NOTHING[numbers.dtype.itemsize]
    share = numbers / (nothing - 1)
    values = low * (high / low) ** share if scale == LOG else low + (high - low) * share
    return np.where(numbers == nothing, np.nan, values)
