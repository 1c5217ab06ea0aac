"""A branch: one saved state of a run continued under a changed scenario, with the same noise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abm.compile.build import compile_model
from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.readout import dimensions, series
from abm.engine.run import declaration, replicate_seed, run
from abm.engine.state import new_state
from abm.engine.threads import use_threads
from abm.errors import Fault, RecordError, ScenarioError
from abm.provenance import collect, to_json
from abm.record.layout import BRANCH, RunDeclaration
from abm.record.placement import refuse_existing
from abm.record.reader import Run, open_run
from abm.record.writer import RunWriter
from abm.scenario.load import Experiment
from abm.study.branch_patch import past_changes, patched_arm
from abm.study.job import RunResult, Status
from abm.study.moment import (
    Progress,
    agreement,
    exact_state,
    packed,
    recorded_model,
    tick_at,
)
from abm.study.plan import prepare_folder
from abm.study.runner import recorded_experiment

INTERVENTION = "intervention"


@dataclass(frozen=True)
class Branched:
    """What came of a branch.

    Attributes
    ----------
    result : RunResult
    origin : str
        Where the state came from, as the end of a sentence.
    notes : tuple of str
        What deserves to be known.
    """

    result: RunResult
    origin: str
    notes: tuple[str, ...] = ()


def branch_run(
    path: str | Path,
    day: float,
    output: str | Path,
    *,
    patch: str | Path | None = None,
    sets: Sequence[str] = (),
    arm: str | None = None,
    force: bool = False,
    threads: int = 1,
    looking_back: Progress | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> Branched:
    """Continue a run from one of its steps under a changed scenario.

    The new file holds what the old one recorded up to that step, and what is simulated from there on.
    Random numbers depend on seed, step and cell alone, so both share their noise.

    Parameters
    ----------
    path : path
        Result file; only read.
    day : float [d]
        A step of the run; what is new must not begin before it.
    output : path
        New file.
    patch : path, optional
        YAML laid over the scenario of the run, as an arm is; nothing changes when omitted.
    sets : sequence of str
        Values changed as by ``--set``, after the patch.
    arm : str, optional
        Name of the new arm; the old name with ``_branch`` when omitted.
    force : bool
        Replace an existing file.
    looking_back, progress : callable, optional
        Told how far the state is simulated again, where that is needed, and how far the branch is.
    command : sequence of str
        For the provenance.

    Raises
    ------
    RecordError
        No such step, the file exists, or the state does not fit the changed scenario.
    ScenarioError
        The patch is faulty, or begins something before the branch.
    Interrupted
        Ctrl-C during the branch; the new file can be resumed.
    """
    begin = time.perf_counter()
    path, output = Path(path), Path(output)
    if output.exists() and output.resolve() == path.resolve():
        raise RecordError(f"{output}: this is the file to branch from; choose another one with -o")
    refuse_existing(output, force)
    in_use = use_threads(threads)
    with open_run(path) as parent:
        model = recorded_model(parent)
        tick = tick_at(parent, model, day)
        made, changed = _changed(parent, model, day, arm or f"{parent.arm}_branch", patch, sets)
        prepare_folder(output.parent)
        state, origin = exact_state(parent, model, tick, looking_back)
        agrees, note = agreement(parent, model, state)
        state = checkpoint.restore(changed, checkpoint.save(state))
        declared = _declared(parent, made, changed, tick, in_use, command)
        with RunWriter.create(output, declared, force) as writer:
            copy_history(parent, writer, tick)
            told = f"branched from {path.name} (arm {parent.arm}, replicate {parent.replicate}), {origin}"
            writer.append_event(tick, BRANCH, told)
            writer.save_checkpoint(tick, checkpoint.save(state))
            run(changed, writer, state, progress)
    seconds = time.perf_counter() - begin
    result = RunResult(declared.arm, declared.replicate, output, Status.COMPLETE, seconds)
    return Branched(result, origin, () if agrees else (note,))


def _changed(
    parent: Run, model: Model, day: float, arm: str, patch: str | Path | None, sets: Sequence[str]
) -> tuple[Experiment, Model]:
    """The new arm and its model: it must fit the old state, and begin nothing before the branch."""
    before = recorded_experiment(parent.path)
    made = patched_arm(before, parent.arm, arm, patch, sets)
    (scenario,) = made.arms.values()
    changed = compile_model(scenario, replicate_seed(parent.seed, parent.replicate))
    _refuse_past(before, made, day, changed)
    if unlike := layout_differences(model, changed):
        raise RecordError(f"{parent.path}: its state does not fit the changed scenario: {'; '.join(unlike)}")
    return made, changed


def _refuse_past(before: Experiment, made: Experiment, day: float, changed: Model) -> None:
    """What is new must not lie before the branch, where it would silently not happen."""
    (old,), (new,) = before.arms.values(), made.arms.values()
    faults = [
        Fault(f"{what} begins before the branch at day {day:g}, so it would not happen")
        for what in past_changes(old, new, day * 1440.0)
    ]
    last = changed.clock.days(changed.clock.end)
    if last <= day + 1e-9:
        faults.append(Fault(f"the run ends at day {last:g}, not after day {day:g}"))
    if faults:
        raise ScenarioError(faults)


def layout_differences(parent: Model, changed: Model) -> list[str]:
    """Why a state of one model is none of the other; empty when it is."""
    found = []
    for name in parent.names.__dataclass_fields__:
        old, new = getattr(parent.names, name), getattr(changed.names, name)
        if old != new and name not in ("drives", "drugs"):
            found.append(f"{name.replace('_', ' ')}: {_names(old)} became {_names(new)}")
    for what, old, new in (
        ("voxels (z, y, x)", parent.grid.shape, changed.grid.shape),
        ("spacing", parent.grid.spacing, changed.grid.spacing),
        ("neighbourhood in voxels", parent.grid.block, changed.grid.block),
        ("field step [min]", parent.clock.tick, changed.clock.tick),
        ("cell step [min]", parent.clock.cell_step, changed.clock.cell_step),
    ):
        if old != new:
            found.append(f"{what}: {old} became {new}")
    if found:
        return found
    for what, old, new in (
        ("the tissue", parent.tissue, changed.tissue),
        ("the size of cells", parent.space, changed.space),
    ):
        if not np.array_equal(old, new):
            found.append(f"{what} is another")
    before, after = (_shapes(model) for model in (parent, changed))
    found += [
        f"{name}: {before.get(name, 'nothing')} became {after.get(name, 'nothing')}"
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]
    if (series(parent), dimensions(parent)) != (series(changed), dimensions(changed)):
        found.append("what is read out is another")
    return found


def _names(value: Any) -> str:
    return ", ".join(map(str, value)) or "none"


def _shapes(model: Model) -> dict[str, tuple[int, ...]]:
    """Shapes of everything a saved state holds but the number of cells and of issued ids."""
    saved = checkpoint.save(new_state(model))
    shapes = {name: array.shape for name, array in saved.items() if name != "issued"}
    shapes["doses"] = tuple(int(i) for i in saved["doses"][:, :2].reshape(-1))
    return {name: s[1:] if name.startswith("cells.") else s for name, s in shapes.items()}


def _declared(
    parent: Run, made: Experiment, changed: Model, tick: int, threads: int, command: Sequence[str]
) -> RunDeclaration:
    """Of the branch; its provenance holds the scenario it came from, so that it can be made again."""
    (arm,) = made.arms
    text = made.arm_text(arm)
    document = collect(text, parent.seed, threads, command)
    document[BRANCH] = {
        "file": parent.path.name,
        "arm": parent.arm,
        "tick": tick,
        "day": tick * parent.tick_minutes / 1440.0,
        "scenario": packed(parent.scenario_text),
        BRANCH: parent.branch,
    }
    return declaration(
        changed,
        arm=arm,
        replicate=parent.replicate,
        seed=parent.seed,
        text=text,
        provenance=to_json(document),
    )


def copy_history(parent: Run, writer: RunWriter, tick: int) -> None:
    """Write what a run recorded up to a tick into another file, number by number."""
    minutes = parent.tick_minutes / 1440.0

    def until(times: Any) -> list[tuple[int, int]]:
        ticks = [round(float(time) / minutes) for time in times]
        return [(i, t) for i, t in enumerate(ticks) if t <= tick]

    whole = {name: parent.series(name).values for name in parent.series_names}
    for i, t in until(parent.time):
        writer.append_readout(t, {name: values[i] for name, values in whole.items()})
    for i, t in until(parent.field_times):
        writer.append_fields(t, np.stack([parent.field(name, i).values for name in parent.cytokines]))
    for i, t in until(parent.frame_times):
        writer.append_cells(t, parent.frame(i).columns)
    for event in parent.events:
        # What is given at the branch itself is logged by the step that gives it.
        if event["tick"] < tick or (event["tick"] == tick and event["kind"] != INTERVENTION):
            writer.append_event(event["tick"], event["kind"], event["text"], event["amount"], event["unit"])
