"""What the progress display says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from abm.cli import progress
from abm.cli.progress import Lines, Tally
from abm.study.job import Job, Status, result_of


def job(arm: str, days: float = 10.0) -> Job:
    scenario: Any = SimpleNamespace(time=SimpleNamespace(duration=days * 1440.0))
    return Job(arm, 0, 1, Path(f"{arm}.h5"), "", scenario)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


def test_rate_and_time_left(clock: SimpleNamespace) -> None:
    a, b = job("a"), job("b")
    tally = Tally()
    tally.begin([a, b], 2)
    assert tally.words() == "preparing"
    tally.advanced(a, 0.0)
    tally.advanced(b, 0.0)
    for _ in range(4):
        clock.seconds += 0.5
        tally.advanced(a, tally.days["a", 0] + 1.0)
        tally.advanced(b, tally.days["b", 0] + 0.5)
    # 6 of 20 days in 2 s.
    assert tally.words() == "0 of 2 runs, 30%, 3 simulated days/s, 0:00:05 left"
    assert tally.seconds == 2.0


def test_what_was_done_before_does_not_count_as_speed(clock: SimpleNamespace) -> None:
    a = job("a")
    tally = Tally()
    tally.begin([a], 1)
    clock.seconds += 1.0
    tally.advanced(a, 8.0)
    assert tally.rate == 0.0
    clock.seconds += 1.0
    tally.advanced(a, 8.5)
    assert tally.words() == "0 of 1 runs, 85%, 0.5 simulated days/s, 0:00:03 left"


def test_failed_run_is_not_waited_for(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = job("a"), job("b")
    lines = Lines()
    lines.begin([a, b], 2)
    lines.advanced(a, 2.0)
    lines.ended(a, result_of(a, Status.FAILED, 1.0, "a.h5: it broke\nin detail"))
    lines.advanced(b, 6.0)
    assert lines.words().startswith("1 of 2 runs, 67%")  # 8 of 2 + 10 days
    assert capsys.readouterr().err == "2 runs, 2 at a time\nfailed: a.h5: it broke\n"


def test_lines_come_every_ten_seconds(clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    a = job("a", 100.0)
    lines = Lines()
    lines.begin([a], 1)
    for _ in range(250):
        clock.seconds += 0.1
        lines.advanced(a, lines.done + 0.1)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "1 run"
    assert len(said) == 3
    assert said[2].startswith("0 of 1 runs, 20%, 1 simulated days/s, 0:01:2")
