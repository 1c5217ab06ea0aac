"""Why a cell does what it does: the contribution of every signal to every response of one cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abm.compile.model import Model
from abm.engine.events import apply_interventions, set_drives
from abm.engine.modifiers import set_modifiers
from abm.engine.state import State
from abm.engine.step import respond_all, sense
from abm.errors import RecordError
from abm.kernels.kinetics import advance_variables
from abm.record.reader import Run, open_run
from abm.state.cells import ORIGIN_BITS, PLACED, TISSUE, selected
from abm.state.kinds import VariableKind
from abm.state.tables import Floats
from abm.study.moment import How, Moment, Progress, moment_at
from abm.study.why_cell import (
    ResponseNow,
    of_a_body,
    of_a_cell,
    of_a_waiting_cell,
    waiting_with_uncertainty,
    with_uncertainty,
)
from abm.study.why_rounding import near_a_face


@dataclass(frozen=True)
class VariableNow:
    """One variable of the cell.

    Attributes
    ----------
    name : str
    law : str
        How it moves: relaxing, accumulating, instant or constant.
    value : float
        At the start of the step; of an instant variable as of this step.
    next : float
        At its end.
    time : float [min]
        Time constant that acts now; 0 where there is none.
    """

    name: str
    law: str
    value: float
    next: float
    time: float


@dataclass(frozen=True)
class Kindred:
    """Cells of one type, phenotype, status and place at one moment, and one of them to look at.

    Attributes
    ----------
    cell_type, phenotype, status, place : str
        As in `Explanation`.
    count : int
    cell : int
        Id of the one nearest to the middle of the readout's region, or of the tissue without a readout.
    """

    cell_type: str
    phenotype: str
    status: str
    place: str
    count: int
    cell: int


@dataclass(frozen=True)
class Explanation:
    """What one cell does at one moment, and why.

    Attributes
    ----------
    path : Path
    arm : str
    replicate : int
    cell : int
        Id.
    day : float [d]
    step : float [min]
        Length of the step that begins here.
    cell_type, phenotype, status, place : str
        `status` is alive or dead; `place` is tissue or a compartment.
    position : tuple of float [um]
        x, y, z; of no meaning for a waiting cell.
    age : float [min]
        nan where frames do not hold it.
    variables : tuple of VariableNow
    responses : tuple of ResponseNow
        In the order of the scenario, variables first.
    origin : str
        Where the state comes from.
    exact : bool
    notes : tuple of str
    """

    path: Path
    arm: str
    replicate: int
    cell: int
    day: float
    step: float
    cell_type: str
    phenotype: str
    status: str
    place: str
    position: tuple[float, float, float]
    age: float
    variables: tuple[VariableNow, ...]
    responses: tuple[ResponseNow, ...]
    origin: str
    exact: bool
    notes: tuple[str, ...]


def why(
    path: str | Path, cell_id: int, day: float, *, how: How = How.AUTO, progress: Progress | None = None
) -> Explanation:
    """Contribution of every signal to every response of one cell in the step that begins at a time.

    Parameters
    ----------
    path : path
        Result file; only read.
    cell_id : int
    day : float [d]
    how : How
        Where the state may be taken from.
    progress : callable, optional
        Told how far the run is simulated again, where that is needed.

    Raises
    ------
    RecordError
        No such cell or step, or the file does not hold what `how` asks for.
    """
    path = Path(path)
    moment = moment_at(path, day, how, progress)
    with open_run(path) as run:
        return explain(run, moment, cell_id)


def explain(run: Run, moment: Moment, cell_id: int) -> Explanation:
    """The same for a moment that is at hand; its state is brought to the start of the step."""
    model, state = moment.model, moment.state
    apply_interventions(model, state)
    set_drives(model, state)
    set_modifiers(model, state)
    rows = np.flatnonzero(state.cells.id == cell_id)
    if len(rows) == 0:
        raise RecordError(no_such_cell(run, moment, cell_id))
    row = int(rows[0])
    sense(model, state)
    before = state.cells.variables.copy()
    behaviours, drift = respond_all(model, state)
    cells = state.cells
    k, place, dead = int(cells.type[row]), int(cells.place[row]), bool(cells.dead[row])
    if dead:
        responses = of_a_body(model, state, behaviours, row)
    elif place == TISSUE:
        responses = of_a_cell(model, state, behaviours, row)
        if not moment.exact:
            responses = with_uncertainty(model, state, row, before[row : row + 1], responses)
    else:
        responses = of_a_waiting_cell(model, state, k, place - 1)
        if not moment.exact:
            responses = waiting_with_uncertainty(model, state, k, place - 1, responses)
    acts = place == TISSUE and not dead
    cell_type, phenotype, status, where = _words(model, k, int(cells.phenotype[row]), dead, place)
    x, y, z = (float(p) for p in cells.position[row])
    placed = cell_id >> ORIGIN_BITS == PLACED
    age = float((state.tick - cells.birth_tick[row]) * model.clock.tick)
    return Explanation(
        path=run.path,
        arm=run.arm,
        replicate=run.replicate,
        cell=cell_id,
        day=moment.day,
        step=model.clock.cell_step,
        cell_type=cell_type,
        phenotype=phenotype,
        status=status,
        place=where,
        position=(x, y, z),
        age=age if moment.exact or placed else math.nan,
        variables=_variables(model, state, row, drift, acts),
        responses=responses,
        origin=moment.origin,
        exact=moment.exact,
        notes=(*moment.notes, *_rounding_notes(moment, row)),
    )


def cells_at(
    path: str | Path, day: float, *, how: How = How.AUTO, progress: Progress | None = None
) -> tuple[Kindred, ...]:
    """Which kinds of cells there are at a time, with an id of each; parameters as for `why`."""
    moment = moment_at(Path(path), day, how, progress)
    model = moment.model
    apply_interventions(model, moment.state)
    cells = moment.state.cells
    region = model.regions[model.readout.region] if model.readout is not None else model.tissue.reshape(-1)
    centres = np.stack(np.broadcast_arrays(*model.grid.centres()), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(cells.position - centres[region == 1].mean(axis=0), axis=1)
    kinds = np.stack([cells.type, cells.phenotype, cells.dead, cells.place], axis=1)
    found = []
    for kind in np.unique(kinds, axis=0):
        rows = np.flatnonzero((kinds == kind).all(axis=1))
        k, phenotype, dead, place = (int(i) for i in kind)
        found.append(
            Kindred(
                *_words(model, k, phenotype, dead, place),
                count=len(rows),
                cell=int(cells.id[rows[np.argmin(distance[rows])]]),
            )
        )
    return tuple(found)


def _words(model: Model, k: int, phenotype: int, dead: int, place: int) -> tuple[str, str, str, str]:
    """Cell type, phenotype, status and place in words."""
    names = model.names
    where = "tissue" if place == TISSUE else names.compartments[place - 1]
    return names.cell_types[k], names.phenotypes[k][phenotype], "dead" if dead else "alive", where


def _rounding_notes(moment: Moment, row: int) -> tuple[str, ...]:
    cells = moment.state.cells
    if moment.exact or cells.place[row] != TISSUE or not near_a_face(moment.model, cells.position[row]):
        return ()
    return ("The cell stands at the face of a voxel: rounding may have moved it into the next one.",)


def no_such_cell(run: Run, moment: Moment, cell_id: int) -> str:
    """Which cells there are instead, and when this one was there."""
    cells, names = moment.state.cells, moment.model.names.cell_types
    counts = np.bincount(cells.type, minlength=len(names))
    there = ", ".join(f"{n} {name}" for n, name in zip(counts, names, strict=True) if n)
    text = f"{run.path}: no cell {cell_id} at day {moment.day:g}; there are {len(cells.id)} cells ({there})"
    if len(cells.id):
        nearest = int(cells.id[np.argmin(np.abs(cells.id.astype(float) - cell_id))])
        text += f"; the nearest id is {nearest}"
    days = [
        float(run.frame_times[i])
        for i in range(len(run.frame_times))
        if cell_id in run.frame(i, columns=["id"])["id"]
    ]
    if days:
        text += f"; cell {cell_id} was recorded from day {days[0]:g} to day {days[-1]:g}"
    return text


# -------------------------------------------------------------------------------------------- variables


def _variables(model: Model, state: State, row: int, drift: Floats, acts: bool) -> tuple[VariableNow, ...]:
    """Variables of the cell now and after the step; those of a cell that does nothing stay."""
    k = int(state.cells.type[row])
    one = selected(state.cells, slice(row, row + 1))
    if acts:
        advance_variables(one, model.variables, drift[row : row + 1].copy(), model.clock.cell_step)
    found = []
    for slot, name in enumerate(model.names.variables[k]):
        kind, now = VariableKind(int(model.variables.kind[k, slot])), float(state.cells.variables[row, slot])
        rises = kind is VariableKind.RELAXING and drift[row, slot] > now
        time = float((model.variables.rise if rises else model.variables.fall)[k, slot])
        timed = kind in (VariableKind.RELAXING, VariableKind.ACCUMULATING)
        found.append(
            VariableNow(name, kind.name.lower(), now, float(one.variables[0, slot]), time if timed else 0.0)
        )
    return tuple(found)
