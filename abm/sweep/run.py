"""Making the runs of a planned sweep that are not there yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from abm.record.sweep_index import Found, adopt_abandoned, find_runs, write_index
from abm.record.sweep_layout import COMPLETE, FAILED, MISSING
from abm.study.pool import LISTEN_SECONDS, listening
from abm.sweep.engine import Ended, Engine
from abm.sweep.manifest import INDEX, SHARDS, Manifest


class Watcher(Protocol):
    """Whoever wants to know how a sweep goes."""

    def begin(self, runs: int, known: int) -> None:
        """So many runs are to be made, so many are complete already."""

    def ended(self, ended: Ended, what: str) -> None:
        """One run is over; `what` says which, in words."""

    def stopping(self) -> None:
        """The user asked to stop."""


@dataclass(frozen=True)
class Outcome:
    """How it went.

    Attributes
    ----------
    made, failed : int
        Runs made now, those that failed among them.
    known : int
        Runs that were complete before.
    left : int
        Runs that are still missing of those asked for.
    stopped : bool
        Whether the user stopped it.
    unreadable : tuple of str
        Shards that are damaged, and how; what they held was made again.
    """

    made: int
    failed: int
    known: int
    left: int
    stopped: bool
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """Which part of the runs this process makes: number `number` of `count`, from 1."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read ``3/20``.

        Raises
        ------
        ValueError
            It is no such thing.
        """
        first, slash, last = text.partition("/")
        if not slash or not first.isdigit() or not last.isdigit() or not 1 <= int(first) <= int(last):
            raise ValueError(f"'{text}' is no part; write i/n with i from 1 to n, e.g. 3/20")
        return cls(int(first), int(last))

    def of(self, runs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Its share of the runs: every n-th, so that long and short ones are mixed."""
        return runs[self.number - 1 :: self.count]


def find(manifest: Manifest) -> Found:
    """Where the runs of a sweep are."""
    return find_runs(manifest.folder / SHARDS, manifest.ids, manifest.declaration)


def wanted_runs(found: Found, retry_failed: bool) -> NDArray[np.int64]:
    """Numbers of the runs that are missing, and of those that failed where these are wanted too."""
    wanted = found.status == MISSING
    if retry_failed:
        wanted |= found.status == FAILED
    return np.flatnonzero(wanted).astype(np.int64)


def failed_runs(manifest: Manifest) -> list[int]:
    """Numbers of the runs that failed."""
    return [int(run) for run in np.flatnonzero(find(manifest).status == FAILED)]


def run_sweep(
    folder: str | Path,
    engine: Engine,
    *,
    part: Part | None = None,
    only: Sequence[int] | None = None,
    retry_failed: bool = False,
    watcher: Watcher,
) -> Outcome:
    """Make what is missing of a planned sweep; the same call goes on after a stop, a kill, a full disk.

    Parameters
    ----------
    part : Part, optional
        Only a share of the runs.
    only : sequence of int, optional
        Only these runs, by number.
    retry_failed : bool
        Make failed runs again.

    Raises
    ------
    RecordError
        There is no planned sweep, or nothing more can be written.
    """
    manifest = Manifest.load(folder)
    adopt_abandoned(manifest.folder / SHARDS)
    found = find(manifest)
    share = np.arange(manifest.n_run) if only is None else np.array(only, np.int64)
    share = share if part is None else part.of(share)
    runs = np.intersect1d(share, wanted_runs(found, retry_failed))
    known = int(np.count_nonzero(found.status[share] == COMPLETE))
    watcher.begin(len(runs), known)
    stopped = False
    try:
        if len(runs):
            engine.submit(manifest, runs.tolist())
        with listening() as asked:
            while engine.is_busy and not stopped:
                for ended in engine.reports(LISTEN_SECONDS):
                    watcher.ended(ended, manifest.text_of(ended.run))
                if asked():
                    stopped = True
                    watcher.stopping()
                    engine.cancel()
    except BaseException:
        engine.cancel()
        raise
    finally:
        engine.close()
    found = reindex(manifest)
    status = found.status
    left = int(np.count_nonzero(status[runs] == MISSING))
    failed = int(np.count_nonzero(status[runs] == FAILED))
    return Outcome(len(runs) - left, failed, known, left, stopped, found.unreadable)


def reindex(manifest: Manifest) -> Found:
    """Look through all shards, and write ``index.h5`` over the finished ones."""
    adopt_abandoned(manifest.folder / SHARDS)
    found = find(manifest)
    write_index(manifest.folder / INDEX, found, manifest.declaration, manifest.ids)
    return found
