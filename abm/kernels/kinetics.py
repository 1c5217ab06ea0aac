"""Move the per-cell variables by their exact solutions over one step."""

import math

import numpy as np
from numba import njit

from abm.state.kinds import VariableKind

RELAXING, ACCUMULATING = int(VariableKind.RELAXING), int(VariableKind.ACCUMULATING)


@njit(cache=True)
def kept(tau, kind, dt):
    """Share of its distance that a relaxing variable keeps over a step, exp(-dt / tau), else 1."""
    share = np.ones(tau.shape)
    for k in range(tau.shape[0]):
        for slot in range(tau.shape[1]):
            if kind[k, slot] == RELAXING:
                share[k, slot] = math.exp(-dt / tau[k, slot])
    return share


@njit(cache=True)
def advance_variables(cells, kinetics, drift, dt):
    """Advance relaxing and accumulating variables of the live cells in the tissue.

    With the target or gain held over the step both have exact solutions, so no step is too long for
    stability: relaxing V -> T + (V - T) exp(-dt / tau) with tau the rise or fall time;
    accumulating dV/dt = g (1 - V) - V / tau relaxes to g tau / (1 + g tau) at the rate g + 1 / tau.

    Parameters
    ----------
    cells : CellArrays
        `variables` is updated in place.
    kinetics : Variables
    drift : (n, n_slot) float64
        Targets (unit of the variable) or gains [1/min].
    dt : float [min]

    Returns
    -------
    (row, slot)
        Of the first value that is not finite, or (-1, -1).
    """
    # Taken out of their tuples once: inside the loops every access would count references.
    place, dead, types, variables = cells.place, cells.dead, cells.type, cells.variables
    kinds, fall = kinetics.kind, kinetics.fall
    kept_rising, kept_falling = kept(kinetics.rise, kinds, dt), kept(fall, kinds, dt)
    for i in range(types.shape[0]):
        if place[i] != 0 or dead[i] == 1:
            continue
        k = types[i]
        for slot in range(kinds.shape[1]):
            value, pull = variables[i, slot], drift[i, slot]
            if kinds[k, slot] == RELAXING:
                left = kept_rising[k, slot] if pull > value else kept_falling[k, slot]
                value = pull + (value - pull) * left
            elif kinds[k, slot] == ACCUMULATING:
                x = (pull + 1.0 / fall[k, slot]) * dt
                # (1 - exp(-x)) / x of the way is gone; all of it where gain and loss cancel.
                share = -math.expm1(-x) / x if x != 0.0 else 1.0
                value += (pull * dt - x * value) * share
            if not math.isfinite(value):
                return i, slot
            variables[i, slot] = value
    return -1, -1


@njit(cache=True)
def name_phenotype(cells, cell_type, phenotype, slot, above):
    """Give live cells of one type a phenotype while a variable exceeds a threshold, and take it back.

    Parameters
    ----------
    cells : CellArrays
        `phenotype` is changed in place; a cell that falls below the threshold gets phenotype 0.
    cell_type, phenotype, slot : int
    above : float
    """
    types, dead, named, variables = cells.type, cells.dead, cells.phenotype, cells.variables
    for i in range(types.shape[0]):
        if types[i] != cell_type or dead[i] == 1:
            continue
        if variables[i, slot] > above:
            named[i] = phenotype
        elif named[i] == phenotype:
            named[i] = 0
