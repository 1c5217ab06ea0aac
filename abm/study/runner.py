"""Arms times replicates of an experiment, on all cores; one result file each."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from abm.record.reader import open_run
from abm.scenario.load import Experiment, load_experiment_text
from abm.study.cores import LAYER, default_processes
from abm.study.job import Job, RunResult, Watcher
from abm.study.plan import Plan, plan_continuation, plan_repeat, plan_runs
from abm.study.single import perform


class Silence:
    """A watcher that is told everything and says nothing."""

    def begin(self, jobs: list[Job], processes: int) -> None:
        """Nothing."""

    def advanced(self, job: Job, days: float) -> None:
        """Nothing."""

    def ended(self, job: Job, result: RunResult) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""


def run_experiment(
    experiment: Experiment,
    folder: str | Path,
    *,
    arms: Sequence[str] | None = None,
    replicates: int | None = None,
    seed: int | None = None,
    threads: int = 1,
    processes: int | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Watcher | None = None,
    command: Sequence[str] = (),
) -> list[RunResult]:
    """Simulate every arm and replicate into ``<folder>/<arm>_r000.h5``.

    Replicates of the same number share their noise in all arms.  A run that fails does not stop the others.

    Parameters
    ----------
    arms : sequence of str, optional
        Only these.
    replicates, seed : int, optional
        In place of the experiment's own.
    threads : int
        Of the kernels, in each process.
    processes : int, optional
        Runs at the same time; as many as the usable cores allow when omitted.  A single run is made in this
        process.
    force : bool
        Replace existing result files.
    resume : bool
        Leave complete runs of the same scenario and seed as they are and continue the others.
    progress : Watcher, optional
        Told how the runs go.
    command : sequence of str
        Command line, for the provenance.

    Returns
    -------
    list of RunResult
        By arm and replicate.

    Raises
    ------
    ScenarioError
        There is no such arm.
    RecordError
        Result files are in the way, or the folder cannot be written; nothing was run then.
    ValueError
        Fewer than one replicate, thread or process.
    """
    changed = experiment
    if replicates is not None:
        changed = replace(changed, replicates=at_least_one("replicates", replicates))
    if seed is not None:
        changed = replace(changed, seed=seed)
    plan = plan_runs(changed, Path(folder), arms=arms, force=force, resume=resume, command=command)
    results = execute(plan, threads=threads, processes=processes, progress=progress)
    order = {name: i for i, name in enumerate(experiment.arms)}
    return sorted(results, key=lambda result: (order[result.arm], result.replicate))


def repeat_run(
    source: str | Path,
    output: str | Path,
    *,
    threads: int = 1,
    force: bool = False,
    progress: Watcher | None = None,
    command: Sequence[str] = (),
) -> RunResult:
    """Make a recorded run once more, from the scenario, seed and replicate in its file, to the same bytes.

    Parameters
    ----------
    output : path
        A file if it ends in ``.h5``, else a folder.
    """
    plan = plan_repeat(Path(source), recorded_experiment(Path(source)), Path(output), force)
    plan.jobs = [replace(job, command=tuple(command)) for job in plan.jobs]
    return execute(plan, threads=threads, progress=progress)[0]


def resume_runs(
    paths: Sequence[str | Path],
    *,
    threads: int = 1,
    processes: int | None = None,
    progress: Watcher | None = None,
) -> list[RunResult]:
    """Continue interrupted or killed runs to the same bytes as if they had never stopped.

    Raises
    ------
    RecordError
        One of the files cannot be continued; nothing was run then.
    """
    whole = Plan()
    for path in dict.fromkeys(map(Path, paths)):
        part = plan_continuation(path, recorded_experiment(path))
        whole.jobs += part.jobs
        whole.skipped += part.skipped
    results = {r.path: r for r in execute(whole, threads=threads, processes=processes, progress=progress)}
    return [results[path] for path in dict.fromkeys(map(Path, paths))]


def recorded_experiment(path: Path) -> Experiment:
    """The scenario that a result file carries."""
    with open_run(path) as run:
        return load_experiment_text(run.scenario_text, f"{path} (scenario)")


def execute(
    plan: Plan, *, threads: int = 1, processes: int | None = None, progress: Watcher | None = None
) -> list[RunResult]:
    """Make the runs of a plan; the results of the skipped ones come first."""
    at_least_one("threads", threads)
    watcher = Silence() if progress is None else progress
    wanted = default_processes(threads) if processes is None else at_least_one("processes", processes)
    if not plan.jobs:
        return plan.skipped
    count = min(wanted, len(plan.jobs))
    watcher.begin(plan.jobs, count)
    if len(plan.jobs) > 1:
        from abm.study.pool import Pool

        return plan.skipped + Pool(count, threads, watcher).run(plan.jobs)
    if "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_THREADING_LAYER", LAYER)
    job = plan.jobs[0]
    result = perform(job, threads, lambda days: watcher.advanced(job, days))
    watcher.ended(job, result)
    return [*plan.skipped, result]


def at_least_one(name: str, count: int) -> int:
    """Refuse a count below one."""
    if count < 1:
        raise ValueError(f"{name} is {count}, allowed: 1 or more")
    return count
