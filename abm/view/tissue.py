"""Cells over a field: panels of arms and days on one colour scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path as MarkerPath
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import AffineDeltaTransform
from numpy.typing import NDArray

from abm.analysis.groups import RunGroups
from abm.errors import RecordError
from abm.record import CellFrame, Run
from abm.view.canvas import NothingToShowError, grid, new_figure
from abm.view.labels import name_label
from abm.view.options import MAXIMUM, PROJECTIONS, SECTION, Options
from abm.view.style import (
    BLACK,
    SMALL,
    WIDTH,
    arm_styles,
    cell_colours,
    field_colours,
    phenotype_looks,
)

Box = tuple[float, float, float, float]
"""Left, right, lower and upper edge [um]."""

# Sizes of the symbols [um] in a domain 2 mm wide, in proportion in others: enlarged,
# and the rarer the larger, so that cells can be seen at print size.
SYMBOL = {"microglia": 26.0, "astrocyte": 22.0, "neuron": 12.0, "t_cell": 34.0, "msc": 46.0}
OTHER_SYMBOL = 26.0
SCALE_WIDTH, SMALLEST_SCALE = 2000.0, 0.4
RESTING = 0.75  # of that size, for phenotypes of rest
OUTLINED = ("t_cell", "msc")  # with a dark outline, so that the few stand out
# From the back to the front; types not named here come last but one.
ORDER = ("neuron", "astrocyte", "microglia", "t_cell", "msc")
SECTION_HALF = 10.0  # [um] cells this far from the section are shown
SMOOTHING = 4  # passes over the outline of a region
NARROW = 2.0  # least ratio of the ends of the colour scale
LOG_FROM = 8.0  # highest over highest concentration beyond which the colour scale is logarithmic
RASTER_FROM = 5000  # cells of a panel beyond which they become an image inside SVG and PDF
DEFAULT_DAYS = (3.0, 7.0, 28.0)
# Room [mm] beside the panels: day labels, colour bar, titles, legend, gaps; and the height of a page.
LEFT, RIGHT, ABOVE, BELOW, GAP, TALLEST = 6.0, 17.0, 5.0, 15.0, 1.6, 200.0


@dataclass(frozen=True)
class Snapshot:
    """One panel: a field and cells of one run at one moment, projected to a plane."""

    run: Run
    day: float
    field: NDArray[np.float64]  # (ny, nx), nan outside the tissue
    regions: Mapping[str, NDArray[np.bool_]]  # (ny, nx) each
    cells: CellFrame | None
    unit: str


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
    figure.legend(
        handles=cell_handles(shots, labels),
        loc="outside lower center",
        ncols=5,
        title=caption(groups, options),
        handletextpad=0.2,
        columnspacing=1.2,
    )
    return figure


def default_days(groups: RunGroups) -> tuple[float, ...]:
    """Days 3, 7 and 28 as far as every run has frames; else three evenly spaced frames."""
    ends = [times[-1] for run in groups.runs if len(times := run.field_times)]
    if not ends:
        raise NothingToShowError("no frames of fields were recorded")
    end = float(min(ends))
    days = tuple(day for day in DEFAULT_DAYS if day <= end)
    return days if len(days) > 1 else tuple(dict.fromkeys((0.0, end / 2, end)))


def pick(runs: Sequence[Run], options: Options) -> Run:
    """The replicate to show.

    Raises
    ------
    RecordError
        There is no such replicate.
    """
    if options.replicate is None:
        return runs[0]
    for run in runs:
        if run.replicate == options.replicate:
            return run
    known = ", ".join(str(run.replicate) for run in runs)
    raise RecordError(f"arm {runs[0].arm} has no replicate {options.replicate}; there are {known}")


def snapshot(run: Run, day: float, options: Options) -> Snapshot:
    """Field and cells nearest to a day, projected to the plane of x and y.

    Raises
    ------
    NothingToShowError
        The file has no frames of fields.
    RecordError
        There is no such field or projection.
    """
    if options.projection not in PROJECTIONS:
        raise RecordError(f"projection {options.projection!r}; there are {', '.join(PROJECTIONS)}")
    if len(run.field_times) == 0:
        raise NothingToShowError(f"{run.path.name} holds no frames of fields")
    frame = run.field(options.field, time=day)
    values = np.where(run.tissue, frame.values.astype(np.float64), np.nan)
    cells = None
    if len(run.frame_times):
        cells = run.frame(
            time=frame.time, columns=["id", "type", "phenotype", "status", "place", "x", "y", "z"]
        )
        cells = cells.where(place="tissue", status="alive")
    if options.projection == MAXIMUM and len(values) > 1:
        highest = np.where(np.isnan(values), -np.inf, values).max(axis=0)
        plane = np.where(np.isfinite(highest), highest, np.nan)
        regions = {name: np.asarray(mask.any(axis=0)) for name, mask in run.regions.items()}
    else:
        middle = len(values) // 2
        plane = values[middle]
        regions = {name: mask[middle] for name, mask in run.regions.items()}
        if cells is not None and len(values) > 1:
            cells = near(cells, float(run.coordinate("z")[middle]))
    return Snapshot(run, frame.time, plane, regions, cells, frame.unit)


def near(cells: CellFrame, height: float) -> CellFrame:
    """Cells within 10 um of a height."""
    keep = np.abs(cells["z"] - height) <= SECTION_HALF
    return CellFrame(
        cells.time,
        cells.tick,
        {name: column[keep] for name, column in cells.columns.items()},
        cells.labels,
        cells.units,
    )


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
    _draw_cells(axes, shot)
    _draw_regions(axes, shot, site, names)
    axes.set_xlim(box[:2])
    axes.set_ylim(box[2:])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_linewidth(0.4)


def box_of(run: Run) -> Box:
    """Edges of the domain in x and y."""
    edges: list[float] = []
    for axis in "xy":
        centres = run.coordinate(axis)
        half = 0.5 * (centres[1] - centres[0]) if len(centres) > 1 else centres[0]
        edges += [float(centres[0] - half), float(centres[-1] + half)]
    return (edges[0], edges[1], edges[2], edges[3])


def _draw_cells(axes: Axes, shot: Snapshot) -> None:
    if shot.cells is None:
        return
    cells = shot.cells
    types = [str(name) for name in cells.labels["type"]]
    phenotypes = [str(name) for name in cells.labels["phenotype"]]
    looks = cell_looks(types, phenotypes)
    raster = len(cells) > RASTER_FROM
    left, right, _, _ = box_of(shot.run)
    enlarged = max((right - left) / SCALE_WIDTH, SMALLEST_SCALE)
    for level, code in enumerate(drawing_order(phenotypes)):
        rows = cells["phenotype"] == code
        if not rows.any():
            continue
        face, edge, size = looks[phenotypes[code]]
        axes.add_collection(
            PathCollection(
                # One path in the unit of the axes, used once per cell, keeps files small.
                [MarkerPath.circle((0.0, 0.0), 0.5 * enlarged * size)],
                offsets=np.column_stack([cells["x"][rows], cells["y"][rows]]),
                offset_transform=axes.transData,
                transform=AffineDeltaTransform(axes.transData),  # type: ignore[arg-type]
                facecolors=[face],
                edgecolors=[edge],
                linewidths=0.35,
                zorder=3 + 0.01 * level,
                rasterized=raster,
                label=phenotypes[code],
            ),
            autolim=False,
        )


def drawing_order(phenotypes: Sequence[str]) -> list[int]:
    """Codes of phenotypes from back to the front: resting before active, rare types last."""
    known = {name: rank for rank, name in enumerate(ORDER)}

    def rank(code: int) -> tuple[float, int]:
        return known.get(phenotypes[code].partition(":")[0], len(ORDER) - 1.5), code

    return sorted(range(len(phenotypes)), key=rank)


def cell_looks(types: Sequence[str], phenotypes: Sequence[str]) -> dict[str, tuple[Any, Any, float]]:
    """Face, edge and size [um] of the symbol of every ``type:phenotype``."""
    colours = cell_colours(types)
    looks: dict[str, tuple[Any, Any, float]] = {}
    for kind in types:
        mine = [name for name in phenotypes if name.partition(":")[0] == kind]
        for name, (face, _, active) in phenotype_looks(kind, colours[kind], mine).items():
            size = SYMBOL.get(kind, OTHER_SYMBOL)
            if kind in OUTLINED:
                looks[name] = face, BLACK, size
            else:
                looks[name] = face, "none", size if active else RESTING * size
    return looks


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


def cell_handles(shots: Mapping[str, Sequence[Snapshot]], labels: Mapping[str, str]) -> list[Line2D]:
    """Legend entries of the phenotypes that occur in the panels."""
    frames = [shot.cells for row in shots.values() for shot in row if shot.cells is not None]
    if not frames:
        return []
    types = [str(name) for name in frames[0].labels["type"]]
    phenotypes = [str(name) for name in frames[0].labels["phenotype"]]
    seen = {str(name) for cells in frames for name in np.unique(cells.names("phenotype"))}
    looks = cell_looks(types, phenotypes)
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=2.0 + looks[name][2] / 12.0,
            markerfacecolor=looks[name][0],
            markeredgecolor=looks[name][1],
            markeredgewidth=0.35,
            label=_phenotype_label(name, phenotypes, labels),
        )
        # Types with two phenotypes first, so that they share a column.
        for name in sorted(phenotypes, key=lambda name: _is_alone(name, phenotypes))
        if name in seen
    ]


def _phenotype_label(name: str, phenotypes: Sequence[str], labels: Mapping[str, str]) -> str:
    """``microglia, activated``; only the type where it has a single phenotype."""
    kind = name_label(name.partition(":")[0], labels)
    return kind if _is_alone(name, phenotypes) else f"{kind}, {name_label(name, labels)}"


def _is_alone(name: str, phenotypes: Sequence[str]) -> bool:
    """Whether a phenotype is the only one of its type."""
    kind = name.partition(":")[0]
    return sum(one.partition(":")[0] == kind for one in phenotypes) == 1


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
