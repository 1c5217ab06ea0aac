"""A recorded file of many gigabytes, made in minutes by repeating the chunks of a small one."""

from __future__ import annotations

import itertools
from pathlib import Path

import h5py
import numpy as np

GROUPS = ("readout", "fields", "cells", "budget", "ledger")
ROWS = 4096  # of a chunk of the cell table
SMALL = 1 << 20  # bytes; what is larger is copied chunk by chunk


def repeat(source: Path, target: Path, size: float) -> int:
    """Write `source` over and over into `target` until it has about `size` bytes.

    The chunks are copied as they are; every repetition continues the clocks of the one before.

    Parameters
    ----------
    source : path
        A finished file whose frames of cells fill their chunks: a multiple of 4,096 cells each.

    Returns
    -------
    int
        Number of frames of fields.
    """
    target.write_bytes(source.read_bytes())
    times = int(np.ceil(size / source.stat().st_size))
    with h5py.File(target, "r+") as file:
        for group in GROUPS:
            for name, dataset in file[group].items():
                if dataset.maxshape and dataset.maxshape[0] is None:
                    _extend(name, dataset, times)
        return int(file["fields/time"].shape[0])


def _extend(name: str, dataset: h5py.Dataset, times: int) -> None:
    count = dataset.shape[0]
    if dataset.compression is None:
        # Stands for a dimension and holds nothing.
        dataset.resize(count * times, axis=0)
    elif dataset.nbytes < SMALL:
        values = dataset[:]
        tiled = np.tile(values, (times, *(1,) * (values.ndim - 1)))
        if name in ("time", "tick", "frame_start"):
            span = values[-1] + values[1] - 2 * values[0]
            tiled += np.repeat(np.arange(times), count).astype(values.dtype) * span
        dataset.resize(count * times, axis=0)
        dataset[:] = tiled
    else:
        axes = (range(0, n, c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
        chunks = [(corner, *dataset.id.read_direct_chunk(corner)) for corner in itertools.product(*axes)]
        dataset.resize(count * times, axis=0)
        for k in range(1, times):
            for (first, *rest), mask, data in chunks:
                dataset.id.write_direct_chunk((k * count + first, *rest), data, mask)
