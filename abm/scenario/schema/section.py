"""What every part of a scenario has in common, and the kinds of value it may hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from abm.scenario.quantity import Quantity, quantity

_INFINITY = float("inf")


class Section(BaseModel):
    """A frozen mapping of the scenario; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


def fault(message: str) -> PydanticCustomError:
    """An error whose text reaches the user as it is."""
    return PydanticCustomError("scenario", "{message}", {"message": message})


def one_of(raw: object, keys: Iterable[str], allowed: Iterable[str], what: str, least: int = 1) -> None:
    """Require exactly one of `keys` in a raw mapping (``least=0``: at most one).

    Unknown keys are left to the schema, which knows the nearest spelling; then nothing is required,
    since the misspelt key may be the missing one.
    """
    if not isinstance(raw, dict) or not set(raw) <= set(allowed):
        return
    keys = tuple(keys)
    given = [key for key in keys if raw.get(key) is not None]
    if len(given) > 1:
        raise fault(f"{what} has only one of {', '.join(keys)}; given: {', '.join(given)}")
    if len(given) < least:
        raise fault(f"{what} needs one of {', '.join(keys)}")


class OneOrMany:
    """Annotation of a list: one entry may stand without brackets."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def _listed(raw: object) -> object:
    return raw if isinstance(raw, list | tuple) else [raw]


# Each alias is the type of a field; its unit is the internal one.
Length: TypeAlias = Annotated[Quantity, quantity("um", positive=True)]
Width: TypeAlias = Annotated[Quantity, quantity("um")]
Coordinate: TypeAlias = Annotated[Quantity, quantity("um", signed=True)]
Volume: TypeAlias = Annotated[Quantity, quantity("um^3", positive=True)]
Duration: TypeAlias = Annotated[Quantity, quantity("min", positive=True)]
TimeSpan: TypeAlias = Annotated[Quantity, quantity("min")]
HalfLife: TypeAlias = Annotated[Quantity, quantity("min", positive=True, words={"none": _INFINITY})]
Interval: TypeAlias = Annotated[Quantity, quantity("min", words={"never": 0.0, "0": 0.0})]
Diffusion: TypeAlias = Annotated[Quantity, quantity("um^2/min")]
Speed: TypeAlias = Annotated[Quantity, quantity("um/min")]
Rate: TypeAlias = Annotated[Quantity, quantity("1/min")]
Concentration: TypeAlias = Annotated[Quantity, quantity("pg/ml")]
Level: TypeAlias = Annotated[Quantity, quantity("pg/ml", positive=True)]
ConcentrationRate: TypeAlias = Annotated[Quantity, quantity("pg/ml/min")]
Mass: TypeAlias = Annotated[Quantity, quantity("fg")]
MolarMass: TypeAlias = Annotated[Quantity, quantity("kDa", positive=True)]
NumberDensity: TypeAlias = Annotated[Quantity, quantity("1/um^3")]
Threshold: TypeAlias = Annotated[Quantity, quantity("g", positive=True)]
Number: TypeAlias = Annotated[Quantity, quantity("1")]
PositiveNumber: TypeAlias = Annotated[Quantity, quantity("1", positive=True)]
Fraction: TypeAlias = Annotated[Quantity, quantity("1", at_most=1.0)]
#: A value whose dimension follows from where it stands; checked once names are known.
AnyQuantity: TypeAlias = Annotated[Quantity, quantity(None)]
SignedQuantity: TypeAlias = Annotated[Quantity, quantity(None, signed=True)]
PositiveQuantity: TypeAlias = Annotated[Quantity, quantity(None, positive=True)]

#: One time or several.
Times: TypeAlias = Annotated[tuple[TimeSpan, ...], Field(min_length=1), OneOrMany()]
#: One length for all axes or one per axis.
Steps: TypeAlias = Annotated[tuple[Length, ...], Field(min_length=1, max_length=3), OneOrMany()]


def preset(value: float, unit: str, given: str) -> Any:
    """Default of a field, with the text that `abm check --explain` shows for it."""
    return Quantity(value, unit=unit, given=given, note="default")


#: How often something happens in all.
MAX_REPEATS = 10_000
Repeats: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_REPEATS)]


def every_and_repeats(every: Quantity | None, repeats: int, starts: int = 1) -> None:
    """Require both or none of the two keys of a repetition, and not too many of the `starts` repeated."""
    if (every is None) != (repeats == 1):
        raise fault("'every' and 'repeats' belong together: how far apart, and how often in all (2 or more)")
    if starts * repeats > MAX_REPEATS:
        raise fault(f"{starts} times repeated {repeats} times; at most {MAX_REPEATS} in all are allowed")


def repeated(at: tuple[Quantity, ...], every: Quantity | None, repeats: int) -> tuple[float, ...]:
    """Every time in `at` and its repetitions [min]."""
    step = float(every) if every is not None else 0.0
    return tuple(float(first) + i * step for first in at for i in range(repeats))
