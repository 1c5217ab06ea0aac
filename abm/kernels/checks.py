"""What the engine looks at in every step to find a fault where it arises."""

from __future__ import annotations

from numba import njit


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
