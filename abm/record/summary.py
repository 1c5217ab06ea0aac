"""Scalars of a pain curve: baseline, peak, onset, recovery, area, time below half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Row = tuple[str, float, str, str]
"""Name, value, unit, description."""

HALF = 0.5  # a threshold below this share of its baseline counts as painful


def summarise(
    days: NDArray[np.float64], threshold: NDArray[np.float64], signal: NDArray[np.float64]
) -> list[Row]:
    """Summary of one run's pain curve.

    Parameters
    ----------
    days : (n,) float64 [d]
        Strictly increasing.
    threshold : (n,) float64 [g]
        Paw-withdrawal threshold.
    signal : (n,) float64
        Nociceptive signal.

    Returns
    -------
    list of (name, value, unit, description)
        nan where something did not happen within the run.
    """
    baseline = float(threshold[0])
    lowest = int(np.nanargmin(threshold)) if np.isfinite(threshold).any() else 0
    peak = int(np.nanargmax(signal)) if np.isfinite(signal).any() else 0
    half = HALF * baseline
    loss = np.clip(1.0 - threshold / baseline, 0.0, None)
    midway = 0.5 * (baseline + float(threshold[lowest]))
    recovered = first_crossing(days[lowest:], threshold[lowest:], midway, rising=True)
    return [
        ("threshold_baseline", baseline, "g", "withdrawal threshold at the start"),
        ("threshold_lowest", float(threshold[lowest]), "g", "lowest withdrawal threshold"),
        ("threshold_lowest_at", float(days[lowest]), "d", "time of the lowest threshold"),
        ("threshold_final", float(threshold[-1]), "g", "withdrawal threshold at the end"),
        ("nociception_peak", float(signal[peak]), "1", "highest nociceptive signal"),
        ("nociception_peak_at", float(days[peak]), "d", "time of the highest nociceptive signal"),
        (
            "pain_onset",
            first_crossing(days, threshold, half, rising=False),
            "d",
            "threshold falls below half its baseline",
        ),
        (
            "half_recovery",
            recovered,
            "d",
            "threshold is back midway between its lowest value and its baseline",
        ),
        ("pain_area", float(np.trapezoid(loss, days)), "d", "area of 1 - threshold / baseline"),
        (
            "time_below_half",
            time_below(days, threshold, half),
            "d",
            "time with a threshold below half its baseline",
        ),
    ]


def first_crossing(
    days: NDArray[np.float64], values: NDArray[np.float64], level: float, *, rising: bool
) -> float:
    """First time [d] at which a piecewise linear curve reaches a level; nan if it never does."""
    reached = values >= level if rising else values < level
    hits = np.flatnonzero(reached)
    if len(hits) == 0:
        return float("nan")
    i = int(hits[0])
    if i == 0 or values[i] == values[i - 1]:
        return float(days[i])
    part = (level - values[i - 1]) / (values[i] - values[i - 1])
    return float(days[i - 1] + part * (days[i] - days[i - 1]))


def time_below(days: NDArray[np.float64], values: NDArray[np.float64], level: float) -> float:
    """Total time [d] a piecewise linear curve spends below a level."""
    a, b, width = values[:-1] - level, values[1:] - level, np.diff(days)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.abs(a) / (np.abs(a) + np.abs(b))
    share = np.where(a < 0, np.where(b < 0, 1.0, crossing), np.where(b < 0, 1.0 - crossing, 0.0))
    return float(np.sum(share * width))
