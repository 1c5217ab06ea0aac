"""Evaluate responses: signals at a place become behaviours and targets of variables.

The grammar is PhysiCell's multivariate Hill response (doi:10.1016/j.cell.2025.06.048), extended by
additive terms, competitive brakes, factors and divisors; see docs/rules.md for the formulae.
"""

import math

import numpy as np
from numba import njit

from abm.kernels.sensing import read_signal
from abm.state.tables import Role, Shape, Target

ADD, INCREASE, DECREASE = int(Role.ADD), int(Role.INCREASE), int(Role.DECREASE)
BRAKE, TIMES, DIVIDE = int(Role.BRAKE), int(Role.TIMES), int(Role.DIVIDE)
HILL, LINEAR, FULL, LIMIT = int(Shape.HILL), int(Shape.LINEAR), int(Shape.FULL), int(Shape.LIMIT)
BEHAVIOUR, INSTANT = int(Target.BEHAVIOUR), int(Target.INSTANT)


@njit(cache=True)
def ratio_power(signal, half_max, power):
    """``(signal / half_max) ** power``, 0 for a signal of 0 or less; the building stone of a Hill term."""
    if signal <= 0.0:
        return 0.0
    if power == 1.0:
        return signal / half_max
    if power == 2.0:
        return (signal / half_max) * (signal / half_max)
    return math.pow(signal / half_max, power)


@njit(cache=True)
def shaped(shape, signal, scale, power):
    """Number in which one term turns its signal; see `abm.state.tables.Shape`."""
    if shape == LINEAR:
        return signal / scale
    if shape == LIMIT:
        return max(0.0, 1.0 - signal / scale)
    if shape == FULL:
        return min(max(signal / scale, 0.0), 1.0)
    x = ratio_power(signal, scale, power)
    return x / (1.0 + x)


@njit(cache=True)
def above_rest(value, rest):
    """Hill value rescaled so that it is 0 at baseline and 1 at saturation."""
    return max(value - rest, 0.0) / (1.0 - rest)


@njit(cache=True)
def evaluate(r, responses, signals, here, variables, phenotype, cell, voxel, block, age, dead):
    """Value of response `r` at one place.

    Parameters
    ----------
    r : int
        Row of `responses`.
    responses, signals : Responses, Signals
    here : Surroundings
    variables : (n, n_slot) float64
        Variables of all cells; only row `cell` is read.
    phenotype : (n,) int64
    cell : int
        Row of the cell, or -1 for a place without a cell.
    voxel, block : int
        Where it is.
    age : float [min]
    dead : int
        1 for a dead cell.

    Returns
    -------
    float
        In the unit of the behaviour.
    """
    value = responses.base[r]
    up, down, brake, divisor, factor = 0.0, 0.0, 0.0, 0.0, 1.0
    up_linear, down_linear = -1.0, -1.0
    joint = responses.joint_power[r]
    for t in range(responses.term_first[r], responses.term_first[r + 1]):
        s = read_signal(
            responses.signal[t], signals, here, variables, phenotype, cell, voxel, block, age, dead
        )
        role, shape, scale, power = (
            responses.role[t],
            responses.shape[t],
            responses.scale[t],
            responses.power[t],
        )
        if role == ADD:
            x = shaped(shape, s, scale, power)
            value += responses.amount[t] * (
                above_rest(x, responses.rest[t]) if responses.rest[t] > 0.0 else x
            )
        elif role == TIMES:
            factor *= shaped(shape, s, scale, power)
        elif role == DIVIDE:
            divisor += ratio_power(s, scale, power)
        elif role == BRAKE:
            brake += ratio_power(s, scale, power)
        elif role == INCREASE:
            if shape == FULL:
                up_linear = shaped(shape, s, scale, power)
            else:
                up += ratio_power(s, scale, power)
        elif shape == FULL:
            down_linear = shaped(shape, s, scale, power)
        else:
            down += ratio_power(s, scale, power)
    rest_of_brake = 1.0 + brake
    if joint > 0.0:
        up = ratio_power(up, 1.0, joint)
        rest_of_brake = ratio_power(rest_of_brake, 1.0, joint)
    raised = up_linear if up_linear >= 0.0 else up / (up + rest_of_brake)
    lowered = down_linear if down_linear >= 0.0 else down / (1.0 + down)
    if responses.up_rest[r] > 0.0:
        raised = above_rest(raised, responses.up_rest[r])
    if responses.down_rest[r] > 0.0:
        lowered = above_rest(lowered, responses.down_rest[r])
    value += (responses.up_to[r] - value) * raised
    value += (responses.down_to[r] - value) * lowered
    return value * factor / (1.0 + divisor)


@njit(cache=True)
def respond(responses, signals, here, cells, tick, minutes_per_tick, behaviours, drift):
    """Evaluate every response of every cell in the tissue.

    Instant variables are written into ``cells.variables`` at once (their readers come later in the
    order of the table); everything else is a request for later phases of the step.

    Parameters
    ----------
    responses, signals, here : Responses, Signals, Surroundings
    cells : CellArrays
    tick : int
        Now.
    minutes_per_tick : float [min]
    behaviours : (n, n_behaviour) float64
        Overwritten; 0 for what a type does not do and for waiting cells.
    drift : (n, n_slot) float64
        Overwritten; targets or gains of the variables.
    """
    behaviours[:] = 0.0
    drift[:] = 0.0
    for i in range(cells.id.shape[0]):
        if cells.place[i] != 0:
            continue
        voxel = cells.voxel[i]
        block = here.block[voxel]
        age = (tick - cells.birth_tick[i]) * minutes_per_tick
        dead = int(cells.dead[i])
        if dead == 1:
            continue
        k = cells.type[i]
        for r in range(responses.type_first[k], responses.type_first[k + 1]):
            value = evaluate(
                r, responses, signals, here, cells.variables, cells.phenotype, i, voxel, block, age, dead
            )
            slot = responses.slot[r]
            if responses.target[r] == BEHAVIOUR:
                behaviours[i, slot] = value
            elif responses.target[r] == INSTANT:
                cells.variables[i, slot] = value
            else:
                drift[i, slot] = value


@njit(cache=True)
def respond_at_sites(r, responses, signals, here, voxels, values):
    """Evaluate one response at places without a cell.

    Parameters
    ----------
    r : int
        Row of `responses`.
    voxels : (m,) int64
        Flat voxel of each place.
    values : (m,) float64
        Overwritten.
    """
    no_variables = np.zeros((1, 1))
    no_phenotype = np.zeros(1, np.int64)
    for j in range(voxels.shape[0]):
        voxel = voxels[j]
        values[j] = evaluate(
            r, responses, signals, here, no_variables, no_phenotype, -1, voxel, here.block[voxel], 0.0, 0
        )
