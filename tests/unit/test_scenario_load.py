"""Loading: extends, arms, resolved text, positions."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from abm.errors import ScenarioError
from abm.scenario.load import Experiment, load_experiment, load_experiment_text, load_scenario
from abm.state.kinds import VariableKind

CHEN = Path(__file__).resolve().parents[2] / "scenarios" / "chen2015.yaml"

SMALL = """
schema_version: 1
extends: library/dorsal_horn
time: {duration: 1 d}
domain: {size: [400 um, 400 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [200 um, 200 um], radius: 100 um}}}
"""


@pytest.fixture(scope="module")
def chen() -> Experiment:
    return load_experiment(CHEN)


def small(more: str = "", name: str = "small") -> Experiment:
    return load_experiment_text(SMALL + more, name)


def test_the_published_experiment_loads(chen: Experiment) -> None:
    assert list(chen.arms) == ["sham", "cci", "cci_bmsc", "cci_tgfb1"]
    assert chen.replicates >= 3 and chen.seed == 2015
    base, time = chen.base, chen.base.time
    assert time.n_steps * time.cell_step == time.duration >= 28 * 1440
    assert time.substeps * time.field_step == time.cell_step
    assert base.domain.shape == (1, 100, 100)
    assert base.domain.voxel == (20.0, 20.0, 20.0)
    assert base.domain.represented_volume == pytest.approx(1.7e9)
    assert list(base.cell_types) == ["microglia", "astrocyte", "t_cell", "neuron", "msc"]
    assert base.cytokines["IL-1b"].diffusion == 1800.0
    assert base.cytokines["IL-1b"].decay_rate == pytest.approx(0.6931471805599453 / 30)
    assert base.cell_types["neuron"].variables["slow"].kind is VariableKind.ACCUMULATING
    assert base.title == "Intrathecal BMSC after chronic constriction injury"


def test_arms_differ_where_they_say_so(chen: Experiment) -> None:
    assert [i.kind for i in chen.arms["sham"].injuries] == ["sham"]
    assert [i.kind for i in chen.arms["cci"].injuries] == ["CCI"]
    dose = chen.arms["cci_bmsc"].interventions[0].inject_cells
    assert dose is not None and dose.dose == 2.5e5 and dose.times == (4 * 1440.0,)
    protein = chen.arms["cci_tgfb1"].interventions[0].infuse
    assert protein is not None and protein.dose == 1e7 and protein.duration == 0.0
    assert chen.arms["cci"] == chen.base
    assert chen.arms["sham"] != chen.base


def test_resolved_text_loads_to_the_same_experiment(chen: Experiment) -> None:
    again = load_experiment_text(chen.text, "stored")
    assert again == chen
    assert again.text == chen.text
    assert "extends" not in chen.text


def test_text_of_an_arm_loads_to_that_arm(chen: Experiment) -> None:
    for name in chen.arms:
        again = load_experiment_text(chen.arm_text(name), "run.h5")
        assert list(again.arms) == [name]
        assert again.arms[name] == chen.arms[name]
        assert (again.replicates, again.seed) == (chen.replicates, chen.seed)
        assert again.arm_text(name) == chen.arm_text(name)


def test_an_experiment_travels_between_processes(chen: Experiment) -> None:
    again = pickle.loads(pickle.dumps(chen))
    assert again == chen
    assert again.arm_text("cci") == chen.arm_text("cci")


def test_a_file_without_arms_has_one_named_like_the_file() -> None:
    assert list(small(name="folder/my_run.yaml").arms) == ["my_run"]
    assert list(small(name="no name").arms) == ["run"]


def test_load_scenario_gives_one_arm() -> None:
    assert load_scenario(CHEN, "sham").injuries[0].kind == "sham"
    assert load_scenario(CHEN).injuries[0].kind == "CCI"
    with pytest.raises(ScenarioError, match="no arm 'shm'; did you mean 'sham'"):
        load_scenario(CHEN, "shm")


def test_files_extend_files_relative_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "base.yaml").write_text(SMALL + "title: base\nseed: 5\n")
    (tmp_path / "deep" / "middle.yaml").write_text("schema_version: 1\nextends: ../base.yaml\nseed: 6\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema_version: 1\nextends: [deep/middle.yaml]\ntime: {duration: 2 d}\n")
    experiment = load_experiment(top)
    assert (experiment.seed, experiment.base.title, experiment.base.time.duration) == (6, "base", 2880.0)


def test_later_parents_win_and_the_file_wins_over_all(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(SMALL + "title: one\nseed: 1\nreplicates: 3\n")
    (tmp_path / "two.yaml").write_text("schema_version: 1\ntitle: two\nseed: 2\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema_version: 1\nextends: [one.yaml, two.yaml]\ntitle: top\n")
    experiment = load_experiment(top)
    assert (experiment.base.title, experiment.seed, experiment.replicates) == ("top", 2, 3)


def test_faults_name_the_file_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SMALL + "cytokines: {IL-10: {baseline: 3 um}}\n")
    top = tmp_path / "top.yaml"
    top.write_text("schema_version: 1\nextends: base.yaml\ntime: {duration: 3}\n")
    with pytest.raises(ScenarioError) as error:
        load_experiment(top)
    first, second = error.value.faults
    assert (first.file, first.line, first.column, first.path) == (str(top), 3, 18, "time.duration")
    assert (second.file, second.line) == (str(tmp_path / "base.yaml"), 7)
    assert str(first).splitlines()[1:] == ["    time: {duration: 3}", " " * 4 + " " * 17 + "^"]


def test_image_becomes_part_of_the_text(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (4, 4), 255).save(tmp_path / "outline.png")
    file = tmp_path / "with_image.yaml"
    file.write_text(SMALL + "arms: {a: {regions: {site: {image: {file: outline.png}}}}}\n")
    experiment = load_experiment(file)
    (tmp_path / "outline.png").unlink()
    assert load_experiment_text(experiment.text, "elsewhere") == experiment
    assert "data:image/png;base64," in experiment.arm_text("a")


def test_molar_values_become_mass() -> None:
    scenario = small(
        "cytokines: {IL-10: {baseline: 1 nM}}\n"
        "cell_types: {msc: {behaviours: {secretion of IL-10: {base: 1 amol/day}}}}\n"
        "interventions: [{infuse: {cytokine: IL-10, dose: 2 pmol, route: intrathecal, at: 0 d}}]\n"
    ).base
    assert scenario.cytokines["IL-10"].baseline == pytest.approx(37_000.0)
    assert scenario.cell_types["msc"].behaviours["secretion of IL-10"].base == pytest.approx(37.0 / 1440)
    dose = scenario.interventions[0].infuse
    assert dose is not None and dose.dose == pytest.approx(74e6)


def test_null_removes_and_an_empty_section_says_nothing() -> None:
    more = "cell_types: {microglia: {behaviours: {division: null}}}\ncytokines:\nreadout:\n"
    scenario = small(more).base
    assert "division" not in scenario.cell_types["microglia"].behaviours
    assert "IL-10" in scenario.cytokines


def test_a_decay_rate_fills_in_the_half_life() -> None:
    scenario = small("cytokines: {X: {diffusion: 1 um^2/s, decay: 0.6931471805599453 /h}}\n").base
    assert scenario.cytokines["X"].half_life == pytest.approx(60.0)
    none = small("cytokines: {X: {diffusion: 1 um^2/s, half_life: none}}\n").base.cytokines["X"]
    assert none.decay_rate == 0.0 and none.half_life == float("inf")


def test_numbers_of_the_file_are_kept_as_written() -> None:
    text = small("seed: 0x10\nreplicates: 0o17\n").text
    assert "seed: 0x10" in text and "replicates: 0o17" in text
    assert small("seed: 0x10\n").seed == 16


@pytest.mark.parametrize(
    "title",
    [
        "a: b",
        "# no comment",
        "yes",
        "null",
        "1e3",
        "",
        " x ",
        "'quoted'",
        '"',
        "tab\there",
        "ü€𝄞",
        "\x85\u2028\u2029 \ufeff",
        "- x",
        "a\\b",
    ],
)
def test_any_text_survives_the_resolved_text(title: str) -> None:
    import json

    experiment = small(f"title: {json.dumps(title, ensure_ascii='𝄞' not in title)}\n")
    assert experiment.base.title == title
    assert load_experiment_text(experiment.text, "again").base.title == title
