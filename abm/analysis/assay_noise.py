"""Random numbers of the assays: a pure function of experiment seed, replicate, animal, time and trial.

Philox4x64 (Salmon et al. 2011, doi:10.1145/2063384.2063405) with the seed and the stream as key, and the
replicate and the time of testing as counter.  The arm is not part of it: the same animal of every arm is as
sensitive, and has the same luck in its trials, so that arms can be compared pair by pair.  More animals do
not change the first ones.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

_SECONDS_PER_DAY = 86_400
_TO_UNIT = 2.0**-53


class Stream(IntEnum):
    """What the numbers are for; a value once given away is never used for anything else."""

    VON_FREY_ANIMALS = 1
    VON_FREY_TRIALS = 2
    HEAT_ANIMALS = 3
    HEAT_TRIALS = 4


def uniforms(
    stream: Stream, seed: int, replicate: int, day: float, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1); row i belongs to animal i.

    Parameters
    ----------
    stream : Stream
    seed, replicate : int
        Of the experiment and of the run.
    day : float [d]
        Time of testing, to the second; -1 for what an animal keeps for life.
    shape : tuple of int
        Animals first.
    """
    second = 0 if day < 0 else 1 + round(day * _SECONDS_PER_DAY)
    bits = np.random.Philox(
        key=np.array([seed, int(stream)], dtype=np.uint64),
        counter=np.array([0, 0, second, replicate], dtype=np.uint64),
    )
    raw = np.asarray(bits.random_raw(int(np.prod(shape))), dtype=np.uint64)
    return np.asarray((raw >> np.uint64(11)) * _TO_UNIT, dtype=np.float64).reshape(shape)


def normals(
    stream: Stream, seed: int, replicate: int, day: float, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Standard normal numbers by the method of Box and Muller (1958, doi:10.1214/aoms/1177706645).

    Parameters as for :func:`uniforms`.
    """
    return normal_of(uniforms(stream, seed, replicate, day, (*shape, 2)))


def normal_of(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """A standard normal number for each pair of uniform ones, (..., 2) to (...)."""
    radius = np.sqrt(-2.0 * np.log1p(-pairs[..., 0]))
    return np.asarray(radius * np.cos(2.0 * np.pi * pairs[..., 1]))
