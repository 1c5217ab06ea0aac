"""Assays as laboratories report them: group means by arm and day, and every animal."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np

from abm.analysis.assays import ASSAYS, AssayResult, percent_mpe
from abm.analysis.curves import Curves
from abm.analysis.groups import RunGroups
from abm.analysis.statistics import mean_interval
from abm.analysis.tables import Table, interval_text, number
from abm.analysis.up_down import ABOVE, BELOW
from abm.errors import RecordError

#: When animals are tested if nobody says when, and how long after a dose [d].
USUAL_DAYS = (0.0, 1.0, 3.0, 7.0, 14.0, 21.0, 28.0, 42.0, 56.0, 84.0)
AFTER_DOSE = (0.125, 1.0)

COLUMNS = (
    "assay",
    "arm",
    "replicate",
    "animal",
    "day",
    "value",
    "unit",
    "limit",
    "noise_free",
    "responses",
)
LIMITS = {BELOW: "below", ABOVE: "above"}


def usual_days(groups: RunGroups) -> tuple[float, ...]:
    """Days within all recordings on which pain is usually tested; three hours and a day after every dose."""
    doses = {dose.day for made in groups.experiments.values() for dose in made.doses}
    wanted = {*USUAL_DAYS, *(day + later for day in doses for later in AFTER_DOSE)}
    recorded = [run.time for run in groups.runs]
    if any(len(time) == 0 for time in recorded):
        empty = next(run for run in groups.runs if len(run.time) == 0)
        raise RecordError(f"{empty.path}: nothing has been recorded yet")
    first, last = max(float(time[0]) for time in recorded), min(float(time[-1]) for time in recorded)
    return tuple(sorted(day for day in wanted if first <= day <= last)) or (first,)


def assay_of_all(
    groups: RunGroups, assay: str, days: tuple[float, ...] = (), animals: int | None = None
) -> dict[str, AssayResult]:
    """One assay of every arm.

    Parameters
    ----------
    groups : RunGroups
    assay : str
        One of :data:`abm.analysis.assays.ASSAYS`.
    days : tuple of float [d]
        :func:`usual_days` when empty.
    animals : int, optional
        Animals of each run, in place of those of the scenario.

    Raises
    ------
    RecordError
        No such assay; or see :func:`abm.analysis.assays.von_frey`.
    """
    if assay not in ASSAYS:
        raise RecordError(f"no assay {assay!r}; there are {', '.join(ASSAYS)}")
    when = days or usual_days(groups)
    return {arm: ASSAYS[assay](groups, arm, when, animals) for arm in groups}


def assay_table(groups: RunGroups, results: Mapping[str, AssayResult]) -> Table:
    """Mean ± SEM, 95 % interval and percent of the maximal possible effect of every arm and day."""
    first = next(iter(results.values()))
    rows = [row for arm, result in results.items() for row in _rows(groups, results, arm, result)]
    several = any(len(result.replicates) > 1 for result in results.values())
    animals = first.values.shape[1]
    notes = [
        f"{first.label[0].upper()}{first.label[1:]}; {animals} animal{'s' * (animals > 1)} per run. "
        "SEM over all animals of the arm;",
        "95 % interval over "
        + (
            "the means of the runs, since the animals of a run share its tissue."
            if several
            else "the animals of the only run, so it leaves out how runs differ."
        ),
        f"At a limit: animals whose value was assigned, below {first.limits[0]:g} {first.unit} or above "
        f"{first.limits[1]:g} {first.unit}."
        if first.limits[0] > 0
        else f"At a limit: animals of which a trial was cut off at {first.limits[1]:g} {first.unit}.",
    ]
    head = ["arm", "day", f"noise-free ({first.unit})", f"mean ± SEM ({first.unit})", "95 % interval", "n"]
    align = "<>>>>>"
    head, align = [*head, "at a limit"], align + "<"
    if _with_mpe(groups):
        head, align = [*head, "% MPE"], align + ">"
        notes.append(
            f"% MPE: percent of the maximal possible effect against {groups.vehicle}, paired by run."
        )
    return Table(head, rows, align, notes)


def _with_mpe(groups: RunGroups) -> bool:
    return groups.vehicle is not None and any(made.is_treated for made in groups.experiments.values())


def _rows(
    groups: RunGroups, results: Mapping[str, AssayResult], arm: str, result: AssayResult
) -> list[list[str]]:
    interval, sem = result.interval(), result.sem()
    effect = _effect(groups, results, arm)
    counts = {end: result.count(end) for end in LIMITS}
    rows = []
    for i, day in enumerate(result.days):
        mean = float(interval.mean[i])
        ends = [f"{counts[end][i]} {word}" for end, word in LIMITS.items() if counts[end][i]]
        row = [
            arm if i == 0 else "",
            f"{day:.4g}",
            number(float(result.noise_free[:, i].mean())),
            _plus_minus(mean, float(sem[i])),
            _span(float(interval.low[i]), float(interval.high[i])),
            str(result.animals),
            ", ".join(ends),
        ]
        if _with_mpe(groups):
            row.append("–" if effect is None else interval_text(mean_interval(effect.values[:, i])))
        rows.append(row)
    return rows


def _effect(groups: RunGroups, results: Mapping[str, AssayResult], arm: str) -> Curves | None:
    vehicle = groups.vehicle
    if vehicle is None or vehicle not in results or not groups.experiments[arm].is_treated:
        return None
    if set(results[arm].replicates).isdisjoint(results[vehicle].replicates):
        return None
    return percent_mpe(results[arm], results[vehicle])


def _plus_minus(mean: float, sem: float) -> str:
    return f"{mean:.3f}" if sem != sem else f"{mean:.3f} ± {sem:.3f}"


def _span(low: float, high: float) -> str:
    return "–" if low != low else f"{low:.3f} to {high:.3f}".replace("-", "−")


def assay_csv(results: Mapping[str, AssayResult]) -> str:
    """Every animal on every day, as comma-separated values with one line of names."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for arm, result in results.items():
        for r, a, d in np.ndindex(*result.values.shape):
            end = LIMITS.get(int(result.censored[r, a, d]), "")
            value, clean = float(result.values[r, a, d]), float(result.noise_free[r, d])
            day, replicate = float(result.days[d]), result.replicates[r]
            word = result.patterns[r][a][d]
            lines.writerow((result.assay, arm, replicate, a, day, value, result.unit, end, clean, word))
    return text.getvalue()
