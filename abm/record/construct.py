"""Building the empty result file from a declaration, and finding its growing data sets again."""

from __future__ import annotations

import re
from collections.abc import Iterable

import h5py
import numpy as np

from abm.record.checkpoints import create_slots
from abm.record.layout import (
    CELLS,
    CODED_COLUMNS,
    CONVENTIONS,
    EVENTS,
    FIELDS,
    FORMAT_NAME,
    FORMAT_VERSION,
    GROUP_DESCRIPTIONS,
    RESERVED_NAMES,
    SERIES_GROUPS,
    STATUS_RUNNING,
    SUMMARY,
    CellTable,
    FieldStack,
    Item,
    RunDeclaration,
    items_of,
)
from abm.record.streams import (
    GrowingArray,
    coordinate,
    describe,
    growing_array,
    growing_dimension,
    static_map,
    text_dataset,
)

SERIES_CHUNK = 128
FRAME_CHUNK = 128
CELL_CHUNK = 4096
TEXT_CHUNK = 64

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@+\-]*")


def build(file: h5py.File, declaration: RunDeclaration) -> None:
    """Create every group, coordinate and (empty) data set of a run."""
    check_declaration(declaration)
    file.attrs.update(
        {
            "Conventions": CONVENTIONS,
            "format": FORMAT_NAME,
            "format_version": np.int64(FORMAT_VERSION),
            "title": declaration.title,
            "status": STATUS_RUNNING,
            "status_message": "",
            "arm": declaration.arm,
            "replicate": np.int64(declaration.replicate),
            "seed": _integer(declaration.seed),
            "tick_minutes": np.float64(declaration.tick_minutes),
        }
    )
    for item in items_of(""):
        if item.dtype == "str":
            text = declaration.scenario_text if item.name == "scenario" else declaration.provenance
            text_dataset(file, item.name, text, item.description)
    for name, description in GROUP_DESCRIPTIONS.items():
        if name:
            file.require_group(name).attrs["description"] = description
    for group in SERIES_GROUPS:
        _build_series(file[group], group, declaration)
    _build_fields(file[FIELDS], declaration.fields)
    _build_cells(file[CELLS], declaration.cells)
    _build_table(file[EVENTS], "event", items_of(EVENTS))
    _build_table(file[SUMMARY], "quantity", items_of(SUMMARY))
    create_slots(file)


def find_streams(file: h5py.File) -> dict[str, GrowingArray]:
    """Growing arrays of numbers by their path in the file, e.g. ``readout/time``."""
    found = {}
    for group in (*SERIES_GROUPS, FIELDS, CELLS):
        for name, dataset in file[group].items():
            # Tables of text grow too, but row by row through HDF5 itself.
            if dataset.maxshape[:1] == (None,) and dataset.compression == "gzip":
                found[f"{group}/{name}"] = GrowingArray(dataset)
    return found


def _integer(value: int) -> np.int64 | np.uint64:
    return np.uint64(value) if value > np.iinfo(np.int64).max else np.int64(value)


def _time_axis(group: h5py.Group, items: Iterable[Item], chunk_rows: int) -> None:
    for item in items:
        if item.name in ("time", "tick"):
            growing_array(
                group,
                item.name,
                item.dims,
                (),
                item.dtype,
                item.unit,
                item.description,
                chunk_rows=chunk_rows,
                scale=item.name == "time",
            )
    group["tick"].attrs["coordinates"] = "time"
    group["time"].attrs["axis"] = "T"


def _build_series(group: h5py.Group, name: str, declaration: RunDeclaration) -> None:
    members = [series for series in declaration.series if series.group == name]
    used = {dim for series in members for dim in series.dims}
    lengths = {}
    _time_axis(group, items_of(name), SERIES_CHUNK)
    for dimension in declaration.dimensions:
        lengths[dimension.name] = len(dimension.labels)
        if dimension.name in used:
            coordinate(group, dimension.name, dimension.labels, dimension.unit, dimension.long_name)
    for series in members:
        growing_array(
            group,
            series.name,
            ("time", *series.dims),
            tuple(lengths[dim] for dim in series.dims),
            series.dtype,
            series.unit,
            series.long_name or series.name.replace("_", " "),
            chunk_rows=SERIES_CHUNK,
        )


def _build_fields(group: h5py.Group, fields: FieldStack) -> None:
    items = {item.name: item for item in items_of(FIELDS)}
    _time_axis(group, items.values(), FRAME_CHUNK)
    coordinate(group, "cytokine", fields.cytokines, "", items["cytokine"].description)
    for axis, values in (("x", fields.x), ("y", fields.y), ("z", fields.z)):
        dataset = coordinate(group, axis, values, items[axis].unit, items[axis].description)
        dataset.attrs["axis"] = axis.upper()
    item = items["concentration"]
    stream = growing_array(
        group,
        item.name,
        item.dims,
        (len(fields.cytokines), *fields.shape),
        item.dtype,
        item.unit,
        item.description,
        chunk_rows=1,
        split_axes=1,
    )
    if fields.significant_bits is not None:
        stream.dataset.attrs["significant_bits"] = np.int64(fields.significant_bits)
        stream.dataset.attrs["comment"] = (
            f"mantissa rounded to {fields.significant_bits} bits: relative error at most "
            f"{2.0 ** -(fields.significant_bits + 1):.1e}"
        )
    tissue = np.ones(fields.shape, np.uint8) if fields.tissue is None else np.asarray(fields.tissue, np.uint8)
    static_map(group, "tissue", tissue, items["tissue"].dims, "1", items["tissue"].description)
    for dim, name, maps, dtype in (
        ("region", "region_mask", fields.regions, np.uint8),
        ("weight", "weight_map", fields.weights, np.float32),
    ):
        if maps:
            coordinate(group, dim, list(maps), "", items[dim].description)
            stack = np.stack([np.asarray(array, dtype) for array in maps.values()])
            static_map(group, name, stack, items[name].dims, "1", items[name].description)


def _build_cells(group: h5py.Group, cells: CellTable) -> None:
    items = {item.name: item for item in items_of(CELLS)}
    _time_axis(group, items.values(), FRAME_CHUNK)
    for name in ("frame_start", "frame_size"):
        item = items[name]
        growing_array(
            group, name, item.dims, (), item.dtype, item.unit, item.description, chunk_rows=FRAME_CHUNK
        )
    growing_dimension(group, "row")
    group["frame_size"].attrs["sample_dimension"] = "row"
    for column in cells.columns:
        stream = growing_array(
            group,
            column.name,
            ("row",),
            (),
            column.dtype,
            column.unit,
            column.long_name or column.name.replace("_", " "),
            chunk_rows=CELL_CHUNK,
        )
        if column.name in CODED_COLUMNS:
            names = cells.names_of(column.name)
            table = CODED_COLUMNS[column.name]
            coordinate(group, table, list(names), "", items[table].description)
            stream.dataset.attrs["flag_values"] = np.arange(len(names), dtype=column.dtype)
            stream.dataset.attrs["flag_meanings"] = " ".join(name.replace(" ", "_") for name in names)


def _build_table(group: h5py.Group, dim: str, items: Iterable[Item]) -> None:
    """Create a small table with text columns, written row by row through HDF5."""
    items = tuple(items)
    if dim not in {item.name for item in items}:
        growing_dimension(group, dim)
    for item in items:
        dtype = h5py.string_dtype("utf-8") if item.dtype == "str" else item.dtype
        dataset = group.create_dataset(
            item.name, shape=(0,), maxshape=(None,), chunks=(TEXT_CHUNK,), dtype=dtype
        )
        describe(dataset, item.unit, item.description)
        if item.name == dim:
            dataset.make_scale(dim)
    for item in items:
        if item.name != dim:
            group[item.name].dims[0].attach_scale(group[dim])


def check_declaration(declaration: RunDeclaration) -> None:
    """Refuse names that netCDF-4 cannot hold and references to undeclared dimensions.

    Raises
    ------
    ValueError
        A declaration comes from the program, never from a user's file, so this is a defect.
    """
    dimensions = {dimension.name: dimension for dimension in declaration.dimensions}
    names = [series.name for series in declaration.series]
    columns = [column.name for column in declaration.cells.columns]
    for kind, given in (("series", names), ("column", columns), ("dimension", list(dimensions))):
        for name in given:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{kind} {name!r}: a name is a letter followed by letters, digits or _.@+-")
            if given.count(name) > 1:
                raise ValueError(f"{kind} {name!r} is declared twice")
            if name in RESERVED_NAMES:
                raise ValueError(f"{kind} {name!r}: this name is reserved")
    for series in declaration.series:
        if series.group not in SERIES_GROUPS:
            raise ValueError(f"series {series.name!r}: group {series.group!r}, allowed: {SERIES_GROUPS}")
        missing = [dim for dim in series.dims if dim not in dimensions]
        if missing:
            raise ValueError(f"series {series.name!r}: undeclared dimensions {missing}")
        if series.name in dimensions:
            raise ValueError(f"{series.name!r} names both a series and a dimension")
    bits = declaration.fields.significant_bits
    if bits is not None and not 1 <= bits <= 23:
        raise ValueError(f"significant_bits is {bits}, allowed: 1 to 23")
