"""How large signals and responses can become: interval arithmetic over the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from abm.scenario.schema.responses import Add, Change, Factor, Response
from abm.scenario.schema.scenario import Scenario
from abm.scenario.signals import Signal, parse_signal
from abm.scenario.vocabulary import Vocabulary
from abm.state.kinds import SignalKind, VariableKind

#: Smallest and largest value.
Interval = tuple[float, float]

_FLAGS = (SignalKind.PHENOTYPE, SignalKind.REGION, SignalKind.DEAD, SignalKind.SURPLUS)


@dataclass
class Bounds:
    """Bounds of everything in one scenario.

    Parameters
    ----------
    scenario : Scenario
        Checked.
    names : Vocabulary
    """

    scenario: Scenario
    names: Vocabulary
    _known: dict[tuple[str, str], Interval] = field(default_factory=dict)

    def signal(self, signal: Signal, owner: str | None) -> Interval:
        """Bounds of a signal, internal units."""
        kind = signal.kind
        if kind in _FLAGS:
            return 0.0, 1.0
        if kind is SignalKind.OWN:
            return self.variable(owner or "", signal.variable or "")
        if kind is SignalKind.MEAN:
            return self.variable(signal.cell_type or "", signal.variable or "")
        if kind is SignalKind.DRIVE:
            return 0.0, self._drive(signal.drive or "")
        if kind in (SignalKind.TIME, SignalKind.AGE):
            return 0.0, float(self.scenario.time.duration)
        return 0.0, inf

    def _drive(self, name: str) -> float:
        """Drives of several injuries at one place add up."""
        kinds = self.scenario.injury_kinds
        return sum(
            float(kinds[injury.kind].drives[name].amplitude) * len(injury.times)
            for injury in self.scenario.injuries
            if name in kinds[injury.kind].drives
        )

    def variable(self, cell_type: str, name: str) -> Interval:
        """Bounds of a cell variable."""
        key = (cell_type, name)
        if key not in self._known:
            self._known[key] = (0.0, inf)  # what a variable that reads itself sees
            self._known[key] = self._variable(cell_type, name)
        return self._known[key]

    def _variable(self, cell_type: str, name: str) -> Interval:
        variable = self.scenario.cell_types[cell_type].variables[name]
        if variable.kind is VariableKind.CONSTANT:
            value = float(variable.value or 0.0)
            return value, value
        if variable.kind is VariableKind.ACCUMULATING:
            return 0.0, max(1.0, variable.initial)
        response = variable.response
        assert response is not None
        low, high = self.response(response, cell_type)
        if variable.kind is VariableKind.RELAXING:
            low, high = min(low, variable.initial), max(high, variable.initial)
        return low, high

    def response(self, response: Response, owner: str | None) -> Interval:
        """Bounds of a response, internal units."""
        low = high = float(response.base)
        for add in response.adds:
            a, b = _scaled(float(add.amount), self._effect(add, owner))
            low, high = low + a, high + b
        for change in response.increases:
            high = max(high, float(change.to))
        for change in response.decreases:
            low = min(low, float(change.to))
        for factor in response.times:
            low, high = _product((low, high), self._effect(factor, owner))
        if response.divided_by and low > 0.0:
            low = 0.0
        return low, high

    def _effect(self, term: Add | Change | Factor, owner: str | None) -> Interval:
        """Bounds of the number that a term makes of its signal."""
        low, high = self.signal(parse_signal(term.signal, self.names.of(owner)), owner)
        low = max(low, 0.0)
        if term.half_max is not None:
            return _hill(low, term.half_max, term.hill_power), _hill(high, term.half_max, term.hill_power)
        limit = getattr(term, "limit", None)
        if limit is not None:
            return max(0.0, 1.0 - high / limit), max(0.0, 1.0 - low / limit)
        per = getattr(term, "per", None) or 1.0
        return low / per, high / per


def _hill(signal: float, half_max: float, power: float) -> float:
    if signal == inf:
        return 1.0
    ratio = (signal / half_max) ** power
    return float(ratio / (1.0 + ratio))


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0.0 or b == 0.0 else a * b


def _scaled(amount: float, effect: Interval) -> Interval:
    ends = (_times(amount, effect[0]), _times(amount, effect[1]))
    return min(ends), max(ends)


def _product(a: Interval, b: Interval) -> Interval:
    ends = [_times(x, y) for x in a for y in b]
    return min(ends), max(ends)
