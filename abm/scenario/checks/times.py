"""Everything that happens falls on a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from abm.scenario.checks.context import Context
from abm.scenario.nodes import KeyPath
from abm.scenario.quantity import Quantity
from abm.scenario.schema.timing import Record
from abm.scenario.schema.treatment import Neutralise, Window
from abm.scenario.walk import is_unknown
from abm.units import like

MAX_STEPS = 10**9


def check_times(context: Context) -> None:
    """Report times that are no whole multiple of their step, and too many steps."""
    time = context.scenario.time
    if is_unknown(time.field_step) or not multiple(
        context, ("time", "cell_step"), time.cell_step, time.field_step, "field_step"
    ):
        return
    for path, value in _times(context):
        multiple(context, path, value, time.cell_step, "cell_step")
    if not is_unknown(time.duration):
        n_step = time.duration / time.field_step
        if n_step > MAX_STEPS:
            message = f"'{time.duration}' takes {n_step:.3g} field steps; at most {MAX_STEPS:.0e} are allowed"
            context.fault(("time", "duration"), message)
        for path, value in _events(context):
            if value > time.duration:
                message = f"'{value}' lies after the end of the run ({time.duration}); it never happens"
                context.warn(path, message)
        _check_last_repeats(context)


def _times(context: Context) -> Iterator[tuple[KeyPath, Quantity]]:
    scenario = context.scenario
    yield ("time", "duration"), scenario.time.duration
    for key in Record.model_fields:
        yield ("record", key), getattr(scenario.record, key)
    yield from _events(context)
    for i, injury in enumerate(scenario.injuries):
        if injury.every is not None:
            yield ("injuries", i, "every"), injury.every
    for i, intervention in enumerate(scenario.interventions):
        given = getattr(intervention, intervention.kind)
        for key in _SPANS:
            value = getattr(given, key, None)
            if value is not None:
                yield ("interventions", i, intervention.kind, key), value


#: Spans of time of the interventions that must fall on steps.
_SPANS = ("until", "duration", "ramp", "every")


def _events(context: Context) -> Iterator[tuple[KeyPath, Quantity]]:
    for i, injury in enumerate(context.scenario.injuries):
        yield ("injuries", i, "at"), injury.at
    for i, intervention in enumerate(context.scenario.interventions):
        path: KeyPath = ("interventions", i, intervention.kind)
        given = getattr(intervention, intervention.kind)
        for j, at in enumerate(getattr(given, "at", None) or ()):
            yield (*path, "at", j), at
        since = getattr(given, "since", None)
        if since is not None:
            yield (*path, "since"), since


def _check_last_repeats(context: Context) -> None:
    """Warn of repetitions that the run does not reach."""
    end = context.scenario.time.duration
    parts: list[tuple[KeyPath, Any]] = [
        (("injuries", i), injury) for i, injury in enumerate(context.scenario.injuries)
    ]
    for i, intervention in enumerate(context.scenario.interventions):
        parts.append((("interventions", i, intervention.kind), getattr(intervention, intervention.kind)))
    for path, given in parts:
        every = getattr(given, "every", None)
        if every is None or is_unknown(every):
            continue
        # A dose of a binder is a dose, not a window.
        repeated = given.as_infusion if isinstance(given, Neutralise) and given.as_infusion else given
        times = repeated.starts if isinstance(repeated, Window) else repeated.times
        late = sum(at > end for at in times)
        if 0 < late < len(times):
            message = f"{late} of {len(times)} times lie after the end of the run ({end})"
            context.warn((*path, "repeats"), f"{message}; they never happen")


def multiple(context: Context, path: KeyPath, value: Quantity, step: Quantity, step_name: str) -> bool:
    """Whether `value` is a whole multiple of `step`; reports it with the nearest ones when not."""
    if is_unknown(value) or is_unknown(step):
        return False
    ratio = value / step
    below = int(ratio)
    whole = round(ratio)
    if abs(ratio - whole) <= 1e-9 * max(1.0, ratio) and (whole > 0 or value == 0.0):
        return True
    choices = [like(n * step, step.unit, value.given) for n in (below, below + 1) if n > 0]
    message = f"'{value}' is no whole multiple of {step_name} ({step}); nearest: {' or '.join(choices)}"
    context.fault(path, message)
    return False
