"""One step of all motile cells: who moves, along which gradients, and where to."""

from __future__ import annotations

import numpy as np
from numba import njit

from abm.kernels.chemotaxis import chemotactic_vector
from abm.kernels.motion import move, reorient
from abm.kernels.rng import MOTION, fill_uniform
from abm.kernels.status import OK


@njit(cache=True, error_model="numpy")
def walk(seed, step, cells, behaviours, columns, sensitivity, here, body, dt, ndim, spacing, room):
    """Re-orient and move every live cell in the tissue that has a speed.

    Parameters
    ----------
    seed : uint64
    step : int
    cells : CellArrays
        Positions, directions and voxels are changed in place.
    behaviours : (n, n_behaviour) float64
    columns : (3,) int64
        Of speed, bias and persistence among the behaviours, -1 where no cell has one.
    sensitivity : (n_field,) int64
        Of the chemotactic sensitivities, likewise.
    here : Surroundings
    body : (n_type,) int32
        Room that a cell takes.
    dt : float [min]
    ndim : int
        2 or 3.
    spacing : (dx, dy, dz) of float [um]
    room : (tissue, capacity, occupancy)
        As for `abm.kernels.motion.move`; occupancy is updated in place.

    Returns
    -------
    (status, row, n_full, n_wall)
    """
    rows = motile_rows(cells, behaviours, columns[0])
    speed, space = np.zeros(cells.id.size), np.zeros(cells.id.size, np.int64)
    bias, persistence = np.zeros(rows.size), np.zeros(rows.size)
    types, voxels, kept = cells.type, cells.voxel, cells.direction
    for k in range(rows.size):
        i = rows[k]
        speed[i], space[i] = behaviours[i, columns[0]], body[types[i]]
        bias[k] = behaviours[i, columns[1]] if columns[1] >= 0 else 0.0
        persistence[k] = behaviours[i, columns[2]] if columns[2] >= 0 else 0.0
    ids, directions, chemotaxis = cells.id[rows], kept[rows], np.zeros((rows.size, 3))
    u = np.empty(rows.size)
    fill_uniform(seed, MOTION, step, ids, 0, u)
    c, floor, tissue, shape, width = (
        here.concentration,
        here.sensing_floor,
        here.tissue,
        here.shape,
        here.spacing,
    )
    for k in range(rows.size):
        # `reorient` keeps the direction, and reads no gradient, where the draw exceeds x >= 1 - exp(-x).
        ux, uy, uz = directions[k, 0], directions[k, 1], directions[k, 2]
        if (
            persistence[k] > 0.0
            and u[k] >= dt / persistence[k]
            and not (ux == 0.0 and uy == 0.0 and uz == 0.0)
        ):
            continue
        i = rows[k]
        chemotaxis[k, 0], chemotaxis[k, 1], chemotaxis[k, 2] = chemotactic_vector(
            c, floor, tissue, shape, width, voxels[i], behaviours[i], sensitivity
        )
    status, k = reorient(seed, step, ids, directions, speed[rows], bias, persistence, chemotaxis, dt, ndim)
    if status != OK:
        return status, rows[k], 0, 0
    for k in range(rows.size):
        for axis in range(3):
            kept[rows[k], axis] = directions[k, axis]
    tissue3, capacity, occupancy = room
    status, row, _, n_full, n_wall = move(
        rows, cells.id, cells.position, cells.direction, cells.voxel, speed, space, dt, spacing, tissue3,
        capacity, occupancy,
    )  # fmt: skip
    return status, row, n_full, n_wall


@njit(cache=True, error_model="numpy")
def motile_rows(cells, behaviours, column):
    """Rows of the live cells in the tissue whose speed is not 0."""
    place, dead, rows, n = cells.place, cells.dead, np.empty(cells.id.size, np.int64), 0
    for i in range(rows.size):
        if place[i] == 0 and dead[i] == 0 and behaviours[i, column] != 0.0:
            rows[n] = i
            n += 1
    return rows[:n]
