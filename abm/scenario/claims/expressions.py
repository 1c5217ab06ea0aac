"""A checked claim: every name resolved, every unit converted, nothing left to go wrong but the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from abm.units import Exponents, parse

PERCENT = "%"
PLAIN: Exponents = (0, 0, 0, 0)
TIME: Exponents = (0, 1, 0, 0)
#: Longest unit that is printed as it came about; beyond it the unit is put together from its powers.
_LONGEST_UNIT = 40
_BASE_UNITS = ("um", "min", "fg", "mol")


class Shape(IntEnum):
    """How many numbers a value is; an expression takes the largest of its parts."""

    CONSTANT = 0  #: one number
    NUMBER = 1  #: one number for each replicate
    ENSEMBLE = 2  #: one number for all replicates together
    CURVE = 3  #: one number for each replicate and time


@dataclass(frozen=True)
class ValueType:
    """What a value is.

    Attributes
    ----------
    shape : Shape
    powers : tuple of int
        Of length, time, mass, amount.
    unit : str
        In which it is printed; ``1`` for a plain number.
    """

    shape: Shape
    powers: Exponents = PLAIN
    unit: str = "1"

    @property
    def factor(self) -> float:
        """The printed unit in base units (um, min, fg, mol)."""
        return unit_factor(self.unit)


def unit_factor(unit: str) -> float:
    """A unit in base units (um, min, fg, mol)."""
    return float(parse(f"1 {unit}").base_value) if unit not in ("1", "") else 1.0


@dataclass(frozen=True)
class Place:
    """Where a part of an expression stands in the text of the claim.

    Attributes
    ----------
    text : str
        The part as it was written.
    at : int
        Its first character, from 0.
    """

    text: str
    at: int


@dataclass(frozen=True)
class Constant:
    """A number that does not come from a run; in base units."""

    place: Place
    type: ValueType
    value: float


@dataclass(frozen=True)
class Call:
    """A function of the table with its arguments by name.

    Attributes
    ----------
    function : str
    arguments : tuple of (str, Argument)
        Names of arms, cytokines and so on as text; times and numbers in base units; other expressions.
        Optional ones that were not given are missing.
    arms : tuple of str
        Those among the arguments.
    """

    place: Place
    type: ValueType
    function: str
    arguments: tuple[tuple[str, Argument], ...]
    arms: tuple[str, ...] = ()

    @property
    def given(self) -> Mapping[str, Argument]:
        """The arguments as a mapping."""
        return dict(self.arguments)


@dataclass(frozen=True)
class Operation:
    """Arithmetic on values of the same replicate and time.

    Attributes
    ----------
    operator : str
        ``+ - * /``, ``^`` (with a constant power), ``negative``, ``abs``, ``log10``, ``min`` or ``max``.
    operands : tuple of Expression
    """

    place: Place
    type: ValueType
    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Comparison:
    """Two values of the same dimension and one of ``< <= > >=``."""

    place: Place
    shape: Shape
    operator: str
    left: Expression
    right: Expression

    @property
    def unit(self) -> str:
        """In which both sides are printed: that of the side that is measured, or the percent of a bound."""
        constant = self.left.type.shape is Shape.CONSTANT
        measured, other = (self.right, self.left) if constant else (self.left, self.right)
        plain = measured.type.unit == "1" and other.type.unit == PERCENT
        return PERCENT if plain else measured.type.unit


@dataclass(frozen=True)
class Combination:
    """Conditions joined by ``and`` or ``or``, or one condition under ``not``."""

    place: Place
    shape: Shape
    operator: str
    items: tuple[Condition, ...]


Expression: TypeAlias = Constant | Call | Operation
Condition: TypeAlias = Comparison | Combination
Argument: TypeAlias = "Expression | Condition | str | float"


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison that a claim rests on, in the order of writing."""
    if isinstance(condition, Comparison):
        yield condition
        return
    for item in condition.items:
        yield from comparisons(item)


def parts(node: Argument) -> Iterator[Expression | Condition]:
    """Every part of an expression, itself first."""
    if isinstance(node, str | float):
        return
    yield node
    below: tuple[Argument, ...]
    match node:
        case Call():
            below = tuple(value for _, value in node.arguments)
        case Operation():
            below = node.operands
        case Comparison():
            below = (node.left, node.right)
        case Combination():
            below = node.items
        case _:
            below = ()
    for part in below:
        yield from parts(part)


def arms_of(node: Expression | Condition) -> list[str]:
    """The arms that an expression reads, in the order of writing."""
    found = (arm for part in parts(node) if isinstance(part, Call) for arm in part.arms)
    return list(dict.fromkeys(found))


def multiplied(a: ValueType, b: ValueType, sign: int) -> tuple[Exponents, str]:
    """Powers and printed unit of a product (`sign` 1) or quotient (-1)."""
    w, x, y, z = (p + sign * q for p, q in zip(a.powers, b.powers, strict=True))
    powers = (w, x, y, z)
    if powers == PLAIN:
        return powers, "1"
    if b.powers == PLAIN:
        return powers, "1" if a.powers == PLAIN else a.unit
    if a.powers == PLAIN and sign == 1:
        return powers, b.unit
    left = "" if a.powers == PLAIN else _bracketed(a.unit)
    unit = f"{left}{'·' if sign == 1 else '/'}{_bracketed(b.unit)}"
    return powers, unit if len(unit) <= _LONGEST_UNIT else base_unit(powers)


def to_power(a: ValueType, exponent: int) -> tuple[Exponents, str]:
    """Powers and printed unit of a whole power."""
    w, x, y, z = (p * exponent for p in a.powers)
    powers = (w, x, y, z)
    return powers, "1" if powers == PLAIN else base_unit(powers)


def base_unit(powers: Exponents) -> str:
    """A unit put together from its powers, e.g. ``um^-2·min``."""
    named = zip(_BASE_UNITS, powers, strict=True)
    return "·".join(name if power == 1 else f"{name}^{power}" for name, power in named if power) or "1"


def _bracketed(unit: str) -> str:
    return f"({unit})" if set(unit) & set("·/*") else unit
