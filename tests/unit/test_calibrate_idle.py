"""Values that cannot matter in an arm."""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.calibrate.idle import is_idle
from abm.scenario.load import Experiment, load_experiment

EXPERIMENTS = Path(__file__).resolve().parents[2] / "scenarios" / "calibration" / "experiments.yaml"
FALL = ("cell_types", "microglia", "variables", "activation", "fall")
CLEARANCE = ("cell_types", "msc", "behaviours", "clearance", "base")
SNI = ("injury_kinds", "SNI", "drives", "chronic", "rise")
METABOLIC = ("cell_types", "microglia", "variables", "activation", "target", "increases", 5, "half_max")
SHARED = (*METABOLIC[:-1], "to")


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(EXPERIMENTS)


@pytest.mark.parametrize(
    ("arm", "path", "idle"),
    [
        ("cci", FALL, False),
        ("cci", SNI, True),
        ("sni", SNI, False),
        ("cci", CLEARANCE, True),
        ("cci_bmsc", CLEARANCE, False),
        ("cci", METABOLIC, True),
        ("stz", METABOLIC, False),
        ("cci", SHARED, False),  # the largest 'to' of all terms is the limit of each
    ],
)
def test_what_an_arm_does_not_use_is_idle(
    experiment: Experiment, arm: str, path: tuple[str | int, ...], idle: bool
) -> None:
    assert is_idle(experiment.arms[arm], path) is idle


def test_a_type_that_others_turn_into_occurs(tmp_path: Path) -> None:
    file = tmp_path / "turns.yaml"
    file.write_text(
        "schema_version: 1\ntime: {duration: 1 h, cell_step: 10 min, field_step: 10 min}\n"
        "domain: {size: [100 um, 100 um], spacing: 20 um, thickness: 20 um}\n"
        "tissue: {neighbourhood: 100 um}\n"
        "cell_types:\n"
        "  a: {density: 1e5 /mm^3, radius: 5 um, behaviours: {transform to b: 1 /h}}\n"
        "  b: {radius: 5 um, behaviours: {death: 1 /h}}\n"
        "  c: {radius: 5 um, behaviours: {death: 1 /h}}\n",
        encoding="utf-8",
    )
    scenario = load_experiment(file).base
    assert not is_idle(scenario, ("cell_types", "b", "behaviours", "death", "base"))
    assert is_idle(scenario, ("cell_types", "c", "behaviours", "death", "base"))
