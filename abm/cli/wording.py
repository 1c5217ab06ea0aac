"""Words that several verbs print."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """A number of things: ``1 run``, ``3 runs``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
