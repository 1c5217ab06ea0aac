"""Figures of a sweep: dose-response curves with bands, response surfaces, tornado of sensitivities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm import __version__
from abm.analysis.sensitivity import MEAN_STAR, TOTAL, Sensitivity
from abm.analysis.statistics import mean_interval
from abm.record.faults import os_fault
from abm.view.canvas import footnote, grid, new_figure
from abm.view.labels import power_of_ten, sentence
from abm.view.style import BAND_ALPHA, BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, SMALL, VERMILLION, WIDTH

DPI = 200
_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK)
_MOST_WRITTEN = 80  # cells; in more the numbers would be too small to read
_TITLE_WIDTH = 80  # characters of a line
_NO_VALUE = "#D9D9D9"
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
    x: Input,
    results: Mapping[str, NDArray[np.float64]],
    label: str,
    level: float | None = None,
    *,
    told_apart_by: str = "",
) -> Figure:
    """Dose-response curves: mean over replicates with its 95 % interval.

    Parameters
    ----------
    results : mapping of str to (n_x, n_replicate) float64
        By the name of the curve.
    told_apart_by : str
        What the names of the curves are values of.
    label : str
        Of the result, with its unit.
    level : float, optional
        A line to compare with.
    """
    figure = new_figure(height=75, width=WIDTH * 0.66)
    axes = grid(figure, 1, 1)[0][0]
    for i, (name, values) in enumerate(results.items()):
        interval = mean_interval(values.T)
        colour = _COLOURS[i % len(_COLOURS)]
        axes.plot(x.values, interval.mean, "o-", color=colour, markersize=3, label=name)
        axes.fill_between(x.values, interval.low, interval.high, color=colour, alpha=BAND_ALPHA, linewidth=0)
    if level is not None:
        axes.axhline(level, color=GREY, linewidth=0.6, linestyle=":")
    _scale(axes, x, "x")
    axes.set_ylabel(_entitled(axes, label))
    if len(results) > 1:
        figure.legend(loc="outside right center", title=told_apart_by)
    footnote(figure, f"Mean{_band_text(next(iter(results.values())))}")
    return figure


def _band_text(values: NDArray[np.float64]) -> str:
    """What is said of the spread over replicates, (..., n_replicate)."""
    replicates = values.shape[-1]
    return f" and 95 % interval of {replicates} replicates" if replicates > 1 else " of one replicate"


def draw_surface(
    x: Input, y: Input, results: NDArray[np.float64], label: str, window: float | None
) -> Figure:
    """Response surface over two inputs; the therapeutic window is outlined.

    Where there are few cells, each shows its mean and half of its 95 % interval; one without a value is grey.

    Parameters
    ----------
    results : (n_x, n_y, n_replicate) float64
    window : float, optional
        Value at which the outline is drawn.
    """
    interval = mean_interval(np.moveaxis(results, -1, 0))
    means, halves = interval.mean, interval.high - interval.mean
    written = means.size <= _MOST_WRITTEN
    figure = new_figure(height=34 + 9.0 * len(y.values) if written else 90, width=WIDTH * 0.78)
    axes = grid(figure, 1, 1)[0][0]
    image = _cells(axes, means)
    figure.colorbar(image, ax=axes, label=_entitled(axes, label))
    if window is not None and min(means.shape) > 1 and np.isfinite(means).all():
        columns, rows = np.arange(len(x.values)), np.arange(len(y.values))
        axes.contour(columns, rows, means.T, levels=[window], colors=VERMILLION, linewidths=1.4)
    if written:
        _write(axes, image, means, lambda i, j: _mean_text(means[i, j], halves[i, j]))
    line = "" if window is None else f". Line: {window:g}"
    footnote(figure, f"Mean{_band_text(results) if written else ''}{line}")
    for one, which in ((x, axes.xaxis), (y, axes.yaxis)):
        which.set_ticks(range(len(one.values)), labels=list(one.names) or [_tick(v) for v in one.values])
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)
    return figure


def draw_sensitivity_map(labels: Sequence[str], results: Mapping[str, Sensitivity]) -> Figure:
    """Heat map of inputs by results: the last measure of each, as a share of its largest for Morris' effects.

    Indices of Sobol' are shares already; effects have the unit of the result, so only their shares of the
    largest one compare.
    """
    shown = {name: _overall(found) for name, found in results.items()}
    shares = np.stack([share for _, share in shown.values()])
    figure = new_figure(height=34 + 8.0 * len(labels), width=WIDTH * 0.78)
    axes = grid(figure, 1, 1)[0][0]
    image = _cells(axes, shares, limits=(0.0, 1.0))
    figure.colorbar(image, ax=axes)
    axes.set_title(next(iter(shown.values()))[0])
    _write(axes, image, shares, lambda i, j: f"{shares[i, j]:.2f}")
    axes.set_xticks(range(len(results)), labels=["\n".join(wrap(name, 24)) for name in results])
    axes.set_yticks(range(len(labels)), labels=list(labels))
    axes.invert_yaxis()
    return figure


def _overall(found: Sensitivity) -> tuple[str, NDArray[np.float64]]:
    """What a heat map shows of an analysis: its name and values from 0 to 1."""
    names = [measure.name for measure in found.measures]
    if TOTAL in names:
        return f"{TOTAL} index", np.clip(found[TOTAL].value, 0.0, 1.0)
    largest = float(np.nanmax(found[MEAN_STAR].value))
    return f"{MEAN_STAR}, share of the largest", found[MEAN_STAR].value / (largest if largest > 0.0 else 1.0)


def _cells(axes: Axes, values: NDArray[np.float64], limits: tuple[float, float] | None = None) -> QuadMesh:
    """Cells of equal size, (n_x, n_y): the values of a sweep need not be evenly spaced."""
    columns, rows = np.arange(values.shape[0]), np.arange(values.shape[1])
    low, high = limits or (None, None)
    axes.set_facecolor(_NO_VALUE)
    return axes.pcolormesh(columns, rows, values.T, shading="nearest", cmap="viridis", vmin=low, vmax=high)


def _write(axes: Axes, image: QuadMesh, values: NDArray[np.float64], text: Callable[[int, int], str]) -> None:
    """Write into every cell that has a value, dark on light and light on dark."""
    for i, j in np.argwhere(np.isfinite(values)):
        red, green, blue, _ = image.to_rgba(values[i, j])
        bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        axes.text(
            i, j, text(i, j), ha="center", va="center", fontsize=SMALL, color=BLACK if bright else "white"
        )


def _entitled(axes: Axes, label: str) -> str:
    """Give axes what follows the first comma of a label as title; what stands before it is returned."""
    head, _, rest = label.partition(", ")
    axes.set_title("\n".join(wrap(sentence(rest), _TITLE_WIDTH)))
    return head


def _mean_text(mean: float, half: float) -> str:
    """``62 ± 5``: as many digits as the interval leaves certain."""
    if not np.isfinite(half) or half <= 0.0:
        return f"{mean:.3g}"
    decimals = max(0, -int(np.floor(np.log10(half))))
    return f"{mean:.{decimals}f}\n± {half:.{decimals}f}"


def _tick(value: float) -> str:
    return power_of_ten(float(f"{value:.2g}")).removeprefix("1×") if abs(value) >= 1e4 else f"{value:.4g}"


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
    axes.set_xlabel(_entitled(axes, result))
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
