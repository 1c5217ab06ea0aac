"""Calibration against problems whose answer is known, with real simulations in worker processes.

The targets are what the tissue of `tests/calibration_toy.py` does at known values, so that all of them can be
met exactly. Limits: least squares finds each value within 0.5 %, CMA-ES within 5 %, and the mean of the ABC
posterior lies within three of its standard deviations of the truth.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from abm.analysis.groups import group_runs
from abm.analysis.target_files import read_targets
from abm.analysis.targets import compare_with_targets, target_table
from abm.calibrate.calibration import JOURNAL, calibrate
from abm.calibrate.identifiability import Verdict
from abm.calibrate.load import load_problem
from abm.calibrate.results import write_results
from abm.scenario.load import load_experiment
from abm.study.runner import run_experiment
from tests.calibration_toy import PARAMETERS, PER, TRUTH, write_solved_toy, write_toy
from tests.e2e.command_line import abm, children, start, wait_until

pytestmark = [pytest.mark.validation, pytest.mark.slow]

DERIVED = ("best.yaml", "report.md", "result.json", "evaluations.csv")


def test_least_squares_recovers_the_values(tmp_path: Path) -> None:
    fit = write_solved_toy(tmp_path)
    found = calibrate(fit, tmp_path / "out", processes=2)
    assert found.best.numbers == pytest.approx([TRUTH[p.name] for p in found.problem.parameters], rel=5e-3)
    assert found.report.met == 6 and found.start_report is not None and found.start_report.met < 3
    assert set(found.identifiability.verdicts) == {Verdict.HELD}
    for i, parameter in enumerate(found.problem.parameters):
        low, high = found.identifiability.interval(i, parameter, found.best.numbers[i])
        assert low < TRUTH[parameter.name] < high


def test_cma_recovers_the_values(tmp_path: Path) -> None:
    fit = write_solved_toy(tmp_path, options="method: cma\nbudget: 500\n")
    found = calibrate(fit, tmp_path / "out", processes=2)
    assert found.best.numbers == pytest.approx([TRUTH[p.name] for p in found.problem.parameters], rel=0.05)


def test_abc_recovers_the_values(tmp_path: Path) -> None:
    options = "method: abc\nbudget: 2000\nabc: {population: 40, generations: 8, final: 1.5}\n"
    fit = write_solved_toy(tmp_path, options=options)
    found = calibrate(fit, tmp_path / "out", processes=2)
    assert found.posterior is not None
    truth = np.array([p.position(TRUTH[p.name]) for p in found.problem.parameters])
    sd = np.sqrt(found.posterior.covariance.diagonal())
    assert (np.abs(found.posterior.mean - truth) < 3 * sd).all()
    # The posterior says the same as the slopes do: all three are held.
    assert (sd < 0.5 * found.identifiability.prior_sd).all()


def test_a_pair_of_which_only_the_ratio_matters(tmp_path: Path) -> None:
    """The neuron adds up amount / per of the cytokine: no target can tell the two apart."""
    fit = write_solved_toy(tmp_path, {**PARAMETERS, "per": PER}, "budget: 300\n")
    found = calibrate(fit, tmp_path / "out", processes=2)
    verdicts = dict(
        zip([p.name for p in found.problem.parameters], found.identifiability.verdicts, strict=True)
    )
    assert verdicts == {
        "rate": Verdict.HELD,
        "half_life": Verdict.HELD,
        "amount": Verdict.COMBINED,
        "per": Verdict.COMBINED,
    }
    names = [p.name for p in found.problem.parameters]
    last = found.identifiability.combination(3, names)
    assert last in ("+0.71 amount  +0.71 per", "+0.71 per  +0.71 amount")
    assert found.identifiability.correlation[2, 3] > 0.99
    numbers = dict(zip(names, found.best.numbers, strict=True))
    assert numbers["amount"] / numbers["per"] == pytest.approx(TRUTH["amount"] / 100.0, rel=5e-3)


def test_the_table_is_that_of_result_files(tmp_path: Path) -> None:
    """What `abm plot` prints for runs of best.yaml is what the calibration printed."""
    fit = write_toy(tmp_path, means=[80.0, 120.0, 80.0, 8.0, 0.5, 0.7], options="budget: 60\n")
    found = calibrate(fit, tmp_path / "out", processes=2)
    write_results(found, tmp_path / "out")
    experiment = load_experiment(tmp_path / "out" / "best.yaml")
    run_experiment(experiment, tmp_path / "runs", replicates=1, seed=found.problem.seed, processes=2)
    with group_runs(tmp_path / "runs") as groups:
        report = compare_with_targets(groups, read_targets(tmp_path / "targets.yaml"))
    pairs = zip(report.comparisons, found.report.comparisons, strict=True)
    assert [(a.target, a.mean) for a, b in pairs if a.mean != b.mean] == []
    assert target_table(report).as_text() == target_table(found.report).as_text()


def test_arms_cut_short_are_the_beginning_of_whole_ones(tmp_path: Path) -> None:
    """A real arm with treatment and chance: values of a cut run are those of the full one, bit by bit."""
    fit = tmp_path / "fit.yaml"
    chen = Path(__file__).parents[2] / "scenarios" / "chen2015.yaml"
    text = (
        f"schema_version: 1\nscenario: {os.path.relpath(chen, tmp_path)}\n"
        "settings: {domain.spacing: 40 um, time.cell_step: 20 min, time.field_step: 20 min}\n"
        "targets: {choose: [{arm: cci_bmsc, until: 7 d}, {id: D.6, until: 3 d}]}\n"
        "parameters: {a: {path: cytokines.IL-1b.half_life}}\nreplicates: 1\n"
    )
    fit.write_text(text, encoding="utf-8")
    problem = load_problem(fit)
    assert {arm: plan.days for arm, plan in problem.plans.items()} == {
        "sham": 3.0,
        "cci": 3.0,
        "cci_bmsc": 7.0,
    }
    from tests.calibration_toy import values_at

    mine = values_at(problem, problem.start)[:, 0]
    run_experiment(problem.experiment, tmp_path / "runs", arms=list(problem.plans), processes=2)
    with group_runs(tmp_path / "runs") as groups:
        report = compare_with_targets(groups, problem.targets)
    assert [c.mean for c in report.comparisons] == mine.tolist()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration that nothing stopped, in the folder `whole`."""
    folder = tmp_path_factory.mktemp("stop")
    write_solved_toy(folder, options="method: cma\nbudget: 300\n")
    answer = abm("calibrate", "fit.yaml", "-o", "whole", "--processes", "1", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def same(folder: Path, out: str) -> None:
    """Everything derived is the same, and no run is in the journal twice."""
    for name in DERIVED:
        assert (folder / out / name).read_bytes() == (folder / "whole" / name).read_bytes(), name
    for name in ("history.png", "deviations.png", "identifiability.png"):
        assert (folder / out / name).read_bytes() == (folder / "whole" / name).read_bytes(), name
    entries = [json.loads(line) for line in (folder / out / JOURNAL).read_bytes().splitlines()[1:]]
    keys = [(e["arm"], e["replicate"], json.dumps(e["values"])) for e in entries]
    assert len(set(keys)) == len(keys) == lines(folder / "whole" / JOURNAL) - 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_and_killed_calibrations_go_on_to_the_same_result(whole: Path, number: int) -> None:
    out = f"out{number}"
    process = start("calibrate", "fit.yaml", "-o", out, "--processes", "2", cwd=whole)
    wait_until(lambda: lines(whole / out / JOURNAL) > 30)
    workers = children(process.pid)
    assert len(workers) == 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "stopped after" in err and "--resume" in err and "Traceback" not in err
    # Also without a parent that could end them: they notice that it is gone.
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert not (whole / out / "best.yaml").exists()
    answer = abm("calibrate", "fit.yaml", "-o", out, "--processes", "2", "--resume", cwd=whole)
    assert answer.returncode == 0, answer.stderr
    assert "runs are known from" in answer.stderr
    same(whole, out)


def test_number_of_processes_does_not_change_the_result(whole: Path) -> None:
    answer = abm("calibrate", "fit.yaml", "-o", "three", "--processes", "3", cwd=whole)
    assert answer.returncode == 0, answer.stderr
    same(whole, "three")


def test_nothing_is_overwritten_without_being_told(whole: Path) -> None:
    before = {path.name: path.read_bytes() for path in (whole / "whole").iterdir()}
    answer = abm("calibrate", "fit.yaml", "-o", "whole", cwd=whole)
    assert answer.returncode == 4
    assert "holds a calibration already" in answer.stderr
    assert "--resume" in answer.stderr and "--force" in answer.stderr
    assert {path.name: path.read_bytes() for path in (whole / "whole").iterdir()} == before
    assert abm("calibrate", "fit.yaml", "--resume", "--force", cwd=whole).returncode == 2


def test_best_point_can_be_extended_and_run(whole: Path) -> None:
    answer = abm("check", "whole/best.yaml", cwd=whole)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (whole / "mine.yaml").write_text(
        "schema_version: 1\nextends: whole/best.yaml\ntitle: Mine\n", encoding="utf-8"
    )
    fitted, mine = (load_experiment(whole / name) for name in ("whole/best.yaml", "mine.yaml"))
    result = json.loads((whole / "whole" / "result.json").read_text(encoding="utf-8"))
    best = {entry["name"]: entry["best"] for entry in result["parameters"]}
    for experiment in (fitted, mine):
        kind = experiment.arms["wound"].injury_kinds["wound"]
        assert float(kind.releases[0].rate) == pytest.approx(best["rate"])
        assert float(experiment.arms["wound"].cytokines["A"].half_life) == pytest.approx(best["half_life"])
        # The range of the library stays with the value, which is marked as fitted.
        half_life = experiment.base.cytokines["A"].half_life
        assert (half_life.low, half_life.high, half_life.kind) == (20.0, 200.0, "fitted")
