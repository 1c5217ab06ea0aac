"""Move the motile cells: persistent walks, biased along the gradients they are sensitive to."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model
from abm.engine.health import raise_for_status
from abm.engine.state import State
from abm.kernels.chemotaxis import chemotactic_vectors
from abm.kernels.motion import move, reorient
from abm.state.cells import TISSUE
from abm.state.tables import Floats, Ints


def move_cells(model: Model, state: State, behaviours: Floats) -> None:
    """Re-orient and move every live cell in the tissue that has a speed.

    Parameters
    ----------
    behaviours : (n, n_behaviour) float64
    """
    columns, cells = model.behaviours, state.cells
    if columns.speed < 0:
        return
    speeds = behaviours[:, columns.speed]
    rows = np.flatnonzero((speeds != 0.0) & (cells.place == TISSUE) & (cells.dead == 0))
    if len(rows) == 0:
        return
    seed = np.uint64(model.seed)
    dt = model.clock.cell_step
    ids, directions = cells.id[rows], cells.direction[rows]
    chemotaxis = np.zeros((len(rows), 3))
    chemotactic_vectors(cells.voxel[rows], behaviours[rows], columns.sensitivity, state.here, chemotaxis)
    status, row = reorient(
        seed,
        model.clock.step_of(state.tick),
        ids,
        directions,
        speeds[rows],
        _column(behaviours, columns.bias, rows),
        _column(behaviours, columns.persistence, rows),
        chemotaxis,
        dt,
        2 if model.grid.is_flat else 3,
    )
    raise_for_status(model, state.tick, status, cells, int(rows[row]))
    cells.direction[rows] = directions
    status, row, _, n_full, n_wall = move(
        rows,
        cells.id,
        cells.position,
        cells.direction,
        cells.voxel,
        speeds,
        model.space[cells.type],
        dt,
        model.grid.spacing,
        model.tissue,
        model.capacity,
        state.occupancy,
    )
    raise_for_status(model, state.tick, status, cells, row)
    state.moves_refused += np.array([n_full, n_wall])


def _column(behaviours: Floats, column: int, rows: Ints) -> Floats:
    return behaviours[rows, column] if column >= 0 else np.zeros(len(rows))
