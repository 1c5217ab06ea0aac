"""Injuries: the time courses of their drives, and when and where they are set."""

from __future__ import annotations

from pydantic import Field, model_validator

from abm.scenario.schema.section import (
    ConcentrationRate,
    Duration,
    Number,
    Repeats,
    Section,
    TimeSpan,
    Width,
    every_and_repeats,
    fault,
    preset,
    repeated,
)


class Drive(Section):
    """A course: amplitude x rise x decay x off, each factor 1 when it is left out.

    rise: 1 - exp(-t/rise); decay: exp(-t/decay); off: 1/(1 + exp((t - off)/off_width)).
    """

    amplitude: Number = Field(preset(1.0, "1", "1"), description="height of the drive")
    rise: Duration | None = Field(None, description="time constant of the rise")
    decay: Duration | None = Field(None, description="time constant of the decay")
    off: Duration | None = Field(None, description="time at which half of it is over")
    off_width: Duration | None = Field(None, description="how long the end takes; needed with 'off'")

    @model_validator(mode="after")
    def _end(self) -> Drive:
        if (self.off is None) != (self.off_width is None):
            raise fault("'off' and 'off_width' belong together: the end of the drive and how long it takes")
        return self


class Release(Section):
    """What the injured place releases while a drive lasts."""

    cytokine: str = Field(description="cytokine that is released")
    drive: str = Field(description="drive of this injury that scales it")
    rate: ConcentrationRate = Field(description="rise of the concentration per time at drive 1")


class InjuryKind(Section):
    """A kind of injury."""

    label: str = Field("", description="name in figures")
    drives: dict[str, Drive] = Field(default_factory=dict, description="its time courses, by name")
    releases: tuple[Release, ...] = Field((), description="cytokines set free at the site")


class Injury(Section):
    """One injury of the experiment, or several alike."""

    kind: str = Field(description="one of injury_kinds")
    at: TimeSpan = Field(
        preset(0.0, "min", "0 d"), description="when it is set, a whole multiple of cell_step"
    )
    every: Duration | None = Field(None, description="repeat it after this time, a multiple of cell_step")
    repeats: Repeats = Field(1, description="how often in all, with 'every'; their drives add up")
    site: str = Field(description="name of a region")
    edge: Width = Field(
        preset(0.0, "um", "0 um"), description="width over which the drive falls at the edge of the site"
    )

    @model_validator(mode="after")
    def _together(self) -> Injury:
        every_and_repeats(self.every, self.repeats)
        return self

    @property
    def times(self) -> tuple[float, ...]:
        """When it is set [min]."""
        return repeated((self.at,), self.every, self.repeats)
