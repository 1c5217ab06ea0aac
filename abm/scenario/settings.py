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
        changed = _put(document, path, value, ())
    except SettingError as error:
        faults.append(nowhere.fault(f"--set {path_text.strip()}: {error}"))
    except UnreadableError as error:
        faults.append(nowhere.fault(f"--set {path_text.strip()}: {error.fault.message}"))
    else:
        assert isinstance(changed, MapNode)
        return changed
    return document


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


def _put(node: Node, path: KeyPath, value: Node, before: KeyPath) -> Node:
    """`node` with `value` at `path`; every key of the path must exist or be known to the schema."""
    if not path:
        return merge(node, value) if not _is_null(value) else value
    key, rest = path[0], path[1:]
    if isinstance(node, ListNode):
        return _put_item(node, path, value, before)
    if not isinstance(node, MapNode):
        raise SettingError(f"'{dotted(before)}' has no parts, so '{key}' does not exist")
    name = str(key)
    if not rest and name.endswith(APPEND) and isinstance(value, ListNode):
        alone: dict[str, Node] = {name: value}
        _put(node, (name.removesuffix(APPEND),), value, before)  # the list it is appended to must be known
        return merge(node, MapNode(alone, {name: value.mark}, node.mark))
    model = model_at(ExperimentFile, _schema_path(before))
    known = list(model.model_fields) if model is not None else []
    if name not in node.entries and name not in known:
        possible = [*node.entries, *(k for k in known if k not in node.entries)]
        where = f"in '{dotted(before)}'" if before else "at the top"
        hint = nearest(name, possible)
        raise SettingError(f"unknown key '{name}' {where}{hint}; known: {listed(possible, 24)}")
    child = node.entries.get(name)
    if child is None or _is_null(child):
        child = MapNode({}, {}, Mark(value.mark.origin)) if rest else value
    new = _put(child, rest, value, (*before, name)) if child is not value else value
    entries, keys = dict(node.entries), dict(node.keys)
    entries[name] = new
    keys.setdefault(name, value.mark)
    if not rest and _is_null(value):
        del entries[name], keys[name]
    return MapNode(entries, keys, node.mark)


def _put_item(node: ListNode, path: KeyPath, value: Node, before: KeyPath) -> Node:
    key = str(path[0])
    if not key.isascii() or not key.isdigit() or len(key) > 9 or int(key) >= len(node.items):
        last = len(node.items) - 1
        raise SettingError(f"'{dotted(before)}' is a list with entries 0 to {last}; given: '{key}'")
    items = list(node.items)
    items[int(key)] = _put(items[int(key)], path[1:], value, (*before, int(key)))
    return ListNode(tuple(items), node.mark)


def _schema_path(path: KeyPath) -> KeyPath:
    """Path inside an arm, for the schema: arms hold parts of the same file."""
    return path[2:] if len(path) >= 2 and path[0] == "arms" else path


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
