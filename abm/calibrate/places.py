"""Values inside a loaded scenario: finding one by its path, and putting others in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from abm.errors import UnitError
from abm.scenario.nodes import KeyPath, dotted, listed, nearest
from abm.scenario.quantity import ANNOTATION_KEYS, Quantity, QuantityRule, read_quantity
from abm.scenario.schema.responses import Response
from abm.scenario.schema.scenario import Scenario

#: Parts of a scenario that say how something is simulated, not what is.
SET_UP = ("schema_version", "title", "time", "record", "domain", "regions", "injuries", "sources")


class PlaceError(Exception):
    """There is no value that could be fitted at a path; the message says why."""


def value_at(scenario: Scenario, path: KeyPath) -> tuple[KeyPath, Quantity]:
    """The value at a path, and its path with indices as numbers and a response's ``base`` spelt out.

    Raises
    ------
    PlaceError
        Nothing is there, it is no number with a unit, or it belongs to the set-up of the simulation.
    """
    if path and path[0] in SET_UP:
        raise PlaceError(f"'{path[0]}' is part of the set-up, not of the biology; it cannot be fitted")
    here: Any = scenario
    found: list[str | int] = []
    for part in path:
        if isinstance(here, Quantity):
            raise PlaceError(_below_a_value(found, str(part)))
        key, here = _below(here, str(part), tuple(found))
        found.append(key)
    if isinstance(here, Response):
        found.append("base")
        here = here.base
    if not isinstance(here, Quantity):
        raise PlaceError(_no_value(here, found))
    if not math.isfinite(here):
        raise PlaceError(f"'{here.given}' is no finite value, so it cannot be fitted")
    return tuple(found), here


def _below(here: Any, part: str, path: KeyPath) -> tuple[str | int, Any]:
    if isinstance(here, tuple):
        if not part.isascii() or not part.isdigit() or len(part) > 9 or int(part) >= len(here):
            raise PlaceError(f"'{dotted(path)}' is a list with entries 0 to {len(here) - 1}; given: '{part}'")
        return int(part), here[int(part)]
    if isinstance(here, BaseModel):
        known = list(type(here).model_fields)
        if part in known:
            return part, getattr(here, part)
    elif isinstance(here, Mapping):
        known = list(here)
        if part in here:
            return part, here[part]
    else:
        raise PlaceError(f"'{dotted(path)}' has no parts, so '{part}' does not exist")
    where = f"in '{dotted(path)}'" if path else "at the top"
    raise PlaceError(f"no '{part}' {where}{nearest(part, known)}; known: {listed(known, 24)}")


def _below_a_value(found: list[str | int], part: str) -> str:
    if part in ANNOTATION_KEYS:
        return f"'{part}' is a part of the value '{dotted(found)}'; give the path of the value itself"
    return f"'{dotted(found)}' is a value and has no '{part}'"


def _no_value(here: Any, found: list[str | int]) -> str:
    if here is None:
        return f"'{dotted(found)}' is not set in this scenario"
    if isinstance(here, BaseModel):
        return f"'{dotted(found)}' is no value; it has {listed(type(here).model_fields, 24)}"
    if isinstance(here, Mapping):
        return f"'{dotted(found)}' is no value; it has {listed(here, 24)}"
    return f"'{dotted(found)}' is no value with a unit, so it cannot be fitted"


def with_values(scenario: Scenario, values: Mapping[KeyPath, Quantity]) -> Scenario:
    """The scenario with other values at some places; the places must exist.

    What a value may be is not checked again: load a scenario with the same values once to be sure.
    """
    changed = scenario
    for path, value in values.items():
        changed = _put(changed, path, value)
    return changed


def _put(here: Any, path: KeyPath, value: Quantity) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(here, BaseModel):
        below = _put(getattr(here, str(part)), rest, value)
        return here.model_copy(update={str(part): below})
    if isinstance(here, tuple):
        assert isinstance(part, int)
        return (*here[:part], _put(here[part], rest, value), *here[part + 1 :])
    return {**here, part: _put(here[part], rest, value)}


def read_like(raw: object, like: Quantity) -> Quantity:
    """A value given in a fit file, of the same dimension as one of the scenario.

    Raises
    ------
    UnitError
        It is no number with a unit of that dimension.
    """
    value, faults = read_quantity(raw, QuantityRule(like.unit, signed=True))
    if value is None:
        raise UnitError(faults[0][1])
    if value.molar:
        raise UnitError(f"'{raw}' is an amount of substance; write it as a mass, as in the scenario")
    return value
