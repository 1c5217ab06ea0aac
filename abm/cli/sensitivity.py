"""``abm sensitivity``: which of the sampled inputs a result of a sweep depends on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abm.cli.options import AsJson, ReplaceFile
from abm.cli.quantity import Against, Arm, End, Mpe, Since, Start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abm.analysis.sensitivity import Sensitivity
    from abm.analysis.tables import Table
    from abm.sweep.axes import Axis
    from abm.sweep.quantity import Quantity

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a sweep.", show_default=False)]
Ofs = Annotated[
    list[str] | None,
    typer.Option(
        "--of", metavar="NAME", help="As for abm sweep plot; repeatable: the figure is a heat map then."
    ),
]
Picture = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Also a figure: *.png, *.svg or *.pdf.")
]


def sensitivity(
    folder: Folder,
    of: Ofs = None,
    arm: Arm = "",
    against: Against = "",
    mpe: Mpe = False,
    start: Start = "",
    end: End = "",
    since: Since = "",
    output: Picture = None,
    force: ReplaceFile = False,
    as_json: AsJson = False,
) -> None:
    """Sobol' indices or Morris' effects of a sampled sweep, with 95 % intervals."""
    import json

    from abm.cli.quantity import find_and_tell, quantity_of
    from abm.cli.text_files import refuse_existing
    from abm.sweep.sensitivity import sensitivity_of

    refuse_existing(output, force)
    manifest, there = find_and_tell(folder)
    wanted = [quantity_of(name, arm, against, mpe, start, end, since) for name in of or ["pain_area"]]
    made = [sensitivity_of(manifest, there, quantity) for quantity in wanted]
    (axes, _), results = made[0], [found for _, found in made]
    if as_json:
        documents = [
            _document(axes, quantity, found) for quantity, found in zip(wanted, results, strict=True)
        ]
        print(json.dumps(documents[0] if len(documents) == 1 else documents, indent=1))
    else:
        for number, (quantity, found) in enumerate(zip(wanted, results, strict=True)):
            print(f"{chr(10) if number else ''}{quantity.label(manifest)}")
            print(_table(axes, found).as_text())
    if output is not None:
        _draw(
            manifest.title, axes, {q.label(manifest): r for q, r in zip(wanted, results, strict=True)}, output
        )


def _document(axes: Sequence[Axis], quantity: Quantity, found: Sensitivity) -> dict[str, object]:
    measures = {
        m.name: {
            axis.name: {"value": float(v), "low": float(low), "high": float(high)}
            for axis, v, low, high in zip(axes, m.value, m.low, m.high, strict=True)
        }
        for m in found.measures
    }
    return {"of": quantity.name, "points": found.used, "of_points": found.given, "measures": measures}


def _draw(title: str, axes: Sequence[Axis], results: Mapping[str, Sensitivity], output: Path) -> None:
    """A tornado of one result, a heat map of several."""
    from abm.view.canvas import house_style
    from abm.view.sweep import draw_sensitivity_map, draw_tornado, save_figure

    labels = [axis.label for axis in axes]
    with house_style():
        if len(results) == 1:
            ((label, found),) = results.items()
            figure = draw_tornado(labels, found, label)
        else:
            figure = draw_sensitivity_map(labels, results)
        save_figure(figure, output, f"sensitivity: {title}")


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
