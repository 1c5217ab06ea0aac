"""``abm sensitivity``: which of the sampled inputs a result of a sweep depends on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import AsJson, ReplaceFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abm.analysis.sensitivity import Sensitivity
    from abm.analysis.tables import Table
    from abm.sweep.axes import Axis

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep.", show_default=False)]
Quantity = Annotated[str, typer.Option("--of", metavar="NAME", help="Scalar of the summary.")]
Arm = Annotated[str, typer.Option("--arm", metavar="NAME", help="Arm; needed where there are several.")]
Against = Annotated[
    str, typer.Option("--against", metavar="ARM", help="Subtract this arm, replicate by replicate.")
]
Picture = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also a figure: *.png, *.svg or *.pdf.")
]


def sensitivity(
    folder: Folder,
    quantity: Quantity = "pain_area",
    arm: Arm = "",
    against: Against = "",
    output: Picture = None,
    force: ReplaceFile = False,
    as_json: AsJson = False,
) -> None:
    """Sobol' indices or Morris' effects of a sampled sweep, with 95 % intervals."""
    import json

    from abm.cli.text_files import refuse_existing
    from abm.sweep.manifest import Manifest
    from abm.sweep.run import find
    from abm.sweep.sensitivity import sensitivity_of

    refuse_existing(output, force)
    manifest = Manifest.load(folder)
    axes, found = sensitivity_of(manifest, find(manifest), quantity, arm, against)
    if as_json:
        measures = {
            m.name: {
                axis.name: {"value": float(v), "low": float(low), "high": float(high)}
                for axis, v, low, high in zip(axes, m.value, m.low, m.high, strict=True)
            }
            for m in found.measures
        }
        document = {"of": quantity, "points": found.used, "of_points": found.given, "measures": measures}
        print(json.dumps(document, indent=1))
    else:
        print(_table(axes, found).as_text())
    if output is not None:
        from abm.view.canvas import house_style
        from abm.view.sweep import draw_tornado, save_figure

        with house_style():
            figure = draw_tornado([axis.label for axis in axes], found, quantity.replace("_", " "))
            save_figure(figure, output, f"{quantity}: {manifest.title}")


def _table(axes: Sequence[Axis], found: Sensitivity) -> Table:
    from abm.analysis.tables import NUMBER, TEXT, Table, number

    head = ["input", *(part for m in found.measures for part in (m.name, "95 % interval"))]
    rows = [
        [
            axis.name,
            *(
                part
                for m in found.measures
                for part in (
                    number(float(m.value[i])),
                    f"{number(float(m.low[i]))} to {number(float(m.high[i]))}",
                )
            ),
        ]
        for i, axis in enumerate(axes)
    ]
    lost = found.given - found.used
    notes = [f"From {found.used} of {found.given} base points or trajectories."] if lost else []
    return Table(head, rows, TEXT + (NUMBER + TEXT) * len(found.measures), notes)
