"""Cells over a field: panels of arms and days on one colour scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.view.canvas import grid, new_figure
from abm.view.labels import name_label
from abm.view.options import SECTION, Options
from abm.view.snapshot import SECTION_HALF, Box, Snapshot, box_of, default_days, pick, snapshot
from abm.view.style import BLACK, SMALL, WIDTH, arm_styles, field_colours
from abm.view.symbols import cell_handles, draw_symbols

SMOOTHING = 4  # passes over the outline of a region
NARROW = 2.0  # least ratio of the ends of the colour scale
LOG_FROM = 8.0  # highest over lowest concentration beyond which the colour scale is logarithmic
# Room [mm] beside the panels: day labels, colour bar, titles, legend, gaps; and the height of a page.
LEFT, RIGHT, ABOVE, BELOW, GAP, TALLEST = 6.0, 17.0, 5.0, 15.0, 1.6, 200.0


def draw_tissue(groups: RunGroups, options: Options) -> Figure:
    """Cells by type and phenotype over a field: a column per arm, a row per day."""
    days = options.days or default_days(groups)
    shots = {arm: [snapshot(pick(groups[arm], options), day, options) for day in days] for arm in groups}
    side = (WIDTH - LEFT - RIGHT) / len(groups) - GAP
    side = min(side, TALLEST / len(days) / _aspect(groups))
    figure = new_figure(height=ABOVE + BELOW + (side * _aspect(groups) + GAP) * len(days))
    axes = grid(figure, len(days), len(groups))
    norm = colour_scale([shot for row in shots.values() for shot in row])
    styles = arm_styles(groups)
    for column, arm in enumerate(groups):
        for row, shot in enumerate(shots[arm]):
            first = row == 0 and column == 0
            draw_snapshot(axes[row][column], shot, norm, groups.experiments[arm].readout_region, names=first)
            if column == 0:
                axes[row][0].set_ylabel(f"Day {shot.day:g}")
        axes[0][column].set_title(styles[arm].label)
    scale_bar(axes[-1][0], box_of(groups.runs[0]))
    labels = next(iter(groups.experiments.values())).labels
    add_colour_bar(axes[0][-1], norm, options.field, shots[next(iter(groups))][0].unit, labels)
    handles = cell_handles([shot for row in shots.values() for shot in row], labels)
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=max((len(handles) + 1) // 2, 1),
        title=caption(groups, options),
        handletextpad=0.2,
        columnspacing=1.2,
    )
    return figure


def colour_scale(shots: Sequence[Snapshot]) -> Normalize:
    """One scale for all panels; logarithmic where the field spans more than a factor of eight."""
    values = np.concatenate([shot.field[np.isfinite(shot.field)] for shot in shots])
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > LOG_FROM * low:
        return LogNorm(low, high)
    if high > NARROW * low:
        return Normalize(0.0, high if high > 0 else 1.0)
    # Small differences are to look small.
    return Normalize(low, NARROW * low)


def draw_snapshot(axes: Axes, shot: Snapshot, norm: Normalize, site: str, *, names: bool = False) -> None:
    """Field, outlines of the regions, and cells, into given axes without ticks."""
    box = box_of(shot.run)
    axes.imshow(
        np.ma.masked_invalid(shot.field),
        origin="lower",
        extent=box,
        cmap=field_colours(),
        norm=norm,
        interpolation="nearest",
        aspect="equal",
    )
    draw_symbols(axes, shot)
    _draw_regions(axes, shot, site, names)
    axes.set_xlim(box[:2])
    axes.set_ylim(box[2:])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.4)


def _draw_regions(axes: Axes, shot: Snapshot, site: str, names: bool) -> None:
    x, y = shot.run.coordinate("x"), shot.run.coordinate("y")
    if len(x) < 2 or len(y) < 2:
        return
    for region, flat in shot.regions.items():
        if not flat.any():
            continue
        style = "solid" if region == site else "dashed"
        axes.contour(
            x, y, smooth(flat), levels=[0.5], colors=[BLACK], linewidths=0.8, linestyles=style, zorder=6
        )
        if names:
            rows, columns = np.nonzero(flat)
            _text(axes, region, (float(x[columns].mean()), float(y[rows.max()])))


def smooth(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A mask averaged over neighbours, so that its contour at one half shows no steps of voxels."""
    values = np.pad(mask.astype(np.float64), SMOOTHING, mode="edge")
    for _ in range(SMOOTHING):
        for axis in (0, 1):
            values = 0.25 * np.roll(values, 1, axis) + 0.5 * values + 0.25 * np.roll(values, -1, axis)
    return values[SMOOTHING:-SMOOTHING, SMOOTHING:-SMOOTHING]


def _text(axes: Axes, text: str, place: tuple[float, float]) -> None:
    """Small text above a place, readable on top of cells."""
    axes.annotate(
        text,
        place,
        xytext=(0, 3.0),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=SMALL,
        zorder=8,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )


def scale_bar(axes: Axes, box: Box) -> None:
    """A bar of a round length, near a fifth of the width, with its length above it."""
    width = box[1] - box[0]
    lengths = [m * 10.0**e for e in range(5) for m in (1, 2, 5)]
    length = min(lengths, key=lambda one: abs(one - 0.25 * width))
    height = 0.012 * (box[3] - box[2])
    left, bottom = box[0] + 0.05 * width, box[2] + 0.05 * (box[3] - box[2])
    axes.add_patch(Rectangle((left, bottom), length, height, facecolor=BLACK, edgecolor="none", zorder=8))
    text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    _text(axes, text, (left + 0.5 * length, bottom + height))


def add_colour_bar(axes: Axes, norm: Normalize, cytokine: str, unit: str, labels: Mapping[str, str]) -> None:
    """A bar at the right of a panel, as tall as the panel."""
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(norm, field_colours()), cax=axes.inset_axes((1.04, 0.0, 0.05, 1.0)))
    bar.set_label(f"{name_label(cytokine, labels)} ({unit})")
    bar.outline.set_linewidth(0.4)
    if isinstance(norm, LogNorm):
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())


def caption(groups: RunGroups, options: Options) -> str:
    """Which replicate, and how a three-dimensional tissue was flattened."""
    run = pick(next(iter(groups.values())), options)
    parts = [f"Replicate {run.replicate}; symbols enlarged."]
    z = run.coordinate("z")
    if len(z) > 1 and options.projection == SECTION:
        parts.append(f"Section at z = {z[len(z) // 2]:g} µm, cells within {SECTION_HALF:g} µm of it.")
    elif len(z) > 1:
        parts.append("Maximum of the field along z, all cells.")
    return " ".join(parts)


def _aspect(groups: RunGroups) -> float:
    left, right, bottom, top = box_of(groups.runs[0])
    return (top - bottom) / (right - left)
