"""In-silico assays: what a laboratory would have measured on the animals of recorded runs.

A run gives the noise-free readout of one animal's tissue; an assay tests a group of animals that share this
tissue and differ in their sensitivity, with the noise of the method.  Nothing is simulated anew, and the
numbers are a function of the result files alone (see :mod:`abm.analysis.assay_noise`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abm.analysis.assay_noise import Stream, normal_of, normals, uniforms
from abm.analysis.assay_settings import Heat, VonFrey, heat_settings, von_frey_settings
from abm.analysis.compare import MPE_LABEL, THRESHOLD, percent_of_maximum
from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.analysis.statistics import Interval, mean_interval
from abm.analysis.up_down import ABOVE, Staircases, staircases
from abm.errors import RecordError
from abm.record import Run

VON_FREY, HEAT = "von-frey", "heat"
SIGNAL = "nociception"
VON_FREY_LABEL, HEAT_LABEL = "50 % withdrawal threshold", "latency of withdrawal from heat"

_LIFE = -1.0  # day of what an animal keeps
MOST_ANIMALS = 10_000


@dataclass(frozen=True)
class AssayResult:
    """One assay of one arm.

    Attributes
    ----------
    assay : str
        ``von-frey`` or ``heat``.
    label, unit : str
        Meaning and unit of the values.
    days : (n_day,) float64 [d]
    replicates : tuple of int
    values : (n_replicate, n_animal, n_day) float64
        Of every animal.
    censored : (n_replicate, n_animal, n_day) int8
        -1 below, 1 above what the assay can measure: then the value is the one assigned there.
    noise_free : (n_replicate, n_day) float64
        The readout behind it: what an animal of average sensitivity would show without noise.
    baseline : (n_replicate, n_animal) float64
        The same animals at the start of the recording, measured with its own noise.
    baseline_day : float [d]
        When that is.
    limits : (float, float)
        Lowest and highest value that can be assigned.
    patterns : tuple of tuples of tuples of str
        Responses of every animal, ``O`` and ``X``, indexed as `values`; empty texts for heat.
    """

    assay: str
    label: str
    unit: str
    days: NDArray[np.float64]
    replicates: tuple[int, ...]
    values: NDArray[np.float64]
    censored: NDArray[np.int8]
    noise_free: NDArray[np.float64]
    baseline: NDArray[np.float64]
    baseline_day: float
    limits: tuple[float, float]
    patterns: tuple[tuple[tuple[str, ...], ...], ...]

    @property
    def animals(self) -> int:
        """Animals of all runs."""
        return int(self.values.shape[0] * self.values.shape[1])

    def curves(self) -> Curves:
        """Mean of each run's animals, (n_replicate, n_day): what group statistics and pairing start from."""
        return Curves(self.days, self.values.mean(axis=1), self.replicates, self.unit, self.label)

    def baseline_means(self) -> NDArray[np.float64]:
        """Mean of each run's animals at the start, (n_replicate,)."""
        return np.asarray(self.baseline.mean(axis=1))

    def sem(self) -> NDArray[np.float64]:
        """Standard error of the mean over all animals, (n_day,), as laboratories state it; nan for one."""
        pooled = self._pooled()
        if len(pooled) < 2:
            return np.full(len(self.days), np.nan)
        return np.asarray(pooled.std(axis=0, ddof=1) / math.sqrt(len(pooled)))

    def interval(self) -> Interval:
        """Mean and 95 % interval, (n_day,).

        Over the runs' means where there are several runs, since the animals of a run share its tissue; over
        the animals of the only run otherwise, which leaves out how runs differ.
        """
        return mean_interval(self.values.mean(axis=1) if len(self.replicates) > 1 else self._pooled())

    def count(self, end: int) -> NDArray[np.int64]:
        """Animals of which the value was assigned at one end (-1 below, 1 above), (n_day,)."""
        return np.asarray((self.censored == end).sum(axis=(0, 1)), dtype=np.int64)

    def _pooled(self) -> NDArray[np.float64]:
        return self.values.reshape(self.animals, len(self.days))


def von_frey(
    groups: RunGroups,
    arm: str,
    days: Sequence[float],
    animals: int | None = None,
    settings: VonFrey | None = None,
) -> AssayResult:
    """50 % withdrawal thresholds of an arm by the up-down method.

    In each trial at force f an animal of threshold T withdraws with probability
    false + (1 - false - missed) Φ(log10(f/T)/spread); T is the recorded threshold times the animal's factor.

    Parameters
    ----------
    groups : RunGroups
    arm : str
    days : sequence of float [d]
        When the animals are tested, within the recording.
    animals : int, optional
        Animals of each run, in place of those of the scenario.
    settings : VonFrey, optional
        In place of those of the recorded scenario.

    Raises
    ------
    RecordError
        No such arm, no threshold or protocol in the files, a day outside the recording, a threshold that is
        negative or not a number.
    """
    runs = _runs(groups, arm)
    protocol = settings or von_frey_settings(runs[0])

    def test(run: Run, day: float, threshold: float, n: int) -> _Tested:
        found = von_frey_trials(threshold, protocol, run.seed, run.replicate, day, n)
        return found.threshold, found.censored, found.patterns

    limits = (protocol.filaments.below, protocol.filaments.above)
    frame = _Frame(VON_FREY, VON_FREY_LABEL, "g", limits)
    number = _animals(animals, protocol.animals)
    return _measure(frame, runs, collect(runs, THRESHOLD), days, number, test)


def von_frey_trials(
    threshold: float, protocol: VonFrey, seed: int, replicate: int, day: float, animals: int
) -> Staircases:
    """The trials of a group of animals.

    Parameters
    ----------
    threshold : float [g]
        Of an animal of average sensitivity, at least 0.
    protocol : VonFrey
    seed, replicate : int
        Of the experiment and of the run, from which the noise follows.
    day : float [d]
    animals : int
    """
    own = _factors(Stream.VON_FREY_ANIMALS, seed, replicate, animals, protocol.animal_spread)
    most = protocol.filaments.longest(protocol.further_trials)
    drawn = uniforms(Stream.VON_FREY_TRIALS, seed, replicate, day, (animals, most, 3))
    with np.errstate(divide="ignore"):
        middle = np.log10(threshold) + own
    tolerance = middle[:, None] + protocol.trial_spread * normal_of(drawn[..., 1:])
    tolerance[drawn[..., 0] < protocol.false_responses] = -np.inf
    tolerance[drawn[..., 0] >= 1.0 - protocol.missed_responses] = np.inf
    return staircases(tolerance, protocol.filaments, protocol.further_trials)


def heat(
    groups: RunGroups,
    arm: str,
    days: Sequence[float],
    animals: int | None = None,
    settings: Heat | None = None,
) -> AssayResult:
    """Latencies of withdrawal from radiant heat of an arm: the mean of some trials, each cut off.

    Hargreaves et al. (1988, doi:10.1016/0304-3959(88)90026-7).  The latency follows from the nociceptive
    signal by :meth:`Heat.noise_free` and varies log-normally between animals and trials.  Parameters and
    errors as for :func:`von_frey`.
    """
    runs = _runs(groups, arm)
    protocol = settings or heat_settings(runs[0])

    def test(run: Run, day: float, latency: float, n: int) -> _Tested:
        own = _factors(Stream.HEAT_ANIMALS, run.seed, run.replicate, n, protocol.animal_spread)
        noise = normals(Stream.HEAT_TRIALS, run.seed, run.replicate, day, (n, protocol.trials))
        single = latency * 10.0 ** (own[:, None] + protocol.trial_spread * noise)
        ended = (single >= protocol.cutoff).any(axis=1)
        value = np.minimum(single, protocol.cutoff).mean(axis=1)
        return value, np.where(ended, ABOVE, 0).astype(np.int8), ("",) * n

    frame = _Frame(HEAT, HEAT_LABEL, "s", (0.0, protocol.cutoff))
    number = _animals(animals, protocol.animals)
    return _measure(frame, runs, _latency(runs, protocol), days, number, test)


def noise_free(groups: RunGroups, arm: str, assay: str) -> Curves:
    """What an assay measures, without its noise, of every run over time; raises like :func:`von_frey`."""
    runs = _runs(groups, arm)
    return _latency(runs, heat_settings(runs[0])) if assay == HEAT else collect(runs, THRESHOLD)


#: Every assay by its name on the command line.
ASSAYS: dict[str, Callable[[RunGroups, str, Sequence[float], int | None], AssayResult]] = {
    VON_FREY: von_frey,
    HEAT: heat,
}


def percent_mpe(treated: AssayResult, vehicle: AssayResult) -> Curves:
    """Percent of the maximal possible effect of the measured group means, by replicate and day.

    100 · (treated − vehicle) / (baseline − vehicle), the baseline being the vehicle group's own before the
    injury; nan where the vehicle is within 10 % of it.

    Raises
    ------
    RecordError
        The two have no replicate in common, other days, or are different assays.
    """
    if treated.assay != vehicle.assay or not np.array_equal(treated.days, vehicle.days):
        raise RecordError("%MPE compares the same assay on the same days")
    both = [number for number in treated.replicates if number in vehicle.replicates]
    if not both:
        raise RecordError(
            f"no replicate in common: {list(treated.replicates)} and {list(vehicle.replicates)}; "
            "%MPE needs the same replicate in both arms"
        )
    a = treated.curves().values[[treated.replicates.index(number) for number in both]]
    rows = [vehicle.replicates.index(number) for number in both]
    b, baseline = vehicle.curves().values[rows], vehicle.baseline_means()[rows, None]
    return Curves(treated.days, percent_of_maximum(a, b, baseline), tuple(both), "%", MPE_LABEL)


@dataclass(frozen=True)
class _Frame:
    """What an assay is about."""

    assay: str
    label: str
    unit: str
    limits: tuple[float, float]


#: Values, censoring and responses of the animals of one run on one day.
_Tested = tuple[NDArray[np.float64], NDArray[np.int8], tuple[str, ...]]
_Test = Callable[[Run, float, float, int], _Tested]


def _latency(runs: list[Run], protocol: Heat) -> Curves:
    signal = collect(runs, SIGNAL)
    latency = np.vectorize(protocol.noise_free, otypes=[float])(signal.values)
    return replace(signal, values=latency, unit="s", label=HEAT_LABEL)


def _runs(groups: RunGroups, arm: str) -> list[Run]:
    if arm not in groups:
        raise RecordError(f"no arm {arm!r} among the runs; there are {', '.join(groups)}")
    return groups[arm]


def _animals(given: int | None, usual: int) -> int:
    number = usual if given is None else given
    if not 1 <= number <= MOST_ANIMALS:
        raise RecordError(f"{number} animals per run; allowed: 1 to {MOST_ANIMALS}")
    return number


def _factors(stream: Stream, seed: int, replicate: int, n: int, spread: float) -> NDArray[np.float64]:
    """log10 of the animals' own factors (n,), for life."""
    return spread * normals(stream, seed, replicate, _LIFE, (n,))


def _measure(
    frame: _Frame, runs: list[Run], readout: Curves, days: Sequence[float], n: int, test: _Test
) -> AssayResult:
    """Test every run's animals at the start of the recording and on the given days."""
    when = _within(days, readout, runs)
    start = float(readout.time[0])
    clean = np.column_stack([readout.at(day) for day in when])
    _check(clean, frame, runs, when)
    _check(readout.values[:, :1], frame, runs, np.array([start]))
    tested = [
        [test(run, float(day), float(value), n) for day, value in zip(when, row, strict=True)]
        for run, row in zip(runs, clean, strict=True)
    ]
    before = [
        test(run, start, float(value), n)[0] for run, value in zip(runs, readout.values[:, 0], strict=True)
    ]
    return AssayResult(
        assay=frame.assay,
        label=frame.label,
        unit=frame.unit,
        days=when,
        replicates=readout.replicates,
        values=np.array([[values for values, _, _ in row] for row in tested]).transpose(0, 2, 1),
        censored=np.array([[ends for _, ends, _ in row] for row in tested]).transpose(0, 2, 1),
        noise_free=clean,
        baseline=np.array(before),
        baseline_day=start,
        limits=frame.limits,
        patterns=tuple(tuple(zip(*(words for _, _, words in row), strict=True)) for row in tested),
    )


def _within(days: Sequence[float], readout: Curves, runs: list[Run]) -> NDArray[np.float64]:
    """The days, once each and in order, if all runs have recorded them."""
    if len(readout.time) == 0:
        raise RecordError(f"{runs[0].path}: nothing has been recorded that all runs of the arm have")
    first, last = float(readout.time[0]), float(readout.time[-1])
    wrong = [day for day in days if not first - 1e-9 <= day <= last + 1e-9]
    if wrong or len(days) == 0:
        listed = ", ".join(f"{day:g}" for day in wrong) or "none"
        raise RecordError(
            f"{runs[0].path.parent}: arm {runs[0].arm} is recorded from day {first:g} to day {last:g}; "
            f"days to be tested that are not in it: {listed}"
        )
    return np.unique(np.asarray(days, dtype=np.float64))


def _check(clean: NDArray[np.float64], frame: _Frame, runs: list[Run], days: NDArray[np.float64]) -> None:
    """Refuse readouts that are no readouts; 0 and infinity are extreme, but have an answer."""
    for run, row in zip(runs, clean, strict=True):
        for day, value in zip(days, row, strict=True):
            if math.isnan(value) or value < 0.0:
                raise RecordError(
                    f"{run.path}: the {frame.label} behind the assay is {value:g} {frame.unit} on day {day:g}"
                )
