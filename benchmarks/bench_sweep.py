"""Planning a sweep of 100,000 cases, and the way of as many rows through shards, index and merged file.

First, how long a worker takes to start.  The cases vary three numbers of a small tissue by a random sample,
so that each is another scenario; the rows are written by hand, ten shards of 10,000.  With ``--runs N`` it
makes instead N runs of two days of the default scenario with two workers, and compares the wall time with the
sum of the runs' times over the workers.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from abm.record.shards import ShardWriter
from abm.record.sweep_index import find_runs, open_index, write_index
from abm.record.sweep_layout import COMPLETE, ShardRow
from abm.record.sweep_merge import CaseTable, merge_shards, open_merged
from abm.study.pool import Hand
from abm.sweep.local import PROGRAM, LocalEngine
from abm.sweep.manifest import INDEX, SHARDS, Manifest
from abm.sweep.plan import plan_sweep
from abm.sweep.run import find, run_sweep
from abm.sweep.worker import Begun, Order, SetUp

CASES = 100_000
BUDGETS = {"start": 1.5, "plan": 60.0, "merge": 300.0, "one column": 1.0}
RATIO = 1.05

DEFAULT = Path(__file__).resolve().parents[1] / "scenarios" / "chen2015.yaml"
START = """\
schema_version: 1
scenario: {scenario}
arms: [cci]
replicates: 1
vary: {{duration: {{path: time.duration, list: [1 d]}}}}
"""
SCENARIO = """\
schema_version: 1
title: Small tissue
extends: library/dorsal_horn
time: {{duration: 2 d, cell_step: 10 min, field_step: 5 min}}
domain: {{size: [600 um, 600 um], spacing: 20 um, thickness: 20 um, represents: 1.7 mm^3}}
regions: {{site: {{disc: {{center: [300 um, 300 um], radius: 150 um}}}}}}
injuries: [{{kind: CCI, at: 0 d, site: site, edge: 40 um}}]
"""
SWEEP = """\
schema_version: 1
scenario: {scenario}
{arms}
settings: {{time.duration: 2 d}}
replicates: 1
vary:
  half_life: {{path: cytokines.TNF-a.half_life, range: {{low: 10 min, high: 60 min, scale: log}}}}
  spread: {{path: cytokines.IL-1b.diffusion, range: {{low: 10 um^2/s, high: 60 um^2/s}}}}
  radius: {{path: regions.site.disc.radius, range: {{low: 100 um, high: 200 um}}}}
sample: {{method: random, points: {points}}}
"""


def main() -> int:
    """Measure; 1 when over budget."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "tissue.yaml").write_text(SCENARIO.format(), encoding="utf-8")
        of_small = {"scenario": "tissue.yaml", "arms": "", "points": CASES}
        of_default = {"scenario": DEFAULT, "arms": "arms: [cci]", "points": options.runs}
        text = SWEEP.format(**(of_default if options.runs else of_small))
        (folder / "sweep.yaml").write_text(text, encoding="utf-8")
        if options.runs:
            return runs(folder)
        return report({**start(folder), **plan(folder), **storage(folder)})


def timed(what: Callable[[], object]) -> float:
    """Wall time of a call [s]."""
    begin = time.perf_counter()
    what()
    return time.perf_counter() - begin


def start(folder: Path) -> dict[str, float]:
    """Median time from the start of a worker to the first step of a run of the default scenario.

    The first worker fills numba's cache and Python's own, which an installed package has; it does not count.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    (folder / "start.yaml").write_text(START.format(scenario=DEFAULT), encoding="utf-8")
    plan_sweep(folder / "start.yaml", folder / "start")
    times = [timed(lambda: first_step(folder / "start")) for _ in range(6)][1:]
    return {"start": float(np.median(times))}


def first_step(folder: Path) -> None:
    """Start a worker and wait for the first step of its first run."""
    worker = Hand.hire(PROGRAM, 1)
    worker.pipe.send(SetUp(folder))
    worker.pipe.send(Order(0))
    message = worker.pipe.recv()
    assert isinstance(message, Begun), message
    worker.process.kill()
    worker.dismiss()


def plan(folder: Path) -> dict[str, float]:
    """Time of planning and of reading the manifest."""
    found = {"plan": timed(lambda: plan_sweep(folder / "sweep.yaml", folder / "out"))}
    found["manifest"] = timed(lambda: Manifest.load(folder / "out").ids)
    return found


def storage(folder: Path) -> dict[str, float]:
    """Times of the way of all rows."""
    manifest = Manifest.load(folder / "out")
    declared, ids, shards = manifest.declaration, manifest.ids, manifest.folder / SHARDS
    names = [column.name for column in declared.summary]

    def write() -> None:
        for part in np.array_split(np.random.default_rng(1).permutation(CASES), 10):
            with ShardWriter.create(shards, declared, "{}") as shard:
                for run in part:
                    row = ShardRow(
                        id=ids[run : run + 1].tobytes(),
                        status=COMPLETE,
                        replicate=0,
                        seed=0,
                        parameters=np.full(3, float(run)),
                        summary=dict.fromkeys(names, float(run)),
                    )
                    shard.append(row)
                    shard.flush_if_due()

    found = {"write rows": timed(write)}
    where = find_runs(shards, ids, declared)
    found["find"] = timed(lambda: find_runs(shards, ids, declared))
    found["index"] = timed(lambda: write_index(manifest.folder / INDEX, where, declared, ids))

    def column() -> None:
        with open_index(manifest.folder / INDEX) as index:
            values = index[f"parameters/{declared.parameters[0].name}"][()][index["row_of_run"][()]]
            assert np.array_equal(values, np.arange(CASES))

    found["one column, index"] = timed(column)
    one = folder / "one.h5"
    cases: CaseTable = manifest.cases()
    import xarray  # noqa: F401 - not part of what is measured

    found["merge"] = timed(lambda: merge_shards(one, where, declared, cases, {}))

    def merged() -> None:
        with open_merged(one) as whole:
            assert np.array_equal(whole[names[0]].values, np.arange(CASES))

    # At first xarray looks for and loads what it reads HDF5 with.
    found["first column"] = timed(merged)
    found["one column"] = timed(merged)
    print(f"{CASES} rows: {one.stat().st_size / 1e6:.1f} MB merged")
    return found


def runs(folder: Path) -> int:
    """Wall time of real runs over the ideal."""
    manifest = plan_sweep(folder / "sweep.yaml", folder / "out").manifest
    wall = timed(lambda: run_sweep(folder / "out", LocalEngine(2), watcher=Silence()))
    found = find(manifest)
    seconds = found.column("seconds")
    ideal, memory = seconds.sum() / 2, found.column("memory")
    order = np.argsort(found.column("ended"))
    print(f"{manifest.n_run} runs of {np.median(seconds):.3f} s: {wall:.1f} s, ideal {ideal:.1f} s")
    print(f"ratio {wall / ideal:.3f} (budget {RATIO}); files {len(list((folder / 'out').rglob('*.*')))}")
    early, late = memory[order[: max(1, len(order) // 10)]].max(), memory.max()
    print(f"peak memory of a worker in the first tenth of the runs {early:.0f} MB, in all {late:.0f} MB")
    return int(wall / ideal > RATIO)


class Silence:
    """A watcher that says nothing."""

    def begin(self, runs: int, known: int) -> None: ...

    def ended(self, ended: object, what: str) -> None: ...

    def stopping(self) -> None: ...


def report(found: dict[str, float]) -> int:
    """Print times beside their budgets."""
    for name, seconds in found.items():
        budget = f"(budget {BUDGETS[name]:g} s)" if name in BUDGETS else ""
        print(f"{name:20s}{seconds:8.2f} s {budget}")
    return int(any(found[name] > budget for name, budget in BUDGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
