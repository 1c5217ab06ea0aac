"""Integer codes shared by the scenario, the compiled tables and the kernels.

The numbers are written into result files; never renumber, only append.
"""

from __future__ import annotations

from enum import IntEnum


class SignalKind(IntEnum):
    """What a cell, or a place of the tissue, senses."""

    CONCENTRATION = 0  #: field value [pg/ml]
    EXCESS = 1  #: field value over its baseline, never negative [pg/ml]
    GRADIENT = 2  #: norm of the field's gradient [pg/ml/um]
    RELATIVE_GRADIENT = 3  #: norm of the gradient over (value + sensing floor) [1/um]
    OWN = 4  #: own variable
    PHENOTYPE = 5  #: 1 in that phenotype, else 0
    CONTACT = 6  #: number of touching cells of a type
    CONTACT_LIVE = 7  #: number of touching live cells
    CONTACT_DEAD = 8  #: number of touching dead cells
    DENSITY = 9  #: local number density of a type [1/um^3]
    RELATIVE_DENSITY = 10  #: local over naive density of a type
    SURPLUS = 11  #: max(0, 1 - naive / local density)
    MEAN = 12  #: mean of a variable over the local cells of a type
    LOAD = 13  #: sum of a variable over the local cells of a type / naive number
    DRIVE = 14  #: drive of the injuries at this place
    REGION = 15  #: 1 inside a region, else 0
    LEVEL = 16  #: concentration in a compartment [pg/ml]
    TIME = 17  #: simulated time [min]
    AGE = 18  #: age of the cell [min]
    DEAD = 19  #: 1 for a dead cell, else 0
    DRUG = 20  #: level of a drug [pg/ml]
    MODIFIER = 21  #: factor of an intervention at this time and place; not in scenario files
    MODIFIED = 22  #: another signal times such a factor; not in scenario files


class BehaviourKind(IntEnum):
    """What a response drives."""

    SECRETION = 0  #: [fg/min] per cell
    UPTAKE = 1  #: [1/min] times cell volume / voxel volume
    SPEED = 2  #: migration speed [um/min]
    BIAS = 3  #: share of directed movement, 0..1
    PERSISTENCE = 4  #: persistence time [min]
    SENSITIVITY = 5  #: weight of one gradient in the direction
    DIVISION = 6  #: [1/min]
    DEATH = 7  #: [1/min]
    CLEARANCE = 8  #: live cell leaves or is removed [1/min]
    PHAGOCYTOSIS = 9  #: of touching dead cells [1/min]
    TRANSITION = 10  #: to another phenotype [1/min]
    TRANSFORM = 11  #: to another cell type [1/min]
    ARRIVAL = 12  #: in the tissue, not per cell [1/um^3/min]
    ENTRY = 13  #: from a compartment, per waiting cell and border voxel [1/min]
    PRODUCTION = 14  #: of the tissue, relative to what holds the baseline
    LEAKAGE = 15  #: of the tissue, from a compartment through its vessels [1/min]


class VariableKind(IntEnum):
    """How a cell variable moves."""

    RELAXING = 0  #: to a target, with rise and fall times
    ACCUMULATING = 1  #: dV/dt = gain (1 - V) - V / loss_time
    INSTANT = 2  #: equals its response at every step
    CONSTANT = 3  #: never changes


class Placement(IntEnum):
    """How the first cells are placed."""

    RANDOM = 0
    TERRITORIES = 1
