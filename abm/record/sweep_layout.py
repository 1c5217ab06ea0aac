"""What the files of a sweep hold, as data: shards of runs, and what is merged from them.

A sweep has far too many runs for a file each.  A *shard* holds the rows of all runs that one process made;
every data set is stacked along the axis of runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record.layout import Column, Dimension, Series

SHARD_FORMAT, MERGED_FORMAT, INDEX_FORMAT = "abm-shard", "abm-sweep", "abm-sweep-index"
SWEEP_FORMAT_VERSION = 1
ID_BYTES = 16

RUNS, PARAMETERS, SUMMARIES, SERIES, FIELDS, FAILURES = (
    "runs", "parameters", "summary", "series", "fields", "failures"
)  # fmt: skip

#: Codes of how a run ended; a run that is not in any shard is missing.
MISSING, COMPLETE, FAILED = 0, 1, 2
STATUS_NAMES = ("missing", "complete", "failed")

#: Columns of the group ``runs``: one row per run.
RUN_COLUMNS: tuple[Column, ...] = (
    Column("status", "u1", "1", "1 complete, 2 failed"),
    Column("attempts", "u1", "1", "how often the run was started"),
    Column("replicate", "i4", "1", "number of the replicate, from 0"),
    Column("seed", "i8", "1", "seed of the experiment that the run belongs to"),
    Column("seconds", "f8", "s", "wall time of the run"),
    Column("ended", "f8", "s", "when the run ended, since 1970-01-01 UTC"),
    Column("memory", "f4", "MB", "most memory that the process had used by then"),
)
CONCENTRATION = "concentration"


@dataclass(frozen=True)
class FieldFrames:
    """Frames of the fields that every run returns.

    Attributes
    ----------
    time : sequence of float [d]
        When.
    cytokines : sequence of str
    shape : tuple of int
        ``(nz, ny, nx)``.
    """

    time: Sequence[float]
    cytokines: Sequence[str]
    shape: tuple[int, ...]


def _frames(given: Mapping[str, Any]) -> FieldFrames:
    return FieldFrames(tuple(given["time"]), tuple(given["cytokines"]), tuple(given["shape"]))


@dataclass(frozen=True)
class SweepDeclaration:
    """What every run of a sweep returns.

    Attributes
    ----------
    parameters : sequence of Column
        What varies; numbers, or positions in a list of texts.
    summary : sequence of Column
        Scalars of a run.
    dimensions : sequence of Dimension
        Labelled dimensions of the series.
    series : sequence of Series
    time : sequence of float [d]
        Points of the series; those beyond the end of a run are nan.
    fields : FieldFrames or None
    """

    parameters: Sequence[Column]
    summary: Sequence[Column]
    dimensions: Sequence[Dimension] = ()
    series: Sequence[Series] = ()
    time: Sequence[float] = ()
    fields: FieldFrames | None = None

    def to_json(self) -> str:
        """As a text, which :meth:`from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SweepDeclaration:
        """What :meth:`to_json` wrote."""
        given = json.loads(text)
        frames = given["fields"]
        return cls(
            parameters=tuple(Column(**one) for one in given["parameters"]),
            summary=tuple(Column(**one) for one in given["summary"]),
            dimensions=tuple(
                Dimension(**{**one, "labels": tuple(one["labels"])}) for one in given["dimensions"]
            ),
            series=tuple(Series(**{**one, "dims": tuple(one["dims"])}) for one in given["series"]),
            time=tuple(given["time"]),
            fields=None if frames is None else _frames(frames),
        )

    @property
    def returned(self) -> str:
        """What must be equal for a run made earlier to count: everything but the parameters."""
        return json.dumps({**asdict(self), "parameters": None}, sort_keys=True)

    def data_sets(self) -> dict[str, StackedSet]:
        """Stacked data sets of a shard by their path."""
        lengths = {dimension.name: len(dimension.labels) for dimension in self.dimensions}
        found = {f"{RUNS}/id": StackedSet((ID_BYTES,), ("byte",), "u1", "1", "name of the run")}
        for column in RUN_COLUMNS:
            found[f"{RUNS}/{column.name}"] = _scalar(column)
        for column in self.parameters:
            found[f"{PARAMETERS}/{column.name}"] = _scalar(column)
        for column in self.summary:
            found[f"{SUMMARIES}/{column.name}"] = _scalar(column)
        for one in self.series:
            shape = (len(self.time), *(lengths[dim] for dim in one.dims))
            found[f"{SERIES}/{one.name}"] = StackedSet(
                shape, ("time", *one.dims), "f8", one.unit, one.long_name
            )
        if self.fields is not None:
            shape = (len(self.fields.time), len(self.fields.cytokines), *self.fields.shape)
            dims = ("field_time", "field_cytokine", "z", "y", "x")
            found[f"{FIELDS}/{CONCENTRATION}"] = StackedSet(
                shape, dims, "f4", "pg/ml", "concentration in the extracellular space"
            )
        return found


@dataclass(frozen=True)
class StackedSet:
    """One data set of a shard: a row per run.

    Attributes
    ----------
    shape, dims : tuple
        Of one row.
    dtype, unit, long_name : str
    """

    shape: tuple[int, ...]
    dims: tuple[str, ...]
    dtype: str
    unit: str
    long_name: str


def _scalar(column: Column) -> StackedSet:
    return StackedSet((), (), column.dtype, column.unit, column.long_name)


@dataclass
class ShardRow:
    """What one run returned.

    Attributes
    ----------
    id : bytes
        Name of the run, 16 bytes.
    status : int
        COMPLETE or FAILED.
    attempts, replicate, seed : int
    seconds, ended, memory : float
        See `RUN_COLUMNS`.
    parameters : (n_parameter,) float64
    summary : mapping of str to float
        Missing ones are nan.
    series : mapping of str to (n_time, ...) float64
    fields : (n_time, n_cytokine, nz, ny, nx) float32 or None
    message : str
        Why the run failed, with the traceback where there is one.
    """

    id: bytes
    status: int
    replicate: int
    seed: int
    parameters: NDArray[np.float64]
    attempts: int = 1
    seconds: float = 0.0
    ended: float = 0.0
    memory: float = 0.0
    summary: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    fields: NDArray[np.float32] | None = None
    message: str = ""
