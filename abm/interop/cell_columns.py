"""The cell table of a running model by the names people use: read, written and shortened by the books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.population import remove_cells
from abm.engine.state import State
from abm.engine.step import as_of_now
from abm.scenario.nodes import listed, nearest
from abm.state.cells import TISSUE
from abm.state.kinds import VariableKind
from abm.state.tables import Floats, Ints

Column = NDArray[Any]
Missing = Literal["error", "default"]


class CellColumns:
    """Columns of the cells of one running model.

    Rows are indices into `state.cells`, whose ids are strictly increasing; a row is valid until the
    next step or removal, an id for ever.

    Parameters
    ----------
    model : Model
    state : State
        Of that model; it stays the owner of the arrays.

    Attributes
    ----------
    changes : int
        Counts what was written or removed through this object.
    """

    def __init__(self, model: Model, state: State) -> None:
        self.model, self.state = model, state
        self.changes = 0
        names = model.names
        self._types = np.array(names.cell_types, object)
        self._phenotypes = np.array([p for group in names.phenotypes for p in group], object)
        self._first_phenotype = np.cumsum([0, *(len(group) for group in names.phenotypes)])[:-1]
        self._places = np.array(["tissue", *names.compartments], object)
        self.slots = {
            name: np.array([v.index(name) if name in v else -1 for v in names.variables], np.int64)
            for name in dict.fromkeys(v for group in names.variables for v in group)
        }
        kind = model.variables.kind
        self._computed = {
            name
            for name, slot in self.slots.items()
            if any(kind[k, v] == VariableKind.INSTANT for k, v in enumerate(slot) if v >= 0)
        }
        self._as_of_now: tuple[tuple[int, int], Floats] | None = None
        self._attributes: dict[str, Callable[[Any], Any]] = {
            "unique_id": lambda rows: self.state.cells.id[rows],
            "cell_type": lambda rows: self._types[self.state.cells.type[rows]],
            "phenotype": self._phenotype,
            "place": lambda rows: self._places[self.state.cells.place[rows]],
            "alive": lambda rows: self.state.cells.dead[rows] == 0,
            "age": self._age,
            "parent": lambda rows: self.state.cells.parent[rows],
            "pos": self._position,
            "x": lambda rows: self._coordinates(rows, 0),
            "y": lambda rows: self._coordinates(rows, 1),
            "z": lambda rows: self._coordinates(rows, 2),
        }

    def __len__(self) -> int:
        return len(self.state.cells.id)

    @property
    def attributes(self) -> tuple[str, ...]:
        """What every cell has; none of it can be written."""
        return tuple(self._attributes)

    def row_of(self, identity: int, hint: int = 0) -> int:
        """Row of the cell with this id; `hint` is tried first.

        Raises
        ------
        LookupError
            If that cell is no longer in the table, or never was.
        """
        ids = self.state.cells.id
        if 0 <= hint < len(ids) and ids[hint] == identity:
            return hint
        row = int(np.searchsorted(ids, identity))
        if row == len(ids) or ids[row] != identity:
            raise LookupError(f"cell {identity} is gone: it left the tissue or was cleared")
        return row

    def rows_of(self, identities: Ints) -> Ints:
        """Rows of those of the cells that are still in the table, in the order given."""
        ids = self.state.cells.id
        if len(ids) == 0:
            return np.zeros(0, np.int64)
        rows = np.minimum(np.searchsorted(ids, identities), len(ids) - 1)
        return np.asarray(rows[ids[rows] == identities], dtype=np.int64)

    def attribute(self, name: str, row: int) -> Any:
        """One of `attributes` of one cell, as numpy has it."""
        return self._attributes[name](row)

    def coordinate(self, row: int, axis: int) -> float:
        """Position of one cell along one axis [um]; nan while it waits in a compartment."""
        cells = self.state.cells
        return float(cells.position[row, axis]) if cells.place[row] == TISSUE else np.nan

    def position(self, row: int) -> tuple[float, ...] | None:
        """Position of one cell [um], without z in two dimensions; None while it waits."""
        cells = self.state.cells
        if cells.place[row] != TISSUE:
            return None
        return tuple(cells.position[row, : 2 if self.model.grid.is_flat else 3].tolist())

    def variable(self, name: str, row: int) -> float:
        """One variable of one cell.

        Raises
        ------
        AttributeError
            If cells of this type have no such variable.
        """
        cells = self.state.cells
        cell_type = int(cells.type[row])
        slots = self.slots.get(name)
        if slots is None or slots[cell_type] < 0:
            raise self._lacking(name, cell_type)
        return float(self._source(name)[row, slots[cell_type]])

    def array(self, name: str, rows: Ints) -> Column:
        """One column of some cells.

        Parameters
        ----------
        name : str
            An attribute or a variable; position [um] is nan for a cell that waits in a compartment,
            age is in days, `parent` is -1 where there is none.
        rows : (n,) int64

        Returns
        -------
        (n,) array, (n, 2 or 3) for `pos`; a copy

        Raises
        ------
        AttributeError
            If no cell has such a value, or one of these does not.
        """
        if name in self._attributes:
            return np.asarray(self._attributes[name](rows))
        return np.asarray(self._source(name)[rows, self._slot_of_all(name, rows)])

    def values(self, name: str, rows: Ints, missing: Missing = "error", default: Any = None) -> list[Any]:
        """The same as plain Python values, `pos` as tuples or None; `default` where a cell lacks it.

        Raises
        ------
        AttributeError
            As `array` does, if `missing` is "error".
        ValueError
            If `missing` is anything but "error" or "default".
        """
        if missing not in ("error", "default"):
            raise ValueError(f"handle_missing is {missing!r}, allowed: 'error', 'default'")
        if name == "pos":
            waits = (self.state.cells.place[rows] != TISSUE).tolist()
            places = zip(waits, self._position(rows).tolist(), strict=True)
            return [None if waiting else tuple(at) for waiting, at in places]
        if missing == "error" or name in self._attributes:
            return list(self.array(name, rows).tolist())
        if name not in self.slots:
            return [default] * len(rows)
        slot = self._slot(name, rows)
        found = self._source(name)[rows, slot].tolist()
        return [value if has else default for value, has in zip(found, slot >= 0, strict=True)]

    def write(self, name: str, rows: Ints, value: Any) -> None:
        """Set a variable of some cells, one number for all or one for each.

        Raises
        ------
        AttributeError
            If it is not a variable of all of these cells, or follows at once from other values.
        ValueError
            If a value is not a finite number.
        """
        if name in self._attributes:
            raise AttributeError(f"'{name}' belongs to the engine; can be set: {self._settable()}")
        slot = self._slot_of_all(name, rows)
        if (self.model.variables.kind[self.state.cells.type[rows], slot] == VariableKind.INSTANT).any():
            raise AttributeError(f"'{name}' follows from other values; can be set: {self._settable()}")
        numbers = np.broadcast_to(np.asarray(value, np.float64), len(rows))
        if not np.isfinite(numbers).all():
            raise ValueError(f"{name} = {value!r}: a variable is a finite number")
        self.state.cells.variables[rows, slot] = numbers
        self.changes += 1

    def remove(self, rows: Ints) -> None:
        """Take cells out and book them.

        Live ones count as cleared, dead bodies as dissolved, waiting ones as lost while waiting.
        """
        cells = self.state.cells
        gone = np.zeros(len(cells.id), bool)
        gone[rows] = True
        waiting, dead = cells.place != TISSUE, cells.dead == 1
        self.state.count("lost_waiting", cells.type[gone & waiting])
        self.state.count("dissolved", cells.type[gone & ~waiting & dead])
        self.state.count("cleared", cells.type[gone & ~waiting & ~dead])
        remove_cells(self.model, self.state, gone)
        self.changes += 1

    def _source(self, name: str) -> Floats:
        """Variables (n, n_slot) from which to read one: those that follow from others, as of now."""
        if name not in self._computed:
            return self.state.cells.variables
        now = (self.state.tick, self.changes)
        if self._as_of_now is None or self._as_of_now[0] != now:
            self._as_of_now = now, as_of_now(self.model, self.state).variables
        return self._as_of_now[1]

    def _settable(self) -> str:
        return listed(name for name in self.slots if name not in self._computed)

    def _slot_of_all(self, name: str, rows: Ints) -> Ints:
        """Slot of a variable that every row has; (n,) int64."""
        slot = self._slot(name, rows)
        if (slot < 0).any():
            raise self._lacking(name, int(self.state.cells.type[rows[np.argmax(slot < 0)]]))
        return slot

    def _slot(self, name: str, rows: Ints) -> Ints:
        """Slot of a variable in each row, -1 where the type lacks it; (n,) int64."""
        if name not in self.slots:
            known = (*self.slots, *self._attributes)
            hint = nearest(name, known)
            raise AttributeError(f"no cell has a '{name}'{hint}; there are: {listed(known, 40)}")
        return np.asarray(self.slots[name][self.state.cells.type[rows]])

    def _lacking(self, name: str, cell_type: int) -> AttributeError:
        names = self.model.names
        own = (*names.variables[cell_type], *self._attributes)
        hint = nearest(name, own)
        return AttributeError(
            f"a {names.cell_types[cell_type]} has no '{name}'{hint}; it has: {listed(own, 40)}"
        )

    def _phenotype(self, rows: Any) -> Any:
        cells = self.state.cells
        return self._phenotypes[self._first_phenotype[cells.type[rows]] + cells.phenotype[rows]]

    def _age(self, rows: Any) -> Any:
        """Days since the cell appeared."""
        return self.model.clock.days(self.state.tick - self.state.cells.birth_tick[rows])

    def _position(self, rows: Ints) -> Floats:
        """Positions (n, 2 or 3) [um], nan outside the tissue."""
        cells = self.state.cells
        position = cells.position[rows, : 2 if self.model.grid.is_flat else 3]
        position[cells.place[rows] != TISSUE] = np.nan
        return np.asarray(position)

    def _coordinates(self, rows: Ints, axis: int) -> Floats:
        cells = self.state.cells
        return np.where(cells.place[rows] == TISSUE, cells.position[rows, axis], np.nan)
