"""What goes wrong in the middle of a sweep is recorded or told, and nothing else is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from abm.record.sweep_layout import COMPLETE, FAILED, MISSING
from abm.study.pool import FIND_ABM
from abm.sweep import local
from abm.sweep.chunk import work_chunk
from abm.sweep.manifest import Manifest
from abm.sweep.run import find
from abm.sweep.simulate import Simulator
from tests.e2e.command_line import abm_here, python
from tests.sweeps import SWEEP, columns, statuses, write_sweep

pytestmark = pytest.mark.e2e

PROGRAM = local.PROGRAM
POISONED = 5  # the run to which something happens

POISON = """
import os, signal, time
from abm.sweep.simulate import Simulator
row = Simulator.row
def poisoned(self, run, attempts=1):
    if run == {run}:
        {what}
    return row(self, run, attempts)
Simulator.row = poisoned
from abm.sweep.worker import main; main(sys.argv[2:])
"""


def plan(folder: Path, text: str = SWEEP) -> Path:
    write_sweep(folder, text)
    assert abm_here("sweep", "plan", folder / "sweep.yaml", "-o", folder / "out", "--anyway") == 0
    return folder / "out"


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the sweep returns when nothing happens to it."""
    folder = plan(tmp_path_factory.mktemp("untouched"))
    assert abm_here("sweep", "run", folder, "--processes", "1", "-q") == 0
    return columns(folder)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets something happen to one run in every worker that is started."""

    def program(what: str) -> None:
        monkeypatch.setattr(local, "PROGRAM", FIND_ABM + POISON.format(run=POISONED, what=what))

    return program


def message(folder: Path, run: int = POISONED) -> str:
    return find(Manifest.load(folder)).message(run)


@pytest.mark.parametrize(
    ("what", "recorded", "told"),
    [
        ("raise KeyError('poison')", "Traceback (most recent call last)", "KeyError: 'poison'"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL", "killed by SIGKILL"),
        ("os._exit(7)", "ended with exit code 7", "exit code 7"),
    ],
)
def test_a_poisoned_run_is_tried_again_and_recorded(
    tmp_path: Path,
    what: str,
    recorded: str,
    told: str,
    poison: Callable[[str], None],
    untouched: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = plan(tmp_path)
    poison(what)
    assert abm_here("sweep", "run", folder, "--processes", "1") == 3
    status = statuses(folder)
    assert status[POISONED] == FAILED and (status == COMPLETE).sum() == 13
    assert recorded in message(folder) and told in message(folder)
    assert find(Manifest.load(folder)).column("attempts")[POISONED] == 2
    capsys.readouterr()
    assert abm_here("sweep", "status", folder) == 0
    assert told in capsys.readouterr().out
    monkeypatch.setattr(local, "PROGRAM", PROGRAM)
    assert abm_here("sweep", "retry", folder, "--failed", "-q", "--processes", "1") == 0
    assert columns(folder) == untouched


def test_a_poisoned_run_of_a_chunk_is_recorded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of Dask and MPI."""
    folder = plan(tmp_path)
    row = Simulator.row

    def poisoned(self: Simulator, run: int, attempts: int = 1) -> object:
        if run == POISONED:
            raise KeyError("poison")
        return row(self, run, attempts)

    monkeypatch.setattr(Simulator, "row", poisoned)
    ended = work_chunk(str(folder), [4, 5, 6])
    assert [(one.run, one.status) for one in ended] == [(4, COMPLETE), (5, FAILED), (6, COMPLETE)]
    assert "Traceback" in message(folder) and "KeyError: 'poison'" in message(folder)


@pytest.mark.slow
def test_a_run_that_hangs_is_killed_and_recorded(
    tmp_path: Path, poison: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never looks at its clock, so its parent does."""
    folder = plan(tmp_path, SWEEP.replace("returns:", "limits: {time: 25 s, retries: 0}\nreturns:"))
    monkeypatch.setattr(local, "_PATIENCE_FACTOR", 1.0)
    monkeypatch.setattr(local, "_PATIENCE_SECONDS", 0.0)
    poison("time.sleep(1000)")
    assert abm_here("sweep", "run", folder, "--processes", "1", "-q") == 3
    status = statuses(folder)
    assert status[POISONED] == FAILED and (status == COMPLETE).sum() == 13
    assert "it hung" in message(folder) and "25 s" in message(folder)


def test_a_run_that_wants_too_much_memory_fails_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "schema_version: 1\nscenario: tiny.yaml\narms: [cci]\nreplicates: 1\n"
    text += "settings: {time.duration: 1 h}\nlimits: {memory: 500 MB}\n"
    text += "vary: {size: {path: domain.size, list: [[300 um, 300 um], [40 mm, 40 mm], [320 um, 300 um]]}}\n"
    folder = plan(tmp_path, text)
    assert "40 mm" not in capsys.readouterr().err
    assert abm_here("sweep", "run", folder, "--processes", "1", "-q") == 3
    assert statuses(folder).tolist() == [COMPLETE, FAILED, COMPLETE]
    assert "memory" in message(folder, 1)


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from abm.cli.main import main
main(sys.argv[2:])
"""


def test_a_full_disk_stops_the_sweep_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: both refuse a write in the middle."""
    text = SWEEP.replace("returns: {", "returns: {fields: {at: [1 h, 2 h, 3 h, 4 h, 5 h, 6 h]}, ")
    folder = plan(tmp_path, text)
    answer = python(FULL_DISK, "300000", "sweep", "run", str(folder), "--processes", "1", cwd=tmp_path)
    assert answer.returncode == 4, answer.stderr
    assert answer.stderr.count("error: ") == 1 and "ulimit -f" in answer.stderr
    assert "Traceback" not in answer.stderr
    status = statuses(folder)
    assert FAILED not in status and MISSING in status
    assert abm_here("sweep", "run", folder, "--processes", "1", "-q") == 0
    (other := tmp_path / "other").mkdir()
    assert abm_here("sweep", "run", plan(other, text), "--processes", "1", "-q") == 0
    assert columns(folder) == columns(other / "out")


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plan(tmp_path)
    below = tmp_path / "tiny.yaml" / "out"
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", below) == 4
    assert f"error: {below}" in capsys.readouterr().err
    (folder / "shards").rmdir()
    if os.geteuid() != 0:
        (folder / "shards").mkdir(mode=0o555)
    assert abm_here("sweep", "run", folder, "--processes", "1", "-q") == 4
    said = capsys.readouterr().err
    assert f"error: {folder / 'shards'}" in said and "cannot create the file" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("left", [0.0, 0.5, 0.95])
def test_a_cut_off_shard_is_left_aside_and_told(
    tmp_path: Path, left: float, untouched: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = plan(tmp_path)
    assert abm_here("sweep", "run", folder, "--shard", "1/2", "--processes", "1", "-q") == 0
    (shard,) = (folder / "shards").iterdir()
    os.truncate(shard, int(left * shard.stat().st_size))
    capsys.readouterr()
    for arguments in (
        ("merge", folder, "-o", tmp_path / "m.h5"),
        ("table", folder, "-o", tmp_path / "t.csv"),
    ):
        assert abm_here("sweep", *arguments) == 0
        assert f"left out, its runs count as missing: {shard}" in capsys.readouterr().err
    assert abm_here("sweep", "status", folder) == 0
    assert f"unreadable  {shard}" in capsys.readouterr().out
    # What it held is made again; the damaged file stays where it is.
    assert abm_here("sweep", "run", folder, "--processes", "1") == 0
    streams = capsys.readouterr()
    assert "14 runs made" in streams.out and str(shard) in streams.err
    assert shard.exists()
    assert columns(folder) == untouched


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_cut_off_manifest_is_told(tmp_path: Path, left: float, capsys: pytest.CaptureFixture[str]) -> None:
    folder = plan(tmp_path)
    manifest = folder / "manifest.h5"
    os.truncate(manifest, int(left * manifest.stat().st_size))
    capsys.readouterr()
    for verb in ("run", "status"):
        assert abm_here("sweep", verb, folder) == 4
        said = capsys.readouterr().err
        assert said.startswith(f"error: {manifest}: the manifest is damaged") and "plan" in said
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", folder) == 0
    assert abm_here("sweep", "status", folder) == 0
