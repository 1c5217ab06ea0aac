"""Arguments of a call: which is which, and whether what they name exists in every arm they are asked of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from abm.scenario.claims.context import Context
from abm.scenario.claims.series import SERIES, labels
from abm.scenario.claims.signatures import SIGNAL, THRESHOLD, WHEN, Function, Takes
from abm.scenario.claims.syntax import Call, Name, Number, Text, Tree
from abm.scenario.nodes import listed, nearest
from abm.scenario.schema.scenario import Scenario
from abm.units import readable

#: Arguments of a call by name.
Bound: TypeAlias = dict[str, Tree]
Arms: TypeAlias = Mapping[str, Scenario | None]


def bind(context: Context, tree: Call, function: Function) -> Bound | None:
    """Arguments by name; None when one is missing, unknown or given twice."""
    bound: Bound = {}
    parameters = list(function.parameters)
    by_position = [p for p in parameters if p.name not in WHEN]
    allowed = [p.name for p in parameters]
    allowed += [word for word in WHEN if word not in allowed and function.is_timed]
    before, position = len(context.faults), 0
    for argument in tree.arguments:
        name = argument.keyword
        if not name and position >= len(by_position):
            context.fault(argument.start, f"too many arguments; it is {function.signature}")
            return None
        if not name:
            name, position = by_position[position].name, position + 1
        elif name not in allowed and function.name != "series":
            hint = f"{nearest(name, allowed)}; it has {', '.join(allowed)}"
            context.fault(argument.start, f"{function.name} has no argument '{name}'{hint}")
            continue
        if name in bound:
            context.fault(argument.start, f"'{name}' is given twice")
        bound[name] = argument.value
    missing = [p.name for p in parameters if p.needed and p.name not in bound]
    if missing and len(context.faults) == before:
        context.fault(tree.start, f"missing: {', '.join(missing)}; it is {function.signature}")
    return bound if len(context.faults) == before else None


def text_of(tree: Tree | None) -> str | None:
    """The name that a part is, bare or quoted; None when it is none."""
    match tree:
        case Name(name=name):
            return name
        case Text(text=text):
            return text
    return None


def arm_of(context: Context, tree: Tree) -> str | None:
    """The arm that an argument names."""
    name = text_of(tree)
    if name is None:
        context.fault(tree.start, f"{context.shown(tree)} stands where the name of an arm is expected")
    elif name not in context.arms:
        known = listed(context.arms, 24)
        context.fault(tree.start, f"no arm '{name}'{nearest(name, context.arms)}; arms: {known}")
    else:
        return context.read_as(name)
    return None


def known_name(context: Context, takes: Takes, tree: Tree, cell_type: str, arms: Arms) -> str | None:
    """The cytokine, region, cell type and so on that an argument names; it exists in all arms."""
    name, what = text_of(tree), takes.value.partition(" ")[2]
    if name is None:
        message = f"{context.shown(tree)} stands where the name of {takes.value} is expected"
        context.fault(tree.start, f"{message}; a name with '-', '+', blanks or points stands in quotes")
        return None
    if takes is Takes.SERIES:
        return _one_of(context, name, SERIES, what, tree)
    for arm, scenario in arms.items():
        known = [name] if scenario is None else _names(takes, scenario, cell_type)
        if name not in known:
            return _one_of(context, name, known, what, tree, arm)
    return name


def _one_of(
    context: Context, name: str, known: Iterable[str], what: str, tree: Tree, arm: str = ""
) -> str | None:
    known = list(known)
    if name in known:
        return name
    where = f" in arm {arm}" if arm else ""
    context.fault(tree.start, f"no {what} '{name}'{where}{nearest(name, known)}; known: {listed(known, 24)}")
    return None


def _names(takes: Takes, scenario: Scenario, cell_type: str) -> Sequence[str]:
    """What an argument may name in an arm."""
    cell = scenario.cell_types.get(cell_type)
    match takes:
        case Takes.CYTOKINE:
            return list(scenario.cytokines)
        case Takes.REGION:
            return list(scenario.regions)
        case Takes.CELL_TYPE:
            return list(scenario.cell_types)
        case Takes.COMPARTMENT:
            return list(scenario.compartments)
        case Takes.PHENOTYPE:
            return [] if cell is None else list(cell.phenotypes) or [cell_type]
        case _:
            return [] if cell is None else list(cell.variables)


def label_of(context: Context, dimension: str, tree: Tree, series: str, arms: Arms) -> str | None:
    """A label of one dimension of a recorded series."""
    dims = SERIES[series].dims
    if dimension not in dims:
        known = ", ".join(dims) or "none beside time"
        context.fault(
            tree.start, f"{series} has no dimension '{dimension}'{nearest(dimension, dims)}; it has {known}"
        )
        return None
    name = f"{float(tree.measure.base_value):g}" if isinstance(tree, Number) else text_of(tree)
    if name is None:
        context.fault(tree.start, f"{context.shown(tree)} stands where a label of {dimension} is expected")
        return None
    for arm, scenario in arms.items():
        allowed = [name] if scenario is None else labels(dimension, scenario)
        if name not in allowed:
            return _one_of(context, name, allowed, dimension, tree, arm)
    return name


def within_runs(context: Context, bound: Bound, times: Mapping[str, float], arms: Iterable[str]) -> bool:
    """Whether times lie within the runs of the arms, and windows begin before they end."""
    read = [(float(scenario.time.duration), arm) for arm in arms if (scenario := context.arms[arm])]
    end, arm = min(read, default=(math.inf, ""))
    for name, time in times.items():
        if time > end * (1.0 + 1e-12):
            message = f"lies after the end of arm {arm} ({readable(end, 'min')}); this cannot be evaluated"
            context.late(bound[name].start, f"{context.shown(bound[name])} {message}")
    if "to" in times and times.get("from", 0.0) >= times["to"]:
        context.fault(bound["to"].start, "the window ends before it begins")
        return False
    return True


def fits(context: Context, tree: Call, function: Function, bound: Bound, arms: Arms) -> bool:
    """Whether arguments go together, and whether the arms record what is asked for."""
    before, rests_on = len(context.faults), function.rests_on
    for one, other in (("region", "outside"), ("region", "compartment")):
        if {one, other} <= set(bound) and function.name != "series":
            context.fault(bound[other].start, f"'{one}' and '{other}' exclude each other; keep one")
    if function.name.endswith("mpe") and len(arms) == 1:
        context.fault(tree.start, "treated and vehicle are the same arm")
    if function.name == "series":
        recorded = SERIES[text_of(bound["name"]) or ""]
        rests_on = recorded.rests_on
        missing = [dimension for dimension in recorded.dims if dimension not in bound]
        if missing:
            message = f"the series needs one label of each dimension; missing: {', '.join(missing)}"
            context.fault(tree.start, message)
    for arm, scenario in arms.items():
        problem = "" if scenario is None else _lacks(rests_on, scenario)
        if problem:
            context.fault(tree.start, f"arm {arm} {problem}")
    return len(context.faults) == before


def _lacks(rests_on: str, scenario: Scenario) -> str:
    """Why nothing can be read there; empty when it can."""
    if scenario.record.readout == 0.0:
        return "records no readouts; set record.readout"
    if rests_on in (SIGNAL, THRESHOLD) and scenario.readout is None:
        return "has no nociceptive readout; add 'readout'"
    if rests_on == THRESHOLD and scenario.readout and scenario.readout.withdrawal_threshold is None:
        return "has no withdrawal threshold; add 'readout.withdrawal_threshold'"
    return ""
