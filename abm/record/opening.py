"""Opening a result file, or saying precisely why it cannot be one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.layout import FORMAT_NAME, FORMAT_VERSION, LAYOUT
from abm.record.storage import has_journal, is_being_written, open_cut_off, snapshot


def check_signature(path: Path) -> None:
    """Refuse what is not an HDF5 file: missing, a directory, unreadable, empty, something else.

    Raises
    ------
    RecordError
        With the reason.
    """
    try:
        with path.open("rb") as raw:
            head = raw.read(8)
    except OSError as error:
        raise os_fault(path, "read the file", error) from error
    if not head:
        raise RecordError(f"{path}: the file is empty; it is not a result file of abm")
    if head != b"\x89HDF\r\n\x1a\n":
        raise RecordError(f"{path}: this is not an HDF5 file, so not a result file of abm")


def check_format(file: h5py.File, path: Path) -> None:
    """Refuse files of other programs and newer versions, and files with parts missing.

    Raises
    ------
    RecordError
        With the reason.
    """
    given, version = file.attrs.get("format"), file.attrs.get("format_version")
    if given != FORMAT_NAME or version is None:
        raise RecordError(
            f"{path}: this HDF5 file was written by another program (no attribute format={FORMAT_NAME!r})"
        )
    if int(version) > FORMAT_VERSION:
        raise RecordError(
            f"{path}: written in format version {version}; this abm reads up to {FORMAT_VERSION}; update abm"
        )
    for item in LAYOUT:
        holder = file.attrs if item.dtype == "attribute" else file
        name = f"{item.group}/{item.name}" if item.group else item.name
        if name not in holder and not item.optional:
            raise RecordError(f"{path}: the file is damaged: {name} is missing")


def open_checked(path: Path, *, in_place: bool = False) -> h5py.File:
    """Open a result file of this program.

    Parameters
    ----------
    in_place : bool
        Read a file that is being written where it is, instead of a copy; only inside
        :func:`abm.record.storage.between_commits`, and not after the file has changed.

    Raises
    ------
    RecordError
        See :func:`check_signature` and :func:`check_format`; also where the file is cut off or damaged.
    """
    check_signature(path)
    file = open_hdf5(path, in_place=in_place)
    try:
        check_format(file, path)
    except RecordError:
        file.close()
        raise
    except (OSError, KeyError, RuntimeError) as error:
        file.close()
        raise damaged(path, error) from error
    return file


def open_hdf5(path: Path, *, in_place: bool = False) -> h5py.File:
    """Open an HDF5 file for reading, whatever is being done to it at the moment.

    Parameters
    ----------
    in_place : bool
        See :func:`open_checked`.

    Raises
    ------
    RecordError
        It is cut off or damaged.
    """
    # Neither a commit under way nor one that was cut off must be seen half done (see storage.py).
    try:
        if not in_place and is_being_written(path):
            return h5py.File(snapshot(path), "r")
        if has_journal(path):
            return h5py.File(open_cut_off(path), "r")
    except OSError as error:
        if error.errno is not None:
            raise os_fault(path, "read the file", error) from error
        raise damaged(path, error) from error
    # Without HDF5's locks where the file system has none or another program holds one; with the other setting
    # where this process has the file open already (HDF5 insists on equal settings).
    for locking in (None, False, True):
        try:
            return h5py.File(path, "r", locking=locking)
        except OSError as error:
            fault = error
            if "lock" not in str(error):
                break
    raise damaged(path, fault) from fault


def damaged(path: Path, error: Exception) -> RecordError:
    """Message for a file that HDF5 cannot make sense of."""
    kind = "is cut off" if "truncated" in str(error) else "is damaged"
    return RecordError(
        f"{path}: the HDF5 file {kind} ({path.stat().st_size} bytes; HDF5 says: {error}); "
        "was it copied completely? Copy it again or run again"
    )


def dims_of(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Names of the axes, from the dimension scales tied to them."""
    if dataset.is_scale:
        return (dataset.name.rpartition("/")[2],)
    return tuple(axis[0].name.rpartition("/")[2] if len(axis) else "" for axis in dataset.dims)


def read(dataset: h5py.Dataset, key: Any, path: Path) -> NDArray[Any]:
    """Part of a data set of numbers.

    Raises
    ------
    RecordError
        The part is damaged.
    """
    try:
        return np.asarray(dataset[key])
    except OSError as error:
        raise RecordError(f"{path}: {dataset.name} is damaged (HDF5 says: {error})") from error


def values_of(dataset: h5py.Dataset, path: Path) -> NDArray[Any]:
    """Whole data set, text as numpy strings."""
    if not h5py.check_string_dtype(dataset.dtype):
        return read(dataset, ..., path)
    if len(dataset) == 0:
        return np.array([], dtype=np.str_)
    return np.asarray(read(dataset.asstr(), ..., path), dtype=np.str_)
