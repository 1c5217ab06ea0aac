"""From a sweep file to a planned sweep: everything checked, what it will cost, and what is there already."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abm.errors import AbmError
from abm.record.sweep_index import Found, find_runs
from abm.record.sweep_layout import COMPLETE, SweepDeclaration
from abm.scenario.load import load_experiment_text
from abm.study.plan import prepare_folder
from abm.sweep.expand import Checked, Scenarios, check_scenarios, chosen_for_checking, distinct_scenarios
from abm.sweep.manifest import FILES, SHARDS, Limits, Manifest
from abm.sweep.resolve import Resolver
from abm.sweep.returns import declare
from abm.sweep.sweep_file import Sweep, load_sweep

#: Wall time of one job on a cluster that is aimed at.
CHUNK_SECONDS = 600.0
#: A shard of a few runs has chunks that are hardly filled.
_BYTES_OF_SHARD = 300e3


class TooLargeError(AbmError):
    """A sweep does not fit on the disk or into the memory."""

    exit_code = 2


@dataclass(frozen=True)
class Forecast:
    """What the runs that are still to be made will take.

    Attributes
    ----------
    runs, known : int
        To be made; complete already.
    core_hours : float
    memory : float [bytes]
        Of one worker.
    disk : float [bytes]
    files : int
        Shards of one worker's making, and whole result files.
    measured : bool
        Whether the time of a run is that of runs made already; else an estimate good to a factor of two.
    """

    runs: int
    known: int
    core_hours: float
    memory: float
    disk: float
    files: int
    measured: bool


@dataclass(frozen=True)
class Planned:
    """A sweep that was checked.

    Attributes
    ----------
    manifest : Manifest
    found : Found
        What is there of its runs.
    forecast : Forecast
    checked : int
        Scenarios checked in full.
    """

    manifest: Manifest
    found: Found
    forecast: Forecast
    checked: int


def plan_sweep(
    path: str | Path, folder: str | Path, *, anyway: bool = False, check_everything: bool = False
) -> Planned:
    """Read and check a sweep file, and write the manifest into a folder.

    Shards in the folder stay: runs that the new plan has too are not made again.

    Parameters
    ----------
    anyway : bool
        Plan also what does not fit on the disk or into the memory.
    check_everything : bool
        Check every scenario in full, however many there are.

    Raises
    ------
    ScenarioError
        With every fault found.
    TooLargeError
        It does not fit; nothing is written then.
    """
    folder = Path(folder)
    sweep = load_sweep(path)
    limits = _limits(sweep)
    scenarios = distinct_scenarios(sweep)
    checked = check_scenarios(sweep, scenarios, chosen_for_checking(sweep, scenarios, check_everything))
    declaration = declare(sweep, scenarios, checked)
    manifest = _manifest(sweep, folder, scenarios, checked, declaration, limits)
    _check_base(sweep, manifest)
    found = find_runs(folder / SHARDS, manifest.ids, declaration)
    forecast = forecast_of(manifest, found)
    if not anyway:
        _refuse_too_large(forecast, limits, folder)
    prepare_folder(folder / SHARDS)
    if manifest.files:
        prepare_folder(folder / FILES)
    manifest.save()
    return Planned(manifest, found, forecast, len(checked.numbers))


def _limits(sweep: Sweep) -> Limits:
    given = sweep.file.limits
    seconds = float(given.time) * 60.0 if given.time is not None and given.time > 0.0 else np.inf
    return Limits(float(seconds), given.bytes, given.retries)


def _manifest(
    sweep: Sweep,
    folder: Path,
    scenarios: Scenarios,
    checked: Checked,
    declaration: SweepDeclaration,
    limits: Limits,
) -> Manifest:
    seconds = float(np.mean([cost.seconds for cost in checked.costs]))
    predicted = {
        "seconds": seconds,
        "memory": max(cost.memory for cost in checked.costs),
        "file_bytes": float(np.mean([cost.disk for cost in checked.costs])),
    }
    sample = sweep.file.sample
    return Manifest(
        folder=folder,
        title=sweep.file.title,
        sweep_text=sweep.path.read_text(encoding="utf-8-sig"),
        base_text=sweep.experiment.text,
        design=sweep.design,
        arms=sweep.arms,
        scenarios=scenarios,
        replicates=sweep.experiment.replicates,
        seed=sweep.experiment.seed,
        shared_noise=sweep.file.noise == "shared",
        declaration=declaration,
        files=sweep.file.returns.files,
        limits=limits,
        chunk=sweep.file.chunk or max(1, min(10_000, round(CHUNK_SECONDS / max(seconds, 1e-3)))),
        sample={} if sample is None else sample.model_dump(),
        predicted=predicted,
    )


def _check_base(sweep: Sweep, manifest: Manifest) -> None:
    """What workers will load must be what was planned."""
    loaded = Resolver(load_experiment_text(manifest.base_text, "scenario"), sweep.arms)
    for arm in sweep.arms:
        same = loaded.digest(loaded.document(arm, {})) == sweep.resolver.digest(
            sweep.resolver.document(arm, {})
        )
        assert same, f"the text of arm {arm} does not load to what it was written from"


def forecast_of(manifest: Manifest, found: Found) -> Forecast:
    """What the missing and failed runs of a sweep will take."""
    known = int(np.count_nonzero(found.status == COMPLETE))
    runs = manifest.n_run - known
    seconds, measured = manifest.predicted["seconds"], False
    if known:
        seconds, measured = float(np.nanmean(found.column("seconds")[found.status == COMPLETE])), True
    sets = manifest.declaration.data_sets().values()
    row = sum(float(np.prod(one.shape)) * np.dtype(one.dtype).itemsize for one in sets)
    disk = runs * row + _BYTES_OF_SHARD
    if manifest.files:
        disk += runs * manifest.predicted["file_bytes"]
    return Forecast(
        runs=runs,
        known=known,
        core_hours=runs * seconds / 3600.0,
        memory=manifest.predicted["memory"],
        disk=disk,
        files=-(-runs // manifest.chunk) + (runs if manifest.files else 0),
        measured=measured,
    )


def _refuse_too_large(forecast: Forecast, limits: Limits, folder: Path) -> None:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    problems = []
    if forecast.disk > free:
        problems.append(
            f"{forecast.disk / 1e9:.3g} GB of results, and {free / 1e9:.3g} GB are free in {there}"
        )
    machine = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    allowed = min(machine, limits.memory)
    if forecast.memory > allowed:
        what = "the limit" if limits.memory < machine else "this machine"
        needed = f"a worker needs about {forecast.memory / 1e9:.3g} GB of memory"
        problems.append(f"{needed}, and {what} has {allowed / 1e9:.3g} GB")
    if problems:
        raise TooLargeError("\n".join([*problems, "Return less, make the cases smaller, or say --anyway."]))
