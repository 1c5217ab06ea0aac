"""Values that cannot matter in an arm, because what they belong to does not occur there.

A run does not depend on them, so one run serves every point of a search that differs only in such values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abm.scenario.behaviours import UnknownBehaviourError, parse_behaviour
from abm.scenario.nodes import KeyPath
from abm.scenario.schema import Scenario, Term
from abm.scenario.signals import UnknownSignalError, parse_signal
from abm.scenario.vocabulary import vocabulary_of
from abm.state.kinds import BehaviourKind, SignalKind

#: Keys of a term that only scale what its own signal does; 'to' is shared with the other terms.
_OF_THE_TERM = ("amount", "half_max", "full", "per", "limit", "hill_power")


def is_idle(scenario: Scenario, path: KeyPath) -> bool:
    """Whether the value at a path of a scenario cannot change a run of it."""
    section = path[0]
    if section == "injury_kinds":
        return path[1] not in {injury.kind for injury in scenario.injuries}
    if section == "drugs":
        return path[1] not in {i.drug.name for i in scenario.interventions if i.drug is not None}
    if section == "cell_types":
        return not _occurs(scenario, str(path[1])) or _reads_an_absent_drive(scenario, path)
    return False


def _occurs(scenario: Scenario, name: str) -> bool:
    """Whether there can ever be a cell of a type."""
    given = any(i.inject_cells is not None and i.inject_cells.type == name for i in scenario.interventions)
    if given or float(scenario.cell_types[name].density) > 0.0:
        return True
    names = vocabulary_of(scenario)
    for owner, cell_type in scenario.cell_types.items():
        for text in cell_type.behaviours:
            try:
                behaviour = parse_behaviour(text, names.of(owner))
            except UnknownBehaviourError:
                return True
            arrives = behaviour.kind is BehaviourKind.ARRIVAL and owner == name
            if arrives or (behaviour.kind is BehaviourKind.TRANSFORM and behaviour.cell_type == name):
                return True
    return False


def _reads_an_absent_drive(scenario: Scenario, path: KeyPath) -> bool:
    if path[-1] not in _OF_THE_TERM:
        return False
    term: Any = scenario
    for part in path[:-1]:
        if isinstance(term, tuple):
            term = term[int(part)]
        else:
            term = term[part] if isinstance(term, Mapping) else getattr(term, str(part))
    if not isinstance(term, Term):
        return False
    try:
        signal = parse_signal(term.signal, vocabulary_of(scenario).of(str(path[1])))
    except UnknownSignalError:
        return False
    drives = {d for injury in scenario.injuries for d in scenario.injury_kinds[injury.kind].drives}
    return signal.kind is SignalKind.DRIVE and signal.drive not in drives
