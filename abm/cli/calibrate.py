"""``abm calibrate``: fit parameters to published targets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import Processes, Quiet
from abm.cli.progress import LINE_SECONDS, bar_display

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from abm.calibrate.calibration import Calibration
    from abm.calibrate.evaluator import Evaluation

File = Annotated[Path, typer.Argument(metavar="FIT", help="Fit file (YAML).", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Folder for the results; by default outputs/<name of FIT>."
    ),
]
Method = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="least-squares, cma or abc, in place of the file's."),
]
Budget = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Points evaluated at most, in place of the file's.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on, using the runs that the folder holds.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the calibration that the folder holds.")]


def calibrate(
    file: File,
    output: Output = None,
    method: Method = None,
    budget: Budget = None,
    processes: Processes = None,
    resume: Resume = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fit parameters of a scenario, within their ranges, to targets; say which of them the data hold."""
    if force and resume:
        raise typer.BadParameter("--force starts again and --resume goes on: give one of the two")

    from abm.calibrate.calibration import calibrate as run
    from abm.calibrate.results import write_results
    from abm.calibrate.schema import METHODS
    from abm.cli.failure import say
    from abm.errors import Interrupted

    chosen = next((name for name in METHODS if name == method), None)
    if method is not None and chosen is None:
        raise typer.BadParameter(f"no method {method!r}; there are {', '.join(METHODS)}")
    folder = output or Path("outputs") / file.stem
    with watching(quiet) as watcher:
        try:
            found = run(
                file,
                folder,
                method=chosen,
                budget=budget,
                processes=processes,
                resume=resume,
                force=force,
                progress=watcher,
            )
        except Interrupted as error:
            say(f"{error}. To go on: the same command with --resume and without --force.")
            raise typer.Exit(error.exit_code) from None
    files = write_results(found, folder)
    if not quiet:
        _print(found, folder, files, watcher.seconds)


def _print(found: Calibration, folder: Path, files: list[Path], seconds: float) -> None:
    from abm.analysis.targets import target_table
    from abm.calibrate.tables import direction_table, parameter_table, summary_lines, verdict_lines
    from abm.cli.outcome import duration

    for line in summary_lines(found):
        print(line)
    print()
    print(parameter_table(found).as_text())
    print()
    for line in verdict_lines(found):
        print(line)
    print()
    print(direction_table(found).as_text())
    print()
    print(target_table(found.report).as_text())
    print()
    print(f"{folder}: {', '.join(file.name for file in files)}")
    print(f"{found.runs} runs made now, the others were known.")
    print(f"Wall time {duration(seconds)}.")


class Tally:
    """Evaluations and runs so far, their rate, and the time left at most; says nothing itself."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.budget = self.per_point = 0
        self.evaluations = self.known = self.runs = 0
        self.best = float("inf")
        self.first_run: float | None = None

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self.started

    def begin(self, budget: int, runs: int, processes: int) -> None:
        """Remember how much there is to do at most."""
        self.budget, self.per_point = budget, runs

    def run_made(self, seconds: float) -> None:
        """Book a run."""
        self.runs += 1
        self.first_run = time.monotonic() if self.first_run is None else self.first_run

    def evaluated(self, evaluation: Evaluation, best: Evaluation, known: bool) -> None:
        """Book an evaluation."""
        self.evaluations += 1
        self.known += known
        self.best = best.rms

    def note(self, text: str) -> None:
        """Say something worth a line."""
        from abm.cli.failure import say

        say(f"note: {text}")

    def words(self) -> str:
        """Progress as text."""
        from datetime import timedelta

        text = f"{self.evaluations} of at most {self.budget} evaluations"
        if self.best < float("inf"):
            text += f", best rms z {self.best:.3g}"
        fresh = self.evaluations - self.known
        if self.first_run is not None and self.runs > 1:
            # The first run is not measured: it waits for the kernels to be compiled.
            rate = (self.runs - 1) / max(time.monotonic() - self.first_run, 1e-9)
            text += f", {60.0 * rate:.3g} runs/min"
            if fresh:
                # Measured, since a point takes fewer runs where arms do not depend on what changed.
                points = fresh / self.runs * rate
                left = timedelta(seconds=round((self.budget - self.evaluations) / points))
                text += f", at most {left} left"
        return text


class Lines(Tally):
    """A line every ten seconds, for logs."""

    def __init__(self) -> None:
        super().__init__()
        self.said = time.monotonic()

    def begin(self, budget: int, runs: int, processes: int) -> None:
        """Say what starts."""
        from abm.cli.failure import say

        super().begin(budget, runs, processes)
        say(f"up to {budget} evaluations of {runs} runs, {processes} at a time")

    def run_made(self, seconds: float) -> None:
        """Say how it goes if the last line is old."""
        from abm.cli.failure import say

        super().run_made(seconds)
        if time.monotonic() - self.said >= LINE_SECONDS:
            self.said = time.monotonic()
            say(self.words())


class Bar(Tally):
    """A bar with the best distance, rate and time left."""

    def __init__(self, display: Progress) -> None:
        super().__init__()
        self.display = display
        self.task: TaskID | None = None

    def begin(self, budget: int, runs: int, processes: int) -> None:
        """Show the bar."""
        super().begin(budget, runs, processes)
        self.task = self.display.add_task(self.words(), total=budget)
        self.display.start()

    def run_made(self, seconds: float) -> None:
        """Move the words."""
        super().run_made(seconds)
        self._show()

    def evaluated(self, evaluation: Evaluation, best: Evaluation, known: bool) -> None:
        """Move the bar."""
        super().evaluated(evaluation, best, known)
        self._show()

    def note(self, text: str) -> None:
        """Say it above the bar."""
        self.display.console.print(f"note: {text}", markup=False, highlight=False)

    def _show(self) -> None:
        if self.task is not None:
            self.display.update(self.task, completed=self.evaluations, description=self.words())


@contextmanager
def watching(quiet: bool) -> Iterator[Tally]:
    """The display that suits where standard error goes."""
    if quiet:
        yield _Quiet()
        return
    with bar_display() as display:
        yield Lines() if display is None else Bar(display)


class _Quiet(Tally):
    def note(self, text: str) -> None:
        """Nothing."""
