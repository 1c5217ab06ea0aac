"""Evaluating points: which runs they take, which of them are known, and how far off the targets are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.journal import Journal, Key
from abm.calibrate.parameters import numbers_at, positions_of
from abm.calibrate.problem import Problem
from abm.calibrate.recorded import Values
from abm.calibrate.simulate import Outcome, Task
from abm.calibrate.workers import Workers

#: |z| of every target at a point that cannot be simulated, for methods that need a number.
FAILED_Z = 100.0


class BudgetSpent(Exception):  # noqa: N818 - no error
    """No more points may be evaluated."""


@dataclass(frozen=True)
class Evaluation:
    """One point and what it gives.

    Attributes
    ----------
    number : int
        In the order in which points were asked for, from 0.
    stage : str
        What it was asked for.
    numbers : tuple of float
        Of the parameters, in their own units.
    values : (n_target, n_replicate) float64
        Simulated values; nan where the simulation failed.
    residuals : (n_target + n_prior,) float64
        √weight · z of every target, and one entry for every prior that is not flat.
    rms : float
        Root mean square of z of the targets; infinite where the simulation failed.
    objective : float
        Sum of the squared residuals; what the methods make small.
    failure : str
        Why there are no values; empty otherwise.
    """

    number: int
    stage: str
    numbers: tuple[float, ...]
    values: NDArray[np.float64]
    residuals: NDArray[np.float64]
    rms: float
    objective: float
    failure: str = ""

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of every target over the replicates, (n_target,)."""
        return np.asarray(self.values.mean(axis=1))


class Watcher(Protocol):
    """Whoever wants to know how a calibration goes."""

    def begin(self, budget: int, runs: int, processes: int) -> None:
        """So many points may be evaluated, of so many runs each."""

    def run_made(self, seconds: float) -> None:
        """Tell that one run was made, in so much processor time."""

    def evaluated(self, evaluation: Evaluation, best: Evaluation, known: bool) -> None:
        """One more point is evaluated; `known` if nothing had to be simulated for it."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Evaluator:
    """Evaluates points in batches, each only once.

    Parameters
    ----------
    problem : Problem
    journal : Journal
        Known runs; new ones are added.
    workers : Workers
    watcher : Watcher
    budget : int
        Points evaluated at most.

    Attributes
    ----------
    evaluations : list of Evaluation
        In the order asked for.
    runs : int
        Made now, not found in the journal.
    """

    def __init__(
        self, problem: Problem, journal: Journal, workers: Workers, watcher: Watcher, budget: int
    ) -> None:
        self.problem = problem
        self.journal = journal
        self.workers = workers
        self.watcher = watcher
        self.budget = budget
        self.evaluations: list[Evaluation] = []
        self.runs = 0
        self._by_point: dict[tuple[float, ...], Evaluation] = {}

    @property
    def best(self) -> Evaluation:
        """The point with the smallest objective, the first of equal ones."""
        return min(self.evaluations, key=lambda one: one.objective)

    def __call__(self, positions: Sequence[NDArray[np.float64]], stage: str) -> list[Evaluation]:
        """Evaluate several points of the unit cube together.

        Raises
        ------
        BudgetSpent
            Not all of them can be evaluated; none is then.
        Interrupted, CalibrationError
            See :meth:`abm.calibrate.workers.Workers.run`.
        """
        points = [numbers_at(self.problem.parameters, position.tolist()) for position in positions]
        fresh = [point for point in dict.fromkeys(points) if point not in self._by_point]
        if len(self.evaluations) + len(fresh) > self.budget:
            raise BudgetSpent
        wanted = {point: self.problem.runs(point) for point in fresh}
        missing = {
            key: values
            for runs in wanted.values()
            for key, values in runs.items()
            if key not in self.journal.runs
        }
        known = {point: all(key not in missing for key in runs) for point, runs in wanted.items()}
        tasks = [Task(i, key[0], key[1], values) for i, (key, values) in enumerate(missing.items())]
        keys = list(missing)
        open_keys = {point: set(runs) & set(missing) for point, runs in wanted.items()}
        self._settle(fresh, open_keys, wanted, stage, known)

        def done(task: Task, outcome: Outcome) -> None:
            key = keys[task.number]
            self.journal.add(key, outcome, self.problem.plans[task.arm])
            self.runs += 1
            self.watcher.run_made(outcome.seconds)
            for left in open_keys.values():
                left.discard(key)
            self._settle(fresh, open_keys, wanted, stage, known)

        if tasks:
            self.workers.run(tasks, done)
        return [self._by_point[point] for point in points]

    def _settle(
        self,
        points: Sequence[tuple[float, ...]],
        open_keys: dict[tuple[float, ...], set[Key]],
        wanted: Mapping[tuple[float, ...], Mapping[Key, object]],
        stage: str,
        known: dict[tuple[float, ...], bool],
    ) -> None:
        """Conclude what is complete, in the order asked for, so that numbers do not depend on speed."""
        for point in points:
            if point in self._by_point:
                continue
            if open_keys[point]:
                return
            outcomes = {key: self.journal.runs[key] for key in wanted[point]}
            made = self._conclude(point, outcomes, stage)
            self.evaluations.append(made)
            self._by_point[point] = made
            self.watcher.evaluated(made, self.best, known[point])

    def _conclude(self, numbers: tuple[float, ...], outcomes: dict[Key, Outcome], stage: str) -> Evaluation:
        problem = self.problem
        failure = next((outcome.failure for outcome in outcomes.values() if outcome.failure), "")
        values = np.full((len(problem.aims), problem.replicates), np.nan)
        if not failure:
            runs: dict[Key, Values] = {k: o.series for k, o in outcomes.items() if o.series is not None}
            values = problem.values(runs)
            lacking = np.flatnonzero(~np.isfinite(values).all(axis=1))
            if len(lacking):
                failure = f"no value for {problem.aims[int(lacking[0])].name}"
        if failure:
            residuals = np.sqrt(problem.weights) * FAILED_Z
            rms = math.inf
        else:
            residuals = problem.residuals(values)
            rms = problem.rms(residuals)
        residuals = np.concatenate([residuals, self._prior_residuals(numbers)])
        return Evaluation(
            number=len(self.evaluations),
            stage=stage,
            numbers=numbers,
            values=values,
            residuals=residuals,
            rms=rms,
            objective=float(np.sum(residuals**2)),
            failure=failure,
        )

    def _prior_residuals(self, numbers: tuple[float, ...]) -> NDArray[np.float64]:
        """Distance from the centre of every prior that is not flat, in its standard deviations."""
        position = positions_of(self.problem.parameters, numbers)
        pairs = zip(self.problem.parameters, position, strict=True)
        return np.array([(u - p.prior.centre) / p.prior.spread for p, u in pairs if not p.prior.is_flat])

    def runs_at(self, evaluation: Evaluation) -> dict[Key, Values]:
        """Runs of an evaluated point."""
        found = {key: self.journal.runs[key].series for key in self.problem.runs(evaluation.numbers)}
        return {key: series for key, series in found.items() if series is not None}
