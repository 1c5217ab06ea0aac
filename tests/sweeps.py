"""Small sweeps for tests, and shards written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.record.layout import Column, Dimension, Series
from abm.record.shards import ShardWriter
from abm.record.sweep_layout import COMPLETE, FAILED, ShardRow, SweepDeclaration
from abm.record.sweep_merge import open_merged
from abm.sweep.manifest import Manifest
from abm.sweep.run import find
from tests.e2e.command_line import TINY, abm_here

DOSE = "arms.cells.interventions.0.inject_cells.dose"
DAY = "arms.cells.interventions.0.inject_cells.at"

SWEEP = f"""\
schema_version: 1
title: Dose and hour
scenario: tiny.yaml
vary:
  dose: {{path: {DOSE}, grid: {{low: 1e4, high: 1e6, points: 3, scale: log}}}}
  hour: {{path: {DAY}, list: [1 h, 2 h]}}
returns: {{series: [withdrawal_threshold, cytokine_mean], every: 2 h}}
"""


def write_sweep(folder: Path, text: str = SWEEP, scenario: str = TINY) -> Path:
    """Write a sweep file and its scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(scenario, encoding="utf-8")
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def statuses(folder: Path) -> NDArray[np.uint8]:
    """How the runs of a sweep ended."""
    return find(Manifest.load(folder)).status


def columns(folder: Path) -> dict[str, bytes]:
    """All results, as bytes; the machine's own numbers left out."""
    one = folder.parent / "one.h5"
    assert abm_here("sweep", "merge", folder, "-o", one, "--force", "-q") == 0
    with open_merged(one) as merged:
        return {
            name: np.asarray(merged[name].values).tobytes()
            for name in merged.variables
            if name not in ("seconds", "attempts")
        }


def declaration(series: bool = True) -> SweepDeclaration:
    """One parameter, one scalar, and perhaps a series of three labels at four times."""
    return SweepDeclaration(
        parameters=(Column("dose", "f8", "1", "dose"),),
        summary=(Column("peak", "f8", "g", "the highest"),),
        dimensions=(Dimension("cytokine", ("a", "b", "c")),) if series else (),
        series=(Series("level", ("cytokine",), "pg/ml", "level"),) if series else (),
        time=(0.0, 0.5, 1.0, 1.5) if series else (),
    )


def names(count: int) -> np.ndarray:
    """Names of runs, (count,) S16, different from each other and in no order."""
    raw = np.random.default_rng(3).integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, :4] = np.arange(count, dtype=np.uint32)[:, None].view(np.uint8).reshape(count, 4)
    return np.ascontiguousarray(raw).view("S16").reshape(-1)


def row(ids: np.ndarray, run: int, declared: SweepDeclaration, failed: bool = False) -> ShardRow:
    """What run `run` returns: its number, in all forms."""
    series = {}
    if declared.series:
        series["level"] = np.arange(12.0).reshape(4, 3) + 100.0 * run
    return ShardRow(
        id=ids[run : run + 1].tobytes(),
        status=FAILED if failed else COMPLETE,
        replicate=0,
        seed=7,
        parameters=np.array([float(run)]),
        seconds=0.5,
        ended=1e9 + run,
        summary={} if failed else {"peak": 2.0 * run},
        series={} if failed else series,
        message="it went wrong" if failed else "",
    )


def write_shard(folder: Path, ids: np.ndarray, runs: Sequence[int], declared: SweepDeclaration) -> Path:
    """A finished shard with these runs."""
    with ShardWriter.create(folder, declared, "{}") as shard:
        for run in runs:
            shard.append(row(ids, run, declared))
        path = shard.path
    return path.with_suffix(".h5")
