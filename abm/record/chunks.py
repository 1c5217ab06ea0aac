"""Compressed chunks as they are in the file, to be decoded where nobody waits for the file.

HDF5 reads one chunk at a time, in one thread.  Fetching the bytes takes a twentieth of the time that
decoding them takes, and decoding releases Python's lock: several threads decode several layers at once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError

# Bits of a chunk's filter mask: the filter was left out when it was written.
_NO_SHUFFLE, _NO_GZIP = 0b01, 0b10


@dataclass(frozen=True)
class PackedLayer:
    """A layer of a field, still compressed; independent of the file.

    Attributes
    ----------
    path : path
        Named in messages.
    shape : (ny, nx)
    chunk : (cy, cx)
        Size of a chunk; those at the upper edges reach beyond the layer.
    dtype : dtype
    parts : sequence of ((y, x), mask, bytes)
        Lower corner, filter mask and bytes of every chunk.
    """

    path: Path
    shape: tuple[int, int]
    chunk: tuple[int, int]
    dtype: np.dtype[Any]
    parts: Sequence[tuple[tuple[int, int], int, bytes]]

    def unpack(self) -> NDArray[Any]:
        """The values, (ny, nx).

        Raises
        ------
        RecordError
            A chunk is damaged.
        """
        values = np.empty(self.shape, self.dtype)
        for (y, x), mask, data in self.parts:
            try:
                block = _decode(data, mask, self.dtype, math.prod(self.chunk)).reshape(self.chunk)
            except (zlib.error, ValueError) as error:
                raise RecordError(f"{self.path}: a chunk of the fields is damaged ({error})") from error
            ny, nx = self.shape[0] - y, self.shape[1] - x
            values[y : y + self.chunk[0], x : x + self.chunk[1]] = block[:ny, :nx]
        return values


def fetch_layer(dataset: h5py.Dataset, lead: tuple[int, int, int], path: Path) -> PackedLayer | None:
    """The chunks of a layer of a data set (frame, cytokine, z, y, x); None where they must be read otherwise.

    That is where a chunk holds several layers, was never written, or went through other filters than those of
    :func:`abm.record.streams.encode`.

    Parameters
    ----------
    lead : (int, int, int)
        Frame, cytokine and layer.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    filters = dataset.id.get_create_plist()
    codes = [filters.get_filter(i)[0] for i in range(filters.get_nfilters())]
    if dataset.chunks[:3] != (1, 1, 1) or codes != [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]:
        return None
    (ny, nx), (cy, cx) = dataset.shape[3:], dataset.chunks[3:]
    parts = []
    for y in range(0, ny, cy):
        for x in range(0, nx, cx):
            place = (*lead, y, x)
            if dataset.id.get_chunk_info_by_coord(place).byte_offset is None:
                return None
            mask, data = dataset.id.read_direct_chunk(place)
            parts.append(((y, x), int(mask), bytes(data)))
    return PackedLayer(path, (ny, nx), (cy, cx), dataset.dtype, parts)


def _decode(data: bytes, mask: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Undo gzip, then shuffle: all first bytes of the numbers, then all second bytes, and so on."""
    plain = data if mask & _NO_GZIP else zlib.decompress(data, bufsize=count * dtype.itemsize)
    if mask & _NO_SHUFFLE:
        return np.frombuffer(plain, dtype, count)
    planes = np.frombuffer(plain, np.uint8).reshape(dtype.itemsize, count)
    values = np.empty((count, dtype.itemsize), np.uint8)
    # Plane by plane: three times as fast as transposing at once.
    for i, plane in enumerate(planes):
        values[:, i] = plane
    return values.view(dtype).reshape(count)
