"""Read the signals that cells, and places without a cell, respond to.

Signals are read row by row of the signal table for a chunk of places at a time, so that the innermost
loops touch few arrays: handing many arrays from function to function costs more than the reading itself.
"""

import math

from numba import njit

from abm.state.kinds import SignalKind

CONCENTRATION, EXCESS = int(SignalKind.CONCENTRATION), int(SignalKind.EXCESS)
GRADIENT, RELATIVE_GRADIENT = int(SignalKind.GRADIENT), int(SignalKind.RELATIVE_GRADIENT)
OWN, PHENOTYPE = int(SignalKind.OWN), int(SignalKind.PHENOTYPE)
CONTACT, CONTACT_DEAD = int(SignalKind.CONTACT), int(SignalKind.CONTACT_DEAD)
DENSITY, RELATIVE_DENSITY = int(SignalKind.DENSITY), int(SignalKind.RELATIVE_DENSITY)
SURPLUS, MEAN, LOAD = int(SignalKind.SURPLUS), int(SignalKind.MEAN), int(SignalKind.LOAD)
DRIVE, REGION, LEVEL = int(SignalKind.DRIVE), int(SignalKind.REGION), int(SignalKind.LEVEL)
TIME, AGE = int(SignalKind.TIME), int(SignalKind.AGE)
DRUG, MODIFIER, MODIFIED = int(SignalKind.DRUG), int(SignalKind.MODIFIER), int(SignalKind.MODIFIED)


@njit(cache=True, error_model="numpy", forceinline=True)
def slope(c, f, tissue, voxel, stride, index, n, step):
    """Central difference of field `f` along one axis [pg/ml/um]; one-sided at a wall, 0 between two walls.

    Parameters
    ----------
    c : (n_field, n_voxel) float64 [pg/ml]
    tissue : (n_voxel,) uint8
    voxel : int
        Flat index.
    stride : int
        Distance in the flat index to the next voxel along the axis.
    index, n : int
        Position along the axis and number of voxels along it.
    step : float [um]
    """
    low, high, width = voxel, voxel, 0.0
    if index > 0 and tissue[voxel - stride] == 1:
        low = voxel - stride
        width += step
    if index < n - 1 and tissue[voxel + stride] == 1:
        high = voxel + stride
        width += step
    if width == 0.0:
        return 0.0
    return (c[f, high] - c[f, low]) / width


@njit(cache=True, error_model="numpy", forceinline=True)
def gradient_at(c, f, tissue, shape, spacing, voxel):
    """Gradient ``(gx, gy, gz)`` [pg/ml/um] of field `f` at a voxel; arguments as for `slope`."""
    nz, ny, nx = shape[0], shape[1], shape[2]
    row = voxel // nx
    ix, iz = voxel - row * nx, row // ny
    iy = row - iz * ny
    gx = slope(c, f, tissue, voxel, 1, ix, nx, spacing[0])
    gy = slope(c, f, tissue, voxel, nx, iy, ny, spacing[1])
    gz = slope(c, f, tissue, voxel, nx * ny, iz, nz, spacing[2])
    return gx, gy, gz


@njit(cache=True, error_model="numpy", forceinline=True)
def in_contact(present, row, shape, voxel):
    """Sum of ``present[row]`` over a voxel and all voxels that touch it, corners included.

    Parameters
    ----------
    present : (n_row, n_voxel) int64 or float64
    shape : (3,) int64
        nz, ny, nx.
    """
    nz, ny, nx = shape[0], shape[1], shape[2]
    line = voxel // nx
    ix, iz = voxel - line * nx, line // ny
    iy = line - iz * ny
    total = present[row, voxel] * 0
    for jz in range(max(iz - 1, 0), min(iz + 2, nz)):
        for jy in range(max(iy - 1, 0), min(iy + 2, ny)):
            for jx in range(max(ix - 1, 0), min(ix + 2, nx)):
                total += present[row, (jz * ny + jy) * nx + jx]
    return total


@njit(cache=True)
def sense_field(kind, f, here, wanted, first, last, group, voxel, row, values):
    """Concentration, excess or gradient norm of field `f` for places ``first..last``."""
    c, floor, baseline = here.concentration, here.sensing_floor[f], here.baseline[f]
    # Taken out of their tuple once: inside the loop every access would count references.
    tissue, shape, spacing = here.tissue, here.shape, here.spacing
    for i in range(first, last):
        if group[i] < 0 or wanted[group[i], row] == 0:
            continue
        level = c[f, voxel[i]]
        if kind == CONCENTRATION:
            values[i - first, row] = level
        elif kind == EXCESS:
            values[i - first, row] = 0.0 if level <= baseline else level - baseline
        else:
            gx, gy, gz = gradient_at(c, f, tissue, shape, spacing, voxel[i])
            norm = math.sqrt(gx * gx + gy * gy + gz * gz)
            relative = 0.0 if norm == 0.0 else norm / (level + floor)
            values[i - first, row] = norm if kind == GRADIENT else relative


@njit(cache=True)
def sense_neighbourhood(kind, k, pair, here, wanted, first, last, group, voxel, row, values):
    """Density, mean or load of cell type `k` in the neighbourhood blocks of places ``first..last``."""
    count, naive, total, volume = here.live, here.naive, here.total, here.block_volume
    block = here.block
    for i in range(first, last):
        if group[i] < 0 or wanted[group[i], row] == 0:
            continue
        b = block[voxel[i]]
        value = 0.0
        if kind == DENSITY:
            value = count[k, b] / volume[b] if volume[b] > 0.0 else 0.0
        elif kind == RELATIVE_DENSITY:
            value = count[k, b] / naive[k, b] if naive[k, b] > 0.0 else 0.0
        elif kind == SURPLUS:
            value = max(0.0, 1.0 - naive[k, b] / count[k, b]) if count[k, b] > 0.0 else 0.0
        elif kind == MEAN:
            value = total[pair, b] / count[k, b] if count[k, b] > 0.0 else 0.0
        else:
            value = total[pair, b] / naive[k, b] if naive[k, b] > 0.0 else 0.0
        values[i - first, row] = value


@njit(cache=True)
def sense_place(kind, a, b, here, wanted, first, last, group, voxel, row, values):
    """Contacts, drives, regions, compartment levels and time for places ``first..last``."""
    drive, region, level, time = here.drive, here.region, here.level, here.time
    present, shape = here.present, here.shape
    for i in range(first, last):
        if group[i] < 0 or wanted[group[i], row] == 0:
            continue
        value = time
        if kind == DRIVE:
            value = drive[a, voxel[i]]
        elif kind == REGION:
            value = float(region[a, voxel[i]])
        elif kind == LEVEL:
            value = level[b, a]
        elif kind != TIME:
            # `b` tells whether the reader itself is among those counted
            value = float(in_contact(present, a, shape, voxel[i]) - b)
        values[i - first, row] = value


@njit(cache=True)
def sense_modified(kind, a, b, here, wanted, first, last, group, voxel, row, values):
    """Factors of interventions, and signals that such a factor scales, for places ``first..last``.

    A scaled signal stands behind the signal it scales, whose value is there already.
    """
    for i in range(first, last):
        if group[i] < 0 or wanted[group[i], row] == 0:
            continue
        if kind == MODIFIER:
            values[i - first, row] = here.modifier[a, voxel[i]]
        else:
            values[i - first, row] = values[i - first, a] * here.modifier[b, voxel[i]]


@njit(cache=True)
def sense(signals, wanted, here, first, last, group, voxel, phenotype, age, values):
    """Read every signal that the places ``first..last`` respond to.

    Own variables are not read here: responses take them where they stand, since instant variables
    change while the responses of a cell are evaluated.

    Parameters
    ----------
    signals : Signals
    wanted : (n_group, n_signal) uint8
        Which group reads which signal.
    here : Surroundings
    first, last : int
        Range of places, one at least, all of one group.
    group : (n,) int64
        Cell type, or number of types + index of the site; negative where nothing responds.
    voxel, phenotype : (n,) int64
    age : (n,) float64 [min]
    values : (last - first, n_signal) float64
        Written where wanted.
    """
    for row in range(signals.kind.shape[0]):
        kind, a, b = signals.kind[row], signals.first[row], signals.second[row]
        if wanted[group[first], row] == 0:
            continue
        if kind <= RELATIVE_GRADIENT:
            sense_field(kind, a, here, wanted, first, last, group, voxel, row, values)
        elif DENSITY <= kind <= LOAD:
            sense_neighbourhood(kind, a, b, here, wanted, first, last, group, voxel, row, values)
        elif kind == PHENOTYPE:
            for i in range(first, last):
                values[i - first, row] = 1.0 if phenotype[i] == a else 0.0
        elif kind == AGE:
            for i in range(first, last):
                values[i - first, row] = age[i]
        elif kind == MODIFIER or kind == MODIFIED:
            sense_modified(kind, a, b, here, wanted, first, last, group, voxel, row, values)
        elif kind == DRUG:
            values[:, row] = here.drug[a]
        elif CONTACT <= kind <= CONTACT_DEAD or DRIVE <= kind <= TIME:
            sense_place(kind, a, b, here, wanted, first, last, group, voxel, row, values)
        elif kind != OWN:
            values[:, row] = 0.0  # DEAD: only live cells respond
