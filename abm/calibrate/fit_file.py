"""Reading a fit file: its parts, each checked by itself, and every fault of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from abm.calibrate.schema import MAX_PARAMETERS, SCHEMA_VERSION, Choice, FitFile, ParameterPart, TargetPart
from abm.errors import Fault, ScenarioError
from abm.scenario.nodes import ListNode, MapNode, Node, ScalarNode
from abm.scenario.read import UnreadableError, decode, parse_text, read_bytes
from abm.scenario.validate import validate
from abm.scenario.vocabulary import name_problem

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class FitParts:
    """The parts of a fit file that could be read, and what is wrong with the others.

    Attributes
    ----------
    folder : Path
        What relative paths in the file refer to.
    document : MapNode
        For positions.
    file : FitFile or None
        Everything but targets and parameters; None when it is faulty.
    targets : TargetPart or None
    choices : list of (int, Choice, MapNode)
        With their places in the list.
    parameters : dict of str to (ParameterPart, MapNode)
    faults : list of Fault
    """

    folder: Path
    document: MapNode
    file: FitFile | None = None
    targets: TargetPart | None = None
    choices: list[tuple[int, Choice, MapNode]] = field(default_factory=list)
    parameters: dict[str, tuple[ParameterPart, MapNode]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_fit(path: Path) -> FitParts:
    """Read a fit file.

    Raises
    ------
    ScenarioError
        The file cannot be read as a whole; faults of its parts are in the result.
    """
    shown = str(path)
    faults: list[Fault] = []
    try:
        text = decode(read_bytes(path, shown), shown)
        if not text.strip():
            raise ScenarioError([Fault("is empty; docs/calibration.md shows a fit file", shown)])
        document = parse_text(text, shown, path.parent, faults)
    except UnreadableError as error:
        # The reader is that of scenarios, and calls every file one.
        message = error.fault.message.replace("a scenario is", "a fit file is")
        raise ScenarioError([replace(error.fault, message=message)]) from None
    parts = FitParts(path.parent, document, faults=faults)
    parts.file, found = validate(FitFile, document)
    faults += found
    _version(document, faults)
    _targets(document.entries.get("targets"), parts)
    _parameters(document.entries.get("parameters"), parts)
    return parts


def _version(document: MapNode, faults: list[Fault]) -> None:
    """Say what a wrong version means, in place of what the schema says about it."""
    node = document.entries.get("schema_version")
    if isinstance(node, ScalarNode) and node.value != SCHEMA_VERSION:
        faults[:] = [fault for fault in faults if fault.path != "schema_version"]
        message = f"given '{node.text}'; this program reads schema_version {SCHEMA_VERSION} of fit files"
        faults.append(node.mark.fault(message, "schema_version"))


def _targets(node: Node | None, parts: FitParts) -> None:
    if node is None or _is_null(node):
        parts.targets = TargetPart()
        return
    if not isinstance(node, MapNode):
        parts.faults.append(node.mark.fault("expected a mapping with file and choose", "targets"))
        return
    parts.targets = _valid(TargetPart, node, "targets", parts.faults)
    listed = node.entries.get("choose")
    if not isinstance(listed, ListNode):
        return
    if not listed.items:
        parts.faults.append(listed.mark.fault("chooses nothing; leave it out to take all", "targets.choose"))
    for i, item in enumerate(listed.items):
        where = f"targets.choose.{i}"
        if not isinstance(item, MapNode) or not item.entries:
            message = f"expected a mapping with one or more of {', '.join(Choice.model_fields)}"
            parts.faults.append(item.mark.fault(message, where))
            continue
        choice = _valid(Choice, item, where, parts.faults)
        if choice is not None:
            parts.choices.append((i, choice, item))


def _parameters(node: Node | None, parts: FitParts) -> None:
    if not isinstance(node, MapNode):
        return
    if len(node.entries) > MAX_PARAMETERS:
        message = f"{len(node.entries)} parameters; at most {MAX_PARAMETERS} can be fitted together"
        parts.faults.append(node.mark.fault(message, "parameters"))
    for name, below in node.entries.items():
        where = f"parameters.{name}"
        if problem := name_problem(name):
            parts.faults.append(node.keys[name].fault(problem, where))
        if not isinstance(below, MapNode):
            message = "expected a mapping with path or factor_of"
            parts.faults.append(below.mark.fault(message, where))
            continue
        part = _valid(ParameterPart, below, where, parts.faults)
        if part is not None:
            parts.parameters[name] = part, below


def _valid(model: type[Model], node: MapNode, where: str, faults: list[Fault]) -> Model | None:
    found, wrong = validate(model, node)
    faults += _under(wrong, where)
    return found


def _under(faults: list[Fault], where: str) -> Iterator[Fault]:
    """Faults of a part, with the path from the top of the file."""
    for fault in faults:
        path = f"{where}.{fault.path}" if fault.path else where
        yield Fault(fault.message, fault.file, fault.line, fault.column, path, fault.source_line)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
