"""How far a sweep is while it runs: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from abm.cli.failure import say
from abm.cli.progress import LINE_SECONDS, bar_display
from abm.cli.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from abm.sweep.engine import Ended

FAILED = 2
_TOLD_FAILURES = 20


class Tally:
    """Runs so far, their rate and the time left; says nothing itself."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.runs = self.over = self.failed = 0
        self.first: float | None = None

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self.started

    def begin(self, runs: int, known: int) -> None:
        """Remember how much there is to do."""
        self.runs = runs

    def ended(self, ended: Ended, what: str) -> None:
        """Book a run."""
        self.over += 1
        self.failed += ended.status == FAILED
        # What came before the first report, kernels being compiled, is not measured.
        self.first = time.monotonic() if self.first is None else self.first

    def stopping(self) -> None:
        """Say that it may take a moment."""
        say("Stopping; runs that are over are kept.")

    def words(self) -> str:
        """Progress as text."""
        from datetime import timedelta

        text = f"{self.over} of {counted(self.runs, 'run')}"
        if self.failed:
            text += f", {self.failed} failed"
        passed = 0.0 if self.first is None else time.monotonic() - self.first
        if self.over > 1 and passed > 1.0:
            rate = (self.over - 1) / passed
            left = timedelta(seconds=round((self.runs - self.over) / rate))
            text += f", {60.0 * rate:.3g} runs/min, {left} left"
        return text

    def _tell_failure(self, ended: Ended, what: str) -> None:
        if ended.status == FAILED and self.failed <= _TOLD_FAILURES:
            say(f"failed: {what}: {ended.message}")
            if self.failed == _TOLD_FAILURES:
                say("Further failures are not told; abm sweep status lists the reasons.")


class Lines(Tally):
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self.said = time.monotonic()

    def begin(self, runs: int, known: int) -> None:
        """Say what starts."""
        super().begin(runs, known)
        say(f"{counted(runs, 'run')} to be made" + (f", {known} complete already" if known else ""))

    def ended(self, ended: Ended, what: str) -> None:
        """Say how it goes if the last line is old."""
        super().ended(ended, what)
        self._tell_failure(ended, what)
        if time.monotonic() - self.said >= LINE_SECONDS:
            self.said = time.monotonic()
            say(self.words())


class Bar(Tally):
    """A bar with rate and time left."""

    def __init__(self, display: Progress) -> None:
        super().__init__()
        self.display = display
        self.task: TaskID | None = None

    def begin(self, runs: int, known: int) -> None:
        """Show the bar."""
        super().begin(runs, known)
        self.task = self.display.add_task(self.words(), total=runs)
        self.display.start()

    def ended(self, ended: Ended, what: str) -> None:
        """Move the bar."""
        super().ended(ended, what)
        self._tell_failure(ended, what)
        if self.task is not None:
            self.display.update(self.task, completed=self.over, description=self.words())


@contextmanager
def watching(quiet: bool) -> Iterator[Tally]:
    """The display that suits where standard error goes."""
    if quiet:
        yield Tally()
        return
    with bar_display() as display:
        yield Lines() if display is None else Bar(display)
