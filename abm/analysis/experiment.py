"""What was done in a run: injuries, doses, the readout's region and the names to print.

Read from the resolved scenario that every result file carries, and from its log of events.  A file whose
scenario does not say something is still readable: labels fall back on names, and marks are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from abm.record import Run

DOSE_EVENT = "intervention"
CONTROL, VEHICLE, TREATED = "control", "vehicle", "treated"
ROLES = (CONTROL, VEHICLE, TREATED)

_DAYS = {"d": 1.0, "day": 1.0, "days": 1.0, "h": 1 / 24, "min": 1 / 1440, "s": 1 / 86400, "week": 7.0}
_TIME = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([a-z]+)\s*")


@dataclass(frozen=True)
class Injury:
    """One injury: its kind, the kind's printed name, when [d] and in which region."""

    kind: str
    label: str
    day: float
    site: str

    @property
    def is_sham(self) -> bool:
        """Whether it stands for the operation without the lesion."""
        return self.kind.lower().startswith("sham")


@dataclass(frozen=True)
class Dose:
    """One dose as the log tells it, when it was given [d], and how much; NaN where that is not recorded."""

    day: float
    text: str
    amount: float = math.nan
    unit: str = ""


@dataclass(frozen=True)
class Experiment:
    """What distinguishes one arm.

    Attributes
    ----------
    injuries : tuple of Injury
    doses : tuple of Dose
        Those that were given up to the end of the recording.
    is_treated : bool
        Whether the scenario has interventions, given already or not.
    readout_region : str
        Region of the nociceptive readout; empty for the whole tissue.
    labels : mapping of str to str
        Printed names of cytokines, cell types, ``type:phenotype``, compartments and kinds of injury.
    """

    injuries: tuple[Injury, ...] = ()
    doses: tuple[Dose, ...] = ()
    is_treated: bool = False
    readout_region: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def role(self) -> str:
        """``treated``; else ``vehicle`` with an injury that is no sham operation; else ``control``."""
        if self.is_treated:
            return TREATED
        return VEHICLE if any(not injury.is_sham for injury in self.injuries) else CONTROL

    @property
    def injury_day(self) -> float:
        """Day of the first injury; 0 when there is none."""
        return min((injury.day for injury in self.injuries if injury.day == injury.day), default=0.0)


def read_experiment(run: Run) -> Experiment:
    """What was done in a run."""
    scenario = scenario_of(run)
    labels = dict(_labels(scenario))
    doses = tuple(
        Dose(e["time"], e["text"], e["amount"], e["unit"]) for e in run.events if e["kind"] == DOSE_EVENT
    )
    return Experiment(
        injuries=tuple(_injuries(scenario, labels)),
        doses=doses,
        is_treated=bool(doses) or bool(scenario.get("interventions")),
        readout_region=_readout_region(scenario, list(run.regions)),
        labels=labels,
    )


def scenario_of(run: Run) -> Mapping[str, Any]:
    """The resolved scenario of a run as plain mappings, values as they are written; empty when it is none."""
    return _parse(run.scenario_text)


@lru_cache(maxsize=64)
def _parse(text: str) -> Mapping[str, Any]:
    """The resolved scenario as plain mappings; empty when it is none."""
    try:
        content = YAML(typ="safe").load(text)
    except YAMLError:
        return {}
    return content if isinstance(content, Mapping) else {}


def _section(content: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        below = content.get(key)
        if not isinstance(below, Mapping):
            return {}
        content = below
    return content


def _labels(scenario: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section in ("cytokines", "cell_types", "compartments", "injury_kinds"):
        for name, content in _section(scenario, section).items():
            if isinstance(content, Mapping):
                if content.get("label"):
                    yield str(name), str(content["label"])
                for phenotype, described in _section(content, "phenotypes").items():
                    label = described.get("label") if isinstance(described, Mapping) else None
                    yield f"{name}:{phenotype}", str(label or phenotype)


def _injuries(scenario: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[Injury]:
    given = scenario.get("injuries")
    for injury in given if isinstance(given, list) else ():
        if isinstance(injury, Mapping) and "kind" in injury:
            kind = str(injury["kind"])
            at, site = days(injury.get("at", "0 d")), str(injury.get("site", ""))
            yield Injury(kind, labels.get(kind, kind), at, site)


def _readout_region(scenario: Mapping[str, Any], regions: list[str]) -> str:
    readout = _section(scenario, "readout", "nociception")
    if "region" in readout:
        return str(readout["region"] or "")
    if readout or not regions:
        return ""
    return "site" if "site" in regions else regions[0]


def days(given: object) -> float:
    """A time as a resolved scenario writes it (``4 d``, ``{value: 90 min}``), in days; nan if it is none."""
    if isinstance(given, Mapping):
        given = given.get("value")
    matched = _TIME.fullmatch(str(given))
    if matched is None or matched[2] not in _DAYS:
        return float("nan")
    return float(matched[1]) * _DAYS[matched[2]]
