"""Rules in PhysiCell's CSV format become responses of the cell types.

A scenario names the files under ``physicell_rules``.  Their text becomes part of the scenario when it is
read (`embed_rules`), so that a stored scenario needs no other file; their rules are laid over the cell
types of each arm once everything that the arm changes is known (`with_rules`), since PhysiCell takes base
values from the definition of the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from abm.errors import Fault
from abm.scenario.behaviours import UnknownBehaviourError, parse_behaviour
from abm.scenario.merge import APPEND, merge, settled
from abm.scenario.nodes import KeyPath, ListNode, MapNode, Mark, Node, ScalarNode, find, plain
from abm.scenario.physicell_csv import (
    BEHAVIOUR,
    HALF_MAX,
    HILL_POWER,
    MAX_FAULTS,
    SATURATION,
    SIGNAL,
    read_rules,
)
from abm.scenario.physicell_merge import Side, merged
from abm.scenario.physicell_translate import KEY, Translated, Translator
from abm.scenario.quantity import quantity, read_quantity
from abm.scenario.read import UnreadableError, decode, read_bytes
from abm.scenario.schema.physicell import RulesFile, RulesFiles
from abm.scenario.validate import validate
from abm.scenario.vocabulary import Vocabulary

#: What stands for a file whose text is part of the scenario: this, its name, a comma, its text.
EMBEDDED = "data:text/csv;name="
MAX_BYTES = 2_000_000
_PLAIN = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")
_ANY = quantity(None, signed=True)


def embed_rules(document: MapNode, names: list[str], faults: list[Fault]) -> MapNode:
    """`document` with the text of its rules files in it.

    Parameters
    ----------
    document : MapNode
        With its arms.
    names : list of str
        Names of the files read so far, in their order; those read here are added.
    faults : list of Fault
        Files that cannot be read are added.
    """
    document = _embedded(document, names, faults)
    arms = document.entries.get("arms")
    if not isinstance(arms, MapNode):
        return document
    entries = {
        name: _embedded(arm, names, faults) if isinstance(arm, MapNode) else arm
        for name, arm in arms.entries.items()
    }
    return _with(document, "arms", MapNode(entries, arms.keys, arms.mark))


def _embedded(document: MapNode, names: list[str], faults: list[Fault]) -> MapNode:
    """One arm, or what all arms have in common, with the text of its files."""
    for key in (KEY, KEY + APPEND):
        given = document.entries.get(key)
        if isinstance(given, ListNode):
            items = tuple(_with_text(item, names, faults) for item in given.items)
            document = _with(document, key, ListNode(items, given.mark))
        elif given is not None:
            document = _with(document, key, _with_text(given, names, faults))
    return document


def _with_text(node: Node, names: list[str], faults: list[Fault]) -> Node:
    file = node.entries.get("file") if isinstance(node, MapNode) else None
    if not isinstance(node, MapNode) or not isinstance(file, ScalarNode) or not isinstance(file.value, str):
        return node  # left to the schema
    if file.text.startswith(EMBEDDED):
        return node
    try:
        shown, text = _read(file)
    except UnreadableError as error:
        fault = error.fault
        if fault.line == 0:
            fault = file.mark.fault(f"'{file.text}': {fault.message}", f"{KEY}.file")
        else:
            names.append(fault.file)
        faults.append(fault)
        return node
    names.append(shown)
    embedded = f"{EMBEDDED}{quote(shown)},{quote(text, safe=_PLAIN)}"
    return _with(node, "file", ScalarNode(embedded, embedded, file.mark))


def _read(file: ScalarNode) -> tuple[str, str]:
    """Name as it is shown, and text, of the file that a node names."""
    folder = file.mark.origin.folder
    if folder is None:
        raise UnreadableError(file.mark.fault("cannot be found: this text has no folder of its own"))
    shown = str(folder / file.text)
    content = read_bytes(folder / file.text, shown, "rules stand in one CSV file", "*.csv", MAX_BYTES)
    text = decode(content, shown, "a file of rules").replace("\r\n", "\n")
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise UnreadableError(
            Fault("a line must end with a line feed, not with a carriage return", shown, line)
        )
    return shown, text


def _with(node: MapNode, key: str, value: Node) -> MapNode:
    return MapNode({**node.entries, key: value}, node.keys, node.mark)


def with_rules(
    document: MapNode, faults: list[Fault], incomplete: bool = False
) -> tuple[MapNode, list[Fault]]:
    """One arm with its rules laid over its cell types, and notes on them.

    Parameters
    ----------
    document : MapNode
        One arm, with the text of its files (`embed_rules`); does not name them any more afterwards.
    faults : list of Fault
        Faults of the files, and of what the scenario says about them, are added.
    incomplete : bool
        Something that is extended could not be read, so that names cannot be called unknown.
    """
    given = document.entries.get(KEY)
    rest = MapNode({k: v for k, v in document.entries.items() if k != KEY}, document.keys, document.mark)
    if given is None or (isinstance(given, ScalarNode) and given.value is None):
        return rest, []
    sections, found = validate(RulesFiles, MapNode({KEY: given}, document.keys, document.mark))
    notes: list[Fault] = []
    if sections is not None and not incomplete:
        items = given.items if isinstance(given, ListNode) else (given,)
        rules: list[Translated] = []
        for i, (section, node) in enumerate(zip(sections.physicell_rules, items, strict=True)):
            path: KeyPath = (KEY, i) if isinstance(given, ListNode) else (KEY,)
            assert isinstance(node, MapNode)
            rules += _of_file(section, node, path, rest, found, notes)
        rest = _laid_over(rest, rules, found, notes)
    faults += _shortened(found)
    return rest, _shortened(notes)


def _shortened(faults: list[Fault]) -> list[Fault]:
    """The first faults or notes; nobody reads hundreds of them."""
    faults = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))
    more = len(faults) - MAX_FAULTS
    if more <= 0:
        return faults
    last = faults[MAX_FAULTS - 1]
    return [*faults[:MAX_FAULTS], Fault(f"{more} more are not shown", last.file, last.line)]


def _of_file(
    section: RulesFile,
    node: MapNode,
    path: KeyPath,
    document: MapNode,
    faults: list[Fault],
    notes: list[Fault],
) -> list[Translated]:
    """Rules of one file in the terms of the scenario."""
    if not section.file.startswith(EMBEDDED):
        return []  # could not be read, which is reported already
    name, _, text = section.file.removeprefix(EMBEDDED).partition(",")
    translator = Translator(section, node, path, document)
    found = read_rules(unquote(text), unquote(name), translator.compat)
    translated = []
    for rule in translator.kept(found.rules):
        if len(translator.faults) >= MAX_FAULTS:
            translator.faults.append(rule.marks[0].fault("the rules from here on were not looked at"))
            break
        one = translator.translate(rule)
        if one is not None:
            translated.append(one)
    faults += found.faults + translator.faults
    notes += found.notes + translator.notes
    return translated


# ------------------------------------------------------------------------------- rules as responses


def _laid_over(
    document: MapNode, rules: Iterable[Translated], faults: list[Fault], notes: list[Fault]
) -> MapNode:
    """`document` with every rule as a term of the response that it rules."""
    groups: dict[tuple[str, bool, str], list[Translated]] = {}
    for rule in rules:
        groups.setdefault(rule.target, []).append(rule)
    for (cell_type, is_variable, text), group in groups.items():
        if is_variable:
            document = _ruled_variable(document, cell_type, text, group, faults, notes)
        else:
            document = _ruled_behaviour(document, cell_type, text, group, faults, notes)
    done = settled(document)
    assert isinstance(done, MapNode)
    return done


def _ruled_behaviour(
    document: MapNode,
    cell_type: str,
    text: str,
    group: list[Translated],
    faults: list[Fault],
    notes: list[Fault],
) -> MapNode:
    """`document` with the rules of one behaviour."""
    first = group[0].rule.marks[BEHAVIOUR]
    key = _written_key(document, cell_type, text)
    path = ("cell_types", cell_type, "behaviours", key)
    response = find(document, path)
    if response is None:
        message = f"cell_types.{cell_type}.behaviours does not say '{text}': the base value is 0"
        notes.append(first.fault(message))
    terms = _terms(response, group, faults, notes)
    if response is None and terms.entries:
        base = _value(0.0, group[0].behaviour.unit, first)
        terms = MapNode({"base": base, **terms.entries}, {"base": first, **terms.keys}, first)
    return _merged_at(document, path, terms, first)


def _ruled_variable(
    document: MapNode,
    cell_type: str,
    name: str,
    group: list[Translated],
    faults: list[Fault],
    notes: list[Fault],
) -> MapNode:
    """`document` with the rules of one variable, which then equals its response at every step."""
    first = group[0].rule.marks[BEHAVIOUR]
    path = ("cell_types", cell_type, "variables", name)
    variable = find(document, path)
    entries = variable.entries if isinstance(variable, MapNode) else {}
    if isinstance(variable, MapNode) and "value" in entries:
        constant = entries["value"]
        terms = _terms(constant, group, faults, notes)
        response = MapNode({"base": constant, **terms.entries}, {"base": constant.mark, **terms.keys}, first)
        rest = {key: node for key, node in entries.items() if key != "value"}
        ruled = MapNode({**rest, "equals": response}, {**variable.keys, "equals": first}, variable.mark)
        return _put_at(document, path, ruled, first)
    if "equals" in entries:
        terms = _terms(entries["equals"], group, faults, notes)
        return _merged_at(document, (*path, "equals"), terms, first)
    needs = f"so {'.'.join(path)} needs 'value' or 'equals'"
    faults.append(first.fault(f"'{group[0].rule.behaviour}' sets the variable at once, {needs}"))
    return document


def _terms(
    response: Node | None, group: list[Translated], faults: list[Fault], notes: list[Fault]
) -> MapNode:
    """What the rules add to a response; empty when they are faulty."""
    written = response.entries if isinstance(response, MapNode) and not _is_cited(response) else {}
    made = merged(group, _base(response, written, group[0], faults))
    faults += made.faults
    notes += made.notes
    entries: dict[str, Node] = {}
    for name, side in (("increases", made.increases), ("decreases", made.decreases)):
        if not side.rules:
            continue
        mark = side.rules[0].rule.marks[BEHAVIOUR]
        if name in written:
            ruled = side.rules[0].rule.behaviour
            message = f"'{ruled}' has '{name}' in the scenario already; write all of them there"
            faults.append(mark.fault(message))
        else:
            entries[f"{name}+"] = ListNode(tuple(_term(side, rule) for rule in side.rules), mark)
    first = group[0].rule.marks[BEHAVIOUR]
    return MapNode(entries, dict.fromkeys(entries, first), first)


def _is_cited(node: MapNode) -> bool:
    return "value" in node.entries


def _base(
    response: Node | None, written: dict[str, Node], first: Translated, faults: list[Fault]
) -> float | None:
    """Base value in the unit of the behaviour; None when it is not a plain number of that unit."""
    others = [key for key in written if key not in ("base", "increases", "decreases")]
    if first.compat and len(written) > ("base" in written):
        terms = ", ".join(key for key in written if key != "base")
        message = f"with physicell-compat the base value of '{first.rule.behaviour}' must be a number"
        faults.append(first.rule.marks[BEHAVIOUR].fault(f"{message}; it has {terms}"))
        return None
    if response is None:
        return 0.0
    if "adds" in others:
        return None
    node = written.get("base") if written else response
    if node is None:
        return 0.0
    value, _ = read_quantity(plain(node), _ANY)
    wanted = _unit(first.behaviour.unit)
    if value is None or value.unit != wanted:
        return None  # reported with the other values
    if value.molar:
        message = f"the base value '{value.given}' of '{first.rule.behaviour}' is molar; write it by mass"
        faults.append(first.rule.marks[BEHAVIOUR].fault(message))
        return None
    return float(value)


def _unit(unit: str) -> str:
    return f"1{unit}" if unit.startswith("/") else unit or "1"


def _term(side: Side, one: Translated) -> MapNode:
    """One rule as a term; each part points at its field of the file."""
    marks = one.rule.marks
    entries: dict[str, Node] = {
        "signal": ScalarNode(one.signal.text, one.signal.text, marks[SIGNAL]),
        "to": _value(side.to, one.behaviour.unit, marks[SATURATION]),
        "half_max": _value(one.half_max, one.signal.unit, marks[HALF_MAX]),
        "hill_power": _value(one.rule.hill_power, "", marks[HILL_POWER]),
    }
    keys = dict(
        zip(entries, (marks[SIGNAL], marks[SATURATION], marks[HALF_MAX], marks[HILL_POWER]), strict=True)
    )
    return MapNode(entries, keys, marks[SIGNAL])


def _value(number: float, unit: str, mark: Mark) -> ScalarNode:
    """A number with its unit, to its last digit."""
    text = repr(number).removesuffix(".0")
    if unit:
        return ScalarNode(f"{text} {unit}", f"{text} {unit}", mark)
    return ScalarNode(number, text, mark)


def _written_key(document: MapNode, cell_type: str, text: str) -> str:
    """The name under which a cell type has a behaviour; `text` itself when it does not have it."""
    behaviours = find(document, ("cell_types", cell_type, "behaviours"))
    if not isinstance(behaviours, MapNode):
        return text
    names = _vocabulary(document).of(cell_type)
    wanted = parse_behaviour(text, names)
    for key in behaviours.entries:
        try:
            if parse_behaviour(key, names) == wanted:
                return key
        except UnknownBehaviourError:
            continue  # reported with the other names
    return text


def _vocabulary(document: MapNode) -> Vocabulary:
    def names(*path: str) -> tuple[str, ...]:
        node = find(document, path)
        return tuple(node.entries) if isinstance(node, MapNode) else ()

    cell_types = names("cell_types")
    phenotypes = {name: names("cell_types", name, "phenotypes") for name in cell_types}
    return Vocabulary(cytokines=names("cytokines"), cell_types=cell_types, phenotypes=phenotypes)


def _merged_at(document: MapNode, path: tuple[str, ...], patch: MapNode, mark: Mark) -> MapNode:
    """`document` with `patch` laid over what stands at `path`."""
    if not patch.entries:
        return document
    old = find(document, path)
    return _put_at(document, path, patch if old is None else merge(old, patch), mark)


def _put_at(document: MapNode, path: tuple[str, ...], new: Node, mark: Mark) -> MapNode:
    """`document` with `new` at `path`; a key that was not there stands at `mark`."""
    if not path:
        assert isinstance(new, MapNode)
        return new
    key, below = path[0], document.entries.get(path[0])
    holder = below if isinstance(below, MapNode) else MapNode({}, {}, mark)
    inner = _put_at(holder, path[1:], new, mark) if path[1:] else new
    return MapNode({**document.entries, key: inner}, {key: mark, **document.keys}, document.mark)
