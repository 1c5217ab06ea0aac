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
    """A tissue response at every voxel, (n_voxel,)."""
    values, index = site_table(model, state, site)
    return values[index]


def site_table(model: Model, state: State, site: Site) -> tuple[Floats, Ints]:
    """A tissue response as values (m,) and the index of every voxel into them, (n_voxel,).

    It is evaluated once per neighbourhood block where it reads nothing finer, else at every voxel.
    """
    if "block_voxel" not in state.work:
        _, state.work["block_voxel"] = np.unique(model.block, return_index=True)
        state.work["every_voxel"] = np.arange(model.grid.n_voxel)
    if site.per_block:
        return values_at(model, state, site, state.work["block_voxel"]), model.block
    every: Ints = state.work["every_voxel"]
    return values_at(model, state, site, every), every
