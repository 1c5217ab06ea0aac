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
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Threads of the kernels in each process.")]
Processes = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Runs at the same time; by default as many as the cores allow."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; errors only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


def day_of(text: str) -> float:
    """Value of an option ``--at`` in days."""
    from abm.analysis.experiment import days

    day = days(text)
    if day != day:
        raise typer.BadParameter(f"--at {text!r}: a time with its unit is expected, e.g. '4 d' or '36 h'")
    return day
