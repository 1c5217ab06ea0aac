"""The experiment on one landscape page: tissue, pain and cytokines."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from abm.analysis.curves import collect
from abm.analysis.groups import RunGroups
from abm.view.canvas import grid, letter, new_figure
from abm.view.curve_axes import arm_handles, last_day, spread_text, time_axis
from abm.view.cytokines import REGIONAL, WHOLE, draw_concentrations, scale_concentrations
from abm.view.labels import name_label
from abm.view.options import Options
from abm.view.pain import THRESHOLD, require, threshold_axes
from abm.view.snapshot import box_of, pick, snapshot
from abm.view.style import arm_styles
from abm.view.symbols import cell_handles
from abm.view.tissue import add_colour_bar, colour_scale, draw_snapshot, scale_bar

WIDTH, HEIGHT = 240.0, 154.0  # mm
SHOWN = ("IL-1b", "TNF-a", "IL-10", "TGF-b1")
AFTER_DOSE = 7.0  # days
PANELS = 4  # of tissue


def draw_overview(groups: RunGroups, options: Options) -> Figure:
    """Tissue of every arm on one day above; threshold and four cytokines below."""
    require(groups, THRESHOLD)
    styles = arm_styles(groups)
    labels = next(iter(groups.experiments.values())).labels
    figure = new_figure(HEIGHT, WIDTH)
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.0, 1.15))[:, 0]
    days = options.days or telling_days(groups)
    shots = {
        arm: [snapshot(pick(runs, options), day, options) for day in days] for arm, runs in groups.items()
    }
    panels = grid(upper, 1, len(groups) * len(days))[0]
    shown = [(arm, shot) for arm, row in shots.items() for shot in row]
    norm = colour_scale([shot for _, shot in shown])
    for position, ((arm, shot), panel) in enumerate(zip(shown, panels, strict=True)):
        draw_snapshot(panel, shot, norm, groups.experiments[arm].readout_region, names=position == 0)
        panel.set_title(f"{styles[arm].label}, day {shot.day:g}")
    scale_bar(panels[0], box_of(groups.runs[0]))
    add_colour_bar(panels[-1], norm, options.field, shown[0][1].unit, labels)
    upper.legend(
        handles=cell_handles([shot for _, shot in shown], labels),
        loc="outside lower center",
        ncols=9,
        handletextpad=0.2,
        columnspacing=1.0,
    )
    left, right = lower.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.05))[0]
    axes = left.subplots()
    threshold_axes(axes, groups, options, styles)
    _cytokines(right, groups, options)
    figure.legend(
        handles=arm_handles(styles.values()),
        loc="outside lower center",
        ncols=min(len(styles), 6),
        title=spread_text(groups.values(), options.individual),
    )
    letter(panels[0], "a")
    letter(axes, "b")
    return figure


def telling_days(groups: RunGroups) -> tuple[float, ...]:
    """A week after the first dose of any arm, else day 7; several evenly spaced days for one or two arms."""
    end = last_day(groups)
    count = PANELS // len(groups)
    if count > 1:
        frames = groups.runs[0].field_times
        wanted = np.linspace(0.0, end, count + 1)[1:]
        nearest = [float(frames[np.argmin(np.abs(frames - day))]) for day in wanted if len(frames)]
        return tuple(dict.fromkeys(nearest)) or (end,)
    doses = [dose.day for made in groups.experiments.values() for dose in made.doses]
    return (min(min(doses, default=0.0) + AFTER_DOSE, end),)


def _cytokines(figure: object, groups: RunGroups, options: Options) -> None:
    made = next(iter(groups.experiments.values()))
    known = groups.runs[0].cytokines
    names = [name for name in SHOWN if name in known] or known[:4]
    rows = grid(figure, 2 if len(names) > 2 else 1, 2 if len(names) > 1 else 1, sharex=True)
    styles = arm_styles(groups)
    panels = [panel for row in rows for panel in row]
    for panel, name in zip(panels, names, strict=False):
        where = {"region": made.readout_region} if made.readout_region else {}
        series = REGIONAL if where else WHOLE
        curves = {arm: collect(runs, series, cytokine=name, **where) for arm, runs in groups.items()}
        draw_concentrations(panel, curves, styles, options)
        unit = next(iter(curves.values())).unit
        panel.set_ylabel(f"{name_label(name, made.labels)} ({unit})")
        time_axis(panel, groups, label=panel in rows[-1])
        scale_concentrations([panel])
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    letter(panels[0], "c")
