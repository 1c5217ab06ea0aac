"""Texts that name a behaviour, e.g. ``secretion of IL-10`` or ``transition to primed``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from abm.scenario.nodes import listed, nearest
from abm.scenario.vocabulary import Vocabulary, lookalike
from abm.state.kinds import BehaviourKind
from abm.units import DIMENSIONS, Dimension

#: Where a behaviour is written: in a cell type, for its cells waiting in a compartment, in the tissue.
Room = Literal["cell", "compartment", "tissue"]

_UNIT = {
    BehaviourKind.SECRETION: "fg/min",
    BehaviourKind.SPEED: "um/min",
    BehaviourKind.BIAS: "1",
    BehaviourKind.PERSISTENCE: "min",
    BehaviourKind.SENSITIVITY: "1",
    BehaviourKind.ARRIVAL: "1/um^3/min",
    BehaviourKind.PRODUCTION: "1",
}

#: Behaviours that happen with a probability per step.
EVENTS = frozenset(
    {
        BehaviourKind.DIVISION,
        BehaviourKind.DEATH,
        BehaviourKind.CLEARANCE,
        BehaviourKind.PHAGOCYTOSIS,
        BehaviourKind.TRANSITION,
        BehaviourKind.TRANSFORM,
        BehaviourKind.ENTRY,
    }
)

#: Every form of a behaviour and what it means, by the place where it may be written.
FORMS: dict[Room, dict[str, str]] = {
    "cell": {
        "secretion of X": "mass of cytokine X that one cell releases per time",
        "uptake of X": "rate at which one cell clears its own volume of X",
        "migration speed": "speed of a migrating cell",
        "migration bias": "share of directed movement, 0 (random walk) to 1 (straight up the gradient)",
        "persistence time": "mean time between changes of direction",
        "chemotactic sensitivity to X": "weight of the gradient of X in the direction",
        "division": "rate of division",
        "death": "rate of death; the dead cell stays until it is eaten",
        "clearance": "rate at which a live cell leaves or is removed",
        "phagocytosis of dead cells": "rate at which a touching dead cell is eaten",
        "transition to P": "rate of change to phenotype P",
        "transform to T": "rate of change to cell type T",
        "arrival": "cells that arrive through vessels, per volume and time",
    },
    "compartment": {
        "secretion of X": "mass of cytokine X that one waiting cell releases per time",
        "entry": "rate at which one waiting cell enters the tissue at the border",
    },
    "tissue": {
        "production of X": "basal production of X, relative to what holds its baseline",
        "leakage of X from C": "rate at which X above its baseline in C enters through vessels",
    },
}

_EATING = [
    f"{verb} {cells}"
    for verb in ("phagocytosis of", "phagocytose")
    for cells in ("dead cells", "dead cell", "apoptotic cells", "apoptotic cell")
]
_FIXED: dict[Room, dict[str, BehaviourKind]] = {
    "cell": {
        "migration speed": BehaviourKind.SPEED,
        "migration bias": BehaviourKind.BIAS,
        **dict.fromkeys(("persistence time", "migration persistence time"), BehaviourKind.PERSISTENCE),
        **dict.fromkeys(("division", "cycle entry", "exit from cycle phase 0"), BehaviourKind.DIVISION),
        **dict.fromkeys(("death", "apoptosis"), BehaviourKind.DEATH),
        "clearance": BehaviourKind.CLEARANCE,
        **dict.fromkeys(_EATING, BehaviourKind.PHAGOCYTOSIS),
        "arrival": BehaviourKind.ARRIVAL,
    },
    "compartment": {"entry": BehaviourKind.ENTRY},
    "tissue": {},
}
_OF_FIELD: tuple[tuple[re.Pattern[str], BehaviourKind, tuple[Room, ...]], ...] = (
    (re.compile(r"secretion of (.+)|(.+) secretion"), BehaviourKind.SECRETION, ("cell", "compartment")),
    (re.compile(r"uptake of (.+)|(.+) uptake"), BehaviourKind.UPTAKE, ("cell",)),
    (re.compile(r"chemotactic (?:sensitivity|response) to (.+)"), BehaviourKind.SENSITIVITY, ("cell",)),
    (re.compile(r"production of (.+)|(.+) production"), BehaviourKind.PRODUCTION, ("tissue",)),
)
_LEAKAGE = re.compile(r"leakage of (.+) from (.+)")
_TO_TYPE = re.compile(r"(transition|transform) to (?:cell type )?(.+)")
_PHYSICELL_ONLY = re.compile(
    r".* (secretion target|secretion saturation density|export)|exit from cycle phase [1-5]|necrosis"
    r"|cell-.*|adhesive affinity to .*|relative maximum adhesion distance|phagocyt(ose|osis of) .*|attack .*"
    r"|fuse to .*|asymmetric division to .*|custom: ?.*|is_movable|movable|is movable|immunogenicity to .*"
    r"|cell (attachment|detachment) rate|maximum number of cell attachments|attack (damage rate|duration)"
    r"|damage (rate|repair rate)"
)

_WHERE: dict[Room, str] = {
    "cell": "of a cell",
    "compartment": "of a cell that waits in a compartment",
    "tissue": "of the tissue",
}


@dataclass(frozen=True)
class Behaviour:
    """One behaviour; the fields that do not apply are None."""

    kind: BehaviourKind
    field: str | None = None
    phenotype: str | None = None
    cell_type: str | None = None
    compartment: str | None = None

    @property
    def dimension(self) -> Dimension:
        """What kind of quantity its response has."""
        return DIMENSIONS[_UNIT.get(self.kind, "1/min")]


class UnknownBehaviourError(ValueError):
    """The text names no behaviour that may stand here; the message says what is allowed."""


def parse_behaviour(text: str, names: Vocabulary, room: Room = "cell") -> Behaviour:
    """The behaviour that `text` names.

    Parameters
    ----------
    text : str
        One of ``FORMS[room]``, or PhysiCell's synonym of it.
    names : Vocabulary
        What exists; for transitions ``names.owner`` is the cell type.
    room : {"cell", "compartment", "tissue"}

    Raises
    ------
    UnknownBehaviourError
        With the nearest spelling and what is allowed.
    """
    plain = " ".join(text.split())
    if plain in _FIXED[room]:
        return Behaviour(_FIXED[room][plain])
    for pattern, kind, rooms in _OF_FIELD:
        found = pattern.fullmatch(plain)
        if found and room in rooms:
            name = next(group for group in found.groups() if group)
            return Behaviour(kind, field=_known(name, names.cytokines, "cytokine", text))
    found = _LEAKAGE.fullmatch(plain)
    if found and room == "tissue":
        return Behaviour(
            BehaviourKind.LEAKAGE,
            field=_known(found[1], names.cytokines, "cytokine", text),
            compartment=_known(found[2], names.compartments, "compartment", text),
        )
    found = _TO_TYPE.fullmatch(plain)
    if found and room == "cell":
        return _transition(found[1], found[2], text, names)
    raise UnknownBehaviourError(_why_unknown(plain, names, room))


def _transition(verb: str, target: str, text: str, names: Vocabulary) -> Behaviour:
    # PhysiCell calls a change of type "transition" as well; a phenotype is looked for first.
    if verb == "transition" and target in names.own_phenotypes:
        return Behaviour(BehaviourKind.TRANSITION, phenotype=target)
    if target in names.cell_types:
        return Behaviour(BehaviourKind.TRANSFORM, cell_type=target)
    if verb == "transition":
        return Behaviour(
            BehaviourKind.TRANSITION,
            phenotype=_known(target, names.own_phenotypes, f"phenotype of {names.owner}", text),
        )
    return Behaviour(BehaviourKind.TRANSFORM, cell_type=_known(target, names.cell_types, "cell type", text))


def _known(name: str, allowed: Iterable[str], what: str, text: str) -> str:
    allowed = tuple(allowed)
    if name in allowed:
        return name
    hint = f"{lookalike(name)}{nearest(name, allowed)}"
    raise UnknownBehaviourError(
        f"behaviour '{text}': unknown {what} '{name}'{hint}; known: {listed(allowed)}"
    )


def _why_unknown(text: str, names: Vocabulary, room: Room) -> str:
    if _PHYSICELL_ONLY.fullmatch(text):
        return f"behaviour '{text}' is known to PhysiCell, not supported here"
    forms = FORMS[room]
    spoken = [form for form in forms if form[-2:] not in (" X", " P", " T", " C")]
    for letter, possible in (("X", names.cytokines), ("P", names.own_phenotypes), ("T", names.cell_types)):
        spoken += [form[:-1] + name for form in forms if form.endswith(f" {letter}") for name in possible]
    hint = f"{lookalike(text)}{nearest(text, spoken)}"
    return f"unknown behaviour {_WHERE[room]} '{text}'{hint}; allowed: {', '.join(forms)}"
