"""A made-up run whose every number follows from its place, so that a reader can check all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.record import CellTable, Column, Dimension, FieldStack, Run, RunDeclaration, RunWriter, Series

TICKS = 30  # between two readouts
CELLS_EVERY, FIELDS_EVERY, CHECKPOINT_EVERY = 5, 4, 20  # in readouts
CYTOKINES = ("IL-1b", "TNF-a", "IL-10")
REGIONS = ("site", "opposite")
SHAPE = (2, 6, 5)


def declaration(**changes: Any) -> RunDeclaration:
    """Declaration of the run."""
    nz, ny, nx = SHAPE
    site = np.zeros(SHAPE, bool)
    site[:, 1:3, 2:4] = True
    given: dict[str, Any] = {
        "title": "Contrôle, 20 µm",
        "arm": "cci",
        "replicate": 3,
        "seed": 2015,
        "tick_minutes": 2.0,
        "scenario_text": "title: Contrôle\nspacing: 20 µm\n",
        "provenance": json.dumps({"abm": "0.1.0", "threads": 2}),
        "dimensions": [
            Dimension("region", REGIONS, long_name="named region"),
            Dimension("quantile", (0.25, 0.5, 0.75)),
            Dimension("cytokine", CYTOKINES),
            Dimension("compartment", ()),
        ],
        "series": [
            Series("nociception", (), "1", "mean nociceptive signal"),
            Series("nociception_quantile", ("quantile",)),
            Series("threshold", ("region",), "g", "paw-withdrawal threshold"),
            Series("level", ("compartment", "cytokine"), "pg/ml"),
            Series("sourced", ("cytokine",), "fg", group="budget"),
            Series("divided", (), "1", group="ledger", dtype="i8"),
        ],
        "fields": FieldStack(
            cytokines=CYTOKINES,
            x=(np.arange(nx) + 0.5) * 20.0,
            y=(np.arange(ny) + 0.5) * 20.0,
            z=(np.arange(nz) + 0.5) * 20.0,
            regions={"site": site, "opposite": ~site},
            weights={"injury 0": site * 0.25},
        ),
        "cells": CellTable(
            variables=[Column("sensitisation", "f4", "1", "slow sensitisation")],
            types=("microglia", "neuron"),
            phenotypes=("microglia:resting", "microglia:reactive", "neuron:neuron"),
            statuses=("alive", "dead"),
            places=("tissue", "csf"),
        ),
    }
    return RunDeclaration(**given | changes)


def readout(k: int) -> dict[str, Any]:
    """Values of readout k."""
    return {
        "nociception": np.sqrt(k),
        "nociception_quantile": np.arange(3) + k / 7,
        "threshold": np.array([k, -k]) / 3,
        "level": np.zeros((0, 3)),
        "sourced": np.arange(3) * float(k),
        "divided": k**2,
    }


def cells(k: int) -> dict[str, NDArray[Any]]:
    """Cell table at readout k; the number of cells changes and may be 0."""
    n = (k * 397) % 1500
    i = np.arange(n)
    kind = i % 2
    return {
        "id": i + 10**12 * (k + 1),
        "type": kind,
        "phenotype": np.where(kind, 2, i // 2 % 2),
        "status": (i % 11 == 0).astype(np.uint8),
        "place": (i % 13 == 0).astype(np.int8),
        "x": (i * 0.7 + k) % 100.0,
        "y": (i * 0.3 + k) % 120.0,
        "z": np.full(n, 10.0),
        "sensitisation": np.where(kind, i / 3.0 + k, np.nan),
    }


def field(k: int) -> NDArray[np.float64]:
    """Concentrations at readout k, ``(3, nz, ny, nx)``."""
    index = np.indices((len(CYTOKINES), *SHAPE)).reshape(4, -1)
    weight = np.array([1000.0, 100.0, 10.0, 1.0])
    return np.asarray((weight @ index / 7 + k).reshape(len(CYTOKINES), *SHAPE))


def state(tick: int) -> dict[str, NDArray[Any]]:
    """What a checkpoint holds."""
    rng = np.random.default_rng(tick)
    return {
        "random": rng.random((3, tick % 97 + 1)),
        "ids": np.arange(tick, dtype=np.uint64),
        "scalar": np.array(tick / 3),
        "empty": np.zeros((0, 4), np.float32),
        "name": np.array("µ"),
        "mask": rng.random(5) > 0.5,
    }


def record(writer: RunWriter, start: int, stop: int, flush_every: int = 0) -> None:
    """Write the readouts from start up to stop and all that belongs to them."""
    for k in range(start, stop):
        tick = k * TICKS
        writer.append_readout(tick, readout(k))
        if k % CELLS_EVERY == 0:
            writer.append_cells(tick, cells(k))
        if k % FIELDS_EVERY == 0:
            writer.append_fields(tick, field(k))
        if k % 7 == 3:
            writer.append_event(tick, "dose", f"{k} ng µ", float(k), "ng")
        if k % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1:
            writer.save_checkpoint(tick, state(tick))
        if flush_every and k % flush_every == 0:
            writer.flush()


def check(run: Run) -> int:
    """Assert that everything the file holds is right and nothing is missing in between.

    Returns
    -------
    int
        Number of readouts.
    """
    n = len(run.time)
    np.testing.assert_array_equal(run.time, np.arange(n) * TICKS * 2.0 / 1440.0)
    expected = [readout(k) for k in range(n)]
    for name in readout(0):
        values = run.series(name).values
        np.testing.assert_array_equal(values, np.array([row[name] for row in expected]).reshape(values.shape))
    assert len(run.frame_times) == -(-n // CELLS_EVERY)
    for i in range(len(run.frame_times)):
        frame, wanted = run.frame(i), cells(i * CELLS_EVERY)
        assert frame.tick == i * CELLS_EVERY * TICKS
        for name, column in wanted.items():
            np.testing.assert_array_equal(frame[name], column.astype(frame[name].dtype))
    assert len(run.field_times) == -(-n // FIELDS_EVERY)
    for i in range(len(run.field_times)):
        for j, cytokine in enumerate(CYTOKINES):
            np.testing.assert_array_equal(
                run.field(cytokine, i).values, field(i * FIELDS_EVERY)[j].astype(np.float32)
            )
    assert [event["text"] for event in run.events] == [f"{k} ng µ" for k in range(3, n, 7)]
    for tick in run.checkpoint_ticks:
        saved = run.checkpoint(tick)
        assert saved.tick == tick
        assert_same_arrays(saved.arrays, state(tick))
    return n


def assert_same_arrays(given: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]]) -> None:
    """Same names, types, shapes and bytes."""
    assert given.keys() == wanted.keys()
    for name, array in wanted.items():
        assert given[name].dtype == array.dtype
        assert given[name].shape == array.shape
        assert given[name].tobytes() == array.tobytes()


def written(path: Path, readouts: int, finish: bool = True) -> Path:
    """Write a whole run."""
    with RunWriter.create(path, declaration()) as writer:
        record(writer, 0, readouts)
        if finish:
            writer.finish(summary=[("peak", 1.5, "g", "highest"), ("onset", float("nan"), "d", "first")])
    return path
