"""The CSV files in which PhysiCell keeps the rules of its cells (CBHG version 3), line by line.

A line is ``cell type, signal, direction, behaviour, saturation value, half-max, Hill power, applies to
dead``; there is no header, and a line that starts with ``//`` is a comment.  PhysiCell 1.14.2 reads much
that cannot have been meant without a word (doi:10.1016/j.cell.2025.06.048 describes the format, its source
the reading).  Here that is a fault, or, with ``physicell-compat``, read as PhysiCell reads it and noted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from abm.errors import Fault
from abm.scenario.nodes import Mark, Origin, nearest

FIELDS = (
    *("cell type", "signal", "direction", "behaviour"),
    *("saturation value", "half-max", "Hill power", "applies to dead"),
)
CELL_TYPE, SIGNAL, DIRECTION, BEHAVIOUR, SATURATION, HALF_MAX, HILL_POWER, DEAD = range(len(FIELDS))
COMMENT = "//"
MAX_RULES = 10_000
#: A file with more faults is something else than a file of rules.
MAX_FAULTS = 100

UP, DOWN = "increases", "decreases"
#: Directions that PhysiCell takes for "increases"; the saturation counts as a maximum for that word only.
_UPWARDS = (UP, "increase", "promotes")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_DECIMAL = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]|inf|nan)", re.IGNORECASE)
_BLANKS = " \t\v\f"


@dataclass(frozen=True)
class Rule:
    """One rule as it stands in the file.

    Attributes
    ----------
    cell_type, signal, behaviour : str
        PhysiCell's names.
    is_up : bool
        The signal raises the behaviour towards its maximum.
    is_maximum : bool
        The saturation counts as a maximum; else as a minimum.
    saturation, half_max, hill_power : float
        As written, in the units of PhysiCell.
    to_dead : bool
        The rule applies to dead cells as well.
    marks : tuple of Mark
        Where each of `FIELDS` stands.
    faulty : frozenset of int
        Which of `FIELDS` are faulty; the values of faulty numbers mean nothing.
    """

    cell_type: str
    signal: str
    is_up: bool
    is_maximum: bool
    behaviour: str
    saturation: float
    half_max: float
    hill_power: float
    to_dead: bool
    marks: tuple[Mark, ...] = field(compare=False, repr=False)
    faulty: frozenset[int] = frozenset()

    @property
    def line(self) -> int:
        """Line of the file, counted from 1."""
        return self.marks[0].line

    def names(self) -> tuple[str, str, str]:
        """The parts by which a rule can be left out."""
        return self.cell_type, self.signal, self.behaviour


@dataclass
class RulesText:
    """What was found in a file.

    Attributes
    ----------
    rules : list of Rule
        Those with a faulty field as well: their names can still be looked at.
    faults : list of Fault
    notes : list of Fault
        Places where PhysiCell reads something that cannot have been meant.
    """

    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    old_versions: set[int] = field(default_factory=set, repr=False)


def origin_of(text: str, name: str) -> Origin:
    """Where nodes made from the file come from; lines end with a line feed and with nothing else."""
    return Origin(name, None, tuple(text.split("\n")))


def read_rules(text: str, name: str, compat: bool = False) -> RulesText:
    """Every rule of a file.

    Parameters
    ----------
    text : str
    name : str
        Shown in messages.
    compat : bool
        Read exactly as PhysiCell does, mistakes included, and note each of them.
    """
    found, origin = RulesText(), origin_of(text, name)
    for number, line in enumerate(origin.lines, 1):
        if not line.strip(_BLANKS) or line.startswith(COMMENT):
            continue
        if len(found.rules) >= MAX_RULES or len(found.faults) >= MAX_FAULTS:
            most = f"{MAX_RULES} rules" if len(found.rules) >= MAX_RULES else f"{MAX_FAULTS} faults"
            message = f"more than {most}; the file was not read from here on"
            found.faults.append(Mark(origin, number, 1).fault(message))
            break
        rule = _Line(found, origin, number, line, compat).rule()
        if rule is not None:
            found.rules.append(rule)
    if not found.rules and not found.faults:
        found.notes.append(Mark(origin).fault("holds no rule"))
    return found


@dataclass
class _Line:
    """One line on its way to a rule."""

    found: RulesText
    origin: Origin
    number: int
    line: str
    compat: bool

    def __post_init__(self) -> None:
        self.faulty: set[int] = set()

    def rule(self) -> Rule | None:
        """The rule, or None when the line is none, or is skipped."""
        parts = self._parts()
        if parts is None:
            return None
        self.fields, self.marks = parts
        if not any(_NUMBER.match(text.strip(_BLANKS)) for text in self.fields[SATURATION:]):
            message = "no field of this line is a number; a header is not part of the format"
            self.found.faults.append(self._mark(1).fault(message))
            return None
        if not self._quotes():
            for at in (CELL_TYPE, SIGNAL, BEHAVIOUR):
                self._check_blanks(at)
        is_up, is_maximum = self._direction()
        saturation = self._amount(SATURATION)
        half_max, power = self._positive(HALF_MAX), self._positive(HILL_POWER)
        to_dead = self._to_dead()
        return Rule(
            cell_type=self.fields[CELL_TYPE],
            signal=self.fields[SIGNAL],
            is_up=is_up,
            is_maximum=is_maximum,
            behaviour=self.fields[BEHAVIOUR],
            saturation=saturation,
            half_max=half_max,
            hill_power=power,
            to_dead=to_dead,
            marks=self.marks,
            faulty=frozenset(self.faulty),
        )

    def _mark(self, column: int) -> Mark:
        return Mark(self.origin, self.number, column)

    def _odd(self, mark: Mark, meant: str, physicell: str, at: int | None = None) -> None:
        """Something that PhysiCell reads otherwise than it is meant, and the field that it makes faulty."""
        if self.compat:
            self.found.notes.append(mark.fault(f"{meant}: {physicell}, as in PhysiCell"))
            return
        self.found.faults.append(mark.fault(f"{meant}; in PhysiCell {physicell}"))
        if at is not None:
            self.faulty.add(at)

    def _wrong(self, at: int, message: str) -> None:
        """A field that cannot be used."""
        self.found.faults.append(self.marks[at].fault(message))
        self.faulty.add(at)

    def _parts(self) -> tuple[list[str], tuple[Mark, ...]] | None:
        """The fields and where each stands; split at tabs where commas do not give the right number."""
        comma = split_as_physicell(self.line, ",")
        delimiter, parts = (",", comma)
        if len(comma) != len(FIELDS):
            tab = split_as_physicell(self.line, "\t")
            delimiter, parts = ("\t", tab) if len(tab) > 1 else (",", comma)
        if len(parts) != len(FIELDS):
            self._misformed(parts)
            return None
        marks, column = [], 1
        for part in parts:
            marks.append(self._mark(column))
            column += len(part) + 1
        empty = [FIELDS[i] for i, part in enumerate(parts) if not part]
        if empty:
            self._odd(marks[parts.index("")], f"{', '.join(empty)} missing", "the line is skipped")
            return None
        if self.line.endswith(delimiter):
            self._odd(self._mark(len(self.line)), "delimiter after the last field", "it is ignored")
        return parts, tuple(marks)

    def _misformed(self, parts: list[str]) -> None:
        old = _old_version(parts)
        if not old:
            count = f"{len(parts)} field{'s' if len(parts) != 1 else ''} where a rule has {len(FIELDS)}"
            self._odd(self._mark(1), f"{count}: {', '.join(FIELDS)}", "the line is skipped")
        elif len(parts) not in self.found.old_versions:
            # PhysiCell refuses such files by their version: there is nothing to be read as it does.
            self.found.old_versions.add(len(parts))
            self.found.faults.append(self._mark(1).fault(old))

    def _quotes(self) -> bool:
        """Whether names stand in quotes, which is reported once for the line."""
        names = [at for at in (CELL_TYPE, SIGNAL, DIRECTION, BEHAVIOUR) if '"' in self.fields[at]]
        if names:
            text = quoted(self.fields[names[0]])
            message = f"the format has no quotes; PhysiCell takes them as letters of the {FIELDS[names[0]]}"
            self._wrong(names[0], f"{text}: {message}")
            self.faulty.update(names)
        return bool(names)

    def _check_blanks(self, at: int) -> None:
        text, what = self.fields[at], FIELDS[at]
        bare = text.strip(_BLANKS)
        if at == CELL_TYPE and bare.startswith(COMMENT):
            self._wrong(at, "a comment starts in the first column; PhysiCell takes this for a rule")
        elif text != bare:
            side = "before" if text[0] in _BLANKS else "after"
            message = f"blank {side} the {what} {quoted(bare)}; PhysiCell takes blanks as part of a name"
            self._wrong(at, message)

    def _direction(self) -> tuple[bool, bool]:
        """Whether the signal raises, and whether the saturation counts as a maximum."""
        text, mark = self.fields[DIRECTION], self.marks[DIRECTION]
        is_up, is_maximum = text in _UPWARDS, text == UP
        if text not in (UP, DOWN) and DIRECTION not in self.faulty:
            hint = nearest(text.strip(_BLANKS)[:100], (UP, DOWN))
            reads = "its saturation value is taken for a minimum" if is_up else f"it is read as '{DOWN}'"
            self._odd(mark, f"direction {quoted(text)}{hint}; allowed: {UP}, {DOWN}", reads, DIRECTION)
        return is_up, is_maximum

    def _amount(self, at: int) -> float:
        """A number; 0 when it is faulty."""
        text = self.fields[at].strip(_BLANKS)
        what, found = f"{FIELDS[at]} {quoted(text)}", _NUMBER.match(text)
        value = float(found[0]) if found else 0.0
        is_lost = value == 0.0 and found is not None and bool(re.search("[1-9]", found[1]))
        if _NOT_DECIMAL.match(text):
            self._wrong(at, f"{what} is no finite decimal number")
        elif math.isinf(value) or is_lost:
            self._wrong(at, f"{what} is outside the numbers of this program (1e-308 to 1.8e308)")
        elif found is None or found[0] != text:
            self._odd(self.marks[at], f"{what} is no number", f"it is read as {value:g}", at)
        return value

    def _positive(self, at: int) -> float:
        value = self._amount(at)
        if value <= 0.0 and at not in self.faulty:
            why = "; PhysiCell divides by it" if at == HALF_MAX and value == 0.0 else ""
            text = quoted(self.fields[at].strip(_BLANKS))
            self._wrong(at, f"{FIELDS[at]} {text} must be above 0{why}")
        return value

    def _to_dead(self) -> bool:
        text = self.fields[DEAD].strip(_BLANKS)
        if text in ("0", "1"):
            return text == "1"
        found = None if _NOT_DECIMAL.match(text) else _NUMBER.match(text)
        reads = found is not None and float(found[0]) != 0.0
        meant = f"'{FIELDS[DEAD]}' is 0 or 1, not {quoted(text)}"
        self._odd(self.marks[DEAD], meant, f"it is read as {int(reads)}", DEAD)
        return reads


def split_as_physicell(line: str, delimiter: str) -> list[str]:
    """Fields of a line; an empty one after the last delimiter does not count."""
    parts = line.split(delimiter)
    return parts[:-1] if parts[-1] == "" and len(parts) > 1 else parts


def _old_version(parts: list[str]) -> str:
    """Message for a line of an older version of the format, or an empty text."""
    if len(parts) == 9 and all(parts) and _is_direction(parts[2]):
        return (
            "9 fields: this is version 1 of the format, with the base value in field 5; PhysiCell reads "
            "version 3 only. Take the base value out of every line and write it in the cell type"
        )
    if len(parts) == 10 and all(parts) and _is_direction(parts[6]):
        return (
            "10 fields: this is the first version of the format (behaviour, minimum, base value, maximum, "
            f"signal, direction, ...); PhysiCell reads version 3 only: {', '.join(FIELDS)}"
        )
    return ""


def _is_direction(text: str) -> bool:
    return text.strip(_BLANKS).lower() in (*_UPWARDS, DOWN, "decrease")


def quoted(text: str) -> str:
    """A field for a message, cut short."""
    return f"'{text}'" if len(text) <= 60 else f"'{text[:40]}...' ({len(text)} characters)"
