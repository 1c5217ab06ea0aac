"""The simulation experiments of an ODD protocol: what is done in each arm, and what else differs there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from abm.scenario.nodes import KeyPath, dotted
from abm.scenario.odd_formulas import formulas
from abm.scenario.odd_markdown import bullets, code, heading, joined, plain
from abm.scenario.odd_schema import content_of, in_one_line, shown
from abm.scenario.odd_subject import Subject, named
from abm.scenario.quantity import Quantity
from abm.scenario.schema.injuries import Injury
from abm.scenario.schema.responses import Response
from abm.scenario.schema.scenario import Scenario
from abm.units import readable

#: Told in words of their own.
_TOLD = ("injuries", "interventions")


def experiments(subject: Subject) -> str:
    """Injuries, interventions and other differences of every arm."""
    arms = subject.experiment.arms if subject.arm is None else {subject.arm: subject.scenario}
    n = subject.experiment.replicates
    parts = [f"{n} replicate{'s' * (n > 1)} of every arm; replicates of the same number share their noise."]
    for name, arm in arms.items():
        items = [*_doings(arm), *_changes(subject.experiment.base, arm)]
        parts.append(joined([heading(4, f"Arm {code(name)}"), bullets(items)]))
    return joined(parts)


def _doings(arm: Scenario) -> Iterator[str]:
    yield from [_injury(one, arm) for one in arm.injuries] or ["No injury."]
    for intervention in arm.interventions:
        kind, content = content_of(intervention)
        yield f"Intervention {code(kind)}: {in_one_line(content)}."
    if not arm.interventions:
        yield "No intervention."


def _injury(injury: Injury, arm: Scenario) -> str:
    kind = arm.injury_kinds[injury.kind]
    when = ", ".join(readable(at, "min") if at else "day 0" for at in injury.times)
    edge = f"; edge {plain(injury.edge.given)}" if float(injury.edge) else ""
    return f"Injury: {named(injury.kind, kind.label)} at region {code(injury.site)}, {when}{edge}."


def _changes(base: Scenario, arm: Scenario) -> Iterator[str]:
    for path, before, after in _differences(base, arm, ()):
        if path[0] not in _TOLD:
            yield f"{code(dotted(path))}: {_told(after, path)} in place of {_told(before, path)}."


Difference = tuple[KeyPath, object, object]


def _differences(a: object, b: object, path: KeyPath) -> Iterator[Difference]:
    """Deepest places at which two scenarios differ; a rule is one place."""
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        same = float(a) == float(b) and a.unit == b.unit
    else:
        same = a == b
    if same:
        return
    rules = isinstance(a, Response) or isinstance(b, Response)
    if isinstance(a, BaseModel) and type(a) is type(b) and not rules:
        for key in type(a).model_fields:
            yield from _differences(getattr(a, key), getattr(b, key), (*path, key))
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), (*path, str(key)))
    elif isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _differences(one, other, (*path, i))
    else:
        yield path, a, b


def _told(value: object, path: KeyPath) -> str:
    """A value, a rule as its formula, or what kind of thing it is."""
    if value is None or value in ((), {}):
        return "nothing"
    if isinstance(value, Response):
        return (
            plain(str(value.base)) if value.is_constant else code("; ".join(formulas(str(path[-1]), value)))
        )
    if isinstance(value, BaseModel):
        return in_one_line(value) or "an entry with defaults"
    if isinstance(value, Mapping):
        return ", ".join(code(str(key)) for key in value)
    if isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        return "; ".join(in_one_line(one) for one in value if isinstance(one, BaseModel))
    return plain(shown(value))
