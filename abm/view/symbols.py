"""Cells as symbols: size, colour and order by type and phenotype, and their legend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.transforms import AffineDeltaTransform

from abm.view.labels import name_label
from abm.view.snapshot import Snapshot, box_of
from abm.view.style import BLACK, cell_colours, phenotype_looks

# Sizes of the symbols [um] in a domain 2 mm wide, in proportion in others: enlarged,
# and the rarer the larger, so that cells can be seen at print size.
SYMBOL = {"microglia": 26.0, "astrocyte": 22.0, "neuron": 12.0, "t_cell": 34.0, "msc": 46.0}
OTHER_SYMBOL = 26.0
SCALE_WIDTH, SMALLEST_SCALE = 2000.0, 0.4
RESTING = 0.75  # of that size, for phenotypes of rest
OUTLINED = ("t_cell", "msc")  # with a dark outline, so that the few stand out
# From the back to the front; types not named here come last but one.
ORDER = ("neuron", "astrocyte", "microglia", "t_cell", "msc")
RASTER_FROM = 5000  # cells of a panel beyond which they become an image inside SVG and PDF


def draw_symbols(axes: Axes, shot: Snapshot) -> None:
    """Draw the cells of a snapshot, resting ones at the back."""
    if shot.cells is None:
        return
    cells = shot.cells
    types = [str(name) for name in cells.labels["type"]]
    phenotypes = [str(name) for name in cells.labels["phenotype"]]
    looks = cell_looks(types, phenotypes)
    raster = len(cells) > RASTER_FROM
    left, right, _, _ = box_of(shot.run)
    enlarged = max((right - left) / SCALE_WIDTH, SMALLEST_SCALE)
    for level, code in enumerate(drawing_order(phenotypes)):
        rows = cells["phenotype"] == code
        if not rows.any():
            continue
        face, edge, size = looks[phenotypes[code]]
        axes.add_collection(
            PathCollection(
                # One path in the unit of the axes, used once per cell, keeps files small.
                [Path.circle((0.0, 0.0), 0.5 * enlarged * size)],
                offsets=np.column_stack([cells["x"][rows], cells["y"][rows]]),
                offset_transform=axes.transData,
                transform=AffineDeltaTransform(axes.transData),  # type: ignore[arg-type]
                facecolors=[face],
                edgecolors=[edge],
                linewidths=0.0 if edge == "none" else 0.35,
                zorder=3 + 0.01 * level,
                rasterized=raster,
                label=phenotypes[code],
            ),
            autolim=False,
        )


def drawing_order(phenotypes: Sequence[str]) -> list[int]:
    """Codes of phenotypes from back to the front: resting before active, rare types last."""
    known = {name: rank for rank, name in enumerate(ORDER)}

    def rank(code: int) -> tuple[float, int]:
        return known.get(phenotypes[code].partition(":")[0], len(ORDER) - 1.5), code

    return sorted(range(len(phenotypes)), key=rank)


def cell_looks(types: Sequence[str], phenotypes: Sequence[str]) -> dict[str, tuple[Any, Any, float]]:
    """Face, edge and size [um] of the symbol of every ``type:phenotype``."""
    colours = cell_colours(types)
    looks: dict[str, tuple[Any, Any, float]] = {}
    for kind in types:
        mine = [name for name in phenotypes if name.partition(":")[0] == kind]
        for name, (face, _, active) in phenotype_looks(kind, colours[kind], mine).items():
            size = SYMBOL.get(kind, OTHER_SYMBOL)
            if kind in OUTLINED:
                looks[name] = face, BLACK, size
            else:
                looks[name] = face, "none", size if active else RESTING * size
    return looks


def cell_handles(shots: Iterable[Snapshot], labels: Mapping[str, str]) -> list[Line2D]:
    """Legend entries of the phenotypes that occur in the panels."""
    frames = [shot.cells for shot in shots if shot.cells is not None]
    if not frames:
        return []
    types = [str(name) for name in frames[0].labels["type"]]
    phenotypes = [str(name) for name in frames[0].labels["phenotype"]]
    seen = {str(name) for cells in frames for name in np.unique(cells.names("phenotype"))}
    looks = cell_looks(types, phenotypes)
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=2.0 + looks[name][2] / 12.0,
            markerfacecolor=looks[name][0],
            markeredgecolor=looks[name][1],
            markeredgewidth=0.35,
            label=_phenotype_label(name, phenotypes, labels),
        )
        # Types with two phenotypes first, so that they share a column.
        for name in sorted(phenotypes, key=lambda name: _is_alone(name, phenotypes))
        if name in seen
    ]


def _phenotype_label(name: str, phenotypes: Sequence[str], labels: Mapping[str, str]) -> str:
    """``microglia, activated``; only the type where it has a single phenotype."""
    kind = name_label(name.partition(":")[0], labels)
    return kind if _is_alone(name, phenotypes) else f"{kind}, {name_label(name, labels)}"


def _is_alone(name: str, phenotypes: Sequence[str]) -> bool:
    """Whether a phenotype is the only one of its type."""
    kind = name.partition(":")[0]
    return sum(one.partition(":")[0] == kind for one in phenotypes) == 1
