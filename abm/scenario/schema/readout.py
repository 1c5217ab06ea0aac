"""From neurons to what a pain laboratory measures."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, TypeAlias

from pydantic import Field, model_validator

from abm.scenario.nodes import listed, nearest
from abm.scenario.schema.section import (
    Duration,
    Fraction,
    Number,
    PositiveNumber,
    Section,
    Threshold,
    fault,
    preset,
)

MAX_ANIMALS = 1000
Animals: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=MAX_ANIMALS)]


class Nociception(Section):
    """Which variable is the nociceptive signal."""

    cell_type: str = Field(description="cell type that carries it")
    variable: str = Field(description="its variable")
    region: str | None = Field(None, description="region over which it is averaged; default: all tissue")


class WithdrawalThreshold(Section):
    """Paw-withdrawal threshold: baseline x (floor + (1 - floor)/(1 + (signal/half_signal)^power))."""

    baseline: Threshold = Field(description="threshold of naive animals, e.g. 1.2 g")
    floor: Fraction = Field(description="lowest threshold relative to the baseline")
    half_signal: PositiveNumber = Field(description="nociceptive signal at half of the fall")
    power: PositiveNumber = Field(description="steepness of the fall")


class Readout(Section):
    """Nociceptive readout."""

    nociception: Nociception = Field(description="the nociceptive signal")
    withdrawal_threshold: WithdrawalThreshold | None = Field(None, description="threshold in g")


class FilamentSet(Section):
    """Von Frey filaments of a laboratory."""

    label: str = Field("", description="what they are, in words")
    forces: Annotated[tuple[Threshold, ...], Field(min_length=3, max_length=100)] = Field(
        description="bending forces in ascending order, e.g. [0.4 g, 0.6 g, 1 g]"
    )
    start: Threshold = Field(description="the filament of the first trial, one of the forces")
    below: Threshold = Field(description="threshold assigned to an animal that withdraws from all of them")
    above: Threshold = Field(description="threshold assigned to an animal that withdraws from none of them")

    @model_validator(mode="after")
    def _ordered(self) -> FilamentSet:
        if any(stronger <= weaker for weaker, stronger in pairwise(self.forces)):
            raise fault("'forces' must ascend")
        if self.start not in self.forces:
            raise fault(
                f"'start' must be one of the forces: {', '.join(force.given for force in self.forces)}"
            )
        if self.below >= self.above:
            raise fault("'below' must be less than 'above'")
        return self


class VonFreyAssay(Section):
    """Up-down test with filaments: the 50 % withdrawal threshold of Dixon and Chaplan.

    At force f an animal of threshold T withdraws with probability
    false_responses + (1 - false_responses - missed_responses) x Phi(log10(f/T)/trial_spread).
    """

    filaments: str = Field(description="one of filament_sets")
    further_trials: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        4, description="trials after the first change of response"
    )
    trial_spread: PositiveNumber = Field(
        description="standard deviation of log10 of an animal's threshold from trial to trial"
    )
    false_responses: Fraction = Field(
        preset(0.0, "1", "0"), description="share of the trials in which the paw moves whatever the force"
    )
    missed_responses: Fraction = Field(
        preset(0.0, "1", "0"), description="share of the trials in which it does not move whatever the force"
    )
    animal_spread: Number = Field(description="standard deviation of log10 of the animals' sensitivity")
    animals: Animals = Field(description="animals tested per run; they share the tissue of the run")

    @model_validator(mode="after")
    def _possible(self) -> VonFreyAssay:
        if self.false_responses + self.missed_responses >= 1.0:
            raise fault("'false_responses' and 'missed_responses' leave nothing: their sum must be below 1")
        return self


class HeatAssay(Section):
    """Latency of withdrawal from radiant heat, the mean of some trials.

    latency x (floor + (1 - floor)/(1 + (signal/half_signal)^power)), times log-normal noise, cut off.
    """

    latency: Duration = Field(description="latency of naive animals, e.g. 10 s")
    floor: Fraction = Field(description="shortest latency relative to it")
    half_signal: PositiveNumber = Field(description="nociceptive signal at half of the fall")
    power: PositiveNumber = Field(description="steepness of the fall")
    trials: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(3, description="trials averaged")
    trial_spread: Number = Field(description="standard deviation of log10 of the latency between trials")
    animal_spread: Number = Field(description="standard deviation of log10 of the latency between animals")
    cutoff: Duration = Field(description="time at which the lamp is switched off")
    animals: Animals = Field(description="animals tested per run; they share the tissue of the run")


class Assays(Section):
    """How a laboratory would test the animals; the runs themselves do not depend on it."""

    filament_sets: dict[str, FilamentSet] = Field(
        default_factory=dict, description="von Frey filaments, by name"
    )
    von_frey: VonFreyAssay | None = Field(None, description="withdrawal threshold by the up-down method")
    heat: HeatAssay | None = Field(None, description="withdrawal latency from radiant heat")

    @model_validator(mode="after")
    def _known_set(self) -> Assays:
        if self.von_frey is not None and self.von_frey.filaments not in self.filament_sets:
            named = self.von_frey.filaments
            raise fault(
                f"von_frey.filaments is '{named}', which is none of filament_sets"
                f"{nearest(named, self.filament_sets)}; known: {listed(self.filament_sets)}"
            )
        return self
