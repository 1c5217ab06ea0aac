"""Warnings: allowed, but worth a second look before a long run."""

from __future__ import annotations

from math import exp, inf, sqrt

from abm.citations import is_known
from abm.library.catalogue import sources as library_sources
from abm.scenario.behaviours import EVENTS
from abm.scenario.bounds import Bounds
from abm.scenario.checks.context import Context
from abm.scenario.nodes import listed, nearest
from abm.scenario.quantity import Quantity
from abm.scenario.walk import quantities, responses
from abm.state.kinds import BehaviourKind
from abm.units import like, readable

#: Largest probability of an event within one step that passes without a warning.
MAX_EVENT_PROBABILITY = 0.2
#: Largest share of a field that may decay within one field step without a warning.
MAX_DECAY = 0.3
#: Fewest voxels within a diffusion length that pass without a warning.
MIN_VOXELS_PER_LENGTH = 2.0


def check_sources(context: Context) -> None:
    """Report sources that nobody knows, and warn of values outside their cited range."""
    known = {**library_sources(), **context.scenario.sources}
    for path, value in quantities(context.scenario):
        for key in value.source:
            if not is_known(key, known):
                message = f"unknown source '{key}'{nearest(key, known)}; known: {listed(known, 24)}; "
                context.fault((*path, "source"), message + "or add it under 'sources', or write doi:10.x/y")
        _check_cited_range(context, path, value)


def _check_cited_range(context: Context, path: tuple[str | int, ...], value: Quantity) -> None:
    low = -inf if value.low is None else value.low
    high = inf if value.high is None else value.high
    slack = 1e-12 * abs(value)
    if value < low - slack or value > high + slack:
        span = f"{like(low, value.unit, value.given)} to {like(high, value.unit, value.given)}"
        context.warn(path, f"'{value}' is outside its cited range, {span}")


def check_steps(context: Context) -> None:
    """Warn where a step is too long for what happens in it, or a voxel too large."""
    _check_events(context)
    scenario = context.scenario
    widest = max(scenario.domain.spacings)
    for name, cytokine in scenario.cytokines.items():
        rate = cytokine.decay_rate
        path = ("cytokines", name)
        share = 1.0 - exp(-rate * scenario.time.field_step)
        if share > MAX_DECAY:
            message = f"{share:.0%} of {name} decays within one field_step, {scenario.time.field_step}"
            context.warn((*path, "half_life"), message)
        if rate > 0.0 and sqrt(cytokine.diffusion / rate) < MIN_VOXELS_PER_LENGTH * widest:
            length = readable(sqrt(cytokine.diffusion / rate), "um")
            message = f"{name} reaches {length}, less than {MIN_VOXELS_PER_LENGTH:g} voxels"
            context.warn((*path, "diffusion"), message)


def _check_events(context: Context) -> None:
    scenario, names = context.scenario, context.names
    bounds = Bounds(scenario, names)
    for place in responses(scenario, names):
        behaviour = place.behaviour
        if behaviour is None or behaviour.kind not in EVENTS:
            continue
        _, rate = bounds.response(place.response, place.cell_type)
        probability = 1.0 - exp(-rate * scenario.time.cell_step)
        if MAX_EVENT_PROBABILITY < probability < 1.0:
            message = f"up to {probability:.0%} of the cells do this within one cell_step "
            context.warn(place.path, message + f"({scenario.time.cell_step}); shorten it")


def check_chemotaxis(context: Context) -> None:
    """Warn of a bias that has no direction."""
    for name, cell_type in context.scenario.cell_types.items():
        kinds = {
            p.behaviour.kind: p
            for p in responses(context.scenario, context.names)
            if p.cell_type == name and p.behaviour is not None
        }
        if BehaviourKind.BIAS in kinds and BehaviourKind.SENSITIVITY not in kinds and cell_type.behaviours:
            path = kinds[BehaviourKind.BIAS].path
            context.warn(path, "a bias has no effect without a 'chemotactic sensitivity to X'")
