"""Add, remove and place cells; the table stays in the order of ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.health import raise_for_status
from abm.engine.state import State
from abm.kernels.fate import place_cells, search_offsets
from abm.state.cells import TISSUE, CellArrays, empty_cells, joined, selected
from abm.state.tables import Ints

SEARCH_VOXELS = 2  # how far from the wanted voxel a newcomer looks for room


def new_rows(model: Model, state: State, origin: int, cell_type: int, n: int) -> CellArrays:
    """Rows for `n` cells that appear now, with fresh ids and the initial variables of their type."""
    rows = empty_cells(n, model.variables.initial.shape[1])
    rows.id[:] = state.identities.take(origin, n)
    rows.parent[:] = -1
    rows.birth_tick[:] = state.tick
    rows.type[:] = cell_type
    rows.place[:] = TISSUE
    rows.variables[:] = model.variables.initial[cell_type]
    return rows


def place_near(model: Model, state: State, stream: int, rows: CellArrays, wanted: Ints) -> NDArray[np.bool_]:
    """Give each of `rows` a place in or next to its wanted voxel; false where there is no room.

    Occupancy is updated; position, voxel and place of the rows are written.
    """
    offsets = state.work.get("offsets")
    if offsets is None:
        spacing = model.grid.spacing
        radius = SEARCH_VOXELS * max(spacing[:2] if model.grid.is_flat else spacing)
        offsets = state.work["offsets"] = search_offsets(model.grid.shape, spacing, radius)
    voxel = np.full(len(rows.id), -1, np.int64)
    status, row, _ = place_cells(
        np.uint64(model.seed),
        stream,
        model.clock.step_of(state.tick),
        rows.id,
        wanted,
        model.space[rows.type],
        model.grid.spacing,
        offsets,
        model.tissue,
        model.capacity,
        state.occupancy,
        rows.position,
        voxel,
    )
    raise_for_status(model, state.tick, status, rows, row)
    placed = voxel >= 0
    rows.voxel[placed] = voxel[placed]
    rows.place[placed] = TISSUE
    return placed


def add_cells(model: Model, state: State, rows: CellArrays) -> None:
    """Take new rows into the table, in the order of ids."""
    if len(rows.id) == 0:
        return
    ids = state.cells.id
    low, high = np.searchsorted(ids, rows.id[[0, -1]])
    if low == high and (np.diff(rows.id) > 0).all():
        # Born or arrived together, they have ids in a row: all belong between the same two cells.
        before, after = selected(state.cells, slice(0, low)), selected(state.cells, slice(low, None))
        state.cells = joined(joined(before, rows), after)
        return
    cells = joined(state.cells, rows)
    state.cells = selected(cells, np.argsort(cells.id, kind="stable"))


def remove_cells(model: Model, state: State, gone: NDArray[np.bool_]) -> None:
    """Drop rows from the table and give back the room of those in the tissue."""
    if not gone.any():
        return
    cells = state.cells
    bodies = gone & (cells.place == TISSUE)
    np.subtract.at(state.occupancy.reshape(-1), cells.voxel[bodies], model.space[cells.type[bodies]])
    state.cells = selected(cells, ~gone)
