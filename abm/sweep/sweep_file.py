"""From a sweep file to a sweep: scenario, arms, axes and points, or every fault of the files it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abm.errors import Fault, ScenarioError
from abm.record.sweep_merge import RESERVED
from abm.scenario.load import Experiment
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Node, ScalarNode, dotted, nearest
from abm.scenario.parts import check_version, in_order, mark_at, named_experiment, read_document, valid_part
from abm.scenario.settings import SettingError
from abm.scenario.validate import validate
from abm.sweep.axes import Axis, AxisReader
from abm.sweep.design import Design, SamplingError, count_points, groups_of, make_design
from abm.sweep.resolve import Resolver
from abm.sweep.schema import MAX_AXES, MAX_CASES, SCHEMA_VERSION, AxisPart, SweepFile

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Sweep:
    """A sweep file and what it names, read and checked except for the values of its cases.

    Attributes
    ----------
    path : Path
    document : MapNode
        The sweep file, for positions.
    file : SweepFile
    experiment : Experiment
        With the settings, replicates and seed of the sweep.
    arms : tuple of str
    design : Design
    resolver : Resolver
    """

    path: Path
    document: MapNode
    file: SweepFile
    experiment: Experiment
    arms: tuple[str, ...]
    design: Design
    resolver: Resolver


def load_sweep(path: str | Path) -> Sweep:
    """Read a sweep file and the scenario that it names, and make its points.

    Raises
    ------
    ScenarioError
        With every fault found.
    """
    path = Path(path)
    faults: list[Fault] = []
    document = read_document(path, "a sweep file", "docs/sweeps.md", faults)
    file, found = validate(SweepFile, document)
    faults += found
    check_version(document, SCHEMA_VERSION, "sweep files", faults)
    experiment = named_experiment(document, path.parent, faults)
    axes = _axes(document, path.parent, faults)
    _check_paired(axes, document, faults)
    _check_repeated(axes, _names(document, "paired"), faults)
    if file is not None:
        _check_sample(file, axes, document, faults)
    arms: tuple[str, ...] = ()
    if experiment is not None:
        arms = _arms(experiment, document, faults)
    if experiment is not None and file is not None:
        experiment = replace(
            experiment,
            replicates=experiment.replicates if file.replicates is None else file.replicates,
            seed=experiment.seed if file.seed is None else file.seed,
        )
    resolver = None
    if experiment is not None and arms:
        resolver = Resolver(experiment, arms)
        _learn(resolver, axes, document, faults)
    if faults or file is None or experiment is None or resolver is None:
        raise ScenarioError(in_order(faults, str(path)))
    _check_size(file, axes, experiment, arms, document)
    try:
        design = make_design(axes, file.paired, file.sample, experiment.seed)
    except SamplingError as error:
        raise ScenarioError([mark_at(document, ("sample",)).fault(str(error), "sample")]) from None
    return Sweep(path, document, file, experiment, arms, design, resolver)


def _axes(document: MapNode, folder: Path, faults: list[Fault]) -> list[Axis]:
    node = document.entries.get("vary")
    if not isinstance(node, MapNode):
        return []
    if len(node.entries) > MAX_AXES:
        message = f"{len(node.entries)} axes; at most {MAX_AXES} can vary together"
        faults.append(node.mark.fault(message, "vary"))
    reader, axes = AxisReader(folder, faults), []
    for name, below in node.entries.items():
        where = f"vary.{name}"
        if not _NAME.fullmatch(name) or name in RESERVED:
            what = "is taken" if name in RESERVED else "is no name: a letter, then letters, digits and _"
            faults.append(node.keys[name].fault(f"'{name}' {what}", where))
        if not isinstance(below, MapNode):
            faults.append(below.mark.fault("expected a mapping with path and values", where))
            continue
        part = valid_part(AxisPart, below, where, faults)
        axis = reader.axis(name, part, below) if part is not None else None
        if axis is not None:
            axes.append(axis)
    return axes


def _names(document: MapNode, key: str) -> tuple[str, ...]:
    """A list of names at the top of the file; read by itself, so that other faults do not hide its own."""
    node = document.entries.get(key)
    items = node.items if isinstance(node, ListNode) else ()
    return tuple(str(item.value) if isinstance(item, ScalarNode) else "" for item in items)


def _check_paired(axes: Sequence[Axis], document: MapNode, faults: list[Fault]) -> None:
    """Axes that vary together are as long as each other."""
    by_name = {axis.name: axis for axis in axes}
    vary = document.entries.get("vary")
    known = list(vary.entries) if isinstance(vary, MapNode) else []
    paired = _names(document, "paired")
    for i, name in enumerate(paired):
        mark = mark_at(document, ("paired", i))
        if name not in known:
            faults.append(mark.fault(f"no axis '{name}'{nearest(name, known)}", f"paired.{i}"))
        elif name in by_name and by_name[name].spread is not None:
            message = f"'{name}' is a distribution; only lists, grids and tables are paired"
            faults.append(mark.fault(message, f"paired.{i}"))
    for group in groups_of(axes, paired):
        members = [axes[i] for i in group]
        lengths = {len(axis.nodes) for axis in members}
        if len(lengths) > 1:
            each = ", ".join(f"{axis.name} has {len(axis.nodes)}" for axis in members)
            message = f"axes that vary together have as many values as each other; {each}"
            faults.append(mark_at(document, ("paired",)).fault(message, "paired"))


def _check_repeated(axes: Sequence[Axis], paired: Sequence[str], faults: list[Fault]) -> None:
    """No two points are the same: values are distinct, or rows of what varies together."""
    for group in groups_of(axes, paired):
        members = [axes[i] for i in group]
        seen: dict[tuple[object, ...], int] = {}
        for row in range(min(len(axis.nodes) for axis in members)):
            key = tuple(
                axis.text(row) if axis.numbers is None else float(axis.numbers[row]) for axis in members
            )
            if key in seen:
                shown = ", ".join(axis.text(row) for axis in members)
                message = f"value {row + 1} is the same as value {seen[key] + 1}: {shown}"
                faults.append(members[0].mark.fault(message, f"vary.{members[0].name}"))
                break
            seen[key] = row


def _check_sample(file: SweepFile, axes: Sequence[Axis], document: MapNode, faults: list[Fault]) -> None:
    """Distributions need a sample, and a sample distributions."""
    sampled = [axis for axis in axes if axis.spread is not None]
    if sampled and file.sample is None:
        message = "a distribution needs 'sample' at the top: how many points are drawn, and how"
        faults.append(sampled[0].mark.fault(message, f"vary.{sampled[0].name}"))
    if file.sample is None:
        return
    mark = mark_at(document, ("sample",))
    if not sampled and len(axes) == len(file.vary):
        faults.append(mark.fault("no axis is a distribution, so nothing is sampled", "sample"))
    for axis in sampled:
        cut = axis.spread is not None and axis.spread.bell is not None
        if file.sample.method == "morris" and cut:
            message = "morris moves over levels of a range; give 'range' instead of a bell"
            faults.append(axis.mark.fault(message, f"vary.{axis.name}"))
    if file.sample.indices and file.sample.method != "sobol":
        faults.append(mark.fault("indices belong to the method sobol", "sample.indices"))


def _arms(experiment: Experiment, document: MapNode, faults: list[Fault]) -> tuple[str, ...]:
    given = _names(document, "arms")
    if not given:
        return tuple(experiment.arms)
    for i, name in enumerate(given):
        if name not in experiment.arms:
            known = ", ".join(experiment.arms)
            message = f"no arm '{name}'{nearest(name, experiment.arms)}; arms: {known}"
            faults.append(mark_at(document, ("arms", i)).fault(message, f"arms.{i}"))
    return tuple(name for name in experiment.arms if name in given)


def _learn(resolver: Resolver, axes: Sequence[Axis], document: MapNode, faults: list[Fault]) -> None:
    """Find out where the paths act; report those that lead nowhere, change nothing, or are given twice."""
    owner: dict[KeyPath, str] = {}
    for axis in axes:
        for path in axis.paths:
            where = f"vary.{axis.name}"
            mark = mark_at(document, ("vary", axis.name, "path"))
            if path in owner:
                message = f"'{dotted(path)}' is set by the axis '{owner[path]}' already"
                faults.append(mark.fault(message, where))
            owner.setdefault(path, axis.name)
    probes = {path: _some_values(axis) for axis in axes for path in axis.paths}
    try:
        resolver.learn(probes)
    except SettingError:
        for axis in axes:
            for path in axis.paths:
                try:
                    resolver.learn({path: probes[path]})
                except SettingError as error:
                    mark = mark_at(document, ("vary", axis.name, "path"))
                    faults.append(mark.fault(str(error), f"vary.{axis.name}"))
        return
    for axis in axes:
        if not any(resolver.follows(arm, path) for arm in resolver.arms for path in axis.paths):
            message = f"changes nothing in {', '.join(resolver.arms)}"
            mark = mark_at(document, ("vary", axis.name, "path"))
            faults.append(mark.fault(message, f"vary.{axis.name}"))


def _some_values(axis: Axis) -> list[Node]:
    if axis.spread is not None:
        return [axis.node(axis.spread.at(u)) for u in (0.25, 0.75)]
    return [axis.nodes[0], axis.nodes[-1]]


def _check_size(
    file: SweepFile, axes: Sequence[Axis], experiment: Experiment, arms: Sequence[str], document: MapNode
) -> None:
    count = count_points(axes, file.paired, file.sample) * len(arms) * experiment.replicates
    if count > MAX_CASES:
        message = f"{count} cases; at most {MAX_CASES} are planned at once"
        raise ScenarioError([mark_at(document, ("vary",)).fault(message, "vary")])
