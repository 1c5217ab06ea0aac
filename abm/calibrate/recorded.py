"""What a run leaves in memory: a few series at a few times, read like a result file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record.frames import LabelledArray
from abm.record.layout import STATUS_COMPLETE

#: Series -> dimension -> labels that are kept.
Wanted = Mapping[str, Mapping[str, tuple[str, ...]]]
#: Series -> values, first axis time, then the dimensions in the order of `Wanted`.
Values = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Frame:
    """What all runs of one arm have in common.

    Attributes
    ----------
    arm, scenario_text : str
    seed : int
        Of the experiment.
    coordinates : mapping of str to (n,) float64 [um]
        Voxel centres along x, y, z.
    tissue : (nz, ny, nx) bool
    regions : mapping of str to (nz, ny, nx) bool
    wanted : mapping
        Series that are kept, with the labels of each dimension.
    units : mapping of str to str
        Unit of each series.
    """

    arm: str
    scenario_text: str
    seed: int
    coordinates: Mapping[str, NDArray[np.float64]]
    tissue: NDArray[np.bool_]
    regions: Mapping[str, NDArray[np.bool_]]
    wanted: Wanted
    units: Mapping[str, str] = field(default_factory=dict)


class RecordedRun:
    """One run in memory with the part of :class:`abm.record.Run` that quantities are computed from.

    Parameters
    ----------
    frame : Frame
    replicate : int
    time : (n,) float64 [d]
    values : mapping of str to (n, ...) float64
    """

    events: tuple[dict[str, Any], ...] = ()
    provenance = "{}"
    status = STATUS_COMPLETE
    status_message = ""

    def __init__(self, frame: Frame, replicate: int, time: NDArray[np.float64], values: Values) -> None:
        self.frame = frame
        self.replicate = replicate
        self.time = time
        self.values = values
        self.path = Path(f"{frame.arm}, replicate {replicate}")

    @property
    def arm(self) -> str:
        """Arm of the experiment."""
        return self.frame.arm

    @property
    def seed(self) -> int:
        """Seed of the experiment."""
        return self.frame.seed

    @property
    def scenario_text(self) -> str:
        """Resolved YAML of the arm, with the values that the scenario has before fitting."""
        return self.frame.scenario_text

    @property
    def tissue(self) -> NDArray[np.bool_]:
        """Mask of the tissue, (nz, ny, nx)."""
        return self.frame.tissue

    @property
    def regions(self) -> Mapping[str, NDArray[np.bool_]]:
        """Mask (nz, ny, nx) of every named region."""
        return self.frame.regions

    def coordinate(self, axis: str) -> NDArray[np.float64]:
        """Voxel centres along ``x``, ``y`` or ``z`` [um]."""
        return self.frame.coordinates[axis]

    def series(self, name: str) -> LabelledArray:
        """One series, reduced to the labels that are kept.

        Raises
        ------
        RecordError
            It is not among those kept.
        """
        if name not in self.values:
            raise RecordError(f"{self.path}: no series {name!r}; there are {', '.join(self.values)}")
        kept = self.frame.wanted[name]
        labels: dict[str, NDArray[Any]] = {"time": self.time}
        labels |= {dim: np.array(names) for dim, names in kept.items()}
        unit = self.frame.units.get(name, "")
        return LabelledArray(name, self.values[name], ("time", *kept), labels, unit)

    def close(self) -> None:
        """Nothing is open."""


def picked(
    readout: Mapping[str, Any], wanted: Wanted, known: Mapping[str, tuple[tuple[str, ...], ...]]
) -> dict[str, NDArray[np.float64]]:
    """The wanted part of one readout of the engine.

    Parameters
    ----------
    readout : mapping
        Series to values of its full shape.
    known : mapping
        Series to the labels of each of its dimensions.
    """
    found = {}
    for name, dims in wanted.items():
        values = np.asarray(readout[name], dtype=np.float64)
        for axis, (labels, names) in enumerate(zip(known[name], dims.values(), strict=True)):
            values = np.take(values, [labels.index(label) for label in names], axis)
        found[name] = values
    return found


def stacked(rows: Iterable[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """Readouts one after another, as series whose first axis is time."""
    listed = list(rows)
    return {name: np.array([row[name] for row in listed]) for name in (listed[0] if listed else ())}
