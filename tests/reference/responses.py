"""Slow, readable twin of the response formula, written from the documentation of the scenario language.

It takes a `Response` as the scenario describes it and the value of every signal by its text, so it checks
the compiler of the tables and the kernel that evaluates them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isinf

from abm.scenario.schema.responses import Change, Response


def response_value(
    response: Response, signals: Mapping[str, float], baselines: Mapping[str, float] | None = None
) -> float:
    """Value of a response.

    Parameters
    ----------
    response : Response
    signals : mapping
        Text of each signal to its value.
    baselines : mapping, optional
        Baseline of each concentration; signals that are not in it have none.
    """
    baselines = baselines or {}
    value = float(response.base)
    for term in response.adds:
        s = signals[term.signal]
        if term.per is not None:
            value += float(term.amount) * s / float(term.per)
        else:
            hill = hill_function(s, term.half_max, term.hill_power)
            if term.above_baseline:
                hill = above(
                    hill, hill_function(baselines.get(term.signal, 0.0), term.half_max, term.hill_power)
                )
            value += float(term.amount) * hill

    if response.increases:
        brakes = [positive(signals[b.signal]) / float(b.half_max) for b in response.brakes]
        resistance = power_of(1.0 + sum(brakes), response.joint_power or 1.0)
        effect = side_effect(response.increases, response.joint_power, resistance, signals, baselines)
        value += (max(float(term.to) for term in response.increases) - value) * effect
    if response.decreases:
        effect = side_effect(response.decreases, response.joint_power, 1.0, signals, baselines)
        value += (min(float(term.to) for term in response.decreases) - value) * effect

    for factor in response.times:
        s = signals[factor.signal]
        if factor.per is not None:
            value *= s / float(factor.per)
        elif factor.limit is not None:
            value *= max(0.0, 1.0 - s / float(factor.limit))
        elif factor.half_max is not None:
            value *= hill_function(s, factor.half_max, factor.hill_power)
        else:
            value *= s
    inhibition = 1.0
    for divisor in response.divided_by:
        inhibition += ratio(signals[divisor.signal], divisor.half_max, divisor.hill_power)
    return value / inhibition


def side_effect(
    terms: Sequence[Change],
    joint_power: float | None,
    resistance: float,
    signals: Mapping[str, float],
    baselines: Mapping[str, float],
) -> float:
    """How far one side takes the value to its limit, 0..1."""
    if terms[0].full is not None:
        (only,) = terms
        return min(max(signals[only.signal] / float(only.full), 0.0), 1.0)
    stimulus = total([ratio(signals[t.signal], t.half_max, t.hill_power) for t in terms], joint_power)
    asked = [t for t in terms if t.above_baseline]
    rest = total([ratio(baselines.get(t.signal, 0.0), t.half_max, t.hill_power) for t in asked], joint_power)
    return above(saturation(stimulus, resistance), saturation(rest, 1.0))


def total(ratios: Sequence[float], joint_power: float | None) -> float:
    """Stimulus of one side: the sum of its ratios, raised to the joint power where there is one."""
    return power_of(sum(ratios), joint_power or 1.0)


def positive(signal: float) -> float:
    """A signal below zero counts as none."""
    return max(signal, 0.0)


def ratio(signal: float, half_max: float, power: float) -> float:
    """(s / h)^n."""
    return power_of(positive(signal) / float(half_max), float(power))


def power_of(base: float, power: float) -> float:
    """base ^ power; beyond the largest number it is infinite."""
    try:
        return base**power
    except OverflowError:
        return inf


def saturation(stimulus: float, resistance: float) -> float:
    """S / (S + B), 1 for an infinite stimulus."""
    return 1.0 if isinf(stimulus) else stimulus / (stimulus + resistance)


def hill_function(signal: float, half_max: float, power: float) -> float:
    """s^n / (s^n + h^n)."""
    return saturation(ratio(signal, half_max, power), 1.0)


def above(value: float, rest: float) -> float:
    """A Hill value counted from its value at rest, 0..1."""
    return max(value - rest, 0.0) / (1.0 - rest) if rest < 1.0 else 0.0  # saturated at rest already
