"""Targets with their tolerances beside what was simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.analysis.quantities import Quantity, evaluate
from abm.analysis.targets import Comparison, Report, compare_with_targets
from abm.view.canvas import NothingToShowError, letter, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, last_day, time_axis
from abm.view.options import Options
from abm.view.style import BLACK, GREY, SMALL, ArmStyle, arm_styles, darker

COLUMNS = 3
CLOSE = 0.02  # of the length of the runs: targets nearer than this to each other are shown enlarged as well


def draw_targets(groups: RunGroups, options: Options) -> Figure:
    """A panel per quantity: open squares with thin bars are targets, points with thick bars simulated.

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
        mine = [comparison for comparison in shown if comparison.target.quantity == name]
        quantity = report.targets.quantities[name]
        span = crowded(mine, last_day(groups)) if name in wide else None
        parts = cell.subgridspec(1, 2, width_ratios=(2.6, 1.0)) if span else [cell]
        axes = figure.add_subplot(parts[0])
        _target_axes(axes, groups, quantity, mine, styles, options)
        letter(axes, mark)
        if span:
            zoomed = figure.add_subplot(parts[1], sharey=axes)
            _target_axes(zoomed, groups, quantity, mine, styles, options)
            zoomed.set_xlim(span)
            zoomed.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            zoomed.set_ylabel("")
            zoomed.set_title("the same, enlarged", fontsize=SMALL)
    arms = [arm for arm in groups if any(c.target.arm == arm for c in shown)]
    figure.legend(
        handles=[*arm_handles(styles[arm] for arm in arms), *_marks()],
        loc="outside lower center",
        ncols=min(len(arms), 5) + 2,
        title=_note(report),
    )
    return figure


def crowded(comparisons: Sequence[Comparison], length: float) -> tuple[float, float] | None:
    """Range of days in which targets lie too close together to be told apart, if there is one."""
    days = np.unique([comparison.target.day for comparison in comparisons])
    close = np.flatnonzero(np.diff(days) < CLOSE * length)
    if len(close) == 0:
        return None
    return float(days[close[0]]) - 1.0, float(days[close[-1] + 1]) + 1.0


def _target_axes(
    axes: Axes,
    groups: RunGroups,
    quantity: Quantity,
    comparisons: Sequence[Comparison],
    styles: dict[str, ArmStyle],
    options: Options,
) -> None:
    for arm in dict.fromkeys(comparison.target.arm for comparison in comparisons):
        mine = [comparison for comparison in comparisons if comparison.target.arm == arm]
        look, shift = styles[arm], groups.experiments[arm].injury_day
        curves = evaluate(quantity, groups, arm)
        draw_curves(axes, curves, look.colour, look.dash, width=0.8, individual=options.individual)
        days = np.array([comparison.target.day + shift for comparison in mine])
        half = np.array([float(c.simulated.high) - c.mean for c in mine])
        axes.errorbar(
            days,
            np.array([comparison.mean for comparison in mine]),
            yerr=np.where(np.isnan(half), 0.0, half),
            fmt="o",
            markersize=3.4,
            elinewidth=2.4,
            capsize=0,
            color=look.colour,
            label=f"simulated {arm}",
            zorder=3,
        )
        _target_points(axes, days, mine, look.colour, f"target {arm}")
    unit = (
        f" ({quantity.unit})"
        if quantity.unit not in ("1", "") and quantity.unit not in quantity.label
        else ""
    )
    axes.set_ylabel(quantity.label + unit)
    drawn = [axes.get_ylim()[1], *(c.target.mean + c.target.tolerance for c in comparisons)]
    axes.set_ylim(0.0, max(drawn))
    time_axis(axes, groups)
    # Room for marks on the last day.
    axes.set_xlim(0.0, 1.02 * last_day(groups))


def _target_points(
    axes: Axes, days: NDArray[np.float64], comparisons: Sequence[Comparison], colour: str, label: str
) -> None:
    """Open squares with tolerance bars; a bound has an arrow towards where it is met instead."""
    upper = np.array([comparison.target.bound == "upper" for comparison in comparisons])
    lower = np.array([comparison.target.bound == "lower" for comparison in comparisons])
    tolerances = np.array([comparison.target.tolerance for comparison in comparisons])
    axes.errorbar(
        days,
        np.array([comparison.target.mean for comparison in comparisons]),
        yerr=np.stack([np.where(lower, 0.0, tolerances), np.where(upper, 0.0, tolerances)]),
        uplims=upper,
        lolims=lower,
        fmt="s",
        markersize=4.6,
        markerfacecolor="none",
        markeredgecolor=darker(colour),
        markeredgewidth=0.8,
        ecolor=darker(colour),
        elinewidth=0.8,
        capsize=2.2,
        color=colour,
        label=label,
        zorder=4,
    )


def _marks() -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=BLACK,
            linestyle="none",
            marker="s",
            markerfacecolor="none",
            markeredgewidth=0.7,
            markersize=4.6,
            label="target ± tolerance",
        ),
        Line2D([], [], color=GREY, marker="o", markersize=3.4, label="simulated, 95 % interval"),
    ]


def _note(report: Report) -> str:
    return f"{report.met} of {report.tested} targets met. {' '.join(report.notes)}".strip()
