"""``abm sweep plot``: a result over one or two of the axes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

#: Of one figure.
MOST_CURVES = 7

if TYPE_CHECKING:
    from abm.sweep.axes import Axis
    from abm.sweep.manifest import Manifest
    from abm.sweep.quantity import Quantity
    from abm.view.sweep import Input


def draw(folder: Path, output: Path, quantity: Quantity, along: list[str], window: float | None) -> None:
    """Draw dose-response curves over one axis, or a response surface over two.

    Curves are told apart by the next axis of few values; over all others a mean is taken, and said.

    Raises
    ------
    typer.BadParameter
        An axis was sampled.
    abm.sweep.quantity.NotAnalysableError
        There is no such axis or quantity.
    """
    import numpy as np

    from abm.cli.quantity import find_and_tell
    from abm.sweep.quantity import values_of
    from abm.view.canvas import house_style
    from abm.view.sweep import draw_curves, draw_surface, save_figure

    manifest, found = find_and_tell(folder)
    axes = [_axis(manifest, name) for name in along]
    rest = [axis for axis in manifest.design.axes if axis not in axes]
    if len(axes) == 1:
        axes += [axis for axis in rest if _tells_curves_apart(axis, manifest)][:1]
    results = values_of(manifest, found, quantity)
    columns = [manifest.design.values[:, manifest.design.axes.index(axis)] for axis in axes]
    inputs = [_input(axis, np.unique(column)) for axis, column in zip(axes, columns, strict=True)]
    places = np.stack([np.unique(column, return_inverse=True)[1] for column in columns], axis=1)
    shape = tuple(len(one.values) for one in inputs)
    cube = np.empty((*shape, manifest.replicates))
    for place in np.ndindex(shape):
        # Over all other axes every replicate is averaged, so that the spread is that of the replicates.
        cube[place] = results[np.all(places == place, axis=1)].mean(axis=0)
    label = quantity.label(manifest)
    others = [axis.label for axis in rest if axis not in axes]
    if others:
        label += f", mean over {' and '.join(others)}"
    with house_style():
        if len(along) == 1:
            names, apart = [""], ""
            if len(axes) > 1:
                names, apart = _value_names(inputs[1]), inputs[1].label
            curves = dict(
                zip(names, np.moveaxis(cube.reshape(shape[0], -1, manifest.replicates), 1, 0), strict=True)
            )
            figure = draw_curves(inputs[0], curves, label, window, told_apart_by=apart)
        else:
            figure = draw_surface(inputs[0], inputs[1], cube, label, window)
        save_figure(figure, output, f"{label}: {manifest.title}")


def _tells_curves_apart(axis: Axis, manifest: Manifest) -> bool:
    import numpy as np

    column = manifest.design.values[:, manifest.design.axes.index(axis)]
    return axis.spread is None and len(np.unique(column)) <= MOST_CURVES


def _value_names(one: Input) -> list[str]:
    return list(one.names) or [f"{value:g}" for value in one.values]


def _axis(manifest: Manifest, name: str) -> Axis:
    from abm.sweep.quantity import axis_named

    axis = axis_named(manifest, name)
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
