"""The bytes of a result file: HDF5 writes into memory, a commit puts them on disk all or nothing.

HDF5 itself writes pages in whatever order suits it; cutting its flushes at every possible place showed that
half of the states in between do not open or have lost rows.  So HDF5 talks to a :class:`CommittedFile`,
which keeps every write since the last commit in memory.  A commit appends what lies beyond the old end of
the file together with a journal of the pages about to change (no reader looks there yet), then changes
those pages, then cuts the journal off.  A process killed while appending leaves the old state; killed
later, the journal holds the rest of the new one and whoever opens the file next takes it into account.  A
full disk is met while appending: the file is cut back to its former length and stays as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from abm.errors import RecordError
from abm.record.faults import os_fault

PAGE = 4096
# Bytes no file reaches, used as names of locks.  Whoever writes a result file holds the first for as long
# as it writes, and the second during a commit.  HDF5's own locks are of another kind and do not meet
# these, so that any program can read a file while it is written.
_WRITER_BYTE = 1 << 60
_COMMIT_BYTE = _WRITER_BYTE + 1
# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = "hhqqi4x"
_WAIT_SECONDS = 1.0
# A journal: for each page its number, length and bytes; then this trailer, the last bytes of the file:
# length of the journal with trailer, length of the file after the commit, CRC-32 of all before it, mark.
_ENTRY = struct.Struct("<QI")
_TRAILER = struct.Struct("<QQI8s")
_MARK = b"ABMREDO1"


class CommittedFile(io.RawIOBase):
    """A random-access file whose writes reach the disk at :meth:`commit` only.

    Parameters
    ----------
    fd : int
        Open for reading and writing; owned by this object from now on.
    path : path
        Named in messages.
    """

    def __init__(self, fd: int, path: str | Path) -> None:
        super().__init__()
        self._fd = fd
        self.path = Path(path)
        self._tail = bytearray()
        # A commit that was cut off is taken up where it stopped.
        self._pages, self._base, self._size = read_journal(fd)
        self._at = 0

    # What h5py's file-object driver calls.

    def readable(self) -> bool:
        """Whether reading is possible; always."""
        return True

    def writable(self) -> bool:
        """Whether writing is possible; always."""
        return True

    def seekable(self) -> bool:
        """Whether seeking is possible; always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Position."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read at the position; bytes beyond the end read as zero, as HDF5 expects of a sparse file."""
        view = memoryview(buffer).cast("B")
        start, stop = self._at, self._at + len(view)
        view[:] = bytes(len(view))
        low = min(stop, self._base)
        if start < low:
            part = os.pread(self._fd, low - start, start)
            view[: len(part)] = part
            if self._pages:
                self._overlay(view, start, low)
        if stop > self._base:
            first = max(start, self._base)
            appended = self._tail[first - self._base : stop - self._base]
            view[first - start : first - start + len(appended)] = appended
        self._at = stop
        return len(view)

    def _overlay(self, view: memoryview, start: int, stop: int) -> None:
        for page in range(start // PAGE, (stop - 1) // PAGE + 1):
            data = self._pages.get(page)
            if data is None:
                continue
            first, last = max(start, page * PAGE), min(stop, page * PAGE + len(data))
            if last > first:
                view[first - start : last - start] = data[first - page * PAGE : last - page * PAGE]

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """Keep bytes for the next commit."""
        view = memoryview(data).cast("B")
        if not view:
            return 0
        start, stop = self._at, self._at + len(view)
        split = min(max(self._base, start), stop)
        if start < split:
            self._write_pages(view[: split - start], start)
        if split < stop:
            missing = stop - self._base - len(self._tail)
            if missing > 0:
                self._tail.extend(bytes(missing))
            self._tail[split - self._base : stop - self._base] = view[split - start :]
        self._size = max(self._size, stop)
        self._at = stop
        return len(view)

    def _write_pages(self, view: memoryview, start: int) -> None:
        stop = start + len(view)
        for page in range(start // PAGE, (stop - 1) // PAGE + 1):
            data = self._pages.get(page)
            if data is None:
                length = min(PAGE, self._base - page * PAGE)
                data = self._pages[page] = bytearray(os.pread(self._fd, length, page * PAGE))
            first, last = max(start, page * PAGE), min(stop, page * PAGE + PAGE)
            data[first - page * PAGE : last - page * PAGE] = view[first - start : last - start]

    def truncate(self, size: int | None = None) -> int:
        """Set the length that the file has after the next commit."""
        size = self._at if size is None else size
        if size >= self._base:
            del self._tail[size - self._base :]
            self._tail.extend(bytes(size - self._base - len(self._tail)))
        else:
            self._tail.clear()
        self._size = size
        return size

    def flush(self) -> None:
        """Do nothing: HDF5 flushes when it likes, the disk is written by :meth:`commit`."""

    # What the writer calls.

    @property
    def pending(self) -> int:
        """Bytes held in memory."""
        return len(self._tail) + PAGE * len(self._pages)

    def commit(self, durable: bool = False) -> None:
        """Put every write since the last commit on disk.

        Parameters
        ----------
        durable : bool
            Also wait until the disk holds them (survives a power cut).

        Raises
        ------
        RecordError
            Disk full, quota, or another fault; what was committed before is still valid.
        """
        if not self._tail and not self._pages and self._size == self._base:
            return
        journal = pack_journal(self._pages, self._size)
        with _commit_lock(self._fd):
            try:
                write_at(self._fd, self._tail + journal, self._base)
                if durable:
                    os.fsync(self._fd)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._base)
                raise os_fault(self.path, "write", error) from error
            try:
                for page, data in sorted(self._pages.items()):
                    write_at(self._fd, data, page * PAGE)
                os.ftruncate(self._fd, self._size)
                if durable:
                    os.fsync(self._fd)
            except OSError as error:
                raise os_fault(self.path, "write", error) from error
        self._tail = bytearray()
        self._pages = {}
        self._base = self._size

    def close(self) -> None:
        """Let go of the file when nobody refers to it any more."""
        self.release()
        super().close()

    def release(self) -> None:
        """Close the file on disk; what was not committed is forgotten."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def write_at(fd: int, data: bytes | bytearray, offset: int) -> None:
    """Write all of ``data``, however many system calls it takes."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def pack_journal(pages: dict[int, bytearray], size: int) -> bytes:
    """Journal of the pages that a commit changes; ``size`` is the length of the file afterwards."""
    body = b"".join(_ENTRY.pack(page, len(data)) + data for page, data in sorted(pages.items()))
    return body + _TRAILER.pack(len(body) + _TRAILER.size, size, zlib.crc32(body), _MARK)


def read_journal(fd: int) -> tuple[dict[int, bytearray], int, int]:
    """Find the journal that a cut-off commit left at the end of the file.

    Returns
    -------
    pages : dict of int to bytearray
        Pages still to be changed; empty when the file is whole.
    base : int
        Length of the file without the journal.
    size : int
        Length that the file shall have.
    """
    length = os.fstat(fd).st_size
    whole: tuple[dict[int, bytearray], int, int] = ({}, length, length)
    trailer = os.pread(fd, _TRAILER.size, max(0, length - _TRAILER.size))
    if len(trailer) < _TRAILER.size or not trailer.endswith(_MARK):
        return whole
    journal, size, crc, _ = _TRAILER.unpack(trailer)
    if journal > length:
        return whole
    body = os.pread(fd, journal - _TRAILER.size, length - journal)
    if zlib.crc32(body) != crc:
        return whole
    pages = {}
    at = 0
    while at < len(body):
        page, count = _ENTRY.unpack_from(body, at)
        pages[page] = bytearray(body[at + _ENTRY.size : at + _ENTRY.size + count])
        at += _ENTRY.size + count
    return pages, length - journal, size


def has_journal(path: Path) -> bool:
    """Whether the file ends with a journal, that is, a commit was cut off (or is under way)."""
    with path.open("rb") as file:
        return bool(read_journal(file.fileno())[0])


def _lock(fd: int, kind: int, byte: int) -> bool:
    """Try to lock (or with ``F_UNLCK`` release) one byte; True where the file system has no locks."""
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return True
    try:
        fcntl.fcntl(fd, command, struct.pack(_FLOCK, kind, os.SEEK_SET, byte, 1, 0))
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def _commit_lock(fd: int, kind: int = fcntl.F_WRLCK) -> Iterator[None]:
    """Keep commits and snapshots apart, but wait a second at most: a run never hangs because of a reader."""
    end = time.monotonic() + _WAIT_SECONDS
    while not _lock(fd, kind, _COMMIT_BYTE) and time.monotonic() < end:
        time.sleep(0.005)
    try:
        yield
    finally:
        _lock(fd, fcntl.F_UNLCK, _COMMIT_BYTE)


def lock_for_writing(fd: int, path: str | Path) -> None:
    """Make sure that nobody else writes the file; the lock ends with the process.

    Raises
    ------
    RecordError
        Another run writes it.
    """
    if not _lock(fd, fcntl.F_WRLCK, _WRITER_BYTE):
        raise RecordError(f"{path}: another run is writing this file; wait for it or choose another name")


def is_being_written(path: str | Path) -> bool:
    """Whether a process holds the writer's lock of the file at ``path``; False where that cannot be known."""
    command = getattr(fcntl, "F_OFD_GETLK", None)
    if command is None:
        return False
    question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _WRITER_BYTE, 1, 0)
    try:
        with Path(path).open("rb") as file:
            answer = fcntl.fcntl(file.fileno(), command, question)
    except OSError:
        return False
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


@contextlib.contextmanager
def between_commits(path: Path) -> Iterator[None]:
    """Hold off the commits of whoever writes a file, so that it can be read where it is.

    A writer waits a second at most, so what happens in here must be short.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    with path.open("rb") as file, _commit_lock(file.fileno(), fcntl.F_RDLCK):
        yield


def snapshot(path: Path) -> CommittedFile:
    """Copy a file that is being written, between two commits, into an unnamed temporary file.

    A reader that kept such a file open would read pages of different commits.
    """
    with path.open("rb") as source, tempfile.TemporaryFile() as copy:
        with _commit_lock(source.fileno(), fcntl.F_RDLCK):
            while block := source.read(1 << 22):
                copy.write(block)
        copy.flush()
        return CommittedFile(os.dup(copy.fileno()), path)


def open_cut_off(path: Path) -> CommittedFile:
    """Open for reading a file whose last commit was cut off; nothing is written."""
    return CommittedFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), path)
