"""``abm sweep plot``: a result over one or two of the axes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from abm.sweep.axes import Axis
    from abm.sweep.manifest import Manifest
    from abm.view.sweep import Input


def draw(
    folder: Path, output: Path, quantity: str, along: list[str], arm: str, against: str, window: float | None
) -> None:
    """Draw a dose-response curve over one axis, or a response surface over two; means over all others.

    Raises
    ------
    typer.BadParameter
        There is no such axis.
    """
    import numpy as np

    from abm.sweep.manifest import Manifest
    from abm.sweep.run import find
    from abm.sweep.sensitivity import results_of
    from abm.view.canvas import house_style
    from abm.view.sweep import draw_curves, draw_surface, save_figure

    manifest = Manifest.load(folder)
    axes = [_axis(manifest, name) for name in along]
    results = results_of(manifest, find(manifest), quantity, arm, against)
    columns = [manifest.design.values[:, manifest.design.axes.index(axis)] for axis in axes]
    inputs = [_input(axis, np.unique(column)) for axis, column in zip(axes, columns, strict=True)]
    places = [np.unique(column, return_inverse=True)[1] for column in columns]
    unit = next(c.unit for c in manifest.declaration.summary if c.name == quantity)
    label = quantity.replace("_", " ") + (f" [{unit}]" if unit != "1" else "")
    label += f", {arm or manifest.arms[0]} minus {against}" if against else ""
    with house_style():
        if len(axes) == 1:
            curve = np.stack([results[places[0] == i].mean(axis=0) for i in range(len(inputs[0].values))])
            figure = draw_curves(inputs[0], {"": curve}, label, window)
        else:
            surface = np.array(
                [
                    [
                        np.mean(results[(places[0] == i) & (places[1] == j)])
                        for j in range(len(inputs[1].values))
                    ]
                    for i in range(len(inputs[0].values))
                ]
            )
            figure = draw_surface(inputs[0], inputs[1], surface, label, window)
        save_figure(figure, output, f"{quantity}: {manifest.title}")


def _axis(manifest: Manifest, name: str) -> Axis:
    from abm.scenario.nodes import nearest

    names = [axis.name for axis in manifest.design.axes]
    if name not in names:
        raise typer.BadParameter(f"no axis '{name}'{nearest(name, names)}; axes: {', '.join(names)}")
    axis = manifest.design.axes[names.index(name)]
    if axis.spread is not None:
        raise typer.BadParameter(f"'{name}' was sampled; curves and surfaces are over lists and grids")
    return axis


def _input(axis: Axis, values: object) -> Input:
    import numpy as np

    from abm.view.sweep import Input

    positions = np.asarray(values, dtype=np.float64)
    unit = f" [{axis.unit}]" if axis.unit else ""
    if axis.numbers is None:
        return Input(axis.label, positions, [axis.text(float(value)) for value in positions])
    return Input(f"{axis.label}{unit}", axis.of_table(positions))
