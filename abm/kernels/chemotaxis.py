"""Direction in which the gradients pull a cell."""

from numba import njit

from abm.kernels.sensing import gradient_at


@njit(cache=True)
def chemotactic_vectors(voxel, behaviours, sensitivity, here, out):
    """Sum of relative gradients, weighted by the sensitivity of each cell.

    Each gradient is divided by (concentration + sensing floor) so that fields of different scale
    weigh alike.

    Parameters
    ----------
    voxel : (n,) int64
    behaviours : (n, n_behaviour) float64
    sensitivity : (n_field,) int64
        Column of the sensitivity to each field, -1 where no cell has one.
    here : Surroundings
    out : (n, 3) float64 [1/um]
        Overwritten; x, y, z.
    """
    out[:] = 0.0
    c, tissue = here.concentration, here.tissue
    for f in range(sensitivity.shape[0]):
        column = sensitivity[f]
        if column < 0:
            continue
        for i in range(voxel.shape[0]):
            weight = behaviours[i, column]
            if weight == 0.0:
                continue
            gx, gy, gz = gradient_at(c, f, tissue, here.shape, here.spacing, voxel[i])
            level = c[f, voxel[i]] + here.sensing_floor[f]
            if level > 0.0:
                out[i, 0] += weight * gx / level
                out[i, 1] += weight * gy / level
                out[i, 2] += weight * gz / level
