"""Interventions: what is done to the animal, how much, by which route, when and where."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from abm.scenario.schema.section import (
    Duration,
    Fraction,
    Mass,
    Number,
    OneOrMany,
    Repeats,
    Section,
    Times,
    TimeSpan,
    every_and_repeats,
    fault,
    one_of,
    preset,
    repeated,
)

LOCAL = "local"
ALL = "all"
TISSUE = "tissue"
_ROUTE = f"one of routes, or {LOCAL} (straight into the tissue at 'site')"
_AT = "time or list of times, whole multiples of cell_step"

#: One name or several.
Names = Annotated[tuple[str, ...], Field(min_length=1), OneOrMany()]


class Scheduled(Section):
    """Something that happens at given times, each of them repeated if need be."""

    at: Times = Field(description=_AT)
    every: Duration | None = Field(None, description="repeat it after this time, a multiple of cell_step")
    repeats: Repeats = Field(1, description="how often in all, with 'every'")

    @model_validator(mode="after")
    def _together(self) -> Scheduled:
        every_and_repeats(self.every, self.repeats, len(self.at))
        return self

    @property
    def times(self) -> tuple[float, ...]:
        """When it happens or begins [min]."""
        return repeated(self.at, self.every, self.repeats)


class Dose(Scheduled):
    """Something that is given by a route."""

    route: str = Field(description=_ROUTE)
    site: str | None = Field(None, description="region, for a local dose")


class InjectCells(Dose):
    """A dose of cells."""

    type: str = Field(description="cell type")
    phenotype: str | None = Field(
        None, description="phenotype of the injected cells; default: the initial one"
    )
    dose: Number = Field(description="number of cells, e.g. 2.5e5")
    viability: Fraction = Field(preset(1.0, "1", "1"), description="share of the dose that lives")


class Infuse(Dose):
    """A dose of protein, as a bolus or spread over a duration."""

    cytokine: str = Field(description="cytokine that is given")
    dose: Mass = Field(description="mass of one dose, e.g. 10 ng")
    duration: TimeSpan = Field(preset(0.0, "min", "0 min"), description="how long it runs in; 0 is a bolus")
    ramp: TimeSpan = Field(
        preset(0.0, "min", "0 min"),
        description="first part, over which the rate rises to full",
    )

    @model_validator(mode="after")
    def _within(self) -> Infuse:
        if float(self.ramp) > float(self.duration):
            raise fault(f"'ramp' ({self.ramp}) is longer than the infusion ('duration': {self.duration})")
        return self


class Window(Section):
    """A span of time and a part of the tissue, and how an effect comes and goes."""

    since: TimeSpan = Field(
        preset(0.0, "min", "0 d"), description="when it begins; default: the start, as from birth"
    )
    until: TimeSpan | None = Field(None, description="when it ends; default: never")
    ramp: TimeSpan = Field(
        preset(0.0, "min", "0 min"),
        description="how long it takes to rise after 'since' and to fall after 'until'",
    )
    half_life: Duration | None = Field(None, description="half-life of the effect after 'since'")
    every: Duration | None = Field(None, description="repeat the window after this time")
    repeats: Repeats = Field(1, description="how often in all, with 'every'; the strongest one counts")
    site: str | None = Field(None, description="only in this region; default: everywhere")

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        every_and_repeats(self.every, self.repeats)
        if self.until is not None and float(self.until) <= float(self.since):
            raise fault(f"'until' ({self.until}) must come after 'since' ({self.since})")
        if self.is_window and self.until is None and self.half_life is None and self.repeats > 1:
            raise fault("a window without an end cannot be repeated; give 'until' or 'half_life'")
        return self

    @property
    def is_window(self) -> bool:
        """Whether it begins and ends; a dose does not."""
        return True

    @property
    def starts(self) -> tuple[float, ...]:
        """When the window opens [min]."""
        return repeated((self.since,), self.every, self.repeats)


class Neutralise(Window):
    """Takes a cytokine out of action.

    With `share`: its removal is raised so far that this share is missing at steady state, in the window.
    With `agent`: a dose of a binder, an antibody or soluble receptor among the cytokines whose entry
    `binds` this one; it spreads, binds, and is lost with its own half-life.
    """

    cytokine: str = Field(description="cytokine that is taken out of action")
    share: Fraction | None = Field(None, description="share that is missing, e.g. 90 %; below 100 %")
    agent: str | None = Field(None, description="binder that is given; an entry of cytokines with 'binds'")
    dose: Mass | None = Field(None, description="of the agent: mass of one dose, e.g. 10 ug")
    route: str | None = Field(None, description=f"of the agent: {_ROUTE}")
    at: Times | None = Field(None, description=f"of the agent: {_AT}")
    duration: TimeSpan = Field(preset(0.0, "min", "0 min"), description="of the agent: how long it runs in")

    @model_validator(mode="before")
    @classmethod
    def _form(cls, raw: object) -> object:
        one_of(raw, ("share", "agent"), cls.model_fields, "'neutralise'")
        return raw

    @model_validator(mode="after")
    def _complete(self) -> Neutralise:
        given = self.model_fields_set
        if self.agent is None:
            strangers = sorted(given & {"dose", "route", "at", "duration"})
            if strangers:
                raise fault(f"'{strangers[0]}' belongs to an 'agent'; a 'share' has 'since' and 'until'")
            if self.share is not None and float(self.share) >= 1.0:
                raise fault("'share' must be below 100 %: removal would be infinite; knock_out removes all")
            return self
        missing = [key for key in ("dose", "route", "at") if getattr(self, key) is None]
        if missing:
            raise fault(f"an 'agent' needs {', '.join(missing)}")
        strangers = sorted(given & {"since", "until", "ramp", "half_life"})
        if strangers:
            raise fault(f"'{strangers[0]}' belongs to a 'share'; an agent is given 'at' a time")
        every_and_repeats(self.every, self.repeats, len(self.at or ()))
        return self

    @property
    def is_window(self) -> bool:
        """Whether it is a share that is missing from one time to another, not a dose."""
        return self.agent is None

    @property
    def as_infusion(self) -> Infuse | None:
        """The dose of the binder; None for a share."""
        if self.agent is None or self.dose is None or self.route is None or self.at is None:
            return None
        return Infuse(
            cytokine=self.agent,
            dose=self.dose,
            route=self.route,
            site=self.site,
            at=self.at,
            every=self.every,
            repeats=self.repeats,
            duration=self.duration,
        )


class Target(Section):
    """What a factor acts on: a behaviour, a variable, or what cells sense."""

    of: Names = Field(
        description=f"cell type or list; '{ALL}': every type that has it; '{TISSUE}': basal production"
    )
    behaviour: str | None = Field(
        None, description="e.g. 'secretion of TNF-a', 'migration speed', 'division'"
    )
    variable: str | None = Field(None, description="its target, gain or instant value is multiplied")
    sensing: str | None = Field(
        None,
        description="a cytokine (receptor block), or one signal, e.g. 'contact with msc'",
    )
    by: Number = Field(description="factor at full effect: 0 abolishes, 0.5 halves, 2 doubles")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: object) -> object:
        one_of(raw, ("behaviour", "variable", "sensing"), cls.model_fields, "a change")
        return raw


class Modify(Target, Window):
    """Multiplies a rate, a secretion, a variable or a sensitivity: knock-out, siRNA, block, silencing."""


class RemoveCells(Scheduled):
    """Takes living cells out of the tissue at once, without a body (depletion)."""

    type: str = Field(description="cell type")
    phenotype: str | None = Field(None, description="only cells of this phenotype")
    share: Fraction = Field(preset(1.0, "1", "1"), description="chance of each cell to be removed")
    site: str | None = Field(None, description="only in this region; default: everywhere")


class GiveDrug(Scheduled):
    """A dose of a drug, by its own pharmacokinetics."""

    name: str = Field(description="one of drugs")
    dose: Mass = Field(description="mass of one dose, e.g. 2 mg")
    duration: TimeSpan = Field(preset(0.0, "min", "0 min"), description="how long it runs in; 0 at once")


class KnockOut(Section):
    """Missing from birth: a cytokine that nothing makes, or a cell type that is not there."""

    cytokine: str | None = Field(None, description="no secretion, no release, no baseline")
    cell_type: str | None = Field(None, description="none at the start, and none arrives")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: object) -> object:
        one_of(raw, ("cytokine", "cell_type"), cls.model_fields, "'knock_out'")
        return raw


class Intervention(Section):
    """Exactly one of the kinds below."""

    inject_cells: InjectCells | None = Field(None, description="give cells")
    infuse: Infuse | None = Field(None, description="give a cytokine or another diffusible substance")
    neutralise: Neutralise | None = Field(None, description="take a cytokine out of action")
    modify: Modify | None = Field(None, description="multiply what cells do, carry or sense, in a window")
    remove_cells: RemoveCells | None = Field(None, description="take cells away")
    drug: GiveDrug | None = Field(None, description="give a drug with pharmacokinetics of its own")
    knock_out: KnockOut | None = Field(None, description="missing from birth")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: object) -> object:
        one_of(raw, KINDS, KINDS, "an intervention")
        return raw

    @property
    def kind(self) -> str:
        """Which kind this is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @property
    def infusion(self) -> Infuse | None:
        """The protein it gives: that of `infuse`, or the agent of `neutralise`."""
        if self.neutralise is not None:
            return self.neutralise.as_infusion
        return self.infuse


KINDS = tuple(Intervention.model_fields)
