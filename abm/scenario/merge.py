"""Laying one tree of nodes over another: `extends`, arms and ``--set``.

Mappings merge key by key, lists and scalars replace.  Five exceptions keep that from surprising:

- ``null`` removes what is inherited;
- a list under ``name+`` is appended to the inherited list ``name``; so a module can give a cell type one
  more signal without repeating those it has;
- a new number for a cited value keeps the cited range, but not kind, source and note, which speak
  about the old number;
- a cited value and a mapping of another form (a response) replace each other;
- a shape of another kind replaces the inherited shape.
"""

from __future__ import annotations

from abm.scenario.nodes import ListNode, MapNode, Mark, Node, ScalarNode
from abm.scenario.quantity import ANNOTATION_KEYS
from abm.scenario.schema.shapes import SHAPES

APPEND = "+"
_RANGE = ("low", "high")


def merge(base: Node, patch: Node) -> Node:
    """`patch` laid over `base`; neither is changed."""
    if _is_cited(base) and (isinstance(patch, ScalarNode) or _is_cited(patch)):
        assert isinstance(base, MapNode)
        return _new_number(base, patch)
    if isinstance(patch, MapNode) and (_is_cited(base) or isinstance(base, ScalarNode)) and _appends(patch):
        base = MapNode({"base": base}, {"base": base.mark}, base.mark)  # a constant response gets terms
    if not isinstance(base, MapNode) or not isinstance(patch, MapNode) or _replaces(base, patch):
        return patch
    entries, keys = dict(base.entries), dict(base.keys)
    for key, node in patch.entries.items():
        name = key.removesuffix(APPEND)
        if _is_appended(key, node) and (name in entries or key in entries):
            place = name if name in entries else key
            entries[place] = _joined(entries[place], node)
        elif key in entries and _is_null(node):
            del entries[key], keys[key]
        elif key in entries:
            entries[key] = merge(entries[key], node)
            keys[key] = patch.keys[key]
        else:
            entries[key], keys[key] = node, patch.keys[key]
        if key + APPEND in entries:  # what is appended to an older list goes with it
            del entries[key + APPEND], keys[key + APPEND]
    return MapNode(entries, keys, patch.mark)


def settled(node: Node) -> Node:
    """`node` once nothing is inherited any more: a list still to be appended is the whole list."""
    match node:
        case MapNode():
            entries: dict[str, Node] = {}
            keys: dict[str, Mark] = {}
            for key, below in node.entries.items():
                name = key.removesuffix(APPEND) if _is_appended(key, below) else key
                entries[name], keys[name] = settled(below), node.keys[key]
            return MapNode(entries, keys, node.mark)
        case ListNode():
            return ListNode(tuple(settled(item) for item in node.items), node.mark)
        case _:
            return node


def _is_appended(key: str, node: Node) -> bool:
    return key.endswith(APPEND) and isinstance(node, ListNode)


def _appends(patch: MapNode) -> bool:
    return any(_is_appended(key, node) for key, node in patch.entries.items())


def _joined(before: Node, after: Node) -> Node:
    """The inherited list with more entries; a single inherited entry counts as a list of one."""
    assert isinstance(after, ListNode)
    if _is_null(before):
        return after
    items = before.items if isinstance(before, ListNode) else (before,)
    # An entry that came before, from the same place of the same file, is that of a module extended twice.
    new = (item for item in after.items if item.mark.line == 0 or item not in items)
    return ListNode((*items, *new), after.mark)


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
