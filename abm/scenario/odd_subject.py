"""What an ODD protocol is about: one scenario of an experiment, and what its sections ask of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from abm.scenario.behaviours import EVENTS
from abm.scenario.json_schema import EDITOR_LINE
from abm.scenario.load import Experiment
from abm.scenario.nodes import MapNode
from abm.scenario.odd_markdown import code, plain
from abm.scenario.schema.cells import Variable
from abm.scenario.schema.scenario import Scenario
from abm.scenario.signals import Signal, parse_signal
from abm.scenario.vocabulary import Vocabulary, vocabulary_of
from abm.scenario.walk import ResponsePlace, responses
from abm.state.kinds import BehaviourKind, Placement


@dataclass(frozen=True)
class Subject:
    """One arm, or what all arms have in common.

    Attributes
    ----------
    experiment : Experiment
    arm : str or None
    file : str
        Name to print; may be empty.
    """

    experiment: Experiment
    arm: str | None = None
    file: str = ""

    @property
    def scenario(self) -> Scenario:
        """What is described."""
        return self.experiment.base if self.arm is None else self.experiment.arms[self.arm]

    @property
    def document(self) -> MapNode:
        """What it was made from."""
        return self.experiment.document if self.arm is None else self.experiment.arm_documents[self.arm]

    @property
    def purpose(self) -> tuple[str, ...]:
        """Paragraphs of the comment that opens the file: what its author says it is for."""
        paragraphs = [""]
        for line in self.experiment.document.mark.origin.lines:
            if not line.startswith("#"):
                break
            text = line.lstrip("#").strip()
            if line.startswith(EDITOR_LINE):
                continue
            paragraphs = [*paragraphs, ""] if not text else [*paragraphs[:-1], f"{paragraphs[-1]} {text}"]
        return tuple(text.strip() for text in paragraphs if text.strip())

    @cached_property
    def names(self) -> Vocabulary:
        """Every name that exists."""
        return vocabulary_of(self.scenario)

    @cached_property
    def places(self) -> tuple[ResponsePlace, ...]:
        """Every response."""
        return tuple(responses(self.scenario, self.names))

    def of_cells(self, cell_type: str) -> list[ResponsePlace]:
        """Responses of the cells of a type, without those that wait in a compartment."""
        return [p for p in self.places if p.cell_type == cell_type and p.path[2] != "compartments"]

    def of_waiting(self, cell_type: str, compartment: str) -> list[ResponsePlace]:
        """Responses of the cells of a type that wait in a compartment."""
        return [
            p for p in self.places if p.path[:4] == ("cell_types", cell_type, "compartments", compartment)
        ]

    @property
    def of_tissue(self) -> list[ResponsePlace]:
        """Responses of the tissue."""
        return [p for p in self.places if p.cell_type is None]

    @cached_property
    def kinds(self) -> set[BehaviourKind]:
        """Kinds of behaviour that something has."""
        return {p.behaviour.kind for p in self.places if p.behaviour is not None}

    @property
    def events(self) -> set[BehaviourKind]:
        """Kinds of behaviour that happen with a probability."""
        return self.kinds & EVENTS

    @property
    def is_motile(self) -> bool:
        """Whether any cell can move."""
        return BehaviourKind.SPEED in self.kinds

    def has_random_placement(self) -> bool:
        """Whether cells are placed independently of each other."""
        return any(
            Placement[cell.placement.upper()] is Placement.RANDOM
            for cell in self.scenario.cell_types.values()
        )

    def variable_of(self, place: ResponsePlace) -> Variable | None:
        """The variable that a response moves."""
        if place.variable is None or place.cell_type is None:
            return None
        return self.scenario.cell_types[place.cell_type].variables[place.variable]


def signals_of(place: ResponsePlace) -> list[Signal]:
    """What a response senses, each once."""
    read = (parse_signal(term.signal, place.names) for _, _, term in place.response.terms())
    return list(dict.fromkeys(read))


def signals_in(places: Iterable[ResponsePlace]) -> list[str]:
    """Spellings of all signals of some responses, each once."""
    return list(dict.fromkeys(str(signal) for place in places for signal in signals_of(place)))


def named(name: str, label: str) -> str:
    """A name, and what it is called in figures where that says more."""
    return f"{code(name)} ({plain(label)})" if label and label != name else code(name)
