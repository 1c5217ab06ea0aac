"""The regular grid of voxels; two dimensions are one layer of a three-dimensional grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Regular grid; arrays over it have the shape ``(nz, ny, nx)`` with x the fastest axis.

    Attributes
    ----------
    shape : tuple of int
        ``(nz, ny, nx)``.
    spacing : tuple of float [um]
        ``(dx, dy, dz)``; in two dimensions dz is the thickness of the slab.
    block : tuple of int
        Voxels per side ``(bz, by, bx)`` of the neighbourhood blocks over which densities are taken.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    block: tuple[int, int, int] = (1, 1, 1)

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths ``(lx, ly, lz)`` [um]."""
        nz, ny, nx = self.shape
        dx, dy, dz = self.spacing
        return nx * dx, ny * dy, nz * dz

    @property
    def n_voxel(self) -> int:
        """Number of voxels, those outside the tissue included."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel [um^3]."""
        return self.spacing[0] * self.spacing[1] * self.spacing[2]

    @property
    def is_flat(self) -> bool:
        """Whether the grid is one layer, so that cells and fields do not move along z."""
        return self.shape[0] == 1

    @property
    def block_shape(self) -> tuple[int, int, int]:
        """Number of neighbourhood blocks along ``(z, y, x)``; blocks at the far border may be partial."""
        nz, ny, nx = (-(-n // b) for n, b in zip(self.shape, self.block, strict=True))
        return nz, ny, nx

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Voxel centres x, y, z [um] as arrays that broadcast to ``shape``."""
        shapes = ((1, 1, -1), (1, -1, 1), (-1, 1, 1))
        x, y, z = (
            np.asarray((np.arange(n) + 0.5) * step, np.float64).reshape(shape)
            for n, step, shape in zip(self.shape[::-1], self.spacing, shapes, strict=True)
        )
        return x, y, z

    def voxel_of(self, position: NDArray[np.float64]) -> NDArray[np.int64]:
        """Flat voxel index of positions inside the grid.

        Parameters
        ----------
        position : (n, 3) float64 [um]
            x, y, z.

        Returns
        -------
        (n,) int64
        """
        nz, ny, nx = self.shape
        index = np.floor(position / np.asarray(self.spacing)).astype(np.int64)
        index = np.minimum(index, np.array([nx, ny, nz]) - 1)
        return np.asarray((index[:, 2] * ny + index[:, 1]) * nx + index[:, 0], dtype=np.int64)

    def block_of_voxel(self) -> NDArray[np.int64]:
        """Flat block index of every voxel, ``(n_voxel,)`` int64."""
        bz, by, bx = self.block
        nz, ny, nx = self.shape
        _, nby, nbx = self.block_shape
        kz = (np.arange(nz) // bz).reshape(nz, 1, 1)
        ky = (np.arange(ny) // by).reshape(1, ny, 1)
        kx = (np.arange(nx) // bx).reshape(1, 1, nx)
        return np.ascontiguousarray(np.broadcast_to((kz * nby + ky) * nbx + kx, self.shape)).reshape(-1)
