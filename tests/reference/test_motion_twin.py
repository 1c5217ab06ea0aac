"""A slow, readable twin of the motion kernels, and the proof that both do the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.kernels import motion, rng, status
from abm.kernels.neighbours import sum_occupancy, voxel_of_positions

Vector = np.ndarray


def twin_direction(
    seed: np.uint64,
    step: int,
    cell: int,
    old: Vector,
    bias: float,
    T: float,
    pull: Vector,
    dt: float,
    ndim: int,
) -> Vector:
    """Direction of one cell after the chance to re-orient."""
    probability = 1.0 if T == 0 or not old.any() else 1.0 - math.exp(-dt / T)
    if rng.uniform(seed, rng.MOTION, step, cell, 0) >= probability:
        return old
    u, v = rng.uniform_pair(seed, rng.MOTION, step, cell, 1)
    angle = 2 * math.pi * u
    if ndim == 2:
        random = np.array([math.cos(angle), math.sin(angle), 0.0])
        pull = pull * [1, 1, 0]
    else:
        polar = math.acos(2 * v - 1)
        random = np.array([math.sin(polar) * math.cos(angle), math.sin(polar) * math.sin(angle), 2 * v - 1])
    if not pull.any():
        return random
    mixed = (1 - bias) * random + bias * pull / np.linalg.norm(pull)
    return mixed / np.linalg.norm(mixed)


def twin_walk(
    x: Vector, u: Vector, length: float, spacing: Vector, tissue: np.ndarray, room: np.ndarray
) -> tuple[Vector, Vector, str]:
    """Walk ``length`` from ``x`` along ``u``: new position, new direction, and what was met.

    ``room`` tells which voxels other than its own the cell may enter.  Axes are in the order x, y, z.
    """
    n = np.array(tissue.shape[::-1])
    size = n * spacing
    moving = np.array([True, True, tissue.shape[0] > 1])
    pieces = math.floor(length / spacing[moving].min()) + 1
    met = ""
    for _ in range(pieces):
        target = x + u * length / pieces * moving
        turned = ((target < 0) | (target >= size)) & moving
        target = np.where(target < 0, -target, np.where(target >= size, 2 * size - target, target))
        here, there = (x // spacing).astype(int), (target // spacing).astype(int)
        crossed = [axis for axis in range(3) if here[axis] != there[axis]]
        faces = np.maximum(here, there) * spacing
        path, at = [], here.copy()
        for axis in sorted(crossed, key=lambda a: (faces[a] - x[a]) / (target[a] - x[a])):
            at[axis] = there[axis]
            path.append(tuple(at[::-1]))
        if not all(tissue[voxel] for voxel in path):
            u, met = -u, met + "wall "
        elif path and not room[path[-1]]:
            return x, np.zeros(3), met + "full"
        else:
            x, u = target, np.where(turned, -u, u)
    return x, u, met


@pytest.mark.parametrize("shape", [(1, 12, 15), (8, 9, 10)])
@pytest.mark.parametrize("speed_scale", [0.5, 7.0])
def test_kernel_and_twin_agree(shape: tuple[int, int, int], speed_scale: float) -> None:
    random = np.random.default_rng(11)
    seed, dt, ndim = np.uint64(99), 10.0, 2 if shape[0] == 1 else 3
    spacing = np.array([20.0, 15.0, 25.0])
    tissue = (random.uniform(size=shape) > 0.15).astype(np.uint8)
    n = 250
    start = np.argwhere(tissue)[random.integers(0, np.count_nonzero(tissue), n)][:, ::-1]
    position = (start + random.uniform(0.05, 0.95, (n, 3))) * spacing
    voxel = np.empty(n, np.int64)
    assert voxel_of_positions(position, shape, tuple(spacing), voxel) == (status.OK, -1)
    space = random.integers(0, 3, n).astype(np.int32)
    capacity = np.full(shape, 3, np.int32)
    occupancy = np.empty(shape, np.int32)
    sum_occupancy(voxel, space, occupancy)
    ids = np.sort(random.choice(10**6, n, replace=False))
    direction = np.zeros((n, 3))
    speed = random.uniform(0, 2, n) * speed_scale * (random.uniform(size=n) > 0.1)
    bias, T = random.uniform(0, 1, n), random.uniform(0, 60, n)
    pull = random.normal(size=(n, 3)) * (random.uniform(size=(n, 1)) > 0.3)
    T[:20], T[20:40] = 0.0, np.inf

    twin_position, twin_dir, twin_occupancy = position.copy(), direction.copy(), occupancy.copy()
    met = np.zeros(2, int)
    counted = np.zeros(2, int)
    for step in range(12):
        motion.reorient(seed, step, ids, direction, speed, bias, T, pull, dt, ndim)
        code, row, _, n_full, n_wall = motion.move(
            np.arange(n), ids, position, direction, voxel, speed, space, dt, tuple(spacing), tissue, capacity,
            occupancy,
        )  # fmt: skip
        assert (code, row) == (status.OK, -1)
        counted += n_full, n_wall
        for i in range(n):
            if speed[i] == 0:
                continue
            twin_dir[i] = twin_direction(seed, step, ids[i], twin_dir[i], bias[i], T[i], pull[i], dt, ndim)
            before = tuple((twin_position[i] // spacing).astype(int)[::-1])
            twin_occupancy[before] -= space[i]
            room = twin_occupancy + space[i] <= capacity
            twin_position[i], twin_dir[i], why = twin_walk(
                twin_position[i], twin_dir[i], speed[i] * dt, spacing, tissue, room
            )
            met += "full" in why, "wall" in why
            after = tuple((twin_position[i] // spacing).astype(int)[::-1])
            twin_occupancy[after] += space[i]
    np.testing.assert_allclose(position, twin_position, rtol=0, atol=1e-9)
    np.testing.assert_allclose(direction, twin_dir, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(occupancy, twin_occupancy)
    assert list(counted) == list(met)
    assert min(counted) > 20  # both refusals were really exercised
