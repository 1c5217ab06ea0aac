"""``abm report``: the verdicts of several studies as one document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import ReplaceFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abm.study.validation import StudyResult

Folders = Annotated[
    list[Path],
    typer.Argument(metavar="DIR ...", help="Result folders of abm study.", show_default=False),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.md", help="File; by default standard output.")
]
Figures = Annotated[
    Path | None,
    typer.Option("--figures", metavar="DIR", help="Copy the figure of each study's claims here and show it."),
]


def report(
    folders: Folders, output: Output = None, figures: Figures = None, force: ReplaceFile = False
) -> None:
    """Write one Markdown document with every claim, verdict and interval of evaluated studies."""
    from abm.cli.text_files import refuse_existing, write_text
    from abm.study.validation import read_study, validation_text

    if figures is not None and output is None:
        raise typer.BadParameter("--figures needs -o: the document says where they are")
    refuse_existing(output, force)
    studies = [read_study(folder) for folder in folders]
    pictures = {} if figures is None or output is None else _copied(studies, figures, output, force)
    text = validation_text(studies, pictures)
    if output is None:
        print(text, end="")
        return
    write_text(output, text, "the report", force)
    print(output)


def _copied(studies: Sequence[StudyResult], figures: Path, output: Path, force: bool) -> dict[Path, str]:
    """Copy the figures; where each is, as seen from the document."""
    import shutil
    from os.path import relpath

    from abm.cli.text_files import refuse_existing
    from abm.record.faults import os_fault
    from abm.study.validation import picture_of

    pairs = [(study.folder, picture_of(study), figures / f"{study.folder.name}.png") for study in studies]
    found = [(folder, picture, target) for folder, picture, target in pairs if picture is not None]
    if len({target for *_, target in found}) < len(found):
        raise typer.BadParameter("--figures: two folders have the same name, and would share a file")
    for *_, target in found:
        refuse_existing(target, force)
    try:
        figures.mkdir(parents=True, exist_ok=True)
        for _, picture, target in found:
            shutil.copyfile(picture, target)
    except OSError as error:
        raise os_fault(figures, "copy the figures", error) from error
    return {folder: Path(relpath(target, output.parent)).as_posix() for folder, _, target in found}
