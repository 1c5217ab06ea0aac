"""Reading the result file of one run, finished, still being written, or left behind by a killed process."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from abm.errors import RecordError
from abm.record import checkpoints
from abm.record.checkpoints import Checkpoint
from abm.record.chunks import PackedLayer, fetch_layer
from abm.record.frames import CellFrame, FieldFrame, LabelledArray, Scalar, choose_frame
from abm.record.head import RunHead
from abm.record.layout import (
    CELLS,
    CODED_COLUMNS,
    EVENTS,
    FIELDS,
    READOUT,
    RESERVED_NAMES,
    SERIES_GROUPS,
    SUMMARY,
)
from abm.record.opening import dims_of, open_checked, read, values_of

if TYPE_CHECKING:
    import xarray


def open_run(path: str | Path) -> Run:
    """Open a result file for reading; data are read when asked for.

    Raises
    ------
    RecordError
        See :func:`abm.record.opening.open_checked`.
    """
    path = Path(path)
    return Run(path, open_checked(path))


class Run(RunHead):
    """One open result file; a context manager.  Times are in days, positions in um."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        super().__init__(path, file)
        self._opened: dict[str, dict[str, h5py.Dataset]] = {}
        self._labels: dict[tuple[str, str], NDArray[Any]] = {}

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, name: str, key: Any = ...) -> NDArray[Any]:
        return read(self._file[name], key, self.path)

    def _values(self, dataset: h5py.Dataset) -> NDArray[Any]:
        return values_of(dataset, self.path)

    # --------------------------------------------------------------------------------------- series

    def _members(self, group: str) -> dict[str, h5py.Dataset]:
        """Declared data sets of a group that grow, by name; kept, so that HDF5 keeps their chunks."""
        if group not in self._opened:
            self._opened[group] = {
                name: dataset
                for name, dataset in self._file[group].items()
                if name not in RESERVED_NAMES and dataset.compression and dataset.maxshape[0] is None
            }
        return self._opened[group]

    @cached_property
    def time(self) -> NDArray[np.float64]:
        """Times of the readouts [d]."""
        return self._read(f"{READOUT}/time")

    @property
    def series_names(self) -> list[str]:
        """Names of all series, those of the budget and the ledger included."""
        return [name for group in SERIES_GROUPS for name in self._members(group)]

    def series(self, name: str) -> LabelledArray:
        """One series with labels and unit; ``name`` may carry its group (``budget/sourced``).

        Raises
        ------
        RecordError
            No such series; the message lists those that exist.
        """
        group, _, bare = name.rpartition("/")
        groups = (group,) if group else SERIES_GROUPS
        for candidate in groups:
            if candidate in SERIES_GROUPS and bare in self._members(candidate):
                return self._labelled(candidate, bare)
        raise RecordError(f"{self.path}: no series {name!r}; there are {', '.join(self.series_names)}")

    def series_outlines(self) -> list[LabelledArray]:
        """All series without their points: names, dimensions, labels, units."""
        return [self._labelled(group, name, 0) for group in SERIES_GROUPS for name in self._members(group)]

    def _labelled(self, group: str, name: str, points: int | None = None) -> LabelledArray:
        dataset = self._members(group)[name]
        dims = dims_of(dataset)
        labels = {dim: self._label_values(group, dim) for dim in dims}
        return LabelledArray(
            name=name,
            values=read(dataset, slice(points), self.path),
            dims=dims,
            labels=labels,
            unit=str(dataset.attrs.get("units", "")),
            long_name=str(dataset.attrs.get("long_name", "")),
        )

    def _label_values(self, group: str, dim: str) -> NDArray[Any]:
        if (group, dim) not in self._labels:
            values = self._values(self._file[group][dim])
            values.flags.writeable = False  # shared by all series of the group
            self._labels[group, dim] = values
        return self._labels[group, dim]

    # ---------------------------------------------------------------------------------------- cells

    @cached_property
    def frame_times(self) -> NDArray[np.float64]:
        """Times of the frames of the cell table [d]."""
        return self._read(f"{CELLS}/time")

    @property
    def column_names(self) -> list[str]:
        """Columns of the cell table."""
        return list(self._members(CELLS))

    @cached_property
    def cell_labels(self) -> dict[str, NDArray[Any]]:
        """Names of the codes of the columns type, phenotype, status and place."""
        return {column: self._values(self._file[CELLS][table]) for column, table in CODED_COLUMNS.items()}

    @cached_property
    def column_units(self) -> dict[str, str]:
        """Unit of every column."""
        return {name: str(data.attrs.get("units", "")) for name, data in self._members(CELLS).items()}

    def frame(
        self, index: int | None = None, *, time: float | None = None, columns: list[str] | None = None
    ) -> CellFrame:
        """One frame of the cell table, by number (negative from the end) or the one nearest to a time [d].

        Parameters
        ----------
        columns : list of str, optional
            Read only these.

        Raises
        ------
        RecordError
            There is no such frame.
        """
        number = choose_frame(self.path, self.frame_times, index, time, "frame of cells")
        rows = self.frame_rows(number)
        names = self.column_names if columns is None else columns
        return CellFrame(
            time=float(self.frame_times[number]),
            tick=int(self._read(f"{CELLS}/tick", number)),
            columns={name: self.cell_values(name, rows) for name in names},
            labels=self.cell_labels,
            units={name: self.column_units[name] for name in names},
        )

    def frame_rows(self, number: int) -> slice:
        """Rows of the cell table that make up a frame."""
        start, size = (int(self._read(f"{CELLS}/{name}", number)) for name in ("frame_start", "frame_size"))
        return slice(start, start + size)

    def cell_values(self, column: str, rows: slice | int) -> NDArray[Any]:
        """Some rows of one column of the cell table.

        Raises
        ------
        RecordError
            No such column; the message lists those that exist.
        """
        members = self._members(CELLS)
        if column not in members:
            raise RecordError(f"{self.path}: no column {column!r}; there are {', '.join(members)}")
        return read(members[column], rows, self.path)

    # --------------------------------------------------------------------------------------- fields

    @cached_property
    def field_times(self) -> NDArray[np.float64]:
        """Times of the frames of the fields [d]."""
        return self._read(f"{FIELDS}/time")

    @cached_property
    def cytokines(self) -> list[str]:
        """Names of the fields."""
        return [str(name) for name in self._values(self._file[FIELDS]["cytokine"])]

    @property
    def field_unit(self) -> str:
        """Unit of all fields."""
        return str(self._file[FIELDS]["concentration"].attrs["units"])

    def coordinate(self, axis: str) -> NDArray[np.float64]:
        """Voxel centres along ``x``, ``y`` or ``z`` [um]."""
        return self._read(f"{FIELDS}/{axis}")

    @cached_property
    def tissue(self) -> NDArray[np.bool_]:
        """Mask of the tissue, (nz, ny, nx)."""
        return np.asarray(self._read(f"{FIELDS}/tissue") != 0)

    @cached_property
    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Mask (nz, ny, nx) of every named region."""
        return {name: mask != 0 for name, mask in self._maps("region", "region_mask").items()}

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Maps of weights (nz, ny, nx), e.g. of the drives of the injuries."""
        return self._maps("weight", "weight_map")

    def _maps(self, dim: str, name: str) -> dict[str, NDArray[Any]]:
        group = self._file[FIELDS]
        if name not in group:
            return {}
        return {
            str(label): self._read(f"{FIELDS}/{name}", i) for i, label in enumerate(self._values(group[dim]))
        }

    def field(
        self,
        cytokine: str,
        index: int | None = None,
        *,
        time: float | None = None,
        layer: int | slice | EllipsisType = ...,
    ) -> FieldFrame:
        """One cytokine of one frame, by number (negative from the end) or the frame nearest to a time [d].

        Parameters
        ----------
        layer : int or slice, optional
            Read only these layers; of a single one the values are (ny, nx).

        Raises
        ------
        RecordError
            There is no such cytokine or frame.
        """
        number, which = self._field_place(cytokine, index, time)
        group = self._file[FIELDS]
        dataset = group["concentration"]
        return FieldFrame(
            cytokine=cytokine,
            time=float(self.field_times[number]),
            tick=int(self._read(f"{group.name}/tick", number)),
            values=read(dataset, (number, which, layer), self.path),
            unit=str(dataset.attrs["units"]),
        )

    def packed_layer(self, cytokine: str, index: int, layer: int) -> PackedLayer | None:
        """A layer of a field, still compressed; None where only :meth:`field` can read it."""
        place = (*self._field_place(cytokine, index, None), layer)
        return fetch_layer(self._file[FIELDS]["concentration"], place, self.path)

    def _field_place(self, cytokine: str, index: int | None, time: float | None) -> tuple[int, int]:
        """Numbers of a frame and of a cytokine."""
        if cytokine not in self.cytokines:
            raise RecordError(f"{self.path}: no field {cytokine!r}; there are {', '.join(self.cytokines)}")
        number = choose_frame(self.path, self.field_times, index, time, "frame of fields")
        return number, self.cytokines.index(cytokine)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The log of events; one dict per line with tick, time [d], kind, text, amount, unit."""
        group = self._file[EVENTS]
        names = ("tick", "event_time", "kind", "text", "amount", "amount_unit")
        columns = [self._values(group[name]).tolist() for name in names]
        keys = ("tick", "time", "kind", "text", "amount", "unit")
        return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]

    @property
    def summary(self) -> dict[str, Scalar]:
        """Scalars written at the end of the run; empty before."""
        group = self._file[SUMMARY]
        rows = zip(
            *(self._values(group[name]) for name in ("quantity", "value", "unit", "description")), strict=True
        )
        return {str(name): Scalar(float(value), str(unit), str(text)) for name, value, unit, text in rows}

    @property
    def checkpoint_ticks(self) -> list[int]:
        """Ticks of the saved states, ascending."""
        return checkpoints.ticks(self._file)

    def checkpoint(self, tick: int | None = None) -> Checkpoint:
        """Read the newest saved state, or the one saved at ``tick``."""
        return checkpoints.load(self._file, self.path, tick)

    def to_xarray(self, group: str) -> xarray.Dataset:
        """One group as an ``xarray.Dataset`` in memory (needs the extra ``abm[export]``).

        Raises
        ------
        RecordError
            xarray is not installed, or there is no such group.
        """
        from abm.record.export import to_xarray

        return to_xarray(self._file, group, self.path)

    def describe(self) -> str:
        """What is inside, as text for ``abm info``."""
        from abm.record.overview import overview

        return overview(self)
