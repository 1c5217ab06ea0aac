"""Move the motile cells: persistent walks, biased along the gradients they are sensitive to."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model
from abm.engine.health import raise_for_status
from abm.engine.state import State
from abm.kernels.walk import walk
from abm.state.tables import Floats


def move_cells(model: Model, state: State, behaviours: Floats) -> None:
    """Re-orient and move every live cell in the tissue that has a speed.

    Parameters
    ----------
    behaviours : (n, n_behaviour) float64
    """
    columns = model.behaviours
    if columns.speed < 0:
        return
    status, row, n_full, n_wall = walk(
        np.uint64(model.seed),
        model.clock.step_of(state.tick),
        state.cells,
        behaviours,
        np.array([columns.speed, columns.bias, columns.persistence]),
        columns.sensitivity,
        state.here,
        model.space,
        model.clock.cell_step,
        2 if model.grid.is_flat else 3,
        model.grid.spacing,
        (model.tissue, model.capacity, state.occupancy),
    )
    raise_for_status(model, state.tick, status, state.cells, row)
    state.moves_refused += np.array([n_full, n_wall])
