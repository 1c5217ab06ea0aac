"""Numbers of cells by type and phenotype, in small multiples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.view.canvas import NothingToShowError, footnote, grid, new_figure
from abm.view.curve_axes import draw_curves, from_zero, spread_text, time_axis
from abm.view.labels import name_label, plural, sentence
from abm.view.options import Options
from abm.view.pain import require
from abm.view.style import BLACK, Dash, arm_styles, cell_colours, phenotype_looks

COUNT, PHENOTYPE_COUNT = "cell_count", "phenotype_count"


def draw_cells(groups: RunGroups, options: Options) -> Figure:
    """Cells in the readout's region: a row per type, a column per arm, a line per phenotype.

    Types whose number never changes are named below instead of drawn, unless nothing changes at all.
    """
    require(groups, COUNT)
    region = next(iter(groups.experiments.values())).readout_region
    labels = next(iter(groups.experiments.values())).labels
    first = next(iter(groups))
    lines = {kind: _lines(groups, kind, region) for kind in cell_types(groups)}
    changing = [kind for kind, by_arm in lines.items() if _changes(by_arm)]
    changing = changing or [kind for kind, by_arm in lines.items() if by_arm[first][""].values.any()]
    if not changing:
        raise NothingToShowError("there are no cells in these runs")
    styles, colours = arm_styles(groups), cell_colours(lines)
    figure = new_figure(height=22 + 34 * len(changing))
    axes = grid(figure, len(changing), len(groups), sharex=True, sharey="row")
    for row, kind in zip(axes, changing, strict=True):
        looks = phenotype_looks(kind, colours[kind], [name for name in lines[kind][first] if name])
        for arm, panel in zip(groups, row, strict=True):
            _draw_lines(panel, lines[kind][arm], looks, labels, options)
            time_axis(panel, groups, label=row is axes[-1])
            panel.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        from_zero(row)
        row[0].set_ylabel(f"{sentence(plural(name_label(kind, labels)))}\n(cells in {region or 'tissue'})")
        row[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.04), borderaxespad=0.2)
    for arm, panel in zip(groups, axes[0], strict=True):
        panel.set_title(styles[arm].label)
    figure.align_ylabels([row[0] for row in axes])
    still = [
        f"{by_arm[first][''].values[:, 0].mean():.0f} {plural(name_label(kind, labels))}"
        for kind, by_arm in lines.items()
        if kind not in changing and by_arm[first][""].values.any()
    ]
    constant = f" Not shown, since constant: {', '.join(still)}." if still else ""
    footnote(figure, f"{spread_text(groups.values(), options.individual)}.{constant}")
    return figure


def cell_types(groups: RunGroups) -> list[str]:
    """Cell types of the runs."""
    return [str(name) for name in groups.runs[0].series(COUNT).labels["cell_type"]]


def _lines(groups: RunGroups, kind: str, region: str) -> dict[str, dict[str, Curves]]:
    """For every arm the curve of each phenotype (``type:phenotype``), and of all cells of the type ("")."""
    names = [
        str(name)
        for name in groups.runs[0].series(PHENOTYPE_COUNT).labels["phenotype"]
        if str(name).partition(":")[0] == kind
    ]
    suffix, where = ("_by_region", {"region": region}) if region else ("", {})
    found = {}
    for arm, runs in groups.items():
        curves = {n: collect(runs, PHENOTYPE_COUNT + suffix, phenotype=n, **where) for n in names}
        found[arm] = curves | {"": collect(runs, COUNT + suffix, cell_type=kind, **where)}
    return found


def _changes(by_arm: dict[str, dict[str, Curves]]) -> bool:
    return any(np.ptp(curves.values, axis=1).any() for lines in by_arm.values() for curves in lines.values())


def _draw_lines(
    axes: Axes,
    lines: Mapping[str, Curves],
    looks: Mapping[str, tuple[Any, Dash, bool]],
    labels: Mapping[str, str],
    options: Options,
) -> None:
    for name, (colour, dash, _) in looks.items():
        label = name_label(name, labels)
        draw_curves(axes, lines[name], colour, dash, individual=options.individual, label=label)
    if len(looks) > 1:
        total = lines[""].interval().mean
        axes.plot(lines[""].time, total, color=BLACK, linewidth=0.6, label="all", zorder=1.9)
