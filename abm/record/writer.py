"""Writing the result file of one run.

``create`` builds the whole layout under a temporary name and moves it into place when it is valid.  Appended
rows wait in memory; a flush (at most every two seconds, and at every checkpoint) makes them readable.  A file
is readable under its final name from the first moment, while it is written and after the process was killed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.errors import RecordError
from abm.record import checkpoints, layout
from abm.record.checkpoints import Checkpoint
from abm.record.construct import build, find_streams
from abm.record.faults import os_fault
from abm.record.layout import (
    CELLS,
    EVENTS,
    FIELDS,
    MINUTES_PER_DAY,
    READOUT,
    SERIES_GROUPS,
    SUMMARY,
    RunDeclaration,
)
from abm.record.opening import check_signature
from abm.record.placement import abandon, move_into_place, open_for_writing, refuse_existing
from abm.record.storage import CommittedFile, lock_for_writing
from abm.record.streams import GrowingArray, round_mantissa

FLUSH_SECONDS = 2.0
# A slow disk is flushed to less often, so that at most this share of the run goes into flushing.
FLUSH_SHARE = 0.01
# More than this in memory is flushed at once (large three-dimensional fields).
PENDING_BYTES = 64 << 20


class RunWriter:
    """One open result file.  Made by :meth:`create` or :meth:`resume`; a context manager.

    Leaving the context without :meth:`finish` keeps the status ``running``, which a reader takes for a run
    that was killed.

    Attributes
    ----------
    path : Path
        The file.
    seconds : float [s]
        Wall time spent in here so far.
    """

    def __init__(self, path: Path, storage: CommittedFile, file: h5py.File) -> None:
        self.path = path
        self._storage = storage
        self._file = file
        self._open = True
        self._tick_minutes = float(file.attrs["tick_minutes"])
        self._streams: dict[str, GrowingArray] = find_streams(file)
        self._series = _members(self._streams, SERIES_GROUPS)
        self._columns = _members(self._streams, (CELLS,))
        bits = file[FIELDS]["concentration"].attrs.get("significant_bits")
        self._bits = None if bits is None else int(bits)
        self._flushed_at = time.monotonic()
        self._flush_interval = FLUSH_SECONDS
        self.seconds = 0.0

    @classmethod
    def create(cls, path: str | Path, declaration: RunDeclaration, force: bool = False) -> RunWriter:
        """Start a new file.

        Parameters
        ----------
        path : path
            Final name; its directory must exist.
        declaration : RunDeclaration
            What the file will hold.
        force : bool
            Replace an existing file; the old one stays until the new one is valid.

        Raises
        ------
        RecordError
            The file exists, or cannot be written; nothing is left behind then.
        """
        begin = time.perf_counter()
        path = Path(path)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part") if path.name else path
        storage = file = None
        try:
            refuse_existing(path, force)
            fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            storage = CommittedFile(fd, path)
            lock_for_writing(fd, path)
            file = h5py.File(storage, "w")
            build(file, declaration)
            writer = cls(path, storage, file)
            writer._commit()
            move_into_place(part, path, force)
            writer.seconds = time.perf_counter() - begin
        except BaseException as error:
            abandon(storage, file)
            if storage is not None:
                with contextlib.suppress(OSError):
                    part.unlink()
            if isinstance(error, OSError):
                raise os_fault(path, "create the file", error) from error
            raise
        return writer

    @classmethod
    def resume(cls, path: str | Path, tick: int | None = None) -> tuple[RunWriter, Checkpoint]:
        """Open a file to continue it from its newest valid checkpoint.

        Everything recorded after that checkpoint is removed and the status becomes ``running``.

        Parameters
        ----------
        tick : int, optional
            Choose the checkpoint saved at this tick instead of the newest.

        Raises
        ------
        RecordError
            No result file, no checkpoint in it, or another process is writing it.
        """
        path = Path(path)
        check_signature(path)
        storage = file = None
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            storage = CommittedFile(fd, path)
            lock_for_writing(fd, path)
            file = open_for_writing(storage, path)
            if file.attrs["status"] == layout.STATUS_COMPLETE:
                raise RecordError(f"{path}: the run is complete; there is nothing to continue")
            state = checkpoints.load(file, path, tick)
            checkpoints.forget_after(file, state.tick)
            _truncate(file, state.lengths)
            writer = cls(path, storage, file)
            writer._set_status(layout.STATUS_RUNNING, "")
            writer._flush_all()
        except BaseException as error:
            abandon(storage, file)
            if isinstance(error, OSError):
                raise os_fault(path, "open the file for writing", error) from error
            raise
        return writer, state

    # ------------------------------------------------------------------------------------ appending

    def append_readout(self, tick: int, values: Mapping[str, ArrayLike]) -> None:
        """Append one point to every series.

        Parameters
        ----------
        tick : int
            Time in ticks.
        values : mapping of series name to array
            Exactly the declared series, each of its declared shape.
        """
        begin = time.perf_counter()
        rows = _checked("readout", values, self._series)
        for name, stream in self._series.items():
            if rows[name].shape != stream.row_shape:
                raise ValueError(f"series {name!r}: shape {rows[name].shape}, declared {stream.row_shape}")
        for name, stream in self._series.items():
            stream.append_one(rows[name])
        for group in SERIES_GROUPS:
            self._stamp(group, tick)
        self._account(begin)

    def append_fields(self, tick: int, concentration: NDArray[np.floating[Any]]) -> None:
        """Append one frame of all fields, shape ``(n_field, nz, ny, nx)`` [pg/ml]."""
        begin = time.perf_counter()
        stream = self._streams[f"{FIELDS}/concentration"]
        values = np.ascontiguousarray(concentration, dtype=np.float32)
        if values.shape != stream.dataset.shape[1:]:
            raise ValueError(f"fields: shape {values.shape}, declared {stream.dataset.shape[1:]}")
        stream.append_one(round_mantissa(values, self._bits))
        self._stamp(FIELDS, tick)
        self._account(begin)

    def append_cells(self, tick: int, columns: Mapping[str, ArrayLike]) -> None:
        """Append one frame of the cell table.

        Parameters
        ----------
        columns : mapping of column name to (n,) array
            Exactly the declared columns; x, y, z in um.
        """
        begin = time.perf_counter()
        arrays = _checked("cells", columns, self._columns)
        sizes = {array.shape for array in arrays.values()}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise ValueError(f"cells: columns of unequal shapes {sorted(sizes)}")
        start = self._columns["id"].length
        for name, stream in self._columns.items():
            stream.append(arrays[name])
        self._streams[f"{CELLS}/frame_start"].append_one(start)
        self._streams[f"{CELLS}/frame_size"].append_one(self._columns["id"].length - start)
        self._stamp(CELLS, tick)
        self._account(begin)

    def append_event(self, tick: int, kind: str, text: str, amount: float = np.nan, unit: str = "") -> None:
        """Append one line to the log of events, e.g. ``("dose", "2.5e5 msc into csf", 2.5e5, "cells")``."""
        begin = time.perf_counter()
        group = self._file[EVENTS]
        row = group["tick"].shape[0]
        group["event"].resize((row + 1,))
        values = {
            "tick": tick,
            "event_time": tick * self._tick_minutes / MINUTES_PER_DAY,
            "kind": kind,
            "text": text,
            "amount": amount,
            "amount_unit": unit,
        }
        for name, value in values.items():
            group[name].resize((row + 1,))
            group[name][row] = value
        self._account(begin)

    def save_checkpoint(self, tick: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Save a state to resume from, in place of the older of the two kept, and flush all rows."""
        begin = time.perf_counter()
        for stream in self._streams.values():
            stream.flush()
        self._sync_row_dimension()
        lengths = {name: stream.length for name, stream in self._streams.items()}
        lengths[EVENTS] = self._file[EVENTS]["tick"].shape[0]
        checkpoints.save(self._file, tick, arrays, lengths, self._commit)
        self._flushed_at = time.monotonic()
        self.seconds += time.perf_counter() - begin

    def recorded(self, *names: str) -> tuple[NDArray[Any], ...]:
        """Times of the readouts [d] and the named series so far, those not yet flushed included."""
        times = self._streams[f"{READOUT}/time"].values()
        return times, *(self._series[name].values() for name in names)

    # ------------------------------------------------------------------------------------- flushing

    def flush(self) -> None:
        """Make everything appended so far readable, also after ``kill -9``."""
        begin = time.perf_counter()
        self._flush_all()
        self.seconds += time.perf_counter() - begin

    def flush_if_due(self) -> None:
        """Flush if the last flush is two seconds old (more on a slow disk); cheap at every step."""
        if time.monotonic() - self._flushed_at >= self._flush_interval:
            self.flush()

    def finish(
        self,
        status: str = layout.STATUS_COMPLETE,
        message: str = "",
        summary: Sequence[tuple[str, float, str, str]] = (),
    ) -> None:
        """Write the summary and the status, and close the file.

        Parameters
        ----------
        status : str
            One of :data:`abm.record.layout.STATUSES`.
        message : str
            Why the run stopped, when it is not complete.
        summary : sequence of (name, value, unit, description)
            Scalars of the run.
        """
        if status not in layout.STATUSES:
            raise ValueError(f"status {status!r}, allowed: {layout.STATUSES}")
        begin = time.perf_counter()
        _write_summary(self._file[SUMMARY], summary)
        self._set_status(status, message)
        for stream in self._streams.values():
            stream.flush(final=True)
        self._sync_row_dimension()
        self._commit(durable=True)
        self.seconds += time.perf_counter() - begin
        self.close()

    def close(self) -> None:
        """Flush and close; harmless when closed."""
        if not self._open:
            return
        self._open = False
        try:
            if self._file:
                for stream in self._streams.values():
                    stream.flush()
                self._sync_row_dimension()
                self._file.close()
                self._storage.commit()
        finally:
            self._storage.release()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RecordError):
            # The disk refused; what was committed before is valid and stays.
            with contextlib.suppress(RecordError):
                self.close()
        else:
            self.close()

    # -------------------------------------------------------------------------------------- private

    def _stamp(self, group: str, tick: int) -> None:
        self._streams[f"{group}/tick"].append_one(tick)
        self._streams[f"{group}/time"].append_one(tick * self._tick_minutes / MINUTES_PER_DAY)

    def _account(self, begin: float) -> None:
        """Flush if it is due, and book the time spent in here."""
        if (
            time.monotonic() - self._flushed_at >= self._flush_interval
            or self._storage.pending > PENDING_BYTES
        ):
            self._flush_all()
        self.seconds += time.perf_counter() - begin

    def _flush_all(self) -> None:
        begin = time.monotonic()
        for stream in self._streams.values():
            stream.flush()
        self._sync_row_dimension()
        self._commit()
        self._flushed_at = time.monotonic()
        self._flush_interval = max(FLUSH_SECONDS, (self._flushed_at - begin) / FLUSH_SHARE)

    def _sync_row_dimension(self) -> None:
        rows = self._columns["id"].length
        if self._file[CELLS]["row"].shape[0] != rows:
            self._file[CELLS]["row"].resize((rows,))

    def _commit(self, durable: bool = False) -> None:
        self._file.flush()
        self._storage.commit(durable)

    def _set_status(self, status: str, message: str) -> None:
        self._file.attrs["status"] = status
        self._file.attrs["status_message"] = message


def _members(streams: Mapping[str, GrowingArray], groups: Sequence[str]) -> dict[str, GrowingArray]:
    """Declared series or columns of some groups by their bare names."""
    found = {}
    for path, stream in streams.items():
        group, _, name = path.partition("/")
        if group in groups and name not in layout.RESERVED_NAMES:
            found[name] = stream
    return found


def _checked(
    what: str, given: Mapping[str, ArrayLike], declared: Mapping[str, GrowingArray]
) -> dict[str, NDArray[Any]]:
    """Arrays by name, provided that exactly the declared names are given."""
    if given.keys() != declared.keys():
        missing = sorted(declared.keys() - given.keys())
        extra = sorted(given.keys() - declared.keys())
        raise ValueError(f"{what}: missing {missing}, undeclared {extra}")
    return {name: np.asarray(values) for name, values in given.items()}


def _write_summary(group: h5py.Group, rows: Sequence[tuple[str, float, str, str]]) -> None:
    for position, name in enumerate(("quantity", "value", "unit", "description")):
        group[name].resize((len(rows),))
        if rows:
            group[name][:] = np.array(
                [row[position] for row in rows], dtype=float if name == "value" else object
            )


def _truncate(file: h5py.File, lengths: Mapping[str, int]) -> None:
    """Cut every growing data set to its length at the checkpoint."""
    for name, length in lengths.items():
        if name != EVENTS:
            file[name].resize(length, axis=0)
    for item in (*layout.items_of(EVENTS), None):
        file[EVENTS][item.name if item else "event"].resize((lengths[EVENTS],))
    file[CELLS]["row"].resize((lengths[f"{CELLS}/id"],))
    _write_summary(file[SUMMARY], ())
