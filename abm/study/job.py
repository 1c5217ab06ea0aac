"""What is to be run, and what came of it: the messages between the parent and its workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from abm.scenario.schema.scenario import Scenario


class Start(StrEnum):
    """How a run begins."""

    NEW = "new"
    REPLACE = "replace"
    CONTINUE = "continue"


class Status(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Job:
    """One run: one arm and replicate into one file.

    Attributes
    ----------
    seed : int
        Of the experiment; the model's seed follows from it and the replicate.
    path : Path
        The result file.
    text : str
        Resolved scenario of the arm, as it goes into the file.
    scenario : Scenario
        The same, loaded: unpickling it takes 3 ms, loading the text 130 ms.
    start : Start
    command : tuple of str
        For the provenance.
    """

    arm: str
    replicate: int
    seed: int
    path: Path
    text: str = field(repr=False)
    scenario: Scenario = field(repr=False)
    start: Start = Start.NEW
    command: tuple[str, ...] = ()

    @property
    def days(self) -> float:
        """Length of the run [d]."""
        return float(self.scenario.time.duration) / 1440.0


@dataclass(frozen=True)
class RunResult:
    """What came of one run.

    Attributes
    ----------
    seconds : float
        Wall time spent on it now; 0 when it was skipped or never started.
    message : str
        Why it is not complete; empty otherwise.
    """

    arm: str
    replicate: int
    path: Path
    status: Status
    seconds: float = 0.0
    message: str = ""


class Watcher(Protocol):
    """Whoever wants to know how the runs go; called in the parent process only."""

    def begin(self, jobs: list[Job], processes: int) -> None:
        """These runs are about to start."""

    def advanced(self, job: Job, days: float) -> None:
        """Tell that a run has reached this simulated time [d]; a continued run starts above zero."""

    def ended(self, job: Job, result: RunResult) -> None:
        """One run is over, however it ended."""

    def stopping(self) -> None:
        """The user asked to stop; the runs go on to the end of their step."""


def result_of(job: Job, status: Status, seconds: float = 0.0, message: str = "") -> RunResult:
    """Result of a job."""
    return RunResult(job.arm, job.replicate, job.path, status, seconds, message)
