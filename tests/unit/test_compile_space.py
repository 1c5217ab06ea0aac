"""Grid, masks, blocks, and where the first cells stand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.compile.build import body_volumes
from abm.compile.placement import territories
from abm.compile.space import grid_of, space_of
from abm.errors import CompileError
from tests.reference.tissue import experiment, model

BOX = """
schema_version: 1
title: A box
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain:
  size: [200 um, 160 um, 60 um]
  spacing: [20 um, 10 um, 20 um]
  tissue: {outside: {box: {low: [0 um, 0 um, 0 um], high: [60 um, 60 um, 60 um]}}}
tissue: {neighbourhood: 40 um, packing: 0.5}
regions:
  everything: {box: {low: [0 um, 0 um, 0 um], high: [200 um, 160 um, 60 um]}}
  corner: {box: {low: [40 um, 40 um, 0 um], high: [100 um, 100 um, 20 um]}}
cell_types:
  even: {radius: 2 um, density: 2e5 /mm^3, placement: territories}
  uneven: {radius: 3 um, density: 1e5 /mm^3, placement: random}
"""
FLAT = BOX.replace("size: [200 um, 160 um, 60 um]", "size: [200 um, 160 um]").replace(
    "spacing: [20 um, 10 um, 20 um]", "spacing: [20 um, 10 um]\n  thickness: 25 um"
)


def test_axes_of_the_grid() -> None:
    grid = grid_of(experiment(BOX).base)
    assert grid.shape == (3, 16, 10)
    assert grid.spacing == (20.0, 10.0, 20.0)
    assert grid.block == (2, 4, 2)
    assert grid.block_shape == (2, 4, 5)
    assert not grid.is_flat


def test_a_slab_has_one_layer() -> None:
    flat = FLAT.replace("{outside: {box: {low: [0 um, 0 um, 0 um], high: [60 um, 60 um, 60 um]}}}", "null")
    flat = flat.split("regions:")[0]
    grid = grid_of(experiment(flat).base)
    assert grid.is_flat
    assert (grid.shape, grid.spacing, grid.block) == ((1, 16, 10), (20.0, 10.0, 25.0), (1, 4, 2))


def test_regions_hold_tissue_only() -> None:
    space = space_of(experiment(BOX).base)
    x, y, z = space.grid.centres()
    outside = (x < 60) & (y < 60) & (z < 60)
    np.testing.assert_array_equal(space.tissue == 0, outside)
    np.testing.assert_array_equal(space.regions[0].reshape(space.grid.shape), space.tissue)
    corner = (x > 40) & (x < 100) & (y > 40) & (y < 100) & (z < 20) & ~outside
    np.testing.assert_array_equal(space.regions[1].reshape(space.grid.shape) == 1, corner)


def test_blocks_share_out_the_tissue() -> None:
    space = space_of(experiment(BOX).base)
    volume = space.tissue.sum() * 20.0 * 10.0 * 20.0
    assert space.tissue_volume == volume
    assert space.block_volume.sum() == pytest.approx(volume)
    # The far block along z is half as high; the block at the origin holds none of the mask's hole.
    assert space.block_volume.max() == 40.0 * 40.0 * 40.0
    assert space.block_volume[0] == 0.0
    assert set(np.unique(space.capacity)) == {0, 2000}


def test_naive_counts_are_the_initial_cells() -> None:
    m = model(BOX)
    for k in range(2):
        want = np.bincount(m.block[m.cells.voxel[m.cells.type == k]], minlength=m.naive.shape[1])
        np.testing.assert_array_equal(m.naive[k], want)


# ------------------------------------------------------------------------------------------ placement


def test_densities_are_met_in_the_tissue() -> None:
    """Even cells to within the boxes that the outline cuts; uneven ones to within their Poisson scatter."""
    m = model(BOX, seed=3)
    volume = m.tissue.sum() * m.grid.voxel_volume
    found = np.bincount(m.cells.type, minlength=2)
    assert found[0] == pytest.approx(2e-4 * volume, abs=4)
    assert found[1] == pytest.approx(1e-4 * volume, abs=4 * math.sqrt(1e-4 * 60**3))


def test_cells_stand_in_tissue_with_room() -> None:
    m = model(BOX, seed=4)
    assert np.all(m.tissue.reshape(-1)[m.cells.voxel] == 1)
    np.testing.assert_array_equal(m.grid.voxel_of(m.cells.position), m.cells.voxel)
    room = np.zeros(m.grid.n_voxel, np.int64)
    np.add.at(room, m.cells.voxel, m.space[m.cells.type])
    assert np.all(room <= m.capacity.reshape(-1))
    assert np.all(np.diff(m.cells.id) > 0) and np.all(m.cells.parent == -1)


def test_territories_are_even_at_every_scale() -> None:
    """Counts in quarters differ by a few cells at most; Poisson would scatter by 8 of 64."""
    text = BOX.replace("2e5 /mm^3", "1333333 /mm^3").split("regions:")[0] + (
        "cell_types:\n  even: {radius: 2 um, density: 1e5 /mm^3, placement: territories}\n"
    )
    text = text.replace("{outside: {box: {low: [0 um, 0 um, 0 um], high: [60 um, 60 um, 60 um]}}}", "null")
    for seed in range(5):
        m = model(text, seed=seed)
        assert len(m.cells.id) == 192
        quarter = (m.cells.position[:, 0] > 100) * 2 + (m.cells.position[:, 1] > 80)
        assert np.ptp(np.bincount(quarter)) <= 8


@given(
    st.integers(1, 400),
    st.floats(10.0, 1000.0),
    st.floats(10.0, 1000.0),
    st.floats(5.0, 400.0),
    st.booleans(),
)
def test_territories_fill_the_domain(n: int, lx: float, ly: float, lz: float, flat: bool) -> None:
    boxes = territories(n, (lx, ly, lz), flat)
    assert boxes.shape == (n, 6)
    volumes = boxes[:, 3] * boxes[:, 4] * boxes[:, 5]
    np.testing.assert_allclose(volumes, lx * ly * lz / n, rtol=1e-9)
    assert np.all(boxes[:, :3] >= 0.0)
    assert np.all(boxes[:, :3] + boxes[:, 3:] <= np.array([lx, ly, lz]) * (1 + 1e-9))
    if flat:
        np.testing.assert_array_equal(boxes[:, 5], lz)
    # Boxes do not overlap: the centre of each lies in one box only.
    centres = boxes[:, None, :3] + 0.5 * boxes[:, None, 3:]
    inside = np.all((centres >= boxes[None, :, :3]) & (centres < boxes[None, :, :3] + boxes[None, :, 3:]), 2)
    np.testing.assert_array_equal(inside.sum(axis=1), 1)


def test_too_many_cells_are_refused() -> None:
    with pytest.raises(
        CompileError, match=r"do not fit into the tissue \(first: even\).*lower the densities"
    ):
        model(BOX.replace("density: 2e5 /mm^3", "density: 3e7 /mm^3"))


def test_seeds_and_types_draw_apart() -> None:
    a, b = model(BOX, seed=1), model(BOX, seed=2)
    assert not np.any(a.cells.position[:50] == b.cells.position[:50])
    twins = BOX.replace("placement: territories", "placement: random").replace("2e5", "1e5")
    m = model(twins, seed=1)
    first, second = (m.cells.position[m.cells.type == k] for k in range(2))
    n = min(len(first), len(second))
    assert not np.any(first[:n] == second[:n])


def test_bodies_are_balls() -> None:
    np.testing.assert_allclose(body_volumes(experiment(BOX).base), [4 / 3 * np.pi * 8, 4 / 3 * np.pi * 27])
    m = model(BOX)
    np.testing.assert_array_equal(m.space, [34, 113])
