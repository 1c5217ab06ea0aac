"""Read one signal at one place: fields, gradients, own state, neighbours, drives, compartments."""

import math

from numba import njit

from abm.state.kinds import SignalKind

CONCENTRATION, EXCESS = int(SignalKind.CONCENTRATION), int(SignalKind.EXCESS)
GRADIENT, RELATIVE_GRADIENT = int(SignalKind.GRADIENT), int(SignalKind.RELATIVE_GRADIENT)
OWN, PHENOTYPE = int(SignalKind.OWN), int(SignalKind.PHENOTYPE)
CONTACT, CONTACT_LIVE, CONTACT_DEAD = (
    int(SignalKind.CONTACT),
    int(SignalKind.CONTACT_LIVE),
    int(SignalKind.CONTACT_DEAD),
)
DENSITY, RELATIVE_DENSITY, SURPLUS = (
    int(SignalKind.DENSITY),
    int(SignalKind.RELATIVE_DENSITY),
    int(SignalKind.SURPLUS),
)
MEAN, LOAD, DRIVE, REGION = (
    int(SignalKind.MEAN),
    int(SignalKind.LOAD),
    int(SignalKind.DRIVE),
    int(SignalKind.REGION),
)
LEVEL, TIME, AGE, DEAD = (
    int(SignalKind.LEVEL),
    int(SignalKind.TIME),
    int(SignalKind.AGE),
    int(SignalKind.DEAD),
)


@njit(cache=True)
def slope(c, tissue, voxel, stride, index, n, step):
    """Central difference of a field along one axis [pg/ml/um]; one-sided at a wall, 0 between two walls."""
    low, high, width = voxel, voxel, 0.0
    if index > 0 and tissue[voxel - stride] == 1:
        low = voxel - stride
        width += step
    if index < n - 1 and tissue[voxel + stride] == 1:
        high = voxel + stride
        width += step
    if width == 0.0:
        return 0.0
    return (c[high] - c[low]) / width


@njit(cache=True)
def gradient_at(c, here, voxel):
    """Gradient ``(gx, gy, gz)`` [pg/ml/um] of one flat field at a voxel."""
    ny, nx = here.shape[1], here.shape[2]
    ix = voxel % nx
    iy = (voxel // nx) % ny
    iz = voxel // (nx * ny)
    gx = slope(c, here.tissue, voxel, 1, ix, nx, here.spacing[0])
    gy = slope(c, here.tissue, voxel, nx, iy, ny, here.spacing[1])
    gz = slope(c, here.tissue, voxel, nx * ny, iz, here.shape[0], here.spacing[2])
    return gx, gy, gz


@njit(cache=True)
def in_contact(present, here, voxel):
    """Cells counted by `present` (n_voxel,) in a voxel and all voxels that touch it, corners included."""
    nz, ny, nx = here.shape[0], here.shape[1], here.shape[2]
    ix = voxel % nx
    iy = (voxel // nx) % ny
    iz = voxel // (nx * ny)
    total = 0
    for jz in range(max(iz - 1, 0), min(iz + 2, nz)):
        for jy in range(max(iy - 1, 0), min(iy + 2, ny)):
            for jx in range(max(ix - 1, 0), min(ix + 2, nx)):
                total += present[(jz * ny + jy) * nx + jx]
    return total


@njit(cache=True)
def neighbours_of(row, here, cell, voxel, counts_itself):
    """Contacts without the cell itself."""
    found = in_contact(here.present[row], here, voxel)
    return float(found - 1) if cell >= 0 and counts_itself else float(found)


@njit(cache=True)
def of_neighbourhood(kind, first, second, here, block):
    """Signals taken over the neighbourhood block: densities, means and loads of a cell type."""
    count, naive = here.count[first, block], here.naive[first, block]
    if kind == DENSITY:
        return count / here.block_volume[block] if here.block_volume[block] > 0.0 else 0.0
    if kind == RELATIVE_DENSITY:
        return count / naive if naive > 0.0 else 0.0
    if kind == SURPLUS:
        return max(0.0, 1.0 - naive / count) if count > 0.0 else 0.0
    if kind == MEAN:
        return here.total[second, block] / count if count > 0.0 else 0.0
    return here.total[second, block] / naive if naive > 0.0 else 0.0


@njit(cache=True)
def of_field(kind, f, here, voxel):
    """Signals of one field at a voxel: concentration, excess over baseline, gradient norms."""
    c = here.concentration[f, voxel]
    if kind == CONCENTRATION:
        return c
    if kind == EXCESS:
        return max(c - here.baseline[f], 0.0)
    gx, gy, gz = gradient_at(here.concentration[f], here, voxel)
    norm = math.sqrt(gx * gx + gy * gy + gz * gz)
    return norm if kind == GRADIENT else norm / (c + here.sensing_floor[f])


@njit(cache=True)
def read_signal(row, signals, here, variables, phenotype, cell, voxel, block, age, dead):
    """Value of signal `row` for a cell, or for a place without one (`cell` = -1).

    Parameters
    ----------
    row : int
        Row of `signals`.
    signals, here : Signals, Surroundings
    variables : (n, n_slot) float64
    phenotype : (n,) int64
    cell, voxel, block : int
    age : float [min]
    dead : int

    Returns
    -------
    float
        In the internal unit of the signal.
    """
    kind, first, second = signals.kind[row], signals.first[row], signals.second[row]
    if kind <= RELATIVE_GRADIENT:
        return of_field(kind, first, here, voxel)
    if kind == OWN:
        return variables[cell, first]
    if kind == PHENOTYPE:
        return 1.0 if phenotype[cell] == first else 0.0
    if kind == DRIVE:
        return here.drive[first, voxel]
    if DENSITY <= kind <= LOAD:
        return of_neighbourhood(kind, first, second, here, block)
    if CONTACT <= kind <= CONTACT_DEAD:
        # `second` tells whether the reader itself is among those counted
        return neighbours_of(first, here, cell, voxel, second == 1)
    if kind == REGION:
        return float(here.region[first, voxel])
    if kind == LEVEL:
        return here.level[second, first]
    if kind == TIME:
        return here.time
    if kind == AGE:
        return age
    return float(dead)
