"""Detect what must never happen, at the step it arises, and say when, where and what."""

from __future__ import annotations

import numpy as np

from abm.compile.model import Model
from abm.engine.state import State
from abm.errors import NumericsError
from abm.kernels.checks import first_out_of_balance
from abm.kernels.status import MESSAGES, OK
from abm.state.cells import CellArrays

MASS_TOLERANCE = 1e-8  # of what passed through; rounding leaves about 1e-13


def when(model: Model, tick: int) -> str:
    """A tick in words, for messages."""
    return f"t = {model.clock.days(tick):.4f} d (step {tick})"


def describe_cell(model: Model, cells: CellArrays, row: int) -> str:
    """Id, type and place of a cell, for messages."""
    kind = model.names.cell_types[int(cells.type[row])]
    x, y, z = cells.position[row]
    return f"cell {int(cells.id[row])} ({kind}) at ({x:.2f}, {y:.2f}, {z:.2f}) um"


def raise_for_status(model: Model, tick: int, status: int, cells: CellArrays, row: int) -> None:
    """Turn the status code of a cell kernel into an error with time, cell and place."""
    if status != OK:
        cell = describe_cell(model, cells, row) if 0 <= row < len(cells.id) else "a cell"
        raise NumericsError(f"{when(model, tick)}: {cell}: {MESSAGES[status]}")


def describe_voxel(model: Model, index: int) -> str:
    """Centre of a voxel, given by its flat index, for messages."""
    _, ny, nx = model.grid.shape
    axes = (index % nx, index // nx % ny, index // (nx * ny))
    x, y, z = ((i + 0.5) * d for i, d in zip(axes, model.grid.spacing, strict=True))
    return f"({x:g}, {y:g}, {z:g}) um"


def check_fields(model: Model, state: State) -> None:
    """Raise for the first concentration that is negative or not finite.

    Called when a step fails: the fault may have been there before it, and would else be blamed on the first
    cell that sensed it.  The solver itself refuses to start from such a value.
    """
    c = state.concentration
    faulty = ~(np.isfinite(c) & (c >= 0.0)).reshape(len(c), -1)
    if not faulty.any():
        return
    f, index = (int(i) for i in np.argwhere(faulty)[0])
    value = float(c.reshape(len(c), -1)[f, index])
    what = "negative" if value < 0.0 else "infinite or not a number"
    raise NumericsError(
        f"{when(model, state.tick)}: {model.names.cytokines[f]}: concentration is {what} "
        f"at {describe_voxel(model, index)}: {value:g} pg/ml"
    )


def check_variables(model: Model, state: State, row: int, slot: int) -> None:
    """Raise for the first variable that stopped being a finite number."""
    if row >= 0:
        name = model.names.variables[int(state.cells.type[row])][slot]
        cell = describe_cell(model, state.cells, row)
        before = float(state.cells.variables[row, slot])
        raise NumericsError(
            f"{when(model, state.tick)}: {cell}: variable {name} is infinite or not a number; "
            f"it was {before:g} before the step"
        )


def check_population(model: Model, state: State) -> None:
    """Every cell that ever appeared is in the table or was booked as gone.

    Raises
    ------
    NumericsError
        With the cell type and both numbers.
    """
    counters = state.counters
    if "start_count" not in state.work:
        state.work["start_count"] = np.bincount(model.cells.type, minlength=len(model.names.cell_types))
    start = state.work["start_count"]
    gained = counters["injected"] + counters["arrived"] + counters["born"] + counters["transformed_into"]
    lost = (
        counters["lost_waiting"]
        + counters["cleared"]
        + counters["removed"]
        + counters["dissolved"]
        + counters["phagocytosed"]
        + counters["transformed_away"]
    )
    expected = start + gained - lost
    found = np.bincount(state.cells.type, minlength=len(expected))
    if (expected != found).any():
        k = int(np.flatnonzero(expected != found)[0])
        raise NumericsError(
            f"{when(model, state.tick)}: {found[k]} cells of type {model.names.cell_types[k]} in the table, "
            f"{expected[k]} by the books: cells were lost or made from nothing"
        )


def check_mass(model: Model, state: State) -> None:
    """What each cytokine's books say is in the tissue is there.

    Raises
    ------
    NumericsError
        With the cytokine and the residual relative to everything that passed through the tissue.
    """
    budget = state.budget
    f = first_out_of_balance(budget, MASS_TOLERANCE)
    if f >= 0:
        passed = budget.initial + budget.added + budget.sourced + np.abs(budget.exchanged).sum(axis=0)
        residual = np.abs(budget.residual())
        raise NumericsError(
            f"{when(model, state.tick)}: {model.names.cytokines[f]}: the mass balance is off by "
            f"{residual[f]:g} fg of {passed[f]:g} fg that passed through (limit {MASS_TOLERANCE})"
        )
