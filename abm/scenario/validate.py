"""Schema errors as faults with positions, in the words of this program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from abm.errors import Fault
from abm.scenario.form import model_at
from abm.scenario.nodes import MapNode, Mark, dotted, find, key_mark, listed, nearest, plain, value_mark
from abm.scenario.schema.scenario import ExperimentFile, Scenario

Model = TypeVar("Model", bound=BaseModel)
Loc: TypeAlias = tuple[str | int, ...]


def validate(model: type[Model], node: MapNode, incomplete: bool = False) -> tuple[Model | None, list[Fault]]:
    """An object of `model` from nodes, or every fault of the schema.

    Parameters
    ----------
    model : type
    node : MapNode
    incomplete : bool
        Something that is extended could not be read, so that nothing can be called missing.
    """
    try:
        return model.model_validate(plain(node)), []
    except ValidationError as error:
        details = _telling(error.errors(include_url=False))
        if incomplete:
            details = [detail for detail in details if detail["type"] != "missing"]
        return None, [fault for detail in details for fault in _faults(model, node, detail)]


def _telling(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Details without the lists that only look short because their entries are faulty."""
    places = [detail["loc"] for detail in details]

    def is_consequence(detail: ErrorDetails) -> bool:
        loc = detail["loc"]
        below = any(len(place) > len(loc) and place[: len(loc)] == loc for place in places)
        return detail["type"] == "too_short" and below

    return [detail for detail in details if not is_consequence(detail)]


def _faults(model: type[BaseModel], node: MapNode, detail: ErrorDetails) -> Iterator[Fault]:
    loc, kind = real_path(node, detail["loc"], detail["type"]), detail["type"]
    if kind == "quantity":
        for below, message in detail["ctx"]["faults"]:
            path = (*loc, *below)
            mark = key_mark(node, path) if message.startswith("unknown key") else value_mark(node, path)
            shown = path[:-1] if below == ("value",) else path
            yield mark.fault(message, dotted(shown))
    elif kind == "extra_forbidden":
        allowed = allowed_keys(model, loc[:-1])
        near = nearest(str(loc[-1]), allowed)
        message = f"unknown key '{loc[-1]}'{near}; allowed: {listed(allowed, 24)}"
        yield key_mark(node, loc).fault(message, dotted(loc))
    elif kind == "missing":
        yield _missing(node, loc)
    else:
        yield _mark_for(node, loc, kind).fault(_wording(detail), dotted(loc))


def _mark_for(node: MapNode, loc: Loc, kind: str) -> Mark:
    return key_mark(node, loc) if kind == "scenario" and loc else value_mark(node, loc)


def real_path(node: MapNode, loc: Loc, kind: str = "") -> Loc:
    """Pydantic's location without the parts that no file spells out, such as the tag of a union."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        last = i == len(loc) - 1
        if find(node, (*path, part)) is not None or (last and kind == "missing"):
            path.append(part)
    return tuple(path)


def _missing(node: MapNode, loc: Loc) -> Fault:
    parent, key = loc[:-1], loc[-1]
    message = f"'{key}' is missing"
    above = find(node, parent[:-1]) if parent else None
    if isinstance(above, MapNode) and len(above.entries) > 1:
        # A name that is only almost right makes a new, incomplete entry.
        others = [name for name in above.entries if name != parent[-1]]
        near = nearest(str(parent[-1]), others)
        if near:
            message += f" for the new '{parent[-1]}'{near}"
    mark = key_mark(node, parent) if parent else Mark(node.mark.origin, 1, 1)
    return mark.fault(message, dotted(loc))


_EXPECTED = {
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of names to entries",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
}


def _wording(detail: ErrorDetails) -> str:
    kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {_shown(given)}"
    if kind == "literal_error":
        allowed = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return f"'{given}' is not allowed{nearest(str(given), allowed)}; allowed: {', '.join(allowed)}"
    if kind in ("too_short", "too_long"):
        bound = context.get("min_length") if kind == "too_short" else context.get("max_length")
        side = "at least" if kind == "too_short" else "at most"
        return f"has {context['actual_length']} entries, {side} {bound} are needed"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = context["ge"] if kind == "greater_than_equal" else context["le"]
        return f"{_shown(given)} is out of range; {'at least' if 'ge' in context else 'at most'} {bound}"
    if kind == "string_too_long":
        return f"text of {len(str(given))} characters; at most {context['max_length']} are allowed"
    return detail["msg"]


def _shown(given: object) -> str:
    match given:
        case None:
            return "nothing"
        case bool():
            return str(given).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return f"the text '{given}'" if len(given) < 60 else f"a text of {len(given)} characters"
        case _:
            text = str(given)
            return f"the number {text}" if len(text) < 40 else f"a number of {len(text)} digits"


def allowed_keys(model: type[BaseModel], path: Loc) -> list[str]:
    """Keys of the mapping at `path` that the schema knows; empty where names are free."""
    if not path and issubclass(model, Scenario):
        return [
            *model.model_fields,
            *(key for key in ExperimentFile.model_fields if key not in model.model_fields),
        ]
    found = model_at(model, path)
    return list(found.model_fields) if found is not None else []
