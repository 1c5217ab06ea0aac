"""The language of claims: what is read, what is refused, and where the fault is said to be."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from abm.errors import ScenarioError
from abm.scenario.claims import syntax as s
from abm.scenario.claims.checker import check_claim
from abm.scenario.claims.expressions import Comparison, Shape, arms_of, comparisons
from abm.scenario.claims.functions import FUNCTIONS, function_table
from abm.scenario.claims.series import SERIES
from abm.scenario.claims.syntax import MAX_DEPTH, parse_claim
from abm.scenario.claims.tokens import Token, tokens
from abm.scenario.load import Experiment, load_experiment, load_experiment_text
from abm.scenario.schema.claims import MAX_TEST

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "studies.md"


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(ROOT / "scenarios" / "chen2015.yaml")


def faults(text: str, experiment: Experiment) -> list[tuple[int, str]]:
    """Position and message of every fault; there must be one."""
    condition, found = check_claim(text, experiment.arms)
    assert condition is None
    assert found
    return [(fault.at, fault.message) for fault in found]


# ------------------------------------------------------------------------------------------------ reading


def test_a_number_takes_its_unit_with_it() -> None:
    found: list[Token] = tokens("1 > 30 % + 5 d * 2 /mm^2 - 50 pg/ml / 2")
    assert [t.text for t in found if t.measure is not None] == [
        "1",
        "30 %",
        "5 d",
        "2 /mm^2",
        "50 pg/ml",
        "2",
    ]


def test_a_name_before_a_parenthesis_is_a_function_and_not_a_unit() -> None:
    assert [t.text for t in tokens("20 / min(1, 2) > 5 min")][:3] == ["20", "/", "min"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("1 + 2 * 3 > 4", "(1 + (2 * 3)) > 4"),
        ("-2^2 > 4", "(-(2^2)) > 4"),
        ("1 > 2 and 3 > 4 or 5 > 6", "((1 > 2) and (3 > 4)) or (5 > 6)"),
        ("not 1 > 2 and 3 > 4", "(not (1 > 2)) and (3 > 4)"),
        ("8 / 4 / 2 > 1", "((8 / 4) / 2) > 1"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert _shape(parse_claim(text)) == _shape(parse_claim(same))


def _shape(tree: object) -> object:
    """A tree without its positions."""
    match tree:
        case s.Number():
            return tree.measure.base_value
        case s.Arithmetic():
            return (tree.operator, _shape(tree.left), _shape(tree.right))
        case s.Negative():
            return ("-", _shape(tree.value))
        case s.Power():
            return ("^", _shape(tree.value), tree.exponent)
        case s.Chain():
            return (tree.operators, tuple(map(_shape, tree.values)))
        case s.Logic():
            return (tree.operator, tuple(map(_shape, tree.items)))
    return tree


def test_every_example_of_the_table_is_a_claim(experiment: Experiment) -> None:
    assert len(FUNCTIONS) >= 30
    for function in FUNCTIONS.values():
        condition, found = check_claim(function.example, experiment.arms)
        assert condition is not None, (function.example, [fault.message for fault in found])
        assert function.name in function.example


def test_the_documents_show_the_table() -> None:
    assert function_table().strip() in DOCS.read_text(encoding="utf-8")


def test_series_are_those_of_the_engine() -> None:
    from abm.engine import readout

    declared = [
        series
        for name in ("SIGNAL", "THRESHOLD", "TISSUE", "BUDGET", "LEDGER")
        for series in getattr(readout, f"{name}_SERIES")
    ]
    assert {s.name: (s.dims, s.unit) for s in declared} == {
        name: (recorded.dims, recorded.unit) for name, recorded in SERIES.items()
    }


# ----------------------------------------------------------------------------------------------- checking


def test_a_chain_is_every_pair_of_neighbours(experiment: Experiment) -> None:
    text = "threshold(sham, at=7 d) > threshold(cci_bmsc, at=7 d) > threshold(cci, at=7 d)"
    condition, _ = check_claim(text, experiment.arms)
    assert condition is not None
    assert [c.place.text for c in comparisons(condition)] == [
        "threshold(sham, at=7 d) > threshold(cci_bmsc, at=7 d)",
        "threshold(cci_bmsc, at=7 d) > threshold(cci, at=7 d)",
    ]
    assert arms_of(condition) == ["sham", "cci_bmsc", "cci"]


def test_times_and_units_may_be_quoted_or_bare(experiment: Experiment) -> None:
    quoted, _ = check_claim("mpe('cci_bmsc', 'cci', at='5 d') > '30 %'", experiment.arms)
    bare, _ = check_claim("mpe(cci_bmsc, cci, at=5 d) > 30 %", experiment.arms)
    assert isinstance(quoted, Comparison) and isinstance(bare, Comparison)
    assert quoted.unit == bare.unit == "%"
    assert quoted.right.value == bare.right.value == 0.3  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("threshold(cci, at=1 d) < 400 mg", "g"),
        ("relative_threshold(cci, at=1 d) < 50 %", "%"),
        ("relative_threshold(cci, at=1 d) < 0.5", "1"),
        ("area(concentration('IL-1b', cci)) > 1 pg/ml * 2 d", "(pg/ml)·d"),
        ("threshold(cci, at=1 d) / threshold(sham, at=1 d) < 1", "1"),
        ("30 % < mpe(cci_bmsc, cci, at=5 d)", "%"),
    ],
)
def test_unit_of_a_comparison(text: str, unit: str, experiment: Experiment) -> None:
    condition, found = check_claim(text, experiment.arms)
    assert isinstance(condition, Comparison), found
    assert condition.unit == unit


def test_shape_of_what_is_compared(experiment: Experiment) -> None:
    for text, shape in (
        ("threshold(cci, at=1 d) > 0 g", Shape.NUMBER),
        ("correlation(threshold(cci, at=1 d), threshold(cci, at=2 d)) > 0", Shape.ENSEMBLE),
        ("correlation(threshold(cci), threshold(sham)) > 0", Shape.NUMBER),
    ):
        condition, _ = check_claim(text, experiment.arms)
        assert isinstance(condition, Comparison)
        assert condition.shape is shape


WRONG = {
    "threshold(cci, at=5 d) > 30 %": (23, "is in g and '30 %' is a percentage: they cannot be compared"),
    "threshold(cci, at=5 d) > 30 pg/ml": (23, "they cannot be compared"),
    "threshold(cci, at=5 d) + 1 d > 2 g": (23, "they cannot be added"),
    "mpe(cci_bmsc, cci, at=5 d) > 30": (29, "is in percent; write '30 %' in place of '30'"),
    "mpe(cci_bmcs, cci, at=5 d) > 30 %": (4, "no arm 'cci_bmcs'; did you mean 'cci_bmsc'?"),
    "treshold(cci, at=5 d) > 1 g": (0, "no function 'treshold'; did you mean 'threshold'?"),
    "threshold(cci, att=5 d) > 1 g": (15, "no argument 'att'; did you mean 'at'?"),
    "threshold(cci, site, at=5 d, 3) > 1 g": (29, "too many arguments; it is threshold(arm, region=)"),
    "threshold(cci, at=5 d, at=6 d) > 1 g": (23, "'at' is given twice"),
    "threshold() > 1 g": (0, "missing: arm"),
    "threshold(cci, at=5) > 1 g": (18, "'5' has no unit; a time is expected, e.g. 5 d"),
    "threshold(cci, at=5 g) > 1 g": (18, "is in g; a time is expected"),
    "threshold(cci, at=-5 d) > 1 g": (18, "lies before the start of the run"),
    "threshold(cci, from=5 d, to=3 d) > 1 g": (28, "the window ends before it begins"),
    "threshold(cci, at=1 d, from=3 d) > 1 g": (18, "give either at= or a window"),
    "threshold(cci, at=threshold(sham, at=1 d)) > 1 g": (18, "a time is given as a number"),
    "threshold(cci) > 1 g": (0, "changes over time; choose a time with at="),
    "threshold(cci, at=1 d)": (0, "is a value; a claim compares values"),
    "(threshold(cci, at=1 d) > 3 g) > 2": (0, "is a condition where a value is expected"),
    "threshold(cci, at=1 d) and 3 > 2": (0, "is a value where a condition is expected"),
    "cci > 2": (0, "the arm 'cci' has no value by itself"),
    "1 > 2": (0, "compares two constants"),
    "concentration('IL-1', cci, at=3 d) > 2 pg/ml": (
        14,
        "no cytokine 'IL-1' in arm cci; did you mean 'IL-1b'?",
    ),
    "concentration(IL-1b, cci, at=3 d) > 2 pg/ml": (14, "a name with '-' stands in quotes: 'IL-1b'"),
    "concentration('IL-1b', cci, region=sit, at=3 d) > 2 pg/ml": (
        35,
        "no region 'sit' in arm cci; did you mean",
    ),
    "concentration('IL-1b', cci, at=5 d) > 2 nM": (36, "they cannot be compared"),
    "cells(mcs, cci, at=3 d) > 2": (6, "no cell type 'mcs'"),
    "phenotype_fraction(microglia, activ, cci, at=1 d) > 0": (
        30,
        "no phenotype 'activ' in arm cci; did you mean",
    ),
    "variable(neuron, activation, cci, at=1 d) > 0": (17, "no cell variable 'activation' in arm cci"),
    "cells(msc, cci, region=site, outside=site, at=1 d) > 3": (37, "exclude each other"),
    "waiting(msc, liquor, cci_bmsc, at=5 d) > 3": (13, "no compartment 'liquor'"),
    "series('cytokin_mean', cci, at=1 d) > 1 pg/ml": (7, "did you mean 'cytokine_mean'?"),
    "series('cytokine_mean', cci, at=1 d) > 1 pg/ml": (0, "missing: cytokine"),
    "series('cytokine_mean', cci, region=site, at=1 d) > 1 pg/ml": (36, "has no dimension 'region'"),
    "series('cytokine_mean', cci, cytokine='IL1', at=1 d) > 1 pg/ml": (38, "no cytokine 'IL1' in arm cci"),
    "mpe(cci, cci, at=1 d) > 3 %": (0, "the same arm"),
    "share(threshold(cci) > 1 g) > 0": (6, "share takes a condition about single numbers"),
    "duration(threshold(cci, at=1 d) > 1 g) > 3 d": (9, "duration takes a condition about values over time"),
    "share(threshold(cci, at=1 d) > 1 g) > share(threshold(sham, at=1 d) > 1 g)": (
        0,
        "compared with a number",
    ),
    "correlation(threshold(cci), threshold(cci, at=1 d)) > 0": (0, "two courses over time, or two numbers"),
    "fold(threshold(cci) / threshold(sham), over=cci, at=3 d) > 1": (5, "this has cci, sham"),
    "fold(threshold(cci), over=cci, at=3 d) > 1": (5, "other than 'cci'"),
    "max(threshold(cci, at=1 d), 5 %) > 1 g": (28, "have different units"),
    "at(threshold(cci, at=1 d), 3 d) > 1 g": (3, "does not change over time; a course is needed"),
    "log10(threshold(cci, at=1 d)) > 1": (6, "log10 takes a plain number"),
    "threshold(cci, at=1 d) > 0.4 g / 0": (31, "division by zero"),
    "threshold(cci, at=1 d) > 0.4 g * 0^-1": (33, "division by zero"),
    "von_frey(cci, at=1 d, animals=2.5) > 1 g": (30, "a whole number from 1 to"),
    "von_frey(cci) > 1 g": (0, "missing: at"),
    "max(threshold(cci)) > 1 g and duration(threshold(cci) > 1 g) > 40": (61, "they cannot be compared"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_and_where(text: str, experiment: Experiment) -> None:
    at, says = WRONG[text]
    found = faults(text, experiment)
    assert found[0][0] == at, found
    assert says in found[0][1], found


def test_a_time_after_the_end_is_a_warning_and_the_claim_stays(experiment: Experiment) -> None:
    condition, found = check_claim("threshold(cci, at=50 d) > 1 g", experiment.arms)
    assert condition is not None
    assert [(fault.at, fault.is_late) for fault in found] == [(18, True)]
    assert "'50 d' lies after the end of arm cci (33 d)" in found[0].message


def test_all_faults_of_a_claim_are_told(experiment: Experiment) -> None:
    found = faults("mpe(cci_bmcs, cci, at=50 d) > 30 % and treshold(cci) > 1 g", experiment)
    assert [at for at, _ in found] == [4, 39]
    found = faults("concentration('IL-1', cci, region=sit, at=3 d) > 2 pg/ml", experiment)
    assert [at for at, _ in found] == [14, 34]


# ------------------------------------------------------------------------------------------------ hostile

HOSTILE = {
    "attribute": ("threshold.__class__ > 1", "nothing has attributes"),
    "method": ("'x'.join(cci) > 1", "nothing has attributes"),
    "subclasses": ("().__class__.__bases__[0] > 1", "nothing has attributes"),
    "import": ("__import__('os').system('true') > 0", "nothing has attributes"),
    "import alone": ("__import__('os') > 0", "no function '__import__'"),
    "eval": ("eval('1') > 0", "no function 'eval'"),
    "dunder": ("__builtins__ > 0", "'__builtins__' is no value"),
    "lambda": ("(lambda: 1)() > 0", "is not part of a claim"),
    "comprehension": ("[x for x in cci] > 0", "nothing can be indexed"),
    "format": ("f'{cci}' > 0", "'{cci}' stands where"),
    "walrus": ("(x := 1) > 0", "is not part of a claim"),
    "assignment": ("x = 1", "'=' names an argument"),
    "statement": ("1 > 0; import os", "is not part of a claim"),
    "tower": ("9^9^9 > 0", "a power of a power"),
    "huge power": ("9^999999999 > 0", "a whole number from -9 to 9"),
    "power of a reading": ("2^threshold(cci, at=1 d) > 0", "a whole number from -9 to 9"),
    "nested powers": ("((((9^9)^9)^9)^9)^9 > 0", "has no value in the numbers"),
    "python power": ("9**9 > 0", "a power is written with '^'"),
    "large number": ("1e999 > 0", "outside the numbers of this program"),
    "overflow of a unit": ("1e308 kg > 0 g", "too large"),
    "nan": ("nan > 0", "'nan' is no value"),
    "infinity": ("inf > 0", "'inf' is no value"),
    "digits": ("1" * 50 + " > 0", "a number of 50 characters"),
    "quote": ("threshold('cci > 0", "is not closed"),
    "zero byte": ("threshold(cci)\x00 > 0", "U\\+0000"),
    "lookalike": ("thresh\u043eld(cci) > 0", "U\\+043E cyrillic small letter o"),
    "full width": ("\uff11 > 0", "U\\+FF11"),
    "empty": ("", "the claim is empty"),
    "blanks": ("  \t ", "the claim is empty"),
    "megabyte": ("(" * 1_000_000, f"at most {MAX_TEST} are allowed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_claims_are_refused_at_once(name: str, experiment: Experiment) -> None:
    text, says = HOSTILE[name]
    condition, found = check_claim(text, experiment.arms)
    assert condition is None
    assert re.search(says, found[0].message) or says in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1900,
        "(" * 990 + ")" * 990,
        "not " * 480 + "1 > 0",
        "-" * 1900 + "1 > 0",
        "1" + "+1" * 900 + " > 0",
        "1 > " * 480 + "0",
        "abs(" * 450 + "1",
        "fold(" * 380,
        "min(1" + ",1" * 900 + ") > 0",
        "1 > 0 and " * 190 + "1 > 0",
        "fold(" * 30 + "threshold(cci)" + ", over=sham)" * 30 + " > 1",
    ],
)
def test_deep_and_long_claims_end_quickly(text: str, experiment: Experiment) -> None:
    """Neither the stack nor the time of the program is theirs."""
    assert len(text) <= MAX_TEST
    start = time.process_time()
    assert faults(text, experiment)
    assert time.process_time() - start < 2.0


def test_depth_that_is_allowed_is_read() -> None:
    deep = MAX_DEPTH - 2
    assert parse_claim("(" * deep + "1" + ")" * deep + " > 0") is not None


# ---------------------------------------------------------------------------------------------- positions

FILE = """\
schema_version: 1
extends: library/dorsal_horn
time: {duration: 6 d}
domain: {size: [300 um, 300 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [150 um, 150 um], radius: 80 um}}}
arms: {cci: {}, other: {}}
claims:
  - id: plain
    says: It falls.
    test: threshold(cci, at=-9 d) < 1 g
    source: JCI15
  - {id: flow, says: It falls., test: "threshold(\\"cci\\", at=-9 d) < 1 g", source: JCI15}
  - id: quoted
    says: It falls.
    test: 'concentration(''IL-1b'', cci, at=-9 d) < 1 pg/ml'
    source: JCI15
  - id: folded
    says: It falls.
    test: >
      threshold(cci, at=3 d) < 1 g
      and threshold(cci,
        at=-9 d) < 1 g
    source: JCI15
  - id: literal
    says: It falls.
    test: |
      threshold(cci, at=3 d) < 1 g
      and threshold(cci, at=-9 d) < 1 g
    source: JCI15
  - id: continued
    says: It falls.
    test: "threshold(cci,
      at=-9 d) < 1 g"
    source: JCI15
  - id: ends
    says: It falls.
    test: threshold(cci, at=-9 d) <
    source: JCI15
"""


def test_faults_point_into_the_text_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("claims.yaml").write_text(FILE, encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load_experiment("claims.yaml")
    lines = FILE.splitlines()
    found = error.value.faults
    assert len(found) == 7
    for fault in found[:-1]:
        assert lines[fault.line - 1][fault.column - 1 :].startswith("-9 d"), fault
        assert "lies before the start of the run" in fault.message
    last = found[-1]
    assert (last.line, last.column) == (lines.index("    test: threshold(cci, at=-9 d) <") + 1, 36)


def test_a_test_from_the_command_line_says_the_character(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(FILE.partition("  - {id: flow")[0].replace("-9 d", "3 d"), encoding="utf-8")
    assert len(load_experiment(path).claims) == 1
    with pytest.raises(
        ScenarioError, match=r"lies before the start of the run.* \(character 19 of the test\)"
    ):
        load_experiment(path, ['claims.0.test="threshold(cci, at=-8 d) < 1 g"'])


# ------------------------------------------------------------------------------------------------- claims


def claims(**changes: str) -> str:
    """A file with one claim of which some keys are changed; empty removes."""
    keys = {"id": "falls", "says": "It falls.", "test": "threshold(cci, at=3 d) < 1 g", "source": "JCI15"}
    keys |= changes
    entries = "".join(f"    {key}: {value}\n" for key, value in keys.items() if value)
    return f"{FILE.partition('claims:')[0]}claims:\n  -{entries[3:]}"


def test_a_claim_is_kept_with_the_experiment() -> None:
    experiment = load_experiment_text(claims(evidence="[A-1, A-2]", contradicted_by="Nobody 1999"))
    (checked,) = experiment.claims
    assert checked.claim.evidence == ("A-1", "A-2")
    assert checked.claim.contradicted_by == ("Nobody 1999",)
    assert "Chen G" in checked.references[0]
    # Claims belong to the file: they are in the text of the experiment, not in that of its runs.
    assert load_experiment_text(experiment.text).claims == experiment.claims
    assert "claims" not in experiment.arm_text("cci")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "a b"}, "'a b' is no id"),
        ({"id": "../up"}, "is no id"),
        ({"says": ""}, "'says' is missing"),
        ({"source": ""}, "'source' is missing"),
        ({"source": "JCI16"}, "unknown source 'JCI16'; did you mean 'JCI15'?"),
        ({"test": "5"}, "expected a text, got the number 5"),
        ({"tset": "x"}, "unknown key 'tset'; did you mean 'test'?"),
    ],
)
def test_faulty_claims(changes: dict[str, str], says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_experiment_text(claims(**changes))
    assert says in str(error.value)


def test_ids_are_unique() -> None:
    text = claims()
    twice = text + text.partition("claims:\n")[2]
    with pytest.raises(ScenarioError, match="the id 'falls' is taken by claim number 1"):
        load_experiment_text(twice)


def test_an_arm_cannot_make_claims() -> None:
    with pytest.raises(ScenarioError, match="'claims' belongs to the file, not to an arm"):
        load_experiment_text(claims().replace("arms: {cci: {}", "arms: {cci: {claims: []}"))


def test_a_faulty_arm_hides_no_other_fault_and_makes_no_new_one() -> None:
    text = claims(test="threshold(cci, at=9 d) < 1 g and treshold(other, at=1 d) > 1 g")
    text = text.replace("arms: {cci: {}", "arms: {cci: {time: {duration: 3 um}}")
    with pytest.raises(ScenarioError) as error:
        load_experiment_text(text)
    assert len(error.value.faults) == 2
    assert "'3 um' is a length" in str(error.value)
    assert "did you mean 'threshold'?" in str(error.value)


def test_claims_are_inherited_and_appended(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(claims(), encoding="utf-8")
    more = "schema_version: 1\nextends: base.yaml\nclaims+:\n"
    more += '  - {id: more, says: It rises., test: "threshold(cci, at=1 d) > 0 g", source: JCI15}\n'
    (tmp_path / "more.yaml").write_text(more, encoding="utf-8")
    assert [c.claim.id for c in load_experiment(tmp_path / "more.yaml").claims] == ["falls", "more"]
