"""Tissue panels show the recorded cells and fields, to scale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from abm.analysis.groups import RunGroups, group_runs
from abm.errors import RecordError
from abm.view.canvas import NothingToShowError, house_style
from abm.view.options import Options
from abm.view.snapshot import default_days, snapshot
from abm.view.symbols import drawing_order
from abm.view.tissue import draw_tissue, smooth
from tests.recorded_runs import PHENOTYPES, Plan, write_experiment, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("runs"), ["cci", "cci_bmsc"], (0, 1))


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    """Measuring a figure makes ticks anew, which take the settings of the moment."""
    with house_style():
        yield


@pytest.fixture
def groups(folder: Path) -> Iterator[RunGroups]:
    with group_runs(folder) as found:
        yield found


def draw(groups: RunGroups, **options: object) -> Figure:
    figure = draw_tissue(groups, Options(**options))  # type: ignore[arg-type]
    figure.canvas.draw()
    return figure


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.images]


def symbols(axes: Axes) -> dict[str, np.ndarray]:
    found = {}
    for collection in axes.collections:
        if isinstance(collection, PathCollection) and str(collection.get_label()) in PHENOTYPES:
            found[str(collection.get_label())] = np.asarray(collection.get_offsets())
    return found


def test_one_panel_per_arm_and_day(groups: RunGroups) -> None:
    found = panels(draw(groups, days=(1.0, 4.0, 8.0)))
    assert len(found) == 6
    assert [axes.get_title(loc="left") for axes in found[:2]] == ["CCI", "CCI + BMSC"]
    assert [axes.get_ylabel() for axes in found[::2]] == ["Day 1", "Day 4", "Day 8"]


def test_days_are_chosen_from_what_was_recorded(groups: RunGroups) -> None:
    assert [axes.get_ylabel() for axes in panels(draw(groups))[::2]] == ["Day 3", "Day 7"]


@pytest.mark.parametrize(
    ("end", "frames", "expected"),
    [
        (33.0, np.arange(34.0), (3.0, 7.0, 28.0)),
        (84.0, np.arange(0.0, 85.0, 7.0), (7.0, 28.0, 84.0)),
        (10.0, np.array([0.0, 5.0, 10.0]), (0.0, 5.0, 10.0)),
        (0.0, np.array([0.0]), (0.0,)),
    ],
)
def test_default_days(end: float, frames: np.ndarray, expected: tuple[float, ...]) -> None:
    class Recorded:
        runs = (SimpleNamespace(field_times=frames),)

    assert frames[-1] == end
    assert default_days(Recorded()) == expected  # type: ignore[arg-type]


def test_cells_stand_where_they_were_recorded(groups: RunGroups) -> None:
    axes = panels(draw(groups, days=(4.0,)))[1]
    frame = groups["cci_bmsc"][0].frame(time=4.0)
    drawn = symbols(axes)
    here = frame.where(place="tissue")
    assert sum(map(len, drawn.values())) == len(here)
    for name, offsets in drawn.items():
        cells = here.where(phenotype=name)
        np.testing.assert_array_equal(offsets, np.column_stack([cells["x"], cells["y"]]))
    assert len(drawn["msc:naive"]) == 1, "the third MSC waits in the CSF"


def test_the_field_is_the_recorded_one(groups: RunGroups) -> None:
    axes = panels(draw(groups, days=(4.0,), field="IL-1b"))[0]
    image = axes.images[0]
    recorded = groups["cci"][0].field("IL-1b", time=4.0).values[0]
    inside = groups["cci"][0].tissue[0]
    drawn = image.get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), ~inside)
    np.testing.assert_array_equal(drawn[inside], recorded[inside])
    assert tuple(image.get_extent()) == (0.0, 2000.0, 0.0, 2000.0)
    assert image.origin == "lower"


def test_all_panels_share_one_scale_with_its_unit(groups: RunGroups) -> None:
    figure = draw(groups, days=(1.0, 4.0))
    norms = [axes.images[0].norm for axes in panels(figure)]
    assert all(norm is norms[0] for norm in norms)
    assert isinstance(norms[0], LogNorm), "2,000 beside 100 pg/ml"
    assert (norms[0].vmin, norms[0].vmax) == (100.0, 2000.0)
    bars = [child.get_ylabel() for axes in figure.axes for child in axes.child_axes]
    assert bars == ["TGF-β1 (pg/ml)"]


def test_a_nearly_even_field_does_not_look_like_a_steep_one(groups: RunGroups) -> None:
    norm = panels(draw(groups, days=(4.0,), field="IL-10"))[0].images[0].norm
    assert (norm.vmin, norm.vmax) == (20.0, 40.0)


def test_scale_bar_is_as_long_as_it_says(groups: RunGroups) -> None:
    axes = panels(draw(groups, days=(4.0,)))[0]
    bar = axes.patches[-1]
    assert bar.get_width() == 500.0
    assert "500 µm" in [text.get_text() for text in axes.texts]


def test_symbols_are_round_and_to_one_scale(groups: RunGroups) -> None:
    axes = panels(draw(groups, days=(4.0,)))[1]
    found = {str(c.get_label()): c for c in axes.collections if isinstance(c, PathCollection)}
    symbol = found["msc:primed"]
    box = symbol.get_paths()[0].transformed(symbol.get_transform()).get_extents()
    scale = axes.get_window_extent().width / 2000.0
    assert box.width == pytest.approx(46.0 * scale, rel=0.02)
    assert box.height == pytest.approx(box.width, rel=0.02)


def test_regions_are_outlined_and_named(groups: RunGroups) -> None:
    axes = panels(draw(groups, days=(4.0,)))[0]
    assert {"site", "opposite"} <= {text.get_text() for text in axes.texts}


def test_an_outline_keeps_its_place() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 10:30] = True
    smoothed = smooth(mask)
    assert (smoothed[20, 12:28] > 0.5).all()
    assert smoothed[20, 9] < 0.5 < smoothed[20, 10]
    whole = smooth(np.ones((5, 5), dtype=bool))
    np.testing.assert_allclose(whole, 1.0)


def test_rare_cells_lie_on_top() -> None:
    order = [PHENOTYPES[code] for code in drawing_order(PHENOTYPES)]
    assert order[0] == "neuron:neuron"
    assert order[-1] == "msc:primed"
    assert order.index("microglia:surveilling") < order.index("microglia:activated")
    unknown = drawing_order(["msc:naive", "macrophage:x", "neuron:neuron"])
    assert unknown == [2, 1, 0]


def test_another_replicate(groups: RunGroups) -> None:
    figure = draw(groups, days=(4.0,), replicate=1)
    frame = groups["cci"][1].frame(time=4.0).where(place="tissue", phenotype="neuron:neuron")
    np.testing.assert_array_equal(symbols(panels(figure)[0])["neuron:neuron"][:, 0], frame["x"])
    assert figure.legends[0].get_title().get_text().startswith("Replicate 1")
    with pytest.raises(RecordError, match="arm cci has no replicate 5; there are 0, 1"):
        draw(groups, replicate=5)


def test_unknown_field_and_projection(groups: RunGroups) -> None:
    with pytest.raises(RecordError, match="no field 'IL-6'"):
        draw(groups, field="IL-6")
    with pytest.raises(RecordError, match="projection 'mean'; there are section, maximum"):
        draw(groups, projection="mean")


def test_no_frames_of_cells_leaves_the_field(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0, cells=False))
    with group_runs(tmp_path) as found:
        figure = draw(found)
    assert symbols(panels(figure)[0]) == {}


def test_no_frames_of_fields(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0, fields=False))
    with group_runs(tmp_path) as found, pytest.raises(NothingToShowError, match="no frames of fields"):
        draw(found)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("block") / "a.h5"
    return write_run(path, "cci_bmsc", plan=Plan(days=3.0, layers=5))


def test_a_block_is_shown_in_section(block: Path) -> None:
    with group_runs(block) as found:
        run = found["cci_bmsc"][0]
        shot = snapshot(run, 3.0, Options())
        np.testing.assert_array_equal(
            shot.field[run.tissue[2]], run.field("TGF-b1", time=3.0).values[2][run.tissue[2]]
        )
        assert shot.cells is not None
        assert 0 < len(shot.cells) < len(run.frame(time=3.0))
        assert np.abs(shot.cells["z"] - 50.0).max() <= 10.0
        figure = draw(found, days=(3.0,))
    assert "Section at z = 50 µm, cells within 10 µm of it." in figure.legends[0].get_title().get_text()


def test_a_block_is_shown_in_maximum_projection(block: Path) -> None:
    with group_runs(block) as found:
        run = found["cci_bmsc"][0]
        shot = snapshot(run, 3.0, Options(projection="maximum"))
        expected = run.field("TGF-b1", time=3.0).values.max(axis=0)
        np.testing.assert_array_equal(shot.field[run.tissue[0]], expected[run.tissue[0]])
        assert np.isnan(shot.field[~run.tissue[0]]).all()
        assert shot.cells is not None
        assert len(shot.cells) == len(run.frame(time=3.0).where(place="tissue"))
        figure = draw(found, days=(3.0,), projection="maximum")
    assert "Maximum of the field along z" in figure.legends[0].get_title().get_text()
