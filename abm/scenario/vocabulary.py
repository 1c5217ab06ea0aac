"""The names that exist in a scenario: what signals and behaviours may refer to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abm.scenario.schema import Scenario

#: What a name may look like.  Greek letters belong into labels: a name is typed, compared and stored.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:[ .][A-Za-z0-9_+\-]+)*")


@dataclass(frozen=True)
class Vocabulary:
    """Every name of one scenario.

    Attributes
    ----------
    cytokines, regions, compartments, drives, drugs : tuple of str
    cell_types : tuple of str
    variables : mapping
        Cell type -> names of its variables.
    phenotypes : mapping
        Cell type -> names of its phenotypes.
    owner : str or None
        The cell type whose responses are being read: ``own V`` and ``phenotype P`` mean its own.
        None takes the variables and phenotypes of all types.
    without_cell : bool
        A place of the tissue or a compartment is read, where nothing is "own".
    """

    cytokines: tuple[str, ...] = ()
    cell_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    compartments: tuple[str, ...] = ()
    drives: tuple[str, ...] = ()
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phenotypes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    owner: str | None = None
    without_cell: bool = False
    drugs: tuple[str, ...] = ()

    def of(self, cell_type: str | None, without_cell: bool = False) -> Vocabulary:
        """The same names, read from inside a cell type."""
        return replace(self, owner=cell_type, without_cell=without_cell)

    def of_place(self) -> Vocabulary:
        """The same names, read from a place of the tissue."""
        return replace(self, owner=None, without_cell=True)

    @property
    def own_variables(self) -> tuple[str, ...]:
        """Variables that ``own V`` may mean."""
        return self._own(self.variables)

    @property
    def own_phenotypes(self) -> tuple[str, ...]:
        """Phenotypes that ``phenotype P`` may mean."""
        return self._own(self.phenotypes)

    def _own(self, by_type: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        if self.owner is not None:
            return by_type.get(self.owner, ())
        return tuple(dict.fromkeys(name for names in by_type.values() for name in names))


def vocabulary_of(scenario: Scenario) -> Vocabulary:
    """The names of a scenario."""
    drives = dict.fromkeys(drive for kind in scenario.injury_kinds.values() for drive in kind.drives)
    return Vocabulary(
        cytokines=tuple(scenario.cytokines),
        cell_types=tuple(scenario.cell_types),
        regions=tuple(scenario.regions),
        compartments=tuple(scenario.compartments),
        drives=tuple(drives),
        drugs=tuple(scenario.drugs),
        variables={name: tuple(cell.variables) for name, cell in scenario.cell_types.items()},
        phenotypes={name: tuple(cell.phenotypes) for name, cell in scenario.cell_types.items()},
    )


def lookalike(name: str) -> str:
    """Remark about the first letter that only looks like an ASCII one, or an empty text."""
    for letter in name:
        if ord(letter) > 127:
            return f" (it contains U+{ord(letter):04X} {unicodedata.name(letter, 'unnamed').lower()})"
    return ""


def name_problem(name: str) -> str:
    """Why `name` cannot be a name, or an empty text."""
    if len(name) > 60:
        return f"name of {len(name)} characters; at most 60 are allowed"
    if not NAME.fullmatch(name):
        return (
            f"'{name}' is no name{lookalike(name)}; a name starts with a letter and holds ASCII letters, "
            "digits, '_', '-', '+', single blanks or points; put anything else into 'label'"
        )
    return ""
