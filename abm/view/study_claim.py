"""One claim: the courses it is about, and both sides of each comparison replicate by replicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from abm.analysis.curves import Curves
from abm.view.canvas import grid, new_figure
from abm.view.curve_axes import draw_curves
from abm.view.labels import unit_label
from abm.view.study_effects import LOOKS
from abm.view.style import BLACK, GREY, PHENOTYPE_DASHES, SMALL, arm_styles, shade

HEIGHT = 56.0  # mm, of one comparison
MOST_COURSES = 6
# Shades of a time or window that is asked about.
WINDOW_ALPHA = 0.10
PALER = 0.6
_LONGEST = 96


@dataclass(frozen=True)
class CoursePlot:
    """One course that a comparison reads.

    Attributes
    ----------
    arm : str
        Whose colour it takes.
    label : str
        As it was written.
    curves : Curves
        In the unit that is printed.
    windows : tuple of (float, float) [d]
        What of it is asked about; the two ends are equal for a time.
    """

    arm: str
    label: str
    curves: Curves
    windows: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ComparisonPlot:
    """One comparison.

    Attributes
    ----------
    text, verdict, numbers : str
        As written; what became of it; the difference with its interval.
    unit : str
        Of both sides.
    left, right : (n,) float64
        Of every replicate; empty when it cannot be evaluated.
    courses : tuple of CoursePlot
    bounds : tuple of float
        Levels that the courses are compared with, in the unit of the first course.
    """

    text: str
    verdict: str
    numbers: str
    unit: str
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    courses: tuple[CoursePlot, ...] = ()
    bounds: tuple[float, ...] = field(default=())


def draw_claim(comparisons: Sequence[ComparisonPlot], arms: Sequence[str]) -> Figure:
    """A row for each comparison: its courses to the left, its replicates to the right.

    Parameters
    ----------
    comparisons : sequence of ComparisonPlot
    arms : sequence of str
        All arms of the study, so that they look as in its other figures.
    """
    figure = new_figure(height=HEIGHT * len(comparisons))
    rows = grid(figure, len(comparisons), 2, width_ratios=[2.1, 1.0])
    for row, comparison in zip(rows, comparisons, strict=True):
        _courses(row[0], comparison, arms)
        _replicates(row[1], comparison)
    return figure


def _courses(axes: Axes, comparison: ComparisonPlot, arms: Sequence[str]) -> None:
    styles = arm_styles(arms)
    unit = comparison.courses[0].curves.unit if comparison.courses else ""
    shown = [course for course in comparison.courses if course.curves.unit == unit][:MOST_COURSES]
    cut = len(comparison.text) > _LONGEST
    axes.set_title(f"{comparison.text[: _LONGEST - 1]}…" if cut else comparison.text, fontsize=SMALL)
    if not shown:
        axes.set_axis_off()
        axes.text(0.0, 0.5, "no course over time", color=GREY, fontsize=SMALL, transform=axes.transAxes)
        return
    drawn: dict[str, int] = {}
    for course in shown:
        look, before = styles[course.arm], drawn.get(course.arm, 0)
        # A further course of the same arm is paler and has other dashes.
        colour = shade(look.colour, PALER**before)
        dash = look.dash if before == 0 else PHENOTYPE_DASHES[(before - 1) % len(PHENOTYPE_DASHES)]
        draw_curves(axes, course.curves, colour, dash, label=course.label)
        drawn[course.arm] = before + 1
    for start, end in dict.fromkeys(window for course in shown for window in course.windows):
        if start == end:
            axes.axvline(start, color=BLACK, linewidth=0.6, linestyle=(0, (2, 2)), zorder=1)
        else:
            axes.axvspan(start, end, color=GREY, alpha=WINDOW_ALPHA, linewidth=0, zorder=0)
    for bound in comparison.bounds:
        axes.axhline(bound, color=BLACK, linewidth=0.8, zorder=1.2)
    axes.set_xlim(float(shown[0].curves.time[0]), float(shown[0].curves.time[-1]))
    axes.set_xlabel("Time (d)")
    axes.set_ylabel(unit_label(unit))
    axes.legend(loc="best", fontsize=SMALL - 1)


def _replicates(axes: Axes, comparison: ComparisonPlot) -> None:
    colour = LOOKS.get(comparison.verdict, (GREY, "x", False))[0]
    left, right = comparison.left, comparison.right
    sound = len(left) > 0 and np.isfinite(left).all() and np.isfinite(right).all()
    axes.set_title(comparison.verdict, color=colour)
    if not sound:
        axes.set_axis_off()
        return
    for a, b in zip(*np.broadcast_arrays(left, right), strict=True):
        axes.plot([0, 1], [a, b], color=GREY, linewidth=0.6, marker="o", markersize=2.4, zorder=2)
    axes.plot(
        [0, 1], [left.mean(), right.mean()], color=colour, linewidth=1.6, marker="o", markersize=4, zorder=3
    )
    axes.set_xlim(-0.35, 1.35)
    axes.set_xticks([0, 1], ["left side", "right side"])
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel(unit_label(comparison.unit))
    axes.set_xlabel(comparison.numbers)
