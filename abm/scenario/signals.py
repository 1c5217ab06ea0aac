"""Texts that name a signal, e.g. ``excess IL-1b`` or ``mean activation of microglia``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from abm.scenario.nodes import listed, nearest
from abm.scenario.vocabulary import Vocabulary, lookalike
from abm.state.kinds import SignalKind
from abm.units import DIMENSIONS, Dimension

_UNIT = {
    SignalKind.CONCENTRATION: "pg/ml",
    SignalKind.EXCESS: "pg/ml",
    SignalKind.LEVEL: "pg/ml",
    SignalKind.GRADIENT: "pg/ml/um",
    SignalKind.RELATIVE_GRADIENT: "1/um",
    SignalKind.DENSITY: "1/um^3",
    SignalKind.TIME: "min",
    SignalKind.AGE: "min",
    SignalKind.DRUG: "pg/ml",
}

#: Every form of a signal, as shown in messages, and what it means.
FORMS: dict[str, str] = {
    "X": "concentration of cytokine X at the cell",
    "excess X": "concentration over the baseline, never negative",
    "X gradient": "steepness of X",
    "relative gradient of X": "steepness of X over its value and the sensing floor",
    "own V": "the cell's own variable V",
    "phenotype P": "1 while the cell has phenotype P, else 0",
    "contact with T": "number of touching cells of type T",
    "contact with live cells": "number of touching live cells",
    "contact with dead cells": "number of touching dead cells",
    "density of T": "local number density of type T",
    "relative density of T": "local over naive density of type T",
    "surplus of T": "share of the local density of T beyond the naive one",
    "mean V of T": "local mean of variable V over cells of type T",
    "V load of T": "local sum of variable V over cells of type T, per naive cell",
    "D drive": "drive D of the injuries",
    "inside R": "1 inside region R, else 0",
    "X level in C": "concentration of X in compartment C",
    "drug D": "level of drug D in its central compartment",
    "time": "simulated time",
    "age": "age of the cell",
    "dead": "1 for a dead cell, else 0",
    "damage": "own variable damage",
}

_FLAGS = {
    **dict.fromkeys(("time", "current time", "global time"), SignalKind.TIME),
    "age": SignalKind.AGE,
    **dict.fromkeys(("dead", "is dead"), SignalKind.DEAD),
    **dict.fromkeys(("contact with live cells", "contact with live cell"), SignalKind.CONTACT_LIVE),
    **dict.fromkeys(("contact with dead cells", "contact with dead cell"), SignalKind.CONTACT_DEAD),
}
_ONLY_OF_CELLS = frozenset(
    {
        SignalKind.OWN,
        SignalKind.PHENOTYPE,
        SignalKind.CONTACT,
        SignalKind.CONTACT_LIVE,
        SignalKind.CONTACT_DEAD,
        SignalKind.AGE,
        SignalKind.DEAD,
    }
)

#: Signals of PhysiCell's grammar that have no counterpart here.
_PHYSICELL_ONLY = re.compile(
    r"(intracellular|internalized) .*|pressure|volume|contact with (apoptotic|necrotic|other dead) cells?"
    r"|contact with (basement membrane|BM)|(total )?damage delivered|(is )?attacking|total attack time"
    r"|(is[_ ])?(apoptotic|necrotic)"
)


@dataclass(frozen=True)
class Signal:
    """One signal; the fields that do not apply are None."""

    kind: SignalKind
    field: str | None = None
    cell_type: str | None = None
    variable: str | None = None
    phenotype: str | None = None
    region: str | None = None
    compartment: str | None = None
    drive: str | None = None
    drug: str | None = None

    @property
    def dimension(self) -> Dimension:
        """What kind of quantity the signal is."""
        return DIMENSIONS[_UNIT.get(self.kind, "1")]

    def __str__(self) -> str:
        return canonical(self)


class UnknownSignalError(ValueError):
    """The text names no signal of this scenario; the message says what is allowed."""


def parse_signal(text: str, names: Vocabulary) -> Signal:
    """The signal that `text` names.

    Parameters
    ----------
    text : str
        One of `FORMS`, or PhysiCell's synonym of it.
    names : Vocabulary
        What exists, and whose response is read.

    Raises
    ------
    UnknownSignalError
        With the nearest spelling and what is allowed.
    """
    if not isinstance(text, str):
        raise UnknownSignalError(f"a signal is a text, got {text!r}")
    plain = " ".join(text.split())
    if plain in _FLAGS:
        return _allowed_here(Signal(_FLAGS[plain]), text, names)
    reasons: list[str] = []
    for signal in _readings(plain, names, reasons):
        return _allowed_here(signal, text, names)
    raise UnknownSignalError(_why_unknown(plain, names, reasons))


def _allowed_here(signal: Signal, text: str, names: Vocabulary) -> Signal:
    if names.without_cell and signal.kind in _ONLY_OF_CELLS:
        raise UnknownSignalError(f"signal '{text}' belongs to one cell; no cell senses here")
    return signal


def _readings(text: str, names: Vocabulary, reasons: list[str]) -> Iterator[Signal]:
    """Signals that `text` may mean, likeliest first.

    Why the first form fits but its name does not goes to `reasons`.
    """
    first = True

    def known(name: str, allowed: Iterable[str], what: str) -> bool:
        allowed = tuple(allowed)
        if name in allowed:
            return True
        if first:
            hint = f"{lookalike(name)}{nearest(name, allowed)}"
            reasons.append(f"unknown {what} '{name}'{hint}; known: {listed(allowed)}")
        return False

    if text in names.cytokines:
        yield Signal(SignalKind.CONCENTRATION, field=text)
    for pattern, read in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            yield from read(found, names, known)
            first = False


Known = Callable[[str, Iterable[str], str], bool]
Reader = Callable[[re.Match[str], Vocabulary, Known], Iterator[Signal]]


def _of_field(kind: SignalKind) -> Reader:
    def read(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
        name = next(group for group in found.groups() if group)
        if known(name, names.cytokines, "cytokine"):
            yield Signal(kind, field=name)

    return read


def _of_type(kind: SignalKind) -> Reader:
    def read(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
        if known(found[1], names.cell_types, "cell type"):
            yield Signal(kind, cell_type=found[1])

    return read


def _of_population(kind: SignalKind) -> Reader:
    def read(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
        variable, cell_type = found[1], found[2]
        if known(cell_type, names.cell_types, "cell type") and known(
            variable, names.variables.get(cell_type, ()), f"variable of {cell_type}"
        ):
            yield Signal(kind, cell_type=cell_type, variable=variable)

    return read


def _own(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    name = found[1] if found.re.groups else found[0]
    if known(name, names.own_variables, f"variable of {names.owner or 'any cell type'}"):
        yield Signal(SignalKind.OWN, cell_type=names.owner, variable=name)


def _phenotype(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    if known(found[1], names.own_phenotypes, f"phenotype of {names.owner or 'any cell type'}"):
        yield Signal(SignalKind.PHENOTYPE, cell_type=names.owner, phenotype=found[1])


def _drive(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    if known(found[1], names.drives, "drive"):
        yield Signal(SignalKind.DRIVE, drive=found[1])


def _drug(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    if known(found[1], names.drugs, "drug"):
        yield Signal(SignalKind.DRUG, drug=found[1])


def _region(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    if known(found[1], names.regions, "region"):
        yield Signal(SignalKind.REGION, region=found[1])


def _level(found: re.Match[str], names: Vocabulary, known: Known) -> Iterator[Signal]:
    # Both names are looked at, so that two misspelt names give two suggestions.
    good = [known(found[1], names.cytokines, "cytokine"), known(found[2], names.compartments, "compartment")]
    if all(good):
        yield Signal(SignalKind.LEVEL, field=found[1], compartment=found[2])


#: Tried in this order: longer forms stand before the shorter ones they contain.
_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"relative gradient of (.+)", _of_field(SignalKind.RELATIVE_GRADIENT)),
        (r"gradient of (.+)|grad\((.+)\)|(.+) gradient", _of_field(SignalKind.GRADIENT)),
        (r"excess (.+)", _of_field(SignalKind.EXCESS)),
        (r"(?:own |custom: ?)(.+)", _own),
        (r"damage", _own),
        (r"phenotype (.+)", _phenotype),
        (r"contact with (?:cell type )?(.+)", _of_type(SignalKind.CONTACT)),
        (r"relative density of (.+)", _of_type(SignalKind.RELATIVE_DENSITY)),
        (r"density of (.+)", _of_type(SignalKind.DENSITY)),
        (r"surplus of (.+)", _of_type(SignalKind.SURPLUS)),
        (r"mean (.+) of (.+)", _of_population(SignalKind.MEAN)),
        (r"(.+) load of (.+)", _of_population(SignalKind.LOAD)),
        (r"(.+) drive", _drive),
        (r"drug (.+)", _drug),
        (r"inside (.+)", _region),
        (r"(.+) level in (.+)", _level),
    )
)


def _why_unknown(text: str, names: Vocabulary, reasons: list[str]) -> str:
    if _PHYSICELL_ONLY.fullmatch(text):
        return f"signal '{text}' is known to PhysiCell, not supported here"
    if reasons:
        return f"signal '{text}': " + "; ".join(reasons)
    spoken = possible_signals(names)
    return (
        f"unknown signal '{text}'{lookalike(text)}{nearest(text, spoken)}; "
        f"a signal is one of: {', '.join(FORMS)}; with cytokines X: {listed(names.cytokines)}"
    )


def possible_signals(names: Vocabulary) -> list[str]:
    """Signals of this scenario spelt out, for suggestions."""
    spoken = [*names.cytokines, *_FLAGS]
    spoken += [form.format(x) for x in names.cytokines for form in ("excess {}", "relative gradient of {}")]
    spoken += [
        form.format(t)
        for t in names.cell_types
        for form in ("contact with {}", "density of {}", "relative density of {}", "surplus of {}")
    ]
    spoken += [f"mean {v} of {t}" for t, variables in names.variables.items() for v in variables]
    spoken += [f"{v} load of {t}" for t, variables in names.variables.items() for v in variables]
    spoken += [f"own {v}" for v in names.own_variables] + [f"phenotype {p}" for p in names.own_phenotypes]
    spoken += [f"{d} drive" for d in names.drives] + [f"inside {r}" for r in names.regions]
    spoken += [f"drug {d}" for d in names.drugs]
    return spoken


_CANONICAL = {
    SignalKind.CONCENTRATION: "{field}",
    SignalKind.EXCESS: "excess {field}",
    SignalKind.GRADIENT: "{field} gradient",
    SignalKind.RELATIVE_GRADIENT: "relative gradient of {field}",
    SignalKind.OWN: "own {variable}",
    SignalKind.PHENOTYPE: "phenotype {phenotype}",
    SignalKind.CONTACT: "contact with {cell_type}",
    SignalKind.CONTACT_LIVE: "contact with live cells",
    SignalKind.CONTACT_DEAD: "contact with dead cells",
    SignalKind.DENSITY: "density of {cell_type}",
    SignalKind.RELATIVE_DENSITY: "relative density of {cell_type}",
    SignalKind.SURPLUS: "surplus of {cell_type}",
    SignalKind.MEAN: "mean {variable} of {cell_type}",
    SignalKind.LOAD: "{variable} load of {cell_type}",
    SignalKind.DRIVE: "{drive} drive",
    SignalKind.REGION: "inside {region}",
    SignalKind.LEVEL: "{field} level in {compartment}",
    SignalKind.DRUG: "drug {drug}",
    SignalKind.TIME: "time",
    SignalKind.AGE: "age",
    SignalKind.DEAD: "dead",
}


def canonical(signal: Signal) -> str:
    """The one spelling of a signal that this program itself writes."""
    return _CANONICAL[signal.kind].format_map(vars(signal))
