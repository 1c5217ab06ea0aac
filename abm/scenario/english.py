"""Rules in plain English, one sentence per term."""

from __future__ import annotations

from collections.abc import Iterator

from abm.scenario.quantity import Quantity
from abm.scenario.schema.cells import CellType, Variable
from abm.scenario.schema.responses import Add, Brake, Change, Divisor, Factor, Response
from abm.scenario.schema.scenario import Scenario
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import ResponsePlace, responses
from abm.state.kinds import VariableKind


def rules(scenario: Scenario) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every rule as a heading and its sentences, in the order of the file."""
    for place in responses(scenario, vocabulary_of(scenario)):
        yield heading(place), (_kinetics(scenario, place) + sentences(place.response))
    for name, cell_type in scenario.cell_types.items():
        yield from _without_response(name, cell_type)


def heading(place: ResponsePlace) -> str:
    """Whose rule it is and what it sets."""
    if place.cell_type is None:
        return f"tissue: {place.title}"
    room = f" waiting in {place.path[3]}" if place.path[2] == "compartments" else ""
    return f"{place.cell_type}{room}: {place.title}"


def _kinetics(scenario: Scenario, place: ResponsePlace) -> tuple[str, ...]:
    """How a variable follows its response; nothing for a behaviour."""
    if place.variable is None or place.cell_type is None:
        return ()
    variable: Variable = scenario.cell_types[place.cell_type].variables[place.variable]
    if variable.kind is VariableKind.INSTANT:
        return ("It equals the following at every step.",)
    if variable.kind is VariableKind.ACCUMULATING:
        loss = f"and is lost with time constant {variable.loss_time}"
        return (f"It gains at the following rate times (1 - itself), {loss}.",)
    if variable.time_constant is not None:
        return (f"It moves towards the following with time constant {variable.time_constant}.",)
    return (f"It moves towards the following with time constant {variable.rise} up, {variable.fall} down.",)


def _without_response(name: str, cell_type: CellType) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, variable in cell_type.variables.items():
        if variable.value is not None:
            yield f"{name}: {key}", (f"It is always {variable.value}.",)
    for key, phenotype in cell_type.phenotypes.items():
        if phenotype.when is not None:
            when = f"A cell is {key} while its {phenotype.when.variable} is above {phenotype.when.above}."
            yield f"{name}: phenotype {key}", (when,)


def sentences(response: Response) -> tuple[str, ...]:
    """One sentence for the base, then one for each term."""
    only = "It is" if response.is_constant else "It starts at"
    told = [f"{only} {response.base}."]
    told += [_add(term) for term in response.adds]
    told += [_change(term, "raises", response.joint_power) for term in response.increases]
    told += [_brake(term) for term in response.brakes]
    told += [_change(term, "lowers", response.joint_power) for term in response.decreases]
    if response.joint_power is not None:
        told.append(f"These signals act on their sum, with Hill power {response.joint_power}.")
    told += [_factor(term) for term in response.times]
    told += [_divisor(term) for term in response.divided_by]
    return tuple(told)


def _power(power: Quantity) -> str:
    return "" if power == 1.0 else f" (Hill power {power})"


def _beyond(term: Add | Change) -> str:
    return " beyond its effect at the baseline" if term.above_baseline else ""


def _add(term: Add) -> str:
    if term.half_max is not None:
        half = f"half of it at {term.half_max}{_power(term.hill_power)}"
        return f"{term.signal} adds up to {term.amount}, {half}{_beyond(term)}."
    per = f" per {term.per}" if term.per != 1.0 else " times its value"
    return f"{term.signal} adds {term.amount}{per}."


def _change(term: Change, verb: str, joint: Quantity | None) -> str:
    if term.full is not None:
        return f"{term.signal} {verb} it in proportion, to {term.to} at {term.full} and beyond."
    power = "" if joint is not None else _power(term.hill_power)
    return f"{term.signal} {verb} it towards {term.to}, half-way at {term.half_max}{power}{_beyond(term)}."


def _brake(term: Brake) -> str:
    return f"{term.signal} brakes that: {term.half_max} of it doubles what is needed."


def _factor(term: Factor) -> str:
    if term.half_max is not None:
        half = f"half at {term.half_max}{_power(term.hill_power)}"
        return f"It is multiplied by the saturation of {term.signal}, {half}."
    if term.limit is not None:
        return f"It is multiplied by 1 - {term.signal} / {term.limit}, and stops at the limit."
    if term.per is not None:
        return f"It is multiplied by {term.signal} / {term.per}."
    return f"It is multiplied by {term.signal}."


def _divisor(term: Divisor) -> str:
    return f"{term.signal} divides it: by two at {term.half_max}{_power(term.hill_power)}."
