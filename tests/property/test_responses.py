"""What must hold for any response, without knowing its formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.compiled_response import kernel_values, response

scales = st.floats(1e-2, 1e2)
powers = st.sampled_from([0.5, 1.0, 1.5, 2.0, 4.0])
levels = st.lists(st.floats(0.0, 1e4), min_size=2, max_size=8).map(sorted)
other = st.floats(0.0, 1e3)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A response between 1 and 5 whose `own a` only raises, `own b` only lowers, `own c` only brakes."""
    joint = draw(st.sampled_from([None, 2.0]))

    def term(signal: str, to: float) -> dict[str, Any]:
        power = {} if joint else {"hill_power": draw(powers)}
        return {"signal": signal, "to": to, "half_max": draw(scales), **power}

    return {
        "base": 2.0,
        "increases": [term("own a", 5.0), term("own d", 5.0)],
        "decreases": [term("own b", 1.0)],
        "brakes": [{"signal": "own c", "half_max": draw(scales)}],
        "divided_by": draw(st.sampled_from([[], [{"signal": "own c", "half_max": 3.0}]])),
        "joint_power": joint,
    }


def course(rule: dict[str, Any], signal: str, values: list[float], **held: float) -> np.ndarray:
    fixed = {f"own {name}": value for name, value in held.items()}
    return np.array(kernel_values(response(**rule), [{**fixed, signal: value} for value in values]))


@given(rules(), levels, other, other, other)
@settings(max_examples=40)
def test_an_increasing_signal_never_lowers(
    rule: dict[str, Any], values: list[float], b: float, c: float, d: float
) -> None:
    assert np.all(np.diff(course(rule, "own a", values, b=b, c=c, d=d)) >= -1e-12)


@given(rules(), levels, other, other, other)
@settings(max_examples=40)
def test_a_decreasing_signal_never_raises(
    rule: dict[str, Any], values: list[float], a: float, c: float, d: float
) -> None:
    assert np.all(np.diff(course(rule, "own b", values, a=a, c=c, d=d)) <= 1e-12)


@given(rules(), levels, other, other, other)
@settings(max_examples=40)
def test_a_brake_never_raises(
    rule: dict[str, Any], values: list[float], a: float, b: float, d: float
) -> None:
    assert np.all(np.diff(course(rule, "own c", values, a=a, b=b, d=d)) <= 1e-12)


@given(rules(), st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
@settings(max_examples=40)
def test_values_stay_between_base_and_limits(rule: dict[str, Any], signals: list[float]) -> None:
    rule = {**rule, "divided_by": []}
    (got,) = kernel_values(
        response(**rule), [dict(zip(("own a", "own b", "own c", "own d"), signals, strict=True))]
    )
    assert 1.0 - 1e-12 <= got <= 5.0 + 1e-12


@given(rules(), other, other, other)
@settings(max_examples=40)
def test_lowering_wins_at_saturation(rule: dict[str, Any], a: float, c: float, d: float) -> None:
    """PhysiCell's convention: with both sides saturated the lower limit holds."""
    rule = {**rule, "divided_by": []}
    for got in course(rule, "own b", [np.inf], a=a, c=c, d=d):
        assert got == 1.0


@given(rules(), st.permutations([0, 1]), other, other, other, other)
@settings(max_examples=40)
def test_the_order_of_terms_does_not_matter(
    rule: dict[str, Any], order: list[int], a: float, b: float, c: float, d: float
) -> None:
    turned = {**rule, "increases": [rule["increases"][i] for i in order]}
    np.testing.assert_allclose(
        course(rule, "own a", [a], b=b, c=c, d=d), course(turned, "own a", [a], b=b, c=c, d=d), rtol=1e-14
    )


@given(rules(), scales, other, other, other, other)
@settings(max_examples=40)
def test_only_the_ratio_of_signal_and_half_max_matters(
    rule: dict[str, Any], unit: float, a: float, b: float, c: float, d: float
) -> None:
    """The absolute scale of concentrations is free: scale signals and half-maxima, nothing changes."""

    def scaled(terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**term, "half_max": term["half_max"] * unit} for term in terms]

    sides = ("increases", "decreases", "brakes", "divided_by")
    other_unit = {**rule, **{side: scaled(rule[side]) for side in sides}}
    want = course(rule, "own a", [a], b=b, c=c, d=d)
    got = course(other_unit, "own a", [a * unit], b=b * unit, c=c * unit, d=d * unit)
    np.testing.assert_allclose(got, want, rtol=1e-10)
