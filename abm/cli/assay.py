"""``abm assay``: what a pain laboratory would have measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import day_of

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="FILE.h5|DIR ...", help="Result files or folders of them.", show_default=False),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--assay", metavar="NAME", help="von-frey (the default) or heat; repeatable."),
]
Days = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="TIME", help='When the animals are tested, e.g. "1 d"; repeatable.'),
]
Animals = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Animals per run, in place of those of the scenario.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.csv", help="Write every animal to a CSV file.")
]
Figures = Annotated[
    Path | None,
    typer.Option("--figures", metavar="DIR", help="Folder for the figures; by default figures/ beside."),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="NAME", help="png (the default), svg or pdf; repeatable; none for none."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing CSV file.")]


def assay(
    paths: Paths,
    assays: Names = None,
    days: Days = None,
    animals: Animals = None,
    output: Output = None,
    figures: Figures = None,
    formats: Formats = None,
    force: Force = False,
) -> None:
    """Test the animals of result files as a laboratory would: von Frey up-down threshold, heat latency."""
    from abm.analysis.assay_report import assay_csv, assay_of_all, assay_table
    from abm.analysis.assays import ASSAYS, VON_FREY
    from abm.analysis.groups import group_runs
    from abm.cli.failure import say
    from abm.cli.text_files import refuse_existing, write_text

    names = tuple(dict.fromkeys(assays or (VON_FREY,)))
    for name in names:
        if name not in ASSAYS:
            raise typer.BadParameter(f"--assay {name!r}: there are {', '.join(ASSAYS)}")
    when = tuple(day_of(text) for text in days or ())
    draw = _drawer(formats or ["png"])
    refuse_existing(output, force)
    with group_runs(paths, finished_only=True) as groups:
        for notice in groups.notices:
            say(f"note: {notice}")
        results = {name: assay_of_all(groups, name, when, animals) for name in names}
        for position, found in enumerate(results.values()):
            print("\n" * (position > 0) + assay_table(groups, found).as_text())
        if output is not None:
            texts = [assay_csv(found) for found in results.values()]
            rows = texts[0] + "".join(text.partition("\n")[2] for text in texts[1:])
            write_text(output, rows, "the table", force)
            print(f"\n{output}")
        folder = figures or (paths[0] if paths[0].is_dir() else paths[0].parent) / "figures"
        for found in results.values():
            for file in draw(groups, found, folder):
                print(file)


def _drawer(formats: list[str]) -> Callable[..., list[Path]]:
    """What draws the figures, if any are wanted; the formats are looked at before anything is computed."""
    if formats == ["none"]:
        return lambda *_: []
    from functools import partial

    from abm.view.assay import plot_assay
    from abm.view.canvas import FORMATS

    for form in formats:
        if form not in FORMATS:
            raise typer.BadParameter(f"--format {form!r}: there are {', '.join(FORMATS)}, or none alone")
    return partial(plot_assay, formats=tuple(formats))
