"""One run of a sweep in this process, from its number to its row."""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.compile.build import compile_model
from abm.compile.model import Model
from abm.engine.readout import dimensions, has_threshold, read_out, series
from abm.engine.run import declaration as file_declaration
from abm.engine.run import record, replicate_seed
from abm.engine.state import new_state
from abm.engine.step import step
from abm.errors import AbmError, Interrupted, RecordError
from abm.provenance import collect, to_json
from abm.record.layout import STATUS_COMPLETE
from abm.record.summary import summarise
from abm.record.sweep_layout import COMPLETE, FAILED, ShardRow, SweepDeclaration
from abm.record.writer import RunWriter
from abm.scenario.schema.scenario import Scenario
from abm.sweep.cases import scenario_of, scenario_text
from abm.sweep.manifest import FILES, Manifest
from abm.sweep.resolve import Resolver

MINUTES_PER_DAY = 1440.0
_MESSAGE = 4000


class LimitError(AbmError):
    """A run took longer than its sweep allows."""

    exit_code = 3


@dataclass
class Simulator:
    """Makes runs of one sweep, one after another, in one process.

    Attributes
    ----------
    manifest : Manifest
    resolver : Resolver
    stopped : callable
        Asked at every step; a run that is stopped leaves nothing.
    """

    manifest: Manifest
    resolver: Resolver
    stopped: Callable[[], bool] = field(default=lambda: False)

    def row(self, run: int, attempts: int = 1) -> ShardRow:
        """What a run returns, or why it failed.

        Raises
        ------
        Interrupted
            Somebody asked to stop.
        RecordError
            A whole result file cannot be written.
        MemoryError, Exception
            Anything unexpected, which another attempt may not meet.
        """
        manifest, begin = self.manifest, time.perf_counter()
        _, _, replicate = manifest.where(run)
        row = ShardRow(
            id=manifest.ids[run : run + 1].tobytes(),
            status=COMPLETE,
            replicate=replicate,
            seed=manifest.seed_of(run),
            parameters=manifest.parameters_of(run),
            attempts=attempts,
        )
        try:
            self._simulate(run, row, begin)
        except (Interrupted, RecordError):
            raise
        except AbmError as error:
            # The same faults would be met again.
            row.status, row.message = FAILED, str(error)[:_MESSAGE]
        row.seconds = time.perf_counter() - begin
        row.ended = time.time()
        row.memory = peak_memory() / 1e6
        return row

    def _simulate(self, run: int, row: ShardRow, begin: float) -> None:
        scenario = scenario_of(self.manifest, self.resolver, run)
        model = compile_model(scenario, replicate_seed(row.seed, row.replicate))
        taken = _Taken(model, scenario, self.manifest.declaration)
        limit = self.manifest.limits.seconds
        with self._file(run, model) if self.manifest.files else nullcontext() as writer:
            state = new_state(model)
            _take(taken, model, state, writer)
            while state.tick < model.clock.end:
                for given in step(model, state):
                    if writer is not None:
                        tick = state.tick - model.clock.ticks_per_step
                        writer.append_event(tick, "intervention", *given)
                _take(taken, model, state, writer)
                if self.stopped():
                    raise Interrupted("stopped")
                if time.perf_counter() - begin > limit:
                    day = model.clock.days(state.tick)
                    raise LimitError(f"given up after {limit:g} s, at day {day:g}")
            row.summary, row.series, row.fields = taken.results()
            if writer is not None:
                writer.finish(STATUS_COMPLETE, "", taken.summary_rows())

    def _file(self, run: int, model: Model) -> RunWriter:
        _, arm, replicate = self.manifest.where(run)
        text = scenario_text(self.manifest, self.resolver, run)
        seed = self.manifest.seed_of(run)
        path = self.manifest.folder / FILES / f"{self.manifest.names[run]}.h5"
        declared = file_declaration(
            model,
            arm=arm,
            replicate=replicate,
            seed=seed,
            text=text,
            provenance=to_json(collect(text, seed, 1, ())),
        )
        return RunWriter.create(path, declared, force=True)


def peak_memory() -> float:
    """Most memory that this process has had so far [bytes]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _take(taken: _Taken, model: Model, state: Any, writer: RunWriter | None) -> None:
    taken.take(state)
    if writer is not None:
        record(model, state, writer)


class _Taken:
    """What is kept of a run while it goes."""

    def __init__(self, model: Model, scenario: Scenario, declared: SweepDeclaration) -> None:
        self.model = model
        self.declared = declared
        self.summarised = bool(declared.summary) and has_threshold(model)
        self.curve: list[tuple[float, float, float]] = []
        tick = model.clock.tick
        self.rows = {round(day * MINUTES_PER_DAY / tick): i for i, day in enumerate(declared.time)}
        self.series = {
            name.partition("/")[2]: np.full(one.shape, np.nan)
            for name, one in declared.data_sets().items()
            if name.startswith("series/")
        }
        self.places = _places(model, declared)
        self.frames: dict[int, int] = {}
        self.fields: NDArray[np.float32] | None = None
        if declared.fields is not None:
            self._expect_frames(tick)

    def _expect_frames(self, tick: float) -> None:
        frames = self.declared.fields
        assert frames is not None
        if tuple(frames.shape) != self.model.grid.shape:
            raise LimitError(f"the grid is {self.model.grid.shape}, planned was {tuple(frames.shape)}")
        self.frames = {round(day * MINUTES_PER_DAY / tick): i for i, day in enumerate(frames.time)}
        names = self.model.names.cytokines
        self.cytokines = [names.index(name) if name in names else -1 for name in frames.cytokines]
        self.fields = np.full((len(frames.time), len(self.cytokines), *frames.shape), np.nan, np.float32)

    def take(self, state: Any) -> None:
        """Keep what is due now."""
        clock, tick = self.model.clock, state.tick
        due = self.summarised and clock.readout > 0 and (tick % clock.readout == 0 or tick == clock.end)
        index = self.rows.get(tick) if self.series else None
        if due or index is not None:
            values = read_out(self.model, state)
            if due:
                point = (clock.days(tick), values["withdrawal_threshold"], values["nociception"])
                self.curve.append(tuple(map(float, point)))  # type: ignore[arg-type]
            if index is not None:
                for name, array in self.series.items():
                    if name in self.places:
                        to, origin = self.places[name]
                        array[(index, *to)] = np.asarray(values[name])[origin]
        frame = self.frames.get(tick)
        if frame is not None and self.fields is not None:
            for i, number in enumerate(self.cytokines):
                if number >= 0:
                    self.fields[frame, i] = state.concentration[number]

    def summary_rows(self) -> list[tuple[str, float, str, str]]:
        """Scalars of the run."""
        if not self.curve:
            return []
        return summarise(*np.array(self.curve).T)

    def results(
        self,
    ) -> tuple[dict[str, float], Mapping[str, NDArray[np.float64]], NDArray[np.float32] | None]:
        """Summary, series and fields."""
        return {name: value for name, value, *_ in self.summary_rows()}, self.series, self.fields


def _places(model: Model, declared: SweepDeclaration) -> dict[str, tuple[Any, Any]]:
    """Series -> where its labels go in the declared array, and where they are in the readout."""
    mine = {dimension.name: list(dimension.labels) for dimension in dimensions(model)}
    known = {one.name for one in series(model)}
    wanted = {dimension.name: list(dimension.labels) for dimension in declared.dimensions}
    found: dict[str, tuple[Any, Any]] = {}
    for one in declared.series:
        if one.name not in known:
            continue
        to, origin = [], []
        for dim in one.dims:
            shared: Iterable[Any] = [label for label in wanted[dim] if label in mine.get(dim, [])]
            to.append([wanted[dim].index(label) for label in shared])
            origin.append([mine[dim].index(label) for label in shared])
        found[one.name] = (np.ix_(*to), np.ix_(*origin)) if one.dims else ((), ())
    return found


def described(error: BaseException) -> str:
    """An unexpected error with its traceback, for the row of a failed run."""
    if isinstance(error, MemoryError):
        return "out of memory: run fewer workers, or raise the limit"
    return "".join(traceback.format_exception(error))[-_MESSAGE:]
