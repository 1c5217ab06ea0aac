"""Initial tissue: where the cells of each type stand before anything happens."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Labels
from abm.compile.space import Space
from abm.errors import CompileError
from abm.kernels.fate import place_cells, search_offsets
from abm.kernels.rng import PLACEMENT, uniform
from abm.kernels.status import MESSAGES, OK
from abm.scenario.schema import Scenario
from abm.state.cells import PLACED, CellArrays, Identities, empty_cells
from abm.state.tables import Floats

SEARCH_RADIUS = 3  # voxels; how far from its box a cell may be put when its voxel is full


def territories(n: int, size: tuple[float, float, float], flat: bool) -> NDArray[np.float64]:
    """Low corners and sides of `n` boxes of equal volume that fill the domain, one cell for each.

    Layers hold nearly equal numbers of rows, rows nearly equal numbers of boxes, so that densities
    are even at every scale above one box.

    Returns
    -------
    (n, 6) float64 [um]
        x, y, z of the low corner, then the side lengths.
    """
    lx, ly, lz = size
    side = (lx * ly / n) ** 0.5 if flat else (lx * ly * lz / n) ** (1.0 / 3.0)
    n_layer = 1 if flat else max(1, round(lz / side))
    boxes: list[tuple[float, ...]] = []
    z = 0.0
    for layer in _shares(n, n_layer):
        height = lz * (layer / n)
        n_row = max(1, min(layer, round(ly / side)))
        y = 0.0
        for row in _shares(layer, n_row):
            depth = ly * row / layer
            width = lx / row
            boxes.extend((j * width, y, z, width, depth, height) for j in range(row))
            y += depth
        z += height
    return np.array(boxes, np.float64).reshape(-1, 6)


def _shares(n: int, parts: int) -> list[int]:
    """`n` split into `parts` whole numbers that differ by at most one; empty parts are left out."""
    edges = [(i * n) // parts for i in range(parts + 1)]
    return [b - a for a, b in pairwise(edges) if b > a]


def candidate_positions(kind: str, n: int, key: int, space: Space, seed: int) -> NDArray[np.float64]:
    """Positions of `n` cells before the tissue mask is applied, (n, 3) [um].

    Parameters
    ----------
    kind : str
        `territories` (one cell per box, jittered inside) or `random` (independent, uniform).
    key : int
        Number of the cell type; types draw from separate ids.
    """
    size = space.grid.size
    draws = np.array(
        [
            [uniform(np.uint64(seed), PLACEMENT, 0, (key << 32) + i, axis) for axis in range(3)]
            for i in range(n)
        ]
    ).reshape(-1, 3)
    if kind == "random":
        return np.asarray(draws * np.asarray(size))
    boxes = territories(n, size, space.grid.is_flat)
    return np.asarray(boxes[:, :3] + draws * boxes[:, 3:])


def initial_cells(
    scenario: Scenario, space: Space, names: Labels, initial: Floats, body: NDArray[np.int32], seed: int
) -> tuple[CellArrays, Identities]:
    """The naive tissue.

    Parameters
    ----------
    initial : (n_type, n_slot) float64
        Starting values of the variables.
    body : (n_type,) int32 [um^3]
        Room that a cell of each type takes.

    Raises
    ------
    CompileError
        If the cells do not fit into the tissue.
    """
    grid = space.grid
    volume = grid.n_voxel * grid.voxel_volume
    types, positions = [], []
    for k, cell_type in enumerate(scenario.cell_types.values()):
        n = round(float(cell_type.density) * volume)
        if n == 0:
            continue
        points = candidate_positions(cell_type.placement, n, k, space, seed)
        points = points[space.tissue.reshape(-1)[grid.voxel_of(points)] == 1]
        types.append(np.full(len(points), k, np.int64))
        positions.append(points)
    if not types:
        return empty_cells(0, initial.shape[1]), Identities()
    identities = Identities()
    kinds, wanted = np.concatenate(types), np.concatenate(positions)
    cells = empty_cells(len(kinds), initial.shape[1])
    cells.id[:] = identities.take(PLACED, len(kinds))
    cells.parent[:] = -1
    cells.type[:] = kinds
    cells.variables[:] = initial[kinds]
    cells.position[:] = wanted
    cells.voxel[:] = grid.voxel_of(wanted)
    if grid.is_flat:
        cells.position[:, 2] = 0.5 * grid.spacing[2]
    _settle(cells, space, body, names, seed)
    return cells, identities


def _settle(cells: CellArrays, space: Space, body: NDArray[np.int32], names: Labels, seed: int) -> None:
    """Move cells whose voxel is full to the nearest voxel with room."""
    grid = space.grid
    occupancy = np.zeros(grid.shape, np.int32)
    positions = cells.position.copy()
    voxel = np.zeros(len(cells.id), np.int64)
    offsets = search_offsets(grid.shape, grid.spacing, SEARCH_RADIUS * max(grid.spacing[:2]))
    status, row, placed = place_cells(
        np.uint64(seed),
        PLACEMENT,
        1,
        cells.id,
        cells.voxel,
        body[cells.type],
        grid.spacing,
        offsets,
        space.tissue,
        space.capacity,
        occupancy,
        positions,
        voxel,
    )
    if status != OK:
        raise CompileError(f"placing cell {row}: {MESSAGES[status]}")
    if placed < len(cells.id):
        k = int(cells.type[int(np.flatnonzero(voxel < 0)[0])])
        raise CompileError(
            f"{len(cells.id) - placed} of {len(cells.id)} cells do not fit into the tissue "
            f"(first: {names.cell_types[k]}); lower the densities, the radii, or raise tissue.packing"
        )
    moved = voxel != cells.voxel
    cells.position[moved] = positions[moved]
    cells.voxel[:] = voxel
