"""Thomas factors of the line solves, rebuilt only when a coefficient or the step changes.

Along every axis d the Douglas scheme solves (I - dt/2 A_d) u = r, where A_d holds the face conductances of
that axis and an equal share of all linear losses.  The matrix is symmetric and tridiagonal, so one
elimination gives two numbers per voxel: ``cp``, the eliminated coupling to the next voxel, and ``w``, the
inverse pivot; then forward ``y_i = r_i + cp_(i-1) y_(i-1)`` and back ``u_i = w_i y_i + cp_i u_(i+1)``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from abm.kernels.field_system import FieldSystem, Reservoirs

LANES = 8
"""Rows solved side by side along x: that many recurrences hide each other's latency."""

STABLE_K_DT = 2.0
"""Limit of face conductance times step in 3-D tissue that is not a uniform box."""

# Unsigned indices: with signed ones numba tests every index for wrap-around, which stops vectorisation.
U0, U1, ULANES = np.uintp(0), np.uintp(1), np.uintp(LANES)


class Factors(NamedTuple):
    """Everything the solver derives from a `FieldSystem` and a step; rows are z * ny + y.

    Attributes
    ----------
    dt : (n_field,) float64 [min]
        Step the solver takes, the step asked for divided by ``n_substep``; may differ between fields.
    n_substep : (n_field,) int64
        See `count_stable_substeps`.
    loss : (n_field, nz * ny, nx) float64 [1/min]
        Decay, uptake and exchange together.
    x : (n_field, n_block, 2 * LANES * nx) float64
        cp and then w of the `LANES` rows of a block, row after row.
    y_cp, y_w : (n_field, nz * ny, nx) float64
    z_cp, z_w : (n_field, nz, ny * nx) float64
        Size 0 when nz = 1.
    alike : (n_field, n_block) int64
        A block in front of this one (or itself) with the same conductances, losses and x factors.  In uniform
        tissue all but the border blocks then read the same few numbers, which stay in the innermost cache.
    y_alike : (n_field, nz * ny) int64
        A row in front of this one (or itself) with the same y factors and the same decay.
    z_alike : (n_field, nz) int64
        Of planes, likewise.
    max_rate : (n_field,) float64 [1/min]
        Largest face conductance or loss; sets the sub-steps of the positive scheme.
    coupling : (n_res, n_field) float64 [1/min]
        Rate at which a reservoir of finite volume would empty into a tissue without cytokine.
    ex_order : (m,) int64
        Exchange entries in order of their voxel.
    ex_start : (n_block + 1,) int64
        Block b of `LANES` rows holds the entries ``ex_order[ex_start[b]:ex_start[b + 1]]``.
    """

    dt: NDArray[np.float64]
    n_substep: NDArray[np.int64]
    loss: NDArray[np.float64]
    x: NDArray[np.float64]
    y_cp: NDArray[np.float64]
    y_w: NDArray[np.float64]
    z_cp: NDArray[np.float64]
    z_w: NDArray[np.float64]
    alike: NDArray[np.int64]
    y_alike: NDArray[np.int64]
    z_alike: NDArray[np.int64]
    max_rate: NDArray[np.float64]
    coupling: NDArray[np.float64]
    ex_order: NDArray[np.int64]
    ex_start: NDArray[np.int64]


def count_stable_substeps(system: FieldSystem, dt: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of equal parts in which each field must take its step, (n_field,).

    With three axes whose operators do not commute (walls inside the tissue, D that varies) the Douglas scheme
    is only conditionally stable.  The least stable masks that a search over small grids could find become
    unstable at k dt = 2.4, where k is the largest face conductance; `STABLE_K_DT` keeps a margin.
    In 2-D and in an undivided uniform 3-D box the scheme is stable at any step.
    """
    n_field, nz = system.decay.shape[:2]
    parts = np.ones(n_field, np.int64)
    if nz == 1:
        return parts
    for f in range(n_field):
        inner = system.kx[f, :, :, :-1], system.ky[f, :, :-1], system.kz[f, :-1]
        fastest = max(float(k.max(initial=0.0)) for k in inner)
        if any(k.size and np.ptp(k) > 1e-12 * fastest for k in inner):
            parts[f] = max(1, math.ceil(fastest * dt[f] / STABLE_K_DT))
    return parts


def build_factors(system: FieldSystem, reservoirs: Reservoirs, dt: ArrayLike) -> Factors:
    """Allocate and fill the factors.

    Parameters
    ----------
    system : FieldSystem
    reservoirs : Reservoirs
        Only ``volume`` and ``multiplicity`` are read.
    dt : float or (n_field,) [min]
    """
    n_field, nz, ny, nx = system.decay.shape
    rows = (n_field, nz * ny, nx)
    planes = (n_field, nz, ny * nx) if nz > 1 else (n_field, 0, 0)
    n_block = -(-nz * ny // LANES)
    order = np.argsort(system.ex_voxel, kind="stable")
    starts = np.searchsorted(system.ex_voxel[order], np.arange(n_block + 1) * (LANES * nx))
    step = np.broadcast_to(np.asarray(dt, dtype=np.float64), n_field)
    n_substep = count_stable_substeps(system, step)
    factors = Factors(
        step / n_substep,
        n_substep,
        np.empty(rows),
        np.empty((n_field, n_block, 2 * LANES * nx)),
        np.empty(rows),
        np.empty(rows),
        np.empty(planes),
        np.empty(planes),
        np.zeros((n_field, n_block), np.int64),
        np.zeros((n_field, nz * ny), np.int64),
        np.zeros((n_field, nz if nz > 1 else 0), np.int64),
        np.zeros(n_field),
        np.zeros(reservoirs.clearance.shape),
        order.astype(np.int64),
        starts.astype(np.int64),
    )
    refresh_factors(system, reservoirs, factors, np.ones(n_field, np.bool_))
    return factors


@njit(cache=True)
def refresh_factors(system, reservoirs, factors, which):
    """Recompute in place after a change of uptake, decay or exchange rates (not of conductances).

    Parameters
    ----------
    system : FieldSystem
    reservoirs : Reservoirs
    factors : Factors
    which : (n_field,) bool
        Fields to recompute.
    """
    n_field, nz, ny, nx = system.decay.shape
    n_row = nz * ny
    n_axis = 2.0 if nz == 1 else 3.0
    decay = system.decay.reshape(n_field, n_row, nx)
    kx = system.kx.reshape(n_field, n_row, nx)
    ky = system.ky.reshape(n_field, n_row, nx)
    uptake = system.uptake.reshape(system.uptake.shape[0], n_row, nx)
    planes = (n_field, nz, ny * nx)
    kz, loss_z, first = system.kz.reshape(planes), factors.loss.reshape(planes), np.int64(0)
    decay_z = decay.reshape(planes)
    for f in range(n_field):
        if not which[f]:
            continue
        for row in range(n_row):
            for i in range(nx):
                factors.loss[f, row, i] = decay[f, row, i]
                if uptake.size > 0:
                    factors.loss[f, row, i] += uptake[f, row, i]
        for r in range(reservoirs.volume.size):
            factors.coupling[r, f] = 0.0
        for e in range(system.ex_voxel.size):
            voxel, r, rate = system.ex_voxel[e], system.ex_reservoir[e], system.ex_rate[f, e]
            factors.loss[f, voxel // nx, voxel % nx] += rate
            if np.isfinite(reservoirs.volume[r]):
                share = system.voxel_volume * reservoirs.multiplicity / reservoirs.volume[r]
                factors.coupling[r, f] += rate * share
        factors.max_rate[f] = max(_largest(kx, f), _largest(ky, f), _largest(factors.loss, f))
        if nz > 1:
            factors.max_rate[f] = max(factors.max_rate[f], _largest(kz, f))
        half = 0.5 * factors.dt[f]
        for block in range(factors.x.shape[1]):
            _eliminate_block(kx, factors.loss, factors.x, f, block, half, n_axis)
        for z in range(nz):
            _eliminate_rows(ky, factors.loss, factors.y_cp, factors.y_w, f, z * ny, ny, half, n_axis)
        _find_alike_blocks(kx, ky, factors.loss, factors.alike, f, ny)
        _find_alike_rows(factors.y_cp, factors.y_w, decay, factors.y_alike, f)
        if nz > 1:
            _eliminate_rows(kz, loss_z, factors.z_cp, factors.z_w, f, first, nz, half, n_axis)
            _find_alike_rows(factors.z_cp, factors.z_w, decay_z, factors.z_alike, f)


@njit(cache=True)
def _largest(values, f):
    largest = np.zeros(values.shape[2])
    for row in range(values.shape[1]):
        for i in range(values.shape[2]):
            value = values[f, row, i]
            largest[i] = value if value > largest[i] else largest[i]
    return largest.max()


@njit(cache=True)
def _eliminate_block(kx, loss, x, f, block, half, n_axis):
    """Factors of `LANES` rows along x; rows beyond the last are the identity.

    The pivot is ``rest + k`` with ``rest`` carried along as a sum of positive terms, so nothing cancels.
    """
    fu, bu = np.uintp(f), np.uintp(block)
    n_row, nx = np.uintp(loss.shape[1]), np.uintp(loss.shape[2])
    for b in range(ULANES):
        row, carried = bu * ULANES + b, 0.0
        for i in range(nx):
            cp, w = 0.0, 1.0
            if row < n_row:
                k = half * kx[fu, row, i] if i + U1 < nx else 0.0
                rest = 1.0 + half * loss[fu, row, i] / n_axis + carried
                w = 1.0 / (rest + k)
                cp = k * w
                carried = cp * rest
            x[fu, bu, b * nx + i] = cp
            x[fu, bu, (ULANES + b) * nx + i] = w


@njit(cache=True)
def _find_alike_blocks(kx, ky, loss, alike, f, ny):
    """For each block the one in front of it whose coefficients it can read instead of its own.

    The row before a block counts too where something flows between the two.
    """
    n_row = kx.shape[1]
    alike[f, 0] = 0
    for block in range(1, alike.shape[1]):
        other, first = alike[f, block - 1], block * LANES
        n_lane, south = min(LANES, n_row - first), 0 if first % ny == 0 else 1
        shift = first - other * LANES
        same = n_lane == LANES and other * LANES >= south
        same = same and _same_rows(kx, f, first, n_lane, shift)
        same = same and _same_rows(loss, f, first, n_lane, shift)
        same = same and _same_rows(ky, f, first - south, n_lane + south, shift)
        alike[f, block] = other if same else block


@njit(cache=True)
def _find_alike_rows(cp, w, decay, alike, f):
    """For each row the one in front of it whose factors and decay it can read instead of its own.

    The elimination settles, in the last bit sometimes on two values in turn.
    """
    for row in range(alike.shape[1]):
        alike[f, row] = row
        for back in range(1, min(row, 2) + 1):
            other = alike[f, row - back]
            shift = row - other
            same = _same_rows(cp, f, row, 1, shift) and _same_rows(w, f, row, 1, shift)
            if same and _same_rows(decay, f, row, 1, shift):
                alike[f, row] = other
                break


@njit(cache=True)
def _same_rows(values, f, first, n, shift):
    """Whether ``n`` rows from ``first`` on equal those ``shift`` rows before them."""
    for row in range(first, first + n):
        for i in range(values.shape[2]):
            if values[f, row, i] != values[f, row - shift, i]:
                return False
    return True


@njit(cache=True)
def _eliminate_rows(k, loss, cp, w, f, first, n, half, n_axis):
    """Factors of the lines across the rows first .. first + n - 1, one line per column."""
    fu = np.uintp(f)
    nx = np.uintp(loss.shape[2])
    carried = np.zeros(loss.shape[2])
    row = np.uintp(first)
    for j in range(n):
        open_face = half if j < n - 1 else 0.0
        for i in range(nx):
            here = open_face * k[fu, row, i]
            rest = 1.0 + half * loss[fu, row, i] / n_axis + carried[i]
            inverse = 1.0 / (rest + here)
            w[fu, row, i] = inverse
            cp[fu, row, i] = here * inverse
            carried[i] = here * inverse * rest
        row = row + U1
