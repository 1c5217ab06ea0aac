"""A calibration from its fit file to its results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from abm.analysis.targets import Report
from abm.calibrate.cma import cma
from abm.calibrate.evaluator import BudgetSpent, Evaluation, Evaluator, Watcher
from abm.calibrate.identifiability import Identifiability, identify
from abm.calibrate.jacobian import jacobian
from abm.calibrate.journal import Journal
from abm.calibrate.least_squares import least_squares
from abm.calibrate.load import load_problem
from abm.calibrate.parameters import positions_of
from abm.calibrate.problem import Problem
from abm.calibrate.sampling import Posterior, sample
from abm.calibrate.schema import Method
from abm.calibrate.worker import SetUp
from abm.calibrate.workers import CalibrationError, Workers
from abm.errors import Interrupted, RecordError
from abm.study.cores import default_processes
from abm.study.plan import prepare_folder

JOURNAL = "evaluations.jsonl"
BEST, REPORT, RESULT, TABLE, PARTICLES = (
    "best.yaml",
    "report.md",
    "result.json",
    "evaluations.csv",
    "posterior.csv",
)
FIGURES = ("history.png", "deviations.png", "identifiability.png", "posterior.png")
#: Package that each method needs.
NEEDS: dict[Method, str] = {"least-squares": "scipy", "cma": "cmaes", "abc": "pyabc"}


class Silence:
    """A watcher that is told everything and says nothing."""

    def begin(self, budget: int, runs: int, processes: int) -> None:
        """Nothing."""

    def run_made(self, seconds: float) -> None:
        """Nothing."""

    def evaluated(self, evaluation: Evaluation, best: Evaluation, known: bool) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Calibration:
    """What came of a calibration.

    Attributes
    ----------
    problem : Problem
    evaluations : tuple of Evaluation
        In the order asked for.
    start, best : Evaluation
        At the scenario's own values, and the one with the smallest objective that the search found.
    report : Report
        Targets beside the best point, as `abm plot` shows them for result files.
    start_report : Report or None
        The same at the start; None when it cannot be simulated.
    identifiability : Identifiability
        Around the best point.
    posterior : Posterior or None
        Of the method abc.
    stopped : str
        Why the search ended.
    runs : int
        Simulations made now; the others were known.
    """

    problem: Problem
    evaluations: tuple[Evaluation, ...]
    start: Evaluation
    best: Evaluation
    report: Report
    start_report: Report | None
    identifiability: Identifiability
    posterior: Posterior | None
    stopped: str
    runs: int


def calibrate(
    fit: str | Path,
    folder: str | Path,
    *,
    method: Method | None = None,
    budget: int | None = None,
    processes: int | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Watcher | None = None,
) -> Calibration:
    """Fit the parameters of a fit file to its targets.

    Every run is written to ``evaluations.jsonl`` in `folder` as soon as it is made.  The search itself is
    repeated from its start when resumed, which takes no simulation for what is known: so a calibration that
    was killed ends with the same result as one that was not, with any number of processes.

    Parameters
    ----------
    fit : path
        Fit file; see docs/calibration.md.
    folder : path
        Of the results; made when missing.
    method, budget : optional
        In place of the file's.
    processes : int, optional
        Runs at the same time; as many as the usable cores allow when omitted.
    resume : bool
        Use the runs that the folder holds.
    force : bool
        Replace a calibration that the folder holds.
    progress : Watcher, optional

    Raises
    ------
    ScenarioError
        The fit file, its scenario or its targets file is faulty.
    RecordError
        The folder holds a calibration already, or cannot be written.
    CalibrationError
        A package is missing, a worker was killed, or a point that is needed cannot be simulated.
    Interrupted
        Ctrl-C; what was simulated is kept.
    """
    problem = load_problem(fit, method=method, budget=budget)
    require_packages(problem.file.method)
    folder = Path(folder)
    prepare_folder(folder)
    path = folder / JOURNAL
    if not force:
        _refuse_existing(folder, resume)
    watcher = Silence() if progress is None else progress
    count = default_processes(1) if processes is None else processes
    set_up = SetUp(problem.plans, problem.seed)
    with (
        Journal.open(path, problem.origin(), problem.plans, resume=resume) as journal,
        Workers(count, set_up) as workers,
    ):
        _tell_about(journal, watcher)
        watcher.begin(problem.file.budget, problem.replicates * len(problem.plans), count)
        evaluator = Evaluator(problem, journal, workers, watcher, problem.file.budget)
        with _telling_what_is_kept(folder, evaluator):
            return _fitted(problem, evaluator)


@contextmanager
def _telling_what_is_kept(folder: Path, evaluator: Evaluator) -> Iterator[None]:
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        made = len(evaluator.evaluations)
        text = f"{folder}: stopped after {made} evaluations; every finished run is kept in {JOURNAL}"
        raise Interrupted(text) from None


def _refuse_existing(folder: Path, resume: bool) -> None:
    """Leave alone what a folder holds, unless it is the calibration that is to go on."""
    if (folder / JOURNAL).exists():
        if resume:
            return
        raise RecordError(
            f"{folder}: holds a calibration already ({JOURNAL}); continue it with --resume, replace it with "
            "--force, or choose another folder with -o"
        )
    there = [name for name in (BEST, REPORT, RESULT, TABLE, PARTICLES, *FIGURES) if (folder / name).exists()]
    if there:
        raise RecordError(
            f"{folder}: {', '.join(there)} would be replaced; do so with --force, or choose another folder "
            "with -o"
        )


def require_packages(method: Method) -> None:
    """See that the packages of a method are installed.

    Raises
    ------
    CalibrationError
        One is not; the message says how to install it.
    """
    needed = NEEDS[method]
    if find_spec(needed) is None:
        message = (
            f"the method {method} needs the package {needed}; install it with: pip install 'abm[calibrate]'"
        )
        raise CalibrationError(message)


def _tell_about(journal: Journal, watcher: Watcher) -> None:
    if journal.runs:
        watcher.note(f"{len(journal.runs)} runs are known from {journal.path}")
    if journal.unused:
        text = f"{journal.unused} runs in {journal.path} belong to another scenario, seed or length: not used"
        watcher.note(text)
    if journal.foreign:
        text = f"{journal.foreign} known runs were made by another state of the program; --force drops them"
        watcher.note(text)


def _searched(problem: Problem, evaluate: Evaluator) -> tuple[str, Posterior | None]:
    """Search by the method of the problem; why it ended, and the sample that only ABC makes."""
    match problem.file.method:
        case "least-squares":
            return least_squares(evaluate), None
        case "cma":
            return cma(evaluate), None
        case "abc":
            try:
                posterior = sample(evaluate)
            except BudgetSpent:
                raise CalibrationError(
                    f"{problem.path}: the budget of {problem.file.budget} evaluations was spent before one "
                    f"generation of {problem.file.abc.population} was complete; raise it and use --resume"
                ) from None
            return posterior.stopped, posterior


def _fitted(problem: Problem, evaluate: Evaluator) -> Calibration:
    """Search, then look around the best point.  The slopes at the end are paid for beforehand."""
    start = positions_of(problem.parameters, problem.start)
    slopes = 2 * len(problem.parameters)
    evaluate.budget = problem.file.budget - slopes
    first = evaluate([start], "start")[0]
    stopped, posterior = _searched(problem, evaluate)
    best = evaluate.best
    if best.failure:
        raise CalibrationError(f"{problem.path}: no point could be simulated; the last: {best.failure}")
    evaluate.budget = problem.file.budget
    around = jacobian(
        evaluate,
        positions_of(problem.parameters, best.numbers),
        float(problem.file.step),
        "identifiability",
    )
    prior_sd = np.array([parameter.prior.sd for parameter in problem.parameters])
    return Calibration(
        problem=problem,
        evaluations=tuple(evaluate.evaluations),
        start=first,
        best=best,
        report=problem.report(evaluate.runs_at(best)),
        start_report=None if first.failure else problem.report(evaluate.runs_at(first)),
        identifiability=identify(around, prior_sd),
        posterior=posterior,
        stopped=stopped,
        runs=evaluate.runs,
    )
