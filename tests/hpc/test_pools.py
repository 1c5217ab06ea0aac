"""Dask on this machine and MPI, each with a worker killed: the same results as the local engine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from abm.record.sweep_layout import COMPLETE
from tests.e2e.command_line import TINY, abm, abm_here, environment, start, wait_until
from tests.sweeps import columns, statuses, write_sweep

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(1200)]

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="no Dask here")
needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or shutil.which("mpirun") is None, reason="no MPI here"
)
# Long enough that a kill meets runs under way.
LONGER = TINY.replace("duration: 6 h", "duration: 6 d")


def plan(folder: Path, scenario: str) -> Path:
    write_sweep(folder, scenario=scenario)
    assert abm_here("sweep", "plan", folder / "sweep.yaml", "-o", folder / "out") == 0
    return folder / "out"


def made_here(folder: Path, scenario: str) -> dict[str, bytes]:
    """What the local engine makes."""
    out = plan(folder, scenario)
    assert abm_here("sweep", "run", out, "-q") == 0
    return columns(out)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made_here(tmp_path_factory.mktemp("local"), TINY)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return made_here(tmp_path_factory.mktemp("longer"), LONGER)


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    return plan(tmp_path, TINY)


@needs_dask
def test_dask_on_this_machine(planned: Path, local: dict[str, bytes]) -> None:
    answer = abm(
        "sweep", "run", "out", "--engine", "dask", "--processes", "2", cwd=planned.parent, timeout=500
    )
    assert answer.returncode == 0, answer.stderr
    assert columns(planned) == local


@needs_mpi
def test_mpi(planned: Path, local: dict[str, bytes]) -> None:
    answer = subprocess.run(
        mpirun(planned), capture_output=True, text=True, check=False, env=environment(), timeout=500
    )
    assert answer.returncode == 0, answer.stderr
    assert columns(planned) == local


def process_of(folder: Path) -> int:
    """A process that is making runs: shards are named by host, process and chance."""
    part = next(iter((folder / "shards").glob("*.part")))
    return int(part.stem.split("-")[-2])


@needs_dask
def test_dask_outlives_a_killed_worker(tmp_path: Path, longer: dict[str, bytes]) -> None:
    plan(tmp_path, LONGER)
    with start("sweep", "run", "out", "--engine", "dask", "--processes", "2", cwd=tmp_path) as process:
        wait_until(lambda: any((tmp_path / "out" / "shards").glob("*.part")), 300)
        os.kill(process_of(tmp_path / "out"), signal.SIGKILL)
        _, said = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert columns(tmp_path / "out") == longer


@needs_mpi
def test_mpi_goes_on_after_a_killed_rank(tmp_path: Path, longer: dict[str, bytes]) -> None:
    folder = plan(tmp_path, LONGER)
    with subprocess.Popen(mpirun(folder), env=environment(), stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: (statuses(folder) == COMPLETE).any(), 300)
        os.kill(process_of(folder), signal.SIGKILL)
        assert process.wait(timeout=240) != 0
    before = int((statuses(folder) == COMPLETE).sum())
    assert 0 < before < 14
    answer = subprocess.run(
        mpirun(folder), capture_output=True, text=True, check=False, env=environment(), timeout=500
    )
    assert answer.returncode == 0, answer.stderr
    assert f"{before} complete before" in answer.stdout
    assert columns(folder) == longer


def mpirun(folder: Path) -> list[str]:
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "3", sys.executable]
    return [*command, "-m", "mpi4py.futures", "-m", "abm", "sweep", "run", str(folder), "--engine", "mpi"]
