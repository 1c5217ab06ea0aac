"""Values of checked expressions, replicate by replicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abm.analysis.curves import Curves, common_times
from abm.analysis.windows import area, at_times, breakpoints, cut, pearson, weighted_pearson
from abm.errors import RecordError
from abm.scenario.claims.expressions import (
    Call,
    Comparison,
    Condition,
    Constant,
    Expression,
    Operation,
    Place,
    Shape,
    comparisons,
    unit_factor,
)
from abm.study.claim_arithmetic import ARITHMETIC, COMPARED, between, measured, truth, what_is_wrong
from abm.study.claim_readouts import IMPLEMENTED, MINUTES_PER_DAY, Source

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]


class UnevaluableError(Exception):
    """A value that the runs do not have; says which part of the claim, and why."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(f"'{place.text}' (character {place.at + 1}): {why}")


@dataclass(frozen=True)
class Course:
    """A value over time.

    Attributes
    ----------
    time : (n_time,) float64 [d]
    values : (n_replicate, n_time) float64
        In base units; nan where undefined.
    why : str
        Why it may be undefined.
    """

    time: Floats
    values: Floats
    why: str = "it has no value there"


class Values:
    """Evaluates the expressions of one comparison.

    Parameters
    ----------
    source : Source
        The runs, all of the same replicates.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._numbers: dict[Call, Floats] = {}
        self._courses: dict[Expression, Course] = {}

    @property
    def n(self) -> int:
        """Number of replicates."""
        return len(self.source.replicates)

    # ---------------------------------------------------------------------------------------- numbers

    def number(self, node: Expression, rows: Rows | None = None) -> Floats:
        """One number for each replicate, (n,), in base units.

        Parameters
        ----------
        rows : (n_resample, m) int64, optional
            Rows drawn from the replicates: the result is (n_resample, m), or (n_resample, 1) of an
            expression about all replicates together.  Undefined values are then nan, not errors.

        Raises
        ------
        UnevaluableError
            A replicate has no such number.
        """
        match node:
            case Constant():
                return np.full(1 if rows is not None else self.n, node.value)
            case Operation():
                return self._operation(node, [self.number(o, rows) for o in node.operands], rows is None)
            case Call(function="share"):
                held = self.holds(_condition(node), rows).astype(np.float64)
                return np.asarray(held.mean(axis=-1, keepdims=True))
            case Call(function="correlation") if node.type.shape is Shape.ENSEMBLE:
                return self._over_replicates(node, rows)
        if node not in self._numbers:
            self._numbers[node] = self._call(node)
        found = self._numbers[node]
        return found if rows is None else found[rows]

    def holds(self, condition: Condition, rows: Rows | None = None) -> NDArray[np.bool_]:
        """Whether a condition about numbers holds in each replicate, (n,)."""
        if isinstance(condition, Comparison):
            left, right = self.number(condition.left, rows), self.number(condition.right, rows)
            return np.asarray(COMPARED[condition.operator](left, right))
        items = [self.holds(item, rows) for item in condition.items]
        if condition.operator == "not":
            return ~items[0]
        return np.asarray((np.logical_and if condition.operator == "and" else np.logical_or).reduce(items))

    def _over_replicates(self, node: Call, rows: Rows | None) -> Floats:
        x, y = (np.asarray(self.number(_expression(node, name), rows)) for name in ("x", "y"))
        if rows is None and self.n < 3:
            raise UnevaluableError(node.place, f"{self.n} replicates have no correlation; it needs three")
        r = pearson(*np.broadcast_arrays(x, y))[..., None]
        if rows is None and np.isnan(r).any():
            raise UnevaluableError(node.place, "one of the two is the same in all replicates")
        return np.asarray(r)

    def _operation(self, node: Operation, values: Sequence[Floats], strict: bool) -> Floats:
        with np.errstate(all="ignore"):
            result = np.asarray(ARITHMETIC[node.operator](*values), dtype=np.float64)
        if strict:
            self._check(node, values, result)
        return result

    def _check(self, node: Operation, values: Sequence[Floats], result: Floats) -> None:
        """Refuse divisions by zero and what overflows; events that never happen stay infinite."""
        never = np.zeros(result.shape, dtype=bool)
        for value in values:
            never |= np.isinf(value)
        bad = np.isnan(result) | (np.isinf(result) & ~never)
        if bad.any():
            raise UnevaluableError(node.place, f"{what_is_wrong(node, values)} in {self._which(bad)}")

    def _which(self, rows: NDArray[np.bool_]) -> str:
        """The replicates of some rows, in words."""
        if len(rows) != self.n or rows.all():
            return "every replicate"
        numbers = [str(number) for number, hit in zip(self.source.replicates, rows, strict=True) if hit]
        return f"replicate{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"

    def _call(self, node: Call) -> Floats:
        if node.function in IMPLEMENTED:
            found = self._read(node)
            assert not isinstance(found, Curves)
            if np.isnan(found).any():
                raise UnevaluableError(node.place, f"no value in {self._which(np.isnan(found))}")
            return found * node.type.factor
        if node.function in ("duration", "onset", "time_to"):
            return self._event(node)
        if node.function == "correlation":
            return self._over_time(node)
        return self._reduced(node)

    def _read(self, node: Call) -> Curves | Floats:
        """What a readout computes, in its own unit."""
        try:
            return IMPLEMENTED[node.function](self.source, **node.given)
        except RecordError as error:
            raise UnevaluableError(node.place, str(error)) from None

    # ---------------------------------------------------------------------------------------- courses

    def course(self, node: Expression) -> Course:
        """A value over time."""
        if node not in self._courses:
            self._courses[node] = self._course(node)
        return self._courses[node]

    def _course(self, node: Expression) -> Course:
        match node:
            case Call():
                found = self._read(node)
                assert isinstance(found, Curves)
                if len(found.time) == 0:
                    raise UnevaluableError(node.place, "the runs have no readout in common")
                return Course(found.time, found.values * unit_factor(found.unit), _why_undefined(node))
            case Operation():
                return self._pointwise(node)
        raise AssertionError(f"{node.place.text} is no course")

    def _pointwise(self, node: Operation) -> Course:
        """Arithmetic at the times that all courses have."""
        courses = [self.course(o) if o.type.shape is Shape.CURVE else None for o in node.operands]
        time = common_times([course.time for course in courses if course is not None])
        if len(time) == 0:
            raise UnevaluableError(node.place, "the courses have no time in common")
        values = [
            self.number(operand)[:, None] if course is None else course.values[:, np.isin(course.time, time)]
            for operand, course in zip(node.operands, courses, strict=True)
        ]
        with np.errstate(all="ignore"):
            result = np.asarray(ARITHMETIC[node.operator](*values), dtype=np.float64)
        reasons = [course.why for course in courses if course is not None]
        broken = ~np.isfinite(result) & np.logical_and.reduce(
            [np.isfinite(v) for v in np.broadcast_arrays(*values)]
        )
        if broken.any():
            reasons = [f"{what_is_wrong(node, values)} in '{node.place.text}'"]
        return Course(time, np.where(np.isfinite(result), result, np.nan), "; ".join(dict.fromkeys(reasons)))

    def _window(self, node: Call, course: Course) -> tuple[Floats, Floats]:
        """The part of a course that a call asks for, defined throughout."""
        given = node.given
        first, last = float(course.time[0]), float(course.time[-1])
        if "time" in given:
            start = end = _day(given["time"])
        else:
            start = _day(given.get("from", first * MINUTES_PER_DAY))
            end = _day(given["to"]) if "to" in given else last
            if end <= start:
                raise UnevaluableError(
                    node.place, f"the runs end on day {last:.4g}, before the window begins"
                )
        if start < first - 1e-9 or end > last + 1e-9:
            beyond = end if end > last else start
            raise UnevaluableError(
                node.place,
                f"the runs are recorded from day {first:.4g} to {last:.4g}, not on day {beyond:.4g}",
            )
        time, values = cut(course.time, course.values, start, end)
        undefined = np.isnan(values).any(axis=0)
        if undefined.any():
            when = f"day {time[undefined][0]:.4g}"
            when += f" to {time[undefined][-1]:.4g}" if undefined.sum() > 1 else ""
            which = self._which(np.asarray(np.isnan(values).any(axis=1)))
            raise UnevaluableError(node.place, f"undefined on {when} in {which}: {course.why}")
        return time, values

    def _reduced(self, node: Call) -> Floats:
        """One number out of a course."""
        time, values = self._window(node, self.course(_expression(node, "x")))
        match node.function:
            case "at":
                return np.asarray(values[:, 0])
            case "mean":
                return np.asarray(area(time, values) / (time[-1] - time[0]))
            case "min":
                return np.asarray(values.min(axis=1))
            case "max":
                return np.asarray(values.max(axis=1))
            case "area":
                return area(time, values) * MINUTES_PER_DAY
            case "time_of_min":
                return np.asarray(time[values.argmin(axis=1)] * MINUTES_PER_DAY)
            case "time_of_max":
                return np.asarray(time[values.argmax(axis=1)] * MINUTES_PER_DAY)
        raise AssertionError(f"nothing computes {node.function}")

    def _over_time(self, node: Call) -> Floats:
        x, y = (self.course(_expression(node, name)) for name in ("x", "y"))
        time = common_times([x.time, y.time])
        if len(time) < 3:
            raise UnevaluableError(node.place, "the courses have fewer than three times in common")
        time, found = self._window(node, replace(x, time=time, values=x.values[:, np.isin(x.time, time)]))
        _, other = self._window(node, Course(time, at_times(y.time, y.values, time), y.why))
        r = weighted_pearson(time, found, other)
        if np.isnan(r).any():
            raise UnevaluableError(node.place, f"one of the two does not vary in {self._which(np.isnan(r))}")
        return r

    # ----------------------------------------------------------------------------------------- events

    def _event(self, node: Call) -> Floats:
        """How long a condition over time holds, or when it does for the first time [min]."""
        condition, given = _condition(node), node.given
        sides = {c: self._difference(c) for c in comparisons(condition)}
        first = max(float(course.time[0]) for course in sides.values())
        last = min(float(course.time[-1]) for course in sides.values())
        word = "from" if node.function == "duration" else "after"
        start = _day(given[word]) if word in given else first
        end = _day(given["to"]) if "to" in given else last
        if start < first - 1e-9 or end > last + 1e-9 or end <= start:
            raise UnevaluableError(node.place, f"the runs are recorded from day {first:.4g} to {last:.4g}")
        found = np.empty(self.n)
        for i in range(self.n):
            rows = {c: (course.time, course.values[i]) for c, course in sides.items()}
            edges = breakpoints(list(rows.values()), (start, end))
            edges = edges[(edges >= start) & (edges <= end)]
            held = truth(condition, {c: between(row, edges) for c, row in rows.items()})
            if np.isnan(held).all():
                why = "; ".join(dict.fromkeys(course.why for course in sides.values()))
                raise UnevaluableError(
                    node.place, f"undefined throughout in replicate {self.source.replicates[i]}: {why}"
                )
            found[i] = measured(node.function, edges, held == 1.0, start)
        return found * MINUTES_PER_DAY

    def _difference(self, comparison: Comparison) -> Course:
        """Left minus right over time."""
        place, kind = comparison.place, comparison.left.type
        minus = Operation(place, replace(kind, shape=Shape.CURVE), "-", (comparison.left, comparison.right))
        return self._pointwise(minus)


def _why_undefined(node: Call) -> str:
    match node.function:
        case "mpe":
            return "the vehicle's threshold is within 10 % of its baseline, so there is no pain to relieve"
        case "phenotype_fraction" | "variable" | "threshold" | "nociception" | "series":
            return "there are no such cells"
        case "density":
            return "the region has no area"
    return "it has no value there"


def _expression(node: Call, name: str) -> Expression:
    value = node.given[name]
    assert isinstance(value, Constant | Call | Operation)
    return value


def _condition(node: Call) -> Condition:
    value = node.given["condition"]
    assert not isinstance(value, str | float | Constant | Call | Operation)
    return value


def _day(minutes: object) -> float:
    assert isinstance(minutes, float)
    return minutes / MINUTES_PER_DAY
