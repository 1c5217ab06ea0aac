"""The same results from every engine that is installed here; the script of a SLURM job."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numba
import numpy as np
import pytest

from abm.errors import ScenarioError
from abm.record.sweep_layout import COMPLETE
from abm.sweep.chunk import chunks_of, work_chunk
from abm.sweep.manifest import Manifest
from abm.sweep.slurm import Profile, job_script, load_profile
from tests.e2e.command_line import abm_here, environment
from tests.sweeps import columns, statuses, write_sweep

pytestmark = pytest.mark.e2e


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    write_sweep(tmp_path)
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    return tmp_path / "out"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the local engine makes."""
    folder = tmp_path_factory.mktemp("local")
    write_sweep(folder)
    assert (
        abm_here("sweep", "run", folder / "sweep.yaml", "-o", folder / "out", "--processes", "1", "-q") == 0
    )
    return columns(folder / "out")


def test_chunks_hold_every_run_once() -> None:
    chunks = chunks_of(list(range(3, 25)), 5)
    assert max(map(len, chunks)) <= 5 and len(chunks) == 5
    assert sorted(run for chunk in chunks for run in chunk) == list(range(3, 25))


def test_a_chunk_in_this_process(planned: Path, local: dict[str, bytes]) -> None:
    first = work_chunk(str(planned), [0, 1, 2, 3])
    assert [ended.status for ended in first] == [COMPLETE] * 4
    # Started again, it makes only what is missing.
    again = work_chunk(str(planned), list(range(14)))
    assert sum(ended.seconds > 0 for ended in again) == 10
    assert columns(planned) == local


def test_job_script(planned: Path) -> None:
    profile = Profile(account="pain", partition="short", at_once=8, modules=("python/3.12",), cache="numba")
    script = job_script(Manifest.load(planned), profile, planned / "jobs" / "x", 20)
    for line in (
        "#SBATCH --account=pain",
        "#SBATCH --array=1-20%8",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:USR1@90",
        "module load python/3.12",
    ):
        assert line in script.splitlines()
    assert '--shard "$SLURM_ARRAY_TASK_ID/20"' in script
    assert "constraint" not in script
    (planned / "job.sh").write_text(script, encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(planned / "job.sh")], check=False).returncode == 0


def test_a_job_works_on_its_own_copy_of_the_warm_cache(planned: Path, tmp_path: Path) -> None:
    """The script of a job, without SLURM: kernels come from the scratch folder, which is gone afterwards."""
    work_chunk(str(planned), [0])  # Kernels of this checkout are compiled now, if they were not yet.
    warm, scratch = tmp_path / "warm", tmp_path / "scratch"
    shutil.copytree(numba.config.CACHE_DIR, warm / Path(numba.config.CACHE_DIR).name)
    job = planned / "jobs" / "x"
    job.mkdir(parents=True)
    (job / "todo.json").write_text("[1, 2]", encoding="utf-8")
    profile = Profile(cache=str(warm), scratch=str(scratch))
    (job / "job.sh").write_text(job_script(Manifest.load(planned), profile, job, 1), encoding="utf-8")
    variables = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_JOB_ID": "77", "NUMBA_DEBUG_CACHE": "1"}
    answer = subprocess.run(
        ["bash", str(job / "job.sh")],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=280,
    )
    assert answer.returncode == 0, answer.stdout
    assert np.flatnonzero(statuses(planned) == COMPLETE).tolist() == [0, 1, 2]
    assert f"data loaded from '{scratch}/abm-numba-77/" in answer.stdout
    assert "data saved" not in answer.stdout
    assert list(scratch.iterdir()) == []


def test_a_faulty_profile_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("acount: x\ncpus: 0\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_profile(tmp_path / "p.yaml")
    said = str(caught.value)
    assert "p.yaml:1:" in said and "did you mean 'account'?" in said and "p.yaml:2:" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "sun"), "local, slurm, dask, mpi"),
        (("--engine", "dask", "--shard", "1/2"), "deals out all runs itself"),
        (("--shard", "3/2"), "i/n"),
    ],
)
def test_engines_that_are_none(
    planned: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert abm_here("sweep", "run", planned, *arguments) == 2
    assert said in " ".join(capsys.readouterr().err.split())
