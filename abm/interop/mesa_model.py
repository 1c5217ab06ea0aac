"""The Mesa face: the same engine as a `mesa.Model` whose agents are the rows of the cell table.

A step is `abm.engine.step.step` and nothing else.  Agents are views that are made when somebody looks
at one, sets of them are columnar, so `get`, `agg`, `set`, `sort` and `groupby` cost what the arrays
cost.  Works with Mesa 3.3 (Python 3.11) and 3.5.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import mesa
import numpy as np
from mesa.agent import AgentSet

from abm.compile.build import compile_model
from abm.engine import checkpoint
from abm.engine.readout import dimensions, has_threshold, read_out
from abm.engine.run import replicate_seed
from abm.engine.state import new_state
from abm.engine.step import step as advance
from abm.interop.cell_columns import CellColumns
from abm.interop.cells import Cell, Cells
from abm.interop.selection import Source, choose, seed_of, settings_of
from abm.scenario.nodes import nearest
from abm.state.tables import Floats, Ints

GroupBy = sys.modules[AgentSet.__module__].GroupBy  # its module moved between Mesa 3.3 and 3.5

SPARE_VIEWS = 1000  # views of cells that are gone which may pile up before they are let go


class CellView(Cell, mesa.Agent):  # type: ignore[misc]
    """One cell as a Mesa agent; see `abm.interop.cells.Cell`.

    Mesa's own constructor is not called: it enters agents in registries that keep them, and in Mesa 3.3
    their model, alive for ever.
    """


@cache
def cell_class(cell_type: str) -> type[CellView]:
    """Class of the cells of one type, the same in every model: Mesa's key for agents by type."""
    return type(cell_type, (CellView,), {"__doc__": f"One {cell_type}; see `CellView`."})


class CellGroups(GroupBy):  # type: ignore[misc, valid-type]
    """Groups of cells, whose `agg` reads columns."""

    def agg(self, attr_name: str, func: Callable[[Any], Any]) -> dict[Any, Any]:
        """`func` of an attribute or a variable in each group."""
        groups = self.groups
        if any(isinstance(group, list) for group in groups.values()):
            return dict(super().agg(attr_name, func))
        return {key: group.agg(attr_name, func) for key, group in groups.items()}


class CellSet(Cells, AgentSet):  # type: ignore[misc]
    """Cells as a Mesa AgentSet; see `abm.interop.cells.Cells`."""

    group_class = CellGroups


class TissueModel(mesa.Model):  # type: ignore[misc]
    """One run of one arm of a scenario, as a Mesa model.

    Parameters
    ----------
    scenario : path, Experiment or Scenario
        Scenario file, or what was loaded from it.
    arm : str, optional
        Arm of the file; what all arms have in common when omitted.
    overrides : str or sequence of str
        Values to change, ``path=value`` as behind ``--set``.
    rng, seed : int or what numpy takes as a seed, optional
        Seed of the experiment, under either name; the file's own when both are omitted.  Mesa's
        `random` and `rng` follow from it, but the engine draws from neither.
    replicate : int
        Number of the replicate under that seed, from 0.
    **values
        More values to change, path to value, e.g. ``**{"time.duration": "7 d"}``; `mesa.batch_run`
        sweeps over them.

    Attributes
    ----------
    resolved : Scenario
        The arm that is simulated, all values in internal units.
    tissue : abm.compile.model.Model
        What it was compiled to.
    state : abm.engine.state.State
        The moment reached; the arrays that the engine works on.
    time : float
        Simulated time [d].  Mesa 3.5 runs its events by this clock.
    running : bool
        False from the end of the scenario on.
    given : list of (float, str)
        Time [d] and text of the treatments given so far.
    datacollector : mesa.DataCollector
        Time, nociceptive signal, withdrawal threshold and live cells of each type, collected when the
        scenario reads out (``record.readout``); replace it in `__init__` of a subclass.

    Raises
    ------
    ScenarioError, CompileError
        If the scenario is faulty, has no such arm, or cannot be built.
    """

    def __init__(
        self,
        scenario: Source,
        arm: str | None = None,
        overrides: str | Sequence[str] = (),
        *,
        rng: Any = None,
        replicate: int = 0,
        **values: Any,
    ) -> None:
        # No argument of its own: batch_run of Mesa 3.5 overwrites one of this name, even if it is swept over.
        seed = values.pop("seed", None)
        self.resolved, own_seed = choose(scenario, arm, settings_of(overrides, values))
        engine_seed = replicate_seed(seed_of(seed, rng, own_seed), replicate)
        super().__init__(rng=engine_seed)
        self.tissue = compile_model(self.resolved, engine_seed)
        self.state = new_state(self.tissue)
        self.columns = CellColumns(self.tissue, self.state)
        self.given: list[tuple[float, str]] = []
        self.time = 0.0
        self._views: dict[int, CellView] = {}
        self._read_out: tuple[tuple[int, int], dict[str, Any]] | None = None
        self._types: list[type] = [cell_class(name) for name in self.tissue.names.cell_types]
        self._cells = CellSet(self)
        self._cells_by_type = {found: CellSet(self, kind=k) for k, found in enumerate(self._types)}
        _run_clock_in_days(self)
        self.datacollector = mesa.DataCollector(model_reporters=self._reporters())
        self.datacollector.collect(self)

    def step(self) -> None:
        """Advance by one cell step of the scenario, and collect data if they are due.

        Steps beyond the end of the scenario are allowed.

        Raises
        ------
        NumericsError
            As `abm.engine.step.step` does.
        """
        clock, state = self.tissue.clock, self.state
        before, transformed = clock.days(state.tick), state.counters["transformed_into"].sum()
        self.given += [(before, given.text) for given in advance(self.tissue, state)]
        self.time = clock.days(state.tick)  # Mesa 3.3 has no clock; that of Mesa 3.5 says the same
        self.running = state.tick < clock.end
        changed_type = state.counters["transformed_into"].sum() > transformed
        if changed_type or len(self._views) > len(self.columns) + SPARE_VIEWS:
            self._refresh_views()
        self.collect()

    def collect(self) -> None:
        """Let the data collector look, if the scenario reads out now; called by every step."""
        clock, tick, collector = self.tissue.clock, self.state.tick, self.datacollector
        if clock.readout and (tick % clock.readout == 0 or tick == clock.end):
            collector.collect(self)
        elif not hasattr(collector, "_collection_steps"):
            # batch_run of Mesa 3.3 takes the n-th value for the n-th step.
            for values in collector.model_vars.values():
                values.extend(values[-1:])

    # ---------------------------------------------------------------------------------- what to look at

    @property
    def readout(self) -> dict[str, Any]:
        """Every series of the result file at this moment, by name; copies.

        Arrays follow the order of `labels`; see `abm.engine.readout` for names, dimensions and units.
        """
        now = (self.state.tick, self.columns.changes)
        if self._read_out is None or self._read_out[0] != now:
            self._read_out = now, copy.deepcopy(read_out(self.tissue, self.state))
        return self._read_out[1]

    @property
    def labels(self) -> dict[str, tuple[Any, ...]]:
        """Names along each dimension of the readout: cell types, cytokines, regions, ..."""
        return {dimension.name: tuple(dimension.labels) for dimension in dimensions(self.tissue)}

    @property
    def nociception(self) -> float:
        """Mean nociceptive signal of the neurons in the readout region [1]."""
        return float(self.readout["nociception"])

    @property
    def withdrawal_threshold(self) -> float:
        """Paw-withdrawal threshold [g]."""
        return float(self.readout["withdrawal_threshold"])

    def count(self, cell_type: str) -> int:
        """Live cells of a type in the tissue."""
        return int(self.readout["cell_count"][_index(cell_type, self.tissue.names.cell_types, "cell type")])

    def concentration(self, cytokine: str) -> Floats:
        """Concentration [pg/ml] now, (ny, nx) float64 in two dimensions, else (nz, ny, nx); a copy."""
        field = self.state.concentration[_index(cytokine, self.tissue.names.cytokines, "cytokine")]
        return np.array(field[0] if self.tissue.grid.is_flat else field)

    # ------------------------------------------------------------------------------------------- agents

    @property
    def agents(self) -> CellSet:
        """All cells: in the tissue, dead bodies in it, and injected cells that wait in a compartment."""
        return self._cells

    @property
    def agent_types(self) -> list[type]:
        """Class of the cells of each type, of types without cells too."""
        return list(self._types)

    @property
    def agents_by_type(self) -> dict[type, CellSet]:
        """The cells of each type."""
        return self._cells_by_type

    def cells(self, cell_type: str) -> CellSet:
        """The cells of a type, by its name."""
        k = _index(cell_type, self.tissue.names.cell_types, "cell type")
        return self._cells_by_type[self._types[k]]

    @property
    def scenario(self) -> None:
        """Not used: Mesa's own parameter object, which its viewer would hand on as our scenario."""
        return None

    @scenario.setter
    def scenario(self, value: Any) -> None:
        pass

    def views(self, rows: Ints) -> list[CellView]:
        """The cells in some rows of the table; always the same object for the same cell."""
        cells, known = self.state.cells, self._views
        found = []
        for row, uid, k in zip(
            rows.tolist(), cells.id[rows].tolist(), cells.type[rows].tolist(), strict=True
        ):
            view = known.get(uid)
            if view is None:
                view = known[uid] = self._types[k](self, uid, row)
            elif type(view) is not self._types[k]:
                object.__setattr__(view, "__class__", self._types[k])
            found.append(view)
        return found

    def _refresh_views(self) -> None:
        """Give known cells the class of their present type, and forget those that are gone."""
        rows = self.columns.rows_of(np.array(list(self._views), np.int64))
        self._views = {view.unique_id: view for view in self.views(rows)}

    def register_agent(self, agent: Any) -> None:
        """Refuse agents that are not cells.

        Raises
        ------
        TypeError
            Always.
        """
        getattr(mesa.Agent, "_ids", {}).pop(self, None)  # Mesa 3.3 would keep the model alive for ever
        raise TypeError(
            f"{type(agent).__name__}: the agents of a TissueModel are its cells, which the scenario makes"
        )

    def deregister_agent(self, agent: CellView) -> None:
        """Take a cell out, as its `remove` does."""
        agent.remove()

    def remove_all_agents(self) -> None:
        """Take all cells out."""
        self._cells.do("remove")

    # ------------------------------------------------------------------------------------------- copies

    def __getstate__(self) -> dict[str, Any]:
        # The surroundings look into the fields, which copying array by array would tear apart.
        return {**self.__dict__, "state": checkpoint.save(self.state), "columns": None, "_views": {}}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self.state = checkpoint.restore(self.tissue, kept["state"])
        self.columns = CellColumns(self.tissue, self.state)

    def _reporters(self) -> dict[str, Any]:
        """What the data collector of every tissue collects."""
        signal = [] if self.tissue.readout is None else ["nociception"]
        threshold = ["withdrawal_threshold"] if has_threshold(self.tissue) else []
        attributes = ["time", *signal, *threshold]
        counts = {name: partial(TissueModel.count, cell_type=name) for name in self.tissue.names.cell_types}
        return {**counts, **{name: name for name in attributes}}


def _run_clock_in_days(model: TissueModel) -> None:
    """Let the clock of Mesa 3.5 show days instead of steps; Mesa 3.3 has none."""
    if not hasattr(model, "schedule_recurring"):
        return
    from mesa.time import EventGenerator, Priority, Schedule

    # Mesa counts its steps and orders its events by a schedule of its own, which it makes for steps of 1.
    model._default_schedule.stop()
    every = Schedule(interval=_days_to_next_step, start=_next_step(model))
    model._default_schedule = EventGenerator(model, model._do_step, every, Priority.HIGH).start()
    model.__dict__["step"] = partial(_run_to_next_step, model)


def _next_step(model: TissueModel) -> float:
    """Time of the end of the next cell step [d]."""
    clock = model.tissue.clock
    return clock.days(model.state.tick + clock.ticks_per_step)


def _days_to_next_step(model: TissueModel) -> float:
    return _next_step(model) - model.time  # exact, and so is its sum with the time (Sterbenz)


def _run_to_next_step(model: TissueModel) -> None:
    model.run_until(_next_step(model))


def _index(name: str, known: tuple[str, ...], what: str) -> int:
    """Index of a name.

    Raises
    ------
    ValueError
        If it is not among `known`.
    """
    if name not in known:
        raise ValueError(f"no {what} '{name}'{nearest(name, known)}; there are: {', '.join(known)}")
    return known.index(name)
