"""Searches and evaluations with runs that are formulas: fast, and with an answer that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from abm.calibrate.calibration import _fitted
from abm.calibrate.cma import cma
from abm.calibrate.evaluator import BudgetSpent, Evaluation, Evaluator
from abm.calibrate.identifiability import Verdict
from abm.calibrate.jacobian import jacobian
from abm.calibrate.journal import Journal
from abm.calibrate.least_squares import least_squares
from abm.calibrate.load import load_problem
from abm.calibrate.problem import Problem
from abm.calibrate.sampling import sample
from abm.calibrate.simulate import Outcome, Task
from abm.calibrate.workers import CalibrationError
from abm.errors import Interrupted
from tests.calibration_toy import PARAMETERS, ROWS, TRUTH, write_toy

# What three of the targets say about the three parameters, none of them about one alone.
FORMULAS: tuple[Callable[[float, float, float], float], ...] = (
    lambda rate, half_life, amount: 60.0 * np.log(rate * half_life),
    lambda rate, half_life, amount: 60.0 * np.log(rate / half_life),
    lambda rate, half_life, amount: 60.0 * np.log(amount * rate),
)
ROWS_A = ROWS[:3]


def course(rate: float, half_life: float, amount: float) -> list[float]:
    """Value at each of the three targets."""
    return [formula(rate, half_life, amount) for formula in FORMULAS]


class Pretender:
    """In place of worker processes: a formula for the arm with targets, at the ticks where it is read out."""

    def __init__(self, problem: Problem, noise: float = 0.0) -> None:
        self.problem = problem
        self.noise = noise
        self.made: list[Task] = []
        self.stop_after = 10**9
        self.fail_at: Callable[[tuple[float, float, float]], bool] = lambda point: False

    def run(self, tasks: Sequence[Task], done: Callable[[Task, Outcome], None]) -> None:
        # In an order that has nothing to do with that of the tasks.
        for task in sorted(tasks, key=lambda one: (one.number * 7919) % 101):
            if len(self.made) >= self.stop_after:
                raise Interrupted("stopped")
            self.made.append(task)
            done(task, self._outcome(task))

    def _outcome(self, task: Task) -> Outcome:
        plan = self.problem.plans[task.arm]
        texts = {path[-1]: value.given.split()[0] for path, value in task.values.items()}
        point = (float(texts["rate"]), float(texts["half_life"]), float(texts["amount"]))
        if self.fail_at(point):
            return Outcome(task.number, None, "negative concentration", 0.01)
        wanted = course(*point)
        days = [row[0] for row in ROWS_A]
        values = np.interp(plan.time, days, wanted)
        if self.noise:
            rng = np.random.default_rng([task.replicate, int(1e6 * point[0])])
            values = values + rng.normal(0.0, self.noise, len(values))
        # Targets lie between readouts, whose values are linear between them: put them there exactly.
        return Outcome(task.number, {"cytokine_by_region": values[:, None, None]}, "", 0.01)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Problem]:
    """The toy with three targets whose means are those of the truth, and some lines of options."""
    folder = tmp_path_factory.mktemp("toy")
    means: list[float] = []

    def made(options: str = "") -> Problem:
        if not means:
            problem = load_problem(write_toy(folder, rows=ROWS_A))
            task = Task(0, "wound", 0, _values(problem, tuple(TRUTH.values())))
            runs = {("wound", 0, ()): Pretender(problem)._outcome(task).series}
            means.extend(float(v) for v in problem.values(runs)[:, 0])  # type: ignore[arg-type]
        return load_problem(write_toy(folder, PARAMETERS, options, ROWS_A, means))

    return made


def _values(problem: Problem, numbers: tuple[float, ...]) -> dict[tuple[str | int, ...], object]:
    return next(iter(problem.runs(numbers).values()))  # type: ignore[return-value]


class Witness:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.known: list[bool] = []
        self.best: list[float] = []

    def begin(self, budget: int, runs: int, processes: int) -> None: ...

    def run_made(self, seconds: float) -> None: ...

    def evaluated(self, evaluation: Evaluation, best: Evaluation, known: bool) -> None:
        self.known.append(known)
        self.best.append(best.rms)

    def note(self, text: str) -> None: ...


class Bench:
    """An evaluator over a journal in a folder."""

    def __init__(self, problem: Problem, path: Path, resume: bool = False, noise: float = 0.0) -> None:
        self.workers = Pretender(problem, noise)
        self.journal = Journal.open(path, problem.origin(), problem.plans, resume=resume)
        self.witness = Witness()
        budget = problem.file.budget
        self.evaluate = Evaluator(problem, self.journal, self.workers, self.witness, budget)  # type: ignore[arg-type]

    def close(self) -> None:
        self.journal.__exit__(None, None, None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes evaluators, and closes their journals."""
    made: list[Bench] = []

    def make(problem: Problem, name: str = "j", resume: bool = False, noise: float = 0.0) -> Bench:
        made.append(Bench(problem, tmp_path / name, resume, noise))
        return made[-1]

    yield make
    for one in made:
        one.close()


def points(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).random((count, 3)))


def test_least_squares_finds_the_truth(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    made = bench(toy(""))
    stopped = least_squares(made.evaluate)
    assert "tolerance" in stopped
    assert made.evaluate.best.numbers == pytest.approx(tuple(TRUTH.values()), rel=1e-3)
    assert made.evaluate.best.rms < 0.02


def test_cma_finds_the_truth(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    made = bench(toy("budget: 900\n"))
    cma(made.evaluate)
    assert made.evaluate.best.numbers == pytest.approx(tuple(TRUTH.values()), rel=0.01)


@pytest.mark.slow
def test_abc_surrounds_the_truth(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    """Truth within 3 sd of the posterior mean, which has shrunk; all particles below the last threshold."""
    options = "budget: 3000\nabc: {population: 40, generations: 8, final: 2}\n"
    problem = toy(options)
    made = bench(problem)
    found = sample(made.evaluate)
    truth = [p.position(TRUTH[p.name]) for p in problem.parameters]
    sd = np.sqrt(found.covariance.diagonal())
    assert (np.abs(found.mean - truth) < 3 * sd).all()
    assert (sd < 0.5 / np.sqrt(12)).all()
    thresholds = [generation.threshold for generation in found.generations]
    assert thresholds == sorted(thresholds, reverse=True) and thresholds[-1] >= 2.0
    by_point = {one.numbers: one.rms for one in made.evaluate.evaluations}
    for position in found.positions:
        numbers = tuple(p.number(float(u)) for p, u in zip(problem.parameters, position, strict=True))
        assert by_point[numbers] <= thresholds[-1]
    assert found.weights.sum() == pytest.approx(1.0)
    assert (found.quantile(0.0) >= 0).all() and (found.quantile(1.0) == found.positions.max(axis=0)).all()


@pytest.mark.parametrize("method", ["least-squares", "cma", pytest.param("abc", marks=pytest.mark.slow)])
def test_a_stopped_search_goes_on_to_the_same_end(
    toy: Callable[[str], Problem], bench: Callable[..., Bench], method: str
) -> None:
    options = f"method: {method}\nbudget: 150\nabc: {{population: 20, generations: 3}}\n"
    problem = toy(options)
    whole = bench(problem, "whole")
    expected = _fitted(problem, whole.evaluate)
    whole.close()
    runs = len(whole.workers.made)
    for stop in (1, runs // 2, runs - 1):
        first = bench(problem, f"part{stop}")
        first.workers.stop_after = stop
        with pytest.raises(Interrupted):
            _fitted(problem, first.evaluate)
        first.close()
        second = bench(problem, f"part{stop}", resume=True)
        found = _fitted(problem, second.evaluate)
        second.close()
        # Nothing is made twice.
        assert len(second.workers.made) == runs - stop
        assert found.best.numbers == expected.best.numbers
        assert [one.numbers for one in found.evaluations] == [one.numbers for one in expected.evaluations]
        assert [one.number for one in found.evaluations] == list(range(len(found.evaluations)))
        assert np.array_equal(found.identifiability.information, expected.identifiability.information)
        if expected.posterior is not None and found.posterior is not None:
            assert np.array_equal(found.posterior.positions, expected.posterior.positions)
            assert np.array_equal(found.posterior.weights, expected.posterior.weights)


@pytest.mark.slow
def test_the_batch_does_not_change_the_posterior(
    toy: Callable[[str], Problem], bench: Callable[..., Bench]
) -> None:
    found = []
    for batch in (3, 16):
        problem = toy(f"budget: 800\nabc: {{population: 20, generations: 3, batch: {batch}}}\n")
        found.append(sample(bench(problem, str(batch)).evaluate))
    assert np.array_equal(found[0].positions, found[1].positions)
    assert np.array_equal(found[0].weights, found[1].weights)


@pytest.mark.slow
def test_abc_leaves_numpys_global_generator_alone(
    toy: Callable[[str], Problem], bench: Callable[..., Bench]
) -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]  # noqa: NPY002
    problem = toy("budget: 400\nabc: {population: 10, generations: 2}\n")
    sample(bench(problem).evaluate)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


def test_no_point_is_evaluated_twice(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    made = bench(toy(""))
    three = points(3)
    first = made.evaluate(three, "a")
    runs = len(made.workers.made)
    again = made.evaluate([three[2], three[0], three[2]], "b")
    assert len(made.workers.made) == runs
    assert [one.number for one in again] == [2, 0, 2]
    assert again[1] is first[0] and first[0].stage == "a"


def test_the_budget_is_kept(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    made = bench(toy("budget: 14\n"))
    made.evaluate(points(12), "a")
    with pytest.raises(BudgetSpent):
        made.evaluate(points(15), "b")
    assert len(made.evaluate.evaluations) == 12
    made.evaluate(points(14), "c")
    assert len(made.evaluate.evaluations) == 14


@pytest.mark.parametrize("method", ["least-squares", "cma", pytest.param("abc", marks=pytest.mark.slow)])
def test_a_whole_calibration_stays_within_its_budget(
    toy: Callable[[str], Problem], bench: Callable[..., Bench], method: str
) -> None:
    problem = toy(f"method: {method}\nbudget: 31\nabc: {{population: 5, generations: 9}}\n")
    made = bench(problem)
    found = _fitted(problem, made.evaluate)
    assert len(found.evaluations) <= 31
    assert found.best.objective == min(
        one.objective for one in found.evaluations if one.stage != "identifiability"
    )


def test_the_smallest_budget_stays_at_the_start(
    toy: Callable[[str], Problem], bench: Callable[..., Bench]
) -> None:
    n = len(PARAMETERS)
    problem = toy(f"budget: {2 * n + 1}\n")
    found = _fitted(problem, bench(problem).evaluate)
    assert found.best is found.start and len(found.evaluations) == 2 * n + 1
    assert np.all(found.identifiability.sd < found.identifiability.prior_sd)


def test_points_that_cannot_be_simulated(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    """The search goes around them, and they are written down like all others."""
    problem = toy("method: cma\nbudget: 300\n")
    made = bench(problem)
    made.workers.fail_at = lambda point: point[0] > 5.0
    found = _fitted(problem, made.evaluate)
    failed = [one for one in found.evaluations if one.failure]
    assert failed and all(one.failure == "negative concentration" for one in failed)
    assert all(np.isinf(one.rms) and np.isnan(one.values).all() for one in failed)
    assert found.best.numbers == pytest.approx(tuple(TRUTH.values()), rel=0.2)


def test_slopes_need_points_that_can_be_simulated(
    toy: Callable[[str], Problem], bench: Callable[..., Bench]
) -> None:
    made = bench(toy(""))
    made.workers.fail_at = lambda point: True
    with pytest.raises(CalibrationError, match="no slope along 'rate': negative concentration"):
        jacobian(made.evaluate, np.full(3, 0.5), 0.05, "slope")


def test_slopes_are_those_of_the_formulas(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    problem = toy("")
    made = bench(problem)
    found = jacobian(made.evaluate, np.array([0.5, 0.0, 1.0]), 0.05, "slope").slopes
    # Along a logarithmic range everything here is a straight line, also from an end of the range inwards.
    width = [np.log(p.high / p.low) for p in problem.parameters]
    days = [row[0] for row in ROWS_A]
    plan = problem.plans["wound"]
    for j, column in enumerate(np.array([[1, 1, 0], [1, -1, 0], [1, 0, 1]]).T):
        read_out = np.interp(plan.time, days, 60.0 * column)
        expected = np.interp(days, plan.time, read_out) * width[j] / 5.0
        assert found[:, j] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_noise_of_slopes_is_measured(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    """Independent noise σ at two points 0.1 apart: standard error √2 σ / 0.1 / tolerance / √n."""
    many = load_problem(_with_replicates(toy("").path, 30))
    made = bench(many, noise=0.5)
    found = jacobian(made.evaluate, np.full(3, 0.5), 0.05, "slope").noise
    expected = np.sqrt(2) * 0.5 / 0.1 / 5.0 / np.sqrt(30)
    # Along the rate the noise differs at both points; interpolation between readouts makes it smaller.
    assert 0.4 * expected < np.median(found[:, 0]) < 1.4 * expected


def _with_replicates(path: Path, count: int) -> Path:
    other = path.with_name(f"fit{count}.yaml")
    text = path.read_text(encoding="utf-8").replace("replicates: 1\n", f"replicates: {count}\n")
    other.write_text(text, encoding="utf-8")
    return other


def test_known_points_are_told(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    first = bench(toy(""))
    first.evaluate(points(2), "a")
    first.close()
    second = bench(toy(""), resume=True)
    second.evaluate(points(4), "a")
    assert second.witness.known == [True, True, False, False]
    assert second.witness.best == sorted(second.witness.best, reverse=True)


def test_a_prior_pulls(tmp_path: Path, bench: Callable[..., Bench]) -> None:
    """A prior far narrower than the targets wins; its term is part of the objective and not of the rms."""
    prior = "prior: {lognormal: {median: 100 min, factor: 1.0001}}"
    parameters = {**PARAMETERS, "half_life": f"{{path: cytokines.A.half_life, scale: log, {prior}}}"}
    problem = load_problem(write_toy(tmp_path, parameters, rows=ROWS_A, means=[1.0, 2.0, 3.0]))
    made = bench(problem)
    least_squares(made.evaluate)
    best = made.evaluate.best
    assert best.numbers[1] == pytest.approx(100.0, rel=2e-3)
    assert len(best.residuals) == 4
    assert best.rms == pytest.approx(float(np.sqrt(np.mean(best.residuals[:3] ** 2))))


def test_weights_and_bounds(toy: Callable[[str], Problem]) -> None:
    from dataclasses import replace

    problem = toy("")
    aims = [replace(aim, weight=w) for aim, w in zip(problem.aims, (1.0, 4.0, 1.0), strict=True)]
    upper = replace(aims[0], target=replace(aims[0].target, bound="upper"))
    changed = replace(problem, aims=(upper, *aims[1:]))
    means = np.array([aim.target.mean for aim in aims])[:, None]
    below, above = means + np.array([[-5.0], [5.0], [0.0]]), means + np.array([[5.0], [5.0], [0.0]])
    assert changed.residuals(below) == pytest.approx([0.0, 2.0, 0.0])
    assert changed.residuals(above) == pytest.approx([1.0, 2.0, 0.0])
    assert changed.rms(changed.residuals(above)) == pytest.approx(np.sqrt(5.0 / 6.0))


def test_verdicts_of_the_formulas(toy: Callable[[str], Problem], bench: Callable[..., Bench]) -> None:
    problem = toy("")
    found = _fitted(problem, bench(problem).evaluate)
    assert set(found.identifiability.verdicts) == {Verdict.HELD}
