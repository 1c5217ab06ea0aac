"""One step of the tissue: the whole algorithm on one screen."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model
from abm.engine.events import Given, apply_interventions, set_drives
from abm.engine.fate import decide_fates
from abm.engine.fields import advance_fields
from abm.engine.health import check_fields, check_mass, check_population, check_variables
from abm.engine.instants import instants_of
from abm.engine.modifiers import set_modifiers
from abm.engine.motion import move_cells
from abm.engine.state import State
from abm.engine.waiting import move_waiting_cells
from abm.errors import NumericsError
from abm.kernels.kinetics import advance_variables, name_phenotype
from abm.kernels.responses import respond
from abm.kernels.survey import survey
from abm.state.cells import TISSUE, CellArrays
from abm.state.tables import Floats, Responses


def step(model: Model, state: State) -> list[Given]:
    """Advance the tissue by one cell step.

    The order, which every result depends on:

    1. interventions due now; drives of the injuries, factors of the interventions
    2. sense: counts and means of the neighbourhood; signals are read as of this moment
    3. respond: behaviours of every cell, and targets of its variables
    4. fields: secretion, uptake, diffusion and exchange, in field steps
    5. variables move towards their targets; thresholds name phenotypes
    6. motile cells move
    7. fate: transitions, death, clearance, division, arrival; waiting cells are lost or enter
    8. the clock; the books must balance

    Everything a cell reads is the state at the start of the step and everything it does is a request,
    so the order of cells cannot matter.

    Parameters
    ----------
    model : Model
    state : State
        Changed in place.

    Returns
    -------
    list of Given
        What was given at the start of the step, for the log.

    Raises
    ------
    NumericsError
        NaN, a negative concentration, a lost cell; with time, place and value.
    """
    given = apply_interventions(model, state)
    set_drives(model, state)
    set_modifiers(model, state)
    sense(model, state)

    behaviours, drift = respond_all(model, state)

    try:
        advance_fields(model, state, behaviours)
    except NumericsError:
        check_fields(model, state)  # first of all what was wrong before anybody sensed it
        raise
    check_variables(
        model, state, *advance_variables(state.cells, model.variables, drift, model.clock.cell_step)
    )
    set_phenotypes(model, state)

    move_cells(model, state, behaviours)
    decide_fates(model, state, behaviours)
    move_waiting_cells(model, state)

    state.tick += model.clock.ticks_per_step
    check_population(model, state)
    check_mass(model, state)
    return given


def sense(model: Model, state: State) -> None:
    """Bring the surroundings up to date: counts, sums, compartment levels and time."""
    here, cells = state.here, state.cells
    filled, seen = state.work.get("surveyed", (None, cells.voxel[:0]))
    if filled is not here.present:
        here.present[:] = 0
    survey(cells, model.pairs, model.block, seen, here.live, here.total, here.present)
    state.work["surveyed"] = here.present, cells.voxel.copy()
    here.level[:] = state.reservoirs.c[: len(here.level)]
    state.here = here._replace(time=state.tick * model.clock.tick)


def respond_all(model: Model, state: State) -> tuple[Floats, Floats]:
    """Behaviours (n, n_behaviour) and targets or gains of the variables (n, n_slot) of all cells.

    Cells that are dead or wait in a compartment do nothing.
    """
    return _respond(model, state, model.responses, state.cells.variables, model.behaviours.n)


def as_of_now(model: Model, state: State) -> CellArrays:
    """The cells with their instant variables evaluated at this moment.

    In the state itself they stand as of the start of the last step.  The state is left alone, so that
    looking at it does not change its course.
    """
    cells, responses = state.cells, instants_of(model, state)
    if len(responses.target) == 0:
        return cells
    set_drives(model, state)
    set_modifiers(model, state)
    sense(model, state)
    variables = cells.variables.copy()
    _respond(model, state, responses, variables, 0)
    return cells._replace(variables=variables)


def _respond(
    model: Model, state: State, responses: Responses, variables: Floats, n_behaviour: int
) -> tuple[Floats, Floats]:
    """Evaluate responses of all live cells in the tissue; `variables` takes the instant ones."""
    cells = state.cells
    group = np.where((cells.place == TISSUE) & (cells.dead == 0), cells.type, -1)
    behaviours = np.empty((len(cells.id), n_behaviour))
    drift = np.empty_like(variables)
    age = (state.tick - cells.birth_tick) * model.clock.tick
    respond(
        responses,
        model.signals,
        state.here,
        group,
        cells.voxel,
        cells.phenotype,
        age,
        variables,
        behaviours,
        drift,
    )
    return behaviours, drift


def set_phenotypes(model: Model, state: State) -> None:
    """Name the phenotype of cells whose type defines it by a threshold on a variable."""
    for switch in model.switches:
        name_phenotype(state.cells, switch.cell_type, switch.phenotype, switch.slot, switch.above)
