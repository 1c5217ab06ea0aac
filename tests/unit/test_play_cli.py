"""The verbs play and movie as they are called: what they print, and what they refuse."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from abm.cli.bar import counting
from tests.e2e.command_line import abm_here, start
from tests.recorded_runs import Plan, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "cci_r000.h5", "cci")


def asked(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What is said, in a line, where something is asked for that is not there."""
    return refused(capsys, *arguments, code=2)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 4) -> str:
    """What a call that must fail says, a line."""
    assert abm_here(*arguments) == code
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    return said


def test_a_page_states_its_size_before_it_is_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = run.with_name("page.html")
    assert abm_here("movie", run, "-o", page) == 0
    printed = capsys.readouterr()
    assert re.match(
        r".*page\.html: about [\d.]+ MB \(fields [\d.]+, cells [\d.]+, the rest [\d.]+\)", printed.err
    )
    assert re.fullmatch(r".*page\.html: [\d.]+ MB\n", printed.out)
    assert "cci_r000.h5: arm cci, replicate 0, seed 7" in page.read_text(encoding="utf-8")
    assert "exists already; replace it with --force" in refused(capsys, "movie", run, "-o", page)
    assert abm_here("movie", run, "-o", page, "--force", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_a_page_beyond_the_limit_is_not_written(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from abm.view.play.pack import Budget, PagePacker

    monkeypatch.setattr(PagePacker, "budget", lambda _: Budget(300_000_000, 10_000_000, 0))
    said = refused(capsys, "movie", run, "-o", run.with_name("page.html"))
    assert "about 310 MB (fields 300, cells 10, the rest 0)" in said
    assert "more than --limit 200" in said and "--every 2" in said
    assert not run.with_name("page.html").exists()


def test_what_movie_refuses(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "ending in .mp4, .gif or .html" in asked(capsys, "movie", run, "-o", tmp_path / "film.avi")
    assert "no folder" in refused(capsys, "movie", run, "-o", tmp_path / "no" / "film.mp4")
    two = ("--field", "TNF-a", "--field", "IL-10")
    assert "one field, not TNF-a and IL-10" in asked(capsys, "movie", run, "-o", tmp_path / "a.mp4", *two)
    assert "no field 'IL-99'" in asked(capsys, "movie", run, "-o", tmp_path / "a.html", "--field", "IL-99")
    late = ("--from", "3 d", "--to", "1 d")
    assert "from day 3 to day 1" in asked(capsys, "movie", run, "-o", tmp_path / "a.mp4", *late)
    assert "no such file" in refused(capsys, "movie", tmp_path / "none.h5", "-o", tmp_path / "a.html")
    (tmp_path / "cut.h5").write_bytes(run.read_bytes()[:20000])
    assert "cut off" in refused(capsys, "movie", tmp_path / "cut.h5", "-o", tmp_path / "a.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cci_r000.h5", "cut.h5"]


def test_play_with_mpl_needs_a_window(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no window here" in refused(capsys, "play", "--mpl", run)


@pytest.mark.e2e
def test_ctrl_c_ends_a_page_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(days=240.0))
    process = start("movie", "cci_r000.h5", "-o", "page.html", cwd=tmp_path)
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".page.*.part.html")) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["cci_r000.h5"]


def test_progress_in_a_log_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abm.cli.bar.LINE_SECONDS", 0.0)
    with counting("filming", False) as advance:
        advance(3, 9)
    with counting("filming", True) as advance:
        advance(4, 9)
    assert capsys.readouterr().err == "filming: 3 of 9\n"
