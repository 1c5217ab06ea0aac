"""Edges of the field solver: faults, flags, counters, coefficients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.kernels.diffusion import (
    BAD_RESERVOIR,
    MESSAGES,
    NEGATIVE,
    NOT_FINITE,
    OK,
    REDONE,
    START_UPS,
    advance,
    advance_parallel,
    new_workspace,
)
from abm.kernels.diffusion_positive import count_substeps
from abm.kernels.diffusion_sweeps import UNDERFLOW
from abm.kernels.field_factors import build_factors, count_stable_substeps, refresh_factors
from abm.kernels.field_system import (
    Reservoirs,
    face_conductances,
    field_system,
    fixed_value_rate,
    new_budget,
    no_reservoirs,
    permeable_face_rate,
)
from abm.kernels.reservoirs import phi1, phi2

Floats = NDArray[np.float64]


class Solver:
    """Two fields on 6 x 5 voxels, diffusing and decaying."""

    def __init__(self, parallel: bool = False, reservoirs: Reservoirs | None = None) -> None:
        exchange = (np.array([7]), np.array([0]), np.full((2, 1), 2.0)) if reservoirs else None
        self.system = field_system(
            np.array([600.0, 1800.0]),
            np.array([0.01, 0.1]),
            (20.0, 20.0, 20.0),
            (1, 5, 6),
            800.0,
            exchange=exchange,
        )
        self.reservoirs = reservoirs or no_reservoirs(2)
        self.c = np.ones((2, 1, 5, 6))
        self.source = np.zeros_like(self.c)
        self.counters = np.zeros((2, 2), np.int64)
        self.restart = np.zeros(2, np.bool_)
        n_res = len(self.reservoirs.volume)
        self.budget = new_budget(self.c, n_res, 800.0)
        self.work = new_workspace(self.system, n_res, parallel)
        self.kernel = advance_parallel if parallel else advance

    def run(self, steps: tuple[int, int] = (1, 1), dt: float = 0.5) -> tuple[int, int, int]:
        factors = build_factors(self.system, self.reservoirs, dt)
        status = self.kernel(
            self.c,
            self.source,
            self.system,
            factors,
            self.reservoirs,
            np.array(steps),
            self.restart,
            self.budget,
            self.counters,
            self.work,
        )
        code, field, index = status
        return int(code), int(field), int(index)


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize(
    ("value", "code"),
    [(np.nan, NOT_FINITE), (np.inf, NOT_FINITE), (-np.inf, NOT_FINITE), (-1e-30, NEGATIVE)],
)
def test_wrong_concentration_is_refused(value: float, code: int, parallel: bool) -> None:
    solver = Solver(parallel)
    solver.c[1, 0, 2, 3] = value
    assert solver.run((2, 2)) == (code, 1, 2 * 6 + 3)
    assert code in MESSAGES


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_source_that_is_no_number_is_refused(value: float, parallel: bool) -> None:
    solver = Solver(parallel)
    solver.source[0, 0, 4, 5] = value
    code, field, _ = solver.run((3, 3))
    assert (code, field) == (NOT_FINITE, 0)
    # The field stands where it was before the faulty step.
    np.testing.assert_array_equal(solver.c[0], 1.0)


@pytest.mark.parametrize("parallel", [False, True])
def test_sink_that_takes_more_than_there_is_is_refused(parallel: bool) -> None:
    """A negative source empties a voxel in the fourth step; three good steps are kept."""
    solver, three = Solver(parallel), Solver(parallel)
    for s in (solver, three):
        s.source[1, 0, 2, 2] = -5.0
    good = 0
    while three.run((0, 1))[0] == OK:
        good += 1
    assert good >= 1
    code, field, index = solver.run((0, good + 3))
    assert (code, field, index) == (NEGATIVE, 1, 2 * 6 + 2)
    assert solver.counters[1, REDONE] == 1
    np.testing.assert_array_equal(solver.c, three.c)


@pytest.mark.parametrize("parallel", [False, True])
def test_reservoir_that_would_become_negative_is_refused(parallel: bool) -> None:
    """A production of less than nothing in the reservoir."""
    reservoirs = Reservoirs(np.ones((1, 2)), np.array([1e5]), np.zeros((1, 2)), np.array([[0.0, -50.0]]), 1.0)
    assert Solver(parallel, reservoirs).run((1, 1)) == (BAD_RESERVOIR, 1, 0)


def test_small_reservoir_is_saved_by_substeps() -> None:
    """One as small as a voxel: the Douglas step would overdraw it, sub-steps do not."""
    reservoirs = Reservoirs(np.full((1, 2), 10.0), np.array([400.0]), np.zeros((1, 2)), np.zeros((1, 2)), 1.0)
    solver = Solver(reservoirs=reservoirs)
    start = reservoirs.c * 400e-9 + solver.budget.initial
    solver.run((4, 4), dt=2.0)
    assert (reservoirs.c >= 0.0).all()
    lost = solver.budget.decayed
    np.testing.assert_allclose(reservoirs.c[0] * 400e-9 + solver.budget.amount + lost, start[0], rtol=1e-12)


@pytest.mark.parametrize("parallel", [False, True])
def test_fields_take_their_own_number_of_steps(parallel: bool) -> None:
    both, alone = Solver(parallel), Solver(parallel)
    for solver in (both, alone):
        solver.source[:, 0, 1, 1] = 3.0
    both.run((3, 0))
    for _ in range(3):
        alone.run((1, 0))
    np.testing.assert_array_equal(both.c, alone.c)
    np.testing.assert_array_equal(both.c[1], 1.0)
    assert both.budget.sourced[1] == 0.0
    assert both.budget.decayed[1] == 0.0


@pytest.mark.parametrize("parallel", [False, True])
def test_restart_is_per_field_and_used_once(parallel: bool) -> None:
    solver = Solver(parallel)
    solver.restart[:] = True
    solver.run((2, 0))
    assert solver.restart.tolist() == [False, True]
    assert solver.counters[:, START_UPS].tolist() == [1, 0]
    solver.run((2, 2))
    assert solver.restart.tolist() == [False, False]
    assert solver.counters[:, START_UPS].tolist() == [1, 1]


def test_uptake_changes_only_the_fields_asked_for() -> None:
    """Refreshing in place equals building anew, and leaves the other field alone."""
    rng = np.random.default_rng(0)
    system = Solver().system._replace(uptake=np.zeros((2, 1, 5, 6)))
    reservoirs = no_reservoirs(2)
    factors = build_factors(system, reservoirs, 0.5)
    before = [a.copy() for a in factors]
    system.uptake[:] = rng.random(system.uptake.shape)
    refresh_factors(system, reservoirs, factors, np.array([False, True]))
    fresh = build_factors(system, reservoirs, 0.5)
    for name in ("loss", "x", "y_cp", "y_w"):
        mine = getattr(factors, name)
        np.testing.assert_array_equal(mine[1], getattr(fresh, name)[1])
        np.testing.assert_array_equal(mine[0], before[factors._fields.index(name)][0])
        assert not np.array_equal(mine[1], before[factors._fields.index(name)][1])


def test_field_that_decays_away_becomes_zero() -> None:
    """After some thousand half-lives: zero, not a cloud of subnormal numbers; no endless redoing."""
    system = field_system(np.array([600.0]), np.array([1.0]), (20.0,) * 3, (1, 16, 16), 800.0)
    reservoirs = no_reservoirs(1)
    c = np.zeros((1, 1, 16, 16))
    c[0, 0, 8, 8] = 1e3
    budget, counters = new_budget(c, 0, 800.0), np.zeros((1, 2), np.int64)
    factors, work = build_factors(system, reservoirs, 0.5), new_workspace(system, 0)
    restart = np.array([True])
    steps = np.array([3000])
    status = advance(c, np.zeros_like(c), system, factors, reservoirs, steps, restart, budget, counters, work)
    assert status == (OK, 0, 0)
    assert (c == 0.0).all()
    assert counters[0, REDONE] < 30
    assert 0.0 < UNDERFLOW < 1e-200
    assert budget.decayed[0] == pytest.approx(budget.initial[0], rel=1e-12)


def test_faces_use_the_harmonic_mean_and_close_at_walls() -> None:
    d = np.array([4.0, 4.0, 12.0, 0.0]).reshape(1, 1, 1, 4)
    kx, ky, kz = face_conductances(d, (2.0, 1.0, 1.0))
    np.testing.assert_allclose(kx.ravel(), [1.0, 1.5, 0.0, 0.0])
    assert not ky.any() and not kz.any()
    tissue = np.array([True, False, True, True]).reshape(1, 1, 4)
    assert not face_conductances(d, (2.0, 1.0, 1.0), tissue)[0].any()


def test_face_rates() -> None:
    """A very permeable face is a held one; an impermeable face or tissue lets nothing through."""
    assert fixed_value_rate(50.0, 20.0) == pytest.approx(0.25)
    assert permeable_face_rate(50.0, 2.0, 20.0) == pytest.approx(1 / (1 / 2.0 + 20.0 / 100.0) / 20.0)
    assert permeable_face_rate(50.0, 1e12, 20.0) == pytest.approx(0.25)
    assert permeable_face_rate(50.0, 0.0, 20.0) == 0.0
    np.testing.assert_array_equal(permeable_face_rate([0.0, 0.0], [0.0, 5.0], 20.0), [0.0, 0.0])


@pytest.mark.parametrize("x", [0.0, 1e-14, 1e-9, 1e-4, 0.1, 0.499, 0.501, 3.0, 700.0, 1e6])
def test_exponential_means(x: float) -> None:
    """Against Taylor sums in exact rationals where they converge, else against the plain formula."""
    if x < 1.0:
        one = math.fsum((-x) ** k / math.factorial(k + 1) for k in range(30))
        two = math.fsum((-x) ** k / math.factorial(k + 2) for k in range(30))
    else:
        one, two = (1 - math.exp(-x)) / x, (x - 1 + math.exp(-x)) / x**2
    assert phi1(x) == pytest.approx(one, rel=2e-15)
    assert phi2(x) == pytest.approx(two, rel=2e-15)


def test_positive_scheme_follows_the_fastest_rate_within_bounds() -> None:
    assert [count_substeps(x) for x in (0.0, 8.0, 8.1, 30.0, 1e9)] == [8, 8, 9, 30, 64]


def test_only_divided_3d_tissue_needs_smaller_steps() -> None:
    dt = np.array([1.0])
    box = (6000.0 * np.ones(1), np.zeros(1), (20.0,) * 3)
    wall = np.ones((4, 5, 6), np.bool_)
    wall[2, 2, 2] = False
    assert count_stable_substeps(field_system(*box, (4, 5, 6), 800.0), dt).tolist() == [1]
    assert count_stable_substeps(field_system(*box, (4, 5, 6), 800.0, wall), dt).tolist() == [8]
    assert count_stable_substeps(field_system(*box, (1, 5, 6), 800.0, wall[2:3]), dt).tolist() == [1]


def test_budget_keeps_apart_what_it_books() -> None:
    """Closed forms for one step of a uniform field: each share is rate times effective concentration."""
    system = field_system(
        np.array([600.0]),
        np.array([0.2]),
        (20.0,) * 3,
        (1, 3, 4),
        800.0,
        uptake=np.full((1, 1, 3, 4), 0.6),
    )
    reservoirs = no_reservoirs(1)
    c = np.full((1, 1, 3, 4), 5.0)
    source = np.full_like(c, 2.0)
    budget = new_budget(c, 0, 800.0)
    work = new_workspace(system, 0)
    advance(
        c,
        source,
        system,
        build_factors(system, reservoirs, 0.5),
        reservoirs,
        np.array([1]),
        np.array([False]),
        budget,
        np.zeros((1, 2), np.int64),
        work,
    )
    half = 1.0 + 0.25 * 0.4
    first = 0.5 * (2.0 - 0.8 * 5.0) / half
    last = first / half
    effective = 5.0 + 0.25 * (first + last)
    to_fg = 12 * 800.0 * 1e-9
    assert c[0, 0, 1, 1] == pytest.approx(5.0 + last, rel=1e-14)
    assert budget.sourced[0] == pytest.approx(0.5 * 2.0 * to_fg, rel=1e-14)
    assert budget.decayed[0] == pytest.approx(0.5 * 0.2 * effective * to_fg, rel=1e-14)
    assert budget.taken_up[0] == pytest.approx(0.5 * 0.6 * effective * to_fg, rel=1e-14)
    assert budget.amount[0] == pytest.approx((5.0 + last) * to_fg, rel=1e-14)
