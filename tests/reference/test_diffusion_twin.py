"""The field solver against a slow twin that writes every operator as a dense matrix."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from abm.kernels.diffusion import OK, REDONE, START_UPS, advance, advance_parallel, new_workspace
from abm.kernels.field_factors import build_factors
from abm.kernels.field_system import FieldSystem, Reservoirs, new_budget

VOLUME = 1600.0
FG = VOLUME * 1e-9


class Twin:
    """One field on its own, with matrices of size (n_voxel, n_voxel)."""

    def __init__(self, system: FieldSystem, reservoirs: Reservoirs, f: int) -> None:
        shape = system.decay.shape[1:]
        n = int(np.prod(shape))
        index = np.arange(n).reshape(shape)
        self.decay = system.decay[f].ravel()
        self.uptake = system.uptake[f].ravel() if system.uptake.size else np.zeros(n)
        self.G = np.zeros((len(reservoirs.volume), n))
        np.add.at(self.G, (system.ex_reservoir, system.ex_voxel), system.ex_rate[f])
        loss = np.diag(self.decay + self.uptake + self.G.sum(axis=0))
        axes = [(2, system.kx), (1, system.ky), (0, system.kz)][: 2 if shape[0] == 1 else 3]
        self.A = []
        self.max_rate = np.diag(loss).max()
        for axis, k in axes:
            a = np.zeros((n, n))
            low = np.take(index, range(shape[axis] - 1), axis).ravel()
            high = np.take(index, range(1, shape[axis]), axis).ravel()
            rate = k[f].ravel()[low]
            a[low, high] = a[high, low] = rate
            self.max_rate = max(self.max_rate, rate.max(initial=0.0))
            np.add.at(a, (low, low), -rate)
            np.add.at(a, (high, high), -rate)
            self.A.append(a - loss / len(axes))
        finite = np.isfinite(reservoirs.volume)
        self.share = np.where(finite, VOLUME * reservoirs.multiplicity / reservoirs.volume, 0.0)
        self.clearance = np.where(finite, reservoirs.clearance[:, f], 0.0)
        self.input = np.where(finite, reservoirs.input[:, f], 0.0)
        self.C = reservoirs.c[:, f].copy()
        self.decayed = self.taken_up = 0.0
        self.exchanged = np.zeros(len(self.C))

    def relax(self, rate: NDArray[np.float64], gain: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        """Solve dC/dt = gain - rate C from the present C."""
        safe = np.where(rate > 0.0, rate, 1e-300)
        return self.C - (gain - rate * self.C) / safe * np.expm1(-safe * dt)

    def book(self, time_integral: NDArray[np.float64], mid: NDArray[np.float64], dt: float) -> None:
        """Losses and exchange for the integral over dt of the effective concentration."""
        self.decayed += self.decay @ time_integral * FG
        self.taken_up += self.uptake @ time_integral * FG
        flux = self.G.sum(axis=1) * mid * dt - self.G @ time_integral
        self.exchanged += flux * FG
        self.C = self.relax(self.clearance, self.input - flux * self.share / dt, dt)

    def midpoint(self, c: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        rate = self.clearance + self.G.sum(axis=1) * self.share
        return self.relax(rate, self.input + self.G @ c * self.share, 0.5 * dt)

    def step(self, c: NDArray[np.float64], source: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        mid = self.midpoint(c, dt)
        d = dt * (sum(self.A) @ c + source + self.G.T @ mid)
        total = np.zeros_like(c)
        for a in self.A:
            d = np.linalg.solve(np.eye(len(c)) - 0.5 * dt * a, d)
            total += d
        if (c + d).min() < 0.0:
            return self.positive(c, source, dt)
        self.book(dt * (c + 0.5 * total / len(self.A)), mid, dt)
        return c + d

    def positive(self, c: NDArray[np.float64], source: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
        n = max(8, int(np.ceil(dt * self.max_rate)))
        h = dt / n
        for _ in range(n):
            mid = self.midpoint(c, h)
            integral = np.zeros_like(c)
            for a in self.A:
                right = c + h / len(self.A) * (source + self.G.T @ mid)
                c = np.linalg.solve(np.eye(len(c)) - h * a, right)
                integral += h / len(self.A) * c
            self.book(integral, mid, h)
        return c


def everything(shape: tuple[int, int, int], rng: np.random.Generator) -> tuple[FieldSystem, Reservoirs]:
    """Random conductances with walls, decay, uptake, three kinds of reservoirs, repeated voxels."""
    full = (2, *shape)
    faces = [rng.uniform(0.0, 8.0, full) * (rng.random(full) < 0.8) for _ in range(3)]
    m = 17
    system = FieldSystem(
        *faces,
        decay=rng.uniform(0.0, 0.2, full),
        uptake=rng.uniform(0.0, 3.0, full) * (rng.random(full) < 0.3),
        ex_voxel=rng.integers(0, np.prod(shape), m),
        ex_reservoir=rng.integers(0, 3, m),
        ex_rate=rng.uniform(0.0, 4.0, (2, m)),
        voxel_volume=VOLUME,
    )
    reservoirs = Reservoirs(
        c=rng.uniform(0.0, 5.0, (3, 2)),
        volume=np.array([3e4, 9e5, np.inf]),
        clearance=np.array([[0.3, 0.0], [2.0, 1e-9], [1.0, 1.0]]),
        input=rng.uniform(0.0, 2.0, (3, 2)),
        multiplicity=1.5,
    )
    return system, reservoirs


@pytest.mark.parametrize("shape", [(5, 4, 6), (1, 9, 7), (1, 5, 1), (3, 1, 2), (2, 3, 140), (1, 1, 1)])
@pytest.mark.parametrize("bolus", [False, True])
def test_equals_dense_matrices(shape: tuple[int, int, int], bolus: bool) -> None:
    """Concentrations, reservoirs and every booked flow, to 1e-12 of the largest value.

    With ``bolus`` a spike makes the Douglas step undershoot, so start-up and redone steps are compared too.
    """
    if bolus and np.prod(shape) > 1000:
        pytest.skip("dense matrices of this size are slow; the small grids cover the case")
    rng = np.random.default_rng(11)
    system, reservoirs = everything(shape, rng)
    c = rng.uniform(0.5, 1.5, (2, *shape))
    source = rng.uniform(0.0, 2.0, c.shape)
    if bolus:
        c[:, shape[0] // 2, shape[1] // 2, shape[2] // 2] = 3e3
        c[1, 0, 0, 0] = 3e3
    twins = [Twin(system, reservoirs, f) for f in range(2)]
    dt, n_steps = np.array([0.4, 0.25]), np.array([3, 4])
    factors = build_factors(system, reservoirs, dt)
    budget = new_budget(c, 3, VOLUME)
    counters = np.zeros((2, 2), np.int64)
    restart = np.array([bolus, False])
    expected = []
    for f, twin in enumerate(twins):
        value = c[f].ravel()
        parts = factors.n_substep[f]
        assert parts == 1 or (shape[0] > 1 and system.kx.max() * dt[f] > 2.0)
        for step in range(n_steps[f] * parts):
            advance_twin = twin.positive if restart[f] and step == 0 else twin.step
            value = advance_twin(value, source[f].ravel(), dt[f] / parts)
        expected.append(value.reshape(shape))
    work = new_workspace(system, 3)
    status = advance(c, source, system, factors, reservoirs, n_steps, restart, budget, counters, work)
    assert status == (OK, 0, 0)
    assert not restart.any()
    assert counters[:, START_UPS].tolist() == [int(bolus), 0]
    assert not bolus or np.prod(shape) < 60 or counters[1, REDONE] > 0
    close = {"rtol": 1e-12, "atol": 1e-12}
    for f, twin in enumerate(twins):
        np.testing.assert_allclose(c[f], expected[f], **close)
        np.testing.assert_allclose(reservoirs.c[:, f], twin.C, **close)
        scale = budget.sourced[f] + budget.initial[f]
        np.testing.assert_allclose(budget.decayed[f], twin.decayed, rtol=1e-12)
        np.testing.assert_allclose(budget.taken_up[f], twin.taken_up, rtol=1e-12)
        np.testing.assert_allclose(budget.exchanged[:, f], twin.exchanged, rtol=0, atol=1e-12 * scale)
        assert abs(budget.residual()[f]) < 1e-12 * scale


@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("shape", [(5, 4, 6), (1, 33, 150)])
def test_parallel_build_gives_the_same_bytes(shape: tuple[int, int, int]) -> None:
    """Values, reservoirs, budget, counters and flags, with start-up, redone steps and unequal steps.

    On one thread and on all that there are.
    """
    outcomes = []
    most = numba.config.NUMBA_NUM_THREADS
    for run, threads in ((advance, 1), (advance_parallel, 1), (advance_parallel, most)):
        numba.set_num_threads(threads)
        rng = np.random.default_rng(5)
        system, reservoirs = everything(shape, rng)
        c = rng.uniform(0.5, 1.5, (2, *shape))
        c[:, 0, 2, 3] = 3e3
        source = rng.uniform(0.0, 2.0, c.shape)
        factors = build_factors(system, reservoirs, np.array([0.4, 1.0]))
        budget = new_budget(c, 3, VOLUME)
        counters = np.zeros((2, 2), np.int64)
        restart = np.array([True, False])
        work = new_workspace(system, 3, run is advance_parallel)
        steps = np.array([4, 5])
        for _ in range(3):
            status = run(c, source, system, factors, reservoirs, steps, restart, budget, counters, work)
            assert status == (OK, 0, 0)
        assert counters[:, START_UPS].tolist() == [1, 0]
        assert counters[1, REDONE] > 0
        outcomes.append([a.tobytes() for a in (c, reservoirs.c, *budget, counters, restart)])
    assert outcomes[0] == outcomes[1] == outcomes[2]
