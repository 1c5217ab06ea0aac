"""What the figures of a study show: effects, and for each claim its courses and replicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from abm.analysis.curves import Curves
from abm.analysis.groups import RunGroups
from abm.scenario.claims.expressions import (
    Call,
    Comparison,
    Constant,
    Expression,
    Operation,
    Shape,
    arms_of,
    comparisons,
    parts,
)
from abm.study.claim_readouts import MINUTES_PER_DAY, Source
from abm.study.claim_tables import effect_text
from abm.study.claim_values import UnevaluableError, Values
from abm.study.verdicts import ClaimResult, ComparisonResult
from abm.view.study_claim import ComparisonPlot, CoursePlot
from abm.view.study_effects import EffectRow

_EVENTS = ("duration", "onset", "time_to")
# Functions whose result is on the scale of their course, so that a bound can be drawn into it.
_ON_SCALE = ("at", "mean", "min", "max")


def effect_rows(results: Sequence[ClaimResult]) -> list[EffectRow]:
    """A row for each comparison of every claim."""
    return [
        _effect_row(result.id if i == 0 else "", comparison)
        for result in results
        for i, comparison in enumerate(result.comparisons)
    ]


def _effect_row(name: str, result: ComparisonResult) -> EffectRow:
    effect = result.effect
    text = " ".join(result.text.split())
    if effect is None:
        nan = float("nan")
        return EffectRow(name, text, str(result.verdict), nan, nan, nan, "–")
    sides = (float(np.mean(result.left)), float(np.mean(result.right)))
    scale = max(*map(abs, sides), abs(effect.mean)) or 1.0
    towards = 1.0 if result.comparison.operator in (">", ">=") else -1.0
    low, high = sorted((towards * effect.low / scale, towards * effect.high / scale))
    numbers = effect_text(effect, result.unit)
    return EffectRow(name, text, str(result.verdict), towards * effect.mean / scale, low, high, numbers)


def comparison_plots(result: ClaimResult, groups: RunGroups) -> list[ComparisonPlot]:
    """What the figure of one claim shows."""
    return [_comparison_plot(comparison, groups) for comparison in result.comparisons]


def _comparison_plot(result: ComparisonResult, groups: RunGroups) -> ComparisonPlot:
    comparison, courses, bounds = result.comparison, [], []
    if result.replicates:
        values = Values(Source(groups, result.replicates))
        for node, course, windows in _reads(comparison):
            plot = _course(values, course, windows)
            if plot is not None:
                courses.append(plot)
                bounds += _bounds(comparison, node, course)
    return ComparisonPlot(
        text=" ".join(result.text.split()),
        verdict=str(result.verdict),
        numbers="" if result.effect is None else effect_text(result.effect, result.unit),
        unit=result.unit,
        left=result.left,
        right=result.right,
        courses=tuple(courses),
        bounds=tuple(dict.fromkeys(bounds)),
    )


Window = tuple[float | None, float | None]


def _reads(comparison: Comparison) -> Iterator[tuple[Call, Expression, Window]]:
    """Every course that a comparison reads: the function that reads it, the course, and where [d]."""
    for part in parts(comparison):
        if not isinstance(part, Call):
            continue
        given = part.given
        window = (_day(given.get("from")), _day(given.get("to")))
        if part.function in _EVENTS:
            window = (_day(given.get("from", given.get("after"))), window[1])
            condition = given["condition"]
            assert not isinstance(condition, str | float | Constant | Call | Operation)
            for inner in comparisons(condition):
                for side in (inner.left, inner.right):
                    if side.type.shape is Shape.CURVE:
                        yield part, side, window
        for name in ("x", "y"):
            course = given.get(name)
            if isinstance(course, Call | Operation) and course.type.shape is Shape.CURVE:
                time = _day(given.get("time"))
                yield part, course, (window if time is None else (time, time))


def _day(minutes: object) -> float | None:
    return minutes / MINUTES_PER_DAY if isinstance(minutes, float) else None


def _course(values: Values, node: Expression, window: Window) -> CoursePlot | None:
    """A course in its printed unit; None where it has no value anywhere."""
    try:
        course = values.course(node)
    except UnevaluableError:
        return None
    if not np.isfinite(course.values).any():
        return None
    unit = node.type.unit
    curves = Curves(course.time, course.values / node.type.factor, values.source.replicates, unit)
    start, end = window
    first, last = float(course.time[0]), float(course.time[-1])
    whole = start is None and end is None
    windows = () if whole else ((first if start is None else start, last if end is None else end),)
    return CoursePlot(arms_of(node)[0], " ".join(node.place.text.split()), replace(curves, label=""), windows)


def _bounds(comparison: Comparison, node: Call, course: Expression) -> list[float]:
    """Levels that the course itself is compared with, in its printed unit."""
    if node.function in _EVENTS:
        read: Expression = course
    elif node.function in _ON_SCALE:
        read = node
    else:
        return []
    inner = [part for part in parts(comparison) if isinstance(part, Comparison)]
    pairs = [pair for c in inner for pair in ((c.left, c.right), (c.right, c.left))]
    return [
        other.value / course.type.factor
        for side, other in pairs
        if side == read and isinstance(other, Constant)
    ]
