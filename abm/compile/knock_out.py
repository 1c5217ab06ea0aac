"""Animals that lack a cytokine or a cell type from birth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from abm.scenario.behaviours import Behaviour, Room, UnknownBehaviourError, parse_behaviour
from abm.scenario.quantity import Quantity
from abm.scenario.schema import Boundaries, CellType, Scenario
from abm.scenario.vocabulary import Vocabulary, vocabulary_of
from abm.state.kinds import BehaviourKind

_Value = TypeVar("_Value")


def knocked_out(scenario: Scenario) -> Scenario:
    """The scenario without what its `knock_out` interventions name.

    A cytokine: nothing secretes, produces or releases it, its baseline is 0, and so are the values that
    boundaries hold; a dose of it still works (rescue).  A cell type: none at the start, none arrives through
    vessels, and no cell turns into one; injected ones still live.
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


def absent_types(scenario: Scenario) -> frozenset[str]:
    """Cell types that are missing from birth."""
    missing = (i.knock_out.cell_type for i in scenario.interventions if i.knock_out is not None)
    return frozenset(name for name in missing if name is not None)


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
            "domain": scenario.domain.model_copy(update={"boundaries": _emptied(scenario, name)}),
        }
    )


def _emptied(scenario: Scenario, cytokine: str) -> Boundaries:
    """The boundaries; those that hold a value of the cytokine hold 0."""
    boundaries = scenario.domain.boundaries
    none = Quantity(0.0, unit="pg/ml", given="0 pg/ml", note="knocked out")
    held = {
        face: {**value, cytokine: none}
        for face, value in boundaries.faces().items()
        if isinstance(value, dict) and cytokine in value
    }
    return boundaries.model_copy(update=held)


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
    """The scenario in which no cell of a type comes about by itself.

    Its density stays: `abm.compile.build` places such cells and takes them away again, so that all others
    have the same ids and places as in an intact animal.
    """
    names = vocabulary_of(scenario)

    def remaining(owner: str, cell_type: CellType) -> CellType:
        behaviours = {
            text: value
            for text, value in cell_type.behaviours.items()
            if not _makes(_parsed(text, names.of(owner), "cell"), owner, name)
        }
        return cell_type.model_copy(update={"behaviours": behaviours})

    types = {key: remaining(key, cell_type) for key, cell_type in scenario.cell_types.items()}
    return scenario.model_copy(update={"cell_types": types})


def _makes(behaviour: Behaviour | None, owner: str, name: str) -> bool:
    """Whether a behaviour of a type brings cells of type `name` into the tissue."""
    if behaviour is None:
        return False
    if behaviour.kind is BehaviourKind.ARRIVAL:
        return owner == name
    return behaviour.kind is BehaviourKind.TRANSFORM and behaviour.cell_type == name
