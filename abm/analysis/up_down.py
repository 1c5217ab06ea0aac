"""The up-down method for small samples: staircases of von Frey filaments and their 50 % threshold.

Dixon (1980, doi:10.1146/annurev.pa.20.040180.002301) as Chaplan et al. (1994,
doi:10.1016/0165-0270(94)90144-9) use it on the paw: after no withdrawal (O) the next stronger filament,
after a withdrawal (X) the next weaker one; some further trials after the first change of response; then

    threshold [g] = 10^(Xf + k delta) / 10,000

with Xf = log10(10,000 x force in g) of the last filament (the number on its handle), delta the mean step of
the set in log10 units, and k from the pattern of responses.  The factors 10,000 cancel, so that here forces
are in g and Xf = log10(force in g).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError

NONE, WITHDRAWAL = "O", "X"
#: What a threshold is: an estimate, or the value assigned below or above what the set can measure.
BELOW, ESTIMATED, ABOVE = -1, 0, 1

_HALVINGS = 60
_REACH = 12.0  # steps around the levels tested; no pattern of a handful of trials leads further


@dataclass(frozen=True)
class FilamentSet:
    """Filaments of a laboratory.

    Attributes
    ----------
    forces : tuple of float [g]
        Bending forces, ascending.
    start : float [g]
        The filament of the first trial.
    below, above : float [g]
        Thresholds assigned to an animal that withdraws from every filament, and from none.

    Raises
    ------
    RecordError
        Fewer than three filaments, forces that do not ascend, a start that is none of them, or assigned
        values in the wrong order.
    """

    forces: tuple[float, ...]
    start: float
    below: float
    above: float

    def __post_init__(self) -> None:
        forces = self.forces
        good = len(forces) >= 3 and all(math.isfinite(f) and f > 0 for f in (*forces, self.below, self.above))
        if not good or any(b <= a for a, b in pairwise(forces)):
            raise RecordError(f"a set of filaments is three or more ascending forces above 0 g, not {forces}")
        if self.start not in forces:
            raise RecordError(f"the first filament, {self.start:g} g, is none of the set: {forces}")
        if not self.below < self.above:
            raise RecordError(
                f"the threshold assigned below the set, {self.below:g} g, "
                f"is not below that above it, {self.above:g} g"
            )

    @cached_property
    def levels(self) -> NDArray[np.float64]:
        """log10 of the forces in g, ascending."""
        return np.asarray(np.log10(np.array(self.forces)), dtype=np.float64)

    @property
    def step(self) -> float:
        """Mean step of the set [log10 units], Chaplan's delta."""
        return float(self.levels[-1] - self.levels[0]) / (len(self.forces) - 1)

    def longest(self, further: int) -> int:
        """Most trials of one animal: to the far end of the set, and `further` after the first change."""
        first = self.forces.index(self.start)
        return max(first + 1, len(self.forces) - first) + further


@dataclass(frozen=True)
class Staircases:
    """What the trials of some animals gave.

    Attributes
    ----------
    threshold : (n,) float64 [g]
    censored : (n,) int8
        ESTIMATED, or BELOW and ABOVE where the threshold is the value assigned at that end of the set.
    last : (n,) int64
        Filament of the last trial, counted from the weakest.
    patterns : tuple of str
        Responses in order, O and X.
    """

    threshold: NDArray[np.float64]
    censored: NDArray[np.int8]
    last: NDArray[np.int64]
    patterns: tuple[str, ...]


@lru_cache(maxsize=4096)
def dixon_k(pattern: str) -> float:
    """Dixon's k of a pattern of responses, from maximum likelihood.

    The estimate of the 50 % point lies k steps above the last level tested.  It maximises the likelihood of
    all responses if their tolerance is normal with a standard deviation of one step, which is how the
    published tables were made (Dixon 1965, doi:10.1080/01621459.1965.10480843; 1980, table 7).

    Parameters
    ----------
    pattern : str
        ``O`` (no response, next level up) and ``X`` (response, next level down), both at least once.

    Raises
    ------
    RecordError
        Another character, or only one kind of response: then there is no estimate.
    """
    if not re.fullmatch(f"[{NONE}{WITHDRAWAL}]+", pattern) or len(set(pattern)) < 2:
        raise RecordError(
            f"a pattern has the letters {NONE} and {WITHDRAWAL}, each at least once, not {pattern!r}"
        )
    level, levels = 0, []
    for response in pattern:
        levels.append(level)
        level += 1 if response == NONE else -1
    low, high = min(levels) - _REACH, max(levels) + _REACH
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _slope(middle, levels, pattern) > 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high) - levels[-1]


def _slope(mean: float, levels: list[int], pattern: str) -> float:
    """Derivative of the log-likelihood with respect to the mean; falls strictly, so one root."""
    total = 0.0
    for level, response in zip(levels, pattern, strict=True):
        z = level - mean
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        if response == WITHDRAWAL:
            total -= density / (0.5 * math.erfc(-z / math.sqrt(2.0)))
        else:
            total += density / (0.5 * math.erfc(z / math.sqrt(2.0)))
    return total


def fifty_percent(pattern: str, last: int, filaments: FilamentSet) -> tuple[float, int]:
    """Threshold [g] of a series of trials, and whether it is an estimate or assigned.

    A series of one kind of response only, and an estimate beyond the values assigned at the ends of the
    set, give the assigned value and BELOW or ABOVE.

    Parameters
    ----------
    pattern : str
    last : int
        Filament of the last trial, counted from the weakest.
    filaments : FilamentSet

    Raises
    ------
    RecordError
        No responses, or other letters than O and X.
    """
    if pattern and set(pattern) == {NONE}:
        return filaments.above, ABOVE
    if pattern and set(pattern) == {WITHDRAWAL}:
        return filaments.below, BELOW
    estimate = 10.0 ** (float(filaments.levels[last]) + dixon_k(pattern) * filaments.step)
    if estimate > filaments.above:
        return filaments.above, ABOVE
    if estimate < filaments.below:
        return filaments.below, BELOW
    return estimate, ESTIMATED


def staircases(tolerance: NDArray[np.float64], filaments: FilamentSet, further: int) -> Staircases:
    """Test animals whose response to every filament is decided by their tolerance in that trial.

    The first trial is at the starting filament.  `further` trials follow the first change of response.  A
    series that calls for a filament beyond the set ends there: before any change it gives the assigned value,
    after it the estimate of the shorter series.

    Parameters
    ----------
    tolerance : (n, n_trial) float64
        log10 of the weakest force in g from which the animal would withdraw in that trial; -inf withdraws
        from anything, inf from nothing.  At least ``filaments.longest(further)`` trials.
    filaments : FilamentSet
    further : int
        Trials after the first change, at least 0.

    Raises
    ------
    RecordError
        nan among the tolerances, or too few trials.
    """
    most = filaments.longest(further)
    if tolerance.ndim != 2 or tolerance.shape[1] < most or further < 0:
        raise RecordError(f"{most} trials per animal are needed, given: shape {tolerance.shape}")
    if np.isnan(tolerance).any():
        raise RecordError("the tolerance of an animal is not a number")
    n, top = len(tolerance), len(filaments.forces) - 1
    level = np.full(n, filaments.forces.index(filaments.start))
    last = level.copy()
    left = np.full(n, -1)  # further trials to go; -1 before the first change
    responses = np.full((n, most), -1, dtype=np.int8)
    active = np.ones(n, dtype=bool)
    for trial in range(most):
        withdrew = filaments.levels[np.clip(level, 0, top)] >= tolerance[:, trial]
        responses[active, trial] = withdrew[active]
        last[active] = level[active]
        if trial:
            changed = (left < 0) & (responses[:, trial] != responses[:, trial - 1])
            left = np.where(left > 0, left - 1, np.where(changed, further, left))
        level = level + np.where(withdrew, -1, 1)
        active &= (left != 0) & (level >= 0) & (level <= top)
    patterns = tuple("".join((NONE, WITHDRAWAL)[r] for r in row if r >= 0) for row in responses.tolist())
    found = [fifty_percent(pattern, int(i), filaments) for pattern, i in zip(patterns, last, strict=True)]
    values = np.array([value for value, _ in found], dtype=np.float64)
    return Staircases(values, np.array([end for _, end in found], dtype=np.int8), last, patterns)
