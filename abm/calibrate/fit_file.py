"""Reading a fit file: its parts, each checked by itself, and every fault of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from abm.calibrate.schema import MAX_PARAMETERS, SCHEMA_VERSION, Choice, FitFile, ParameterPart, TargetPart
from abm.errors import Fault
from abm.scenario.nodes import ListNode, MapNode, Node, ScalarNode
from abm.scenario.parts import check_version, read_document, valid_part
from abm.scenario.validate import validate
from abm.scenario.vocabulary import name_problem


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
    faults: list[Fault] = []
    document = read_document(path, "a fit file", "docs/calibration.md", faults)
    parts = FitParts(path.parent, document, faults=faults)
    parts.file, found = validate(FitFile, document)
    faults += found
    check_version(document, SCHEMA_VERSION, "fit files", faults)
    _targets(document.entries.get("targets"), parts)
    _parameters(document.entries.get("parameters"), parts)
    return parts


def _targets(node: Node | None, parts: FitParts) -> None:
    if node is None or _is_null(node):
        parts.targets = TargetPart()
        return
    if not isinstance(node, MapNode):
        parts.faults.append(node.mark.fault("expected a mapping with file and choose", "targets"))
        return
    parts.targets = valid_part(TargetPart, node, "targets", parts.faults)
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
        choice = valid_part(Choice, item, where, parts.faults)
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
        part = valid_part(ParameterPart, below, where, parts.faults)
        if part is not None:
            parts.parameters[name] = part, below


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
