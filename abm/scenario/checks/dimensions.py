"""Values whose dimension follows from where they stand; amounts of substance become masses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from abm.scenario.checks.context import Context
from abm.scenario.nodes import KeyPath
from abm.scenario.quantity import Quantity
from abm.scenario.schema.responses import Factor, Term
from abm.scenario.signals import Signal, UnknownSignalError, parse_signal
from abm.scenario.walk import ResponsePlace, is_unknown, responses
from abm.state.kinds import SignalKind
from abm.units import Dimension

#: Keys of a term that are amounts of its signal, and keys that are values of its response.
_OF_SIGNAL = ("half_max", "per", "limit", "full")
_OF_VALUE = ("amount", "to")


@dataclass(frozen=True)
class Slot:
    """A place that holds a quantity.

    Attributes
    ----------
    path : tuple of str or int
    holder : object
        The mapping or section that holds it.
    key : str
    dimension : Dimension or None
        What it must be; None when the schema has checked that already.
    cytokine : str or None
        Whose molar mass turns an amount of substance into a mass.
    because : str
        What decides the dimension, for messages.
    """

    path: KeyPath
    holder: Any
    key: str
    dimension: Dimension | None = None
    cytokine: str | None = None
    because: str = ""

    @property
    def value(self) -> Quantity | None:
        """The quantity, or None."""
        held = self.holder.get(self.key) if isinstance(self.holder, dict) else getattr(self.holder, self.key)
        return held if isinstance(held, Quantity) else None

    def replace(self, value: Quantity) -> None:
        """Put another quantity there; sections are frozen for everybody but this last step of loading."""
        target = self.holder if isinstance(self.holder, dict) else self.holder.__dict__
        target[self.key] = value


def check_dimensions(context: Context) -> None:
    """Report wrong dimensions and molar values without a molar mass; convert the others."""
    for place in responses(context.scenario, context.names):
        for slot in _response_slots(context, place):
            _check_slot(context, slot)
    for slot in _typed_slots(context):
        _check_slot(context, slot)


def _check_slot(context: Context, slot: Slot) -> None:
    value = slot.value
    if value is None or is_unknown(value):
        return
    wanted = slot.dimension
    if wanted is not None and value.unit != wanted.unit:
        context.fault(slot.path, _wrong(value, wanted, slot.because))
    elif value.molar:
        cytokine = context.scenario.cytokines.get(slot.cytokine or "")
        molar_mass = cytokine.molar_mass if cytokine is not None else None
        if molar_mass is not None and not is_unknown(molar_mass):
            slot.replace(value.in_mass(molar_mass))
        elif cytokine is None or cytokine.molar_mass is None:
            context.fault(slot.path, _no_molar_mass(value, slot.cytokine))


def _wrong(value: Quantity, wanted: Dimension, because: str) -> str:
    if value.unit == "1" and "%" not in value.given:
        unit = f"'{value.given} {wanted.example}'"
        return f"number {value.given} has no unit; {wanted.name} is written e.g. {unit} ({because})"
    example = f" such as '1 {wanted.example}'" if wanted.example else ""
    return f"'{value.given}' is {value.dimension.name}, expected {wanted.name}{example} ({because})"


def _no_molar_mass(value: Quantity, cytokine: str | None) -> str:
    by_mass = f"write it by mass, e.g. in {value.dimension.example}"
    if cytokine is None:
        return f"'{value.given}' is molar, and nothing gives a molar mass here; {by_mass}"
    return f"'{value.given}' is molar: give cytokines.{cytokine}.molar_mass, or {by_mass}"


def _response_slots(context: Context, place: ResponsePlace) -> Iterator[Slot]:
    response, wanted = place.response, place.dimension
    cytokine = place.behaviour.field if place.behaviour is not None else None
    what = f"value of '{place.title}'"
    if wanted is not None and "base" in response.model_fields_set:
        yield Slot((*place.path, "base"), response, "base", wanted, cytokine, what)
    for side, i, term in response.terms():
        path = (*place.path, side, i)
        if wanted is not None:
            for key in _OF_VALUE:
                if hasattr(term, key):
                    yield Slot((*path, key), term, key, wanted, cytokine, what)
        signal = _signal(term, place)
        if signal is None:
            continue
        _check_plain_term(context, path, term, signal)
        for key in _OF_SIGNAL:
            if hasattr(term, key):
                because = f"the signal is '{term.signal}'"
                yield Slot((*path, key), term, key, signal.dimension, signal.field, because)


def _signal(term: Term, place: ResponsePlace) -> Signal | None:
    try:
        return parse_signal(term.signal, place.names)
    except UnknownSignalError:
        return None


def _check_plain_term(context: Context, path: KeyPath, term: Term, signal: Signal) -> None:
    """Terms that use a signal as it is, or its baseline."""
    unscaled = isinstance(term, Factor) and term.per is None and term.limit is None and term.half_max is None
    if unscaled and signal.dimension.unit != "1":
        message = (
            f"'{term.signal}' is {signal.dimension.name}; as a factor it needs 'per', 'limit' or 'half_max'"
        )
        context.fault((*path, "signal"), message)
    if getattr(term, "above_baseline", False) and signal.kind is not SignalKind.CONCENTRATION:
        message = f"'above_baseline' goes with the concentration of a cytokine, not with '{term.signal}'"
        context.fault((*path, "above_baseline"), message, at_key=True)


def _typed_slots(context: Context) -> Iterator[Slot]:
    """Places whose unit the schema checks, but which may hold amounts of substance."""
    scenario = context.scenario
    for name, cytokine in scenario.cytokines.items():
        for key in ("baseline", "sensing_floor"):
            yield Slot(("cytokines", name, key), cytokine, key, cytokine=name)
        for target, binding in cytokine.binds.items():
            yield Slot(("cytokines", name, "binds", target, "at"), binding, "at", cytokine=name)
    for name, kind in scenario.injury_kinds.items():
        for i, release in enumerate(kind.releases):
            path: KeyPath = ("injury_kinds", name, "releases", i, "rate")
            yield Slot(path, release, "rate", cytokine=release.cytokine)
    for i, intervention in enumerate(scenario.interventions):
        if intervention.infuse is not None:
            path = ("interventions", i, "infuse", "dose")
            yield Slot(path, intervention.infuse, "dose", cytokine=intervention.infuse.cytokine)
        if intervention.neutralise is not None:
            path = ("interventions", i, "neutralise", "dose")
            yield Slot(path, intervention.neutralise, "dose", cytokine=intervention.neutralise.agent)
        if intervention.drug is not None:
            yield Slot(("interventions", i, "drug", "dose"), intervention.drug, "dose")
    for name, drug in scenario.drugs.items():
        for i, effect in enumerate(drug.effects):
            yield Slot(("drugs", name, "effects", i, "half_max"), effect, "half_max")
    for face, held in scenario.domain.boundaries.faces().items():
        if isinstance(held, dict):
            for name in held:
                yield Slot(("domain", "boundaries", face, name), held, name, cytokine=name)
