"""Move the per-cell variables by their exact solutions over one step."""

import math

from numba import njit

from abm.state.kinds import VariableKind

RELAXING, ACCUMULATING = int(VariableKind.RELAXING), int(VariableKind.ACCUMULATING)


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
    for i in range(cells.id.shape[0]):
        if cells.place[i] != 0 or cells.dead[i] == 1:
            continue
        k = cells.type[i]
        for slot in range(kinetics.kind.shape[1]):
            kind = kinetics.kind[k, slot]
            value, pull = cells.variables[i, slot], drift[i, slot]
            if kind == RELAXING:
                tau = kinetics.rise[k, slot] if pull > value else kinetics.fall[k, slot]
                value = pull + (value - pull) * math.exp(-dt / tau)
            elif kind == ACCUMULATING:
                x = (pull + 1.0 / kinetics.fall[k, slot]) * dt
                # (1 - exp(-x)) / x of the way is gone; all of it where gain and loss cancel.
                share = -math.expm1(-x) / x if x != 0.0 else 1.0
                value += (pull * dt - x * value) * share
            if not math.isfinite(value):
                return i, slot
            cells.variables[i, slot] = value
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
    for i in range(cells.id.shape[0]):
        if cells.type[i] != cell_type or cells.dead[i] == 1:
            continue
        if cells.variables[i, slot] > above:
            cells.phenotype[i] = phenotype
        elif cells.phenotype[i] == phenotype:
            cells.phenotype[i] = 0
