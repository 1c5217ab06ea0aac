"""Which values the axes of a sweep have in which of its points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from abm.errors import AbmError
from abm.scenario.nodes import KeyPath, Node
from abm.sweep.axes import Axis
from abm.sweep.schema import Sample

Floats = NDArray[np.float64]


class SamplingError(AbmError):
    """Points cannot be drawn: a package is missing, or the numbers do not go together."""

    exit_code = 2


@dataclass(frozen=True)
class Design:
    """Points of a sweep.

    Attributes
    ----------
    axes : tuple of Axis
    values : (n_point, n_axis) float64
        Position in the list of the axis, or the number that was drawn.
    """

    axes: tuple[Axis, ...]
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def settings(self, point: int) -> dict[KeyPath, Node]:
        """What a point changes."""
        return {
            path: node
            for axis, value in zip(self.axes, self.values[point], strict=True)
            for node in (axis.node(float(value)),)
            for path in axis.paths
        }

    def text(self, point: int) -> str:
        """A point in words: ``dose 1e5, day 4 d``."""
        pairs = zip(self.axes, self.values[point], strict=True)
        return ", ".join(f"{axis.name} {axis.text(float(value))}" for axis, value in pairs)


def groups_of(axes: Sequence[Axis], paired: Sequence[str]) -> list[list[int]]:
    """Numbers of the axes that vary together, in the order of the axes.

    The axes of `paired`, the columns of one table, all sampled axes; every other one is alone.
    """
    found: dict[str, list[int]] = {}
    for i, axis in enumerate(axes):
        key = f"alone {i}"
        if axis.spread is not None:
            key = "sampled"
        elif axis.name in paired:
            key = "paired"
        elif axis.table:
            key = f"table {axis.table}"
        found.setdefault(key, []).append(i)
    return list(found.values())


def make_design(axes: Sequence[Axis], paired: Sequence[str], sample: Sample | None, seed: int) -> Design:
    """All points: groups of axes crossed with each other, the first one slowest.

    Parameters
    ----------
    seed : int
        Of the sweep; every sampled axis draws from its own generator, named like the axis.

    Raises
    ------
    SamplingError
        A package is missing, or the numbers do not go together.
    """
    blocks: list[Floats] = []
    groups = groups_of(axes, paired)
    for group in groups:
        members = [axes[i] for i in group]
        if members[0].spread is None:
            length = len(members[0].nodes)
            blocks.append(np.repeat(np.arange(length, dtype=np.float64)[:, None], len(group), axis=1))
        else:
            assert sample is not None
            unit = unit_points([axis.name for axis in members], sample, seed)
            blocks.append(np.stack([axis.drawn(unit[:, k]) for k, axis in enumerate(members)], axis=1))
    picks = np.indices([len(block) for block in blocks]).reshape(len(blocks), -1)
    values = np.empty((picks.shape[1], len(axes)))
    for group, block, pick in zip(groups, blocks, picks, strict=True):
        values[:, group] = block[pick]
    return Design(tuple(axes), values)


def count_points(axes: Sequence[Axis], paired: Sequence[str], sample: Sample | None) -> int:
    """Number of points, without making them."""
    count = 1
    for group in groups_of(axes, paired):
        first = axes[group[0]]
        if first.spread is None:
            count *= len(first.nodes)
        elif sample is not None:
            count *= sample_size(sample, len(group))
    return count


def sample_size(sample: Sample, axes: int) -> int:
    """Points that a sample of so many axes has."""
    if sample.method == "morris":
        return sample.points * (axes + 1)
    return sample.points * (axes + 2 if sample.indices else 1)


def unit_points(names: Sequence[str], sample: Sample, seed: int) -> Floats:
    """Points of the unit cube, (n, n_axis) float64.

    With ``indices`` these are the blocks A, B, AB_1 ... AB_k of Saltelli's design, one after another: A and B
    are two independent samples, AB_i is A with the column i of B.
    """
    if sample.method == "morris":
        return trajectories(len(names), sample.points, sample.levels, generator(seed, "morris"))
    if sample.method == "sobol":
        if not sample.indices:
            return _sobol(len(names), sample.points, seed)
        both = _sobol(2 * len(names), sample.points, seed)
        return saltelli(both[:, : len(names)], both[:, len(names) :])
    columns = []
    for name in names:
        rng = generator(seed, name)
        if sample.method == "random":
            columns.append(rng.random(sample.points))
        else:
            columns.append((rng.permutation(sample.points) + rng.random(sample.points)) / sample.points)
    return np.stack(columns, axis=1)


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers of one axis: those of the others do not change when an axis is added."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()),)))
    )


def saltelli(a: Floats, b: Floats) -> Floats:
    """Blocks A, B, AB_1 ... AB_k of two samples, (n, k) each."""
    mixed = []
    for i in range(a.shape[1]):
        block = a.copy()
        block[:, i] = b[:, i]
        mixed.append(block)
    return np.concatenate([a, b, *mixed])


def _sobol(dimensions: int, points: int, seed: int) -> Floats:
    try:
        from scipy.stats import qmc
    except ImportError:
        raise SamplingError(
            "the method sobol needs scipy, which is not installed; install abm[hpc]"
        ) from None
    if points & (points - 1):
        nearest = 2 ** max(1, round(math.log2(points)))
        raise SamplingError(f"a Sobol' sample has a power of two of points, e.g. {nearest}; given: {points}")
    if dimensions > qmc.Sobol.MAXDIM:
        raise SamplingError(f"a Sobol' sample has at most {qmc.Sobol.MAXDIM} dimensions")
    sobol = qmc.Sobol(dimensions, scramble=True, rng=generator(seed, "sobol"))
    return np.asarray(sobol.random(points), dtype=np.float64)


def trajectories(axes: int, count: int, levels: int, rng: np.random.Generator) -> Floats:
    """Morris' trajectories: each visits axes + 2 - 1 points and moves one axis at a time.

    Parameters
    ----------
    levels : int
        Even; a move is levels / (2 (levels - 1)) of the range.

    Returns
    -------
    (count * (axes + 1), axes) float64
    """
    if levels % 2:
        raise SamplingError(f"levels is {levels}; Morris' design needs an even number")
    move = levels / (2.0 * (levels - 1))
    starts = rng.integers(0, levels // 2, (count, axes)) / (levels - 1)
    points = np.empty((count, axes + 1, axes))
    for trajectory, low in zip(points, starts, strict=True):
        up = rng.random(axes) < 0.5
        here = np.where(up, low, low + move)
        trajectory[0] = here
        for k, axis in enumerate(rng.permutation(axes), 1):
            here = here.copy()
            here[axis] = low[axis] + move if up[axis] else low[axis]
            trajectory[k] = here
    return points.reshape(-1, axes)


def own_seed(seed: int, digest: bytes) -> int:
    """Seed of a case that has its own noise: the child of the sweep's seed that its hash names."""
    words = tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, len(digest), 4))
    child = np.random.SeedSequence(seed, spawn_key=words)
    return int(child.generate_state(1, np.uint64)[0] >> np.uint64(1))
