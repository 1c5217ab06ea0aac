"""A compiled model: everything the engine needs, as plain arrays in internal units.

`abm.compile` makes it from a scenario; `abm.engine` only reads it.  Index spaces are positional:
field f, cell type k, compartment c, drive d and region g count in the order of `Labels`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from abm.kernels.field_system import FieldSystem, Reservoirs
from abm.state.cells import CellArrays
from abm.state.grid import Grid
from abm.state.tables import Bytes, Floats, Ints, Responses, Signals, Variables


@dataclass(frozen=True)
class Labels:
    """The words of the scenario, in index order."""

    cytokines: tuple[str, ...]
    compartments: tuple[str, ...]
    cell_types: tuple[str, ...]
    phenotypes: tuple[tuple[str, ...], ...]  # per cell type
    variables: tuple[tuple[str, ...], ...]  # per cell type, by slot
    drives: tuple[str, ...]
    regions: tuple[str, ...]
    drugs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Time as whole numbers of the smallest step, the field step."""

    tick: float  # [min] one field step
    ticks_per_step: int  # field steps per cell step
    end: int  # [ticks]
    readout: int  # [ticks] 0 where off
    cells: int
    fields: int
    checkpoint: int

    @property
    def cell_step(self) -> float:
        """Length of a cell step [min]."""
        return self.tick * self.ticks_per_step

    def step_of(self, tick: int) -> int:
        """Number of the cell step that begins at a tick; what random draws are keyed by.

        Draws must not depend on the field step, or its accuracy could not be seen behind the noise.
        """
        return tick // self.ticks_per_step

    def days(self, tick: int) -> float:
        """Time of a tick in days."""
        return tick * self.tick / 1440.0


@dataclass(frozen=True)
class Fields:
    """Diffusion, decay and exchange of every field on the grid, and its reservoirs.

    The reservoirs are the compartments in the order of `Labels`, followed by one of infinite volume
    for every value that a boundary is held at.
    """

    system: FieldSystem
    reservoirs: Reservoirs  # at the start; the state holds a copy
    production: Floats  # (n_field, nz, ny, nx) [pg/ml/min] holds the baseline in naive tissue
    baseline: Floats  # (n_field,) [pg/ml]
    sensing_floor: Floats  # (n_field,) [pg/ml]


@dataclass(frozen=True)
class Switch:
    """A phenotype that a threshold on a variable sets."""

    cell_type: int
    phenotype: int
    slot: int
    above: float


@dataclass(frozen=True)
class Behaviours:
    """Columns of the behaviour array, -1 where no type has the behaviour."""

    secretion: Ints  # (n_field,) [fg/min]
    uptake: Ints  # (n_field,) [1/min]
    sensitivity: Ints  # (n_field,) [1]
    speed: int
    bias: int
    persistence: int
    division: int
    death: int
    clearance: int
    phagocytosis: int
    transition: tuple[tuple[int, int], ...]  # (column, phenotype index) per event
    transform: tuple[tuple[int, int], ...]  # (column, cell type)
    names: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of columns."""
        return len(self.names)


@dataclass(frozen=True)
class Site:
    """A response of a place rather than of a cell."""

    kind: int  # BehaviourKind: ARRIVAL, PRODUCTION, ENTRY or SECRETION
    group: int  # of Responses
    cell_type: int = -1
    cytokine: int = -1
    compartment: int = -1
    per_block: bool = False  # reads only neighbourhood-wide signals, so one value per block is enough
    senses_tissue: bool = True  # False where it has the same value everywhere


@dataclass(frozen=True)
class Waiting:
    """How cells of one type wait in one compartment."""

    cell_type: int
    compartment: int
    lifetime: float  # [min] mean
    homing_fraction: float  # share of a dose that can enter the represented tissue
    entry: Site | None
    secretion: tuple[Site, ...]
    voxels: Ints  # (m,) where such a cell can enter


@dataclass(frozen=True)
class DriveCourse:
    """Time course of one drive of one injury; see `abm/library/data/injuries.yaml`."""

    drive: int
    injury: int
    start: int  # [ticks]
    amplitude: float
    rise: float  # [min] 0 where absent, as the following
    decay: float
    off: float
    off_width: float


@dataclass(frozen=True)
class Release:
    """A field that an injury releases at its site, in proportion to one of its drives."""

    course: int
    cytokine: int
    rate: float  # [pg/ml/min]


@dataclass(frozen=True)
class Injection:
    """Cells given at one moment."""

    tick: int
    origin: int  # origin of the ids
    cell_type: int
    phenotype: int
    dose: float  # living cells
    compartment: int  # -1 where they go into tissue at once
    voxels: Ints  # (m,) of the region, where local
    text: str


@dataclass(frozen=True)
class Infusion:
    """Protein given at one moment or over a while."""

    start: int
    stop: int  # = start for a bolus
    ramp: int  # [ticks] over which the rate rises from 0 to full
    cytokine: int
    amount: float  # [fg] active
    given: float  # [ng] active or not
    compartment: int  # -1 where it goes into tissue at once
    voxels: Ints
    text: str


@dataclass(frozen=True)
class Span:
    """When an effect holds, and how it comes and goes; of several windows the strongest counts."""

    starts: tuple[int, ...]  # [ticks]
    length: int  # [ticks] of each window; -1 without end
    ramp: float  # [min] of the rise and of the fall after the end; 0 at once
    half_life: float  # [min] of the effect after its start; 0 where it does not fade

    def strength(self, tick: int, minutes_per_tick: float) -> float:
        """Share of the full effect at a tick, 0 to 1."""
        return max((self._of_window(tick - start, minutes_per_tick) for start in self.starts), default=0.0)

    def _of_window(self, elapsed: int, minutes_per_tick: float) -> float:
        if elapsed < 0:
            return 0.0
        over = elapsed - self.length if self.length >= 0 else -1
        held = elapsed - max(over, 0)
        value = min(1.0, held * minutes_per_tick / self.ramp) if self.ramp > 0.0 else 1.0
        if over >= 0:
            value *= max(0.0, 1.0 - over * minutes_per_tick / self.ramp) if self.ramp > 0.0 else 0.0
        if self.half_life > 0.0:
            value *= 0.5 ** (elapsed * minutes_per_tick / self.half_life)
        return value


@dataclass(frozen=True)
class DrugCourse:
    """Levels and amounts of one drug at the start of every cell step; see `abm.compile.drugs`."""

    level: Floats  # (n_step + 1,) [pg/ml] in the central compartment
    amounts: Floats  # (n_step + 1, 5) [fg] given, depot, central, peripheral, eliminated


@dataclass(frozen=True)
class Modifier:
    """A factor on what cells do, carry or sense: 1 + (by - 1) x strength, at every place."""

    by: float
    span: Span | None  # None: by the level of a drug
    drug: int
    half_max: float  # [pg/ml] of the drug
    power: float
    region: int  # -1 everywhere
    text: str


@dataclass(frozen=True)
class Removal:
    """A share of a cytokine taken out of action: its losses rise by the factor `extra` at full strength."""

    cytokine: int
    extra: float  # share / (1 - share)
    span: Span
    region: int  # -1 everywhere, the compartments too


@dataclass(frozen=True)
class Bond:
    """A binder that removes a cytokine, mole for mole."""

    binder: int
    target: int
    rate: float  # [1/min per pg/ml of binder]
    consumption: float  # binder used up per target removed, by mass


@dataclass(frozen=True)
class Depletion:
    """Cells taken out of the tissue at one moment."""

    tick: int
    cell_type: int
    phenotype: int  # -1 any
    share: float
    region: int  # -1 everywhere
    text: str


@dataclass(frozen=True)
class Treatment:
    """Everything that is done to the animal."""

    injections: tuple[Injection, ...] = ()
    infusions: tuple[Infusion, ...] = ()
    modifiers: tuple[Modifier, ...] = ()
    removals: tuple[Removal, ...] = ()
    depletions: tuple[Depletion, ...] = ()
    drugs: tuple[DrugCourse, ...] = ()
    knocked_out: tuple[str, ...] = ()  # in words, for the log
    onsets: tuple[tuple[int, str], ...] = ()  # (tick, text) of what else begins when, for the log


@dataclass(frozen=True)
class Threshold:
    """Map from nociceptive signal to paw-withdrawal threshold: floor + (1 - floor)/(1 + (N/half)^power)."""

    baseline: float  # [g]
    floor: float  # relative to the baseline
    half_signal: float
    power: float

    def of(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Threshold [g] of nociceptive signals."""
        relative = self.floor + (1.0 - self.floor) / (1.0 + (signal / self.half_signal) ** self.power)
        return np.asarray(self.baseline * relative)


@dataclass(frozen=True)
class Readout:
    """What is read from the neurons."""

    cell_type: int
    slot: int
    region: int
    threshold: Threshold | None


@dataclass(frozen=True)
class Model:
    """Everything that does not change during a run."""

    title: str
    names: Labels
    grid: Grid
    clock: Clock
    seed: int
    fields: Fields
    tissue: Bytes  # (nz, ny, nx)
    regions: Bytes  # (n_region, n_voxel)
    block: Ints  # (n_voxel,)
    block_volume: Floats  # (n_block,) [um^3]
    capacity: NDArray[np.int32]  # (nz, ny, nx) [um^3] room for cell bodies
    space: NDArray[np.int32]  # (n_type,) [um^3] of a cell body
    cell_volume: Floats  # (n_type,) [um^3]
    body_lifetime: float  # [min] of a dead body that nothing takes up
    responses: Responses
    signals: Signals
    variables: Variables
    behaviours: Behaviours
    switches: tuple[Switch, ...]
    pairs: Ints  # (n_pair, 2) cell type and slot whose sums the signals read
    sites: tuple[Site, ...]
    waiting: tuple[Waiting, ...]
    courses: tuple[DriveCourse, ...]
    weights: Floats  # (n_injury, n_voxel)
    releases: tuple[Release, ...]
    treatment: Treatment
    bonds: tuple[Bond, ...]
    readout: Readout | None
    cells: CellArrays  # initial tissue
    issued: dict[int, int] = field(default_factory=dict)  # ids already handed out, by origin
    naive: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # (n_type, n_block)
