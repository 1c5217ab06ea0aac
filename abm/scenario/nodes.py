"""What a YAML text says, with the position of every part of it.

Three kinds of node and nothing of YAML's rest: no tags, no anchors, no merge keys.  Merging and
validation work on these trees, so that a fault found late can still point at its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

from abm.errors import Fault

#: Keys and indices from the top of a document.
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Origin:
    """One text that nodes come from.

    Attributes
    ----------
    name : str
        As the user wrote it; empty for the command line.
    folder : Path or None
        What relative paths inside the text refer to; None for texts without a place on disk.
    lines : tuple of str
        The text, for the caret display.
    """

    name: str
    folder: Path | None = None
    lines: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Mark:
    """A position: line and column counted from 1, or 0 when there is none."""

    origin: Origin
    line: int = 0
    column: int = 0

    def fault(self, message: str, path: str = "") -> Fault:
        """A fault at this position."""
        lines = self.origin.lines
        source_line = lines[self.line - 1] if 0 < self.line <= len(lines) else ""
        if len(source_line) > 200:
            source_line = ""  # a caret under a very long line helps nobody
        return Fault(message, self.origin.name, self.line, self.column, path, source_line)


@dataclass(frozen=True)
class ScalarNode:
    """A leaf.

    Attributes
    ----------
    value : str, int, float, bool or None
        After YAML 1.2's core rules; quoted scalars are always text.
    text : str
        As it was written, without quotes.
    """

    value: str | int | float | bool | None
    text: str
    mark: Mark


@dataclass(frozen=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True)
class MapNode:
    """A mapping with text keys; `keys` holds where each key stands."""

    entries: dict[str, Node]
    keys: dict[str, Mark]
    mark: Mark


Node: TypeAlias = ScalarNode | ListNode | MapNode


def plain(node: Node) -> object:
    """The node as dictionaries, lists and scalars."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(value) for key, value in node.entries.items()}


def dotted(path: Iterable[str | int]) -> str:
    """Path as text; keys that would be read apart are quoted."""
    return ".".join(f'"{part}"' if isinstance(part, str) and "." in part else str(part) for part in path)


def find(node: Node, path: Sequence[str | int]) -> Node | None:
    """The node at `path`, or None."""
    for part in path:
        if isinstance(node, MapNode) and part in node.entries:
            node = node.entries[str(part)]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def value_mark(node: Node, path: Sequence[str | int]) -> Mark:
    """Position of the value at `path`, or of the deepest part of it that exists.

    Parts that the schema knows but the file does not spell out (the ``base`` of a response written
    as a bare quantity) are skipped.
    """
    for part in path:
        below = find(node, (part,))
        if below is not None:
            node = below
    return node.mark


def key_mark(node: Node, path: Sequence[str | int]) -> Mark:
    """Position of the key that ends `path`; of the value when there is no such key."""
    parent = find(node, path[:-1]) if path else None
    if isinstance(parent, MapNode) and path[-1] in parent.keys:
        return parent.keys[str(path[-1])]
    return value_mark(node, path)


def nearest(given: str, allowed: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the allowed name nearest to `given`, or an empty text."""
    names = list(allowed)
    close = get_close_matches(given, names, n=1, cutoff=0.6)
    if not close:
        lower = {name.lower(): name for name in names}
        close = [lower[name] for name in get_close_matches(given.lower(), lower, n=1, cutoff=0.6)]
    return f"; did you mean '{close[0]}'?" if close else ""


def listed(names: Iterable[str], most: int = 12) -> str:
    """Vocabulary for a message, cut short when there are very many."""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown or "none"
