"""The engine of a SLURM cluster: a job array; every element is a local engine with a part of the runs."""

from __future__ import annotations

import json
import math
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated

from pydantic import Field

from abm.errors import Fault, ScenarioError
from abm.record.sweep_layout import MISSING
from abm.scenario.parts import read_document
from abm.scenario.schema.section import Section
from abm.scenario.validate import validate
from abm.study.pool import ROOT
from abm.sweep.engine import Ended
from abm.sweep.futures import EngineError
from abm.sweep.manifest import Manifest

JOBS = "jobs"
LOOK_SECONDS = 5.0
#: Seconds before the end of a job's time at which it puts its rows in safety and asks to be queued again.
_WARNING_SECONDS = 90


class Profile(Section):
    """What a cluster wants to be told: a small YAML file per cluster."""

    account: str = Field("", description="account that is charged")
    partition: str = Field("", description="partition")
    constraint: str = Field("", description="features that nodes must have")
    qos: str = Field("", description="quality of service")
    time: str = Field("01:00:00", description="wall time of one job, as sbatch takes it")
    memory: str = Field("", description="memory per processor, as --mem-per-cpu takes it")
    cpus: Annotated[int, Field(strict=True, ge=1, le=1024)] = Field(
        1, description="processors of one job, each with a worker"
    )
    jobs: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(
        1_000, description="elements of the array at most"
    )
    at_once: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = Field(
        None, description="elements that run at the same time at most"
    )
    modules: tuple[str, ...] = Field((), description="modules that are loaded")
    setup: tuple[str, ...] = Field((), description="lines of shell before the program starts")
    cache: str = Field(
        "", description="folder with a warm cache of numba, which is copied to the disk of the node"
    )
    scratch: str = Field("${TMPDIR:-/var/tmp}", description="folder on the disk of the node, for the cache")
    options: tuple[str, ...] = Field((), description="further options of sbatch, e.g. --exclusive")


def load_profile(path: Path | None) -> Profile:
    """Read a profile; the defaults where none is given.

    Raises
    ------
    ScenarioError
        With every fault found.
    """
    if path is None:
        return Profile()
    faults: list[Fault] = []
    profile, found = validate(Profile, read_document(path, "a profile of a cluster", "docs/hpc.md", faults))
    faults += found
    if faults or profile is None:
        raise ScenarioError(faults)
    return profile


def job_script(manifest: Manifest, profile: Profile, folder: Path, elements: int) -> str:
    """The script of one element of the array.

    Parameters
    ----------
    folder : Path
        Of this submission, with ``todo.json``; logs go there.
    elements : int
        Of the array.
    """
    given = {
        "account": profile.account,
        "partition": profile.partition,
        "constraint": profile.constraint,
        "qos": profile.qos,
        "mem-per-cpu": profile.memory,
    }
    options = [f"--{name}={value}" for name, value in given.items() if value]
    limit = f"%{profile.at_once}" if profile.at_once else ""
    options += [
        f"--job-name=abm-{manifest.folder.name}",
        f"--array=1-{elements}{limit}",
        f"--time={profile.time}",
        f"--cpus-per-task={profile.cpus}",
        "--requeue",
        "--open-mode=append",
        f"--signal=B:USR1@{_WARNING_SECONDS}",
        f"--output={folder}/%a.log",
        *profile.options,
    ]
    run = [sys.executable, "-m", "abm", "sweep", "run", str(manifest.folder.absolute()), "--quiet"]
    run += ["--processes", str(profile.cpus), "--todo", str(folder / "todo.json")]
    lines = ["#!/bin/bash", *(f"#SBATCH {option}" for option in options)]
    lines += [f"module load {quote(name)}" for name in profile.modules]
    lines += [*profile.setup, f"export PYTHONPATH={quote(ROOT)}${{PYTHONPATH:+:$PYTHONPATH}}"]
    if profile.cache:
        lines += [
            f'cache="{profile.scratch}/abm-numba-$SLURM_JOB_ID"',
            f'mkdir -p "$cache" && cp -r {quote(profile.cache)}/. "$cache"',
            'export NUMBA_CACHE_DIR="$cache"',
            "trap 'rm -rf \"$cache\"' EXIT",
        ]
    return "\n".join([*lines, _BODY.format(command=" ".join(map(quote, run)), elements=elements)])


_BODY = """\
time_is_up=
{command} --shard "$SLURM_ARRAY_TASK_ID/{elements}" &
worker=$!
# SLURM says when the time is nearly up: what is over is kept, and the element is queued again.
trap 'time_is_up=1; kill -TERM $worker' USR1
trap 'kill -TERM $worker' TERM
status=0
wait $worker || status=$?
while kill -0 $worker 2>/dev/null; do
    wait $worker || status=$?
done
if [ -n "$time_is_up" ]; then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
# Failed runs (3) are recorded in the sweep; the job itself has done its work.
[ "$status" -eq 3 ] && status=0
exit "$status"
"""


class SlurmEngine:
    """A job array; reports come from the shards in the folder, which all nodes must see.

    Parameters
    ----------
    profile : Profile

    Raises
    ------
    EngineError
        There is no SLURM here.
    """

    def __init__(self, profile: Profile) -> None:
        if shutil.which("sbatch") is None:
            raise EngineError("the engine slurm needs the command sbatch, which is not here")
        self.profile = profile
        self.job = ""
        self._waiting: set[int] = set()
        self._looked = 0.0
        self._queued = False

    def submit(self, manifest: Manifest, runs: Sequence[int]) -> None:
        """Write the list of runs and the script, and submit the array."""
        self._manifest = manifest
        self._waiting = set(runs)
        stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        folder = (manifest.folder / JOBS / stamp).absolute()
        folder.mkdir(parents=True)
        (folder / "todo.json").write_text(json.dumps(list(runs)), encoding="utf-8")
        elements = min(self.profile.jobs, math.ceil(len(runs) / (manifest.chunk * self.profile.cpus)))
        script = folder / "job.sh"
        script.write_text(job_script(manifest, self.profile, folder, elements), encoding="utf-8")
        self.job = _called("sbatch", "--parsable", str(script)).strip().partition(";")[0]
        self._queued = True

    def reports(self, seconds: float) -> list[Ended]:
        """Runs that came into the shards since the last look; one look every few seconds."""
        from abm.sweep.run import find

        if time.monotonic() - self._looked < LOOK_SECONDS:
            time.sleep(seconds)
            return []
        self._looked = time.monotonic()
        # First the queue, then the folder: what ended in between is seen.
        self._queued = self._is_queued()
        found = find(self._manifest)
        over = sorted(run for run in self._waiting if found.status[run] != MISSING)
        self._waiting -= set(over)
        times = found.column("seconds")
        return [Ended(run, int(found.status[run]), float(times[run]), found.message(run)) for run in over]

    @property
    def is_busy(self) -> bool:
        """Whether runs are still to come; an array that has left the queue brings no more."""
        return bool(self._waiting) and self._queued

    def cancel(self) -> None:
        """Take the array out of the queue."""
        if self.job:
            subprocess.run(["scancel", self.job], check=False, capture_output=True)

    def close(self) -> None:
        """Nothing is open."""

    def _is_queued(self) -> bool:
        answer = subprocess.run(
            ["squeue", "--noheader", "--jobs", self.job, "--format=%T"],
            check=False,
            capture_output=True,
            text=True,
        )
        # A job that ended long ago is unknown to squeue.
        return answer.returncode == 0 and bool(answer.stdout.strip())


def _called(*command: str) -> str:
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        raise EngineError(f"{command[0]} refused: {answer.stderr.strip() or answer.stdout.strip()}")
    return answer.stdout
