"""Single cells and sets of cells as Mesa's users know agents, without Mesa.

A `Cell` is a reference by id, a `Cells` a list of ids or a window on the whole cell table; both read
and write the columns.  `abm.interop.mesa_model` joins them to Mesa's own classes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from random import Random
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from abm.interop.cell_columns import CellColumns, Column, Missing
from abm.state.tables import Ints

INFINITY = float("inf")


class Owner(Protocol):
    """What cells need of the model they belong to."""

    columns: CellColumns
    random: Random

    @property
    def agent_types(self) -> list[type]:
        """Class of the cells of each type, in the order of the types."""

    def views(self, rows: Ints) -> list[Any]:
        """The cells in some rows."""


class Cell:
    """One cell: a reference by id that reads and writes the columns.

    Besides the attributes below it has every variable of its cell type by name.  Variables can be set,
    but for those that follow at once from other values; all else belongs to the engine.  A cell that is
    gone raises LookupError.
    """

    model: Owner
    unique_id: int
    _hint: int  # where it was last

    def __init__(self, model: Owner, unique_id: int, row: int = 0) -> None:
        self.__dict__.update(model=model, unique_id=unique_id, _hint=row)

    @property
    def row(self) -> int:
        """Row in the cell table; valid until the next step or removal."""
        row = self.model.columns.row_of(self.unique_id, self._hint)
        self.__dict__["_hint"] = row
        return row

    @property
    def is_there(self) -> bool:
        """Whether the cell is still in the table, alive or dead."""
        try:
            return self.row >= 0
        except LookupError:
            return False

    @property
    def cell_type(self) -> str:
        """Name of the cell type."""
        return str(self._read("cell_type"))

    @property
    def phenotype(self) -> str:
        """Name of the phenotype; that of the type where it has only one."""
        return str(self._read("phenotype"))

    @property
    def place(self) -> str:
        """``tissue``, or the compartment in which an injected cell waits."""
        return str(self._read("place"))

    @property
    def alive(self) -> bool:
        """Whether it lives; False for a dead body that is not yet cleared."""
        return bool(self._read("alive"))

    @property
    def age(self) -> float:
        """Time since the cell appeared [d]."""
        return float(self._read("age"))

    @property
    def parent(self) -> int:
        """Id of the mother; -1 for a cell that was placed, arrived or was injected."""
        return int(self._read("parent"))

    @property
    def x(self) -> float:
        """Position along x [um]; nan while waiting in a compartment, as y and z."""
        return self.model.columns.coordinate(self.row, 0)

    @property
    def y(self) -> float:
        """Position along y [um]."""
        return self.model.columns.coordinate(self.row, 1)

    @property
    def z(self) -> float:
        """Position along z [um]; the middle of the slab in two dimensions."""
        return self.model.columns.coordinate(self.row, 2)

    @property
    def pos(self) -> tuple[float, ...] | None:
        """Position (x, y) or (x, y, z) [um]; None while waiting in a compartment."""
        return self.model.columns.position(self.row)

    def remove(self) -> None:
        """Take the cell out; the books count it, see `CellColumns.remove`."""
        self.model.columns.remove(np.array([self.row]))

    def _read(self, name: str) -> Any:
        return self.model.columns.attribute(name, self.row)

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name == "model":
            raise AttributeError(name)
        return self.model.columns.variable(name, self.row)

    def __setattr__(self, name: str, value: Any) -> None:
        self.model.columns.write(name, np.array([self.row]), value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Cell:
        model = memo.get(id(self.model))
        return self if model is None else type(self)(model, self.unique_id)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


class Cells:
    """Cells of a model in some order, with the methods of Mesa's AgentSet.

    The sets that a model hands out (all cells, or all of one type) follow the cell table.  Sets made
    from them hold ids, in their own order; a cell that is gone drops out of every set.

    Parameters
    ----------
    model : Owner
    ids : (n,) int64, optional
        Which cells; without it the set follows the table.
    kind : int, optional
        Follow only the cells of this type.
    """

    group_class: Callable[[dict[Any, Any]], Any] = dict

    def __init__(self, model: Owner, ids: Ints | None = None, kind: int | None = None) -> None:
        self.model, self._ids, self._kind = model, ids, kind

    @property
    def random(self) -> Any:
        """Mesa's random numbers of the model, for `shuffle`; the engine never uses them."""
        return self.model.random

    @property
    def rows(self) -> Ints:
        """Rows of these cells in the cell table, in the order of the set, (n,) int64."""
        if self._ids is not None:
            return self.model.columns.rows_of(self._ids)
        if self._kind is not None:
            return np.flatnonzero(self.model.columns.state.cells.type == self._kind)
        return np.arange(len(self.model.columns))

    def array(self, name: str) -> Column:
        """A column of these cells as an array, in the order of the set; see `CellColumns.array`."""
        return self.model.columns.array(name, self.rows)

    def __len__(self) -> int:
        follows_all = self._ids is None and self._kind is None
        return len(self.model.columns) if follows_all else len(self.rows)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.to_list())

    def __contains__(self, cell: object) -> bool:
        if not isinstance(cell, Cell) or cell.model is not self.model:
            return False
        return bool((self.array("unique_id") == cell.unique_id).any())

    def __getitem__(self, item: int | slice) -> Any:
        if isinstance(item, slice):
            return self.model.views(self.rows[item])
        return self.model.views(self.rows[[item]])[0]

    def __repr__(self) -> str:
        return f"<{len(self)} cells>"

    def to_list(self) -> list[Cell]:
        """Views of all cells of the set."""
        return self.model.views(self.rows)

    def copy(self) -> Cells:
        """The same cells as a set of its own."""
        return self._with(self.rows)

    __copy__ = copy

    def get(
        self, attr_names: str | list[str], handle_missing: Missing = "error", default_value: Any = None
    ) -> list[Any]:
        """Values of one attribute, or for each cell a list of the values of several."""
        rows, columns = self.rows, self.model.columns
        if isinstance(attr_names, str):
            return columns.values(attr_names, rows, handle_missing, default_value)
        several = [columns.values(name, rows, handle_missing, default_value) for name in attr_names]
        return [list(values) for values in zip(*several, strict=True)]

    def agg(
        self, attribute: str, func: Callable[[Any], Any] | Iterable[Callable[[Any], Any]]
    ) -> Any | list[Any]:
        """One or several functions of an attribute, which they receive as an array."""
        values = self.array(attribute)
        return func(values) if callable(func) else [one(values) for one in func]

    def set(self, attr_name: str, value: Any) -> Cells:
        """Write a variable: one number for all cells, or one for each."""
        self.model.columns.write(attr_name, self.rows, value)
        return self

    def select(
        self,
        filter_func: Callable[[Any], bool] | NDArray[np.bool_] | None = None,
        at_most: int | float = INFINITY,
        inplace: bool = False,
        agent_type: type | None = None,
    ) -> Cells:
        """Some of the cells; besides a function of one cell, `filter_func` may be a mask, (n,) bool."""
        rows = self.rows
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(rows) * at_most)
        if isinstance(filter_func, np.ndarray):
            rows, filter_func = rows[filter_func], None
        if agent_type is not None:
            kinds = [k for k, found in enumerate(self.model.agent_types) if issubclass(found, agent_type)]
            rows = rows[np.isin(self.model.columns.state.cells.type[rows], kinds)]
        if filter_func is not None:
            kept: list[int] = []
            for row, cell in zip(rows.tolist(), self.model.views(rows), strict=True):
                if len(kept) >= at_most:
                    break
                if filter_func(cell):
                    kept.append(row)
            rows = np.array(kept, np.int64)
        return self._with(rows if at_most == INFINITY else rows[: int(at_most)], inplace)

    def shuffle(self, inplace: bool = False) -> Cells:
        """The cells in an order drawn from Mesa's `random`."""
        rows = self.rows.tolist()
        self.random.shuffle(rows)
        return self._with(np.array(rows, np.int64), inplace)

    def sort(self, key: Callable[[Any], Any] | str, ascending: bool = False, inplace: bool = False) -> Cells:
        """The cells in the order of an attribute or of a function of each cell, highest first."""
        rows = self.rows
        keys = self.get(key) if isinstance(key, str) else [key(cell) for cell in self.model.views(rows)]
        order = sorted(range(len(rows)), key=keys.__getitem__, reverse=not ascending)
        return self._with(rows[np.array(order, np.int64)], inplace)

    def groupby(self, by: Callable[[Any], Any] | str, result_type: str = "agentset") -> Any:
        """Groups of equal attribute or function value, in order of appearance, as sets or as lists."""
        rows = self.rows
        keys = self.get(by) if isinstance(by, str) else [by(cell) for cell in self.model.views(rows)]
        groups: dict[Any, list[int]] = defaultdict(list)
        for row, key in zip(rows.tolist(), keys, strict=True):
            groups[key].append(row)
        sets = {key: self._with(np.array(members, np.int64)) for key, members in groups.items()}
        if result_type == "agentset":
            return self.group_class(sets)
        return self.group_class({key: cells.to_list() for key, cells in sets.items()})

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Cells:
        """Call a method or a function for each cell; ``remove`` takes them all out at once."""
        if method == "remove":
            self.model.columns.remove(self.rows)
        else:
            self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Cells:
        """`do` in an order drawn from Mesa's `random`."""
        self.shuffle().do(method, *args, **kwargs)
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Result of a method or a function for each cell; cells that vanish meanwhile are left out."""
        results = []
        for cell in self.to_list():
            if not cell.is_there:
                continue
            call = getattr(cell, method) if isinstance(method, str) else partial(method, cell)
            results.append(call(*args, **kwargs))
        return results

    def add(self, agent: Any) -> None:
        """Add a cell of the same model to a set of its own."""
        if self._ids is None:
            raise TypeError("cells come from the scenario; add to a copy of this set")
        if not isinstance(agent, Cell) or agent.model is not self.model:
            raise TypeError(f"{agent!r} is no cell of this model")
        if agent not in self:
            self._ids = np.append(self._ids, agent.unique_id)

    def discard(self, agent: Cell) -> None:
        """Drop a cell from a set of its own, or from the tissue if this is one of the model's sets."""
        if agent not in self:
            return
        if self._ids is None:
            agent.remove()
        else:
            self._ids = self._ids[self._ids != agent.unique_id]

    def remove(self, agent: Cell) -> None:
        """The same, but a cell that is not in the set raises KeyError."""
        if agent not in self:
            raise KeyError(agent)
        self.discard(agent)

    def _with(self, rows: Ints, inplace: bool = False) -> Cells:
        ids = self.model.columns.state.cells.id[rows]
        if not inplace:
            return type(self)(self.model, ids)
        if self._ids is None:
            raise TypeError("this set is the cell table itself, in the order of ids; use inplace=False")
        self._ids = ids
        return self

    def _from_iterable(self, cells: Iterable[Cell]) -> Cells:
        """For the set operators ``& | - ^``."""
        return type(self)(
            self.model, np.array(list(dict.fromkeys(cell.unique_id for cell in cells)), np.int64)
        )

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
