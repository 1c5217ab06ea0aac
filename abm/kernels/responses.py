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

CHUNK = 512  # places whose signals are held at once; their values stay in the inner caches


@njit(cache=True, error_model="numpy")
def ratio_power(signal, half_max, power):
    """``(signal / half_max) ** power``, 0 for a signal of 0 or less; the building stone of a Hill term."""
    if signal <= 0.0:
        return 0.0
    if power == 1.0:
        return signal / half_max
    if power == 2.0:
        return (signal / half_max) * (signal / half_max)
    return math.pow(signal / half_max, power)


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def saturated(stimulus, resistance):
    """Hill value S / (S + B); 1 for a stimulus beyond all numbers."""
    return 1.0 if stimulus == np.inf else stimulus / (stimulus + resistance)


@njit(cache=True, error_model="numpy")
def above_rest(value, rest):
    """Hill value rescaled so that it is 0 at baseline and 1 at saturation."""
    if rest <= 0.0:
        return value
    return 0.0 if value <= rest else (value - rest) / (1.0 - rest)


@njit(cache=True, error_model="numpy")
def add_stimuli(signal, half_max, power, total):
    """``total += (signal / half_max) ** power`` of many places; see `ratio_power`.

    A loop for each common power: the compiler vectorises those, but not a power that it does not know.
    """
    if power == 1.0:
        for k in range(total.size):
            total[k] += 0.0 if signal[k] <= 0.0 else signal[k] / half_max
    elif power == 2.0:
        for k in range(total.size):
            x = signal[k] / half_max
            total[k] += 0.0 if signal[k] <= 0.0 else x * x
    else:
        for k in range(total.size):
            total[k] += ratio_power(signal[k], half_max, power)


@njit(cache=True, error_model="numpy")
def shape_signals(shape, signal, scale, power, out):
    """`shaped` for many places; a Hill power known before the loop is vectorised."""
    if shape == HILL:
        out[:] = 0.0
        add_stimuli(signal, scale, power, out)
        for k in range(out.size):
            out[k] = saturated(out[k], 1.0)
    else:
        for k in range(out.size):
            out[k] = shaped(shape, signal[k], scale, power)


@njit(cache=True, error_model="numpy")
def fill_effects(brake, joint_power, rest, effect):
    """Turn sums of stimuli in ``effect`` into how far a side moves its values, 0 to 1."""
    for k in range(effect.size):
        stimulus, resistance = effect[k], 1.0 + brake[k]
        if joint_power > 0.0:
            stimulus = ratio_power(stimulus, 1.0, joint_power)
            resistance = ratio_power(resistance, 1.0, joint_power)
        effect[k] = above_rest(saturated(stimulus, resistance), rest)


@njit(cache=True, error_model="numpy")
def evaluate(responses, signals, group, rows, values, variables, behaviours, drift):
    """Evaluate the responses of one group, each term for all places at once.

    Parameters
    ----------
    group : int
    rows : (m,) int64
        Rows of the places in ``variables``, ``behaviours`` and ``drift``.
    values : (n_signal, m or more) float64
        Signals as `sense` left them, a row for each.
    others
        As for `respond`.
    """
    work = np.zeros((7, rows.size))
    value, up, down, brake = work[0], work[1], work[2], work[3]
    divisor, factor, term = work[4], work[5], work[6]
    none, own = np.zeros(rows.size), np.empty(rows.size)
    # Taken out of their tuples once: inside the loops every access would count references.
    term_first, role, shape = responses.term_first, responses.role, responses.shape
    signal, scale, power = responses.signal, responses.scale, responses.power
    for r in range(responses.group_first[group], responses.group_first[group + 1]):
        value[:], factor[:] = responses.base[r], 1.0
        up[:], down[:], brake[:], divisor[:] = 0.0, 0.0, 0.0, 0.0
        rises, falls, scaled = 0, 0, False  # by which kind of stimuli: 1 Hill, 2 linear
        for t in range(term_first[r], term_first[r + 1]):
            s = values[signal[t], : rows.size]
            if signals.kind[signal[t]] == OWN:
                s, slot = own, signals.first[signal[t]]
                for k in range(rows.size):
                    own[k] = variables[rows[k], slot]
            if role[t] == ADD:
                shape_signals(shape[t], s, scale[t], power[t], term)
                amount, rest = responses.amount[t], responses.rest[t]
                for k in range(rows.size):
                    value[k] += amount * above_rest(term[k], rest)
            elif role[t] == TIMES:
                scaled = True
                shape_signals(shape[t], s, scale[t], power[t], term)
                factor *= term
            elif role[t] == DIVIDE:
                scaled = True
                add_stimuli(s, scale[t], power[t], divisor)
            elif role[t] == BRAKE:
                add_stimuli(s, scale[t], power[t], brake)
            elif shape[t] == FULL:
                shape_signals(FULL, s, scale[t], power[t], up if role[t] == INCREASE else down)
                rises, falls = 2 if role[t] == INCREASE else rises, falls if role[t] == INCREASE else 2
            else:
                add_stimuli(s, scale[t], power[t], up if role[t] == INCREASE else down)
                rises, falls = 1 if role[t] == INCREASE else rises, falls if role[t] == INCREASE else 1
        if rises == 1:
            fill_effects(brake, responses.joint_power[r], responses.up_rest[r], up)
        if falls == 1:
            fill_effects(none, responses.joint_power[r], responses.down_rest[r], down)
        if rises > 0:
            value += (responses.up_to[r] - value) * up
        if falls > 0:
            value += (responses.down_to[r] - value) * down
        if scaled:
            value *= factor / (1.0 + divisor)
        target, slot = responses.target[r], responses.slot[r]
        out = behaviours if target == BEHAVIOUR else variables if target == INSTANT else drift
        for k in range(rows.size):
            out[rows[k], slot] = value[k]


@njit(cache=True)
def rows_by_group(group, n_group):
    """Rows in order of their group, (n,) int64, and where each group starts, (n_group + 1,) int64.

    Rows of a negative group come behind the last start.
    """
    start = np.zeros(n_group + 2, np.int64)
    for i in range(group.size):
        g = group[i] if group[i] >= 0 else n_group
        start[g + 1] += 1
    for g in range(n_group + 1):
        start[g + 1] += start[g]
    order, place = np.empty(group.size, np.int64), start[: n_group + 1].copy()
    for i in range(group.size):
        g = group[i] if group[i] >= 0 else n_group
        order[place[g]] = i
        place[g] += 1
    return order, start[: n_group + 1]


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
    order, start = rows_by_group(group, responses.group_first.size - 1)
    size = min(CHUNK, group.size)
    values = np.zeros((signals.kind.shape[0], size))
    for g in range(start.size - 1):
        if responses.group_first[g] == responses.group_first[g + 1]:
            continue
        for first in range(start[g], start[g + 1], CHUNK):
            rows = order[first : min(first + CHUNK, start[g + 1])]
            sense(
                signals, responses.wanted, here, 0, rows.size, group[rows], voxel[rows], phenotype[rows],
                age[rows], values.T,
            )  # fmt: skip
            evaluate(responses, signals, g, rows, values, variables, behaviours, drift)
