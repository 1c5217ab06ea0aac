"""One cell step of the fields: sources of the tissue, the cells and the injuries, then the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.events import add_releases, infuse_over_time
from abm.engine.health import describe_cell, describe_voxel, when
from abm.engine.removal import active_bonds, add_removal, removed_fields
from abm.engine.sites import site_table, site_values
from abm.engine.state import State
from abm.engine.waiting import secrete_from_compartments
from abm.errors import NumericsError
from abm.kernels.diffusion import MESSAGES, OK, Workspace, advance, advance_parallel, new_workspace
from abm.kernels.field_factors import Factors, build_factors, refresh_factors
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML, FieldSystem
from abm.kernels.neighbours import sum_per_voxel
from abm.kernels.sources import add_secretion, scale_by_place
from abm.state.kinds import BehaviourKind
from abm.state.tables import Floats

PARALLEL_FROM = 200_000  # field values from which several threads pay


@dataclass
class FieldSolver:
    """Line factors and scratch of the solver; derived from the model, so never saved."""

    system: FieldSystem
    factors: Factors
    work: Workspace
    parallel: bool

    @classmethod
    def of(cls, model: Model) -> FieldSolver:
        """Solver for a model, with factors for its field step."""
        system = model.fields.system
        if uptake_fields(model).any():
            system = system._replace(uptake=np.zeros_like(system.decay))
        parallel = system.decay.size >= PARALLEL_FROM
        factors = build_factors(system, model.fields.reservoirs, model.clock.tick)
        work = new_workspace(system, len(model.fields.reservoirs.volume), parallel)
        return cls(system, factors, work, parallel)


def uptake_fields(model: Model) -> NDArray[np.bool_]:
    """Fields that cells take up or interventions remove, (n_field,)."""
    return np.asarray((model.behaviours.uptake >= 0) | removed_fields(model))


def advance_fields(model: Model, state: State, behaviours: Floats) -> None:
    """Advance every field by one cell step, with sources held over it.

    Parameters
    ----------
    behaviours : (n, n_behaviour) float64
        Of all cells; secretion [fg/min] and uptake [1/min] are read.

    Raises
    ------
    NumericsError
        With time, cytokine, place and value, at the step where a value turned wrong.
    """
    solver = _solver(model, state)
    source = field_sources(model, state, behaviours)
    inflow = state.reservoirs.input
    inflow[:] = model.fields.reservoirs.input
    secrete_from_compartments(model, state, inflow)
    ticks = model.clock.ticks_per_step
    add_leaks(model, state, source, inflow)
    infuse_over_time(model, state, ticks, source.reshape(source.shape[0], model.grid.n_voxel), inflow)
    if not solver.system.uptake.size:
        _advance(model, state, source, solver, ticks)
        return
    by_cells = cell_uptake(model, state, behaviours, source.shape)
    # Binders and targets meet anew in every field step; nothing else changes within a cell step.
    part = 1 if active_bonds(model, state, source) else ticks
    for _ in range(0, ticks, part):
        solver.system.uptake[:] = by_cells
        add_removal(model, state, source, solver.system.uptake, part * model.clock.tick)
        refresh_factors(solver.system, model.fields.reservoirs, solver.factors, uptake_fields(model))
        _advance(model, state, source, solver, part)


def _advance(model: Model, state: State, source: Floats, solver: FieldSolver, ticks: int) -> None:
    """Let the solver take some field steps."""
    restart = state.settling.astype(np.bool_)
    step = advance_parallel if solver.parallel else advance
    steps = np.full(source.shape[0], ticks, np.int64)
    code, f, index = step(
        state.concentration,
        source,
        solver.system,
        solver.factors,
        state.reservoirs,
        steps,
        restart,
        state.budget,
        state.solver_counters,
        solver.work,
    )
    if code != OK:
        raise NumericsError(_fault(model, state, code, f, index))
    state.settling[:] = restart


def _solver(model: Model, state: State) -> FieldSolver:
    if "fields" not in state.work:
        state.work["fields"] = FieldSolver.of(model)
    solver: FieldSolver = state.work["fields"]
    return solver


def field_sources(model: Model, state: State, behaviours: Floats) -> Floats:
    """Sources (n_field, nz, ny, nx) [pg/ml/min]: basal production, injuries, secretion of the cells.

    The array belongs to the state and is overwritten in the next step.
    """
    source, scratch = _source_arrays(model, state)
    source[:] = model.fields.production.reshape(source.shape)
    for site in model.sites:
        if site.kind == BehaviourKind.PRODUCTION:
            scale_by_place(*site_table(model, state, site), source[site.cytokine])
    add_releases(model, state, source)
    volume, columns = model.fields.system.voxel_volume * FG_PER_PG_UM3_PER_ML, model.behaviours.secretion
    row, f = add_secretion(state.cells.voxel, behaviours, columns, volume, scratch, source)
    if row >= 0:
        raise NumericsError(
            f"{when(model, state.tick)}: {describe_cell(model, state.cells, row)} secretes "
            f"{behaviours[row, columns[f]]:g} fg/min of {model.names.cytokines[f]}; "
            "secretion is never negative"
        )
    return source.reshape(model.fields.production.shape)


def _source_arrays(model: Model, state: State) -> tuple[Floats, Floats]:
    """Sources and scratch, (n_field, n_voxel) each: new arrays in every step would not be in the caches."""
    if "sources" not in state.work:
        shape = (len(model.names.cytokines), model.grid.n_voxel)
        state.work["sources"] = np.empty(shape), np.zeros(shape)
    source, scratch = state.work["sources"]
    return source, scratch


def add_leaks(model: Model, state: State, source: Floats, inflow: Floats) -> None:
    """Let what a compartment holds above its baseline leak through the vessels of the tissue.

    The flux is one-way; what leaves the compartment, for all slabs that it serves, enters the tissue.

    Parameters
    ----------
    source : (n_field, nz, ny, nx) float64 [pg/ml/min]
    inflow : (n_reservoir, n_field) float64 [pg/ml/min]
    """
    reservoirs = model.fields.reservoirs
    for site in model.sites:
        if site.kind != BehaviourKind.LEAKAGE:
            continue
        f, r = site.cytokine, site.compartment
        excess = max(0.0, float(state.reservoirs.c[r, f] - model.fields.baseline[f]))
        leaking = site_values(model, state, site).reshape(model.grid.shape) * model.tissue * excess
        source[f] += leaking
        share = model.fields.system.voxel_volume * reservoirs.multiplicity / reservoirs.volume[r]
        inflow[r, f] -= float(leaking.sum()) * share


def cell_uptake(model: Model, state: State, behaviours: Floats, shape: tuple[int, ...]) -> Floats:
    """Uptake by cells in every voxel, `shape` = (n_field, nz, ny, nx) [1/min]."""
    in_voxels = np.zeros(shape)
    columns = model.behaviours.uptake
    taken = np.flatnonzero(columns >= 0)
    if len(taken):
        per_cell = np.zeros((len(state.cells.id), shape[0]))
        share = model.cell_volume[state.cells.type] / model.grid.voxel_volume
        per_cell[:, taken] = behaviours[:, columns[taken]] * share[:, None]
        sum_per_voxel(state.cells.voxel, per_cell, in_voxels)
    return in_voxels


def _fault(model: Model, state: State, code: int, f: int, index: int) -> str:
    """Time, cytokine, place and value of what went wrong in the solver."""
    cytokine = model.names.cytokines[f]
    start = f"{when(model, state.tick)}: {cytokine}: {MESSAGES[code]}"
    if "reservoir" in MESSAGES[code]:
        names = model.names.compartments
        place = names[index] if index < len(names) else "a held boundary"
        return f"{start} in {place}: {state.reservoirs.c[index, f]:g} pg/ml"
    value: float = state.concentration[f].reshape(-1)[index]
    return f"{start} at {describe_voxel(model, index)}: {value:g} pg/ml before the step"


def lowest(concentration: NDArray[np.float64]) -> Floats:
    """Lowest value of each field, (n_field,) [pg/ml]."""
    return np.asarray(concentration.reshape(len(concentration), -1).min(axis=1))
