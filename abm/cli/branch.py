"""``abm branch``: one saved state continued under another treatment, with the same noise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import AsJson, Quiet, ReplaceFile, Settings, Threads

File = Annotated[Path, typer.Argument(metavar="FILE.h5", help="Result file.", show_default=False)]
At = Annotated[
    str,
    typer.Option("--at", metavar="TIME", help='Where it branches off, e.g. "14 d".', show_default=False),
]
Patch = Annotated[
    Path | None,
    typer.Option("--with", metavar="PATCH.yaml", help="What is different from then on, written like an arm."),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="NEW.h5", help="By default <name>_branch.h5 beside the old file."),
]
Arm = Annotated[
    str | None, typer.Option("--arm", metavar="NAME", help="Name of the new arm; by default <arm>_branch.")
]


def branch(
    file: File,
    at: At,
    patch: Patch = None,
    sets: Settings = None,
    output: Output = None,
    arm: Arm = None,
    threads: Threads = 1,
    force: ReplaceFile = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Continue a recorded run from one of its steps under another treatment; the noise is the same."""
    from abm.cli.failure import say
    from abm.cli.outcome import conclude
    from abm.cli.simulating import day_of, now_and_then
    from abm.errors import Interrupted
    from abm.study.branch import branch_run

    new = output or file.with_name(f"{file.stem}_branch.h5")
    try:
        made = branch_run(
            file,
            day_of(at, "--at"),
            new,
            patch=patch,
            sets=sets or (),
            arm=arm,
            force=force,
            threads=threads,
            looking_back=None if quiet else now_and_then("simulating up to the branch"),
            progress=None if quiet else now_and_then("simulating the branch"),
            command=["abm", *sys.argv[1:]],
        )
    except Interrupted:
        say(f"To continue: abm resume {new}")
        raise
    for note in made.notes:
        say(f"note: {note}")
    if not quiet:
        say(f"branched from {made.origin}")
    conclude([made.result], made.result.seconds, as_json=as_json, quiet=quiet)
