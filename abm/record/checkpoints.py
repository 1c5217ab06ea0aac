"""Saved states: two slots used in turn, each complete or invalid, never half."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.layout import CHECKPOINT, CHECKPOINT_SLOTS
from abm.record.streams import attach, describe, growing_dimension

_ALIGN = 64
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Checkpoint:
    """One saved state.

    Attributes
    ----------
    tick : int
        When it was saved.
    arrays : dict of str to ndarray
        What the engine handed over; opaque here.
    lengths : dict of str to int
        Length of every growing data set at that moment, by its path in the file.
    """

    tick: int
    arrays: dict[str, NDArray[Any]]
    lengths: dict[str, int]


def create_slots(file: h5py.File) -> None:
    """Make the two empty slots."""
    for slot in CHECKPOINT_SLOTS:
        group = file.create_group(f"{CHECKPOINT}/{slot}")
        group.attrs["tick"] = np.int64(-1)
        group.attrs["complete"] = np.uint8(0)
        group.attrs["crc32"] = np.uint32(0)
        growing_dimension(group, "byte")
        data = group.create_dataset("data", shape=(0,), maxshape=(None,), chunks=(_CHUNK_BYTES,), dtype="u1")
        describe(data, "1", "arrays one after another, 64-byte aligned")
        attach(group, data, ("byte",))
        index = group.create_dataset("index", shape=(), dtype=h5py.string_dtype("utf-8"))
        index[()] = "{}"
        describe(index, "", "name, dtype, shape, offset of every array (JSON)")


def save(
    file: h5py.File,
    tick: int,
    arrays: Mapping[str, NDArray[Any]],
    lengths: Mapping[str, int],
    commit: Callable[[bool], None],
) -> None:
    """Write a state into the slot that holds the older one (or none).

    Parameters
    ----------
    commit : callable(durable)
        Puts what HDF5 holds on disk.  Called before, between and after, so that a kill at any moment leaves
        the other slot valid and this one either complete or marked incomplete.
    """
    ticks = [_tick_of(file, slot) for slot in CHECKPOINT_SLOTS]
    group = file[CHECKPOINT][CHECKPOINT_SLOTS[int(np.argmin(ticks))]]
    blob, entries = _pack(arrays)
    group.attrs.modify("complete", np.uint8(0))
    commit(False)
    group["byte"].resize((len(blob),))
    group["data"].resize((len(blob),))
    group["data"][:] = blob
    group["index"][()] = json.dumps({"arrays": entries, "lengths": dict(lengths)})
    group.attrs.modify("tick", np.int64(tick))
    group.attrs.modify("crc32", np.uint32(zlib.crc32(blob.data)))
    commit(True)
    group.attrs.modify("complete", np.uint8(1))
    commit(True)


def load(file: h5py.File, path: Path, tick: int | None = None) -> Checkpoint:
    """Read the newest valid state, or the one saved at ``tick``.

    Raises
    ------
    RecordError
        The file holds none.
    """
    slots = sorted(CHECKPOINT_SLOTS, key=lambda slot: -_tick_of(file, slot))
    for slot in slots:
        at = _tick_of(file, slot)
        if at < 0 or tick not in (None, at):
            continue
        group = file[CHECKPOINT][slot]
        try:
            blob = group["data"][:]
            index = json.loads(group["index"].asstr()[()])
        except (OSError, ValueError):
            continue
        if zlib.crc32(blob.data) == int(group.attrs["crc32"]):
            arrays = {entry["name"]: _unpack(blob, entry) for entry in index["arrays"]}
            return Checkpoint(at, arrays, index["lengths"])
    held = ticks(file)
    wanted = "" if tick is None else f" of tick {tick} (it holds ticks {held})"
    raise RecordError(f"{path}: the file holds no checkpoint{wanted}; run again from the start")


def forget_after(file: h5py.File, tick: int) -> None:
    """Drop the states that are younger than ``tick``, since what was recorded up to them is dropped too."""
    for slot in CHECKPOINT_SLOTS:
        if _tick_of(file, slot) > tick:
            file[CHECKPOINT][slot].attrs.modify("complete", np.uint8(0))


def ticks(file: h5py.File) -> list[int]:
    """Ticks of the complete states, ascending."""
    return sorted(t for t in (_tick_of(file, slot) for slot in CHECKPOINT_SLOTS) if t >= 0)


def _tick_of(file: h5py.File, slot: str) -> int:
    attributes = file[CHECKPOINT][slot].attrs
    return int(attributes["tick"]) if attributes["complete"] else -1


def _pack(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    entries: list[dict[str, Any]] = []
    offset = 0
    ordered = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in ordered.items():
        if array.dtype.kind in "OV":
            raise ValueError(
                f"checkpoint array {name!r} has dtype {array.dtype}; only plain numbers and text are kept"
            )
        entries.append({"name": name, "dtype": array.dtype.str, "shape": array.shape, "offset": offset})
        offset += -(-array.nbytes // _ALIGN) * _ALIGN
    blob = np.zeros(offset, np.uint8)
    for entry, array in zip(entries, ordered.values(), strict=True):
        raw = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        blob[entry["offset"] : entry["offset"] + raw.size] = raw
    return blob, entries


def _unpack(blob: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(entry["dtype"])
    count = int(np.prod(entry["shape"], dtype=np.int64))
    raw = blob[entry["offset"] : entry["offset"] + count * dtype.itemsize].tobytes()
    return np.frombuffer(raw, dtype).reshape(entry["shape"]).copy()
