"""Interventions of the file and of its arms: replaced, appended, set, stored and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.errors import ScenarioError
from abm.scenario.explain import described
from abm.scenario.load import Experiment, load_experiment, load_experiment_text

TISSUE = Path(__file__).resolve().parents[1] / "data" / "faulty" / "bare_tissue.yaml"
FILE = """
schema_version: 1
extends: bare_tissue.yaml
interventions: [{remove_cells: {type: microglia, at: 1 h}}]
arms:
  same: {}
  more: {interventions+: [{knock_out: {cytokine: IL-10}}]}
  other: {interventions: [{knock_out: {cytokine: TNF-a}}]}
  none: {interventions: []}
  cycles: {injuries+: [{kind: CCI, at: 1 d, site: site}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bare_tissue.yaml").write_text(TISSUE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "file.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


def kinds(experiment: Experiment, arm: str) -> list[str]:
    return [intervention.kind for intervention in experiment.arms[arm].interventions]


def test_arms_replace_or_append(folder: Path) -> None:
    experiment = load_experiment(folder / "file.yaml")
    assert kinds(experiment, "same") == ["remove_cells"]
    assert kinds(experiment, "more") == ["remove_cells", "knock_out"]
    assert kinds(experiment, "other") == ["knock_out"]
    assert kinds(experiment, "none") == []
    assert [len(experiment.arms[arm].injuries) for arm in ("same", "cycles")] == [1, 2]


def test_a_file_appends_to_what_it_extends(folder: Path) -> None:
    """And to the arms of the file it extends, whose own lists wait until the arm is complete."""
    (folder / "third.yaml").write_text(
        """
schema_version: 1
extends: file.yaml
interventions+: [{drug: {name: d, dose: 1 mg, at: 0 h}}]
drugs: {d: {volume: 1 ml, half_life: 1 h}}
arms:
  more: {interventions+: [{knock_out: {cell_type: msc}}]}
""",
        encoding="utf-8",
    )
    experiment = load_experiment(folder / "third.yaml")
    assert kinds(experiment, "same") == ["remove_cells", "drug"]
    assert kinds(experiment, "more") == ["remove_cells", "drug", "knock_out", "knock_out"]
    assert kinds(experiment, "other") == ["knock_out"]


def test_the_stored_text_loads_to_the_same(folder: Path) -> None:
    experiment = load_experiment(folder / "file.yaml")
    assert load_experiment_text(experiment.text, "stored.yaml").arms == experiment.arms
    for arm in experiment.arms:
        assert load_experiment_text(experiment.arm_text(arm), "stored.yaml").arms[arm] == experiment.arms[arm]


def test_a_setting_appends(folder: Path) -> None:
    more = "[{remove_cells: {type: astrocyte, at: 2 h}}]"
    experiment = load_experiment(
        folder / "file.yaml", [f"interventions+={more}", f"arms.more.interventions+={more}"]
    )
    assert kinds(experiment, "same") == ["remove_cells"] * 2
    assert kinds(experiment, "more") == ["remove_cells", "remove_cells", "knock_out", "remove_cells"]
    with pytest.raises(ScenarioError, match=r"unknown key 'interventios'.*did you mean 'interventions'"):
        load_experiment(folder / "file.yaml", ["interventios+=[3]"])
    with pytest.raises(ScenarioError, match="unknown key 'interventions\\+'"):
        load_experiment(folder / "file.yaml", ["interventions+=3"])


TOLD = {
    "inject_cells: {type: msc, dose: 1e5, route: intrathecal, at: 1 h}": "100000 cells of msc, intrathecal",
    "infuse: {cytokine: IL-10, dose: 1 ng, route: local, site: site, at: 1 h, duration: 2 h, ramp: 1 h}": (
        "1 ng IL-10, local into region site over 2 h, full after 1 h"
    ),
    "neutralise: {cytokine: TNF-a, share: 90 %, since: 1 h, half_life: 2 d}": (
        "90 % of TNF-a neutralised, half-life 2 d"
    ),
    "modify: {of: all, sensing: TNF-a, by: 0.5, since: 1 h, until: 1 d, ramp: 1 h, site: site}": (
        "sensing of TNF-a of all times 0.5 until 1 d, ramp 1 h in region site"
    ),
    "remove_cells: {type: msc, phenotype: primed, share: 99.5 %, at: 1 h}": (
        "99.5 % of the primed msc removed"
    ),
    "knock_out: {cell_type: microglia}": "without microglia from birth",
}


@pytest.mark.parametrize("line", TOLD)
def test_interventions_in_words(line: str) -> None:
    text = TISSUE.read_text(encoding="utf-8") + f"interventions: [{{{line}}}]\n"
    (scenario,) = load_experiment_text(text, "told.yaml").arms.values()
    (intervention,) = scenario.interventions
    ((at, words),) = described(intervention)
    assert words == TOLD[line] and at == (0.0 if "knock_out" in line else 60.0)
