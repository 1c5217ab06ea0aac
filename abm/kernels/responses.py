"""Evaluate responses: signals at a place become behaviours and targets of variables.

The grammar is PhysiCell's multivariate Hill response (doi:10.1016/j.cell.2025.06.048), extended by
additive terms, competitive brakes, factors and divisors; see docs/rules.md for the formulae.
"""

import math

import numpy as np
from numba import njit

from abm.kernels.sensing import OWN, sense
from abm.state.tables import Role, Shape, Target

ADD, INCREASE, DECREASE = int(Role.ADD), int(Role.INCREASE), int(Role.DECREASE)
BRAKE, TIMES, DIVIDE = int(Role.BRAKE), int(Role.TIMES), int(Role.DIVIDE)
HILL, LINEAR, FULL, LIMIT = int(Shape.HILL), int(Shape.LINEAR), int(Shape.FULL), int(Shape.LIMIT)
BEHAVIOUR, INSTANT = int(Target.BEHAVIOUR), int(Target.INSTANT)

NONE = -1.0  # a side without a linear term

CHUNK = 256  # places whose signals are held at once; their values stay in the innermost cache


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
    """Number into which one term turns its signal; see `abm.state.tables.Shape`."""
    if shape == HILL:
        return saturated(ratio_power(signal, scale, power), 1.0)
    x = signal / scale
    # Comparisons are arranged so that a value that is not a number stays one.
    if shape == LIMIT:
        return 0.0 if x >= 1.0 else 1.0 - x
    if shape == FULL:
        return 0.0 if x <= 0.0 else 1.0 if x >= 1.0 else x
    return x


@njit(cache=True)
def saturated(stimulus, resistance):
    """Hill value S / (S + B); 1 for a stimulus beyond all numbers."""
    return 1.0 if stimulus == np.inf else stimulus / (stimulus + resistance)


@njit(cache=True)
def above_rest(value, rest):
    """Hill value rescaled so that it is 0 at baseline and 1 at saturation."""
    if rest <= 0.0:
        return value
    return 0.0 if value <= rest else (value - rest) / (1.0 - rest)


@njit(cache=True)
def evaluate(responses, signals, first, last, group, values, variables, behaviours, drift):
    """Evaluate the responses of the places ``first..last`` from their signals.

    Parameters
    ----------
    values : (last - first, n_signal) float64
        Signals as `sense` left them.
    others
        As for `respond`.
    """
    # Taken out of their tuples once: inside the loops every access would count references.
    group_first, target, slot = responses.group_first, responses.target, responses.slot
    base, up_to, down_to = responses.base, responses.up_to, responses.down_to
    joint_power, up_rest, down_rest = responses.joint_power, responses.up_rest, responses.down_rest
    term_first, role, shape = responses.term_first, responses.role, responses.shape
    signal, scale, power = responses.signal, responses.scale, responses.power
    amount, rest = responses.amount, responses.rest
    kind, own = signals.kind, signals.first
    for i in range(first, last):
        if group[i] < 0:
            continue
        for r in range(group_first[group[i]], group_first[group[i] + 1]):
            value = base[r]
            up, down, brake, divisor, factor = 0.0, 0.0, 0.0, 0.0, 1.0
            up_linear, down_linear = NONE, NONE
            for t in range(term_first[r], term_first[r + 1]):
                row = signal[t]
                s = variables[i, own[row]] if kind[row] == OWN else values[i - first, row]
                if role[t] == ADD:
                    value += amount[t] * above_rest(shaped(shape[t], s, scale[t], power[t]), rest[t])
                elif role[t] == TIMES:
                    factor *= shaped(shape[t], s, scale[t], power[t])
                elif role[t] == DIVIDE:
                    divisor += ratio_power(s, scale[t], power[t])
                elif role[t] == BRAKE:
                    brake += ratio_power(s, scale[t], power[t])
                elif role[t] == INCREASE and shape[t] == FULL:
                    up_linear = shaped(FULL, s, scale[t], power[t])
                elif role[t] == INCREASE:
                    up += ratio_power(s, scale[t], power[t])
                elif shape[t] == FULL:
                    down_linear = shaped(FULL, s, scale[t], power[t])
                else:
                    down += ratio_power(s, scale[t], power[t])
            resistance = 1.0 + brake
            if joint_power[r] > 0.0:
                up = ratio_power(up, 1.0, joint_power[r])
                down = ratio_power(down, 1.0, joint_power[r])
                resistance = ratio_power(resistance, 1.0, joint_power[r])
            raised = up_linear if up_linear != NONE else above_rest(saturated(up, resistance), up_rest[r])
            lowered = down_linear if down_linear != NONE else above_rest(saturated(down, 1.0), down_rest[r])
            value += (up_to[r] - value) * raised
            value += (down_to[r] - value) * lowered
            value *= factor / (1.0 + divisor)
            if target[r] == BEHAVIOUR:
                behaviours[i, slot[r]] = value
            elif target[r] == INSTANT:
                variables[i, slot[r]] = value
            else:
                drift[i, slot[r]] = value


@njit(cache=True)
def respond(responses, signals, here, group, voxel, phenotype, age, variables, behaviours, drift):
    """Evaluate every response of every place.

    Instant variables are written into `variables` at once (their readers come later in the order of
    the table); everything else is a request for later phases of the step.

    Parameters
    ----------
    responses, signals, here : Responses, Signals, Surroundings
    group : (n,) int64
        Cell type, or number of types + index of the site; negative where nothing responds.
    voxel, phenotype : (n,) int64
    age : (n,) float64 [min]
    variables : (n, n_slot) float64
    behaviours : (n, n_behaviour) float64
        Overwritten; 0 for what a type does not do.
    drift : (n, n_slot) float64
        Overwritten; targets or gains of the variables.
    """
    behaviours[:] = 0.0
    drift[:] = 0.0
    values = np.zeros((CHUNK, signals.kind.shape[0]))
    for first in range(0, group.shape[0], CHUNK):
        last = min(first + CHUNK, group.shape[0])
        sense(signals, responses.wanted, here, first, last, group, voxel, phenotype, age, values)
        evaluate(responses, signals, first, last, group, values, variables, behaviours, drift)
