"""One portable file of a whole sweep: a row per case, with what varies as coordinates."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.layout import CONVENTIONS, TIME_UNIT, Column
from abm.record.shards import open_shard
from abm.record.streams import coordinate, describe, growing_dimension, text_dataset
from abm.record.sweep_index import Found
from abm.record.sweep_layout import (
    MERGED_FORMAT,
    PARAMETERS,
    RUN_COLUMNS,
    RUNS,
    SWEEP_FORMAT_VERSION,
    SweepDeclaration,
)

if TYPE_CHECKING:
    import xarray

CASE = "case"
_BAND_BYTES = 1 << 28
_CHUNK_BYTES = 1 << 18
#: Columns of the runs that the merged file has under the same name; others come from the cases.
_KEPT = tuple(column.name for column in RUN_COLUMNS if column.name not in ("ended", "memory", "replicate"))
#: Names that no axis may have, since the merged file has them already.
RESERVED = (
    CASE,
    "arm",
    "run",
    "message",
    "time",
    "declaration",
    "scenario",
    "sweep",
    *(column.name for column in RUN_COLUMNS),
)


@dataclass(frozen=True)
class CaseTable:
    """The cases of a sweep.

    Attributes
    ----------
    ids : (n_run,) S16
        Names of the runs.
    run, replicate : (n_case,) int64
        Which run a case is; several cases may be the same run.
    arm : (n_case,) int64
        Position in `arms`.
    arms : sequence of str
    parameters : mapping of Column to (n_case,) float64
    texts : mapping of str to sequence of str
        Texts that the numbers of a parameter stand for, where it is none of numbers.
    """

    ids: NDArray[np.bytes_]
    run: NDArray[np.int64]
    replicate: NDArray[np.int64]
    arm: NDArray[np.int64]
    arms: Sequence[str]
    parameters: Mapping[Column, NDArray[np.float64]]
    texts: Mapping[str, Sequence[str]]


def merge_shards(
    path: Path,
    found: Found,
    declared: SweepDeclaration,
    cases: CaseTable,
    texts: Mapping[str, str],
    *,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Write all rows of a sweep into one file that xarray opens, one row per case.

    Parameters
    ----------
    texts : mapping of str to str
        Kept in the file: the sweep file, the scenario.
    force : bool
        Replace an existing file.
    progress : callable, optional
        Told the name of each data set before it is written.

    Raises
    ------
    RecordError
        The file exists, or cannot be written; nothing is left behind then.
    """
    if path.exists() and not force:
        raise RecordError(f"{path}: exists already and is not replaced; give another name, or --force")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with h5py.File(part, "w") as file, _opened(found) as shards:
            _write_head(file, declared, texts)
            _write_cases(file, found, cases)
            names = " ".join(_coordinates(cases))
            for name, one in declared.data_sets().items():
                group, _, leaf = name.partition("/")
                if group == PARAMETERS or (group == RUNS and leaf not in _KEPT):
                    continue
                if progress is not None:
                    progress(leaf)
                dataset = _stacked(file, leaf, len(cases.run), one.shape, one.dtype)
                describe(dataset, one.unit, one.long_name, coordinates=names)
                for axis, dim in enumerate((CASE, *one.dims)):
                    dataset.dims[axis].attach_scale(file[dim])
                for rows, values in _bands(found, cases.run, shards, name, one.shape, one.dtype):
                    dataset[rows] = values
        with part.open("rb+") as raw:
            os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        raise os_fault(path, "write the merged file", error) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _opened(found: Found) -> Iterator[list[h5py.File]]:
    with ExitStack() as stack:
        yield [stack.enter_context(open_shard(table.path)) for table in found.tables]


def _write_head(file: h5py.File, declared: SweepDeclaration, texts: Mapping[str, str]) -> None:
    file.attrs.update(
        {
            "Conventions": CONVENTIONS,
            "format": MERGED_FORMAT,
            "format_version": np.int64(SWEEP_FORMAT_VERSION),
        }
    )
    for name, text in {"declaration": declared.to_json(), **texts}.items():
        text_dataset(file, name, text, f"{name.replace('_', ' ')} of the sweep")
    used = {dim for one in declared.series for dim in one.dims}
    for dimension in declared.dimensions:
        if dimension.name in used:
            coordinate(file, dimension.name, dimension.labels, dimension.unit, dimension.long_name)
    if declared.series:
        coordinate(file, "time", np.array(declared.time), TIME_UNIT, "time since the start of the run")
    frames = declared.fields
    if frames is not None:
        coordinate(file, "field_time", np.array(frames.time), TIME_UNIT, "time since the start of the run")
        coordinate(file, "field_cytokine", list(frames.cytokines), "", "name of the cytokine")
        for axis, size in zip("zyx", frames.shape, strict=True):
            growing_dimension(file, axis).resize((size,))


def _coordinates(cases: CaseTable) -> list[str]:
    return ["run", "arm", "replicate", *(column.name for column in cases.parameters)]


def _write_cases(file: h5py.File, found: Found, cases: CaseTable) -> None:
    count = len(cases.run)
    growing_dimension(file, CASE).resize((count,))

    def put(name: str, values: Any, unit: str, long_name: str) -> None:
        dataset = file.create_dataset(name, data=values, **_filters(count))
        describe(dataset, unit, long_name)
        dataset.dims[0].attach_scale(file[CASE])

    def put_text(name: str, codes: NDArray[np.int64], names: Sequence[str], long_name: str) -> None:
        values = np.array([*names, ""], dtype=object)[codes]
        dataset = file.create_dataset(name, data=values, dtype=h5py.string_dtype("utf-8"))
        describe(dataset, "", long_name)
        dataset.dims[0].attach_scale(file[CASE])

    names = cases.ids.view(np.uint8).reshape(len(cases.ids), -1)
    hexadecimal = np.array([bytes(name).hex() for name in names], dtype="S32")
    put("run", hexadecimal[cases.run], "", "name of the run; equal for cases that are the same run")
    put("replicate", cases.replicate, "1", "number of the replicate, from 0")
    put_text("arm", cases.arm, cases.arms, "arm of the experiment")
    for column, values in cases.parameters.items():
        if column.name in cases.texts:
            put_text(column.name, values.astype(np.int64), cases.texts[column.name], column.long_name)
        else:
            put(column.name, values, column.unit, column.long_name)
    messages = sorted({text for table in found.tables for text in table.messages.values()})
    code = {text: i for i, text in enumerate(messages)}
    codes = np.array([code.get(found.message(int(run)), -1) for run in cases.run], dtype=np.int64)
    put_text("message", codes, messages, "why the run failed")


def _filters(count: int) -> dict[str, Any]:
    return {"compression": "gzip", "compression_opts": 1, "shuffle": True} if count else {}


def _stacked(file: h5py.File, name: str, count: int, shape: tuple[int, ...], dtype: str) -> h5py.Dataset:
    row_bytes = max(1, int(np.prod(shape))) * np.dtype(dtype).itemsize
    rows = max(1, min(count, _CHUNK_BYTES // row_bytes))
    chunks = (rows, *(max(1, n) for n in shape))
    if row_bytes > 4 * _CHUNK_BYTES:
        chunks = (1, *(1 for _ in shape[:-2]), *shape[-2:])
    fill = np.nan if np.dtype(dtype).kind == "f" else 0
    return file.create_dataset(
        name, (count, *shape), dtype, chunks=chunks if count else None, fillvalue=fill, **_filters(count)
    )


def _bands(
    found: Found,
    runs: NDArray[np.int64],
    shards: Sequence[h5py.File],
    name: str,
    shape: tuple[int, ...],
    dtype: str,
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Rows of the cases of one data set, some at a time."""
    row_bytes = max(1, int(np.prod(shape))) * np.dtype(dtype).itemsize
    length = max(1, _BAND_BYTES // row_bytes)
    fill: float = np.nan if np.dtype(dtype).kind == "f" else 0
    for begin in range(0, len(runs), length):
        wanted = runs[begin : begin + length]
        values = np.full((len(wanted), *shape), fill, dtype)
        for number in np.unique(found.shard[wanted]):
            if number < 0:
                continue
            here = found.shard[wanted] == number
            rows = found.row[wanted[here]]
            first, last = int(rows.min()), int(rows.max()) + 1
            dataset = shards[number][name]
            if last - first <= 4 * len(rows):
                values[here] = dataset[first:last][rows - first]
            else:
                unique, back = np.unique(rows, return_inverse=True)
                values[here] = dataset[unique][back]
        yield slice(begin, begin + len(wanted)), values


def open_merged(path: str | Path) -> xarray.Dataset:
    """A merged sweep as an ``xarray.Dataset``, its parameters as coordinates; values are read when used.

    Raises
    ------
    RecordError
        xarray is not installed, or the file is none.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise RecordError("this needs xarray, which is not installed; install abm[export]") from error
    try:
        found = xr.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read as a merged sweep: {error}") from error
    if found.attrs.get("format") != MERGED_FORMAT:
        found.close()
        raise RecordError(f"{path}: this is no merged sweep")
    return found
