"""Injected cells: waiting, in the site, elsewhere, and how far from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.analysis.migration import distance_to_region, injected_types
from abm.view.canvas import NothingToShowError, grid, letter, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, from_zero, mark_doses, spread_text, time_axis
from abm.view.labels import name_label
from abm.view.options import Options
from abm.view.pain import require
from abm.view.style import ArmStyle, arm_styles


def injected_and_region(groups: RunGroups) -> tuple[list[str], str]:
    """Types of the injected cells, and the region that the readout is of.

    Raises
    ------
    NothingToShowError
        There are none.
    """
    kinds = injected_types(groups.runs)
    region = next(iter(groups.experiments.values())).readout_region
    if not kinds:
        raise NothingToShowError("no cells were injected in these runs")
    if not region:
        raise NothingToShowError("the readout has no region that injected cells could be in or out of")
    return kinds, region


def draw_msc(groups: RunGroups, options: Options) -> Figure:
    """Injected cells over time: in the site, elsewhere, waiting in compartments, distance to the site."""
    require(groups, "cell_count")
    kinds, region = injected_and_region(groups)
    labels = next(iter(groups.experiments.values())).labels
    styles = arm_styles(groups)
    figure = new_figure(height=22 + 88 * len(kinds))
    blocks = figure.subfigures(len(kinds), 1, squeeze=False)[:, 0]
    shown: dict[str, ArmStyle] = {}
    for kind, block in zip(kinds, blocks, strict=True):
        arms = [arm for arm in groups if kind in injected_types(groups[arm])]
        shown |= {arm: styles[arm] for arm in arms}
        _panels(grid(block, 2, 2), groups, arms, kind, region, styles, options, name_label(kind, labels))
    figure.legend(
        handles=arm_handles(shown.values()),
        loc="outside lower center",
        ncols=min(len(shown), 5),
        title=spread_text([groups[arm] for arm in shown], options.individual),
    )
    return figure


def _panels(
    axes: list[list[Axes]],
    groups: RunGroups,
    arms: list[str],
    kind: str,
    region: str,
    styles: dict[str, ArmStyle],
    options: Options,
    label: str,
) -> None:
    (within, beyond), (waiting, distance) = axes
    for arm in arms:
        runs, look = groups[arm], styles[arm]
        site = collect(runs, "cell_count_by_region", cell_type=kind, region=region)
        everywhere = collect(runs, "cell_count", cell_type=kind)
        outside = replace(everywhere, values=everywhere.values - site.values)
        for panel, curves in (
            (within, site),
            (beyond, outside),
            (waiting, _waiting(groups, arm, kind)),
            (distance, distance_to_region(runs, kind, region)),
        ):
            draw_curves(panel, curves, look.colour, look.dash, individual=options.individual)
    within.set_ylabel(f"{label} in {region} (cells)")
    beyond.set_ylabel(f"{label} outside {region} (cells)")
    waiting.set_ylabel(f"{label} waiting (whole animal)")
    distance.set_ylabel(f"Mean distance to {region} (µm)")
    for panel, name in zip((within, beyond, waiting, distance), "abcd", strict=True):
        time_axis(panel, groups, label=panel in axes[1])
        letter(panel, name)
    from_zero((within, beyond), 1.08)
    from_zero(waiting, 1.08)
    from_zero(distance, 1.08)
    waiting.ticklabel_format(axis="y", style="sci", scilimits=(0, 3), useMathText=True)
    mark_doses(within, groups, {arm: styles[arm] for arm in arms})


def _waiting(groups: RunGroups, arm: str, kind: str) -> Curves:
    """Cells of a type waiting in all compartments together."""
    runs = groups[arm]
    names = [str(name) for name in runs[0].series("compartment_cells").labels["compartment"]]
    parts = [collect(runs, "compartment_cells", compartment=name, cell_type=kind) for name in names]
    return replace(parts[0], values=np.sum([part.values for part in parts], axis=0))
