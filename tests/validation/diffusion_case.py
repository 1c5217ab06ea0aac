"""A small tissue with all that the field solver needs, for the tests against analytic solutions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abm.kernels.diffusion import OK, advance, new_workspace
from abm.kernels.field_factors import build_factors
from abm.kernels.field_system import FieldSystem, Reservoirs, field_system, new_budget, no_reservoirs

Floats = NDArray[np.float64]
VOXEL_VOLUME = 1000.0


class Case:
    """Fields that start at zero on a grid; ``run`` advances them and refuses any fault."""

    def __init__(
        self,
        diffusion: ArrayLike,
        decay: ArrayLike,
        shape: tuple[int, int, int],
        spacing: float | tuple[float, float, float] = 20.0,
        *,
        tissue: NDArray[np.bool_] | None = None,
        uptake: Floats | None = None,
        exchange: tuple[NDArray[np.int64], NDArray[np.int64], Floats] | None = None,
        reservoirs: Reservoirs | None = None,
    ) -> None:
        h = (spacing,) * 3 if isinstance(spacing, float) else spacing
        self.system: FieldSystem = field_system(
            np.atleast_1d(diffusion), np.atleast_1d(decay), h, shape, VOXEL_VOLUME, tissue, uptake, exchange
        )
        n_field = self.system.decay.shape[0]
        self.reservoirs = no_reservoirs(n_field) if reservoirs is None else reservoirs
        self.c = np.zeros(self.system.decay.shape)
        self.source = np.zeros_like(self.c)
        self.counters = np.zeros((n_field, 2), np.int64)
        self.work = new_workspace(self.system, len(self.reservoirs.volume))
        self.open_budget()

    def open_budget(self) -> None:
        """Start the budget from what the tissue holds now."""
        self.budget = new_budget(self.c, len(self.reservoirs.volume), VOXEL_VOLUME)

    def run(self, dt: float, n_steps: int, restart: bool = False) -> Floats:
        """Advance all fields by ``n_steps`` steps of ``dt``; the concentrations afterwards."""
        n_field = len(self.c)
        factors = build_factors(self.system, self.reservoirs, dt)
        status = advance(
            self.c,
            self.source,
            self.system,
            factors,
            self.reservoirs,
            np.full(n_field, n_steps),
            np.full(n_field, restart),
            self.budget,
            self.counters,
            self.work,
        )
        assert status == (OK, 0, 0)
        return self.c

    def settle(self, slowest: float, fastest: float, cycles: int = 6) -> Floats:
        """Run to the steady state, with steps that suit every rate between the two [1/min].

        The fixed point of the scheme does not depend on the step, so the steps may change freely.
        """
        for _ in range(cycles):
            for rate in np.geomspace(fastest, slowest, 16):
                self.run(2.0 / rate, 1)
        return self.c


def centres(n: int, h: float) -> Floats:
    """Voxel centres [um] relative to the middle of n voxels."""
    return (np.arange(n) - 0.5 * (n - 1)) * h


def observed_order(errors: list[float]) -> list[float]:
    """Order between successive refinements by two."""
    return [float(np.log2(a / b)) for a, b in pairwise(errors)]
