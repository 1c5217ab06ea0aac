"""Targets with their tolerances beside what was simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abm.analysis.groups import RunGroups
from abm.analysis.quantities import Quantity, evaluate
from abm.analysis.targets import Comparison, Report, compare_with_targets
from abm.view.canvas import NothingToShowError, letter, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, last_day, time_axis, time_label
from abm.view.options import Options
from abm.view.style import GREY, SMALL, ArmStyle, arm_styles

COLUMNS = 3
# Simulated means stand this share of the time axis to the right of their targets.
DODGE = 0.008


def draw_targets(groups: RunGroups, options: Options) -> Figure:
    """A panel per quantity: open squares with tolerance bars are published, points with bars simulated.

    A quantity given in several arms takes a row for itself.
    """
    report = compare_with_targets(groups)
    shown = [comparison for comparison in report.comparisons if comparison.inside is not None]
    if not shown:
        raise NothingToShowError("the targets have no arm and day in common with these runs")
    names = list(dict.fromkeys(comparison.target.quantity for comparison in shown))
    wide = [name for name in names if len({c.target.arm for c in shown if c.target.quantity == name}) > 1]
    narrow = [name for name in names if name not in wide]
    rows = len(wide) + math.ceil(len(narrow) / COLUMNS)
    styles = arm_styles(groups)
    figure = new_figure(height=20 + 58 * rows)
    layout = figure.add_gridspec(rows, COLUMNS)
    cells = [layout[row, :] for row in range(len(wide))]
    cells += [layout[len(wide) + i // COLUMNS, i % COLUMNS] for i in range(len(narrow))]
    for name, cell, mark in zip((*wide, *narrow), cells, "abcdefghijklmnopqrstuvwxyz", strict=False):
        axes = figure.add_subplot(cell)
        mine = [comparison for comparison in shown if comparison.target.quantity == name]
        _target_axes(axes, groups, report.targets.quantities[name], mine, styles, options)
        axes.set_xlabel(time_label(groups))
        letter(axes, mark)
    arms = [arm for arm in groups if any(c.target.arm == arm for c in shown)]
    figure.legend(
        handles=[*arm_handles(styles[arm] for arm in arms), *_marks()],
        loc="outside lower center",
        ncols=min(len(arms), 5) + 2,
        title=_note(report),
    )
    return figure


def _target_axes(
    axes: Axes,
    groups: RunGroups,
    quantity: Quantity,
    comparisons: Sequence[Comparison],
    styles: dict[str, ArmStyle],
    options: Options,
) -> None:
    dodge = DODGE * last_day(groups)
    for arm in dict.fromkeys(comparison.target.arm for comparison in comparisons):
        mine = [comparison for comparison in comparisons if comparison.target.arm == arm]
        look = styles[arm]
        draw_curves(axes, evaluate(quantity, groups, arm), look.colour, look.dash, width=0.7)
        shift = groups.experiments[arm].injury_day
        days = np.array([comparison.target.day + shift for comparison in mine])
        means = np.array([comparison.target.mean for comparison in mine])
        tolerances = np.array([comparison.target.tolerance for comparison in mine])
        upper = np.array([comparison.target.bound == "upper" for comparison in mine])
        lower = np.array([comparison.target.bound == "lower" for comparison in mine])
        # A bound has an arrow in the direction in which it is met, and no bar.
        bars = np.stack([np.where(lower, 0.0, tolerances), np.where(upper, 0.0, tolerances)])
        axes.errorbar(
            days - dodge,
            means,
            yerr=bars,
            uplims=upper,
            lolims=lower,
            fmt="s",
            markersize=3.6,
            markerfacecolor="white",
            markeredgewidth=0.8,
            elinewidth=0.8,
            capsize=2.0,
            color=look.colour,
            label=f"target {arm}",
            zorder=3,
        )
        simulated = np.array([comparison.mean for comparison in mine])
        half = np.array([float(c.simulated.high) - c.mean for c in mine])
        axes.errorbar(
            days + dodge,
            simulated,
            yerr=np.where(np.isnan(half), 0.0, half),
            fmt="o",
            markersize=3.0,
            elinewidth=1.4,
            capsize=0,
            color=look.colour,
            label=f"simulated {arm}",
            zorder=4,
        )
    unit = (
        f" ({quantity.unit})"
        if quantity.unit not in ("1", "") and quantity.unit not in quantity.label
        else ""
    )
    axes.set_ylabel(quantity.label + unit)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.get_ylim()[0] < -0.5 else 0.0)
    time_axis(axes, groups)


def _marks() -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=GREY,
            marker="s",
            markerfacecolor="white",
            markersize=3.6,
            label="target ± tolerance",
        ),
        Line2D([], [], color=GREY, marker="o", markersize=3.0, label="simulated, 95 % interval"),
    ]


def _note(report: Report) -> str:
    return f"{report.met} of {report.tested} targets met. {' '.join(report.notes)}".strip()
