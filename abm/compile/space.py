"""Grid, tissue, regions and neighbourhood blocks of a scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.compile.geometry import mask
from abm.kernels.neighbours import sum_voxels_per_block, voxels_per_block
from abm.scenario.schema import Scenario
from abm.state.grid import Grid
from abm.state.tables import Bytes, Floats, Ints


@dataclass(frozen=True)
class Space:
    """Where things are.

    Attributes
    ----------
    tissue : (nz, ny, nx) uint8
    regions : (n_region, n_voxel) uint8
        Tissue voxels of each named region.
    block : (n_voxel,) int64
    block_volume : (n_block,) float64 [um^3]
        Tissue volume of each neighbourhood block.
    capacity : (nz, ny, nx) int32 [um^3]
        Room for cell bodies in each voxel.
    """

    grid: Grid
    tissue: Bytes
    regions: Bytes
    block: Ints
    block_volume: Floats
    capacity: NDArray[np.int32]

    @property
    def tissue_volume(self) -> float:
        """Simulated tissue [um^3]."""
        return float(self.tissue.sum()) * self.grid.voxel_volume


def grid_of(scenario: Scenario) -> Grid:
    """The grid of a scenario's domain."""
    domain = scenario.domain
    lengths = [float(length) for length in domain.size]
    spacing = [float(step) for step in domain.spacings]
    counts = [round(length / step) for length, step in zip(lengths, spacing, strict=True)]
    if len(lengths) == 2:
        assert domain.thickness is not None
        counts.append(1)
        spacing.append(float(domain.thickness))
    shape = (counts[2], counts[1], counts[0])
    steps = (spacing[0], spacing[1], spacing[2])
    return Grid(shape, steps, voxels_per_block(shape, steps, float(scenario.tissue.neighbourhood)))


def space_of(scenario: Scenario) -> Space:
    """Masks and blocks of a scenario."""
    grid = grid_of(scenario)
    shape = scenario.domain.tissue
    tissue = np.ones(grid.shape, np.uint8) if shape is None else mask(shape, grid).astype(np.uint8)
    inside = tissue.reshape(-1).astype(bool)
    regions = np.zeros((len(scenario.regions), grid.n_voxel), np.uint8)
    for g, region in enumerate(scenario.regions.values()):
        regions[g] = mask(region, grid).reshape(-1) & inside
    block = grid.block_of_voxel()
    volume = np.zeros(grid.block_shape)
    sum_voxels_per_block(tissue, block, volume)
    room = round(grid.voxel_volume * float(scenario.tissue.packing))
    return Space(
        grid=grid,
        tissue=np.ascontiguousarray(tissue),
        regions=regions,
        block=block,
        block_volume=volume.reshape(-1) * grid.voxel_volume,
        capacity=np.full(grid.shape, room, np.int32) * (tissue == 1),
    )
