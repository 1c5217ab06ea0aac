"""Shapes on a grid: signed distances and masks at the voxel centres.

A distance is negative inside and positive outside [um].  It is exact for every simple shape; for
unions it is exact outside and a bound inside, as for any minimum of distances.
"""

from __future__ import annotations

import base64
import io
import warnings
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from abm.scenario.extend import DATA_URI
from abm.scenario.schema.shapes import Extent, Image, Polygon, Shape
from abm.state.grid import Grid

Floats = NDArray[np.float64]
MAX_PIXELS = 50_000_000


class ImageError(ValueError):
    """An image that cannot be used as a mask; the message says why."""


def inside(shape: Shape, grid: Grid) -> NDArray[np.bool_]:
    """Voxel centres that lie in a shape or on its border.

    Returns
    -------
    bool array that broadcasts to ``grid.shape``; shapes of the x-y plane have one layer.

    Raises
    ------
    ImageError
        If an image cannot be read.
    """
    if shape.image is not None:
        return _image_mask(shape.image, grid)
    if shape.any_of is not None:
        mask = inside(shape.any_of[0], grid)
        for other in shape.any_of[1:]:
            mask = mask | inside(other, grid)
        return mask
    if shape.outside is not None:
        return ~inside(shape.outside, grid)
    return signed_distance(shape, grid) <= 0.0


def signed_distance(shape: Shape, grid: Grid) -> Floats:
    """Distance of every voxel centre to the border of a shape, negative inside [um].

    Returns
    -------
    float64 array that broadcasts to ``grid.shape``.

    Raises
    ------
    ImageError
        If an image cannot be read.
    """
    x, y, z = grid.centres()
    if shape.disc is not None:
        cx, cy = shape.disc.center[:2]
        return np.asarray(np.hypot(x - cx, y - cy) - float(shape.disc.radius))
    if shape.ball is not None:
        cx, cy = shape.ball.center[:2]
        dz = z - shape.ball.center[2] if len(shape.ball.center) > 2 and not grid.is_flat else 0.0 * z
        return np.asarray(np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + dz**2) - float(shape.ball.radius))
    if shape.rectangle is not None:
        return _extent_distance(shape.rectangle, (x, y))
    if shape.box is not None:
        axes = (x, y) if grid.is_flat or len(shape.box.low) == 2 else (x, y, z)
        return _extent_distance(shape.box, axes)
    if shape.polygon is not None:
        return _polygon_distance(shape.polygon, x, y)
    if shape.image is not None:
        return _mask_distance(_image_mask(shape.image, grid), grid)
    if shape.any_of is not None:
        distance = signed_distance(shape.any_of[0], grid)
        for other in shape.any_of[1:]:
            distance = np.minimum(distance, signed_distance(other, grid))
        return distance
    assert shape.outside is not None
    return -signed_distance(shape.outside, grid)


def _extent_distance(extent: Extent, axes: tuple[Floats, ...]) -> Floats:
    """Signed distance to an axis-aligned box."""
    outside_square: Floats = np.zeros(1)
    deepest: Floats = np.full(1, -np.inf)
    for axis, low, high in zip(axes, extent.low, extent.high, strict=False):
        beyond = np.abs(axis - 0.5 * (low + high)) - 0.5 * (high - low)
        outside_square = outside_square + np.maximum(beyond, 0.0) ** 2
        deepest = np.maximum(deepest, beyond)
    return np.asarray(np.sqrt(outside_square) + np.minimum(deepest, 0.0))


def _polygon_distance(polygon: Polygon, x: Floats, y: Floats) -> Floats:
    """Signed distance to a polygon: nearest edge, sign by the even-odd rule."""
    points = np.array([[float(p[0]), float(p[1])] for p in polygon.points])
    nearest_square = np.full(np.broadcast_shapes(x.shape, y.shape), np.inf)
    odd = np.zeros(nearest_square.shape, bool)
    for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
        length_square = (bx - ax) ** 2 + (by - ay) ** 2
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length_square if length_square else 0.0 * x
        along = np.clip(along, 0.0, 1.0)
        square = (x - ax - along * (bx - ax)) ** 2 + (y - ay - along * (by - ay)) ** 2
        nearest_square = np.minimum(nearest_square, square)
        if ay != by:
            crossing = (y < ay) != (y < by)
            odd ^= crossing & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return np.asarray(np.where(odd, -1.0, 1.0) * np.sqrt(nearest_square))


@lru_cache(maxsize=16)
def _brightness(uri: str) -> NDArray[np.uint8]:
    """Pixels of an embedded PNG as (rows, columns) uint8, row 0 at the top; transparent is black."""
    from PIL import Image as Png
    from PIL import UnidentifiedImageError

    if not uri.startswith(DATA_URI):
        raise ImageError("the image has not been read")
    try:
        content = base64.b64decode(uri[len(DATA_URI) :], validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images; the bound is checked here
            picture = Png.open(io.BytesIO(content), formats=["PNG"])
            if picture.width * picture.height > MAX_PIXELS:
                size = f"{picture.width} x {picture.height}"
                raise ImageError(f"the image has {size} pixels; at most {MAX_PIXELS} are read")
            grey = np.asarray(picture.convert("LA"), np.uint16)
    except (OSError, SyntaxError, UnidentifiedImageError, Png.DecompressionBombError) as error:
        raise ImageError(f"the image cannot be read: {error}") from None
    except ValueError as error:
        raise ImageError(str(error)) from None
    return (grey[..., 0] * grey[..., 1] // 255).astype(np.uint8)


def _image_mask(image: Image, grid: Grid) -> NDArray[np.bool_]:
    pixels = _brightness(image.file)
    x, y, _ = grid.centres()
    width, height, _ = grid.size
    n_row, n_column = pixels.shape
    column = np.minimum((x / width * n_column).astype(np.int64), n_column - 1)
    row = np.minimum(((1.0 - y / height) * n_row).astype(np.int64), n_row - 1)
    return np.asarray(pixels[row, column] > 255.0 * float(image.above))


def _mask_distance(mask: NDArray[np.bool_], grid: Grid) -> Floats:
    """Signed distance to the border of a mask that is one layer deep.

    Between voxel centres of either side; the border lies half a voxel from them.  Infinite where
    the other side does not exist.
    """
    steps = (grid.spacing[1], grid.spacing[0])
    half = 0.5 * min(steps)
    to_inside, to_outside = _distance_to(mask[0], steps), _distance_to(~mask[0], steps)
    return np.asarray(np.where(mask[0], half - to_outside, to_inside - half)[None])


def _distance_to(mask: NDArray[np.bool_], steps: tuple[float, float]) -> Floats:
    """Euclidean distance of every pixel to the nearest one of a mask, by two passes over the axes."""
    square: Floats = np.where(mask, 0.0, np.inf)
    for axis, step in enumerate(steps):
        lines = np.moveaxis(square, axis, -1)
        n = lines.shape[-1]
        apart = ((np.arange(n)[:, None] - np.arange(n)[None, :]) * step) ** 2
        lines = np.stack([(line[None, :] + apart).min(axis=1) for line in lines])
        square = np.moveaxis(lines, -1, axis)
    return np.asarray(np.sqrt(square))
