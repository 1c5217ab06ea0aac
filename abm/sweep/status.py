"""How far a sweep is, from its folder alone: works while it runs, from any machine that sees the folder."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.record.sweep_index import Found, counts
from abm.record.sweep_layout import COMPLETE, FAILED, MISSING
from abm.sweep.engine import gist
from abm.sweep.manifest import Manifest
from abm.sweep.run import find

#: Over the rows of so many seconds the rate is measured.
RATE_SECONDS = 300.0
_LISTED_REASONS = 5


@dataclass(frozen=True)
class SweepStatus:
    """A sweep at a moment.

    Attributes
    ----------
    title : str
    runs, cases : int
        Distinct runs; cases that they stand for.
    complete, failed, missing : int
        Of the runs.
    writers : tuple of str
        Hosts of the processes that have a shard open, as far as that can be known.
    shards : int
    core_seconds : float
        Wall time of all runs together.
    rate : float
        Runs per second lately; 0 while it is not known.
    seconds_left : float
        At that rate; nan while it is not known.
    slowest : tuple of (str, float)
        The slowest complete run in words, and its time [s].
    reasons : tuple of (str, int, str)
        Why runs failed, how many, and one of them in words.
    unused : int
        Rows in the folder that this plan has no use for.
    unreadable : tuple of str
    """

    title: str
    runs: int
    cases: int
    complete: int
    failed: int
    missing: int
    writers: tuple[str, ...]
    shards: int
    core_seconds: float
    rate: float
    seconds_left: float
    slowest: tuple[str, float]
    reasons: tuple[tuple[str, int, str], ...]
    unused: int
    unreadable: tuple[str, ...]


def status_of(manifest: Manifest, found: Found | None = None, now: float | None = None) -> SweepStatus:
    """Look through the folder of a sweep; nothing is changed."""
    found = find(manifest) if found is None else found
    now = time.time() if now is None else now
    number = counts(found)
    seconds, ended = found.column("seconds"), found.column("ended")
    over = found.status != MISSING
    rate = _rate(ended[over], now)
    complete = np.flatnonzero(found.status == COMPLETE)
    slowest = ("", float("nan"))
    if len(complete):
        run = int(complete[np.argmax(seconds[complete])])
        slowest = manifest.text_of(run), float(seconds[run])
    return SweepStatus(
        title=manifest.title,
        runs=manifest.n_run,
        cases=manifest.n_case,
        complete=number["complete"],
        failed=number["failed"],
        missing=number["missing"],
        writers=tuple(sorted(table.host for table in found.tables if table.is_open)),
        shards=len(found.tables),
        core_seconds=float(np.nansum(seconds)),
        rate=rate,
        seconds_left=number["missing"] / rate if rate > 0.0 else float("nan"),
        slowest=slowest,
        reasons=_reasons(manifest, found),
        unused=found.unused,
        unreadable=found.unreadable,
    )


def _rate(ended: NDArray[np.float64], now: float) -> float:
    """Runs per second over the last minutes of activity."""
    recent = ended[ended > now - RATE_SECONDS]
    if len(recent) < 2:
        return 0.0
    span = now - float(recent.min())
    return len(recent) / span if span > 0.0 else 0.0


def _reasons(manifest: Manifest, found: Found) -> tuple[tuple[str, int, str], ...]:
    tally: Counter[str] = Counter()
    example: dict[str, str] = {}
    for run in np.flatnonzero(found.status == FAILED):
        reason = gist(found.message(int(run))) or "?"
        tally[reason] += 1
        example.setdefault(reason, manifest.text_of(int(run)))
    return tuple((reason, n, example[reason]) for reason, n in tally.most_common(_LISTED_REASONS))
