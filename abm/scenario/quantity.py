"""Physical values of a scenario: a float in internal units that remembers where it came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from abm.citations import KINDS
from abm.errors import UnitError
from abm.scenario.nodes import nearest
from abm.units import BY_POWERS, DIMENSIONS, Dimension, Measure, describe, molar_twin, parse

#: Keys of an annotated value.
ANNOTATION_KEYS = ("value", "low", "high", "kind", "source", "note")

#: Molar mass is kept in kDa; fg/mol per kDa.
_FG_PER_MOL_PER_KDA = 1e18


class Quantity(float):
    """A physical value; the float is in internal units (see `abm.units.DIMENSIONS`).

    Attributes
    ----------
    given : str
        As the user wrote it.
    unit : str
        Internal unit.
    low, high : float or None
        Cited range, internal units.
    kind : str or None
        ``measured``, ``fitted`` or ``assumed``.
    source : tuple of str
        Keys of sources.
    note : str
    molar : tuple of str
        Which of ``value``, ``low`` and ``high`` are amounts of substance and still have to be
        multiplied by a molar mass (`in_mass`).
    """

    __slots__ = ("given", "high", "kind", "low", "molar", "note", "source", "unit")

    given: str
    unit: str
    low: float | None
    high: float | None
    kind: str | None
    source: tuple[str, ...]
    note: str
    molar: tuple[str, ...]

    def __new__(  # noqa: D102 - the class says it all
        cls,
        value: float,
        *,
        unit: str = "1",
        given: str = "",
        low: float | None = None,
        high: float | None = None,
        kind: str | None = None,
        source: tuple[str, ...] = (),
        note: str = "",
        molar: tuple[str, ...] = (),
    ) -> Quantity:
        self = super().__new__(cls, value)
        self.unit, self.given = unit, given or f"{float(value):g} {unit}"
        self.low, self.high = low, high
        self.kind, self.source, self.note, self.molar = kind, source, note, molar
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:
        return (float(self),), {name: getattr(self, name) for name in self.__slots__}

    def __reduce__(self) -> tuple[Callable[..., Quantity], tuple[float, dict[str, Any]]]:
        (value,), options = self.__getnewargs_ex__()
        return _rebuild, (value, options)

    def __repr__(self) -> str:
        return f"Quantity({self.given!r} = {float(self)!r} {self.unit})"

    def __str__(self) -> str:
        return self.given

    @property
    def dimension(self) -> Dimension:
        """What kind of quantity this is."""
        return DIMENSIONS[self.unit]

    def in_mass(self, molar_mass: float) -> Quantity:
        """The same value by mass.

        Parameters
        ----------
        molar_mass : float [kDa]
        """
        if not self.molar:
            return self
        factor = molar_mass * _FG_PER_MOL_PER_KDA
        (value,), options = self.__getnewargs_ex__()
        for end in ("low", "high"):
            if end in self.molar:
                options[end] *= factor
        options["molar"] = ()
        return Quantity(value * factor if "value" in self.molar else value, **options)


def _rebuild(value: float, options: dict[str, Any]) -> Quantity:
    return Quantity(value, **options)


@dataclass(frozen=True)
class QuantityRule:
    """What a field accepts; also the pydantic annotation that makes a `Quantity` of it.

    Attributes
    ----------
    unit : str or None
        Internal unit; None takes any known dimension, checked later where it is used.
    positive : bool
        Zero is refused.
    signed : bool
        Negative values are allowed.
    at_most : float or None
        Largest value, internal units.
    words : tuple of (str, float)
        Words that stand for a value, e.g. ``never``; ``"0"`` lets a bare zero pass.
    """

    unit: str | None
    positive: bool = False
    signed: bool = False
    at_most: float | None = None
    words: tuple[tuple[str, float], ...] = ()

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        marks: dict[str, Any] = {"x-abm-quantity": self.unit or "any"}
        if self.words:
            marks["x-abm-words"] = [word for word, _ in self.words]
        return marks

    def validate(self, raw: object) -> Quantity:
        """A `Quantity` from a text, a number or an annotated mapping; all faults of it at once."""
        if isinstance(raw, Quantity):
            return raw
        if self.words and isinstance(raw, str | int) and str(raw) in dict(self.words):
            word = next(word for word, _ in self.words)
            return Quantity(dict(self.words)[str(raw)], unit=self.unit or "1", given=word)
        value, faults = read_quantity(raw, self)
        if value is None:
            raise PydanticCustomError("quantity", "{message}", {"message": faults[0][1], "faults": faults})
        return value

    @property
    def example(self) -> str:
        """A unit to show in messages."""
        return DIMENSIONS[self.unit].example if self.unit else "pg/ml"


def quantity(
    unit: str | None,
    *,
    positive: bool = False,
    signed: bool = False,
    at_most: float | None = None,
    words: Mapping[str, float] | None = None,
) -> QuantityRule:
    """Annotation for a pydantic field: ``Annotated[Quantity, quantity("um^2/min", positive=True)]``."""
    return QuantityRule(unit, positive, signed, at_most, tuple((words or {}).items()))


#: Where inside an annotated mapping a fault lies, and its message.
SubFault = tuple[tuple[str | int, ...], str]


def read_quantity(raw: object, rule: QuantityRule) -> tuple[Quantity | None, list[SubFault]]:
    """The value that `raw` says under `rule`, or every reason why it says none."""
    if isinstance(raw, dict):
        return _annotated(raw, rule)
    try:
        number, dimension, molar = _number(raw, rule)
        _check_sign(number, raw, rule)
    except UnitError as error:
        return None, [((), str(error))]
    return Quantity(number, unit=dimension.unit, given=_given(raw), molar=("value",) if molar else ()), []


def _annotated(raw: dict[str, object], rule: QuantityRule) -> tuple[Quantity | None, list[SubFault]]:
    faults: list[SubFault] = [
        ((key,), f"unknown key '{key}'{nearest(key, ANNOTATION_KEYS)}; allowed: {', '.join(ANNOTATION_KEYS)}")
        for key in raw
        if key not in ANNOTATION_KEYS
    ]
    if "value" not in raw:
        faults.append(((), "'value' is missing"))
    numbers: dict[str, tuple[float, Dimension, bool]] = {}
    for key in ("value", "low", "high"):
        if raw.get(key) is None and key != "value":
            continue
        if key in raw:
            try:
                numbers[key] = _number(raw[key], rule)
                _check_sign(numbers[key][0], raw[key], rule)
            except UnitError as error:
                faults.append(((key,), str(error)))
    faults += _range_faults(numbers)
    kind, source, note = raw.get("kind"), raw.get("source", ()), raw.get("note", "")
    if kind is not None and kind not in KINDS:
        hint = nearest(str(kind), KINDS)
        faults.append((("kind",), f"'{kind}' is no kind of value{hint}; allowed: {', '.join(KINDS)}"))
    sources = tuple(source) if isinstance(source, list | tuple) else (source,)
    if not all(isinstance(key, str) for key in sources):
        faults.append((("source",), "a source is a text or a list of texts"))
    if faults:
        return None, faults
    value, dimension, _ = numbers["value"]
    low, high = (numbers[end][0] if end in numbers else None for end in ("low", "high"))
    return Quantity(
        value,
        unit=dimension.unit,
        given=_given(raw["value"]),
        low=low,
        high=high,
        kind=None if kind is None else str(kind),
        source=tuple(str(key) for key in sources),
        note=str(note or ""),
        molar=tuple(key for key, number in numbers.items() if number[2]),
    ), []


def _range_faults(numbers: dict[str, tuple[float, Dimension, bool]]) -> list[SubFault]:
    if "value" not in numbers:
        return []
    dimension = numbers["value"][1]
    faults: list[SubFault] = [
        ((end,), f"'{end}' is {numbers[end][1].name}, but 'value' is {dimension.name}")
        for end in ("low", "high")
        if end in numbers and numbers[end][1] is not dimension
    ]
    low, high = numbers.get("low"), numbers.get("high")
    # An amount and a mass are compared once the molar mass is known.
    if not faults and low and high and low[2] == high[2] and low[0] > high[0]:
        faults.append((("low",), "'low' is larger than 'high'"))
    return faults


def _given(raw: object) -> str:
    return raw if isinstance(raw, str) else f"{raw:.15g}" if isinstance(raw, float) else str(raw)


_WHAT: dict[type, str] = {type(None): "nothing", list: "a list", dict: "a mapping"}


def _number(raw: object, rule: QuantityRule) -> tuple[float, Dimension, bool]:
    """Value in internal units, its dimension, and whether a molar mass is still missing."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        what = _WHAT.get(type(raw), f"'{raw}'".lower())
        wanted = DIMENSIONS[rule.unit].name if rule.unit else "a value with a unit"
        raise UnitError(f"expected {wanted}{_like(rule)}, got {what}")
    if isinstance(raw, int | float):
        return _bare(raw, rule), DIMENSIONS["1"], False
    measure = parse(raw)
    if rule.unit is None:
        dimension = BY_POWERS.get(measure.exponents)
        if dimension is not None:
            return measure.in_unit_of(dimension), dimension, False
        return _molar(measure, molar_twin(measure.exponents))
    wanted_dimension = DIMENSIONS[rule.unit]
    if measure.exponents == wanted_dimension.exponents:
        return measure.in_unit_of(wanted_dimension), wanted_dimension, False
    if not measure.unit_text:
        raise UnitError(_no_unit(raw, rule))
    twin = molar_twin(measure.exponents)
    if twin is not None and twin.unit == rule.unit:
        return _molar(measure, twin)
    message = f"'{raw}' is {describe(measure)}, expected {wanted_dimension.name}{_like(rule)}"
    if measure.unit_text.endswith("/kg"):
        message += "; multiply a dose per body mass by the body mass"
    raise UnitError(message)


def _molar(measure: Measure, twin: Dimension | None) -> tuple[float, Dimension, bool]:
    if twin is None:
        raise UnitError(f"'{measure.text}' has a unit that no quantity of this model has")
    return measure.in_unit_of(twin), twin, True


def _bare(raw: int | float, rule: QuantityRule) -> float:
    if isinstance(raw, float) and not math.isfinite(raw):
        raise UnitError(
            "'.nan' is not a number" if math.isnan(raw) else "the number is infinite or too large"
        )
    if rule.unit not in (None, "1"):
        raise UnitError(_no_unit(_given(raw), rule))
    try:
        return float(raw)
    except OverflowError:
        raise UnitError("the number is too large") from None


def _no_unit(given: str, rule: QuantityRule) -> str:
    wanted = DIMENSIONS[rule.unit or "1"].name
    return f"number {given} has no unit; {wanted} is written e.g. '{given} {rule.example}'"


def _like(rule: QuantityRule) -> str:
    if rule.unit == "1":
        return ""
    return f" such as '1 {rule.example}'"


def _check_sign(number: float, raw: object, rule: QuantityRule) -> None:
    given = _given(raw)
    if number < 0 and not rule.signed:
        raise UnitError(f"'{given}' is negative; it must be {'above' if rule.positive else 'at least'} 0")
    if number == 0 and rule.positive:
        raise UnitError(f"'{given}' must be above 0")
    if rule.at_most is not None and number > rule.at_most:
        raise UnitError(f"'{given}' is above the largest value, {rule.at_most:g}")
