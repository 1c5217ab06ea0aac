"""Runs and frames that draw themselves, and the matplotlib player."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent

import abm
from abm.errors import RecordError
from abm.record import Run
from abm.view.play.mpl import Player, show
from tests.recorded_runs import Plan, write_run


@pytest.fixture(autouse=True)
def no_windows() -> Iterator[None]:
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc")


def test_a_frame_plots_itself(path: Path) -> None:
    with abm.open_run(path) as run:
        assert isinstance(run, Run)
        axes = run.frame(time=5.0).plot("TNF-a")
        axes.figure.canvas.draw()
        shown = axes.get_images()[0].get_array()
        true = np.where(run.tissue[0], run.field("TNF-a", 5).values[0], np.nan)
    np.testing.assert_allclose(np.ma.filled(shown, np.nan), true)
    assert axes.get_title(loc="left") == "CCI + BMSC, day 5"
    offsets = np.vstack([np.asarray(c.get_offsets()) for c in axes.collections if len(c.get_offsets()) > 1])
    assert len(offsets) >= 395


def test_only_the_chosen_cells_are_plotted(path: Path) -> None:
    with abm.open_run(path) as run:
        _, axes = plt.subplots()
        assert run.frame(10).where(type="msc").plot(axes=axes) is axes
        drawn = {c.get_label() for c in axes.collections if ":" in str(c.get_label())}
    assert drawn == {"msc:naive", "msc:primed"}


def test_a_frame_without_fields_and_a_block_can_be_plotted(tmp_path: Path) -> None:
    flat = write_run(tmp_path / "a.h5", "cci", plan=Plan(fields=False))
    with abm.open_run(flat) as run:
        run.frame(0).plot().figure.canvas.draw()
    block = write_run(tmp_path / "b.h5", "cci", plan=Plan(layers=5))
    with abm.open_run(block) as run:
        run.frame(0).plot(projection="maximum").figure.canvas.draw()
        with pytest.raises(RecordError, match="projection 'side'; there are section, maximum"):
            run.frame(0).plot(projection="side")


def test_what_cannot_be_plotted_is_said(path: Path) -> None:
    with abm.open_run(path) as run:
        with pytest.raises(RecordError, match="no field 'IL-99'"):
            run.frame(0).plot("IL-99")
        with pytest.raises(RecordError, match="without type, phenotype"):
            run.frame(0, columns=["id", "x"]).plot()


def test_a_notebook_shows_a_run(path: Path, tmp_path: Path) -> None:
    with abm.open_run(path) as run:
        text = run._repr_html_()
    assert "cci_bmsc, replicate 0, seed 7" in text and "Written by hand" in text
    assert re.search(r"<img alt='cells on day 8' src='data:image/png;base64,iVBOR", text)
    empty = write_run(tmp_path / "<b>.h5", "cci", plan=Plan(fields=False, cells=False))
    with abm.open_run(empty) as run:
        text = run._repr_html_()
    assert "&lt;b&gt;.h5" in text and "<img" not in text


def test_opening_a_run_loads_no_matplotlib(path: Path) -> None:
    code = f"import abm, sys; abm.open_run({str(path)!r}).frame(0); print('matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


def test_the_player_plays(path: Path) -> None:
    player = Player(path)
    canvas = player.figure.canvas
    canvas.draw()  # type: ignore[no-untyped-call]
    pictures = []
    for frame in (0, 5):
        player.show(frame)
        pictures.append(np.asarray(canvas.buffer_rgba()).copy())  # type: ignore[attr-defined]
    assert (pictures[0] != pictures[1]).any()
    assert player._title.get_text() == "CCI + BMSC, replicate 0, day 5"
    assert player._now.get_xdata() == [5.0, 5.0]
    player.close()


def test_keys_and_the_button_of_the_player(path: Path) -> None:
    player = Player(path, "TNF-a")
    for key, frame in (("right", 1), ("right", 2), ("left", 1), ("pagedown", 8), ("home", 0), ("end", 8)):
        player.press(KeyEvent("key_press_event", player.figure.canvas, key))
        assert player.frame == frame
    player.press(KeyEvent("key_press_event", player.figure.canvas, " "))
    assert player.playing and player.frame == 0
    for _ in range(8):
        player.advance()
    assert player.playing and player.frame == 8
    player.advance()
    assert not player.playing
    player._slider.set_val(3)
    assert player.frame == 3
    player.close()


def test_what_the_player_refuses(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no field 'IL-99'"):
        Player(path, "IL-99")
    with pytest.raises(RecordError, match="nothing to play"):
        Player(write_run(tmp_path / "a.h5", "cci", plan=Plan(fields=False, cells=False)))
    with pytest.raises(RecordError, match="shows one file"):
        show([path, path])
    with pytest.raises(RecordError, match=r"no window here \(its backend is 'agg'\)"):
        show([path])
