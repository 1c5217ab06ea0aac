"""Tissue as pixels: a field through a colour map, cells as discs, outlines, in one numpy image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from abm.errors import RequestError
from abm.record import CellFrame
from abm.view.play.outlines import rings
from abm.view.play.pack_fields import Scale
from abm.view.play.planes import Plane, block_mean, quantise
from abm.view.style import BLACK, field_colours
from abm.view.symbols import SCALE_WIDTH, SMALLEST_SCALE, cell_looks, drawing_order

Image = NDArray[np.uint8]
"""(height, width, 3), from the top down."""

COLOURS = ("grey", "viridis", "cividis", "magma")
OUTSIDE = "#FFFFFF"
COVERED = 0.3  # most of the tissue that discs may cover; more cells are drawn smaller
SMALLEST_RADIUS = 0.8  # [pixels]
DASH = 8  # [pixels]


def colour_table(name: str) -> NDArray[np.uint8]:
    """Colours (256, 3) of the bytes of a quantised field; the last one is outside the tissue.

    Raises
    ------
    RecordError
        No such map; the message lists those that exist.
    """
    if name not in COLOURS:
        raise RequestError(f"no colours {name!r}; there are {', '.join(COLOURS)}")
    colours = field_colours() if name == "grey" else colormaps[name]
    table = np.empty((256, 3), np.uint8)
    table[:255] = np.rint(255 * colours(np.linspace(0.0, 1.0, 255))[:, :3])
    table[255] = rgb(OUTSIDE)
    return table


def rgb(colour: object) -> tuple[int, int, int]:
    """A colour as bytes."""
    r, g, b = to_rgb(colour)  # type: ignore[arg-type]
    return round(255 * r), round(255 * g), round(255 * b)


@dataclass(frozen=True)
class View:
    """Where the tissue lies in an image.

    Attributes
    ----------
    origin, size : (x, y) [um]
        Lower corner and sides of the domain.
    height, width : int [pixels]
    """

    origin: tuple[float, float]
    size: tuple[float, float]
    height: int
    width: int

    @property
    def scale(self) -> float:
        """Pixels per um."""
        return self.width / self.size[0]

    def pixels(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray, NDArray]:  # type: ignore[type-arg]
        """Columns and rows, not rounded, of places [um]."""
        columns = (x - self.origin[0]) * (self.width / self.size[0])
        rows = self.height - (y - self.origin[1]) * (self.height / self.size[1])
        return columns, rows


def draw_field(image: Image, plane: Plane, scale: Scale, table: NDArray[np.uint8]) -> None:
    """Fill an image with a field: the nearest voxel at every pixel, means of voxels smaller than pixels."""
    height, width = image.shape[:2]
    plane = block_mean(plane, max(1, plane.shape[1] // width))
    numbers = quantise(plane, scale.low, scale.high, scale.kind)
    rows = np.arange(height)[::-1] * plane.shape[0] // height
    columns = np.arange(width) * plane.shape[1] // width
    np.take(table, numbers[rows[:, None], columns], axis=0, out=image)


def draw_cells(image: Image, cells: CellFrame, view: View) -> None:
    """Draw cells as discs by type and phenotype, as the figures have them: resting ones at the back."""
    types = [str(name) for name in cells.labels["type"]]
    phenotypes = [str(name) for name in cells.labels["phenotype"]]
    looks = cell_looks(types, phenotypes)
    counts = np.bincount(cells["phenotype"], minlength=len(phenotypes))
    shrunk = shrinking(counts, [looks[name][2] for name in phenotypes], view)
    columns, rows = view.pixels(cells["x"], cells["y"])
    for code in drawing_order(phenotypes):
        mine = cells["phenotype"] == code
        if not mine.any():
            continue
        face, edge, size = looks[phenotypes[code]]
        radius = max(0.5 * size * shrunk * view.scale, SMALLEST_RADIUS)
        if edge != "none" and radius > 2.5:
            stamp(image, columns[mine], rows[mine], radius + 1.2, rgb(edge))
        stamp(image, columns[mine], rows[mine], radius, rgb(face))


def shrinking(counts: NDArray[np.intp], sizes: Sequence[float], view: View) -> float:
    """Factor of the sizes of symbols: in proportion to the domain, less where they would cover the tissue."""
    enlarged = max(view.size[0] / SCALE_WIDTH, SMALLEST_SCALE)
    covered = (
        enlarged**2 * float((counts * np.square(sizes)).sum()) * np.pi / 4 / (view.size[0] * view.size[1])
    )
    return enlarged * min(1.0, (COVERED / covered) ** 0.5 if covered > 0.0 else 1.0)


def stamp(
    image: Image,
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    radius: float,
    colour: Sequence[int],
) -> None:
    """Draw discs with smooth rims; what lies outside the image is cut off.

    Parameters
    ----------
    columns, rows : float arrays [pixels]
        Centres; rounded down to the pixel they lie in.
    radius : float [pixels]
    """
    height, width = image.shape[:2]
    x, y = np.floor(columns).astype(np.int64), np.floor(rows).astype(np.int64)
    # One write per pixel of the disc, for all cells at once.
    reach = int(np.ceil(radius))
    paint = np.asarray(colour, np.float32)
    flat = image.reshape(-1, 3) if image.flags.c_contiguous else None
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            cover = min(1.0, radius + 0.5 - float(np.hypot(dx, dy)))
            if cover <= 0.05:
                continue
            i, j = y + dy, x + dx
            inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            where = i[inside] * width + j[inside] if flat is not None else (i[inside], j[inside])
            target = image if flat is None else flat
            if cover >= 0.95:
                target[where] = colour
            else:
                target[where] = np.rint((1 - cover) * target[where] + cover * paint)


class Outline:
    """Outlines of regions in an image.

    Parameters
    ----------
    masks : mapping of str to (ny, nx) bool
    solid : str
        The region whose outline is not dashed.
    view : View
    width : int [pixels]
        Of the line.
    """

    def __init__(self, masks: Mapping[str, NDArray[np.bool_]], solid: str, view: View, width: int) -> None:
        marked = np.zeros((view.height, view.width), bool)
        for name, mask in masks.items():
            for ring in rings(mask):
                corners = np.array(ring, float) / [mask.shape[1], mask.shape[0]] * [view.width, view.height]
                _mark(marked, corners, 0 if name == solid else DASH * width, width)
        self._rows, self._columns = np.nonzero(marked[::-1])

    def draw(self, image: Image) -> None:
        """Draw them."""
        image[self._rows, self._columns] = rgb(BLACK)


def _mark(marked: NDArray[np.bool_], corners: NDArray[np.float64], dash: int, width: int) -> None:
    """Mark a closed line, rows counted from below."""
    ends = np.roll(corners, -1, axis=0)
    walked = 0.0
    for start, end in zip(corners, ends, strict=True):
        length = float(np.abs(end - start).sum())
        steps = np.arange(0.0, length, 0.5)
        if dash:
            steps = steps[((walked + steps) // dash) % 2 == 0]
        walked += length
        points = start + (end - start) * (steps / length)[:, None] if length else start[None]
        for shift in range(width):
            at = np.clip(
                np.floor(points).astype(int) + shift - width // 2, 0, np.array(marked.shape[::-1]) - 1
            )
            marked[at[:, 1], at[:, 0]] = True
