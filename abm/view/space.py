"""Fields and cells against the distance from the injury, and along a line through it over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.analysis.radial import Rings, along_line, centre_of, radius_of
from abm.errors import RequestError
from abm.record import Run
from abm.view.canvas import NothingToShowError, footnote, grid, new_figure
from abm.view.curve_axes import time_label
from abm.view.labels import name_label, plural
from abm.view.options import Options
from abm.view.snapshot import default_days
from abm.view.style import GREY, arm_styles, cell_colours
from abm.view.tissue import LOG_FROM

COLOURS = "viridis"


def draw_kymograph(groups: RunGroups, options: Options) -> Figure:
    """Concentration along a line through the injury, over time: a panel per arm on one colour scale."""
    _check_field(groups, options)
    region = _region(groups)
    lines = {
        arm: np.mean([along_line(run, options.field, region) for run in runs], axis=0)
        for arm, runs in _alike(groups).items()
    }
    norm = _scale(np.concatenate([values.ravel() for values in lines.values()]))
    figure = new_figure(height=78)
    panels = grid(figure, 1, len(lines), sharey=True)[0]
    styles = arm_styles(groups)
    for panel, (arm, values) in zip(panels, lines.items(), strict=True):
        run = groups[arm][0]
        x = run.coordinate("x") / 1000.0
        mesh = panel.pcolormesh(run.field_times, x, values.T, norm=norm, cmap=COLOURS, rasterized=True)
        if region:
            middle, half = centre_of(run, region)[0] / 1000.0, radius_of(run, region) / 1000.0
            for edge in (middle - half, middle + half):
                panel.axhline(edge, color="white", linewidth=0.6, linestyle=(0, (4, 2)))
        for dose in groups.experiments[arm].doses:
            panel.axvline(dose.day, color="white", linewidth=0.8, linestyle=(0, (1, 1)))
        panel.set_title(styles[arm].label)
        panel.set_xlabel(time_label(groups))
    panels[0].set_ylabel("Position along x (mm)")
    labels = next(iter(groups.experiments.values())).labels
    bar = figure.colorbar(mesh, ax=panels, pad=0.01, aspect=28)
    bar.set_label(f"{name_label(options.field, labels)} ({groups.runs[0].field_unit})")
    bar.outline.set_linewidth(0.4)
    where = f"the centre of {region}, whose edges are dashed" if region else "the centre of the tissue"
    footnote(figure, f"Along x through {where}; dotted: doses. {_count_text(groups)}")
    return figure


def draw_radial(groups: RunGroups, options: Options) -> Figure:
    """Above: a field against the distance from the injury, by day; below: density of cells at the end."""
    _check_field(groups, options)
    region = _region(groups)
    days = options.days or default_days(groups)
    figure = new_figure(height=120)
    rows = grid(figure, 2, len(groups), sharex=True, sharey="row")
    styles = arm_styles(groups)
    labels = next(iter(groups.experiments.values())).labels
    for column, (arm, runs) in enumerate(groups.items()):
        _field_lines(rows[0][column], runs, options.field, region, days)
        _cell_lines(rows[1][column], runs, region, days[-1], labels)
        rows[0][column].set_title(styles[arm].label)
        rows[1][column].set_xlabel("Distance (mm)")
        if region:
            for row in rows:
                row[column].axvline(
                    radius_of(runs[0], region) / 1000.0, color=GREY, linewidth=0.6, linestyle=(0, (4, 2))
                )
    rows[0][0].set_ylabel(f"{name_label(options.field, labels)} ({groups.runs[0].field_unit})")
    rows[1][0].set_ylabel(f"Cells on day {days[-1]:g} (/mm²)")
    rows[0][0].set_ylim(bottom=0.0)
    rows[1][0].set_ylim(bottom=0.0)
    rows[0][-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    # A type may be missing in an arm.
    handles = {str(line.get_label()): line for panel in rows[1] for line in panel.get_lines()}
    named = [line for text, line in handles.items() if not text.startswith("_")]
    rows[1][-1].legend(handles=named, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    edge = " Dashed: radius of the circle of the same area." if region else ""
    footnote(
        figure, f"Means over rings around the centre of {region or 'the tissue'}.{edge} {_count_text(groups)}"
    )
    return figure


def _field_lines(axes: Axes, runs: list[Run], field: str, region: str, days: tuple[float, ...]) -> None:
    shades = _shades(len(days))
    for day, shade in zip(days, shades, strict=True):
        rings = [Rings(run, region) for run in runs]
        values = [ring.mean(run.field(field, time=day).values) for ring, run in zip(rings, runs, strict=True)]
        mean = np.mean(values, axis=0)
        axes.plot(rings[0].middle / 1000.0, mean, color=shade, label=f"day {day:g}")


def _cell_lines(axes: Axes, runs: list[Run], region: str, day: float, labels: Mapping[str, str]) -> None:
    if any(len(run.frame_times) == 0 for run in runs):
        axes.text(0.5, 0.5, "no cells recorded", transform=axes.transAxes, ha="center")
        return
    kinds = [str(name) for name in runs[0].cell_labels["type"]]
    colours = cell_colours(kinds)
    rings = [Rings(run, region) for run in runs]
    for kind in kinds:
        rows = []
        for run, ring in zip(runs, rings, strict=True):
            cells = run.frame(time=day, columns=["id", "type", "status", "place", "x", "y"])
            cells = cells.where(type=kind, status="alive", place="tissue")
            rows.append(ring.density(cells["x"], cells["y"]))
        mean = np.mean(rows, axis=0)
        if np.nansum(mean) > 0:
            text = plural(name_label(kind, labels))
            axes.plot(rings[0].middle / 1000.0, mean, color=colours[kind], label=text)


def _shades(count: int) -> list[Any]:
    """Colours from early to late."""
    return [colormaps[COLOURS](share) for share in np.linspace(0.0, 0.85, count)]


def _scale(values: NDArray[np.float64]) -> Normalize:
    known = values[np.isfinite(values)]
    low, high = float(known.min()), float(known.max())
    if low > 0 and high > LOG_FROM * low:
        return LogNorm(low, high)
    return Normalize(min(low, 0.0), high if high > low else low + 1.0)


def _check_field(groups: RunGroups, options: Options) -> None:
    for run in groups.runs:
        if len(run.field_times) == 0:
            raise NothingToShowError(f"{run.path.name} holds no frames of fields")
        if options.field not in run.cytokines:
            raise RequestError(
                f"{run.path}: no field {options.field!r}; there are {', '.join(run.cytokines)}"
            )
        if min(len(run.coordinate("x")), len(run.coordinate("y"))) < 2:
            raise NothingToShowError("the tissue is a single row of voxels")


def _region(groups: RunGroups) -> str:
    return next(iter(groups.experiments.values())).readout_region


def _alike(groups: RunGroups) -> dict[str, list[Run]]:
    """Of every arm the replicates with the frames of its first one, so that they can be averaged."""
    return {
        arm: [run for run in runs if np.array_equal(run.field_times, runs[0].field_times)]
        for arm, runs in groups.items()
    }


def _count_text(groups: RunGroups) -> str:
    sizes = sorted({len(runs) for runs in groups.values()})
    return "One replicate." if sizes == [1] else f"Mean of {'–'.join(map(str, sizes))} replicates."
