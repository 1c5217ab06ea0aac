"""How much was given, and what came of it, over the arms of a study."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.analysis.curves import Curves, collect
from abm.analysis.experiment import Experiment
from abm.analysis.groups import RunGroups
from abm.errors import RecordError

# A line of the log: "250000 living msc intrathecal", "10 ng TGF-b1 intrathecal".
_DOSE = re.compile(
    r"(?P<amount>[0-9.]+(?:e[-+]?[0-9]+)?) (?:(?P<unit>[pnuµm]?g|mg/kg) |living )(?P<what>\S+)"
)
CELLS = "cells"


@dataclass(frozen=True)
class Given:
    """All doses of one thing that an arm was given: what, how much in all, unit, first day."""

    what: str
    amount: float
    unit: str
    day: float


@dataclass(frozen=True)
class Response:
    """One dose of a dose-response curve: the arm, how much it got, and the response of each replicate."""

    arm: str
    amount: float
    values: NDArray[np.float64]


def given_to(experiment: Experiment) -> list[Given]:
    """What an arm was given, doses of the same thing added up; lines without an amount are left out."""
    found: dict[tuple[str, str], Given] = {}
    for dose in experiment.doses:
        matched = _DOSE.match(dose.text)
        if matched is None:
            continue
        # Older files have the amount in words only.
        recorded = math.isfinite(dose.amount)
        amount = dose.amount if recorded else float(matched["amount"])
        key = (matched["what"], dose.unit if recorded else matched["unit"] or CELLS)
        before = found.get(key, Given(*key[:1], 0.0, key[1], dose.day))
        found[key] = Given(key[0], before.amount + amount, key[1], min(before.day, dose.day))
    return list(found.values())


def dose_responses(groups: RunGroups, series: str) -> dict[tuple[str, str], list[Response]]:
    """Mean of a series from the first dose to the end, by dose, for everything that was given alone.

    Arms that were given several things say nothing of one of them and are left out.  The arm that was injured
    and not treated has the dose 0, over the time after the earliest dose of the others.

    Returns
    -------
    dict of (what, unit) to list of Response
        By ascending dose.

    Raises
    ------
    RecordError
        The runs lack the series.
    """
    arms: dict[tuple[str, str], list[tuple[str, Given]]] = {}
    for arm, experiment in groups.experiments.items():
        given = given_to(experiment)
        if len(given) == 1:
            arms.setdefault((given[0].what, given[0].unit), []).append((arm, given[0]))
    found = {}
    for key, members in arms.items():
        rows = [
            Response(arm, given.amount, mean_after(collect(groups[arm], series), given.day))
            for arm, given in members
        ]
        if groups.vehicle is not None:
            day = min(given.day for _, given in members)
            rows.append(
                Response(groups.vehicle, 0.0, mean_after(collect(groups[groups.vehicle], series), day))
            )
        found[key] = sorted(rows, key=lambda row: row.amount)
    return found


def mean_after(curves: Curves, day: float) -> NDArray[np.float64]:
    """Mean over time of every replicate from a day to the end, (n_replicate,).

    Raises
    ------
    RecordError
        Nothing was recorded after that day.
    """
    after = curves.time >= day
    if not after.any():
        raise RecordError(f"nothing was recorded after day {day:g}")
    return _time_mean(curves.time[after], curves.values[:, after])


def _time_mean(
    time: Sequence[float] | NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    if len(time) == 1:
        return np.asarray(values[:, 0])
    return np.asarray(np.trapezoid(values, time, axis=1) / (time[-1] - time[0]))
