"""Cytokines taken out of action: shares that are blocked, and binders that meet their targets.

Both act as first-order losses that are held over a cell step and are booked with the uptake by cells; in the
compartments they add to the clearance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Bond, Model
from abm.engine.state import State
from abm.state.tables import Floats

_TINY = 1e-6  # loss x step below which the exact mean loses more digits than it gains


def removed_fields(model: Model) -> NDArray[np.bool_]:
    """Fields that something may take out of action, (n_field,)."""
    touched = np.zeros(len(model.names.cytokines), bool)
    touched[[removal.cytokine for removal in model.treatment.removals]] = True
    for bond in model.bonds:
        touched[[bond.binder, bond.target]] = True
    return touched


def add_removal(model: Model, state: State, source: Floats, uptake: Floats) -> None:
    """Add the losses of this step to the uptake, and set the clearances of the compartments.

    A bond removes its target at a rate in proportion to the binder and uses the binder up in proportion to
    the target.  Both proportions are means over the step, foreseen at every place by itself: a binder in
    excess empties a voxel in seconds, and what it met at the start says nothing about the whole step.

    Parameters
    ----------
    source, uptake : (n_field, nz, ny, nx) float64 [pg/ml/min], [1/min]
    """
    reservoirs = state.reservoirs
    reservoirs.clearance[:] = model.fields.reservoirs.clearance
    flat = uptake.reshape(len(uptake), model.grid.n_voxel)
    decay = model.fields.system.decay.reshape(flat.shape)
    raise_losses(model, state, decay, flat)
    if not model.bonds:
        return
    dt = model.clock.cell_step
    c, made = state.concentration.reshape(flat.shape), source.reshape(flat.shape)
    tissue = meeting(model.bonds, c, made, decay + flat, dt)
    fluid = meeting(model.bonds, reservoirs.c.T, reservoirs.input.T, reservoirs.clearance.T, dt)
    flat += tissue
    reservoirs.clearance[:] += fluid.T


def raise_losses(model: Model, state: State, decay: Floats, uptake: Floats) -> None:
    """Raise every loss of a blocked cytokine, so that its share is missing at steady state.

    Where several blocks of one cytokine meet, what is left is the product of what each leaves.

    Parameters
    ----------
    decay, uptake : (n_field, n_voxel) float64 [1/min]
        Uptake holds what cells take up, and is added to.
    """
    for removal in model.treatment.removals:
        extra = removal.extra * removal.span.strength(state.tick, model.clock.tick)
        f = removal.cytokine
        if extra > 0.0 and removal.region >= 0:
            uptake[f] += extra * (decay[f] + uptake[f]) * model.regions[removal.region]
        elif extra > 0.0:
            uptake[f] += extra * (decay[f] + uptake[f])
            state.reservoirs.clearance[:, f] *= 1.0 + extra


def meeting(bonds: Sequence[Bond], c: Floats, source: Floats, loss: Floats, dt: float) -> Floats:
    """Rates at which binders and targets remove each other, (n_field, n) [1/min].

    Parameters
    ----------
    bonds : sequence of Bond
    c, source, loss : (n_field, n) float64 [pg/ml], [pg/ml/min], [1/min]
        As they are without the bonds.
    dt : float [min]
    """
    rates = np.zeros_like(c)
    for bond in bonds:
        b, t = bond.binder, bond.target
        target = mean_over_step(c[t], source[t], loss[t] + bond.rate * c[b], dt)
        binder = mean_over_step(c[b], source[b], loss[b] + bond.rate * bond.consumption * target, dt)
        rates[t] += bond.rate * binder
        rates[b] += bond.rate * bond.consumption * target
    return rates


def mean_over_step(c: Floats, source: Floats, loss: Floats, dt: float) -> Floats:
    """Mean of the solution of dc/dt = source - loss c over a step; c with a vanishing loss moves linearly."""
    x = np.maximum(loss * dt, _TINY)
    phi1 = -np.expm1(-x) / x
    return np.asarray(c * phi1 + source * dt * (1.0 - phi1) / x)
