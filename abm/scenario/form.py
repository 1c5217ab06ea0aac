"""Whether the parts of one file have the right form, before they are laid over anything.

A list where a mapping belongs would replace everything that is inherited there, and bury its one
fault under a hundred names that no longer exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from abm.errors import Fault
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Node, ScalarNode, dotted
from abm.scenario.schema.responses import Response


def well_formed(
    document: MapNode, model: type[BaseModel], faults: list[Fault], path: KeyPath = ()
) -> MapNode:
    """`document` without the parts that should be mappings and are not; they are reported.

    A section without any entry, as it remains when all are commented out, says nothing.
    """
    entries, keys = dict(document.entries), dict(document.keys)
    for key, node in document.entries.items():
        kept = _kept(node, below(model, key), faults, (*path, key))
        if kept is None or (_is_empty(kept) and _wants_mapping(below(model, key))):
            del entries[key], keys[key]
        else:
            entries[key] = kept
    return MapNode(entries, keys, document.mark)


def _kept(node: Node, annotation: Any, faults: list[Fault], path: KeyPath) -> Node | None:
    if not _wants_mapping(annotation) or _is_empty(node):
        return node
    if not isinstance(node, MapNode):
        what = "a list" if isinstance(node, ListNode) else f"'{node.text}'"
        faults.append(node.mark.fault(f"expected a mapping of keys to values, got {what}", dotted(path)))
        return None
    entries: dict[str, Node] = {}
    for key, value in node.entries.items():
        kept = _kept(value, below(annotation, key), faults, (*path, key))
        if kept is not None:
            entries[key] = kept
    return MapNode(entries, {key: node.keys[key] for key in entries}, node.mark)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _wants_mapping(annotation: Any) -> bool:
    """Whether nothing but a mapping can stand there; a response may also be a bare value."""
    found = list(options(annotation))
    return bool(found) and all(_is_section(o) or get_origin(o) in (dict, Mapping) for o in found)


def _is_section(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, BaseModel) and not issubclass(option, Response)


def below(annotation: Any, part: str | int) -> Any:
    """Type of the entry `part` of a value of some type; None where the schema knows none."""
    for option in options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            field = option.model_fields.get(str(part))
            if field is not None:
                return field.annotation
        elif get_origin(option) in (dict, Mapping):
            return get_args(option)[1]
        elif get_origin(option) is tuple:
            return get_args(option)[0]
    return None


def options(annotation: Any) -> Iterator[Any]:
    """The alternatives of a type, without Annotated and Optional around them."""
    if get_origin(annotation) is Annotated:
        yield from options(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for option in get_args(annotation):
            yield from options(option)
    elif annotation is not None and annotation is not type(None):
        yield annotation


def model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The part of the schema that describes the mapping at `path`."""
    here: Any = model
    for part in path:
        here = below(here, part)
        if here is None:
            return None
    return next((o for o in options(here) if isinstance(o, type) and issubclass(o, BaseModel)), None)
