"""Data sets that grow along their first axis, and the netCDF-4 conventions that make them readable elsewhere.

A growing data set keeps its last, unfinished chunk in memory.  Each flush stores that chunk *unfiltered* in
the same place of the file; once full it is stored compressed and never touched again.  So a flush costs no
compression, and nothing that was readable before is moved while it may be read.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.record.layout import DIMENSION_WITHOUT_VARIABLE

COMPRESSION_LEVEL = 1
# Mask of the filter pipeline (shuffle, gzip): both left out.
_UNFILTERED = 0b11
_MAX_CHUNK_BYTES = 1 << 20


def describe(dataset: h5py.Dataset, unit: str, long_name: str, **attributes: Any) -> None:
    """Write ``units``, ``long_name`` and further attributes."""
    if unit:
        dataset.attrs["units"] = unit
    if long_name:
        dataset.attrs["long_name"] = long_name
    for name, value in attributes.items():
        dataset.attrs[name] = value


def text_dataset(group: h5py.Group, name: str, text: str, long_name: str) -> h5py.Dataset:
    """Create a scalar UTF-8 text."""
    dataset = group.create_dataset(name, data=text, dtype=h5py.string_dtype("utf-8"))
    describe(dataset, "", long_name)
    return dataset


def coordinate(
    group: h5py.Group,
    name: str,
    values: Sequence[str] | Sequence[float] | NDArray[Any],
    unit: str,
    long_name: str,
) -> h5py.Dataset:
    """Create the coordinate variable of a dimension of fixed length (a dimension scale)."""
    if len(values) and isinstance(values[0], str):
        data: Any = np.array(values, dtype=object)
        dataset = group.create_dataset(name, data=data, dtype=h5py.string_dtype("utf-8"))
        unit = ""
    elif len(values):
        dataset = group.create_dataset(name, data=np.asarray(values, dtype="f8"))
    else:
        # A dimension of length 0 is unlimited in netCDF-4, and HDF5 wants a chunk then.
        dataset = group.create_dataset(
            name, shape=(0,), maxshape=(None,), chunks=(1,), dtype=h5py.string_dtype("utf-8")
        )
        unit = ""
    describe(dataset, unit, long_name)
    dataset.make_scale(name)
    return dataset


def growing_dimension(group: h5py.Group, name: str) -> h5py.Dataset:
    """Create an unlimited dimension without coordinate values; its length is set by ``resize``."""
    dataset = group.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(1 << 20,), dtype=">f4")
    dataset.make_scale(f"{DIMENSION_WITHOUT_VARIABLE}{0:10d}")
    return dataset


def attach(group: h5py.Group, dataset: h5py.Dataset, dims: Sequence[str]) -> None:
    """Tie the axes of a data set to the dimension scales of its group."""
    for axis, dim in enumerate(dims):
        if dim != dataset.name.rpartition("/")[2]:
            dataset.dims[axis].attach_scale(group[dim])


def static_map(
    group: h5py.Group, name: str, data: NDArray[Any], dims: Sequence[str], unit: str, long_name: str
) -> h5py.Dataset:
    """Create a data set that is written once."""
    filters = (
        {"compression": "gzip", "compression_opts": COMPRESSION_LEVEL, "shuffle": True} if data.size else {}
    )
    dataset = group.create_dataset(name, data=data, **filters)
    describe(dataset, unit, long_name)
    attach(group, dataset, dims)
    return dataset


class GrowingArray:
    """A data set that grows row by row, with the unfinished chunk kept in memory.

    Parameters
    ----------
    dataset : h5py.Dataset
        Made by :func:`growing_array`, or found in a file that is resumed.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        self.dataset = dataset
        self.length: int = dataset.shape[0]
        self._row_shape: tuple[int, ...] = dataset.shape[1:]
        self._extent = self.length
        self._chunk: tuple[int, ...] = dataset.chunks
        # Low corners of the chunks that make up one row of chunks.
        axes = (range(0, n, c) for n, c in zip(self._row_shape, self._chunk[1:], strict=True))
        self._corners = list(itertools.product(*axes))
        rows = self._chunk[0]
        self._buffer: NDArray[Any] = np.zeros((rows, *self._row_shape), dataset.dtype)
        self._filled = self.length % rows
        self._dirty = False
        if self._filled:
            self._buffer[: self._filled] = dataset[self.length - self._filled :]

    def append(self, rows: ArrayLike) -> None:
        """Append rows, shape ``(n, *row shape)``; converted to the type of the data set."""
        values = np.asarray(rows)
        capacity = self._chunk[0]
        done = 0
        while done < len(values):
            count = min(capacity - self._filled, len(values) - done)
            self._buffer[self._filled : self._filled + count] = values[done : done + count]
            self._filled += count
            done += count
            self.length += count
            self._dirty = True
            if self._filled == capacity:
                self._store(compressed=True)
                self._filled = 0

    def append_one(self, value: ArrayLike) -> None:
        """Append one row."""
        self._buffer[self._filled] = value
        self._filled += 1
        self.length += 1
        self._dirty = True
        if self._filled == self._chunk[0]:
            self._store(compressed=True)
            self._filled = 0

    def values(self) -> NDArray[Any]:
        """Every row appended so far, also those still in memory."""
        # HDF5 remembers how it last found a chunk, filtered or not, and is not told when a chunk is written
        # directly; a data set that is closed and opened again is looked at afresh.
        file, name = self.dataset.file, self.dataset.name
        del self.dataset
        self.dataset = file[name]
        stored = self.length - self._filled
        return np.concatenate([self.dataset[:stored], self._buffer[: self._filled]])

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return self._row_shape

    def flush(self, final: bool = False) -> None:
        """Store the unfinished chunk; compressed when nothing more will come."""
        if self._filled and (self._dirty or final):
            self._buffer[self._filled :] = np.zeros((), self._buffer.dtype)
            self._store(compressed=final)

    def _store(self, compressed: bool) -> None:
        """Write the buffer as one row of chunks, straight into the file."""
        if self._extent != self.length:
            self.dataset.id.set_extent((self.length, *self._row_shape))
            self._extent = self.length
        start = ((self.length - 1) // self._chunk[0]) * self._chunk[0]
        for low in self._corners:
            block = self._buffer
            if low:
                part = (slice(a, a + c) for a, c in zip(low, self._chunk[1:], strict=True))
                block = block[(slice(None), *part)]
                if block.shape != self._chunk:
                    block = np.pad(block, [(0, c - n) for c, n in zip(self._chunk, block.shape, strict=True)])
                block = np.ascontiguousarray(block)
            data = encode(block) if compressed else block
            # Never compressed to the very size it has uncompressed: where the size of a chunk stays the same,
            # HDF5 does not take note that its filters have changed.
            filtered = len(data) < block.nbytes if compressed else False
            self.dataset.id.write_direct_chunk(
                (start, *low), data if filtered else block, 0 if filtered else _UNFILTERED
            )
        self._dirty = False


def encode(block: NDArray[Any]) -> bytes:
    """Bytes of a chunk after HDF5's shuffle and gzip filters."""
    flat = np.frombuffer(block.data.cast("B"), dtype=np.uint8)
    if block.itemsize > 1:
        flat = np.ascontiguousarray(flat.reshape(-1, block.itemsize).T)
    # What can be gained after shuffling are runs of equal bytes and their uneven frequencies: not searching
    # for longer repeats is twice as fast and costs 3 % of size on fields, nothing on noisy columns.
    stream = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return stream.compress(flat.data) + stream.flush()


def growing_array(
    group: h5py.Group,
    name: str,
    dims: Sequence[str],
    shape: Sequence[int],
    dtype: str,
    unit: str,
    long_name: str,
    *,
    chunk_rows: int,
    split_axes: int = 0,
    scale: bool = False,
) -> GrowingArray:
    """Create a data set of shape ``(0, *shape)`` that grows along its first axis.

    The first ``split_axes`` axes of a row are stored index by index (a cytokine is read without the others).
    """
    row_chunk = (1,) * split_axes + _row_chunk(tuple(shape[split_axes:]), np.dtype(dtype).itemsize)
    fill = np.nan if np.dtype(dtype).kind == "f" else 0
    dataset = group.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *(n or None for n in shape)),
        chunks=(chunk_rows, *row_chunk),
        dtype=dtype,
        compression="gzip",
        compression_opts=COMPRESSION_LEVEL,
        shuffle=True,
        fillvalue=fill,
    )
    describe(dataset, unit, long_name)
    if scale:
        dataset.make_scale(name)
    attach(group, dataset, dims)
    return GrowingArray(dataset)


def _row_chunk(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunk of one row: whole where small, else cut along the leading axes until it has 1 MiB at most."""
    chunk = [max(n, 1) for n in shape]
    for axis in range(len(chunk)):
        if math.prod(chunk) * itemsize <= _MAX_CHUNK_BYTES:
            break
        rest = math.prod(chunk[axis + 1 :]) * itemsize
        chunk[axis] = max(1, _MAX_CHUNK_BYTES // rest)
    return tuple(chunk)


def round_mantissa(values: NDArray[np.float32], bits: int | None) -> NDArray[np.float32]:
    """Round to ``bits`` explicit bits of the mantissa, ties to even, so that gzip finds repeated zeros.

    Parameters
    ----------
    values : float32 array
        Finite values keep a relative error of at most ``2**-(bits + 1)``; NaN and infinities stay.
    bits : int or None
        1 to 23; None returns the input.
    """
    if bits is None or bits >= 23:
        return values
    drop = 23 - bits
    raw = values.view(np.uint32)
    half = np.uint32((1 << (drop - 1)) - 1)
    even = (raw >> np.uint32(drop)) & np.uint32(1)
    rounded = (raw + half + even) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    return np.where(np.isfinite(values), rounded, raw).view(np.float32)
