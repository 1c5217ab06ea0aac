"""Putting a result file in its place, and refusing where that would do harm."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import h5py

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.opening import check_format, damaged
from abm.record.storage import CommittedFile, is_being_written


def _exists(path: Path) -> RecordError:
    return RecordError(
        f"{path}: the file exists already; continue it with `abm resume`, replace it with --force, "
        "or choose another output directory"
    )


def refuse_existing(path: Path, force: bool) -> None:
    """Refuse a directory, a file that shall not be replaced, and a file that a run is still writing."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not force:
        raise _exists(path)
    if is_being_written(path):
        raise RecordError(f"{path}: another run is writing this file; wait for it or choose another name")


def open_for_writing(storage: CommittedFile, path: Path) -> h5py.File:
    """Open an existing result file to continue it."""
    try:
        file = h5py.File(storage, "r+")
    except OSError as error:
        raise damaged(path, error) from error
    try:
        check_format(file, path)
    except RecordError:
        file.close()
        raise
    return file


def abandon(storage: CommittedFile | None, file: h5py.File | None) -> None:
    """Let go of a file that could not be made or opened; nothing more reaches the disk."""
    if file is not None:
        file.close()
    if storage is not None:
        storage.release()


def move_into_place(part: Path, path: Path, force: bool) -> None:
    """Give the new file its final name; without ``force`` never over another, whoever made it meanwhile."""
    try:
        if force:
            part.replace(path)
            return
        try:
            os.link(part, path)
        except FileExistsError:
            raise _exists(path) from None
        except OSError:
            # File systems without hard links.
            if os.path.lexists(path):
                raise _exists(path) from None
            part.replace(path)
        else:
            part.unlink()
    except OSError as error:
        raise os_fault(path, "create the file", error) from error
