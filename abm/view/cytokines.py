"""Concentrations over time: at the site, in the whole tissue, in the cerebrospinal fluid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.record import Run
from abm.view.canvas import NothingToShowError, grid, new_figure
from abm.view.curve_axes import arm_handles, draw_curves, from_zero, spread_text, time_axis
from abm.view.labels import name_label, sentence
from abm.view.options import Options
from abm.view.pain import require
from abm.view.style import ArmStyle, arm_styles

REGIONAL, WHOLE, LEVEL = "cytokine_by_region", "cytokine_mean", "compartment_level"
# A compartment is drawn when a level in it moves by more than this share of the highest level in the tissue.
LEAST_CHANGE = 0.05
LOG_FROM = 50.0  # highest over lowest value beyond which an axis is logarithmic


def draw_cytokines(groups: RunGroups, options: Options) -> Figure:
    """A row per cytokine; columns: the readout's region, the whole tissue, each compartment that moves."""
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
            time_axis(panel, groups, label=row is axes[-1])
        scale_concentrations(row)
        row[0].set_ylabel(f"{sentence(name_label(name, labels))}\n({_unit(groups)})")
    for panel, (series, where) in zip(axes[0], places, strict=True):
        panel.set_title(sentence(name_label(where, labels) if series == LEVEL else where))
    figure.align_ylabels([row[0] for row in axes])
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
    """One line per arm."""
    for arm, one in curves.items():
        look = styles[arm]
        draw_curves(axes, one, look.colour, look.dash, individual=options.individual, label=look.label)


def scale_concentrations(panels: Sequence[Axes]) -> None:
    """Axes from 0, all logarithmic where the means of one panel span more than a factor of 50."""
    means = [np.concatenate([np.asarray(line.get_ydata(), float) for line in p.get_lines()]) for p in panels]
    if any(np.nanmin(m) > 0 and np.nanmax(m) > LOG_FROM * np.nanmin(m) for m in means):
        for panel, mean in zip(panels, means, strict=True):
            panel.set_yscale("log")
            panel.set_ylim(0.7 * np.nanmin(mean), 1.5 * np.nanmax(mean))
            panel.yaxis.set_minor_formatter(NullFormatter())
        return
    for panel in panels:
        from_zero(panel, 1.08)
        panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))


def _places(groups: RunGroups) -> list[tuple[str, str]]:
    """(series, label of its place) of every column."""
    region = next(iter(groups.experiments.values())).readout_region
    places = [(REGIONAL, region)] if region else []
    places.append((WHOLE, "whole tissue"))
    if LEVEL in groups.runs[0].series_names:
        held = [str(name) for name in groups.runs[0].series(LEVEL).labels["compartment"]]
        places += [(LEVEL, name) for name in held if any(_moves(run, name) for run in groups.runs)]
    return places


def _moves(run: Run, compartment: str) -> bool:
    """Whether any cytokine moves in a compartment by as much as matters in the tissue."""
    levels = run.series(LEVEL).at(compartment=compartment).values
    return bool((np.ptp(levels, axis=0) > LEAST_CHANGE * run.series(WHOLE).values.max(axis=0)).any())


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
