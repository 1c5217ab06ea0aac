"""The end of ``abm run`` and ``abm resume``: the table, where the files are, what failed, how to go on."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import typer

from abm.cli.failure import RUN_FAILED, STOPPED, say
from abm.cli.wording import counted
from abm.study.job import RunResult, Status

if TYPE_CHECKING:
    from abm.record.reader import Run

GOOD = (Status.COMPLETE, Status.SKIPPED)
SHOWN_FILES = 6


def conclude(
    results: Sequence[RunResult], seconds: float, *, as_json: bool = False, quiet: bool = False
) -> None:
    """Print the outcome: results to standard output, what went wrong to standard error.

    Raises
    ------
    typer.Exit
        With code 130 when the user stopped it, 3 when a run failed.
    """
    if as_json:
        print(json.dumps(_document(results, seconds), indent=1, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        _print_table([result.path for result in results if result.status in GOOD])
        _print_places(results, seconds)
    for result in results:
        if result.status is Status.FAILED:
            say(f"error: {result.message}")
    _print_ways_on(results)
    if code := _code(results):
        raise typer.Exit(code)


def _code(results: Sequence[RunResult]) -> int:
    met = {result.status for result in results}
    if met & {Status.INTERRUPTED, Status.NOT_STARTED}:
        return STOPPED
    return RUN_FAILED if Status.FAILED in met else 0


def _print_table(paths: list[Path]) -> None:
    from abm.analysis.compare import summary_table
    from abm.analysis.groups import group_runs

    if not paths:
        return
    with group_runs(paths) as groups:
        for notice in groups.notices:
            say(f"note: {notice}")
        print(summary_table(groups).as_text())
    print()


def _print_places(results: Sequence[RunResult], seconds: float) -> None:
    for folder in dict.fromkeys(result.path.parent for result in results):
        here = [result for result in results if result.path.parent == folder]
        good = [result for result in here if result.status in GOOD]
        skipped = sum(result.status is Status.SKIPPED for result in here)
        if not good:
            continue
        names = ", ".join(result.path.name for result in good[:SHOWN_FILES])
        more = ", ..." if len(good) > SHOWN_FILES else ""
        before = f" ({skipped} complete before)" if skipped else ""
        print(f"{counted(len(good), 'run')} in {folder}{before}: {names}{more}")
    print(f"Wall time {duration(seconds)}.")


def _print_ways_on(results: Sequence[RunResult]) -> None:
    """How interrupted and killed runs can be continued."""
    unfinished = [r for r in results if r.status in (Status.INTERRUPTED, Status.FAILED)]
    files = [str(r.path) for r in unfinished if _can_continue(r.path)]
    missing = sum(result.status is Status.NOT_STARTED for result in results)
    stopped = [r for r in unfinished if r.status is Status.INTERRUPTED]
    if stopped or missing:
        say(f"Stopped: {counted(len(stopped), 'run')} interrupted, {missing} not started.")
    if files:
        say(f"To continue: abm resume {' '.join(map(quote, files))}")
    if (missing or unfinished) and len(results) > 1:
        say("The same command with --resume (and without --force) makes all that is missing.")


def _can_continue(path: Path) -> bool:
    from abm.errors import RecordError
    from abm.record.layout import STATUS_INTERRUPTED, STATUS_RUNNING
    from abm.record.reader import open_run

    try:
        with open_run(path) as run:
            return bool(run.checkpoint_ticks) and run.status in (STATUS_RUNNING, STATUS_INTERRUPTED)
    except RecordError:
        return False


def _document(results: Sequence[RunResult], seconds: float) -> dict[str, Any]:
    from abm.analysis.compare import summary_interval
    from abm.analysis.groups import group_runs

    good = [result for result in results if result.status in GOOD]
    arms: dict[str, Any] = {}
    summaries: dict[Path, Any] = {}
    if good:
        with group_runs([result.path for result in good]) as groups:
            for arm, runs in groups.items():
                quantities = dict.fromkeys(name for run in runs for name in run.summary)
                arms[arm] = {}
                for name in quantities:
                    interval = summary_interval(runs, name)
                    unit = next(run.summary[name].unit for run in runs if name in run.summary)
                    numbers = {
                        part: _number(float(getattr(interval, part))) for part in ("mean", "low", "high")
                    }
                    arms[arm][name] = {"unit": unit, "n": int(interval.n), **numbers}
                summaries |= {run.path: _summary(run) for run in runs}
    code = _code(results)
    return {
        "status": {0: "complete", RUN_FAILED: "failed", STOPPED: "interrupted"}[code],
        "seconds": round(seconds, 3),
        "runs": [
            {
                "arm": r.arm,
                "replicate": r.replicate,
                "file": str(r.path),
                "status": str(r.status),
                "seconds": round(r.seconds, 3),
                "message": r.message,
                "summary": summaries.get(r.path),
            }
            for r in results
        ],
        "arms": arms,
    }


def file_as_json(run: Run) -> dict[str, Any]:
    """What is inside one result file, for ``abm info --json``."""
    return {
        "file": str(run.path),
        "title": run.title,
        "arm": run.arm,
        "replicate": run.replicate,
        "seed": run.seed,
        "status": run.status,
        "status_message": run.status_message,
        "being_written": run.is_being_written,
        "readouts": len(run.time),
        "last_day": _number(float(run.time[-1])) if len(run.time) else None,
        "series": run.series_names,
        "cytokines": run.cytokines,
        "field_frames": len(run.field_times),
        "cell_frames": len(run.frame_times),
        "checkpoint_days": [tick * run.tick_minutes / 1440.0 for tick in run.checkpoint_ticks],
        "events": [{**event, "amount": _number(event["amount"])} for event in run.events],
        "summary": _summary(run),
        "provenance": _provenance(run.provenance),
    }


def _summary(run: Run) -> dict[str, Any]:
    return {name: {"value": _number(item.value), "unit": item.unit} for name, item in run.summary.items()}


def _provenance(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(value: float) -> float | None:
    """JSON has no nan."""
    return value if math.isfinite(value) else None


def duration(seconds: float) -> str:
    """A wall time in words."""
    if seconds < 60.0:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
