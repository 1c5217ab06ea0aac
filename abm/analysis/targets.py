"""Published data as targets, and how far simulated arms are from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abm.analysis.groups import RunGroups
from abm.analysis.quantities import REFERENCE, evaluate, reference_note
from abm.analysis.statistics import LEVEL, Interval, mean_interval
from abm.analysis.tables import Table, interval_text, number
from abm.analysis.target_files import Target, TargetSet, read_targets

__all__ = [
    "Comparison",
    "Report",
    "Target",
    "TargetSet",
    "compare_with_targets",
    "read_targets",
    "target_table",
]


@dataclass(frozen=True)
class Comparison:
    """One target beside the simulation.

    Attributes
    ----------
    target : Target
    simulated : Interval
        Mean and interval over replicates; all nan where the runs end before the day.
    """

    target: Target
    simulated: Interval

    @property
    def mean(self) -> float:
        """Simulated mean."""
        return float(self.simulated.mean)

    @property
    def z(self) -> float:
        """(simulated − target) / tolerance; nan where nothing was simulated."""
        return (self.mean - self.target.mean) / self.target.tolerance

    @property
    def inside(self) -> bool | None:
        """Whether the simulated mean is within the tolerance (or on the right side of a bound)."""
        if not np.isfinite(self.z):
            return None
        if self.target.bound == "upper":
            return self.z <= 0.0
        if self.target.bound == "lower":
            return self.z >= 0.0
        return abs(self.z) <= 1.0


@dataclass(frozen=True)
class Report:
    """All comparisons of a set of targets with some runs."""

    targets: TargetSet
    comparisons: Sequence[Comparison]
    missing: Sequence[str]
    notes: Sequence[str]

    @property
    def met(self) -> int:
        """Number of targets met."""
        return sum(c.inside is True for c in self.comparisons)

    @property
    def tested(self) -> int:
        """Number of targets with a simulated value."""
        return sum(c.inside is not None for c in self.comparisons)


def compare_with_targets(groups: RunGroups, targets: TargetSet | None = None, level: float = LEVEL) -> Report:
    """Simulated mean and interval for every target whose arm is among the runs.

    Parameters
    ----------
    groups : RunGroups
    targets : TargetSet, optional
        Those of the default tissue when omitted.
    level : float
        Coverage of the interval.

    Raises
    ------
    RecordError
        The files lack a series that a quantity is defined by.
    """
    chosen = read_targets() if targets is None else targets
    wanted = [target for target in chosen.targets if target.arm in groups]
    curves = {
        (arm, name): evaluate(chosen.quantities[name], groups, arm)
        for arm, name in dict.fromkeys((target.arm, target.quantity) for target in wanted)
    }
    comparisons = []
    for target in wanted:
        # Published days count from the injury, recorded ones from the start of the run.
        day = target.day + groups.experiments[target.arm].injury_day
        values = curves[target.arm, target.quantity].at(day)
        comparisons.append(Comparison(target, mean_interval(values, level)))
    folds = any(chosen.quantities[target.quantity].relative_to == REFERENCE for target in wanted)
    return Report(
        targets=chosen,
        comparisons=comparisons,
        missing=[arm for arm in chosen.arms if arm not in groups],
        notes=[reference_note(groups)] if folds else [],
    )


def target_table(report: Report) -> Table:
    """One row per target: published and simulated value (± half the 95 % interval), z, whether it is met."""
    rows = [_row(comparison) for comparison in report.comparisons]
    notes = [
        f"{report.met} of {report.tested} targets met (simulated mean within the tolerance). "
        "z = (simulated − target) / tolerance.",
        *report.notes,
    ]
    if report.tested < len(report.comparisons):
        notes.append(f"{len(report.comparisons) - report.tested} targets lie after the end of the runs.")
    if report.missing:
        notes.append(f"Targets without an arm here: {', '.join(report.missing)}.")
    head = ["target", "arm", "quantity", "day", "wanted", "simulated ± 95 %", "z", "met"]
    return Table(head, rows, "<<<>>>><", notes)


def _row(comparison: Comparison) -> list[str]:
    target, simulated = comparison.target, comparison.simulated
    sign = {"upper": "≤ ", "lower": "≥ "}.get(target.bound, "")
    published = f"{sign}{number(target.mean)}" + ("" if sign else f" ± {number(target.tolerance)}")
    # Adding zero turns a rounded "-0.0" into "+0.0".
    z = "–" if np.isnan(comparison.z) else f"{round(comparison.z, 1) + 0.0:+.1f}".replace("-", "−")
    met = {True: "yes", False: "no", None: "–"}[comparison.inside]
    return [
        target.id,
        target.arm,
        target.quantity,
        f"{target.day:.3g}",
        published,
        interval_text(simulated),
        z,
        met,
    ]
