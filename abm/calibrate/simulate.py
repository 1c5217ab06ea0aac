"""One run of one arm at one point, without a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.arms import ArmPlan, known_labels
from abm.calibrate.places import with_values
from abm.calibrate.recorded import picked, stacked
from abm.scenario.nodes import KeyPath
from abm.scenario.quantity import Quantity


@dataclass(frozen=True)
class Task:
    """A run that is to be made.

    Attributes
    ----------
    number : int
        Of the task.
    arm : str
    replicate : int
    values : mapping
        Path inside the arm's scenario to the value it gets.
    """

    number: int
    arm: str
    replicate: int
    values: Mapping[KeyPath, Quantity]


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes
    ----------
    number : int
        Of the task.
    series : mapping of str to ndarray, or None
        None when the simulation itself went wrong.
    failure : str
        Why; empty otherwise.
    seconds : float
        Processor time it took.
    """

    number: int
    series: Mapping[str, NDArray[np.float64]] | None
    failure: str = ""
    seconds: float = 0.0


def simulate(
    plan: ArmPlan, task: Task, seed: int, begun: Callable[[], None] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Run one arm and keep what its plan wants.

    The steps are those of :func:`abm.engine.run.run`, so the values are those of a result file.

    Parameters
    ----------
    seed : int
        Of the experiment; replicates of the same number share their noise at all points and in all arms.
    begun : callable, optional
        Called after the first step, when all kernels are compiled.

    Raises
    ------
    NumericsError
        The simulation went wrong.
    CompileError
        The values make no model.
    """
    from abm.compile.build import compile_model
    from abm.engine.readout import read_out
    from abm.engine.run import replicate_seed
    from abm.engine.state import new_state
    from abm.engine.step import step

    model = compile_model(with_values(plan.scenario, task.values), replicate_seed(seed, task.replicate))
    state, known = new_state(model), known_labels(model)
    wanted = plan.frame.wanted
    rows = [picked(read_out(model, state), wanted, known)]
    due = set(plan.ticks)
    while state.tick < plan.ticks[-1]:
        step(model, state)
        if begun is not None:
            begun()
            begun = None
        if state.tick in due:
            rows.append(picked(read_out(model, state), wanted, known))
    return stacked(rows)
