"""``abm study``: simulate a scenario and test its claims."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abm.cli.failure import RUN_FAILED, STOPPED, say
from abm.cli.options import (
    Arms,
    AsJson,
    Processes,
    Quiet,
    Replicates,
    ScenarioFile,
    Seed,
    Settings,
    Threads,
    refuse_both,
    settings_of,
)
from abm.cli.wording import counted

if TYPE_CHECKING:
    from abm.scenario.load import Experiment
    from abm.study.job import RunResult
    from abm.study.verdicts import ClaimResult

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="Folder for result files, tables, figures and report; by default outputs/<name of FILE>.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing result files and reports.")]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Keep complete runs, make the missing ones and the report anew."),
]
Level = Annotated[float, typer.Option(metavar="SHARE", help="Coverage of the intervals, e.g. 0.9.")]
Recorded = Annotated[
    Path | None,
    typer.Option(
        "--evaluate-only", metavar="DIR", help="Test the claims on the runs in a folder; simulate nothing."
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit code 1 if a claim is not reproduced or cannot be evaluated."),
]

NOT_MET = 1
_LOWEST, _HIGHEST = 0.5, 0.9999


def study(
    file: ScenarioFile,
    output: Output = None,
    sets: Settings = None,
    arms: Arms = None,
    replicates: Replicates = None,
    seed: Seed = None,
    threads: Threads = 1,
    processes: Processes = None,
    force: Force = False,
    resume: Resume = False,
    level: Level = 0.95,
    recorded: Recorded = None,
    strict: Strict = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Simulate all arms and replicates, then test the claims of the file; with a report."""
    from abm.scenario.load import load_experiment

    asked = {"--arm": arms, "--replicates": replicates, "--seed": seed, "--processes": processes}
    _check_options(
        force, resume, level, [name for name, value in asked.items() if value not in (None, [])], recorded
    )
    experiment = load_experiment(file, settings_of(sets, replicates, seed))
    if not experiment.claims:
        say(f"note: {file} makes no claims; add 'claims' to test the arms against published findings")
    folder = output or _beside(recorded) or Path("outputs") / file.stem
    # Only now: it loads the figures, which a faulty file need not wait for.
    from abm.study.report import check_outputs

    check_outputs(folder, force or resume, resumable=recorded is None)
    if experiment.warnings and not quiet:
        say(f"note: {len(experiment.warnings)} values deserve a look: abm check {file}")
    results: list[RunResult] = []
    if recorded is None:
        results = _simulate(
            experiment,
            folder,
            arms,
            threads=threads,
            processes=processes,
            force=force,
            resume=resume,
            quiet=quiet,
        )
    commands = _commands(file, folder, recorded)
    with _telling_how_to_go_on(recorded or folder, commands[-1]):
        verdicts = _conclude(experiment, folder, recorded, results, level, commands, quiet, as_json)
    if any(str(run.status) == "failed" for run in results):
        raise typer.Exit(RUN_FAILED)
    if strict and any(str(v.verdict) in ("not reproduced", "cannot be evaluated") for v in verdicts):
        raise typer.Exit(NOT_MET)


def _check_options(force: bool, resume: bool, level: float, given: list[str], recorded: Path | None) -> None:
    """Refuse options that exclude each other; `given` are those that only make sense for new runs."""
    refuse_both(force, resume)
    if not _LOWEST <= level <= _HIGHEST:
        raise typer.BadParameter(f"--level {level:g}: a share from {_LOWEST:g} to {_HIGHEST:g} is expected")
    given = [*given, *(["--resume"] if resume else [])]
    if recorded is not None and given:
        raise typer.BadParameter(f"{', '.join(given)}: not with --evaluate-only, which makes no runs")


def _beside(recorded: Path | None) -> Path | None:
    """The folder of recorded runs; that of a single file is the one it lies in."""
    return recorded.parent if recorded is not None and recorded.is_file() else recorded


def _simulate(
    experiment: Experiment,
    folder: Path,
    arms: list[str] | None,
    *,
    threads: int,
    processes: int | None,
    force: bool,
    resume: bool,
    quiet: bool,
) -> list[RunResult]:
    """Make the runs; stops here when the user did, since half a study has no verdicts."""
    from abm.cli.outcome import conclude
    from abm.cli.progress import watching
    from abm.study.job import Status
    from abm.study.runner import run_experiment

    with watching(quiet) as watcher:
        results = run_experiment(
            experiment,
            folder,
            arms=arms or None,
            threads=threads,
            processes=processes,
            force=force,
            resume=resume,
            progress=watcher,
            command=["abm", *sys.argv[1:]],
        )
    bad = [run for run in results if run.status not in (Status.COMPLETE, Status.SKIPPED)]
    if bad:
        stopped = any(run.status in (Status.INTERRUPTED, Status.NOT_STARTED) for run in bad)
        good = len(results) > len(bad)
        try:
            conclude(results, watcher.seconds, quiet=True)
        except typer.Exit as end:
            if stopped or not good:
                raise typer.Exit(end.exit_code) from None
    return results


@contextmanager
def _telling_how_to_go_on(runs: Path, command: str) -> Iterator[None]:
    """The runs outlive a stop before their report is written: say where they are and what makes the rest."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"Stopped before the report was written; the runs are in {runs}.")
        say(f"To go on: {command}")
        raise typer.Exit(STOPPED) from None


def _conclude(
    experiment: Experiment,
    folder: Path,
    recorded: Path | None,
    results: Sequence[RunResult],
    level: float,
    commands: list[str],
    quiet: bool,
    as_json: bool,
) -> list[ClaimResult]:
    """Evaluate the claims, write everything, print the tables."""
    from abm.analysis.compare import summary_table
    from abm.analysis.groups import group_runs
    from abm.study.claim_tables import as_document, claims_table, to_json
    from abm.study.job import Status
    from abm.study.report import Study, write_study
    from abm.study.verdicts import evaluate_claims, scenario_notes

    if not quiet:
        say(f"testing {counted(len(experiment.claims), 'claim')} and writing the report")
    good = [run.path for run in results if run.status in (Status.COMPLETE, Status.SKIPPED)]
    warnings = [f"{run.path.name} failed and is left out" for run in results if run.status is Status.FAILED]
    with group_runs(recorded if recorded is not None else good, finished_only=True) as groups:
        warnings += scenario_notes(experiment, groups)
        for text in (*warnings, *groups.notices):
            say(f"note: {text}")
        verdicts = evaluate_claims(experiment.claims, groups, level)
        study = Study(experiment, verdicts, groups, level, commands, warnings)
        written = write_study(study, folder, lambda text: None if quiet else say(f"note: {text}"))
        if as_json:
            document: dict[str, Any] = as_document(verdicts, experiment, groups, level)
            document["files"] = [str(path) for path in written]
            print(to_json(document), end="")
        elif not quiet:
            print(summary_table(groups).as_text())
            if verdicts:
                print()
                print(claims_table(verdicts, level).as_text())
            print(f"\n{counted(len(groups.runs), 'run')} in {recorded or folder}. Report: {written[-1]}")
    return verdicts


def _commands(file: Path, folder: Path, recorded: Path | None) -> list[str]:
    """How to do it again, and how to look at it anew without simulating."""
    again = join(["abm", *sys.argv[1:]])
    return [again, join(["abm", "study", str(file), "--evaluate-only", str(recorded or folder), "--force"])]
