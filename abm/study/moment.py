"""The state of a recorded run at one of its steps: read from its file, or computed again to the same bits.

Nothing here touches the file.  A checkpoint holds a state exactly.  Between checkpoints the state is
simulated forward from the nearest earlier one, or from the start, by the same engine and with the same random
numbers; where the file has recorded that moment the result is compared with it.  Frames of the cell table and
the fields hold a rounded state, which is enough to see what cells respond to.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from abm.compile.build import compile_model
from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.readout import read_out, variable_names
from abm.engine.run import replicate_seed
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.errors import RecordError
from abm.record.layout import BRANCH
from abm.record.reader import Run, open_run
from abm.scenario.load import load_experiment_text
from abm.state.cells import CellArrays, empty_cells
from abm.state.kinds import SignalKind

MINUTES_PER_DAY = 1440.0

# Parts of a saved state that frames and readouts hold, and those that no response reads.
_IN_FRAMES = {"tick", "concentration", "reservoirs.c", *(f"cells.{name}" for name in CellArrays._fields)}
_NOT_READ = {"occupancy", "infused", "settling", "solver_counters", "moves_refused", "issued", "doses"}
_NOT_READ_GROUPS = ("budget.", "counters.")

Progress = Callable[[int, int], None]
"""Called with the ticks simulated and the ticks to simulate, after every cell step."""


class How(StrEnum):
    """Where a state may be taken from."""

    AUTO = "auto"  # a checkpoint; else the frames recorded at that time; else simulated again
    EXACT = "exact"  # a checkpoint; else simulated again
    RECORDED = "recorded"  # a checkpoint; else the frames recorded at that time


@dataclass(frozen=True)
class Moment:
    """A model and its state at one step of a run.

    Attributes
    ----------
    model : Model
    state : State
        A copy; it may be changed.
    origin : str
        Where it comes from, as the end of a sentence.
    exact : bool
        False where values were rounded when they were recorded.
    notes : tuple of str
        Sentences about how far it can be trusted.
    """

    model: Model
    state: State
    origin: str
    exact: bool
    notes: tuple[str, ...] = ()

    @property
    def day(self) -> float:
        """Time [d]."""
        return self.model.clock.days(self.state.tick)


def moment_at(path: str | Path, day: float, how: How = How.AUTO, progress: Progress | None = None) -> Moment:
    """State of a recorded run at a time.

    Parameters
    ----------
    path : path
        Result file; it is only read.
    day : float [d]
        A whole number of cell steps after the start.
    how : How
    progress : callable, optional
        Told how far the run is simulated again, if it is.

    Raises
    ------
    RecordError
        No such step, or the file does not hold what `how` asks for.
    """
    with open_run(path) as run:
        model = recorded_model(run)
        tick = tick_at(run, model, day)
        if tick in run.checkpoint_ticks:
            return _from_checkpoint(run, model, tick)
        lacking = "" if how is How.EXACT else what_frames_lack(run, model, tick)
        if how is not How.EXACT and not lacking:
            return _from_frames(run, model, tick)
        if how is How.RECORDED:
            raise RecordError(f"{run.path}: day {day:g} cannot be read from frames: {lacking}{_moments(run)}")
        return _simulated(run, model, tick, progress)


def recorded_model(run: Run) -> Model:
    """The model of a recorded run, compiled from the scenario in its file."""
    return _compiled(run.scenario_text, run)


def _compiled(text: str, run: Run) -> Model:
    experiment = load_experiment_text(text, f"{run.path} (scenario)")
    (scenario,) = experiment.arms.values()
    return compile_model(scenario, replicate_seed(run.seed, run.replicate))


def tick_at(run: Run, model: Model, day: float) -> int:
    """The tick of a time, provided that a step of the run begins or ends there."""
    clock, minutes = model.clock, day * MINUTES_PER_DAY
    steps = minutes / clock.cell_step
    if not np.isfinite(steps) or abs(steps - round(steps)) > 1e-6 * max(1.0, abs(steps)):
        near = ""
        if np.isfinite(steps) and steps >= 0:
            days = [int(steps) * clock.cell_step, (int(steps) + 1) * clock.cell_step]
            near = f"; the nearest are {' and '.join(f'{m:g} min' for m in days)}"
        raise RecordError(
            f"{run.path}: no step at {minutes:g} min; steps are {clock.cell_step:g} min apart{near}"
        )
    tick = round(steps) * clock.ticks_per_step
    last = max([0, *run.checkpoint_ticks, *(round(t * MINUTES_PER_DAY / clock.tick) for t in run.time[-1:])])
    if not 0 <= tick <= last:
        raise RecordError(f"{run.path}: day {day:g} is not part of the run{_moments(run)}")
    origin = run.branch
    if origin is not None and tick < int(origin["tick"]):
        raise RecordError(
            f"{run.path}: branched at day {float(origin['day']):g} from {origin['file']}, whose rules held "
            f"before; look there for day {day:g}"
        )
    return tick


def _moments(run: Run) -> str:
    """What the file holds at which times, for messages."""
    parts = []
    if len(run.time):
        parts.append(f"recorded from day {run.time[0]:g} to day {run.time[-1]:g}")
    if run.checkpoint_ticks:
        days = ", ".join(f"{t * run.tick_minutes / MINUTES_PER_DAY:g}" for t in run.checkpoint_ticks)
        parts.append(f"checkpoints of day {days}")
    both = np.intersect1d(run.frame_times, run.field_times)
    if len(both):
        shown = ", ".join(f"{t:g}" for t in both[:8]) + (f", ... {both[-1]:g}" if len(both) > 8 else "")
        parts.append(f"frames of cells and fields of day {shown}")
    return f"; {'; '.join(parts)}" if parts else ""


# ------------------------------------------------------------------------------------------------ exact


def _from_checkpoint(run: Run, model: Model, tick: int) -> Moment:
    state = checkpoint.restore(model, run.checkpoint(tick).arrays)
    return Moment(model, state, f"the checkpoint of day {model.clock.days(tick):g}", exact=True)


def _simulated(run: Run, model: Model, tick: int, progress: Progress | None) -> Moment:
    state, origin = exact_state(run, model, tick, progress)
    agrees, note = agreement(run, model, state)
    return Moment(model, state, origin, exact=agrees, notes=(note,) if note else ())


def exact_state(run: Run, model: Model, tick: int, progress: Progress | None = None) -> tuple[State, str]:
    """State at a tick, from a checkpoint or simulated from the nearest earlier one or the start.

    Returns
    -------
    (State, str)
        And where it comes from, as the end of a sentence.
    """
    earlier = [t for t in run.checkpoint_ticks if t <= tick]
    if earlier:
        state = checkpoint.restore(model, run.checkpoint(earlier[-1]).arrays)
        origin = f"the checkpoint of day {model.clock.days(earlier[-1]):g}"
    else:
        state, origin = _first_state(run, model), "the start of the run"
    if state.tick < tick:
        origin = f"{origin}, simulated on from there"
    advance(model, state, tick, progress)
    return state, origin


def advance(model: Model, state: State, tick: int, progress: Progress | None = None) -> None:
    """Simulate up to a tick."""
    first = state.tick
    while state.tick < tick:
        step(model, state)
        if progress is not None:
            progress(state.tick - first, tick - first)


def _first_state(run: Run, model: Model) -> State:
    """The state from which the whole run can be made again.

    A branch starts from a state of the run it branched from, which is made again from the scenario in its
    provenance.
    """
    origin = run.branch
    return _branched(run, model, origin) if origin else new_state(model)


def packed(text: str) -> str:
    """A long text for a provenance document: compressed by zlib, in base64."""
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def unpacked(text: str) -> str:
    """What `packed` was given."""
    return zlib.decompress(base64.b64decode(text)).decode("utf-8")


def _branched(run: Run, model: Model, origin: dict[str, Any] | None) -> State:
    if not origin:
        return new_state(model)
    parent = _compiled(unpacked(str(origin["scenario"])), run)
    at = int(origin["tick"])
    state = _branched(run, parent, origin.get(BRANCH))
    advance(parent, state, at)
    return checkpoint.restore(model, checkpoint.save(state))


def agreement(run: Run, model: Model, state: State) -> tuple[bool, str]:
    """Whether a state simulated again is the one the file recorded, and a sentence about it.

    Nothing recorded at that tick to compare with counts as agreement, without a sentence.
    """
    index = _index(run.time, model, state.tick)
    if index is None:
        return True, ""
    found = read_out(model, state)
    names = {name.rpartition("/")[2] for name in run.series_names}
    differing = [
        name
        for name, value in found.items()
        if name in names
        and not np.array_equal(np.asarray(value, float), run.series(name).values[index].astype(float), True)
    ]
    if not differing:
        return True, f"All {len(found)} readouts that the file recorded at this time are met bit by bit."
    return False, (
        f"{len(differing)} of {len(found)} readouts differ from those recorded at this time "
        f"({', '.join(differing[:3])}{', ...' if len(differing) > 3 else ''}): this program or processor "
        "is not the one that made the file."
    )


def _index(times: np.ndarray, model: Model, tick: int) -> int | None:
    """Place of a tick on a recorded time axis; equal ticks give equal floats."""
    hits = np.flatnonzero(times == tick * model.clock.tick / MINUTES_PER_DAY)
    return int(hits[0]) if len(hits) else None


# ---------------------------------------------------------------------------------------------- rounded


def what_frames_lack(run: Run, model: Model, tick: int) -> str:
    """Why the frames of a tick are not enough to know what cells respond to; empty if they are."""
    missing = [
        name
        for name, times in (("cells", run.frame_times), ("fields", run.field_times), ("readout", run.time))
        if _index(times, model, tick) is None
    ]
    if missing:
        return f"no {' and '.join(missing)} recorded then"
    if any(event["tick"] == tick and event["kind"] == "intervention" for event in run.events):
        return "an intervention acts at that moment, on a state that frames hold only in part"
    if (model.signals.kind == SignalKind.AGE).any():
        return "rules read the age of cells, which frames do not hold"
    unknown = [
        name
        for name, array in checkpoint.save(new_state(model)).items()
        if name not in _IN_FRAMES | _NOT_READ and not name.startswith(_NOT_READ_GROUPS) and array.size
    ]
    return f"frames do not hold {', '.join(unknown)}" if unknown else ""


def _from_frames(run: Run, model: Model, tick: int) -> Moment:
    state = new_state(model)
    state.tick = tick
    fields = _index(run.field_times, model, tick)
    for f, name in enumerate(model.names.cytokines):
        state.concentration[f] = run.field(name, fields).values
    levels = run.series("compartment_level").values[_index(run.time, model, tick)]
    state.reservoirs.c[: len(levels)] = levels
    state.cells = _recorded_cells(run, model, tick)
    return Moment(model, state, "the cells and fields recorded at this time", exact=False)


def _recorded_cells(run: Run, model: Model, tick: int) -> CellArrays:
    """The cell table of a frame; without directions and, but for the cells of the start, times of birth."""
    frame = run.frame(_index(run.frame_times, model, tick))
    cells = empty_cells(len(frame), model.variables.kind.shape[1])
    cells.id[:], cells.type[:], cells.place[:] = frame["id"], frame["type"], frame["place"]
    cells.dead[:] = frame["status"]
    first = np.cumsum([0, *(len(names) for names in model.names.phenotypes)])[:-1]
    cells.phenotype[:] = frame["phenotype"] - first[cells.type]
    cells.parent[:] = -1
    cells.position[:] = np.stack([frame[axis] for axis in "xyz"], axis=1)
    waiting = cells.place > 0
    cells.voxel[:] = np.where(
        waiting, 0, model.grid.voxel_of(np.where(waiting[:, None], 0.0, cells.position))
    )
    for name in variable_names(model):
        for k, slots in enumerate(model.names.variables):
            if name in slots:
                rows = cells.type == k
                cells.variables[rows, slots.index(name)] = frame[name][rows]
    return cells
