"""The cell table: one row per cell, columns as arrays, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TISSUE = 0  # `place` of a cell in the tissue; waiting cells carry 1 + the index of their compartment

ORIGIN_BITS = 32  # an id is (origin << ORIGIN_BITS) + a counter of that origin; ids stay below 2^48
PLACED = 0  # origin of the cells of the initial tissue
BORN = 1  # origin of daughters
ARRIVED = 2  # first of the origins of arrivals, one per cell type
INJECTED = 1000  # first of the origins of injected cells, one per intervention


class CellArrays(NamedTuple):
    """Columns of the cell table, ``n`` rows in order of appearance."""

    id: NDArray[np.int64]  # (n,)
    parent: NDArray[np.int64]  # (n,)
    birth_tick: NDArray[np.int64]  # (n,)
    type: NDArray[np.int64]  # (n,)
    phenotype: NDArray[np.int64]  # (n,) index within the type
    dead: NDArray[np.uint8]  # (n,)
    place: NDArray[np.int64]  # (n,)
    voxel: NDArray[np.int64]  # (n,) flat; 0 while waiting
    position: NDArray[np.float64]  # (n, 3) um
    direction: NDArray[np.float64]  # (n, 3)
    variables: NDArray[np.float64]  # (n, n_slot)


@dataclass(frozen=True)
class Column:
    """Declaration of one column; drives allocation, checkpoint, result file and documentation."""

    name: str
    dtype: str
    width: int  # values per cell; 0 for a scalar, -1 for the variable slots
    unit: str
    meaning: str


CELL_COLUMNS = (
    Column("id", "int64", 0, "1", "identity, never reused"),
    Column("parent", "int64", 0, "1", "id of the mother; -1 for a cell that was placed, arrived or injected"),
    Column("birth_tick", "int64", 0, "tick", "step at which the cell appeared"),
    Column("type", "int64", 0, "1", "index of the cell type"),
    Column("phenotype", "int64", 0, "1", "index of the phenotype within its type"),
    Column("dead", "uint8", 0, "1", "1 for a dead body that is not yet cleared"),
    Column("place", "int64", 0, "1", "0 in the tissue, otherwise 1 + index of the compartment it waits in"),
    Column("voxel", "int64", 0, "1", "flat index of its voxel"),
    Column("position", "float64", 3, "um", "x, y, z from the low corner of the domain"),
    Column("direction", "float64", 3, "1", "unit vector of its walk"),
    Column("variables", "float64", -1, "1", "per-cell variables in the slots of its type"),
)


def empty_cells(n: int, n_slot: int) -> CellArrays:
    """A table of `n` zeroed rows with `n_slot` variables each."""
    widths = {0: (), 3: (3,), -1: (n_slot,)}
    return CellArrays._make(
        np.zeros((n, *widths[column.width]), np.dtype(column.dtype)) for column in CELL_COLUMNS
    )


def joined(first: CellArrays, second: CellArrays) -> CellArrays:
    """Rows of `second` appended to `first`, as new arrays."""
    return CellArrays._make(np.concatenate([a, b]) for a, b in zip(first, second, strict=True))


def selected(cells: CellArrays, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> CellArrays:
    """Some rows (a mask, indices or a slice) as new arrays."""
    return CellArrays._make(np.array(column[rows], order="C") for column in cells)


class Identities:
    """Hands out ids that are never reused, in a separate sequence per origin.

    Sequences are separate so that two arms of an experiment give the same cell the same id although
    one of them had injected cells or more births before.
    """

    def __init__(self, issued: dict[int, int] | None = None) -> None:
        self.issued = dict(issued or {})

    def take(self, origin: int, n: int) -> NDArray[np.int64]:
        """The next `n` ids of an origin, ``(n,)`` int64."""
        start = self.issued.get(origin, 0)
        self.issued[origin] = start + n
        return (np.int64(origin) << ORIGIN_BITS) + np.arange(start, start + n, dtype=np.int64)
