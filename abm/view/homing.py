"""Homing of injected cells: their density in the injury against that in the rest of the tissue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.analysis.migration import injected_types
from abm.analysis.quantities import section_area
from abm.view.canvas import grid, letter, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, from_zero, mark_doses, spread_text, time_axis
from abm.view.labels import name_label
from abm.view.msc import injected_and_region
from abm.view.options import Options
from abm.view.pain import require
from abm.view.style import GREY, ArmStyle, arm_styles

COUNT = "cell_count"


def draw_homing(groups: RunGroups, options: Options) -> Figure:
    """Density of injected cells in the site and outside it, and their ratio, over time; a row per type."""
    require(groups, COUNT)
    kinds, region = injected_and_region(groups)
    labels = next(iter(groups.experiments.values())).labels
    styles = arm_styles(groups)
    shown: dict[str, ArmStyle] = {}
    figure = new_figure(height=26 + 58 * len(kinds))
    for kind, row in zip(kinds, grid(figure, len(kinds), 3, sharex=True), strict=True):
        within, beyond, ratio = row
        for arm in (arm for arm in groups if kind in injected_types(groups[arm])):
            shown[arm] = look = styles[arm]
            inside, outside = densities(groups, arm, kind, region)
            for panel, curves in ((within, inside), (beyond, outside), (ratio, enrichment(inside, outside))):
                draw_curves(panel, curves, look.colour, look.dash, individual=options.individual)
        label = name_label(kind, labels)
        within.set_ylabel(f"{label} in {region} (/mm²)")
        beyond.set_ylabel(f"{label} outside {region} (/mm²)")
        ratio.set_ylabel("Enrichment in the site (fold)")
        ratio.axhline(1.0, color=GREY, linewidth=0.6, linestyle=(0, (3, 2)))
        from_zero((within, beyond), 1.08)
        from_zero(ratio, 1.08)
        for panel, name in zip(row, "abc", strict=True):
            time_axis(panel, groups)
            letter(panel, name)
    mark_doses(within, groups, shown)
    figure.legend(
        handles=arm_handles(shown.values()),
        loc="outside lower center",
        ncols=min(len(shown), 5),
        title=spread_text([groups[arm] for arm in shown], options.individual),
    )
    return figure


def densities(groups: RunGroups, arm: str, kind: str, region: str) -> tuple[Curves, Curves]:
    """Cells of a type per mm² of a section in a region, and in the tissue outside it."""
    runs = groups[arm]
    inside = collect(runs, f"{COUNT}_by_region", cell_type=kind, region=region)
    everywhere = collect(runs, COUNT, cell_type=kind)
    area = section_area(runs[0], region)
    rest = section_area(runs[0], "") - area
    beyond = (everywhere.values - inside.values) / rest if rest > 0 else np.full_like(inside.values, np.nan)
    return replace(inside, values=inside.values / area, unit="/mm^2"), replace(
        everywhere, values=beyond, unit="/mm^2"
    )


def enrichment(inside: Curves, outside: Curves) -> Curves:
    """Density inside over density outside; nan where there are no cells outside."""
    ratio = np.full_like(inside.values, np.nan)
    np.divide(inside.values, outside.values, out=ratio, where=outside.values > 0)
    return replace(inside, values=ratio, unit="1")
