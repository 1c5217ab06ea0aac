"""Run a model from its start, or from a checkpoint, to its end, and record it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np

from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.readout import (
    cell_columns,
    dimensions,
    has_threshold,
    phenotype_labels,
    read_out,
    series,
    variable_names,
)
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.errors import Interrupted, NumericsError
from abm.record.layout import (
    STATUS_COMPLETE,
    STATUS_FAILED,
    STATUS_INTERRUPTED,
    CellTable,
    Column,
    FieldStack,
    RunDeclaration,
)
from abm.record.summary import summarise
from abm.record.writer import RunWriter

Progress = Callable[[int, int], None]
"""Called with the ticks done and the ticks in all, after every cell step."""


def declaration(
    model: Model, *, arm: str, replicate: int, seed: int, text: str, provenance: str
) -> RunDeclaration:
    """What the result file of a model will hold.

    Parameters
    ----------
    arm, replicate, seed
        Of the experiment; `model.seed` is derived from the last two.
    text : str
        Resolved scenario (YAML).
    provenance : str
        JSON.
    """
    x, y, z = model.grid.centres()
    shape = model.grid.shape
    return RunDeclaration(
        title=model.title,
        arm=arm,
        replicate=replicate,
        seed=seed,
        tick_minutes=model.clock.tick,
        scenario_text=text,
        provenance=provenance,
        dimensions=dimensions(model),
        series=series(model),
        fields=FieldStack(
            cytokines=model.names.cytokines,
            x=x.reshape(-1),
            y=y.reshape(-1),
            z=z.reshape(-1),
            tissue=model.tissue,
            regions={
                name: m.reshape(shape) for name, m in zip(model.names.regions, model.regions, strict=True)
            },
            weights={f"injury {i}": w.reshape(shape) for i, w in enumerate(model.weights)},
            significant_bits=12,
        ),
        cells=CellTable(
            variables=[Column(name, "f4", "1", name.replace("_", " ")) for name in variable_names(model)],
            types=model.names.cell_types,
            phenotypes=phenotype_labels(model),
            statuses=("alive", "dead"),
            places=("tissue", *model.names.compartments),
        ),
    )


def run(
    model: Model, writer: RunWriter, state: State | None = None, progress: Progress | None = None
) -> State:
    """Simulate to the end of the scenario, recording into `writer`, which is closed at the end.

    Parameters
    ----------
    model : Model
    writer : RunWriter
        Freshly created, or resumed together with `state`.
    state : State, optional
        Where to continue; the naive tissue when omitted.
    progress : callable, optional

    Raises
    ------
    NumericsError
        The file then has the status `failed` and everything recorded before.
    Interrupted
        Ctrl-C or SIGTERM; the file then holds a checkpoint of the last step to resume from.
    """
    fresh = state is None
    state = new_state(model) if state is None else state
    with writer, stop_on_signal() as stopped:
        if fresh:
            record(model, state, writer)
        try:
            while state.tick < model.clock.end:
                for given in step(model, state):
                    writer.append_event(state.tick - model.clock.ticks_per_step, "intervention", *given)
                record(model, state, writer)
                if progress is not None:
                    progress(state.tick, model.clock.end)
                if stopped():
                    writer.save_checkpoint(state.tick, checkpoint.save(state))
                    writer.finish(STATUS_INTERRUPTED, f"stopped at t = {model.clock.days(state.tick):.4f} d")
                    raise Interrupted(f"{writer.path}: stopped at t = {model.clock.days(state.tick):.4f} d")
        except NumericsError as error:
            writer.finish(STATUS_FAILED, str(error))
            raise
        rows = []
        if has_threshold(model):
            rows = summarise(*writer.recorded("withdrawal_threshold", "nociception"))
        writer.finish(STATUS_COMPLETE, "", rows)
    return state


def record(model: Model, state: State, writer: RunWriter) -> None:
    """Write whatever is due at this tick."""
    clock, tick = model.clock, state.tick

    def due(interval: int) -> bool:
        return interval > 0 and (tick % interval == 0 or tick == clock.end)

    if due(clock.readout):
        writer.append_readout(tick, read_out(model, state))
    if due(clock.fields):
        writer.append_fields(tick, state.concentration)
    if due(clock.cells):
        writer.append_cells(tick, cell_columns(model, state))
    if due(clock.checkpoint) and tick > 0:
        writer.save_checkpoint(tick, checkpoint.save(state))
    writer.flush_if_due()


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a flag that is read at step boundaries.

    Outside the main thread signals are left alone and the flag stays false.
    """
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag.is_set
        return

    def note(_signal: int, _frame: FrameType | None) -> None:
        flag.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def replicate_seed(seed: int, replicate: int) -> int:
    """Seed of one replicate; the same in every arm, so that arms share their noise."""
    from abm.kernels.rng import REPLICATE, uniform

    return int(uniform(np.uint64(seed), REPLICATE, 0, replicate, 0) * 2**53)
