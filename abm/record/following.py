"""Reading a result file again and again while it may grow, without copying it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from abm.record.faults import os_fault
from abm.record.opening import open_checked
from abm.record.reader import Run
from abm.record.storage import between_commits, is_being_written

# A waiting writer looks every 5 ms whether it may commit.
GAP_SECONDS = 0.01
GAP_EVERY = 0.1


class FollowedRun:
    """A result file that is kept open, and opened anew whenever it has changed; safe in several threads.

    Parameters
    ----------
    path : path
        A result file: finished, being written, or left behind by a killed process.

    Raises
    ------
    RecordError
        See :func:`abm.record.opening.open_checked`; also while reading, when the file went or was spoilt.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._state: tuple[int, ...] = ()
        self._gap_at = 0.0
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """The run as the file is now; nobody changes it, and no other thread reads it, meanwhile.

        Keep it short (well below a second): the writer waits for it, and goes on after a second.  The run
        must not be kept.
        """
        with self._lock:
            try:
                with between_commits(self.path):
                    yield self._current()
                self._let_write()
            except OSError as error:
                raise os_fault(self.path, "read the file", error) from error

    def _let_write(self) -> None:
        """Leave a gap now and then, so that many readers in a row do not keep a writer waiting."""
        now = time.monotonic()
        if now - self._gap_at > GAP_EVERY and is_being_written(self.path):
            time.sleep(GAP_SECONDS)
            self._gap_at = now

    @property
    def version(self) -> tuple[int, ...]:
        """Changes whenever the file does."""
        try:
            found = self.path.stat()
        except OSError as error:
            raise os_fault(self.path, "read the file", error) from error
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _current(self) -> Run:
        state = self.version
        if self._run is None or state != self._state:
            # HDF5 shares what it knows of a file between all its handles: the old one goes first.
            self.close()
            self._run = Run(self.path, open_checked(self.path, in_place=True))
            self._state = state
        return self._run

    def close(self) -> None:
        """Close the file; it is opened again when it is read again."""
        with self._lock:
            if self._run is not None:
                self._run.close()
                self._run = None
