"""The pool of workers, with workers that only pretend to simulate."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from abm.study import cores, pool
from abm.study.job import Job, RunResult, Status
from abm.study.pool import Pool
from abm.study.runner import Silence

# What a run does is the name of its arm.
PRETENDER = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from multiprocessing.connection import Connection
from abm.study.job import Status, result_of
pipe = Connection(int(sys.argv[2]))
while True:
    try:
        job = pipe.recv()
    except EOFError:
        break
    if job.arm == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if job.arm == "polite":
        signal.signal(signal.SIGTERM, lambda *_: (pipe.send(result_of(job, Status.INTERRUPTED)), os._exit(0)))
    if job.arm == "slow":
        time.sleep(0.4)
    pipe.send(0.25)
    if job.arm in ("polite", "stubborn"):
        while True:
            time.sleep(0.01)
    if job.arm == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.arm == "crashed":
        print("it hurts", file=sys.stderr, flush=True)
        os._exit(7)
    print(os.environ["NUMBA_NUM_THREADS"], file=open(job.path, "w"))
    pipe.send(result_of(job, Status.FAILED if job.arm == "failed" else Status.COMPLETE, 0.1, "hm"))
"""


class Witness(Silence):
    """Remembers what it is told."""

    def __init__(self, on_advance: Callable[[Job], None] | None = None) -> None:
        self.heard: list[tuple[str, str]] = []
        self.on_advance = on_advance

    def advanced(self, job: Job, days: float) -> None:
        self.heard.append(("advanced", job.arm))
        if self.on_advance is not None:
            self.on_advance(job)

    def ended(self, job: Job, result: RunResult) -> None:
        self.heard.append(("ended", job.arm))

    def stopping(self) -> None:
        self.heard.append(("stopping", ""))


def jobs(tmp_path: Path, *arms: str) -> list[Job]:
    scenario: Any = SimpleNamespace(time=SimpleNamespace(duration=1440.0))
    return [Job(arm, i, 1, tmp_path / f"{i}.h5", "", scenario) for i, arm in enumerate(arms)]


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PROGRAM", PRETENDER)


def test_all_runs_are_made_in_order(tmp_path: Path) -> None:
    results = Pool(2, 3, Silence()).run(jobs(tmp_path, "a", "b", "c", "d", "e"))
    assert [(r.arm, r.replicate, r.status) for r in results] == [
        (arm, i, Status.COMPLETE) for i, arm in enumerate("abcde")
    ]
    assert {(tmp_path / f"{i}.h5").read_text() for i in range(5)} == {"3\n"}


def test_a_dead_worker_is_the_end_of_its_run_only(tmp_path: Path) -> None:
    results = Pool(2, 1, Silence()).run(jobs(tmp_path, "a", "killed", "crashed", "failed", "b", "c"))
    assert [str(r.status) for r in results] == [
        "complete", "failed", "failed", "failed", "complete", "complete",
    ]  # fmt: skip
    assert results[1].message.startswith(f"{tmp_path / '1.h5'}: its worker process was killed by SIGKILL")
    assert "ended with exit code 7\nit hurts" in results[2].message
    assert results[3].message == "hm"


def test_a_worker_that_cannot_start_fails_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PROGRAM", "raise SystemExit('no engine')")
    results = Pool(2, 1, Silence()).run(jobs(tmp_path, "a", "b", "c"))
    assert [r.status for r in results] == [Status.FAILED] * 3
    assert all("no engine" in r.message for r in results)


def test_others_wait_until_the_first_has_compiled(tmp_path: Path) -> None:
    witness = Witness()
    Pool(2, 1, witness).run(jobs(tmp_path, "slow", "b", "c"))
    assert witness.heard[0] == ("advanced", "slow")


def test_ctrl_c_lets_the_runs_save_their_state(tmp_path: Path) -> None:
    def interrupt(_job: Job) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    witness = Witness(interrupt)
    results = Pool(1, 1, witness).run(jobs(tmp_path, "polite", "b"))
    assert [r.status for r in results] == [Status.INTERRUPTED, Status.NOT_STARTED]
    assert ("stopping", "") in witness.heard
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_twice_stops_at_once(tmp_path: Path) -> None:
    def interrupt_twice(_job: Job) -> None:
        def insist() -> None:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.3)

        threading.Thread(target=insist).start()

    begin = time.monotonic()
    results = Pool(1, 1, Witness(interrupt_twice)).run(jobs(tmp_path, "stubborn", "b"))
    assert [r.status for r in results] == [Status.INTERRUPTED, Status.NOT_STARTED]
    assert "without saving its state" in results[0].message
    assert time.monotonic() - begin < 30


def test_a_fault_of_the_watcher_leaves_no_worker_behind(tmp_path: Path) -> None:
    def fail(_job: Job) -> None:
        raise RuntimeError("the display broke")

    team = Pool(1, 1, Witness(fail))
    with pytest.raises(RuntimeError, match="the display broke"):
        team.run(jobs(tmp_path, "polite"))
    assert [hand.process.poll() is not None for hand in team.hands] == [True]


def test_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    assert cores.usable_cores() == 8
    assert [cores.default_processes(threads) for threads in (1, 3, 8, 9)] == [8, 2, 1, 1]
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert cores.usable_cores() == 4
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "16")
    assert cores.usable_cores() == 8


def test_environment_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    given = cores.environment(2)
    assert (given["NUMBA_NUM_THREADS"], given["OMP_NUM_THREADS"], given["OPENBLAS_NUM_THREADS"]) == (
        "2",
        "5",
        "2",
    )
    assert given["NUMBA_THREADING_LAYER"] == "workqueue"
