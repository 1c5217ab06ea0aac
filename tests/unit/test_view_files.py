"""Figures as files: names, formats, provenance, the same bytes every time, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from abm.errors import RecordError
from abm.view import Options, plot_files
from abm.view.figures import USUAL
from tests.recorded_runs import Plan, write_experiment, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(
        tmp_path_factory.mktemp("runs"), ["sham", "cci", "cci_bmsc"], (0,), Plan(days=3.0)
    )


FAST = Options(dpi=50)


@pytest.mark.slow
def test_all_kinds_in_order(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    paths = plot_files(folder, tmp_path / "new" / "figures", options=FAST, report=told.append)
    assert [path.name for path in paths] == [f"{kind}.png" for kind in USUAL]
    assert all(path.stat().st_size > 5000 for path in paths)
    assert told == []


def test_what_cannot_be_drawn_is_told_and_left_out(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "naive", plan=Plan(days=1.0, fields=False, cells=False, status="running"))
    told: list[str] = []
    paths = plot_files(tmp_path, tmp_path, options=FAST, report=told.append)
    assert [path.stem for path in paths] == ["pain", "nociception", "cells", "cytokines"]
    assert told[0].startswith("a.h5: stopped without finishing")
    assert [text.split(":")[0] for text in told[1:]] == [
        "no figure 'tissue'",
        "no figure 'msc'",
        "no figure 'targets'",
        "no figure 'overview'",
    ]


def test_a_figure_asked_for_by_name_must_be_possible(tmp_path: Path) -> None:
    write_run(tmp_path / "a.h5", "cci", plan=Plan(days=1.0))
    with pytest.raises(RecordError, match="no figure 'msc': no cells were injected"):
        plot_files(tmp_path, tmp_path, ["msc"])


def test_formats_sizes_and_replacing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pain.png").write_bytes(b"old")
    paths = plot_files(folder, tmp_path, ["pain"], ["png", "svg", "pdf"], Options(dpi=100))
    assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    with Image.open(paths[0]) as image:
        assert image.size[0] == pytest.approx(180 / 25.4 * 100, abs=1), "180 mm at 100 dpi"
    assert paths[1].read_text(encoding="utf-8").startswith("<?xml")
    assert paths[2].read_bytes().startswith(b"%PDF")


def test_provenance_is_inside(folder: Path, tmp_path: Path) -> None:
    png, svg, pdf = plot_files(folder, tmp_path, ["pain"], ["png", "svg", "pdf"], FAST)
    with Image.open(png) as image:
        info = dict(image.info)
    assert info["Title"] == "pain: Written by hand"
    assert re.fullmatch(r"abm \S+, matplotlib \S+", info["Software"])
    for part in ("cci_r000.h5: arm cci, replicate 0, seed 7, complete", "commit 0123456789abcdef", "5" * 64):
        assert part in info["Description"]
        assert part in svg.read_text(encoding="utf-8")
    subject = re.search(rb"/Subject \(?(.*)", pdf.read_bytes())
    assert subject is not None
    assert str(folder) not in info["Description"], "paths of the machine do not travel"


@pytest.mark.slow
def test_same_bytes_every_time(folder: Path, tmp_path: Path) -> None:
    """Also for somebody whose own matplotlib settings are different."""
    kinds, formats = ["pain", "tissue"], ["png", "svg", "pdf"]
    first = plot_files(folder, tmp_path / "a", kinds, formats, FAST)
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.hashsalt": None, "figure.dpi": 33}):
        second = plot_files(folder, tmp_path / "b", kinds, formats, FAST)
    for one, other in zip(first, second, strict=True):
        assert zlib.crc32(one.read_bytes()) == zlib.crc32(other.read_bytes()), one.name


def test_settings_of_the_user_return(folder: Path, tmp_path: Path) -> None:
    with mpl.rc_context({"font.size": 20}):
        plot_files(folder, tmp_path, ["pain"], options=FAST)
        assert mpl.rcParams["font.size"] == 20


def test_no_global_figures() -> None:
    code = "import sys, abm.view; print('matplotlib.pyplot' in sys.modules, 'numba' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["False", "False"]


def test_unknown_kinds_and_formats(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no figure 'pian'; there are pain, nociception"):
        plot_files(folder, tmp_path, ["pian"])
    with pytest.raises(RecordError, match="no format 'bmp'; there are png, svg, pdf"):
        plot_files(folder, tmp_path, ["pain"], ["bmp"])


def test_folder_that_cannot_be_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordError, match="cannot make the folder"):
        plot_files(folder, tmp_path / "file" / "figures", ["pain"])
    (tmp_path / "pain.png").mkdir()
    with pytest.raises(RecordError, match="cannot write the figure"):
        plot_files(folder, tmp_path, ["pain"])


def test_result_files_are_not_touched(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    plot_files(folder, tmp_path, ["pain"], options=FAST)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
