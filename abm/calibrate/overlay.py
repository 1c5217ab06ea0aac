"""The best point as a scenario file that extends the fitted one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from abm.calibrate.problem import Problem
from abm.errors import Fault
from abm.scenario.emit import emit
from abm.scenario.load import load_experiment
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Mark, Node, Origin, ScalarNode, dotted, find
from abm.scenario.quantity import Quantity
from abm.scenario.schema.scenario import SCHEMA_VERSION
from abm.scenario.settings import apply_setting

_NOWHERE = Mark(Origin(""))


def overlay(problem: Problem, settings: Mapping[KeyPath, Quantity], folder: Path, comment: str) -> str:
    """YAML text of a scenario that extends the fitted one and has other values.

    The settings of the fit, its coarser steps, are not part of it.  An entry of a list cannot be laid over
    alone, so its whole list is repeated.

    Parameters
    ----------
    settings : mapping
        Path as `--set` has it to value.
    folder : Path
        Where the file will be; it names the fitted scenario relative to that.
    comment : str
        Lines to open with.
    """
    document = load_experiment(problem.scenario_path).document
    faults: list[Fault] = []
    for path, value in settings.items():
        document = apply_setting(document, f"{dotted(path)}={json.dumps(value.given)}", faults)
    assert not faults, faults
    root: MapNode = MapNode({}, {}, _NOWHERE)
    _put(root, ("schema_version",), _scalar(SCHEMA_VERSION))
    _put(root, ("extends",), _scalar(os.path.relpath(problem.scenario_path, folder)))
    for path, value in settings.items():
        where, whole = _to_list(document, path)
        _put(root, where, whole if whole is not None else _fitted(value, problem.path.name))
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + emit(root)


def _to_list(document: Node, path: KeyPath) -> tuple[KeyPath, Node | None]:
    """The path up to the first list on it, and that list; the whole path and None without one."""
    node: Node | None = document
    for i, part in enumerate(path):
        node = find(node, (part,)) if node is not None else None
        if isinstance(node, ListNode):
            return path[: i + 1], node
    return path, None


def _put(root: MapNode, path: KeyPath, node: Node) -> None:
    here = root
    for part in path[:-1]:
        below = here.entries.setdefault(str(part), MapNode({}, {}, _NOWHERE))
        assert isinstance(below, MapNode)
        here = below
    here.entries[str(path[-1])] = node


def _fitted(value: Quantity, name: str) -> MapNode:
    """A value of the document; its range is inherited."""
    texts = {"value": value.given, "kind": "fitted", "note": f"abm calibrate {name}"}
    return MapNode({key: _scalar(text) for key, text in texts.items()}, {}, _NOWHERE)


def _scalar(value: str | int) -> ScalarNode:
    return ScalarNode(value, str(value), _NOWHERE)
