"""Cytokines and other diffusible signals, and the well-mixed spaces they exchange with."""

from __future__ import annotations

from math import inf, log

from pydantic import Field, model_validator

from abm.scenario.quantity import Quantity
from abm.scenario.schema.section import (
    Concentration,
    Diffusion,
    Fraction,
    HalfLife,
    Level,
    MolarMass,
    PositiveNumber,
    Rate,
    Section,
    Speed,
    Volume,
    one_of,
    preset,
)


class RegionValues(Section):
    """Other values of a cytokine inside a region, e.g. white matter or a scar."""

    diffusion: Diffusion | None = Field(None, description="effective diffusion coefficient there")
    half_life: HalfLife | None = Field(None, description="half-life there, or none")
    decay: Rate | None = Field(None, description="decay rate there, instead of a half-life")

    @model_validator(mode="before")
    @classmethod
    def _loss(cls, raw: object) -> object:
        one_of(raw, ("half_life", "decay"), cls.model_fields, "a cytokine", least=0)
        return raw

    @model_validator(mode="after")
    def _half_life(self) -> RegionValues:
        _fill_half_life(self)
        return self

    @property
    def decay_rate(self) -> float | None:
        """Rate of loss [1/min]; None when it is not another one here."""
        if self.decay is None and self.half_life is None:
            return None
        return _decay_rate(self.half_life, self.decay)


class CompartmentValues(Section):
    """Other values of a cytokine inside a compartment, e.g. of an antibody that stays in blood for days."""

    half_life: HalfLife = Field(description="half-life by clearance there, or none")


class Binding(Section):
    """How a binder (antibody, soluble receptor) removes a cytokine; the complex counts as lost.

    Removal of the target runs at `rate` where the binder's concentration is `at`, in proportion to it; the
    binder is used up mole for mole, `valency` targets each.
    """

    rate: Rate = Field(description="rate at which the target is removed where the binder is at 'at'")
    at: Level = Field(description="concentration of the binder for that rate")
    valency: PositiveNumber = Field(preset(1.0, "1", "1"), description="targets that one binder removes")


def _fill_half_life(values: RegionValues | Cytokine) -> None:
    """Whoever asks for a half-life gets one, also where a rate of loss is written."""
    decay = values.decay
    if decay is not None:
        half_life = Quantity(log(2.0) / decay if decay > 0.0 else inf, unit="min", source=decay.source)
        values.__dict__["half_life"] = half_life  # frozen for everybody else


def _decay_rate(half_life: float | None, decay: float | None) -> float:
    if decay is not None:
        return float(decay)
    return log(2.0) / float(half_life) if half_life is not None else 0.0


class Cytokine(Section):
    """A diffusible signal; concentrations are per volume of extracellular space."""

    label: str = Field("", description="name in figures")
    molar_mass: MolarMass | None = Field(None, description="needed when a value is given in mol or M")
    diffusion: Diffusion = Field(description="effective diffusion coefficient in tissue")
    half_life: HalfLife | None = Field(None, description="half-life of every loss in tissue, or none")
    decay: Rate | None = Field(None, description="rate of loss, instead of a half-life")
    baseline: Concentration = Field(
        preset(0.0, "pg/ml", "0 pg/ml"), description="concentration in naive tissue, held by basal production"
    )
    active_fraction: Fraction = Field(
        preset(1.0, "1", "1"), description="share of an infused dose that is free and active"
    )
    sensing_floor: Concentration = Field(
        preset(0.0, "pg/ml", "0 pg/ml"),
        description="concentration below which a relative gradient is sensed less",
    )
    regions: dict[str, RegionValues] = Field(default_factory=dict, description="other values inside regions")
    compartments: dict[str, CompartmentValues] = Field(
        default_factory=dict, description="other half-lives inside compartments"
    )
    binds: dict[str, Binding] = Field(
        default_factory=dict, description="cytokines that this substance binds and removes, by name"
    )

    @model_validator(mode="before")
    @classmethod
    def _loss(cls, raw: object) -> object:
        one_of(raw, ("half_life", "decay"), cls.model_fields, "a cytokine")
        return raw

    @model_validator(mode="after")
    def _half_life(self) -> Cytokine:
        _fill_half_life(self)
        return self

    @property
    def decay_rate(self) -> float:
        """Rate of loss [1/min]."""
        return _decay_rate(self.half_life, self.decay)


class Compartment(Section):
    """A well-mixed space: cerebrospinal fluid, blood, a depot."""

    label: str = Field("", description="name in figures")
    volume: Volume = Field(description="volume of the compartment")
    half_life: HalfLife = Field(description="half-life of its content by clearance, or none")
    permeability: Speed = Field(
        preset(0.0, "um/min", "0 um/min"), description="of the faces of the domain that touch it"
    )

    @property
    def clearance_rate(self) -> float:
        """Rate of clearance [1/min]."""
        return _decay_rate(self.half_life, None)


class Route(Section):
    """The way of a dose into the body."""

    compartment: str = Field(description="compartment that a dose by this route enters")
