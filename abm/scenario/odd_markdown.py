"""Markdown of the generated documents: escaped text, tables, lists, formulas."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
_NO_BREAK = "\u00a0"
#: What stays on one line: parentheses without a sum, a number with its unit, the name of a signal.
_KEPT = re.compile(r"\((?:[^()+]|\+(?! ))*\)|(?<=[A-Za-z0-9]) (?=[A-Za-z/])")
_SPECIAL = re.compile(r"([\\`*_<>\[\]|#~])")


def plain(text: str) -> str:
    """A text of the user on one line, in which nothing is taken for Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def code(text: str) -> str:
    """A name as it is written in the scenario."""
    one_line = " ".join(str(text).split())
    return f"`` {one_line} ``" if "`" in one_line else f"`{one_line}`"


def cell(text: str) -> str:
    """A finished text inside a table."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; an empty text when there are no rows."""
    lines = ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {item}" for item in items)


def formula(lines: Iterable[str]) -> str:
    """Formulas in a block of code, broken where they are long but not inside a quantity or a function."""
    wrapped = [
        part.replace(_NO_BREAK, " ")
        for line in lines
        for part in textwrap.wrap(
            _KEPT.sub(lambda found: found[0].replace(" ", _NO_BREAK), line),
            WIDTH,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + 6),
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
    return "\n".join(["```text", *wrapped, "```"])


def heading(level: int, text: str) -> str:
    """A heading."""
    return f"{'#' * level} {text}"


def joined(parts: Iterable[str]) -> str:
    """Blocks with an empty line between them; empty blocks are left out."""
    return "\n\n".join(part for part in parts if part)


def listed(names: Iterable[str], none: str = "none") -> str:
    """Names in a sentence: ``a``, ``a and b``, ``a, b and c``; semicolons part what has commas."""
    texts = list(names)
    if len(texts) < 2:
        return texts[0] if texts else none
    mark = "; " if any("," in text for text in texts) else ", "
    last = "; and " if mark == "; " else " and "
    return f"{mark.join(texts[:-1])}{last}{texts[-1]}"
