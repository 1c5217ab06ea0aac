"""Time of the field solver per voxel, field and step, beside one explicit sweep over the same values.

The budget, 6 ns on one thread of an idle machine, holds for 7 fields of 100 x 100 voxels in float64 and three
field steps per call, the cost of the call included.  The explicit (FTCS) sweep of one uniform field is the
floor that memory sets; it has no losses, sources or budget and is unstable at these steps.  Both are timed in
turn, so that the ratio survives a busy machine; serial times are processor time of the thread, parallel ones
wall time; the best of all repeats counts, the median is printed beside it.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable

import numba
import numpy as np
from numba import njit

from abm.kernels.diffusion import OK, advance, advance_parallel, new_workspace
from abm.kernels.field_factors import build_factors, refresh_factors
from abm.kernels.field_system import field_system, new_budget, no_reservoirs

BUDGET_NS = 6.0
BUDGET_RATIO = 13.0  # to the explicit sweep; a busy sibling core slows both
REPEATS = 60
GRIDS = ((7, (1, 100, 100)), (7, (1, 250, 250)), (7, (20, 50, 50)), (2, (64, 64, 64)))


@njit(cache=True)
def explicit_sweep(c, rate, out):
    """One FTCS step in the plane, interior only."""
    n_field, nz, ny, nx = c.shape
    for f in range(n_field):
        for z in range(nz):
            for y in range(1, ny - 1):
                for x in range(1, nx - 1):
                    around = c[f, z, y, x - 1] + c[f, z, y, x + 1] + c[f, z, y - 1, x] + c[f, z, y + 1, x]
                    out[f, z, y, x] = c[f, z, y, x] + rate * (around - 4.0 * c[f, z, y, x])


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> float:
    start = clock()
    call()
    return clock() - start


class Setup:
    """Fields of D 30 to 100 um^2/s, half-life 1 h, 2,000 secreting cells, 20 s steps."""

    def __init__(
        self, n_field: int, shape: tuple[int, int, int], parallel: bool, uptake: bool = False
    ) -> None:
        random = np.random.default_rng(0)
        diffusion = np.linspace(30.0, 100.0, n_field) * 60.0
        self.c = random.uniform(1.0, 2.0, (n_field, *shape))
        self.system = field_system(
            diffusion,
            np.full(n_field, np.log(2) / 60.0),
            (20.0, 20.0, 20.0),
            shape,
            1600.0,
            uptake=np.zeros_like(self.c) if uptake else None,
        )
        self.source = np.zeros_like(self.c)
        self.source.reshape(n_field, -1)[:, random.integers(0, self.c[0].size, 2000)] = 1.0
        self.reservoirs = no_reservoirs(n_field)
        self.factors = build_factors(self.system, self.reservoirs, 1.0 / 3.0)
        self.budget = new_budget(self.c, 0, 1600.0)
        self.counters = np.zeros((n_field, 2), np.int64)
        self.restart = np.zeros(n_field, np.bool_)
        self.work = new_workspace(self.system, 0, parallel)
        self.kernel = advance_parallel if parallel else advance
        self.spare = np.empty_like(self.c)
        self.every = np.ones(n_field, np.bool_)

    def step(self, n: int) -> None:
        steps = np.full(len(self.c), n)
        code, _, _ = self.kernel(
            self.c,
            self.source,
            self.system,
            self.factors,
            self.reservoirs,
            steps,
            self.restart,
            self.budget,
            self.counters,
            self.work,
        )
        assert code == OK

    def explicit(self) -> None:
        explicit_sweep(self.c, 0.1, self.spare)

    def refresh(self) -> None:
        refresh_factors(self.system, self.reservoirs, self.factors, self.every)


def measure(setup: Setup, n_steps: int) -> tuple[float, float, float]:
    """Best and median of the solver, best of the explicit sweep [ns per voxel, field and step]."""
    setup.step(n_steps)
    setup.explicit()
    solver, floor = [], []
    clock = time.perf_counter if setup.kernel is advance_parallel else time.thread_time
    for _ in range(max(5, REPEATS * 70_000 // setup.c.size)):
        solver.append(seconds(lambda: setup.step(n_steps), clock) / n_steps)
        floor.append(seconds(setup.explicit))
    scale = 1e9 / setup.c.size
    return min(solver) * scale, statistics.median(solver) * scale, min(floor) * scale


def main() -> int:
    """Measure and print; returns 1 over the budget, else 0."""
    print(f"{platform.processor() or platform.machine()}, {numba.config.NUMBA_NUM_THREADS} threads at most")
    print("ns per voxel, field and step: best (median); explicit sweep; ratio")
    worst = ratio = 0.0
    for n_field, shape in GRIDS:
        for parallel in (False, True):
            setup = Setup(n_field, shape, parallel)
            for n_steps in (1, 3, 5) if not parallel and shape == GRIDS[0][1] else (3,):
                best, median, floor = measure(setup, n_steps)
                label = f"{n_field} x {shape}, {'parallel' if parallel else 'serial'}, {n_steps} per call"
                print(f"{label:44} {best:6.2f} ({median:.2f}); {floor:.2f}; {best / floor:.1f}")
                if shape == GRIDS[0][1] and not parallel and n_steps == 3:
                    worst, ratio = best, best / floor
    setup = Setup(*GRIDS[0], parallel=False, uptake=True)
    setup.refresh()
    rebuild = min(seconds(setup.refresh) for _ in range(REPEATS)) * 1e9 / setup.c.size
    best, _, _ = measure(setup, 3)
    setup.restart[:] = True
    setup.step(1)
    positive = []
    for _ in range(10):
        setup.restart[:] = True
        positive.append(seconds(lambda: setup.step(1)) * 1e9 / setup.c.size)
    print(f"with uptake {best:.2f}; rebuilding all factors {rebuild:.2f}; start-up step {min(positive):.0f}")
    print(f"7 x 100 x 100, 3 per call: {worst:.2f} ns, {ratio:.1f} explicit sweeps")
    print(f"budget {BUDGET_NS} ns on an idle machine, or {BUDGET_RATIO} explicit sweeps on a busy one")
    return int(worst > BUDGET_NS and ratio > BUDGET_RATIO)


if __name__ == "__main__":
    sys.exit(main())
