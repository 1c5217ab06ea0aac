"""``--set path=value``: one value of a scenario changed from the command line."""

from __future__ import annotations

import re
from pathlib import Path

from abm.errors import Fault
from abm.scenario.form import model_at
from abm.scenario.merge import APPEND, merge
from abm.scenario.nodes import (
    KeyPath,
    ListNode,
    MapNode,
    Mark,
    Node,
    Origin,
    ScalarNode,
    dotted,
    find,
    listed,
    nearest,
)
from abm.scenario.read import UnreadableError, parse_value
from abm.scenario.schema.scenario import ExperimentFile

_PART = re.compile(r'"([^"]*)"|\'([^\']*)\'|([^."\']+)')


class SettingError(Exception):
    """A path that is none, or leads nowhere."""


def apply_setting(document: MapNode, setting: str, faults: list[Fault]) -> MapNode:
    """`document` with one ``path=value`` laid over it; what is wrong with it goes to `faults`."""
    path_text, equals, value_text = setting.partition("=")
    nowhere = Mark(Origin("", Path.cwd()))
    if not equals or not path_text.strip():
        faults.append(nowhere.fault(f"--set takes path=value, e.g. 'time.duration=7 d'; given: '{setting}'"))
        return document
    try:
        path = parse_path(path_text.strip())
        value, value_faults = parse_value(value_text, folder=Path.cwd())
        faults.extend(nowhere.fault(fault.message, dotted(path)) for fault in value_faults)
        return put(document, path, value)
    except SettingError as error:
        faults.append(nowhere.fault(f"--set {path_text.strip()}: {error}"))
    except UnreadableError as error:
        faults.append(nowhere.fault(f"--set {path_text.strip()}: {error.fault.message}"))
    return document


def put(document: MapNode, path: KeyPath, value: Node) -> MapNode:
    """`document` with `value` merged over what is at `path`; null removes it.

    Raises
    ------
    SettingError
        The path leads nowhere.
    """
    changed = _put(document, path, value, (), document)
    assert isinstance(changed, MapNode)
    return changed


def parse_path(text: str) -> KeyPath:
    """Keys and indices of a dotted path; keys with points stand in quotes.

    Raises
    ------
    SettingError
        Not a path.
    """
    parts: list[str] = []
    at = 0
    while True:
        found = _PART.match(text, at)
        if not found:
            raise SettingError(
                f"'{text}' is no path; write keys with points between them, quote keys with points"
            )
        parts.append(next(group for group in found.groups() if group is not None).strip())
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise SettingError(f"'{text}' is no path: a point is missing after '{parts[-1]}'")
        at += 1


def _put(node: Node, path: KeyPath, value: Node, before: KeyPath, document: MapNode) -> Node:
    """`node` with `value` at `path`; every key of the path must exist or be known to the schema.

    In an arm, what the rest of the `document` has at the same place exists too.
    """
    if not path:
        return merge(node, value) if not _is_null(value) else value
    key, rest = path[0], path[1:]
    if isinstance(node, ListNode):
        return _put_item(node, path, value, before, document)
    if not isinstance(node, MapNode):
        raise SettingError(f"'{dotted(before)}' has no parts, so '{key}' does not exist")
    name = str(key)
    if not rest and name.endswith(APPEND) and isinstance(value, ListNode):
        alone: dict[str, Node] = {name: value}
        # The list it is appended to must be known.
        _put(node, (name.removesuffix(APPEND),), value, before, document)
        return merge(node, MapNode(alone, {name: value.mark}, node.mark))
    model = model_at(ExperimentFile, _schema_path(before))
    known = list(model.model_fields) if model is not None else []
    inherited = find(document, _schema_path(before)) if before[:1] == ("arms",) else None
    known += [key for key in inherited.entries if key not in known] if isinstance(inherited, MapNode) else []
    if name not in node.entries and name not in known:
        possible = [*node.entries, *(k for k in known if k not in node.entries)]
        where = f"in '{dotted(before)}'" if before else "at the top"
        hint = nearest(name, possible)
        raise SettingError(f"unknown key '{name}' {where}{hint}; known: {listed(possible, 24)}")
    child = node.entries.get(name)
    if child is None or _is_null(child):
        # An arm's list replaces that of the file, so one entry of it changes in a copy.
        whole = inherited.entries.get(name) if isinstance(inherited, MapNode) else None
        empty = whole if isinstance(whole, ListNode) else MapNode({}, {}, Mark(value.mark.origin))
        child = empty if rest else value
    new = _put(child, rest, value, (*before, name), document) if child is not value else value
    entries, keys = dict(node.entries), dict(node.keys)
    entries[name] = new
    keys.setdefault(name, value.mark)
    if not rest and _is_null(value):
        del entries[name], keys[name]
    return MapNode(entries, keys, node.mark)


def _put_item(node: ListNode, path: KeyPath, value: Node, before: KeyPath, document: MapNode) -> Node:
    key = str(path[0])
    if not key.isascii() or not key.isdigit() or len(key) > 9 or int(key) >= len(node.items):
        last = len(node.items) - 1
        raise SettingError(f"'{dotted(before)}' is a list with entries 0 to {last}; given: '{key}'")
    items = list(node.items)
    items[int(key)] = _put(items[int(key)], path[1:], value, (*before, int(key)), document)
    return ListNode(tuple(items), node.mark)


def _schema_path(path: KeyPath) -> KeyPath:
    """Path inside an arm, for the schema: arms hold parts of the same file."""
    return path[2:] if len(path) >= 2 and path[0] == "arms" else path


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
