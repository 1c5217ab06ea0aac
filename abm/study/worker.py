"""The program of a worker process: takes jobs from its parent, one after another, until told to end."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from types import FrameType

from abm.study.single import perform


class Worker:
    """The worker's end of the pipe.

    Messages to the parent: a float is the simulated time of the current run [d], a
    :class:`~abm.study.job.RunResult` is its end.
    """

    def __init__(self, pipe: Connection, threads: int) -> None:
        self.pipe = pipe
        self.threads = threads
        self.stopped = False

    def serve(self) -> None:
        """Work until the parent sends None, closes the pipe, dies, or asks to stop."""
        # A flag and no exception, which could strike anywhere.  While a run goes on it listens itself; a
        # signal that falls between the two is made good by the parent, which repeats it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        # While the parent decides what to do first.
        import abm.engine.run  # noqa: F401

        while not self.stopped:
            try:
                job = self.pipe.recv()
            except (EOFError, OSError):
                return
            if job is None:
                return
            self._send(perform(job, self.threads, self._send, lambda: self.stopped))

    def _send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            # The parent is gone: save what there is and stop, as if it had asked for it.
            if not self.stopped:
                self.stopped = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopped = True


def main(arguments: list[str]) -> None:
    """Start a worker: the number of its file descriptor and of its threads."""
    descriptor, threads = (int(argument) for argument in arguments)
    Worker(Connection(descriptor), threads).serve()
