"""From the tree of a claim to a checked expression, or to everything that is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from abm.errors import UnitError
from abm.scenario.claims import calls
from abm.scenario.claims.context import Context
from abm.scenario.claims.expressions import (
    PERCENT,
    PLAIN,
    Call,
    Combination,
    Comparison,
    Condition,
    Constant,
    Expression,
    Operation,
    Place,
    Shape,
    ValueType,
    comparisons,
    multiplied,
    parts,
    to_power,
)
from abm.scenario.claims.functions import FUNCTIONS
from abm.scenario.claims.syntax import (
    Arithmetic,
    Chain,
    Logic,
    Name,
    Negative,
    Number,
    Part,
    Power,
    Text,
    Tree,
    parse_claim,
)
from abm.scenario.claims.syntax import Call as CallTree
from abm.scenario.claims.tokens import ClaimError
from abm.scenario.nodes import nearest
from abm.scenario.schema.scenario import Scenario
from abm.units import Measure, parse

_CHOOSE = "choose a time with at=, a window with from= and to=, or take its min, max or area"
#: Beyond this no quantity of the field goes.
_LARGEST_POWER = 36


def check_claim(text: str, arms: Mapping[str, Scenario | None]) -> tuple[Condition | None, list[ClaimError]]:
    """The expression of a claim, or its faults.

    Parameters
    ----------
    text : str
    arms : mapping of str to Scenario or None
        None for an arm too faulty to be looked into: its name is known, its contents are not checked.

    Returns
    -------
    condition : Condition or None
        None when there are faults other than late times.
    faults : list of ClaimError
        One when the text cannot be read, else all that were found, by position.
    """
    try:
        tree = parse_claim(text)
    except ClaimError as error:
        return None, [error]
    checker = Checker(text, arms)
    condition = checker.claim(tree)
    unique = {(fault.at, fault.message): fault for fault in checker.faults}
    faults = sorted(unique.values(), key=lambda fault: fault.at)
    return (condition if all(fault.is_late for fault in faults) else None), faults


class Checker(Context):
    """Checks one claim; faults are collected, and what depends on a faulty part is passed over."""

    def claim(self, tree: Tree) -> Condition | None:
        """A whole claim: a condition about single numbers."""
        if not _is_condition(tree):
            if self.value(tree) is not None:
                message = f"{self.shown(tree)} is a value; a claim compares values, e.g. '... > 30 %'"
                self.fault(tree.start, message)
            return None
        condition = self.condition(tree)
        if condition is None:
            return None
        for comparison in comparisons(condition):
            for side in (comparison.left, comparison.right):
                if side.type.shape is Shape.CURVE:
                    self.fault(side.place.at, f"'{side.place.text}' changes over time; {_CHOOSE}")
        return condition

    # ------------------------------------------------------------------------------------- conditions

    def condition(self, tree: Tree) -> Condition | None:
        """A condition: comparisons, joined or not."""
        match tree:
            case Chain():
                return self._chain(tree)
            case Logic():
                items = [self.condition(item) for item in tree.items]
                good = [item for item in items if item is not None]
                return self.joined(tree, tree.operator, good) if len(good) == len(items) else None
            case CallTree() if _is_condition(tree):
                return calls.between(self, tree)
        self.fault(tree.start, f"{self.shown(tree)} is a value where a condition is expected")
        return None

    def _chain(self, tree: Chain) -> Condition | None:
        values = [self.value(value) for value in tree.values]
        found: list[Condition] = []
        for i, (operator, sign) in enumerate(zip(tree.operators, tree.signs, strict=True)):
            left, right = values[i], values[i + 1]
            if left is not None and right is not None:
                start = tree.values[i].start
                text = self.text[start : tree.values[i + 1].end]
                made = self.compared(text, start, operator, left, right, sign)
                found += [made] if made is not None else []
        if len(found) < len(tree.operators):
            return None
        return found[0] if len(found) == 1 else self.joined(tree, "and", found)

    def joined(self, part: Part, operator: str, items: Sequence[Condition]) -> Condition | None:
        """Conditions under ``and``, ``or`` or ``not``; all about courses, or all about numbers."""
        if len({item.shape is Shape.CURVE for item in items}) > 1:
            self.fault(part.start, f"'{operator}' joins a condition over time with one about single numbers")
            return None
        return Combination(self.place(part), max(item.shape for item in items), operator, tuple(items))

    def compared(
        self, text: str, at: int, operator: str, left: Expression, right: Expression, sign: int
    ) -> Comparison | None:
        """A comparison of two values of the same dimension."""
        if not self._same_dimension(left, right, sign, "compared"):
            return None
        shapes = (left.type.shape, right.type.shape)
        if max(shapes) is Shape.CONSTANT:
            self.fault(at, f"'{text}' compares two constants; nothing in it comes from a run")
            return None
        for side, other in ((left, right), (right, left)):
            if _holds_share(side) and not (_is_share(side) and other.type.shape is Shape.CONSTANT):
                self.fault(side.place.at, "a share of replicates is compared with a number, and by itself")
                return None
        return Comparison(Place(text, at), max(shapes), operator, left, right)

    def _same_dimension(self, left: Expression, right: Expression, sign: int, verb: str) -> bool:
        if left.type.powers != right.type.powers:
            both = f"'{left.place.text}' is {_in(left)} and '{right.place.text}' is {_in(right)}"
            self.fault(sign, f"{both}: they cannot be {verb}")
            return False
        for side, other in ((left, right), (right, left)):
            bare = isinstance(side, Constant) and side.type.unit == "1" and side.value != 0.0
            if bare and other.type.unit == PERCENT:
                shown = side.place.text
                message = f"'{other.place.text}' is in percent; write '{shown} %' in place of '{shown}'"
                self.fault(side.place.at, message)
                return False
        return True

    # ----------------------------------------------------------------------------------------- values

    def value(self, tree: Tree) -> Expression | None:
        """A number, a course or a constant."""
        match tree:
            case Number():
                return self._constant(tree, tree.measure)
            case Text():
                return self._quoted(tree)
            case Name():
                return self._bare(tree)
            case CallTree() if not _is_condition(tree):
                return calls.call(self, tree)
            case Arithmetic():
                left, right = self.value(tree.left), self.value(tree.right)
                if left is None or right is None:
                    return None
                return self.combined(tree, tree.operator, left, right, tree.sign)
            case Negative() | Power():
                return self._changed(tree)
        self.fault(tree.start, f"{self.shown(tree)} is a condition where a value is expected")
        return None

    def _constant(self, part: Part, measure: Measure) -> Expression | None:
        try:
            value = float(measure.base_value)
        except OverflowError:
            self.fault(part.start, f"'{measure.text}' is too large")
            return None
        kind = ValueType(Shape.CONSTANT, measure.exponents, measure.unit_text or "1")
        return Constant(self.place(part), kind, value)

    def _quoted(self, tree: Text) -> Expression | None:
        try:
            return self._constant(tree, parse(tree.text))
        except UnitError as error:
            self.fault(tree.start, f"a value is expected here, e.g. '5 d': {error}")
            return None

    def _bare(self, tree: Name) -> Expression | None:
        if tree.name in self.arms:
            message = (
                f"the arm '{tree.name}' has no value by itself; write e.g. threshold({tree.name}, at=7 d)"
            )
        else:
            message = f"'{tree.name}' is no value{nearest(tree.name, FUNCTIONS)}"
        self.fault(tree.start, message)
        return None

    def combined(
        self, part: Part, operator: str, left: Expression, right: Expression, sign: int
    ) -> Expression | None:
        """Sum, difference, product or quotient of two values."""
        if operator in "+-":
            if not self._same_dimension(left, right, sign, "added" if operator == "+" else "subtracted"):
                return None
            # What comes from a run says in which unit people think of it.
            powers, unit = left.type.powers, (right if isinstance(left, Constant) else left).type.unit
        else:
            powers, unit = multiplied(left.type, right.type, 1 if operator == "*" else -1)
        if operator == "/" and isinstance(right, Constant) and right.value == 0.0:
            self.fault(sign, f"division by zero: '{right.place.text}'")
            return None
        return self.operation(part, operator, (left, right), ValueType(Shape.CONSTANT, powers, unit))

    def _changed(self, tree: Negative | Power) -> Expression | None:
        value = self.value(tree.value)
        if value is None:
            return None
        if isinstance(tree, Negative):
            return self.operation(tree, "negative", (value,), value.type)
        if isinstance(value, Constant) and value.value == 0.0 and tree.exponent < 0:
            self.fault(tree.start, f"division by zero: {self.shown(tree)}")
            return None
        powers, unit = to_power(value.type, tree.exponent)
        exponent = Constant(self.place(tree), ValueType(Shape.CONSTANT), float(tree.exponent))
        return self.operation(tree, "^", (value, exponent), ValueType(Shape.CONSTANT, powers, unit))

    def operation(
        self, part: Part, operator: str, operands: tuple[Expression, ...], kind: ValueType
    ) -> Expression | None:
        """Arithmetic on values; constants are worked out at once."""
        shapes = [operand.type.shape for operand in operands]
        if max(map(abs, kind.powers)) > _LARGEST_POWER:
            self.fault(part.start, f"{self.shown(part)} has a unit that no quantity has")
            return None
        if Shape.CURVE in shapes and Shape.ENSEMBLE in shapes:
            message = "mixes a course over time with a number of all replicates together"
            self.fault(part.start, f"{self.shown(part)} {message}")
            return None
        result = ValueType(max(shapes), kind.powers, kind.unit)
        if max(shapes) is not Shape.CONSTANT:
            return Operation(self.place(part), result, operator, operands)
        value = _folded(operator, [operand.value for operand in operands if isinstance(operand, Constant)])
        if not math.isfinite(value):
            self.fault(part.start, f"{self.shown(part)} has no value in the numbers of this program")
            return None
        return Constant(self.place(part), result, value)


def _is_condition(tree: Tree) -> bool:
    return isinstance(tree, Chain | Logic) or (isinstance(tree, CallTree) and tree.name == "between")


def _is_share(node: Expression) -> bool:
    return isinstance(node, Call) and node.function == "share"


def _holds_share(node: Expression) -> bool:
    return any(isinstance(part, Call) and part.function == "share" for part in parts(node))


def _in(node: Expression) -> str:
    if node.type.powers == PLAIN:
        return "a percentage" if node.type.unit == PERCENT else "a plain number"
    return f"in {node.type.unit}"


_ON_CONSTANTS: Mapping[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": math.pow,
    "negative": lambda a: -a,
    "abs": abs,
    "log10": math.log10,
    "min": min,
    "max": max,
}


def _folded(operator: str, values: Sequence[float]) -> float:
    """Value of an operation on constants; nan where there is none."""
    try:
        return float(_ON_CONSTANTS[operator](*values))
    except (ArithmeticError, ValueError):
        return math.nan
