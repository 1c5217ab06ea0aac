"""Motion kernels: walls, room, faults, determinism."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.kernels import motion, neighbours, status

SEED = np.uint64(7)
DT = 10.0


@dataclass
class Walkers:
    """A small population on a grid, with everything the kernels need."""

    shape: tuple[int, int, int]
    position: np.ndarray
    spacing: tuple[float, float, float] = (20.0, 20.0, 20.0)
    speed: float = 1.0
    bias: float = 0.0
    T: float = 20.0
    capacity_units: int = 10**6
    tissue: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.position)
        self.position = np.array(self.position, dtype=float)
        self.ids = np.arange(n) * 3 + 5
        self.rows = np.arange(n)
        self.direction = np.zeros((n, 3))
        self.voxel = np.empty(n, np.int64)
        answer = neighbours.voxel_of_positions(self.position, self.shape, self.spacing, self.voxel)
        assert answer == (status.OK, -1)
        self.space = np.ones(n, np.int32)
        self.tissue = np.ones(self.shape, np.uint8)
        self.capacity = np.full(self.shape, self.capacity_units, np.int32)
        self.occupancy = np.empty(self.shape, np.int32)
        neighbours.sum_occupancy(self.voxel, self.space, self.occupancy)
        self.speeds, self.biases = np.full(n, self.speed), np.full(n, self.bias)
        self.times, self.pull = np.full(n, self.T), np.zeros((n, 3))

    def reorient(self, step: int, kernel=motion.reorient) -> tuple[int, int]:
        ndim = 2 if self.shape[0] == 1 else 3
        return kernel(
            SEED, step, self.ids, self.direction, self.speeds, self.biases, self.times, self.pull, DT, ndim
        )

    def move(self) -> tuple[int, int, int, int, int]:
        return motion.move(
            self.rows, self.ids, self.position, self.direction, self.voxel, self.speeds, self.space, DT,
            self.spacing, self.tissue, self.capacity, self.occupancy,
        )  # fmt: skip

    def step(self, step: int) -> tuple[int, int, int]:
        assert self.reorient(step) == (status.OK, -1)
        code, row, *counts = self.move()
        assert (code, row) == (status.OK, -1)
        return tuple(counts)

    def check(self) -> None:
        """Voxel and occupancy columns agree with the positions; nothing is overfull or in a wall."""
        voxel = np.empty_like(self.voxel)
        answer = neighbours.voxel_of_positions(self.position, self.shape, self.spacing, voxel)
        assert answer == (status.OK, -1)
        np.testing.assert_array_equal(voxel, self.voxel)
        used = np.bincount(voxel, self.space, int(np.prod(self.shape))).astype(int)
        np.testing.assert_array_equal(used, self.occupancy.ravel())
        assert np.all(self.occupancy <= self.capacity)
        assert np.all(self.tissue.ravel()[voxel] != 0)


def scattered(
    n: int, shape: tuple[int, int, int], seed: int, free: np.ndarray | None = None, spacing: float = 20.0
) -> np.ndarray:
    """Points uniform over the free voxels; at half height in 2-D."""
    random = np.random.default_rng(seed)
    places = np.argwhere(np.ones(shape) if free is None else free)[:, ::-1]
    inside = random.uniform(0.01, 0.99, (n, 3))
    if shape[0] == 1:
        inside[:, 2] = 0.5
    return (places[random.integers(0, len(places), n)] + inside) * spacing


@given(
    st.integers(0, 2**31),
    st.sampled_from([(1, 6, 7), (4, 5, 6), (1, 1, 9), (2, 1, 3)]),
    st.floats(0.01, 30.0),
    st.integers(1, 3),
    st.floats(0.0, 0.5),
)
@settings(max_examples=60)
def test_no_cell_is_lost_and_no_limit_broken(
    seed: int, shape: tuple[int, int, int], speed: float, units: int, walls: float
) -> None:
    random = np.random.default_rng(seed)
    tissue = (random.uniform(size=shape) >= walls).astype(np.uint8)
    tissue[0, 0, 0] = 1
    # As many cells as there is room for, half of them placed: crowded but movable.
    free = np.argwhere(tissue)[:, ::-1]
    places = np.repeat(free, units, axis=0)
    chosen = random.permutation(len(places))[: max(1, len(places) // 2)]
    inside = random.uniform(0.01, 0.99, (chosen.size, 3))
    walkers = Walkers(shape, (places[chosen] + inside) * 20.0, speed=speed, capacity_units=units)
    walkers.tissue = tissue
    walkers.bias = 0.5
    z = walkers.position[:, 2].copy()
    for step in range(8):
        n_moved, n_full, n_wall = walkers.step(step)
        walkers.check()
        assert max(n_moved, n_full, n_wall) <= len(chosen)
        moving = walkers.direction.any(axis=1)
        np.testing.assert_allclose(np.linalg.norm(walkers.direction[moving], axis=1), 1.0, atol=1e-12)
    if shape[0] == 1:
        np.testing.assert_array_equal(walkers.position[:, 2], z)


@given(st.integers(0, 2**31), st.floats(0.1, 50.0), st.booleans())
@settings(max_examples=40)
def test_walls_are_never_crossed(seed: int, speed: float, diagonal: bool) -> None:
    """A wall one voxel thick, or a staircase that touches along edges only, separates for ever."""
    shape = (1, 12, 12)
    iy, ix = np.mgrid[:12, :12]
    wall = ix == iy if diagonal else ix == 5
    tissue = np.where(wall, 0, 1).astype(np.uint8)[None]
    side = np.sign(ix - iy) if diagonal else np.sign(ix - 5)
    walkers = Walkers(shape, scattered(60, shape, seed, tissue), speed=speed, T=100.0)
    walkers.tissue = tissue
    before = side.ravel()[walkers.voxel]
    refused = 0
    for step in range(10):
        refused += walkers.step(step)[2]
        walkers.check()
        np.testing.assert_array_equal(side.ravel()[walkers.voxel], before)
    assert refused > 0 or speed < 2.0


def test_oblique_wall_in_three_dimensions() -> None:
    """Voxels that touch along edges only close a plane in 3-D as well."""
    shape = (7, 7, 7)
    iz, iy, ix = np.mgrid[:7, :7, :7]
    side = np.sign(ix + iy + iz - 9)
    tissue = (side != 0).astype(np.uint8)
    walkers = Walkers(shape, scattered(800, shape, 3, tissue), speed=9.0)
    walkers.tissue = tissue
    before = side.ravel()[walkers.voxel]
    refused = sum(walkers.step(step)[2] for step in range(30))
    walkers.check()
    np.testing.assert_array_equal(side.ravel()[walkers.voxel], before)
    assert refused > 800


def test_outer_faces_reflect() -> None:
    walkers = Walkers((1, 5, 5), [[97.0, 50.0, 10.0], [50.0, 3.0, 10.0]], T=np.inf)
    walkers.direction[:] = [[0.6, 0.8, 0.0], [0.0, -1.0, 0.0]]
    assert walkers.step(0) == (0, 0, 0)
    np.testing.assert_allclose(walkers.position, [[97.0, 58.0, 10.0], [50.0, 7.0, 10.0]])
    np.testing.assert_allclose(walkers.direction, [[-0.6, 0.8, 0.0], [0.0, 1.0, 0.0]])


def test_landing_exactly_on_the_far_face_stays_inside() -> None:
    walkers = Walkers((1, 5, 5), [[90.0, 50.0, 10.0]], T=np.inf)
    walkers.direction[0] = [1.0, 0.0, 0.0]
    walkers.step(0)
    walkers.check()
    assert walkers.position[0, 0] == np.nextafter(100.0, 0.0)
    assert walkers.direction[0, 0] == -1.0


def test_fast_cell_walks_through_every_voxel_on_its_way() -> None:
    walkers = Walkers((1, 1, 20), [[10.0, 10.0, 10.0]], speed=30.0, T=np.inf)
    walkers.direction[0] = [1.0, 0.0, 0.0]
    walkers.tissue[0, 0, 9] = 0
    assert walkers.step(0) == (1, 0, 1)
    # 16 sub-steps of 18.75 um: nine to the wall, one refused, six back.
    assert walkers.position[0, 0] == pytest.approx(10.0 + (9 - 6) * 18.75)
    assert walkers.direction[0, 0] == -1.0


def test_full_voxel_refuses_and_the_cell_takes_a_new_direction() -> None:
    walkers = Walkers((1, 1, 3), [[18.0, 10.0, 10.0], [30.0, 10.0, 10.0]], capacity_units=1, T=np.inf)
    walkers.speeds[1] = 0.0
    walkers.direction[0] = [1.0, 0.0, 0.0]
    assert walkers.step(0) == (0, 1, 0)
    np.testing.assert_array_equal(walkers.position[0], [18.0, 10.0, 10.0])
    assert not walkers.direction[0].any()
    walkers.reorient(1)
    assert np.linalg.norm(walkers.direction[0]) == pytest.approx(1.0)


def test_last_place_goes_to_the_lower_id_whatever_the_row() -> None:
    for rows in ([0, 1], [1, 0]):
        walkers = Walkers((1, 1, 3), [[18.0, 10.0, 10.0], [42.0, 10.0, 10.0]], capacity_units=1, T=np.inf)
        walkers.ids[rows] = [4, 8]
        walkers.rows = np.array(rows)
        walkers.direction[:] = [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]
        assert walkers.step(0) == (1, 1, 0)
        assert walkers.voxel[rows[0]] == 1


def test_a_large_cell_needs_all_its_space() -> None:
    walkers = Walkers((1, 1, 2), [[18.0, 10.0, 10.0]], capacity_units=2, T=np.inf)
    walkers.space[0] = 3
    walkers.capacity[0, 0, 0] = walkers.occupancy[0, 0, 0] = 3
    walkers.direction[0] = [1.0, 0.0, 0.0]
    assert walkers.step(0) == (0, 1, 0)
    walkers.space[0] = walkers.occupancy[0, 0, 0] = 2
    walkers.direction[0] = [1.0, 0.0, 0.0]
    assert walkers.step(0) == (1, 0, 0)


def test_resting_cells_are_left_alone() -> None:
    walkers = Walkers((1, 5, 5), scattered(20, (1, 5, 5), 1), speed=0.0)
    before = walkers.position.copy(), walkers.direction.copy()
    walkers.biases[:] = np.nan  # not even looked at
    assert walkers.step(0) == (0, 0, 0)
    np.testing.assert_array_equal(walkers.position, before[0])
    np.testing.assert_array_equal(walkers.direction, before[1])


def test_persistence_limits() -> None:
    walkers = Walkers((1, 50, 50), scattered(500, (1, 50, 50), 1), speed=0.01)
    walkers.times[:250], walkers.times[250:] = 0.0, np.inf
    walkers.step(0)
    before = walkers.direction.copy()
    walkers.step(1)
    assert np.all((walkers.direction[:250] != before[:250]).any(axis=1))
    np.testing.assert_allclose(np.abs(walkers.direction[250:]), np.abs(before[250:]))


def test_full_bias_goes_straight_and_a_flat_field_has_no_bias() -> None:
    walkers = Walkers((3, 5, 5), scattered(100, (3, 5, 5), 1), bias=1.0, T=0.0)
    walkers.pull[:50] = np.array([3.0, 0.0, -4.0]) * 1e-12
    assert walkers.reorient(0) == (status.OK, -1)
    np.testing.assert_allclose(walkers.direction[:50], np.tile([0.6, 0.0, -0.8], (50, 1)), atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(walkers.direction, axis=1), 1.0)
    assert np.linalg.norm(walkers.direction[50:].mean(axis=0)) < 0.5


def test_gradient_across_the_slab_is_ignored_in_two_dimensions() -> None:
    walkers = Walkers((1, 5, 5), scattered(50, (1, 5, 5), 1), bias=1.0)
    walkers.pull[:] = [0.0, 2.0, 50.0]
    walkers.reorient(0)
    np.testing.assert_allclose(walkers.direction, np.tile([0.0, 1.0, 0.0], (50, 1)), atol=1e-14)


def test_opposite_vectors_that_cancel_leave_the_random_one() -> None:
    assert motion.biased_direction(1.0, 0.0, 0.0, -7.0, 0.0, 0.0, 0.5) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize("kernel", [motion.reorient, motion.reorient_parallel])
@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("biases", 1.0001, status.BAD_BIAS),
        ("biases", -1e-9, status.BAD_BIAS),
        ("biases", np.nan, status.BAD_BIAS),
        ("times", -1.0, status.BAD_PERSISTENCE),
        ("times", np.nan, status.BAD_PERSISTENCE),
        ("pull", np.nan, status.BAD_DIRECTION),
        ("pull", np.inf, status.BAD_DIRECTION),
        ("ids", -1, status.ID_OUT_OF_RANGE),
        ("ids", 2**48, status.ID_OUT_OF_RANGE),
    ],
)
def test_faults_of_reorientation_are_reported(kernel, column: str, value: float, code: int) -> None:
    walkers = Walkers((1, 5, 5), scattered(9, (1, 5, 5), 1), bias=0.5)
    getattr(walkers, column)[4] = value
    assert walkers.reorient(0, kernel) == (code, 4)
    assert code in status.MESSAGES


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("speeds", -0.1, status.BAD_SPEED),
        ("speeds", np.nan, status.BAD_SPEED),
        ("speeds", np.inf, status.BAD_SPEED),
        ("speeds", 1e6, status.TOO_FAST),
        ("position", -1.0, status.OUT_OF_DOMAIN),
        ("position", np.nan, status.OUT_OF_DOMAIN),
        ("direction", np.nan, status.OUT_OF_DOMAIN),
        ("ids", 8, status.NOT_IN_ID_ORDER),
    ],
)
def test_faults_of_moving_are_reported(column: str, value: float, code: int) -> None:
    walkers = Walkers((1, 5, 5), scattered(9, (1, 5, 5), 1))
    walkers.reorient(0)
    getattr(walkers, column)[4] = value
    assert walkers.move()[:2] == (code, 4)
    assert code in status.MESSAGES


@pytest.mark.determinism
@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("threads", [1, 2])
def test_same_bytes_for_any_number_of_threads(threads: int) -> None:
    if threads > numba.config.NUMBA_NUM_THREADS:
        pytest.skip("one core")
    shape = (1, 40, 40)
    walkers = [Walkers(shape, scattered(2000, shape, 5), bias=0.3, speed=4.0, capacity_units=4) for _ in "ab"]
    for each in walkers:
        each.capacity[:] = np.maximum(each.occupancy, 4)
        each.pull[:] = np.random.default_rng(1).normal(size=(2000, 3))
    numba.set_num_threads(threads)
    for step in range(20):
        for each, kernel in zip(walkers, (motion.reorient, motion.reorient_parallel), strict=True):
            each.reorient(step, kernel)
            each.move()
    a, b = walkers
    assert a.position.tobytes() == b.position.tobytes()
    assert a.direction.tobytes() == b.direction.tobytes()
    assert a.occupancy.tobytes() == b.occupancy.tobytes()


def test_rows_may_be_stored_in_any_order() -> None:
    """The same cells in another row order walk the same ways."""
    shape = (1, 15, 15)
    start = scattered(300, shape, 5)
    a = Walkers(shape, start, speed=3.0, capacity_units=3)
    shuffle = np.random.default_rng(2).permutation(300)
    b = Walkers(shape, start[shuffle], speed=3.0, capacity_units=3)
    a.capacity[:] = b.capacity[:] = np.maximum(a.occupancy, 3)
    b.ids = a.ids[shuffle]
    b.rows = np.argsort(b.ids)
    for step in range(10):
        assert a.step(step) == b.step(step)
    np.testing.assert_array_equal(a.position[shuffle], b.position)
