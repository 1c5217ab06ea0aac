"""Laying one tree of nodes over another: `extends`, arms and ``--set``.

Mappings merge key by key, lists and scalars replace.  Four exceptions keep that from surprising:

- ``null`` removes what is inherited;
- a new number for a cited value keeps the cited range, but not kind, source and note, which speak
  about the old number;
- a cited value and a mapping of another form (a response) replace each other;
- a shape of another kind replaces the inherited shape.
"""

from __future__ import annotations

from abm.scenario.nodes import MapNode, Node, ScalarNode
from abm.scenario.quantity import ANNOTATION_KEYS
from abm.scenario.schema.shapes import SHAPES

_RANGE = ("low", "high")


def merge(base: Node, patch: Node) -> Node:
    """`patch` laid over `base`; neither is changed."""
    if _is_cited(base) and (isinstance(patch, ScalarNode) or _is_cited(patch)):
        assert isinstance(base, MapNode)
        return _new_number(base, patch)
    if not isinstance(base, MapNode) or not isinstance(patch, MapNode) or _replaces(base, patch):
        return patch
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in patch.entries.items():
        if key in entries and _is_null(node):
            del entries[key], keys[key]
        elif key in entries:
            entries[key] = merge(entries[key], node)
            keys[key] = patch.keys[key]
        else:
            entries[key], keys[key] = node, patch.keys[key]
    return MapNode(entries, keys, patch.mark)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def _is_cited(node: Node) -> bool:
    return isinstance(node, MapNode) and "value" in node.entries and set(node.entries) <= set(ANNOTATION_KEYS)


def _new_number(base: MapNode, patch: Node) -> Node:
    """A cited value with another number; its range stays."""
    if isinstance(patch, MapNode):
        entries, keys, mark = dict(patch.entries), dict(patch.keys), patch.mark
    else:
        entries, keys, mark = {"value": patch}, {"value": patch.mark}, patch.mark
    for key in _RANGE:
        if key in base.entries and key not in entries:
            entries[key], keys[key] = base.entries[key], base.keys[key]
    if list(entries) == ["value"]:
        return patch
    return MapNode(entries, keys, mark)


def _replaces(base: MapNode, patch: MapNode) -> bool:
    """Whether two mappings are of different forms, so that the new one stands alone."""
    if _is_cited(base) or _is_cited(patch):
        # {low: ...} alone still changes the range of a cited value.
        return not set(patch.entries) <= set(ANNOTATION_KEYS) or not _is_cited(base)
    old, new = set(base.entries) & set(SHAPES), set(patch.entries) & set(SHAPES)
    return bool(old and new and old != new)
