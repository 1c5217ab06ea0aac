"""Time per cell of the kernels that sort, sense, move and decide, with the cost of the call included.

A 2-D tissue of 20 um voxels with 0.2 cells per voxel (2,000 cells on 2 x 2 mm), every cell migrating
10 um per step with a persistence time of 60 min, six fields, five competing events per cell.  At 2,000
cells each serial call must stay below ``BUDGET_US``.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numba
import numpy as np

from abm.kernels import fate, motion, neighbours, rng

SIZES = (2_000, 20_000, 100_000)
BUDGET_US = 100.0
SPACING = (20.0, 20.0, 20.0)
SEED = np.uint64(1)


def calls(n: int) -> dict[str, Callable[[], object]]:
    """One closure per kernel over a fresh population of ``n`` cells."""
    random = np.random.default_rng(0)
    side = round((n / 0.2) ** 0.5)
    shape = (1, side, side)
    n_voxel = side * side
    position = random.uniform(0, side * 20.0, (n, 3))
    position[:, 2] = 10.0
    ids, rows, voxel = np.arange(n), np.arange(n), np.empty(n, np.int64)
    neighbours.voxel_of_positions(position, shape, SPACING, voxel)
    label, space = rows % 6, np.ones(n, np.int32)
    tissue, capacity = np.ones(shape, np.uint8), np.full(shape, 8, np.int32)
    occupancy = np.empty(shape, np.int32)
    neighbours.sum_occupancy(voxel, space, occupancy)
    direction, pull = np.zeros((n, 3)), random.normal(size=(n, 3))
    speed, bias, persistence = np.full(n, 1.0), np.full(n, 0.3), np.full(n, 60.0)
    order, start = np.empty(n, np.int64), np.empty(n_voxel + 1, np.int64)
    neighbours.sort_by_voxel(voxel, order, start)
    contacts, event = np.empty((n, 6), np.int32), np.empty(n, np.int64)
    secretion, source = random.uniform(size=(n, 6)), np.empty((6, *shape))
    rates = np.full((n, 5), 1e-5)
    streams = np.arange(5) + 20
    draws, place = np.empty(n), (position.copy(), np.empty(n, np.int64))
    crowd, offsets = np.empty(shape, np.int32), fate.search_offsets(shape, SPACING, 60.0)
    counter = iter(range(10**9))

    def place_some() -> object:
        crowd[:] = 0
        return fate.place_cells(
            SEED, 6, next(counter), ids[::20], voxel[::20], space[::20], SPACING, offsets, tissue,
            capacity, crowd, *place,
        )  # fmt: skip

    def walk(kernel: Callable[..., object]) -> Callable[[], object]:
        return lambda: kernel(SEED, next(counter), ids, direction, speed, bias, persistence, pull, 10.0, 2)

    return {
        "draw": lambda: rng.fill_uniform(SEED, 1, next(counter), ids, 0, draws),
        "voxel of positions": lambda: neighbours.voxel_of_positions(position, shape, SPACING, place[1]),
        "sort by voxel": lambda: neighbours.sort_by_voxel(voxel, order, start),
        "contacts": lambda: neighbours.contact_counts(voxel, label, order, start, shape, contacts),
        "re-orient": walk(motion.reorient),
        "re-orient, parallel": walk(motion.reorient_parallel),
        "move": lambda: motion.move(
            rows, ids, position, direction, voxel, speed, space, 10.0, SPACING, tissue, capacity, occupancy
        ),
        "events, one pair": lambda: fate.choose_events(SEED, 10, next(counter), ids, rates, 10.0, event),
        "events, race": lambda: fate.race_events(SEED, streams, next(counter), ids, rates, 10.0, event),
        "place 1 new in 20": place_some,
        "sum per voxel": lambda: neighbours.sum_per_voxel(voxel, secretion, source),
        "sum per voxel, parallel": lambda: neighbours.sum_per_voxel_parallel(
            secretion, order, start, source
        ),
    }  # fmt: skip


def microseconds(call: Callable[[], object]) -> float:
    """Median time of one call after warming up [us]."""
    call()
    times: list[float] = []
    until = time.perf_counter() + 0.3
    while len(times) < 15 or (time.perf_counter() < until and len(times) < 2000):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def main() -> int:
    """Measure and print; returns 1 over the budget, else 0."""
    tables = {n: {name: microseconds(call) for name, call in calls(n).items()} for n in SIZES}
    threads = numba.get_num_threads()
    print(f"ns per cell, median of many calls; {threads} threads where parallel; in brackets us per call\n")
    print(f"{'':26}" + "".join(f"{n:>20,}" for n in SIZES))
    for name in tables[SIZES[0]]:
        cells = (f"{tables[n][name] * 1e3 / n:10.1f} ({tables[n][name]:7.1f})" for n in SIZES)
        print(f"{name:26}" + "".join(f"{text:>20}" for text in cells))
    slow = [name for name, us in tables[SIZES[0]].items() if us > BUDGET_US and "parallel" not in name]
    if slow:
        print(f"\nover the budget of {BUDGET_US:.0f} us at {SIZES[0]:,} cells: {', '.join(slow)}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
