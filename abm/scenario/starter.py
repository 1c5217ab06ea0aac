"""The commented starter scenario that `abm init` writes."""

from __future__ import annotations

from importlib.resources import files


def starter_text() -> str:
    """YAML text of a small, valid scenario with every key explained."""
    return (files("abm.scenario") / "starter.yaml").read_text(encoding="utf-8")
