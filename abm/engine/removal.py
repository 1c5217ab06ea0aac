"""Cytokines taken out of action: shares that are blocked, and binders that meet their targets.

Both act as first-order losses that are held over a cell step and are booked with the uptake by cells; in the
compartments they add to the clearance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.state import State
from abm.state.tables import Floats


def removed_fields(model: Model) -> NDArray[np.bool_]:
    """Fields that something may take out of action, (n_field,)."""
    touched = np.zeros(len(model.names.cytokines), bool)
    touched[[removal.cytokine for removal in model.treatment.removals]] = True
    for bond in model.bonds:
        touched[[bond.binder, bond.target]] = True
    return touched


def add_removal(model: Model, state: State, uptake: Floats) -> None:
    """Add the losses of this step to the uptake, (n_field, nz, ny, nx) [1/min], and set the clearances.

    A bond removes its target at a rate in proportion to the binder and uses the binder up in proportion to
    the target, as they are at the start of the step.
    """
    reservoirs, basal = state.reservoirs, model.fields.reservoirs.clearance
    reservoirs.clearance[:] = basal
    flat = uptake.reshape(len(uptake), model.grid.n_voxel)
    decay = model.fields.system.decay.reshape(flat.shape)
    for removal in model.treatment.removals:
        extra = removal.extra * removal.span.strength(state.tick, model.clock.tick)
        f = removal.cytokine
        if extra > 0.0 and removal.region >= 0:
            flat[f] += extra * decay[f] * model.regions[removal.region]
        elif extra > 0.0:
            flat[f] += extra * decay[f]
            reservoirs.clearance[:, f] += extra * basal[:, f]
    c = state.concentration.reshape(flat.shape)
    for bond in model.bonds:
        flat[bond.target] += bond.rate * c[bond.binder]
        flat[bond.binder] += bond.rate * bond.consumption * c[bond.target]
        reservoirs.clearance[:, bond.target] += bond.rate * reservoirs.c[:, bond.binder]
        reservoirs.clearance[:, bond.binder] += bond.rate * bond.consumption * reservoirs.c[:, bond.target]
