"""What a run will take: voxels, cells, memory, disk, time.  Estimates, good to a factor of two."""

from __future__ import annotations

from dataclasses import dataclass

from abm.scenario.schema.scenario import Scenario

#: Most memory that a scenario may ask for [bytes].
MAX_MEMORY = 256e9

# Measured or counted on the shipped scenario; the remainder is the interpreter with compiled kernels.
_BYTES_PER_FIELD_VOXEL = 10 * 8
_BYTES_PER_VOXEL = 100
_BYTES_PER_CELL = 500
_BYTES_OF_PROGRAM = 300e6
# Fitted to steps of five variants of the shipped scenario on an idle core, and 1.4 times that.
_SECONDS_PER_FIELD_VOXEL_STEP = 6e-9
_SECONDS_PER_CELL_STEP = 400e-9
_SECONDS_PER_STEP = 0.45e-3
_BYTES_PER_FIELD_RECORD = 3.0  # single precision, compressed
_BYTES_PER_CELL_RECORD = 25.0
_BYTES_PER_READOUT_RECORD = 2_000.0


@dataclass(frozen=True)
class Cost:
    """Estimated cost of one run of one arm.

    Attributes
    ----------
    n_voxel, n_step, n_substep : float
        Voxels; cell steps; field steps in a cell step.
    n_field : int
    cells : dict of str to float
        Initial cells of each type.
    memory, disk : float [bytes]
    seconds : float
        On one core, without compiling.
    """

    n_voxel: float
    n_field: int
    n_step: float
    n_substep: float
    cells: dict[str, float]
    memory: float
    disk: float
    seconds: float

    @property
    def n_cell(self) -> float:
        """Initial cells of all types."""
        return sum(self.cells.values())


def estimate(scenario: Scenario) -> Cost:
    """Cost of one run of a checked scenario."""
    domain, time, record = scenario.domain, scenario.time, scenario.record
    # Floating-point counts: hostile sizes become infinite instead of failing.
    n_voxel, n_field = 1.0, len(scenario.cytokines)
    for length, step in zip(domain.size, domain.spacings, strict=True):
        n_voxel *= max(1.0, length / step)
    cells = {name: float(cell.density) * domain.volume for name, cell in scenario.cell_types.items()}
    n_cell = sum(cells.values())
    n_step, n_substep = time.duration / time.cell_step, time.cell_step / time.field_step

    def records(interval: float) -> float:
        return time.duration / interval + 1.0 if interval > 0.0 else 0.0

    full_state = 8.0 * n_voxel * n_field + 200.0 * n_cell
    disk = (
        records(record.readout) * _BYTES_PER_READOUT_RECORD
        + records(record.cells) * n_cell * _BYTES_PER_CELL_RECORD
        + records(record.fields) * n_voxel * n_field * _BYTES_PER_FIELD_RECORD
        + records(record.checkpoint) * full_state
    )
    per_step = (
        n_substep * n_voxel * n_field * _SECONDS_PER_FIELD_VOXEL_STEP
        + n_cell * _SECONDS_PER_CELL_STEP
        + _SECONDS_PER_STEP
    )
    memory = n_voxel * (n_field * _BYTES_PER_FIELD_VOXEL + _BYTES_PER_VOXEL) + n_cell * _BYTES_PER_CELL
    return Cost(
        n_voxel=n_voxel,
        n_field=n_field,
        n_step=n_step,
        n_substep=n_substep,
        cells=cells,
        memory=memory + _BYTES_OF_PROGRAM,
        disk=disk,
        seconds=n_step * per_step,
    )
