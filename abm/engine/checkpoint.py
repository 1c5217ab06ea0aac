"""Save a state as plain arrays and restore it to the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.state import COUNTERS, Dose, State, new_state, surroundings
from abm.kernels.field_system import Budget
from abm.state.cells import CellArrays, Identities

PLAIN = ("concentration", "occupancy", "infused", "settling", "solver_counters", "moves_refused")


def save(state: State) -> dict[str, NDArray[Any]]:
    """Everything that a state consists of, as named arrays."""
    arrays: dict[str, NDArray[Any]] = {"tick": np.array(state.tick, np.int64)}
    for name in PLAIN:
        arrays[name] = getattr(state, name)
    arrays |= {f"cells.{name}": column for name, column in state.cells._asdict().items()}
    arrays |= {f"budget.{name}": values for name, values in state.budget._asdict().items()}
    arrays["reservoirs.c"] = state.reservoirs.c
    for name in COUNTERS:
        arrays[f"counters.{name}"] = state.counters[name]
    arrays["issued"] = np.array(sorted(state.identities.issued.items()), np.int64).reshape(-1, 2)
    arrays["doses"] = np.array(
        [(k, c, dose.given, dose.pool, dose.pool_lost) for (k, c), dose in sorted(state.doses.items())],
        np.float64,
    ).reshape(-1, 5)
    return arrays


def restore(model: Model, arrays: Mapping[str, NDArray[Any]]) -> State:
    """The state that `save` took apart."""
    state = new_state(model)
    state.tick = int(arrays["tick"])
    for name in PLAIN:
        setattr(state, name, np.array(arrays[name]))
    state.cells = CellArrays._make(np.array(arrays[f"cells.{name}"]) for name in CellArrays._fields)
    state.budget = Budget._make(np.array(arrays[f"budget.{name}"]) for name in Budget._fields)
    state.reservoirs.c[:] = arrays["reservoirs.c"]
    state.counters = {name: np.array(arrays[f"counters.{name}"]) for name in COUNTERS}
    state.identities = Identities({int(origin): int(n) for origin, n in arrays["issued"]})
    state.doses = {(int(k), int(c)): Dose(*(float(v) for v in books)) for k, c, *books in arrays["doses"]}
    state.here = surroundings(model, state.concentration)
    return state
