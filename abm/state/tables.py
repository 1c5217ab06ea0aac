"""Compiled biology: responses, signals and surroundings as flat tables that generic kernels read.

A *response* gives one number (a secretion rate, the target of a variable, ...) from the signals at
one place.  Rows are grouped by cell type; `abm.compile.responses` fills these tables from the
scenario and `abm.kernels.responses` evaluates them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]


class Role(IntEnum):
    """What a term does inside its response."""

    ADD = 0
    INCREASE = 1
    DECREASE = 2
    BRAKE = 3
    TIMES = 4
    DIVIDE = 5


class Shape(IntEnum):
    """How a term turns its signal s into a number; h is the scale of the term, n its power."""

    HILL = 0  # s^n / (s^n + h^n)
    LINEAR = 1  # s / h
    FULL = 2  # min(s / h, 1)
    LIMIT = 3  # max(0, 1 - s / h)


class Target(IntEnum):
    """Where the value of a response goes."""

    BEHAVIOUR = 0  # column of the behaviour array
    DRIFT = 1  # target or gain of the variable in this slot
    INSTANT = 2  # the variable in this slot, at once


class Responses(NamedTuple):
    """All responses of a model; ``n_r`` rows with ``n_t`` terms.

    Rows come in groups, one for each cell type and then one for each site (a response of the tissue
    or of a compartment rather than of a cell).  Rows of group k are
    ``group_first[k]:group_first[k + 1]``, in the order of evaluation: an instant variable stands
    before its readers.
    Terms of row r are ``term_first[r]:term_first[r + 1]``.
    """

    group_first: Ints  # (n_group + 1,)
    wanted: Bytes  # (n_group, n_signal) which group reads which signal
    target: Ints  # (n_r,) Target
    slot: Ints  # (n_r,) column of the behaviours, or slot of the variable
    base: Floats  # (n_r,) unit of the behaviour
    up_to: Floats  # (n_r,) value at saturation of `increases`
    down_to: Floats  # (n_r,) value at saturation of `decreases`
    joint_power: Floats  # (n_r,) 0 where each term has its own power
    up_rest: Floats  # (n_r,) Hill value of the side at baseline, subtracted and rescaled
    down_rest: Floats  # (n_r,)
    term_first: Ints  # (n_r + 1,)
    role: Ints  # (n_t,) Role
    shape: Ints  # (n_t,) Shape
    signal: Ints  # (n_t,) row of `Signals`
    scale: Floats  # (n_t,) half-max, per, limit or full, in the unit of the signal
    power: Floats  # (n_t,) Hill power
    amount: Floats  # (n_t,) height of an ADD term
    rest: Floats  # (n_t,) Hill value of an ADD term at baseline


class Signals(NamedTuple):
    """What terms read: kind (`SignalKind`) and up to two indices whose meaning the kind gives."""

    kind: Ints  # (n_s,)
    first: Ints  # (n_s,)
    second: Ints  # (n_s,)


class Variables(NamedTuple):
    """Kinetics of the per-cell variables; slot v of type k is ``[k, v]``."""

    kind: Ints  # (n_type, n_slot) VariableKind, -1 where the slot is unused
    rise: Floats  # (n_type, n_slot) [min] time constant towards a higher target
    fall: Floats  # (n_type, n_slot) [min]
    initial: Floats  # (n_type, n_slot)


class Surroundings(NamedTuple):
    """Everything a signal can read at a place, as of the start of the cell step.

    Voxels are flat; ``n_voxel = nz * ny * nx``.
    """

    concentration: Floats  # (n_field, n_voxel) [pg/ml]
    baseline: Floats  # (n_field,) [pg/ml]
    sensing_floor: Floats  # (n_field,) [pg/ml]
    shape: Ints  # (3,) nz, ny, nx
    spacing: Floats  # (3,) dx, dy, dz [um]
    tissue: Bytes  # (n_voxel,)
    block: Ints  # (n_voxel,) neighbourhood block
    block_volume: Floats  # (n_block,) [um^3] tissue in the block
    live: Floats  # (n_type, n_block) live cells
    naive: Floats  # (n_type, n_block) cells expected in naive tissue
    total: Floats  # (n_pair, n_block) sum of a variable over the live cells of a type
    present: Ints  # (n_type + 2, n_voxel) cells per voxel by type, then live, then dead
    drive: Floats  # (n_drive, n_voxel)
    region: Bytes  # (n_region, n_voxel)
    level: Floats  # (n_compartment, n_field) [pg/ml]
    drug: Floats  # (n_drug,) [pg/ml]
    modifier: Floats  # (n_modifier, n_voxel) factors of the interventions
    time: float  # [min]
