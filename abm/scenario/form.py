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
from abm.scenario.merge import APPEND
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Node, ScalarNode, dotted
from abm.scenario.schema.responses import Response


def well_formed(
    document: MapNode, model: type[BaseModel], faults: list[Fault], path: KeyPath = ()
) -> MapNode:
    """`document` without the parts that should be mappings and are not; they are reported.

    A section without any entry, as it remains when all are commented out, says nothing.
    """
    document = _appended(document, model, faults, path)
    entries, keys = dict(document.entries), dict(document.keys)
    for key, node in document.entries.items():
        kept = _kept(node, below(model, key), faults, (*path, key))
        if kept is None or (_is_empty(kept) and _wants_mapping(below(model, key))):
            del entries[key], keys[key]
        else:
            entries[key] = kept
    return MapNode(entries, keys, document.mark)


def _appended(node: MapNode, annotation: Any, faults: list[Fault], path: KeyPath) -> MapNode:
    """A mapping without the keys ``name+`` that append nothing, or to something that is no list."""
    entries, keys = dict(node.entries), dict(node.keys)
    for key, value in node.entries.items():
        name = key.removesuffix(APPEND)
        wanted = list(options(below(annotation, name)))
        if name == key or not wanted or wanted == [Any]:
            continue  # an unknown name is told by the schema
        message = ""
        if name == "extends":
            message = "'extends' is read before anything can be appended; list all files there"
        elif not all(get_origin(option) is tuple for option in wanted):
            message = f"'{key}' appends to a list, and '{name}' is none"
        elif not isinstance(value, ListNode) and not _is_empty(value):
            message = f"'{key}' appends to the list '{name}': expected a list, got {_named(value)}"
        if message:
            faults.append(node.keys[key].fault(message, dotted((*path, key))))
        if message or _is_empty(value):
            del entries[key], keys[key]
    return MapNode(entries, keys, node.mark)


def _named(node: Node) -> str:
    """What stands there, for messages."""
    match node:
        case MapNode():
            return "a mapping"
        case ListNode():
            return "a list"
        case ScalarNode():
            return f"'{node.text}'"


def _kept(node: Node, annotation: Any, faults: list[Fault], path: KeyPath) -> Node | None:
    if isinstance(node, MapNode):
        node = _appended(node, annotation, faults, path)
    if not _wants_mapping(annotation) or _is_empty(node):
        return node
    if not isinstance(node, MapNode):
        message = f"expected a mapping of keys to values, got {_named(node)}"
        faults.append(node.mark.fault(message, dotted(path)))
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
    # An entry of a list may stand without its brackets.
    for kind in (here, below(here, 0)):
        found = next((o for o in options(kind) if isinstance(o, type) and issubclass(o, BaseModel)), None)
        if found is not None:
            return found
    return None
