"""Interventions: what is given, how much, by which route and when."""

from __future__ import annotations

from pydantic import Field, model_validator

from abm.scenario.schema.section import Fraction, Mass, Number, Section, Times, TimeSpan, one_of, preset

LOCAL = "local"
_ROUTE = f"one of routes, or {LOCAL} (straight into the tissue at 'site')"


class InjectCells(Section):
    """A dose of cells."""

    type: str = Field(description="cell type")
    phenotype: str | None = Field(
        None, description="phenotype of the injected cells; default: the initial one"
    )
    dose: Number = Field(description="number of cells, e.g. 2.5e5")
    viability: Fraction = Field(preset(1.0, "1", "1"), description="share of the dose that lives")
    route: str = Field(description=_ROUTE)
    site: str | None = Field(None, description="region, for a local dose")
    at: Times = Field(description="time or list of times, whole multiples of cell_step")

    @property
    def times(self) -> tuple[float, ...]:
        """When it is given [min]."""
        return self.at


class Infuse(Section):
    """A dose of protein, as a bolus or spread over a duration."""

    cytokine: str = Field(description="cytokine that is given")
    dose: Mass = Field(description="mass of one dose, e.g. 10 ng")
    route: str = Field(description=_ROUTE)
    site: str | None = Field(None, description="region, for a local dose")
    at: Times = Field(description="time or list of times, whole multiples of cell_step")
    duration: TimeSpan = Field(preset(0.0, "min", "0 min"), description="how long it runs in; 0 is a bolus")

    @property
    def times(self) -> tuple[float, ...]:
        """When it begins [min]."""
        return self.at


KINDS = ("inject_cells", "infuse")


class Intervention(Section):
    """Exactly one of the kinds below."""

    inject_cells: InjectCells | None = Field(None, description="give cells")
    infuse: Infuse | None = Field(None, description="give a cytokine")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: object) -> object:
        one_of(raw, KINDS, KINDS, "an intervention")
        return raw
