"""``abm plot``: figures of result files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import day_of

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="FILE.h5|DIR ...", help="Result files or folders of them.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Folder for the figures; by default figures/ beside."),
]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind", metavar="NAME", help="Only this figure, e.g. pain, cells, cytokines, tissue; repeatable."
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="NAME", help="png (the default), svg or pdf; repeatable."),
]
Field = Annotated[str, typer.Option(metavar="NAME", help="Cytokine behind the cells of the tissue panels.")]
Days = Annotated[
    list[str] | None,
    typer.Option("--at", metavar="TIME", help='Time of a tissue panel, e.g. "4 d"; repeatable.'),
]
Replicate = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Replicate of the tissue panels; the first by default.")
]
Projection = Annotated[
    str, typer.Option(metavar="NAME", help="Of 3-D tissue: section (the middle plane) or maximum.")
]
Individual = Annotated[bool, typer.Option("--individual", help="Single replicates in place of the bands.")]
Resolution = Annotated[int, typer.Option(min=20, metavar="N", help="Dots per inch.")]


def plot(
    paths: Paths,
    output: Output = None,
    kinds: Kinds = None,
    formats: Formats = None,
    field: Field = "TGF-b1",
    days: Days = None,
    replicate: Replicate = None,
    projection: Projection = "section",
    individual: Individual = False,
    dpi: Resolution = 300,
) -> None:
    """Draw figures: pain curves of all arms, cell counts, cytokines, the tissue."""
    from abm.cli.failure import say
    from abm.view.figures import plot_files
    from abm.view.options import Options

    for path in paths:
        _refuse_sweep(path)
    options = Options(
        field=field,
        days=tuple(day_of(text) for text in days or ()),
        replicate=replicate,
        projection=projection,
        individual=individual,
        dpi=dpi,
    )
    folder = output or (paths[0] if paths[0].is_dir() else paths[0].parent) / "figures"
    for file in plot_files(
        paths, folder, kinds or None, formats or ("png",), options, lambda text: say(f"note: {text}")
    ):
        print(file)
    if not kinds or "targets" in kinds:
        _print_targets(paths)


def _refuse_sweep(path: Path) -> None:
    """Point to the figures of sweeps, which are over their axes."""
    from abm.record.sweep_manifest import is_planned

    if is_planned(path):
        from abm.sweep.manifest import Manifest

        axes = " ".join(f"--along {axis.name}" for axis in Manifest.load(path).design.axes[:2])
        raise typer.BadParameter(f"{path} is a sweep; draw it with: abm sweep plot {path} {axes} -o FILE")


def _print_targets(paths: list[Path]) -> None:
    """The table of calibration targets, where the arms it names are among the runs."""
    from abm.analysis.groups import group_runs
    from abm.analysis.targets import compare_with_targets, target_table

    with group_runs(paths, finished_only=True) as groups:
        report = compare_with_targets(groups)
        if report.tested:
            print()
            print(target_table(report).as_text())
