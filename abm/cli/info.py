"""``abm info``: what is inside a result file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import AsJson


def info(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE.h5 ...", help="Result files.", show_default=False)
    ],
    scenario: Annotated[
        bool, typer.Option("--scenario", help="Print the scenario of the run instead, as YAML.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is inside result files; status, contents, summary, where they come from."""
    import json

    from abm.cli.outcome import file_as_json
    from abm.record.reader import open_run

    for file in files:
        with open_run(file) as run:
            if scenario:
                print(run.scenario_text, end="")
            elif as_json:
                print(json.dumps(file_as_json(run), indent=1, ensure_ascii=False))
            else:
                print(run.describe())
