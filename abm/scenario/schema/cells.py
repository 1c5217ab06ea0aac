"""Cell types: phenotypes, variables, behaviours, and life in a compartment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from abm.scenario.schema.responses import ResponseValue
from abm.scenario.schema.section import (
    Duration,
    Fraction,
    Length,
    Number,
    NumberDensity,
    Section,
    fault,
    one_of,
    preset,
)
from abm.state.kinds import VariableKind


class Threshold(Section):
    """The phenotype holds while a variable is above a value."""

    variable: str = Field(description="own variable")
    above: Number = Field(description="value above which a cell has this phenotype")


class Phenotype(Section):
    """A phenotype; the first one of a cell type is the initial one."""

    label: str = Field("", description="name in figures")
    when: Threshold | None = Field(
        None, description="threshold that decides; without it the 'transition to' behaviours decide"
    )


_FORMS = {
    "target": VariableKind.RELAXING,
    "gain": VariableKind.ACCUMULATING,
    "equals": VariableKind.INSTANT,
    "value": VariableKind.CONSTANT,
}
_PARTNERS = {"target": ("rise", "fall", "time_constant"), "gain": ("loss_time",), "equals": (), "value": ()}


class Variable(Section):
    """A number that every cell carries; `target`, `gain`, `equals` or `value` says how it moves."""

    label: str = Field("", description="name in figures")
    initial: Number = Field(preset(0.0, "1", "0"), description="value of a new cell")
    target: ResponseValue | None = Field(None, description="relaxing: what the variable moves towards")
    rise: Duration | None = Field(None, description="relaxing: time constant while the target is above it")
    fall: Duration | None = Field(None, description="relaxing: time constant while the target is below it")
    time_constant: Duration | None = Field(None, description="relaxing: instead of rise and fall")
    gain: ResponseValue | None = Field(None, description="accumulating: dV/dt = gain (1 - V) - V / loss_time")
    loss_time: Duration | None = Field(None, description="accumulating: time constant of the loss")
    equals: ResponseValue | None = Field(None, description="instant: the variable equals this at every step")
    value: Number | None = Field(None, description="constant: the variable never changes")

    @model_validator(mode="before")
    @classmethod
    def _form(cls, raw: object) -> object:
        one_of(raw, _FORMS, cls.model_fields, "a variable")
        return raw

    @model_validator(mode="after")
    def _times(self) -> Variable:
        form = next(key for key in _FORMS if getattr(self, key) is not None)
        for key in ("rise", "fall", "time_constant", "loss_time"):
            if getattr(self, key) is not None and key not in _PARTNERS[form]:
                raise fault(f"'{key}' does not go with '{form}'")
        if form == "target":
            pair = self.rise is not None and self.fall is not None
            if pair == (self.time_constant is not None) or (self.rise is None) != (self.fall is None):
                raise fault("'target' needs either 'time_constant' or both 'rise' and 'fall'")
        if form == "gain" and self.loss_time is None:
            raise fault("'gain' needs 'loss_time'")
        return self

    @property
    def kind(self) -> VariableKind:
        """How the variable moves."""
        return next(kind for key, kind in _FORMS.items() if getattr(self, key) is not None)

    @property
    def response(self) -> ResponseValue | None:
        """The response that moves it; None for a constant."""
        return self.target or self.gain or self.equals


class Waiting(Section):
    """How cells of the type fare in a compartment before they enter the tissue."""

    lifetime: Duration = Field(description="mean life of a waiting cell")
    homing_fraction: Fraction = Field(description="share of a dose that can enter the represented tissue")
    behaviours: dict[str, ResponseValue] = Field(
        default_factory=dict, description="'secretion of X' into the compartment, 'entry' into the tissue"
    )


class CellType(Section):
    """A cell type."""

    label: str = Field("", description="name in figures")
    density: NumberDensity = Field(
        preset(0.0, "1/um^3", "0 /mm^3"), description="cells per volume of naive tissue, placed at the start"
    )
    placement: Literal["random", "territories"] = Field(
        "random", description="territories: evenly spread with jitter; random: independent"
    )
    radius: Length = Field(description="radius of the cell body")
    phenotypes: dict[str, Phenotype] = Field(
        default_factory=dict, description="by name; the first is initial"
    )
    variables: dict[str, Variable] = Field(default_factory=dict, description="numbers each cell carries")
    behaviours: dict[str, ResponseValue] = Field(
        default_factory=dict,
        description="what cells do, e.g. 'secretion of IL-10', 'division', 'migration speed'",
    )
    compartments: dict[str, Waiting] = Field(
        default_factory=dict, description="compartments from which such cells enter the tissue"
    )
