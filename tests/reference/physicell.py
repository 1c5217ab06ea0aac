"""Slow, readable twin of the rules of PhysiCell 1.14.2: from lines of CSV to the value of a behaviour.

Written from the description of the grammar (doi:10.1016/j.cell.2025.06.048) and from what its program does
with lines that the description does not foresee.  Names are taken as they are spelt; nothing is converted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf


class StopsError(Exception):
    """PhysiCell would stop with an error."""


def fields_of(line: str) -> list[str]:
    """Fields as PhysiCell splits a line: at commas, and at tabs where those do not give eight."""
    for delimiter in (",", "\t"):
        parts = line.split(delimiter)
        if parts[-1] == "":
            parts.pop()  # nothing is read after the last delimiter
        if len(parts) == 8:
            return parts
    return parts


def atof(text: str) -> float:
    """C's reading of a decimal number: as far as it goes, 0 if it does not."""
    found = re.match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", text, re.ASCII)
    return float(found[1]) if found else 0.0


@dataclass
class Hypothesis:
    """All rules of one behaviour of one cell type, under one spelling of the behaviour."""

    base: float
    low: float = 9e99
    high: float = -9e99
    ups: list[tuple[str, float, float, bool]] = field(default_factory=list)
    downs: list[tuple[str, float, float, bool]] = field(default_factory=list)

    def add(
        self, signal: str, direction: str, saturation: float, half_max: float, power: float, dead: bool
    ) -> None:
        side = self.ups if direction in ("increase", "increases", "promotes") else self.downs
        if any(signal == known for known, *_ in side):
            raise StopsError(f"{signal} is already part of the rule")
        side.append((signal, half_max, power, dead))
        if direction == "increases":
            self.low, self.high = min(self.low, self.base), max(self.high, saturation)
        else:
            self.low, self.high = min(self.low, saturation), max(self.high, self.base)

    def value(self, signals: Mapping[str, float], is_dead: bool = False, present: float = 0.0) -> float:
        """U = b0 + (bMax - b0) H_up, then U + (bMin - U) H_down."""
        if is_dead and not any(dead for *_, dead in (*self.ups, *self.downs)):
            return present
        up = self.base + (self.high - self.base) * hill(self.ups, signals, is_dead)
        return up + (self.low - up) * hill(self.downs, signals, is_dead)


def hill(
    side: list[tuple[str, float, float, bool]], signals: Mapping[str, float], is_dead: bool = False
) -> float:
    """Multivariate Hill function of one side; a signal that does not apply to a dead cell counts as 0."""
    total = 0.0
    for signal, half_max, power, dead in side:
        value = signals[signal] if dead or not is_dead else 0.0
        try:
            total += (value / half_max) ** power
        except OverflowError:
            total = inf
    return 1.0 if total == inf else total / (1.0 + total)


@dataclass
class Ruleset:
    """The rules of one cell type.

    Parameters
    ----------
    bases : mapping
        Spelling of a behaviour -> its base value.
    """

    bases: Mapping[str, float]
    hypotheses: dict[str, Hypothesis] = field(default_factory=dict)

    def read(self, text: str) -> Ruleset:
        for line in text.split("\n"):
            parts = fields_of(line)
            if line == "" or line.startswith("//") or len(parts) != 8 or "" in parts:
                continue  # comments and misformed rules
            _, signal, direction, behaviour, saturation, half_max, power, dead = parts
            hypothesis = self.hypotheses.setdefault(behaviour, Hypothesis(self.bases[behaviour]))
            numbers = (atof(saturation), atof(half_max), atof(power))
            hypothesis.add(signal, direction, *numbers, bool(atof(dead)))
        return self

    def value(self, synonyms: tuple[str, ...], signals: Mapping[str, float]) -> float:
        """The behaviour with these names; every spelling is computed, the last one stays."""
        value = self.bases[synonyms[0]]
        for spelling, hypothesis in self.hypotheses.items():
            if spelling in synonyms:
                value = hypothesis.value(signals)
        return value
