"""Withdrawal threshold and nociceptive signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.view.canvas import NothingToShowError, grid, letter, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, from_zero, mark_doses, spread_text, time_axis
from abm.view.options import Options
from abm.view.style import BLACK, GREY, ArmStyle, arm_styles

THRESHOLD, SIGNAL = "withdrawal_threshold", "nociception"


def draw_pain(groups: RunGroups, options: Options) -> Figure:
    """Paw-withdrawal threshold of all arms, in g and in percent of the baseline."""
    require(groups, THRESHOLD)
    styles = arm_styles(groups)
    figure = new_figure(height=90)
    axes = figure.subplots()
    threshold_axes(axes, groups, options, styles)
    figure.legend(
        handles=arm_handles(styles.values()),
        loc="outside lower center",
        ncols=min(len(styles), 5),
        title=spread_text(groups.values(), options.individual),
    )
    return figure


def threshold_axes(axes: Axes, groups: RunGroups, options: Options, styles: dict[str, ArmStyle]) -> None:
    """Draw the thresholds, the marks and the second axis into given axes."""
    baselines = []
    for arm, runs in groups.items():
        curves = collect(runs, THRESHOLD)
        look = styles[arm]
        draw_curves(axes, curves, look.colour, look.dash, individual=options.individual, label=look.label)
        baselines.append(curves.values[:, 0])
    baseline = float(np.mean(np.concatenate(baselines)))
    axes.axhline(baseline, color=GREY, linewidth=0.5, zorder=1)
    axes.set_ylabel("Paw-withdrawal threshold (g)")
    time_axis(axes, groups)
    from_zero(axes, 1.08)
    percent = axes.secondary_yaxis("right", functions=(Scaling(100.0 / baseline), Scaling(baseline / 100.0)))
    percent.set_ylabel("% of baseline")
    percent.set_yticks([0, 25, 50, 75, 100])
    percent.spines["right"].set_visible(True)
    mark_doses(axes, groups, styles)


@dataclass(frozen=True)
class Scaling:
    """Multiplication by a factor, for axes that show the same values in another unit."""

    factor: float

    def __call__(self, values: Any) -> Any:
        """Values in the other unit."""
        return np.asarray(values) * self.factor


def draw_nociception(groups: RunGroups, options: Options) -> Figure:
    """Nociceptive signal: mean of all arms; below, its spread over the neurons of each arm."""
    require(groups, SIGNAL)
    styles = arm_styles(groups)
    figure = new_figure(height=125)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1.0))[:, 0]
    axes = upper.subplots()
    for arm, runs in groups.items():
        look = styles[arm]
        draw_curves(
            axes,
            collect(runs, SIGNAL),
            look.colour,
            look.dash,
            individual=options.individual,
            label=look.label,
        )
    axes.set_ylabel("Nociceptive signal")
    time_axis(axes, groups)
    from_zero(axes)
    mark_doses(axes, groups, styles)
    letter(axes, "a")
    upper.legend(
        handles=arm_handles(styles.values()),
        loc="outside right upper",
        title=spread_text(groups.values(), options.individual).replace(", ", ",\n").replace(" (", "\n("),
        alignment="left",
    )
    panels = grid(lower, 1, len(groups), sharey=True)[0]
    for arm, panel in zip(groups, panels, strict=True):
        _spread_axes(panel, groups, arm, styles[arm])
        panel.set_title(styles[arm].label)
        time_axis(panel, groups)
    panels[0].set_ylabel("Nociceptive signal")
    from_zero(panels)
    letter(panels[0], "b")
    lower.legend(handles=_spread_handles(panels[-1]), loc="outside lower center", ncols=4)
    return figure


def _spread_handles(axes: Axes) -> list[Artist]:
    """Legend of a panel of spreads, in grey since each panel has the colour of its arm."""
    handles: list[Artist] = []
    for artist, label in zip(*axes.get_legend_handles_labels(), strict=True):
        if isinstance(artist, Line2D):
            colour = BLACK if artist.get_color() == BLACK else GREY
            dash, width = artist.get_linestyle(), artist.get_linewidth()
            handles.append(Line2D([], [], color=colour, linestyle=dash, linewidth=width, label=label))
        else:
            handles.append(Patch(color=GREY, alpha=artist.get_alpha(), linewidth=0, label=label))
    return handles


def _spread_axes(axes: Axes, groups: RunGroups, arm: str, look: ArmStyle) -> None:
    """Quantiles over neurons (mean of the replicates) as shades, other regions as thin lines."""
    runs = groups[arm]
    series = runs[0].series("nociception_quantile")
    levels = [float(level) for level in series.labels["quantile"]]
    curve = {level: collect(runs, "nociception_quantile", quantile=level) for level in levels}
    for low, high, alpha in ((0.05, 0.95, 0.15), (0.25, 0.75, 0.35)):
        if low in curve and high in curve:
            axes.fill_between(
                curve[low].time,
                _mean(curve[low]),
                _mean(curve[high]),
                color=look.colour,
                alpha=alpha,
                linewidth=0,
                label=f"{100 * low:.0f}–{100 * high:.0f} % of the neurons",
            )
    if 0.5 in curve:
        axes.plot(curve[0.5].time, _mean(curve[0.5]), color=look.colour, label="median")
    region = groups.experiments[arm].readout_region
    others = [name for name in runs[0].series("nociception_by_region").labels["region"] if name != region]
    for name, dash in zip(others, ((0, (3.0, 1.5)), (0, (1.0, 1.0)), "-."), strict=False):
        elsewhere = collect(runs, "nociception_by_region", region=str(name))
        axes.plot(
            elsewhere.time,
            _mean(elsewhere),
            color=BLACK,
            linewidth=0.8,
            linestyle=dash,
            label=f"mean, {name}",
        )


def _mean(curves: Curves) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return curves.interval().mean


def require(groups: RunGroups, series: str) -> None:
    """Refuse to draw when a run lacks a series.

    Raises
    ------
    NothingToShowError
        With the name of the first such file.
    """
    for run in groups.runs:
        if series not in run.series_names:
            raise NothingToShowError(f"{run.path.name} has no series {series!r}")
        if len(run.time) == 0:
            raise NothingToShowError(f"nothing has been recorded in {run.path.name} yet")
