"""The form of a fit file: what is fitted, to which targets, how."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from abm.scenario.quantity import Quantity, quantity
from abm.scenario.schema.scenario import MAX_SEED
from abm.scenario.schema.section import PositiveNumber, Section, TimeSpan, preset

SCHEMA_VERSION = 1
DEFAULT_TARGETS = "library/targets/dorsal_horn"
MAX_PARAMETERS = 40
MAX_REPLICATES = 1000
MAX_BUDGET = 1_000_000

Method: TypeAlias = Literal["least-squares", "cma", "abc"]
METHODS: tuple[Method, ...] = ("least-squares", "cma", "abc")

#: Parts of the unit interval.
_Share: TypeAlias = Annotated[Quantity, quantity("1", positive=True, at_most=0.5)]
_Count: TypeAlias = Annotated[int, Field(strict=True, ge=2, le=100_000)]


class Choice(Section):
    """Targets that meet all the conditions given, with their weight."""

    id: str | None = Field(None, description="short name of the targets, e.g. D.4")
    arm: str | None = Field(None, description="only those of this arm")
    quantity: str | None = Field(None, description="only those of this quantity")
    until: TimeSpan | None = Field(None, description="only those up to this time after the injury")
    weight: PositiveNumber = Field(
        preset(1.0, "1", "1"), description="factor of their squared deviation in the sum"
    )


class TargetPart(Section):
    """Which targets are fitted to."""

    file: str = Field(
        DEFAULT_TARGETS, description="targets file, relative to the fit file, or library/targets/NAME"
    )
    choose: tuple[Any, ...] | None = Field(
        None, description="which of them; every one that has an arm in the scenario when omitted"
    )


class Normal(Section):
    """Normal distribution, cut at the range."""

    mean: Any = Field(description="value with its unit")
    sd: Any = Field(description="standard deviation with its unit")


class LogNormal(Section):
    """Lognormal distribution, cut at the range."""

    median: Any = Field(description="value with its unit")
    factor: PositiveNumber = Field(description="geometric standard deviation, above 1")


class PriorPart(Section):
    """What was known beforehand; flat over the range when omitted."""

    normal: Normal | None = Field(None, description="for the scale linear")
    lognormal: LogNormal | None = Field(None, description="for the scale log")


class ParameterPart(Section):
    """One free parameter: a value of the scenario, or one factor of several values."""

    label: str = Field("", description="name in figures and tables")
    path: str | None = Field(None, description="the value, as --set writes its path")
    factor_of: tuple[str, ...] = Field(
        (), description="several values that share one factor, instead of path"
    )
    low: Any = Field(None, description="lower end; that of the library when omitted")
    high: Any = Field(None, description="upper end; that of the library when omitted")
    start: Any = Field(None, description="where the search starts; the scenario's own value when omitted")
    scale: Literal["linear", "log"] = Field("linear", description="scale on which the range is searched")
    prior: PriorPart | None = Field(None, description="what was known beforehand; flat when omitted")


class LeastSquaresOptions(Section):
    """Options of the method least-squares."""

    tolerance: _Share = Field(
        preset(0.002, "1", "0.002"),
        description="stop when a step is shorter than this share of the ranges, or gains less than it",
    )


class CmaOptions(Section):
    """Options of the method cma."""

    population: _Count | None = Field(None, description="points of a generation; 4 + 3 ln(parameters)")
    sigma: _Share = Field(preset(0.2, "1", "0.2"), description="first step as a share of the ranges")
    tolerance: _Share = Field(
        preset(0.002, "1", "0.002"), description="stop when the spread is below this share of the ranges"
    )


class AbcOptions(Section):
    """Options of the method abc."""

    population: _Count = Field(100, description="particles of a generation")
    generations: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(8, description="at most so many")
    quantile: _Share = Field(
        preset(0.3, "1", "0.3"), description="share of a generation that meets the next threshold"
    )
    final: PositiveNumber = Field(
        preset(1.0, "1", "1"), description="last threshold of the root mean square of z"
    )
    batch: _Count = Field(8, description="points evaluated together; does not change the result")


class FitFile(Section):
    """A fit file; its parts are checked one by one, so that all faults are found at once."""

    schema_version: Literal[1] = Field(description="version of this language")
    title: str = Field("", description="what is fitted")
    scenario: str = Field(description="scenario file with the arms, relative to this file")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="path -> value, as with --set: coarser steps, a longer duration"
    )
    targets: Any = Field(None, description="which targets")
    parameters: dict[str, Any] = Field(description="name -> what is free", min_length=1)
    replicates: Annotated[int, Field(strict=True, ge=1, le=MAX_REPLICATES)] | None = Field(
        None, description="runs of every arm at every point; the scenario's when omitted"
    )
    seed: Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)] | None = Field(
        None, description="start of all randomness; the scenario's when omitted"
    )
    method: Method = Field("least-squares", description="how the best point is searched")
    budget: Annotated[int, Field(strict=True, ge=1, le=MAX_BUDGET)] = Field(
        200, description="points evaluated at most, those for the identifiability included"
    )
    step: _Share = Field(
        preset(0.05, "1", "0.05"),
        description="half the distance of the two points of a finite difference, as a share of the range",
    )
    least_squares: LeastSquaresOptions = Field(
        default_factory=LeastSquaresOptions, description="options of the method least-squares"
    )
    cma: CmaOptions = Field(default_factory=CmaOptions, description="options of the method cma")
    abc: AbcOptions = Field(default_factory=AbcOptions, description="options of the method abc")
