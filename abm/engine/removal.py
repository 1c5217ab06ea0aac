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

# A Douglas step with loss x step = x removes x / (1 + x / 4)^2 in the plane: all of it at 4, less and less
# beyond; the positive scheme, with which settling fields begin, removes the more the faster.
_FAST = 4.0
_TINY = 1e-6  # loss x step below which the exact mean loses more digits than it gains
_LEAST = 1e-200  # pg/ml; stands for nothing where logarithms are taken
_CLOSE, _TRIALS = 1e-7, 12  # relative accuracy of a mean, and how often it is tried


def removed_fields(model: Model) -> NDArray[np.bool_]:
    """Fields that something may take out of action, (n_field,)."""
    touched = np.zeros(len(model.names.cytokines), bool)
    touched[[removal.cytokine for removal in model.treatment.removals]] = True
    for bond in model.bonds:
        touched[[bond.binder, bond.target]] = True
    return touched


def add_removal(model: Model, state: State, source: Floats, uptake: Floats, dt: float) -> None:
    """Add the losses of the coming `dt` to the uptake, and set the clearances of the compartments.

    Parameters
    ----------
    source, uptake : (n_field, nz, ny, nx) float64 [pg/ml/min], [1/min]
    dt : float [min]
    """
    reservoirs = state.reservoirs
    reservoirs.clearance[:] = model.fields.reservoirs.clearance
    flat = uptake.reshape(len(uptake), model.grid.n_voxel)
    decay = model.fields.system.decay.reshape(flat.shape)
    raise_losses(model, state, decay, flat)
    _add_bonds(model, state, source, decay, flat, dt)
    state.settling[((decay + flat).max(axis=1) * model.clock.tick) > _FAST] = 1


def _add_bonds(model: Model, state: State, source: Floats, decay: Floats, flat: Floats, dt: float) -> None:
    reservoirs = state.reservoirs
    bonds = active_bonds(model, state, source)
    if not bonds:
        return
    c = state.concentration.reshape(flat.shape)
    made, lost = source.reshape(flat.shape).copy(), decay + flat
    filled, drained = reservoirs.input.copy(), reservoirs.clearance.copy()
    for f in sorted({f for bond in bonds for f in (bond.binder, bond.target)}):
        add_transport(model, state, f, made[f], lost[f], filled[:, f], drained[:, f])
    flat += meeting(bonds, c, made, lost, dt)
    reservoirs.clearance[:] += meeting(bonds, reservoirs.c.T, filled.T, drained.T, dt).T


def active_bonds(model: Model, state: State, source: Floats) -> list[Bond]:
    """Bonds whose binder is there, or is coming."""

    def about(f: int) -> bool:
        there = (state.concentration[f], source[f], state.reservoirs.c[:, f], state.reservoirs.input[:, f])
        return any(values.any() for values in there)

    return [bond for bond in model.bonds if about(bond.binder)]


def add_transport(
    model: Model, state: State, f: int, made: Floats, lost: Floats, filled: Floats, drained: Floats
) -> None:
    """Add what diffusion and exchange bring and take at this moment, so that it is foreseen too.

    Parameters
    ----------
    made, lost : (n_voxel,) float64 [pg/ml/min], [1/min]
    filled, drained : (n_reservoir,) float64 [pg/ml/min], [1/min]
    """
    system, reservoirs = model.fields.system, state.reservoirs
    c = state.concentration[f]
    inflow = np.zeros_like(c)
    for axis, conductance in ((2, system.kx), (1, system.ky), (0, system.kz)):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        flux = conductance[f][low] * (c[high] - c[low])
        inflow[low] += flux
        inflow[high] -= flux
    flat, rate = c.reshape(-1), system.ex_rate[f]
    net = inflow.reshape(-1)
    np.add.at(net, system.ex_voxel, rate * (reservoirs.c[system.ex_reservoir, f] - flat[system.ex_voxel]))
    made += np.maximum(net, 0.0)
    lost += np.divide(np.maximum(-net, 0.0), flat, out=np.zeros_like(net), where=flat > 0.0)
    share = system.voxel_volume * reservoirs.multiplicity / reservoirs.volume[system.ex_reservoir]
    np.add.at(filled, system.ex_reservoir, rate * share * flat[system.ex_voxel])
    np.add.at(drained, system.ex_reservoir, rate * share)


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

    A bond removes its target at a rate in proportion to the mean of the binder over the step, and uses the
    binder up in proportion to the mean of the target; each mean is that under the loss which the other
    causes, so that both lose the same number of bound molecules.

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
        binder, target = paired_means(bond, (c[b], source[b], loss[b]), (c[t], source[t], loss[t]), dt)
        rates[t] += bond.rate * binder
        rates[b] += bond.rate * bond.consumption * target
    return rates


def paired_means(
    bond: Bond, binder: tuple[Floats, Floats, Floats], target: tuple[Floats, Floats, Floats], dt: float
) -> tuple[Floats, Floats]:
    """Means of a binder and its target over a step, each (n,) [pg/ml].

    The logarithm of the binder's mean is bracketed and found by false position with the weights of
    Anderson and Bjorck (BIT 1973;13:253, doi:10.1007/BF01951936), all places at once.

    Parameters
    ----------
    binder, target : concentration, source and loss, each (n,) float64
    dt : float [min]
    """

    def mean_target(level: Floats) -> Floats:
        return mean_over_step(target[0], target[1], target[2] + bond.rate * level, dt)

    def mean_binder(met: Floats) -> Floats:
        return mean_over_step(binder[0], binder[1], binder[2] + bond.rate * bond.consumption * met, dt)

    def log(level: Floats) -> Floats:
        return np.asarray(np.log(np.maximum(level, _LEAST)))

    def excess(x: Floats) -> Floats:
        return log(mean_binder(mean_target(np.exp(x)))) - x

    high = log(mean_binder(np.zeros_like(binder[0])))
    low = log(mean_binder(mean_target(np.zeros_like(binder[0]))))
    over, under = excess(low), excess(high)  # not negative, not positive
    x = high
    for _ in range(_TRIALS):
        span = over - under
        x = low + (high - low) * np.divide(over, span, out=np.full_like(x, 0.5), where=span > 0.0)
        value = excess(x)
        if np.abs(value).max(initial=0.0) < _CLOSE:
            break
        rising = value > 0.0
        end = np.where(rising, over, under)  # the end that moves
        kept = 1.0 - value / np.where(end != 0.0, end, 1.0)
        kept = np.where(kept > 0.0, kept, 0.5)
        over, under = np.where(rising, value, over * kept), np.where(rising, under * kept, value)
        low, high = np.where(rising, x, low), np.where(rising, high, x)
    level = np.where(x > np.log(_LEAST), np.exp(x), 0.0)
    return level, mean_target(level)


def mean_over_step(c: Floats, source: Floats, loss: Floats, dt: float) -> Floats:
    """Mean of the solution of dc/dt = source - loss c over a step; c with a vanishing loss moves linearly."""
    x = np.maximum(loss * dt, _TINY)
    phi1 = -np.expm1(-x) / x
    return np.asarray(c * phi1 + source * dt * (1.0 - phi1) / x)
