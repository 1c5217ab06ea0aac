"""Sources of the fields and the checks of a step."""

from __future__ import annotations

import numpy as np
import pytest

from abm.kernels.checks import first_out_of_balance
from abm.kernels.field_system import new_budget
from abm.kernels.neighbours import sum_per_voxel
from abm.kernels.sources import add_secretion, scale_by_place, sum_over_places

COLUMNS = np.array([2, -1, 0])


def test_secretion_adds_the_sum_of_the_cells_of_a_voxel() -> None:
    """To the bits of a sum per voxel in row order, divided by the volume; scratch is clean afterwards."""
    rng = np.random.default_rng(0)
    voxel, behaviours = rng.integers(0, 30, 200), rng.lognormal(size=(200, 3))
    behaviours[::3, 2] = 0.0
    source, scratch = rng.random((3, 40)), np.zeros((3, 40))
    per_cell, in_voxels = np.zeros((200, 3)), np.empty((3, 1, 4, 10))
    per_cell[:, 0], per_cell[:, 2] = behaviours[:, 2], behaviours[:, 0]
    sum_per_voxel(voxel, per_cell, in_voxels)
    want = source + in_voxels.reshape(3, 40) / 7.3
    assert add_secretion(voxel, behaviours, COLUMNS, 7.3, scratch, source) == (-1, -1)
    np.testing.assert_array_equal(source, want)
    assert not scratch.any()


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf])
def test_secretion_that_is_none_is_found_and_nothing_added(value: float) -> None:
    behaviours, source = np.ones((5, 3)), np.zeros((3, 4))
    behaviours[3, 0] = value
    assert add_secretion(np.zeros(5, np.int64), behaviours, COLUMNS, 1.0, np.zeros((3, 4)), source) == (3, 2)
    assert not source.any()


def test_values_by_place() -> None:
    index, tissue = np.array([1, 0, 1, 2]), np.array([1, 1, 0, 1], np.uint8)
    values, out = np.array([2.0, 3.0, 5.0]), np.array([1.0, 10.0, 100.0, 1000.0])
    assert sum_over_places(values, index, tissue) == 10.0
    scale_by_place(values, index, out)
    assert out.tolist() == [3.0, 20.0, 300.0, 5000.0]


def test_first_field_out_of_balance() -> None:
    budget = new_budget(np.ones((3, 1, 2, 2)), 1, 1e9)
    assert first_out_of_balance(budget, 1e-8) == -1
    budget.sourced[:] = 5.0
    budget.exchanged[0] = -2.0
    budget.amount[:] += 3.0
    assert first_out_of_balance(budget, 1e-8) == -1
    budget.amount[1] *= 1.0 + 1e-6
    assert first_out_of_balance(budget, 1e-8) == 1
    budget.amount[0] = np.nan
    assert first_out_of_balance(budget, 1e-8) == 0
