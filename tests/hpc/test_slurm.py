"""The engine slurm on a real SLURM, where there is one: start it with tests/hpc/start_slurm.sh."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from abm.record.sweep_layout import COMPLETE
from abm.sweep.manifest import Manifest
from tests.e2e.command_line import TINY, abm, abm_here, start, wait_until
from tests.sweeps import SWEEP, columns, statuses, write_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("sbatch") is None, reason="no SLURM here"),
]

# 400 runs: 199 doses in the arm with cells, one scenario in the other, two replicates.
MANY = (
    SWEEP.replace("points: 3", "points: 199")
    .replace("list: [1 h, 2 h]", "list: [1 h]")
    .replace("returns:", "chunk: 50\nreturns:")
)
PROFILE = "time: '00:10:00'\ncpus: 1\n"


def answering() -> bool:
    """Whether the daemons are up."""
    return subprocess.run(["sinfo"], capture_output=True, check=False, timeout=30).returncode == 0


def workers(folder: Path) -> list[int]:
    """Processes that make runs of this sweep."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"abm.sweep.worker" in command and any(str(folder) in link for link in _open_files(entry)):
                found.append(int(entry.name))
    return found


def _open_files(process: Path) -> list[str]:
    try:
        return [os.readlink(link) for link in (process / "fd").iterdir()]  # noqa: PTH115
    except OSError:
        return []


@pytest.mark.timeout(1800)
def test_an_array_with_a_killed_worker_a_cancelled_and_a_requeued_element(tmp_path: Path) -> None:
    if not answering():
        pytest.skip("SLURM is installed, but its daemons are not running")
    write_sweep(tmp_path, MANY, TINY.replace("duration: 6 h", "duration: 1 d"))
    (tmp_path / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    assert Manifest.load(tmp_path / "out").n_run == 400
    arguments = ("sweep", "run", "out", "--engine", "slurm", "--profile", "profile.yaml")
    with start(*arguments, cwd=tmp_path) as process:
        wait_until(lambda: COMPLETE in statuses(tmp_path / "out"), 600)
        job = subprocess.run(
            ["squeue", "--noheader", "--format=%A"], capture_output=True, text=True, check=True
        ).stdout.split()[0]
        os.kill(workers(tmp_path / "out")[0], signal.SIGKILL)
        subprocess.run(["scontrol", "requeue", f"{job}_2"], check=False)
        subprocess.run(["scancel", f"{job}_8"], check=False)
        process.communicate(timeout=1200)
    # What the cancelled element had to do is left; the same command makes it.
    answer = abm(*arguments, cwd=tmp_path, timeout=1200)
    assert answer.returncode == 0, answer.stderr
    assert (statuses(tmp_path / "out") == COMPLETE).all()

    shutil.copytree(tmp_path / "out", tmp_path / "local", ignore=shutil.ignore_patterns("shards", "index.h5"))
    (tmp_path / "local" / "shards").mkdir()
    assert abm_here("sweep", "run", tmp_path / "local", "-q") == 0
    assert columns(tmp_path / "out") == columns(tmp_path / "local")


JOBQUEUE = """\
jobqueue:
  slurm:
    interface: lo
    memory: 1GB
    walltime: '00:20:00'
"""


@pytest.mark.timeout(1200)
@pytest.mark.skipif(importlib.util.find_spec("dask_jobqueue") is None, reason="no dask-jobqueue here")
def test_dask_starts_its_workers_as_jobs(tmp_path: Path) -> None:
    if not answering():
        pytest.skip("SLURM is installed, but its daemons are not running")
    write_sweep(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jobqueue.yaml").write_text(JOBQUEUE, encoding="utf-8")
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    arguments = ("sweep", "run", "out", "--engine", "dask", "--scheduler", "slurm", "--processes", "2")
    answer = abm(*arguments, cwd=tmp_path, timeout=900, DASK_CONFIG=str(tmp_path / "config"))
    assert answer.returncode == 0, answer.stderr
    (tmp_path / "here").mkdir()
    write_sweep(tmp_path / "here")
    local = tmp_path / "here" / "out"
    assert abm_here("sweep", "run", tmp_path / "here" / "sweep.yaml", "-o", local, "-q") == 0
    assert columns(tmp_path / "out") == columns(local)
