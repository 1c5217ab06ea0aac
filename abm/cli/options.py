"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="Scenario file (YAML).", show_default=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help='Change one value, e.g. --set "time.duration=2 d"; repeatable.'
    ),
]
Arms = Annotated[list[str] | None, typer.Option("--arm", metavar="NAME", help="Only this arm; repeatable.")]
Replicates = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Runs of every arm, in place of the file's.")
]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="In place of the file's.")]
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Threads of the kernels in each process.")]
Processes = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Runs at the same time; by default as many as the cores allow."),
]
ReplaceRuns = Annotated[bool, typer.Option("--force", help="Replace existing result files.")]
ReplaceFile = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
CompleteRuns = Annotated[
    bool, typer.Option("--resume", help="Keep complete runs, continue interrupted ones, make the rest.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def settings_of(sets: list[str] | None, replicates: int | None = None, seed: int | None = None) -> list[str]:
    """Values set on the command line, with those that have an option of their own.

    As settings they are checked like those of a file, and end up in the scenario that each file carries.
    """
    counts = {"replicates": replicates, "seed": seed}
    return [*(sets or ()), *(f"{name}={n}" for name, n in counts.items() if n is not None)]


def refuse_both(force: bool, resume: bool) -> None:
    """Stop if a command is to replace runs and to keep them."""
    if force and resume:
        raise typer.BadParameter("--force replaces files and --resume keeps them: give one of the two")


def day_of(text: str, option: str = "--at") -> float:
    """Value of an option that is a time, in days."""
    from abm.analysis.experiment import days

    day = days(text)
    if day != day:
        raise typer.BadParameter(f"{option} {text!r}: a time with its unit is expected, e.g. '4 d' or '36 h'")
    return day
