"""Outlines of masks along the edges of their voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ring = list[tuple[int, int]]

# Directions right, up, left, down as steps of a corner (x, y).
_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))


def rings(mask: NDArray[np.bool_]) -> list[Ring]:
    """Closed outlines of a mask, the mask on their left.

    Parameters
    ----------
    mask : (ny, nx) bool

    Returns
    -------
    list of list of (i, j)
        Corners where a ring turns, as numbers of voxel edges along x (0 to nx) and y (0 to ny); the last
        corner joins the first.  Voxels that touch in a corner only have separate rings.
    """
    edges = _edges(mask)
    found = []
    while edges:
        start = next(iter(edges))
        corner, heading = start
        ring: Ring = []
        while True:
            del edges[corner, heading]
            step = _STEPS[heading]
            corner = (corner[0] + step[0], corner[1] + step[1])
            # The sharpest turn to the left first keeps voxels that touch in a corner apart.
            turned = next((h for h in _turns(heading) if (corner, h) in edges), None)
            if turned is None:
                # Back at the first edge, which is used up.
                turned = start[1]
            if turned != heading:
                ring.append(corner)
            heading = turned
            if (corner, heading) == start:
                break
        found.append(ring)
    return found


def _turns(heading: int) -> tuple[int, int, int]:
    return (heading + 1) % 4, heading, (heading - 1) % 4


def _edges(mask: NDArray[np.bool_]) -> dict[tuple[tuple[int, int], int], None]:
    """Edges between inside and outside as (corner they start from, direction), the inside on their left."""
    padded = np.pad(mask.astype(bool), 1)
    inside = padded[1:-1, 1:-1]
    sides = (
        (padded[:-2, 1:-1], 0, (0, 0)),  # nothing below: to the right along the lower edge
        (padded[1:-1, 2:], 1, (1, 0)),
        (padded[2:, 1:-1], 2, (1, 1)),
        (padded[1:-1, :-2], 3, (0, 1)),
    )
    edges: dict[tuple[tuple[int, int], int], None] = {}
    for beside, heading, (di, dj) in sides:
        for j, i in np.argwhere(inside & ~beside).tolist():
            edges[(i + di, j + dj), heading] = None
    return edges
