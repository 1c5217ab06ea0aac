"""A sweep as a table: one row per case, parameters and summary as columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError, RequestError
from abm.record.sweep_index import Found
from abm.record.sweep_layout import STATUS_NAMES
from abm.record.sweep_table import summary_values, write_parquet
from abm.sweep.manifest import Manifest

CSV, PARQUET = ".csv", ".parquet"


def table_columns(manifest: Manifest, found: Found) -> dict[str, NDArray[Any]]:
    """Columns of the table by name, (n_case,) each: numbers, or texts.

    The summary of a run that is missing or failed is nan.
    """
    cases = manifest.cases()
    names = np.array(manifest.names)
    columns: dict[str, NDArray[Any]] = {"run": names[cases.run], "arm": np.array(cases.arms)[cases.arm]}
    for column, values in cases.parameters.items():
        texts = cases.texts.get(column.name)
        columns[column.name] = values if texts is None else np.array(texts)[values.astype(np.int64)]
    columns["replicate"] = cases.replicate
    columns["status"] = np.array(STATUS_NAMES)[found.status[cases.run]]
    columns["seconds"] = found.column("seconds")[cases.run]
    for name, values in summary_values(found, manifest.declaration).items():
        columns[name] = values[cases.run]
    return columns


def as_csv(columns: dict[str, NDArray[Any]]) -> str:
    """Comma-separated values with one line of names; nan is left empty."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(zip(*map(_cells, columns.values()), strict=True))
    return text.getvalue()


def _cells(values: NDArray[Any]) -> Iterator[str]:
    if values.dtype.kind != "f":
        return map(str, values)
    return ("" if value != value else f"{value:.10g}" for value in values)


def write_table(manifest: Manifest, found: Found, path: Path) -> int:
    """Write the table as CSV, or as Parquet where the name ends so; returns its rows.

    Raises
    ------
    RequestError
        The name ends otherwise.
    RecordError
        It cannot be written, or Parquet is not installed.
    """
    if path.suffix not in (CSV, PARQUET):
        raise RequestError(f"{path}: a name ending in {CSV} or {PARQUET} is needed")
    columns = table_columns(manifest, found)
    if path.suffix == PARQUET:
        units = {c.name: c.unit for c in (*manifest.declaration.parameters, *manifest.declaration.summary)}
        write_parquet(path, columns, units)
    else:
        try:
            path.write_text(as_csv(columns), encoding="utf-8", newline="")
        except OSError as error:
            raise RecordError(f"{path}: cannot write the table: {error.strerror}") from error
    return len(columns["run"])
