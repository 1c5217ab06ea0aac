"""Where the rows of a sweep's runs are: looking through all shards, and one file over them.

``index.h5`` holds virtual data sets over the finished shards: it reads like one file with a row per row of
every shard, is a few kilobytes large and can be made again at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.shards import FINISHED, ShardTable, adopt, read_shard, shard_paths
from abm.record.storage import is_being_written
from abm.record.streams import text_dataset
from abm.record.sweep_layout import (
    COMPLETE,
    FAILED,
    INDEX_FORMAT,
    MISSING,
    SWEEP_FORMAT_VERSION,
    SweepDeclaration,
)


@dataclass(frozen=True)
class Found:
    """Where the row of every run of a plan is.

    Attributes
    ----------
    tables : tuple of ShardTable
        Shards that hold what is asked for.
    shard : (n_run,) int32
        Position in `tables`; -1 where a run is missing.
    row : (n_run,) int64
    status : (n_run,) uint8
        MISSING, COMPLETE or FAILED.
    unused : int
        Rows that return something else, or belong to no run of the plan.
    unreadable : tuple of str
        Shards that could not be read, and why.
    """

    tables: tuple[ShardTable, ...]
    shard: NDArray[np.int32]
    row: NDArray[np.int64]
    status: NDArray[np.uint8]
    unused: int = 0
    unreadable: tuple[str, ...] = ()

    def column(self, name: str) -> NDArray[np.float64]:
        """A column of the runs' own table for every run, nan where it is missing."""
        values = np.full(len(self.row), np.nan)
        for number, table in enumerate(self.tables):
            here = self.shard == number
            values[here] = table.columns[name][self.row[here]]
        return values

    def message(self, run: int) -> str:
        """Why a run failed."""
        if self.shard[run] < 0:
            return ""
        messages = self.tables[int(self.shard[run])].messages
        return messages.get(int(self.row[run]), "")


def find_runs(folder: Path, ids: NDArray[np.bytes_], declared: SweepDeclaration) -> Found:
    """Look for runs in every shard of a folder.

    A run that several shards hold counts as complete if one of them says so; otherwise the last one tells.

    Parameters
    ----------
    ids : (n_run,) S16
    declared : SweepDeclaration
        What the runs must return.
    """
    tables: list[ShardTable] = []
    unused, unreadable = 0, []
    for path in shard_paths(folder):
        try:
            table = read_shard(path)
        except RecordError as error:
            # Renamed between looking and opening: it is there under its other name.
            if path.exists():
                unreadable.append(str(error))
            else:
                tables.append(read_shard(path.with_suffix(FINISHED)))
            continue
        if table.declaration.returned == declared.returned:
            tables.append(table)
        else:
            unused += len(table)
    shard = np.full(len(ids), -1, np.int32)
    row = np.full(len(ids), -1, np.int64)
    status = np.full(len(ids), MISSING, np.uint8)
    if tables and len(ids):
        unused += _fill(tables, ids, shard, row, status)
    return Found(tuple(tables), shard, row, status, unused, tuple(unreadable))


def _fill(
    tables: Sequence[ShardTable],
    ids: NDArray[np.bytes_],
    shard: NDArray[np.int32],
    row: NDArray[np.int64],
    status: NDArray[np.uint8],
) -> int:
    """Fill in where the runs are; returns the rows that belong to none of them."""
    all_ids = np.concatenate([table.ids for table in tables])
    all_status = np.concatenate([table.columns["status"] for table in tables])
    ended = np.concatenate([table.columns["ended"] for table in tables])
    shards = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    rows = np.concatenate([np.arange(len(table)) for table in tables])
    order = np.argsort(ids)
    place = np.searchsorted(ids[order], all_ids)
    known = place < len(ids)
    known[known] = ids[order][place[known]] == all_ids[known]
    # The best of the rows of one run is written last and stays.
    best_last = np.lexsort((ended, all_status == COMPLETE))
    best_last = best_last[known[best_last]]
    runs = order[place[best_last]]
    shard[runs], row[runs], status[runs] = shards[best_last], rows[best_last], all_status[best_last]
    return int(np.count_nonzero(~known))


def adopt_abandoned(folder: Path) -> list[Path]:
    """Give the shards that nobody writes any more their final names; returns these."""
    parts = [path for path in shard_paths(folder) if path.suffix != FINISHED]
    return [adopt(path) for path in parts if not is_being_written(path)]


def write_index(path: Path, found: Found, declared: SweepDeclaration, ids: NDArray[np.bytes_]) -> None:
    """Write virtual data sets over the finished shards, and where the row of every run is.

    Parameters
    ----------
    path : Path
        ``index.h5``; replaced at once when the new one is complete.
    """
    tables = [table for table in found.tables if table.path.suffix == FINISHED and len(table)]
    numbers = {table.path: i for i, table in enumerate(tables)}
    starts = np.cumsum([0, *(len(table) for table in tables)])
    run_row = np.full(len(ids), -1, np.int64)
    for number, table in enumerate(found.tables):
        if table.path in numbers:
            here = found.shard == number
            run_row[here] = starts[numbers[table.path]] + found.row[here]
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w", libver="latest") as file:
            file.attrs.update(
                {
                    "format": INDEX_FORMAT,
                    "format_version": np.int64(SWEEP_FORMAT_VERSION),
                }
            )
            text_dataset(file, "declaration", declared.to_json(), "what every run returns (JSON)")
            file.create_dataset("row_of_run", data=run_row)
            file.create_dataset("run_id", data=ids.view(np.uint8).reshape(len(ids), -1))
            for name, one in declared.data_sets().items():
                if not _held_by_all(tables, name):
                    continue
                layout = h5py.VirtualLayout((int(starts[-1]), *one.shape), dtype=one.dtype)
                for i, table in enumerate(tables):
                    source = h5py.VirtualSource(
                        os.path.relpath(table.path, path.parent), name, (len(table), *one.shape), one.dtype
                    )
                    layout[starts[i] : starts[i + 1]] = source
                file.create_virtual_dataset(name, layout, fillvalue=np.nan if one.dtype[0] == "f" else 0)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise os_fault(path, "write the index", error) from error


def _held_by_all(tables: Sequence[ShardTable], name: str) -> bool:
    """Whether every shard has a data set; parameters may have had other names when a shard was written."""
    return all(name in table.declaration.data_sets() for table in tables)


@contextmanager
def open_index(path: Path) -> Iterator[h5py.File]:
    """Open an index for reading.

    Raises
    ------
    RecordError
        It is none.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read as an index of a sweep: {error}") from error
    with file:
        if file.attrs.get("format") != INDEX_FORMAT:
            raise RecordError(f"{path}: this is no index of a sweep")
        yield file


def counts(found: Found) -> dict[str, int]:
    """How many runs are complete, failed and missing."""
    return {
        "complete": int(np.count_nonzero(found.status == COMPLETE)),
        "failed": int(np.count_nonzero(found.status == FAILED)),
        "missing": int(np.count_nonzero(found.status == MISSING)),
    }
