"""Small multiples over the arms of a study: a panel for each arm, the others behind it in grey."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.view.canvas import NothingToShowError, footnote, grid, letter, new_figure
from abm.view.curve_axes import draw_curves, from_zero, spread_text, time_axis, time_label
from abm.view.cytokines import REGIONAL, WHOLE
from abm.view.labels import name_label, sentence
from abm.view.options import Options
from abm.view.pain import THRESHOLD
from abm.view.style import GREY, ArmStyle, arm_styles

COLUMNS = 4
ROW_HEIGHT = 34.0  # [mm]
OTHERS = 0.45  # opacity of the arms behind


def draw_arms(groups: RunGroups, options: Options) -> Figure:
    """Threshold, and the chosen cytokine at the readout's region, in a panel of its own for each arm."""
    shown = _quantities(groups, options)
    if not shown:
        raise NothingToShowError(f"the runs have neither {THRESHOLD} nor {options.field}")
    styles = arm_styles(groups)
    rows = math.ceil(len(groups) / COLUMNS)
    figure = new_figure(height=len(shown) * (14 + rows * ROW_HEIGHT) + 8)
    parts = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for part, (text, curves), name in zip(parts, shown.items(), "ab", strict=False):
        _block(part, groups, text, curves, styles, options)
        if len(shown) > 1:
            letter(part.axes[0], name)
    footnote(figure, f"{spread_text(groups.values(), options.individual)}. Grey: means of the other arms.")
    return figure


def _quantities(groups: RunGroups, options: Options) -> dict[str, dict[str, Curves]]:
    """Curves of every arm, by the text of their axis."""
    run, made = groups.runs[0], next(iter(groups.experiments.values()))
    found = {}
    if THRESHOLD in run.series_names:
        found["Withdrawal\nthreshold (g)"] = {arm: collect(groups[arm], THRESHOLD) for arm in groups}
    if options.field in run.cytokines and WHOLE in run.series_names:
        region = made.readout_region
        where: dict[str, Any] = {"cytokine": options.field} | ({"region": region} if region else {})
        series = REGIONAL if region else WHOLE
        place = name_label(region, made.labels) if region else "whole tissue"
        text = f"{sentence(name_label(options.field, made.labels))}, {place}\n({run.series(WHOLE).unit})"
        found[text] = {arm: collect(groups[arm], series, **where) for arm in groups}
    return found


def _block(
    part: Any,
    groups: RunGroups,
    text: str,
    curves: Mapping[str, Curves],
    styles: Mapping[str, ArmStyle],
    options: Options,
) -> None:
    """The panels of one quantity, on one scale."""
    rows = math.ceil(len(curves) / COLUMNS)
    lines = grid(part, rows, min(len(curves), COLUMNS), sharex=True, sharey=True)
    panels = [panel for line in lines for panel in line]
    for panel, arm in zip(panels, curves, strict=False):
        for other, one in curves.items():
            if other != arm:
                mean = one.interval().mean
                panel.plot(one.time, mean, color=GREY, alpha=OTHERS, linewidth=0.6, zorder=1)
        look = styles[arm]
        draw_curves(panel, curves[arm], look.colour, look.dash, individual=options.individual, width=1.4)
        panel.set_title(look.label)
        time_axis(panel, groups, label=False)
        panel.tick_params(labelbottom=True)
        panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    for panel in panels[len(curves) :]:
        panel.remove()
    for line in lines:
        line[0].set_ylabel(text)
    from_zero(panels[: len(curves)], 1.08)
    part.supxlabel(time_label(groups), fontsize="medium")
