"""PhysiCell's dictionary of signals and behaviours, and what each of them is here.

Names and synonyms are those of PhysiCell 1.14.2; like there, a name counts only when it is spelt exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: A density and a gradient of it, as units of a signal.
CONCENTRATION, GRADIENT = "pg/ml", "pg/ml/um"
#: Release of a substrate: towards a target, or as an amount per time.
RATE, AMOUNT = "rate", "amount"


@dataclass(frozen=True)
class KnownSignal:
    """A signal of PhysiCell that exists here.

    Attributes
    ----------
    text : str
        The same signal in this scenario.
    unit : str
        Unit of the number that PhysiCell has for it, empty for a plain one.
    substrate : str
        Name in the rules of the substrate whose density has to be converted, or empty.
    note : str
        What PhysiCell 1.14.2 does with it instead, or empty.
    """

    text: str
    unit: str = ""
    substrate: str = ""
    note: str = ""


@dataclass(frozen=True)
class KnownBehaviour:
    """A behaviour of PhysiCell that exists here.

    Attributes
    ----------
    text : str
        The same behaviour in this scenario, or the variable of the cell that it sets.
    unit : str
        Unit of the number that PhysiCell has for it, empty for a plain one.
    substrate : str
        Name in the rules of the substrate that is released, or empty.
    release : str
        `RATE` or `AMOUNT` for a release, else empty.
    is_variable : bool
    """

    text: str
    unit: str = ""
    substrate: str = ""
    release: str = ""
    is_variable: bool = False


@dataclass(frozen=True)
class Names:
    """What names in the rules mean in this scenario.

    Attributes
    ----------
    substrates, cell_types, variables : mapping
        Name in the rules -> cytokine, cell type, variable of one cell type.
    """

    substrates: Mapping[str, str]
    cell_types: Mapping[str, str]
    variables: Mapping[str, str]


_UNREAD = "PhysiCell 1.14.2 reads 0 for this signal (mended by its pull request 411)"


def signals(names: Names) -> dict[str, KnownSignal]:
    """Every signal, synonyms included."""
    found: dict[str, KnownSignal] = {}
    for name, cytokine in names.substrates.items():
        found[name] = KnownSignal(cytokine, CONCENTRATION, name)
        for form in ("{} gradient", "grad({})", "gradient of {}"):
            found[form.format(name)] = KnownSignal(f"{cytokine} gradient", GRADIENT, name)
    for name, cell_type in names.cell_types.items():
        for text in _of_type("contact with {}", name):
            found[text] = KnownSignal(f"contact with {cell_type}")
    for cells in ("cell", "cells"):
        found[f"contact with live {cells}"] = KnownSignal("contact with live cells")
        found[f"contact with dead {cells}"] = KnownSignal("contact with dead cells")
        found[f"contact with apoptotic {cells}"] = KnownSignal("contact with dead cells", note=_UNREAD)
    found |= dict.fromkeys(("time", "current time", "global time"), KnownSignal("time", "min"))
    found |= dict.fromkeys(("dead", "is dead", "apoptotic", "is_apoptotic"), KnownSignal("dead"))
    for name, variable in names.variables.items():
        if name == "damage":
            found[name] = KnownSignal("own damage")
        found |= dict.fromkeys(_custom(name), KnownSignal(f"own {variable}"))
    return found


def behaviours(names: Names) -> dict[str, KnownBehaviour]:
    """Every behaviour, synonyms included."""
    found: dict[str, KnownBehaviour] = {}
    for name, cytokine in names.substrates.items():
        found[f"{name} secretion"] = KnownBehaviour(f"secretion of {cytokine}", "fg/min", name, RATE)
        found[f"{name} export"] = KnownBehaviour(f"secretion of {cytokine}", "fg/min", name, AMOUNT)
        found[f"{name} uptake"] = KnownBehaviour(f"uptake of {cytokine}", "/min")
        for form in ("chemotactic response to {}", "chemotactic sensitivity to {}"):
            found[form.format(name)] = KnownBehaviour(f"chemotactic sensitivity to {cytokine}")
    found |= dict.fromkeys(("cycle entry", "exit from cycle phase 0"), KnownBehaviour("division", "/min"))
    found["apoptosis"] = KnownBehaviour("death", "/min")
    found["migration speed"] = KnownBehaviour("migration speed", "um/min")
    found["migration bias"] = KnownBehaviour("migration bias")
    found["migration persistence time"] = KnownBehaviour("persistence time", "min")
    eating = KnownBehaviour("phagocytosis of dead cells", "/min")
    # Before version 1.14 there was one behaviour for all dead cells.
    for cells in ("apoptotic cell", "dead cell"):
        found[f"phagocytose {cells}"] = eating
        found[f"phagocytosis of {cells}"] = found[f"phagocytosis of {cells}s"] = eating
    for name, cell_type in names.cell_types.items():
        for text in (*_of_type("transition to {}", name), *_of_type("transform to {}", name)):
            found[text] = KnownBehaviour(f"transform to {cell_type}", "/min")
    for name, variable in names.variables.items():
        found |= dict.fromkeys(_custom(name), KnownBehaviour(variable, is_variable=True))
    return found


def _of_type(form: str, name: str) -> Iterator[str]:
    """A form with the name of a cell type, or with its number."""
    yield form.format(f"cell type {name}" if name.isdigit() else name)


def _custom(name: str) -> tuple[str, ...]:
    return (f"custom {name}",) if name.isdigit() else (f"custom:{name}", f"custom: {name}")


_NO_ATTACK = "cells here do not attack, fuse with or eat living cells"
_ONE_DEATH = "cells here die in one way, PhysiCell's apoptosis"
_NO_FORCES = "cells here live on a grid and exert no forces on each other"

#: Signals of PhysiCell that do not exist here, and why.
UNSUPPORTED_SIGNALS = (
    (r"(intracellular|internalized) .+", "cells here hold no amounts of what they take up"),
    (r"pressure", f"{_NO_FORCES}; in YAML 'density of T' and 'surplus of T' tell how crowded a place is"),
    (r"volume", "cells here have a fixed size"),
    (r"contact with (necrotic|other dead) cells?|necrotic|is_necrotic", _ONE_DEATH),
    (r"contact with (basement membrane|BM)", "there is no basement membrane here"),
    (r"(total )?damage delivered|(is )?attacking|total attack time", _NO_ATTACK),
)
#: Behaviours of PhysiCell that do not exist here, and why.
UNSUPPORTED_BEHAVIOURS = (
    (
        r".+ (secretion target|secretion saturation density)",
        "cells here release a mass per time, without a target",
    ),
    (r"exit from cycle phase [1-5]", "division here is one event without phases"),
    (r"necrosis|phagocyt(ose|osis of) (necrotic|other dead) cells?", _ONE_DEATH),
    (r"cell-(cell|BM|membrane) .+|adhesive affinity to .+|relative maximum adhesion distance", _NO_FORCES),
    (
        r"is_movable|movable|is movable|cell (at|de)tachment rate|maximum number of cell attachments",
        _NO_FORCES,
    ),
    (r"phagocyt(ose|osis of) .+|attack .+|fuse to .+|immunogenicity to .+", _NO_ATTACK),
    (r"asymmetric division to .+", "daughters here are of their mother's type"),
    (
        r"damage rate|damage repair rate",
        "make 'damage' a variable of the cell type with a gain and a loss_time",
    ),
)


def why_unsupported(text: str, what: str) -> str:
    """Why PhysiCell knows a signal or behaviour and this program does not; empty for an unknown one.

    Parameters
    ----------
    text : str
    what : {"signal", "behaviour"}
    """
    families = UNSUPPORTED_SIGNALS if what == "signal" else UNSUPPORTED_BEHAVIOURS
    for pattern, reason in families:
        if re.fullmatch(pattern, text):
            return f"{what} '{text}' is known to PhysiCell, not supported here: {reason}"
    return ""


def numbered(text: str) -> str:
    """Advice on a name that stands for a cell type or custom datum by its number, or an empty text."""
    found = re.fullmatch(r".*\bcell type (\d+)|custom (\d+)", text)
    if not found:
        return ""
    section, number = ("cell_types", found[1]) if found[1] else ("variables", found[2])
    return f"; say what number {number} is: {section}: {{'{number}': ...}}"
