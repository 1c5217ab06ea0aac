"""Times: how long, in which steps, what is written when."""

from __future__ import annotations

from pydantic import Field

from abm.scenario.schema.section import Duration, Interval, Section, preset


class Time(Section):
    """Duration and steps; everything that happens falls on a step."""

    duration: Duration = Field(description="simulated time, e.g. 42 d")
    cell_step: Duration = Field(
        preset(10.0, "min", "10 min"), description="step of sensing, motion and fate of the cells"
    )
    field_step: Duration = Field(
        preset(2.0, "min", "2 min"),
        description="step of the cytokine fields; cell_step is a whole multiple of it",
    )

    @property
    def n_steps(self) -> int:
        """Number of cell steps."""
        return round(self.duration / self.cell_step)

    @property
    def substeps(self) -> int:
        """Field steps in a cell step."""
        return round(self.cell_step / self.field_step)


class Record(Section):
    """What is written, and how often; ``never`` or 0 switches a record off."""

    readout: Interval = Field(
        preset(60.0, "min", "1 h"), description="time series: counts, means, nociception"
    )
    cells: Interval = Field(preset(0.0, "min", "never"), description="table of every cell")
    fields: Interval = Field(preset(0.0, "min", "never"), description="concentrations in every voxel")
    checkpoint: Interval = Field(
        preset(0.0, "min", "never"), description="full state, from which a run can be resumed or branched"
    )
