"""Arithmetic and comparisons of claims on arrays, and the times at which conditions hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abm.analysis.windows import at_times
from abm.scenario.claims.expressions import Comparison, Condition, Operation

Floats: TypeAlias = NDArray[np.float64]

NEVER = math.inf  # of an event that does not happen within the run

COMPARED: dict[str, Callable[..., NDArray[np.bool_]]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
ARITHMETIC: dict[str, Callable[..., Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "negative": np.negative,
    "abs": np.abs,
    "log10": np.log10,
    "min": lambda *values: np.minimum.reduce(np.broadcast_arrays(*values)),
    "max": lambda *values: np.maximum.reduce(np.broadcast_arrays(*values)),
}


def measured(function: str, edges: Floats, holds: NDArray[np.bool_], start: float) -> float:
    """Days out of the intervals in which a condition holds.

    Parameters
    ----------
    function : str
        ``duration``, ``onset`` or ``time_to``.
    edges : (n + 1,) float64 [d]
        Of the intervals.
    holds : (n,) bool
    start : float [d]
        From where ``time_to`` counts.
    """
    if function == "duration":
        return float(np.diff(edges)[holds].sum())
    hits = np.flatnonzero(holds)
    if len(hits) == 0:
        return NEVER
    return float(edges[hits[0]]) - (start if function == "time_to" else 0.0)


def between(course: tuple[Floats, Floats], edges: Floats) -> Floats:
    """Values in the middle of intervals that no course crosses zero in; nan where undefined."""
    time, values = course
    middles = 0.5 * (edges[1:] + edges[:-1])
    return np.asarray(at_times(time, values[None], middles)[0])


def truth(condition: Condition, differences: Mapping[Comparison, Floats]) -> Floats:
    """1 where a condition holds, 0 where it does not, nan where that is undefined."""
    if isinstance(condition, Comparison):
        difference = differences[condition]
        held = COMPARED[condition.operator](difference, 0.0).astype(np.float64)
        return np.where(np.isnan(difference), np.nan, held)
    items = [truth(item, differences) for item in condition.items]
    if condition.operator == "not":
        return 1.0 - items[0]
    # An undefined part leaves the whole undefined unless the others decide it.
    deciding = 0.0 if condition.operator == "and" else 1.0
    stacked = np.array(items)
    unknown = np.isnan(stacked).any(axis=0) & ~(stacked == deciding).any(axis=0)
    decided = np.where((stacked == deciding).any(axis=0), deciding, 1.0 - deciding)
    return np.where(unknown, np.nan, decided)


def what_is_wrong(node: Operation, values: Sequence[Floats]) -> str:
    """Why arithmetic on these values has no result."""
    if node.operator == "/" and (values[1] == 0.0).any():
        return f"division by zero: '{node.operands[1].place.text}' is 0"
    if node.operator == "^" and (values[0] == 0.0).any():
        return f"division by zero: '{node.operands[0].place.text}' is 0"
    if node.operator == "log10" and (values[0] <= 0.0).any():
        return f"logarithm of a number that is not above 0: '{node.operands[0].place.text}'"
    return "the result is no number of this program"
