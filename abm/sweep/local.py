"""The engine of one machine: worker processes that are sent run after run.

A worker that dies costs the run that it held and those of the last second, which are made again.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from abm.errors import RecordError
from abm.record.shards import ShardWriter
from abm.record.sweep_layout import FAILED
from abm.study.pool import FIND_ABM, Hand
from abm.sweep.engine import Ended, gist
from abm.sweep.manifest import Manifest
from abm.sweep.worker import Begun, Broken, Kept, Order, Ran, SetUp, Stuck, failed_row, open_shard_of

PROGRAM = f"{FIND_ABM}from abm.sweep.worker import main; main(sys.argv[2:])"
#: A run that does not notice its own limit gets this much more before its worker is killed.
_PATIENCE_FACTOR, _PATIENCE_SECONDS = 2.0, 30.0
#: How long a worker may take to put its last rows on the disk [s].
_FAREWELL_SECONDS = 120.0


@dataclass
class _Worker(Hand):
    """A worker and its runs that are over but not safe yet."""

    attempts: int = 1
    unsafe: deque[Ended] = field(default_factory=deque)
    hung: bool = False  # killed because its run took too long


class LocalEngine:
    """Runs on worker processes of this machine.

    Parameters
    ----------
    processes : int
        Workers at most.
    threads : int
        Of the kernels, in each worker.
    """

    def __init__(self, processes: int, threads: int = 1) -> None:
        self.processes = processes
        self.threads = threads
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, int]] = deque()
        self._left = 0
        self._warm = False
        self._shard: ShardWriter | None = None
        self._ended: list[Ended] = []

    def submit(self, manifest: Manifest, runs: Sequence[int]) -> None:
        """Take runs; workers are started when reports are asked for."""
        self._manifest = manifest
        self._waiting.extend((run, 1) for run in runs)
        self._left = len(runs)

    @property
    def is_busy(self) -> bool:
        """Whether runs are still to be reported."""
        return self._left > 0

    def reports(self, seconds: float) -> list[Ended]:
        """Runs that ended since the last call, after waiting for news at most so long.

        Raises
        ------
        RecordError
            A worker cannot write: the disk is full.
        """
        self._ended = []
        self._deal()
        self._kill_stuck()
        pipes = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(pipes), timeout=seconds) if pipes else ():
            worker = pipes[pipe]  # type: ignore[index]
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            self._take(worker, message)
        self._left -= len(self._ended)
        return self._ended

    def cancel(self) -> None:
        """Let workers give up what they are at and keep what is over."""
        self._waiting.clear()
        for worker in self._workers:
            worker.process.terminate()

    def close(self) -> None:
        """Let the workers put their last rows on the disk and end."""
        for worker in self._workers:
            worker.pipe.close()
        for worker in self._workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(timeout=_FAREWELL_SECONDS)
            worker.dismiss()
        self._workers.clear()
        if self._shard is not None:
            self._shard.finish()
            self._shard = None

    # -------------------------------------------------------------------------------------- private

    def _deal(self) -> None:
        """Give work to idle workers; until one run has made its first step the others wait."""
        busy = sum(worker.job is not None for worker in self._workers)
        while len(self._workers) < min(self.processes, busy + len(self._waiting)):
            worker = _Worker.hire(PROGRAM, self.threads)
            assert isinstance(worker, _Worker)
            self._workers.append(worker)
            with contextlib.suppress(OSError):
                worker.pipe.send(SetUp(self._manifest.folder.absolute()))
        for worker in [worker for worker in self._workers if worker.job is None]:
            if not self._waiting or (busy and not self._warm):
                return
            run, attempts = self._waiting.popleft()
            worker.job, worker.attempts, worker.began = run, attempts, time.perf_counter()
            busy += 1
            # A worker that is gone is met when its pipe is read.
            with contextlib.suppress(OSError):
                worker.pipe.send(Order(run, attempts))

    def _take(self, worker: _Worker, message: object) -> None:
        self._warm = True
        match message:
            case Begun():
                worker.began = time.perf_counter()
            case Ran():
                worker.unsafe.append(Ended(message.run, message.status, message.seconds, message.message))
                worker.job = None
            case Kept():
                self._ended += [worker.unsafe.popleft() for _ in range(message.rows)]
            case Broken():
                worker.job = None
                self._again(message.run, worker.attempts, message.text, message.seconds)
            case Stuck():
                raise RecordError(message.text)

    def _bury(self, worker: _Worker) -> None:
        """A worker is gone: its run is made again or given up, those that were not safe are made again."""
        self._workers.remove(worker)
        cause = worker.cause_of_death()
        if worker.hung:
            seconds = self._manifest.limits.seconds
            cause = f"it hung: its worker did not answer long after the limit of {seconds:g} s and was killed"
        worker.pipe.close()
        worker.said.close()
        self._waiting.extendleft((ended.run, 1) for ended in worker.unsafe)
        if worker.job is not None:
            self._again(worker.job, worker.attempts, cause, time.perf_counter() - worker.began)
        elif not worker.unsafe and self._waiting:
            # One that dies without a run will do so again: its fault is reported with the next run.
            run, attempts = self._waiting.popleft()
            self._again(run, attempts, cause, 0.0)

    def _again(self, run: int, attempts: int, cause: str, seconds: float) -> None:
        """Try a run once more, or record that it cannot be made."""
        if attempts <= self._manifest.limits.retries:
            # Last, so that a run that kills its workers does not hold up the others.
            self._waiting.append((run, attempts + 1))
            return
        if self._shard is None:
            self._shard = open_shard_of(self._manifest.folder, self._manifest.declaration)
        self._shard.append(failed_row(self._manifest, run, attempts, cause, seconds))
        self._shard.flush()
        self._ended.append(Ended(run, FAILED, seconds, gist(cause)))

    def _kill_stuck(self) -> None:
        limit = self._manifest.limits.seconds * _PATIENCE_FACTOR + _PATIENCE_SECONDS
        for worker in self._workers:
            if worker.job is not None and time.perf_counter() - worker.began > limit:
                worker.hung = True
                worker.process.kill()
