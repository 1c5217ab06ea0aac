"""Some runs in this process, without a parent that watches over it: what tasks of Dask and MPI do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from abm.record.sweep_layout import COMPLETE, FAILED, ShardRow
from abm.record.sweep_manifest import MANIFEST
from abm.sweep.engine import Ended, gist
from abm.sweep.manifest import Manifest
from abm.sweep.simulate import Simulator, described
from abm.sweep.worker import failed_row, open_shard_of


def work_chunk(folder: str, runs: Sequence[int]) -> list[Ended]:
    """Make runs and keep their rows in a shard of their own.

    A chunk that is started again, because its first worker was lost, makes only what that one had not kept.

    Parameters
    ----------
    folder : str
        Of the planned sweep, as this process sees it.

    Returns
    -------
    list of Ended
        Every run of the chunk, those that were there already among them.
    """
    from abm.sweep.run import find

    simulator = _simulator(folder, (Path(folder) / MANIFEST).stat().st_mtime_ns)
    manifest = simulator.manifest
    found = find(manifest)
    known = [run for run in runs if found.status[run] == COMPLETE]
    ended = [Ended(run, COMPLETE, 0.0) for run in known]
    left = [run for run in runs if found.status[run] != COMPLETE]
    if not left:
        return ended
    with open_shard_of(manifest.folder, manifest.declaration) as shard:
        for run in left:
            row = _row(simulator, run)
            shard.append(row)
            shard.flush_if_due()
            ended.append(Ended(run, row.status, row.seconds, gist(row.message)))
    return ended


def _row(simulator: Simulator, run: int) -> ShardRow:
    """What a run returns; one that meets unexpected errors to the last is a failed one."""
    from abm.errors import AbmError

    attempts = simulator.manifest.limits.retries + 1
    for attempt in range(1, attempts + 1):
        try:
            return simulator.row(run, attempt)
        except AbmError:
            raise  # The disk is full.
        except Exception as error:  # noqa: BLE001 - recorded, and the other runs go on
            text = described(error)
    return failed_row(simulator.manifest, run, attempts, text, 0.0)


@lru_cache(maxsize=2)
def _simulator(folder: str, _changed: int) -> Simulator:
    """The simulator of this process for a sweep; anew when the manifest has changed."""
    from abm.engine.threads import use_threads
    from abm.sweep.cases import resolver_of

    use_threads(1)
    manifest = Manifest.load(folder)
    return Simulator(manifest, resolver_of(manifest))


def chunks_of(runs: Sequence[int], size: int) -> list[list[int]]:
    """Runs in chunks of at most so many; every chunk takes every n-th, to mix long and short ones."""
    count = max(1, -(-len(runs) // size))
    return [np.asarray(runs)[i::count].tolist() for i in range(count)]


def lost(runs: Sequence[int], error: BaseException) -> list[Ended]:
    """Runs of a chunk that could not be made, for the report; no row says so, so they are still missing."""
    return [Ended(run, FAILED, 0.0, f"its chunk was lost: {error}") for run in runs]
