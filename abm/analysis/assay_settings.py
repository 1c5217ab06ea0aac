"""Protocols of the assays, read from the scenario that every result file carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abm.analysis.experiment import scenario_of
from abm.analysis.up_down import FilamentSet
from abm.errors import RecordError, UnitError
from abm.record import Run
from abm.units import DIMENSIONS, parse

_SECONDS = 60.0


@dataclass(frozen=True)
class VonFrey:
    """Up-down test with filaments.

    Attributes
    ----------
    filaments : FilamentSet
    further_trials : int
        Trials after the first change of response.
    trial_spread : float
        Standard deviation of log10 of an animal's tolerance from trial to trial: how flat the
        psychometric function is.
    false_responses, missed_responses : float
        Share of the trials in which the paw moves whatever the force, and in which it does not.
    animal_spread : float
        Standard deviation of log10 of the animals' own factor.
    animals : int
        Animals of one run.
    """

    filaments: FilamentSet
    further_trials: int
    trial_spread: float
    false_responses: float
    missed_responses: float
    animal_spread: float
    animals: int


@dataclass(frozen=True)
class Heat:
    """Latency of withdrawal from radiant heat.

    Attributes
    ----------
    latency : float [s]
        Of a naive animal.
    floor : float
        Shortest latency relative to it.
    half_signal, power : float
        Nociceptive signal at half of the fall, and its steepness.
    trials : int
        Trials that are averaged.
    trial_spread, animal_spread : float
        Standard deviations of log10 of the latency, from trial to trial and between animals.
    cutoff : float [s]
        When the lamp is switched off.
    animals : int
        Animals of one run.
    """

    latency: float
    floor: float
    half_signal: float
    power: float
    trials: int
    trial_spread: float
    animal_spread: float
    cutoff: float
    animals: int

    def noise_free(self, signal: float) -> float:
        """Latency [s] at a nociceptive signal N: latency x (floor + (1 - floor)/(1 + (N/half)^power))."""
        fall: float = 1.0 / (1.0 + (max(signal, 0.0) / self.half_signal) ** self.power)
        return self.latency * (self.floor + (1.0 - self.floor) * fall)


def von_frey_settings(run: Run) -> VonFrey:
    """How the run's animals are tested with filaments.

    Raises
    ------
    RecordError
        The recorded scenario has no such assay, or one that cannot be read.
    """
    assay = _Reader(run, "von_frey")
    named = assay.text("filaments")
    filaments = _Reader(run, "filament_sets", named)
    forces = tuple(filaments.number(force, "g") for force in filaments.listed("forces"))
    return VonFrey(
        filaments=FilamentSet(forces, *(filaments.value(key, "g") for key in ("start", "below", "above"))),
        further_trials=assay.count("further_trials"),
        trial_spread=assay.value("trial_spread", "1"),
        false_responses=assay.value("false_responses", "1"),
        missed_responses=assay.value("missed_responses", "1"),
        animal_spread=assay.value("animal_spread", "1"),
        animals=assay.count("animals"),
    )


def heat_settings(run: Run) -> Heat:
    """How the run's animals are tested with heat; raises like :func:`von_frey_settings`."""
    assay = _Reader(run, "heat")
    return Heat(
        latency=assay.value("latency", "min") * _SECONDS,
        floor=assay.value("floor", "1"),
        half_signal=assay.value("half_signal", "1"),
        power=assay.value("power", "1"),
        trials=assay.count("trials"),
        trial_spread=assay.value("trial_spread", "1"),
        animal_spread=assay.value("animal_spread", "1"),
        cutoff=assay.value("cutoff", "min") * _SECONDS,
        animals=assay.count("animals"),
    )


class _Reader:
    """One section of the recorded assays; every fault names the file and the key."""

    def __init__(self, run: Run, *path: str) -> None:
        self._file = run.path
        self._name = ".".join(("assays", *path))
        here: Any = scenario_of(run).get("assays")
        if not isinstance(here, Mapping):
            raise RecordError(
                f"{run.path}: its scenario has no section 'assays'; it was not part of the library when the "
                "run was made, or the scenario does not extend it. Add 'library/assays' to the scenario's "
                "'extends' and run it again"
            )
        for key in path:
            here = here.get(key) if isinstance(here, Mapping) else None
        if not isinstance(here, Mapping):
            raise RecordError(f"{run.path}: its scenario has no section '{self._name}', so no such assay")
        self._section: Mapping[str, Any] = here

    def _raw(self, key: str) -> Any:
        raw = self._section.get(key)
        return raw.get("value") if isinstance(raw, Mapping) else raw

    def _fault(self, key: str, wanted: str) -> RecordError:
        given = self._section.get(key)
        return RecordError(f"{self._file}: {self._name}.{key} in its scenario is {given!r}, not {wanted}")

    def text(self, key: str) -> str:
        """A name."""
        raw = self._raw(key)
        if not isinstance(raw, str):
            raise self._fault(key, "a name")
        return raw

    def listed(self, key: str) -> list[Any]:
        """A list, its items as they are written."""
        raw = self._raw(key)
        if not isinstance(raw, list):
            raise self._fault(key, "a list")
        return raw

    def count(self, key: str) -> int:
        """A whole number above 0."""
        raw = self._raw(key)
        if not isinstance(raw, int) or isinstance(raw, bool) or raw < 1:
            raise self._fault(key, "a whole number above 0")
        return raw

    def value(self, key: str, unit: str) -> float:
        """A quantity in an internal unit."""
        return self.number(self._raw(key), unit, key)

    def number(self, raw: Any, unit: str, key: str = "") -> float:
        """A quantity in an internal unit."""
        dimension = DIMENSIONS[unit]
        raw = raw.get("value") if isinstance(raw, Mapping) else raw
        try:
            measure = parse(str(raw))
        except UnitError:
            raise self._fault(key or "forces", dimension.name) from None
        if measure.exponents != dimension.exponents:
            raise self._fault(key or "forces", dimension.name)
        return measure.in_unit_of(dimension)
