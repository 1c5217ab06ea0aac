"""From a checked claim and recorded runs to a verdict with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from abm.analysis.bootstrap import (
    NO_SPREAD,
    Effect,
    bootstrap_interval,
    least_replicates,
    paired_effect,
    proportion_effect,
)
from abm.analysis.groups import RunGroups
from abm.analysis.statistics import LEVEL
from abm.scenario.claims.expressions import (
    Call,
    Comparison,
    Condition,
    Shape,
    arms_of,
    comparisons,
    unit_factor,
)
from abm.scenario.claims.reading import CheckedClaim
from abm.scenario.load import Experiment
from abm.study.claim_arithmetic import COMPARED
from abm.study.claim_readouts import Source
from abm.study.claim_values import UnevaluableError, Values

Floats: TypeAlias = NDArray[np.float64]


class Verdict(StrEnum):
    """What the runs say about a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"
    UNEVALUABLE = "cannot be evaluated"


@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """One comparison of a claim, in the unit of the side that is measured.

    Attributes
    ----------
    comparison : Comparison
    verdict : Verdict
    reason : str
        Why there is no better verdict, or what to know about this one; may be empty.
    replicates : tuple of int
        That all arms of the comparison have.
    left, right : (n,) float64
        Of every replicate; a single number for all replicates together; empty when it cannot be evaluated.
        Infinite where an event never happens.
    effect : Effect or None
        Of left minus right; None when it cannot be evaluated or some event never happens.
    """

    comparison: Comparison
    verdict: Verdict
    reason: str = ""
    replicates: tuple[int, ...] = ()
    left: Floats = field(default_factory=lambda: np.zeros(0))
    right: Floats = field(default_factory=lambda: np.zeros(0))
    effect: Effect | None = None

    @property
    def text(self) -> str:
        """The comparison as it was written."""
        return self.comparison.place.text

    @property
    def unit(self) -> str:
        """Of both sides and of the effect."""
        return self.comparison.unit


@dataclass(frozen=True, eq=False)
class ClaimResult:
    """One claim and what became of it."""

    checked: CheckedClaim
    verdict: Verdict
    comparisons: tuple[ComparisonResult, ...]

    @property
    def id(self) -> str:
        """Id of the claim."""
        return self.checked.claim.id

    @property
    def reason(self) -> str:
        """The reasons of its comparisons, each once."""
        return "; ".join(dict.fromkeys(c.reason for c in self.comparisons if c.reason))


def evaluate_claims(
    claims: Sequence[CheckedClaim], groups: RunGroups, level: float = LEVEL
) -> list[ClaimResult]:
    """The verdict on every claim.

    A claim is *reproduced* when the interval of every difference that it needs lies wholly on the claimed
    side, *not reproduced* when one that it needs lies wholly on the other, else *inconclusive*; ``and``,
    ``or`` and ``not`` follow three-valued logic.

    Parameters
    ----------
    claims : sequence of CheckedClaim
    groups : RunGroups
        The runs; arms and replicates are paired by name and number.
    level : float
        Coverage of the intervals.
    """
    results = []
    for checked in claims:
        found = {c: _compare(c, groups, level) for c in comparisons(checked.condition)}
        verdict = combine(checked.condition, {c: result.verdict for c, result in found.items()})
        results.append(ClaimResult(checked, verdict, tuple(found.values())))
    return results


def scenario_notes(experiment: Experiment, groups: RunGroups) -> list[str]:
    """Sentences about arms whose runs were made from another scenario than the one at hand."""
    notes = []
    for arm in [arm for arm in experiment.arms if arm in groups]:
        wanted = _essence(experiment.arm_text(arm))
        other = [run.path.name for run in groups[arm] if _essence(run.scenario_text) != wanted]
        if other:
            many = f"{other[0]} and {len(other) - 1} more were" if len(other) > 1 else f"{other[0]} was"
            notes.append(f"arm {arm}: {many} made from another version of this scenario")
    return notes


def _essence(text: str) -> list[str]:
    """A scenario without what may differ between runs that belong together."""
    return [line for line in text.splitlines() if not line.startswith(("replicates:", "seed:"))]


_OPPOSITE = {
    Verdict.REPRODUCED: Verdict.NOT_REPRODUCED,
    Verdict.NOT_REPRODUCED: Verdict.REPRODUCED,
}


def combine(condition: Condition, verdicts: dict[Comparison, Verdict]) -> Verdict:
    """Verdict on a condition from those on its comparisons (Kleene's logic; what is unknown stays so)."""
    if isinstance(condition, Comparison):
        return verdicts[condition]
    items = [combine(item, verdicts) for item in condition.items]
    if condition.operator == "not":
        return _OPPOSITE.get(items[0], items[0])
    both = condition.operator == "and"
    decides = Verdict.NOT_REPRODUCED if both else Verdict.REPRODUCED
    for verdict in (decides, Verdict.UNEVALUABLE, Verdict.INCONCLUSIVE):
        if verdict in items:
            return verdict
    return _OPPOSITE[decides]


def _compare(comparison: Comparison, groups: RunGroups, level: float) -> ComparisonResult:
    arms = arms_of(comparison)
    absent = [arm for arm in arms if arm not in groups]
    if absent:
        which = f"arm {absent[0]}" if len(absent) == 1 else f"arms {', '.join(absent)}"
        return ComparisonResult(comparison, Verdict.UNEVALUABLE, f"there are no runs of {which}")
    numbers = [{run.replicate for run in groups[arm]} for arm in arms]
    replicates = tuple(sorted(set.intersection(*numbers)))
    if not replicates:
        reason = f"no replicate in common: {', '.join(arms)}"
        return ComparisonResult(comparison, Verdict.UNEVALUABLE, reason)
    values = Values(Source(groups, replicates))
    factor = unit_factor(comparison.unit)
    try:
        left, right = (values.number(side) / factor for side in (comparison.left, comparison.right))
    except UnevaluableError as error:
        return ComparisonResult(comparison, Verdict.UNEVALUABLE, str(error), replicates)
    if comparison.shape is Shape.ENSEMBLE:
        verdict, reason, effect = _ensemble(comparison, values, level)
    elif np.isinf(left).any() or np.isinf(right).any():
        verdict, reason = _with_never(comparison, left, right, level)
        effect = None
    else:
        scale = float(max(np.abs(left).max(), np.abs(right).max()))
        effect = paired_effect(left - right, level, scale)
        verdict, reason = _judged(comparison.operator, effect)
    return ComparisonResult(comparison, verdict, reason, replicates, left, right, effect)


def _judged(operator: str, effect: Effect) -> tuple[Verdict, str]:
    """Verdict from where the interval of left minus right lies."""
    if effect.n < 2:
        return Verdict.INCONCLUSIVE, "one replicate has no interval"
    if math.isnan(effect.low):
        return Verdict.INCONCLUSIVE, "too few replicates for an interval"
    low, high = (effect.low, effect.high) if operator in (">", ">=") else (-effect.high, -effect.low)
    strict = operator in (">", "<")
    reason = "all replicates agree to the last digit" if effect.method == NO_SPREAD else ""
    if low > 0.0 or (not strict and low >= 0.0):
        return Verdict.REPRODUCED, reason
    if high < 0.0 or (strict and high <= 0.0):
        return Verdict.NOT_REPRODUCED, reason
    return Verdict.INCONCLUSIVE, "the interval holds both sides"


def _with_never(comparison: Comparison, left: Floats, right: Floats, level: float) -> tuple[Verdict, str]:
    """Verdict where an event never happens in some replicates: all must agree, and they must be many.

    Nothing is known about the size of the difference, but its sign is known in every replicate; as many
    replicates of one sign as `least_replicates` leave no doubt about that of the median.
    """
    n, never = len(left), np.isinf(left) | np.isinf(right)
    if (np.isinf(left) & np.isinf(right)).any():
        return Verdict.UNEVALUABLE, "on both sides an event never happens within the runs"
    which = "every replicate" if never.all() else f"{int(never.sum())} of {n} replicates"
    reason = f"in {which} an event never happens within the run"
    held = COMPARED[comparison.operator](left, right)
    if n < 2 or (not never.all() and n < least_replicates(level)):
        return Verdict.INCONCLUSIVE, reason
    if held.all():
        return Verdict.REPRODUCED, reason
    return (Verdict.INCONCLUSIVE if held.any() else Verdict.NOT_REPRODUCED), reason


def _ensemble(comparison: Comparison, values: Values, level: float) -> tuple[Verdict, str, Effect]:
    """Verdict on a number of all replicates together."""
    factor, n = unit_factor(comparison.unit), values.n
    share = next((s for s in (comparison.left, comparison.right) if _is_share(s)), None)
    if share is not None:
        successes = round(float(values.number(share)[0]) * n)
        found = proportion_effect(successes, n, level)
        other = comparison.right if share is comparison.left else comparison.left
        bound = float(values.number(other)[0])
        effect = _shifted(found, bound, 1.0 if share is comparison.left else -1.0, factor)
        verdict, reason = _judged(comparison.operator, effect)
        return verdict, f"{successes} of {n} replicates" + (f"; {reason}" if reason else ""), effect

    def difference(rows: NDArray[np.int64]) -> Floats:
        left, right = values.number(comparison.left, rows), values.number(comparison.right, rows)
        return np.asarray((left - right).mean(axis=-1)) / factor

    mean = float(difference(np.arange(n)[None])[0])
    if n < least_replicates(level):
        reason = (
            f"{n} replicates; this needs {least_replicates(level)}, since only resampling gives its interval"
        )
        return Verdict.INCONCLUSIVE, reason, Effect(n, mean, level=level)
    low, high = bootstrap_interval(difference, n, level)
    effect = Effect(n, mean, low=low, high=high, level=level, method="BCa bootstrap")
    return *_judged(comparison.operator, effect), effect


def _is_share(node: object) -> bool:
    return isinstance(node, Call) and node.function == "share"


def _shifted(effect: Effect, bound: float, sign: float, factor: float) -> Effect:
    """A share minus its bound, or the bound minus the share."""
    ends = sorted(sign * (end - bound) / factor for end in (effect.low, effect.high))
    mean = sign * (effect.mean - bound) / factor
    return Effect(effect.n, mean, low=ends[0], high=ends[1], level=effect.level, method=effect.method)
