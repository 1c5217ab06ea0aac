"""A usable object from a faulty document, so that one run of the checks finds every fault.

Faulty values become stand-ins that the later checks pass over (`abm.scenario.walk.is_unknown`),
unknown keys are dropped.  The result is never run.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from abm.scenario.nodes import MapNode, plain
from abm.scenario.schema.scenario import SCHEMA_VERSION, Scenario
from abm.scenario.walk import UNKNOWN_TEXT, unknown_quantity

_ROUNDS = 8
Raw: TypeAlias = dict[str, Any] | list[Any]


def _section(key: str) -> object:
    """Stand-in for a missing part; most missing parts are quantities."""
    unknown = unknown_quantity()
    if key == "domain":
        return {"size": [unknown, unknown], "spacing": unknown, "thickness": unknown}
    return {"time": {"duration": unknown}, "schema_version": SCHEMA_VERSION}.get(key, unknown)


def repaired(node: MapNode) -> Scenario | None:
    """The scenario that a faulty document comes nearest to; None when nothing helps."""
    raw = plain(node)
    assert isinstance(raw, dict)
    for _ in range(_ROUNDS):
        try:
            return Scenario.model_validate(raw)
        except ValidationError as error:
            # From the end, so that removing an item of a list does not move the ones still to come.
            for detail in reversed(error.errors(include_url=False)):
                _patch(raw, detail)
    return None


def _patch(raw: dict[str, Any], detail: ErrorDetails) -> None:
    kind = detail["type"]
    holder, key, is_exact = _locate(raw, detail["loc"], kind)
    if holder is None or key is None:
        return
    if kind == "quantity":
        holder[key] = unknown_quantity()
    elif kind == "missing":
        holder[key] = _section(str(key))
    elif kind == "string_type" and is_exact:
        holder[key] = UNKNOWN_TEXT
    else:
        del holder[key]


def _locate(raw: Any, loc: tuple[str | int, ...], kind: str) -> tuple[Any, str | int | None, bool]:
    """Holder and key of a location, passing over parts that are not in the document."""
    holder: Any = None
    key: str | int | None = None
    here = raw
    exact = True
    for i, part in enumerate(loc):
        exists = (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        )
        if exists:
            holder, key, here, exact = here, part, here[part], True
        elif kind == "missing" and i == len(loc) - 1 and isinstance(here, dict):
            return here, part, True
        else:
            exact = False
    return holder, key, exact
