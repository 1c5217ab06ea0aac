"""Concentrations and cells against the distance from the centre of a region, and along a line through it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.record import Run

RINGS = 16


def centre_of(run: Run, region: str) -> NDArray[np.float64]:
    """Centre of mass (x, y) [um] of a region in the plane; of the tissue when the name is empty."""
    mask = (run.regions[region] if region else run.tissue).any(axis=0)
    rows, columns = np.nonzero(mask)
    return np.array([run.coordinate("x")[columns].mean(), run.coordinate("y")[rows].mean()])


def radius_of(run: Run, region: str) -> float:
    """Radius [um] of the circle with the area of a region in the plane."""
    x, y = run.coordinate("x"), run.coordinate("y")
    voxel = (x[-1] - x[0]) / max(len(x) - 1, 1) * (y[-1] - y[0]) / max(len(y) - 1, 1)
    return float(np.sqrt(run.regions[region].any(axis=0).sum() * voxel / np.pi))


class Rings:
    """Rings of equal width around the centre of a region, in the plane; columns of tissue count whole.

    Parameters
    ----------
    run : Run
    region : str

    Attributes
    ----------
    middle : (n,) float64 [um]
        Radius of the middle of each ring.
    area : (n,) float64 [um^2]
        Of the tissue in each ring; 0 where a ring lies outside it.
    """

    def __init__(self, run: Run, region: str, count: int = RINGS) -> None:
        x, y = run.coordinate("x"), run.coordinate("y")
        self._centre = centre_of(run, region)
        self._tissue = run.tissue
        distance = np.hypot(*np.meshgrid(x - self._centre[0], y - self._centre[1]))
        inside = run.tissue.any(axis=0)
        self._edges = np.linspace(0.0, float(distance[inside].max()) * (1 + 1e-9), count + 1)
        self.middle = 0.5 * (self._edges[1:] + self._edges[:-1])
        self._ring = np.digitize(distance, self._edges) - 1
        voxel = (x[1] - x[0]) * (y[1] - y[0])
        self.area = voxel * np.bincount(self._ring[inside], minlength=count)[:count].astype(np.float64)

    def mean(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of a field (nz, ny, nx) over the tissue of each ring; nan without any."""
        ring = np.broadcast_to(self._ring, values.shape)[self._tissue]
        total = np.bincount(ring, values[self._tissue], minlength=len(self.area))[: len(self.area)]
        count = np.bincount(ring, minlength=len(self.area))[: len(self.area)]
        mean = np.divide(total, count, out=np.full(len(self.area), np.nan), where=count > 0)
        return np.asarray(mean)

    def density(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points per mm² of the tissue in each ring, seen from above; nan outside the tissue."""
        counts, _ = np.histogram(np.hypot(x - self._centre[0], y - self._centre[1]), self._edges)
        nowhere = np.full(len(self.area), np.nan)
        return np.asarray(np.divide(counts, self.area * 1e-6, out=nowhere, where=self.area > 0))


def along_line(run: Run, cytokine: str, region: str) -> NDArray[np.float64]:
    """Concentration along x through the centre of a region, for every frame.

    Returns
    -------
    (n_frame, nx) float64
        Mean over the depth of the tissue and over the rows within an eighth of the region's height; nan
        outside the tissue.
    """
    y = run.coordinate("y")
    centre = centre_of(run, region)
    half = 0.125 * 2.0 * radius_of(run, region) if region else 0.0
    rows = np.abs(y - centre[1]) <= max(half, 0.5 * (y[1] - y[0]) * 1.001)
    found = np.empty((len(run.field_times), len(run.coordinate("x"))))
    inside = run.tissue[:, rows]
    count = inside.sum(axis=(0, 1))
    for frame in range(len(found)):
        band = np.where(inside, run.field(cytokine, frame).values[:, rows], 0.0)
        total = band.sum(axis=(0, 1), dtype=np.float64)
        found[frame] = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return found
