"""From an experiment and a folder to the runs that are to be made, or to everything that forbids them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os.path import lexists
from pathlib import Path

from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.record.layout import STATUS_COMPLETE
from abm.record.reader import open_run
from abm.record.storage import is_being_written
from abm.scenario.load import Experiment
from abm.scenario.schema.scenario import Scenario
from abm.study.arms import chosen_arms
from abm.study.job import Job, RunResult, Start, Status, result_of

_REPLICATES = re.compile(r"^replicates:.*\n", re.MULTILINE)


@dataclass
class Plan:
    """Runs to be made, and those that need not be."""

    jobs: list[Job] = field(default_factory=list)
    skipped: list[RunResult] = field(default_factory=list)


def file_name(arm: str, replicate: int, replicates: int) -> str:
    """Name of a run's file: ``cci_r000.h5``; more digits beyond a thousand replicates."""
    digits = max(3, len(str(replicates - 1)))
    return f"{arm}_r{replicate:0{digits}d}.h5"


def plan_runs(
    experiment: Experiment,
    folder: Path,
    *,
    arms: Sequence[str] | None = None,
    force: bool = False,
    resume: bool = False,
    command: Sequence[str] = (),
) -> Plan:
    """Decide for every arm and replicate whether it is made, continued or left as it is.

    Nothing on disk is changed but that the folder is made.

    Raises
    ------
    ScenarioError
        No such arm.
    RecordError
        The folder cannot be written, or files are in the way: one error that names them all.
    """
    names = chosen_arms(experiment, arms)
    texts = {arm: experiment.arm_text(arm) for arm in names}
    jobs = [
        Job(
            arm=arm,
            replicate=replicate,
            seed=experiment.seed,
            path=folder / file_name(arm, replicate, experiment.replicates),
            text=texts[arm],
            scenario=experiment.arms[arm],
            command=tuple(command),
        )
        for replicate in range(experiment.replicates)
        for arm in names
    ]
    return settle(jobs, folder, force, resume)


def plan_repeat(source: Path, experiment: Experiment, output: Path, force: bool = False) -> Plan:
    """The one run recorded in `source` once more, into a file or a folder.

    Parameters
    ----------
    experiment : Experiment
        Loaded from the text in the file.

    Raises
    ------
    RecordError
        The run is a branch, whose scenario did not hold from its start; or the output is the file itself.
    """
    with open_run(source) as run:
        if run.branch:
            raise RecordError(
                f"{source}: branched at day {float(run.branch['day']):g} from {run.branch['file']}; a "
                "repetition would follow its scenario from day 0; repeat that run and branch from it instead"
            )
        arm, replicate, seed, text = run.arm, run.replicate, run.seed, run.scenario_text
    path = output if output.suffix == ".h5" else output / file_name(arm, replicate, replicate + 1)
    if lexists(path) and lexists(source) and path.resolve() == source.resolve():
        raise RecordError(f"{path}: this is the file to be repeated; choose another output with -o")
    job = Job(arm, replicate, seed, path, text, _arm(experiment, arm, source))
    return settle([job], path.parent, force, False)


def plan_continuation(path: Path, experiment: Experiment) -> Plan:
    """The unfinished run of a file, from its newest checkpoint to its end.

    Raises
    ------
    RecordError
        The file is being written, failed, or holds no checkpoint.
    """
    with open_run(path) as run:
        arm, replicate, seed, text = run.arm, run.replicate, run.seed, run.scenario_text
        status, message, ticks = run.status, run.status_message, run.checkpoint_ticks
    job = Job(arm, replicate, seed, path, text, _arm(experiment, arm, path), Start.CONTINUE)
    if status == STATUS_COMPLETE:
        return Plan([], [result_of(job, Status.SKIPPED, message="complete already")])
    if is_being_written(path):
        raise RecordError(f"{path}: another process is writing this file; wait for it to end")
    if status == Status.FAILED:
        raise RecordError(f"{path}: this run failed and would fail again: {message}")
    if not ticks:
        raise RecordError(f"{path}: the file holds no checkpoint to continue from; run again from the start")
    return Plan([job])


def _arm(experiment: Experiment, arm: str, path: Path) -> Scenario:
    try:
        return experiment.arms[arm]
    except KeyError:
        raise RecordError(
            f"{path}: the scenario in the file has no arm {arm!r}; the file is damaged"
        ) from None


def settle(jobs: list[Job], folder: Path, force: bool, resume: bool) -> Plan:
    """Decide for every job whether it is made, by looking at what is there already.

    Raises
    ------
    RecordError
        Files are in the way: one error that names them all.
    """
    plan, problems, standing = Plan(), [], []
    for job in jobs:
        if not lexists(job.path):
            plan.jobs.append(job)
        elif is_being_written(job.path):
            problems.append(f"{job.path}: another process is writing this file; wait for it to end")
        elif force:
            plan.jobs.append(replace(job, start=Start.REPLACE))
        elif not resume:
            standing.append(job.path)
        elif problem := _mismatch(job):
            problems.append(problem)
        else:
            _take_up(job, plan)
    if standing:
        problems.insert(0, _in_the_way(standing))
    if problems:
        raise RecordError("\n".join(problems))
    if plan.jobs:
        prepare_folder(folder)
    return plan


def _in_the_way(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:8]) + (", ..." if len(paths) > 8 else "")
    some = "a result file exists" if len(paths) == 1 else f"{len(paths)} result files exist"
    return (
        f"{paths[0].parent}: {some} already: {names}; nothing was run. "
        "Complete them with --resume, replace them with --force, or choose another folder with -o"
    )


def _mismatch(job: Job) -> str:
    """Why an existing file is not the run that is asked for; empty when it is."""
    try:
        with open_run(job.path) as run:
            found = {"seed": run.seed, "arm": run.arm, "replicate": run.replicate}
            text = run.scenario_text
    except RecordError as error:
        return f"{error}; --force replaces it"
    wanted = {"seed": job.seed, "arm": job.arm, "replicate": job.replicate}
    for name, value in wanted.items():
        if found[name] != value:
            return (
                f"{job.path}: holds {name} {found[name]}, asked for {value}; "
                "replace it with --force, or choose another folder with -o"
            )
    # How many replicates the experiment has does not change any one of them.
    if _REPLICATES.sub("", text) != _REPLICATES.sub("", job.text):
        return (
            f"{job.path}: holds a run of another scenario ({_first_difference(text, job.text)}); "
            "replace it with --force, or choose another folder with -o"
        )
    return ""


def _first_difference(recorded: str, wanted: str) -> str:
    pairs = zip(recorded.splitlines(), wanted.splitlines(), strict=False)
    old, new = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return f"its line {old.strip()!r} is {new.strip()!r} now" if old or new else "it is longer or shorter"


def _take_up(job: Job, plan: Plan) -> None:
    """Skip what is complete, continue what can be, start the rest again."""
    with open_run(job.path) as run:
        status, ticks = run.status, run.checkpoint_ticks
    if status == STATUS_COMPLETE:
        plan.skipped.append(result_of(job, Status.SKIPPED, message="complete already"))
    elif ticks and status != Status.FAILED:
        plan.jobs.append(replace(job, start=Start.CONTINUE))
    else:
        plan.jobs.append(replace(job, start=Start.REPLACE))


def prepare_folder(folder: Path) -> None:
    """Make the output folder, its parents too, and try that files can be made in it.

    Raises
    ------
    RecordError
        It cannot be made or written; said before hours of simulation, not after.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise RecordError(f"{folder}: this is a file, not a folder; choose another folder with -o") from None
    except OSError as error:
        raise os_fault(folder, "make the output folder", error) from error
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise os_fault(folder, "write to the output folder", error) from error
