"""The form of a sweep file: what varies, how often, and what each run returns."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, field_validator

from abm.scenario.schema.scenario import MAX_SEED
from abm.scenario.schema.section import Interval, PositiveNumber, Section, Times, fault

SCHEMA_VERSION = 1
MAX_AXES = 60
MAX_CASES = 2_000_000
MAX_CHUNK = 100_000

Scale: TypeAlias = Literal["linear", "log"]
Method: TypeAlias = Literal["latin_hypercube", "sobol", "morris", "random"]
_MEMORY = re.compile(r"([0-9]*\.?[0-9]+)\s*([kMGT]i?B)", re.ASCII)
_BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "kiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}

_Count: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_CASES)]
_Points: TypeAlias = Annotated[int, Field(strict=True, ge=2, le=MAX_CASES)]


class Grid(Section):
    """Evenly spaced values, both ends included."""

    low: Any = Field(description="first value, with its unit")
    high: Any = Field(description="last value, with its unit")
    points: _Points = Field(description="number of values")
    scale: Scale = Field("linear", description="even in the value, or in its logarithm")


class Column(Section):
    """A column of a table; columns of one file vary together, row by row."""

    file: str = Field(description="comma-separated file with one line of names, relative to the sweep file")
    column: str = Field(description="name of the column")


class Range(Section):
    """Every value between two ends is as likely as any other."""

    low: Any = Field(description="lower end, with its unit")
    high: Any = Field(description="upper end, with its unit")
    scale: Scale = Field("linear", description="uniform in the value, or in its logarithm")


class Normal(Section):
    """Normal distribution, cut where low and high say."""

    mean: Any = Field(description="value with its unit")
    sd: Any = Field(description="standard deviation with its unit")
    low: Any = Field(None, description="smallest value")
    high: Any = Field(None, description="largest value")


class LogNormal(Section):
    """Lognormal distribution, cut where low and high say."""

    median: Any = Field(description="value with its unit")
    factor: PositiveNumber = Field(description="geometric standard deviation, above 1")
    low: Any = Field(None, description="smallest value")
    high: Any = Field(None, description="largest value")


class AxisPart(Section):
    """One thing that varies: the values of one place of the scenario, or the same value at several."""

    label: str = Field("", description="name in figures and tables")
    path: str | None = Field(None, description="the place, as --set writes its path")
    paths: tuple[str, ...] = Field((), description="several places that get the same value, in place of path")
    grid: Grid | None = Field(None, description="evenly spaced values")
    list: tuple[Any, ...] | None = Field(None, min_length=1, description="values as they stand")
    csv: Column | None = Field(None, description="values of a column of a table")
    range: Range | None = Field(None, description="sampled between two ends")
    normal: Normal | None = Field(None, description="sampled from a normal distribution")
    lognormal: LogNormal | None = Field(None, description="sampled from a lognormal distribution")


#: Ways to give the values of an axis: as they are, or as a distribution that `sample` draws from.
LISTED = ("grid", "list", "csv")
SAMPLED = ("range", "normal", "lognormal")


class Sample(Section):
    """How points are drawn from the axes that are distributions."""

    method: Method = Field("latin_hypercube", description="how the unit cube is filled")
    points: _Points = Field(description="points; with morris, trajectories; with sobol, base points")
    levels: Annotated[int, Field(strict=True, ge=2, le=100)] = Field(
        4, description="levels of each axis, an even number; morris only"
    )
    indices: bool = Field(
        False, description="add the points that Sobol' indices need, (axes + 2) times as many; sobol only"
    )


class FieldReturn(Section):
    """Concentrations at a few times."""

    at: Times = Field(description="times since the start of the run")
    cytokines: tuple[str, ...] | None = Field(None, description="which; all when omitted")


class Returns(Section):
    """What each run returns."""

    summary: bool = Field(True, description="one row of scalars, as at the end of a result file")
    series: tuple[str, ...] = Field((), description="time series of the readout, by name")
    every: Interval | None = Field(
        None, description="distance of the points of the series; record.readout when omitted"
    )
    fields: FieldReturn | None = Field(None, description="concentrations at a few times")
    files: bool = Field(False, description="also a whole result file of every run")


class Limits(Section):
    """When a run is given up."""

    time: Interval | None = Field(None, description="wall time of one run")
    memory: str | None = Field(None, description="memory of one worker, e.g. 2 GB")
    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = Field(
        1, description="further attempts after a lost worker or an unexpected error"
    )

    @field_validator("memory")
    @classmethod
    def _is_memory(cls, value: str | None) -> str | None:
        if value is not None and _MEMORY.fullmatch(value.strip()) is None:
            raise fault(f"'{value}' is no amount of memory; write e.g. '2 GB'")
        return value

    @property
    def bytes(self) -> float:
        """Memory of one worker; infinite when it may have what it takes."""
        if self.memory is None:
            return math.inf
        found = _MEMORY.fullmatch(self.memory.strip())
        assert found is not None
        return float(found[1]) * _BYTES[found[2]]


class SweepFile(Section):
    """A sweep file; its parts are checked one by one, so that all faults are found at once."""

    schema_version: Literal[1] = Field(description="version of this language")
    title: str = Field("", description="what is asked")
    scenario: str = Field(description="scenario or study file, relative to this file")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="path -> value, as with --set, for all cases"
    )
    arms: tuple[str, ...] | None = Field(
        None, min_length=1, description="arms that are run; all when omitted"
    )
    vary: dict[str, Any] = Field(description="name -> what varies", min_length=1)
    paired: tuple[str, ...] = Field(
        (), description="axes that vary together, first value with first value; all others are crossed"
    )
    sample: Sample | None = Field(None, description="how axes that are distributions are drawn")
    replicates: _Count | None = Field(None, description="runs of every case; the scenario's when omitted")
    seed: Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)] | None = Field(
        None, description="start of all randomness; the scenario's when omitted"
    )
    noise: Literal["shared", "own"] = Field(
        "shared",
        description="replicates of the same number share their noise in all cases, or every case has its own",
    )
    returns: Returns = Field(default_factory=Returns, description="what each run returns")
    limits: Limits = Field(default_factory=Limits, description="when a run is given up")
    chunk: Annotated[int, Field(strict=True, ge=1, le=MAX_CHUNK)] | None = Field(
        None, description="runs of one job on a cluster; about ten minutes' worth when omitted"
    )
