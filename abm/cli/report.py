"""``abm report``: the verdicts of several studies as one document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import ReplaceFile

Folders = Annotated[
    list[Path],
    typer.Argument(metavar="DIR ...", help="Result folders of abm study.", show_default=False),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.md", help="File; by default standard output.")
]


def report(folders: Folders, output: Output = None, force: ReplaceFile = False) -> None:
    """Write one Markdown document with every claim, verdict and interval of evaluated studies."""
    from abm.cli.text_files import refuse_existing, write_text
    from abm.study.validation import read_study, validation_text

    refuse_existing(output, force)
    text = validation_text([read_study(folder) for folder in folders])
    if output is None:
        print(text, end="")
        return
    write_text(output, text, "the report", force)
    print(output)
