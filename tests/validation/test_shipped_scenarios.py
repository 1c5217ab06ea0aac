"""Every scenario that is shipped keeps its books: mass balance of every field at every readout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abm.compile.build import compile_model
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.scenario.load import load_experiment

pytestmark = pytest.mark.validation

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
ARMS = [(path, arm) for path in SCENARIOS for arm in load_experiment(path).arms]
NAMES = [f"{path.stem}-{arm}" for path, arm in ARMS]

LIMIT = 1e-10
"""Residual of a field relative to what was secreted into it; the promise is 1e-6."""


def worst_residual(path: Path, arm: str, sets: tuple[str, ...] = (), days: float | None = None) -> float:
    """Largest residual over secreted of any field at any readout."""
    experiment = load_experiment(path, sets)
    m = compile_model(experiment.arms[arm], experiment.seed)
    state: State = new_state(m)
    end = m.clock.end if days is None else round(days * 1440.0 / m.clock.tick)
    worst = 0.0
    while state.tick < end:
        step(m, state)
        if state.tick % m.clock.readout == 0:
            secreted = state.budget.sourced + state.budget.added
            residual = np.abs(state.budget.residual())
            assert np.all(residual[secreted == 0.0] == 0.0)
            worst = max(worst, float(np.max(residual / np.where(secreted > 0.0, secreted, 1.0))))
    assert state.budget.sourced.max() > 0.0
    return worst


@pytest.mark.parametrize(("path", "arm"), ARMS, ids=NAMES)
def test_mass_balance_of_the_first_hours(path: Path, arm: str) -> None:
    assert worst_residual(path, arm, days=0.5) < LIMIT


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("path", "arm"), ARMS, ids=NAMES)
def test_mass_balance_of_the_whole_run(path: Path, arm: str) -> None:
    """On voxels of twice the size, which leaves every mechanism in place."""
    assert worst_residual(path, arm, ("domain.spacing=40 um",)) < LIMIT
