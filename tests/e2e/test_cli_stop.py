"""Runs that are stopped or killed, and what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from abm.errors import RecordError
from abm.record.reader import open_run
from tests.e2e.command_line import TINY, abm, children, different, start, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.determinism]

NAMES = ["cci_r000.h5", "cci_r001.h5", "cells_r000.h5", "cells_r001.h5"]
LONG = ["--set", "time.duration=4 d", "--set", "record.checkpoint=4 h"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny scenario, and in `whole` its runs as they are when nothing stops them."""
    folder = tmp_path_factory.mktemp("stop")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    answer = abm("run", "tiny.yaml", "-o", "whole", *LONG, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder


def checkpoints(path: Path) -> int:
    """Saved states in a file that may not be there yet."""
    try:
        with open_run(path) as run:
            return len(run.checkpoint_ticks)
    except RecordError:
        return 0


def status(path: Path) -> str:
    with open_run(path) as run:
        return run.status


def wait_for_checkpoint(out: Path) -> Path:
    """The first file that holds a saved state."""
    found: list[Path] = []

    def some() -> bool:
        found.extend(path for path in sorted(out.glob("*.h5")) if checkpoints(path))
        return bool(found)

    wait_until(some)
    return found[0]


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=240)
    return process.returncode, err


def complete(folder: Path, out: Path) -> None:
    """Make all that is missing, and compare with what was never stopped."""
    answer = abm("run", "tiny.yaml", "-o", out, "--resume", *LONG, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert sorted(path.name for path in out.glob("*.h5")) == NAMES
    assert [name for name in NAMES if different(folder / "whole" / name, out / name)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_runs_continue_to_the_same_bytes(folder: Path, tmp_path: Path, number: int) -> None:
    out = tmp_path / "out"
    process = start("run", "tiny.yaml", "-o", out, "--processes", "2", *LONG, cwd=folder)
    wait_for_checkpoint(out)
    # A terminal sends Ctrl-C to all processes of the group, a batch system often to the first one only.
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)
    code, err = finish(process)
    assert code == 130
    stopped = [path for path in out.glob("*.h5") if status(path) == "interrupted"]
    assert stopped
    assert "To continue: abm resume " in err
    assert all(str(path) in err for path in stopped)
    assert "Traceback" not in err
    assert all(status(path) in ("interrupted", "complete") for path in out.glob("*.h5"))
    complete(folder, out)


def test_one_run_is_stopped_and_resumed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = ["--arm", "cells", "--set", "replicates=1"]
    process = start("run", "tiny.yaml", "-o", out, *one, *LONG, cwd=folder)
    path = wait_for_checkpoint(out)
    os.killpg(process.pid, signal.SIGINT)
    code, err = finish(process)
    assert code == 130
    assert f"abm resume {path}" in err
    assert status(path) == "interrupted"
    answer = abm("resume", path, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "1 run in" in answer.stdout
    assert different(folder / "whole" / path.name, path) == ["scenario"]  # which counts the replicates


def test_killed_worker_loses_its_run_only(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("run", "tiny.yaml", "-o", out, "--processes", "2", *LONG, cwd=folder)
    wait_for_checkpoint(out)
    victim = children(process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    code, err = finish(process)
    assert code == 3
    (killed,) = [path for path in out.glob("*.h5") if status(path) != "complete"]
    assert len(list(out.glob("*.h5"))) == 4
    assert f"error: {killed}: its worker process was killed by SIGKILL" in err
    if checkpoints(killed):
        assert f"abm resume {killed}" in err
        answer = abm("resume", killed, cwd=folder)
        assert answer.returncode == 0, answer.stderr
    complete(folder, out)


def test_workers_do_not_outlive_their_parent(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start("run", "tiny.yaml", "-o", out, "--processes", "2", *LONG, cwd=folder)
    path = wait_for_checkpoint(out)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 60)
    # It had time to save its state, or had come to its end.
    assert status(path) in ("interrupted", "complete")
    complete(folder, out)


def test_files_being_written_are_left_alone(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    one = ["--arm", "cci", "--replicates", "1", *LONG]
    process = start("run", "tiny.yaml", "-o", out, *one, "--set", "time.duration=2000 d", cwd=folder)
    path = wait_for_checkpoint(out)
    for arguments in (
        ["run", "tiny.yaml", "-o", str(out), "--force", *one],
        ["run", "tiny.yaml", "-o", str(out), "--resume", *one],
        ["resume", str(path)],
    ):
        answer = abm(*arguments, cwd=folder)
        assert answer.returncode == 4
        assert f"error: {path}: another process is writing this file" in answer.stderr
    os.kill(process.pid, signal.SIGINT)
    assert finish(process)[0] == 130
    assert status(path) == "interrupted"


def test_what_cannot_be_resumed(folder: Path, tmp_path: Path) -> None:
    """A run without checkpoints that was killed."""
    out = tmp_path / "out"
    bare = ["--arm", "cci", "--replicates", "1", "--set", "time.duration=2000 d"]
    process = start("run", "tiny.yaml", "-o", out, *bare, "--set", "record.checkpoint=never", cwd=folder)
    path = out / "cci_r000.h5"
    wait_until(path.exists)
    process.kill()
    process.communicate()
    answer = abm("resume", path, cwd=folder)
    assert answer.returncode == 4
    assert f"{path}: the file holds no checkpoint to continue from" in answer.stderr
