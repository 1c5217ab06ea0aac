"""The rules of one behaviour as the sides of one response.

With base b0, PhysiCell 1.14.2 computes ``U = b0 + (bMax - b0) H_up`` and ``U + (bMin - U) H_down``.  Its
bMax and bMin belong to the behaviour, not to a rule: each ``increases`` takes its saturation into the
maximum and b0 into the minimum, every other direction its saturation into the minimum and b0 into the
maximum.  So several saturations on one side become one, and a saturation on the wrong side of the base
turns a rule round.  Where all saturations of a side agree and lie on their side of the base, bMax and bMin
are those saturations, and nothing of this matters; strictly, nothing else is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from abm.errors import Fault
from abm.scenario.physicell_csv import BEHAVIOUR, DOWN, SATURATION, SIGNAL, UP
from abm.scenario.physicell_translate import Translated


@dataclass(frozen=True)
class Side:
    """Rules that move a behaviour in one direction.

    Attributes
    ----------
    rules : tuple of Translated
    to : float
        Where they take it, in the unit of the behaviour.
    """

    rules: tuple[Translated, ...] = ()
    to: float = 0.0


@dataclass
class Merged:
    """What becomes of the rules of one behaviour.

    Attributes
    ----------
    increases, decreases : Side
        Sides of the response.
    faults, notes : list of Fault
    """

    increases: Side = field(default_factory=Side)
    decreases: Side = field(default_factory=Side)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)


def merged(rules: Sequence[Translated], base: float | None) -> Merged:
    """The rules of one behaviour of one cell type, in the order of the files.

    Parameters
    ----------
    rules : sequence of Translated
        At least one.
    base : float or None
        Value without signals, in the unit of the behaviour; None when it is not a plain number.
    """
    made = Merged()
    modes = {rule.compat for rule in rules}
    if len(modes) > 1:
        odd = next(rule for rule in rules if rule.compat != rules[0].compat)
        message = f"'{odd.rule.behaviour}' is ruled by files of different modes; give both the same"
        made.faults.append(odd.rule.marks[BEHAVIOUR].fault(message))
        return made
    kept = _under_one_name(_without_repetitions(rules, made), made)
    if kept and kept[0].compat:
        _as_physicell(kept, base, made)
    elif kept:
        _strictly(kept, base, made)
    return made


def _without_repetitions(rules: Sequence[Translated], made: Merged) -> list[Translated]:
    """PhysiCell stops at a signal that comes twice in one direction, unless it has another name."""
    kept: list[Translated] = []
    spelt: dict[tuple[str, str, bool], Translated] = {}
    meant: dict[tuple[str, str, bool], Translated] = {}
    for one in rules:
        mark, rule = one.rule.marks[SIGNAL], one.rule
        repeated = spelt.setdefault((rule.signal, rule.behaviour, rule.is_up), one)
        same = meant.setdefault((one.signal.text, rule.behaviour, rule.is_up), one)
        if repeated is not one:
            message = f"repeats the rule in {line(repeated, one)}; PhysiCell stops at this"
            made.faults.append(mark.fault(message))
            continue
        if same is not one and not one.compat:
            message = f"'{rule.signal}' and '{same.rule.signal}' in {line(same, one)} are one signal here"
            made.faults.append(mark.fault(f"{message}; keep one of the rules"))
            continue
        if same is not one and one.signal == same.signal:
            message = f"'{rule.signal}' is another name of '{same.rule.signal}' in {line(same, one)}"
            made.notes.append(mark.fault(f"{message}: both count, as in PhysiCell"))
        kept.append(one)
    return kept


def _under_one_name(rules: list[Translated], made: Merged) -> list[Translated]:
    """PhysiCell keeps the names of one behaviour apart, and what is computed last overwrites the others."""
    first: dict[str, Translated] = {}
    for one in rules:
        first.setdefault(one.rule.behaviour, one)
    names = list(first)
    if len(names) < 2:
        return rules
    compat = rules[0].compat
    chosen = names[-1] if compat else names[0]
    for one in rules:
        if one.rule.behaviour == chosen:
            continue
        mark, name = one.rule.marks[BEHAVIOUR], f"'{one.rule.behaviour}'"
        if one.behaviour != first[chosen].behaviour:
            message = f"{name} and '{chosen}' are both '{one.behaviour.text}' here; rule one of them"
            made.faults.append(mark.fault(message))
        elif compat:
            message = f"{name} is overwritten by '{chosen}', another name of it, as in PhysiCell"
            made.notes.append(mark.fault(message))
        else:
            message = f"{name} is another name of '{chosen}' in {line(first[chosen], one)}; in PhysiCell"
            made.faults.append(mark.fault(f"{message} the last name overwrites the others. Use one name"))
    return [one for one in rules if one.rule.behaviour == chosen]


# ------------------------------------------------------------------------------------------- strict


def _strictly(rules: list[Translated], base: float | None, made: Merged) -> None:
    """One saturation for each side, beyond the base."""
    for is_up in (True, False):
        side = [one for one in rules if one.rule.is_up == is_up]
        if not side:
            continue
        good = [one for one in side if _fits(one, side[0], base, made)]
        made_side = Side(tuple(good), side[0].to)
        if is_up:
            made.increases = made_side
        else:
            made.decreases = made_side


def _fits(one: Translated, first: Translated, base: float | None, made: Merged) -> bool:
    """Whether a rule means the same here, to its reader and to PhysiCell."""
    mark, is_up = one.rule.marks[SATURATION], one.rule.is_up
    if one.to != first.to:
        limit = "largest" if is_up else "smallest"
        message = (
            f"saturation value {one.rule.saturation:g}, "
            f"but {first.rule.saturation:g} in {line(first, one)}: "
            f"in PhysiCell all rules that {'raise' if is_up else 'lower'} a behaviour share the {limit}"
        )
        made.faults.append(mark.fault(message))
        return False
    if base is not None and (one.to < base if is_up else one.to > base):
        where, other = ("below", "lowers") if is_up else ("above", "raises")
        reads = f"{other} it or does nothing"
        message = (
            f"'{UP if is_up else DOWN}' towards {shown(one.to, one)}, which is {where} the base value "
            f"{shown(base, one)} of '{one.rule.behaviour}'; in PhysiCell the rule {reads}"
        )
        made.faults.append(mark.fault(message))
        return False
    return True


# ------------------------------------------------------------------------------------------- compat


def _as_physicell(rules: list[Translated], base: float | None, made: Merged) -> None:
    """The numbers of PhysiCell, and a note wherever they are not what the rules seem to say."""
    if base is None or not rules:
        return
    low, high = limits(rules, base)
    for one in rules:
        _note_limit(one, base, low, high, made)
    rules = [one for one in rules if not _unread(one, made)]
    up = tuple(one for one in rules if one.rule.is_up)
    down = tuple(one for one in rules if not one.rule.is_up)
    # On the wrong side of the base a side stands alone: the other one has no rules, or moves nothing.
    if high < base:
        made.decreases = Side(up, high)
    elif low > base:
        made.increases = Side(down, low)
    else:
        made.increases, made.decreases = Side(up, high), Side(down, low)


def limits(rules: Sequence[Translated], base: float) -> tuple[float, float]:
    """Smallest and largest value of a behaviour, bMin and bMax.

    Parameters
    ----------
    rules : sequence of Translated
    base : float
        In the unit of the behaviour, as the result.
    """
    low, high = 9e99, -9e99
    for one in rules:
        if one.rule.is_maximum:
            low, high = min(low, base), max(high, one.to)
        else:
            low, high = min(low, one.to), max(high, base)
    return low, high


def _note_limit(one: Translated, base: float, low: float, high: float, made: Merged) -> None:
    limit = high if one.rule.is_up else low
    if one.to == limit and (limit >= base if one.rule.is_up else limit <= base):
        return
    does = "raises" if limit > base else "lowers" if limit < base else ""
    effect = f"{does} it towards {shown(limit, one)}" if does else "does not change it"
    message = (
        f"saturation value {shown(one.to, one)}, base value {shown(base, one)} of '{one.rule.behaviour}': "
        f"together with its other rules this one {effect}, as in PhysiCell"
    )
    made.notes.append(one.rule.marks[SATURATION].fault(message))


def _unread(one: Translated, made: Merged) -> bool:
    """A signal that PhysiCell does not read has the value 0; its saturation counts all the same."""
    if one.signal.note:
        made.notes.append(one.rule.marks[SIGNAL].fault(f"'{one.rule.signal}': {one.signal.note}; so here"))
    return bool(one.signal.note)


def line(other: Translated, one: Translated) -> str:
    """Where another rule stands, as said at one: the file only when it is a different one."""
    name = other.rule.marks[0].origin.name
    where = f" of {name}" if name != one.rule.marks[0].origin.name else ""
    return f"line {other.rule.line}{where}"


def shown(value: float, one: Translated) -> str:
    """A value of the behaviour with its unit."""
    return f"{value:g} {one.behaviour.unit}".strip()
