"""Curves of arms over time: means with their intervals, axes in days, marks of what was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from abm.analysis.curves import Curves
from abm.analysis.groups import RunGroups
from abm.record import Run
from abm.view.labels import arm_label, dose_label
from abm.view.style import BAND_ALPHA, BLACK, SMALL, ArmStyle, Dash

# With two replicates the interval is nine standard deviations wide: the two curves say more.
LEAST_FOR_BAND = 3


def draw_curves(
    axes: Axes,
    curves: Curves,
    colour: Any,
    dash: Dash = "-",
    *,
    individual: bool = False,
    label: str = "",
    width: float = 1.2,
) -> None:
    """Mean over replicates with the 95 % band, or thin single curves when there are few or when asked."""
    interval = curves.interval()
    if len(curves.values) >= LEAST_FOR_BAND and not individual:
        axes.fill_between(
            curves.time, interval.low, interval.high, color=colour, alpha=BAND_ALPHA, linewidth=0, zorder=1.5
        )
    elif len(curves.values) > 1:
        for row in curves.values:
            axes.plot(
                curves.time, row, color=colour, linewidth=0.4, alpha=0.7, label="_replicate", zorder=1.8
            )
    axes.plot(
        curves.time, interval.mean, color=colour, linestyle=dash, linewidth=width, label=label, zorder=2
    )


def spread_text(runs: Iterable[Sequence[Run]], individual: bool = False) -> str:
    """What the lines and bands are, e.g. ``Mean, 95 % interval (n = 3)``."""
    sizes = sorted({len(replicates) for replicates in runs})
    counted = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}–{sizes[-1]}"
    if sizes[-1] == 1:
        return "One replicate, no interval"
    if individual or sizes[-1] < LEAST_FOR_BAND:
        return f"Mean and single replicates (n = {counted})"
    return f"Mean, 95 % interval (n = {counted})"


def arm_handles(styles: Iterable[ArmStyle]) -> list[Line2D]:
    """Handles of the legend of arms."""
    return [
        Line2D([], [], color=style.colour, linestyle=style.dash, label=style.label, linewidth=1.4)
        for style in styles
    ]


def time_axis(axes: Axes, groups: RunGroups, *, label: bool = True) -> None:
    """Days from the start to the end of the runs, ticks at whole weeks where that fits."""
    end = last_day(groups)
    axes.set_xlim(0.0, end)
    if 14.0 <= end <= 60.0:
        axes.xaxis.set_major_locator(MultipleLocator(7.0))
    elif 60.0 < end <= 130.0:
        axes.xaxis.set_major_locator(MultipleLocator(14.0))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if label:
        axes.set_xlabel(time_label(groups))


def time_label(groups: RunGroups) -> str:
    """``Time after injury (d)`` when every injury is on day 0."""
    days = {injury.day for made in groups.experiments.values() for injury in made.injuries}
    return "Time after injury (d)" if days == {0.0} else "Time (d)"


def last_day(groups: RunGroups) -> float:
    """End of the longest run [d]; 1 when nothing was recorded."""
    return max((float(run.time[-1]) for run in groups.runs if len(run.time)), default=0.0) or 1.0


def mark_doses(axes: Axes, groups: RunGroups, styles: Mapping[str, ArmStyle]) -> None:
    """Triangles above the axes where injuries were set and doses given, each kind on its own line in words.

    Only the arms in `styles` count.
    """
    rows: list[tuple[str, str, list[float]]] = []
    kinds: dict[str, list[float]] = {}
    shown = {arm: groups.experiments[arm] for arm in styles}
    for made in shown.values():
        for injury in made.injuries:
            kinds.setdefault(arm_label(injury.kind), []).append(injury.day)
    if kinds:
        rows.append((" or ".join(kinds), BLACK, sorted({day for days in kinds.values() for day in days})))
    for arm, made in shown.items():
        texts: dict[str, list[float]] = {}
        for dose in made.doses:
            texts.setdefault(dose_label(dose.text, made.labels), []).append(dose.day)
        rows.extend((text, styles[arm].colour, days) for text, days in texts.items())
    for line, (text, colour, days) in enumerate(reversed(rows)):
        offset = (0.0, 4.0 + 9.0 * line)
        for day in days:
            _mark(axes, day, offset, colour)
        axes.annotate(
            text,
            (max(days), 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4.5, offset[1]),
            textcoords="offset points",
            color=colour,
            fontsize=SMALL,
            va="center",
            annotation_clip=False,
        )


def _mark(axes: Axes, day: float, offset: tuple[float, float], colour: str) -> None:
    axes.annotate(
        "▼",
        (day, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=offset,
        textcoords="offset points",
        color=colour,
        fontsize=6,
        ha="center",
        va="center",
        annotation_clip=False,
    )


def from_zero(panels: Axes | Sequence[Axes], room: float = 1.05) -> None:
    """Y axes from 0 to a little above what is drawn; one height for panels that share it."""
    axes = [panels] if isinstance(panels, Axes) else list(panels)
    top = max((float(np.nanmax(heights)) for one in axes for heights in _heights(one)), default=0.0)
    for one in axes:
        one.set_ylim(0.0, room * top if top > 0.0 else 1.0)


def _heights(axes: Axes) -> list[NDArray[np.float64]]:
    """Y values of the curves and bands, where there are any."""
    found = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.get_lines()]
    for band in axes.collections:
        found.extend(np.asarray(path.vertices, dtype=np.float64)[:, 1] for path in band.get_paths())
    return [values for values in found if np.isfinite(values).any()]
