"""Drugs: well-mixed pharmacokinetics, and what their level does to cells.

One compartment with first-order absorption and elimination, or two with exchange (Gibaldi and Perrier,
Pharmacokinetics, 2nd ed. 1982, chapters 1 and 2).  The level is a function of time alone: a drug is not
consumed by the tissue.
"""

from __future__ import annotations

from pydantic import Field

from abm.scenario.schema.section import (
    Fraction,
    HalfLife,
    Level,
    PositiveNumber,
    Rate,
    Section,
    TimeSpan,
    Volume,
    preset,
)
from abm.scenario.schema.treatment import Target


class Peripheral(Section):
    """Second compartment."""

    out: Rate = Field(description="rate from the central to the peripheral compartment")
    back: Rate = Field(description="rate back")


class DrugEffect(Target):
    """A change that grows with the level: factor 1 + (by - 1) Hill(level)."""

    half_max: Level = Field(description="level at half of the effect")
    hill_power: PositiveNumber = Field(preset(1.0, "1", "1"), description="Hill power")
    site: str | None = Field(None, description="only in this region; default: everywhere")


class Drug(Section):
    """A drug; 'drug NAME' is its level, which rules may read."""

    label: str = Field("", description="name in figures")
    volume: Volume = Field(description="volume of distribution of the central compartment")
    half_life: HalfLife = Field(description="half-life of elimination from the central compartment, or none")
    absorption_half_life: TimeSpan = Field(
        preset(0.0, "min", "0 min"),
        description="half-life of absorption; 0: straight into the centre",
    )
    bioavailability: Fraction = Field(preset(1.0, "1", "1"), description="share of a dose that is absorbed")
    peripheral: Peripheral | None = Field(None, description="second compartment; default: none")
    effects: tuple[DrugEffect, ...] = Field((), description="what the level changes")
