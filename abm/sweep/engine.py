"""What makes the runs of a sweep: one small interface for a laptop, a batch system, Dask and MPI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from abm.sweep.manifest import Manifest


@dataclass(frozen=True)
class Ended:
    """One run is over and its row is safe.

    Attributes
    ----------
    run, status : int
    seconds : float
        Wall time of the run.
    message : str
        First line of why it failed.
    """

    run: int
    status: int
    seconds: float
    message: str = ""


def gist(message: str) -> str:
    """One line of why a run failed: the first, or of a traceback the last."""
    lines = message.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


class Engine(Protocol):
    """Takes runs and reports them as they end; what they return goes into shards, never through here."""

    def submit(self, manifest: Manifest, runs: Sequence[int]) -> None:
        """Take runs; called once."""

    def reports(self, seconds: float) -> list[Ended]:
        """Runs that ended since the last call, after waiting for one at most so long.

        Raises
        ------
        RecordError
            Nothing more can be written.
        """

    @property
    def is_busy(self) -> bool:
        """Whether runs are still to be reported."""

    def cancel(self) -> None:
        """Give up the runs under way; rows of those that ended stay."""

    def close(self) -> None:
        """Let everything go that was started; called in any case, at the end."""
