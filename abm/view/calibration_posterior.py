"""Pairs of parameters of a sampled posterior, and each of them against its prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from abm.view.canvas import grid, new_figure
from abm.view.style import BLACK, BLUE, GREY, ORANGE, SMALL, VERMILLION, WIDTH

BINS = 16
MOST = 10  # parameters of one figure; more cannot be read


@dataclass(frozen=True)
class Sampled:
    """One parameter of a posterior.

    Attributes
    ----------
    label : str
        With its unit.
    values : (n_particle,) float64
    low, high : float
        Range.
    is_log : bool
        Whether the axis is logarithmic.
    prior : (n_grid,) float64
        Density of the prior on equally spaced places of the range; its mean is 1.
    best : float
        Value at the best point.
    start : float
        Value in the scenario.
    """

    label: str
    values: NDArray[np.float64]
    low: float
    high: float
    is_log: bool
    prior: NDArray[np.float64]
    best: float
    start: float

    def places(self, count: int) -> NDArray[np.float64]:
        """Values at equally spaced places of the range, the ends included."""
        if self.is_log:
            return np.geomspace(self.low, self.high, count)
        return np.linspace(self.low, self.high, count)


def draw_posterior(
    sampled: Sequence[Sampled], weights: NDArray[np.float64], correlation: NDArray[np.float64]
) -> Figure:
    """Marginals with their priors on the diagonal, pairs below, correlations above.

    Of more than ten parameters the first ten are shown; the caller puts those that matter in front.
    """
    shown = list(sampled)[:MOST]
    n = len(shown)
    side = min(WIDTH, 40.0 + 34.0 * n)
    figure = new_figure(height=side + 8.0, width=side)
    axes = grid(figure, n, n)
    for i in range(n):
        for j in range(n):
            panel = axes[i][j]
            if i == j:
                _marginal(panel, shown[i], weights)
            elif i > j:
                _pair(panel, shown[j], shown[i], weights)
            else:
                panel.axis("off")
                text = f"{round(correlation[i, j], 2) + 0.0:.2f}".replace("-", "−")
                strength = abs(correlation[i, j])
                panel.text(
                    0.5, 0.5, text, ha="center", va="center", fontsize=SMALL + 3 * strength,
                    color=BLACK if strength > 0.3 else GREY, transform=panel.transAxes,
                )  # fmt: skip
            _labels(panel, shown, i, j)
    handles = [
        Patch(color="#B9D5EA", label="posterior"),
        Line2D([], [], color=ORANGE, label="prior"),
        Line2D([], [], color=VERMILLION, marker="+", linestyle="", label="best point"),
        Line2D([], [], color=BLACK, marker="x", linestyle="", markersize=4, label="scenario"),
    ]
    note = f"the first {MOST} of {len(sampled)} parameters" if len(sampled) > MOST else None
    figure.legend(handles=handles, loc="outside lower center", ncols=4, title=note)
    return figure


def _marginal(axes: Axes, one: Sampled, weights: NDArray[np.float64]) -> None:
    edges = one.places(BINS + 1)
    height, _ = np.histogram(one.values, bins=edges, weights=weights)
    axes.stairs(height * BINS, edges, fill=True, color="#B9D5EA")
    axes.plot(one.places(len(one.prior)), one.prior, color=ORANGE, linewidth=1.0)
    axes.axvline(one.best, color=VERMILLION, linewidth=0.9)
    axes.axvline(one.start, color=BLACK, linewidth=0.7, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    _scale(axes, one, "x")


def _pair(axes: Axes, x: Sampled, y: Sampled, weights: NDArray[np.float64]) -> None:
    area = 9.0 * weights / weights.max()
    axes.scatter(x.values, y.values, s=area, color=BLUE, alpha=0.5, linewidths=0)
    axes.plot(x.start, y.start, "x", color=BLACK, markersize=4, markeredgewidth=0.8)
    axes.plot(x.best, y.best, "+", color=VERMILLION, markersize=7, markeredgewidth=1.2)
    _scale(axes, x, "x")
    _scale(axes, y, "y")


def _scale(axes: Axes, one: Sampled, which: str) -> None:
    if which == "x":
        axes.set_xscale("log" if one.is_log else "linear")
        axes.set_xlim(one.low, one.high)
    else:
        axes.set_yscale("log" if one.is_log else "linear")
        axes.set_ylim(one.low, one.high)
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0)) if one.is_log else MaxNLocator(3))
    if one.is_log:
        axis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _labels(axes: Axes, shown: Sequence[Sampled], i: int, j: int) -> None:
    """Names at the outer edge only."""
    size = SMALL - 1
    axes.tick_params(labelsize=size - 1)
    if i == len(shown) - 1:
        axes.set_xlabel(shown[j].label, fontsize=size)
    else:
        axes.tick_params(labelbottom=False)
    if j == 0 and i > 0:
        axes.set_ylabel(shown[i].label, fontsize=size)
    elif j > 0:
        axes.tick_params(labelleft=False)
