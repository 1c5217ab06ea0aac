"""Whether this program and machine are those that made a result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abm.cli.failure import say

# Where in a provenance document to look, and what to call it.
_PARTS = (
    (("software", "abm"), "abm"),
    (("source", "commit"), "commit of abm"),
    (("software", "numpy"), "numpy"),
    (("software", "numba"), "numba"),
    (("software", "llvmlite"), "llvmlite"),
    (("machine", "cpu"), "processor"),
)
_DIRTY = ("source", "dirty")


def warn_of_differences(recorded: Path) -> None:
    """Say what differs between then and now: the same bytes need the same program and processor."""
    from abm.provenance import collect
    from abm.record.reader import open_run

    with open_run(recorded) as run:
        try:
            then = json.loads(run.provenance)
        except ValueError:
            then = {}
    now = collect("", 0, 1, ())
    for path, name in _PARTS:
        old, new = _at(then, path), _at(now, path)
        if old is not None and old != new:
            say(f"note: recorded with {name} {old}, repeated with {new}: the last bits may differ")
    if _at(then, _DIRTY) or _at(now, _DIRTY):
        say("note: the program's source has, or had, changes that no commit holds: the bits may differ")


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document
