"""The functions of claims, as a table: the only names a claim can call.

To add a readout, add a row here and the function that computes it to `abm/study/claim_readouts.py`; the
checks, the messages and the table in docs/studies.md follow, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from abm.scenario.claims.expressions import Shape
from abm.scenario.claims.signatures import (
    AS_GIVEN,
    CONDITION,
    OF_SERIES,
    QUOTIENT,
    SIGNAL,
    THRESHOLD,
    TIMES_TIME,
    Function,
    Parameter,
    Takes,
)

READOUTS, ASSAYS, OVER_TIME, OVER_REPLICATES, NUMBERS = (
    "Readouts of an arm",
    "Assays of an arm, with the noise of the method",
    "From a course to a number",
    "Between courses or replicates",
    "Arithmetic",
)

_ARM = Parameter("arm", Takes.ARM)
_REGION = Parameter("region", Takes.REGION, needed=False)
_OUTSIDE = Parameter("outside", Takes.REGION, needed=False)
_CELLS = Parameter("cell_type", Takes.CELL_TYPE)
_PHENOTYPE = Parameter("phenotype", Takes.PHENOTYPE, needed=False)
_CYTOKINE = Parameter("cytokine", Takes.CYTOKINE)
_FROM, _TO = Parameter("from", Takes.TIME, needed=False), Parameter("to", Takes.TIME, needed=False)
_CURVE = Parameter("x", Takes.CURVE)
_CONDITION = Parameter("condition", Takes.CONDITION)
_X = Parameter("x", Takes.VALUE)


def _readout(
    name: str, parameters: tuple[Parameter, ...], unit: str, meaning: str, example: str, rests_on: str = ""
) -> Function:
    return Function(name, READOUTS, parameters, Shape.CURVE, unit, meaning, example, rests_on)


_READOUTS = (
    _readout(
        "threshold",
        (_ARM, _REGION),
        "g",
        "50 % paw-withdrawal threshold; with region=, that of the mean signal of the region",
        "threshold(cci, at=7 d) < 0.4 g",
        THRESHOLD,
    ),
    _readout(
        "relative_threshold",
        (_ARM,),
        "1",
        "threshold over that at the start of the same run",
        "relative_threshold(cci, from=7 d, to=14 d) < 25 %",
        THRESHOLD,
    ),
    _readout(
        "nociception",
        (_ARM, _REGION),
        "1",
        "mean nociceptive signal of the neurons of the readout, or of a region",
        "nociception(cci, at=7 d) > nociception(sham, at=7 d)",
        SIGNAL,
    ),
    _readout(
        "mpe",
        (Parameter("treated", Takes.ARM), Parameter("vehicle", Takes.ARM)),
        "%",
        "percent of the maximal possible effect, 100 · (treated − vehicle)/(baseline − vehicle) of the "
        "thresholds of the same replicate and time; undefined while the vehicle's threshold is within 10 % "
        "of the baseline",
        "mpe(cci_bmsc, cci, at=5 d) > 30 %",
        THRESHOLD,
    ),
    _readout(
        "concentration",
        (_CYTOKINE, _ARM, _REGION, Parameter("compartment", Takes.COMPARTMENT, needed=False)),
        "pg/ml",
        "mean concentration of a cytokine in the tissue, in a region, or in a compartment",
        "concentration('TGF-b1', cci_bmsc, compartment=csf, at=5 d) > 1 ng/ml",
    ),
    _readout(
        "cells",
        (_CELLS, _ARM, _REGION, _OUTSIDE, _PHENOTYPE),
        "1",
        "live cells of a type in the tissue, in a region or outside it, of all phenotypes or of one",
        "cells(msc, cci_bmsc, region=site, at=32 d) > 0",
    ),
    _readout(
        "density",
        (_CELLS, _ARM, _REGION, _OUTSIDE, _PHENOTYPE),
        "/mm^2",
        "the same per area of a section of 20 µm",
        "density(t_cell, cci, region=site, at=7 d) > 5 /mm^2",
    ),
    _readout(
        "phenotype_fraction",
        (_CELLS, Parameter("phenotype", Takes.PHENOTYPE), _ARM, _REGION),
        "1",
        "share of the live cells of a type that have a phenotype; undefined where there are none",
        "phenotype_fraction(microglia, activated, cci, region=site, at=3 d) > 50 %",
    ),
    _readout(
        "variable",
        (_CELLS, Parameter("variable", Takes.VARIABLE), _ARM, _REGION),
        "1",
        "mean of a cell variable over the live cells of its type; undefined where there are none",
        "variable(astrocyte, reactivity, cci, region=site, at=14 d) > 0.4",
    ),
    _readout(
        "waiting",
        (_CELLS, Parameter("compartment", Takes.COMPARTMENT), _ARM),
        "1",
        "living injected cells that wait in a compartment, in cells of the animal",
        "waiting(msc, csf, cci_bmsc, at=5 d) > 1e5 cells",
    ),
    _readout(
        "enrichment",
        (_CELLS, _ARM, Parameter("region", Takes.REGION)),
        "1",
        "density of cells inside a region over that outside; of a window, the ratio of the two means",
        "enrichment(microglia, cci, region=site, at=7 d) > 1.5",
    ),
    _readout(
        "series",
        (Parameter("name", Takes.SERIES), _ARM),
        OF_SERIES,
        "any recorded series, with one label for each of its dimensions, e.g. cytokine='IL-1b', region=site",
        "series('cytokine_by_region', cci, cytokine='IL-1b', region=site, at=7 d) > 100 pg/ml",
    ),
)

_AT, _ANIMALS = Parameter("at", Takes.TIME), Parameter("animals", Takes.COUNT, needed=False)


def _assay(name: str, parameters: tuple[Parameter, ...], unit: str, meaning: str, example: str) -> Function:
    given = (*parameters, _AT, _ANIMALS)
    rests_on = SIGNAL if name == "heat_latency" else THRESHOLD
    return Function(name, ASSAYS, given, Shape.NUMBER, unit, meaning, example, rests_on)


_ASSAYS = (
    _assay(
        "von_frey",
        (_ARM,),
        "g",
        "mean 50 % threshold of the animals of a run, by the up-down method with its noise",
        "von_frey(cci, at=7 d) < 0.5 g",
    ),
    _assay(
        "von_frey_mpe",
        (Parameter("treated", Takes.ARM), Parameter("vehicle", Takes.ARM)),
        "%",
        "percent of the maximal possible effect of these means",
        "von_frey_mpe(cci_bmsc, cci, at=5 d) > 30 %",
    ),
    _assay(
        "heat_latency",
        (_ARM,),
        "s",
        "mean latency of withdrawal from radiant heat of the animals of a run, with its noise",
        "heat_latency(cci, at=7 d, animals=10) < heat_latency(sham, at=7 d, animals=10)",
    ),
)


def _reduction(name: str, unit: str, meaning: str, example: str) -> Function:
    return Function(name, OVER_TIME, (_CURVE, _FROM, _TO), Shape.NUMBER, unit, meaning, example)


_OVER_TIME = (
    Function(
        "at",
        OVER_TIME,
        (_CURVE, Parameter("time", Takes.TIME)),
        Shape.NUMBER,
        AS_GIVEN,
        "value at a time, linear between readouts",
        "at(threshold(cci) / threshold(sham), 7 d) < 30 %",
    ),
    _reduction("mean", AS_GIVEN, "mean over time", "mean(threshold(cci), from=7 d, to=14 d) < 0.3 g"),
    _reduction(
        "min",
        AS_GIVEN,
        "lowest value over time; of two or more values, the smallest",
        "min(relative_threshold(sham)) > 80 %",
    ),
    _reduction(
        "max",
        AS_GIVEN,
        "highest value over time; of two or more values, the largest",
        "max(mpe(cci_bmsc, cci), from=4 d) > 60 %",
    ),
    _reduction(
        "area",
        TIMES_TIME,
        "area under the course, by the trapezoidal rule",
        "area(1 - relative_threshold(cci_bmsc)) < 0.8 * area(1 - relative_threshold(cci))",
    ),
    _reduction(
        "time_of_min", "d", "when the lowest value is reached first", "time_of_min(threshold(cci)) > 3 d"
    ),
    _reduction(
        "time_of_max",
        "d",
        "when the highest value is reached first",
        "time_of_max(cells(microglia, cci, region=site)) < 14 d",
    ),
    Function(
        "duration",
        OVER_TIME,
        (_CONDITION, _FROM, _TO),
        Shape.NUMBER,
        "d",
        "total time during which a condition holds; undefined times do not count",
        "duration(mpe(cci_bmsc, cci) > 30 %, from=4 d) > 14 d",
    ),
    Function(
        "onset",
        OVER_TIME,
        (_CONDITION, Parameter("after", Takes.TIME, needed=False)),
        Shape.NUMBER,
        "d",
        "when a condition holds for the first time at or after a time; may be never",
        "onset(relative_threshold(cci) < 50 %) < 3 d",
    ),
    Function(
        "time_to",
        OVER_TIME,
        (_CONDITION, Parameter("after", Takes.TIME, needed=False)),
        Shape.NUMBER,
        "d",
        "the same, counted from that time",
        "time_to(mpe(cci_bmsc, cci) > 50 %, after=4 d) < 1 d",
    ),
)

_BETWEEN = (
    Function(
        "fold",
        OVER_REPLICATES,
        (_X, Parameter("over", Takes.ARM)),
        Shape.CURVE,
        "1",
        "an expression over the same expression with its arm replaced by another one, replicate by replicate",
        "fold(concentration('IL-1b', cci, region=site), over=sham, at=7 d) > 1",
    ),
    Function(
        "correlation",
        OVER_REPLICATES,
        (_X, Parameter("y", Takes.VALUE), _FROM, _TO),
        Shape.NUMBER,
        "1",
        "Pearson's correlation of two courses over time, for each replicate; of two numbers, over the "
        "replicates",
        "correlation(concentration('TNF-a', cci, region=site), threshold(cci)) < 0",
    ),
    Function(
        "share",
        OVER_REPLICATES,
        (_CONDITION,),
        Shape.ENSEMBLE,
        "1",
        "share of the replicates in which a condition holds; compared with a number only",
        "share(max(mpe(cci_bmsc, cci), from=4 d) >= 80 %) > 0",
    ),
)

_NUMBERS = (
    Function(
        "abs",
        NUMBERS,
        (_X,),
        Shape.CURVE,
        AS_GIVEN,
        "value without its sign",
        "abs(threshold(cci, at=1 d) - 0.6 g) < 0.2 g",
    ),
    Function(
        "log10",
        NUMBERS,
        (_X,),
        Shape.CURVE,
        "1",
        "decimal logarithm of a plain number",
        "log10(fold(concentration('IL-1b', cci, region=site), over=sham, at=7 d)) > 0.2",
    ),
    Function(
        "ratio",
        NUMBERS,
        (_X, Parameter("y", Takes.VALUE)),
        Shape.CURVE,
        QUOTIENT,
        "x / y",
        "ratio(threshold(cci, at=7 d), threshold(sham, at=7 d)) < 30 %",
    ),
    Function(
        "between",
        NUMBERS,
        (_X, Parameter("low", Takes.VALUE), Parameter("high", Takes.VALUE)),
        Shape.CURVE,
        CONDITION,
        "low <= x <= high",
        "between(relative_threshold(cci, at=1 d), 35 %, 65 %)",
    ),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {function.name: function for function in (*_READOUTS, *_ASSAYS, *_OVER_TIME, *_BETWEEN, *_NUMBERS)}
)


def function_table() -> str:
    """The table as Markdown, for docs/studies.md."""
    lines: list[str] = []
    for group in dict.fromkeys(function.group for function in FUNCTIONS.values()):
        rows = [function for function in FUNCTIONS.values() if function.group == group]
        lines += [f"**{group}**", "", "| function | unit | meaning | example |", "|---|---|---|---|"]
        for row in rows:
            unit = "–" if row.unit == "1" else row.unit
            lines.append(f"| `{row.signature}` | {unit} | {row.meaning} | `{row.example}` |")
        lines.append("")
    return "\n".join(lines)
