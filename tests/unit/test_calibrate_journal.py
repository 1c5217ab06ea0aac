"""The journal: nothing is lost by a kill, nothing wrong is used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abm.calibrate.arms import ArmPlan
from abm.calibrate.journal import Journal, Origin, run_key
from abm.calibrate.load import load_problem
from abm.calibrate.simulate import Outcome
from abm.errors import RecordError
from tests.calibration_toy import ROWS, write_toy

ORIGIN = Origin({"wound": "w", "sham": "s"}, "p")


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ArmPlan]:
    return dict(load_problem(write_toy(tmp_path_factory.mktemp("toy"))).plans)


def outcome(plan: ArmPlan, value: float) -> Outcome:
    series = {
        name: np.full((len(plan.ticks), *map(len, dims.values())), value)
        for name, dims in plan.frame.wanted.items()
    }
    return Outcome(0, series, "", 0.25)


def fill(path: Path, plans: dict[str, ArmPlan], count: int = 3) -> None:
    with Journal.open(path, ORIGIN, plans, resume=False) as journal:
        for i in range(count):
            key = run_key("wound", i, {"cytokines.A.half_life": "30 min"})
            journal.add(key, outcome(plans["wound"], i + 0.1), plans["wound"])


def read(path: Path, plans: dict[str, ArmPlan], origin: Origin = ORIGIN) -> Journal:
    with Journal.open(path, origin, plans, resume=True) as journal:
        return journal


def test_what_is_written_is_read(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    journal = read(path, plans)
    assert len(journal.runs) == 3 and (journal.unused, journal.foreign) == (0, 0)
    found = journal.runs[run_key("wound", 2, {"cytokines.A.half_life": "30 min"})]
    assert found.series is not None and found.seconds == 0.25
    for name, values in outcome(plans["wound"], 2.1).series.items():  # type: ignore[union-attr]
        assert np.array_equal(found.series[name], values)


def test_numbers_survive_to_the_last_bit_and_nan_too(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    made = outcome(plans["wound"], 0.0)
    assert made.series is not None
    rng = np.random.default_rng(0)
    for values in made.series.values():
        values[...] = rng.random(values.shape) * 10.0 ** rng.integers(-300, 300, values.shape)
        values.flat[0] = np.nan
    with Journal.open(path, ORIGIN, plans, resume=False) as journal:
        journal.add(run_key("wound", 0, {}), made, plans["wound"])
    (found,) = read(path, plans).runs.values()
    assert found.series is not None
    for name, values in made.series.items():
        assert np.array_equal(found.series[name], values, equal_nan=True)
    assert "NaN" not in path.read_text(encoding="utf-8")


def test_a_line_cut_off_by_a_kill_is_dropped(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    whole = path.read_bytes()
    lengths = [len(line) for line in whole.splitlines(keepends=True)]
    for cut in range(0, len(whole), 61):
        path.write_bytes(whole[:cut])
        complete = sum(1 for i in range(1, len(lengths) + 1) if sum(lengths[:i]) <= cut)
        assert len(read(path, plans).runs) == max(0, complete - 1)
        # And the next run is written where the rest was cut.
        with Journal.open(path, ORIGIN, plans, resume=True) as journal:
            journal.add(run_key("sham", 0, {}), outcome(plans["sham"], 1.0), plans["sham"])
        assert len(read(path, plans).runs) == max(0, complete - 1) + 1


def test_failures_are_kept(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, ORIGIN, plans, resume=False) as journal:
        journal.add(run_key("wound", 0, {}), Outcome(0, None, "nan at t = 3 d", 1.0), plans["wound"])
    (found,) = read(path, plans).runs.values()
    assert found.series is None and found.failure == "nan at t = 3 d"


def test_runs_of_another_scenario_are_not_used(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    journal = read(path, plans, Origin({"wound": "other", "sham": "s"}, "p"))
    assert (len(journal.runs), journal.unused) == (0, 3)


def test_runs_of_another_program_are_used_and_counted(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    journal = read(path, plans, Origin(ORIGIN.arms, "newer"))
    assert (len(journal.runs), journal.foreign) == (3, 3)


def test_a_shorter_run_is_not_used_and_a_longer_one_is(tmp_path: Path) -> None:
    long = load_problem(write_toy(tmp_path / "long")).plans
    short = load_problem(write_toy(tmp_path / "short", rows=ROWS[:3])).plans
    assert long["wound"].ticks[-1] > short["wound"].ticks[-1]
    for made, wanted, used in ((long, short, 3), (short, long, 0)):
        path = tmp_path / f"{used}.jsonl"
        fill(path, dict(made))
        journal = read(path, dict(wanted))
        assert (len(journal.runs), journal.unused) == (used, 3 - used)
    found = next(iter(read(tmp_path / "3.jsonl", dict(short)).runs.values()))
    assert found.series is not None
    assert {len(values) for values in found.series.values()} == {len(short["wound"].ticks)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello\n", "no journal of a calibration"),
        (b'{"format": "abm-calibration", "version": 99}\n', "version 99"),
        (b'{"format": "abm-calibration", "version": 1}\n{"arm": "wound"}\n', "line 2 is damaged"),
        (b'{"format": "abm-calibration", "version": 1}\n[1]\n', "line 2 is damaged"),
        (b'{"format": "abm-calibration", "version": 1}\n\xff\xfe\n', "line 2 is damaged"),
    ],
)
def test_foreign_and_damaged_files(
    tmp_path: Path, plans: dict[str, ArmPlan], content: bytes, message: str
) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message):
        read(path, plans)
    assert path.read_bytes() == content


def test_one_writer_at_a_time(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    content = path.read_bytes()
    with (
        Journal.open(path, ORIGIN, plans, resume=True),
        pytest.raises(RecordError, match="another calibration writes"),
    ):
        Journal.open(path, ORIGIN, plans, resume=False)
    assert path.read_bytes() == content


def test_every_line_is_json(tmp_path: Path, plans: dict[str, ArmPlan]) -> None:
    path = tmp_path / "j.jsonl"
    fill(path, plans)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [sorted(json.loads(line)) for line in lines][1] == [
        "arm", "by", "labels", "of", "replicate", "seconds", "series", "ticks", "values",
    ]  # fmt: skip
