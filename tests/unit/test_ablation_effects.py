"""Effects of ablations from result files whose areas are known."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from abm.analysis.ablation import Ablated, Outcome, Ranking, pain_area, rank_ablations
from abm.analysis.ablation_tables import CSV_COLUMNS, csv_rows, ranking_table
from abm.analysis.statistics import mean_interval
from abm.errors import RecordError
from abm.record import open_run
from abm.record.layout import STATUS_INTERRUPTED
from abm.view.ablation import MOST_BARS, draw_ablation, largest, shortened
from abm.view.canvas import NothingToShowError, house_style
from tests.recorded_runs import BASELINE, PER_DAY, Plan, threshold, write_experiment, write_run

SHORT = Plan(days=6.0, fields=False, cells=False)
ARMS = ("sham", "cci", "cci_bmsc")
REPLICATES = (0, 1, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("runs"), ARMS, REPLICATES, SHORT)


def files(folder: Path, **arms: str) -> dict[str, dict[int, Path]]:
    """Files of arms; each may be shown the files of another arm instead."""
    return {arm: {r: folder / f"{source}_r{r:03d}.h5" for r in REPLICATES} for arm, source in arms.items()}


def intact(folder: Path) -> Ablated:
    return Ablated("intact", "intact", files(folder, sham="sham", cci="cci", cci_bmsc="cci_bmsc"))


def area(arm: str, replicate: int) -> float:
    days = np.arange(0, round(SHORT.days * PER_DAY) + 1) / PER_DAY
    deficit = np.clip(1.0 - threshold(arm, replicate, days) / BASELINE, 0.0, None)
    return float(np.trapezoid(deficit, days))


@pytest.fixture(scope="module")
def ranking(folder: Path) -> Ranking:
    absent = {"sham": "no such cell", "cci": "no such cell"}
    return rank_ablations(
        [
            intact(folder),
            Ablated("nothing", "term", files(folder, sham="sham", cci="cci", cci_bmsc="cci_bmsc")),
            # as if the treatment did nothing: simulated in its arm only
            Ablated("therapy", "intervention", files(folder, cci_bmsc="cci"), absent, ("its twin",)),
            # as if the injury did nothing
            Ablated("injury", "response", files(folder, sham="sham", cci="sham", cci_bmsc="sham")),
        ]
    )


def test_pain_and_relief_by_replicate(ranking: Ranking) -> None:
    by_name = {row.name: {e.outcome.name: e for e in row.effects} for row in ranking.rows}
    assert list(by_name["therapy"]) == [
        "pain in sham",
        "pain in cci",
        "pain in cci_bmsc",
        "relief by cci_bmsc",
    ]
    relief = np.array([area("cci", r) - area("cci_bmsc", r) for r in REPLICATES])
    found = by_name["therapy"]["relief by cci_bmsc"]
    expected = mean_interval(-relief)
    assert found.intact == pytest.approx(relief.mean(), rel=1e-12)
    assert found.ablated == 0.0 and found.left == 0.0
    assert float(found.change.mean) == pytest.approx(float(expected.mean), rel=1e-12)
    assert float(found.change.low) == pytest.approx(float(expected.low), rel=1e-9)
    assert float(found.change.high) == pytest.approx(float(expected.high), rel=1e-9)
    assert found.is_worse
    pain = by_name["therapy"]["pain in cci_bmsc"]
    assert float(pain.change.mean) == pytest.approx(relief.mean(), rel=1e-12)
    assert pain.is_worse and pain.note == ""
    untouched = by_name["therapy"]["pain in cci"]
    assert float(untouched.change.mean) == 0.0 and untouched.note == "no such cell"
    injury = by_name["injury"]["pain in cci"]
    assert injury.intact == pytest.approx(np.mean([area("cci", r) for r in REPLICATES]), rel=1e-12)
    assert injury.ablated == pytest.approx(0.0, abs=1e-12)
    assert not injury.is_worse
    assert all(float(e.change.mean) == 0.0 for e in by_name["nothing"].values())


def test_ranked_by_what_is_shown(ranking: Ranking, folder: Path) -> None:
    assert [o.name for o in ranking.shown] == ["pain in cci", "relief by cci_bmsc"]
    assert [row.name for row in ranking.rows] == ["injury", "therapy", "nothing"]
    variants = [
        intact(folder),
        Ablated("injury", "response", files(folder, sham="sham", cci="sham", cci_bmsc="sham")),
        Ablated("swap", "term", files(folder, sham="cci", cci="cci", cci_bmsc="cci_bmsc")),
    ]
    by_sham = rank_ablations(variants, by="pain in sham")
    assert [row.name for row in by_sham.rows] == ["swap", "injury"]
    assert by_sham.shown[0] == Outcome("pain", "sham", role="control")
    with pytest.raises(RecordError, match="no outcome 'pain in x'; there are pain in sham, pain in cci"):
        rank_ablations(variants, by="pain in x")
    with pytest.raises(RecordError, match="no measure 'speed'; there are threshold, nociception"):
        rank_ablations(variants, "speed")


def test_area_of_the_signal(folder: Path) -> None:
    found = rank_ablations(
        [intact(folder), Ablated("injury", "term", files(folder, cci="sham"))], "nociception"
    )
    (row,) = found.rows
    # the signal written by hand is 1 - threshold / baseline of each replicate
    expected = np.mean([area("cci", r) for r in REPLICATES])
    assert row.on(found.outcomes[1]).intact == pytest.approx(expected, rel=1e-12)


def test_deficit_is_measured_against_the_intact_baseline(folder: Path) -> None:
    with open_run(folder / "cci_r000.h5") as run:
        whole = pain_area(run, BASELINE, "threshold")
        assert whole == pytest.approx(area("cci", 0), rel=1e-12)
        doubled = pain_area(run, 2.0 * BASELINE, "threshold")
        assert doubled == pytest.approx(0.5 * (SHORT.days + whole), rel=1e-12)


def test_pain_in_a_window(folder: Path) -> None:
    days = np.arange(0, round(SHORT.days * PER_DAY) + 1) / PER_DAY
    deficit = np.clip(1.0 - threshold("cci", 0, days) / BASELINE, 0.0, None)
    with open_run(folder / "cci_r000.h5") as run:
        parts = [pain_area(run, BASELINE, "threshold", w) for w in ((0.0, 2.01), (2.01, 5.5), (5.5, 99.0))]
        assert sum(parts) == pytest.approx(area("cci", 0), rel=1e-12)
        inside = (days >= 2.0) & (days <= 5.0)
        expected = np.trapezoid(deficit[inside], days[inside])
        assert pain_area(run, BASELINE, "threshold", (2.0, 5.0)) == pytest.approx(expected, rel=1e-12)
        assert pain_area(run, BASELINE, "threshold", (50.0, 60.0)) == 0.0
    variants = [intact(folder), Ablated("therapy", "term", files(folder, cci_bmsc="cci"), {"cci": "x"})]
    before = rank_ablations(variants, window=(0.0, 1.5))
    assert float(before.rows[0].on(before.outcomes[-1]).change.mean) == pytest.approx(0.0, abs=1e-12)
    after = rank_ablations(variants, window=(2.0, 3.0))
    assert after.rows[0].on(after.outcomes[-1]).left == 0.0
    assert "from day 2 to day 3" in ranking_table(after).as_text()
    assert "from day 2 on" in rank_ablations(variants, window=(2.0, float("inf"))).meaning
    assert "up to day 1.5" in before.meaning
    with pytest.raises(RecordError, match="from day 3 to day 2"):
        rank_ablations(variants, window=(3.0, 2.0))


def test_missing_runs_are_told_and_left_out(folder: Path, tmp_path: Path) -> None:
    broken = write_run(tmp_path / "cci_r002.h5", "cci", 2, Plan(days=1.0, status=STATUS_INTERRUPTED))
    half = {"cci": {0: folder / "sham_r000.h5", 1: tmp_path / "nowhere.h5", 2: broken}}
    found = rank_ablations([intact(folder), Ablated("half", "term", half), Ablated("none", "term", {})])
    (row,) = found.rows
    effect = row.on(found.outcomes[1])
    assert int(effect.change.n) == 1
    assert np.isnan(float(effect.change.low))
    assert effect.intact == pytest.approx(area("cci", 0), rel=1e-12)
    assert found.missing == ("half: 2 of 3 runs are not complete",)
    nowhere = Ablated("intact", "intact", {"cci": {0: broken}})
    with pytest.raises(RecordError, match="no intact run is complete"):
        rank_ablations([nowhere])


def test_table(ranking: Ranking) -> None:
    text = ranking_table(ranking).as_text()
    lines = text.splitlines()
    assert lines[2].startswith("   nothing: intact")
    assert lines[3].startswith("1  injury")
    assert "(0 % left)" in lines[4]
    assert lines[5].split() == ["3", "nothing", "0", "0", "(100", "%", "left)"]
    assert "2 smaller ones are in ablation.csv." in ranking_table(ranking, rows=1).as_text()


def test_csv_holds_every_effect(ranking: Ranking) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(csv_rows(ranking))
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(rows) == len(ranking.rows) * len(ranking.outcomes)
    (relief,) = [r for r in rows if (r["switched_off"], r["outcome"]) == ("therapy", "relief by cci_bmsc")]
    assert float(relief["ablated_mean_d"]) == 0.0
    assert float(relief["share_left"]) == 0.0
    assert relief["same_as"] == "its twin"
    assert relief["replicates"] == "3"


def test_figure_has_a_bar_for_each_effect(ranking: Ranking) -> None:
    with house_style():
        figure = draw_ablation(ranking)
    assert [len(axes.patches) for axes in figure.axes] == [1, 2]
    assert figure.axes[1].get_title(loc="left").startswith("relief by cci_bmsc: ")
    widths = [patch.get_width() for patch in figure.axes[1].patches]
    assert all(width < 0 for width in widths)
    for axes, outcome in zip(figure.axes, ranking.shown, strict=True):
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names == [row.name for row in largest(ranking, outcome)]
    assert shortened("word " * 40).endswith("…") and shortened("word " * 40).count("\n") == 1
    assert shortened("neuron: gate") == "neuron: gate"
    assert MOST_BARS >= 10


def test_nothing_to_draw(folder: Path) -> None:
    same = files(folder, sham="sham", cci="cci", cci_bmsc="cci_bmsc")
    found = rank_ablations([intact(folder), Ablated("nothing", "term", same)])
    with pytest.raises(NothingToShowError, match="nothing that was switched off has an effect"):
        draw_ablation(found)


def test_without_treatments_pain_of_every_arm_is_shown(tmp_path: Path) -> None:
    write_experiment(tmp_path, ["sham", "cci"], [0], SHORT)
    variants = [
        Ablated("intact", "intact", {a: {0: tmp_path / f"{a}_r000.h5"} for a in ("sham", "cci")}),
        Ablated("injury", "term", {"cci": {0: tmp_path / "sham_r000.h5"}}),
    ]
    found = rank_ablations(variants)
    assert [o.name for o in found.shown] == ["pain in sham", "pain in cci"]
    assert "One replicate has no interval" in ranking_table(found).as_text()
