"""Figures of curves hold the numbers of the files, with units, marks and intervals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abm.analysis.curves import collect
from abm.analysis.groups import RunGroups, group_runs
from abm.analysis.targets import compare_with_targets
from abm.view.canvas import NothingToShowError, house_style
from abm.view.figures import KINDS
from abm.view.options import Options
from abm.view.targets import crowded
from tests.recorded_runs import Plan, write_experiment, write_run

ARMS = ("sham", "cci", "cci_bmsc", "cci_tgfb1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("runs"), ARMS)


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    """Measuring a figure makes ticks anew, which take the settings of the moment."""
    with house_style():
        yield


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def draw(kind: str, groups: RunGroups, options: Options | None = None) -> Figure:
    figure = KINDS[kind](groups, options or Options())
    figure.canvas.draw()
    return figure


def line(axes: Axes, label: str) -> Line2D:
    return next(one for one in axes.get_lines() if one.get_label() == label)


def band(axes: Axes, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edge of a filled band, by time."""
    points = np.asarray(axes.collections[index].get_paths()[0].vertices)
    times = np.unique(points[:, 0])
    edges = [points[points[:, 0] == t, 1] for t in times]
    return np.array([e.min() for e in edges]), np.array([e.max() for e in edges])


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_pain_lines_are_the_means_of_the_files(groups: RunGroups) -> None:
    axes = draw("pain", groups).axes[0]
    for arm, label in (
        ("sham", "sham"),
        ("cci", "CCI"),
        ("cci_bmsc", "CCI + BMSC"),
        ("cci_tgfb1", "CCI + TGF-β1"),
    ):
        curves = collect(groups[arm], "withdrawal_threshold")
        drawn = line(axes, label)
        np.testing.assert_array_equal(drawn.get_xdata(), curves.time)
        np.testing.assert_array_equal(drawn.get_ydata(), curves.values.mean(axis=0))


def test_pain_band_is_the_t_interval(groups: RunGroups) -> None:
    axes = draw("pain", groups).axes[0]
    interval = collect(groups["cci"], "withdrawal_threshold").interval()
    low, high = band(axes, list(groups).index("cci"))
    np.testing.assert_allclose(low, interval.low)
    np.testing.assert_allclose(high, interval.high)
    assert (high - low)[-1] > 0.01


def test_pain_axes_say_what_they_show(groups: RunGroups) -> None:
    figure = draw("pain", groups)
    axes = figure.axes[0]
    assert axes.get_ylabel() == "Paw-withdrawal threshold (g)"
    assert axes.get_xlabel() == "Time after injury (d)"
    assert axes.get_xlim() == (0.0, 8.0)
    assert axes.get_ylim()[0] == 0.0
    percent = axes.child_axes[0]
    assert percent.get_ylabel() == "% of baseline"
    assert percent.get_ylim()[1] == pytest.approx(100.0 * axes.get_ylim()[1] / 1.2)
    assert legend_texts(figure) == ["sham", "CCI", "CCI + BMSC", "CCI + TGF-β1"]
    assert figure.legends[0].get_title().get_text() == "Mean, 95 % interval (n = 3)"


def test_injuries_and_doses_are_marked_on_their_days(groups: RunGroups) -> None:
    axes = draw("pain", groups).axes[0]
    marks = {text.get_text(): text for text in axes.texts if text.get_text() != "▼"}
    assert sorted(marks) == ["10 ng TGF-β1 intrathecal", "2.5×10⁵ living MSC intrathecal", "sham or CCI"]
    days = {name: float(text.xy[0]) for name, text in marks.items()}
    assert days["sham or CCI"] == 0.0
    assert days["2.5×10⁵ living MSC intrathecal"] == 2.0
    assert days["10 ng TGF-β1 intrathecal"] == 3.0
    dose = marks["2.5×10⁵ living MSC intrathecal"]
    assert dose.get_color() == line(axes, "CCI + BMSC").get_color()


def test_marks_do_not_overlap(groups: RunGroups) -> None:
    figure = draw("pain", groups)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text() != "▼"]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize("kind", list(KINDS))
def test_nothing_is_cut_off(kind: str, groups: RunGroups) -> None:
    """Every text lies inside the page, and so does every axes with its labels."""
    figure = draw(kind, groups)
    page = figure.bbox
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, f"{kind}: {axes.get_ylabel()}"
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, f"{kind}: {axes.get_ylabel()}"
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, f"{kind}: the legend is cut off"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("tissue", "overview")])
def test_every_value_axis_has_a_unit_or_is_a_ratio(kind: str, groups: RunGroups) -> None:
    ratios = ("Nociceptive signal", "Threshold / baseline", "Astrocyte reactivity", "(fold)")
    labels = [axes.get_ylabel().replace("\n", " ") for axes in draw(kind, groups).axes if axes.get_ylabel()]
    assert labels
    assert all(label.endswith(")") or label.endswith(ratios) for label in labels), labels


def test_individual_replicates_replace_the_band(groups: RunGroups) -> None:
    axes = draw("pain", groups, Options(individual=True)).axes[0]
    assert len(axes.collections) == 0
    thin = [one for one in axes.get_lines() if one.get_label() == "_replicate"]
    assert len(thin) == 12
    values = collect(groups["cci"], "withdrawal_threshold").values
    assert any(np.array_equal(one.get_ydata(), values[1]) for one in thin)


@pytest.mark.parametrize(
    ("replicates", "title", "lines"),
    [((0,), "One replicate, no interval", 0), ((0, 1), "Mean and single replicates (n = 2)", 2)],
)
def test_few_replicates_have_no_band(
    tmp_path: Path, replicates: tuple[int, ...], title: str, lines: int
) -> None:
    write_experiment(tmp_path, ["cci"], replicates, Plan(days=2.0, fields=False))
    with group_runs(tmp_path) as found:
        figure = draw("pain", found)
    axes = figure.axes[0]
    assert len(axes.collections) == 0
    assert sum(one.get_label() == "_replicate" for one in axes.get_lines()) == lines
    assert figure.legends[0].get_title().get_text() == title


def test_nociception_shows_the_spread_over_neurons(groups: RunGroups) -> None:
    figure = draw("nociception", groups)
    assert len(figure.axes) == 5
    signal = collect(groups["cci"], "nociception")
    np.testing.assert_array_equal(line(figure.axes[0], "CCI").get_ydata(), signal.interval().mean)
    panel = figure.axes[2]
    assert panel.get_title(loc="left") == "CCI"
    np.testing.assert_allclose(line(panel, "median").get_ydata(), signal.interval().mean)
    low, high = band(panel, 0)
    np.testing.assert_allclose(low, 0.6 * signal.interval().mean)
    np.testing.assert_allclose(high, 1.4 * signal.interval().mean)
    opposite = collect(groups["cci"], "nociception_by_region", region="opposite").interval().mean
    np.testing.assert_array_equal(line(panel, "mean, opposite").get_ydata(), opposite)


def test_cells_are_counted_by_phenotype(groups: RunGroups) -> None:
    figure = draw("cells", groups)
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == [
        "Microglia\n(cells in site)",
        "T cells\n(cells in site)",
        "MSC\n(cells in site)",
    ] or figure.axes[0].get_ylabel() == "Microglia\n(cells in site)"
    panel = figure.axes[1]
    curves = collect(
        groups["cci"], "phenotype_count_by_region", phenotype="microglia:activated", region="site"
    )
    np.testing.assert_array_equal(line(panel, "activated").get_ydata(), curves.interval().mean)
    everything = collect(groups["cci"], "cell_count_by_region", cell_type="microglia", region="site")
    np.testing.assert_array_equal(line(panel, "all").get_ydata(), everything.interval().mean)
    assert panel.get_ylim() == figure.axes[0].get_ylim(), "arms share the scale"
    assert panel.get_ylim()[1] >= everything.interval().high.max()
    assert "constant: 150 astrocytes, 50 neurons" in figure.legends[-1].get_title().get_text()


def test_cytokines_by_place(groups: RunGroups) -> None:
    figure = draw("cytokines", groups)
    axes = np.array(figure.axes).reshape(4, 3)
    assert [one.get_title(loc="left") for one in axes[0]] == ["Site", "Whole tissue", "Csf"]
    assert [one.get_ylabel() for one in axes[:, 0]] == [
        "IL-1β\n(pg/ml)",
        "TNF-α\n(pg/ml)",
        "IL-10\n(pg/ml)",
        "TGF-β1\n(pg/ml)",
    ]
    site = collect(groups["cci"], "cytokine_by_region", cytokine="IL-1b", region="site")
    np.testing.assert_array_equal(line(axes[0, 0], "CCI").get_ydata(), site.interval().mean)
    csf = collect(groups["cci_bmsc"], "compartment_level", compartment="csf", cytokine="TGF-b1")
    np.testing.assert_array_equal(line(axes[3, 2], "CCI + BMSC").get_ydata(), csf.interval().mean)
    assert {one.get_yscale() for one in axes[3]} == {"log"}, "5,100 beside 100 pg/ml"
    assert {one.get_yscale() for one in axes[0]} == {"linear"}


def test_injected_cells(groups: RunGroups) -> None:
    figure = draw("msc", groups)
    within, beyond, waiting, distance = figure.axes
    assert legend_texts(figure) == ["CCI + BMSC"]
    site = collect(groups["cci_bmsc"], "cell_count_by_region", cell_type="msc", region="site").values
    everywhere = collect(groups["cci_bmsc"], "cell_count", cell_type="msc").values
    np.testing.assert_array_equal(within.get_lines()[0].get_ydata(), site.mean(axis=0))
    np.testing.assert_array_equal(beyond.get_lines()[0].get_ydata(), (everywhere - site).mean(axis=0))
    assert max(waiting.get_lines()[0].get_ydata()) == 2.5e5
    assert distance.get_ylabel() == "Mean distance to site (µm)"
    assert texts(within)[-2:] == ["CCI", "a"] or "CCI" in texts(within)


def test_targets_beside_the_simulation(groups: RunGroups) -> None:
    figure = draw("targets", groups)
    axes = next(one for one in figure.axes if one.get_ylabel() == "Microglia (fold)")
    report = compare_with_targets(groups)
    mine = [c for c in report.comparisons if c.target.quantity == "microglia fold" and c.inside is not None]
    published = next(c for c in axes.containers if c.get_label() == "target cci")
    simulated = next(c for c in axes.containers if c.get_label() == "simulated cci")
    assert list(published[0].get_xdata()) == [c.target.day for c in mine] == [1.0, 3.0, 7.0]
    assert list(published[0].get_ydata()) == [c.target.mean for c in mine]
    np.testing.assert_allclose(simulated[0].get_ydata(), [c.mean for c in mine])
    ends = np.array(published[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(np.ptp(ends, axis=1), [2 * c.target.tolerance for c in mine])
    ends = np.array(simulated[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends[:, 1], [float(c.simulated.high) for c in mine])
    assert f"{report.met} of {report.tested} targets met" in figure.legends[0].get_title().get_text()


def test_crowded_targets_are_shown_enlarged(groups: RunGroups) -> None:
    figure = draw("targets", groups)
    enlarged = [axes for axes in figure.axes if axes.get_title(loc="left") == "the same, enlarged"]
    report = compare_with_targets(groups)
    mine = [
        c for c in report.comparisons if c.target.quantity == "threshold / baseline" and c.inside is not None
    ]
    span = crowded(mine, 8.0)
    assert span is not None
    assert [axes.get_xlim() for axes in enlarged] == [span]
    assert crowded([c for c in mine if c.target.arm == "cci"], 8.0) is None


def test_overview_has_tissue_pain_and_cytokines(groups: RunGroups) -> None:
    figure = draw("overview", groups)
    assert figure.get_figwidth() > figure.get_figheight()
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert "Paw-withdrawal threshold (g)" in labels
    assert {"IL-1β (pg/ml)", "TNF-α (pg/ml)", "IL-10 (pg/ml)", "TGF-β1 (pg/ml)"} <= set(labels)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:4] == [f"{arm}, day 8" for arm in ("sham", "CCI", "CCI + BMSC", "CCI + TGF-β1")]


@pytest.mark.parametrize("kind", ["pain", "nociception", "overview"])
def test_runs_without_a_readout_of_pain(kind: str, tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0, pain=False))
    with group_runs(tmp_path) as found, pytest.raises(NothingToShowError, match=r"a\.h5 has no series"):
        draw(kind, found)


def test_no_injected_cells(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0))
    with group_runs(tmp_path) as found, pytest.raises(NothingToShowError, match="no cells were injected"):
        draw("msc", found)


def test_no_injury(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "naive", plan=Plan(days=1.0))
    with group_runs(tmp_path) as found:
        axes = draw("pain", found).axes[0]
    assert axes.get_xlabel() == "Time (d)"
    assert texts(axes) == []
