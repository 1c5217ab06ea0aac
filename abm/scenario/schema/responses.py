"""Responses: how signals set a behaviour or a cell variable.

v = base + sum of `adds`.  `increases` lift v towards its `to` by a multivariate Hill function
H = S/(S + B) with S = sum (signal/half_max)^hill_power, or (sum signal/half_max)^joint_power, and B
from the `brakes`; `decreases` lower what comes out in the same way; then follow the factors of
`times` and the divisors of `divided_by` (1 + sum (signal/half_max)^hill_power).  This is the rule
of PhysiCell (doi:10.1016/j.cell.2025.06.048) extended by brakes, factors and divisors.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from abm.scenario.quantity import ANNOTATION_KEYS, Quantity
from abm.scenario.schema.section import (
    AnyQuantity,
    PositiveNumber,
    PositiveQuantity,
    Section,
    SignedQuantity,
    fault,
    one_of,
    preset,
)

_SIGNAL = "what is sensed, e.g. 'IL-1b', 'excess TNF-a', 'own activation', 'density of microglia'"
_HALF_MAX = "signal at which the Hill function is one half"
_POWER = "Hill power"


class Term(Section):
    """One signal of a response."""

    signal: str = Field(description=_SIGNAL)


class Add(Term):
    """Adds amount x Hill(signal), or amount x signal / per."""

    amount: SignedQuantity = Field(
        description="what is added at most (with half_max), or per 'per' of the signal"
    )
    half_max: PositiveQuantity | None = Field(None, description=_HALF_MAX)
    per: PositiveQuantity | None = Field(None, description="amount of signal that adds one 'amount'")
    hill_power: PositiveNumber = Field(preset(1.0, "1", "1"), description=_POWER)
    above_baseline: bool = Field(False, description="subtract the Hill value at the cytokine's baseline")

    @model_validator(mode="before")
    @classmethod
    def _form(cls, raw: object) -> object:
        one_of(raw, ("half_max", "per"), cls.model_fields, "a term of 'adds'")
        _hill_only(raw)
        return raw


class Change(Term):
    """Moves the value towards `to`: Hill(signal), or min(signal / full, 1) standing alone."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].remove("to"))

    to: SignedQuantity = Field(
        description="value at full effect; when left out, that of the first term beside it that has one"
    )
    half_max: PositiveQuantity | None = Field(None, description=_HALF_MAX)
    full: PositiveQuantity | None = Field(None, description="signal at which a linear effect is full")
    hill_power: PositiveNumber = Field(preset(1.0, "1", "1"), description=_POWER)
    above_baseline: bool = Field(False, description="no effect at the cytokine's baseline")

    @model_validator(mode="before")
    @classmethod
    def _form(cls, raw: object) -> object:
        one_of(raw, ("half_max", "full"), cls.model_fields, "a term of 'increases' or 'decreases'")
        _hill_only(raw)
        return raw


class Brake(Term):
    """Competes with the `increases`: adds signal / half_max to the 1 of S/(S + 1)."""

    half_max: PositiveQuantity = Field(description="signal that doubles what is needed for the same effect")


class Factor(Term):
    """A factor: the signal, signal / per, max(0, 1 - signal / limit), or Hill(signal)."""

    per: PositiveQuantity | None = Field(None, description="signal at which the factor is 1")
    limit: PositiveQuantity | None = Field(None, description="signal at which the factor reaches 0")
    half_max: PositiveQuantity | None = Field(None, description=_HALF_MAX)
    hill_power: PositiveNumber = Field(preset(1.0, "1", "1"), description=_POWER)

    @model_validator(mode="before")
    @classmethod
    def _form(cls, raw: object) -> object:
        one_of(raw, ("per", "limit", "half_max"), cls.model_fields, "a term of 'times'", least=0)
        _hill_only(raw)
        return raw


class Divisor(Term):
    """Divides by 1 + (signal / half_max)^hill_power; the terms of one response add up."""

    half_max: PositiveQuantity = Field(description="signal that halves the value")
    hill_power: PositiveNumber = Field(preset(1.0, "1", "1"), description=_POWER)


def _hill_only(raw: object) -> None:
    if isinstance(raw, dict) and raw.get("half_max") is None:
        for key in ("hill_power", "above_baseline"):
            if raw.get(key) is not None:
                raise fault(f"'{key}' needs 'half_max': it belongs to a Hill function")


class Response(Section):
    """The value of a behaviour or of a variable's target, gain or instant value."""

    base: AnyQuantity = Field(preset(0.0, "1", "0"), description="value without any signal")
    adds: tuple[Add, ...] = Field((), description="amounts added to the base")
    increases: tuple[Change, ...] = Field((), description="signals that raise the value, up to 'to'")
    decreases: tuple[Change, ...] = Field((), description="signals that lower the value, down to 'to'")
    brakes: tuple[Brake, ...] = Field((), description="signals that compete with the increases")
    joint_power: PositiveNumber | None = Field(
        None, description="one Hill power for the sum of all terms of a side, instead of one for each"
    )
    times: tuple[Factor, ...] = Field((), description="factors")
    divided_by: tuple[Divisor, ...] = Field((), description="inhibitors")

    @model_validator(mode="before")
    @classmethod
    def _limits(cls, raw: object) -> object:
        """One side has one limit: terms that leave it out, as appended ones may, take it from the others."""
        return {key: _with_limit(key, value) for key, value in raw.items()} if isinstance(raw, dict) else raw

    @property
    def is_constant(self) -> bool:
        """Whether no signal is read."""
        return not self.terms()

    def terms(self) -> tuple[tuple[str, int, Term], ...]:
        """Every term with its side and place."""
        return tuple((side, i, term) for side in SIDES for i, term in enumerate(getattr(self, side)))


LIMITED_SIDES = ("increases", "decreases")
SIDES = ("adds", "increases", "decreases", "brakes", "times", "divided_by")


def _with_limit(side: object, terms: object) -> object:
    if side not in LIMITED_SIDES or not isinstance(terms, list | tuple):
        return terms
    given = [term["to"] for term in terms if isinstance(term, dict) and term.get("to") is not None]
    if not given:
        return terms
    return [{"to": given[0], **term} if isinstance(term, dict) else term for term in terms]


def _as_response(raw: object) -> object:
    """A bare or annotated quantity is a response with nothing but a base."""
    if isinstance(raw, str | int | float | Quantity) and not isinstance(raw, bool):
        return {"base": raw}
    if isinstance(raw, dict) and "value" in raw and set(raw) <= set(ANNOTATION_KEYS):
        return {"base": raw}
    return raw


ResponseValue: TypeAlias = Annotated[Response, BeforeValidator(_as_response)]
