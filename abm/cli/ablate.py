"""``abm ablate``: which rules and interventions the pain of a study hangs on."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abm.cli.options import (
    Arms,
    AsJson,
    CompleteRuns,
    Processes,
    Quiet,
    ReplaceRuns,
    Replicates,
    Settings,
    Threads,
    refuse_both,
    settings_of,
)
from abm.cli.wording import counted

if TYPE_CHECKING:
    from abm.analysis.ablation import Ranking
    from abm.study.ablation import AblationPlan
    from abm.study.job import RunResult

File = Annotated[
    Path, typer.Argument(metavar="STUDY.yaml", help="Scenario or study file.", show_default=False)
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="DIR", help="Folder of all results; by default outputs/<name>_ablation."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME", help="Only what has this name, or holds or fits (* and ?) it; repeatable."
    ),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only term, response or intervention; repeatable."),
]
Measure = Annotated[
    str, typer.Option(metavar="NAME", help="Pain is the area of the threshold's deficit, or of nociception.")
]
By = Annotated[
    str | None,
    typer.Option(metavar="OUTCOME", help="Rank by this, e.g. 'pain in cci', 'relief by cci_bmsc'."),
]
Since = Annotated[str | None, typer.Option(metavar="TIME", help='Count pain from this time on, e.g. "4 d".')]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Count pain up to this time.")]
Listed = Annotated[bool, typer.Option("--list", help="Say what would be switched off, and run nothing.")]


def ablate(
    file: File,
    output: Output = None,
    sets: Settings = None,
    arms: Arms = None,
    only: Only = None,
    kinds: Kinds = None,
    replicates: Replicates = None,
    measure: Measure = "threshold",
    by: By = None,
    since: Since = None,
    until: Until = None,
    listed: Listed = False,
    threads: Threads = 1,
    processes: Processes = None,
    force: ReplaceRuns = False,
    resume: CompleteRuns = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Switch off each rule and intervention in turn; rank them by what that does to pain and relief."""
    refuse_both(force, resume)
    from abm.cli.progress import watching
    from abm.scenario.load import load_experiment
    from abm.study.ablation import plan_ablation, run_ablation
    from abm.study.cores import default_processes

    window = _window(since, until)
    _check_words(measure, kinds or ())
    experiment = load_experiment(file, settings_of(sets, replicates))
    plan = plan_ablation(
        experiment,
        output or Path("outputs") / f"{file.stem}_ablation",
        arms=arms or None,
        only=only or (),
        kinds=kinds or (),
        force=force,
        resume=resume,
        look=listed,
        measure=measure,
        by=by,
        command=["abm", *sys.argv[1:]],
    )
    at_once = processes or default_processes(threads)
    if listed:
        _print_list(plan, as_json)
        return
    if not quiet:
        _announce(plan, at_once)
    with watching(quiet) as watcher:
        results = run_ablation(plan, threads=threads, processes=processes, progress=watcher)
    ask = {"measure": measure, "by": by, "window": window}
    _conclude(plan, results, watcher.seconds, ask, as_json=as_json, quiet=quiet)


def _check_words(measure: str, kinds: Sequence[str]) -> None:
    from abm.analysis.ablation import MEASURES
    from abm.study.ablation_changes import KINDS

    if measure not in MEASURES:
        raise typer.BadParameter(f"--measure {measure!r}: allowed are {', '.join(MEASURES)}")
    for kind in kinds:
        if kind not in KINDS:
            raise typer.BadParameter(f"--kind {kind!r}: allowed are {', '.join(KINDS)}")


def _window(since: str | None, until: str | None) -> tuple[float, float]:
    from abm.cli.simulating import day_of

    first = 0.0 if since is None else day_of(since, "--since")
    last = math.inf if until is None else day_of(until, "--until")
    if not 0.0 <= first < last:
        raise typer.BadParameter(f"--since {since} --until {until}: the first must come before the second")
    return first, last


def _size(plan: AblationPlan, processes: int) -> str:
    """How much there is to do."""
    from abm.cli.outcome import duration

    arms = ", ".join(plan.experiment.arms)
    n = plan.experiment.replicates
    share = f" with {processes} at a time" if processes > 1 else " one after another"
    return (
        f"{len(plan.variants)} variants of {arms}; {counted(n, 'replicate')}; "
        f"{plan.n_run} runs with the intact ones, about {duration(plan.seconds(processes))}{share}"
    )


def _announce(plan: AblationPlan, processes: int) -> None:
    from abm.cli.failure import say

    say(_size(plan, processes))
    if plan.runs.skipped:
        say(f"{len(plan.runs.skipped)} of these runs are there already")
    for one in plan.skipped:
        say(f"not switched off: {one.name}: {one.reason}")


def _print_list(plan: AblationPlan, as_json: bool) -> None:
    if as_json:
        document = {
            "variants": [
                {
                    "name": v.name,
                    "kind": v.kind,
                    "arms": list(v.experiment.arms),
                    "unchanged": v.unchanged,
                    "same_as": list(v.same_as),
                }
                for v in plan.variants
            ],
            "skipped": [{"name": s.name, "kind": s.kind, "reason": s.reason} for s in plan.skipped],
            "runs": plan.n_run,
            "estimated_seconds": round(plan.seconds(1), 1),
        }
        print(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for variant in plan.variants:
        others = [arm for arm in variant.unchanged if arm in plan.experiment.arms]
        only_in = f"  (only in {', '.join(variant.experiment.arms)})" if others else ""
        same = f"  (the same as {'; '.join(variant.same_as)})" if variant.same_as else ""
        print(f"{variant.kind:<12}  {variant.name}{only_in}{same}")
    for one in plan.skipped:
        print(f"{'not':<12}  {one.name}: {one.reason}")
    print(_size(plan, 1))


def _conclude(
    plan: AblationPlan,
    results: Sequence[RunResult],
    seconds: float,
    ask: dict[str, Any],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print and write the ranking of what there is; say what is missing; exit with the right code.

    `ask` is handed to `abm.analysis.ablation.rank_ablations`.
    """
    from abm.analysis.ablation import rank_ablations
    from abm.analysis.ablation_tables import ranking_table
    from abm.cli.failure import RUN_FAILED, STOPPED, say
    from abm.cli.outcome import duration
    from abm.study.job import Status

    met = {result.status for result in results}
    stopped = bool(met & {Status.INTERRUPTED, Status.NOT_STARTED})
    for result in results:
        if result.status is Status.FAILED:
            say(f"error: {result.message}")
    if stopped:
        left = sum(r.status in (Status.INTERRUPTED, Status.NOT_STARTED) for r in results)
        say(f"Stopped: {left} of {plan.n_run} runs are missing. The same command with --resume makes them.")
        raise typer.Exit(STOPPED)
    ranking = rank_ablations(plan.ablated(), **ask)
    files = _write(plan, ranking)
    if as_json:
        print(json.dumps(_document(plan, ranking), indent=1, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        print(ranking_table(ranking).as_text())
        print(f"\n{', '.join(file.name for file in files)} in {plan.folder}")
        print(f"Wall time {duration(seconds)}.")
    for text in ranking.missing:
        say(f"note: {text}")
    if Status.FAILED in met:
        raise typer.Exit(RUN_FAILED)


def _write(plan: AblationPlan, ranking: Ranking) -> list[Path]:
    """Table, document and figure; they can be made again from the runs, so older ones are replaced."""
    from abm.analysis.ablation_tables import CSV_COLUMNS, csv_rows
    from abm.analysis.groups import group_runs
    from abm.cli.failure import say
    from abm.view.ablation import plot_ablation
    from abm.view.canvas import NothingToShowError

    table, document = plan.folder / "ablation.csv", plan.folder / "ablation.json"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        writer.writerows(csv_rows(ranking))
    text = json.dumps(_document(plan, ranking), indent=1, ensure_ascii=False, allow_nan=False)
    document.write_text(text + "\n", encoding="utf-8")
    intact = [path for files in plan.ablated()[0].files.values() for path in files.values() if path.exists()]
    try:
        with group_runs(intact) as groups:
            return [table, document, *plot_ablation(ranking, plan.folder, groups)]
    except NothingToShowError as error:
        say(f"note: no figure: {error}")
        return [table, document]


def _document(plan: AblationPlan, ranking: Ranking) -> dict[str, Any]:
    """Everything as one JSON document; areas in days."""
    return {
        "measure": ranking.measure,
        "meaning": ranking.meaning,
        "unit": "d",
        "replicates": plan.experiment.replicates,
        "seed": plan.experiment.seed,
        "intact": {outcome.name: _interval(value) for outcome, value in ranking.intact.items()},
        "ranking": [
            {
                "rank": rank,
                "switched_off": row.name,
                "kind": row.kind,
                "same_as": list(row.same_as),
                "effects": {
                    effect.outcome.name: {
                        "intact": _number(effect.intact),
                        "ablated": _number(effect.ablated),
                        "change": _interval(effect.change),
                        "left": _number(effect.left),
                        "by_construction": effect.note,
                    }
                    for effect in row.effects
                },
            }
            for rank, row in enumerate(ranking.rows, 1)
        ],
        "not_switched_off": [{"name": s.name, "kind": s.kind, "reason": s.reason} for s in plan.skipped],
        "missing": list(ranking.missing),
    }


def _interval(value: Any) -> dict[str, Any]:
    parts = {part: _number(float(getattr(value, part))) for part in ("mean", "low", "high")}
    return {**parts, "n": int(value.n)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
