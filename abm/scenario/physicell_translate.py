"""Rules of PhysiCell in the names and units of a scenario."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abm.errors import Fault
from abm.scenario.nodes import (
    KeyPath,
    MapNode,
    Mark,
    dotted,
    find,
    listed,
    nearest,
    plain,
    value_mark,
)
from abm.scenario.physicell_csv import (
    BEHAVIOUR,
    CELL_TYPE,
    DEAD,
    HALF_MAX,
    SATURATION,
    SIGNAL,
    Rule,
    quoted,
)
from abm.scenario.physicell_names import (
    AMOUNT,
    GRADIENT,
    RATE,
    KnownBehaviour,
    KnownSignal,
    Names,
    behaviours,
    numbered,
    signals,
    why_unsupported,
)
from abm.scenario.quantity import Quantity, quantity, read_quantity
from abm.scenario.schema.physicell import RulesFile, Substrate
from abm.scenario.vocabulary import lookalike

KEY = "physicell_rules"
#: fg in one um^3 at 1 pg/ml.
FG_PER_UM3 = 1e-9
_MOLAR_MASS = quantity("kDa", positive=True)


@dataclass(frozen=True)
class Translated:
    """A rule in the words and units of the scenario.

    Attributes
    ----------
    rule : Rule
        As the file has it.
    cell_type : str
    signal : KnownSignal
    behaviour : KnownBehaviour
    to : float
        Saturation value in ``behaviour.unit``.
    half_max : float
        In ``signal.unit``.
    compat : bool
        PhysiCell's reading is wanted where it is odd.
    """

    rule: Rule
    cell_type: str
    signal: KnownSignal
    behaviour: KnownBehaviour
    to: float
    half_max: float
    compat: bool

    @property
    def target(self) -> tuple[str, bool, str]:
        """What it rules: cell type, whether a variable, behaviour or variable."""
        return self.cell_type, self.behaviour.is_variable, self.behaviour.text


@dataclass
class Translator:
    """Translates the rules of one file; what does not translate becomes faults.

    Parameters
    ----------
    section : RulesFile
    node : MapNode
        What `section` was made from, for positions.
    path : tuple of str or int
        Where `node` stands in the document.
    document : MapNode
        The scenario whose names are meant.
    """

    section: RulesFile
    node: MapNode
    path: KeyPath
    document: MapNode
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compat = self.section.mode == "physicell-compat"
        self.substrates = self._substrates()
        self.cell_types = self._cell_types()
        self._asked: set[tuple[str, str]] = set()
        self._dictionaries: dict[str, tuple[Names, dict[str, KnownSignal], dict[str, KnownBehaviour]]] = {}

    def kept(self, rules: Iterable[Rule]) -> list[Rule]:
        """The rules that are not left out; says which are, and which names leave out none."""
        rules = list(rules)
        lines: dict[str, list[int]] = {name: [] for name in self.section.leave_out}
        kept = []
        for rule in rules:
            hit = [name for name in rule.names() if name in lines]
            for name in dict.fromkeys(hit):
                lines[name].append(rule.line)
            if not hit:
                kept.append(rule)
        for i, (name, at) in enumerate(lines.items()):
            if at:
                where = listed(map(str, at))
                self.notes.append(
                    self._mark("leave_out", i).fault(f"left out by '{name}': rules in line {where}")
                )
            else:
                used = dict.fromkeys(one for rule in rules for one in rule.names())
                message = f"'{name}' leaves out no rule{nearest(name[:100], (one[:100] for one in used))}"
                self._fault(message, "leave_out", i)
        return kept

    def translate(self, rule: Rule) -> Translated | None:
        """The rule in this scenario's terms, or None when something of it is unknown or faulty."""
        before = len(self.faults)
        faulty, marks = rule.faulty, rule.marks
        cell_type = self.cell_types.get(rule.cell_type)
        if cell_type is None and CELL_TYPE not in faulty:
            self._unknown(marks[CELL_TYPE], "cell type", rule.cell_type, self.cell_types, "cell_types")
        names, known_signals, known_behaviours = self._dictionary(cell_type)
        signal, behaviour = known_signals.get(rule.signal), known_behaviours.get(rule.behaviour)
        if signal is None and SIGNAL not in faulty:
            self._unknown_name(marks[SIGNAL], "signal", rule.signal, known_signals, names, cell_type)
        if behaviour is None and BEHAVIOUR not in faulty:
            name = rule.behaviour
            self._unknown_name(marks[BEHAVIOUR], "behaviour", name, known_behaviours, names, cell_type)
        half_max = self._half_max(rule, signal) if signal is not None and HALF_MAX not in faulty else None
        to = self._to(rule, behaviour) if behaviour is not None and SATURATION not in faulty else None
        self._check_dead(rule)
        if signal is None or behaviour is None or cell_type is None or len(self.faults) > before or faulty:
            return None
        if half_max is None or to is None:
            return None  # for want of a unit that an earlier rule has asked for
        if signal.text == "dead":
            message = f"'{rule.signal}' is 0 for every cell that acts: the rule has no effect"
            self.notes.append(marks[SIGNAL].fault(message))
        return Translated(rule, cell_type, signal, behaviour, to, half_max, self.compat)

    # ------------------------------------------------------------------------------------ names

    def _mark(self, *path: str | int) -> Mark:
        return value_mark(self.node, path)

    def _fault(self, message: str, *path: str | int) -> None:
        self.faults.append(self._mark(*path).fault(message, dotted((*self.path, *path))))

    def _entries(self, *path: str) -> tuple[str, ...]:
        node = find(self.document, path)
        return tuple(node.entries) if isinstance(node, MapNode) else ()

    def _substrates(self) -> dict[str, str]:
        """Name in the rules -> cytokine."""
        known = self._entries("cytokines")
        given = {name: part.cytokine or name for name, part in self.section.substrates.items()}
        for name, cytokine in given.items():
            if cytokine not in known:
                message = f"unknown cytokine '{cytokine}'{nearest(cytokine, known)}; known: {listed(known)}"
                self._fault(message, "substrates", name, "cytokine")
        self._check_single(given, "substrates")
        return self._mapped(given, known)

    def _cell_types(self) -> dict[str, str]:
        """Name or number in the rules -> cell type."""
        known, given = self._entries("cell_types"), dict(self.section.cell_types)
        for name, cell_type in given.items():
            if cell_type not in known:
                message = (
                    f"unknown cell type '{cell_type}'{nearest(cell_type, known)}; known: {listed(known)}"
                )
                self._fault(message, "cell_types", name)
        self._check_single({name: to for name, to in given.items() if not name.isdigit()}, "cell_types")
        return self._mapped(given, known)

    def _check_single(self, given: Mapping[str, str], section: str) -> None:
        """Two names of the rules for one thing would mix rules that PhysiCell keeps apart."""
        first: dict[str, str] = {}
        for name, to in given.items():
            if to in first:
                self._fault(f"'{first[to]}' and '{name}' are both '{to}'", section, name)
            first.setdefault(to, name)

    @staticmethod
    def _mapped(given: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
        """Names of the rules; what has no other name there is called as it is here."""
        renamed = {to for name, to in given.items() if not name.isdigit()}
        return {**{name: name for name in known if name not in renamed}, **given}

    def _dictionary(
        self, cell_type: str | None
    ) -> tuple[Names, dict[str, KnownSignal], dict[str, KnownBehaviour]]:
        """PhysiCell's dictionaries as a cell type sees them; its own variables differ."""
        key = cell_type or ""
        if key not in self._dictionaries:
            own = self._entries("cell_types", key, "variables")
            given = {name: to for name, to in self.section.variables.items() if to in own}
            names = Names(self.substrates, self.cell_types, self._mapped(given, own))
            self._dictionaries[key] = names, signals(names), behaviours(names)
        return self._dictionaries[key]

    def _unknown(self, mark: Mark, what: str, name: str, known: Iterable[str], section: str) -> None:
        known = list(known)
        hint = f"{lookalike(name)}{nearest(name[:100], known)}; known: {listed(known)}"
        message = f"unknown {what} {quoted(name)}{hint}; other names go into {KEY}.{section}"
        self.faults.append(mark.fault(message))

    def _unknown_name(
        self, mark: Mark, what: str, name: str, known: Iterable[str], names: Names, cell_type: str | None
    ) -> None:
        """Fault for a signal or behaviour that is not in the dictionary."""
        unsupported = why_unsupported(name[:200], what)
        if unsupported:
            self.faults.append(mark.fault(f"{unsupported}. {KEY}.leave_out leaves such rules out"))
            return
        if cell_type is None and name.startswith("custom"):
            return  # the variables of an unknown cell type are not known either
        hint = numbered(name[:200]) or f"{lookalike(name)}{nearest(name[:100], known)}"
        message = f"unknown {what} {quoted(name)}{hint}"
        if name == "damage" or name.startswith("custom"):
            message += f"; variables of {cell_type}: {listed(names.variables)}"
        else:
            message += f"; substrates: {listed(names.substrates)}; cell types: {listed(names.cell_types)}"
        self.faults.append(mark.fault(f"{message}; other names go into {KEY}"))

    # ------------------------------------------------------------------------------------ units

    def _half_max(self, rule: Rule, signal: KnownSignal) -> float | None:
        if not signal.substrate:
            return rule.half_max
        factor = self._density(signal.substrate, rule.marks[HALF_MAX])
        what = "gradient" if signal.unit == GRADIENT else "density"
        return self._scaled(rule.half_max, factor, rule.marks[HALF_MAX], f"half-max as a {what}")

    def _to(self, rule: Rule, behaviour: KnownBehaviour) -> float | None:
        mark = rule.marks[SATURATION]
        if behaviour.release == AMOUNT:
            density = self._density(behaviour.substrate, mark)
            factor = None if density is None else density * FG_PER_UM3
        elif behaviour.release == RATE:
            factor = self._release(behaviour.substrate, mark)
        else:
            return rule.saturation
        return self._scaled(rule.saturation, factor, mark, "saturation value")

    def _scaled(self, value: float, factor: float | None, mark: Mark, what: str) -> float | None:
        """The product; None without a factor, and with a fault when it is no ordinary number."""
        if factor is None:
            return None
        product = value * factor
        if not math.isfinite(product) or (product == 0.0) != (value == 0.0):
            self.faults.append(
                mark.fault(f"{what}: {value:g} times {factor:g} is outside the numbers of this program")
            )
            return None
        return product

    def _density(self, substrate: str, mark: Mark) -> float | None:
        """Concentration at density 1 [pg/ml]; a missing one is asked for once."""
        own = self.section.substrates.get(substrate, Substrate())
        given = own.density if own.density is not None else self.section.density
        if given is None:
            example = f"density: 1 pg/ml, or substrates: {{{substrate}: {{density: 1 pg/ml}}}}"
            message = f"PhysiCell's densities have no unit: say in {KEY} what a density of 1 is ({example})"
            self._ask("density", substrate, mark, message)
            return None
        return self._in_mass(given, substrate, mark)

    def _release(self, substrate: str, mark: Mark) -> float | None:
        """Release at a secretion rate of 1 /min [fg/min]; a missing one is asked for once."""
        given = self.section.substrates.get(substrate, Substrate()).secretion
        if given is None:
            message = (
                f"a secretion is a rate towards a target in PhysiCell and a mass per time here: say in {KEY} "
                f"what a rate of 1 /min releases (substrates: {{{substrate}: {{secretion: 1 fg/min}}}})"
            )
            self._ask("secretion", substrate, mark, message)
            return None
        return self._in_mass(given, substrate, mark)

    def _ask(self, what: str, substrate: str, mark: Mark, message: str) -> None:
        """Report what is missing once for each substrate."""
        if (what, substrate) not in self._asked:
            self._asked.add((what, substrate))
            self.faults.append(mark.fault(message))

    def _in_mass(self, value: Quantity, substrate: str, mark: Mark) -> float | None:
        if not value.molar:
            return float(value)
        cytokine = self.substrates[substrate]
        node = find(self.document, ("cytokines", cytokine, "molar_mass"))
        molar_mass, _ = read_quantity(plain(node), _MOLAR_MASS) if node is not None else (None, [])
        if molar_mass is None:
            message = f"'{value.given}' is molar: give cytokines.{cytokine}.molar_mass, or write it by mass"
            self._ask("molar mass", substrate, mark, message)
            return None
        return float(value.in_mass(molar_mass))

    # ------------------------------------------------------------------------------------ dead cells

    def _check_dead(self, rule: Rule) -> None:
        if not rule.to_dead or DEAD in rule.faulty:
            return
        here = "a dead cell here does nothing until it is taken up or dissolves"
        mark = rule.marks[DEAD]
        if self.compat:
            self.notes.append(mark.fault(f"applies to dead cells as well, here to live ones only: {here}"))
        else:
            self.faults.append(mark.fault(f"rules for dead cells are not supported: {here}; write 0"))
