"""Domain and shapes: whole voxels, and regions that hold some of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.scenario.checks.context import Context
from abm.scenario.checks.times import multiple
from abm.scenario.cost import MAX_MEMORY, estimate
from abm.scenario.extend import DATA_URI
from abm.scenario.nodes import KeyPath
from abm.scenario.raster import ImageError, inside
from abm.scenario.schema.domain import Domain
from abm.scenario.schema.shapes import Shape
from abm.scenario.walk import is_unknown, quantities
from abm.state.grid import Grid
from abm.units import readable

#: Larger grids are not rasterised by the check; a region without voxels is then found when compiling.
MAX_CHECKED_VOXELS = 30_000_000


def check_geometry(context: Context) -> None:
    """Report partial voxels, hopeless sizes, shapes beside the domain and regions without voxels."""
    domain = context.scenario.domain
    grid = _grid(context, domain)
    shapes: list[tuple[KeyPath, Shape]] = [(("regions", k), s) for k, s in context.scenario.regions.items()]
    if domain.tissue is not None:
        shapes.insert(0, (("domain", "tissue"), domain.tissue))
    good = [(path, shape) for path, shape in shapes if _check_shape(context, path, shape, domain)]
    if grid is None or grid.n_voxel > MAX_CHECKED_VOXELS:
        return
    tissue: NDArray[np.bool_] = np.ones((1, 1, 1), bool)
    for path, shape in good:
        try:
            mask = inside(shape, grid)
        except ImageError as error:
            context.fault(path, str(error))
            continue
        if path[0] == "domain":
            tissue = mask
        _check_mask(context, path, mask, tissue)


def _check_blocks(context: Context, domain: Domain) -> bool:
    """Whether neighbourhood blocks are whole voxels along every axis; one fault is enough."""
    side = context.scenario.tissue.neighbourhood
    for axis, length in enumerate(domain.size):
        step = domain.spacing[axis if len(domain.spacing) > 1 else 0]
        if length > step and not multiple(context, ("tissue", "neighbourhood"), side, step, "spacing"):
            return False
    return True


def _grid(context: Context, domain: Domain) -> Grid | None:
    """The grid, or None when the domain is faulty."""
    if any(is_unknown(value) for _, value in quantities(domain)):
        return None
    sound = True
    for axis, length in enumerate(domain.size):
        step = domain.spacing[axis if len(domain.spacing) > 1 else 0]
        sound &= multiple(context, ("domain", "size", axis), length, step, "spacing")
    sound &= _check_blocks(context, domain)
    if any(is_unknown(cell_type.density) for cell_type in context.scenario.cell_types.values()):
        return None
    cost = estimate(context.scenario)
    if not cost.memory <= MAX_MEMORY:  # also when it is no number at all
        voxels = f"{cost.n_voxel:.3g} voxels"
        message = f"{voxels} with {cost.n_field} fields and {cost.n_cell:.3g} cells would take about "
        message += f"{cost.memory / 1e9:.3g} GB of memory; at most {MAX_MEMORY / 1e9:.3g} GB are allowed"
        context.fault(("domain", "size"), message)
        sound = False
    return Grid(domain.shape, domain.voxel) if sound else None


def _check_mask(context: Context, path: KeyPath, mask: NDArray[np.bool_], tissue: NDArray[np.bool_]) -> None:
    what = "the tissue" if path[0] == "domain" else f"region '{path[-1]}'"
    if not mask.any():
        context.fault(path, f"{what} holds no voxel centre; too small for the spacing, or beside the domain")
    elif path[0] != "domain" and not (mask & tissue).any():
        context.fault(path, f"{what} lies outside the tissue")


def _check_shape(context: Context, path: KeyPath, shape: Shape, domain: Domain) -> bool:
    """Whether a shape has the right number of coordinates and touches the domain; reports it when not."""
    kind = shape.kind
    if shape.any_of is not None:
        good = [_check_shape(context, (*path, kind, i), s, domain) for i, s in enumerate(shape.any_of)]
        return all(good)
    if shape.outside is not None:
        return _check_shape(context, (*path, kind), shape.outside, domain)
    if shape.image is not None:
        return shape.image.file.startswith(DATA_URI)  # else its file was reported as unreadable
    points = _points(shape)
    if any(is_unknown(value) for _, value in quantities(shape)):
        return False
    n_axes = 3 if kind in ("ball", "box") and not domain.is_flat else 2
    for key, point in points:
        if len(point) != n_axes and not (kind in ("ball", "box") and domain.is_flat):
            context.fault((*path, kind, *key), f"has {len(point)} coordinates, a {kind} here needs {n_axes}")
            return False
    if any(is_unknown(length) for length in domain.size):
        return False
    return _check_overlap(context, path, shape, domain)


def _points(shape: Shape) -> list[tuple[KeyPath, tuple[float, ...]]]:
    """Every point of a simple shape with the key that holds it."""
    if shape.polygon is not None:
        return [(("points", i), point) for i, point in enumerate(shape.polygon.points)]
    ball, extent = shape.disc or shape.ball, shape.rectangle or shape.box
    if ball is not None:
        return [(("center",), ball.center)]
    assert extent is not None
    return [(("low",), extent.low), (("high",), extent.high)]


def _check_overlap(context: Context, path: KeyPath, shape: Shape, domain: Domain) -> bool:
    ball = shape.disc or shape.ball
    reach = float(ball.radius) if ball is not None else 0.0
    points = [point for _, point in _points(shape)]
    for axis, length in enumerate(domain.size):
        along = [point[axis] for point in points if axis < len(point)]
        if not along:
            continue
        low, high = min(along) - reach, max(along) + reach
        if high < 0.0 or low > length:
            span = f"{readable(low, 'um')} to {readable(high, 'um')}"
            message = f"the {shape.kind} lies outside the domain: {span} along {'xyz'[axis]}, "
            message += f"the domain ends at {readable(length, 'um')}"
            context.fault((*path, shape.kind), message)
            return False
    return True
