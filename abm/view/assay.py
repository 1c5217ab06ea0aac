"""Assays of arms over days, beside the noise-free readout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abm.analysis.assays import AssayResult, noise_free
from abm.analysis.groups import RunGroups
from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.view.canvas import house_style, new_figure, save
from abm.view.curve_axes import arm_handles, last_day, mark_doses, time_axis
from abm.view.labels import sentence
from abm.view.style import GREY, ArmStyle, arm_styles

_DODGE = 0.006  # of the length of the time axis, between arms on the same day
_DOTS_AT_MOST = 400  # animals of an arm; more are a smear


def plot_assay(
    groups: RunGroups,
    results: Mapping[str, AssayResult],
    output: str | Path,
    formats: Sequence[str] = ("png",),
    dpi: int = 300,
) -> list[Path]:
    """Write the figure of an assay, ``assay_<name>.<format>``, into a folder; an older one is replaced.

    Raises
    ------
    RecordError
        No results, an unknown format, or a folder that cannot be written.
    """
    if not results:
        raise RecordError("there are no results of an assay to draw")
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_fault(folder, "make the folder", error) from error
    name = "assay_" + next(iter(results.values())).assay.replace("-", "_")
    with house_style():
        return save(draw_assay(groups, results), folder, name, formats, groups, dpi)


def draw_assay(groups: RunGroups, results: Mapping[str, AssayResult]) -> Figure:
    """Mean ± SEM of every arm over the noise-free curve, a dot for every animal, limits dashed."""
    first = next(iter(results.values()))
    styles = arm_styles(results)
    figure = new_figure(height=105)
    axes = figure.subplots()
    shift = _DODGE * last_day(groups)
    for position, (arm, result) in enumerate(results.items()):
        _arm(axes, groups, arm, result, styles[arm], shift * (position - 0.5 * (len(results) - 1)))
    low, high = first.limits
    for limit, text in ((high, "highest value"), (low, "lowest value")):
        if limit > 0.0:
            axes.axhline(limit, color=GREY, linewidth=0.5, linestyle=(0, (4.0, 3.0)), zorder=1)
            axes.annotate(
                f"{text}, {limit:g} {first.unit}",
                (1.0, limit),
                xycoords=("axes fraction", "data"),
                xytext=(0, 1.5),
                textcoords="offset points",
                ha="right",
                va="bottom",
                color=GREY,
                fontsize=6,
            )
    axes.set_ylabel(f"{sentence(first.label)} ({first.unit})")
    time_axis(axes, groups)
    axes.set_xlim(-4.0 * shift, last_day(groups) + 4.0 * shift)
    axes.set_ylim(0.0, 1.08 * high)
    mark_doses(axes, groups, styles)
    figure.legend(
        handles=[*arm_handles(styles.values()), *_keys()],
        loc="outside lower center",
        ncols=4,
        title=_sizes(results),
    )
    return figure


def _arm(axes: Axes, groups: RunGroups, arm: str, result: AssayResult, look: ArmStyle, shift: float) -> None:
    clean = noise_free(groups, arm, result.assay)
    axes.plot(clean.time, clean.values.mean(axis=0), color=look.colour, linestyle=look.dash, linewidth=0.8)
    days = result.days + shift
    pooled = result.values.reshape(result.animals, len(days))
    if result.animals <= _DOTS_AT_MOST:
        x = np.repeat(days[None], len(pooled), axis=0)
        axes.plot(
            x.ravel(), pooled.ravel(), ".", color=look.colour, markersize=2.6, alpha=0.4, markeredgewidth=0
        )
    axes.errorbar(
        days,
        pooled.mean(axis=0),
        yerr=np.nan_to_num(result.sem()),
        fmt="o",
        color=look.colour,
        markersize=3.5,
        elinewidth=0.9,
        capsize=1.8,
        zorder=3,
    )


def _keys() -> list[Line2D]:
    """What points, dots and lines are."""
    return [
        Line2D([], [], color=GREY, marker="o", markersize=3.5, linestyle="", label="mean ± SEM"),
        Line2D([], [], color=GREY, marker=".", markersize=2.6, linestyle="", label="one animal"),
        Line2D([], [], color=GREY, linewidth=0.8, label="noise-free readout"),
    ]


def _sizes(results: Mapping[str, AssayResult]) -> str:
    """How many animals of how many runs."""
    shapes = {result.values.shape[:2] for result in results.values()}
    runs = sorted({runs for runs, _ in shapes})
    animals = next(iter(shapes))[1]
    counted = f"{runs[0]}" if len(runs) == 1 else f"{runs[0]}–{runs[-1]}"
    return f"{animals} animals per run, {counted} runs per arm; the same animals on all days and in all arms"
