"""Events and places of new cells: which event, room, walls, ids, faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.errors import CompileError
from abm.kernels import fate, rng, status
from abm.kernels.neighbours import voxel_of_positions

SEED = np.uint64(42)
SPACING = (20.0, 20.0, 20.0)


def choose(rates: np.ndarray, dt: float, step: int = 0, ids: np.ndarray | None = None) -> np.ndarray:
    event = np.full(len(rates), 99, np.int8)
    ids = np.arange(len(rates)) if ids is None else ids
    assert fate.choose_events(SEED, rng.FATE, step, ids, rates, dt, event) == (status.OK, -1)
    return event


def race(rates: np.ndarray, dt: float, step: int = 0, ids: np.ndarray | None = None) -> np.ndarray:
    event = np.full(len(rates), 99, np.int8)
    ids = np.arange(len(rates)) if ids is None else ids
    streams = np.arange(20, 20 + rates.shape[1])
    assert fate.race_events(SEED, streams, step, ids, rates, dt, event) == (status.OK, -1)
    return event


@pytest.mark.parametrize("decide", [choose, race])
def test_impossible_and_certain_events(decide) -> None:
    rates = np.zeros((400, 3))
    rates[100:200, 1] = 1e3
    rates[200:300, 2] = 1e-300
    rates[300:] = [0.0, 1e3, 0.0]
    event = decide(rates, 10.0)
    assert np.all(event[:100] == fate.NO_EVENT)
    assert np.all(event[100:200] == 1)
    assert np.all(event[200:300] == fate.NO_EVENT)
    assert np.all(event[300:] == 1)


@pytest.mark.parametrize("decide", [choose, race])
def test_an_event_of_rate_zero_never_happens(decide) -> None:
    rates = np.zeros((20_000, 4))
    rates[:, [1, 2]] = 0.3, 0.7
    assert set(np.unique(decide(rates, 1e6))) == {1, 2}


@pytest.mark.parametrize("decide", [choose, race])
def test_no_event_in_no_time_and_no_events_at_all(decide) -> None:
    assert np.all(decide(np.full((50, 2), 5.0), 0.0) == fate.NO_EVENT)
    assert np.all(decide(np.zeros((50, 0)), 10.0) == fate.NO_EVENT)


@pytest.mark.parametrize("decide", [choose, race])
def test_decisions_belong_to_ids_not_rows(decide) -> None:
    ids = np.arange(1000) * 7
    rates = np.random.default_rng(0).uniform(0, 0.1, (1000, 3))
    shuffle = np.random.default_rng(1).permutation(1000)
    event = decide(rates, 5.0, 3, ids)
    np.testing.assert_array_equal(decide(rates[shuffle], 5.0, 3, ids[shuffle]), event[shuffle])
    assert np.any(decide(rates, 5.0, 4, ids) != event)


@pytest.mark.parametrize("decide", [choose, race])
def test_a_longer_step_never_undoes_whether_something_happens(decide) -> None:
    rates = np.random.default_rng(0).uniform(0, 0.1, (1000, 3))
    short, long = decide(rates, 2.0), decide(rates, 9.0)
    assert np.all(long[short >= 0] >= 0)
    assert np.count_nonzero(long >= 0) > np.count_nonzero(short >= 0) > 0


def test_race_keeps_the_other_draws_when_one_rate_changes() -> None:
    """Paired arms: raising one rate may only take cells over to that event."""
    low = np.full((5000, 3), 0.02)
    high = low.copy()
    high[:, 0] = 0.05
    a, b = race(low, 10.0), race(high, 10.0)
    changed = a != b
    assert np.any(changed)
    assert np.all(b[changed] == 0)


@pytest.mark.parametrize("bad", [-1e-12, np.nan, np.inf])
def test_bad_rate_is_reported(bad: float) -> None:
    rates = np.full((9, 2), 1e-3)
    rates[6, 1] = bad
    event, ids = np.empty(9, np.int8), np.arange(9)
    assert fate.choose_events(SEED, 1, 0, ids, rates, 1.0, event) == (status.BAD_RATE, 6)
    assert fate.race_events(SEED, np.array([1, 2]), 0, ids, rates, 1.0, event) == (status.BAD_RATE, 6)


@pytest.mark.parametrize("bad", [-1, 2**48])
def test_bad_id_is_reported(bad: int) -> None:
    rates, ids, event = np.full((3, 2), 1e-3), np.array([0, bad, 1]), np.empty(3, np.int8)
    assert fate.choose_events(SEED, 1, 0, ids, rates, 1.0, event) == (status.ID_OUT_OF_RANGE, 1)
    assert fate.race_events(SEED, np.array([1, 2]), 0, ids, rates, 1.0, event) == (status.ID_OUT_OF_RANGE, 1)


@pytest.mark.parametrize(
    ("shape", "spacing", "radius", "counts"),
    [
        ((1, 9, 9), (20.0, 20.0, 20.0), 0.0, []),
        ((1, 9, 9), (20.0, 20.0, 20.0), 19.9, []),
        ((1, 9, 9), (20.0, 20.0, 20.0), 20.0, [4]),
        ((1, 9, 9), (20.0, 20.0, 20.0), 40.0, [4, 4, 4]),
        ((9, 9, 9), (20.0, 20.0, 20.0), 35.0, [6, 12, 8]),
        ((1, 9, 9), (20.0, 10.0, 5.0), 20.0, [2, 4]),
    ],
)
def test_search_rings(shape: tuple, spacing: tuple, radius: float, counts: list[int]) -> None:
    offsets = fate.search_offsets(shape, spacing, radius)
    assert list(np.diff(offsets.ring)) == counts
    size = offsets.offset * spacing[::-1]
    distance = np.linalg.norm(size, axis=1)
    assert np.all(np.diff(distance) >= -1e-9)
    assert np.all(distance <= radius + 1e-9)


@pytest.mark.parametrize("radius", [-1.0, np.nan, np.inf, 421.0])
def test_bad_radius_is_an_error(radius: float) -> None:
    with pytest.raises(CompileError, match="must be within 0 and 20 voxels"):
        fate.search_offsets((1, 50, 50), SPACING, radius)


@dataclass
class Tissue:
    """A tissue with room, and a call that places cells in it."""

    shape: tuple[int, int, int]
    units: int
    radius: float

    def __post_init__(self) -> None:
        self.tissue = np.ones(self.shape, np.uint8)
        self.capacity = np.full(self.shape, self.units, np.int32)
        self.occupancy = np.zeros(self.shape, np.int32)
        self.offsets = fate.search_offsets(self.shape, SPACING, self.radius)

    def place(self, ids: np.ndarray, target: np.ndarray, step: int = 0, space: int = 1) -> tuple:
        position, voxel = np.full((ids.size, 3), np.nan), np.full(ids.size, -7)
        code, row, n = fate.place_cells(
            SEED, rng.ENTRY, step, ids, target, np.full(ids.size, space, np.int32), SPACING, self.offsets,
            self.tissue, self.capacity, self.occupancy, position, voxel,
        )  # fmt: skip
        assert (code, row) == (status.OK, -1)
        assert n == np.count_nonzero(voxel >= 0)
        found = np.empty(n, np.int64)
        answer = voxel_of_positions(position[voxel >= 0], self.shape, SPACING, found)
        assert answer == (status.OK, -1)
        np.testing.assert_array_equal(found, voxel[voxel >= 0])
        return position, voxel


@given(
    st.integers(0, 2**31),
    st.sampled_from([(1, 7, 8), (4, 5, 6), (1, 1, 5)]),
    st.integers(1, 3),
    st.sampled_from([0.0, 20.0, 45.0]),
    st.integers(1, 2),
)
@settings(max_examples=60)
def test_placing_never_breaks_a_limit(seed: int, shape: tuple, units: int, radius: float, space: int) -> None:
    random = np.random.default_rng(seed)
    here = Tissue(shape, units, radius)
    here.tissue[:] = random.uniform(size=shape) > 0.3
    n = random.integers(1, 2 * here.tissue.size)
    target = random.integers(0, here.tissue.size, n)
    position, voxel = here.place(np.arange(n), target, space=space)
    found = voxel >= 0
    used = np.bincount(voxel[found], minlength=here.tissue.size) * space
    np.testing.assert_array_equal(used, here.occupancy.ravel())
    assert np.all(here.occupancy <= here.capacity)
    assert np.all(here.occupancy[here.tissue == 0] == 0)
    gap = np.stack(np.unravel_index(voxel[found], shape)) - np.stack(np.unravel_index(target[found], shape))
    assert np.all(np.linalg.norm(gap * 20.0, axis=0) <= radius + 1e-9)
    assert np.all(np.isnan(position[~found]))
    # Refusal is never premature: the wanted voxel itself stayed without room.
    for wanted in target[~found]:
        assert not here.tissue.flat[wanted] or here.occupancy.flat[wanted] + space > units


def test_nearest_free_voxel_comes_first() -> None:
    here = Tissue((1, 7, 7), 1, 60.0)
    centre = np.full(29, 24)
    _, voxel = here.place(np.arange(29), centre)
    at = np.stack(np.unravel_index(voxel, here.shape)) - np.array([[0], [3], [3]])
    distance = np.linalg.norm(at, axis=0)
    assert distance[0] == 0
    assert np.all(np.diff(distance) >= 0)
    assert distance[-1] == 3
    assert np.unique(voxel).size == 29


def test_places_depend_on_the_id_and_the_step() -> None:
    chosen = set()
    for step in range(40):
        here = Tissue((1, 5, 5), 1, 20.0)
        here.occupancy[0, 2, 2] = 1
        chosen.add(int(here.place(np.array([9]), np.array([12]), step)[1][0]))
    assert chosen == {7, 11, 13, 17}


def test_a_wall_is_not_jumped() -> None:
    here = Tissue((1, 3, 5), 1, 60.0)
    here.tissue[0, :, 2] = 0
    _, voxel = here.place(np.arange(12), np.full(12, 5))
    x = voxel[voxel >= 0] % 5
    assert x.size == 6 and np.all(x < 2)  # the six voxels on this side, then refusals
    here.tissue[0, 0, 2] = 1  # a door
    _, voxel = here.place(np.arange(12, 24), np.full(12, 5))
    assert np.any(voxel[voxel >= 0] % 5 > 2)


def test_daughters_beside_their_mothers() -> None:
    here = Tissue((1, 3, 3), 2, 20.0)
    here.capacity[:] = [[[1, 1, 1], [1, 4, 1], [1, 1, 9]]]
    here.occupancy[:] = [[[1, 1, 0], [1, 3, 0], [0, 0, 1]]]
    mothers = np.array([2, 5, 8, 13])
    _, voxel = here.place(mothers, np.array([4, 0, 8, 4]))
    # The first fills the centre, the corner is closed in, the next has room, the last goes to a side.
    assert list(voxel[:3]) == [4, -1, 8]
    assert voxel[3] in (5, 7)
    assert here.occupancy.sum() == 7 + 3


@pytest.mark.parametrize(
    ("ids", "target", "code", "index"),
    [
        ([4, 4], [0, 0], status.NOT_IN_ID_ORDER, 1),
        ([5, 4], [0, 0], status.NOT_IN_ID_ORDER, 1),
        ([0, 2**48], [0, 0], status.ID_OUT_OF_RANGE, 1),
        ([-1, 3], [0, 0], status.ID_OUT_OF_RANGE, 0),
        ([0, 1], [0, 9], status.BAD_VOXEL, 1),
        ([0, 1], [-1, 0], status.BAD_VOXEL, 0),
    ],
)
def test_faults_of_placing_are_reported(ids: list, target: list, code: int, index: int) -> None:
    here = Tissue((1, 3, 3), 2, 20.0)
    answer = fate.place_cells(
        SEED, 1, 0, np.array(ids), np.array(target), np.ones(2, np.int32), SPACING, here.offsets,
        here.tissue, here.capacity, here.occupancy, np.empty((2, 3)), np.empty(2, np.int64),
    )  # fmt: skip
    assert answer[:2] == (code, index)
    assert code in status.MESSAGES


@given(st.integers(0, 1000), st.floats(0.01, 500.0), st.floats(0.0, 1.0, exclude_max=True))
def test_a_point_of_a_voxel_is_in_it(index: int, d: float, fraction: float) -> None:
    """Also for a fraction so near to 1 that the sum rounds to the next voxel."""
    shape = (index + 2, index + 1, index + 3)
    for u in (fraction, 1.0 - 2.0**-53):
        point = fate.point_in_voxel(index, index, index, u, u, u, shape, (d, d, d))
        out = np.empty(1, np.int64)
        assert voxel_of_positions(np.array([point]), shape, (d, d, d), out) == (status.OK, -1)
        assert out[0] == np.ravel_multi_index((index,) * 3, shape)
