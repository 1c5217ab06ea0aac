"""``abm sweep``: a scenario with many values, planned, run anywhere, watched, merged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import AsJson, Processes, Quiet, ReplaceFile
from abm.cli.quantity import Against, Arm, End, Mpe, Of, Since, Start

if TYPE_CHECKING:
    from abm.sweep.engine import Engine
    from abm.sweep.run import Outcome, Part

app = typer.Typer(
    help="Run a scenario with many values of some of its numbers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ENGINES = ("local", "slurm", "dask", "mpi")

SweepFile = Annotated[Path, typer.Argument(metavar="FILE", help="Sweep file (YAML).", show_default=False)]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a planned sweep.", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Folder of the sweep; by default outputs/<name of FILE>."
    ),
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Also when it does not fit on the disk or into the memory.")
]
CheckAll = Annotated[
    bool, typer.Option("--check-all", help="Check every single case in full, however long it takes.")
]
EngineName = Annotated[str, typer.Option("--engine", metavar="NAME", help="local, slurm, dask or mpi.")]
Shard = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Only the I-th of N parts, from 1; for sites without any engine."),
]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Of Dask: tcp://host:port, or slurm, pbs, lsf, sge (dask-jobqueue); none: this machine.",
    ),
]
ProfileFile = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FILE", help="What a SLURM cluster wants to be told (YAML)."),
]
Todo = Annotated[Path | None, typer.Option(hidden=True, help="Only the runs listed in a file.")]


@app.command()
def plan(
    file: SweepFile,
    output: Output = None,
    anyway: Anyway = False,
    check_all: CheckAll = False,
    as_json: AsJson = False,
) -> None:
    """Check every case of a sweep and say what it will cost; write what workers need."""
    from abm.cli.sweep_text import forecast_as_json, forecast_lines
    from abm.sweep.plan import plan_sweep

    folder = output or Path("outputs") / file.stem
    planned = plan_sweep(file, folder, anyway=anyway, check_everything=check_all)
    if as_json:
        print(forecast_as_json(planned))
        return
    for line in forecast_lines(planned):
        print(line)


@app.command()
def run(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="Planned sweep, or a sweep file, planned first.", show_default=False
        ),
    ],
    output: Output = None,
    engine: EngineName = "local",
    processes: Processes = None,
    scheduler: Scheduler = "",
    profile: ProfileFile = None,
    shard: Shard = None,
    todo: Todo = None,
    anyway: Anyway = False,
    quiet: Quiet = False,
) -> None:
    """Make the runs of a sweep that are not there yet; the same command goes on after any kind of stop."""
    import json

    part, means = _part(shard), _Means(engine, processes, scheduler, profile)
    if part is not None and engine != "local":
        raise typer.BadParameter(f"--shard is a part for this machine; {engine} deals out all runs itself")
    folder = _planned(source, output, anyway, quiet)
    only = None if todo is None else json.loads(todo.read_text(encoding="utf-8"))
    _run(folder, means, part, only, False, quiet)


@app.command()
def retry(
    folder: Folder,
    failed: Annotated[bool, typer.Option("--failed", help="Those only, and not the missing ones.")] = False,
    engine: EngineName = "local",
    processes: Processes = None,
    scheduler: Scheduler = "",
    profile: ProfileFile = None,
    quiet: Quiet = False,
) -> None:
    """Make failed runs again, and those that are missing."""
    from abm.sweep.manifest import Manifest
    from abm.sweep.run import failed_runs

    only = failed_runs(Manifest.load(folder)) if failed else None
    _run(folder, _Means(engine, processes, scheduler, profile), None, only, True, quiet)


@app.command()
def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until all is done.")] = False,
    every: Annotated[float, typer.Option(min=0.5, metavar="S", help="Seconds between two looks.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """How far a sweep is: done, failed and why, rate, time left; from any machine that sees the folder."""
    from abm.cli.sweep_text import status_as_json, status_lines
    from abm.sweep.manifest import Manifest
    from abm.sweep.status import status_of

    manifest = Manifest.load(folder)
    while True:
        found = status_of(manifest)
        text = status_as_json(found) if as_json else "\n".join(status_lines(found))
        if watch and not as_json:
            # Home, and clear what the last look left below.
            text = f"\x1b[H\x1b[J{text}"
        print(text, flush=True)
        if not watch or not found.missing:
            return
        time.sleep(every)


@app.command()
def merge(
    folder: Folder,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="ONE.h5", help="File to write.")],
    force: ReplaceFile = False,
    quiet: Quiet = False,
) -> None:
    """Write all results of a sweep into one file that xarray opens, parameters as coordinates."""
    from abm.cli.failure import say
    from abm.cli.quantity import find_and_tell
    from abm.record.sweep_merge import merge_shards

    manifest, found = find_and_tell(folder)
    texts = {"scenario": manifest.base_text, "sweep": manifest.sweep_text}
    merge_shards(
        output,
        found,
        manifest.declaration,
        manifest.cases(),
        texts,
        force=force,
        progress=None if quiet else lambda name: say(f"writing {name}"),
    )
    if not quiet:
        missing = int((found.status == 0).sum())
        note = f"; {missing} runs are missing and left empty" if missing else ""
        print(f"{output}: {manifest.n_case} cases, {output.stat().st_size / 1e6:.3g} MB{note}")


@app.command()
def table(
    folder: Folder,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Table to write: *.csv or *.parquet.")
    ],
    force: ReplaceFile = False,
) -> None:
    """Write parameters and summary of every case as CSV or Parquet."""
    from abm.cli.quantity import find_and_tell
    from abm.cli.text_files import refuse_existing
    from abm.sweep.table import write_table

    refuse_existing(output, force)
    rows = write_table(*find_and_tell(folder), output)
    print(f"{output}: {rows} cases")


@app.command()
def plot(
    folder: Folder,
    along: Annotated[
        list[str], typer.Option("--along", metavar="AXIS", help="One axis: a curve; two: a surface.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Figure: *.png, *.svg or *.pdf.")
    ],
    of: Of = "pain_area",
    arm: Arm = "",
    against: Against = "",
    mpe: Mpe = False,
    start: Start = "",
    end: End = "",
    since: Since = "",
    window: Annotated[
        float | None, typer.Option(metavar="X", help="Value at which the therapeutic window is outlined.")
    ] = None,
    force: ReplaceFile = False,
) -> None:
    """Draw a result over one or two axes: dose-response curve, response surface, therapeutic window."""
    from abm.cli.quantity import quantity_of
    from abm.cli.sweep_plot import draw
    from abm.cli.text_files import refuse_existing

    if not 1 <= len(along) <= 2:
        raise typer.BadParameter("--along: give one axis or two")
    refuse_existing(output, force)
    draw(folder, output, quantity_of(of, arm, against, mpe, start, end, since), along, window)
    print(output)


@app.command()
def rank(
    folder: Folder,
    of: Of = "pain_area",
    arm: Arm = "",
    against: Against = "",
    mpe: Mpe = False,
    start: Start = "",
    end: End = "",
    since: Since = "",
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Cases at each end.")] = 3,
    as_json: AsJson = False,
) -> None:
    """List the cases with the lowest and the highest values, and how to see one of their runs."""
    from abm.cli.quantity import quantity_of
    from abm.cli.sweep_rank import tell_rank

    tell_rank(folder, quantity_of(of, arm, against, mpe, start, end, since), count, as_json)


@app.command()
def case(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a run, or its first digits.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write the scenario (*.yaml), or repeat the run (*.h5)."
        ),
    ] = None,
    force: ReplaceFile = False,
) -> None:
    """Say which case a run is; write its scenario, or make a whole result file of it."""
    from abm.cli.sweep_case import tell_case

    tell_case(folder, name, output, force)


def _planned(source: Path, output: Path | None, anyway: bool, quiet: bool) -> Path:
    """The folder of a planned sweep; a sweep file is planned now."""
    from abm.cli.failure import say
    from abm.cli.sweep_text import forecast_lines

    if source.is_dir():
        if output is not None:
            raise typer.BadParameter("-o goes with a sweep FILE; a planned sweep stays in its folder")
        return source
    from abm.sweep.plan import plan_sweep

    folder = output or Path("outputs") / source.stem
    planned = plan_sweep(source, folder, anyway=anyway)
    if not quiet:
        for line in forecast_lines(planned):
            say(line)
    return folder


def _part(shard: str | None) -> Part | None:
    from abm.sweep.run import Part

    if shard is None:
        return None
    try:
        return Part.parse(shard)
    except ValueError as error:
        raise typer.BadParameter(f"--shard: {error}") from None


@dataclass(frozen=True)
class _Means:
    """With what runs are made."""

    engine: str = "local"
    processes: int | None = None
    scheduler: str = ""
    profile: Path | None = None

    def make(self) -> Engine:
        """The engine; packages of a cluster are loaded only here."""
        from abm.study.cores import default_processes

        processes = self.processes or default_processes(1)
        if self.engine == "local":
            from abm.sweep.local import LocalEngine

            return LocalEngine(processes)
        if self.engine == "slurm":
            from abm.sweep.slurm import SlurmEngine, load_profile

            return SlurmEngine(load_profile(self.profile))
        if self.engine not in ENGINES:
            raise typer.BadParameter(f"--engine {self.engine}: there are {', '.join(ENGINES)}")
        from abm.sweep.futures import DaskPool, FuturesEngine, MpiPool

        return FuturesEngine(MpiPool() if self.engine == "mpi" else DaskPool(self.scheduler, processes))


def _run(
    folder: Path,
    means: _Means,
    part: Part | None,
    only: list[int] | None,
    retry_failed: bool,
    quiet: bool,
) -> None:
    from abm.cli.sweep_progress import watching
    from abm.sweep.run import run_sweep

    with watching(quiet) as watcher:
        outcome = run_sweep(
            folder,
            means.make(),
            part=part,
            only=only,
            retry_failed=retry_failed,
            watcher=watcher,
        )
    _conclude(folder, outcome, watcher.seconds, quiet)


def _conclude(folder: Path, outcome: Outcome, seconds: float, quiet: bool) -> None:
    from abm.cli.failure import RUN_FAILED, STOPPED, say
    from abm.cli.outcome import duration
    from abm.cli.quantity import tell_unreadable
    from abm.cli.wording import counted

    tell_unreadable(outcome.unreadable)

    if not quiet:
        known = f", {outcome.known} complete before" if outcome.known else ""
        failed = f", {outcome.failed} of them failed" if outcome.failed else ""
        print(f"{counted(outcome.made, 'run')} made{failed}{known}. Wall time {duration(seconds)}.")
    if outcome.stopped or outcome.left:
        say(f"{counted(outcome.left, 'run')} left. To go on: abm sweep run {folder}")
    if outcome.failed:
        say(f"Why runs failed: abm sweep status {folder}. To try again: abm sweep retry {folder} --failed")
    if outcome.stopped:
        raise typer.Exit(STOPPED)
    if outcome.failed:
        raise typer.Exit(RUN_FAILED)
