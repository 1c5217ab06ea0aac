"""Shapes as arrays over the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.errors import CompileError
from abm.scenario.raster import ImageError, inside, signed_distance
from abm.scenario.schema.shapes import Shape
from abm.state.grid import Grid


def mask(shape: Shape, grid: Grid) -> NDArray[np.bool_]:
    """Voxels whose centre lies in a shape.

    Returns
    -------
    (nz, ny, nx) bool

    Raises
    ------
    abm.errors.CompileError
        If an image cannot be read.
    """
    try:
        return np.ascontiguousarray(np.broadcast_to(inside(shape, grid), grid.shape))
    except ImageError as error:
        raise CompileError(str(error)) from None


def weight(shape: Shape, grid: Grid, edge: float) -> NDArray[np.float64]:
    """Smooth indicator of a shape: 1 inside, 0 outside, 1/2 at its border.

    ``w = (1 - tanh(2 d / edge)) / 2`` with the signed distance d: it falls from 0.88 to 0.12 over
    the width `edge`.  With ``edge = 0`` it is the mask.

    Parameters
    ----------
    edge : float [um]

    Returns
    -------
    (nz, ny, nx) float64

    Raises
    ------
    abm.errors.CompileError
        If an image cannot be read.
    """
    if edge <= 0.0:
        return mask(shape, grid).astype(np.float64)
    try:
        distance = signed_distance(shape, grid)
    except ImageError as error:
        raise CompileError(str(error)) from None
    soft = 0.5 * (1.0 - np.tanh(2.0 * distance / edge))
    return np.ascontiguousarray(np.broadcast_to(soft, grid.shape))
