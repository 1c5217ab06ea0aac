"""The positive scheme: locally one-dimensional backward Euler in equal sub-steps.

Every stage multiplies by the inverse of an M-matrix, so non-negative values stay non-negative at any step
and, without losses, the amount is conserved.  First order in time: used where the Douglas scheme would
undershoot, after a discontinuity (bolus, lysis) or when a voxel would become negative.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from abm.kernels.diffusion_sweeps import UNDERFLOW
from abm.kernels.field_factors import U1
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from abm.kernels.reservoirs import predict_midpoint, reservoir_after, update_reservoirs

MIN_SUBSTEPS, MAX_SUBSTEPS = 8, 64


@njit(cache=True)
def count_substeps(rate_dt):
    """Number of equal sub-steps for a field whose fastest rate times dt is ``rate_dt``.

    Eight halve the error of four (13 % against 27 % of the peak, one step after a single-voxel bolus, for
    any D; below 2 % two steps later).  Equal sub-steps beat growing ones of the same number at every later
    time: each backward Euler step keeps the variance of the spreading cloud exact and leaves an excess
    kurtosis proportional to sum(h^2) / dt^2, least for equal h.  Sub-steps beyond 1 / rate are avoided
    because the splitting error of a steady source is then so large that the next Douglas step undershoots
    again, and again.
    """
    return int(min(max(MIN_SUBSTEPS, math.ceil(min(rate_dt, MAX_SUBSTEPS))), MAX_SUBSTEPS))


@njit(cache=True)
def positive_step(c, out, source, system, factors, reservoirs, budget, work, f):
    """One step of ``factors.dt[f]`` from ``c[f]`` to ``out[f]``; reservoirs and budget move along.

    Returns -1, or the index of a reservoir that would become negative or not finite.
    """
    n_field, nz, ny, nx = system.decay.shape
    rows, planes = (n_field, nz * ny, nx), (n_field, nz, ny * nx)
    kx, ky, kz = system.kx.reshape(rows), system.ky.reshape(rows), system.kz.reshape(planes)
    loss_z, out_z = factors.loss.reshape(planes), out.reshape(planes)
    scratch_z = work.d1.reshape(work.d1.shape[0], nz, ny * nx)
    n_axis, slot, first = 2 if nz == 1 else 3, min(f, work.flux.shape[0] - 1), np.int64(0)
    n_substep = count_substeps(factors.max_rate[f] * factors.dt[f])
    h = factors.dt[f] / n_substep
    for row in range(nz * ny):
        for i in range(nx):
            out[f, row, i] = c[f, row, i]
    for _ in range(n_substep):
        predict_midpoint(out, system, factors, reservoirs, f, h, work.mid)
        for r in range(reservoirs.volume.size):
            work.flux[slot, r] = 0.0
        for axis in range(n_axis):
            _add_sources(out, source, system, work.mid, f, h / n_axis)
            if axis == 0:
                _implicit_x(out, kx, factors.loss, f, h, n_axis)
            elif axis == 1:
                for z in range(nz):
                    _implicit_rows(out, ky, factors.loss, work.d1, f, z * ny, ny, h, n_axis)
            else:
                _implicit_rows(out_z, kz, loss_z, scratch_z, f, first, nz, h, n_axis)
            _book_losses(out, system, work, budget, f, h / n_axis)
        for r in range(reservoirs.volume.size):
            after = reservoir_after(system, reservoirs, r, f, h, work.flux[slot, r])
            if not (after >= 0.0 and after < np.inf):
                return r
        update_reservoirs(system, reservoirs, budget, f, h, work.flux)
    for row in range(nz * ny):
        for i in range(nx):
            if abs(out[f, row, i]) < UNDERFLOW:
                out[f, row, i] = 0.0
    return -1


@njit(cache=True)
def _add_sources(c, source, system, mid, f, h):
    nx, slot = c.shape[2], min(f, mid.shape[0] - 1)
    for row in range(c.shape[1]):
        for i in range(nx):
            c[f, row, i] += h * source[f, row, i]
    for e in range(system.ex_voxel.size):
        voxel = system.ex_voxel[e]
        c[f, voxel // nx, voxel % nx] += h * system.ex_rate[f, e] * mid[slot, system.ex_reservoir[e]]


@njit(cache=True)
def _implicit_x(c, kx, loss, f, h, n_axis):
    nx = c.shape[2]
    cp = np.empty(nx)
    for row in range(c.shape[1]):
        before = 0.0
        carried = 0.0
        for i in range(nx):
            k = h * kx[f, row, i] if i < nx - 1 else 0.0
            rest = 1.0 + h * loss[f, row, i] / n_axis + carried
            w = 1.0 / (rest + k)
            cp[i] = k * w
            carried = cp[i] * rest
            c[f, row, i] = (c[f, row, i] + before) * w
            before = k * c[f, row, i]
        for i in range(nx - 2, -1, -1):
            c[f, row, i] += cp[i] * c[f, row, i + 1]


@njit(cache=True)
def _implicit_rows(c, k, loss, cp, f, first, n, h, n_axis):
    fu, s = np.uintp(f), np.uintp(min(f, cp.shape[0] - 1))
    nx = np.uintp(c.shape[2])
    carried = np.zeros(c.shape[2])
    before = np.zeros(c.shape[2])
    row = np.uintp(first)
    for j in range(n):
        open_face = h if j < n - 1 else 0.0
        for i in range(nx):
            here = open_face * k[fu, row, i]
            rest = 1.0 + h * loss[fu, row, i] / n_axis + carried[i]
            w = 1.0 / (rest + here)
            cp[s, row, i] = here * w
            carried[i] = here * w * rest
            new = (c[fu, row, i] + before[i]) * w
            c[fu, row, i] = new
            before[i] = here * new
        row = row + U1
    row = row - U1
    for _ in range(1, n):
        after = row
        row = row - U1
        for i in range(nx):
            c[fu, row, i] += cp[s, row, i] * c[fu, after, i]


@njit(cache=True)
def _book_losses(c, system, work, budget, f, h):
    """Losses of one stage: each acts for ``h`` on the values the stage ends with."""
    n_field, nz, ny, nx = system.decay.shape
    decay = system.decay.reshape(n_field, nz * ny, nx)
    to_fg = system.voxel_volume * FG_PER_PG_UM3_PER_ML
    decayed = 0.0
    for row in range(nz * ny):
        for i in range(nx):
            decayed += decay[f, row, i] * c[f, row, i]
    budget.decayed[f] += decayed * h * to_fg
    if system.uptake.size > 0:
        uptake = system.uptake.reshape(n_field, nz * ny, nx)
        taken = 0.0
        for row in range(nz * ny):
            for i in range(nx):
                taken += uptake[f, row, i] * c[f, row, i]
        budget.taken_up[f] += taken * h * to_fg
    slot = min(f, work.flux.shape[0] - 1)
    for e in range(system.ex_voxel.size):
        voxel, r = system.ex_voxel[e], system.ex_reservoir[e]
        work.flux[slot, r] += h * system.ex_rate[f, e] * (work.mid[slot, r] - c[f, voxel // nx, voxel % nx])
