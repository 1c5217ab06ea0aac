"""Free parameters: a value, or a factor of several, between two ends on a linear or logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.scenario.nodes import KeyPath
from abm.scenario.quantity import Quantity
from abm.units import DIMENSIONS, parse

#: Digits of a value that is tried.  What is simulated is exactly what `best.yaml` will say.
DIGITS = 8
#: Standard deviation of a flat distribution over the unit interval.
FLAT_SD = 1.0 / math.sqrt(12.0)
_GRID = 20_001  # points on which the moments of a cut normal distribution are summed


@dataclass(frozen=True)
class Place:
    """One value of the scenario that a parameter sets.

    Attributes
    ----------
    path : tuple of str or int
        As `--set` takes it, ``arms.NAME`` in front if only one arm is meant.
    leaf : tuple of str or int
        The same with indices as numbers and the ``base`` of a bare response spelt out.
    given : float
        Number that stands in the scenario, in its own unit.
    unit_text : str
        That unit, as written; empty for plain numbers.
    like : Quantity
        The value in the scenario.
    """

    path: KeyPath
    leaf: KeyPath
    given: float
    unit_text: str
    like: Quantity

    def text(self, number: float) -> str:
        """A number in the unit of this value, as a scenario file writes it."""
        return f"{number:.{DIGITS}g} {self.unit_text}".strip()

    def quantity(self, number: float) -> Quantity:
        """The value that a scenario file with that text has, to the last bit."""
        text = self.text(number)
        internal = parse(text).in_unit_of(DIMENSIONS[self.like.unit])
        return Quantity(
            internal,
            unit=self.like.unit,
            given=text,
            low=self.like.low,
            high=self.like.high,
            kind="fitted",
        )


@dataclass(frozen=True)
class Prior:
    """What was known beforehand, on the unit interval of a parameter.

    Attributes
    ----------
    centre, spread : float
        Of a normal distribution cut at 0 and 1; a spread of infinity is a flat one.
    """

    centre: float = 0.5
    spread: float = math.inf

    @property
    def is_flat(self) -> bool:
        """Whether every value of the range is as likely as any other."""
        return math.isinf(self.spread)

    @property
    def sd(self) -> float:
        """Standard deviation, as a share of the range."""
        if self.is_flat:
            return FLAT_SD
        u = np.linspace(0.0, 1.0, _GRID)
        p = self.density(u)
        mean = float(np.sum(p * u) / np.sum(p))
        return float(np.sqrt(np.sum(p * (u - mean) ** 2) / np.sum(p)))

    def density(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability density at positions in the range; its integral from 0 to 1 is 1."""
        u = np.asarray(u, dtype=np.float64)
        if self.is_flat:
            return np.where((u >= 0) & (u <= 1), 1.0, 0.0)
        root = self.spread * math.sqrt(2.0)
        mass = 0.5 * (math.erf((1.0 - self.centre) / root) - math.erf(-self.centre / root))
        bell = np.exp(-0.5 * ((u - self.centre) / self.spread) ** 2)
        density = bell / (self.spread * math.sqrt(2.0 * math.pi) * mass)
        return np.where((u >= 0) & (u <= 1), density, 0.0)


@dataclass(frozen=True)
class Parameter:
    """One free parameter.

    Attributes
    ----------
    name, label : str
        In the fit file, and in figures.
    places : tuple of Place
        What it sets: one value, or those that share a factor.
    is_factor : bool
        Whether its number multiplies the values of the scenario instead of replacing one.
    low, high, start : float
        In `unit`.
    unit : str
        Unit of its numbers as written; empty for factors and plain numbers.
    is_log : bool
        Whether the range is searched on a logarithmic scale.
    prior : Prior
    """

    name: str
    label: str
    places: tuple[Place, ...]
    is_factor: bool
    low: float
    high: float
    start: float
    unit: str
    is_log: bool
    prior: Prior = Prior()

    def number(self, u: float) -> float:
        """The number at a position 0 to 1 of the range, rounded as it is written."""
        if self.is_log:
            exact = self.low * (self.high / self.low) ** u
        else:
            exact = self.low + u * (self.high - self.low)
        # The ends themselves need not have a short decimal form.
        return min(max(float(f"{exact:.{DIGITS}g}"), self.low), self.high)

    def position(self, number: float) -> float:
        """Place of a number in the range, 0 to 1."""
        if self.is_log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def text(self, number: float) -> str:
        """A number with the unit, for tables."""
        sign = "× " if self.is_factor else ""
        return f"{sign}{number:.4g} {self.unit}".strip()

    def settings(self, number: float) -> dict[KeyPath, Quantity]:
        """Path and value of everything this parameter sets."""
        return {
            place.path: place.quantity(number * place.given if self.is_factor else number)
            for place in self.places
        }


def numbers_at(parameters: Sequence[Parameter], position: Sequence[float]) -> tuple[float, ...]:
    """Numbers of all parameters at a position in the unit cube."""
    return tuple(p.number(float(u)) for p, u in zip(parameters, position, strict=True))


def positions_of(parameters: Sequence[Parameter], numbers: Sequence[float]) -> NDArray[np.float64]:
    """Position in the unit cube of the numbers of all parameters, (n_parameter,) float64."""
    return np.array([p.position(x) for p, x in zip(parameters, numbers, strict=True)])


def settings_at(parameters: Sequence[Parameter], numbers: Sequence[float]) -> Mapping[KeyPath, Quantity]:
    """Path and value of everything that all parameters set."""
    found: dict[KeyPath, Quantity] = {}
    for parameter, number in zip(parameters, numbers, strict=True):
        found |= parameter.settings(number)
    return found
