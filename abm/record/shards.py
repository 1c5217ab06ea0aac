"""Writing and reading shards: the rows of many runs in one file, valid at every moment.

A shard is written under a name that ends in ``.part`` and gets its final name, ``.h5``, when its process is
done.  Both can be read; a process that was killed leaves a valid ``.part`` with every row up to the last
flush.  Every process makes a new file under a name that no other one has, so that nothing needs a lock.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.opening import check_signature, damaged, open_hdf5
from abm.record.storage import CommittedFile, is_being_written, lock_for_writing
from abm.record.streams import GrowingArray, growing_array, text_dataset
from abm.record.sweep_layout import (
    CONCENTRATION,
    FAILED,
    FAILURES,
    FIELDS,
    ID_BYTES,
    PARAMETERS,
    RUNS,
    SERIES,
    SHARD_FORMAT,
    SUMMARIES,
    SWEEP_FORMAT_VERSION,
    ShardRow,
    SweepDeclaration,
)

FINISHED, UNFINISHED = ".h5", ".part"
FLUSH_SECONDS = 1.0
# A slow disk is flushed to less often, so that at most this share of the time goes into flushing.
_FLUSH_SHARE = 0.02
_CHUNK_BYTES = 1 << 17
_MOST_ROWS = 512


class ShardWriter:
    """One open shard; a context manager that finishes it.

    Attributes
    ----------
    path : Path
    rows, durable_rows : int
        Rows appended so far; those of them that a kill cannot take.
    """

    def __init__(
        self, path: Path, storage: CommittedFile, file: h5py.File, declared: SweepDeclaration
    ) -> None:
        self.path = path
        self.rows = self.durable_rows = 0
        self._storage = storage
        self._file = file
        self._declared = declared
        self._streams: dict[str, GrowingArray] = {}
        self._flushed_at = time.monotonic()
        self._interval = FLUSH_SECONDS
        for name, one in declared.data_sets().items():
            group, _, leaf = name.partition("/")
            bytes_per_row = max(1, int(np.prod(one.shape))) * np.dtype(one.dtype).itemsize
            self._streams[name] = growing_array(
                file.require_group(group),
                leaf,
                (),
                one.shape,
                one.dtype,
                one.unit,
                one.long_name,
                chunk_rows=max(1, min(_MOST_ROWS, _CHUNK_BYTES // bytes_per_row)),
                split_axes=2 if group == FIELDS else 0,
            )
        failures = file.create_group(FAILURES)
        failures.create_dataset("row", shape=(0,), maxshape=(None,), chunks=(64,), dtype="i8")
        failures.create_dataset(
            "message", shape=(0,), maxshape=(None,), chunks=(64,), dtype=h5py.string_dtype("utf-8")
        )

    @classmethod
    def create(cls, folder: Path, declared: SweepDeclaration, origin: str) -> ShardWriter:
        """Start a shard of this process in a folder that exists.

        Parameters
        ----------
        origin : str
            Versions, host, source: JSON.

        Raises
        ------
        RecordError
            It cannot be written.
        """
        host = (
            "".join(c for c in socket.gethostname().partition(".")[0] if c.isalnum() or c in "-_") or "host"
        )
        path = folder / f"{host}-{os.getpid()}-{secrets.token_hex(4)}{UNFINISHED}"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise os_fault(path, "create the file", error) from error
        storage = CommittedFile(fd, path)
        lock_for_writing(fd, path)
        file = h5py.File(storage, "w")
        file.attrs.update(
            {
                "format": SHARD_FORMAT,
                "format_version": np.int64(SWEEP_FORMAT_VERSION),
                "host": socket.gethostname(),
                "process": np.int64(os.getpid()),
            }
        )
        text_dataset(file, "declaration", declared.to_json(), "what every run returns (JSON)")
        text_dataset(file, "origin", origin, "versions, machine, state of the source (JSON)")
        writer = cls(path, storage, file, declared)
        try:
            writer.flush()
        except BaseException:
            writer.abandon()
            path.unlink(missing_ok=True)
            raise
        return writer

    def append(self, row: ShardRow) -> None:
        """Append what one run returned; readable by others after the next flush."""
        streams = self._streams
        streams[f"{RUNS}/id"].append_one(np.frombuffer(row.id, np.uint8))
        for name in ("status", "attempts", "replicate", "seed", "seconds", "ended", "memory"):
            streams[f"{RUNS}/{name}"].append_one(getattr(row, name))
        for column, value in zip(self._declared.parameters, row.parameters, strict=True):
            streams[f"{PARAMETERS}/{column.name}"].append_one(value)
        for column in self._declared.summary:
            streams[f"{SUMMARIES}/{column.name}"].append_one(row.summary.get(column.name, np.nan))
        for one in self._declared.series:
            streams[f"{SERIES}/{one.name}"].append_one(row.series.get(one.name, np.nan))
        if self._declared.fields is not None:
            frames = np.nan if row.fields is None else row.fields
            streams[f"{FIELDS}/{CONCENTRATION}"].append_one(frames)
        if row.status == FAILED:
            self._append_failure(row.message)
        self.rows += 1

    def _append_failure(self, message: str) -> None:
        group = self._file[FAILURES]
        count = group["row"].shape[0]
        for name, value in (("row", self.rows), ("message", message.replace("\0", "\\0"))):
            group[name].resize((count + 1,))
            group[name][count] = value

    def flush_if_due(self) -> bool:
        """Flush if the last one is a second old, more on a slow disk; whether it was."""
        due = time.monotonic() - self._flushed_at >= self._interval
        if due and self.durable_rows < self.rows:
            self.flush()
            return True
        return False

    def flush(self, durable: bool = False, final: bool = False) -> None:
        """Make every row readable, also after ``kill -9``.

        Raises
        ------
        RecordError
            Disk full; what was flushed before is still valid.
        """
        begin = time.monotonic()
        for stream in self._streams.values():
            stream.flush(final)
        self._file.flush()
        self._storage.commit(durable)
        self.durable_rows = self.rows
        self._flushed_at = time.monotonic()
        self._interval = max(FLUSH_SECONDS, (self._flushed_at - begin) / _FLUSH_SHARE)

    def finish(self) -> Path | None:
        """Write what is left and give the file its final name; a shard without rows is removed.

        Returns
        -------
        Path or None
            The finished file.
        """
        if not self.rows:
            self.abandon()
            self.path.unlink(missing_ok=True)
            return None
        self.flush(durable=True, final=True)
        self.abandon()
        return adopt(self.path)

    def abandon(self) -> None:
        """Close the file as it was flushed last."""
        self._file.close()
        self._storage.release()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RecordError):
            self.abandon()  # The disk refused; what was flushed before is valid and stays.
        else:
            self.finish()


def adopt(path: Path) -> Path:
    """Give a shard its final name, whoever wrote it."""
    final = path.with_suffix(FINISHED)
    # Somebody else may have done it meanwhile.
    with contextlib.suppress(FileNotFoundError):
        path.replace(final)
    return final


@dataclass(frozen=True)
class ShardTable:
    """What is known of the runs in one shard.

    Attributes
    ----------
    path : Path
    ids : (n,) S16
        Names of the runs.
    columns : dict of str to (n,) array
        See :data:`abm.record.sweep_layout.RUN_COLUMNS`.
    declaration, origin, host : str
    messages : dict of int to str
        Row to why it failed.
    is_open : bool
        Whether a process is still writing it, as far as that can be known.
    """

    path: Path
    ids: NDArray[np.bytes_]
    columns: dict[str, NDArray[np.generic]]
    declaration: SweepDeclaration
    origin: str
    host: str
    messages: dict[int, str] = field(default_factory=dict)
    is_open: bool = False

    def __len__(self) -> int:
        return len(self.ids)


def shard_paths(folder: Path) -> list[Path]:
    """Every shard in a folder, finished or not, by name."""
    found = [path for suffix in (FINISHED, UNFINISHED) for path in folder.glob(f"*{suffix}")]
    return sorted(found)


@contextlib.contextmanager
def open_shard(path: Path) -> Iterator[h5py.File]:
    """Open a shard for reading, also while it is written or after a kill.

    Raises
    ------
    RecordError
        It is none, or damaged.
    """
    check_signature(path)
    file = open_hdf5(path)
    try:
        if file.attrs.get("format") != SHARD_FORMAT:
            raise RecordError(f"{path}: this is no shard of a sweep")
        if int(file.attrs["format_version"]) > SWEEP_FORMAT_VERSION:
            raise RecordError(f"{path}: written by a newer abm; update abm")
        yield file
    except (OSError, KeyError) as error:
        raise damaged(path, error) from error
    finally:
        file.close()


def read_shard(path: Path) -> ShardTable:
    """The runs in a shard and how they ended."""
    with open_shard(path) as file:
        runs, failures = file[RUNS], file[FAILURES]
        rows, messages = failures["row"][()], failures["message"].asstr()[()]
        return ShardTable(
            path=path,
            ids=as_ids(runs["id"][()]),
            columns={name: runs[name][()] for name in runs if name != "id"},
            declaration=SweepDeclaration.from_json(file["declaration"].asstr()[()]),
            origin=str(file["origin"].asstr()[()]),
            host=str(file.attrs["host"]),
            messages={int(row): str(text) for row, text in zip(rows, messages, strict=True)},
            is_open=path.suffix == UNFINISHED and is_being_written(path),
        )


def as_ids(array: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Names of runs as single values, (n,) S16, from (n, 16) bytes; good for comparing and sorting."""
    return np.ascontiguousarray(array).view(f"S{ID_BYTES}").reshape(-1)
