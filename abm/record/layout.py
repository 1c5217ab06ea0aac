"""The layout of a result file, as data: it drives the writer, the reader and docs/file_format.md.

Two kinds of content exist.  What every file has is listed here as :class:`Item` rows.  What depends on the
scenario (series, cell variables, cytokines) is declared by the engine as a :class:`RunDeclaration`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FORMAT_NAME = "abm-run"
FORMAT_VERSION = 1
CONVENTIONS = "CF-1.10"

# "d" is the UDUNITS symbol of the day.  The word "days" would make xarray turn the axis into timedelta64.
TIME_UNIT = "d"
MINUTES_PER_DAY = 1440.0

STATUS_RUNNING = "running"
STATUS_COMPLETE = "complete"
STATUS_INTERRUPTED = "interrupted"
STATUS_FAILED = "failed"
STATUSES = (STATUS_RUNNING, STATUS_COMPLETE, STATUS_INTERRUPTED, STATUS_FAILED)

READOUT, BUDGET, LEDGER = "readout", "budget", "ledger"
FIELDS, CELLS, EVENTS, SUMMARY, CHECKPOINT = "fields", "cells", "events", "summary", "checkpoint"
SERIES_GROUPS = (READOUT, BUDGET, LEDGER)
# Names that no series, column or dimension of a declaration may take.
RESERVED_NAMES = ("time", "tick", "row", "frame_start", "frame_size")
# Entry of a provenance document, and kind of an event: the run that this one branched from.
BRANCH = "branch"
CHECKPOINT_SLOTS = ("slot0", "slot1")

# What netCDF-4 writes as NAME of a dimension that has no coordinate values.
DIMENSION_WITHOUT_VARIABLE = "This is a netCDF dimension but not a netCDF variable."


@dataclass(frozen=True)
class Item:
    """One attribute or data set that every result file has.

    Attributes
    ----------
    group : str
        Group it lives in; empty for the root.
    name : str
        Name inside the group.
    dims : tuple of str
        Names of its dimensions; the first one of a growing data set grows.
    dtype : str
        numpy code, ``"str"`` for variable-length UTF-8, ``"attribute"`` for a root attribute.
    unit : str
        Unit as written in its ``units`` attribute; empty for text.
    description : str
        Its ``long_name``.
    optional : bool
        Left out when there is nothing to put in.
    """

    group: str
    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    description: str
    optional: bool = False


GROUP_DESCRIPTIONS: Mapping[str, str] = {
    "": "What the run was and how it ended.",
    READOUT: "Time series of every readout.",
    BUDGET: "Cumulative mass budget of every cytokine since the start of the run.",
    LEDGER: "Cumulative counts of what happened to cells since the start of the run.",
    FIELDS: "Concentration of every cytokine, frame by frame, and the maps that do not change.",
    CELLS: "One row per cell and frame; a frame is a contiguous range of rows (CF contiguous ragged array).",
    EVENTS: "What was given to the tissue and when: interventions, with the amount of a dose, and remarks of "
    "the engine. Injuries are in the scenario.",
    SUMMARY: "Scalars computed when the run ended.",
    CHECKPOINT: "The latest two saved states, in turn in slot0 and slot1; opaque to all but the engine.",
}

_TICK = "time as a whole number of the smallest step"
_TIME = "time since the start of the run"

LAYOUT: tuple[Item, ...] = (
    Item("", "Conventions", (), "attribute", "", f"'{CONVENTIONS}'"),
    Item("", "format", (), "attribute", "", f"'{FORMAT_NAME}'"),
    Item("", "format_version", (), "attribute", "", f"integer, now {FORMAT_VERSION}"),
    Item("", "title", (), "attribute", "", "title of the scenario"),
    Item("", "status", (), "attribute", "", "running, complete, interrupted or failed"),
    Item(
        "", "status_message", (), "attribute", "", "why the run stopped; empty while it runs or when complete"
    ),
    Item("", "arm", (), "attribute", "", "arm of the experiment"),
    Item("", "replicate", (), "attribute", "", "number of the replicate, from 0"),
    Item("", "seed", (), "attribute", "", "seed of the experiment"),
    Item("", "tick_minutes", (), "attribute", "", "length of one tick in minutes"),
    Item("", "scenario", (), "str", "", "resolved scenario of this run (YAML); re-creates the run"),
    Item("", "provenance", (), "str", "", "versions, host, git state, threads, command line (JSON)"),
    *(
        item
        for group in SERIES_GROUPS
        for item in (
            Item(group, "time", ("time",), "f8", TIME_UNIT, _TIME),
            Item(group, "tick", ("time",), "i8", "1", _TICK),
        )
    ),
    Item(FIELDS, "time", ("time",), "f8", TIME_UNIT, _TIME),
    Item(FIELDS, "tick", ("time",), "i8", "1", _TICK),
    Item(FIELDS, "cytokine", ("cytokine",), "str", "", "name of the cytokine"),
    Item(FIELDS, "x", ("x",), "f8", "um", "centre of the voxel along x"),
    Item(FIELDS, "y", ("y",), "f8", "um", "centre of the voxel along y"),
    Item(FIELDS, "z", ("z",), "f8", "um", "centre of the voxel along z"),
    Item(
        FIELDS,
        "concentration",
        ("time", "cytokine", "z", "y", "x"),
        "f4",
        "pg/ml",
        "concentration in the extracellular space",
    ),
    Item(FIELDS, "tissue", ("z", "y", "x"), "u1", "1", "1 inside the tissue, 0 outside"),
    Item(FIELDS, "region", ("region",), "str", "", "name of the region", optional=True),
    Item(
        FIELDS,
        "region_mask",
        ("region", "z", "y", "x"),
        "u1",
        "1",
        "1 inside the region, 0 outside",
        optional=True,
    ),
    Item(FIELDS, "weight", ("weight",), "str", "", "name of the map of weights", optional=True),
    Item(
        FIELDS,
        "weight_map",
        ("weight", "z", "y", "x"),
        "f4",
        "1",
        "weight of an injury's drive at the voxel",
        optional=True,
    ),
    Item(CELLS, "time", ("time",), "f8", TIME_UNIT, _TIME),
    Item(CELLS, "tick", ("time",), "i8", "1", _TICK),
    Item(CELLS, "frame_start", ("time",), "i8", "1", "first row of the frame"),
    Item(CELLS, "frame_size", ("time",), "i8", "1", "number of rows of the frame"),
    Item(CELLS, "type_name", ("type_name",), "str", "", "cell type of code 0, 1, ..."),
    Item(CELLS, "phenotype_name", ("phenotype_name",), "str", "", "phenotype of code 0, 1, ..."),
    Item(CELLS, "status_name", ("status_name",), "str", "", "status of code 0, 1, ..."),
    Item(CELLS, "place_name", ("place_name",), "str", "", "place of code 0, 1, ...; 0 is the tissue"),
    Item(EVENTS, "tick", ("event",), "i8", "1", _TICK),
    Item(EVENTS, "event_time", ("event",), "f8", TIME_UNIT, _TIME),
    Item(EVENTS, "kind", ("event",), "str", "", "kind of event"),
    Item(EVENTS, "text", ("event",), "str", "", "the event in words"),
    Item(EVENTS, "amount", ("event",), "f8", "", "amount in the unit of the column amount_unit; NaN if none"),
    Item(EVENTS, "amount_unit", ("event",), "str", "", "unit of the amount"),
    Item(SUMMARY, "quantity", ("quantity",), "str", "", "name of the scalar"),
    Item(SUMMARY, "value", ("quantity",), "f8", "", "value in the unit of the column unit"),
    Item(SUMMARY, "unit", ("quantity",), "str", "", "unit of the value"),
    Item(SUMMARY, "description", ("quantity",), "str", "", "what the scalar means"),
    *(
        item
        for slot in CHECKPOINT_SLOTS
        for item in (
            Item(
                f"{CHECKPOINT}/{slot}",
                "data",
                ("byte",),
                "u1",
                "1",
                "arrays one after another, 64-byte aligned",
            ),
            Item(
                f"{CHECKPOINT}/{slot}",
                "index",
                (),
                "str",
                "",
                "name, dtype, shape, offset of every array (JSON)",
            ),
        )
    ),
)


def items_of(group: str) -> tuple[Item, ...]:
    """Rows of :data:`LAYOUT` that belong to ``group``."""
    return tuple(item for item in LAYOUT if item.group == group)


@dataclass(frozen=True)
class Dimension:
    """A labelled dimension of series, e.g. ``Dimension("region", ("site", "opposite"))``.

    Attributes
    ----------
    name : str
        Name used in :attr:`Series.dims`.
    labels : sequence of str or of float
        One per index; numbers become a float64 coordinate.
    unit, long_name : str
        Attributes of the coordinate.
    """

    name: str
    labels: Sequence[str] | Sequence[float]
    unit: str = "1"
    long_name: str = ""


@dataclass(frozen=True)
class Series:
    """One quantity recorded at every readout.

    Attributes
    ----------
    name : str
        Unique among all series of the run.
    dims : tuple of str
        Dimensions beside time, each declared as a :class:`Dimension`.
    unit, long_name : str
        Attributes of the data set.
    group : str
        One of :data:`SERIES_GROUPS`.
    dtype : str
        numpy code.
    """

    name: str
    dims: tuple[str, ...] = ()
    unit: str = "1"
    long_name: str = ""
    group: str = READOUT
    dtype: str = "f8"


@dataclass(frozen=True)
class Column:
    """One column of the cell table."""

    name: str
    dtype: str = "f4"
    unit: str = "1"
    long_name: str = ""


STANDARD_COLUMNS: tuple[Column, ...] = (
    Column("id", "i8", "1", "identity of the cell; never reused"),
    Column("type", "u1", "1", "cell type, index into type_name"),
    Column("phenotype", "u1", "1", "phenotype, index into phenotype_name"),
    Column("status", "u1", "1", "status, index into status_name"),
    Column("place", "i1", "1", "where the cell is, index into place_name"),
    Column("x", "f4", "um", "position along x"),
    Column("y", "f4", "um", "position along y"),
    Column("z", "f4", "um", "position along z"),
)
# Columns that hold codes, and the table of names each one points into.
CODED_COLUMNS: Mapping[str, str] = {
    "type": "type_name",
    "phenotype": "phenotype_name",
    "status": "status_name",
    "place": "place_name",
}


@dataclass(frozen=True)
class CellTable:
    """What the cell table of a run holds.

    Attributes
    ----------
    variables : sequence of Column
        Columns beside :data:`STANDARD_COLUMNS`; NaN for cells whose type lacks the variable.
    types, phenotypes, statuses, places : sequence of str
        Names of the codes 0, 1, ... of the four coded columns.
    """

    variables: Sequence[Column]
    types: Sequence[str]
    phenotypes: Sequence[str]
    statuses: Sequence[str]
    places: Sequence[str] = ("tissue",)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns in file order."""
        return (*STANDARD_COLUMNS, *self.variables)

    def names_of(self, column: str) -> Sequence[str]:
        """Names of the codes of a coded column."""
        tables = {
            "type": self.types,
            "phenotype": self.phenotypes,
            "status": self.statuses,
            "place": self.places,
        }
        return tables[column]


@dataclass(frozen=True)
class FieldStack:
    """Grid, cytokines and constant maps of a run.

    Attributes
    ----------
    cytokines : sequence of str
        In the order of the field index.
    x, y, z : float64 arrays [um]
        Voxel centres.
    tissue : (nz, ny, nx) bool or uint8, optional
        Everything is tissue when omitted.
    regions, weights : mapping of str to (nz, ny, nx) array
        Masks of the named regions; maps of the drives of the injuries.
    significant_bits : int, optional
        Bits of the mantissa kept when a concentration is stored (1 to 23); all when omitted.
        With n bits the relative error is at most 2**-(n + 1).
    """

    cytokines: Sequence[str]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    tissue: NDArray[np.generic] | None = None
    regions: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    weights: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    significant_bits: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(nz, ny, nx)``."""
        return len(self.z), len(self.y), len(self.x)


@dataclass(frozen=True)
class RunDeclaration:
    """Everything a result file must know before the first number is written.

    Attributes
    ----------
    title, arm : str
        Of the scenario.
    replicate, seed : int
        Of the run.
    tick_minutes : float [min]
        Length of one tick.
    scenario_text : str
        Resolved YAML that re-creates the run.
    provenance : str
        JSON text.
    dimensions : sequence of Dimension
        Of the series.
    series : sequence of Series
        Recorded at every readout.
    fields : FieldStack
        Grid and cytokines.
    cells : CellTable
        Columns of the cell table.
    """

    title: str
    arm: str
    replicate: int
    seed: int
    tick_minutes: float
    scenario_text: str
    provenance: str
    dimensions: Sequence[Dimension]
    series: Sequence[Series]
    fields: FieldStack
    cells: CellTable
