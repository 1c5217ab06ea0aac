"""Evaluate the responses of places rather than of cells: the tissue, its borders, the compartments."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model, Site
from abm.engine.state import State
from abm.kernels.responses import respond
from abm.state.tables import Floats, Ints


def values_at(model: Model, state: State, site: Site, voxels: Ints) -> Floats:
    """Value of a site's response at each of `voxels` (m,) int64, in the unit of its behaviour."""
    m = len(voxels)
    nothing = np.zeros(m, np.int64)
    values, no_variables = np.empty((m, 1)), np.zeros((m, 1))
    respond(
        model.responses,
        model.signals,
        state.here,
        np.full(m, site.group, np.int64),
        voxels,
        nothing,
        np.zeros(m),
        no_variables,
        values,
        no_variables,
    )
    return values[:, 0]


def site_values(model: Model, state: State, site: Site) -> Floats:
    """A tissue response at every voxel, (n_voxel,); evaluated once per block where that is the same."""
    if not site.per_block:
        return values_at(model, state, site, np.arange(model.grid.n_voxel))
    voxels = state.work.get("block_voxel")
    if voxels is None:
        _, voxels = np.unique(model.block, return_index=True)
        state.work["block_voxel"] = voxels
    return np.asarray(values_at(model, state, site, voxels)[model.block])
