"""A small closed box of tissue, in which everything that happens is known beforehand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from tests.reference.tissue import model

#: 10 voxels of 8000 um^3, a fifth of each extracellular; nothing crosses the border.
BOX = """
schema_version: 1
title: Closed box
time: {duration: 2 d, cell_step: 10 min, field_step: 1 min}
record: {readout: 1 h, cells: never, fields: never, checkpoint: never}
domain: {size: [100 um, 40 um], spacing: 20 um, thickness: 20 um}
tissue: {extracellular_fraction: 0.2}
regions:
  left: {rectangle: {low: [0 um, 0 um], high: [40 um, 40 um]}}
  whole: {rectangle: {low: [0 um, 0 um], high: [100 um, 40 um]}}
"""
LEFT = np.tile([1, 1, 0, 0, 0], 2).astype(bool)
ECS_VOLUME = 10 * 8000.0 * 0.2  # um^3

#: One cell in every voxel, which secretes 144 fg/day of X at all times.
SOURCE = """
cytokines:
  X: {molar_mass: 20 kDa, diffusion: 0 um^2/s, half_life: 69.31471805599453 min}
cell_types:
  source:
    radius: 4 um
    density: 125000 /mm^3
    placement: territories
    behaviours: {secretion of X: 144 fg/day}
"""
SECRETED = 0.1  # fg/min by each cell
DECAY = 0.01  # 1/min of X


def with_interventions(text: str, *lines: str, seed: int = 1) -> Model:
    """Model of a text to which interventions are added, one line each."""
    listed = "".join(f"  - {line}\n" for line in lines)
    return model(text + ("interventions:\n" + listed if lines else ""), None, seed)


def history(m: Model, minutes: float, state: State | None = None) -> tuple[NDArray[np.float64], State]:
    """Concentration after every cell step, (n_step + 1, n_field, n_voxel), and the last state."""
    state = new_state(m) if state is None else state
    seen = [state.concentration.reshape(len(state.concentration), -1).copy()]
    for _ in range(round(minutes / m.clock.cell_step)):
        step(m, state)
        seen.append(state.concentration.reshape(len(state.concentration), -1).copy())
    return np.array(seen), state


def amount(concentration: float | NDArray[np.float64], volume: float = ECS_VOLUME) -> NDArray[np.float64]:
    """Amount [fg] of a concentration [pg/ml] in a volume [um^3]."""
    return np.asarray(concentration) * volume * FG_PER_PG_UM3_PER_ML


def secretion_factors(seen: NDArray[np.float64], m: Model, field: int = 0) -> NDArray[np.float64]:
    """Factor on the secretion in every step and voxel, (n_step, n_voxel), from the course of its product.

    The exact solution of dc/dt = f s - k c over a step, solved for f.
    """
    dt = m.clock.cell_step
    per_voxel = SECRETED / (ECS_VOLUME / seen.shape[2] * FG_PER_PG_UM3_PER_ML)  # pg/ml/min
    kept = np.exp(-DECAY * dt)
    c = seen[:, field]
    return np.asarray((c[1:] - c[:-1] * kept) * DECAY / (1.0 - kept) / per_voxel)
