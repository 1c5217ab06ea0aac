"""The manifest of a sweep: arrays and texts in one small HDF5 file, replaced as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.streams import text_dataset

MANIFEST = "manifest.h5"
FORMAT = "abm-sweep-manifest"
VERSION = 1


def is_planned(folder: Path) -> bool:
    """Whether a folder holds a planned sweep."""
    return (folder / MANIFEST).is_file()


def write_manifest(path: Path, arrays: Mapping[str, NDArray[Any]], texts: Mapping[str, str]) -> None:
    """Write a manifest; an older one is replaced when the new one is on the disk.

    Raises
    ------
    RecordError
        It cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w") as file:
            file.attrs.update({"format": FORMAT, "format_version": np.int64(VERSION)})
            for name, array in arrays.items():
                filters = (
                    {"compression": "gzip", "compression_opts": 1, "shuffle": True} if array.size else {}
                )
                file.create_dataset(name, data=array, **filters)
            for name, text in texts.items():
                text_dataset(file, name, text, "")
        with part.open("rb+") as raw:
            os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        raise os_fault(path, "write the manifest", error) from error
    finally:
        part.unlink(missing_ok=True)


def read_manifest(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Arrays and texts of a manifest.

    Raises
    ------
    RecordError
        There is none, or it is damaged or of a newer version.
    """
    if not path.is_file():
        raise RecordError(f"{path}: there is no planned sweep here; make one with `abm sweep plan`")
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise RecordError(f"{path}: this is no manifest of a sweep")
            if int(file.attrs["format_version"]) > VERSION:
                raise RecordError(f"{path}: written by a newer abm; update abm")
            arrays, texts = {}, {}
            for name, dataset in file.items():
                if h5py.check_string_dtype(dataset.dtype):
                    texts[name] = str(dataset.asstr()[()])
                else:
                    arrays[name] = np.asarray(dataset[()])
    except OSError as error:
        again = "plan the sweep again into this folder; finished runs stay"
        raise RecordError(f"{path}: the manifest is damaged ({error}); {again}") from error
    return arrays, texts
