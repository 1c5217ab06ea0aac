"""Fate: which event happens to a cell in a step, and where a new cell finds room.

Rates are constant within a step, so the first event of competing risks happens within ``dt`` with
probability ``1 - exp(-sum(rate) dt)`` and is of kind k with probability ``rate_k / sum(rate)``
(Gillespie 1977, doi:10.1021/j100540a008).  At most one event happens to a cell in a step, and it has no
time within the step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from abm.errors import CompileError
from abm.kernels.neighbours import axis_index
from abm.kernels.rng import MAX_CELL, fill_uniform, uniform_pair
from abm.kernels.status import BAD_RATE, BAD_VOXEL, ID_OUT_OF_RANGE, NOT_IN_ID_ORDER, OK

NO_EVENT = -1


@njit(cache=True, error_model="numpy")
def choose_events(seed, stream, step, ids, rates, dt, event):
    """Competing events from one pair of draws per cell: whether, then which.

    Parameters
    ----------
    seed : uint64
    stream : int
        A stream of :mod:`abm.kernels.rng`, e.g. ``FATE``.
    step : int
    ids : (n,) int64
    rates : (n, n_event) float64 [1/min]
    dt : float [min]
    event : (n,) integer
        Written: index of the event, or ``NO_EVENT``.

    Returns
    -------
    (status, row)
        ``OK`` and -1, or the code and row of the first faulty cell.
    """
    n_event = rates.shape[1]
    u = np.empty(ids.size)
    fill_uniform(seed, stream, step, ids, 0, u)
    for i in range(ids.size):
        event[i] = NO_EVENT
        total, good = 0.0, True
        for k in range(n_event):
            good &= rates[i, k] >= 0.0
            total += rates[i, k]
        if not (good and total < np.inf):
            return BAD_RATE, i
        if ids[i] < 0 or ids[i] > MAX_CELL:
            return ID_OUT_OF_RANGE, i
        # 1 - exp(-x) <= x spares the exponential for nearly all cells.
        x = total * dt
        if u[i] >= x or u[i] >= -math.expm1(-x):
            continue
        _, v = uniform_pair(seed, stream, step, ids[i], 0)
        target = v * total
        for k in range(n_event):
            if rates[i, k] > 0.0:
                event[i] = k  # the last possible event is kept if rounding exhausts the sum
                target -= rates[i, k]
                if target < 0.0:
                    break
    return OK, -1


@njit(cache=True, error_model="numpy")
def choose_events_of(seed, stream, step, ids, behaviours, columns, dt, event):
    """`choose_events` with the rates in some columns of the behaviours.

    Parameters
    ----------
    behaviours : (n, n_behaviour) float64
    columns : (n_event,) int64
        -1 for an event that no cell has.
    others
        As for `choose_events`.
    """
    rates = np.zeros((ids.size, columns.size))
    for i in range(ids.size):
        for k in range(columns.size):
            if columns[k] >= 0:
                rates[i, k] = behaviours[i, columns[k]]
    return choose_events(seed, stream, step, ids, rates, dt, event)


@njit(cache=True, error_model="numpy")
def race_events(seed, streams, step, ids, rates, dt, event):
    """Competing events from one draw per event: the earliest of independent waiting times wins.

    The same law as :func:`choose_events`.  As every event has a stream of its own, changing the rate of
    one leaves the draws of the others alone: two arms of a study stay more closely paired, at the cost
    of one draw per event.

    Parameters and result as for :func:`choose_events`, with ``streams`` (n_event,) int64, all different.
    """
    u, first = np.empty(ids.size), np.full(ids.size, dt)
    for i in range(ids.size):
        event[i] = NO_EVENT
        if ids[i] < 0 or ids[i] > MAX_CELL:
            return ID_OUT_OF_RANGE, i
    for k in range(rates.shape[1]):
        fill_uniform(seed, streams[k], step, ids, 0, u)
        for i in range(ids.size):
            rate = rates[i, k]
            if not (0.0 <= rate < np.inf):
                return BAD_RATE, i
            # -log(1 - u) >= u spares the logarithm for nearly all cells.
            if u[i] >= rate * first[i]:
                continue
            time = -math.log1p(-u[i]) / rate
            if time < first[i]:
                first[i] = time
                event[i] = k
    return OK, -1


class SearchOffsets(NamedTuple):
    """Voxels around a voxel, grouped into rings of equal distance, nearest ring first.

    Attributes
    ----------
    offset : (n_offset, 3) int64
        (z, y, x) offsets in voxels; the voxel itself is not among them.
    ring : (n_ring + 1,) int64
        The offsets of ring r are ``offset[ring[r]:ring[r + 1]]``.
    reach : (3,) int64
        Largest offset along (z, y, x).
    """

    offset: np.ndarray
    ring: np.ndarray
    reach: np.ndarray


def search_offsets(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], radius: float
) -> SearchOffsets:
    """Offsets of all voxels whose centre is within ``radius`` [um] of a voxel's centre.

    Parameters
    ----------
    shape : (nz, ny, nx)
        With nz = 1 only offsets in the plane are made.
    spacing : (dx, dy, dz) [um]
    radius : float [um]
        Below the voxel size there are no offsets: only the voxel itself is tried.

    Raises
    ------
    CompileError
        If the radius is negative, not finite, or reaches more than 20 voxels.
    """
    reach = [
        0 if n == 1 else int(radius / d + 1e-9) if 0 <= radius < np.inf else -1
        for n, d in zip(shape, spacing[::-1], strict=True)
    ]
    if not 0 <= radius < np.inf or max(reach) > 20:
        raise CompileError(f"search radius {radius:g} um: must be within 0 and 20 voxels")
    kz, ky, kx = reach
    found = []
    for z in range(-kz, kz + 1):
        for y in range(-ky, ky + 1):
            for x in range(-kx, kx + 1):
                distance = math.hypot(x * spacing[0], y * spacing[1], z * spacing[2])
                if 0.0 < distance <= radius * (1 + 1e-9):
                    found.append((round(distance, 6), z, y, x))
    found.sort()
    distances = [entry[0] for entry in found]
    ring = [k for k in range(len(found)) if k == 0 or distances[k] != distances[k - 1]] + [len(found)]
    offset = np.array([entry[1:] for entry in found], dtype=np.int64).reshape(-1, 3)
    return SearchOffsets(offset, np.array(ring, dtype=np.int64), np.array(reach, dtype=np.int64))


@njit(cache=True, error_model="numpy")
def point_in_voxel(ix, iy, iz, u, v, w, shape, spacing):
    """Point (x, y, z) [um] at fractions u, v, w of a voxel; at half height in 2-D (nz = 1)."""
    nz, ny, nx = shape
    x, y, z = (ix + u) * spacing[0], (iy + v) * spacing[1], 0.5 * spacing[2]
    if nz > 1:
        z = (iz + w) * spacing[2]
    # A fraction next to 1 may round into the next voxel.
    if axis_index(x, spacing[0], nx) != ix:
        x = (ix + 0.5) * spacing[0]
    if axis_index(y, spacing[1], ny) != iy:
        y = (iy + 0.5) * spacing[1]
    if axis_index(z, spacing[2], nz) != iz:
        z = (iz + 0.5) * spacing[2]
    return x, y, z


@njit(cache=True, error_model="numpy")
def _reachable(ix, iy, iz, reach, tissue):
    """Voxels of the box ``reach`` around a voxel that a way through faces of tissue inside it reaches.

    Without this a cell could be placed on the other side of a wall.
    """
    nz, ny, nx = tissue.shape
    kz, ky, kx = reach
    seen = np.zeros((2 * kz + 1, 2 * ky + 1, 2 * kx + 1), np.uint8)
    queue = np.empty((seen.size, 3), np.int64)
    queue[0, 0] = queue[0, 1] = queue[0, 2] = 0
    seen[kz, ky, kx] = 1
    head, tail = 0, 1
    while head < tail:
        for side in range(6):
            z, y, x = queue[head, 0], queue[head, 1], queue[head, 2]
            shift = 1 if side % 2 else -1
            if side < 2:
                x += shift
            elif side < 4:
                y += shift
            else:
                z += shift
            if abs(x) > kx or abs(y) > ky or abs(z) > kz or seen[kz + z, ky + y, kx + x]:
                continue
            jx, jy, jz = ix + x, iy + y, iz + z
            if jx < 0 or jx >= nx or jy < 0 or jy >= ny or jz < 0 or jz >= nz or not tissue[jz, jy, jx]:
                continue
            seen[kz + z, ky + y, kx + x] = 1
            queue[tail, 0], queue[tail, 1], queue[tail, 2] = z, y, x
            tail += 1
        head += 1
    return seen


@njit(cache=True, error_model="numpy")
def find_room(voxel, space, u, offsets, tissue, capacity, occupancy):
    """Flat index of the voxel with room for ``space`` units that is nearest to ``voxel``; -1 if none.

    The voxel itself comes first; then ring by ring, among the voxels of a ring that have room and can
    be reached through tissue, the one picked by the uniform number ``u``.
    """
    _, ny, nx = tissue.shape
    ix = voxel % nx
    iy = (voxel // nx) % ny
    iz = voxel // (nx * ny)
    if tissue[iz, iy, ix] and occupancy[iz, iy, ix] + space <= capacity[iz, iy, ix]:
        return voxel
    offset, ring, reach = offsets.offset, offsets.ring, offsets.reach
    if offset.shape[0] == 0:
        return np.int64(-1)
    seen = _reachable(ix, iy, iz, reach, tissue)
    free = np.empty(offset.shape[0], np.int64)
    for r in range(ring.size - 1):
        n_free = 0
        for k in range(ring[r], ring[r + 1]):
            z, y, x = offset[k, 0], offset[k, 1], offset[k, 2]
            if seen[reach[0] + z, reach[1] + y, reach[2] + x]:
                jz, jy, jx = iz + z, iy + y, ix + x
                if occupancy[jz, jy, jx] + space <= capacity[jz, jy, jx]:
                    free[n_free] = (jz * ny + jy) * nx + jx
                    n_free += 1
        if n_free > 0:
            return free[int(u * n_free)]
    return np.int64(-1)


@njit(cache=True, error_model="numpy")
def place_cells(
    seed, stream, step, ids, target, space, spacing, offsets, tissue, capacity, occupancy, positions, voxel
):
    """Find a place for each new cell in or near its target voxel, in the given order.

    Parameters
    ----------
    seed : uint64
    stream, step : int
        Draws 0 and 1 of the stream are used.
    ids : (m,) int64
        Strictly increasing ids that key the draws; for daughters, those of the mothers.
    target : (m,) int64
        Flat index of the wanted voxel.
    space : (m,) integer
        Units of space each needs.
    spacing : (dx, dy, dz) of float [um]
    offsets : SearchOffsets
    tissue : (nz, ny, nx) uint8
    capacity, occupancy : (nz, ny, nx) int32
        ``occupancy`` is updated in place.
    positions : (m, 3) float64 [um]
        Written where a place was found: a uniform point of that voxel, at half height in 2-D.
    voxel : (m,) int64
        Written: the voxel found, or -1 where there is no room within reach.

    Returns
    -------
    (status, k, n_placed)
        Status and index of the first fault (``OK``, -1), and how many found a place.
    """
    _, ny, nx = tissue.shape
    n_placed = 0
    previous = np.int64(-1)
    for k in range(ids.size):
        if ids[k] < 0 or ids[k] > MAX_CELL:
            return ID_OUT_OF_RANGE, k, n_placed
        if ids[k] <= previous:
            return NOT_IN_ID_ORDER, k, n_placed
        previous = ids[k]
        if target[k] < 0 or target[k] >= tissue.size:
            return BAD_VOXEL, k, n_placed
        u, v = uniform_pair(seed, stream, step, ids[k], 0)
        w, pick = uniform_pair(seed, stream, step, ids[k], 1)
        found = find_room(target[k], space[k], pick, offsets, tissue, capacity, occupancy)
        voxel[k] = found
        if found < 0:
            continue
        ix, iy, iz = found % nx, (found // nx) % ny, found // (nx * ny)
        occupancy[iz, iy, ix] += space[k]
        x, y, z = point_in_voxel(ix, iy, iz, u, v, w, tissue.shape, spacing)
        positions[k, 0], positions[k, 1], positions[k, 2] = x, y, z
        n_placed += 1
    return OK, -1, n_placed
