"""What changes during a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.kernels.field_system import Budget, Reservoirs, new_budget
from abm.state.cells import CellArrays, Identities, selected
from abm.state.tables import Floats, Surroundings

# What happens to cells, counted by type since the start of the run.
COUNTERS = (
    "injected",  # followed one by one; the rest of a dose is in `pool`
    "arrived",
    "entered",
    "lost_waiting",
    "born",
    "division_refused",
    "died",
    "cleared",
    "removed",
    "dissolved",
    "phagocytosed",
    "transitioned",
    "transformed_away",
    "transformed_into",
    "entry_refused",
)


@dataclass
class Dose:
    """Book of the cells of one type in one compartment; each number in cells of the whole animal."""

    given: float = 0.0
    pool: float = 0.0  # alive in the compartment, not followed one by one
    pool_lost: float = 0.0


@dataclass
class State:
    """One moment of the tissue.

    Attributes
    ----------
    tick : int
        Field steps since the start.
    cells : CellArrays
        Rows in strictly increasing order of id.
    concentration : (n_field, nz, ny, nx) float64 [pg/ml]
    reservoirs : Reservoirs
    occupancy : (nz, ny, nx) int32 [um^3]
        Room taken by cell bodies.
    doses : dict
        (cell type, compartment) to the book of its injected cells.
    counters : dict
        Name to (n_type,) int64; see `COUNTERS`.
    """

    tick: int
    cells: CellArrays
    identities: Identities
    concentration: Floats
    reservoirs: Reservoirs
    occupancy: NDArray[np.int32]
    budget: Budget
    infused: Floats  # (n_reservoir, n_field) [fg] doses put into compartments
    doses: dict[tuple[int, int], Dose]
    counters: dict[str, NDArray[np.int64]]
    settling: NDArray[np.uint8]  # (n_field,) 1 after a jump in the field, until the solver has smoothed it
    solver_counters: NDArray[np.int64]  # (n_field, 2) steps redone positively, start-up steps
    moves_refused: NDArray[np.int64]  # (2,) by a full voxel, by a wall
    here: Surroundings = field(repr=False)
    work: dict[str, Any] = field(default_factory=dict, repr=False)  # scratch arrays, never saved

    def count(self, name: str, cell_type: int | NDArray[np.int64], n: int = 1) -> None:
        """Add to a counter, for one type or once per entry of an array of types."""
        if isinstance(cell_type, np.ndarray):
            np.add.at(self.counters[name], cell_type, n)
        else:
            self.counters[name][cell_type] += n


def new_state(model: Model) -> State:
    """State of the naive tissue at tick 0."""
    n_field = len(model.names.cytokines)
    n_type = len(model.names.cell_types)
    n_reservoir = len(model.fields.reservoirs.volume)
    concentration = np.empty((n_field, *model.grid.shape))
    concentration[:] = model.fields.baseline[:, None, None, None] * model.tissue
    cells = selected(model.cells, slice(None))
    occupancy = np.zeros(model.grid.shape, np.int32)
    np.add.at(occupancy.reshape(-1), cells.voxel, model.space[cells.type])
    return State(
        tick=0,
        cells=cells,
        identities=Identities(model.issued),
        concentration=concentration,
        reservoirs=_own_copy(model.fields.reservoirs),
        occupancy=occupancy,
        budget=new_budget(concentration, n_reservoir, model.fields.system.voxel_volume),
        infused=np.zeros((n_reservoir, n_field)),
        doses={(w.cell_type, w.compartment): Dose() for w in model.waiting},
        counters={name: np.zeros(n_type, np.int64) for name in COUNTERS},
        settling=np.zeros(n_field, np.uint8),
        solver_counters=np.zeros((n_field, 2), np.int64),
        moves_refused=np.zeros(2, np.int64),
        here=surroundings(model, concentration),
    )


def surroundings(model: Model, concentration: Floats) -> Surroundings:
    """Surroundings whose static parts are filled in and whose counts are zero."""
    n_type, n_voxel = len(model.names.cell_types), model.grid.n_voxel
    n_block = len(model.block_volume)
    return Surroundings(
        concentration=concentration.reshape(len(model.names.cytokines), n_voxel),
        baseline=model.fields.baseline,
        sensing_floor=model.fields.sensing_floor,
        shape=np.array(model.grid.shape, np.int64),
        spacing=np.array(model.grid.spacing),
        tissue=model.tissue.reshape(-1),
        block=model.block,
        block_volume=model.block_volume,
        live=np.zeros((n_type, n_block)),
        naive=model.naive,
        total=np.zeros((len(model.pairs), n_block)),
        present=np.zeros((n_type + 2, n_voxel), np.int64),
        drive=np.zeros((len(model.names.drives), n_voxel)),
        region=model.regions,
        level=np.zeros((len(model.names.compartments), len(model.names.cytokines))),
        drug=np.zeros(len(model.treatment.drugs)),
        modifier=np.ones((len(model.treatment.modifiers), n_voxel)),
        time=0.0,
    )


def _own_copy(reservoirs: Reservoirs) -> Reservoirs:
    return reservoirs._replace(
        c=reservoirs.c.copy(), input=reservoirs.input.copy(), clearance=reservoirs.clearance.copy()
    )
