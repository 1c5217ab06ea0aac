"""Responses that say one thing and would do another."""

from __future__ import annotations

from abm.scenario.checks.context import Context
from abm.scenario.nodes import KeyPath
from abm.scenario.schema.cells import CellType
from abm.scenario.schema.responses import Change, Response
from abm.scenario.signals import Signal, UnknownSignalError, parse_signal
from abm.scenario.vocabulary import Vocabulary
from abm.scenario.walk import ResponsePlace, is_unknown, responses
from abm.state.kinds import BehaviourKind, SignalKind


def check_rules(context: Context) -> None:
    """Report responses that contradict themselves, and circles of instant variables."""
    for place in responses(context.scenario, context.names):
        for side in ("increases", "decreases"):
            _check_side(context, place, side)
        _check_whole(context, place)
        if place.behaviour is not None:
            _check_range(context, place, place.behaviour.kind)
        _check_floor(context, place)
    for name, cell_type in context.scenario.cell_types.items():
        _check_circles(context, name, cell_type)
        _check_phenotypes(context, name, cell_type)


def _check_side(context: Context, place: ResponsePlace, side: str) -> None:
    response, path = place.response, (*place.path, side)
    terms: tuple[Change, ...] = getattr(response, side)
    for i, term in enumerate(terms):
        if term.full is not None and len(terms) > 1:
            context.fault((*path, i, "full"), f"a linear term ('full') stands alone in '{side}'", at_key=True)
        if response.joint_power is not None and "hill_power" in term.model_fields_set:
            message = "'joint_power' of the response replaces the 'hill_power' of each term; keep one"
            context.fault((*path, i, "hill_power"), message, at_key=True)
    limits = [term.to for term in terms if not is_unknown(term.to)]
    for i, term in enumerate(terms):
        if limits and not is_unknown(term.to) and term.to != limits[0]:
            message = f"'to' is {term.to}, but {limits[0]} in the first term: one side has one limit"
            context.fault((*path, i, "to"), message)
    _check_direction(context, response, path, side)


def _check_direction(context: Context, response: Response, path: KeyPath, side: str) -> None:
    """A side must be able to do what its name says."""
    base, up = response.base, side == "increases"
    other = response.adds or (response.increases if not up else ())
    if is_unknown(base) or (other and not up):
        return
    for i, term in enumerate(getattr(response, side)):
        if (term.to < base) if up else (term.to > base):
            where = "below" if up else "above"
            message = f"'{side}' towards {term.to}, which is {where} the base {base}"
            context.fault((*path, i, "to"), message)


def _check_whole(context: Context, place: ResponsePlace) -> None:
    response = place.response
    if response.brakes and not response.increases:
        context.fault((*place.path, "brakes"), "brakes compete with 'increases', and there are none", True)
    hill = any(term.half_max is not None for term in (*response.increases, *response.decreases))
    if response.joint_power is not None and not hill:
        message = "'joint_power' belongs to 'increases' or 'decreases' with 'half_max', and there are none"
        context.fault((*place.path, "joint_power"), message, at_key=True)


def _check_range(context: Context, place: ResponsePlace, kind: BehaviourKind) -> None:
    """Behaviours are never negative, and a bias is a share."""
    values = [((*place.path, "base"), place.response.base)]
    for side, i, term in place.response.terms():
        for key in ("to", "amount"):
            value = getattr(term, key, None)
            if value is not None:
                values.append(((*place.path, side, i, key), value))
    for path, value in values:
        if value < 0:
            context.fault(path, f"'{value}' is negative, and a behaviour cannot be; use 'decreases'")
        if kind is BehaviourKind.BIAS and value > 1:
            context.fault(path, f"'{value}' is above 1; a migration bias is a share from 0 to 1")


def _check_floor(context: Context, place: ResponsePlace) -> None:
    for side, i, term in place.response.terms():
        signal = _signal(term.signal, place.names)
        if signal is None or signal.kind is not SignalKind.RELATIVE_GRADIENT:
            continue
        cytokine = context.scenario.cytokines.get(signal.field or "")
        if cytokine is not None and cytokine.sensing_floor <= 0.0:
            message = f"a relative gradient needs cytokines.{signal.field}.sensing_floor above 0 pg/ml"
            context.fault((*place.path, side, i, "signal"), message)


def _signal(text: str, names: Vocabulary) -> Signal | None:
    try:
        return parse_signal(text, names)
    except UnknownSignalError:
        return None


def _check_circles(context: Context, name: str, cell_type: CellType) -> None:
    """Instant variables are evaluated in the order of reading, so they cannot read in a circle."""
    instant = {key: v.equals for key, v in cell_type.variables.items() if v.equals is not None}
    names = context.names.of(name)
    reads: dict[str, list[str]] = {}
    for key, response in instant.items():
        signals = [_signal(term.signal, names) for _, _, term in response.terms()]
        own = [s.variable for s in signals if s is not None and s.kind is SignalKind.OWN and s.variable]
        reads[key] = [variable for variable in own if variable in instant]
    circle = find_circle(reads)
    if circle:
        path: KeyPath = ("cell_types", name, "variables", circle[0])
        context.fault(path, f"instant variables read each other in a circle: {' -> '.join(circle)}", True)


def find_circle(reads: dict[str, list[str]]) -> list[str]:
    """A closed walk through a graph, first node repeated at the end; empty when there is none.

    Parameters
    ----------
    reads : dict
        Node -> nodes that it needs.
    """
    done: set[str] = set()
    for start in reads:
        trail: list[str] = []
        todo = [iter((start,))]
        while todo:
            node = next(todo[-1], None)
            if node is None:
                todo.pop()
                if trail:
                    done.add(trail.pop())
            elif node in trail:
                return [*trail[trail.index(node) :], node]
            elif node not in done:
                trail.append(node)
                todo.append(iter(reads[node]))
    return []


def _check_phenotypes(context: Context, name: str, cell_type: CellType) -> None:
    """A phenotype follows either a threshold or transitions."""
    if not any(phenotype.when is not None for phenotype in cell_type.phenotypes.values()):
        return
    for text in cell_type.behaviours:
        if text.startswith("transition to ") and text.removeprefix("transition to ") in cell_type.phenotypes:
            message = (
                f"phenotypes of {name} follow thresholds ('when'); there are no transitions between them"
            )
            context.fault(("cell_types", name, "behaviours", text), message, at_key=True)
