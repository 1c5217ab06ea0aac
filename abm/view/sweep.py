"""Figures of a sweep: dose-response curves with bands, response surfaces, tornado of sensitivities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm import __version__
from abm.analysis.sensitivity import Sensitivity
from abm.analysis.statistics import mean_interval
from abm.record.faults import os_fault
from abm.view.canvas import grid, new_figure
from abm.view.style import BAND_ALPHA, BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, WIDTH

DPI = 200
_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK)
_LOG_FACTOR = 20.0  # an axis that spans more is drawn logarithmic


@dataclass(frozen=True)
class Input:
    """What varies along an axis of a figure.

    Attributes
    ----------
    label : str
        With its unit.
    values : (n,) float64
        Ascending and distinct.
    names : sequence of str
        In place of numbers, where it has none.
    """

    label: str
    values: NDArray[np.float64]
    names: Sequence[str] = ()


def draw_curves(
    x: Input, results: Mapping[str, NDArray[np.float64]], label: str, level: float | None = None
) -> Figure:
    """Dose-response curves: mean over replicates with its 95 % interval.

    Parameters
    ----------
    results : mapping of str to (n_x, n_replicate) float64
        By the name of the curve.
    label : str
        Of the result, with its unit.
    level : float, optional
        A line to compare with.
    """
    figure = new_figure(height=75, width=WIDTH * 0.6)
    axes = grid(figure, 1, 1)[0][0]
    for i, (name, values) in enumerate(results.items()):
        interval = mean_interval(values.T)
        colour = _COLOURS[i % len(_COLOURS)]
        axes.plot(x.values, interval.mean, "o-", color=colour, markersize=3, label=name)
        axes.fill_between(x.values, interval.low, interval.high, color=colour, alpha=BAND_ALPHA, linewidth=0)
    if level is not None:
        axes.axhline(level, color=GREY, linewidth=0.6, linestyle=":")
    _scale(axes, x, "x")
    axes.set_ylabel(label)
    if len(results) > 1 or next(iter(results), ""):
        figure.legend(loc="outside lower center", ncols=4)
    return figure


def draw_surface(
    x: Input, y: Input, results: NDArray[np.float64], label: str, window: float | None
) -> Figure:
    """Response surface over two inputs; the therapeutic window is outlined.

    Parameters
    ----------
    results : (n_x, n_y) float64
        Means over replicates.
    window : float, optional
        Value at which the outline is drawn.
    """
    figure = new_figure(height=90, width=WIDTH * 0.66)
    axes = grid(figure, 1, 1)[0][0]
    # Cells of equal size: the values of a sweep need not be evenly spaced.
    columns, rows = np.arange(len(x.values)), np.arange(len(y.values))
    image = axes.pcolormesh(columns, rows, results.T, shading="nearest", cmap="viridis")
    figure.colorbar(image, ax=axes, label=label)
    if window is not None and min(results.shape) > 1 and np.isfinite(results).all():
        axes.contour(columns, rows, results.T, levels=[window], colors="white", linewidths=1.2)
    for one, which in ((x, axes.xaxis), (y, axes.yaxis)):
        which.set_ticks(range(len(one.values)), labels=list(one.names) or [f"{v:.4g}" for v in one.values])
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)
    return figure


def draw_tornado(labels: Sequence[str], sensitivity: Sensitivity, result: str) -> Figure:
    """Measures of every input as bars with intervals, the most important one on top."""
    first = sensitivity.measures[0]
    order = np.argsort(np.nan_to_num(first.value))
    shown = sensitivity.measures[:2]
    figure = new_figure(height=30 + 7 * len(labels), width=WIDTH * 0.66)
    axes = grid(figure, 1, 1)[0][0]
    thickness = 0.8 / len(shown)
    for i, measure in enumerate(shown):
        place = np.arange(len(labels)) + (0.5 * (len(shown) - 1) - i) * thickness
        value = measure.value[order]
        reach = np.abs(np.stack([value - measure.low[order], measure.high[order] - value]))
        axes.barh(place, value, thickness, color=_COLOURS[i], label=measure.name)
        axes.errorbar(value, place, xerr=reach, fmt="none", ecolor=BLACK, elinewidth=0.7)
    axes.set_yticks(range(len(labels)), labels=[labels[i] for i in order])
    axes.axvline(0.0, color=GREY, linewidth=0.6)
    axes.set_xlabel(result)
    figure.legend(loc="outside lower center", ncols=len(shown))
    return figure


def _scale(axes: Axes, one: Input, which: str) -> None:
    positive = len(one.values) > 2 and bool((one.values > 0.0).all())
    if one.names:
        axes.set_xticks(one.values, labels=list(one.names))
    elif positive and one.values[-1] / one.values[0] > _LOG_FACTOR:
        axes.set(**{f"{which}scale": "log"})
    axes.set(**{f"{which}label": one.label})


def save_figure(figure: Figure, path: Path, title: str) -> None:
    """Write a figure in the format of its name.

    Raises
    ------
    RecordError
        It cannot be written.
    """
    maker = f"abm {__version__}, matplotlib {mpl.__version__}"
    metadata = {"Title": title, "Software": maker} if path.suffix == ".png" else None
    try:
        figure.savefig(path, dpi=DPI, metadata=metadata)
    except OSError as error:
        raise os_fault(path, "write the figure", error) from error
