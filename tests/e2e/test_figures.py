"""From a scenario through the engine to figures and tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from abm.analysis.groups import group_runs
from abm.view import Options, plot_files
from abm.view.figures import USUAL
from tests.e2e.command_line import TINY, abm_here
from tests.recorded_runs import BOOKS, PAIN, TISSUE

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two arms and two replicates of a tiny tissue, simulated by the command line."""
    place = tmp_path_factory.mktemp("tiny")
    (place / "tiny.yaml").write_text(TINY, encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert abm_here("run", "tiny.yaml", "-o", place / "out", "--quiet") == 0
    finally:
        os.chdir(before)
    return place / "out"


def test_every_figure_of_a_simulation(folder: Path, tmp_path: Path) -> None:
    told: list[str] = []
    paths = plot_files(
        folder, tmp_path, formats=("png", "svg", "pdf"), options=Options(dpi=60), report=told.append
    )
    drawn = dict.fromkeys(path.stem for path in paths)
    assert list(drawn) == [kind for kind in USUAL if kind != "targets"]
    assert told == ["no figure 'targets': the targets have no arm and day in common with these runs"]
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("L"))
                assert "arm cells, replicate 1, seed 11, complete" in str(image.info["Description"])
            assert 0.005 < (pixels < 128).mean() < 0.5, f"{path.name}: neither blank nor black"


def test_tables_of_a_simulation(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("plot", folder, "-o", tmp_path, "--kind", "pain", "--kind", "msc", "--dpi", "40") == 0
    assert [Path(line).name for line in capsys.readouterr().out.splitlines()] == ["pain.png", "msc.png"]


def test_runs_written_by_hand_have_the_series_of_the_engine(folder: Path) -> None:
    """The unit tests of figures and tables read files that no engine wrote: they must not drift apart."""
    with group_runs(folder) as groups:
        run = groups["cells"][0]
        for series in (*PAIN, *TISSUE, *BOOKS):
            found = run.series(series.name)
            assert (found.dims[1:], found.unit) == (tuple(series.dims), series.unit), series.name
        assert groups.experiments["cells"].role == "treated"
        assert [dose.text for dose in groups.experiments["cells"].doses] == [
            "250000 living msc intrathecal",
            "10 ng TGF-b1 intrathecal",
        ]
        assert groups.experiments["cci"].injuries[0].label == "chronic constriction injury"
        assert groups.experiments["cci"].readout_region == "site"
        assert groups.experiments["cci"].labels["TGF-b1"] == "TGF-β1"
