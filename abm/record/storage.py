"""The bytes of a result file: HDF5 writes into memory, a commit puts them on disk in a safe order.

HDF5 itself writes pages in whatever order suits it, so that a process killed between two of them (or a disk
that fills up) can leave a file that no longer opens.  Here HDF5 talks to a :class:`CommittedFile`, which
keeps every write since the last commit in memory.  A commit first appends what lies beyond the old end of the
file, where no reader looks yet, and then overwrites the few changed pages, the superblock last.  A full disk
is met while appending: the file is cut back to its former length and stays as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import struct
from pathlib import Path

from abm.errors import RecordError
from abm.record.faults import os_fault

PAGE = 4096
# A byte no file reaches.  Whoever writes a result file holds a lock on it; readers never ask for it, and the
# locks that HDF5 itself takes are of another kind, so that a file can be read while it is written.
_WRITER_BYTE = 1 << 60
# struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid.
_FLOCK = "hhqqi4x"


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
        self._base = os.fstat(fd).st_size
        self._tail = bytearray()
        self._pages: dict[int, bytearray] = {}
        self._size = self._base
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
        try:
            _write_all(self._fd, self._tail, self._base)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._base)
            raise os_fault(self.path, "write", error) from error
        try:
            # Page 0 holds the superblock, which makes all the rest visible.
            for page in sorted(self._pages, key=lambda number: (number == 0, number)):
                if page * PAGE < self._size:
                    _write_all(self._fd, self._pages[page], page * PAGE)
            if self._size < self._base:
                os.ftruncate(self._fd, self._size)
            if durable:
                os.fsync(self._fd)
        except OSError as error:
            raise os_fault(self.path, "write", error) from error
        self._tail = bytearray()
        self._pages = {}
        self._base = self._size

    def release(self) -> None:
        """Close the file; what was not committed is forgotten."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytearray, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def lock_for_writing(fd: int, path: str | Path) -> None:
    """Make sure that nobody else writes the file; the lock ends with the process.

    Raises
    ------
    RecordError
        Another run writes it.
    """
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None:
        return
    try:
        fcntl.fcntl(fd, command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _WRITER_BYTE, 1, 0))
    except (BlockingIOError, PermissionError) as error:
        raise RecordError(
            f"{path}: another run is writing this file; wait for it or choose another name"
        ) from error
    except OSError:
        # Some network file systems have no locks; writing is possible all the same.
        return


def is_being_written(path: str | Path) -> bool:
    """Whether a process holds the writer's lock of the file at ``path``; False where that cannot be known."""
    command = getattr(fcntl, "F_OFD_GETLK", None)
    if command is None:
        return False
    try:
        with Path(path).open("rb") as file:
            answer = fcntl.fcntl(
                file.fileno(), command, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _WRITER_BYTE, 1, 0)
            )
    except OSError:
        return False
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
