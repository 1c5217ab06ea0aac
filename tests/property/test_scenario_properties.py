"""Properties that hold for any input: nothing but a `ScenarioError`, exact round trips, laws of merging."""

from __future__ import annotations

import re
import string
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abm.compile.geometry import mask, weight
from abm.errors import Fault, ScenarioError, UnitError
from abm.scenario.emit import emit
from abm.scenario.explain import as_text, explain
from abm.scenario.load import load_experiment, load_experiment_text
from abm.scenario.merge import merge
from abm.scenario.nodes import MapNode, plain
from abm.scenario.read import UnreadableError, parse_text
from abm.scenario.schema import Shape
from abm.scenario.signals import UnknownSignalError, parse_signal
from abm.scenario.vocabulary import Vocabulary
from abm.state.grid import Grid
from abm.units import DIMENSIONS, UNITS, parse, to_internal

GOOD = Path(__file__).resolve().parents[1] / "data" / "faulty" / "good.yaml"


@cache
def lines() -> tuple[str, ...]:
    """A whole resolved scenario, so that a change anywhere meets everything."""
    return tuple(load_experiment(GOOD).text.splitlines())


def faults_of(text: str) -> tuple[Fault, ...]:
    """Faults of a text; anything but a `ScenarioError` is a defect and passes through."""
    try:
        load_experiment_text(text, "fuzz")
    except ScenarioError as error:
        return error.faults
    return ()


def is_sound(text: str) -> bool:
    """Whether a text without faults can be explained, and its resolved text loads as the same experiment."""
    experiment = load_experiment_text(text, "fuzz")
    again = load_experiment_text(experiment.text, "again")
    return bool(as_text(explain(experiment))) and again == experiment and again.text == experiment.text


TOKENS = [
    *(
        "null",
        "-1",
        "0",
        "1e400",
        ".nan",
        "[]",
        "{}",
        "[1, 2]",
        "{a: 1}",
        "true",
        "'x'",
        "5 um",
        "1 nM",
        "3 /h",
    ),
    *(
        "*a",
        "&a 1",
        "!t x",
        "IL-1b",
        "own fast",
        "1e308 mm",
        "1e-300 um",
        "99999999999999999999",
        "\t",
        "'",
        '"',
    ),
    *(
        "µ",
        "0 d",
        "{value: 3}",
        "{value: 3 um, low: 1 um}",
        "[[1 um, 2 um]]",
        "<<",
        "? x",
        "- ",
        "#",
        "---",
        ":",
    ),
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The scenario with some lines cut, moved, doubled or with a word replaced."""
    text = list(lines())
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(text) - 1))
        match draw(st.sampled_from(["cut", "double", "indent", "token", "token", "token"])):
            case "cut":
                del text[i]
            case "double":
                text.insert(i, text[draw(st.integers(0, len(text) - 1))])
            case "indent":
                text[i] = " " * draw(st.integers(1, 4)) + text[i]
            case _:
                parts = re.split(r"([:,{}\[\]] ?)", text[i])
                parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(TOKENS))
                text[i] = "".join(parts)
    return "\n".join(text)


@settings(max_examples=12)
@given(damaged())
def test_a_damaged_scenario_is_refused_or_sound(text: str) -> None:
    faults = faults_of(text)
    assert all(fault.message for fault in faults)
    assert faults or is_sound(text)


@pytest.mark.slow
@settings(max_examples=300)
@given(damaged())
def test_many_damaged_scenarios_are_refused_or_sound(text: str) -> None:
    faults = faults_of(text)
    assert all(fault.message for fault in faults)
    assert faults or is_sound(text)


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_refused_with_a_fault(text: str) -> None:
    faults = faults_of(text)
    assert faults and all(fault.message for fault in faults)


@settings(max_examples=100)
@given(st.text(alphabet="abc:{}[],&*!|>'\"%@`#-? \n0123456789.~", max_size=120))
def test_yaml_like_text_is_refused_with_a_fault(text: str) -> None:
    faults = faults_of("schema_version: 1\n" + text)
    assert faults and all(fault.message for fault in faults)


# ------------------------------------------------------------------------------------------- trees

KEYS = st.text(alphabet=string.ascii_letters + "_ -.é\"'#:\\", min_size=1, max_size=8)
SCALARS = st.one_of(
    st.text(max_size=12).filter(
        lambda s: not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", s)
    ),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, TREES, min_size=1, max_size=5)


def tree(raw: dict[str, object]) -> MapNode:
    """Nodes of plain data, by way of YAML's JSON subset where it has one."""
    import json

    faults: list[Fault] = []
    try:
        node = parse_text(json.dumps(raw, ensure_ascii=False), "test", None, faults)
    except UnreadableError:
        assume(False)  # e.g. characters that YAML does not print
        raise
    assume(not faults)
    return node


@given(DOCUMENTS)
def test_emitted_text_reads_back(raw: dict[str, object]) -> None:
    node = tree(raw)
    faults: list[Fault] = []
    again = parse_text(emit(node), "again", None, faults)
    assert faults == []
    assert plain(again) == plain(node)
    assert emit(again) == emit(node)


@given(DOCUMENTS)
def test_merging_nothing_changes_nothing(raw: dict[str, object]) -> None:
    node, nothing = tree(raw), MapNode({}, {}, tree({"x": 1}).mark)
    assert plain(merge(node, nothing)) == plain(node)


FULL = st.dictionaries(
    KEYS, st.dictionaries(KEYS, st.integers() | st.lists(st.booleans()), max_size=4), max_size=4
)


@given(FULL, FULL)
def test_merging_twice_is_merging_once(base: dict[str, object], patch: dict[str, object]) -> None:
    assume(base and patch)
    one = merge(tree(base), tree(patch))
    assert plain(merge(one, tree(patch))) == plain(one)
    assert plain(merge(tree(base), one)) == plain(one)


# ---------------------------------------------------------------------------------- units and names


@given(st.sampled_from(sorted(DIMENSIONS)), st.floats(1e-6, 1e6))
def test_a_value_in_its_internal_unit_keeps_its_bits(unit: str, value: float) -> None:
    assert to_internal(f"{value!r} {unit}", unit) == value


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.integers(-3, 3).filter(bool))
def test_units_multiply(one: str, two: str, power: int) -> None:
    product, single = parse(f"1 {one} {two}^{power}"), (parse(f"1 {one}"), parse(f"1 {two}"))
    assert product.base_value == single[0].base_value * single[1].base_value ** power
    assert product.exponents == tuple(
        a + power * b for a, b in zip(single[0].exponents, single[1].exponents, strict=True)
    )


@given(st.text(max_size=30))
def test_any_text_is_a_measure_or_a_unit_error(text: str) -> None:
    try:
        measure = parse(text)
    except UnitError:
        return
    assert parse(text) == measure
    assert len(measure.exponents) == 4


NAMES = Vocabulary(
    ("A", "IL-1b"), ("c", "T"), ("site",), ("csf",), ("acute",), {"c": ("v",)}, {"c": ("p",)}, "c"
)
WORDS = [
    "own",
    "of",
    "load",
    "mean",
    "drive",
    "gradient",
    "inside",
    "level",
    "in",
    "excess",
    "contact",
    "with",
]


@given(
    st.lists(
        st.sampled_from([*WORDS, "A", "IL-1b", "c", "T", "v", "p", "site", "csf", "acute", "x"]), max_size=6
    )
)
def test_any_words_are_a_signal_or_a_refusal(words: list[str]) -> None:
    text = " ".join(words)
    try:
        signal = parse_signal(text, NAMES)
    except UnknownSignalError:
        return
    assert parse_signal(str(signal), NAMES) == signal


# ---------------------------------------------------------------------------------------- geometry

LENGTHS = st.floats(-300.0, 700.0).map(lambda x: round(x, 2))


@given(LENGTHS, LENGTHS, st.floats(1.0, 400.0), st.floats(1.0, 200.0))
def test_weight_is_a_share_and_half_at_the_border(x: float, y: float, radius: float, edge: float) -> None:
    grid = Grid((1, 20, 20), (20.0, 20.0, 20.0))
    disc = {"disc": {"center": [f"{x} um", f"{y} um"], "radius": f"{radius} um"}}
    shape = Shape.model_validate(disc)
    inside, soft = mask(shape, grid), weight(shape, grid, edge)
    assert ((soft >= 0.0) & (soft <= 1.0)).all()
    assert ((soft >= 0.5) == inside).all()
    around = weight(Shape.model_validate({"outside": disc}), grid, edge)
    np.testing.assert_allclose(soft + around, 1.0, atol=1e-12)
