"""``abm resume``: continue what was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import AsJson, Processes, Quiet, Threads


def resume(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE.h5 ...", help="Interrupted or killed runs.", show_default=False),
    ],
    threads: Threads = 1,
    processes: Processes = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Continue interrupted or killed runs; the bytes are as if they had never stopped."""
    from abm.cli.outcome import conclude
    from abm.cli.progress import watching
    from abm.study.runner import resume_runs

    with watching(quiet) as watcher:
        results = resume_runs(files, threads=threads, processes=processes, progress=watcher)
    conclude(results, watcher.seconds, as_json=as_json, quiet=quiet)
