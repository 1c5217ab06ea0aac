"""The figures of space, homing, phase and dose: what is drawn equals what was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from abm.analysis.curves import collect
from abm.analysis.groups import group_runs
from abm.errors import RecordError
from abm.view import Options, plot_files
from abm.view.canvas import NothingToShowError, house_style
from abm.view.figures import KINDS, USUAL
from abm.view.homing import densities
from abm.view.style import GREY
from tests import recorded_runs
from tests.recorded_runs import Plan, write_experiment, write_run

MORE = [kind for kind in KINDS if kind not in USUAL]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(
        tmp_path_factory.mktemp("runs"), ["sham", "cci", "cci_bmsc"], (0, 1), Plan(days=4.0)
    )


def test_figures_beside_the_usual_ones_are_drawn_when_named(folder: Path, tmp_path: Path) -> None:
    paths = plot_files(folder, tmp_path, MORE, options=Options(dpi=40))
    assert [path.stem for path in paths] == [
        "kymograph",
        "radial",
        "pairs",
        "homing",
        "phase",
        "dose",
        "arms",
    ]
    for path in paths:
        with Image.open(path) as image:
            assert "cci_bmsc_r001.h5: arm cci_bmsc, replicate 1, seed 7" in image.info["Description"]
            assert np.asarray(image.convert("L")).std() > 5


def test_the_kymograph_shows_the_recorded_field(folder: Path) -> None:
    with group_runs(folder) as groups, house_style():
        figure = KINDS["kymograph"](groups, Options(field="TNF-a"))
        values = np.asarray(figure.axes[1].collections[0].get_array()).reshape(40, 5)
        true = groups["cci"][0].field("TNF-a", 3).values[0, 19]
    np.testing.assert_allclose(values[:, 3], true, rtol=1e-6)


def test_the_radial_profile_has_a_line_per_day(folder: Path) -> None:
    with group_runs(folder) as groups, house_style():
        figure = KINDS["radial"](groups, Options(field="TNF-a", days=(0.0, 3.0)))
        lines = [line for line in figure.axes[1].get_lines() if str(line.get_label()).startswith("day")]
        assert [line.get_label() for line in lines] == ["day 0", "day 3"]
        heights = np.asarray(lines[1].get_ydata(), float)
        assert heights[0] == pytest.approx(50 + 100 * (1 - np.exp(-3.0)), rel=1e-5)
        legend = figure.axes[-1].get_legend()
        assert legend is not None
        names = {text.get_text() for text in legend.get_texts()}
    assert {"microglia", "astrocytes", "neurons", "MSC"} <= names


def test_homing_is_density_in_and_out(folder: Path) -> None:
    with group_runs(folder) as groups:
        inside, outside = densities(groups, "cci_bmsc", "msc", "site")
        run = groups["cci_bmsc"][0]
        site = (run.regions["site"] & run.tissue).sum() * 0.05**2
        tissue = run.tissue.sum() * 0.05**2
    # The recorded counts: 10 in the site, 50 in the tissue once the dose is given.
    assert inside.values[0, -1] == pytest.approx(10 / site)
    assert outside.values[0, -1] == pytest.approx(40 / (tissue - site))


def test_doses_are_points_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arm, dose in (("low", 1e4), ("high", 1e6)):
        monkeypatch.setitem(
            recorded_runs.TREATMENTS, arm, (1.0, f"{dose:g} living msc intrathecal", "inject_cells: {}")
        )
    folder = write_experiment(tmp_path / "study", ["cci", "low", "high"], (0, 1, 2), Plan(days=3.0))
    with group_runs(folder) as groups, house_style():
        figure = KINDS["dose"](groups, Options())
        (axes,) = figure.axes
        figure.canvas.draw()  # type: ignore[no-untyped-call]
        texts = [text.get_text() for text in axes.get_xticklabels()]
    assert texts == ["0", "1×10⁴", "1×10⁶"]
    assert axes.get_xlabel() == "MSC (cells)"


@pytest.mark.parametrize(
    ("kind", "plan", "said"),
    [
        ("kymograph", Plan(days=1.0, fields=False), "no frames of fields"),
        ("radial", Plan(days=1.0, fields=False), "no frames of fields"),
        ("pairs", Plan(days=1.0, cells=False), "no frames of cells"),
        ("homing", Plan(days=1.0), "no cells were injected"),
        ("phase", Plan(days=1.0, pain=False), "withdrawal_threshold"),
        ("dose", Plan(days=1.0), "no arm was given a dose"),
        ("arms", Plan(days=1.0, pain=False), "neither withdrawal_threshold nor IL-99"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, kind: str, plan: Plan, said: str) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci", plan=plan)
    with group_runs(path) as groups, pytest.raises(NothingToShowError, match=said):
        KINDS[kind](groups, Options(field="IL-99") if kind == "arms" else Options())


def test_every_arm_has_a_panel_with_the_others_in_grey(folder: Path) -> None:
    with group_runs(folder) as groups, house_style():
        figure = KINDS["arms"](groups, Options(field="TNF-a"))
        true = {arm: collect(groups[arm], "withdrawal_threshold").interval().mean for arm in groups}
        at_site = collect(groups["cci"], "cytokine_by_region", cytokine="TNF-a", region="site")
        panels = figure.axes
        assert [panel.get_title(loc="left") for panel in panels] == 2 * ["sham", "CCI", "CCI + BMSC"]
        for panel, (arm, mean) in zip(panels[:3], true.items(), strict=True):
            *_, own = panel.get_lines()
            np.testing.assert_allclose(np.asarray(own.get_ydata(), float), mean)
            grey = [line for line in panel.get_lines() if line.get_color() == GREY]
            others = [other for name, other in true.items() if name != arm]
            for line, other in zip(grey, others, strict=True):
                np.testing.assert_allclose(np.asarray(line.get_ydata(), float), other)
        drawn = np.asarray(panels[4].get_lines()[-1].get_ydata(), float)
    np.testing.assert_allclose(drawn, at_site.interval().mean)


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(days=1.0))
    for kind in ("kymograph", "radial"):
        with group_runs(path) as groups, pytest.raises(RecordError, match="no field 'IL-99'"):
            KINDS[kind](groups, Options(field="IL-99"))
