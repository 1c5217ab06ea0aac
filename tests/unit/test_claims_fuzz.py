"""Whatever is written as a claim is read or refused; and what is read is evaluated or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.analysis.groups import RunGroups, group_runs
from abm.scenario.claims.checker import check_claim
from abm.scenario.claims.functions import FUNCTIONS
from abm.scenario.claims.reading import CheckedClaim, mark_in
from abm.scenario.load import load_experiment_text
from abm.scenario.nodes import MapNode, ScalarNode
from abm.scenario.read import UnreadableError, parse_text
from abm.scenario.schema.claims import Claim
from abm.study.verdicts import Verdict, evaluate_claims
from tests.recorded_runs import Plan, write_experiment
from tests.unit.test_claims_values import TEXT

EXPERIMENT = load_experiment_text(TEXT)
WORDS = [
    *FUNCTIONS,
    *("cci", "sham", "cci_bmsc", "'IL-1b'", "site", "msc", "csf", "at", "from", "to", "region", "over"),
    *("and", "or", "not", "<", "<=", ">", ">=", "+", "-", "*", "/", "^", "(", ")", ",", "="),
    *("0", "1", "30 %", "5 d", "0.4 g", "50 pg/ml", "1e308", "'5 d'", "2 /mm^2", "9"),
    *("__class__", ".", "[", "'", '"', "\u00b5", "\x00", "\u202e", "eval", "None", "nan"),
]


@given(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | st.text(max_size=80))
@settings(max_examples=400)
def test_any_text_is_a_claim_or_has_faults(text: str) -> None:
    condition, faults = check_claim(text, EXPERIMENT.arms)
    assert (condition is None) == any(not fault.is_late for fault in faults)
    assert all(0 <= fault.at <= len(text) and fault.message for fault in faults)


# ---------------------------------------------------------------------- claims that are well formed

ARM = st.sampled_from(["sham", "cci", "cci_bmsc"])
DAY = st.sampled_from(["0 d", "1 d", "50 h", "3.3 d", "4 d"])
COURSE = st.one_of(
    ARM.map(lambda arm: f"relative_threshold({arm})"),
    ARM.map(lambda arm: f"nociception({arm}, region=site)"),
    ARM.map(lambda arm: f"cells(msc, {arm}, outside=site)"),
    ARM.map(lambda arm: f"phenotype_fraction(msc, primed, {arm}, region=site)"),
    ARM.map(lambda arm: f"concentration('IL-1b', {arm}, region=site) / 50 pg/ml"),
    st.just("mpe(cci_bmsc, cci) / 100 %"),
)


def courses(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(below, st.sampled_from("+-*/"), below).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(below, st.integers(-3, 3)).map(lambda t: f"({t[0]})^{t[1]}"),
        below.map(lambda x: f"abs({x})"),
        below.map(lambda x: f"log10({x})"),
        st.tuples(below, below).map(lambda t: f"max({t[0]}, {t[1]})"),
    )


ANY_COURSE = st.recursive(COURSE, courses, max_leaves=4)
NUMBER = st.one_of(
    st.tuples(ANY_COURSE, DAY).map(lambda t: f"at({t[0]}, {t[1]})"),
    st.tuples(st.sampled_from(["mean", "min", "max"]), ANY_COURSE, DAY).map(
        lambda t: f"{t[0]}({t[1]}, from={t[2]})"
    ),
    st.tuples(ANY_COURSE, ANY_COURSE).map(lambda t: f"(duration({t[0]} > {t[1]}) / 1 d)"),
    st.tuples(ANY_COURSE, ANY_COURSE).map(lambda t: f"(onset({t[0]} < {t[1]}) / 1 d)"),
    st.tuples(ANY_COURSE, ANY_COURSE).map(lambda t: f"correlation({t[0]}, {t[1]})"),
)
ANY_NUMBER = st.one_of(NUMBER, st.tuples(NUMBER, st.sampled_from("+-*/"), NUMBER).map(" ".join))
COMPARISON = st.tuples(ANY_NUMBER, st.sampled_from(["<", "<=", ">", ">="]), ANY_NUMBER | st.just("0.5")).map(
    " ".join
)
CLAIM = st.one_of(
    COMPARISON,
    st.tuples(COMPARISON, st.sampled_from(["and", "or", "and not"]), COMPARISON).map(" ".join),
    COMPARISON.map(lambda c: f"share({c}) > 30 %"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = Plan(days=5.0, fields=False, cells=False)
    return write_experiment(tmp_path_factory.mktemp("runs"), ["sham", "cci", "cci_bmsc"], range(6), plan)


@pytest.fixture(scope="module")
def groups(folder: Path) -> RunGroups:
    return group_runs(folder)


@given(text=CLAIM)
@settings(max_examples=40)
def test_any_claim_has_a_verdict(text: str, groups: RunGroups) -> None:
    """No warning, no exception; numbers where there is a verdict, a reason where there is none."""
    condition, faults = check_claim(text, EXPERIMENT.arms)
    assert condition is not None, (text, [fault.message for fault in faults])
    claim = CheckedClaim(Claim(id="c", says="x", test=text[:2000], source=("JCI15",)), condition)
    (result,) = evaluate_claims([claim], groups)
    for comparison in result.comparisons:
        if comparison.verdict is Verdict.UNEVALUABLE:
            assert comparison.reason
            continue
        assert not np.isnan(comparison.left).any() and not np.isnan(comparison.right).any()
        if comparison.effect is not None:
            assert np.isfinite(comparison.effect.mean)
            assert not comparison.effect.low > comparison.effect.high


# ---------------------------------------------------------------------------------------- positions

LETTERS = st.sampled_from(
    ["threshold", "(", ")", "'", "''", ",", " ", "  ", "\n", "at", "=", "5", "d", "é", "#x", ":"]
)


@given(st.lists(LETTERS, min_size=1, max_size=20).map("".join), st.sampled_from("'\"|>p"), st.data())
@settings(max_examples=300)
def test_a_position_is_that_character_or_the_start(text: str, style: str, data: st.DataObject) -> None:
    """In every style of YAML: either the very character, or honestly the start of the text."""
    match style:
        case "'":
            written = "'" + text.replace("'", "''").replace("\n", "\n\n  ") + "'"
        case '"':
            written = '"' + text.replace("\n", "\n\n  ") + '"'
        case "p":
            written = " ".join(text.split())
        case _:
            written = style + "\n" + "".join(f"  {line}\n" for line in text.splitlines())
    source = f"a: 1\ntest: {written}\n"
    try:
        document = parse_text(source, "f", None, [])
    except UnreadableError:
        return
    node = document.entries.get("test") if isinstance(document, MapNode) else None
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str) or not node.text:
        return
    at = data.draw(st.integers(0, len(node.text) - 1))
    mark = mark_in(node, at)
    assert mark.line >= 2
    if (mark.line, mark.column) != (node.mark.line, node.mark.column) and not node.text[at].isspace():
        assert source.splitlines()[mark.line - 1][mark.column - 1] == node.text[at]
