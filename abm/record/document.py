"""docs/file_format.md, made from the layout: ``python -m abm.record.document docs/file_format.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from abm.record.construct import CELL_CHUNK, SERIES_CHUNK
from abm.record.layout import (
    CELLS,
    CHECKPOINT_SLOTS,
    CODED_COLUMNS,
    EVENTS,
    FIELDS,
    FORMAT_VERSION,
    GROUP_DESCRIPTIONS,
    SERIES_GROUPS,
    STANDARD_COLUMNS,
    Item,
    items_of,
)
from abm.record.writer import FLUSH_SECONDS

_INTRODUCTION = f"""\
# The result file

<!-- Made from abm/record/layout.py by `python -m abm.record.document docs/file_format.md`. Edit those. -->

Format version {FORMAT_VERSION}. One run is one HDF5 file. It follows the netCDF-4 conventions
(dimension scales, coordinate variables, `units`, `long_name`) and CF-1.10, uses no filter but
shuffle and gzip, and opens in anything that reads HDF5 1.8 or later. Text is variable-length UTF-8.
Units are UDUNITS symbols; time is in days (`d`) since the start of the run, and beside it, exactly,
in `tick`: a whole number of steps of `tick_minutes` minutes.

## Opening it

```python
from abm.record import open_run

with open_run("out.h5") as run:  # finished, running, or left behind by a killed process
    print(run.describe())
    pain = run.series("withdrawal_threshold")  # .values .time .dims .labels .unit
    frame = run.frame(time=7.0)  # cells nearest to day 7: frame["x"], frame.names("type")
    field = run.field("TNF-a", -1)  # last frame, (nz, ny, nx)
    table = run.to_xarray("readout")  # an xarray.Dataset; needs abm[export]
```

| with | how |
|---|---|
| xarray | `xarray.open_dataset("out.h5", group="readout", engine="h5netcdf")` |
| | `xarray.open_datatree("out.h5", engine="netcdf4")` for all groups |
| h5py | `h5py.File("out.h5")["readout/withdrawal_threshold"][:]` |
| the shell | `h5dump -d /readout/withdrawal_threshold out.h5`, `h5ls -r out.h5` |
| MATLAB | `h5read('out.h5', '/fields/concentration')`; MATLAB shows dimensions in reverse order |
| R | `rhdf5::h5read("out.h5", "/readout/withdrawal_threshold")` |

## Contents

Names in *italics* depend on the scenario.
"""

_SERIES = """\
A series has the dimension `time` and any of the labelled dimensions of its group, each with a
coordinate variable that holds the labels (names of regions, cytokines, cell types,
`type:phenotype`; numbers for quantiles).
"""

_CELLS = f"""\
Frame i is the rows `frame_start[i]` up to, and without, `frame_start[i] + frame_size[i]`. Numbers
in the columns {", ".join(f"`{name}`" for name in CODED_COLUMNS)} are indices into `type_name` and
its fellows, and are repeated as CF `flag_values` and `flag_meanings`. An `id` belongs to one cell
for ever. A variable is NaN for cells whose type does not have it.
"""

_END = f"""\
## While it is written, and after a kill

A file appears under its name when it is valid, and stays valid. Rows wait in memory and are written
every {FLUSH_SECONDS:g} s (on a slow disk less often) and at every checkpoint; a killed process
(`kill -9`, out of memory, end of a job) loses what came after that, nothing else,
and its file keeps the status `running`. After a power cut, everything up to the last checkpoint is safe.

- Any program may read a file while it is written: the writer takes none of HDF5's locks, so
  `HDF5_USE_FILE_LOCKING` need not be set. `open_run` reads a copy taken between two flushes; with
  other programs, open the file again if they complain, as a flush may be under way.
- A flush is all or nothing. It appends new data together with a journal of the places about to
  change, changes them, and cuts the journal off. If the process dies in between (a window of well
  under a millisecond), `open_run` takes the journal into account and `abm resume` completes the
  file; other programs may refuse it until then. The journal is, for each page of 4096 bytes: number
  (uint64), length (uint32), bytes; then length of the journal (uint64), length of the file
  afterwards (uint64), CRC-32 (uint32), `ABMREDO1`.
- When the disk is full, the file stays as the last flush left it.
- Only one process can write a file: it holds a lock (`F_OFD_SETLK`) on the byte 2^60. On file
  systems without locks this protection is missing.

The last, unfinished chunk of a series ({SERIES_CHUNK} points) and of the cell table ({CELL_CHUNK}
rows) is stored uncompressed and replaced by a compressed one when it is full.

## Checkpoints

`checkpoint/slot0` and `checkpoint/slot1` are written in turn. `complete` is set to 0 before and to
1 after the data of a slot are on disk, and `crc32` guards them, so at least one slot is valid once
a checkpoint was written. `index` names the arrays in `data`, and the length of every growing data
set at that moment: resuming cuts them there, so that a resumed run records every point once.

## Precision

Concentrations are stored as float32. The attribute `significant_bits` of `fields/concentration`, if
present, is the number of mantissa bits kept, rounded to nearest: with n bits, the relative error is
at most 2^-(n+1). Positions and variables of cells are float32, series are float64, checkpoints hold
what the engine computes with, to the bit.

## Versions

`format_version` rises when an existing name changes its meaning or goes; new names may appear
without that. A file of a newer version is refused with a message, older versions stay readable.
"""


def file_format() -> str:
    """The whole document."""
    parts = [_INTRODUCTION]
    for group, description in GROUP_DESCRIPTIONS.items():
        parts.append(f"### `/{group}`\n\n{description}\n")
        if group in SERIES_GROUPS:
            parts.append(_SERIES)
            own = ["| *each series* | time, *labelled dimensions* | f8 or i8 | *its unit* | *what it is* |"]
        elif group == CELLS:
            parts.append(_CELLS)
            own = [
                f"| `{column.name}` | row | {column.dtype} | {column.unit} | {column.long_name} |"
                for column in STANDARD_COLUMNS
            ]
            own.append("| *each variable* | row | f4 | *its unit* | *what it is* |")
        else:
            own = []
        items = _items(group)
        attributes = [item for item in items if item.dtype == "attribute"]
        if attributes:
            rows = [f"| `{item.name}` | {item.description} |" for item in attributes]
            parts.append("\n".join(["| attribute | |", "|---|---|", *rows]) + "\n")
        datasets = [_row(item, group) for item in items if item.dtype != "attribute"]
        parts.append(
            "\n".join(["| name | dimensions | type | unit | |", "|---|---|---|---|---|", *datasets, *own])
            + "\n"
        )
    return "\n".join([*parts, _END])


def _items(group: str) -> list[Item]:
    return [*items_of(group), *items_of(f"{group}/{CHECKPOINT_SLOTS[0]}")]


def _row(item: Item, group: str) -> str:
    inner = item.group.removeprefix(group).strip("/") if group else ""
    name = f"{inner}/{item.name}" if inner else item.name
    dtype = "text" if item.dtype == "str" else item.dtype
    unit = item.unit or ("" if dtype == "text" or group not in (EVENTS, FIELDS) else "see text")
    note = f"{item.description} (only if there are any)" if item.optional else item.description
    return f"| `{name}` | {', '.join(item.dims) or 'scalar'} | {dtype} | {unit} | {note} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(file_format(), encoding="utf-8")
