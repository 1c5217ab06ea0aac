"""Pain against cytokines: the path that each arm takes through the plane of both."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from abm.analysis.curves import Curves, collect, common_times
from abm.analysis.groups import RunGroups
from abm.view.canvas import NothingToShowError, footnote, grid, new_figure
from abm.view.curve_axes import arm_handles, last_day
from abm.view.cytokines import LOG_FROM
from abm.view.labels import name_label, sentence
from abm.view.options import Options
from abm.view.pain import THRESHOLD, require
from abm.view.style import SMALL, ArmStyle, arm_styles

COLUMNS = 3
LEAST_STEP = 0.05  # of the first threshold, between two numbers on a path
LEAST_FOLD = 1.2  # highest over lowest mean level for a cytokine to be drawn
MARKS = (1.0, 2.0, 5.0, 7.0, 14.0, 28.0)  # days marked on the paths


def draw_phase(groups: RunGroups, options: Options) -> Figure:
    """Threshold against the mean level of each cytokine that moves: a path per arm, days marked."""
    require(groups, THRESHOLD)
    require(groups, "cytokine_mean")
    region = next(iter(groups.experiments.values())).readout_region
    levels = {name: _levels(groups, name, region) for name in groups.runs[0].cytokines}
    shown = {name: arms for name, arms in levels.items() if _fold(arms) >= LEAST_FOLD}
    if not shown:
        raise NothingToShowError("no cytokine changes in these runs")
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(height=24 + 54 * rows)
    axes = grid(figure, rows, columns, sharey=True)
    panels = [panel for row in axes for panel in row]
    labels = next(iter(groups.experiments.values())).labels
    styles = arm_styles(groups)
    days = [day for day in MARKS if day <= last_day(groups)]
    for panel, (name, arms) in zip(panels, shown.items(), strict=False):
        for arm, level in arms.items():
            _path(panel, level, collect(groups[arm], THRESHOLD), styles[arm], days)
        if LOG_FROM < _fold(arms) < np.inf:
            panel.set_xscale("log")
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.set_xlabel(f"{sentence(name_label(name, labels))} ({groups.runs[0].field_unit})")
        panel.set_ylim(bottom=0.0)
    for panel in panels[len(shown) :]:
        panel.set_visible(False)
    for row in axes:
        row[0].set_ylabel("Paw-withdrawal threshold (g)")
    figure.legend(handles=arm_handles(styles.values()), loc="outside upper center", ncols=min(len(styles), 5))
    where = f"in {region}" if region else "in the tissue"
    marked = ", ".join(f"{day:g}" for day in days)
    footnote(
        figure, f"Mean levels {where}, means over replicates. Open circle: start; numbers: day {marked}."
    )
    return figure


def _levels(groups: RunGroups, name: str, region: str) -> dict[str, Curves]:
    if region and "cytokine_by_region" in groups.runs[0].series_names:
        return {
            arm: collect(runs, "cytokine_by_region", cytokine=name, region=region)
            for arm, runs in groups.items()
        }
    return {arm: collect(runs, "cytokine_mean", cytokine=name) for arm, runs in groups.items()}


def _fold(arms: dict[str, Curves]) -> float:
    means = np.concatenate([curves.interval().mean for curves in arms.values()])
    low, high = np.nanmin(means), np.nanmax(means)
    return float(high / low) if low > 0 else (np.inf if high > 0 else 1.0)


def _path(axes: Axes, level: Curves, threshold: Curves, look: ArmStyle, days: list[float]) -> None:
    time = common_times([level.time, threshold.time])
    x = level.interval().mean[np.isin(level.time, time)]
    y = threshold.interval().mean[np.isin(threshold.time, time)]
    axes.plot(x, y, color=look.colour, linewidth=1.0, linestyle=look.dash)
    axes.plot(x[:1], y[:1], "o", markersize=4, markerfacecolor="white", markeredgecolor=look.colour)
    shown = y[0]
    for day in days:
        at = float(np.interp(day, time, x)), float(np.interp(day, time, y))
        # Where nothing moves, the numbers would lie on each other.
        if abs(at[1] - shown) < LEAST_STEP * y[0]:
            continue
        shown = at[1]
        axes.plot(*at, "o", markersize=2.2, color=look.colour)
        axes.annotate(
            f"{day:g}",
            at,
            xytext=(2.5, 2.0),
            textcoords="offset points",
            fontsize=0.8 * SMALL,
            color=look.colour,
        )
