"""What the engine looks at in every step to find a fault where it arises."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def fields_are_sound(values):
    """Whether all of ``values`` (n,) float64 are finite and none is negative."""
    n = np.uintp(values.size)
    eight, end = np.uintp(8), n - n % np.uintp(8)
    # Eight running sums and minima, so that the compiler can use vector registers.
    total, lowest = np.zeros(8), np.zeros(8)
    for i in range(np.uintp(0), end, eight):
        for k in range(eight):
            x = values[i + k]
            total[k] += x
            lowest[k] = x if x < lowest[k] else lowest[k]
    for i in range(end, n):
        total[0] += values[i]
        lowest[0] = min(lowest[0], values[i])
    return lowest.min() >= 0.0 and np.isfinite(total.sum())


@njit(cache=True, error_model="numpy")
def first_out_of_balance(budget, tolerance):
    """First field whose residual exceeds ``tolerance`` of what passed through the tissue; else -1.

    Parameters
    ----------
    budget : Budget
    tolerance : float
    """
    for f in range(budget.amount.size):
        exchanged, flow = 0.0, 0.0
        for r in range(budget.exchanged.shape[0]):
            exchanged += budget.exchanged[r, f]
            flow += abs(budget.exchanged[r, f])
        passed = budget.initial[f] + budget.added[f] + budget.sourced[f] + flow
        gained = budget.added[f] + budget.sourced[f] + exchanged - budget.decayed[f] - budget.taken_up[f]
        residual = budget.amount[f] - budget.initial[f] - gained
        if not (abs(residual) <= tolerance * passed):
            return f
    return -1
