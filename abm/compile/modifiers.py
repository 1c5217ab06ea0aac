"""What `modify` and the effects of drugs act on: which responses and which signals get which factor."""

from __future__ import annotations

from dataclasses import dataclass

from abm.compile.model import Clock, Labels, Modifier, Span
from abm.scenario.behaviours import Behaviour, UnknownBehaviourError, parse_behaviour
from abm.scenario.schema import Scenario, Target, Window
from abm.scenario.schema.treatment import ALL, TISSUE
from abm.scenario.signals import Signal, UnknownSignalError, parse_signal
from abm.scenario.vocabulary import Vocabulary, vocabulary_of
from abm.state.kinds import BehaviourKind, SignalKind


def span_of(window: Window, clock: Clock) -> Span:
    """A window of the scenario in ticks."""
    until = window.until
    return Span(
        starts=tuple(round(start / clock.tick) for start in window.starts),
        length=-1 if until is None else round((float(until) - float(window.since)) / clock.tick),
        ramp=float(window.ramp),
        half_life=float(window.half_life or 0.0),
    )


@dataclass(frozen=True)
class Changes:
    """All factors of a scenario.

    Attributes
    ----------
    modifiers : tuple of Modifier
    targets : tuple of Target
        What each of them acts on, in the same order.
    """

    scenario: Scenario
    modifiers: tuple[Modifier, ...]
    targets: tuple[Target, ...]

    def of_behaviour(self, cell_type: str | None, behaviour: Behaviour, in_tissue: bool = True) -> list[int]:
        """Factors on a behaviour of a cell type, or of the tissue where `cell_type` is None.

        Parameters
        ----------
        in_tissue : bool
            False for cells that wait in a compartment, which no region reaches.
        """
        names = self._names(cell_type)
        found = []
        for m, target in self._aimed_at(cell_type, in_tissue):
            if target.behaviour is not None:
                wanted: Behaviour | None
                try:
                    wanted = parse_behaviour(target.behaviour, names, "cell" if cell_type else "tissue")
                except UnknownBehaviourError:
                    wanted = _waiting_behaviour(target.behaviour, names)
                hit = wanted == behaviour
            else:
                hit = behaviour.kind is BehaviourKind.SENSITIVITY and behaviour.field == target.sensing
            if hit:
                found.append(m)
        return found

    def of_variable(self, cell_type: str, variable: str) -> list[int]:
        """Factors on the response that moves a variable."""
        return [m for m, target in self._aimed_at(cell_type, True) if target.variable == variable]

    def of_signal(self, cell_type: str | None, signal: Signal, in_tissue: bool = True) -> list[int]:
        """Factors on a signal as this cell type senses it."""
        found = []
        for m, target in self._aimed_at(cell_type, in_tissue):
            if target.sensing is None:
                continue
            if target.sensing in self.scenario.cytokines:
                hit = signal.field == target.sensing
            else:
                hit = _parsed(target.sensing, self._names(cell_type)) == signal
            if hit:
                found.append(m)
        return found

    def is_local(self, m: int) -> bool:
        """Whether a factor holds in one region only."""
        return self.modifiers[m].region >= 0

    def _names(self, cell_type: str | None) -> Vocabulary:
        names = vocabulary_of(self.scenario)
        return names.of(cell_type) if cell_type else names.of_place()

    def _aimed_at(self, cell_type: str | None, in_tissue: bool) -> list[tuple[int, Target]]:
        owner = cell_type or TISSUE
        return [
            (m, target)
            for m, target in enumerate(self.targets)
            if (owner in target.of or ALL in target.of) and (in_tissue or not self.is_local(m))
        ]


def _waiting_behaviour(text: str, names: Vocabulary) -> Behaviour | None:
    try:
        return parse_behaviour(text, names, "compartment")
    except UnknownBehaviourError:
        return None


def _parsed(text: str, names: Vocabulary) -> Signal | None:
    try:
        signal = parse_signal(text, names)
    except UnknownSignalError:
        return None
    return None if signal.kind is SignalKind.OWN else signal


def changes_of(scenario: Scenario, labels: Labels, clock: Clock) -> Changes:
    """Every `modify` of a scenario, then the effects of its drugs."""
    modifiers: list[Modifier] = []
    targets: list[Target] = []
    for intervention in scenario.interventions:
        change = intervention.modify
        if change is not None:
            modifiers.append(
                Modifier(
                    by=float(change.by),
                    span=span_of(change, clock),
                    drug=-1,
                    half_max=0.0,
                    power=1.0,
                    region=region_index(change.site, labels),
                    text=in_words(change),
                )
            )
            targets.append(change)
    for d, drug in enumerate(scenario.drugs.values()):
        for effect in drug.effects:
            modifiers.append(
                Modifier(
                    by=float(effect.by),
                    span=None,
                    drug=d,
                    half_max=float(effect.half_max),
                    power=float(effect.hill_power),
                    region=region_index(effect.site, labels),
                    text=f"{labels.drugs[d]}: {in_words(effect)}",
                )
            )
            targets.append(effect)
    return Changes(scenario, tuple(modifiers), tuple(targets))


def region_index(site: str | None, labels: Labels) -> int:
    """Index of a region, -1 for everywhere."""
    return -1 if site is None else labels.regions.index(site)


def in_words(change: Target) -> str:
    """A change as one line, e.g. ``secretion of TNF-a of microglia x 0.1``."""
    what = change.behaviour or change.variable or f"sensing of {change.sensing}"
    return f"{what} of {', '.join(change.of)} x {float(change.by):g}"
