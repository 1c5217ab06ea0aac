"""The part of the responses that says what instant variables are: all that looking at the tissue needs."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model
from abm.engine.state import State
from abm.state.kinds import SignalKind
from abm.state.tables import Responses, Signals, Target


def instants_of(model: Model, state: State) -> Responses:
    """`instant_responses` of a model, made once."""
    if "instants" not in state.work:
        state.work["instants"] = instant_responses(model.responses, model.signals)
    found: Responses = state.work["instants"]
    return found


def instant_responses(responses: Responses, signals: Signals) -> Responses:
    """The rows of a table whose target is an instant variable, in their groups and order."""
    rows = np.flatnonzero(responses.target == Target.INSTANT)
    sizes = np.diff(responses.term_first)
    terms = np.flatnonzero(np.repeat(responses.target == Target.INSTANT, sizes))
    per_row = {
        name: getattr(responses, name)[rows]
        for name in ("target", "slot", "base", "up_to", "down_to", "joint_power", "up_rest", "down_rest")
    }
    per_term = {
        name: getattr(responses, name)[terms]
        for name in ("role", "shape", "signal", "scale", "power", "amount", "rest")
    }
    wanted = responses.wanted * read_by(per_term["signal"], signals)
    return responses._replace(
        group_first=np.searchsorted(rows, responses.group_first),
        term_first=np.concatenate([[0], np.cumsum(sizes[rows])]),
        wanted=wanted.astype(responses.wanted.dtype),
        **per_row,
        **per_term,
    )


def read_by(rows: np.ndarray, signals: Signals) -> np.ndarray:
    """1 for the signals in ``rows`` and for those that they scale, (n_signal,) uint8."""
    needed = np.zeros(len(signals.kind), np.uint8)
    needed[rows] = 1
    # A scaled signal stands behind the one it scales.
    for row in range(len(needed) - 1, -1, -1):
        if needed[row] and signals.kind[row] == SignalKind.MODIFIED:
            needed[signals.first[row]] = 1
    return needed
