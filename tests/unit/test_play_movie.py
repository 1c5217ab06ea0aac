"""Films: what is in their frames, how they are written, and what is refused."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from abm.errors import RecordError
from abm.view.play import encoder
from abm.view.play.compose import COVERED, View, shrinking
from abm.view.play.movie import PRESETS, Movie, MovieOptions, gif_shape
from abm.view.play.session import Session
from abm.view.play.stage import lay_out
from tests.recorded_runs import Plan, write_experiment, write_run

BLUE = np.array([0, 114, 178])  # primed MSC, and the arm with them


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("films"), ["sham", "cci", "cci_bmsc"], [0])


def frames(paths: list[Path], **options: object) -> list[np.ndarray]:
    with Session(paths) as session:
        return [image.copy() for image in Movie(session, MovieOptions(**options)).images()]  # type: ignore[arg-type]


def count(image: np.ndarray, colour: np.ndarray) -> int:
    return int((image == colour).all(axis=2).sum())


@pytest.mark.parametrize("preset", list(PRESETS))
def test_every_recorded_frame_is_filmed(folder: Path, preset: str) -> None:
    images = frames([folder / "cci_bmsc_r000.h5"], preset=preset)
    assert len(images) == 9
    assert {image.shape for image in images} == {(*PRESETS[preset], 3)}
    assert {image.dtype for image in images} == {np.dtype(np.uint8)}


def test_cells_and_field_move_as_recorded(folder: Path) -> None:
    """Two MSC walk in from day 2 on; the primed one at the rim stays, the field of the site darkens."""
    images = frames([folder / "cci_bmsc_r000.h5"], preset="square")
    with Session([folder / "cci_bmsc_r000.h5"]) as session:
        film = Movie(session, MovieOptions(preset="square"))
        box = film._stage(film.shape).layout.panels[0]
    tissue = [box.cut(image) for image in images]
    assert count(tissue[1], BLUE) == 0 < count(tissue[2], BLUE)
    rows, columns = np.nonzero((tissue[4] == BLUE).all(axis=2))
    assert columns.mean() / box.width == pytest.approx(1800 / 2000, abs=0.01)
    assert rows.mean() / box.height == pytest.approx(0.5, abs=0.01)
    site = np.s_[
        int(0.5 * box.height) - 60 : int(0.5 * box.height) + 60, int(0.35 * box.width) : int(0.45 * box.width)
    ]
    assert tissue[4][site].mean() < tissue[1][site].mean() - 20


def test_the_trace_marks_the_moment(folder: Path) -> None:
    images = frames([folder / "cci_bmsc_r000.h5"], preset="square")
    with Session([folder / "cci_bmsc_r000.h5"]) as session:
        film = Movie(session, MovieOptions(preset="square"))
        stage = film._stage(film.shape)
    box = stage.layout.trace
    assert box is not None
    now = [np.median(np.nonzero((box.cut(image) == 0x55).all(axis=2))[1]) / box.width for image in images]
    np.testing.assert_allclose(now, np.arange(9) / 8, atol=0.01)


def test_nothing_is_left_of_the_frame_before(folder: Path) -> None:
    paths = [folder / "cci_bmsc_r000.h5"]
    alone = frames(paths, begin=5.0, end=5.0)[0]
    np.testing.assert_array_equal(frames(paths)[5], alone)


def test_arms_stand_side_by_side_in_step(folder: Path) -> None:
    with Session([folder]) as session:
        film = Movie(session, MovieOptions())
        boxes = film._stage(film.shape).layout.panels
        image = list(film.images())[8].copy()
    assert len(boxes) == 3 and len({(box.top, box.width, box.height) for box in boxes}) == 1
    assert all(a.left + a.width < b.left for a, b in pairwise(boxes))
    green = np.array([0, 158, 115])  # activated microglia
    sham, cci, cells = (count(box.cut(image), green) for box in boxes)
    assert cci > 100 and cells > 100 and sham == 0


@pytest.mark.parametrize("panels", range(1, 9))
@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_nothing_overlaps(panels: int, preset: str, aspect: float) -> None:
    layout = lay_out(*PRESETS[preset], panels, aspect, field_shown=True, traced=True)
    assert layout.bar is not None and layout.trace is not None
    boxes = [*layout.panels, layout.bar, layout.trace, layout.clock]
    taken = np.zeros(PRESETS[preset], int)
    for box in boxes:
        assert box.left >= 0 and box.top >= 0
        assert box.left + box.width <= layout.width and box.top + box.height <= layout.height
        box.cut(taken)[:] += 1  # type: ignore[arg-type, misc]
    assert taken.max() == 1
    assert all(box.height == pytest.approx(box.width * aspect, rel=0.03) for box in layout.panels)


def test_three_dimensional_tissue_is_projected_or_cut(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc", plan=Plan(layers=9, days=3.0))
    highest, slice_ = frames([path])[-1], frames([path], z="0")[-1]
    assert (highest != slice_).any()
    with pytest.raises(RecordError, match="no layer '9'; there are 0 to 8, max and mean"):
        frames([path], z="9")


def test_runs_with_little_in_them(tmp_path: Path) -> None:
    cells = write_run(tmp_path / "a.h5", "cci", plan=Plan(fields=False, days=2.0))
    fields = write_run(tmp_path / "b.h5", "sham", plan=Plan(cells=False, pain=False, days=2.0))
    assert len(frames([cells])) == 5
    assert len(frames([fields])) == 3
    nothing = write_run(tmp_path / "c.h5", "cci", plan=Plan(fields=False, cells=False))
    with pytest.raises(RecordError, match="no frames to film: none was recorded"):
        frames([nothing])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "cinema"}, "no preset 'cinema'; there are talk, paper, square"),
        ({"field": "IL-99"}, "no field 'IL-99'; there are IL-1b"),
        ({"scale": "cubic"}, "no scale 'cubic'; there are auto, linear, log"),
        ({"colours": "jet"}, "no colours 'jet'"),
        ({"begin": 9.0}, "recorded frames are from day 0 to 8"),
    ],
)
def test_faulty_options(folder: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        frames([folder / "cci_r000.h5"], **options)


def test_many_cells_are_drawn_smaller() -> None:
    view = View((0.0, 0.0), (2000.0, 2000.0), 800, 800)
    assert shrinking(np.array([100]), [20.0], view) == 1.0
    factor = shrinking(np.array([100_000]), [20.0], view)
    assert 100_000 * np.pi / 4 * (20.0 * factor) ** 2 == pytest.approx(COVERED * 2000.0**2)


# --------------------------------------------------------------------------------------------- ffmpeg

# Stands for ffmpeg: keeps what it is given, and how it was called, or fails as told.
FAKE = """#!/bin/sh
for last; do :; done
echo "$@" > "$(dirname "$0")/called"
{action}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin" / "ffmpeg"


def install(path: Path, action: str) -> None:
    path.write_text(FAKE.format(action=action), encoding="utf-8")
    path.chmod(0o755)


def test_frames_go_to_ffmpeg_one_after_another(folder: Path, fake: Path, tmp_path: Path) -> None:
    install(fake, 'cat > "$last"')
    steps: list[tuple[int, int]] = []
    with Session([folder / "cci_r000.h5"]) as session:
        film = Movie(session, MovieOptions(preset="square", every=4, fps=12))
        assert film.words(tmp_path / "a.mp4") == "3 frames of 1080 x 1080, 0.25 s"
        film.write(tmp_path / "a.mp4", progress=lambda done, total: steps.append((done, total)))
        expected = [image.tobytes() for image in film.images()]
    assert (tmp_path / "a.mp4").read_bytes() == b"".join(expected)
    assert steps == [(1, 3), (2, 3), (3, 3)]
    called = (fake.parent / "called").read_text()
    assert "-s 1080x1080 -r 12" in called and "cci_r000.h5: arm cci, replicate 0" in called


def test_a_gif_is_smaller(folder: Path, fake: Path, tmp_path: Path) -> None:
    install(fake, 'cat > "$last"')
    with Session([folder / "cci_r000.h5"]) as session:
        Movie(session, MovieOptions(every=8)).write(tmp_path / "a.gif")
    assert gif_shape((1080, 1920)) == (540, 960)
    assert (tmp_path / "a.gif").stat().st_size == 2 * 540 * 960 * 3
    assert "palettegen" in (fake.parent / "called").read_text()


@pytest.mark.parametrize(
    "action", ["echo 'no such codec' >&2; exit 1", "cat > /dev/null; echo 'no such codec' >&2; exit 1"]
)
def test_a_failing_ffmpeg_is_quoted(folder: Path, fake: Path, tmp_path: Path, action: str) -> None:
    install(fake, action)
    with Session([folder / "cci_r000.h5"]) as session, pytest.raises(RecordError, match="no such codec"):
        Movie(session, MovieOptions()).write(tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_ctrl_c_leaves_no_half_film_and_no_process(folder: Path, fake: Path, tmp_path: Path) -> None:
    install(fake, 'echo $$ > "$(dirname "$0")/pid"; exec cat > "$last"')

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with Session([folder / "cci_r000.h5"]) as session, pytest.raises(KeyboardInterrupt):
        Movie(session, MovieOptions()).write(tmp_path / "a.mp4", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]
    pid = (fake.parent / "pid").read_text().strip()
    assert subprocess.run(["ps", "-p", pid], check=False, capture_output=True).returncode != 0


def test_without_ffmpeg_it_is_said_what_to_install(
    folder: Path, fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setenv("PATH", str(fake.parent))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(RecordError, match=r"pip install abm\[view\]"):
        encoder.find_ffmpeg()
    with Session([folder / "cci_r000.h5"]) as session, pytest.raises(RecordError, match="ffmpeg"):
        Movie(session, MovieOptions()).write(tmp_path / "a.mp4")


def test_an_existing_film_is_kept(folder: Path, fake: Path, tmp_path: Path) -> None:
    install(fake, 'cat > "$last"')
    (tmp_path / "a.mp4").write_text("mine")
    with Session([folder / "cci_r000.h5"]) as session:
        film = Movie(session, MovieOptions(every=8))
        with pytest.raises(RecordError, match="--force"):
            film.write(tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_text() == "mine"
        film.write(tmp_path / "a.mp4", force=True)
    assert (tmp_path / "a.mp4").stat().st_size > 1000


def test_a_real_film(folder: Path, tmp_path: Path) -> None:
    """Where there is an ffmpeg: the film has the frames and the size it should have."""
    try:
        program = encoder.find_ffmpeg()
    except RecordError:
        pytest.skip("no ffmpeg here")
    for name, size in (("a.mp4", "1080x1080"), ("a.gif", "960x960")):
        with Session([folder / "cci_r000.h5"]) as session:
            Movie(session, MovieOptions(preset="square")).write(tmp_path / name)
        told = subprocess.run(
            [program, "-i", tmp_path / name, "-map", "0:v", "-f", "null", "-"],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        assert size in told and "frame=    9" in told
