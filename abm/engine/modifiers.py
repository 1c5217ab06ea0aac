"""Factors of interventions and levels of drugs, brought up to date at the start of a step."""

from __future__ import annotations

import math

from abm.compile.model import Model, Modifier
from abm.engine.state import State


def set_modifiers(model: Model, state: State) -> None:
    """Write drug levels and the factors of all interventions into the surroundings.

    Both are functions of time and place alone, so nothing of them is saved in a checkpoint.
    """
    for d, course in enumerate(model.treatment.drugs):
        state.here.drug[d] = course.level[model.clock.step_of(state.tick)]
    for m, modifier in enumerate(model.treatment.modifiers):
        change = (modifier.by - 1.0) * strength(model, state, modifier)
        if modifier.region >= 0:
            state.here.modifier[m] = 1.0 + change * model.regions[modifier.region]
        else:
            state.here.modifier[m] = 1.0 + change


def strength(model: Model, state: State, modifier: Modifier) -> float:
    """Share of the full effect of a factor at this moment, 0 to 1."""
    if modifier.span is not None:
        return modifier.span.strength(state.tick, model.clock.tick)
    return _hill(float(state.here.drug[modifier.drug]) / modifier.half_max, modifier.power)


def _hill(relative: float, power: float) -> float:
    """Hill value of a level in half-maxima; the power is taken of the smaller side, which cannot overflow."""
    if relative <= 0.0:
        return 0.0
    if relative <= 1.0:
        value = math.pow(relative, power)
        return value / (1.0 + value)
    return 1.0 / (1.0 + math.pow(relative, -power))
