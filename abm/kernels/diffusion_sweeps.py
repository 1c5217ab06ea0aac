"""The sweeps of one Douglas step, each on an independent block so that blocks may run in any order.

Arrays have the shape (n_field, nz * ny, nx), for the sweep along z (n_field, nz, ny * nx).  Scratch arrays
have a slot for every field, or a single slot that all fields use in turn.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from abm.kernels.field_factors import LANES, U0, U1, ULANES

U2, U3, U4, U5, U6, U7 = (np.uintp(k) for k in range(2, 8))

PANEL = 128
"""Columns handled together in the y and z sweeps, so that the lines of one panel stay in cache."""

UNDERFLOW = 1e-290
"""[pg/ml] Smaller magnitudes become zero, of either sign, as in arithmetic without subnormal numbers.

A field that has decayed that far would otherwise crawl (subnormal arithmetic is some hundred times slower)
and show rounding of the last subnormal bit as negative values.  One molecule per voxel is about 10 pg/ml.
"""


@njit(cache=True)
def add_z_fluxes(c, source, kz, out, f, block, ny, nz):
    """Source plus what diffuses in from above and below, of the rows of one block, into ``out``.

    A loop of its own, as one over all six neighbours reads too many arrays to be vectorised.
    """
    s, f, nx = np.uintp(min(f, out.shape[0] - 1)), np.uintp(f), np.uintp(c.shape[2])
    for row in range(block * LANES, min(block * LANES + LANES, c.shape[1])):
        r = np.uintp(row)
        above = np.uintp(row + ny if row // ny < nz - 1 else row)
        below = np.uintp(row - ny if row // ny > 0 else row)
        for i in range(nx):
            here = c[f, r, i]
            out[s, r, i] = source[f, r, i] + (
                kz[f, r, i] * (c[f, above, i] - here) - kz[f, below, i] * (here - c[f, below, i])
            )


@njit(cache=True)
def sweep_x(c, source, kx, ky, loss, alike, x, exchange, mid, rhs, d, f, first, last, ny, dt):
    """Right-hand side and solution along x of the blocks ``first .. last - 1``: the first delta, into ``d``.

    Coefficients and factors are read at the block that is alike (see `Factors.alike`).

    Parameters
    ----------
    c, kx, ky, loss : (n_field, n_row, nx) float64
    source : (1 or n_field, n_row, nx) float64
        S and, in 3-D, the fluxes along z.
    alike, x
        As in `Factors`.
    exchange : (order, start, voxel, reservoir, rate)
        As in `Factors` and `FieldSystem`.
    mid : (1 or n_field, n_res) float64
    rhs : (LANES * nx,) float64
        Scratch.
    d : (1 or n_field, n_row, nx) float64
    """
    n_row, nx = c.shape[1], np.uintp(c.shape[2])
    order, start, voxel, reservoir, rate = exchange
    cs, ss, ls = c.reshape(c.size), source.reshape(source.size), loss.reshape(loss.size)
    kxs, kys, xs, ds = kx.reshape(kx.size), ky.reshape(ky.size), x.reshape(x.size), d.reshape(d.size)
    source_row, d_row = min(f, source.shape[0] - 1) * n_row, min(f, d.shape[0] - 1) * n_row
    for block in range(first, last):
        row, like = block * LANES, alike[f, block]
        n_lane = min(LANES, n_row - row)
        here, s = np.uintp(f * n_row + row) * nx, np.uintp(source_row + row) * nx
        k, at = np.uintp(f * n_row + like * LANES) * nx, np.uintp(d_row + row) * nx
        _right_hand_side(cs, ss, kxs, kys, ls, rhs, here, s, k, row, n_lane, nx, ny, dt)
        if order.size > 0:
            add_exchange(rhs, order, start, voxel, reservoir, rate, mid, f, block, c.shape[2], dt)
        factors = np.uintp((f * alike.shape[1] + like) * 2 * LANES) * nx
        _forward_x(xs, factors, rhs, nx)
        if n_lane == LANES:
            _back_x(xs, factors, rhs, ds, at, nx)
        else:
            _back_x(xs, factors, rhs, rhs, U0, nx)
            for i in range(np.uintp(n_lane) * nx):
                ds[at + i] = rhs[i]


@njit(cache=True, forceinline=True)
def _right_hand_side(c, source, kx, ky, loss, rhs, here, s, k, row, n_lane, nx, ny, dt):
    """Right-hand side dt (A c + S) of the rows of one block, row after row into ``rhs`` (LANES * nx,).

    All arrays are flat; the block starts at ``here`` in the field, at ``s`` in the source and at ``k`` in the
    coefficients.  A missing neighbour is replaced by the voxel itself: no difference, no flux.

    Long loops over flat arrays: the tests for overlap before a vectorised loop cost as much as sixty voxels.
    """
    for i in range(U1, np.uintp(n_lane) * nx - U1):
        value = c[here + i]
        rhs[i] = kx[k + i] * (c[here + i + U1] - value) - kx[k + i - U1] * (value - c[here + i - U1])
    for lane in range(np.uintp(n_lane)):
        for column in range(U0, nx, nx - U1 if nx > U1 else U1):
            i = lane * nx + column
            east, west = U1 if column < nx - U1 else U0, U1 if column > U0 else U0
            value = c[here + i]
            rhs[i] = kx[k + i] * (c[here + i + east] - value) - kx[k + i - west] * (
                value - c[here + i - west]
            )
    lane = 0
    while lane < n_lane:
        y = (row + lane) % ny
        together = 1 if y == 0 or y == ny - 1 else min(n_lane - lane, ny - 1 - y)
        north, south = nx if y < ny - 1 else U0, nx if y > 0 else U0
        for i in range(np.uintp(lane) * nx, np.uintp(lane + together) * nx):
            value = c[here + i]
            rhs[i] = dt * (
                rhs[i]
                + (
                    ky[k + i] * (c[here + i + north] - value)
                    - ky[k + i - south] * (value - c[here + i - south])
                )
                + (source[s + i] - loss[k + i] * value)
            )
        lane += together


@njit(cache=True)
def add_exchange(rhs, order, start, voxel, reservoir, rate, mid, f, block, nx, dt):
    """Add what the reservoirs give to the rows of one block."""
    slot, first = min(f, mid.shape[0] - 1), block * LANES * nx
    for q in range(start[block], start[block + 1]):
        e = order[q]
        rhs[voxel[e] - first] += dt * rate[f, e] * mid[slot, reservoir[e]]


# Eight lines side by side, written out: each is a chain in which every number waits for the one before, so
# that one line alone would leave the processor idle most of the time.  They must be `LANES` many.


@njit(cache=True, forceinline=True)
def _forward_x(x, k, r, nx):
    """Forward elimination ``y_i = r_i + cp_(i-1) y_(i-1)`` of `LANES` rows, in place.

    The factors stand from ``k`` on.
    """
    r1, r2, r3, r4 = nx, U2 * nx, U3 * nx, U4 * nx
    r5, r6, r7 = U5 * nx, U6 * nx, U7 * nx
    y0, y1, y2, y3, y4, y5, y6, y7 = r[U0], r[r1], r[r2], r[r3], r[r4], r[r5], r[r6], r[r7]
    for i in range(U1, nx):
        j = k + i - U1
        y0 = r[i] + x[j] * y0
        y1 = r[r1 + i] + x[r1 + j] * y1
        y2 = r[r2 + i] + x[r2 + j] * y2
        y3 = r[r3 + i] + x[r3 + j] * y3
        y4 = r[r4 + i] + x[r4 + j] * y4
        y5 = r[r5 + i] + x[r5 + j] * y5
        y6 = r[r6 + i] + x[r6 + j] * y6
        y7 = r[r7 + i] + x[r7 + j] * y7
        r[i], r[r1 + i], r[r2 + i], r[r3 + i] = y0, y1, y2, y3
        r[r4 + i], r[r5 + i], r[r6 + i], r[r7 + i] = y4, y5, y6, y7


@njit(cache=True, forceinline=True)
def _back_x(x, k, y, d, first, nx):
    """Back substitution ``u_i = w_i y_i + cp_i u_(i+1)`` of `LANES` rows, into ``d`` from ``first`` on."""
    r1, r2, r3, r4 = nx, U2 * nx, U3 * nx, U4 * nx
    r5, r6, r7, w = U5 * nx, U6 * nx, U7 * nx, ULANES * nx
    u0 = u1 = u2 = u3 = u4 = u5 = u6 = u7 = 0.0
    for back in range(U1, nx + U1):
        i = nx - back
        c, v, o = k + i, k + w + i, first + i
        u0 = y[i] * x[v] + x[c] * u0
        u1 = y[r1 + i] * x[v + r1] + x[c + r1] * u1
        u2 = y[r2 + i] * x[v + r2] + x[c + r2] * u2
        u3 = y[r3 + i] * x[v + r3] + x[c + r3] * u3
        u4 = y[r4 + i] * x[v + r4] + x[c + r4] * u4
        u5 = y[r5 + i] * x[v + r5] + x[c + r5] * u5
        u6 = y[r6 + i] * x[v + r6] + x[c + r6] * u6
        u7 = y[r7 + i] * x[v + r7] + x[c + r7] * u7
        d[o], d[o + r1], d[o + r2], d[o + r3] = u0, u1, u2, u3
        d[o + r4], d[o + r5], d[o + r6], d[o + r7] = u4, u5, u6, u7


@njit(cache=True)
def solve_rows(rhs, scratch, d, cp, w, alike, f, first, n, panel):
    """Solve the lines across the rows first .. first + n - 1, one line per column of the panel.

    From ``rhs`` to ``d``, with the factors of row ``alike[f, row]``.  Along y a row is a row of voxels, along
    z it is a whole plane.  The running solution is held in ``scratch[f]``: written in place, the back
    substitution is not vectorised.
    """
    lo, m, here, at = _panel(rhs, scratch, f, first, panel)
    nx, k0 = np.uintp(rhs.shape[2]), np.uintp(f) * np.uintp(cp.shape[1] * cp.shape[2]) + lo
    rs, ts, ds = rhs.reshape(rhs.size), scratch.reshape(scratch.size), d.reshape(d.size)
    cps, ws = cp.reshape(cp.size), w.reshape(w.size)
    for i in range(m):
        ts[at + i] = rs[here + i]
    for row in range(first, first + n - 1):
        k, before = k0 + np.uintp(alike[f, row]) * nx, at
        here, at = here + nx, at + nx
        for i in range(m):
            ts[at + i] = rs[here + i] + cps[k + i] * ts[before + i]
    k = k0 + np.uintp(alike[f, first + n - 1]) * nx
    for i in range(m):
        ds[here + i] = ts[at + i] * ws[k + i]
    for row in range(first + n - 2, first - 1, -1):
        k, after = k0 + np.uintp(alike[f, row]) * nx, here
        here, at = here - nx, at - nx
        for i in range(m):
            ds[here + i] = ts[at + i] * ws[k + i] + cps[k + i] * ds[after + i]


@njit(cache=True)
def _panel(scratch, fields, f, row, panel):
    """First column of a panel, its width, and where it starts in a row of scratch and of a field.

    The innermost loops count along flat arrays: with an index for every axis they are half as fast.
    """
    nx, slot = np.uintp(fields.shape[2]), np.uintp(min(f, scratch.shape[0] - 1))
    lo = np.uintp(panel * PANEL)
    m = np.uintp(min(panel * PANEL + PANEL, fields.shape[2])) - lo
    n_row, r = np.uintp(fields.shape[1]), np.uintp(row)
    return lo, m, (slot * n_row + r) * nx + lo, (np.uintp(f) * n_row + r) * nx + lo


@njit(cache=True)
def add_rows(target, d, f, first, n, panel):
    """``target += d`` on the rows first .. first + n - 1 of one panel."""
    s = np.uintp(min(f, d.shape[0] - 1))
    lo = np.uintp(panel * PANEL)
    hi = np.uintp(min(panel * PANEL + PANEL, d.shape[2]))
    for row in range(np.uintp(first), np.uintp(first + n)):
        for i in range(lo, hi):
            target[s, row, i] += d[s, row, i]


@njit(cache=True)
def accept_panel(c, out, others, d, decay, uptake, alike, weight, partial, f, panel):
    """New concentrations of the columns of one panel and their share of the budget.

    The Douglas deltas obey d_last = dt (A c + S) + dt/2 (A_x d_x + A_y d_y + ...), so each loss acts on the
    effective concentration c + weight * (sum of all deltas), weight = 1 / (2 n_axis).

    ``partial[slot, panel]`` receives the sums of decay * c_eff, of uptake * c_eff and of the new values,
    and the lowest new value.  A NaN or an infinity anywhere makes the sum of the new values not finite.
    """
    slot, nx = min(f, d.shape[0] - 1), np.uintp(c.shape[2])
    _, m, s, here = _panel(d, c, f, 0, panel)
    first = here
    cs, news, os, ds = (
        c.reshape(c.size),
        out.reshape(out.size),
        others.reshape(others.size),
        d.reshape(d.size),
    )
    ks, us = decay.reshape(decay.size), uptake.reshape(uptake.size)
    decayed, taken = np.zeros(PANEL), np.zeros(PANEL)
    amount, lowest = np.zeros(PANEL), np.full(PANEL, np.inf)
    # With more results in one loop the compiler gives up vectorising.
    for row in range(c.shape[1]):
        k = first + np.uintp(alike[f, row]) * nx
        for i in range(m):
            new = cs[here + i] + ds[s + i]
            new = 0.0 if abs(new) < UNDERFLOW else new
            news[here + i] = new
            amount[i] += new
        for i in range(m):
            new = news[here + i]
            lowest[i] = new if new < lowest[i] else lowest[i]
        for i in range(m):
            decayed[i] += ks[k + i] * (cs[here + i] + weight * (os[s + i] + ds[s + i]))
        if uptake.size > 0:
            for i in range(m):
                taken[i] += us[here + i] * (cs[here + i] + weight * (os[s + i] + ds[s + i]))
        here, s = here + nx, s + nx
    partial[slot, panel] = 0.0
    partial[slot, panel, 3] = np.inf
    for i in range(m):
        partial[slot, panel, 0] += decayed[i]
        partial[slot, panel, 1] += taken[i]
        partial[slot, panel, 2] += amount[i]
        partial[slot, panel, 3] = min(partial[slot, panel, 3], lowest[i])
