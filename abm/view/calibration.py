"""Figures of a calibration: how the search went, the targets before and after, what the data hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from abm import __version__
from abm.record.faults import os_fault
from abm.view.canvas import grid, letter, new_figure
from abm.view.style import BLACK, BLUE, GREEN, GREY, ORANGE, SMALL, VERMILLION, WIDTH

BEFORE, AFTER = ORANGE, BLUE
FAILED = VERMILLION
DPI = 200
MOST_BARS = 60


@dataclass(frozen=True)
class History:
    """The search, evaluation by evaluation.

    Attributes
    ----------
    rms : (n,) float64
        Root mean square of z; infinite where the simulation failed.
    marks : mapping of str to (m,) int
        Printed name of what points were evaluated for to their numbers.
    thresholds : sequence of (int, float)
        For populations: evaluations when one was complete, and its threshold.
    """

    rms: NDArray[np.float64]
    marks: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    thresholds: Sequence[tuple[int, float]] = ()


def draw_history(history: History) -> Figure:
    """Every evaluation as a point, the best so far as a line."""
    figure = new_figure(height=75, width=WIDTH * 0.66)
    axes = grid(figure, 1, 1)[0][0]
    rms = history.rms
    finite = np.isfinite(rms)
    number = np.arange(len(rms))
    looks = ((GREY, "o"), (GREEN, "^"), (BLACK, "x"), (ORANGE, "s"))
    for (name, rows), (colour, mark) in zip(history.marks.items(), looks, strict=False):
        shown = rows[finite[rows]]
        size = 2.8 if len(rms) < 300 else 1.8
        axes.plot(shown, rms[shown], mark, color=colour, markersize=size, label=name, alpha=0.7)
    best = np.minimum.accumulate(np.where(finite, rms, np.inf))
    axes.step(
        number, np.where(np.isfinite(best), best, np.nan), where="post", color=AFTER, label="best so far"
    )
    if (~finite).any():
        top = float(np.max(rms[finite])) if finite.any() else 1.0
        lost = number[~finite]
        axes.plot(lost, np.full(len(lost), top), "v", color=FAILED, markersize=4, label="not simulated")
    if history.thresholds:
        edges = [0, *(count for count, _ in history.thresholds)]
        for i, (count, threshold) in enumerate(history.thresholds):
            label = "threshold of a generation" if i == 0 else "_"
            axes.hlines(threshold, edges[i], count, color=VERMILLION, linewidth=1.2, label=label)
    if finite.any() and np.max(rms[finite]) > 5 * max(np.min(rms[finite]), 1e-12):
        axes.set_yscale("log")
    axes.axhline(1.0, color=GREY, linewidth=0.6, linestyle=":")
    axes.set_xlabel("Evaluations")
    axes.set_ylabel("Root mean square of z")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@dataclass(frozen=True)
class Deviation:
    """One target before and after.

    Attributes
    ----------
    group, label : str
        Heading it stands under, and its own name.
    before, after : float
        z: deviation in tolerances.
    half : float
        Half of the 95 % interval of `after` over replicates, in tolerances; nan without one.
    bound : str
        ``upper`` or ``lower`` where only one side counts.
    """

    group: str
    label: str
    before: float
    after: float
    half: float
    bound: str = ""


def draw_deviations(deviations: Sequence[Deviation]) -> Figure:
    """Deviation z of every target at the start (open) and at the best point (full); the band is met."""
    columns = 2 if len(deviations) > 24 else 1
    groups = list(dict.fromkeys(one.group for one in deviations))
    parts = _columns([[d for d in deviations if d.group == name] for name in groups], columns)
    longest = max(sum(len(group) + 1 for group in part) for part in parts)
    figure = new_figure(height=22 + 4.2 * longest, width=WIDTH if columns == 2 else WIDTH * 0.62)
    axes = grid(figure, 1, columns, sharex=True)[0]
    for panel, part in zip(axes, parts, strict=True):
        _deviation_axes(panel, part, longest)
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=4, mfc="white", color=BEFORE, label="start"),
        Line2D([], [], marker="o", linestyle="", markersize=4, color=AFTER, label="best point ± 95 %"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _columns(groups: list[list[Deviation]], columns: int) -> list[list[list[Deviation]]]:
    """Groups in columns of about equal length, in their order."""
    total, parts = sum(len(group) + 1 for group in groups), [[] for _ in range(columns)]  # type: ignore[var-annotated]
    filled = 0
    for group in groups:
        parts[min(columns - 1, int(filled / total * columns + 1e-9))].append(group)
        filled += len(group) + 1
    return parts


def _deviation_axes(axes: Axes, groups: list[list[Deviation]], longest: int) -> None:
    axes.axvspan(-1, 1, color="#E8F1F8", zorder=0, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=0.5)
    y, ticks, labels = 0, [], []
    for group in groups:
        ticks.append(y)
        labels.append(group[0].group)
        y += 1
        for one in group:
            axes.plot([one.before, one.after], [y, y], color=GREY, linewidth=0.5, zorder=1)
            axes.plot(one.before, y, "o", markersize=3.6, mfc="white", color=BEFORE, zorder=5)
            if math.isfinite(one.half):
                axes.plot(
                    [one.after - one.half, one.after + one.half], [y, y], color=AFTER, linewidth=1.4, zorder=3
                )
            axes.plot(one.after, y, "o", markersize=3.6, color=AFTER, zorder=4)
            ticks.append(y)
            labels.append(one.label + {"upper": " (at most)", "lower": " (at least)"}.get(one.bound, ""))
            y += 1
    axes.set_yticks(ticks, labels, fontsize=SMALL - 1)
    for text, group_at in zip(axes.get_yticklabels(), labels, strict=True):
        if any(group_at == group[0].group for group in groups):
            text.set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(longest - 0.5, -0.7)
    axes.set_xlabel("z = (simulated − target) / tolerance")


@dataclass(frozen=True)
class Held:
    """What the data say about the parameters.

    Attributes
    ----------
    labels : sequence of str
    sd, sd_alone : (n,) float64
        Standard deviation as a share of the prior's, with the other parameters free and known.
    limit : float
        Below it a parameter counts as held.
    directions : (n,) float64
        The same along the eigenvectors of JᵀJ.
    correlation : (n, n) float64
    sampled : (n,) float64 or None
        Standard deviation of a sampled posterior as a share of the prior's.
    """

    labels: Sequence[str]
    sd: NDArray[np.float64]
    sd_alone: NDArray[np.float64]
    limit: float
    directions: NDArray[np.float64]
    correlation: NDArray[np.float64]
    sampled: NDArray[np.float64] | None = None


def draw_identifiability(held: Held) -> Figure:
    """Shares of the prior's standard deviation left, per parameter and per direction; correlations."""
    n = len(held.labels)
    figure = new_figure(height=max(62.0, 24.0 + 5.5 * n))
    axes = grid(figure, 1, 3, width_ratios=(1.0, 0.7, 1.25))[0]
    _shares(axes[0], held)
    _directions(axes[1], held)
    _correlations(figure, axes[2], held)
    for panel, mark in zip(axes, "abc", strict=True):
        letter(panel, mark)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def _shares(axes: Axes, held: Held) -> None:
    y = np.arange(len(held.labels))
    axes.barh(y, held.sd, height=0.62, color="#B9D5EA", label="others free")
    axes.plot(held.sd_alone, y, "|", color=BLACK, markersize=8, markeredgewidth=1.4, label="others known")
    if held.sampled is not None:
        axes.plot(held.sampled, y, "D", color=VERMILLION, markersize=3.5, label="sampled")
    axes.axvline(held.limit, color=GREY, linewidth=0.8, linestyle="--", label="limit of held")
    axes.set_yticks(y, [f"{text}  {i + 1}" for i, text in enumerate(held.labels)])
    axes.set_ylim(len(y) - 0.5, -0.5)
    widest = max(1.0, 0.0 if held.sampled is None else float(np.max(held.sampled)))
    axes.set_xlim(0, widest * 1.02)
    axes.set_xlabel("sd / sd of the prior")
    axes.set_title("Parameters")


def _directions(axes: Axes, held: Held) -> None:
    number = np.arange(1, len(held.directions) + 1)
    colours = [AFTER if share <= held.limit else GREY for share in held.directions]
    axes.bar(number, held.directions, color=colours, width=0.7)
    axes.axhline(held.limit, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1.02)
    axes.set_xticks(number[:: math.ceil(len(number) / 6)])
    axes.set_xlabel("Eigenvector of JᵀJ")
    axes.set_ylabel("sd / sd of the prior")
    axes.set_title("Combinations")


def _correlations(figure: Figure, axes: Axes, held: Held) -> None:
    colours = LinearSegmentedColormap.from_list("abm_correlation", [VERMILLION, "#FFFFFF", BLUE])
    image = axes.imshow(held.correlation, cmap=colours, vmin=-1, vmax=1)
    n = len(held.labels)
    shown = range(0, n, math.ceil(n / 12))  # the names stand in the first panel
    axes.set_xticks(shown, [str(i + 1) for i in shown], fontsize=SMALL - 1)
    axes.set_yticks(shown, [str(i + 1) for i in shown], fontsize=SMALL - 1)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if n <= 8:
        for i in range(n):
            for j in range(n):
                value = held.correlation[i, j]
                colour = "white" if abs(value) > 0.6 else BLACK
                text = f"{round(value, 1) + 0.0:.1f}".replace("-", "−")
                axes.text(j, i, text, ha="center", va="center", fontsize=SMALL - 1, color=colour)
    axes.set_title("Correlations")
    figure.colorbar(image, ax=axes, shrink=0.7, aspect=25, pad=0.02)


def save_figure(figure: Figure, path: Path, title: str) -> Path:
    """Write a figure as PNG, the same bytes for the same data.

    Raises
    ------
    RecordError
        The file cannot be written.
    """
    maker = f"abm {__version__}, matplotlib {mpl.__version__}"
    try:
        figure.savefig(path, format="png", dpi=DPI, metadata={"Title": title, "Software": maker})
    except OSError as error:
        raise os_fault(path, "write the figure", error) from error
    return path
