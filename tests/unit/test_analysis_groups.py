"""Result files sorted by arm and replicate, and what is said about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from abm.analysis.compare import paired_difference, percent_mpe, summary_table
from abm.analysis.curves import collect
from abm.analysis.experiment import days, read_experiment
from abm.analysis.groups import RunGroups, group_runs
from abm.errors import RecordError
from abm.record import open_run
from tests.recorded_runs import BASELINE, Plan, offset, threshold, write_experiment, write_run

SHORT = Plan(days=4.0, fields=False, cells=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(
        tmp_path_factory.mktemp("runs"), ["cci_tgfb1", "cci", "sham", "cci_bmsc"], plan=SHORT
    )


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def test_arms_in_the_order_of_their_roles(groups: RunGroups) -> None:
    assert list(groups) == ["sham", "cci", "cci_bmsc", "cci_tgfb1"]
    assert [run.replicate for run in groups["cci"]] == [0, 1, 2]
    assert [made.role for made in groups.experiments.values()] == ["control", "vehicle", "treated", "treated"]
    assert groups.vehicle == "cci"
    assert groups.notices == []
    assert groups.describe().splitlines()[0] == "sham: replicates 0, 1, 2; to day 4"


def test_files_and_folders_mix(folder: Path, tmp_path: Path) -> None:
    more = write_run(tmp_path / "more.h5", "naive", plan=SHORT)
    with group_runs([folder, more]) as found:
        assert sorted(found) == ["cci", "cci_bmsc", "cci_tgfb1", "naive", "sham"]
        assert any("the same replicates" in notice and "naive 1" in notice for notice in found.notices)


def test_the_same_arm_and_replicate_twice_is_refused(folder: Path) -> None:
    with pytest.raises(RecordError, match=r"both hold arm 'cci', replicate 1"):
        group_runs([folder, folder / "cci_r001.h5"])


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no result file"):
        group_runs(tmp_path)
    with pytest.raises(RecordError, match="no result file was given"):
        group_runs([])
    with pytest.raises(RecordError, match="no such file"):
        group_runs(tmp_path / "absent.h5")


def test_files_are_closed_after_use(folder: Path) -> None:
    with group_runs(folder) as found:
        run = found["cci"][0]
    with pytest.raises(Exception, match=r"(?i)invalid|closed|not open"):
        run.series("nociception")


def test_unfinished_runs_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", 0, SHORT)
    write_run(
        tmp_path / "b.h5", "cci", 1, Plan(days=2.0, fields=False, status="failed", message="NaN at day 2")
    )
    write_run(tmp_path / "c.h5", "sham", 0, Plan(days=1.0, fields=False, status="running"))
    with group_runs(tmp_path) as found:
        assert found.notices[0] == "b.h5: failed (NaN at day 2); it ends on day 2"
        assert found.notices[1] == "c.h5: stopped without finishing; it ends on day 1"
        assert len(found["cci"]) == 2
    with group_runs(tmp_path, finished_only=True) as found:
        assert [run.path.name for run in found["cci"]] == ["a.h5"]
        assert [run.path.name for run in found["sham"]] == ["c.h5"], "an arm's only run is kept"
        assert found.notices[0].startswith("b.h5: failed")


def test_other_seeds_and_programs_are_named(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", 0, SHORT)
    write_run(
        tmp_path / "b.h5", "sham", 0, Plan(days=1.0, fields=False, cells=False, seed=8, commit="f" * 40)
    )
    with group_runs(tmp_path) as found:
        assert any("different seeds (7, 8)" in notice for notice in found.notices)
        assert any("2 different programs" in notice and "fffffff" in notice for notice in found.notices)


def test_what_was_done_is_read_from_the_file(groups: RunGroups) -> None:
    made = groups.experiments["cci_bmsc"]
    assert [(i.kind, i.label, i.day, i.site) for i in made.injuries] == [
        ("CCI", "chronic constriction injury", 0.0, "site")
    ]
    assert [(dose.day, dose.text) for dose in made.doses] == [(2.0, "250000 living msc intrathecal")]
    assert made.readout_region == "site"
    assert made.labels["TGF-b1"] == "TGF-β1"
    assert made.labels["t_cell:effector"] == "effector"


@pytest.mark.parametrize("text", ["", "just words", "{unclosed", "[1, 2]", "cytokines: 3\ninjuries: [x]\n"])
def test_a_scenario_that_says_nothing_is_no_fault(tmp_path: Path, text: str) -> None:
    path = write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0, fields=False, extra={"scenario": text}))
    with open_run(path) as run:
        made = read_experiment(run)
    assert (made.injuries, made.labels, made.role) == ((), {}, "control")
    assert made.readout_region == "site", "a region of that name is the likeliest"


@pytest.mark.parametrize(
    ("given", "expected"),
    [("4 d", 4.0), ("36 h", 1.5), ("90 min", 0.0625), ({"value": "1 week"}, 7.0), ("0 s", 0.0)],
)
def test_times(given: object, expected: float) -> None:
    assert days(given) == pytest.approx(expected)


@pytest.mark.parametrize("given", [4, "4", "four days", None, "4 parsec", ["4 d"]])
def test_no_times(given: object) -> None:
    assert np.isnan(days(given))


def test_curves_hold_what_the_files_hold(groups: RunGroups) -> None:
    curves = collect(groups["cci"], "withdrawal_threshold")
    expected = [threshold("cci", replicate, curves.time) for replicate in range(3)]
    np.testing.assert_allclose(curves.values, expected)
    assert curves.unit == "g"
    assert curves.at(1.5) == pytest.approx([np.interp(1.5, curves.time, row) for row in expected])
    assert np.isnan(curves.at(4.1)).all()


def test_an_open_dimension_is_refused(groups: RunGroups) -> None:
    with pytest.raises(RecordError, match="dimensions time, cytokine, region; pick one"):
        collect(groups["cci"], "cytokine_by_region")
    with pytest.raises(RecordError, match="no region 'brain'; there are site, opposite"):
        collect(groups["cci"], "cytokine_by_region", cytokine="IL-1b", region="brain")


def test_replicates_of_unequal_length_share_their_common_times(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", 0, SHORT)
    write_run(tmp_path / "b.h5", "cci", 1, Plan(days=1.0, fields=False, cells=False, status="interrupted"))
    with group_runs(tmp_path) as found:
        curves = collect(found["cci"], "nociception")
    assert curves.values.shape == (2, 25)
    assert curves.time[-1] == 1.0


def test_paired_differences_cancel_what_replicates_share(groups: RunGroups) -> None:
    """The offset of a replicate is the same in every arm while neither is treated."""
    difference = paired_difference(groups["cci_bmsc"], groups["cci"], "withdrawal_threshold")
    before = difference.time < 2.0
    np.testing.assert_allclose(difference.values[:, before], 0.0, atol=1e-12)
    after = difference.time[~before]
    expected = [threshold("cci_bmsc", r, after) - threshold("cci", r, after) for r in range(3)]
    np.testing.assert_allclose(difference.values[:, ~before], expected)
    assert (difference.interval().low[~before] > 0.3).all()


def test_pairs_are_matched_by_number_not_by_place(tmp_path: Path) -> None:
    for arm, replicates in (("cci", (0, 2)), ("cci_bmsc", (2, 5))):
        for replicate in replicates:
            write_run(tmp_path / f"{arm}{replicate}.h5", arm, replicate, SHORT)
    with group_runs(tmp_path) as found:
        difference = paired_difference(found["cci_bmsc"], found["cci"], "withdrawal_threshold")
        assert difference.replicates == (2,)
        np.testing.assert_allclose(difference.values[0, :24], 0.0, atol=1e-12)
        with pytest.raises(RecordError, match="no replicate in common"):
            paired_difference(found["cci_bmsc"][1:], found["cci"], "withdrawal_threshold")


def test_percent_of_the_maximal_possible_effect(groups: RunGroups) -> None:
    curve = percent_mpe(groups["cci_bmsc"], groups["cci"])
    vehicle, treated = (collect(groups[arm], "withdrawal_threshold").at(3.0) for arm in ("cci", "cci_bmsc"))
    np.testing.assert_allclose(curve.at(3.0), 100 * (treated - vehicle) / (BASELINE - vehicle))
    assert curve.unit == "%"
    assert np.isnan(curve.values[:, 0]).all(), "no pain yet, so no effect is possible"
    same = percent_mpe(groups["cci"], groups["cci"]).at(3.0)
    np.testing.assert_allclose(same, 0.0, atol=1e-12)


def test_summary_table(groups: RunGroups) -> None:
    table = summary_table(groups)
    assert list(table.head) == ["", "unit", "sham", "cci", "cci_bmsc", "cci_tgfb1"]
    rows = {row[0]: row for row in table.rows}
    assert rows["replicates"][2:] == ["3", "3", "3", "3"]
    assert rows["threshold at the start"][1:3] == ["g", "1.2"]
    lowest = np.mean([threshold("cci", replicate, np.array([4.0]))[0] for replicate in range(3)])
    assert rows["lowest threshold"][3].startswith(f"{lowest:.3f}")
    assert "±" in rows["lowest threshold"][3]
    assert rows["falls below half on day"][2] == "–", "a sham operation never does"
    assert rows["halfway recovered on day"][2] == "–", "and has nothing to recover from"
    relief = rows["relief a day after the dose"]
    assert relief[1] == "% MPE"
    assert relief[2:4] == ["–", "–"]
    assert relief[4] == "66.6", "70 % of the pain, waning with 20 days, is taken from every replicate"
    assert any("against cci" in note for note in table.notes)


def test_summary_says_in_how_many_runs_something_happened(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", 0, SHORT)
    write_run(tmp_path / "b.h5", "cci", 1, Plan(days=0.5, fields=False, cells=False))
    with group_runs(tmp_path) as found:
        rows = {row[0]: row for row in summary_table(found).rows}
    assert rows["falls below half on day"][2].endswith("in 1 of 2")


def test_offsets_differ() -> None:
    assert len({offset(replicate) for replicate in range(3)}) == 3
