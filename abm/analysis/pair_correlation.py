"""Pair correlation of points in a window of any shape: how much likelier a neighbour is than by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COARSEST = {2: 256, 3: 48}  # voxels along the longest side of the window, by its number of dimensions
_BLOCK = 400  # points whose neighbours are sought together


@dataclass(frozen=True)
class Window:
    """Where points can be.

    Attributes
    ----------
    mask : bool array, (nz, ny, nx) or (ny, nx)
        The last axis is x.
    spacing : tuple of float [um]
        Sides of a voxel in the order of the axes of the mask.
    """

    mask: NDArray[np.bool_]
    spacing: tuple[float, ...]

    @property
    def content(self) -> float:
        """Area [um^2] or volume [um^3]."""
        return float(self.mask.sum() * np.prod(self.spacing))

    def covariance(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Content of the window's overlap with itself, shifted by a distance, mean over all directions.

        It tells how many of the pairs at a distance can be seen at all: this is the correction of edges.
        """
        share, sides = _coarse(self.mask, self.spacing)
        padded = [2 * n for n in share.shape]
        along = tuple(range(share.ndim))
        spectrum = np.fft.rfftn(share, padded, axes=along)
        overlap = np.fft.irfftn(np.abs(spectrum) ** 2, padded, axes=along) * np.prod(sides)
        axes = [np.fft.fftfreq(n, 1.0 / n) * side for n, side in zip(padded, sides, strict=True)]
        length = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij"))).ravel()
        step = max(sides)
        ring = np.rint(length / step).astype(np.int64)
        size = np.bincount(ring)
        mean = np.bincount(ring, overlap.ravel()) / np.maximum(size, 1)
        at = np.bincount(ring, length) / np.maximum(size, 1)
        return np.asarray(np.interp(distances, at[size > 0], mean[size > 0]))


def pair_correlation(
    points: NDArray[np.floating], window: Window, edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pair correlation function g(r) with the translation correction (Ohser 1983).

    1 for points scattered by chance at one density, above 1 at distances of clusters, below 1 where points
    keep apart.  A density that varies over the window raises g at all distances.

    Parameters
    ----------
    points : (n, d) float array [um]
        In the window, columns in the order x, y (, z); d is the number of dimensions of the mask.
    window : Window
    edges : (k + 1,) float array [um]
        Ascending edges of the bins of distance.

    Returns
    -------
    (k,) float64
        nan with fewer than two points, and at distances that do not fit into the window.
    """
    n, dimensions = points.shape
    if n < 2:
        return np.full(len(edges) - 1, np.nan)
    counts = 2.0 * _pair_counts(np.asarray(points, np.float64), edges)
    middle = 0.5 * (edges[1:] + edges[:-1])
    shell = np.pi * np.diff(edges**2) if dimensions == 2 else 4.0 / 3.0 * np.pi * np.diff(edges**3)
    # Pairs of n(n - 1) that chance alone would put into each bin.
    expected = n * (n - 1) / window.content**2 * shell * window.covariance(middle)
    return np.asarray(np.divide(counts, expected, out=np.full(len(middle), np.nan), where=expected > 0))


def _pair_counts(points: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pairs in each bin of distance, each pair once."""
    ordered = points[np.argsort(points[:, 0])]
    counts = np.zeros(len(edges) - 1)
    for start in range(0, len(ordered), _BLOCK):
        block = ordered[start : start + _BLOCK]
        stop = int(np.searchsorted(ordered[:, 0], block[-1, 0] + edges[-1], side="right"))
        others = ordered[start:stop]
        distance = np.sqrt(((block[:, None] - others[None]) ** 2).sum(axis=-1))
        # Of two points of the block, the pair is counted by the first.
        later = np.arange(len(others))[None] > np.arange(len(block))[:, None]
        counts += np.histogram(distance[later], edges)[0]
    return counts


def _coarse(
    mask: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """The window as shares of coarser voxels: its covariance is smooth."""
    factor = -(-max(mask.shape) // COARSEST[mask.ndim])
    share = mask.astype(np.float64)
    sides = []
    for axis, side in enumerate(spacing):
        step = min(factor, mask.shape[axis])
        share = np.add.reduceat(share, np.arange(0, mask.shape[axis], step), axis=axis) / step
        sides.append(side * step)
    return share, tuple(sides)
