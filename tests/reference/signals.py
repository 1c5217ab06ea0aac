"""Slow, readable twin of sensing: every signal from the cell table and the fields, by brute force."""

from __future__ import annotations

import math

import numpy as np

from abm.compile.model import Model
from abm.engine.state import State
from abm.scenario.signals import Signal
from abm.state.cells import TISSUE
from abm.state.kinds import SignalKind

Index = tuple[int, int, int]  # iz, iy, ix of a voxel


def voxel_index(model: Model, position: np.ndarray) -> Index:
    """Voxel that holds a position."""
    x, y, z = (int(p // d) for p, d in zip(position, model.grid.spacing, strict=True))
    return z, y, x


def slope(model: Model, c: np.ndarray, at: Index, axis: int) -> float:
    """Difference quotient over the tissue neighbours along one axis of (z, y, x); 0 without any."""
    ends = []
    for shift in (-1, 1):
        index = list(at)
        index[axis] += shift
        inside = 0 <= index[axis] < model.grid.shape[axis] and model.tissue[tuple(index)] == 1
        ends.append(tuple(index) if inside else at)
    steps = ends[1][axis] - ends[0][axis]
    return float(c[ends[1]] - c[ends[0]]) / (steps * model.grid.spacing[2 - axis]) if steps else 0.0


def gradient_norm(model: Model, c: np.ndarray, at: Index) -> float:
    """Length of the gradient of a field [1/um]."""
    return math.sqrt(sum(slope(model, c, at, axis) ** 2 for axis in range(3)))


def in_block(model: Model, at: Index, other: Index) -> bool:
    """Whether two voxels lie in the same neighbourhood block."""
    return all(a // b == o // b for a, o, b in zip(at, other, model.grid.block, strict=True))


def members(model: Model, cells, kind: int, at: Index) -> np.ndarray:
    """Rows of the live cells of a type in the tissue of the block around a voxel."""
    rows = np.flatnonzero((cells.type == kind) & (cells.place == TISSUE) & (cells.dead == 0))
    return np.array([i for i in rows if in_block(model, at, voxel_index(model, cells.position[i]))], int)


def block_volume(model: Model, at: Index) -> float:
    """Tissue in the block around a voxel [um^3]."""
    voxels = [index for index in np.ndindex(model.grid.shape) if in_block(model, at, index)]
    return sum(int(model.tissue[index]) for index in voxels) * math.prod(model.grid.spacing)


def touching(model: Model, cells, at: Index, itself: int, chosen: np.ndarray) -> int:
    """Bodies of `chosen` (a mask) in the same or an adjacent voxel, without the reader itself."""
    return sum(
        1
        for i in np.flatnonzero(chosen & (cells.place == TISSUE))
        if i != itself
        and all(abs(a - b) <= 1 for a, b in zip(at, voxel_index(model, cells.position[i]), strict=True))
    )


def signal_value(model: Model, state: State, signal: Signal, row: int) -> float:
    """What the cell in a row of the table senses."""
    names, cells = model.names, state.cells
    at = voxel_index(model, cells.position[row])
    match signal.kind:
        case SignalKind.CONCENTRATION:
            return float(state.concentration[names.cytokines.index(signal.field)][at])
        case SignalKind.EXCESS:
            f = names.cytokines.index(signal.field)
            return max(float(state.concentration[f][at]) - model.fields.baseline[f], 0.0)
        case SignalKind.GRADIENT:
            return gradient_norm(model, state.concentration[names.cytokines.index(signal.field)], at)
        case SignalKind.RELATIVE_GRADIENT:
            f = names.cytokines.index(signal.field)
            level = float(state.concentration[f][at]) + model.fields.sensing_floor[f]
            return gradient_norm(model, state.concentration[f], at) / level
        case SignalKind.OWN:
            slots = names.variables[cells.type[row]]
            return float(cells.variables[row, slots.index(signal.variable)])
        case SignalKind.PHENOTYPE:
            return float(names.phenotypes[cells.type[row]][cells.phenotype[row]] == signal.phenotype)
        case SignalKind.CONTACT:
            kind = names.cell_types.index(signal.cell_type)
            return touching(model, cells, at, row, cells.type == kind)
        case SignalKind.CONTACT_LIVE:
            return touching(model, cells, at, row, cells.dead == 0)
        case SignalKind.CONTACT_DEAD:
            return touching(model, cells, at, row, cells.dead == 1)
        case SignalKind.DRIVE | SignalKind.REGION | SignalKind.LEVEL | SignalKind.TIME | SignalKind.AGE:
            return _of_place(model, state, signal, row, at)
        case SignalKind.DEAD:
            return float(cells.dead[row])
    return _of_neighbourhood(model, state, signal, at)


def _of_neighbourhood(model: Model, state: State, signal: Signal, at: Index) -> float:
    names, cells = model.names, state.cells
    kind = names.cell_types.index(signal.cell_type)
    here, naive = members(model, cells, kind, at), len(members(model, model.cells, kind, at))
    n = len(here)
    match signal.kind:
        case SignalKind.DENSITY:
            return n / block_volume(model, at)
        case SignalKind.RELATIVE_DENSITY:
            return n / naive if naive else 0.0
        case SignalKind.SURPLUS:
            return max(0.0, 1.0 - naive / n) if n else 0.0
    values = cells.variables[here, names.variables[kind].index(signal.variable)]
    if signal.kind is SignalKind.MEAN:
        return float(values.mean()) if n else 0.0
    assert signal.kind is SignalKind.LOAD
    return float(values.sum()) / naive if naive else 0.0


def _of_place(model: Model, state: State, signal: Signal, row: int, at: Index) -> float:
    names, minutes = model.names, state.tick * model.clock.tick
    flat = int(np.ravel_multi_index(at, model.grid.shape))
    match signal.kind:
        case SignalKind.DRIVE:
            return drive_level(model, names.drives.index(signal.drive), minutes, flat)
        case SignalKind.REGION:
            return float(model.regions[names.regions.index(signal.region), flat])
        case SignalKind.LEVEL:
            compartment = names.compartments.index(signal.compartment)
            return float(state.reservoirs.c[compartment, names.cytokines.index(signal.field)])
        case SignalKind.TIME:
            return minutes
    return minutes - float(state.cells.birth_tick[row]) * model.clock.tick


def drive_level(model: Model, drive: int, minutes: float, voxel: int) -> float:
    """Sum over the injuries of amplitude x rise x decay x off, times the weight of the site."""
    total = 0.0
    for course in model.courses:
        t = minutes - course.start * model.clock.tick
        if course.drive != drive or t < 0.0:
            continue
        level = course.amplitude
        level *= 1.0 - math.exp(-t / course.rise) if course.rise else 1.0
        level *= math.exp(-t / course.decay) if course.decay else 1.0
        level /= 1.0 + math.exp((t - course.off) / course.off_width) if course.off_width else 1.0
        total += level * float(model.weights[course.injury, voxel])
    return total
