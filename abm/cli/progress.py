"""How far the runs are: a bar on a terminal, a line now and then in a log, nothing when asked to be quiet."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from abm.cli.failure import say
from abm.cli.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from abm.study.job import Job, RunResult

LINE_SECONDS = 10.0
WINDOW_SECONDS = 20.0  # over which the rate is measured


class Tally:
    """Simulated days done by all runs together, their rate, and the time left; says nothing itself."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.total = 0.0
        self.days: dict[tuple[str, int], float] = {}
        self.runs = 0
        self.over = 0
        self.history: deque[tuple[float, float]] = deque()

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self.started

    @property
    def done(self) -> float:
        """Simulated days so far."""
        return sum(self.days.values())

    @property
    def rate(self) -> float:
        """Simulated days per second, lately; 0 before it is known."""
        if len(self.history) < 2:
            return 0.0
        (begin, first), (end, last) = self.history[0], self.history[-1]
        return (last - first) / (end - begin) if end > begin else 0.0

    def begin(self, jobs: list[Job], processes: int) -> None:
        """Remember how much there is to do."""
        self.runs = len(jobs)
        self.total = sum(job.days for job in jobs)

    def advanced(self, job: Job, days: float) -> None:
        """Book the progress of one run."""
        run = (job.arm, job.replicate)
        if run not in self.days:
            # What a continued run brings along was not done now: the measurement of the rate begins anew.
            self.history.clear()
        self.days[run] = days
        now = time.monotonic()
        self.history.append((now, self.done))
        while now - self.history[0][0] > WINDOW_SECONDS:
            self.history.popleft()

    def ended(self, job: Job, result: RunResult) -> None:
        """Book the end of one run; what it leaves undone is not waited for."""
        self.over += 1
        self.total += self.days.get((job.arm, job.replicate), 0.0) - job.days

    def stopping(self) -> None:
        """Say that it may take a moment."""
        say("Stopping at the end of the step and saving the state; Ctrl-C again stops at once.")

    def words(self) -> str:
        """Progress as text."""
        if not self.days:
            return "preparing"
        share = f"{self.done / self.total:.0%}" if self.total > 0.0 else "100%"
        text = f"{self.over} of {self.runs} runs, {share}"
        if self.rate > 0.0:
            left = timedelta(seconds=round(max(0.0, self.total - self.done) / self.rate))
            text += f", {self.rate:.3g} simulated days/s, {left} left"
        return text


class Lines(Tally):
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self.said = time.monotonic()

    def begin(self, jobs: list[Job], processes: int) -> None:
        """Say what starts."""
        super().begin(jobs, processes)
        self.said = time.monotonic()
        runs = counted(self.runs, "run")
        say(f"{runs}, {processes} at a time" if self.runs > 1 else runs)

    def advanced(self, job: Job, days: float) -> None:
        """Say it if the last line is old."""
        super().advanced(job, days)
        if time.monotonic() - self.said >= LINE_SECONDS:
            self.said = time.monotonic()
            say(self.words())

    def ended(self, job: Job, result: RunResult) -> None:
        """Failures are said at once: the end may be hours away."""
        super().ended(job, result)
        _tell_failure(result, self.runs)


class Bar(Tally):
    """A bar with rate and time left."""

    def __init__(self, display: Progress) -> None:
        super().__init__()
        self.display = display
        self.task: TaskID | None = None

    def begin(self, jobs: list[Job], processes: int) -> None:
        """Show the bar."""
        super().begin(jobs, processes)
        self.task = self.display.add_task(self.words(), total=self.total)
        self.display.start()

    def advanced(self, job: Job, days: float) -> None:
        """Move the bar."""
        super().advanced(job, days)
        self._show()

    def ended(self, job: Job, result: RunResult) -> None:
        """Failures are said at once, above the bar."""
        super().ended(job, result)
        self._show()
        _tell_failure(result, self.runs)

    def _show(self) -> None:
        if self.task is not None:
            self.display.update(
                self.task, completed=self.done, total=max(self.total, 1e-9), description=self.words()
            )


def _tell_failure(result: RunResult, runs: int) -> None:
    if result.status == "failed" and runs > 1:
        say(f"failed: {result.message.splitlines()[0]}")


@contextmanager
def watching(quiet: bool) -> Iterator[Tally]:
    """The display that suits where standard error goes."""
    if quiet:
        yield Tally()
        return
    with bar_display() as display:
        yield Lines() if display is None else Bar(display)


@contextmanager
def bar_display() -> Iterator[Progress | None]:
    """What draws a bar on standard error; None where that is no terminal.

    It is started with the first run: until then errors are plain text.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), BarColumn(bar_width=None), TextColumn("{task.description}", markup=False))
    display = Progress(
        *columns, console=Console(stderr=True), transient=True, refresh_per_second=5, expand=True
    )
    try:
        yield display
    finally:
        display.stop()
