"""One axis of a sweep: its values as a scenario file would have them, and as numbers for tables."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from abm.errors import Fault, UnitError
from abm.scenario.nodes import (
    KeyPath,
    ListNode,
    MapNode,
    Mark,
    Node,
    Origin,
    ScalarNode,
    dotted,
    nearest,
    value_mark,
)
from abm.scenario.read import UnreadableError, decode, read_bytes, resolve
from abm.scenario.settings import SettingError, parse_path
from abm.sweep.schema import LISTED, SAMPLED, AxisPart, Column, Grid, LogNormal, Normal, Range
from abm.units import Measure, parse

#: Digits of a computed value.  What is simulated is exactly what the text says.
DIGITS = 8
#: Nearest that a draw from a bell comes to the ends of its probability.
_TAIL = 1e-12


@dataclass(frozen=True)
class Spread:
    """A distribution of one value, cut at two ends.

    Attributes
    ----------
    low, high : float
        Ends, in the unit of the axis; infinite where it is not cut.
    is_log : bool
        Whether the logarithm is distributed so.
    bell : tuple of float, optional
        Centre and standard deviation of a normal distribution (of the logarithm where `is_log`); flat between
        the ends when omitted.
    """

    low: float
    high: float
    is_log: bool = False
    bell: tuple[float, float] | None = None

    def at(self, u: float) -> float:
        """The value below which a share `u` of the distribution lies."""
        low, high = (_log(end) if self.is_log else end for end in (self.low, self.high))
        if self.bell is None:
            value = low + u * (high - low)
        else:
            normal = NormalDist(*self.bell)
            first, last = normal.cdf(low), normal.cdf(high)
            value = normal.inv_cdf(min(max(first + u * (last - first), _TAIL), 1.0 - _TAIL))
        return min(max(math.exp(value) if self.is_log else value, self.low), self.high)


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf


@dataclass(frozen=True)
class Axis:
    """What varies under one name.

    Attributes
    ----------
    name, label : str
        In the sweep file, and in figures.
    paths : tuple of KeyPath
        Places that get the value, as `--set` takes them.
    unit : str
        Of `numbers`, as written; empty for plain numbers and for what is no number.
    mark : Mark
        Where the axis stands.
    nodes : tuple of Node
        Values; empty where they are sampled.
    numbers : (n,) float64 or None
        The values in `unit`; None where they are not all numbers of one dimension.
    spread : Spread or None
        What values are sampled from.
    table : str
        File of the table of which the values are a column; empty otherwise.
    """

    name: str
    label: str
    paths: tuple[KeyPath, ...]
    unit: str
    mark: Mark
    nodes: tuple[Node, ...] = ()
    numbers: NDArray[np.float64] | None = None
    spread: Spread | None = None
    table: str = ""

    def node(self, value: float) -> Node:
        """The value of a case: at a position of the list, or a number that was drawn."""
        if self.spread is None:
            return self.nodes[int(value)]
        return ScalarNode(*_written(value, self.unit), self.mark)

    def drawn(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers at positions 0 to 1 of the distribution, rounded as they are written."""
        assert self.spread is not None
        return np.array([float(f"{self.spread.at(float(x)):.{DIGITS}g}") for x in u])

    def text(self, value: float) -> str:
        """A value in words, for tables and messages."""
        return _shown(self.node(value))

    def of_table(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of a column of a table: in `unit`, or positions in the list of texts."""
        if self.spread is not None or self.numbers is None:
            return values
        return np.asarray(self.numbers[values.astype(np.int64)], dtype=np.float64)


def _shown(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return node.text or "null"
    if isinstance(node, ListNode):
        return f"[{', '.join(map(_shown, node.items))}]"
    return "{" + ", ".join(f"{key}: {_shown(below)}" for key, below in node.entries.items()) + "}"


def _written(number: float, unit: str) -> tuple[str | int | float | bool | None, str]:
    text = f"{number:.{DIGITS}g} {unit}".strip()
    return resolve(text), text


class AxisReader:
    """Makes an axis of a part of a sweep file; faults get their places in the file.

    Parameters
    ----------
    folder : Path
        What tables are relative to.
    faults : list of Fault
        Faults are added.
    """

    def __init__(self, folder: Path, faults: list[Fault]) -> None:
        self.folder = folder
        self.faults = faults
        self._tables: dict[str, dict[str, tuple[ScalarNode, ...]] | None] = {}

    def axis(self, name: str, part: AxisPart, node: MapNode) -> Axis | None:
        """The axis that a part describes, or None and its faults."""
        self._name, self._node = name, node
        before = len(self.faults)
        paths = self._paths(part)
        kinds = [kind for kind in (*LISTED, *SAMPLED) if getattr(part, kind) is not None]
        if len(kinds) != 1:
            given = f"; given: {', '.join(kinds)}" if kinds else ""
            self._fault(f"an axis has one of {', '.join((*LISTED, *SAMPLED))}{given}")
            return None
        kind = kinds[0]
        label = part.label or name.replace("_", " ")
        mark = value_mark(node, (kind,))
        if kind in SAMPLED:
            found = self._spread(kind, getattr(part, kind))
            if found is None or len(self.faults) > before:
                return None
            return Axis(name, label, paths, found[1], mark, spread=found[0])
        nodes = self._listed(kind, part, node, mark)
        if len(self.faults) > before or not nodes:
            return None
        numbers, unit = _numbers(nodes)
        table = part.csv.file if part.csv is not None else ""
        return Axis(name, label, paths, unit, mark, nodes, numbers, table=table)

    def _fault(self, message: str, *path: str | int) -> None:
        mark = value_mark(self._node, path) if path else self._node.mark
        self.faults.append(mark.fault(message, dotted(("vary", self._name, *path))))

    def _paths(self, part: AxisPart) -> tuple[KeyPath, ...]:
        if (part.path is None) == (not part.paths):
            self._fault("an axis has either 'path' (one place) or 'paths' (several that get the same value)")
            return ()
        given = [(part.path, ("path",))] if part.path is not None else []
        given += [(path, ("paths", i)) for i, path in enumerate(part.paths)]  # type: ignore[misc]
        found: list[KeyPath] = []
        for text, where in given:
            try:
                found.append(parse_path(str(text).strip()))
            except SettingError as error:
                self._fault(str(error), *where)
        return tuple(found)

    # ------------------------------------------------------------------------------------ listed values

    def _listed(self, kind: str, part: AxisPart, node: MapNode, mark: Mark) -> tuple[Node, ...]:
        if part.grid is not None:
            return self._grid(part.grid, mark)
        if part.csv is not None:
            return self._column(part.csv)
        below = node.entries[kind]
        return below.items if isinstance(below, ListNode) else ()

    def _grid(self, grid: Grid, mark: Mark) -> tuple[Node, ...]:
        ends = self._ends("grid", grid.low, grid.high)
        if ends is None or not self._scale("grid", grid.scale, ends[0]):
            return ()
        low, high, unit = ends
        share = np.linspace(0.0, 1.0, grid.points)
        numbers = low * (high / low) ** share if grid.scale == "log" else low + (high - low) * share
        numbers[-1] = high
        return tuple(ScalarNode(*_written(float(number), unit), mark) for number in numbers)

    def _column(self, column: Column) -> tuple[Node, ...]:
        if column.file not in self._tables:
            self._tables[column.file] = self._table(column.file)
        table = self._tables[column.file]
        if table is None:
            return ()
        if column.column not in table:
            near = nearest(column.column, table)
            self._fault(
                f"{column.file} has no column '{column.column}'{near}; columns: {', '.join(table)}",
                "csv",
                "column",
            )
            return ()
        return table[column.column]

    def _table(self, name: str) -> dict[str, tuple[ScalarNode, ...]] | None:
        path = self.folder / name
        try:
            text = decode(read_bytes(path, name, "a table is a text file", "*.csv"), name, "a table")
        except UnreadableError as error:
            self._fault(f"'{name}': {error.fault.message}", "csv", "file")
            return None
        lines = list(csv.reader(io.StringIO(text)))
        rows = [(number, row) for number, row in enumerate(lines, 1) if any(map(str.strip, row))]
        if len(rows) < 2:
            self._fault(f"'{name}' has no rows below its line of names", "csv", "file")
            return None
        origin = Origin(str(path), path.parent, tuple(text.splitlines()))
        heads = [head.strip() for head in rows[0][1]]
        for number, row in rows[1:]:
            if len(row) != len(heads):
                message = f"has {len(row)} values; the line of names has {len(heads)}"
                self.faults.append(Mark(origin, number, 1).fault(message))
                return None
        return {
            head: tuple(
                ScalarNode(resolve(row[i].strip()), row[i].strip(), Mark(origin, number, 1))
                for number, row in rows[1:]
            )
            for i, head in enumerate(heads)
        }

    # ----------------------------------------------------------------------------------- distributions

    def _spread(self, kind: str, part: Range | Normal | LogNormal) -> tuple[Spread, str] | None:
        if isinstance(part, Range):
            ends = self._ends(kind, part.low, part.high)
            if ends is None or not self._scale(kind, part.scale, ends[0]):
                return None
            return Spread(ends[0], ends[1], part.scale == "log"), ends[2]
        key = "mean" if isinstance(part, Normal) else "median"
        centre = self._measure(getattr(part, key), kind, key)
        if centre is None:
            return None
        unit = centre.unit_text
        given = {name: getattr(part, name) for name in ("low", "high") if getattr(part, name) is not None}
        ends_given = {name: self._like(raw, centre, kind, name) for name, raw in given.items()}
        log = isinstance(part, LogNormal)
        low, high = ends_given.get("low", 0.0 if log else -math.inf), ends_given.get("high", math.inf)
        middle = _in_own_unit(centre)
        width = (
            math.log(part.factor) if isinstance(part, LogNormal) else self._like(part.sd, centre, kind, "sd")
        )
        if low is None or high is None or width is None:
            return None
        if width <= 0.0:
            self._fault("must be above 1" if log else "must be above 0", kind, "factor" if log else "sd")
        elif log and middle <= 0.0:
            self._fault("must be above 0", kind, key)
        elif not low < high:
            self._fault("the range is empty: low is not below high", kind)
        else:
            return Spread(low, high, log, (math.log(middle) if log else middle, width)), unit
        return None

    def _ends(self, kind: str, low: object, high: object) -> tuple[float, float, str] | None:
        first = self._measure(low, kind, "low")
        if first is None:
            return None
        last = self._like(high, first, kind, "high")
        if last is None:
            return None
        begin = _in_own_unit(first)
        if not begin < last:
            self._fault(f"the range is empty: low {low}, high {high}", kind)
            return None
        return begin, last, first.unit_text

    def _scale(self, kind: str, scale: str, low: float) -> bool:
        if scale == "log" and low <= 0.0:
            self._fault("a logarithmic scale needs a low end above 0", kind, "scale")
            return False
        return True

    def _measure(self, raw: object, *where: str) -> Measure | None:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            self._fault("expected a number with its unit", *where)
            return None
        try:
            return parse(str(raw))
        except UnitError as error:
            self._fault(str(error), *where)
            return None

    def _like(self, raw: object, like: Measure, *where: str) -> float | None:
        """A value in the unit of another one."""
        measure = self._measure(raw, *where)
        if measure is None:
            return None
        if measure.exponents != like.exponents:
            self._fault(f"'{raw}' and '{like.text}' are not of the same kind", *where)
            return None
        return float(measure.base_value / parse(f"1 {like.unit_text}").base_value)


def _in_own_unit(measure: Measure) -> float:
    return float(measure.base_value / parse(f"1 {measure.unit_text}").base_value)


def _numbers(nodes: Sequence[Node]) -> tuple[NDArray[np.float64] | None, str]:
    """Values as numbers in the unit of the first, and that unit; None where they are something else."""
    measures = []
    for node in nodes:
        if not isinstance(node, ScalarNode) or isinstance(node.value, bool | None):
            return None, ""
        try:
            measures.append(parse(node.text))
        except UnitError:
            return None, ""
    if len({measure.exponents for measure in measures}) != 1:
        return None, ""
    one = parse(f"1 {measures[0].unit_text}").base_value
    return np.array([float(measure.base_value / one) for measure in measures]), measures[0].unit_text
