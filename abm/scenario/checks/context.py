"""What the checks share: the scenario, where everything stands, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from abm.errors import Fault
from abm.scenario.nodes import KeyPath, MapNode, dotted, find, key_mark, value_mark
from abm.scenario.schema.scenario import Scenario
from abm.scenario.vocabulary import Vocabulary

#: Path of a list of the scenario -> index in the document of each of its entries.
Places: TypeAlias = Mapping[KeyPath, tuple[int, ...]]


@dataclass
class Context:
    """One scenario under check.

    Attributes
    ----------
    scenario : Scenario
        May hold stand-ins for faulty values (`abm.scenario.walk.is_unknown`).
    document : MapNode
        What it was made from.
    names : Vocabulary
        Every name of the document, also those whose entries are faulty.
    places : mapping
        Of the lists that lost faulty entries, so that the others are still found.
    faults, warnings : list of Fault
    """

    scenario: Scenario
    document: MapNode
    names: Vocabulary
    places: Places = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def fault(self, path: KeyPath, message: str, at_key: bool = False) -> None:
        """Report a fault of the value at `path`, or of its key."""
        self.faults.append(self._at(path, message, at_key))

    def warn(self, path: KeyPath, message: str) -> None:
        """Report something allowed that deserves a look."""
        self.warnings.append(self._at(path, message, False))

    def _at(self, path: KeyPath, message: str, at_key: bool) -> Fault:
        path = self.written(path)
        mark = key_mark(self.document, path) if at_key else value_mark(self.document, path)
        return mark.fault(message, dotted(self.real(path)))

    def written(self, path: KeyPath) -> KeyPath:
        """`path` of the scenario as a path of the document."""
        return tuple(
            self.places[path[:i]][part] if isinstance(part, int) and path[:i] in self.places else part
            for i, part in enumerate(path)
        )

    def real(self, path: KeyPath) -> KeyPath:
        """A path of the document without the parts that it does not spell out."""
        real: list[str | int] = []
        for part in path:
            if find(self.document, (*real, part)) is not None:
                real.append(part)
        return tuple(real)
