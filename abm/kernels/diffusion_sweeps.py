"""The sweeps of one Douglas step, each on an independent block so that blocks may run in any order.

Arrays have the shape (n_field, nz * ny, nx), for the sweep along z (n_field, nz, ny * nx).  Scratch arrays
have a slot for every field, or a single slot that all fields use in turn.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from abm.kernels.field_factors import LANES, U0, U1, U2, UCELL, ULANES

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
def right_hand_side(c, source, kx, ky, loss, x, f, block, ny, dt):
    """Right-hand side dt (A c + S) of the rows of one block, into the solution slots of ``x[f, block]``.

    ``source`` holds S and, in 3-D, the fluxes along z.  A missing neighbour is replaced by the voxel itself:
    no difference, no flux.
    """
    s = np.uintp(min(f, source.shape[0] - 1))
    f, k, nx = np.uintp(f), np.uintp(block), np.uintp(c.shape[2])
    first = block * LANES
    for lane in range(min(LANES, c.shape[1] - first)):
        row = first + lane
        b, r = np.uintp(lane), np.uintp(row)
        north = np.uintp(row + 1 if row % ny < ny - 1 else row)
        south = np.uintp(row - 1 if row % ny > 0 else row)
        for i in range(U1, nx - U1):
            here = c[f, r, i]
            x[f, k, i * UCELL + b] = dt * (
                kx[f, r, i] * (c[f, r, i + U1] - here)
                - kx[f, r, i - U1] * (here - c[f, r, i - U1])
                + (ky[f, r, i] * (c[f, north, i] - here) - ky[f, south, i] * (here - c[f, south, i]))
                + (source[s, r, i] - loss[f, r, i] * here)
            )
        for i in range(U0, nx, nx - U1 if nx > U1 else U1):
            here = c[f, r, i]
            east, west = min(i + U1, nx - U1), max(i, U1) - U1
            x[f, k, i * UCELL + b] = dt * (
                kx[f, r, i] * (c[f, r, east] - here)
                - kx[f, r, west] * (here - c[f, r, west])
                + (ky[f, r, i] * (c[f, north, i] - here) - ky[f, south, i] * (here - c[f, south, i]))
                + (source[s, r, i] - loss[f, r, i] * here)
            )


@njit(cache=True)
def add_exchange(x, ex_order, ex_start, ex_voxel, ex_reservoir, ex_rate, mid, f, block, nx, dt):
    """Add what the reservoirs give to the rows of one block."""
    slot = min(f, mid.shape[0] - 1)
    for q in range(ex_start[block], ex_start[block + 1]):
        e = ex_order[q]
        lane = ex_voxel[e] // nx - block * LANES
        at = np.uintp(ex_voxel[e] % nx) * UCELL + np.uintp(lane)
        x[np.uintp(f), np.uintp(block), at] += dt * ex_rate[f, e] * mid[slot, ex_reservoir[e]]


@njit(cache=True)
def solve_x(x, d, f, block):
    """Solve `LANES` rows along x side by side; the first delta goes to ``d``."""
    s = np.uintp(min(f, d.shape[0] - 1))
    f, k, nx = np.uintp(f), np.uintp(block), np.uintp(d.shape[2])
    for i in range(U1, nx):
        for b in range(ULANES):
            x[f, k, i * UCELL + b] += x[f, k, (i - U1) * UCELL + ULANES + b] * x[f, k, (i - U1) * UCELL + b]
    last = nx - U1
    for b in range(ULANES):
        x[f, k, last * UCELL + b] *= x[f, k, last * UCELL + U2 * ULANES + b]
    for back in range(U1, nx):
        i = last - back
        for b in range(ULANES):
            x[f, k, i * UCELL + b] = (
                x[f, k, i * UCELL + b] * x[f, k, i * UCELL + U2 * ULANES + b]
                + x[f, k, i * UCELL + ULANES + b] * x[f, k, (i + U1) * UCELL + b]
            )
    first = np.uintp(block * LANES)
    for b in range(np.uintp(min(LANES, d.shape[1] - block * LANES))):
        for i in range(nx):
            d[s, first + b, i] = x[f, k, i * UCELL + b]


@njit(cache=True)
def solve_rows(rhs, d, cp, w, f, first, n, panel):
    """Solve the lines across the rows first .. first + n - 1, one line per column of the panel.

    From ``rhs`` to ``d``.  Along y a row is a row of voxels, along z it is a whole plane.
    """
    s, f = np.uintp(min(f, d.shape[0] - 1)), np.uintp(f)
    lo = np.uintp(panel * PANEL)
    hi = np.uintp(min(panel * PANEL + PANEL, rhs.shape[2]))
    row = np.uintp(first)
    for i in range(lo, hi):
        d[s, row, i] = rhs[s, row, i]
    for _ in range(1, n):
        before = row
        row = row + U1
        for i in range(lo, hi):
            d[s, row, i] = rhs[s, row, i] + cp[f, before, i] * d[s, before, i]
    for i in range(lo, hi):
        d[s, row, i] *= w[f, row, i]
    for _ in range(1, n):
        after = row
        row = row - U1
        for i in range(lo, hi):
            d[s, row, i] = d[s, row, i] * w[f, row, i] + cp[f, row, i] * d[s, after, i]


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
def accept_panel(c, out, others, d, decay, uptake, weight, partial, f, panel):
    """New concentrations of the columns of one panel and their share of the budget.

    The Douglas deltas obey d_last = dt (A c + S) + dt/2 (A_x d_x + A_y d_y + ...), so each loss acts on the
    effective concentration c + weight * (sum of all deltas), weight = 1 / (2 n_axis).

    ``partial[slot, panel]`` receives the sums of decay * c_eff, of uptake * c_eff and of the new values,
    and the lowest new value.  A NaN or an infinity anywhere makes the sum of the new values not finite.
    """
    slot = min(f, d.shape[0] - 1)
    f, s = np.uintp(f), np.uintp(slot)
    lo = np.uintp(panel * PANEL)
    width = min(panel * PANEL + PANEL, c.shape[2]) - panel * PANEL
    m = np.uintp(width)
    decayed, taken = np.zeros(PANEL), np.zeros(PANEL)
    amount, lowest = np.zeros(PANEL), np.full(PANEL, np.inf)
    for row in range(np.uintp(c.shape[1])):
        for i in range(m):
            new = c[f, row, lo + i] + d[s, row, lo + i]
            new = 0.0 if abs(new) < UNDERFLOW else new
            out[f, row, lo + i] = new
            amount[i] += new
            lowest[i] = new if new < lowest[i] else lowest[i]
        for i in range(m):
            effective = c[f, row, lo + i] + weight * (others[s, row, lo + i] + d[s, row, lo + i])
            decayed[i] += decay[f, row, lo + i] * effective
        if uptake.size > 0:
            for i in range(m):
                effective = c[f, row, lo + i] + weight * (others[s, row, lo + i] + d[s, row, lo + i])
                taken[i] += uptake[f, row, lo + i] * effective
    partial[slot, panel] = 0.0
    partial[slot, panel, 3] = np.inf
    for i in range(width):
        partial[slot, panel, 0] += decayed[i]
        partial[slot, panel, 1] += taken[i]
        partial[slot, panel, 2] += amount[i]
        partial[slot, panel, 3] = min(partial[slot, panel, 3], lowest[i])
