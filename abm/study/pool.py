"""A pool of worker processes that loses nothing when one of them is killed.

Each worker is a fresh interpreter with its own pipe: its environment (the threads of numba and BLAS) is set
before anything is imported, the caller's main module is not imported again, and the death of one worker is
the end of its run only.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import FrameType
from typing import IO

from abm.study.cores import environment
from abm.study.job import Job, RunResult, Status, Watcher, result_of

LISTEN_SECONDS = 0.2
REMIND_SECONDS = 1.0
LAST_WORDS = 2000
ROOT = str(Path(__file__).resolve().parents[2])
# Not -m, which would put the current folder first on the path: any file there named like a library would win.
FIND_ABM = "import sys; root = sys.argv[1]; root in sys.path or sys.path.insert(0, root); "
PROGRAM = FIND_ABM + "from abm.study.worker import main; main(sys.argv[2:])"

_log = logging.getLogger("abm.study")


@dataclass
class Hand:
    """One worker as its parent sees it."""

    process: subprocess.Popen[bytes]
    pipe: Connection
    said: IO[bytes]  # its standard output and error
    job: int | None = None
    began: float = field(default_factory=time.perf_counter)

    @classmethod
    def hire(cls, program: str, threads: int) -> Hand:
        """Start a worker; it loads the engine and waits for what it is sent.

        Parameters
        ----------
        program : str
            Python, called with the folder of the package, the file descriptor of its pipe and its threads.
        threads : int
            Of numba and BLAS.
        """
        ours, theirs = Pipe()
        said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        with theirs:
            command = [sys.executable, "-P", "-c", program, ROOT, str(theirs.fileno()), str(threads)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs.fileno(),),
                env=environment(threads),
            )
        return cls(process, ours, said)

    def last_words(self) -> str:
        """End of what the worker wrote to its standard output and error."""
        size = self.said.seek(0, os.SEEK_END)
        self.said.seek(max(0, size - LAST_WORDS))
        return self.said.read().decode("utf-8", errors="replace").strip()

    def cause_of_death(self) -> str:
        """Why the process is gone, in words."""
        code = self.process.wait()
        words = self.last_words()
        if code >= 0:
            cause = f"its worker process ended with exit code {code}"
        else:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
            hint = " (by the system when memory ran out, or by somebody)" if -code == signal.SIGKILL else ""
            cause = f"its worker process was killed by {name}{hint}"
        return f"{cause}\n{words}" if words else cause

    def dismiss(self) -> None:
        """Let the worker end, and take leave of it."""
        self.pipe.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if words := self.last_words():
            _log.warning("a worker said: %s", words)
        self.said.close()


class Pool:
    """Runs jobs on worker processes.

    Parameters
    ----------
    processes : int
        Workers at most.
    threads : int
        Of the kernels, in each worker.
    watcher : Watcher
    """

    def __init__(self, processes: int, threads: int, watcher: Watcher) -> None:
        self.processes = processes
        self.threads = threads
        self.watcher = watcher
        self.hands: list[Hand] = []
        self.waiting: deque[int] = deque()
        self.results: dict[int, RunResult] = {}
        self.warm = False  # whether one run has made a step, so that numba's cache is filled
        self.reminded = 0.0

    def run(self, jobs: Sequence[Job]) -> list[RunResult]:
        """Results in the order of the jobs.

        Ctrl-C or SIGTERM lets every run save its state and stop; a second one kills the workers.
        """
        self.jobs = jobs
        self.waiting.extend(range(len(jobs)))
        try:
            with listening() as asked:
                while len(self.results) < len(jobs):
                    self._cycle(asked())
        finally:
            for hand in self.hands:
                if hand.job is not None:
                    hand.process.terminate()
            for hand in self.hands:
                hand.dismiss()
        return [self.results[i] for i in range(len(jobs))]

    def _cycle(self, asked: int) -> None:
        if asked:
            self._stop(asked)
        else:
            self._deal()
        pipes = {hand.pipe: hand for hand in self.hands}
        if not pipes:
            return
        for pipe in wait(list(pipes), timeout=LISTEN_SECONDS):
            hand = pipes[pipe]  # type: ignore[index]
            try:
                message = hand.pipe.recv()
            except (EOFError, OSError):
                self._bury(hand)
                continue
            self._take(hand, message)

    def _deal(self) -> None:
        """Give work to idle workers; hire up to the number of runs left.

        Until one run has made its first step the others wait: kernels that are not in numba's cache yet are
        compiled once instead of once per worker.
        """
        busy = sum(hand.job is not None for hand in self.hands)
        while len(self.hands) < min(self.processes, busy + len(self.waiting)):
            self.hands.append(Hand.hire(PROGRAM, self.threads))
        for hand in [hand for hand in self.hands if hand.job is None]:
            if not self.waiting or (busy and not self.warm):
                return
            number = self.waiting.popleft()
            hand.job, hand.began = number, time.perf_counter()
            busy += 1
            try:
                hand.pipe.send(self.jobs[number])
            except OSError:
                self._bury(hand)

    def _take(self, hand: Hand, message: object) -> None:
        assert hand.job is not None
        job = self.jobs[hand.job]
        self.warm = True
        if isinstance(message, RunResult):
            self._close(hand.job, message)
            hand.job = None
        else:
            assert isinstance(message, float)
            self.watcher.advanced(job, message)

    def _bury(self, hand: Hand) -> None:
        """A worker is gone; so is its run."""
        self.hands.remove(hand)
        cause = hand.cause_of_death()
        hand.pipe.close()
        hand.said.close()
        # One that dies without a run will do so again: its fault is reported with the next run.
        number = hand.job if hand.job is not None or not self.waiting else self.waiting.popleft()
        if number is not None:
            job, seconds = self.jobs[number], time.perf_counter() - hand.began
            self._close(number, result_of(job, Status.FAILED, seconds, f"{job.path}: {cause}"))

    def _stop(self, asked: int) -> None:
        while self.waiting:
            number = self.waiting.popleft()
            self._close(number, result_of(self.jobs[number], Status.NOT_STARTED))
        now = time.monotonic()
        if asked > 1:
            for hand in [hand for hand in self.hands if hand.job is not None]:
                hand.process.kill()
                assert hand.job is not None
                job = self.jobs[hand.job]
                message = f"{job.path}: stopped at once, without saving its state"
                self._close(hand.job, result_of(job, Status.INTERRUPTED, message=message))
                hand.job = None
        elif now - self.reminded >= REMIND_SECONDS:
            # Repeated, for a worker that was between two things when the first one came.
            if self.reminded == 0.0:
                self.watcher.stopping()
            self.reminded = now
            for hand in self.hands:
                if hand.job is not None:
                    hand.process.terminate()

    def _close(self, number: int, result: RunResult) -> None:
        self.results[number] = result
        self.watcher.ended(self.jobs[number], result)


@contextmanager
def listening() -> Iterator[Callable[[], int]]:
    """Count Ctrl-C and SIGTERM instead of dying of them; outside the main thread the count stays 0."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    count = 0

    def note(_signal: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: count
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
