"""Cell variables follow the exact solutions of their equations, whatever the step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from abm.kernels.kinetics import advance_variables
from abm.state.cells import CellArrays, empty_cells
from abm.state.kinds import VariableKind
from abm.state.tables import Variables

KINDS = list(VariableKind)
RELAXING, ACCUMULATING = (KINDS.index(k) for k in (VariableKind.RELAXING, VariableKind.ACCUMULATING))


def kinetics(rise: float, fall: float) -> Variables:
    """One type with one variable of each kind, in the order of `KINDS`, and an unused slot."""
    kinds = np.array([[*(int(k) for k in KINDS), -1]])
    ones = np.ones(kinds.shape)
    return Variables(kinds, ones * rise, ones * fall, np.zeros(kinds.shape))


def one_cell(value: float) -> CellArrays:
    cells = empty_cells(1, len(KINDS) + 1)
    cells.variables[:] = value
    return cells


def moved(
    value: float, pull: float, dt: float, n: int = 1, rise: float = 7.0, fall: float = 40.0
) -> np.ndarray:
    """Variables of one cell after `n` equal steps that make up `dt`."""
    cells = one_cell(value)
    drift = np.full(cells.variables.shape, pull)
    for _ in range(n):
        assert advance_variables(cells, kinetics(rise, fall), drift, dt / n) == (-1, -1)
    return cells.variables[0]


@pytest.mark.parametrize(("value", "pull"), [(0.2, 0.9), (0.9, 0.2), (0.5, 0.5), (-1.0, 3.0), (2.0, -1.0)])
@pytest.mark.parametrize("dt", [0.1, 10.0, 500.0])
def test_relaxing_rises_and_falls(value: float, pull: float, dt: float) -> None:
    tau = 7.0 if pull > value else 40.0
    exact = solve_ivp(lambda _, v: (pull - v) / tau, (0, dt), [value], rtol=1e-11, atol=1e-13).y[0, -1]
    assert moved(value, pull, dt)[RELAXING] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("gain", [0.0, 1e-3, 0.3, 20.0])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("dt", [0.1, 10.0, 500.0])
def test_accumulating_gains_and_loses(gain: float, value: float, dt: float) -> None:
    exact = solve_ivp(
        lambda _, v: gain * (1.0 - v) - v / 40.0, (0, dt), [value], method="Radau", rtol=1e-10, atol=1e-13
    ).y[0, -1]
    assert moved(value, gain, dt)[ACCUMULATING] == pytest.approx(exact, abs=1e-8)


@given(
    st.floats(0.0, 1.0), st.floats(0.0, 5.0), st.floats(1e-3, 1e4), st.floats(1e-2, 1e4), st.floats(1e-2, 1e4)
)
def test_steps_add_up(value: float, pull: float, dt: float, rise: float, fall: float) -> None:
    """One long step or 13 short ones: the same, as every step is exact."""
    once, often = moved(value, pull, dt, 1, rise, fall), moved(value, pull, dt, 13, rise, fall)
    np.testing.assert_allclose(often, once, rtol=1e-9, atol=1e-12)


@given(st.floats(0.0, 1.0), st.floats(0.0, 100.0), st.floats(1e-3, 1e5))
def test_accumulating_stays_between_zero_and_one(value: float, gain: float, dt: float) -> None:
    assert -1e-15 <= moved(value, gain, dt)[ACCUMULATING] <= 1.0 + 1e-15


@given(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(1e-3, 1e5))
def test_relaxing_never_overshoots(value: float, target: float, dt: float) -> None:
    cells = one_cell(value)
    drift = np.zeros(cells.variables.shape)
    drift[0, RELAXING] = target
    assert advance_variables(cells, kinetics(7.0, 40.0), drift, dt) == (-1, -1)
    got = cells.variables[0, RELAXING]
    slack = 1e-12 * (abs(value) + abs(target))
    assert min(value, target) - slack <= got <= max(value, target) + slack


def test_instant_constant_and_unused_slots_keep_their_value() -> None:
    others = [i for i in range(len(KINDS) + 1) if i not in (RELAXING, ACCUMULATING)]
    np.testing.assert_array_equal(moved(0.25, 0.9, 30.0)[others], 0.25)


@pytest.mark.parametrize(("place", "dead"), [(1, 0), (0, 1)])
def test_waiting_and_dead_cells_stand_still(place: int, dead: int) -> None:
    cells = one_cell(0.25)
    cells.place[:], cells.dead[:] = place, dead
    assert advance_variables(cells, kinetics(7.0, 40.0), np.full(cells.variables.shape, 0.9), 30.0) == (
        -1,
        -1,
    )
    np.testing.assert_array_equal(cells.variables, 0.25)


@pytest.mark.parametrize("slot", range(len(KINDS) + 1))
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_found(slot: int, wrong: float) -> None:
    cells = one_cell(0.25)
    cells.variables[0, slot] = wrong
    drift = np.full(cells.variables.shape, 0.9)
    assert advance_variables(cells, kinetics(7.0, 40.0), drift, 30.0) == (0, slot)


@pytest.mark.parametrize("gain", [-1 / 40, -0.0249, -0.0251])
def test_a_negative_gain_that_cancels_the_loss(gain: float) -> None:
    """dV/dt = g (1 - V) - V / tau with g = -1 / tau is a straight line."""
    exact = solve_ivp(lambda _, v: gain * (1.0 - v) - v / 40.0, (0, 10), [0.3], rtol=1e-12, atol=1e-14)
    assert moved(0.3, gain, 10.0)[ACCUMULATING] == pytest.approx(exact.y[0, -1], rel=1e-10)
