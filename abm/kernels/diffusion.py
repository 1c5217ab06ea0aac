"""Diffusion, decay, uptake and exchange of all fields: Douglas alternating directions in delta form.

One step of a field, with A = A_x + A_y (+ A_z) and all linear losses shared equally by the axes, is

    (I - dt/2 A_x) d_x = dt (A c + S),   (I - dt/2 A_y) d_y = d_x,   (I - dt/2 A_z) d_z = d_y,   c += d_z

(Douglas, Numer. Math. 4:41, 1962, doi:10.1007/BF01386295): second order in time and space, stable in 2-D at
any step (in 3-D see `count_stable_substeps`), and its fixed point is the exact steady state of the discrete
equations.  It is not positive.  A step that would leave a voxel below zero is redone from its old values by
`diffusion_positive`; such steps are counted, and nothing is ever clipped.

Zero is the bound, without a tolerance.  Rounding does not cross it: the line solves of an M-matrix add terms
of one sign, and the right-hand side is wrong by a few units of the last place of the values around it, which
is also the size to which diffusion fills a voxel from them in one step.  Tails that fall to 1e-250 of their
source keep their sign; below 1e-290 see `UNDERFLOW`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from abm.kernels.diffusion_positive import positive_step
from abm.kernels.diffusion_sweeps import (
    PANEL,
    accept_panel,
    add_rows,
    add_z_fluxes,
    solve_rows,
    sweep_x,
)
from abm.kernels.field_factors import LANES
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML, FieldSystem
from abm.kernels.reservoirs import predict_midpoint, reservoir_after, update_reservoirs

OK = 0
NEGATIVE = 101
NOT_FINITE = 102
BAD_RESERVOIR = 103

MESSAGES = {
    NEGATIVE: "concentration is negative",
    NOT_FINITE: "concentration is infinite or not a number",
    BAD_RESERVOIR: "reservoir concentration is negative, infinite or not a number",
}

REDONE, START_UPS = 0, 1
"""Columns of the counters: steps redone by the positive scheme, steps that used it as start-up."""


class Workspace(NamedTuple):
    """Scratch arrays of `advance` (one slot) or `advance_parallel` (a slot per field)."""

    d1: NDArray[np.float64]
    d2: NDArray[np.float64]
    last: NDArray[np.float64]
    next: NDArray[np.float64]
    partial: NDArray[np.float64]
    mid: NDArray[np.float64]
    flux: NDArray[np.float64]


def new_workspace(system: FieldSystem, n_reservoir: int, parallel: bool = False) -> Workspace:
    """Allocate scratch for systems of this shape; ``parallel`` for `advance_parallel`."""
    n_field, nz, ny, nx = system.decay.shape
    slots = n_field if parallel else 1
    n_panel = -(-(nx if nz == 1 else ny * nx) // PANEL)
    rows = (slots, nz * ny, nx)
    return Workspace(
        np.zeros(rows),
        np.zeros(rows if nz > 1 else (slots, 0, 0)),
        np.zeros(rows),
        np.zeros((n_field, nz * ny, nx)),
        np.zeros((slots, n_panel, 4)),
        np.zeros((slots, n_reservoir)),
        np.zeros((slots, n_reservoir)),
    )


@njit(cache=True)
def advance(c, source, system, factors, reservoirs, n_steps, restart, budget, counters, work):
    """Advance every field by ``n_steps[f]`` of the steps `build_factors` was asked for, on one thread.

    Parameters
    ----------
    c : (n_field, nz, ny, nx) float64 [pg/ml]
        Changed in place.
    source : (n_field, nz, ny, nx) float64 [pg/ml/min]
        Constant over the call.
    system : FieldSystem
    factors : Factors
        Must be fresh: see `refresh_factors`.
    reservoirs : Reservoirs
        ``c`` is changed in place.
    n_steps : (n_field,) int64
    restart : (n_field,) bool
        True where ``c`` or ``source`` has jumped (a bolus): the first step then uses the positive scheme.
        Set to False when done.
    budget : Budget
        Added to.
    counters : (n_field, 2) int64
        Added to; columns `REDONE`, `START_UPS`.
    work : Workspace

    Returns
    -------
    (code, field, index) : int64
        ``OK``; else a code of `MESSAGES`, the first field concerned and its flat voxel (or reservoir)
        index.  The field then stands where it was before the faulty step.
    """
    n_field, nz, ny, nx = c.shape
    rows = (n_field, nz * ny, nx)
    c3, s3 = c.reshape(rows), source.reshape(rows)
    kx, ky, kz = system.kx.reshape(rows), system.ky.reshape(rows), system.kz.reshape(rows)
    # The last axis to be solved, y in 2-D and z in 3-D, runs over "rows" as wide as the rest of the grid.
    n_line, width = (ny, nx) if nz == 1 else (nz, ny * nx)
    wide = (n_field, n_line, width)
    decay, uptake = system.decay.reshape(wide), system.uptake.reshape(system.uptake.shape[0], n_line, width)
    cp, w = (factors.y_cp, factors.y_w) if nz == 1 else (factors.z_cp, factors.z_w)
    alike = factors.y_alike if nz == 1 else factors.z_alike
    others, last = work.d1.reshape(1, n_line, width), work.last.reshape(1, n_line, width)
    before = others if nz == 1 else work.d2.reshape(1, n_line, width)
    forcing = s3 if nz == 1 else work.d1
    n_panel, weight = (nx + PANEL - 1) // PANEL, 0.25 if nz == 1 else 1.0 / 6.0
    first = np.int64(0)  # a plain 0 is a type of its own and would compile everything below twice
    rhs = np.zeros(LANES * nx)
    # Arrays, not tuples of them, go to the innermost functions: every call counts each array of a tuple.
    d1, d2, partial, mid, loss, x = work.d1, work.d2, work.partial, work.mid, factors.loss, factors.x
    exchange = (factors.ex_order, factors.ex_start, system.ex_voxel, system.ex_reservoir, system.ex_rate)
    n_block = x.shape[1]
    blocks, y_cp, y_w, y_alike = factors.alike, factors.y_cp, factors.y_w, factors.y_alike
    for f in range(n_field):
        dt = factors.dt[f]
        n_step = n_steps[f] * factors.n_substep[f]
        code, index = _open_field(c3, s3, dt * n_step * system.voxel_volume, budget, f)
        if code != OK:
            return code, f, index
        cur, out = c3, work.next
        for step in range(n_step):
            start_up = restart[f] and step == 0
            if not start_up:
                predict_midpoint(cur, system, factors, reservoirs, f, dt, mid)
                for b in range(n_block if nz > 1 else 0):
                    add_z_fluxes(cur, s3, kz, d1, f, b, ny, nz)
                sweep_x(
                    cur, forcing, kx, ky, loss, blocks, x, exchange, mid, rhs, d1, f, first, n_block, ny, dt
                )
                for q in range(nz * n_panel if nz > 1 else 0):
                    z, p = q // n_panel, q % n_panel
                    solve_rows(d1, out, d2, y_cp, y_w, y_alike, f, z * ny, ny, p)
                    add_rows(d1, d2, f, z * ny, ny, p)
                old, new = cur.reshape(wide), out.reshape(wide)
                for p in range(partial.shape[1]):
                    solve_rows(before, new, last, cp, w, alike, f, first, n_line, p)
                    accept_panel(old, new, others, last, decay, uptake, alike, weight, partial, f, p)
            code, index = _close_step(
                cur, out, s3, system, factors, reservoirs, budget, counters, work, f, start_up
            )
            if code != OK:
                _copy_field(cur, c3, f)
                return code, f, index
            restart[f] = False
            cur, out = out, cur
        _copy_field(cur, c3, f)
    return OK, 0, 0


@njit(cache=True, parallel=True)
def advance_parallel(c, source, system, factors, reservoirs, n_steps, restart, budget, counters, work):
    """`advance` on all threads, to the same bytes; worth its overhead from about 1e5 values.

    ``work`` comes from ``new_workspace(..., parallel=True)``.
    """
    n_field, nz, ny, nx = c.shape
    rows = (n_field, nz * ny, nx)
    cur, out, s3 = c.reshape(rows), work.next, source.reshape(rows)
    kx, ky, kz = system.kx.reshape(rows), system.ky.reshape(rows), system.kz.reshape(rows)
    n_line, width = (ny, nx) if nz == 1 else (nz, ny * nx)
    wide = (n_field, n_line, width)
    decay, uptake = system.decay.reshape(wide), system.uptake.reshape(system.uptake.shape[0], n_line, width)
    cp, w = (factors.y_cp, factors.y_w) if nz == 1 else (factors.z_cp, factors.z_w)
    alike = factors.y_alike if nz == 1 else factors.z_alike
    d1, d2, loss, x, dts, partial = work.d1, work.d2, factors.loss, factors.x, factors.dt, work.partial
    exchange = (factors.ex_order, factors.ex_start, system.ex_voxel, system.ex_reservoir, system.ex_rate)
    mid = work.mid
    blocks, y_cp, y_w, y_alike = factors.alike, factors.y_cp, factors.y_w, factors.y_alike
    others, last = d1.reshape(wide), work.last.reshape(wide)
    before = others if nz == 1 else d2.reshape(wide)
    forcing = s3 if nz == 1 else work.d1
    n_panel, weight = (nx + PANEL - 1) // PANEL, 0.25 if nz == 1 else 1.0 / 6.0
    first = np.int64(0)  # a plain 0 is a type of its own and would compile everything below twice
    n_block, n_y, n_last = x.shape[1], nz * n_panel if nz > 1 else 0, partial.shape[1]
    codes = np.zeros((n_field, 2), np.int64)
    n_rounds, fault, n_step = 0, OK, n_steps * factors.n_substep
    for f in range(n_field):
        interval = dts[f] * n_step[f] * system.voxel_volume
        codes[f, 0], codes[f, 1] = _open_field(cur, s3, interval, budget, f)
        n_rounds, fault = max(n_rounds, n_step[f]), max(fault, codes[f, 0])
    for step in range(n_rounds if fault == OK else 0):
        # Fields that take the Douglas step now: not those that are through, nor those that start up.
        douglas = np.zeros(n_field, np.bool_)
        for f in range(n_field):
            douglas[f] = step < n_step[f] and not restart[f] and codes[f, 0] == OK
            if douglas[f]:
                predict_midpoint(cur, system, factors, reservoirs, f, dts[f], work.mid)
        for q in prange(n_field * n_block):
            f, b = np.int64(q // n_block), np.int64(q % n_block)
            if douglas[f]:
                if nz > 1:
                    add_z_fluxes(cur, s3, kz, d1, f, b, ny, nz)
                rhs = np.zeros(LANES * nx)
                sweep_x(
                    cur, forcing, kx, ky, loss, blocks, x, exchange, mid, rhs, d1, f, b, b + 1, ny, dts[f]
                )
        for q in prange(n_field * n_y):
            f, z, p = np.int64(q // n_y), np.int64(q % n_y // n_panel), np.int64(q % n_panel)
            if douglas[f]:
                solve_rows(d1, out, d2, y_cp, y_w, y_alike, f, z * ny, ny, p)
                add_rows(d1, d2, f, z * ny, ny, p)
        old, new = cur.reshape(wide), out.reshape(wide)
        for q in prange(n_field * n_last):
            f, p = np.int64(q // n_last), np.int64(q % n_last)
            if douglas[f]:
                solve_rows(before, new, last, cp, w, alike, f, first, n_line, p)
                accept_panel(old, new, others, last, decay, uptake, alike, weight, partial, f, p)
        for q in prange(n_field):
            f = np.int64(q)
            if step < n_step[f] and codes[f, 0] == OK:
                codes[f, 0], codes[f, 1] = _close_step(
                    cur, out, s3, system, factors, reservoirs, budget, counters, work, f, not douglas[f]
                )
                restart[f] = restart[f] and codes[f, 0] != OK
                # Leave the last good values of a field in the caller's array, which is `cur` in even steps.
                if codes[f, 0] != OK and step % 2 == 1:
                    _copy_field(cur, out, f)
                elif codes[f, 0] == OK and step == n_step[f] - 1 and step % 2 == 0:
                    _copy_field(out, cur, f)
        cur, out = out, cur
    for f in range(n_field):
        if codes[f, 0] != OK:
            return codes[f, 0], f, codes[f, 1]
    return OK, 0, 0


@njit(cache=True)
def _copy_field(source, target, f):
    """``target[f] = source[f]``, for nothing when both are the same array."""
    if source.ctypes.data == target.ctypes.data:
        return
    for row in range(source.shape[1]):
        for i in range(source.shape[2]):
            target[f, row, i] = source[f, row, i]


@njit(cache=True)
def _open_field(c, source, interval, budget, f):
    """Refuse values that are already wrong; book the constant source of the whole call.

    ``interval`` is time times voxel volume [min um^3].
    """
    fu, nx = np.uintp(f), np.uintp(c.shape[2])
    sourced, amount = np.zeros(c.shape[2]), np.zeros(c.shape[2])
    lowest = np.full(c.shape[2], np.inf)
    for row in range(np.uintp(c.shape[1])):
        for i in range(nx):
            sourced[i] += source[fu, row, i]
        for i in range(nx):
            value = c[fu, row, i]
            amount[i] += value
            lowest[i] = value if value < lowest[i] else lowest[i]
    budget.sourced[f] += sourced.sum() * interval * FG_PER_PG_UM3_PER_ML
    if lowest.min() < 0.0 or not np.isfinite(amount.sum()):
        return _find_fault(c, f)
    return OK, 0


@njit(cache=True)
def _find_fault(c, f):
    """First voxel of a field that is negative or not finite."""
    nx = c.shape[2]
    for row in range(c.shape[1]):
        for i in range(nx):
            if not np.isfinite(c[f, row, i]):
                return NOT_FINITE, row * nx + i
            if c[f, row, i] < 0.0:
                return NEGATIVE, row * nx + i
    return OK, 0


@njit(cache=True)
def _close_step(c, out, source, system, factors, reservoirs, budget, counters, work, f, start_up):
    """Accept and book the Douglas step, or replace it by the positive scheme."""
    dt = factors.dt[f]
    to_fg = system.voxel_volume * FG_PER_PG_UM3_PER_ML
    accepted = not start_up
    if accepted:
        slot = min(f, work.flux.shape[0] - 1)
        decayed, taken, amount, lowest = 0.0, 0.0, 0.0, np.inf
        for task in range(work.partial.shape[1]):
            decayed += work.partial[slot, task, 0]
            taken += work.partial[slot, task, 1]
            amount += work.partial[slot, task, 2]
            lowest = min(lowest, work.partial[slot, task, 3])
        _exchange_flux(c, system, work, f, dt)
        accepted = lowest >= 0.0 and np.isfinite(amount)
        for r in range(reservoirs.volume.size):
            after = reservoir_after(system, reservoirs, r, f, dt, work.flux[slot, r])
            accepted = accepted and after >= 0.0 and after < np.inf
        if accepted:
            budget.decayed[f] += decayed * dt * to_fg
            budget.taken_up[f] += taken * dt * to_fg
            budget.amount[f] = amount * to_fg
            update_reservoirs(system, reservoirs, budget, f, dt, work.flux)
            return OK, 0
        counters[f, REDONE] += 1
    else:
        counters[f, START_UPS] += 1
    reservoir = positive_step(c, out, source, system, factors, reservoirs, budget, work, f)
    if reservoir >= 0:
        return BAD_RESERVOIR, reservoir
    amount = 0.0
    for row in range(out.shape[1]):
        for i in range(out.shape[2]):
            amount += out[f, row, i]
    budget.amount[f] = amount * to_fg
    return _find_fault(out, f)


@njit(cache=True)
def _exchange_flux(c, system, work, f, dt):
    """What each reservoir gave the tissue in this Douglas step, ``flux[slot, r]`` [pg/ml x voxels]."""
    weight = 0.25 if system.decay.shape[1] == 1 else 1.0 / 6.0
    slot, n_voxel = min(f, work.flux.shape[0] - 1), c.shape[1] * c.shape[2]
    values = c.reshape(c.shape[0], n_voxel)
    d1, last = work.d1.reshape(work.d1.shape[0], n_voxel), work.last.reshape(work.last.shape[0], n_voxel)
    for r in range(work.flux.shape[1]):
        work.flux[slot, r] = 0.0
    reservoir, voxel, rate = system.ex_reservoir, system.ex_voxel, system.ex_rate
    mid, flux = work.mid, work.flux
    for e in range(voxel.size):
        r, v = reservoir[e], voxel[e]
        effective = values[f, v] + weight * (d1[slot, v] + last[slot, v])
        flux[slot, r] += dt * rate[f, e] * (mid[slot, r] - effective)
