"""YAML 1.2 text to nodes; everything of YAML that a scenario must not use is one clear fault.

The parser's events are consumed in a loop, not by recursion, so that depth, size and the number of
aliases are bounded before they can hurt.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

from abm.errors import Fault
from abm.scenario.nodes import ListNode, MapNode, Mark, Node, Origin, ScalarNode, nearest

MAX_BYTES = 5_000_000
MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_NODES = 100_000

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, float | bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_CORE_TYPES = ("str", "int", "float", "bool", "null", "seq", "map")
_CORE_TAGS = frozenset(("!", *(f"tag:yaml.org,2002:{name}" for name in _CORE_TYPES)))

#: Escapes can smuggle these into a quoted text: control characters and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class UnreadableError(Exception):
    """The text cannot be used at all; carries its one fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def resolve(text: str) -> str | int | float | bool | None:
    """Value of an unquoted scalar after YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        if len(text) > 400:
            return float("inf")
        return int(text, 8 if text.startswith("0o") else 16 if text.startswith("0x") else 10)
    return float(text) if _FLOAT.fullmatch(text) else text


def read_bytes(
    path: Path,
    shown: str,
    what: str = "a scenario is one YAML file",
    pattern: str = "*.y*ml",
    most: int = MAX_BYTES,
) -> bytes:
    """Content of a text file; every way this can go wrong has its own message.

    Parameters
    ----------
    path : Path
    shown : str
        Name of the file in messages.
    what : str
        What the file should be, in a sentence.
    pattern : str
        Names among which the nearest spelling of a missing one is looked for.
    most : int
        Bytes that are read at most.
    """
    nowhere = Mark(Origin(shown))
    try:
        if path.is_dir():
            raise UnreadableError(nowhere.fault(f"is a directory; {what}"))
        if not path.exists():
            folder = path.parent if path.parent.is_dir() else None
            others = sorted(p.name for p in folder.glob(pattern))[:200] if folder else []
            raise UnreadableError(nowhere.fault(f"no such file{nearest(path.name, others)}"))
        if not path.is_file():
            raise UnreadableError(nowhere.fault("is not a regular file"))
        size = path.stat().st_size
        if size > most:
            raise UnreadableError(nowhere.fault(f"file has {size} bytes; at most {most} are read"))
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableError(nowhere.fault(f"cannot be read: {reason}")) from None


def decode(content: bytes, shown: str, what: str = "a scenario") -> str:
    """Bytes to text; UTF-8 only, no control characters; `what` says in messages what the text should be."""
    if len(content) > MAX_BYTES:
        message = f"text has {len(content)} bytes; at most {MAX_BYTES} are read"
        raise UnreadableError(Mark(Origin(shown)).fault(message))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        message = f"byte 0x{content[error.start]:02x} is not UTF-8; {what} is a UTF-8 text file"
        raise UnreadableError(Mark(Origin(shown), line, 0).fault(message)) from None
    bad = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        message = f"control character U+{ord(bad[0]):04X}: this is not a text file"
        raise UnreadableError(Mark(Origin(shown), line, 0).fault(message))
    return text


def parse_text(text: str, name: str, folder: Path | None, faults: list[Fault]) -> MapNode:
    """Nodes of one document.

    Parameters
    ----------
    text : str
    name : str
        Shown in messages.
    folder : Path or None
        What relative paths in the text refer to.
    faults : list of Fault
        Faults that leave the rest readable are added here.

    Raises
    ------
    UnreadableError
        When the text is empty, is no YAML mapping, or is too deep or too large.
    """
    lines = tuple(text.splitlines())
    origin = Origin(name, folder, lines)
    for number, line in enumerate(lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent and line.strip() and not line.lstrip().startswith("#"):
            mark = Mark(origin, number, indent.index("\t") + 1)
            raise UnreadableError(mark.fault("a tab indents this line; YAML indents with blanks only"))
    node = _Builder(origin, faults).build(text)
    if not isinstance(node, MapNode):
        message = "a scenario is a mapping of keys to values, e.g. 'title: My experiment'"
        raise UnreadableError(node.mark.fault(message))
    return node


def parse_value(text: str, folder: Path | None = None) -> tuple[Node, list[Fault]]:
    """Nodes of a value given on the command line; its positions point nowhere."""
    faults: list[Fault] = []
    if not text.strip():
        raise UnreadableError(Mark(Origin("")).fault("the value is missing after '='; null removes a key"))
    node = _Builder(Origin("", folder), faults, positions=False).build(text)
    return node, faults


class _Frame:
    """A collection that is still open."""

    def __init__(self, mark: Mark, is_map: bool, anchor: str | None) -> None:
        self.mark, self.is_map, self.anchor = mark, is_map, anchor
        self.items: list[Node] = []
        self.entries: dict[str, Node] = {}
        self.keys: dict[str, Mark] = {}
        self.key: str | None = None
        self.skip_value = False

    def close(self) -> Node:
        """The node of what was collected."""
        if self.is_map:
            return MapNode(self.entries, self.keys, self.mark)
        return ListNode(tuple(self.items), self.mark)


class _Builder:
    """Turns the parser's events into nodes."""

    def __init__(self, origin: Origin, faults: list[Fault], positions: bool = True) -> None:
        self.origin, self.faults, self.positions = origin, faults, positions
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Node | None] = {}
        self.aliases = 0
        self.count = 0
        self.root: Node | None = None
        self.documents = 0

    def build(self, text: str) -> Node:
        """The node of a whole text; raises `UnreadableError` where there is none."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError

        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                self._take(event)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = Mark(self.origin)
            if mark and self.positions:
                where = Mark(self.origin, mark.line + 1, mark.column + 1)
            raise UnreadableError(where.fault(f"not valid YAML: {_wording(error)}")) from None
        except (YAMLError, ValueError, RecursionError) as error:
            raise UnreadableError(Mark(self.origin).fault(f"not valid YAML: {error}")) from None
        if self.root is None:
            raise UnreadableError(Mark(self.origin).fault("is empty; 'abm init' writes a starter scenario"))
        return self.root

    def _mark(self, event: Any) -> Mark:
        if not self.positions:
            return Mark(self.origin)
        return Mark(self.origin, event.start_mark.line + 1, event.start_mark.column + 1)

    def _stop(self, mark: Mark, message: str) -> NoReturn:
        raise UnreadableError(mark.fault(message))

    def _take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                self._stop(self._mark(event), "a second document starts here; a scenario is one document")
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._open(event, kind == "MappingStartEvent")
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            frame = self.stack.pop()
            node = frame.close()
            if frame.anchor:
                self.anchors[frame.anchor] = node
            self._add(node)
        elif kind == "ScalarEvent":
            self._scalar(event)
        elif kind == "AliasEvent":
            self._alias(event)

    def _open(self, event: Any, is_map: bool) -> None:
        mark = self._mark(event)
        if len(self.stack) >= MAX_DEPTH:
            self._stop(mark, f"nested deeper than {MAX_DEPTH} levels")
        self._check_tag(event, mark)
        if event.anchor:
            self.anchors[event.anchor] = None  # open: an alias to it from inside would be a cycle
        self.stack.append(_Frame(mark, is_map, event.anchor))

    def _check_tag(self, event: Any, mark: Mark) -> None:
        if event.ctag is not None and str(event.ctag) not in _CORE_TAGS:
            tag = str(event.ctag).replace("tag:yaml.org,2002:", "!!")
            self.faults.append(mark.fault(f"tag '{tag}' is not allowed; a scenario is plain data"))

    def _scalar(self, event: Any) -> None:
        mark = self._mark(event)
        self._check_tag(event, mark)
        tagged_text = event.ctag is not None and str(event.ctag).endswith((":str", "!"))
        quoted = event.style is not None or tagged_text
        bad = _UNPRINTABLE.search(event.value)
        if bad:
            message = f"the text holds the character U+{ord(bad[0]):04X}, which cannot be written or stored"
            self.faults.append(mark.fault(message))
        node = ScalarNode(event.value if quoted else resolve(event.value), event.value, mark)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node)

    def _alias(self, event: Any) -> None:
        mark = self._mark(event)
        if event.anchor not in self.anchors:
            self._stop(mark, f"alias '*{event.anchor}' has no anchor '&{event.anchor}' before it")
        node = self.anchors[event.anchor]
        if node is None:
            self._stop(mark, f"alias '*{event.anchor}' lies inside its own anchor")
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(mark, f"more than {MAX_ALIASES} aliases; use 'extends' or write the values out")
        self.count += _size(node, MAX_NODES - self.count) - 1
        self._add(node)

    def _add(self, node: Node) -> None:
        self.count += 1
        if self.count > MAX_NODES:
            self._stop(node.mark, f"more than {MAX_NODES} values once aliases are written out")
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.is_map:
            frame.items.append(node)
        elif frame.key is None and not frame.skip_value:
            self._key(frame, node)
        else:
            if frame.key is not None:
                frame.entries[frame.key] = node
            frame.key, frame.skip_value = None, False

    def _key(self, frame: _Frame, node: Node) -> None:
        problem = _key_problem(frame, node)
        if problem:
            self.faults.append(node.mark.fault(problem))
            frame.skip_value = True
            return
        assert isinstance(node, ScalarNode)
        frame.key = node.text
        frame.keys[node.text] = node.mark


def _key_problem(frame: _Frame, node: Node) -> str:
    if not isinstance(node, ScalarNode):
        return "a key must be a text, not a list or mapping"
    if node.value == "<<":
        return "merge keys ('<<') are not part of YAML 1.2; use 'extends' or write the values out"
    if node.text == "":
        return "a key is missing before ':'"
    if not isinstance(node.value, str):
        return f"key '{node.text}' is not a text; put it in quotes if it is meant"
    if node.text in frame.keys:
        return f"key '{node.text}' is given twice; first on line {frame.keys[node.text].line}"
    return ""


def _size(node: Node, most: int) -> int:
    """Number of nodes below and including `node`; stops counting beyond `most`."""
    count, todo = 0, [node]
    while todo and count <= most:
        count += 1
        match todo.pop():
            case MapNode(entries=entries):
                todo.extend(entries.values())
            case ListNode(items=items):
                todo.extend(items)
            case _:
                pass
    return count


def _wording(error: Any) -> str:
    problem = " ".join(str(error.problem or error.context or "unreadable").split())
    if "mapping values are not allowed" in problem:
        return "':' is not expected here; is a text with ': ' missing its quotes, or the indentation off?"
    if "expected <block end>" in problem:
        return "this line does not belong to the block above it; is the indentation off?"
    return problem.replace("the node content", "a value")
