"""A worker process: makes the runs that its parent sends, one after another, until told to end."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

from abm.calibrate.arms import ArmPlan
from abm.calibrate.simulate import Outcome, Task, simulate
from abm.errors import CompileError, NumericsError


@dataclass(frozen=True)
class SetUp:
    """What all tasks have in common: the first message to a worker."""

    plans: Mapping[str, ArmPlan]
    seed: int


class Begun:
    """Message to the parent: the first step of the first run is made, so all kernels are compiled."""


@dataclass(frozen=True)
class Defect:
    """Message to the parent: a run ended with an error that is not the simulation's."""

    text: str


def serve(pipe: Connection, threads: int) -> None:
    """Work until the parent sends None, closes the pipe, or dies."""
    from abm.engine.threads import use_threads

    use_threads(threads)
    set_up: SetUp = pipe.recv()
    first = True
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        if task is None:
            return
        try:
            pipe.send(_made(set_up, task, pipe if first else None))
        except OSError:
            return
        first = False


def _made(set_up: SetUp, task: Task, pipe: Connection | None) -> Outcome | Defect:
    begin = time.process_time()
    begun = None if pipe is None else lambda: pipe.send(Begun())
    try:
        series = simulate(set_up.plans[task.arm], task, set_up.seed, begun)
    except (NumericsError, CompileError) as error:
        return Outcome(task.number, None, str(error), time.process_time() - begin)
    except Exception:  # noqa: BLE001 - it is told to the parent, which stops
        return Defect(f"arm {task.arm}, replicate {task.replicate}:\n{traceback.format_exc()}")
    return Outcome(task.number, series, "", time.process_time() - begin)


def main(arguments: list[str]) -> None:
    """Start a worker: the number of its file descriptor and of its threads."""
    descriptor, threads = (int(argument) for argument in arguments)
    serve(Connection(descriptor), threads)
