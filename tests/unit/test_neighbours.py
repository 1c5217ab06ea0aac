"""Voxel index, sorting, contacts and sums, against direct counting."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.errors import CompileError
from abm.kernels import neighbours as nb
from abm.kernels import status
from abm.state.grid import Grid

SHAPES = [(1, 7, 9), (5, 4, 6), (1, 1, 1), (1, 1, 8), (3, 1, 2)]


def cells(n: int, shape: tuple[int, int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, np.prod(shape), n), random.integers(-1, 4, n)


def sort(voxel: np.ndarray, n_voxel: int) -> tuple[np.ndarray, np.ndarray]:
    order, start = np.empty(voxel.size, np.int64), np.empty(n_voxel + 1, np.int64)
    assert nb.sort_by_voxel(voxel, order, start) == (status.OK, -1)
    return order, start


@given(st.floats(0.01, 500.0), st.integers(1, 2000), st.floats(0.0, 1.0, exclude_max=True))
def test_axis_index_never_leaves_the_axis(d: float, n: int, fraction: float) -> None:
    x = min(fraction * n * d, np.nextafter(n * d, 0.0))
    index = nb.axis_index(x, d, n)
    assert 0 <= index < n
    assert index * d <= x * (1 + 1e-15) and x <= (index + 1) * d * (1 + 1e-15)


@given(st.floats(0.01, 500.0), st.integers(1, 2000))
def test_axis_index_at_the_ends(d: float, n: int) -> None:
    assert nb.axis_index(np.nextafter(n * d, 0.0), d, n) == n - 1
    assert nb.axis_index(n * d, d, n) == -1
    assert nb.axis_index(0.0, d, n) == 0
    assert nb.axis_index(-1e-300, d, n) == -1
    assert nb.axis_index(np.nan, d, n) == -1


def test_voxel_of_positions_agrees_with_the_grid() -> None:
    grid = Grid((4, 6, 5), (20.0, 10.0, 30.0))
    position = np.random.default_rng(1).uniform(0, 1, (300, 3)) * grid.size
    out = np.empty(300, np.int64)
    assert nb.voxel_of_positions(position, grid.shape, grid.spacing, out) == (status.OK, -1)
    np.testing.assert_array_equal(out, grid.voxel_of(position))


@pytest.mark.parametrize("bad", [-1e-9, 100.0, np.nan, np.inf])
def test_position_outside_is_reported(bad: float) -> None:
    position = np.full((5, 3), 10.0)
    position[3, 1] = position[4, 0] = bad
    out = np.empty(5, np.int64)
    assert nb.voxel_of_positions(position, (1, 5, 5), (20.0, 20.0, 20.0), out) == (status.OUT_OF_DOMAIN, 3)
    assert list(out) == [0, 0, 0, -1, -1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [0, 1, 200])
def test_sort_is_a_stable_grouping(shape: tuple[int, int, int], n: int) -> None:
    voxel, _ = cells(n, shape)
    n_voxel = int(np.prod(shape))
    order, start = sort(voxel, n_voxel)
    np.testing.assert_array_equal(order, np.argsort(voxel, kind="stable"))
    np.testing.assert_array_equal(np.diff(start), np.bincount(voxel, minlength=n_voxel))
    assert start[0] == 0 and start[-1] == n


@pytest.mark.parametrize("bad", [-1, 63])
def test_sort_reports_a_bad_voxel(bad: int) -> None:
    voxel = np.array([0, 62, bad, bad])
    answer = nb.sort_by_voxel(voxel, np.empty(4, np.int64), np.empty(64, np.int64))
    assert answer == (status.BAD_VOXEL, 2)


@pytest.mark.parametrize("shape", SHAPES)
def test_counts_by_label(shape: tuple[int, int, int]) -> None:
    voxel, label = cells(150, shape)
    out = np.full((4, *shape), 99, np.int32)
    nb.count_by_label(voxel, label, out)
    for kind in range(4):
        expected = np.bincount(voxel[label == kind], minlength=int(np.prod(shape)))
        np.testing.assert_array_equal(out[kind].ravel(), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_contacts_against_all_pairs(shape: tuple[int, int, int]) -> None:
    voxel, label = cells(120, shape)
    order, start = sort(voxel, int(np.prod(shape)))
    out = np.full((120, 4), 99, np.int32)
    nb.contact_counts(voxel, label, order, start, shape, out)
    at = np.stack(np.unravel_index(voxel, shape), axis=1)
    for i in range(120):
        touching = np.abs(at - at[i]).max(axis=1) <= 1
        touching[i] = False
        expected = [np.count_nonzero(touching & (label == kind)) for kind in range(4)]
        assert list(out[i]) == expected


def test_occupancy_and_release() -> None:
    shape = (1, 7, 9)
    voxel, _ = cells(150, shape)
    space = np.arange(150, dtype=np.int32) % 3
    out = np.full(shape, 5, np.int32)
    nb.sum_occupancy(voxel, space, out)
    np.testing.assert_array_equal(out.ravel(), np.bincount(voxel, space, 63).astype(int))
    leaving = np.arange(0, 150, 7)
    nb.release_space(leaving, voxel, space, out)
    stay = np.setdiff1d(np.arange(150), leaving)
    np.testing.assert_array_equal(out.ravel(), np.bincount(voxel[stay], space[stay], 63).astype(int))


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_per_voxel(shape: tuple[int, int, int]) -> None:
    voxel, _ = cells(300, shape)
    values = np.random.default_rng(2).uniform(0, 1, (300, 3))
    out = np.full((3, *shape), np.nan)
    nb.sum_per_voxel(voxel, values, out)
    for field in range(3):
        expected = np.bincount(voxel, values[:, field], int(np.prod(shape)))
        np.testing.assert_allclose(out[field].ravel(), expected, rtol=1e-14)


@pytest.mark.determinism
@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("threads", [1, 2])
def test_sums_have_the_same_bytes_for_any_number_of_threads(threads: int) -> None:
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("one core")
    shape = (1, 20, 30)
    voxel, _ = cells(5000, shape)
    values = np.random.default_rng(3).lognormal(0, 5, (5000, 4))
    serial, parallel = np.empty((4, *shape)), np.empty((4, *shape))
    nb.sum_per_voxel(voxel, values, serial)
    numba.set_num_threads(threads)
    nb.sum_per_voxel_parallel(values, *sort(voxel, 600), parallel)
    assert serial.tobytes() == parallel.tobytes()


@pytest.mark.parametrize("shape", [(1, 7, 9), (5, 4, 6)])
def test_block_sums(shape: tuple[int, int, int]) -> None:
    per_block = nb.voxels_per_block(shape, (10.0, 20.0, 20.0), 40.0)
    assert per_block == (1 if shape[0] == 1 else 2, 2, 4)
    grid = Grid(shape, (10.0, 20.0, 20.0), per_block)
    block = grid.block_of_voxel()
    voxel, label = cells(200, shape)
    value = np.random.default_rng(4).normal(size=200)
    count = np.full((4, *grid.block_shape), 99, np.int32)
    total = np.full((4, *grid.block_shape), np.nan)
    nb.count_per_block(voxel, label, block, count)
    nb.sum_per_block(voxel, label, value, block, total)
    n_block = int(np.prod(grid.block_shape))
    for kind in range(4):
        mine = label == kind
        expected = np.bincount(block[voxel[mine]], minlength=n_block)
        np.testing.assert_array_equal(count[kind].ravel(), expected)
        expected = np.bincount(block[voxel[mine]], value[mine], n_block)
        np.testing.assert_allclose(total[kind].ravel(), expected, rtol=1e-12, atol=1e-13)
    tissue = np.ones(shape, np.uint8)
    tissue[0, 0, 0] = 0
    volume = np.empty(grid.block_shape)
    nb.sum_voxels_per_block(tissue, block, volume)
    assert volume.sum() == np.prod(shape) - 1
    assert volume[0, 0, 0] == np.prod(per_block) - 1


@pytest.mark.parametrize("side", [0.0, -40.0, 30.0, np.nan, np.inf])
def test_block_must_be_a_multiple_of_the_voxel(side: float) -> None:
    with pytest.raises(CompileError, match="positive whole multiple of the voxel size, 20 um along y"):
        nb.voxels_per_block((1, 10, 10), (10.0, 20.0, 20.0), side)
