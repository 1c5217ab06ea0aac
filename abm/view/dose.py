"""Dose and response over the arms of a study."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from abm.analysis.dose_response import CELLS, Response, dose_responses
from abm.analysis.groups import RunGroups
from abm.analysis.statistics import mean_interval
from abm.view.canvas import NothingToShowError, footnote, grid, new_figure
from abm.view.labels import arm_label, name_label, power_of_ten
from abm.view.options import Options
from abm.view.pain import THRESHOLD, require
from abm.view.style import BLACK, GREY, SMALL, arm_styles

BELOW = 3.0  # the dose 0 stands this factor below the lowest dose


def draw_dose(groups: RunGroups, options: Options) -> Figure:
    """Mean threshold after the dose, against the dose: a panel for everything that was given alone."""
    require(groups, THRESHOLD)
    found = dose_responses(groups, THRESHOLD)
    if not found:
        raise NothingToShowError("no arm was given a dose of a single thing")
    labels = next(iter(groups.experiments.values())).labels
    figure = new_figure(height=82)
    panels = grid(figure, 1, len(found), sharey=True)[0]
    for panel, ((what, unit), rows) in zip(panels, found.items(), strict=True):
        _draw(panel, rows, {arm: look.colour for arm, look in arm_styles(groups).items()})
        counted = "cells" if unit == CELLS else unit
        panel.set_xlabel(f"{name_label(what, labels)} ({counted})")
        panel.set_ylim(bottom=0.0)
    panels[0].set_ylabel("Mean threshold after the dose (g)")
    vehicle = f" The dose 0 is {arm_label(groups.vehicle)}." if groups.vehicle else ""
    footnote(
        figure,
        "Points: replicates; line: mean, bars: 95 % interval; mean over time from the first dose to the end."
        f"{vehicle}",
    )
    return figure


def _draw(axes: Axes, rows: list[Response], colours: dict[str, str]) -> None:
    doses = np.array([row.amount for row in rows])
    lowest = float(doses[doses > 0].min())
    places = np.where(doses > 0, doses, lowest / BELOW)
    means = []
    for row, place in zip(rows, places, strict=True):
        spread = place * np.linspace(0.96, 1.04, len(row.values)) if len(row.values) > 1 else [place]
        axes.plot(spread, row.values, "o", markersize=3, color=colours[row.arm], alpha=0.7, linewidth=0)
        interval = mean_interval(row.values[:, None])
        means.append(float(interval.mean[0]))
        if np.isfinite(interval.low[0]):
            axes.plot(
                [place, place], [interval.low[0], interval.high[0]], color=colours[row.arm], linewidth=1.2
            )
    treated = doses > 0
    axes.plot(places[treated], np.array(means)[treated], color=BLACK, linewidth=0.9, zorder=1)
    axes.set_xscale("log")
    axes.set_xlim(places.min() / 1.6, places.max() * 1.6)
    texts = {
        float(place): "0" if dose == 0 else _dose(float(dose))
        for place, dose in zip(places, doses, strict=True)
    }
    axes.xaxis.set_major_locator(FixedLocator(sorted(texts)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _nearest(texts, value)))
    axes.tick_params(axis="x", labelsize=SMALL)
    if not treated.all():
        axes.axhline(np.array(means)[~treated][0], color=GREY, linewidth=0.6, linestyle=(0, (3, 2)))


def _dose(dose: float) -> str:
    return power_of_ten(dose) if dose >= 1e4 else f"{dose:g}"


def _nearest(texts: dict[float, str], value: float) -> str:
    return texts[min(texts, key=lambda place: abs(place - value))]
