"""Counter-based random numbers: every draw is a pure function of (seed, stream, step, cell, draw).

No state is kept anywhere, so a draw does not depend on the order of cells, the number of threads, or
on what other cells did; a resumed run draws the same numbers, and two arms of a study share the noise
of every cell that exists in both.

Generator: Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).  The 64-bit key is the
seed.  The 128-bit counter is packed without overlap, least significant bit first:

======  ====================================================  ==========================
word    bits                                                  field
======  ====================================================  ==========================
0       0-31                                                  cell, low 32 bits
1       0-15, 16-31                                           cell, high 16 bits; draw
2       0-31                                                  step, low 32 bits
3       0-7, 8-19, 20-31                                      step, high 8 bits; round; stream
======  ====================================================  ==========================

Limits: cell < 2**48, step < 2**40, stream < 2**12, draw < 2**16, seed < 2**64.  ``round`` (12 bits)
belongs to this file: it numbers the blocks a rejection method consumes for one draw.  The scalar
kernels do not test the limits (they sit in the innermost loop): :func:`check_seed`,
:func:`check_step`, :func:`check_cells` and :func:`check_draw` do, where a value enters.

``cell`` need not be a cell: for a draw that belongs to a block, voxel, compartment or intervention use
its index there and a stream of its own.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from abm.errors import CompileError, NumericsError

# Streams.  APPEND ONLY: a number, once used, keeps its meaning, or old runs lose their noise.
PLACEMENT = 0  # initial positions of cells
MOTION = 1  # re-orientation of migrating cells
DIVISION = 2  # whether a cell divides
DEATH = 3  # whether a cell dies
CLEARANCE = 4  # whether a dead cell is cleared
TRANSITION = 5  # phenotype and type transitions
ARRIVAL = 6  # numbers arriving from a compartment (cell = index of the source)
ENTRY = 7  # where an arriving cell enters
HOMING = 8  # whether a waiting cell homes
PHAGOCYTOSIS = 9  # whether and what a phagocyte takes up
FATE = 10  # competing events of one cell, one pair of draws per step
DIVISION_PLACE = 11  # where a daughter goes (cell = the mother)
COMPARTMENT_LOSS = 12  # loss of cells waiting in a compartment
CELL_VARIABLE = 13  # initial values and heterogeneity of cell variables
NEURON = 14  # properties and noise of neurons
ASSAY = 15  # in-silico behavioural assays
INTERVENTION = 16  # viability, dose and placement noise of interventions
REPLICATE = 17  # seeds of replicates derived from the study seed
DEPLETION = 18  # whether an intervention removes a cell (draw = index of the depletion)

STREAMS: dict[str, int] = {
    name: value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}

CELL_BITS, STEP_BITS, STREAM_BITS, DRAW_BITS, ROUND_BITS = 48, 40, 12, 16, 12
MAX_CELL = 2**CELL_BITS - 1
MAX_STEP = 2**STEP_BITS - 1
MAX_STREAM = 2**STREAM_BITS - 1
MAX_DRAW = 2**DRAW_BITS - 1
MAX_SEED = 2**64 - 1
MAX_ROUND = 2**ROUND_BITS - 1

# `forceinline` lets a plain loop of draws run on vector units: 3 ns a draw instead of 9.  Kernels that
# decide for many cells therefore fill a buffer of draws first.
#
# 32-bit words are held in uint64, so that no product or sum overflows: the same source then runs
# without compilation (NUMBA_DISABLE_JIT=1) and without numpy's overflow warnings.
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW32 = np.uint64(0xFFFFFFFF)
_S8, _S11, _S16, _S20, _S32 = (np.uint64(bits) for bits in (8, 11, 16, 20, 32))
_ULP53 = 2.0**-53
_POISSON_COUNT_LIMIT = 64.0
POISSON_MAX_MEAN = 1e9  # beyond it lgamma is no longer accurate enough for an exact test


@njit(cache=True, error_model="numpy", forceinline=True)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 block function: four 32-bit words from a 128-bit counter and a 64-bit key.

    All arguments and results are uint64 that hold 32-bit values.  Source:
    doi:10.1145/2063384.2063405, section 3.3; checked against the Random123 known-answer vectors.
    """
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _S32) ^ c1 ^ k0, p1 & _LOW32, (p0 >> _S32) ^ c3 ^ k1, p0 & _LOW32
        k0 = (k0 + _W0) & _LOW32
        k1 = (k1 + _W1) & _LOW32
    return c0, c1, c2, c3


@njit(cache=True, error_model="numpy", forceinline=True)
def _pair64(seed, stream, step, cell, draw, round_):
    """Two independent 64-bit words for one point of the counter space."""
    seed, cell, step = np.uint64(seed), np.uint64(cell), np.uint64(step)
    c1 = (cell >> _S32) | (np.uint64(draw) << _S16)
    c3 = (step >> _S32) | (np.uint64(round_) << _S8) | (np.uint64(stream) << _S20)
    w0, w1, w2, w3 = philox4x32(cell & _LOW32, c1, step & _LOW32, c3, seed & _LOW32, seed >> _S32)
    return (w1 << _S32) | w0, (w3 << _S32) | w2


@njit(cache=True, error_model="numpy", forceinline=True)
def _uniform_pair(seed, stream, step, cell, draw, round_):
    a, b = _pair64(seed, stream, step, cell, draw, round_)
    return np.float64(a >> _S11) * _ULP53, np.float64(b >> _S11) * _ULP53


@njit(cache=True, error_model="numpy", forceinline=True)
def uniform_pair(seed, stream, step, cell, draw):
    """Two independent uniform numbers in [0, 1), each a multiple of 2**-53."""
    return _uniform_pair(seed, stream, step, cell, draw, 0)


@njit(cache=True, error_model="numpy", forceinline=True)
def uniform(seed, stream, step, cell, draw):
    """Uniform number in [0, 1), a multiple of 2**-53; equals the first of :func:`uniform_pair`.

    Parameters
    ----------
    seed : uint64
        Seed of the run (the key).
    stream, step, cell, draw : int
        Purpose, time step, cell id, and number of the draw within that step; limits above.
    """
    u, _ = _uniform_pair(seed, stream, step, cell, draw, 0)
    return u


@njit(cache=True, error_model="numpy")
def normal_pair(seed, stream, step, cell, draw):
    """Two independent standard normal numbers (Box and Muller 1958, doi:10.1214/aoms/1177706645).

    With 53-bit uniforms their size is limited to 8.57.
    """
    u, v = _uniform_pair(seed, stream, step, cell, draw, 0)
    radius = math.sqrt(-2.0 * math.log1p(-u))
    angle = 2.0 * math.pi * v
    return radius * math.cos(angle), radius * math.sin(angle)


@njit(cache=True, error_model="numpy")
def normal(seed, stream, step, cell, draw):
    """Standard normal number; the first of :func:`normal_pair`."""
    z, _ = normal_pair(seed, stream, step, cell, draw)
    return z


@njit(cache=True, error_model="numpy")
def exponential(seed, stream, step, cell, draw):
    """Exponential number of mean 1; small values keep full relative precision."""
    u, _ = _uniform_pair(seed, stream, step, cell, draw, 0)
    return -math.log1p(-u)


@njit(cache=True, error_model="numpy")
def unit_vector(seed, stream, step, cell, draw, ndim):
    """Direction (x, y, z) uniform on the unit circle (``ndim`` 2, z = 0) or sphere (``ndim`` 3)."""
    u, v = _uniform_pair(seed, stream, step, cell, draw, 0)
    angle = 2.0 * math.pi * u
    if ndim == 2:
        return math.cos(angle), math.sin(angle), 0.0
    z = 2.0 * v - 1.0
    r = math.sqrt((1.0 - z) * (1.0 + z))
    return r * math.cos(angle), r * math.sin(angle), z


@njit(cache=True, error_model="numpy")
def poisson(seed, stream, step, cell, draw, mean):
    """Poisson number of the given mean; exact for any mean up to 1e9.

    Up to mean 64 the arrivals of a unit-rate process within ``mean`` are counted: exact in both tails,
    and with the same draw a larger mean never gives a smaller number, so that arms of a study stay
    paired.  Above it, transformed rejection PTRS (Hoermann 1993, doi:10.1016/0167-6687(93)90997-4).

    Returns
    -------
    int64
        The number, or -1 for a mean that is negative, not a number or above 1e9.
    """
    if not (0.0 <= mean <= POISSON_MAX_MEAN):
        return np.int64(-1)
    if mean == 0.0:
        return np.int64(0)
    if mean <= _POISSON_COUNT_LIMIT:
        arrival = 0.0
        count = np.int64(0)
        for round_ in range(MAX_ROUND + 1):
            u, v = _uniform_pair(seed, stream, step, cell, draw, round_)
            arrival -= math.log1p(-u)
            if arrival > mean:
                return count
            arrival -= math.log1p(-v)
            if arrival > mean:
                return count + 1
            count += 2
        return np.int64(-1)
    return _poisson_ptrs(seed, stream, step, cell, draw, mean)


@njit(cache=True, error_model="numpy")
def _poisson_ptrs(seed, stream, step, cell, draw, mean):
    """Transformed rejection with squeeze for a mean above 10 (algorithm PTRS of Hoermann 1993)."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_squeeze = 0.9277 - 3.6224 / (b - 2.0)
    log_mean = math.log(mean)
    for round_ in range(MAX_ROUND + 1):
        u, v = _uniform_pair(seed, stream, step, cell, draw, round_)
        u -= 0.5
        v = 1.0 - v
        us = 0.5 - abs(u)
        if us <= 0.0:
            continue
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_squeeze:
            return np.int64(k)
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        accept = math.log(v * inverse_alpha / (a / (us * us) + b))
        if accept <= k * log_mean - mean - math.lgamma(k + 1.0):
            return np.int64(k)
    return np.int64(-1)


@njit(cache=True, error_model="numpy")
def fill_uniform(seed, stream, step, cells, draw, out):
    """Write ``uniform(seed, stream, step, cells[i], draw)`` into ``out`` (n,) float64."""
    for i in range(cells.size):
        out[i] = uniform(seed, stream, step, cells[i], draw)


@njit(cache=True, error_model="numpy")
def fill_normal(seed, stream, step, cells, draw, out):
    """Write ``normal(seed, stream, step, cells[i], draw)`` into ``out`` (n,) float64."""
    for i in range(cells.size):
        out[i] = normal(seed, stream, step, cells[i], draw)


def check_seed(seed: int) -> np.uint64:
    """Return the seed as the uint64 the kernels expect.

    Raises
    ------
    CompileError
        If it is not an integer within 0 and 2**64 - 1; it is never truncated.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) <= MAX_SEED:
        raise CompileError(f"seed {seed!r}: must be a whole number within 0 and {MAX_SEED}")
    return np.uint64(seed)


def check_step(step: int) -> int:
    """Return ``step``; raise NumericsError if it is not within 0 and 2**40 - 1."""
    return _checked("step", step, MAX_STEP)


def check_stream(stream: int) -> int:
    """Return ``stream``; raise NumericsError if it is not within 0 and 2**12 - 1."""
    return _checked("stream", stream, MAX_STREAM)


def check_draw(draw: int) -> int:
    """Return ``draw``; raise NumericsError if it is not within 0 and 2**16 - 1."""
    return _checked("draw", draw, MAX_DRAW)


def check_cells(cells: np.ndarray) -> np.ndarray:
    """Return ``cells`` (n,) integer; raise NumericsError if any id is not within 0 and 2**48 - 1."""
    if cells.size:
        _checked("cell id", int(cells.min()), MAX_CELL)
        _checked("cell id", int(cells.max()), MAX_CELL)
    return cells


def _checked(name: str, value: int, largest: int) -> int:
    if not 0 <= int(value) <= largest:
        raise NumericsError(f"random draw: {name} {value} is not within 0 and {largest}")
    return int(value)
