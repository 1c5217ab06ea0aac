"""Means, extremes, quantiles and counts of one readout.

Sums run in a fixed order, row by row or voxel by voxel, so that a readout has the same bytes everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

BLOCK, DEPTH = 128, 64  # values summed in one go; how often a sum can be halved


@njit(cache=True, error_model="numpy")
def pairwise_sum(values):
    """Sum of ``values`` (n,) float64, pairwise in blocks as numpy sums a contiguous array.

    The rounding error grows with log n instead of n (Higham, SIAM J Sci Comput 1993;14:783,
    doi:10.1137/0914050).  A part is split in two until it is a block; the parts still open are kept in
    arrays, as a function that calls itself cannot be taken from numba's cache.
    """
    first, size = np.zeros(DEPTH, np.int64), np.zeros(DEPTH, np.int64)
    visits, left = np.zeros(DEPTH, np.int64), np.zeros(DEPTH)
    size[0], top, total = values.size, 0, 0.0
    while top >= 0:
        visits[top] += 1
        half = size[top] // 2 - (size[top] // 2) % 8
        if size[top] <= BLOCK:
            total = _block_sum(values, first[top], size[top])
            top -= 1
        elif visits[top] == 3:
            total = left[top] + total
            top -= 1
        else:
            if visits[top] == 2:
                left[top] = total
            second = visits[top] == 2
            first[top + 1] = first[top] + (half if second else 0)
            size[top + 1] = size[top] - half if second else half
            visits[top + 1] = 0
            top += 1
    return total


@njit(cache=True, error_model="numpy")
def _block_sum(values, first, n):
    """Sum of up to `BLOCK` values in eight strands."""
    total = -0.0
    if n < 8:
        for i in range(first, first + n):
            total += values[i]
        return total
    r = values[first : first + 8].copy()
    for i in range(8, n - n % 8, 8):
        for k in range(8):
            r[k] += values[first + i + k]
    total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    for i in range(n - n % 8, n):
        total += values[first + i]
    return total


@njit(cache=True, error_model="numpy")
def fill_quantiles(values, shares, out):
    """Quantiles of ``values`` (n,), linear between the order statistics; nan where there is no number.

    Parameters
    ----------
    shares, out : (n_quantile,) float64
    """
    out[:] = np.nan
    if values.size == 0 or not math.isfinite(values.sum()):
        return
    ordered = np.sort(values)
    for q in range(shares.size):
        at = shares[q] * (values.size - 1)
        low = np.int64(math.floor(at))
        a, b, t = ordered[low], ordered[min(low + 1, values.size - 1)], at - low
        out[q] = a + (b - a) * t if t < 0.5 else b - (b - a) * (1.0 - t)


@njit(cache=True, error_model="numpy")
def summarise_fields(c, tissue, voxels, start, mean, lowest, highest, by_region):
    """Mean, lowest and highest value of each field in the tissue, and its mean in each region.

    Parameters
    ----------
    c : (n_field, n_voxel) float64
    tissue : (n_voxel,) uint8
    voxels : (m,) int64
        Of all regions, one region after the other.
    start : (n_region + 1,) int64
        Region r has the voxels ``voxels[start[r]:start[r + 1]]``.
    mean, lowest, highest : (n_field,) float64
        Overwritten.
    by_region : (n_field, n_region) float64
        Overwritten.
    """
    for f in range(c.shape[0]):
        total, count, low, high = 0.0, 0, np.inf, -np.inf
        for v in range(c.shape[1]):
            if tissue[v] == 1:
                value = c[f, v]
                total += value
                count += 1
                low, high = value if value < low else low, value if value > high else high
        mean[f], lowest[f], highest[f] = total / count, low, high
        for r in range(start.size - 1):
            total = 0.0
            for q in range(start[r], start[r + 1]):
                total += c[f, voxels[q]]
            by_region[f, r] = total / (start[r + 1] - start[r])


@njit(cache=True, error_model="numpy")
def count_cells(cells, codes, regions, live, dead, by_code):
    """Count the cells in the tissue.

    Parameters
    ----------
    cells : CellArrays
    codes : (n,) int64
        Phenotype of each cell, counted over all types.
    regions : (n_region, n_voxel) uint8
    live : (n_type, 1 + n_region) int64
        Overwritten; live cells everywhere, then in each region.
    dead : (n_type,) int64
        Overwritten; bodies everywhere.
    by_code : (n_code, 1 + n_region) int64
        Overwritten; live cells.
    """
    live[:], by_code[:] = 0, 0
    dead[:] = 0
    place, bodies, types, voxels = cells.place, cells.dead, cells.type, cells.voxel
    for i in range(types.size):
        if place[i] != 0:
            continue
        k = types[i]
        if bodies[i] == 1:
            dead[k] += 1
            continue
        live[k, 0] += 1
        by_code[codes[i], 0] += 1
        for r in range(regions.shape[0]):
            if regions[r, voxels[i]] == 1:
                live[k, 1 + r] += 1
                by_code[codes[i], 1 + r] += 1


@njit(cache=True, error_model="numpy")
def values_inside(cells, cell_type, slot, inside, out):
    """Values of a variable of the live cells of a type where ``inside`` is 1, as a part of ``out``."""
    place, dead, types, voxels, n = cells.place, cells.dead, cells.type, cells.voxel, 0
    variables = cells.variables
    for i in range(types.size):
        if types[i] == cell_type and place[i] == 0 and dead[i] == 0 and inside[voxels[i]] == 1:
            out[n] = variables[i, slot]
            n += 1
    return out[:n]


@njit(cache=True, error_model="numpy")
def fill_variable_means(cells, slots, tissue, regions, means):
    """Mean of each variable over the live cells of its type; nan where there are none.

    Parameters
    ----------
    cells : CellArrays
    slots : (n_variable, 2) int64
        Cell type and slot of each.
    tissue : (n_voxel,) uint8
        1 wherever a cell can be.
    regions : (n_region, n_voxel) uint8
    means : (n_variable, 1 + n_region) float64
        Overwritten; in the tissue, then in each region.
    """
    out = np.empty(cells.id.size)
    for s in range(slots.shape[0]):
        for r in range(means.shape[1]):
            inside = tissue if r == 0 else regions[r - 1]
            found = values_inside(cells, slots[s, 0], slots[s, 1], inside, out)
            means[s, r] = pairwise_sum(found) / found.size if found.size > 0 else np.nan
