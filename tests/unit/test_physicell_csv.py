"""Lines of PhysiCell's CSV files, well written, badly written and hostile."""

from __future__ import annotations

import pytest

from abm.scenario.physicell_csv import (
    FIELDS,
    MAX_FAULTS,
    MAX_RULES,
    RulesText,
    read_rules,
    split_as_physicell,
)
from tests.reference.physicell import fields_of

GOOD = "tumor,oxygen,increases,cycle entry,0.003,21.5,4,0"


def strict(text: str) -> RulesText:
    return read_rules(text, "rules.csv")


def compat(text: str) -> RulesText:
    return read_rules(text, "rules.csv", compat=True)


def told(found: RulesText) -> list[tuple[int, int, str]]:
    return [(fault.line, fault.column, fault.message) for fault in (*found.faults, *found.notes)]


def test_a_rule() -> None:
    found = strict(f"// off,x,increases,y,1,1,1,0\n\n{GOOD}\n   \n")
    (rule,) = found.rules
    assert (rule.cell_type, rule.signal, rule.behaviour) == ("tumor", "oxygen", "cycle entry")
    assert (rule.saturation, rule.half_max, rule.hill_power) == (0.003, 21.5, 4.0)
    assert (rule.is_up, rule.is_maximum, rule.to_dead, rule.line) == (True, True, False, 3)
    assert [mark.column for mark in rule.marks] == [1, 7, 14, 24, 36, 42, 47, 49]
    assert told(found) == []


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(",", "\t"),
        "tumor,oxygen,increases,cycle entry, 3E-3 ,+21.5,4. ,0 ",
        "tumor,oxygen,increases,cycle entry,.003,2.15e1,4,0",
    ],
)
def test_other_spellings_of_it(line: str) -> None:
    assert strict(line).rules == strict(GOOD).rules and told(strict(line)) == []


def test_a_comma_inside_a_tab_separated_line_splits_it_at_tabs() -> None:
    (rule,) = strict("CD4+, CD25+\toxygen\tdecreases\tapoptosis\t0\t1\t1\t1").rules
    assert rule.cell_type == "CD4+, CD25+" and rule.to_dead and not rule.is_up


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        ("tumor,oxygen,increases,cycle entry,0.003,21.5,4", 1, "7 fields where a rule has 8"),
        ("tumor", 1, "1 field where a rule has 8"),
        (f"{GOOD},0,0", 1, "10 fields where a rule has 8"),
        ("tumor,,increases,,0.003,21.5,4,0", 7, "signal, behaviour missing; in PhysiCell the line"),
        (f"{GOOD},", 50, "delimiter after the last field; in PhysiCell it is ignored"),
        (
            "tumor,oxygen,increases,cycle entry,1e-5,0.003,21.5,4,0",
            1,
            "9 fields: this is version 1 of the format, with the base value in field 5",
        ),
        (
            "tumor,cycle entry,0,1e-5,0.003,oxygen,increases,21.5,4,0",
            1,
            "10 fields: this is the first version of the format",
        ),
        (",".join(FIELDS), 1, "no field of this line is a number; a header is not part of the format"),
        (
            "tumor,oxygen,Increases,cycle entry,0.003,21.5,4,0",
            14,
            "direction 'Increases'; did you mean 'increases'?; allowed: increases, decreases; "
            "in PhysiCell it is read as 'decreases'",
        ),
        ("tumor,oxygen, increases,cycle entry,0.003,21.5,4,0", 14, "direction ' increases'; did you mean"),
        (
            "tumor,oxygen,promotes,cycle entry,0.003,21.5,4,0",
            14,
            "direction 'promotes'; allowed: increases, decreases; "
            "in PhysiCell its saturation value is taken for a minimum",
        ),
        ("tumor, oxygen,increases,cycle entry,0.003,21.5,4,0", 7, "blank before the signal 'oxygen'"),
        ("tumor ,oxygen,increases,cycle entry,0.003,21.5,4,0", 1, "blank after the cell type 'tumor'"),
        ('tumor,"oxygen",increases,cycle entry,0.003,21.5,4,0', 7, "'\"oxygen\"': the format has no quotes"),
        (f" //{GOOD}", 1, "a comment starts in the first column"),
        ("tumor,oxygen,increases,cycle entry,abc,21.5,4,0", 36, "saturation value 'abc' is no number; in"),
        ("tumor,oxygen,increases,cycle entry,1,5 mM,4,0", 38, "'5 mM' is no number; in PhysiCell it is read"),
        ("tumor,oxygen,increases,cycle entry,1,0,4,0", 38, "'0' must be above 0; PhysiCell divides by it"),
        ("tumor,oxygen,increases,cycle entry,1,1,-4,0", 40, "Hill power '-4' must be above 0"),
        ("tumor,oxygen,increases,cycle entry,1,1,0,0", 40, "Hill power '0' must be above 0"),
        ("tumor,oxygen,increases,cycle entry,1,nan,4,0", 38, "half-max 'nan' is no finite decimal number"),
        ("tumor,oxygen,increases,cycle entry,-inf,1,4,0", 36, "'-inf' is no finite decimal number"),
        ("tumor,oxygen,increases,cycle entry,0x10,1,4,0", 36, "'0x10' is no finite decimal number"),
        ("tumor,oxygen,increases,cycle entry,1e999,1,4,0", 36, "is outside the numbers of this program"),
        ("tumor,oxygen,increases,cycle entry,1,1e-999,4,0", 38, "is outside the numbers of this program"),
        ("tumor,oxygen,increases,cycle entry,١,1,4,0", 36, "is no number; in PhysiCell it is read as 0"),
        ("tumor,oxygen,increases,cycle entry,1,1,4,true", 42, "not 'true'; in PhysiCell it is read as 0"),
        ("tumor,oxygen,increases,cycle entry,1,1,4,2", 42, "not '2'; in PhysiCell it is read as 1"),
    ],
)
def test_traps(line: str, column: int, says: str) -> None:
    found = strict(f"{GOOD}\n{line}\n{GOOD}")
    assert [(at, where, says in message) for at, where, message in told(found)] == [(2, column, True)]
    assert {1, 3} <= {rule.line for rule in found.rules if not rule.faulty}


def test_all_faults_of_a_line_at_once() -> None:
    found = strict("tumor , oxygen,more,cycle entry,a,0,1z,-1")
    assert [column for _, column, _ in told(found)] == [1, 8, 16, 33, 35, 37, 40]
    assert found.rules[0].faulty == {0, 1, 2, 4, 5, 6, 7}


@pytest.mark.parametrize(
    ("line", "values", "notes"),
    [
        (f"{GOOD},", (True, True, 0.003, 21.5, 4.0, False), 1),
        ("tumor,oxygen,Increases,cycle entry,0.003,21.5,4,0", (False, False, 0.003, 21.5, 4.0, False), 1),
        ("tumor,oxygen,increase,cycle entry,0.003,21.5,4,0", (True, False, 0.003, 21.5, 4.0, False), 1),
        ("tumor,oxygen,promotes,cycle entry,0.003,21.5,4,0", (True, False, 0.003, 21.5, 4.0, False), 1),
        ("tumor,oxygen,increases,cycle entry,abc,5 mM,4th,x", (True, True, 0.0, 5.0, 4.0, False), 4),
        ("tumor,oxygen,increases,cycle entry,1,1,1,0.5", (True, True, 1.0, 1.0, 1.0, True), 1),
    ],
)
def test_traps_read_as_physicell_does(line: str, values: tuple[object, ...], notes: int) -> None:
    found = compat(line)
    (rule,) = found.rules
    numbers = (rule.saturation, rule.half_max, rule.hill_power)
    assert (rule.is_up, rule.is_maximum, *numbers, rule.to_dead) == values
    assert found.faults == [] and len(found.notes) == notes
    assert all("as in PhysiCell" in note.message for note in found.notes)


@pytest.mark.parametrize("line", ["a,b", "a,b,c,d,1,1,1,1,1,1,1", "a,,increases,b,1,1,1,0", "", "x\ty"])
def test_misformed_lines_are_skipped_as_physicell_does(line: str) -> None:
    found = compat(f"{GOOD}\n{line}\n")
    assert len(found.rules) == 1 and found.faults == []
    assert [note.line for note in found.notes] == [2] * bool(line)


@pytest.mark.parametrize(
    "line",
    [
        "tumor, oxygen,increases,cycle entry,1,1,1,0",
        '"tumor",oxygen,increases,cycle entry,1,1,1,0',
        "tumor,oxygen,increases,cycle entry,1,0,1,0",
        "tumor,oxygen,increases,cycle entry,1,1,nan,0",
        "tumor,oxygen,increases,cycle entry,1e-5,0.003,21.5,4,0",
    ],
)
def test_what_no_mode_accepts(line: str) -> None:
    assert len(compat(line).faults) == len(strict(line).faults) == 1


@pytest.mark.parametrize("line", ["a,b,", "a,,", ",", "a", ",,,,,,,", "a,b,c,d,1,1,1,0,", "\t", "a\tb\t"])
def test_fields_are_split_as_in_physicell(line: str) -> None:
    delimiter = "," if len(split_as_physicell(line, ",")) == len(FIELDS) else "\t"
    assert split_as_physicell(line, delimiter) == fields_of(line)


# ------------------------------------------------------------------------------------------ hostile


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "," * 1_000_000,
        f"tumor,{'o' * 1_000_000},increases,cycle entry,1,1,x,0",
        f"tumor,oxygen,increases,cycle entry,{'9' * 1_000_000},1,1,0",
        f"tumor,oxygen,{'increases' * 100_000},cycle entry,1,1,1,0",
        f"{' ' * 1_000_000}tumor,oxygen,increases,cycle entry,1,1,1,0",
    ],
)
def test_endless_lines_have_short_messages(text: str) -> None:
    found = strict(text)
    assert len(found.faults) == 1 and len(str(found.faults[0])) < 400


def test_no_end_of_rules() -> None:
    found = strict(f"{GOOD}\n" * (MAX_RULES + 5))
    assert len(found.rules) == MAX_RULES
    assert told(found) == [
        (MAX_RULES + 1, 1, f"more than {MAX_RULES} rules; the file was not read from here on")
    ]


def test_no_end_of_faults() -> None:
    found = strict("a,b\n" * 100_000)
    assert len(found.faults) == MAX_FAULTS + 1 and found.faults[-1].line == MAX_FAULTS + 1


def test_a_whole_file_of_an_old_version_is_one_fault() -> None:
    old = "tumor,oxygen,increases,cycle entry,1e-5,0.003,21.5,4,0\n"
    assert len(strict(old * 50).faults) == len(compat(old * 50).faults) == 1


@pytest.mark.parametrize("text", ["", "\n\n", "// nothing\n//"])
def test_a_file_without_rules_is_noted(text: str) -> None:
    assert [note.message for note in strict(text).notes] == ["holds no rule"]
