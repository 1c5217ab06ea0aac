"""From intervals to verdicts, and what becomes of them in tables, files and the report."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from abm.analysis.groups import RunGroups, group_runs
from abm.errors import RecordError
from abm.scenario.claims.checker import check_claim
from abm.scenario.claims.expressions import comparisons
from abm.scenario.load import Experiment, load_experiment_text
from abm.study.claim_figures import comparison_plots, effect_rows
from abm.study.claim_tables import as_csv, as_document, claims_table, to_json
from abm.study.report import Study, check_outputs, write_study
from abm.study.verdicts import ClaimResult, Verdict, combine, evaluate_claims, scenario_notes
from abm.view.study_effects import draw_effects
from tests.recorded_runs import Plan, write_experiment, write_run
from tests.unit.test_claims_values import TEXT

YES, NO, OPEN, NONE = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.UNEVALUABLE
PLAN = Plan(days=8.0, fields=False, cells=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(
        tmp_path_factory.mktemp("runs"), ["sham", "cci", "cci_bmsc", "cci_tgfb1"], range(8), PLAN
    )


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def study(*tests: str, **changes: str) -> Experiment:
    """An experiment that makes these claims."""
    keys = {"says": "It is so.", "source": "JCI15", **changes}
    rows = [json.dumps({"id": f"c{i}", "test": test, **keys}) for i, test in enumerate(tests)]
    return load_experiment_text(TEXT + "claims:\n" + "".join(f"  - {row}\n" for row in rows))


def evaluate(groups: RunGroups, *tests: str, level: float = 0.95) -> list[ClaimResult]:
    return evaluate_claims(study(*tests).claims, groups, level)


def verdict(groups: RunGroups, test: str) -> Verdict:
    return evaluate(groups, test)[0].verdict


# ----------------------------------------------------------------------------------------------- verdicts


def test_verdicts_follow_the_interval(groups: RunGroups) -> None:
    """At day 3 the thresholds of eight replicates spread by known offsets around 0.17 g."""
    (result,) = evaluate(groups, "threshold(cci, at=3 d) > 0 g")
    values = result.comparisons[0].left
    effect = result.comparisons[0].effect
    assert effect is not None
    assert effect.low < values.mean() < effect.high
    inside, below, above = values.mean(), effect.low - 0.01, effect.high + 0.01
    for bound, greater, less in ((below, YES, NO), (above, NO, YES), (inside, OPEN, OPEN)):
        for sign in (">", ">="):
            assert verdict(groups, f"threshold(cci, at=3 d) {sign} {bound:.6f} g") is greater
        for sign in ("<", "<="):
            assert verdict(groups, f"threshold(cci, at=3 d) {sign} {bound:.6f} g") is less
        assert verdict(groups, f"{bound:.6f} g < threshold(cci, at=3 d)") is greater


def test_pairs_are_stronger_than_means(groups: RunGroups) -> None:
    """Replicates share their offset in all arms: the difference has no spread where each arm has one."""
    (result,) = evaluate(groups, "threshold(cci_tgfb1, at=2 d) - threshold(cci, at=2 d) >= 0 g")
    (comparison,) = result.comparisons
    assert np.ptp(comparison.left) == 0.0
    assert (result.verdict, comparison.reason) == (YES, "all replicates agree to the last digit")
    assert verdict(groups, "threshold(cci_tgfb1, at=2 d) > threshold(cci, at=2 d)") is NO
    assert verdict(groups, "threshold(cci_tgfb1, at=2 d) < threshold(cci, at=2 d)") is NO
    assert verdict(groups, "threshold(cci_tgfb1, at=2 d) <= threshold(cci, at=2 d)") is YES


def test_one_replicate_is_inconclusive(folder: Path) -> None:
    with group_runs([folder / f"{arm}_r000.h5" for arm in ("cci", "sham")]) as one:
        (result,) = evaluate(one, "threshold(cci, at=3 d) < threshold(sham, at=3 d)")
    assert (result.verdict, result.reason) == (OPEN, "one replicate has no interval")


def test_missing_arms_and_replicates_cannot_be_evaluated(folder: Path) -> None:
    with group_runs([folder / "cci_r000.h5", folder / "sham_r001.h5"]) as few:
        results = evaluate(
            few, "threshold(cci_bmsc, at=3 d) > 0 g", "threshold(cci, at=3 d) < threshold(sham, at=3 d)"
        )
    assert [r.verdict for r in results] == [NONE, NONE]
    assert results[0].reason == "there are no runs of arm cci_bmsc"
    assert results[1].reason == "no replicate in common: cci, sham"


def test_only_common_replicates_count(folder: Path) -> None:
    files = [folder / f"cci_r00{i}.h5" for i in (0, 1, 2, 5)] + [
        folder / f"sham_r00{i}.h5" for i in (1, 2, 5, 6)
    ]
    with group_runs(files) as some:
        (result,) = evaluate(some, "threshold(cci, at=3 d) < threshold(sham, at=3 d)")
    assert result.comparisons[0].replicates == (1, 2, 5)


def test_division_by_zero_is_no_number(groups: RunGroups) -> None:
    (result,) = evaluate(groups, "threshold(cci, at=3 d) / (threshold(sham, at=0 d) - 1.2 g) > 1")
    assert result.verdict is NONE
    assert "division by zero" in result.reason
    assert "(character 1)" in result.reason
    assert result.comparisons[0].effect is None


def test_events_that_never_happen(groups: RunGroups) -> None:
    late, early, sometimes = evaluate(
        groups,
        "onset(threshold(sham) < 0.5 g) > 3 d",
        "onset(threshold(sham) < 0.5 g) < 3 d",
        # The lowest threshold of the replicates is 0.12 g plus an offset.
        "onset(threshold(cci) < 0.11 g) < 100 d",
    )
    assert (late.verdict, early.verdict) == (YES, NO)
    assert "in every replicate an event never happens" in late.reason
    assert sometimes.verdict is OPEN
    assert re.search(r"in \d of 8 replicates an event never happens", sometimes.reason)
    assert verdict(groups, "onset(threshold(sham) < 0.5 g) > onset(threshold(sham) < 0.4 g)") is NONE


def test_shares(groups: RunGroups) -> None:
    some, most, all_ = evaluate(
        groups,
        "share(threshold(cci, at=3 d) > 0.2 g) > 0",
        "share(threshold(cci, at=3 d) > 0.2 g) > 90 %",
        "share(threshold(cci, at=3 d) < 1 g) > 50 %",
    )
    values = evaluate(groups, "threshold(cci, at=3 d) > 0 g")[0].comparisons[0].left
    hits = int((values > 0.2).sum())
    assert 0 < hits < 8
    effect = some.comparisons[0].effect
    assert effect is not None
    assert effect.mean == pytest.approx(hits / 8)
    assert (some.verdict, most.verdict, all_.verdict) == (YES, NO, YES)
    assert some.reason == f"{hits} of 8 replicates"
    assert verdict(groups, "0.95 > share(threshold(cci, at=3 d) > 0.2 g)") is YES
    # No case among eight does not prove that there is none.
    assert verdict(groups, "share(threshold(cci, at=3 d) > 1 g) > 0") is OPEN


def test_correlation_over_replicates(groups: RunGroups, folder: Path) -> None:
    claim = "correlation(threshold(cci, at=3 d), threshold(cci_bmsc, at=3 d)) > 0.5"
    (result,) = evaluate(groups, claim)
    effect = result.comparisons[0].effect
    assert result.verdict is YES
    assert effect is not None and effect.method == "BCa bootstrap"
    assert effect.mean == pytest.approx(0.5)
    with group_runs([folder / f"{arm}_r00{i}.h5" for arm in ("cci", "cci_bmsc") for i in range(5)]) as few:
        (result,) = evaluate(few, claim)
    assert result.verdict is OPEN
    assert "5 replicates; this needs 6" in result.reason


def test_level_widens_the_interval(groups: RunGroups) -> None:
    claim = "threshold(cci, at=3 d) > 0 g"
    effects = [evaluate(groups, claim, level=level)[0].comparisons[0].effect for level in (0.8, 0.95, 0.99)]
    widths = [effect.high - effect.low for effect in effects if effect is not None]
    assert len(widths) == 3
    assert widths == sorted(widths)
    assert widths[0] < 0.7 * widths[2]


def test_three_valued_logic() -> None:
    """Against Kleene's tables: reproduced 1, not reproduced 0, inconclusive 1/2."""
    experiment = load_experiment_text(TEXT)
    a, b = "threshold(cci, at=1 d) > 0 g", "threshold(cci, at=2 d) > 0 g"
    value = {YES: 1.0, NO: 0.0, OPEN: 0.5}
    name = {number: found for found, number in value.items()}
    for text, rule in (
        (f"{a} and {b}", min),
        (f"{a} or {b}", max),
        (f"not {a} and {b}", lambda x, y: min(1.0 - x, y)),
        (f"not ({a} or {b})", lambda x, y: 1.0 - max(x, y)),
    ):
        condition, _ = check_claim(text, experiment.arms)
        assert condition is not None
        first, second = comparisons(condition)
        for x, y in product(value, value):
            expected = name[rule(value[x], value[y])]  # type: ignore[operator]
            assert combine(condition, {first: x, second: y}) is expected, (text, x, y)


@pytest.mark.parametrize(
    ("operator", "other", "expected"),
    [
        ("and", YES, NONE),
        ("and", NO, NO),
        ("and", OPEN, NONE),
        ("or", YES, YES),
        ("or", NO, NONE),
        ("or", OPEN, NONE),
    ],
)
def test_what_cannot_be_evaluated_spreads_unless_decided(
    operator: str, other: Verdict, expected: Verdict
) -> None:
    experiment = load_experiment_text(TEXT)
    text = f"threshold(cci, at=1 d) > 0 g {operator} threshold(cci, at=2 d) > 0 g"
    condition, _ = check_claim(text, experiment.arms)
    assert condition is not None
    first, second = comparisons(condition)
    assert combine(condition, {first: other, second: NONE}) is expected
    assert combine(condition, {first: NONE, second: other}) is expected


def test_compound_claims(groups: RunGroups) -> None:
    for text, expected in (
        ("threshold(sham, at=3 d) > threshold(cci_bmsc, at=3 d) > threshold(cci, at=3 d)", YES),
        ("threshold(sham, at=3 d) > threshold(cci, at=3 d) > threshold(cci_bmsc, at=3 d)", NO),
        ("between(relative_threshold(cci, at=3 d), 5 %, 30 %)", YES),
        ("not between(relative_threshold(cci, at=3 d), 5 %, 30 %)", NO),
        ("threshold(cci, at=3 d) > 1 g or threshold(sham, at=3 d) > 1 g", YES),
    ):
        assert verdict(groups, text) is expected, text


def test_the_same_runs_give_the_same_bytes(folder: Path) -> None:
    made = []
    for _ in range(2):
        with group_runs(folder) as groups:
            experiment = study("threshold(cci, at=3 d) < 0.3 g", "mpe(cci_bmsc, cci, at=5 d) > 30 %")
            results = evaluate_claims(experiment.claims, groups)
            made.append((as_csv(results), to_json(as_document(results, experiment, groups, 0.95))))
    assert made[0] == made[1]


# ---------------------------------------------------------------------------------------- tables and files

CLAIMS = (
    "threshold(sham, at=3 d) > threshold(cci_bmsc, at=3 d) > threshold(cci, at=3 d)",
    "mpe(cci_bmsc, cci, at=0 d) > 30 %",
    "onset(threshold(sham) < 0.5 g) > 3 d",
    "share(max(mpe(cci_bmsc, cci), from=2 d) > 50 %) > 0",
)


def test_table(groups: RunGroups) -> None:
    text = claims_table(evaluate(groups, *CLAIMS), 0.9).as_text()
    assert "difference (90 % interval)" in text
    assert "4 claims: 3 reproduced, 1 cannot be evaluated." in text
    assert text.count("  reproduced") >= 5  # the first claim has a row for each of its two comparisons
    assert "c1: 'mpe(cci_bmsc, cci, at=0 d)' (character 1): undefined on day 0" in text


def test_csv_has_a_line_for_each_comparison(groups: RunGroups) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(evaluate(groups, *CLAIMS)))))
    assert [row["id"] for row in rows] == ["c0", "c0", "c1", "c2", "c3"]
    assert rows[0]["verdict"] == rows[0]["comparison_verdict"] == "reproduced"
    assert float(rows[0]["difference"]) == pytest.approx(float(rows[0]["left"]) - float(rows[0]["right"]))
    assert (rows[2]["difference"], rows[2]["low"], rows[3]["left"]) == ("", "", "never")
    assert rows[0]["unit"] == "g"
    assert rows[4]["method"] == "Clopper-Pearson"


def test_json_is_complete(groups: RunGroups) -> None:
    experiment = study(*CLAIMS, contradicted_by="Nobody 1999")
    results = evaluate_claims(experiment.claims, groups)
    document = json.loads(to_json(as_document(results, experiment, groups, 0.95)))
    assert document["verdicts"] == {
        "reproduced": 3,
        "not reproduced": 0,
        "inconclusive": 0,
        "cannot be evaluated": 1,
    }
    first = document["claims"][0]
    assert first["contradicted_by"] == ["Nobody 1999"]
    assert len(first["comparisons"]) == 2
    comparison = first["comparisons"][0]
    assert len(comparison["left"]) == len(comparison["right"]) == comparison["n"] == 8
    assert comparison["low"] < comparison["mean"] < comparison["high"]
    assert document["claims"][2]["comparisons"][0]["left"] == ["never"] * 8
    assert document["arms"]["cci"] == list(range(8))


class Page(HTMLParser):
    """Tags, links, text and images of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} \"'><img src=x onerror=alert(1)>"


@pytest.mark.slow
def test_report_is_one_page_without_scripts(groups: RunGroups, tmp_path: Path) -> None:
    experiment = study(*CLAIMS, says=HOSTILE, contradicted_by=HOSTILE, source=f"Somebody {HOSTILE}")
    results = evaluate_claims(experiment.claims, groups)
    made = Study(experiment, results, groups, 0.95, ["abm study <x>.yaml"], [HOSTILE])
    notes: list[str] = []
    written = write_study(made, tmp_path / "out", notes.append)
    names = {path.relative_to(tmp_path / "out").as_posix() for path in written}
    assert {"claims.csv", "claims.json", "report.html", "figures/pain.png", "figures/claims.png"} <= names
    assert {f"figures/claim_c{i}.png" for i in range(4)} <= names
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and "iframe" not in page.tags and "link" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    fetched = [value for name, value in page.attributes if name in ("src", "srcset", "poster", "data")]
    assert len(fetched) >= 8
    assert all(value.startswith("data:image/png;base64,") for value in fetched)
    text = "".join(page.words)
    assert HOSTILE in text and "49" not in text.partition(HOSTILE)[0]
    for expected in ("cannot be evaluated", "reproduced", "How to repeat it", "abm study <x>.yaml", "c2"):
        assert expected in text
    assert "default-src 'none'" in dict(page.attributes)["content"] or any(
        "default-src 'none'" in value for _, value in page.attributes
    )
    # The styles know both schemes, and fetch nothing.
    style = (tmp_path / "out" / "report.html").read_text(encoding="utf-8").partition("</style>")[0]
    assert "prefers-color-scheme: dark" in style and "url(" not in style and "@import" not in style


def test_a_doi_is_a_link(groups: RunGroups, tmp_path: Path) -> None:
    from abm.study.report import _link

    assert _link("doi:10.1172/JCI80883") == "https://doi.org/10.1172/JCI80883"
    assert _link("Chen G. doi:10.1172/JCI80883.") == "https://doi.org/10.1172/JCI80883"
    assert _link('doi:10.1172/"><script>') == ""
    assert _link("javascript:alert(1)") == ""


def test_an_earlier_report_is_kept(tmp_path: Path) -> None:
    check_outputs(tmp_path / "new", replace=False)
    (tmp_path / "report.html").write_text("mine", encoding="utf-8")
    with pytest.raises(RecordError, match=r"report\.html exist already; .*--force.*--resume"):
        check_outputs(tmp_path, replace=False)
    with pytest.raises(RecordError, match="--force, or choose"):
        check_outputs(tmp_path, replace=False, resumable=False)
    check_outputs(tmp_path, replace=True)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "mine"


def test_runs_of_another_scenario_are_noticed(groups: RunGroups, folder: Path, tmp_path: Path) -> None:
    experiment = study("threshold(cci, at=3 d) > 0 g")
    notes = scenario_notes(experiment, groups)
    assert len(notes) == 4
    assert "arm sham: sham_r000.h5 and 7 more were made from another version of this scenario" in notes
    own = Plan(days=1.0, fields=False, cells=False, extra={"scenario": experiment.arm_text("cci")})
    write_run(tmp_path / "cci_r000.h5", "cci", 0, own)
    with group_runs(tmp_path) as same:
        assert scenario_notes(experiment, same) == []


# ------------------------------------------------------------------------------------------------ figures


def test_rows_of_the_forest(groups: RunGroups) -> None:
    rows = effect_rows(evaluate(groups, *CLAIMS, "threshold(cci, at=3 d) < 0.5 g"))
    assert [row.name for row in rows] == ["c0", "", "c1", "c2", "c3", "c4"]
    # Towards the claim is to the right, whatever the sign of the difference.
    assert rows[5].mean > 0.0 and rows[5].low <= rows[5].mean <= rows[5].high
    assert "−" in rows[5].numbers
    assert all(abs(row.mean) <= 2.0 for row in rows if row.mean == row.mean)
    assert np.isnan(rows[2].mean)
    figure = draw_effects(rows, 0.95)
    axes = figure.axes[0]
    drawn = {text.get_text() for text in axes.texts}
    assert drawn == {"cannot be evaluated", "reproduced"}
    assert len(axes.get_yticks()) == 6


def test_courses_of_a_claim(groups: RunGroups) -> None:
    (result,) = evaluate(
        groups,
        "duration(mpe(cci_bmsc, cci) > 30 %, from=2 d) > 2 * duration(mpe(cci_tgfb1, cci) > 30 %, from=3 d)",
    )
    (plot,) = comparison_plots(result, groups)
    assert [(course.arm, course.label, course.windows) for course in plot.courses] == [
        ("cci_bmsc", "mpe(cci_bmsc, cci)", ((2.0, 8.0),)),
        ("cci_tgfb1", "mpe(cci_tgfb1, cci)", ((3.0, 8.0),)),
    ]
    assert plot.bounds == pytest.approx((30.0,))
    assert plot.courses[0].curves.unit == "%"
    (result,) = evaluate(groups, "threshold(cci, at=3 d) < 0.4 g")
    (plot,) = comparison_plots(result, groups)
    assert plot.bounds == pytest.approx((0.4,))
    assert plot.courses[0].windows == ((3.0, 3.0),)
    (result,) = evaluate(groups, "mpe(cci_bmsc, cci, at=0 d) > 30 %")
    (plot,) = comparison_plots(result, groups)
    assert len(plot.left) == 0 and len(plot.courses) == 1
