"""Calls of functions: what comes out, and those that are rewritten in terms of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abm.scenario.claims.expressions import (
    PLAIN,
    TIME,
    Argument,
    Call,
    Combination,
    Comparison,
    Condition,
    Constant,
    Expression,
    Shape,
    ValueType,
    arms_of,
    multiplied,
)
from abm.scenario.claims.functions import FUNCTIONS
from abm.scenario.claims.names import (
    Arms,
    Bound,
    arm_of,
    bind,
    fits,
    known_name,
    label_of,
    text_of,
    within_runs,
)
from abm.scenario.claims.series import SERIES
from abm.scenario.claims.signatures import (
    AS_GIVEN,
    OF_SERIES,
    TIMES_TIME,
    WHEN,
    Function,
    Parameter,
    Takes,
)
from abm.scenario.claims.syntax import Call as CallTree
from abm.scenario.claims.syntax import Tree
from abm.scenario.nodes import listed, nearest
from abm.units import parse

if TYPE_CHECKING:
    from abm.scenario.claims.checker import Checker

#: Largest count, such as the animals of an assay.
MOST = 100_000


def call(checker: Checker, tree: CallTree) -> Expression | None:
    """A function that gives a value; None when it is faulty."""
    function = FUNCTIONS.get(tree.name)
    if function is None:
        known = f"{nearest(tree.name, FUNCTIONS)}; functions: {listed(FUNCTIONS, 40)}"
        checker.fault(tree.start, f"no function '{tree.name}'{known}")
        return None
    if tree.name in ("min", "max") and sum(not a.keyword for a in tree.arguments) > 1:
        return _extreme(checker, tree)
    bound = bind(checker, tree, function)
    if bound is None:
        return None
    declared = [parameter.name for parameter in function.parameters]
    when = {name: value for name, value in bound.items() if name in WHEN and name not in declared}
    own = {name: value for name, value in bound.items() if name not in when}
    match tree.name:
        case "enrichment":
            return _enrichment(checker, tree, own, when)
        case "correlation":
            return _correlation(checker, tree, own)
        case "fold":
            made = _fold(checker, tree, own)
        case "ratio":
            x, y = checker.value(own["x"]), checker.value(own["y"])
            made = None if x is None or y is None else checker.combined(tree, "/", x, y, own["y"].start)
        case "abs" | "log10":
            made = _single(checker, tree, own["x"])
        case _:
            made = _computed(checker, tree, function, own)
    return _at_times(checker, tree, made, when)


# ------------------------------------------------------------------------------------ computed as it stands


def _computed(checker: Checker, tree: CallTree, function: Function, bound: Bound) -> Expression | None:
    """A call that keeps its name."""
    names = [arm_of(checker, bound[p.name]) for p in function.parameters if p.takes is Takes.ARM]
    arms: Arms = {name: checker.arms[name] for name in names if name is not None}
    given: dict[str, Argument] = {}
    sound = None not in names
    for parameter in function.parameters:
        if parameter.takes is Takes.ARM:
            given[parameter.name] = names.pop(0) or ""
        elif parameter.name in bound:
            value = _argument(checker, parameter, bound[parameter.name], given, arms)
            sound = sound and value is not None
            given[parameter.name] = "" if value is None else value
    series = str(given["name"]) if function.name == "series" and given["name"] else ""
    for dimension in [name for name in bound if series and name not in given]:
        label = label_of(checker, dimension, bound[dimension], series, arms)
        sound = sound and label is not None
        given[dimension] = label or ""
    if not sound or not fits(checker, tree, function, bound, arms):
        return None
    kind = _type(checker, function, given)
    times = {name: time for name in ("time", "after", *WHEN) if isinstance(time := given.get(name), float)}
    courses = [value for value in given.values() if not isinstance(value, str | float)]
    read = [*arms, *(arm for course in courses for arm in arms_of(course))]
    if kind is None or not within_runs(checker, bound, times, read):
        return None
    return Call(checker.place(tree), kind, function.name, tuple(given.items()), tuple(arms))


def _argument(
    checker: Checker, parameter: Parameter, tree: Tree, given: dict[str, Argument], arms: Arms
) -> Argument | None:
    """One argument, checked for what it must be."""
    match parameter.takes:
        case Takes.TIME:
            return time_of(checker, tree)
        case Takes.COUNT:
            return _count(checker, tree)
        case Takes.CONDITION:
            return checker.condition(tree)
        case Takes.VALUE:
            return checker.value(tree)
        case Takes.CURVE:
            value = checker.value(tree)
            if value is not None and value.type.shape is not Shape.CURVE:
                checker.fault(
                    tree.start, f"{checker.shown(tree)} does not change over time; a course is needed"
                )
                return None
            return value
    return known_name(checker, parameter.takes, tree, str(given.get("cell_type", "")), arms)


def time_of(checker: Checker, tree: Tree) -> float | None:
    """A time since the start of the run [min], given as a number."""
    value = checker.value(tree)
    if value is None:
        return None
    if not isinstance(value, Constant):
        message = f"{checker.shown(tree)} is measured; a time is given as a number, e.g. 5 d"
    elif value.type.powers != TIME:
        what = "has no unit" if value.type.powers == PLAIN else f"is in {value.type.unit}"
        message = f"{checker.shown(tree)} {what}; a time is expected, e.g. 5 d"
    elif value.value < 0.0:
        message = f"{checker.shown(tree)} lies before the start of the run"
    else:
        return value.value
    checker.fault(tree.start, message)
    return None


def _count(checker: Checker, tree: Tree) -> float | None:
    value = checker.value(tree)
    if value is None:
        return None
    sound = isinstance(value, Constant) and value.type.powers == PLAIN
    if not isinstance(value, Constant) or not sound or not 1.0 <= value.value <= MOST or value.value % 1.0:
        message = f"{checker.shown(tree)} stands where a whole number from 1 to {MOST} is expected"
        checker.fault(tree.start, message)
        return None
    return value.value


def _type(checker: Checker, function: Function, given: dict[str, Argument]) -> ValueType | None:
    """Shape, dimension and unit of the result."""
    first, condition = given.get("x"), given.get("condition")
    if isinstance(condition, Combination | Comparison):
        wanted = Shape.NUMBER if function.name == "share" else Shape.CURVE
        if condition.shape is not wanted:
            what = "single numbers" if wanted is Shape.NUMBER else "values over time"
            message = f"{function.name} takes a condition about {what}; '{condition.place.text}' is none"
            checker.fault(condition.place.at, message)
            return None
    if not isinstance(first, str | float | Combination | Comparison | None):
        if function.unit == AS_GIVEN:
            return ValueType(function.shape, first.type.powers, first.type.unit)
        if function.unit == TIMES_TIME:
            day = ValueType(Shape.CONSTANT, TIME, "d")
            return ValueType(function.shape, *multiplied(first.type, day, 1))
    unit = SERIES[str(given["name"])].unit if function.unit == OF_SERIES else function.unit
    return ValueType(function.shape, parse(f"1 {unit}").exponents, unit)


def _at_times(checker: Checker, tree: CallTree, value: Expression | None, when: Bound) -> Expression | None:
    """A course at a time or averaged over a window, where the call says so."""
    found = {name: time_of(checker, part) for name, part in when.items()}
    times = {name: time for name, time in found.items() if time is not None}
    if value is None or len(times) < len(found) or not times:
        return value if not found else None
    first = next(iter(when))
    if value.type.shape is not Shape.CURVE:
        message = f"'{value.place.text}' does not change over time; leave {first}= out"
        checker.fault(when[first].start, message)
        return None
    if "at" in times and len(times) > 1:
        checker.fault(when["at"].start, "give either at= or a window with from= and to=")
        return None
    if not within_runs(checker, when, times, arms_of(value)):
        return None
    kind = ValueType(Shape.NUMBER, value.type.powers, value.type.unit)
    given: list[tuple[str, Argument]] = [("x", value)]
    given += [("time" if name == "at" else name, time) for name, time in times.items()]
    return Call(checker.place(tree), kind, "at" if "at" in times else "mean", tuple(given))


# ---------------------------------------------------------------------------------------------- rewritten


def between(checker: Checker, tree: CallTree) -> Condition | None:
    """``low <= x <= high`` as two comparisons."""
    bound = bind(checker, tree, FUNCTIONS["between"])
    if bound is None:
        return None
    x, low, high = (checker.value(bound[name]) for name in ("x", "low", "high"))
    found: list[Condition] = []
    for operator, limit, part in ((">=", low, bound["low"]), ("<=", high, bound["high"])):
        if x is not None and limit is not None:
            text = f"{x.place.text} {operator} {limit.place.text}"
            made = checker.compared(text, tree.start, operator, x, limit, part.start)
            found += [made] if made is not None else []
    return checker.joined(tree, "and", found) if len(found) == 2 else None


def _extreme(checker: Checker, tree: CallTree) -> Expression | None:
    """The smallest or largest of several values of the same replicate and time."""
    if any(argument.keyword for argument in tree.arguments):
        checker.fault(tree.start, f"{tree.name} of several values has no other arguments")
        return None
    values = [checker.value(argument.value) for argument in tree.arguments]
    good = [value for value in values if value is not None]
    if len(good) < len(values):
        return None
    for value in good[1:]:
        if value.type.powers != good[0].type.powers:
            message = f"'{good[0].place.text}' and '{value.place.text}' have different units"
            checker.fault(value.place.at, message)
            return None
    return checker.operation(tree, tree.name, tuple(good), good[0].type)


def _single(checker: Checker, tree: CallTree, argument: Tree) -> Expression | None:
    value = checker.value(argument)
    if value is None:
        return None
    if tree.name == "abs":
        return checker.operation(tree, "abs", (value,), value.type)
    if value.type.powers != PLAIN:
        message = f"'{value.place.text}' is in {value.type.unit}; log10 takes a plain number"
        checker.fault(argument.start, message)
        return None
    return checker.operation(tree, "log10", (value,), ValueType(Shape.CONSTANT))


def _fold(checker: Checker, tree: CallTree, bound: Bound) -> Expression | None:
    """An expression over itself in another arm."""
    over, above = arm_of(checker, bound["over"]), checker.value(bound["x"])
    if over is None or above is None:
        return None
    arms = arms_of(above)
    if len(arms) != 1 or arms[0] == over:
        has = ", ".join(arms) or "none"
        checker.fault(
            bound["x"].start, f"fold takes an expression of one arm other than '{over}'; this has {has}"
        )
        return None
    with checker.reading(arms[0], over):
        below = checker.value(bound["x"])
    return None if below is None else checker.combined(tree, "/", above, below, bound["over"].start)


def _enrichment(checker: Checker, tree: CallTree, own: Bound, when: Bound) -> Expression | None:
    """Density inside over density outside, each at the time or averaged over the window."""
    sides = []
    for word in ("region", "outside"):
        bound = {"cell_type": own["cell_type"], "arm": own["arm"], word: own["region"]}
        side = _computed(checker, tree, FUNCTIONS["density"], bound)
        sides.append(_at_times(checker, tree, side, when))
    inside, outside = sides
    if inside is None or outside is None:
        return None
    return checker.combined(tree, "/", inside, outside, tree.start)


def _correlation(checker: Checker, tree: CallTree, bound: Bound) -> Expression | None:
    x, y = checker.value(bound["x"]), checker.value(bound["y"])
    found = {name: time_of(checker, part) for name, part in bound.items() if name in WHEN}
    times = {name: time for name, time in found.items() if time is not None}
    if x is None or y is None or len(times) < len(found):
        return None
    shapes = {x.type.shape, y.type.shape}
    if shapes not in ({Shape.CURVE}, {Shape.NUMBER}):
        checker.fault(
            tree.start, "correlation takes two courses over time, or two numbers that each replicate has"
        )
        return None
    if shapes == {Shape.NUMBER} and times:
        checker.fault(bound[next(iter(times))].start, "a window belongs to two courses; these are numbers")
        return None
    if not within_runs(checker, bound, times, (*arms_of(x), *arms_of(y))):
        return None
    kind = ValueType(Shape.ENSEMBLE if shapes == {Shape.NUMBER} else Shape.NUMBER)
    given: list[tuple[str, Argument]] = [("x", x), ("y", y), *times.items()]
    return Call(checker.place(tree), kind, "correlation", tuple(given))


__all__ = ["between", "call", "text_of", "time_of"]
