"""Worker processes that stay for the whole calibration."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import NoReturn

from abm.calibrate.simulate import Outcome, Task
from abm.calibrate.worker import Begun, Defect, SetUp
from abm.errors import AbmError, Interrupted
from abm.study.pool import FIND_ABM, LISTEN_SECONDS, Hand, listening

THREADS = 1  # of each worker: points are many, so whole runs are what is made in parallel
# Ctrl-C, which the terminal sends to all, is the parent's affair.
PROGRAM = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    f"{FIND_ABM}from abm.calibrate.worker import main; main(sys.argv[2:])"
)


class CalibrationError(AbmError):
    """A calibration cannot go on: a worker died, a point cannot be simulated, a package is missing."""

    exit_code = 3


class Workers:
    """Makes runs in parallel; a context manager that ends its processes.

    Parameters
    ----------
    processes : int
    set_up : SetUp
        What all runs have in common.
    """

    def __init__(self, processes: int, set_up: SetUp) -> None:
        self.processes = processes
        self.set_up = set_up
        self.hands: list[Hand] = []
        self.warm = False  # whether one run has made a step, so that numba's cache is filled

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Idle workers are let go; those at work are ended, since nothing waits for what they do.
        for hand in self.hands:
            if hand.job is not None:
                hand.process.kill()
        for hand in self.hands:
            hand.dismiss()
        self.hands.clear()

    def run(self, tasks: Sequence[Task], done: Callable[[Task, Outcome], None]) -> None:
        """Make all runs; `done` is called for each as it ends, in any order.

        Raises
        ------
        Interrupted
            Ctrl-C or SIGTERM; runs under way are given up.
        CalibrationError
            A worker was killed, or failed for a reason other than the simulation itself.
        """
        waiting = deque(tasks)
        by_number = {task.number: task for task in tasks}
        left = len(tasks)
        with listening() as asked:
            while left:
                if asked():
                    raise Interrupted("stopped")
                self._deal(waiting)
                pipes = {hand.pipe: hand for hand in self.hands if hand.job is not None}
                for pipe in wait(list(pipes), timeout=LISTEN_SECONDS):
                    hand = pipes[pipe]  # type: ignore[index]
                    outcome = self._heard(hand)
                    if outcome is not None:
                        hand.job = None
                        left -= 1
                        done(by_number[outcome.number], outcome)

    def _deal(self, waiting: deque[Task]) -> None:
        """Give work to idle workers; until one run has made its first step the others wait."""
        busy = sum(hand.job is not None for hand in self.hands)
        while len(self.hands) < min(self.processes, busy + len(waiting)):
            hand = Hand.hire(PROGRAM, THREADS)
            self.hands.append(hand)
            self._send(hand, self.set_up)
        for hand in [hand for hand in self.hands if hand.job is None]:
            if not waiting or (busy and not self.warm):
                return
            task = waiting.popleft()
            hand.job = task.number
            busy += 1
            self._send(hand, task)

    def _send(self, hand: Hand, message: SetUp | Task) -> None:
        try:
            hand.pipe.send(message)
        except OSError:
            self._bury(hand)

    def _heard(self, hand: Hand) -> Outcome | None:
        try:
            message = hand.pipe.recv()
        except (EOFError, OSError):
            self._bury(hand)
        self.warm = True
        if isinstance(message, Begun):
            return None
        if isinstance(message, Defect):
            raise CalibrationError(f"a run ended with an internal error; {message.text}")
        assert isinstance(message, Outcome)
        return message

    def _bury(self, hand: Hand) -> NoReturn:
        cause = hand.cause_of_death()
        self.hands.remove(hand)
        hand.pipe.close()
        hand.said.close()
        raise CalibrationError(f"a run was lost: {cause}")
