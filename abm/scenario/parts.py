"""Files that name a scenario and say what is done with it: reading one, and every fault of its parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from abm.errors import Fault, ScenarioError
from abm.scenario.load import Experiment, load_experiment
from abm.scenario.nodes import KeyPath, MapNode, Mark, ScalarNode, find, plain
from abm.scenario.read import UnreadableError, decode, parse_text, read_bytes
from abm.scenario.settings import apply_setting
from abm.scenario.validate import validate

Model = TypeVar("Model", bound=BaseModel)


def read_document(path: Path, what: str, guide: str, faults: list[Fault]) -> MapNode:
    """Nodes of a file that is no scenario itself.

    Parameters
    ----------
    path : Path
    what : str
        What the file is, for messages: ``a fit file``.
    guide : str
        Document that shows one.
    faults : list of Fault
        Faults that leave the rest readable are added.

    Raises
    ------
    ScenarioError
        The file cannot be read as a whole.
    """
    shown = str(path)
    try:
        text = decode(read_bytes(path, shown), shown)
        if not text.strip():
            raise ScenarioError([Fault(f"is empty; {guide} shows {what}", shown)])
        return parse_text(text, shown, path.parent, faults)
    except UnreadableError as error:
        # The reader is that of scenarios, and calls every file one.
        message = error.fault.message.replace("a scenario is", f"{what} is")
        raise ScenarioError([replace(error.fault, message=message)]) from None


def check_version(document: MapNode, version: int, what: str, faults: list[Fault]) -> None:
    """Say what a wrong version means, in place of what the schema says about it."""
    node = document.entries.get("schema_version")
    if isinstance(node, ScalarNode) and node.value != version:
        faults[:] = [fault for fault in faults if fault.path != "schema_version"]
        message = f"given '{node.text}'; this program reads schema_version {version} of {what}"
        faults.append(node.mark.fault(message, "schema_version"))


def valid_part(model: type[Model], node: MapNode, where: str, faults: list[Fault]) -> Model | None:
    """One part of a file, or None and its faults with the path `where` in front."""
    found, wrong = validate(model, node)
    faults += _under(wrong, where)
    return found


def _under(faults: list[Fault], where: str) -> Iterator[Fault]:
    """Faults of a part, with the path from the top of the file."""
    for fault in faults:
        path = f"{where}.{fault.path}" if fault.path else where
        yield Fault(fault.message, fault.file, fault.line, fault.column, path, fault.source_line)


def named_experiment(document: MapNode, folder: Path, faults: list[Fault]) -> Experiment | None:
    """The experiment that a file names under ``scenario``, with its ``settings``; None when it is faulty.

    Settings that are wrong are faults and left out, so that the rest can be checked.
    """
    node = document.entries.get("scenario")
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return None
    path = folder / node.value
    try:
        plain_experiment = load_experiment(path)
    except ScenarioError as error:
        faults += [_named_here(fault, path, node) for fault in error.faults]
        return None
    sets, wrong = settings_of(document, plain_experiment)
    faults += wrong
    try:
        return load_experiment(path, sets) if sets else plain_experiment
    except ScenarioError as error:
        faults += [_here(fault, document, node.mark) for fault in error.faults]
        return plain_experiment


def _named_here(fault: Fault, path: Path, node: ScalarNode) -> Fault:
    """A scenario file that cannot be opened is a fault of the line that names it."""
    if fault.line == 0 and fault.file == str(path):
        return node.mark.fault(f"'{node.text}': {fault.message}", "scenario")
    return fault


def settings_of(document: MapNode, experiment: Experiment) -> tuple[list[str], list[Fault]]:
    """The ``settings`` of a file as `--set` takes them, and the faults of those that lead nowhere."""
    node = document.entries.get("settings")
    if not isinstance(node, MapNode):
        return [], []
    sets, wrong = [], []
    for path, value in node.entries.items():
        setting = f"{path}={json.dumps(plain(value), ensure_ascii=False)}"
        found: list[Fault] = []
        apply_setting(experiment.document, setting, found)
        for fault in found:
            message = fault.message.removeprefix(f"--set {path.strip()}: ")
            wrong.append(node.keys[path].fault(message, "settings"))
        if not found:
            sets.append(setting)
    return sets, wrong


def _here(fault: Fault, document: MapNode, mark: Mark) -> Fault:
    """A fault of a value that the settings gave, at its place in the file."""
    if fault.file:
        return fault
    node = document.entries.get("settings")
    if isinstance(node, MapNode):
        for path, value in node.entries.items():
            if fault.path == path.strip() or fault.path.startswith(f"{path.strip()}."):
                return value.mark.fault(fault.message, f"settings.{path}")
    return mark.fault(fault.message, fault.path)


def mark_at(document: MapNode, path: KeyPath) -> Mark:
    """Position of a part of a file, or of the deepest part of it that exists."""
    for length in range(len(path), 0, -1):
        node = find(document, path[:length])
        if node is not None:
            return node.mark
    return document.mark


def in_order(faults: Sequence[Fault], own: str) -> list[Fault]:
    """Faults by position, those of the file `own` first, each once."""
    unique = {(f.file, f.line, f.column, f.path, f.message): f for f in faults}
    return sorted(unique.values(), key=lambda f: (f.file != own, f.file, f.line, f.column, f.message))
