"""What a reader hands out: labelled arrays and frames, in memory, independent of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError


@dataclass(frozen=True)
class LabelledArray:
    """An array whose dimensions have names and labels.

    Attributes
    ----------
    name, unit, long_name : str
        As in the file.
    dims : tuple of str
        Name of each axis, e.g. ``("time", "region")``.
    labels : dict of str to ndarray
        Labels of each dimension: time in days, others text or numbers.
    values : ndarray
        The numbers.
    """

    name: str
    values: NDArray[Any]
    dims: tuple[str, ...]
    labels: Mapping[str, NDArray[Any]]
    unit: str
    long_name: str = ""

    @property
    def time(self) -> NDArray[np.float64]:
        """Time [d]."""
        return np.asarray(self.labels["time"])

    def at(self, **labels: str | float) -> LabelledArray:
        """Pick one label per named dimension, e.g. ``series.at(region="site")``.

        Raises
        ------
        RecordError
            There is no such dimension or label; the message lists those that exist.
        """
        picked = self
        for dim, label in labels.items():
            if dim not in picked.dims:
                raise RecordError(f"{self.name} has no dimension {dim!r}; it has {', '.join(self.dims)}")
            known = picked.labels[dim]
            position = np.flatnonzero(known == label)
            if len(position) == 0:
                raise RecordError(f"{self.name}: no {dim} {label!r}; there are {', '.join(map(str, known))}")
            axis = picked.dims.index(dim)
            picked = replace(
                picked,
                values=np.take(picked.values, int(position[0]), axis),
                dims=picked.dims[:axis] + picked.dims[axis + 1 :],
                labels={name: value for name, value in picked.labels.items() if name != dim},
            )
        return picked


@dataclass(frozen=True)
class CellFrame:
    """All cells at one moment.

    Attributes
    ----------
    time : float [d]
    tick : int
    columns : dict of str to (n,) ndarray
        ``id``, ``type``, ``phenotype``, ``status``, ``place``, ``x``, ``y``, ``z`` [um] and every variable.
    labels : dict of str to ndarray of str
        Names of the codes of ``type``, ``phenotype``, ``status`` and ``place``.
    units : dict of str to str
        Unit of every column.
    """

    time: float
    tick: int
    columns: Mapping[str, NDArray[Any]]
    labels: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.columns[column]

    def names(self, column: str) -> NDArray[Any]:
        """Name instead of code for every cell of a coded column, e.g. ``frame.names("type")``."""
        return np.asarray(self.labels[column][self.columns[column]])

    def where(self, **names: str) -> CellFrame:
        """Cells whose codes have the given names, e.g. ``where(type="microglia", place="tissue")``."""
        keep = np.ones(len(self), dtype=bool)
        for column, name in names.items():
            keep &= np.isin(self.columns[column], np.flatnonzero(self.labels[column] == name))
        return replace(self, columns={key: value[keep] for key, value in self.columns.items()})


@dataclass(frozen=True)
class FieldFrame:
    """One cytokine at one moment; ``values`` is (nz, ny, nx) float32 in ``unit`` (pg/ml)."""

    cytokine: str
    time: float
    tick: int
    values: NDArray[np.float32]
    unit: str


@dataclass(frozen=True)
class Scalar:
    """One line of the summary."""

    value: float
    unit: str
    description: str


def choose_frame(
    path: Path, times: NDArray[np.float64], index: int | None, time: float | None, what: str
) -> int:
    """Number of the frame with an index (negative from the end), or nearest to a time [d]; one is given.

    Raises
    ------
    RecordError
        There is no such frame, or none at all.
    """
    if len(times) == 0:
        raise RecordError(f"{path}: the file holds no {what}; record them in the scenario (record:)")
    if (index is None) == (time is None):
        raise ValueError("give either an index or time=")
    if time is not None:
        return int(np.argmin(np.abs(times - time)))
    assert index is not None
    if not -len(times) <= index < len(times):
        raise RecordError(f"{path}: no {what} number {index}; there are {len(times)}, from 0")
    return index % len(times)
