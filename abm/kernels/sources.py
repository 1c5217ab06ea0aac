"""Sources of the fields: what the tissue produces and what the cells secrete, voxel by voxel."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def add_scaled(values, factor, out):
    """``out += factor * values`` for the voxels of one field, (n_voxel,)."""
    for v in range(out.size):
        out[v] += factor * values[v]


@njit(cache=True, error_model="numpy")
def scale_by_place(values, index, out):
    """``out *= values[index]`` for the voxels of one field, (n_voxel,)."""
    for v in range(out.size):
        out[v] *= values[index[v]]


@njit(cache=True, error_model="numpy")
def sum_over_places(values, index, tissue):
    """Sum of ``values[index] * tissue`` over the voxels, one after the other."""
    total = 0.0
    for v in range(index.size):
        total += values[index[v]] * tissue[v]
    return total


@njit(cache=True, error_model="numpy")
def add_secretion(voxel, behaviours, columns, volume, scratch, source):
    """Add what the cells secrete to the sources.

    What the cells of a voxel secrete is summed in row order first, so that the result does not hang on
    what else is in the voxel; only voxels with cells are touched.

    Parameters
    ----------
    voxel : (n,) int64
    behaviours : (n, n_behaviour) float64
    columns : (n_field,) int64
        Column of the secretion of each field [fg/min], -1 where no cell secretes it.
    volume : float
        By which an amount per voxel becomes a concentration [fg ml/pg].
    scratch : (n_field, n_voxel) float64
        Zero before and after.
    source : (n_field, n_voxel) float64 [pg/ml/min]
        Added to.

    Returns
    -------
    (row, f)
        Of the first secretion that is negative or not finite, nothing being added then; else -1, -1.
    """
    for i in range(voxel.size):
        for f in range(columns.size):
            if columns[f] >= 0 and not (0.0 <= behaviours[i, columns[f]] < np.inf):
                return i, f
    for i in range(voxel.size):
        for f in range(columns.size):
            if columns[f] >= 0 and behaviours[i, columns[f]] != 0.0:
                scratch[f, voxel[i]] += behaviours[i, columns[f]]
    for i in range(voxel.size):
        v = voxel[i]
        for f in range(columns.size):
            if columns[f] >= 0 and behaviours[i, columns[f]] != 0.0 and scratch[f, v] != 0.0:
                source[f, v] += scratch[f, v] / volume
                scratch[f, v] = 0.0
    return -1, -1
