"""Effects of ablations: what changes in pain and in relief when one rule or intervention is switched off.

Pain of a run is an area over its whole length: of the threshold's deficit 1 - threshold / baseline, where the
baseline is the first threshold of the intact run of the same arm and replicate, or of the nociceptive signal.
Relief by a treatment is the pain of the vehicle arm minus that of the treated arm.  Effects are differences
by replicate, since runs of one replicate share their noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from abm.analysis.compare import THRESHOLD
from abm.analysis.experiment import TREATED, VEHICLE
from abm.analysis.groups import group_runs
from abm.analysis.statistics import Interval, mean_interval
from abm.errors import RecordError, RequestError
from abm.record import Run, open_run
from abm.record.layout import STATUS_COMPLETE

SIGNAL = "nociception"
MEASURES = {"threshold": "area of 1 - threshold / baseline", "nociception": "area of the nociceptive signal"}
UNIT = "d"
PAIN, RELIEF = "pain", "relief"

Window = tuple[float, float]
"""From when to when pain counts [d]."""

WHOLE: Window = (0.0, float("inf"))

Areas = Mapping[str, Mapping[int, float]]
"""Area [d] by arm and replicate."""


@dataclass(frozen=True)
class Ablated:
    """One variant of an experiment and its result files.

    Attributes
    ----------
    name, kind : str
        What is switched off.
    files : mapping
        Arm to replicate to result file, for the arms that were simulated.
    unchanged : mapping of str to str
        Arm to why it is the intact run by construction.
    same_as : tuple of str
        Other names of the same variant.
    """

    name: str
    kind: str
    files: Mapping[str, Mapping[int, Path]]
    unchanged: Mapping[str, str] = field(default_factory=dict)
    same_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What is looked at.

    Attributes
    ----------
    kind : str
        ``pain`` in an arm, or ``relief`` by the treatment of an arm.
    arm : str
    vehicle : str
        What relief is measured against; empty for pain.
    role : str
        Of the arm.
    """

    kind: str
    arm: str
    vehicle: str = ""
    role: str = ""

    @property
    def name(self) -> str:
        """In words."""
        return f"pain in {self.arm}" if self.kind == PAIN else f"relief by {self.arm}"

    def of(self, areas: Areas) -> dict[int, float]:
        """Its value [d] by replicate, where the runs are there."""
        mine = areas.get(self.arm, {})
        if self.kind == PAIN:
            return dict(mine)
        other = areas.get(self.vehicle, {})
        return {r: other[r] - mine[r] for r in mine if r in other}


@dataclass(frozen=True)
class Effect:
    """What switching one thing off does to one outcome.

    Attributes
    ----------
    outcome : Outcome
    intact, ablated : float [d]
        Means over the replicates that both have.
    change : Interval
        Of ablated minus intact, by replicate [d].
    note : str
        Why it is 0 by construction, if it is.
    """

    outcome: Outcome
    intact: float
    ablated: float
    change: Interval
    note: str = ""

    @property
    def left(self) -> float:
        """Share of the intact value that is left; nan where that is 0."""
        return self.ablated / self.intact if self.intact else float("nan")

    @property
    def is_worse(self) -> bool:
        """Whether the animal is worse off without it: more pain, or less relief."""
        return bool((self.change.mean > 0.0) == (self.outcome.kind == PAIN))


@dataclass(frozen=True)
class Ranked:
    """One variant with its effects, in the order of the outcomes."""

    name: str
    kind: str
    same_as: tuple[str, ...]
    effects: tuple[Effect, ...]

    def on(self, outcome: Outcome) -> Effect:
        """Its effect on one outcome."""
        return next(effect for effect in self.effects if effect.outcome == outcome)


@dataclass(frozen=True)
class Ranking:
    """All variants, the largest effect first.

    Attributes
    ----------
    measure : str
        A key of `MEASURES`.
    outcomes : tuple of Outcome
    shown : tuple of Outcome
        Those that tables and figures show: pain of the vehicle and relief by each treatment; without
        treatments pain of every arm.
    intact : mapping of Outcome to Interval
    rows : tuple of Ranked
    missing : tuple of str
        Variants without a single complete pair of runs, and what else is not there.
    window : (float, float) [d]
    """

    measure: str
    outcomes: tuple[Outcome, ...]
    shown: tuple[Outcome, ...]
    intact: Mapping[Outcome, Interval]
    rows: tuple[Ranked, ...]
    missing: tuple[str, ...] = ()
    window: Window = WHOLE

    @property
    def meaning(self) -> str:
        """What pain is, in words."""
        since, until = self.window
        when = "over the run"
        if since > 0.0 and until < WHOLE[1]:
            when = f"from day {since:g} to day {until:g}"
        elif self.window != WHOLE:
            when = f"from day {since:g} on" if since > 0.0 else f"up to day {until:g}"
        return f"{MEASURES[self.measure]} {when}"


def rank_ablations(
    variants: Sequence[Ablated],
    measure: str = "threshold",
    by: str | None = None,
    window: Window = WHOLE,
) -> Ranking:
    """Effects of every variant, ranked by their size.

    Parameters
    ----------
    variants : sequence of Ablated
        The intact experiment first.
    measure : str
        A key of `MEASURES`.
    by : str, optional
        Name of the outcome that ranks; the largest effect on any of those shown when omitted.
    window : (float, float) [d]
        From when to when pain counts.

    Raises
    ------
    RecordError
        No intact run is complete, no readout of pain, no such measure or outcome, or an empty window.
    """
    if measure not in MEASURES:
        raise RequestError(f"no measure {measure!r}; there are {', '.join(MEASURES)}")
    if not 0.0 <= window[0] < window[1]:
        raise RequestError(f"pain cannot be counted from day {window[0]:g} to day {window[1]:g}")
    intact, others = variants[0], variants[1:]
    outcomes = outcomes_of(intact)
    shown = _shown(outcomes)
    ranking = shown if by is None else (_named(outcomes, by),)
    baselines, notes = _baselines(intact, measure), []
    before = areas_of(intact, baselines, measure, window)
    if not any(before.values()):
        raise RecordError("no intact run is complete, so there is nothing to compare with")
    rows = []
    for variant in others:
        after = {arm: before.get(arm, {}) for arm in variant.unchanged}
        after |= areas_of(variant, baselines, measure, window)
        effects = tuple(_effect(outcome, before, after, variant.unchanged) for outcome in outcomes)
        if any(effect.change.n for effect in effects):
            rows.append(Ranked(variant.name, variant.kind, variant.same_as, effects))
        lost = sum(not path.exists() or not _is_complete(path) for path in _paths(variant))
        if lost:
            notes.append(f"{variant.name}: {lost} of {sum(1 for _ in _paths(variant))} runs are not complete")
    rows.sort(key=lambda row: -max(_size(row.on(outcome)) for outcome in ranking))
    whole = {outcome: mean_interval(list(outcome.of(before).values())) for outcome in outcomes}
    columns = tuple(dict.fromkeys((*ranking, *shown)))
    return Ranking(measure, outcomes, columns, whole, tuple(rows), tuple(notes), window)


def _size(effect: Effect) -> float:
    """Size of an effect; -1 where there is none."""
    return abs(float(effect.change.mean)) if effect.change.n else -1.0


def _paths(variant: Ablated) -> Iterator[Path]:
    for files in variant.files.values():
        yield from files.values()


def _is_complete(path: Path) -> bool:
    try:
        with open_run(path) as run:
            return run.status == STATUS_COMPLETE
    except RecordError:
        return False


def outcomes_of(intact: Ablated) -> tuple[Outcome, ...]:
    """Pain in every arm, then relief by every treatment."""
    firsts = [
        next((path for path in files.values() if path.exists()), None) for files in intact.files.values()
    ]
    with group_runs([path for path in firsts if path is not None]) as groups:
        roles = {arm: groups.experiments[arm].role for arm in groups}
        vehicle = groups.vehicle
    arms = [arm for arm in intact.files if arm in roles]
    pain = [Outcome(PAIN, arm, role=roles[arm]) for arm in arms]
    if vehicle is None:
        return tuple(pain)
    relief = [Outcome(RELIEF, arm, vehicle, TREATED) for arm in arms if roles[arm] == TREATED]
    return (*pain, *relief)


def _shown(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    relief = [outcome for outcome in outcomes if outcome.kind == RELIEF]
    vehicle = [outcome for outcome in outcomes if outcome.kind == PAIN and outcome.role == VEHICLE]
    return (*vehicle, *relief) if relief else tuple(outcomes)


def _named(outcomes: Sequence[Outcome], name: str) -> Outcome:
    for outcome in outcomes:
        if outcome.name == name:
            return outcome
    raise RequestError(f"no outcome {name!r}; there are {', '.join(o.name for o in outcomes)}")


def _baselines(intact: Ablated, measure: str) -> dict[tuple[str, int], float]:
    """First threshold [g] of every intact run; 1 for the signal, which has none."""
    found = {}
    for arm, files in intact.files.items():
        for replicate, path in files.items():
            if measure == SIGNAL:
                found[arm, replicate] = 1.0
            elif path.exists():
                with open_run(path) as run:
                    if len(run.time):
                        found[arm, replicate] = float(_series(run, THRESHOLD)[0])
    return found


def areas_of(
    variant: Ablated,
    baselines: Mapping[tuple[str, int], float],
    measure: str,
    window: Window = WHOLE,
) -> Areas:
    """Pain [d] of every complete run of a variant."""
    areas: dict[str, dict[int, float]] = {arm: {} for arm in variant.files}
    for arm, files in variant.files.items():
        for replicate, path in files.items():
            if path.exists() and _is_complete(path) and (arm, replicate) in baselines:
                with open_run(path) as run:
                    areas[arm][replicate] = pain_area(run, baselines[arm, replicate], measure, window)
    return areas


def pain_area(run: Run, baseline: float, measure: str, window: Window = WHOLE) -> float:
    """Area [d] of the threshold's deficit below a baseline [g], or of the nociceptive signal, in a window."""
    if measure == SIGNAL:
        pain = _series(run, SIGNAL)
    else:
        pain = np.clip(1.0 - _series(run, THRESHOLD) / baseline, 0.0, None)
    since, until = max(window[0], float(run.time[0])), min(window[1], float(run.time[-1]))
    if since >= until:
        return 0.0
    inside = run.time[(run.time > since) & (run.time < until)]
    times = np.concatenate([[since], inside, [until]])
    return float(np.trapezoid(np.interp(times, run.time, pain), times))


def _series(run: Run, name: str) -> np.ndarray:
    if name not in run.series_names:
        raise RecordError(f"{run.path}: the run has no {name}; ablations are ranked by it")
    return np.asarray(run.series(name).values, np.float64)


def _effect(outcome: Outcome, before: Areas, after: Areas, unchanged: Mapping[str, str]) -> Effect:
    """Difference of one outcome by replicate."""
    old, new = outcome.of(before), outcome.of(after)
    both = [replicate for replicate in old if replicate in new]
    change = mean_interval(np.array([new[r] - old[r] for r in both], np.float64).reshape(len(both)))
    arms = (outcome.arm, outcome.vehicle) if outcome.vehicle else (outcome.arm,)
    note = unchanged[outcome.arm] if all(arm in unchanged for arm in arms) else ""
    intact, ablated = (
        float(np.mean([values[r] for r in both])) if both else float("nan") for values in (old, new)
    )
    return Effect(outcome, intact, ablated, change, note)
