"""Nodes back to YAML text: what a run file stores, and what loads again to the same scenario."""

from __future__ import annotations

import json
import re

from abm.scenario.nodes import ListNode, MapNode, Node, ScalarNode
from abm.scenario.quantity import ANNOTATION_KEYS
from abm.scenario.read import resolve

_SAFE = re.compile(r"[A-Za-z0-9./µμ][^#:{}\[\],&*!|>'\"%@`?\t\n\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]*")
#: Not allowed, or a line break, in a YAML text.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_WIDTH = 110


def emit(node: MapNode) -> str:
    """YAML text of a document."""
    return "\n".join(_block(node, 0)) + "\n"


def _block(node: Node, indent: int) -> list[str]:
    pad = " " * indent
    lines: list[str] = []
    match node:
        case MapNode():
            for key, value in node.entries.items():
                lines += _entry(f"{pad}{_text(key)}:", value, indent)
        case ListNode():
            for item in node.items:
                lines += _entry(f"{pad}-", item, indent)
        case ScalarNode():
            lines.append(pad + _scalar(node))
    return lines


def _entry(head: str, value: Node, indent: int) -> list[str]:
    flow = _flow(value)
    short = len(head) + 1 + len(flow) <= _WIDTH
    if short or isinstance(value, ScalarNode) or _is_leafy(value) or not _children(value):
        return [f"{head} {flow}"]
    return [head, *_block(value, indent + 2)]


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case MapNode():
            return tuple(node.entries.values())
        case ListNode():
            return node.items
        case _:
            return ()


def _is_leafy(node: Node) -> bool:
    """A cited value stays on one line however long its note is."""
    return isinstance(node, MapNode) and "value" in node.entries and set(node.entries) <= set(ANNOTATION_KEYS)


def _flow(node: Node) -> str:
    match node:
        case MapNode():
            return "{" + ", ".join(f"{_text(k)}: {_flow(v)}" for k, v in node.entries.items()) + "}"
        case ListNode():
            return "[" + ", ".join(map(_flow, node.items)) + "]"
        case ScalarNode():
            return _scalar(node)


def _scalar(node: ScalarNode) -> str:
    if isinstance(node.value, str):
        return _text(node.value)
    return node.text or "null"


def _text(text: str) -> str:
    """Plain where that reads back as the same text, else in double quotes."""
    plain = _SAFE.fullmatch(text) and text == text.strip()
    if plain and isinstance(resolve(text), str):
        return text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
