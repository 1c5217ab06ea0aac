"""From neurons to what a pain laboratory measures."""

from __future__ import annotations

from pydantic import Field

from abm.scenario.schema.section import Fraction, PositiveNumber, Section, Threshold


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
