"""Fate: arrival, division, death, clearance and transitions, requested together and applied once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model, Site
from abm.engine.health import raise_for_status
from abm.engine.population import add_cells, new_rows, place_near, remove_cells
from abm.engine.sites import site_table
from abm.engine.state import State
from abm.kernels.fate import choose_events_of
from abm.kernels.rng import ARRIVAL, DIVISION_PLACE, FATE, PHAGOCYTOSIS, fill_uniform, poisson, uniform
from abm.kernels.sensing import in_contact
from abm.kernels.sources import sum_over_places
from abm.state.cells import ARRIVED, BORN, TISSUE, CellArrays, selected
from abm.state.kinds import BehaviourKind
from abm.state.tables import Floats, Ints

DIVISION, DEATH, CLEARANCE = 0, 1, 2
FIRST_TRANSITION = 3


def decide_fates(model: Model, state: State, behaviours: Floats) -> None:
    """Draw what happens to each live cell in the tissue in this step, and do it.

    Events compete: each cell has one pair of draws, the chance that something happens is
    1 - exp(-sum of rates x step), and which in proportion to its rate.

    Parameters
    ----------
    behaviours : (n, n_behaviour) float64
    """
    cells = state.cells
    event = np.empty(len(cells.id), np.int64)
    step = model.clock.step_of(state.tick)
    status, row = choose_events_of(
        np.uint64(model.seed),
        FATE,
        step,
        cells.id,
        behaviours,
        event_columns(model),
        model.clock.cell_step,
        event,
    )
    raise_for_status(model, state.tick, status, cells, row)
    bodies = np.flatnonzero(cells.dead)
    if len(bodies) or (event >= 0).any():
        _apply(model, state, behaviours, event, bodies)
    for site in model.sites:
        if site.kind == BehaviourKind.ARRIVAL:
            arrive(model, state, site)


def event_columns(model: Model) -> Ints:
    """Columns of the behaviours that are rates of events, (n_event,) int64, -1 where no cell has such a rate.

    Division, death, clearance, then transitions and transforms.
    """
    columns = model.behaviours
    events = (columns.division, columns.death, columns.clearance)
    return np.array([*events, *(c for c, _ in columns.transition), *(c for c, _ in columns.transform)])


def _apply(model: Model, state: State, behaviours: Floats, event: Ints, bodies: Ints) -> None:
    """Do what was drawn; the dead `bodies` of earlier steps may vanish."""
    cells = state.cells
    _transitions(model, state, event)
    dying = event == DEATH
    cells.dead[dying] = 1
    state.count("died", cells.type[dying])
    gone = event == CLEARANCE
    state.count("cleared", cells.type[gone])
    if len(bodies):
        gone |= clear_bodies(model, state, behaviours, bodies)
    mothers = np.flatnonzero((event == DIVISION) & ~gone)
    daughters = divide(model, state, mothers) if len(mothers) else None
    remove_cells(model, state, gone)
    if daughters is not None:
        add_cells(model, state, daughters)


def _transitions(model: Model, state: State, event: Ints) -> None:
    """Change phenotype or type of the cells whose draw said so."""
    cells, columns = state.cells, model.behaviours
    for j, (_, phenotype) in enumerate(columns.transition):
        rows = event == FIRST_TRANSITION + j
        cells.phenotype[rows] = phenotype
        state.count("transitioned", cells.type[rows])
    first = FIRST_TRANSITION + len(columns.transition)
    for j, (_, cell_type) in enumerate(columns.transform):
        rows = np.flatnonzero(event == first + j)
        if len(rows) == 0:
            continue
        state.count("transformed_away", cells.type[rows])
        state.count("transformed_into", cell_type, len(rows))
        room = model.space[cell_type] - model.space[cells.type[rows]]
        np.add.at(state.occupancy.reshape(-1), cells.voxel[rows], room)
        cells.type[rows] = cell_type
        cells.phenotype[rows] = 0
        cells.variables[rows] = model.variables.initial[cell_type]


def divide(model: Model, state: State, mothers: NDArray[np.int64]) -> CellArrays | None:
    """Daughters next to their mothers; a division without room is refused and counted."""
    cells = state.cells
    keyed = selected(cells, mothers)
    placed = place_near(model, state, DIVISION_PLACE, keyed, cells.voxel[mothers])
    state.count("division_refused", cells.type[mothers[~placed]])
    if not placed.any():
        return None
    daughters = selected(keyed, placed)
    daughters.parent[:] = daughters.id
    daughters.id[:] = state.identities.take(BORN, len(daughters.id))
    daughters.birth_tick[:] = state.tick
    daughters.direction[:] = 0.0
    state.count("born", daughters.type)
    return daughters


def clear_bodies(
    model: Model, state: State, behaviours: Floats, bodies: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Dead bodies that vanish in this step: taken up by phagocytes in contact, or dissolved.

    The hazard of a body is the sum of the phagocytosis rates of the live cells in its own and the
    adjacent voxels, plus 1 / lifetime of a body.
    """
    cells = state.cells
    gone = np.zeros(len(cells.id), bool)
    appetite = np.zeros((1, model.grid.n_voxel))
    column = model.behaviours.phagocytosis
    if column >= 0:
        live = (cells.dead == 0) & (cells.place == TISSUE)
        np.add.at(appetite[0], cells.voxel[live], behaviours[live, column])
    seed, step = np.uint64(model.seed), model.clock.step_of(state.tick)
    for i in bodies:
        eaten = in_contact(appetite, 0, state.here.shape, cells.voxel[i])
        hazard = eaten + 1.0 / model.body_lifetime
        u = uniform(seed, PHAGOCYTOSIS, step, int(cells.id[i]), 0)
        if u >= -math.expm1(-hazard * model.clock.cell_step):
            continue
        gone[i] = True
        which = uniform(seed, PHAGOCYTOSIS, step, int(cells.id[i]), 1)
        state.count("phagocytosed" if which * hazard < eaten else "dissolved", int(cells.type[i]))
    return gone


def arrive(model: Model, state: State, site: Site) -> None:
    """Cells that enter the tissue through its vessels: a Poisson number, each at its own place."""
    values, index = site_table(model, state, site)
    tissue = model.tissue.reshape(-1)
    expected = sum_over_places(values, index, tissue) * model.grid.voxel_volume * model.clock.cell_step
    seed, step = np.uint64(model.seed), model.clock.step_of(state.tick)
    n = int(poisson(seed, ARRIVAL, step, site.cell_type, 0, expected))
    if n == 0:
        return
    cumulated = np.cumsum(values[index] * tissue)
    rows = new_rows(model, state, ARRIVED + site.cell_type, site.cell_type, n)
    # draws 0 and 1 belong to the placing within the voxel
    draws = np.empty(n)
    fill_uniform(seed, ARRIVAL, step, rows.id, 2, draws)
    wanted = np.searchsorted(cumulated, draws * cumulated[-1], side="right")
    placed = place_near(model, state, ARRIVAL, rows, np.minimum(wanted, len(cumulated) - 1))
    state.count("arrived", site.cell_type, int(placed.sum()))
    state.count("entry_refused", site.cell_type, int((~placed).sum()))
    add_cells(model, state, selected(rows, placed))
