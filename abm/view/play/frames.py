"""Frames as bytes: the binary answer with the cells, see docs/playback_format.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record import CellFrame
from abm.record.layout import STANDARD_COLUMNS
from abm.view.play.describe import Grid

ALIGNMENT = 8
CELL_COLUMNS = tuple(column.name for column in STANDARD_COLUMNS)
TYPES: Mapping[str, str] = {column.name: column.dtype for column in STANDARD_COLUMNS}
VARIABLE_TYPE = "f4"


def wanted_columns(asked: Iterable[str]) -> list[str]:
    """The columns of an answer: those that every one has, then those asked for, none twice."""
    return list(dict.fromkeys([*CELL_COLUMNS, *asked]))


def in_layer(cells: CellFrame, grid: Grid, layer: int) -> CellFrame:
    """Cells of the tissue whose centre lies in a layer of voxels, and all cells outside the tissue."""
    number = np.floor((cells["z"] - grid.origin[2]) / grid.spacing[2])
    keep = (cells["place"] != 0) | (np.clip(number, 0, grid.shape[0] - 1) == layer)
    kept = {name: values[keep] for name, values in cells.columns.items()}
    return CellFrame(cells.time, cells.tick, kept, cells.labels, cells.units)


def encode_cells(cells: CellFrame) -> bytes:
    """A frame of cells as the answer ``cells``."""
    arrays = {
        name: np.ascontiguousarray(values, "<" + TYPES.get(name, VARIABLE_TYPE))
        for name, values in cells.columns.items()
    }
    body, columns = lay_out([(name, TYPES.get(name, VARIABLE_TYPE), arrays[name]) for name in arrays])
    return with_head({"time": cells.time, "n": len(cells), "columns": columns}, [body])


def with_head(about: Mapping[str, Any], parts: Sequence[bytes]) -> bytes:
    """A head in JSON, then parts; what follows the head starts at a multiple of eight."""
    head = json.dumps(about, separators=(",", ":"), allow_nan=False).encode()
    head += b" " * (-(4 + len(head)) % ALIGNMENT)
    return b"".join([len(head).to_bytes(4, "little"), head, *parts])


def lay_out(columns: Sequence[tuple[str, str, NDArray[Any]]]) -> tuple[bytes, list[dict[str, Any]]]:
    """Columns (name, type, array) one after another, each from a multiple of eight on, and where they are."""
    parts: list[bytes] = []
    places: list[dict[str, Any]] = []
    at = 0
    for name, kind, values in columns:
        data = values.tobytes()
        places.append({"name": name, "type": kind, "offset": at, "bytes": len(data)})
        padding = -len(data) % ALIGNMENT
        parts += [data, bytes(padding)]
        at += len(data) + padding
    return b"".join(parts), places
