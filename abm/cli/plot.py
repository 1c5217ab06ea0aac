"""``abm plot``: figures of result files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE.h5|DIR ...", help="Result files or folders of them.", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder for the figures; by default 'figures' beside."
        ),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this kind of figure; repeatable.")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="NAME", help="png (default), pdf or svg; repeatable."),
    ] = None,
) -> None:
    """Draw figures: pain curves of all arms, cell counts, cytokines, the tissue."""
    from abm.view.figures import plot_files

    folder = output or (paths[0] if paths[0].is_dir() else paths[0].parent) / "figures"
    for file in plot_files(paths, folder, kind, form or ["png"]):
        print(file)
