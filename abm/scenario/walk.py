"""Going through a scenario: every quantity, every response, with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan

from pydantic import BaseModel

from abm.scenario.behaviours import Behaviour, Room, UnknownBehaviourError, parse_behaviour
from abm.scenario.nodes import KeyPath
from abm.scenario.quantity import Quantity
from abm.scenario.schema.cells import CellType
from abm.scenario.schema.responses import Response
from abm.scenario.schema.scenario import Scenario
from abm.scenario.vocabulary import Vocabulary
from abm.state.kinds import BehaviourKind
from abm.units import DIMENSIONS, Dimension

#: Stand-in for a faulty text, so that the rest of a faulty scenario can still be checked.
UNKNOWN_TEXT = "?"


def unknown_quantity() -> Quantity:
    """Stand-in for a faulty value."""
    return Quantity(float("nan"), given=UNKNOWN_TEXT)


def is_unknown(value: float | str | None) -> bool:
    """Whether a value or name stands in for a faulty one."""
    return value == UNKNOWN_TEXT or (isinstance(value, float) and isnan(value))


@dataclass(frozen=True)
class ResponsePlace:
    """A response and where it stands.

    Attributes
    ----------
    path : tuple of str or int
        From the top of the scenario.
    response : Response
    names : Vocabulary
        Seen from there.
    dimension : Dimension or None
        Of its value; None when the behaviour is unknown.
    cell_type : str or None
        Whose response it is; None in the tissue.
    behaviour : Behaviour or None
        What it drives; None for a variable or an unknown behaviour.
    variable : str or None
        The variable it moves.
    problem : str
        Why the behaviour is unknown.
    """

    path: KeyPath
    response: Response
    names: Vocabulary
    dimension: Dimension | None
    cell_type: str | None = None
    behaviour: Behaviour | None = None
    variable: str | None = None
    problem: str = ""

    @property
    def title(self) -> str:
        """The behaviour or variable as it is written."""
        return self.variable if self.variable is not None else str(self.path[-1])


_VARIABLE_UNIT = {"target": "1", "gain": "1/min", "equals": "1"}


def responses(scenario: Scenario, names: Vocabulary) -> Iterator[ResponsePlace]:
    """Every response of a scenario, in the order of the file."""
    for name, cell_type in scenario.cell_types.items():
        yield from _of_cell_type(name, cell_type, names.of(name))
    for text, response in scenario.tissue.behaviours.items():
        path: KeyPath = ("tissue", "behaviours", text)
        yield _place(path, text, response, names.of_place(), "tissue", None)


def _of_cell_type(name: str, cell_type: CellType, names: Vocabulary) -> Iterator[ResponsePlace]:
    here: KeyPath = ("cell_types", name)
    for variable, definition in cell_type.variables.items():
        for key, unit in _VARIABLE_UNIT.items():
            response = getattr(definition, key)
            if response is not None:
                path = (*here, "variables", variable, key)
                yield ResponsePlace(path, response, names, DIMENSIONS[unit], name, variable=variable)
    for text, response in cell_type.behaviours.items():
        place = _place((*here, "behaviours", text), text, response, names, "cell", name)
        if place.behaviour is not None and place.behaviour.kind is BehaviourKind.ARRIVAL:
            # Cells that arrive do not exist yet: places of the tissue sense for them.
            place = _place(place.path, text, response, names.of(name, without_cell=True), "cell", name)
        yield place
    for compartment, waiting in cell_type.compartments.items():
        for text, response in waiting.behaviours.items():
            path = (*here, "compartments", compartment, "behaviours", text)
            yield _place(path, text, response, names.of(name, without_cell=True), "compartment", name)


def _place(
    path: KeyPath, text: str, response: Response, names: Vocabulary, room: Room, cell_type: str | None
) -> ResponsePlace:
    try:
        behaviour = parse_behaviour(text, names, room)
    except UnknownBehaviourError as error:
        return ResponsePlace(path, response, names, None, cell_type, problem=str(error))
    return ResponsePlace(path, response, names, behaviour.dimension, cell_type, behaviour)


def quantities(model: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Quantity]]:
    """Every quantity below a part of a scenario, defaults included."""
    if isinstance(model, Quantity):
        yield path, model
    elif isinstance(model, BaseModel):
        for key, value in model.__dict__.items():
            if not isinstance(value, str | bool | int):
                yield from quantities(value, (*path, key))
    elif isinstance(model, dict):
        for key, value in model.items():
            yield from quantities(value, (*path, key))
    elif isinstance(model, tuple):
        for i, value in enumerate(model):
            yield from quantities(value, (*path, i))
