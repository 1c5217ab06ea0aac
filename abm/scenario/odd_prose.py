"""Texts of the ODD protocol that do not depend on the scenario; they stand in ``odd_prose.md``."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

_MARK = re.compile(r"^<!-- (\w+) -->\n", re.MULTILINE)


@lru_cache(maxsize=1)
def texts() -> dict[str, str]:
    """Every text by its mark."""
    content = (files("abm.scenario") / "odd_prose.md").read_text(encoding="utf-8")
    _, *parts = _MARK.split(content)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def prose(name: str, **values: str) -> str:
    """One text, its lines joined to paragraphs, with the values in its braces.

    Raises
    ------
    KeyError
        No such text, or a value for its braces is missing.
    """
    paragraphs = re.split(r"\n\s*\n", texts()[name])
    joined = [text if text.startswith("    ") else " ".join(text.split()) for text in paragraphs]
    return "\n\n".join(re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text) for text in joined)
