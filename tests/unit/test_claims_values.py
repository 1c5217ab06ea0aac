"""Claims on result files written by hand, whose values are known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from abm.analysis.groups import RunGroups, group_runs
from abm.analysis.windows import at_times, breakpoints, cut, pearson, weighted_pearson
from abm.scenario.claims.checker import check_claim
from abm.scenario.claims.expressions import Comparison, arms_of
from abm.scenario.claims.functions import FUNCTIONS
from abm.scenario.load import Experiment, load_experiment_text
from abm.study.claim_readouts import IMPLEMENTED, Source
from abm.study.claim_values import UnevaluableError, Values
from tests.recorded_runs import BASELINE, Plan, threshold, write_experiment

REWRITTEN = {"enrichment", "fold", "ratio", "between", "abs", "log10"}
ON_COURSES = {
    "at",
    "mean",
    "min",
    "max",
    "area",
    "time_of_min",
    "time_of_max",
    "duration",
    "onset",
    "time_to",
}
OTHERS = {"correlation", "share"}

DAYS = 8.0
TEXT = """\
schema_version: 1
title: Written by hand
extends: [library/dorsal_horn, library/assays]
time: {duration: 8 d, cell_step: 1 h, field_step: 10 min}
domain: {size: [2 mm, 2 mm], spacing: 50 um, thickness: 20 um}
regions:
  site: {disc: {center: [0.8 mm, 1 mm], radius: 400 um}}
  opposite: {disc: {center: [1.6 mm, 1 mm], radius: 250 um}}
arms: {sham: {}, cci: {}, cci_bmsc: {}, cci_tgfb1: {}}
"""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment_text(TEXT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = Plan(days=DAYS, fields=False, cells=False)
    return write_experiment(
        tmp_path_factory.mktemp("runs"), ["sham", "cci", "cci_bmsc", "cci_tgfb1"], (0, 1, 2, 3), plan
    )


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def left(text: str, experiment: Experiment, groups: RunGroups) -> np.ndarray:
    """The left side of a comparison in its printed unit, replicate by replicate."""
    condition, faults = check_claim(text, experiment.arms)
    assert isinstance(condition, Comparison), [fault.message for fault in faults]
    numbers = [{run.replicate for run in groups[arm]} for arm in arms_of(condition)]
    values = Values(Source(groups, sorted(set.intersection(*numbers))))
    return values.number(condition.left) / condition.left.type.factor


def course(arm: str, replicate: int) -> tuple[np.ndarray, np.ndarray]:
    days = np.arange(0, round(DAYS * 24) + 1) / 24
    return days, threshold(arm, replicate, days)


def test_every_function_is_computed_somewhere() -> None:
    assert set(FUNCTIONS) == set(IMPLEMENTED) | REWRITTEN | ON_COURSES | OTHERS
    assert not set(IMPLEMENTED) & (REWRITTEN | ON_COURSES | OTHERS)


def test_value_at_a_time(experiment: Experiment, groups: RunGroups) -> None:
    found = left("threshold(cci, at=3 d) > 0 g", experiment, groups)
    expected = [float(threshold("cci", r, np.array([3.0]))[0]) for r in range(4)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_value_between_readouts_is_linear(experiment: Experiment, groups: RunGroups) -> None:
    found = left("threshold(cci, at=75.5 h) > 0 g", experiment, groups)
    for r in range(4):
        days, values = course("cci", r)
        assert found[r] == pytest.approx(0.5 * (values[75] + values[76]), rel=1e-12)
        assert days[75] * 24 == 75


def test_windows(experiment: Experiment, groups: RunGroups) -> None:
    window = "from=2 d, to=5 d"
    mean = left(f"threshold(cci, {window}) > 0 g", experiment, groups)
    same = left(f"mean(threshold(cci), {window}) > 0 g", experiment, groups)
    lowest = left(f"min(threshold(cci), {window}) > 0 g", experiment, groups)
    highest = left(f"max(threshold(cci), {window}) > 0 g", experiment, groups)
    area = left(f"area(threshold(cci), {window}) > 0 g*d", experiment, groups)
    for r in range(4):
        days, values = course("cci", r)
        part = (days >= 2.0) & (days <= 5.0)
        trapezoid = np.trapezoid(values[part], days[part])
        assert area[r] == pytest.approx(trapezoid, rel=1e-9)
        assert mean[r] == same[r] == pytest.approx(trapezoid / 3.0, rel=1e-9)
        assert (lowest[r], highest[r]) == pytest.approx((values[part].min(), values[part].max()), rel=1e-12)


def test_a_window_may_cut_between_readouts(experiment: Experiment, groups: RunGroups) -> None:
    whole = left("area(threshold(cci), from=1 d, to=3 d) > 0 g*d", experiment, groups)
    parts = [
        left(f"area(threshold(cci), from={a} h, to={b} h) > 0 g*d", experiment, groups)
        for a, b in ((24, 30.3), (30.3, 47.7), (47.7, 72))
    ]
    assert np.sum(parts, axis=0) == pytest.approx(whole, rel=1e-9)


def test_relief(experiment: Experiment, groups: RunGroups) -> None:
    found = left("mpe(cci_bmsc, cci, at=3 d) > 0 %", experiment, groups)
    for r in range(4):
        treated, vehicle = (float(threshold(arm, r, np.array([3.0]))[0]) for arm in ("cci_bmsc", "cci"))
        assert found[r] == pytest.approx(100.0 * (treated - vehicle) / (BASELINE - vehicle), rel=1e-9)


def test_arithmetic(experiment: Experiment, groups: RunGroups) -> None:
    a = left("threshold(cci, at=3 d) > 0 g", experiment, groups)
    b = left("threshold(sham, at=3 d) > 0 g", experiment, groups)
    for text, expected in (
        ("threshold(cci, at=3 d) / threshold(sham, at=3 d) > 0", a / b),
        ("ratio(threshold(cci, at=3 d), threshold(sham, at=3 d)) > 0", a / b),
        ("at(threshold(cci) / threshold(sham), 3 d) > 0", a / b),
        ("fold(threshold(cci), over=sham, at=3 d) > 0", a / b),
        ("fold(threshold(cci, at=3 d), over=sham) > 0", a / b),
        ("threshold(cci, at=3 d) - 2 * threshold(sham, at=3 d) > 0 g", a - 2 * b),
        ("abs(threshold(cci, at=3 d) - threshold(sham, at=3 d)) > 0 g", np.abs(a - b)),
        ("log10(threshold(cci, at=3 d) / 1 g) > 0", np.log10(a)),
        ("(threshold(cci, at=3 d) / 1 g)^3 > 0", a**3),
        ("(threshold(cci, at=3 d) / 1 g)^-2 > 0", a**-2.0),
        ("-threshold(cci, at=3 d) < 0 g", -a),
        ("min(threshold(cci, at=3 d), threshold(sham, at=3 d), 5 g) > 0 g", np.minimum(a, b)),
        ("max(threshold(cci, at=3 d), 0.7 g) > 0 g", np.maximum(a, 0.7)),
    ):
        assert left(text, experiment, groups) == pytest.approx(expected, rel=1e-9), text


def test_durations(experiment: Experiment, groups: RunGroups) -> None:
    """Time below a level on the recorded, piecewise linear course, by brute force."""
    found = left("duration(threshold(cci) < 0.5 g) > 0 d", experiment, groups)
    late = left("duration(threshold(cci) < 0.5 g, from=4 d, to=6 d) > 0 d", experiment, groups)
    never = left("duration(threshold(cci) < 0.5 g and threshold(cci) > 0.6 g) > 0 d", experiment, groups)
    other = left("duration(not threshold(cci) < 0.5 g) > 0 d", experiment, groups)
    fine = np.linspace(0.0, DAYS, 200_001)
    for r in range(4):
        days, values = course("cci", r)
        expected = np.mean(np.interp(fine, days, values) < 0.5) * DAYS
        assert found[r] == pytest.approx(expected, abs=1e-3)
        assert (late[r], never[r]) == pytest.approx((2.0, 0.0), abs=1e-9)
        assert other[r] == pytest.approx(DAYS - found[r], abs=1e-9)


def test_first_times(experiment: Experiment, groups: RunGroups) -> None:
    onset = left("onset(threshold(cci) < 0.5 g) > 0 d", experiment, groups)
    elapsed = left("time_to(threshold(cci_bmsc) > 0.6 g, after=2 d) > 0 d", experiment, groups)
    after = left("onset(threshold(cci_bmsc) > 0.6 g, after=2 d) > 0 d", experiment, groups)
    never = left("onset(threshold(sham) < 0.5 g) > 0 d", experiment, groups)
    at_once = left("time_to(threshold(cci) < 0.5 g, after=5 d) >= 0 d", experiment, groups)
    assert after == pytest.approx(elapsed + 2.0)
    assert np.isinf(never).all()
    assert at_once == pytest.approx(0.0)
    for r in range(4):
        days, values = course("cci", r)
        i = int(np.flatnonzero(values < 0.5)[0])
        share = (values[i - 1] - 0.5) / (values[i - 1] - values[i])
        assert onset[r] == pytest.approx(days[i - 1] + share / 24.0, rel=1e-9)


def test_times_of_extremes(experiment: Experiment, groups: RunGroups) -> None:
    lowest = left("time_of_min(threshold(cci_bmsc)) > 0 d", experiment, groups)
    highest = left("time_of_max(threshold(cci_bmsc), from=2 d) > 0 d", experiment, groups)
    for r in range(4):
        days, values = course("cci_bmsc", r)
        assert lowest[r] == pytest.approx(days[values.argmin()])
        late = days >= 2.0
        assert highest[r] == pytest.approx(days[late][values[late].argmax()])


def test_cells(experiment: Experiment, groups: RunGroups) -> None:
    everywhere = left("cells(microglia, cci, at=3 d) > 0", experiment, groups)
    site = left("cells(microglia, cci, region=site, at=3 d) > 0", experiment, groups)
    outside = left("cells(microglia, cci, outside=site, at=3 d) > 0", experiment, groups)
    active = left("cells(microglia, cci, region=site, phenotype=activated, at=3 d) > 0", experiment, groups)
    share = left("phenotype_fraction(microglia, activated, cci, region=site, at=3 d) > 0", experiment, groups)
    density = left("density(microglia, cci, region=site, at=3 d) > 0 /mm^2", experiment, groups)
    enriched = left("enrichment(microglia, cci, site, at=3 d) > 0", experiment, groups)
    assert everywhere == pytest.approx(5.0 * site)
    assert outside == pytest.approx(4.0 * site)
    assert share == pytest.approx(active / site)
    run = groups["cci"][0]
    voxel = 2.5e-3  # mm² of 50 um x 50 um
    inside = float((run.regions["site"] & run.tissue).sum()) * voxel
    whole = float(run.tissue.sum()) * voxel
    assert density == pytest.approx(site / inside)
    assert enriched == pytest.approx((site / inside) / (outside / (whole - inside)))


def test_concentrations(experiment: Experiment, groups: RunGroups) -> None:
    tissue = left("concentration('IL-1b', cci, at=3 d) > 0 pg/ml", experiment, groups)
    site = left("concentration('IL-1b', cci, region=site, at=3 d) > 0 pg/ml", experiment, groups)
    csf = left("concentration('TGF-b1', cci_bmsc, compartment=csf, at=3 d) > 0 ng/ml", experiment, groups)
    same = left(
        "series('cytokine_by_region', cci, cytokine='IL-1b', region='site', at=3 d) > 0 pg/ml",
        experiment,
        groups,
    )
    fold = 1.0 + 2.0 * 3.0 * np.exp(-2.0) + 0.1 * np.arange(4)
    assert site == pytest.approx(50.0 * fold)
    assert np.array_equal(site, same)
    assert tissue == pytest.approx(0.5 * (50.0 * fold + 50.0))
    assert csf == pytest.approx(5100.0)  # shown in pg/ml, the unit of the readout


def test_variables_and_waiting_cells(experiment: Experiment, groups: RunGroups) -> None:
    pain = 1.0 - left("threshold(cci, at=3 d) > 0 g", experiment, groups) / BASELINE
    reactivity = left("variable(astrocyte, reactivity, cci, region=site, at=3 d) > 0", experiment, groups)
    signal = left("nociception(cci, region=opposite, at=3 d) > 0", experiment, groups)
    waiting = left("waiting(msc, csf, cci_bmsc, at=5 d) > 0 cells", experiment, groups)
    assert reactivity == pytest.approx(0.6 * pain)
    assert signal == pytest.approx(0.05 * pain)
    assert waiting == pytest.approx(2.5e5 * np.exp(-1.0))


def test_correlations(experiment: Experiment, groups: RunGroups) -> None:
    perfect = left("correlation(threshold(cci), nociception(cci)) < 0", experiment, groups)
    assert perfect == pytest.approx(-1.0)
    over = left(
        "correlation(threshold(cci, at=3 d), relative_threshold(cci, at=3 d)) > 0", experiment, groups
    )
    assert over.shape == (1,)
    assert over[0] == pytest.approx(1.0)


UNEVALUABLE = {
    "threshold(cci, at=3 d) / (threshold(sham, at=0 d) - 1.2 g) > 1": "division by zero: '(threshold(sham,",
    "log10(threshold(cci, at=3 d) / 1 g - 1) > 0": "logarithm of a number that is not above 0",
    "(threshold(cci, at=3 d) / 1 g * 0)^-1 > 0": "division by zero",
    "mpe(cci_bmsc, cci, at=0 d) > 0 %": "the vehicle's threshold is within 10 % of its baseline",
    "mpe(cci_bmsc, cci, from=0 d, to=3 d) > 0 %": "undefined on day 0",
    "max(mpe(cci_bmsc, cci)) > 0 %": "undefined on day 0",
    "duration(mpe(cci_bmsc, sham) > 30 %) > 0 d": "undefined throughout",
    "at(threshold(cci) / (threshold(sham) - 1.2 g), 3 d) > 1": "division by zero",
    "enrichment(msc, cci, site, at=3 d) > 1": "division by zero",
    "phenotype_fraction(msc, primed, cci, region=site, at=3 d) > 0": "there are no such cells",
    "correlation(threshold(sham), threshold(cci)) > 0": "does not vary",
    "correlation(threshold(sham, at=3 d), threshold(cci, at=3 d)) > 0": "the same in all replicates",
    "von_frey(cci, at=3 d) > 0 g": "assays",
    "1e300 * (threshold(cci, at=3 d) / 1 g * 1e300) > 0": "no number of this program",
    "variable(microglia, late_programme, cci, region=site, at=3 d) > 0": "late_programme",
}


@pytest.mark.parametrize("text", UNEVALUABLE)
def test_what_cannot_be_evaluated_says_where_and_why(
    text: str, experiment: Experiment, groups: RunGroups
) -> None:
    with pytest.raises(UnevaluableError) as error:
        left(text, experiment, groups)
    assert UNEVALUABLE[text] in str(error.value)
    assert "(character " in str(error.value)


def test_division_by_zero_in_some_replicates_names_them(experiment: Experiment, groups: RunGroups) -> None:
    below = "min(threshold(cci, at=3 d), 0.16 g)"
    with pytest.raises(UnevaluableError, match="is 0 in replicates 1, 3"):
        left(f"1 g / (threshold(cci, at=3 d) - {below}) > 0", experiment, groups)


def test_undefined_times_do_not_count(experiment: Experiment, groups: RunGroups) -> None:
    """Relief is undefined before there is pain, and after that it lasts from the dose to the end."""
    found = left("duration(mpe(cci_bmsc, cci) > 30 %) > 0 d", experiment, groups)
    assert found == pytest.approx(DAYS - 2.0, abs=0.05)


def test_runs_that_end_early_say_so(experiment: Experiment, tmp_path: Path) -> None:
    write_experiment(tmp_path, ["cci"], (0, 1), Plan(days=2.0, fields=False, cells=False))
    with group_runs(tmp_path) as short:
        for text in ("threshold(cci, at=3 d) > 0 g", "max(threshold(cci), to=3 d) > 0 g"):
            with pytest.raises(UnevaluableError, match="recorded from day 0 to 2, not on day 3"):
                left(text, experiment, short)
        with pytest.raises(UnevaluableError, match="end on day 2, before the window begins"):
            left("max(threshold(cci), from=3 d) > 0 g", experiment, short)
        with pytest.raises(UnevaluableError, match="recorded from day 0 to 2"):
            left("duration(threshold(cci) > 0 g, from=3 d) > 0 d", experiment, short)


# ------------------------------------------------------------------------------------ courses as arrays


def test_cut_keeps_the_ends() -> None:
    time, values = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 2.0, 6.0]])
    assert [a.tolist() for a in cut(time, values, 0.5, 1.5)] == [[0.5, 1.0, 1.5], [[1.0, 2.0, 4.0]]]
    assert [a.tolist() for a in cut(time, values, 1.0, 1.0)] == [[1.0], [[2.0]]]


def test_an_undefined_readout_leaves_its_neighbours_defined() -> None:
    time, values = np.array([0.0, 1.0, 2.0]), np.array([[0.0, np.nan, 6.0]])
    found = at_times(time, values, np.array([0.0, 0.5, 1.0, 2.0]))[0]
    assert found[[0, 3]].tolist() == [0.0, 6.0]
    assert np.isnan(found[[1, 2]]).all()


def test_breakpoints_hold_every_crossing() -> None:
    time = np.array([0.0, 1.0, 2.0])
    found = breakpoints([(time, np.array([-1.0, 1.0, 0.5])), (time, np.array([3.0, -1.0, -1.0]))], (0.2,))
    assert found.tolist() == [0.0, 0.2, 0.5, 0.75, 1.0, 2.0]


def test_correlation_over_time_weighs_time() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 1, 50))
    even = np.arange(50.0)
    # Equal steps differ from numpy only by the half weight of the two ends.
    inner = weighted_pearson(even, x, y)[0]
    assert inner == pytest.approx(np.corrcoef(x[0], y[0])[0, 1], abs=0.05)
    assert pearson(x, y)[0] == pytest.approx(np.corrcoef(x[0], y[0])[0, 1])
    assert np.isnan(pearson(np.ones((1, 5)), y[:, :5])).all()
    # A course recorded twice as densely in one part is still the same course.
    course = np.sin(even / 8.0)
    dense = np.unique(np.concatenate([even, even[:20] + 0.5]))
    one = weighted_pearson(even, course[None], (even**2)[None])[0]
    other = weighted_pearson(
        dense, np.interp(dense, even, course)[None], np.interp(dense, even, even**2)[None]
    )[0]
    assert one == pytest.approx(other, abs=2e-3)
