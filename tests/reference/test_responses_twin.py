"""The compiled response tables and their kernel against the readable twin, and PhysiCell's own figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.scenario.schema.responses import Response
from tests.reference.compiled_response import BASELINES, FIELDS, OWN, kernel_value, kernel_values, response
from tests.reference.responses import response_value

# --------------------------------------------------------------------------------- random responses

amounts = st.floats(-10.0, 10.0)
scales = st.floats(1e-3, 1e3)
powers = st.sampled_from([1.0, 2.0, 0.5, 1.5, 4.0, 8.0])
names = st.sampled_from([*OWN, *FIELDS])
tame = st.sampled_from([*OWN[:3], "X"])  # proportional terms have no bound: no infinity for them
hill = st.fixed_dictionaries({"signal": names, "half_max": scales, "hill_power": powers})
joint_hill = st.fixed_dictionaries({"signal": names, "half_max": scales})
maybe_above = st.booleans()


@st.composite
def sides(draw: st.DrawFn, term: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
    """No term, up to three Hill terms, or one linear term; one limit for all."""
    limit = draw(amounts)
    kind = draw(st.sampled_from(["none", "hill", "hill", "linear"]))
    if kind == "none":
        return []
    if kind == "linear":
        return [{"signal": draw(names), "full": draw(scales), "to": limit}]
    found = draw(st.lists(term, min_size=1, max_size=3))
    return [{**t, "to": limit, "above_baseline": draw(maybe_above)} for t in found]


adding = st.one_of(
    st.fixed_dictionaries({"signal": tame, "amount": amounts, "per": scales}),
    st.builds(
        lambda t, amount, above: {**t, "amount": amount, "above_baseline": above}, hill, amounts, maybe_above
    ),
)
factor = st.one_of(
    st.fixed_dictionaries({"signal": tame}),
    st.fixed_dictionaries({"signal": tame, "per": scales}),
    st.fixed_dictionaries({"signal": tame, "limit": scales}),
    hill,
)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    joint = draw(st.sampled_from([None, None, 1.0, 2.0, 3.5]))
    term = hill if joint is None else joint_hill
    return response(
        base=draw(st.floats(0.0, 10.0)),
        adds=draw(st.lists(adding, max_size=3)),
        increases=draw(sides(term)),
        decreases=draw(sides(term)),
        brakes=draw(st.lists(joint_hill, max_size=2)),
        joint_power=joint,
        times=draw(st.lists(factor, max_size=2)),
        divided_by=draw(st.lists(hill, max_size=2)),
    )


ordinary = st.floats(0.0, 1e4)
tame_values = st.one_of(ordinary, st.floats(-1e4, 0.0))
wild_values = st.one_of(tame_values, st.sampled_from([0.0, 1e-300, 1e300, np.inf]))
readings = st.fixed_dictionaries(
    {name: wild_values if name in ("own d", "Y") else tame_values for name in (*OWN, *FIELDS)}
)


@given(responses(), st.lists(readings, min_size=1, max_size=6))
@settings(max_examples=100)
def test_any_response_at_any_signal(rule: Response, sets: list[dict[str, float]]) -> None:
    for got, signals in zip(kernel_values(rule, sets), sets, strict=True):
        want = response_value(rule, signals, BASELINES)
        # Proportional terms may be large and cancel: a tolerance for the product of three of them.
        largest = 1.0 + max(abs(value) for value in signals.values() if abs(value) < 1e5) ** 3
        assert np.isfinite(want)
        assert got == pytest.approx(want, rel=1e-12, abs=1e-14 * largest)


# ------------------------------------------------------------------------------- PhysiCell's figures

CYCLE_ENTRY = response(
    base=3.333e-5,
    increases=[{"signal": "own a", "to": 0.003333, "half_max": 21.5, "hill_power": 4}],
    decreases=[{"signal": "own b", "to": 0, "half_max": 1, "hill_power": 4}],
)
NON_MONOTONE = response(
    base=0,
    increases=[{"signal": "own a", "to": 1, "half_max": 0.1, "hill_power": 4}],
    decreases=[{"signal": "own a", "to": 0, "half_max": 1, "hill_power": 4}],
)


@pytest.mark.parametrize(
    ("oxygen", "pressure", "want"),
    [
        (38, 0, 3.0262948492e-03),
        (38, 0.5, 2.8482775052e-03),
        (38, 1, 1.5131474246e-03),
        (21.5, 0, 1.683165e-03),
        (5, 0, 4.2953393134e-05),
        (0, 0, 3.333e-05),
    ],
)
def test_cycle_entry_of_physicell(oxygen: float, pressure: float, want: float) -> None:
    """Figures of PhysiCell 1.14.2 (doi:10.1016/j.cell.2025.06.048), to the digits it prints."""
    assert kernel_value(CYCLE_ENTRY, {"own a": oxygen, "own b": pressure}) == pytest.approx(want, rel=5e-11)


@pytest.mark.parametrize(("s", "want"), [(0.1, 0.499950), (0.3, 0.979868), (1.0, 0.499950), (3.0, 0.012195)])
def test_one_signal_may_raise_and_lower(s: float, want: float) -> None:
    assert kernel_value(NON_MONOTONE, {"own a": s}) == pytest.approx(want, abs=5e-7)


def test_two_signals_at_half_max_give_two_thirds() -> None:
    rule = response(
        base=0,
        increases=[
            {"signal": "own a", "to": 1, "half_max": 4, "hill_power": 3},
            {"signal": "own b", "to": 1, "half_max": 7},
        ],
    )
    assert kernel_value(rule, {"own a": 4, "own b": 7}) == pytest.approx(2 / 3, rel=1e-15)


def test_increase_to_below_the_base() -> None:
    """As PhysiCell computes it; the scenario's checks refuse it."""
    rule = response(base=1.0, increases=[{"signal": "own a", "to": 0.2, "half_max": 5}])
    assert kernel_value(rule, {"own a": 5}) == pytest.approx(0.6, rel=1e-15)


def test_hill_value_beyond_half_max() -> None:
    rule = response(increases=[{"signal": "own a", "to": 1, "half_max": 0.5, "hill_power": 3}])
    assert kernel_value(rule, {"own a": 1.0}) == pytest.approx(0.8888888889, abs=5e-11)


# ------------------------------------------------------------------------------------ single parts


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0, 10.0])
def test_half_effect_at_half_max(power: float) -> None:
    rule = response(base=2, increases=[{"signal": "own a", "to": 10, "half_max": 3.7, "hill_power": power}])
    assert kernel_value(rule, {"own a": 3.7}) == pytest.approx(6.0, rel=1e-15)


def test_brake_moves_the_half_max() -> None:
    """H = S/(S + 1 + b/k): with the brake at its half-max twice the signal is needed."""
    rule = response(
        increases=[{"signal": "own a", "to": 1, "half_max": 3}], brakes=[{"signal": "own b", "half_max": 5}]
    )
    assert kernel_value(rule, {"own a": 6, "own b": 5}) == pytest.approx(0.5, rel=1e-15)
    assert kernel_value(rule, {"own a": 1e12, "own b": 5}) == pytest.approx(1.0, rel=1e-11)
    assert kernel_value(rule, {"own a": 3, "own b": np.inf}) == 0.0


def test_joint_power_acts_on_the_sum() -> None:
    """Activation of microglia: (s1 + s2)^2 / ((s1 + s2)^2 + (1 + b)^2)."""
    rule = response(
        joint_power=2,
        increases=[{"signal": s, "to": 1, "half_max": 1} for s in ("own a", "own b")],
        brakes=[{"signal": "own c", "half_max": 1}],
    )
    got = kernel_value(rule, {"own a": 0.3, "own b": 0.5, "own c": 1.0})
    assert got == pytest.approx(0.8**2 / (0.8**2 + 2.0**2), rel=1e-14)


def test_joint_power_acts_on_either_side() -> None:
    rule = response(
        base=1, joint_power=2, decreases=[{"signal": s, "to": 0, "half_max": 1} for s in ("own a", "own b")]
    )
    assert kernel_value(rule, {"own a": 1.0, "own b": 2.0}) == pytest.approx(1 - 9 / 10, rel=1e-14)


def test_above_baseline_does_nothing_at_the_baseline() -> None:
    term = {"signal": "X", "to": 0.25, "half_max": 700, "hill_power": 2, "above_baseline": True}
    rule = response(base=1, decreases=[term])
    assert kernel_value(rule, {"X": 50.0}) == 1.0
    assert kernel_value(rule, {"X": 20.0}) == 1.0
    assert kernel_value(rule, {"X": np.inf}) == pytest.approx(0.25, rel=1e-15)
    rest = 50**2 / (50**2 + 700**2)
    want = 1 - 0.75 * (0.5 - rest) / (1 - rest)
    assert kernel_value(rule, {"X": 700.0}) == pytest.approx(want, rel=1e-14)


def test_above_baseline_of_one_term_leaves_the_others_alone() -> None:
    rule = response(
        increases=[
            {"signal": "X", "to": 1, "half_max": 100, "above_baseline": True},
            {"signal": "Y", "to": 1, "half_max": 10},
        ]
    )
    assert kernel_value(rule, {"X": 50.0, "Y": 0.0}) == 0.0
    rest = 0.5 / 1.5
    assert kernel_value(rule, {"X": 50.0, "Y": 3.0}) == pytest.approx(
        (0.8 / 1.8 - rest) / (1 - rest), rel=1e-14
    )


@pytest.mark.parametrize(("s", "want"), [(-3.0, 1.0), (0.0, 1.0), (0.25, 0.9), (1.0, 0.6), (7.0, 0.6)])
def test_full_is_linear_then_flat(s: float, want: float) -> None:
    rule = response(base=1, decreases=[{"signal": "own a", "to": 0.6, "full": 1}])
    assert kernel_value(rule, {"own a": s}) == pytest.approx(want, rel=1e-15)


@pytest.mark.parametrize(("s", "want"), [(-4.0, 2.0), (0.0, 1.0), (1.0, 0.75), (4.0, 0.0), (9.0, 0.0)])
def test_limit_is_a_cap(s: float, want: float) -> None:
    rule = response(base=1, times=[{"signal": "own a", "limit": 4}])
    assert kernel_value(rule, {"own a": s}) == pytest.approx(want, abs=1e-15)


def test_per_is_proportional() -> None:
    rule = response(base=1, adds=[{"signal": "own a", "amount": 3, "per": 2}])
    assert kernel_value(rule, {"own a": 5.0}) == pytest.approx(8.5, rel=1e-15)
    rule = response(base=2, times=[{"signal": "own a", "per": 4}])
    assert kernel_value(rule, {"own a": 6.0}) == pytest.approx(3.0, rel=1e-15)


@pytest.mark.parametrize(
    "parts",
    [
        {"increases": [{"signal": "own a", "to": 1, "half_max": 2}]},
        {"base": 1, "decreases": [{"signal": "own a", "to": 0, "half_max": 2}]},
        {"increases": [{"signal": "own a", "to": 1, "full": 2}]},
        {"adds": [{"signal": "own a", "amount": 1, "half_max": 2}]},
        {"base": 1, "times": [{"signal": "own a", "limit": 4}]},
        {"base": 1, "times": [{"signal": "own a", "half_max": 4}]},
        {"base": 1, "divided_by": [{"signal": "own a", "half_max": 4}]},
        {
            "increases": [{"signal": "own b", "to": 1, "half_max": 2}],
            "brakes": [{"signal": "own a", "half_max": 1}],
        },
    ],
)
def test_not_a_number_is_never_hidden(parts: dict[str, Any]) -> None:
    """A signal that is not a number must not turn into an innocent value."""
    assert np.isnan(kernel_value(response(**parts), {"own a": np.nan, "own b": 1.0}))
