"""Count the cells: per voxel for contacts, per neighbourhood block for densities and means."""

from numba import njit


@njit(cache=True)
def survey(cells, pairs, block, seen, count, total, present):
    """One pass over the cell table that fills the counts signals are read from.

    Parameters
    ----------
    cells : CellArrays
    pairs : (n_pair, 2) int64
        Cell type and variable slot of every sum that a signal reads.
    block : (n_voxel,) int64
    seen : (m,) int64
        Voxels in which the survey before found somebody; the others of `present` are 0 already.
    count : (n_type, n_block) float64
        Overwritten; live cells in the tissue.
    total : (n_pair, n_block) float64
        Overwritten; sums over live cells, in row order.
    present : (n_type + 2, n_voxel) int64
        Overwritten; bodies per voxel by type, then live cells, then dead bodies.
    """
    count[:] = 0.0
    total[:] = 0.0
    n_type = count.shape[0]
    for v in seen:
        for k in range(present.shape[0]):
            present[k, v] = 0
    # Taken out of their tuple once: inside the loop every access would count references.
    place, dead, types, voxels = cells.place, cells.dead, cells.type, cells.voxel
    variables = cells.variables
    for i in range(types.shape[0]):
        if place[i] != 0:
            continue
        k, v = types[i], voxels[i]
        present[k, v] += 1
        if dead[i] == 1:
            present[n_type + 1, v] += 1
            continue
        present[n_type, v] += 1
        b = block[v]
        count[k, b] += 1.0
        for p in range(pairs.shape[0]):
            if pairs[p, 0] == k:
                total[p, b] += variables[i, pairs[p, 1]]
