"""Animals that lack a cytokine or a cell type from birth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from abm.scenario.behaviours import Behaviour, Room, UnknownBehaviourError, parse_behaviour
from abm.scenario.quantity import Quantity
from abm.scenario.schema import CellType, Scenario
from abm.scenario.vocabulary import Vocabulary, vocabulary_of
from abm.state.kinds import BehaviourKind

_Value = TypeVar("_Value")
_ARRIVES = (BehaviourKind.ARRIVAL, BehaviourKind.ENTRY)


def knocked_out(scenario: Scenario) -> Scenario:
    """The scenario without what its `knock_out` interventions name.

    A cytokine: nothing secretes, produces or releases it and its baseline is 0; a dose of it still works
    (rescue).  A cell type: none at the start, and none arrives through vessels; injected ones still live.
    """
    for intervention in scenario.interventions:
        out = intervention.knock_out
        if out is None:
            continue
        if out.cytokine is not None:
            scenario = _without_cytokine(scenario, out.cytokine)
        else:
            scenario = _without_cells(scenario, out.cell_type or "")
    return scenario


def _without_cytokine(scenario: Scenario, name: str) -> Scenario:
    names = vocabulary_of(scenario)
    none = Quantity(0.0, unit="pg/ml", given="0 pg/ml", note="knocked out")
    cytokine = scenario.cytokines[name].model_copy(update={"baseline": none})
    cell_types = {
        key: _silenced(cell_type, name, names.of(key)) for key, cell_type in scenario.cell_types.items()
    }
    kinds = {
        key: kind.model_copy(update={"releases": tuple(r for r in kind.releases if r.cytokine != name)})
        for key, kind in scenario.injury_kinds.items()
    }
    behaviours = _without(scenario.tissue.behaviours, BehaviourKind.PRODUCTION, name, names, "tissue")
    return scenario.model_copy(
        update={
            "cytokines": {**scenario.cytokines, name: cytokine},
            "cell_types": cell_types,
            "injury_kinds": kinds,
            "tissue": scenario.tissue.model_copy(update={"behaviours": behaviours}),
        }
    )


def _silenced(cell_type: CellType, cytokine: str, names: Vocabulary) -> CellType:
    """A cell type that does not secrete a cytokine, nor while it waits in a compartment."""
    waiting = {
        key: stay.model_copy(
            update={
                "behaviours": _without(
                    stay.behaviours, BehaviourKind.SECRETION, cytokine, names, "compartment"
                )
            }
        )
        for key, stay in cell_type.compartments.items()
    }
    behaviours = _without(cell_type.behaviours, BehaviourKind.SECRETION, cytokine, names, "cell")
    return cell_type.model_copy(update={"behaviours": behaviours, "compartments": waiting})


def _without(
    behaviours: Mapping[str, _Value], kind: BehaviourKind, cytokine: str, names: Vocabulary, room: Room
) -> dict[str, _Value]:
    gone = Behaviour(kind, field=cytokine)
    return {text: value for text, value in behaviours.items() if _parsed(text, names, room) != gone}


def _parsed(text: str, names: Vocabulary, room: Room) -> Behaviour | None:
    try:
        return parse_behaviour(text, names, room)
    except UnknownBehaviourError:
        return None


def _without_cells(scenario: Scenario, name: str) -> Scenario:
    names = vocabulary_of(scenario).of(name)
    cell_type = scenario.cell_types[name]
    behaviours = {
        text: value
        for text, value in cell_type.behaviours.items()
        if (found := _parsed(text, names, "cell")) is None or found.kind not in _ARRIVES
    }
    none = Quantity(0.0, unit="1/um^3", given="0 /mm^3", note="knocked out")
    emptied = cell_type.model_copy(update={"density": none, "behaviours": behaviours})
    return scenario.model_copy(update={"cell_types": {**scenario.cell_types, name: emptied}})
