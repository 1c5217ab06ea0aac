"""Targets files, the quantities they define, and the comparison with runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from abm.analysis.curves import collect
from abm.analysis.groups import RunGroups, group_runs
from abm.analysis.migration import distance_to_region, distances, edge_points, injected_types, inside
from abm.analysis.quantities import Quantity, evaluate, section_area
from abm.analysis.targets import compare_with_targets, read_targets, target_table
from abm.errors import RecordError, ScenarioError
from tests.recorded_runs import Plan, threshold, write_experiment, write_run

ARMS = ("sham", "cci", "cci_bmsc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("runs"), ARMS, plan=Plan(days=8.0, fields=False))


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def written(tmp_path: Path, rows: str, quantities: str = "  x: {series: withdrawal_threshold}") -> Path:
    path = tmp_path / "targets.yaml"
    path.write_text(f"schema_version: 1\nquantities:\n{quantities}\ntargets:\n{rows}\n", encoding="utf-8")
    return path


def test_the_shipped_targets_are_complete(root: Path) -> None:
    targets = read_targets()
    by_id = {row.id: [t for t in targets.targets if t.id == row.id] for row in targets.targets}
    assert sorted(by_id) == ["C8", "D.1", "D.2", "D.3", "D.4", "D.5", "D.6", "D.7"]
    assert len(targets.targets) == 79
    assert {row.arm for row in by_id["D.2"]} == {"cci_bmsc"}
    assert [row.bound for row in by_id["D.3"]] == ["", "", "upper"]
    assert {row.quantity for row in targets.targets} == set(targets.quantities)
    library = YAML(typ="safe").load((root / "abm/library/data/sources.yaml").read_text(encoding="utf-8"))
    known = set(library["sources"]) | set(targets.sources)
    assert all(row.kind in ("recalled", "estimated", "read") for row in targets.targets)
    assert {key for row in targets.targets for key in row.source.split(", ")} <= known


def test_threshold_over_its_own_start(groups: RunGroups) -> None:
    curves = evaluate(read_targets().quantities["threshold / baseline"], groups, "cci")
    expected = [threshold("cci", r, curves.time) / threshold("cci", r, np.zeros(1)) for r in range(3)]
    np.testing.assert_allclose(curves.values, expected)
    assert curves.unit == "1"


def test_folds_are_relative_to_sham_on_the_same_day(groups: RunGroups) -> None:
    curves = evaluate(read_targets().quantities["microglia fold"], groups, "cci")
    counts = {
        arm: collect(groups[arm], "cell_count_by_region", cell_type="microglia", region="site")
        for arm in ("cci", "sham")
    }
    np.testing.assert_allclose(curves.values, counts["cci"].values / counts["sham"].values)
    report = compare_with_targets(groups)
    assert report.notes == ["Folds are relative to sham on the same day, replicate by replicate."]


def test_folds_are_relative_to_the_start_without_a_control(folder: Path) -> None:
    with group_runs(sorted(folder.glob("cci_r*"))) as groups:
        curves = evaluate(read_targets().quantities["IL-1b fold"], groups, "cci")
        np.testing.assert_allclose(curves.values[:, 0], 1.0)
        assert compare_with_targets(groups).notes == [
            "Folds are relative to day 0 of the same run: no arm is a control."
        ]


def test_a_replicate_without_its_control_uses_the_mean_of_the_control(folder: Path) -> None:
    files = [folder / "sham_r000.h5", folder / "sham_r001.h5", *folder.glob("cci_r*")]
    with group_runs(files) as groups:
        curves = evaluate(read_targets().quantities["microglia fold"], groups, "cci")
    # 80 + replicate cells in the control, the same in the injured at the start.
    np.testing.assert_allclose(curves.values[:, 0], [1.0, 1.0, 82.0 / 80.5])


def test_density_is_per_area_of_a_section_of_20_um(groups: RunGroups) -> None:
    run = groups["cci"][0]
    mask = run.regions["site"] & run.tissue
    assert section_area(run, "site") == pytest.approx(mask.sum() * 0.05**2)
    assert section_area(run, "") == pytest.approx(run.tissue.sum() * 0.05**2)
    curves = evaluate(read_targets().quantities["T cells per mm^2"], groups, "cci")
    np.testing.assert_allclose(curves.values, 5.0 / section_area(run, "site"))
    assert curves.unit == "mm⁻²"


def test_density_of_a_block_counts_its_sections(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0, layers=5))
    with group_runs(tmp_path) as groups:
        run = groups["cci"][0]
        assert section_area(run, "site") == pytest.approx(run.regions["site"][0].sum() * 0.05**2 * 5)


def test_comparison(tmp_path: Path, groups: RunGroups) -> None:
    values = [float(threshold("cci", r, np.array([3.0]))[0]) for r in range(3)]
    mean = float(np.mean(values))
    head = "  - {arm: cci, quantity: x, tolerance: 0.1"
    rows = "\n".join(
        [
            f"{head}, day: 3, mean: {mean + 0.05}, id: in}}",
            f"{head}, day: 3, mean: {mean - 0.15}, id: out}}",
            f"{head}, day: 3, mean: {mean + 0.01}, bound: upper, id: below}}",
            f"{head}, day: 3, mean: {mean + 0.01}, bound: lower, id: above}}",
            f"{head}, day: 9, mean: 1, id: late}}",
            "  - {arm: other, quantity: x, day: 3, mean: 1, tolerance: 0.1}",
        ]
    )
    report = compare_with_targets(groups, read_targets(written(tmp_path, rows)))
    found = {comparison.target.id: comparison for comparison in report.comparisons}
    assert {name: one.inside for name, one in found.items()} == {
        "in": True,
        "out": False,
        "below": True,
        "above": False,
        "late": None,
    }
    assert found["in"].z == pytest.approx(-0.5)
    assert found["out"].z == pytest.approx(1.5)
    assert found["in"].mean == pytest.approx(mean)
    half = 4.30265 * np.std(values, ddof=1) / np.sqrt(3)
    assert float(found["in"].simulated.high) - mean == pytest.approx(half, rel=1e-5)
    assert (report.met, report.tested, report.missing) == (2, 4, ["other"])
    text = target_table(report).as_text()
    assert f"{mean:.3f} ± {half:.3f}" in text
    assert "2 of 4 targets met" in text
    assert "1 targets lie after the end of the runs." in text
    assert "Targets without an arm here: other." in text
    assert "≤ " in text


def test_days_count_from_the_injury(tmp_path: Path) -> None:
    later = "injuries: [{kind: CCI, at: 2 d, site: site}]\n"
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=4.0, fields=False, extra={"scenario": later}))
    targets = written(tmp_path, "  - {arm: cci, quantity: x, day: 1, mean: 1, tolerance: 1}")
    with group_runs(tmp_path / "a.h5") as groups:
        report = compare_with_targets(groups, read_targets(targets))
    assert report.comparisons[0].mean == pytest.approx(float(threshold("cci", 0, np.array([3.0]))[0]))


def test_markdown_has_one_row_per_target(groups: RunGroups) -> None:
    report = compare_with_targets(groups)
    lines = target_table(report).as_markdown().splitlines()
    assert lines[1] == "|---|---|---|---:|---:|---:|---:|---|"
    assert sum(line.startswith("| D.") for line in lines) == len(report.comparisons)


def test_csv(tmp_path: Path, groups: RunGroups) -> None:
    path = tmp_path / "data.csv"
    path.write_text(
        "arm,quantity,day,mean,tolerance,source\ncci,threshold / baseline,3,0.2,0.1,mine\n", encoding="utf-8"
    )
    targets = read_targets(path)
    assert [(t.arm, t.day, t.mean, t.tolerance, t.source) for t in targets.targets] == [
        ("cci", 3.0, 0.2, 0.1, "mine")
    ]
    assert compare_with_targets(groups, targets).tested == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "  - {arm: cci, quantity: y, day: 1, mean: 1, tolerance: 1}",
            r":5: error: quantity: no quantity 'y'",
        ),
        ("  - {arm: cci, quantity: x, day: 1, mean: 1, tolerance: 0}", "must be above 0"),
        ("  - {arm: cci, quantity: x, day: 1, mean: one, tolerance: 1}", "'one' is not a finite number"),
        ("  - {arm: cci, quantity: x, day: .nan, mean: 1, tolerance: 1}", "not a finite number"),
        ("  - {arm: cci, quantity: x, day: 1, mean: 1}", "a target needs 'tolerance'"),
        ("  - {arm: cci, quantity: x, day: 1, mean: 1, tolerance: 1, bound: over}", "upper or lower"),
        ("  - {arm: cci, quantity: x, dai: 1, mean: 1, tolerance: 1}", "did you mean 'day'"),
        ("  - just text", "a target is a mapping"),
        ("  {", "not YAML"),
        ("", "a list of targets is missing"),
    ],
)
def test_faulty_targets(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_targets(written(tmp_path, rows))


@pytest.mark.parametrize(
    ("quantities", "message"),
    [
        ("  x: {serie: withdrawal_threshold}", "needs at least 'series'"),
        ("  x: {series: a, relative_to: yesterday}", "'yesterday' is not allowed; start or control"),
        ("  x: {series: a, per_area: m^2}", "is not allowed; mm\\^2"),
        ("  x: {series: a, lable: b}", "did you mean 'label'"),
    ],
)
def test_faulty_definitions(tmp_path: Path, quantities: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_targets(written(tmp_path, "  []", quantities))


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    rows = "  - {arm: cci}\n  - {arm: cci, quantity: y, day: 1, mean: 1, tolerance: -1}"
    with pytest.raises(ScenarioError) as caught:
        read_targets(written(tmp_path, rows))
    assert len(caught.value.faults) == 6


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        read_targets(tmp_path / "absent.yaml")
    path = tmp_path / "head.csv"
    path.write_text("arm,day\ncci,1\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="lacks quantity, mean, tolerance"):
        read_targets(path)


def test_a_series_that_was_not_recorded(groups: RunGroups) -> None:
    with pytest.raises(RecordError, match="no series 'firing_rate'"):
        evaluate(Quantity("rate", "Rate", "firing_rate"), groups, "cci")


def test_distance_of_injected_cells(groups: RunGroups) -> None:
    """One cell walks along x towards the disc at 400 um a day, one stays, one is not in the tissue."""
    runs = groups["cci_bmsc"]
    assert injected_types(runs) == ["msc"]
    assert injected_types(groups["cci"]) == []
    curves = distance_to_region(runs, "msc", "site")
    assert np.isnan(curves.values[:, curves.time < 2.0]).all()
    edge = 1175.0  # centre of the outermost voxel of the disc on the line y = 1000
    staying = np.hypot(1800.0 - edge, 25.0)
    np.testing.assert_allclose(curves.at(2.0), staying)
    np.testing.assert_allclose(curves.at(3.0), 0.5 * (staying + np.hypot(1400.0 - edge, 25.0)))
    np.testing.assert_allclose(curves.at(7.0), 0.5 * staying, err_msg="the other one is inside")


def test_distances_agree_with_all_voxels(groups: RunGroups) -> None:
    """The edge alone gives the same as every voxel of the region, for points outside it."""
    run = groups["cci"][0]
    points = np.column_stack([np.random.default_rng(1).uniform(0, 2000, (200, 2)), np.full(200, 10.0)])
    within = inside(run, "site", points)
    z, y, x = np.nonzero(run.regions["site"])
    centres = np.column_stack([run.coordinate(a)[i] for a, i in zip("xyz", (x, y, z), strict=True)])
    slow = np.linalg.norm(points[:, None] - centres[None], axis=-1).min(axis=1)
    found = distances(points, edge_points(run, "site"), within)
    assert 10 < within.sum() < 100
    np.testing.assert_allclose(found[~within], slow[~within])
    assert (found[within] == 0.0).all()
