"""``abm run``: simulate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import (
    Arms,
    AsJson,
    CompleteRuns,
    Processes,
    Quiet,
    ReplaceRuns,
    Replicates,
    Seed,
    Settings,
    Threads,
    refuse_both,
    settings_of,
)

File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Scenario file (YAML).", show_default=False)
]
Recorded = Annotated[
    Path | None,
    typer.Option("--from", metavar="OLD.h5", help="Repeat the run recorded in a result file instead."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="Folder for the result files; by default outputs/<name of FILE>.",
    ),
]


def run(
    file: File = None,
    recorded: Recorded = None,
    output: Output = None,
    sets: Settings = None,
    arms: Arms = None,
    replicates: Replicates = None,
    seed: Seed = None,
    threads: Threads = 1,
    processes: Processes = None,
    force: ReplaceRuns = False,
    resume: CompleteRuns = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Simulate the arms and replicates of a scenario; one HDF5 file each, then a table."""
    if (file is None) == (recorded is None):
        raise typer.BadParameter("give either a scenario FILE or --from OLD.h5")
    refuse_both(force, resume)
    if recorded is not None:
        changes = {"--set": sets, "--arm": arms, "--replicates": replicates, "--seed": seed}
        given = [name for name, value in changes.items() if value is not None and value != []]
        if given or resume:
            raise typer.BadParameter(
                f"{', '.join(given) or '--resume'}: not with --from, which repeats a run as it was"
            )
        _repeat(recorded, output, threads, force, quiet, as_json)
        return

    from abm.cli.failure import say
    from abm.cli.outcome import conclude
    from abm.cli.progress import watching
    from abm.scenario.load import load_experiment
    from abm.study.runner import run_experiment

    assert file is not None
    experiment = load_experiment(file, settings_of(sets, replicates, seed))
    if experiment.warnings and not quiet:
        say(f"note: {len(experiment.warnings)} values deserve a look: abm check {file}")
    with watching(quiet) as watcher:
        results = run_experiment(
            experiment,
            output or Path("outputs") / file.stem,
            arms=arms or None,
            threads=threads,
            processes=processes,
            force=force,
            resume=resume,
            progress=watcher,
            command=["abm", *sys.argv[1:]],
        )
    conclude(results, watcher.seconds, as_json=as_json, quiet=quiet)


def _repeat(
    recorded: Path, output: Path | None, threads: int, force: bool, quiet: bool, as_json: bool
) -> None:
    from abm.cli.origin import warn_of_differences
    from abm.cli.outcome import conclude
    from abm.cli.progress import watching
    from abm.study.runner import repeat_run

    if output is None:
        raise typer.BadParameter("--from needs -o: a new file (*.h5) or a folder")
    warn_of_differences(recorded)
    command = ["abm", *sys.argv[1:]]
    with watching(quiet) as watcher:
        result = repeat_run(recorded, output, threads=threads, force=force, progress=watcher, command=command)
    conclude([result], watcher.seconds, as_json=as_json, quiet=quiet)
