"""Every rule and every intervention of one arm, each switched off by a change of its document.

Switching off means:

- a term of `adds`, `increases`, `decreases`, `brakes` or `divided_by` is removed;
- a factor of `times` is held at the value it has in naive tissue, so that the response no longer follows that
  signal: removing it would make a gated behaviour constitutive;
- a whole behaviour is 0; production by the tissue, and whatever moves a variable, is held at its value in
  naive tissue;
- an intervention is not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from abm.scenario.emit import emit
from abm.scenario.english import heading
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Mark, Node, Origin, ScalarNode, find
from abm.scenario.schema import Factor, Response, Scenario, Term
from abm.scenario.signals import parse_signal
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import ResponsePlace, responses
from abm.state.kinds import BehaviourKind, SignalKind
from abm.study.ablation_rest import NoSingleValueError, Rest

TERM, RESPONSE, INTERVENTION = "term", "response", "intervention"
KINDS = (TERM, RESPONSE, INTERVENTION)
# Signals that are 0 while there is no cell of the type they name.
_OF_OTHERS = (
    SignalKind.CONTACT,
    SignalKind.DENSITY,
    SignalKind.RELATIVE_DENSITY,
    SignalKind.MEAN,
    SignalKind.LOAD,
)
_NOWHERE = Mark(Origin(""))


@dataclass(frozen=True)
class Change:
    """One thing to be switched off in one arm: a changed document, or why there is none.

    Without a cell of the types `needs` it makes no difference.
    """

    name: str
    kind: str
    document: MapNode | None = None
    reason: str = ""
    needs: tuple[str, ...] = ()


def changes_in(
    scenario: Scenario, document: MapNode, seed: int, wanted: Callable[[str, str], bool]
) -> Iterator[Change]:
    """Everything of one arm that is wanted, in the order of the file, interventions last."""
    rest: list[Rest] = []

    def at_rest() -> Rest:
        if not rest:  # compiled only if something has to be held
            rest.append(Rest(scenario, seed))
        return rest[0]

    for place in responses(scenario, vocabulary_of(scenario)):
        title = heading(place)
        if wanted(title, RESPONSE):
            yield _of_response(scenario, document, place, title, at_rest)
        for (side, i, _), name in zip(place.response.terms(), term_names(place), strict=True):
            if wanted(name, TERM):
                yield _of_term(document, place, side, i, name, at_rest)
    listed = find(document, ("interventions",))
    items = listed.items if isinstance(listed, ListNode) else () if listed is None else (listed,)
    for i, name in enumerate(numbered([intervention_name(item) for item in items])):
        if wanted(name, INTERVENTION):
            others = ListNode((*items[:i], *items[i + 1 :]), _NOWHERE)
            yield Change(name, INTERVENTION, put(document, ("interventions",), others))


def term_names(place: ResponsePlace) -> list[str]:
    """Names of the terms of a response."""
    return numbered([f"{heading(place)}: {side} {term.signal}" for side, _, term in place.response.terms()])


def numbered(names: list[str]) -> list[str]:
    """The same names; a number tells apart those that are equal."""
    return [
        name if names.count(name) == 1 else f"{name} #{names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]


def intervention_name(item: Node) -> str:
    """An intervention as it is written, on one line."""
    if not isinstance(item, MapNode):
        return "intervention"
    return " ".join(emit(item).split())


def _of_term(
    document: MapNode, place: ResponsePlace, side: str, i: int, name: str, at_rest: Callable[[], Rest]
) -> Change:
    """One term switched off."""
    term = getattr(place.response, side)[i]
    held, needs = 1.0, _needs(place, term)
    if isinstance(term, Factor):
        try:
            held = at_rest().factor(place, term)
        except NoSingleValueError as reason:
            return Change(name, TERM, reason=str(reason))
    if held == 0.0:
        return Change(name, TERM, put(document, place.path, _constant(place, 0.0)), needs=needs)
    node = find(document, place.path)
    assert isinstance(node, MapNode)
    left = _without_term(place.response, node, side, i)
    if held != 1.0:
        left = _scaled(place, left, held)
    return Change(name, TERM, put(document, place.path, left), needs=needs)


def _without_term(response: Response, node: MapNode, side: str, i: int) -> MapNode:
    """A response without one of its terms, and without what has no meaning without that term."""
    entries = dict(node.entries)
    listed = entries[side]
    items = listed.items if isinstance(listed, ListNode) else (listed,)
    entries[side] = ListNode((*items[:i], *items[i + 1 :]), _NOWHERE)
    left = [(s, term) for s, j, term in response.terms() if (s, j) != (side, i)]
    if not any(s == "increases" for s, _ in left):
        entries.pop("brakes", None)
    if not any(s in ("increases", "decreases") and getattr(term, "half_max", None) for s, term in left):
        entries.pop("joint_power", None)
    for name in [key for key, value in entries.items() if isinstance(value, ListNode) and not value.items]:
        del entries[name]
    return MapNode(entries, dict.fromkeys(entries, _NOWHERE), _NOWHERE)


def _scaled(place: ResponsePlace, node: MapNode, held: float) -> MapNode:
    """A response times a constant: its value is linear in base, amounts and limits together."""
    response, entries = place.response, dict(node.entries)
    entries["base"] = _quantity(place, float(response.base) * held)
    for side, key in (("adds", "amount"), ("increases", "to"), ("decreases", "to")):
        listed = entries.get(side)
        if isinstance(listed, ListNode):
            terms = getattr(response, side)
            items = (
                put(item, (key,), _quantity(place, float(getattr(term, key)) * held))
                for item, term in zip(listed.items, terms, strict=True)
            )
            entries[side] = ListNode(tuple(items), _NOWHERE)
    return MapNode(entries, dict.fromkeys(entries, _NOWHERE), _NOWHERE)


def _of_response(
    scenario: Scenario,
    document: MapNode,
    place: ResponsePlace,
    name: str,
    at_rest: Callable[[], Rest],
) -> Change:
    """A whole behaviour, or all that moves a variable, switched off."""
    kind = None if place.behaviour is None else place.behaviour.kind
    if _is_readout(scenario, place):
        return Change(name, RESPONSE, reason="pain is read from it")
    if kind is BehaviourKind.PERSISTENCE:
        return Change(name, RESPONSE, reason="a walk without a time between its turns has no meaning")
    held = 0.0
    if place.variable is not None or kind is BehaviourKind.PRODUCTION:
        try:
            held = at_rest().response(place)
        except NoSingleValueError as reason:
            return Change(name, RESPONSE, reason=str(reason))
    constant = put(document, place.path, _constant(place, held))
    return Change(name, RESPONSE, constant, needs=_needs(place))


def _is_readout(scenario: Scenario, place: ResponsePlace) -> bool:
    if scenario.readout is None or place.variable is None:
        return False
    read = scenario.readout.nociception
    return (place.cell_type, place.variable) == (read.cell_type, read.variable)


# ------------------------------------------------------------------------------------------------ nodes


def _constant(place: ResponsePlace, value: float) -> MapNode:
    return MapNode({"base": _quantity(place, value)}, {"base": _NOWHERE}, _NOWHERE)


def _quantity(place: ResponsePlace, value: float) -> ScalarNode:
    """A value of a response in its internal unit, to the last bit."""
    assert place.dimension is not None
    unit = place.dimension.unit
    number = value + 0.0  # no negative zero
    if unit == "1":
        return ScalarNode(number, repr(number), _NOWHERE)
    return text_node(f"{number!r} {unit}")


def text_node(text: str) -> ScalarNode:
    """A text as a node of no file."""
    return ScalarNode(text, text, _NOWHERE)


def put(node: Node, path: KeyPath, new: Node) -> MapNode:
    """A tree of mappings with one node replaced or added; nothing is changed in place."""
    entries, keys, mark = {}, {}, _NOWHERE
    if isinstance(node, MapNode):
        entries, keys, mark = dict(node.entries), dict(node.keys), node.mark
    key = str(path[0])
    below = entries.get(key, MapNode({}, {}, _NOWHERE))
    entries[key] = new if len(path) == 1 else put(below, path[1:], new)
    keys.setdefault(key, _NOWHERE)
    return MapNode(entries, keys, mark)


def waiting_name(cell_type: str, compartment: str) -> str:
    """What a cell type is called while it waits in a compartment."""
    return f"{cell_type} waiting in {compartment}"


def _needs(place: ResponsePlace, term: Term | None = None) -> tuple[str, ...]:
    """Cells without which a response, or one of its terms, makes no difference."""
    needs: list[str] = []
    if place.path[2:3] == ("compartments",) and place.cell_type is not None:
        needs.append(waiting_name(place.cell_type, str(place.path[3])))
    elif place.cell_type is not None and not _arrives(place):
        needs.append(place.cell_type)
    if term is not None:
        sensed = parse_signal(term.signal, place.names)
        if sensed.kind in _OF_OTHERS and sensed.cell_type is not None:
            needs.append(sensed.cell_type)
    return tuple(needs)


def _arrives(place: ResponsePlace) -> bool:
    return place.behaviour is not None and place.behaviour.kind is BehaviourKind.ARRIVAL
