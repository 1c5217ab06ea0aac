"""`abm calibrate` as a person calls it, with formulas in place of simulations."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.calibrate import calibration
from abm.calibrate.simulate import Outcome, Task
from abm.calibrate.worker import SetUp
from abm.scenario.load import load_experiment
from tests.calibration_toy import PARAMETERS, ROWS, write_toy
from tests.e2e.command_line import abm_here

FILES = ["best.yaml", "deviations.png", "evaluations.csv", "evaluations.jsonl", "history.png"]
FILES += ["identifiability.png", "report.md", "result.json"]


class Formulas:
    """In place of worker processes: every series is a product of powers of the parameters."""

    stop_after = 10**9

    def __init__(self, processes: int, set_up: SetUp) -> None:
        self.plans = set_up.plans

    def __enter__(self) -> Formulas:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, tasks: Sequence[Task], done: Callable[[Task, Outcome], None]) -> None:
        for number, task in enumerate(tasks):
            if number >= self.stop_after:
                raise KeyboardInterrupt
            plan = self.plans[task.arm]
            factors = [float(value) for value in task.values.values()] or [1.0]
            base = 40.0 * float(np.prod(np.sqrt(factors)))
            series: dict[str, Any] = {}
            for name, dims in plan.frame.wanted.items():
                shape = (len(plan.ticks), *map(len, dims.values()))
                series[name] = np.linspace(1.0, base, len(plan.ticks)).reshape(
                    -1, *[1] * len(dims)
                ) * np.ones(shape)
            done(task, Outcome(task.number, series, "", 0.01))


@pytest.fixture(autouse=True)
def formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "Workers", Formulas)
    monkeypatch.setattr(Formulas, "stop_after", 10**9)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_results_and_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = write_toy(tmp_path, means=[9.0, 20.0, 40.0, 4.0, 2.0, 3.0], options="budget: 60\n")
    assert abm_here("calibrate", fit, "-o", tmp_path / "out") == 0
    out, err = capsys.readouterr()
    assert names(tmp_path / "out") == FILES
    assert out.startswith(
        "3 free parameters, 6 targets, 2 arms x 1 replicate, seed 3.\nMethod least-squares:"
    )
    for text in ("verdict", "Held by the data:", "Not held:", "eigenvalue", "targets met", "Wall time"):
        assert text in out
    assert err.startswith("up to 60 evaluations of 2 runs")
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in result["parameters"]] == list(PARAMETERS)
    assert len(result["targets"]) == len(ROWS)
    with (tmp_path / "out" / "evaluations.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == [str(i) for i in range(len(rows))]
    assert len(rows) == result["evaluations"]
    assert min(float(row["rms z"]) for row in rows if row["stage"] != "identifiability") == pytest.approx(
        result["rms_best"]
    )
    best = load_experiment(tmp_path / "out" / "best.yaml").arms["wound"]
    wanted = {entry["name"]: entry["best"] for entry in result["parameters"]}
    assert float(best.cytokines["A"].half_life) == pytest.approx(wanted["half_life"])
    amount = best.cell_types["neuron"].variables["excitation"].target.adds[0].amount  # type: ignore[union-attr]
    assert float(amount) == pytest.approx(wanted["amount"])


def test_the_report_shows_its_figures(tmp_path: Path) -> None:
    fit = write_toy(tmp_path, options="budget: 60\n")
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", "--quiet") == 0
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# The wound\n")
    shown = [line.partition("(")[2].rstrip(")") for line in report.splitlines() if line.startswith("![")]
    assert shown == ["history.png", "deviations.png", "identifiability.png"]
    assert all((tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG") for name in shown)


def test_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = write_toy(tmp_path, options="budget: 60\n")
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", "-q") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["evaluations.jsonl", "best.yaml", "posterior.png"])
@pytest.mark.parametrize("option", [(), ("--resume",)])
def test_files_of_others_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, option: tuple[str, ...]
) -> None:
    fit = write_toy(tmp_path, options="budget: 60\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine\n", encoding="utf-8")
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", *option) == 4
    assert "--force" in capsys.readouterr().err or option
    assert (tmp_path / "out" / name).read_text(encoding="utf-8") == "mine\n"
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", "--force", "-q") == 0
    assert (tmp_path / "out" / "best.yaml").read_text(encoding="utf-8") != "mine\n"


def test_going_on_makes_no_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = write_toy(tmp_path, options="budget: 60\n")
    assert abm_here("calibrate", fit, "-o", tmp_path / "out") == 0
    first = capsys.readouterr().out
    before = (tmp_path / "out" / "evaluations.jsonl").read_bytes()
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", "--resume") == 0
    out, err = capsys.readouterr()
    assert "\n0 runs made now" in out and "runs are known from" in err
    assert (tmp_path / "out" / "evaluations.jsonl").read_bytes() == before
    assert (
        out.partition("runs made")[0].rpartition("\n")[0]
        == first.partition("runs made")[0].rpartition("\n")[0]
    )


def test_ctrl_c(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = write_toy(tmp_path, options="budget: 60\n")
    monkeypatch.setattr(Formulas, "stop_after", 3)
    assert abm_here("calibrate", fit, "-o", tmp_path / "out") == 130
    err = capsys.readouterr().err
    assert "stopped after" in err and "--resume" in err
    assert names(tmp_path / "out") == ["evaluations.jsonl"]


@pytest.mark.parametrize("method", ["least-squares", "cma", "abc"])
def test_a_missing_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(calibration, "find_spec", lambda name: None)
    fit = write_toy(tmp_path)
    assert abm_here("calibrate", fit, "-o", tmp_path / "out", "--method", method) == 3
    message = capsys.readouterr().err.strip()
    assert message == (
        f"error: the method {method} needs the package {calibration.NEEDS[method]}; "  # type: ignore[index]
        "install it with: pip install 'abm[calibrate]'"
    )
    assert not (tmp_path / "out").exists()


def test_options_that_exclude_each_other_and_unknown_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = write_toy(tmp_path)
    assert abm_here("calibrate", fit, "--resume", "--force") == 2
    assert abm_here("calibrate", fit, "--method", "simplex") == 2
    assert "there are least-squares, cma, abc" in capsys.readouterr().err
    assert abm_here("calibrate", fit, "--budget", "3", "-o", tmp_path / "out") == 2
    assert abm_here("calibrate", tmp_path / "none.yaml") == 2
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = write_toy(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert abm_here("calibrate", fit, "-o", tmp_path / "file") == 4
    assert "this is a file, not a folder" in capsys.readouterr().err
