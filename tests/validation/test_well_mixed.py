"""With fast diffusion and many cells the engine approaches the same rules without space.

Three courses are compared: the engine, a twin that solves the rules as ordinary differential equations
(`tests/reference/well_mixed.py`), and the calibration without space from which the rules' numbers come
(`tests/data/well_mixed_calibration.csv`; its cytokines follow their sources at once).

Scatter of the engine about the twin, from 5 seeds of 2,200 cells (standard deviation, any day):
threshold 0.007 (0.02 to 0.05 with MSC, of which 120 are given), microglia 0.06, astrocyte reactivity
0.007 (0.02 with MSC), IL-1b 0.045 (0.055), TNF 0.035 (0.042).  The seeds are fixed; four standard
deviations plus what the steps cost are allowed, a false alarm in about 1 of 100 changes of all draws.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from abm.compile.build import compile_model
from abm.compile.model import Model
from abm.engine.readout import dimensions, read_out
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.scenario.load import Experiment, load_experiment
from tests.reference.well_mixed import Course, WellMixed

pytestmark = pytest.mark.validation

DATA = Path(__file__).parents[1] / "data"
SCENARIO = DATA / "well_mixed.yaml"
QUANTITIES = ("threshold", "microglia_fold", "reactivity", "il1_fold", "tnf_fold")
HOUR = 1.0 / 24.0


def twin(experiment: Experiment, arm: str, days: float) -> Course:
    return WellMixed(experiment.arms[arm], exchange_rate(experiment, arm)).run(days)


def exchange_rate(experiment: Experiment, arm: str) -> float:
    """Rate [1/min] at which the tissue fills from the CSF: four faces x permeability / edge length."""
    domain = experiment.arms[arm].domain
    permeability = float(experiment.arms[arm].compartments["csf"].permeability)
    return 4.0 * permeability / float(domain.size[0])


def observed(m: Model, state: State) -> dict[str, float]:
    """The compared quantities, as they are recorded."""
    values = read_out(m, state)
    variables = list(next(d for d in dimensions(m) if d.name == "variable").labels)
    start = np.count_nonzero(m.cells.type == 0)
    cytokines = values["cytokine_mean"] / m.fields.baseline.clip(1e-9)
    return {
        "threshold": values["withdrawal_threshold"] / m.readout.threshold.baseline,
        "microglia_fold": values["cell_count"][0] / start,
        "reactivity": values["variable_mean"][variables.index("astrocyte.reactivity")],
        "il1_fold": cytokines[m.names.cytokines.index("IL-1b")],
        "tnf_fold": cytokines[m.names.cytokines.index("TNF-a")],
        "tgf_fold": cytokines[m.names.cytokines.index("TGF-b1")],
    }


def engine(experiment: Experiment, arm: str, seed: int, days: list[float]) -> dict[float, dict[str, float]]:
    m = compile_model(experiment.arms[arm], seed)
    state, seen = new_state(m), {}
    per_step = m.clock.ticks_per_step
    due = {round(day * 1440.0 / m.clock.cell_step) * per_step: day for day in days}
    while state.tick < max(due):
        step(m, state)
        if state.tick in due:
            seen[due[state.tick]] = observed(m, state)
    field = state.concentration[m.names.cytokines.index("IL-1b")]
    assert field.std() < 1e-3 * field.mean()  # it is well mixed
    return seen


def calibration(arm: str) -> dict[float, dict[str, float]]:
    lines = [
        line for line in (DATA / "well_mixed_calibration.csv").read_text().splitlines() if line[0] != "#"
    ]
    rows = [row for row in csv.DictReader(lines) if row["arm"] == arm]
    return {float(row["day"]): {q: float(row[q]) for q in QUANTITIES} for row in rows}


# Largest deviations found: threshold 0.019 (day 1 of CCI, when it falls by 0.02 in an hour), microglia 0.018,
# reactivity 0.009, IL-1b 0.061 of 2.84 and TNF 0.042 of 2.28; five hours after the protein threshold 0.023,
# IL-1b 0.22 and TNF 0.15, which come back with a half-life of 30 min here and at once there.
@pytest.mark.parametrize("arm", ["sham", "cci", "cci_bmsc", "cci_tgfb1"])
def test_the_twin_is_the_calibration(arm: str) -> None:
    """Finite half-lives of the cytokines, the exchange with the CSF and exact steps change little."""
    course = twin(load_experiment(SCENARIO), arm, 28.01)
    bounds = {
        "threshold": 0.025,
        "microglia_fold": 0.03,
        "reactivity": 0.012,
        "il1_fold": 0.075,
        "tnf_fold": 0.06,
    }
    for day, expected in calibration(arm).items():
        soon = arm == "cci_tgfb1" and 5.0 < day < 5.5
        for quantity, bound in bounds.items():
            allowed = 0.25 if soon and quantity in ("il1_fold", "tnf_fold") else bound
            got = course.at(quantity, day)
            assert abs(got - expected[quantity]) < allowed, (day, quantity, got, expected[quantity])


def assert_close(
    seen: dict[float, dict[str, float]], course: Course, bounds: dict[str, float], days: list[float]
) -> None:
    for day in days:
        for quantity, bound in bounds.items():
            got, want = seen[day][quantity], course.at(quantity, day)
            assert abs(got - want) < bound, (day, quantity, got, want)


FAST = (
    "arms.cci_bmsc.interventions=[{inject_cells: {type: msc, dose: 2550, route: intrathecal, at: 1 d}}, "
    "{infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 2 d}}]",
    "domain.thickness=0.5 mm",
)


def test_engine_and_twin_for_three_days() -> None:
    """CCI, MSC after one day and TGF-b1 after two: every mechanism at once."""
    experiment = load_experiment(SCENARIO, FAST)
    days = [0.5, 1.0, 1.5, 2.0, 2.0 + 2 * HOUR, 2.0 + 5 * HOUR, 3.0]
    seen, course = engine(experiment, "cci_bmsc", 3, days), twin(experiment, "cci_bmsc", 3.01)
    bounds = {
        "threshold": 0.06,
        "microglia_fold": 0.15,
        "reactivity": 0.015,
        "il1_fold": 0.12,
        "tnf_fold": 0.10,
    }
    assert_close(seen, course, bounds, days)
    # TGF-b1 after the dose, in folds of its baseline: 71, of which 10 come from the MSC, known to a tenth.
    for day in (2.0 + 2 * HOUR, 2.0 + 5 * HOUR):
        assert seen[day]["tgf_fold"] == pytest.approx(course.at("TGF-b1", day) / 100.0, abs=3.0)


BOUNDS = {
    "sham": {
        "threshold": 0.002,
        "microglia_fold": 0.01,
        "reactivity": 1e-3,
        "il1_fold": 0.005,
        "tnf_fold": 0.005,
    },
    "cci": {
        "threshold": 0.03,
        "microglia_fold": 0.24,
        "reactivity": 0.03,
        "il1_fold": 0.18,
        "tnf_fold": 0.15,
    },
    "cci_bmsc": {
        "threshold": 0.15,
        "microglia_fold": 0.24,
        "reactivity": 0.08,
        "il1_fold": 0.22,
        "tnf_fold": 0.17,
    },
    "cci_tgfb1": {
        "threshold": 0.03,
        "microglia_fold": 0.24,
        "reactivity": 0.03,
        "il1_fold": 0.18,
        "tnf_fold": 0.15,
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["sham", "cci", "cci_bmsc", "cci_tgfb1"])
def test_engine_twin_and_calibration_for_a_month(arm: str) -> None:
    """The mean of two seeds against the twin, and against the calibration on the days it names."""
    experiment = load_experiment(SCENARIO, ("domain.thickness=0.5 mm",))
    wanted = calibration(arm)
    seeds = range(1 if arm == "sham" else 2)  # sham hardly scatters
    runs = [engine(experiment, arm, seed, list(wanted)) for seed in seeds]
    seen = {day: {q: float(np.mean([run[day][q] for run in runs])) for q in QUANTITIES} for day in wanted}
    bounds = {quantity: bound / np.sqrt(len(seeds)) for quantity, bound in BOUNDS[arm].items()}
    assert_close(seen, twin(experiment, arm, 28.01), bounds, list(wanted))
    slack = {
        "threshold": 0.025,
        "microglia_fold": 0.03,
        "reactivity": 0.012,
        "il1_fold": 0.075,
        "tnf_fold": 0.06,
    }
    for day, expected in wanted.items():
        for quantity, bound in bounds.items():
            soon = arm == "cci_tgfb1" and 5.0 < day < 5.5 and quantity in ("il1_fold", "tnf_fold")
            allowed = bound + (0.25 if soon else slack[quantity])
            assert abs(seen[day][quantity] - expected[quantity]) < allowed, (day, quantity)
