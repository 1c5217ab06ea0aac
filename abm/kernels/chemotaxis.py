"""Direction in which the gradients pull a cell."""

from numba import njit

from abm.kernels.sensing import gradient_at


@njit(cache=True, error_model="numpy")
def chemotactic_vector(c, floor, tissue, shape, spacing, voxel, behaviours, sensitivity):
    """Sum of relative gradients, weighted by the sensitivities of one cell: x, y, z [1/um].

    Each gradient is divided by (concentration + sensing floor) so that fields of different scale
    weigh alike.

    Parameters
    ----------
    c : (n_field, n_voxel) float64 [pg/ml]
    floor : (n_field,) float64 [pg/ml]
    tissue, shape, spacing
        As for `abm.kernels.sensing.gradient_at`.
    voxel : int
    behaviours : (n_behaviour,) float64
        Of the cell.
    sensitivity : (n_field,) int64
        Column of the sensitivity to each field, -1 where no cell has one.
    """
    x, y, z = 0.0, 0.0, 0.0
    for f in range(sensitivity.shape[0]):
        if sensitivity[f] < 0 or behaviours[sensitivity[f]] == 0.0:
            continue
        weight = behaviours[sensitivity[f]]
        gx, gy, gz = gradient_at(c, f, tissue, shape, spacing, voxel)
        level = c[f, voxel] + floor[f]
        if level > 0.0:
            x += weight * gx / level
            y += weight * gy / level
            z += weight * gz / level
    return x, y, z
