"""Concentrations over time: at the site, in the whole tissue, in the cerebrospinal fluid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.view.canvas import NothingToShowError, grid, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, from_zero, spread_text, time_axis, time_label
from abm.view.labels import name_label, sentence
from abm.view.options import Options
from abm.view.pain import require
from abm.view.style import ArmStyle, arm_styles

REGIONAL, WHOLE, LEVEL = "cytokine_by_region", "cytokine_mean", "compartment_level"
# A compartment is drawn when a level in it moves by more than this share of its start.
LEAST_CHANGE = 0.01
LOG_FROM = 50.0  # highest over lowest value beyond which an axis is logarithmic


def draw_cytokines(groups: RunGroups, options: Options) -> Figure:
    """A row per cytokine; columns for the readout's region, the whole tissue and each compartment that moves."""
    require(groups, WHOLE)
    labels = next(iter(groups.experiments.values())).labels
    places = _places(groups)
    styles = arm_styles(groups)
    names = groups.runs[0].cytokines
    if not names:
        raise NothingToShowError("the runs have no cytokines")
    figure = new_figure(height=24 + 27 * len(names))
    axes = grid(figure, len(names), len(places), sharex=True)
    for row, name in zip(axes, names, strict=True):
        for panel, place in zip(row, places, strict=True):
            curves = {arm: _curves(groups, arm, name, place) for arm in groups}
            draw_concentrations(panel, curves, styles, options)
            time_axis(panel, groups, label=False)
        row[0].set_ylabel(f"{sentence(name_label(name, labels))}\n({_unit(groups)})")
    for panel, (kind, place) in zip(axes[0], places, strict=True):
        panel.set_title(sentence(name_label(place, labels) if kind == LEVEL else place))
    figure.align_ylabels([row[0] for row in axes])
    figure.supxlabel(time_label(groups), fontsize=axes[0][0].yaxis.label.get_fontsize())
    figure.legend(
        handles=arm_handles(styles.values()),
        loc="outside upper center",
        ncols=min(len(styles), 5),
        title=spread_text(groups.values(), options.individual),
    )
    return figure


def draw_concentrations(
    axes: Axes, curves: Mapping[str, Curves], styles: Mapping[str, ArmStyle], options: Options
) -> None:
    """One line per arm; a logarithmic axis where the values span more than a factor of 50."""
    for arm, one in curves.items():
        look = styles[arm]
        draw_curves(axes, one, look.colour, look.dash, individual=options.individual, label=look.label)
    values = np.concatenate([one.values.ravel() for one in curves.values()])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > LOG_FROM * values.min():
        axes.set_yscale("log")
    else:
        from_zero(axes, 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))


def _places(groups: RunGroups) -> list[tuple[str, str]]:
    """(series, label of its place) of every column."""
    region = next(iter(groups.experiments.values())).readout_region
    places = [(REGIONAL, region)] if region else []
    places.append((WHOLE, "whole tissue"))
    if LEVEL in groups.runs[0].series_names:
        for compartment in groups.runs[0].series(LEVEL).labels["compartment"]:
            if any(_moves(run.series(LEVEL).at(compartment=str(compartment)).values) for run in groups.runs):
                places.append((LEVEL, str(compartment)))
    return places


def _moves(levels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bool:
    """Whether any column of (n_time, n_cytokine) leaves its start."""
    start = levels[:1]
    return bool((np.abs(levels - start) > LEAST_CHANGE * np.maximum(start, 1.0)).any())


def _curves(groups: RunGroups, arm: str, cytokine: str, place: tuple[str, str]) -> Curves:
    series, label = place
    match series:
        case "cytokine_by_region":
            return collect(groups[arm], series, cytokine=cytokine, region=label)
        case "compartment_level":
            return collect(groups[arm], series, cytokine=cytokine, compartment=label)
        case _:
            return collect(groups[arm], series, cytokine=cytokine)


def _unit(groups: RunGroups) -> str:
    return groups.runs[0].series(WHOLE).unit
