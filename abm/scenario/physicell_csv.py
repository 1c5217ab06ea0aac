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
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
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
    faults : list of Fault
    notes : list of Fault
        Places where PhysiCell reads something that cannot have been meant.
    """

    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)


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
            message = f"more than {most}: the file was not read from here on"
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

    def rule(self) -> Rule | None:
        """The rule, or None when it is faulty or skipped."""
        before = len(self.found.faults)
        parts = self._parts()
        if parts is None:
            return None
        self.fields, self.marks = parts
        if not any(map(_NUMBER.match, (text.strip(_BLANKS) for text in self.fields[SATURATION:]))):
            self._wrong(
                self._mark(1), "no field of this line is a number; a header is not part of the format"
            )
            return None
        for at in (CELL_TYPE, SIGNAL, DIRECTION, BEHAVIOUR):
            self._check_text(at)
        is_up, is_maximum = self._direction()
        saturation = self._amount(SATURATION)
        half_max, power = self._positive(HALF_MAX), self._positive(HILL_POWER)
        to_dead = self._to_dead()
        if len(self.found.faults) > before:
            return None
        cell_type, signal, _, behaviour = self.fields[:SATURATION]
        numbers = (saturation, half_max, power)
        return Rule(cell_type, signal, is_up, is_maximum, behaviour, *numbers, to_dead, self.marks)

    def _mark(self, column: int) -> Mark:
        return Mark(self.origin, self.number, column)

    def _odd(self, mark: Mark, meant: str, physicell: str) -> None:
        """Something that PhysiCell reads otherwise than it is meant."""
        if self.compat:
            self.found.notes.append(mark.fault(f"{meant}: {physicell}, as in PhysiCell"))
        else:
            self.found.faults.append(mark.fault(f"{meant}; in PhysiCell {physicell}"))

    def _wrong(self, mark: Mark, message: str) -> None:
        self.found.faults.append(mark.fault(message))

    def _parts(self) -> tuple[list[str], tuple[Mark, ...]] | None:
        """The fields and where each stands; split at tabs where commas do not give the right number."""
        comma = split_as_physicell(self.line, ",")
        delimiter, parts = (",", comma)
        if len(comma) != len(FIELDS):
            tab = split_as_physicell(self.line, "\t")
            delimiter, parts = ("\t", tab) if len(tab) > 1 else (",", comma)
        marks, column = [], 1
        for part in parts:
            marks.append(self._mark(column))
            column += len(part) + 1
        if len(parts) != len(FIELDS):
            self._misformed(parts)
            return None
        empty = [FIELDS[i] for i, part in enumerate(parts) if not part]
        if empty:
            self._odd(marks[parts.index("")], f"{', '.join(empty)} missing", "the line is skipped")
            return None
        if self.line.endswith(delimiter):
            self._odd(self._mark(len(self.line)), "delimiter after the last field", "it is ignored")
        return parts, tuple(marks)

    def _misformed(self, parts: list[str]) -> None:
        old = _old_version(parts)
        if old:
            # PhysiCell refuses such files by their version, so nothing is skipped that it would read.
            self._wrong(self._mark(1), old)
            return
        count = f"{len(parts)} field{'s' if len(parts) != 1 else ''} where a rule has {len(FIELDS)}"
        self._odd(self._mark(1), f"{count}: {', '.join(FIELDS)}", "the line is skipped")

    def _check_text(self, at: int) -> None:
        text, mark, what = self.fields[at], self.marks[at], FIELDS[at]
        if text.startswith('"') or text.endswith('"'):
            self._wrong(
                mark, f"{what} {quoted(text)}: the format has no quotes; PhysiCell takes them as letters"
            )
        elif at == CELL_TYPE and text.strip(_BLANKS).startswith(COMMENT):
            self._wrong(mark, "a comment starts in the first column; PhysiCell takes this for a rule")
        elif text != text.strip(_BLANKS) and at != DIRECTION:
            side = "before" if text[0] in _BLANKS else "after"
            reads = "PhysiCell takes blanks as part of a name"
            self._wrong(mark, f"blank {side} the {what} {quoted(text.strip(_BLANKS))}; {reads}")

    def _direction(self) -> tuple[bool, bool]:
        """Whether the signal raises, and whether the saturation counts as a maximum."""
        text, mark = self.fields[DIRECTION], self.marks[DIRECTION]
        is_up, is_maximum = text in _UPWARDS, text == UP
        if text not in (UP, DOWN) and '"' not in text:
            hint = nearest(text.strip(_BLANKS), (UP, DOWN))
            reads = "its saturation value is taken for a minimum" if is_up else f"it is read as '{DOWN}'"
            self._odd(mark, f"direction {quoted(text)}{hint}; allowed: {UP}, {DOWN}", reads)
        return is_up, is_maximum

    def _amount(self, at: int) -> float:
        """A number; 0 when it is faulty."""
        text, mark = self.fields[at].strip(_BLANKS), self.marks[at]
        what = f"{FIELDS[at]} {quoted(text)}"
        found = _NUMBER.match(text)
        if _NOT_DECIMAL.match(text):
            self._wrong(mark, f"{what} is no finite decimal number")
            return 0.0
        value = float(found[0]) if found else 0.0
        if math.isinf(value) or (
            value == 0.0 and found and re.search("[1-9]", found[0].lower().split("e")[0])
        ):
            self._wrong(mark, f"{what} is outside the numbers of this program (1e-308 to 1.8e308)")
            return 0.0
        if not found or found[0] != text:
            self._odd(mark, f"{what} is no number", f"it is read as {value:g}")
        return value

    def _positive(self, at: int) -> float:
        before = len(self.found.faults)
        value = self._amount(at)
        if value <= 0.0 and len(self.found.faults) == before:
            why = "; PhysiCell divides by it" if at == HALF_MAX and value == 0.0 else ""
            text = quoted(self.fields[at].strip(_BLANKS))
            self._wrong(self.marks[at], f"{FIELDS[at]} {text} must be above 0{why}")
        return value

    def _to_dead(self) -> bool:
        text, mark = self.fields[DEAD].strip(_BLANKS), self.marks[DEAD]
        if text in ("0", "1"):
            return text == "1"
        found = None if _NOT_DECIMAL.match(text) else _NUMBER.match(text)
        reads = found is not None and float(found[0]) != 0.0
        self._odd(mark, f"'applies to dead' is 0 or 1, not {quoted(text)}", f"it is read as {int(reads)}")
        return reads


def split_as_physicell(line: str, delimiter: str) -> list[str]:
    """Fields of a line; an empty one after the last delimiter does not count."""
    parts = line.split(delimiter)
    return parts[:-1] if parts[-1] == "" and len(parts) > 1 else parts


def _old_version(parts: list[str]) -> str:
    """Message for a line of an older version of the format, or an empty text."""
    if len(parts) == 9 and _is_direction(parts[2]):
        return (
            "9 fields: this is version 1 of the format, with the base value in field 5; PhysiCell reads "
            "version 3 only. Take the base value out of every line and write it in the cell type"
        )
    if len(parts) == 10 and _is_direction(parts[6]):
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
