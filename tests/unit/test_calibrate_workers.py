"""Worker processes of a calibration, with workers that only pretend to simulate."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from abm.calibrate import workers
from abm.calibrate.simulate import Outcome, Task
from abm.calibrate.worker import SetUp
from abm.calibrate.workers import CalibrationError, Workers
from abm.errors import Interrupted

# What a run does is the name of its arm.
PRETENDER = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from multiprocessing.connection import Connection
from abm.calibrate.simulate import Outcome
from abm.calibrate.worker import Begun, Defect
import numpy as np
pipe = Connection(int(sys.argv[2]))
set_up = pipe.recv()
first = True
while True:
    try:
        task = pipe.recv()
    except EOFError:
        break
    if task is None:
        break
    started = time.monotonic()
    if first:
        time.sleep(0.2 if task.arm == "slow" else 0.0)
        compiled = time.monotonic()
        pipe.send(Begun())
        first = False
    if task.arm == "hangs":
        time.sleep(600)
    if task.arm == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.arm == "crashed":
        print("it hurts", file=sys.stderr, flush=True)
        os._exit(7)
    if task.arm == "defect":
        pipe.send(Defect("arm defect, replicate 0:\\nTraceback: oh"))
        continue
    series = {"pid": os.getpid(), "seed": set_up.seed, "started": started, "compiled": compiled}
    series = {name: np.array([float(value)]) for name, value in series.items()}
    failed = task.arm == "failed"
    pipe.send(Outcome(task.number, None if failed else series, "nan" * failed, 0.5))
"""


@pytest.fixture(autouse=True)
def pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PROGRAM", PRETENDER)


def tasks(*arms: str) -> list[Task]:
    return [Task(i, arm, 0, {}) for i, arm in enumerate(arms)]


def collect(found: dict[int, Outcome]) -> Callable[[Task, Outcome], None]:
    def done(task: Task, outcome: Outcome) -> None:
        assert task.number == outcome.number and task.number not in found
        found[task.number] = outcome

    return done


def test_all_runs_are_made_by_workers_that_stay() -> None:
    found: dict[int, Outcome] = {}
    pids = set()
    with Workers(2, SetUp({}, 42)) as crew:
        for _ in range(3):
            found.clear()
            crew.run(tasks(*"abcde"), collect(found))
            assert sorted(found) == [0, 1, 2, 3, 4]
            pids |= {float(one.series["pid"][0]) for one in found.values() if one.series is not None}
            assert {float(one.series["seed"][0]) for one in found.values() if one.series} == {42.0}
    assert len(pids) <= 2


def test_a_failed_simulation_is_an_outcome() -> None:
    found: dict[int, Outcome] = {}
    with Workers(2, SetUp({}, 1)) as crew:
        crew.run(tasks("a", "failed", "b"), collect(found))
    assert found[1].series is None and found[1].failure == "nan"
    assert found[0].series is not None and found[2].series is not None


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("killed", "a run was lost: its worker process was killed by SIGKILL"),
        ("crashed", "ended with exit code 7\nit hurts"),
        ("defect", "a run ended with an internal error; arm defect, replicate 0"),
    ],
)
def test_what_is_not_the_simulations_fault_stops_all(arm: str, message: str) -> None:
    with pytest.raises(CalibrationError) as error, Workers(2, SetUp({}, 1)) as crew:
        crew.run(tasks("a", arm, "hangs", "b"), lambda task, outcome: None)
    assert message in str(error.value)


def test_a_worker_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PROGRAM", "raise SystemExit('no engine')")
    with pytest.raises(CalibrationError, match="no engine"), Workers(2, SetUp({}, 1)) as crew:
        crew.run(tasks("a"), lambda task, outcome: None)


def test_others_wait_until_the_first_has_compiled() -> None:
    found: dict[int, Outcome] = {}
    with Workers(2, SetUp({}, 1)) as crew:
        crew.run(tasks("slow", "b"), collect(found))
    slow, b = found[0].series, found[1].series
    assert slow is not None and b is not None
    assert b["started"] > slow["compiled"] > slow["started"]


def children() -> set[str]:
    """Processes under this one; others than workers may be left from other tests."""
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_workers(number: int) -> None:
    before, present = signal.getsignal(number), children()
    made: list[str] = []

    def done(task: Task, outcome: Outcome) -> None:
        made.append(task.arm)
        os.kill(os.getpid(), number)

    with pytest.raises(Interrupted), Workers(2, SetUp({}, 1)) as crew:
        crew.run(tasks("a", "hangs", "hangs", "b"), done)
    assert made == ["a"]
    assert signal.getsignal(number) is before
    assert children() <= present


def test_values_arrive_as_they_were_sent() -> None:
    found: dict[int, Outcome] = {}
    with Workers(1, SetUp({}, 7)) as crew:
        crew.run(tasks("a"), collect(found))
    assert found[0].series is not None
    assert np.array_equal(found[0].series["seed"], np.array([7.0]))
