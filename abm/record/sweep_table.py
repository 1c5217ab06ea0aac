"""Columns of a sweep out of its shards, and tables as Parquet files; pyarrow is an optional dependency."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.shards import open_shard
from abm.record.sweep_index import Found
from abm.record.sweep_layout import COMPLETE, SERIES, SUMMARIES, SweepDeclaration


def summary_values(found: Found, declared: SweepDeclaration) -> dict[str, NDArray[np.float64]]:
    """Every scalar of every run, (n_run,) float64 each; nan where the run is not complete."""
    values = {column.name: np.full(len(found.row), np.nan) for column in declared.summary}
    for number, table in enumerate(found.tables):
        here = (found.shard == number) & (found.status == COMPLETE)
        if not here.any():
            continue
        with open_shard(table.path) as file:
            for name, column in values.items():
                column[here] = file[f"{SUMMARIES}/{name}"][()][found.row[here]]
    return values


def series_values(found: Found, declared: SweepDeclaration, name: str) -> NDArray[np.float64]:
    """One series of every run, (n_run, n_time, ...) float64; nan where the run is not complete.

    Parameters
    ----------
    name : str
        One of `declared.series`.
    """
    path = f"{SERIES}/{name}"
    values = np.full((len(found.row), *declared.data_sets()[path].shape), np.nan)
    for number, table in enumerate(found.tables):
        here = (found.shard == number) & (found.status == COMPLETE)
        if here.any():
            with open_shard(table.path) as file:
                values[here] = file[path][()][found.row[here]]
    return values


def write_parquet(path: Path, columns: Mapping[str, NDArray[Any]], units: Mapping[str, str]) -> None:
    """Write columns of equal length as a Parquet file, with their units as metadata of the fields.

    Raises
    ------
    RecordError
        pyarrow is not installed, or the file cannot be written.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise RecordError("Parquet needs pyarrow, which is not installed; install abm[export]") from error
    arrays = {
        name: pa.array(values.tolist() if values.dtype.kind in "US" else values)
        for name, values in columns.items()
    }
    fields = [
        pa.field(name, array.type, metadata={"units": units[name]} if name in units else None)
        for name, array in arrays.items()
    ]
    try:
        parquet.write_table(pa.table(list(arrays.values()), schema=pa.schema(fields)), path)
    except OSError as error:
        raise os_fault(path, "write the table", error) from error
