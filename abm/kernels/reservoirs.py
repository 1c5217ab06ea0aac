"""Well-mixed reservoirs beside the tissue: an exact exponential over each field step.

Over one step the tissue sees the reservoir at mid-step, predicted with the tissue frozen; afterwards the
reservoir takes exactly what the tissue gave.  Midpoint coupling of this kind is second order, and the sum of
both amounts is conserved to rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML


@njit(cache=True)
def phi1(x):
    """(1 - exp(-x)) / x, the mean of exp(-s) over 0..x."""
    return -math.expm1(-x) / x if x > 1e-12 else 1.0 - 0.5 * x


@njit(cache=True)
def phi2(x):
    """(x - 1 + exp(-x)) / x**2 without cancellation."""
    if x > 0.5:
        return (x + math.expm1(-x)) / (x * x)
    term = 0.5
    total = 0.0
    for k in range(3, 16):
        total += term
        term *= -x / k
    return total


@njit(cache=True)
def predict_midpoint(c, system, factors, reservoirs, f, dt, mid):
    """Concentration each reservoir has half a step from now, into ``mid`` [pg/ml].

    ``c`` : (n_field, nz * ny, nx).  The exchange is linear in the reservoir's own value, so the prediction
    is positive and bounded at any step.
    """
    values, slot = c.reshape(c.shape[0], c.shape[1] * c.shape[2]), min(f, mid.shape[0] - 1)
    n_res = reservoirs.volume.size
    share = np.empty(n_res)
    for r in range(n_res):
        mid[slot, r] = reservoirs.input[r, f]
        share[r] = system.voxel_volume * reservoirs.multiplicity / reservoirs.volume[r]
    reservoir, voxel, rate = system.ex_reservoir, system.ex_voxel, system.ex_rate
    for e in range(voxel.size):
        mid[slot, reservoir[e]] += rate[f, e] * share[reservoir[e]] * values[f, voxel[e]]
    for r in range(n_res):
        if np.isinf(reservoirs.volume[r]):
            mid[slot, r] = reservoirs.c[r, f]
        else:
            x = 0.5 * dt * (reservoirs.clearance[r, f] + factors.coupling[r, f])
            mid[slot, r] = reservoirs.c[r, f] * math.exp(-x) + 0.5 * dt * mid[slot, r] * phi1(x)


@njit(cache=True)
def reservoir_after(system, reservoirs, r, f, dt, flux):
    """Concentration [pg/ml] of reservoir r after dt when ``flux`` [pg/ml x voxels] went into the tissue."""
    if np.isinf(reservoirs.volume[r]):
        return reservoirs.c[r, f]
    share = system.voxel_volume * reservoirs.multiplicity / reservoirs.volume[r]
    gain = dt * reservoirs.input[r, f] - flux * share
    x = dt * reservoirs.clearance[r, f]
    return reservoirs.c[r, f] * math.exp(-x) + gain * phi1(x)


@njit(cache=True)
def update_reservoirs(system, reservoirs, budget, f, dt, flux):
    """Advance the reservoirs of field f by dt and book exchange, production and clearance [fg]."""
    slot = min(f, flux.shape[0] - 1)
    to_fg = system.voxel_volume * FG_PER_PG_UM3_PER_ML
    for r in range(reservoirs.volume.size):
        budget.exchanged[r, f] += flux[slot, r] * to_fg
        volume = reservoirs.volume[r]
        if np.isinf(volume):
            continue
        share = system.voxel_volume * reservoirs.multiplicity / volume
        gain = dt * reservoirs.input[r, f] - flux[slot, r] * share
        x = dt * reservoirs.clearance[r, f]
        # The integral of the solution itself, not the difference of two contents: a true check.
        cleared = x * (reservoirs.c[r, f] * phi1(x) + gain * phi2(x))
        after = reservoir_after(system, reservoirs, r, f, dt, flux[slot, r])
        reservoirs.c[r, f] = after
        budget.produced[r, f] += dt * reservoirs.input[r, f] * volume * FG_PER_PG_UM3_PER_ML
        budget.cleared[r, f] += cleared * volume * FG_PER_PG_UM3_PER_ML
