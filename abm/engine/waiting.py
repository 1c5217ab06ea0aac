"""Injected cells that wait in a compartment: loss, secretion there, entry into the tissue."""

from __future__ import annotations

import math

import numpy as np

from abm.compile.model import Model, Waiting
from abm.engine.health import raise_for_status
from abm.engine.population import place_near, remove_cells
from abm.engine.sites import values_at
from abm.engine.state import State
from abm.kernels.fate import choose_events
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from abm.kernels.rng import ENTRY, HOMING, fill_uniform
from abm.state.cells import TISSUE, selected
from abm.state.tables import Floats, Ints

LOST, ENTERS = 0, 1


def secrete_from_compartments(model: Model, state: State, inflow: Floats) -> None:
    """Add what waiting cells secrete to the inflow, (n_reservoir, n_field) [pg/ml/min].

    What they sense of the tissue is its mean over the voxels that their compartment touches.
    """
    anywhere = np.zeros(1, np.int64)
    reservoirs = model.fields.reservoirs
    followed = np.flatnonzero(state.cells.place)
    for waiting in model.waiting:
        n = _alive(model, state, waiting, followed)
        if n == 0.0:
            continue
        for site in waiting.secretion:
            touched = waiting.voxels if site.senses_tissue and len(waiting.voxels) else anywhere
            value = values_at(model, state, site, touched).mean()
            volume = reservoirs.volume[waiting.compartment] * FG_PER_PG_UM3_PER_ML
            inflow[waiting.compartment, site.cytokine] += n * value / volume


def _alive(model: Model, state: State, waiting: Waiting, followed: Ints) -> float:
    """Cells alive in the compartment, in cells of the whole animal."""
    n = len(_rows(state, waiting, followed)) * model.fields.reservoirs.multiplicity
    return state.doses[waiting.cell_type, waiting.compartment].pool + n


def _rows(state: State, waiting: Waiting, followed: Ints) -> Ints:
    """Those of the rows `followed` (m,) int64, all that are not in the tissue, that wait in this way."""
    cells = state.cells
    here = (cells.place[followed] == 1 + waiting.compartment) & (cells.type[followed] == waiting.cell_type)
    return np.asarray(followed[here])


def move_waiting_cells(model: Model, state: State) -> None:
    """Let waiting cells die or enter the tissue, and the pools that are not followed die off."""
    dt = model.clock.cell_step
    for waiting in model.waiting:
        dose = state.doses[waiting.cell_type, waiting.compartment]
        died = -dose.pool * math.expm1(-dt / waiting.lifetime)
        dose.pool -= died
        dose.pool_lost += died
        rows = _rows(state, waiting, np.flatnonzero(state.cells.place))
        if len(rows):
            _loss_and_entry(model, state, waiting, rows)


def _loss_and_entry(model: Model, state: State, waiting: Waiting, rows: Ints) -> None:
    cells = state.cells
    weights = _entry_rates(model, state, waiting)
    rates = np.zeros((len(rows), 2))
    rates[:, LOST] = 1.0 / waiting.lifetime
    rates[:, ENTERS] = weights.mean() if len(weights) else 0.0
    event = np.zeros(len(rows), np.int64)
    seed, step = np.uint64(model.seed), model.clock.step_of(state.tick)
    status, row = choose_events(seed, HOMING, step, cells.id[rows], rates, model.clock.cell_step, event)
    raise_for_status(model, state.tick, status, cells, rows[row])
    entering = rows[event == ENTERS]
    if len(entering):
        _enter(model, state, waiting, entering, np.cumsum(weights))
    lost = rows[event == LOST]
    if len(lost):
        gone = np.zeros(len(cells.id), bool)
        gone[lost] = True
        state.count("lost_waiting", waiting.cell_type, len(lost))
        remove_cells(model, state, gone)


def _entry_rates(model: Model, state: State, waiting: Waiting) -> Floats:
    """Entry rate [1/min] of one waiting cell at each voxel where it can enter."""
    if waiting.entry is None:
        return np.zeros(len(waiting.voxels))
    return values_at(model, state, waiting.entry, waiting.voxels)


def _enter(model: Model, state: State, waiting: Waiting, rows: Ints, cumulated: Floats) -> None:
    """Put cells into the tissue, at a voxel chosen in proportion to its rate; without room they wait on."""
    cells = state.cells
    seed, step = np.uint64(model.seed), model.clock.step_of(state.tick)
    draws = np.empty(len(rows))
    fill_uniform(seed, ENTRY, step, cells.id[rows], 2, draws)
    pick = np.searchsorted(cumulated, draws * cumulated[-1], side="right")
    wanted = waiting.voxels[np.minimum(pick, len(waiting.voxels) - 1)]
    newcomers = selected(cells, rows)
    placed = place_near(model, state, ENTRY, newcomers, wanted)
    entered = rows[placed]
    cells.position[entered] = newcomers.position[placed]
    cells.voxel[entered] = newcomers.voxel[placed]
    cells.place[entered] = TISSUE
    state.count("entered", waiting.cell_type, int(placed.sum()))
    state.count("entry_refused", waiting.cell_type, int((~placed).sum()))
