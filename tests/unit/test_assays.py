"""Assays of recorded runs: what animals share, what they do not, and what is refused."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.analysis.assay_noise import Stream, normals, uniforms
from abm.analysis.assay_report import COLUMNS, assay_csv, assay_of_all, assay_table, usual_days
from abm.analysis.assay_settings import heat_settings, von_frey_settings
from abm.analysis.assays import HEAT, VON_FREY, heat, noise_free, percent_mpe, von_frey
from abm.analysis.groups import RunGroups, group_runs
from abm.errors import RecordError, ScenarioError
from abm.library import catalogue
from abm.scenario.load import load_experiment_text
from abm.scenario.walk import quantities
from abm.view.assay import draw_assay, plot_assay
from tests import recorded_runs
from tests.recorded_runs import Plan, scenario_text, write_experiment, write_run

ARMS = ("sham", "cci", "cci_bmsc")
SECTION = "assays:\n" + catalogue.module_text("library/assays").partition("\nassays:\n")[2]


def with_assays(arm: str, section: str = SECTION, **changes: Any) -> Plan:
    extra = {"scenario": scenario_text(arm) + section}
    return Plan(fields=False, cells=False, extra=extra, **changes)


def experiment(folder: Path, arms: tuple[str, ...] = ARMS, replicates: int = 3, days: float = 8.0) -> Path:
    for arm in arms:
        write_experiment(folder, [arm], range(replicates), with_assays(arm, days=days))
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return experiment(tmp_path_factory.mktemp("assays"))


def without_noise(groups: RunGroups) -> Any:
    """The recorded protocol on identical animals that never err."""
    protocol = von_frey_settings(groups["cci"][0])
    return replace(protocol, trial_spread=1e-12, animal_spread=0.0, false_responses=0.0, missed_responses=0.0)


def test_protocol_comes_from_the_recorded_scenario(results: Path) -> None:
    with group_runs(results) as groups:
        protocol = von_frey_settings(groups["cci"][0])
        assert protocol.filaments.forces == (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56)
        assert (protocol.further_trials, protocol.animals) == (4, 8)
        assert protocol.trial_spread == pytest.approx(0.15)
        lamp = heat_settings(groups["cci"][0])
        assert (lamp.latency, lamp.cutoff, lamp.trials) == pytest.approx((10.0, 20.0, 3))


def test_every_run_is_a_group_of_animals(results: Path) -> None:
    with group_runs(results) as groups:
        found = von_frey(groups, "cci", [7.0, 0.0, 7.0], animals=5)
        assert found.days.tolist() == [0.0, 7.0]
        assert found.values.shape == found.censored.shape == (3, 5, 2) and found.animals == 15
        assert found.noise_free.shape == (3, 2) and found.baseline.shape == (3, 5)
        assert found.unit == "g" and found.curves().values.shape == (3, 2)
        assert {len(row) for run in found.patterns for row in run} == {2}
        recorded = noise_free(groups, "cci", VON_FREY)
        assert found.noise_free[:, 1] == pytest.approx(recorded.at(7.0))


def test_without_noise_the_threshold_lies_between_its_filaments(results: Path) -> None:
    with group_runs(results) as groups:
        found = von_frey(groups, "cci", [0.0, 1.0, 3.0, 7.0], settings=without_noise(groups))
        forces = np.array(found.limits[:1] + von_frey_settings(groups["cci"][0]).filaments.forces)
        stronger = np.searchsorted(forces, found.noise_free)
        assert (found.values.min(axis=1) > forces[stronger - 1]).all()
        assert (found.values.max(axis=1) < forces[stronger]).all()


def test_the_same_animals_on_all_days_and_in_all_arms(results: Path) -> None:
    with group_runs(results) as groups:
        sham = von_frey(groups, "sham", [0.0, 1.0])
        cci = von_frey(groups, "cci", [0.0])
        # Before the injury acts, the arms are the same animals with the same luck.
        assert np.array_equal(sham.values[:, :, 0], cci.values[:, :, 0])
        assert np.array_equal(sham.baseline, sham.values[:, :, 0])
        # On another day the luck is another one.
        assert not np.array_equal(sham.values[:, :, 0], sham.values[:, :, 1])
        # The animals of other replicates are others.
        assert not np.array_equal(sham.values[0], sham.values[1])


def test_an_animals_sensitivity_lasts(results: Path) -> None:
    with group_runs(results) as groups:
        protocol = replace(without_noise(groups), animal_spread=0.3)
        found = von_frey(groups, "sham", [0.0, 1.0, 5.0], animals=30, settings=protocol)
        # Sham thresholds do not change, nor then does an animal without trial noise.
        assert (np.ptp(found.values, axis=2) == 0.0).all()
        assert np.ptp(found.values[0, :, 0]) > 0.5


def test_more_animals_or_days_leave_the_others_alone(results: Path) -> None:
    with group_runs(results) as groups:
        few = von_frey(groups, "cci", [3.0], animals=3)
        many = von_frey(groups, "cci", [1.0, 3.0, 6.0], animals=20)
        assert np.array_equal(few.values[:, :, 0], many.values[:, :3, 1])
        assert [p[0][0] for p in few.patterns] == [p[0][1] for p in many.patterns]
        warm = heat(groups, "cci", [3.0], animals=3)
        assert np.array_equal(
            warm.values[:, :, 0], heat(groups, "cci", [1.0, 3.0], animals=9).values[:, :3, 1]
        )


def test_noise_is_a_function_of_its_key() -> None:
    def draw(stream: Stream = Stream.HEAT_TRIALS, seed: int = 1, replicate: int = 2, day: float = 3.0) -> Any:
        return uniforms(stream, seed, replicate, day, (4, 5))

    once = draw()
    assert np.array_equal(once, draw()) and ((once >= 0) & (once < 1)).all()
    others = [draw(Stream.HEAT_ANIMALS), draw(seed=2), draw(replicate=3), draw(day=3.001), draw(day=-1.0)]
    assert not any(np.isin(once, other).any() for other in others)
    assert np.array_equal(once[:2], uniforms(Stream.HEAT_TRIALS, 1, 2, 3.0, (2, 5)))
    # The first numbers of a key, so that files keep their assays whatever the version of numpy.
    assert uniforms(Stream.VON_FREY_TRIALS, 2015, 0, 7.0, (2,)) == pytest.approx(FIRST, abs=1e-15)
    assert normals(Stream.VON_FREY_ANIMALS, 2**63 - 1, 0, -1.0, (3,)).shape == (3,)


FIRST = (0.8001187929087954, 0.7063132675203124)


def test_heat_follows_the_signal_and_is_cut_off(results: Path) -> None:
    with group_runs(results) as groups:
        protocol = heat_settings(groups["cci"][0])
        quiet = replace(protocol, trial_spread=0.0, animal_spread=0.0)
        found = heat(groups, "cci", [0.0, 7.0], settings=quiet)
        assert found.values[:, :, 0] == pytest.approx(10.0)
        signal = 0.9 * (1 - np.exp(-7.0))
        assert found.values[0, 0, 1] == pytest.approx(10.0 * (0.4 + 0.6 / (1 + (signal / 0.209) ** 2)))
        assert found.noise_free == pytest.approx(found.values[:, 0, :])
        assert found.count(1).tolist() == [0, 0]
        short = heat(groups, "cci", [0.0, 7.0], settings=replace(quiet, cutoff=8.0))
        assert short.values[0, 0, 0] == 8.0
        assert short.count(1).tolist() == [24, 0] and short.count(-1).tolist() == [0, 0]


def test_group_statistics(results: Path) -> None:
    with group_runs(results) as groups:
        found = von_frey(groups, "cci", [7.0])
        pooled = found.values.ravel()
        assert found.sem()[0] == pytest.approx(pooled.std(ddof=1) / np.sqrt(24))
        assert found.interval().mean[0] == pytest.approx(pooled.mean())
        assert found.interval().n[0] == 3  # runs
        treated = von_frey(groups, "cci_bmsc", [1.0, 7.0])
        vehicle = von_frey(groups, "cci", [1.0, 7.0])
        effect = percent_mpe(treated, vehicle)
        assert effect.values[:, 0] == pytest.approx(0.0)  # the dose is given on day 2
        a, b = treated.curves().values[:, 1], vehicle.curves().values[:, 1]
        assert effect.values[:, 1] == pytest.approx(100 * (a - b) / (vehicle.baseline_means() - b))


def test_one_run_has_an_interval_over_its_animals(tmp_path: Path) -> None:
    experiment(tmp_path, ("cci",), replicates=1)
    with group_runs(tmp_path) as groups:
        found = von_frey(groups, "cci", [7.0])
        assert found.interval().n[0] == 8 and np.isfinite(found.interval().low).all()
        assert "only run" in assay_table(groups, {"cci": found}).as_text()
        alone = von_frey(groups, "cci", [7.0], animals=1)
        assert np.isnan(alone.sem()).all() and "–" in assay_table(groups, {"cci": alone}).as_text()


def test_table_and_csv(results: Path) -> None:
    with group_runs(results) as groups:
        days = usual_days(groups)
        assert days == (0.0, 1.0, 2.125, 3.0, 7.0)
        found = assay_of_all(groups, VON_FREY)
        table = assay_table(groups, found)
        assert len(table.rows) == 3 * len(days)
        assert table.head[-1] == "% MPE" and all(len(row) == len(table.head) for row in table.rows)
        rows = list(csv.DictReader(io.StringIO(assay_csv(found))))
        assert tuple(rows[0]) == COLUMNS and len(rows) == 3 * 3 * 8 * len(days)
        mean = np.mean([float(row["value"]) for row in rows if row["arm"] == "cci" and row["day"] == "7.0"])
        assert mean == pytest.approx(float(found["cci"].interval().mean[-1]))
        assert set(rows[0]["responses"]) == {"O", "X"}


def test_censored_animals_are_counted(results: Path) -> None:
    with group_runs(results) as groups:
        protocol = von_frey_settings(groups["cci"][0])
        low = replace(
            protocol, filaments=replace(protocol.filaments, forces=(0.02, 0.04, 0.08), start=0.04, above=0.08)
        )
        found = von_frey(groups, "sham", [0.0], settings=low)
        assert found.count(1).tolist() == [24] and (found.values == 0.08).all()
        assert "24 above" in assay_table(groups, {"sham": found}).as_text()
        assert assay_csv({"sham": found}).count(",above,") == 24


def test_figure(results: Path, tmp_path: Path) -> None:
    with group_runs(results) as groups:
        for assay in (VON_FREY, HEAT):
            found = assay_of_all(groups, assay, (0.0, 3.0))
            (axes,) = draw_assay(groups, found).axes
            assert found["cci"].unit in axes.get_ylabel()
            points = [line for line in axes.get_lines() if line.get_marker() == "o"]
            assert len(points) == len(ARMS)
            assert points[1].get_ydata() == pytest.approx(found["cci"].interval().mean)
        written = plot_assay(groups, found, tmp_path / "new", ("png", "svg"), dpi=40)
        assert [file.name for file in written] == ["assay_heat.png", "assay_heat.svg"]
        with pytest.raises(RecordError, match="no format"):
            plot_assay(groups, found, tmp_path, ("jpg",))
        with pytest.raises(RecordError, match="no results"):
            plot_assay(groups, {}, tmp_path)


# ------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("days", "animals", "message"),
    [
        ([9.0], None, "recorded from day 0 to day 8; .* not in it: 9"),
        ([-1.0, 2.0], None, "not in it: -1"),
        ([float("nan")], None, "not in it: nan"),
        ([float("inf")], None, "not in it: inf"),
        ([], None, "none"),
        ([1.0], 0, "0 animals per run; allowed: 1 to"),
        ([1.0], 10**9, "animals per run; allowed"),
    ],
)
def test_impossible_requests(results: Path, days: list[float], animals: int | None, message: str) -> None:
    with group_runs(results) as groups, pytest.raises(RecordError, match=message):
        von_frey(groups, "cci", days, animals)


def test_unknown_arm_and_assay(results: Path) -> None:
    with group_runs(results) as groups:
        with pytest.raises(RecordError, match=r"no arm 'cii' .* sham, cci, cci_bmsc"):
            von_frey(groups, "cii", [1.0])
        with pytest.raises(RecordError, match="no assay 'tail-flick'; there are von-frey, heat"):
            assay_of_all(groups, "tail-flick")
        a, b = von_frey(groups, "cci", [1.0]), von_frey(groups, "cci", [2.0])
        with pytest.raises(RecordError, match="same assay on the same days"):
            percent_mpe(a, b)
        with pytest.raises(RecordError, match="no replicate in common"):
            percent_mpe(a, replace(a, replicates=(7, 8, 9)))


def test_files_from_before_the_assays(tmp_path: Path) -> None:
    write_run(tmp_path / "cci_r000.h5", "cci", plan=with_assays("cci", section=""))
    with (
        group_runs(tmp_path) as groups,
        pytest.raises(RecordError, match=r"no section 'assays'.*run it again"),
    ):
        von_frey(groups, "cci", [1.0])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("assays: {heat: null}\n", "no section 'assays.von_frey'"),
        ("assays: 3\n", "no section 'assays'"),
        ("assays: {von_frey: {filaments: dog}, filament_sets: {}}\n", "filament_sets.dog"),
        (SECTION.replace("further_trials: 4", "further_trials: four"), "further_trials .* whole number"),
        (SECTION.replace("further_trials: 4", "further_trials: true"), "further_trials .* whole number"),
        (SECTION.replace("[0.02 g,", "[0.02 s,"), "forces .* withdrawal threshold"),
        (SECTION.replace("value: 0.15,", "value: wide,"), "trial_spread"),
        ("::: no yaml", "no section 'assays'"),
    ],
)
def test_protocols_that_cannot_be_read(tmp_path: Path, section: str, message: str) -> None:
    write_run(tmp_path / "cci_r000.h5", "cci", plan=with_assays("cci", section))
    with group_runs(tmp_path) as groups, pytest.raises(RecordError, match=message):
        von_frey(groups, "cci", [1.0])


def test_no_readout_of_pain(tmp_path: Path) -> None:
    write_run(tmp_path / "cci_r000.h5", "cci", plan=replace(with_assays("cci"), pain=False))
    with group_runs(tmp_path) as groups:
        for test in (von_frey, heat):
            with pytest.raises(RecordError, match=r"withdrawal_threshold|nociception"):
                test(groups, "cci", [1.0])


def test_nothing_recorded_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_runs, "PER_DAY", 1)
    plan = replace(with_assays("cci"), days=-1.0, status="running")
    write_run(tmp_path / "cci_r000.h5", "cci", plan=plan)
    with group_runs(tmp_path) as groups:
        with pytest.raises(RecordError, match="nothing has been recorded"):
            von_frey(groups, "cci", [0.0])
        with pytest.raises(RecordError, match="nothing has been recorded"):
            usual_days(groups)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "is nan g on day 1"), (-0.1, "is -0.1 g on day 1")])
def test_thresholds_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, message: str
) -> None:
    monkeypatch.setattr(
        recorded_runs, "threshold", lambda arm, replicate, days: np.where(days == 1, value, 1.2)
    )
    write_run(tmp_path / "cci_r000.h5", "cci", plan=with_assays("cci"))
    with group_runs(tmp_path) as groups:
        assert von_frey(groups, "cci", [2.0]).animals == 8
        with pytest.raises(RecordError, match=message):
            von_frey(groups, "cci", [1.0, 2.0])


@pytest.mark.parametrize(("value", "assigned", "end"), [(0.0, 0.01, -1), (np.inf, 2.56, 1)])
def test_extreme_thresholds_are_assigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, assigned: float, end: int
) -> None:
    monkeypatch.setattr(
        recorded_runs, "threshold", lambda arm, replicate, days: np.where(days == 1, value, 1.2)
    )
    write_run(tmp_path / "cci_r000.h5", "cci", plan=with_assays("cci"))
    with group_runs(tmp_path) as groups:
        protocol = replace(von_frey_settings(groups["cci"][0]), false_responses=0.0, missed_responses=0.0)
        found = von_frey(groups, "cci", [1.0], settings=protocol)
        assert (found.values == assigned).all() and (found.censored == end).all()


# -------------------------------------------------------------------------------------- in a scenario

SMALL = """
schema_version: 1
extends: library/dorsal_horn
time: {duration: 1 d}
domain: {size: [400 um, 400 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [200 um, 200 um], radius: 100 um}}}
"""


def test_every_number_of_the_library_has_a_source() -> None:
    scenario = load_experiment_text(SMALL).base
    protocol = scenario.assays
    assert set(protocol.filament_sets) == {"mouse", "rat"}
    # Forces are what the maker prints on the filaments, a choice of the experimenter.
    bare = [
        ".".join(map(str, path))
        for path, value in quantities(protocol)
        if not value.source and "forces" not in path
    ]
    assert bare == []


def test_rat_filaments_are_chosen_by_name() -> None:
    scenario = load_experiment_text(SMALL, sets=["assays.von_frey.filaments=rat"]).base
    assert scenario.assays.von_frey is not None and scenario.assays.von_frey.filaments == "rat"
    assert load_experiment_text(SMALL, sets=["assays.von_frey=null"]).base.assays.von_frey is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("assays.von_frey.filaments=rats", "none of filament_sets; did you mean 'rat'?"),
        ("assays.filament_sets.mouse.start=0.3 g", "'start' must be one of the forces"),
        ("assays.filament_sets.mouse.forces=[1 g, 1 g, 2 g]", "'forces' must ascend"),
        ("assays.filament_sets.mouse.forces=[1 g]", "forces"),
        ("assays.filament_sets.mouse.below=5 g", "'below' must be less than 'above'"),
        ("assays.filament_sets.mouse.below=0 g", "must be above 0"),
        ("assays.von_frey.false_responses=0.99", "leave nothing"),
        ("assays.von_frey.trial_spread=0", "must be above 0"),
        ("assays.von_frey.further_trials=0", "out of range; at least 1"),
        ("assays.von_frey.further_trials=4.5", "expected a whole number"),
        ("assays.von_frey.animals=100000", "out of range; at most 1000"),
        ("assays.heat.cutoff=20", "has no unit"),
        ("assays.heat.lamp=20 s", "unknown key 'lamp'"),
        ("assays.von_frey.trial_spread=.nan", "not a number"),
    ],
)
def test_faulty_protocols(setting: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_experiment_text(SMALL, sets=[setting])
    assert message in str(caught.value)
