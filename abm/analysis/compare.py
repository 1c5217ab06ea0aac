"""Arms against each other: paired differences, percent of the maximal possible effect, summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from abm.analysis.curves import Curves, collect, paired
from abm.analysis.groups import RunGroups
from abm.analysis.statistics import Interval, mean_interval
from abm.analysis.tables import Table, interval_text
from abm.record import Run

THRESHOLD = "withdrawal_threshold"
# Where the vehicle's threshold lies within this share of the baseline there is no pain to relieve.
LEAST_PAIN = 0.1
MPE_LABEL = "percent of the maximal possible effect"

# Scalars of the summaries that the table of arms shows, in words.
SUMMARY_ROWS = (
    ("threshold_baseline", "threshold at the start"),
    ("threshold_lowest", "lowest threshold"),
    ("threshold_lowest_at", "day of the lowest threshold"),
    ("pain_onset", "falls below half on day"),
    ("half_recovery", "halfway recovered on day"),
    ("time_below_half", "time below half"),
    ("pain_area", "pain area"),
    ("threshold_final", "threshold at the end"),
)


def paired_difference(arm: Sequence[Run], other: Sequence[Run], series: str, **labels: str | float) -> Curves:
    """`arm` minus `other` by replicate.

    Replicates of the same number share their noise in all arms, so the spread of these differences is the
    uncertainty of the treatment effect, smaller than that of either arm.

    Raises
    ------
    RecordError
        No common replicate, or see :func:`abm.analysis.curves.collect`.
    """
    a, b = paired(collect(arm, series, **labels), collect(other, series, **labels))
    return replace(a, values=a.values - b.values)


def percent_mpe(treated: Sequence[Run], vehicle: Sequence[Run], series: str = THRESHOLD) -> Curves:
    """Percent of the maximal possible effect, by replicate and time.

    100 · (treated − vehicle) / (baseline − vehicle): 0 is as bad as the vehicle, 100 is no pain.  nan where
    the vehicle's threshold is within 10 % of the baseline.
    """
    a, b = paired(collect(treated, series), collect(vehicle, series))
    share = percent_of_maximum(a.values, b.values, a.values[:, :1])
    return Curves(a.time, share, a.replicates, "%", MPE_LABEL)


def percent_of_maximum(
    treated: NDArray[np.float64], vehicle: NDArray[np.float64], baseline: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The same for arrays of thresholds that go together element by element."""
    room = baseline - vehicle
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(room > LEAST_PAIN * baseline, 100.0 * (treated - vehicle) / room, np.nan)


def summary_interval(runs: Sequence[Run], quantity: str) -> Interval:
    """Mean and interval of one scalar of the summaries; runs without it count as nan.

    So do recoveries of runs whose threshold never fell below half: there is nothing to recover from.
    """
    values = []
    for run in runs:
        summary = run.summary
        painful = (
            quantity != "half_recovery" or "pain_onset" not in summary or summary["pain_onset"].value >= 0
        )
        values.append(summary[quantity].value if quantity in summary and painful else np.nan)
    return mean_interval(values)


def summary_table(groups: RunGroups) -> Table:
    """The pain curves of all arms, one column each: mean ± half of the 95 % interval."""
    rows = [["replicates", "", *(str(len(runs)) for runs in groups.values())]]
    for quantity, title in SUMMARY_ROWS:
        if any(quantity in run.summary for run in groups.runs):
            cells = [_cell(summary_interval(runs, quantity), len(runs)) for runs in groups.values()]
            rows.append([title, _unit(groups, quantity), *cells])
    notes = [
        "Mean ± half of the 95 % interval over replicates (Student's t); one run has no interval. "
        "–: it did not happen.",
    ]
    if groups.vehicle is not None and any(made.doses for made in groups.experiments.values()):
        rows.append(["relief a day after the dose", "% MPE", *(_mpe(groups, arm) for arm in groups)])
        notes.append(
            f"% MPE: percent of the maximal possible effect against {groups.vehicle}, paired by replicate."
        )
    return Table(["", "unit", *groups], rows, "<<" + ">" * len(groups), notes)


def _cell(interval: Interval, runs: int) -> str:
    """Mean [interval], and in how many of the runs it happened when not in all."""
    n = int(interval.n)
    share = f" in {n} of {runs}" if 0 < n < runs else ""
    return interval_text(interval) + share


def _mpe(groups: RunGroups, arm: str) -> str:
    doses, vehicle = groups.experiments[arm].doses, groups.vehicle
    numbers = {run.replicate for run in groups[arm]}
    if not doses or vehicle is None or numbers.isdisjoint(run.replicate for run in groups[vehicle]):
        return "–"
    curve = percent_mpe(groups[arm], groups[vehicle])
    return _cell(mean_interval(curve.at(min(dose.day for dose in doses) + 1.0)), len(curve.replicates))


def _unit(groups: RunGroups, quantity: str) -> str:
    return next(run.summary[quantity].unit for run in groups.runs if quantity in run.summary)
