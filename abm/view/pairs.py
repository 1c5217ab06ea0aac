"""Pair correlation of the cells of each type: whether they cluster, or keep apart."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.analysis.pair_correlation import Window, pair_correlation
from abm.analysis.statistics import mean_interval
from abm.record import Run
from abm.view.canvas import NothingToShowError, footnote, grid, new_figure
from abm.view.curve_axes import LEAST_FOR_BAND, arm_handles, spread_text
from abm.view.labels import name_label, plural, sentence
from abm.view.options import Options
from abm.view.snapshot import default_days
from abm.view.style import BAND_ALPHA, GREY, Dash, arm_styles

BINS = 25
REACH = 0.15  # longest distance, as a share of the shorter side of the tissue
FARTHEST = 300.0  # um
LEAST_CELLS = 20  # fewer say nothing of a distribution
COLUMNS = 3


def draw_pairs(groups: RunGroups, options: Options) -> Figure:
    """Pair correlation function of every cell type on a day: a panel per type, a line per arm."""
    if any(len(run.frame_times) == 0 for run in groups.runs):
        raise NothingToShowError("no frames of cells were recorded")
    day = options.days[-1] if options.days else default_days(groups)[-1]
    edges = _edges(groups.runs[0])
    curves = {
        kind: {arm: np.array([_curve(run, kind, day, edges) for run in runs]) for arm, runs in groups.items()}
        for kind in (str(name) for name in groups.runs[0].cell_labels["type"])
    }
    shown = {
        kind: arms for kind, arms in curves.items() if any(np.isfinite(rows).any() for rows in arms.values())
    }
    if not shown:
        raise NothingToShowError(f"no type has {LEAST_CELLS} cells in the tissue on day {day:g}")
    rows = -(-len(shown) // COLUMNS)
    figure = new_figure(height=26 + 52 * rows)
    panels = [panel for row in grid(figure, rows, min(COLUMNS, len(shown)), sharex=True) for panel in row]
    labels = next(iter(groups.experiments.values())).labels
    styles = arm_styles(groups)
    middle = 0.5 * (edges[1:] + edges[:-1])
    for panel, (kind, arms) in zip(panels, shown.items(), strict=False):
        panel.axhline(1.0, color=GREY, linewidth=0.6, linestyle=(0, (3, 2)))
        for arm, values in arms.items():
            _draw(panel, middle, values, styles[arm].colour, styles[arm].dash)
        panel.set_title(sentence(plural(name_label(kind, labels))))
        panel.set_ylim(bottom=0.0)
        panel.set_xlim(0.0, edges[-1])
    for panel in panels[len(shown) :]:
        panel.remove()
    for panel in panels[: len(shown)][-min(COLUMNS, len(shown)) :]:
        panel.set_xlabel("Distance r (µm)")
        panel.tick_params(labelbottom=True)
    for first in panels[:: min(COLUMNS, len(shown))]:
        first.set_ylabel("Pair correlation g(r)")
    figure.legend(
        handles=arm_handles(styles.values()),
        loc="outside upper center",
        ncols=min(len(styles), 5),
        title=f"Day {day:g}. {spread_text(groups.values(), options.individual)}",
    )
    footnote(figure, "1 (dashed): scattered by chance. Translation correction of edges (Ohser).")
    return figure


def _draw(
    axes: Axes, middle: NDArray[np.float64], values: NDArray[np.float64], colour: str, dash: Dash
) -> None:
    interval = mean_interval(values)
    if len(values) >= LEAST_FOR_BAND:
        axes.fill_between(middle, interval.low, interval.high, color=colour, alpha=BAND_ALPHA, linewidth=0)
    axes.plot(middle, interval.mean, color=colour, linestyle=dash)


def _edges(run: Run) -> NDArray[np.float64]:
    sides = [np.ptp(run.coordinate(axis)) for axis in "xy"]
    return np.linspace(0.0, min(REACH * max(min(sides), 1.0), FARTHEST), BINS + 1)


def _curve(run: Run, kind: str, day: float, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """g(r) of one type in one run; nan where there are too few cells."""
    cells = run.frame(time=day, columns=["id", "type", "status", "place", "x", "y", "z"])
    cells = cells.where(type=kind, status="alive", place="tissue")
    if len(cells) < LEAST_CELLS:
        return np.full(len(edges) - 1, np.nan)
    flat = run.tissue.shape[0] == 1
    spacing = [float(np.diff(run.coordinate(axis)[:2])[0]) for axis in ("yx" if flat else "zyx")]
    window = Window(run.tissue[0] if flat else run.tissue, tuple(spacing))
    points = np.column_stack([cells[axis] for axis in ("xy" if flat else "xyz")])
    return pair_correlation(points, window, edges)
