"""A usable object from a faulty document, so that one run of the checks finds every fault.

Faulty values become stand-ins that the later checks pass over (`abm.scenario.walk.is_unknown`),
unknown keys and faulty entries of lists are dropped.  The result is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from abm.scenario.nodes import KeyPath, MapNode, plain
from abm.scenario.schema.scenario import SCHEMA_VERSION, Scenario
from abm.scenario.walk import UNKNOWN_TEXT, unknown_quantity

_ROUNDS = 8
Raw: TypeAlias = dict[str, Any] | list[Any]


class Repaired(NamedTuple):
    """A usable scenario, and where the remaining entries of its lists stand in the document.

    Attributes
    ----------
    scenario : Scenario
    places : dict
        Path of a list that lost entries -> index in the document of each that remains.
    """

    scenario: Scenario
    places: dict[KeyPath, tuple[int, ...]]


class _Entries(list[Any]):
    """A list that knows where each of its entries stood."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__(items)
        self.places = list(range(len(items)))

    def __delitem__(self, index: Any) -> None:
        super().__delitem__(index)
        del self.places[index]


def _section(key: str) -> object:
    """Stand-in for a missing part; most missing parts are quantities."""
    unknown = unknown_quantity()
    if key == "domain":
        return {"size": [unknown, unknown], "spacing": unknown, "thickness": unknown}
    return {"time": {"duration": unknown}, "schema_version": SCHEMA_VERSION}.get(key, unknown)


def repaired(node: MapNode) -> Repaired | None:
    """The scenario that a faulty document comes nearest to; None when nothing helps."""
    raw = _numbered(plain(node))
    for _ in range(_ROUNDS):
        try:
            return Repaired(Scenario.model_validate(raw), dict(_shortened(raw)))
        except ValidationError as error:
            # From the end, so that removing an item of a list does not move the ones still to come.
            for detail in reversed(error.errors(include_url=False)):
                _patch(raw, detail)
    return None


def _numbered(raw: object) -> Any:
    """A copy whose lists remember the places of their entries."""
    if isinstance(raw, dict):
        return {key: _numbered(value) for key, value in raw.items()}
    return _Entries([_numbered(value) for value in raw]) if isinstance(raw, list) else raw


def _shortened(raw: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, tuple[int, ...]]]:
    """Path and places of every list that lost entries."""
    if isinstance(raw, _Entries) and raw.places != list(range(len(raw))):
        yield path, tuple(raw.places)
    parts = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, value in parts:
        yield from _shortened(value, (*path, key))


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
