"""Cells and voxels: which voxel a cell is in, who is near, and sums over voxels and blocks.

A voxel is named by its flat index ``(iz * ny + iy) * nx + ix``.  Sums run in row order within every
voxel and block, so the result has the same bytes for any number of threads.  If the rows of the cell
table are in id order, row order is id order.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from abm.errors import CompileError
from abm.kernels.status import BAD_VOXEL, OK, OUT_OF_DOMAIN


@njit(cache=True, error_model="numpy")
def axis_index(x, d, n):
    """Index of the voxel that holds coordinate ``x`` on an axis of ``n`` voxels of size ``d``; else -1.

    The domain is [0, n d); a coordinate just below n d stays in the last voxel whatever the rounding.
    """
    if not (0.0 <= x < n * d):
        return -1
    return min(int(x / d), n - 1)


@njit(cache=True, error_model="numpy")
def voxel_of_positions(positions, shape, spacing, out):
    """Flat voxel index of every position.

    Parameters
    ----------
    positions : (n, 3) float64
        x, y, z [um]; the origin is the low corner of the domain.
    shape : (nz, ny, nx) of int
    spacing : (dx, dy, dz) of float [um]
    out : (n,) int64
        Written; -1 where the position is outside the domain or not a number.

    Returns
    -------
    (status, row)
        ``OUT_OF_DOMAIN`` and the first such row, else ``OK`` and -1.
    """
    nz, ny, nx = shape
    dx, dy, dz = spacing
    status, row = OK, -1
    for i in range(positions.shape[0]):
        ix = axis_index(positions[i, 0], dx, nx)
        iy = axis_index(positions[i, 1], dy, ny)
        iz = axis_index(positions[i, 2], dz, nz)
        if ix < 0 or iy < 0 or iz < 0:
            out[i] = -1
            if status == OK:
                status, row = OUT_OF_DOMAIN, i
        else:
            out[i] = (iz * ny + iy) * nx + ix
    return status, row


@njit(cache=True, error_model="numpy")
def sort_by_voxel(voxel, order, start):
    """Stable counting sort of cells by voxel.

    Parameters
    ----------
    voxel : (n,) int64
        Flat voxel index per row.
    order : (n,) int64
        Written: rows grouped by voxel, in row order within a voxel.
    start : (n_voxel + 1,) int64
        Written: the rows of voxel ``v`` are ``order[start[v]:start[v + 1]]``.

    Returns
    -------
    (status, row)
        ``BAD_VOXEL`` and the row if an index is outside the grid, else ``OK`` and -1.
    """
    n_voxel = start.size - 1
    start[:] = 0
    for i in range(voxel.size):
        v = voxel[i]
        if v < 0 or v >= n_voxel:
            return BAD_VOXEL, i
        start[v] += 1
    total = 0
    for v in range(n_voxel):
        total += start[v]
        start[v] = total
    start[n_voxel] = total
    # Filling from the back leaves start[v] at the first row of v and keeps row order.
    for i in range(voxel.size - 1, -1, -1):
        v = voxel[i]
        start[v] -= 1
        order[start[v]] = i
    return OK, -1


@njit(cache=True, error_model="numpy")
def count_by_label(voxel, label, out):
    """Number of cells of each label in each voxel.

    Parameters
    ----------
    voxel : (n,) int64
    label : (n,) int
        Type, phenotype or any other grouping, 0 .. n_label - 1; a negative label is not counted.
    out : (n_label, nz, ny, nx) int32
        Written.
    """
    out[:] = 0
    flat = out.reshape(out.shape[0], -1)
    for i in range(voxel.size):
        if label[i] >= 0:
            flat[label[i], voxel[i]] += 1


@njit(cache=True, error_model="numpy")
def contact_counts(voxel, label, order, start, shape, out):
    """For each cell, how many other cells of each label touch it.

    Contact means: in the same voxel or in one that shares a face, an edge or a corner (8 neighbours in
    2-D, 26 in 3-D).  The cell itself is not counted.

    Parameters
    ----------
    voxel : (n,) int64
    label : (n,) int
        0 .. n_label - 1; a cell with a negative label is nobody's contact but has contacts.
    order, start : as written by :func:`sort_by_voxel` for the same ``voxel``
    shape : (nz, ny, nx) of int
    out : (n, n_label) int32
        Written.
    """
    nz, ny, nx = shape
    out[:] = 0
    for i in range(voxel.size):
        v = voxel[i]
        row = v // nx
        ix = v - row * nx
        iz = row // ny
        iy = row - iz * ny
        x0, x1 = max(ix - 1, 0), min(ix + 1, nx - 1)
        for jz in range(max(iz - 1, 0), min(iz + 1, nz - 1) + 1):
            for jy in range(max(iy - 1, 0), min(iy + 1, ny - 1) + 1):
                base = (jz * ny + jy) * nx
                for k in range(start[base + x0], start[base + x1 + 1]):
                    other = label[order[k]]
                    if other >= 0:
                        out[i, other] += 1
        if label[i] >= 0:
            out[i, label[i]] -= 1


@njit(cache=True, error_model="numpy")
def sum_occupancy(voxel, space, out):
    """Space units used in each voxel: ``out`` (nz, ny, nx) int32 is written from scratch."""
    out[:] = 0
    flat = out.reshape(-1)
    for i in range(voxel.size):
        flat[voxel[i]] += space[i]


@njit(cache=True, error_model="numpy")
def release_space(rows, voxel, space, occupancy):
    """Give back the space of the cells in ``rows`` (they are leaving the tissue)."""
    flat = occupancy.reshape(-1)
    for k in range(rows.size):
        flat[voxel[rows[k]]] -= space[rows[k]]


@njit(cache=True, error_model="numpy")
def sum_per_voxel(voxel, values, out):
    """Sum a per-cell quantity of every field over the cells of each voxel, in row order.

    Parameters
    ----------
    voxel : (n,) int64
    values : (n, n_field) float64
        For example the secretion of every cell [fg/min].
    out : (n_field, nz, ny, nx) float64
        Written from scratch, same unit.
    """
    out[:] = 0.0
    flat = out.reshape(out.shape[0], -1)
    for i in range(voxel.size):
        v = voxel[i]
        for f in range(values.shape[1]):
            flat[f, v] += values[i, f]


@njit(cache=True, error_model="numpy", parallel=True)
def sum_per_voxel_parallel(values, order, start, out):
    """As :func:`sum_per_voxel`, with the same bytes, gathered per voxel by several threads.

    ``order`` and ``start`` are those of :func:`sort_by_voxel`.  Pays beyond about 1e5 cells.
    """
    flat = out.reshape(out.shape[0], -1)
    for v in prange(start.size - 1):
        for f in range(values.shape[1]):
            total = 0.0
            for k in range(start[v], start[v + 1]):
                total += values[order[k], f]
            flat[f, v] = total


def voxels_per_block(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], side: float
) -> tuple[int, int, int]:
    """Voxels per side (bz, by, bx) of square (2-D) or cubic (3-D) blocks of side ``side`` [um].

    An axis of a single voxel gets 1.  Blocks at the far faces of the domain may be partial; the block of
    every voxel is :meth:`abm.state.grid.Grid.block_of_voxel`.

    Raises
    ------
    CompileError
        If ``side`` is not a positive whole multiple of the voxel size along every axis of more than
        one voxel.
    """
    per_block = []
    for n, d, axis in zip(shape, spacing[::-1], "zyx", strict=True):
        if n == 1:
            per_block.append(1)
            continue
        k = round(side / d) if 0 < side < np.inf else 0
        if k < 1 or abs(k * d - side) > 1e-9 * side:
            raise CompileError(
                f"block of {side:g} um: must be a positive whole multiple of the voxel size, "
                f"{d:g} um along {axis}"
            )
        per_block.append(k)
    return per_block[0], per_block[1], per_block[2]


@njit(cache=True, error_model="numpy")
def count_per_block(voxel, label, block, out):
    """Number of cells of each label in each block.

    Parameters
    ----------
    voxel, label : (n,) int
        A negative label is not counted.
    block : (n_voxel,) int64
        Flat block index of every voxel (:meth:`abm.state.grid.Grid.block_of_voxel`).
    out : (n_label, nbz, nby, nbx) int32
        Written.
    """
    out[:] = 0
    flat = out.reshape(out.shape[0], -1)
    for i in range(voxel.size):
        if label[i] >= 0:
            flat[label[i], block[voxel[i]]] += 1


@njit(cache=True, error_model="numpy")
def sum_per_block(voxel, label, value, block, out):
    """Sum of a per-cell variable for each label and block, in row order.

    Parameters as for :func:`count_per_block`, with ``value`` (n,) float64 and ``out``
    (n_label, nbz, nby, nbx) float64, which is written.
    """
    out[:] = 0.0
    flat = out.reshape(out.shape[0], -1)
    for i in range(voxel.size):
        if label[i] >= 0:
            flat[label[i], block[voxel[i]]] += value[i]


@njit(cache=True, error_model="numpy")
def sum_voxels_per_block(values, block, out):
    """Sum of a voxel quantity (for example the tissue mask) over each block, in voxel order.

    ``values`` is (nz, ny, nx), ``block`` (n_voxel,); ``out`` (nbz, nby, nbx) float64 is written.
    """
    out[:] = 0.0
    flat = out.reshape(-1)
    source = values.reshape(-1)
    for v in range(source.size):
        flat[block[v]] += source[v]
