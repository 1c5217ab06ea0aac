"""Properties of the tissue as a whole."""

from __future__ import annotations

from pydantic import Field

from abm.scenario.schema.responses import ResponseValue
from abm.scenario.schema.section import Duration, Fraction, Length, Section, preset


class Tissue(Section):
    """What holds everywhere in the tissue."""

    neighbourhood: Length = Field(
        preset(200.0, "um", "200 um"),
        description="side of the blocks over which densities and means are taken",
    )
    extracellular_fraction: Fraction = Field(
        preset(1.0, "1", "1"),
        description="extracellular share of the volume, in which cytokines are dissolved",
    )
    packing: Fraction = Field(preset(1.0, "1", "1"), description="share of a voxel that cell bodies may fill")
    body_lifetime: Duration | None = Field(
        None, description="mean time after which a dead cell that nothing eats dissolves; default: never"
    )
    behaviours: dict[str, ResponseValue] = Field(
        default_factory=dict, description="'production of X', relative to what holds its baseline"
    )
