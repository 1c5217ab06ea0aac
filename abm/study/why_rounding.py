"""How far rounded records leave the responses of one cell open.

Recorded concentrations keep a fixed number of bits of their mantissa and recorded variables are single
precision.  To first order the error of a response is at most the sum, over every recorded number it can
depend on, of what it changes when that number moves by its rounding error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from abm.compile.model import Model
from abm.engine.run import declaration
from abm.engine.state import State
from abm.state.tables import Floats

SINGLE = 2.0**-24  # largest relative rounding error of single precision


def field_rounding(model: Model) -> float:
    """Largest relative rounding error of a recorded concentration."""
    declared = declaration(model, arm="", replicate=0, seed=0, text="", provenance="")
    bits = declared.fields.significant_bits
    return SINGLE if bits is None else 2.0 ** -(bits + 1)


def spread(
    model: Model, state: State, voxel: int | None, variables: Floats, evaluate: Callable[[], Floats]
) -> Floats:
    """First-order bound of the rounding error of every value that `evaluate` returns.

    Parameters
    ----------
    state : State
        Surveyed; changed for the time of the call and put back.
    voxel : int or None
        Where the cell is; its own and the touching voxels are moved one by one.  None for a waiting cell,
        which senses many places: then each field moves as a whole.
    variables : (m, n_slot) float64
        The cell's own; changed for the time of the call and put back.
    evaluate : callable
        Values (n,) for the state as it is.
    """
    base = evaluate()
    bound = np.zeros_like(base)
    for array, index, size in _roundings(model, state, voxel, variables):
        kept = array[index].copy()
        array[index] = kept * (1.0 + size)
        bound += np.abs(evaluate() - base)
        array[index] = kept
    return bound


def _roundings(
    model: Model, state: State, voxel: int | None, variables: Floats
) -> Iterator[tuple[Floats, tuple[int | slice, ...], float]]:
    """Every recorded number that responses may read, as array, index and relative error."""
    coarse = field_rounding(model)
    c = state.here.concentration
    voxels: list[int | slice] = [slice(None)] if voxel is None else list(touching(model, voxel))
    for f in range(len(c)):
        for v in voxels:
            yield c, (f, v), coarse
    for slot in range(variables.shape[1]):
        yield variables, (slice(None), slot), SINGLE
    block = slice(None) if voxel is None else int(model.block[voxel])
    for pair in range(len(state.here.total)):
        yield state.here.total, (pair, block), SINGLE


def touching(model: Model, voxel: int) -> Iterator[int]:
    """A voxel and those that touch it, corners included, as flat indices."""
    nz, ny, nx = model.grid.shape
    iz, iy, ix = voxel // (nx * ny), voxel // nx % ny, voxel % nx
    for z in range(max(iz - 1, 0), min(iz + 2, nz)):
        for y in range(max(iy - 1, 0), min(iy + 2, ny)):
            for x in range(max(ix - 1, 0), min(ix + 2, nx)):
                yield (z * ny + y) * nx + x


def near_a_face(model: Model, position: Floats) -> bool:
    """Whether a position in single precision may have been rounded into the neighbouring voxel."""
    spacing = np.asarray(model.grid.spacing)
    steps = position / spacing
    return bool((np.abs(steps - np.round(steps)) * spacing <= 2.0 * SINGLE * np.abs(position)).any())
