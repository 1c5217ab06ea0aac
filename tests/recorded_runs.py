"""Result files written by hand, for tests of everything that only reads them.

A small tissue with the series, columns and texts of the engine and plausible courses: CCI lowers the
threshold, cells and protein lift it, a sham operation does nothing.  Replicates differ by a known offset, the
same in every arm, so that means, intervals and paired differences have values known beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from abm.record import CellTable, Column, Dimension, FieldStack, RunDeclaration, RunWriter, Series
from abm.record.layout import BUDGET, LEDGER, STATUS_COMPLETE
from abm.record.summary import summarise

TICK = 60.0  # min
PER_DAY = 24
BASELINE = 1.2  # g
REGIONS = ("site", "opposite")
CELL_TYPES = ("microglia", "astrocyte", "t_cell", "neuron", "msc")
PHENOTYPES = (
    "microglia:surveilling",
    "microglia:activated",
    "astrocyte:quiescent",
    "astrocyte:reactive",
    "t_cell:effector",
    "t_cell:regulatory",
    "neuron:neuron",
    "msc:naive",
    "msc:primed",
)
CYTOKINES = ("IL-1b", "TNF-a", "IL-10", "TGF-b1")
RESTING_LEVELS = np.array([50.0, 50.0, 20.0, 100.0])
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
COMPARTMENTS = ("csf", "blood")

PAIN = (
    Series("nociception", (), "1", "mean nociceptive signal"),
    Series("nociception_quantile", ("quantile",), "1", "quantiles of the nociceptive signal"),
    Series("nociception_by_region", ("region",), "1", "mean nociceptive signal"),
    Series("withdrawal_threshold", (), "g", "paw-withdrawal threshold"),
)
TISSUE = (
    Series("cell_count", ("cell_type",), "1", "live cells in the tissue"),
    Series("cell_count_by_region", ("cell_type", "region"), "1", "live cells in each region"),
    Series("phenotype_count", ("phenotype",), "1", "live cells, by phenotype"),
    Series("phenotype_count_by_region", ("phenotype", "region"), "1", "live cells, by phenotype"),
    Series("variable_mean_by_region", ("variable", "region"), "1", "mean of each cell variable"),
    Series("cytokine_mean", ("cytokine",), "pg/ml", "mean concentration in the tissue"),
    Series("cytokine_by_region", ("cytokine", "region"), "pg/ml", "mean concentration in each region"),
    Series("compartment_level", ("compartment", "cytokine"), "pg/ml", "concentration"),
    Series("compartment_cells", ("compartment", "cell_type"), "1", "cells waiting in a compartment"),
)
BOOKS = (
    Series("residual", ("cytokine",), "fg", "what the books do not explain", BUDGET),
    Series("cells_injected", ("cell_type",), "1", "cells injected", LEDGER),
    Series("dose_given", ("compartment", "cell_type"), "1", "living cells injected", LEDGER),
)

INJURIES = {"sham": "sham", "cci": "CCI", "cci_bmsc": "CCI", "cci_tgfb1": "CCI", "naive": ""}
TREATMENTS = {
    "cci_bmsc": (2.0, "250000 living msc intrathecal", "inject_cells: {type: msc, dose: 2.5e5, at: 2 d}"),
    "cci_tgfb1": (3.0, "10 ng TGF-b1 intrathecal", "infuse: {cytokine: TGF-b1, dose: 10 ng, at: 3 d}"),
}


@dataclass(frozen=True)
class Plan:
    """What to write.

    Attributes
    ----------
    days : float
        Length of the run.
    layers : int
        Of the grid; more than one is a three-dimensional tissue.
    pain, fields, cells : bool
        Whether the file has the readout of pain, frames of fields, frames of cells.
    commit : str
        In the provenance.
    """

    days: float = 8.0
    layers: int = 1
    pain: bool = True
    fields: bool = True
    cells: bool = True
    seed: int = 7
    commit: str = "0123456789abcdef"
    status: str = STATUS_COMPLETE
    message: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def offset(replicate: int) -> float:
    """By how much the threshold [g] of a replicate lies above that of replicate 0 on the injured side."""
    return 0.02 * replicate * (-1) ** replicate


def threshold(arm: str, replicate: int, days: np.ndarray) -> np.ndarray:
    """Threshold [g]: the curve of the arm plus the offset of the replicate times the pain."""
    injury = INJURIES.get(arm, "CCI")
    pain = (1.0 - np.exp(-days)) * (0.9 if injury == "CCI" else 0.0)
    if arm in TREATMENTS:
        start = TREATMENTS[arm][0]
        after = np.clip(days - start, 0.0, None)
        length = 20.0 if arm == "cci_bmsc" else 0.3
        pain = pain * (1.0 - 0.7 * (days >= start) * np.exp(-after / length))
    return BASELINE * (1.0 - pain) + offset(replicate) * pain


def write_run(path: Path, arm: str, replicate: int = 0, plan: Plan | None = None) -> Path:
    """Write one result file."""
    plan = plan or Plan()
    grid = _Grid(plan.layers)
    ticks = np.arange(0, round(plan.days * PER_DAY) + 1)
    days = ticks / PER_DAY
    force = threshold(arm, replicate, days)
    writer = RunWriter.create(path, _declare(arm, replicate, plan, grid))
    given = TREATMENTS.get(arm)
    for i, tick in enumerate(ticks):
        if given and tick == round(given[0] * PER_DAY):
            writer.append_event(int(tick), "intervention", given[1])
        writer.append_readout(int(tick), _readout(arm, replicate, float(days[i]), float(force[i]), plan))
        if plan.fields and tick % PER_DAY == 0:
            writer.append_fields(int(tick), grid.concentration(arm, float(days[i])))
        if plan.cells and tick % (PER_DAY // 2) == 0:
            writer.append_cells(int(tick), grid.cells(arm, replicate, float(days[i])))
    if plan.status == "running":
        writer.close()
    else:
        rows = summarise(days, force, 1.0 - force / BASELINE) if plan.pain else []
        writer.finish(plan.status, plan.message, rows)
    return path


def write_experiment(
    folder: Path, arms: Iterable[str], replicates: Sequence[int] = (0, 1, 2), plan: Plan | None = None
) -> Path:
    """Write ``<arm>_r<replicate>.h5`` for all arms and replicates into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for arm in arms:
        for replicate in replicates:
            write_run(folder / f"{arm}_r{replicate:03d}.h5", arm, replicate, plan)
    return folder


class GrowingRun:
    """A file that is being written, a day at a time; every day can be read at once."""

    def __init__(self, path: Path, arm: str) -> None:
        self.arm, self.plan, self.grid = arm, Plan(), _Grid(1)
        self.writer = RunWriter.create(path, _declare(arm, 0, self.plan, self.grid))

    def append_day(self, day: int) -> None:
        """Append a point of the readout and a frame of fields and cells."""
        tick, force = PER_DAY * day, float(threshold(self.arm, 0, np.array([float(day)]))[0])
        self.writer.append_readout(tick, _readout(self.arm, 0, float(day), force, self.plan))
        self.writer.append_fields(tick, self.grid.concentration(self.arm, float(day)))
        self.writer.append_cells(tick, self.grid.cells(self.arm, 0, float(day)))
        self.writer._flush_all()


def scenario_text(arm: str) -> str:
    """The few parts of a resolved scenario that readers look at."""
    injury = INJURIES.get(arm, "CCI")
    injuries = f"[{{kind: {injury}, at: 0 d, site: site}}]" if injury else "[]"
    given = TREATMENTS.get(arm)
    return "\n".join(
        [
            "schema_version: 1",
            "title: Written by hand",
            "cytokines: {IL-1b: {label: IL-1β}, TNF-a: {label: TNF-α}, TGF-b1: {label: TGF-β1}}",
            "cell_types:",
            "  t_cell: {label: T cell, phenotypes: {effector: {label: effector}}}",
            "  msc: {label: MSC}",
            "injury_kinds: {CCI: {label: chronic constriction injury}, sham: {label: sham operation}}",
            f"injuries: {injuries}",
            f"interventions: [{{{given[2]}}}]" if given else "interventions: []",
            "readout: {nociception: {cell_type: neuron, variable: nociception, region: site}}",
            "",
        ]
    )


class _Grid:
    """A slab or block of 40 x 40 voxels of 50 um with two discs."""

    def __init__(self, layers: int) -> None:
        self.x = 25.0 + 50.0 * np.arange(40)
        self.z = 10.0 + 20.0 * np.arange(layers)
        y, x = np.meshgrid(self.x, self.x, indexing="ij")
        self.masks = {
            "site": np.repeat((np.hypot(x - 800, y - 1000) < 400)[None], layers, axis=0),
            "opposite": np.repeat((np.hypot(x - 1600, y - 1000) < 250)[None], layers, axis=0),
        }
        self.tissue = np.repeat((np.hypot(x - 1000, y - 1000) < 1300)[None], layers, axis=0)

    def concentration(self, arm: str, day: float) -> np.ndarray:
        """(cytokine, z, y, x) [pg/ml]; highest in the middle layer of a block."""
        c = RESTING_LEVELS[:, None, None, None] * np.ones((1, *self.tissue.shape))
        if INJURIES.get(arm) == "CCI":
            c[:2] += 100.0 * self.masks["site"] * (1.0 - np.exp(-day))
        if arm == "cci_bmsc" and day >= 2.0:
            height = 1.0 - np.abs(self.z - self.z.mean()) / 1000.0
            c[3] += 1900.0 * self.masks["site"] * height[:, None, None]
        return c

    def cells(self, arm: str, replicate: int, day: float) -> dict[str, np.ndarray]:
        """Cells on a fixed lattice; MSC walk along x into the site."""
        rng = np.random.default_rng(11 + replicate)
        n = 400
        kind = rng.choice(4, n, p=[0.4, 0.4, 0.05, 0.15])
        position = np.column_stack([rng.uniform(0, 2000, (n, 2)), rng.uniform(0, 20 * len(self.z), n)])
        inside = np.hypot(position[:, 0] - 800, position[:, 1] - 1000) < 400
        active = inside & (INJURIES.get(arm) == "CCI") & (day > 1.0)
        first = np.array([0, 2, 4, 6, 7])
        phenotype = first[kind] + (active & (kind < 2))
        place = np.zeros(n, dtype=np.int64)
        if arm == "cci_bmsc" and day >= 2.0:
            kind = np.append(kind, [4, 4, 4])
            phenotype = np.append(phenotype, [7, 8, 7])
            walked = min(400.0 * (day - 2.0), 1000.0)
            more = np.array([[1800.0 - walked, 1000.0, 10.0], [1800.0, 1000.0, 10.0], [5.0, 5.0, 10.0]])
            position = np.vstack([position, more])
            place = np.append(place, [0, 0, 1])
        return {
            "id": np.arange(len(kind)),
            "type": kind,
            "phenotype": phenotype,
            "status": np.zeros(len(kind)),
            "place": place,
            "x": position[:, 0],
            "y": position[:, 1],
            "z": position[:, 2],
            "activation": np.where(kind == 0, 0.5, np.nan),
        }


def _declare(arm: str, replicate: int, plan: Plan, grid: _Grid) -> RunDeclaration:
    provenance = {
        "software": {"abm": "0.1.0"},
        "source": {"commit": plan.commit, "dirty": False},
        "scenario_sha256": "5" * 64,
        "library_sha256": "1" * 64,
    }
    return RunDeclaration(
        title="Written by hand",
        arm=arm,
        replicate=replicate,
        seed=plan.seed,
        tick_minutes=TICK,
        scenario_text=plan.extra.get("scenario", scenario_text(arm)),
        provenance=plan.extra.get("provenance", json.dumps(provenance)),
        dimensions=(
            Dimension("quantile", QUANTILES),
            Dimension("region", REGIONS),
            Dimension("cell_type", CELL_TYPES),
            Dimension("phenotype", PHENOTYPES),
            Dimension("variable", ("astrocyte.reactivity", "microglia.activation")),
            Dimension("cytokine", CYTOKINES),
            Dimension("compartment", COMPARTMENTS),
        ),
        series=(*(PAIN if plan.pain else ()), *TISSUE, *BOOKS),
        fields=FieldStack(CYTOKINES, grid.x, grid.x, grid.z, grid.tissue, grid.masks),
        cells=CellTable(
            [Column("activation")], CELL_TYPES, PHENOTYPES, ("alive", "dead"), ("tissue", *COMPARTMENTS)
        ),
    )


def _readout(arm: str, replicate: int, day: float, force: float, plan: Plan) -> dict[str, Any]:
    """One point of every series."""
    pain = 1.0 - force / BASELINE
    injured, cells = INJURIES.get(arm) == "CCI", arm == "cci_bmsc" and day >= 2.0
    grown = 80.0 + (40.0 * day * np.exp(-day / 4.0) if injured else 0.0) + replicate
    phenotypes = np.array(
        [
            40.0,
            grown - 40.0,
            150.0,
            0.0,
            5.0 if injured else 0.0,
            0.0,
            50.0,
            *([4.0, 6.0] if cells else [0, 0]),
        ]
    )
    counts = np.array([phenotypes[i : i + k].sum() for i, k in ((0, 2), (2, 2), (4, 2), (6, 1), (7, 2))])
    fold = 1.0 + (2.0 * day * np.exp(1.0 - day) + 0.1 * replicate if injured and day > 0 else 0.0)
    level = RESTING_LEVELS * np.array([fold, fold, 1.0, 1.0]) + np.array([0, 0, 0, 900.0 if cells else 0.0])
    waiting = np.zeros((2, 5))
    waiting[0, 4] = 2.5e5 * np.exp(-(day - 2.0) / 3.0) if cells else 0.0
    given = np.zeros((2, 5))
    given[0, 4] = 2.5e5 if cells else 0.0
    csf = np.stack([RESTING_LEVELS + np.array([0, 0, 0, 5000.0 if cells else 0.0]), np.zeros(4)])
    values = {
        "cell_count": counts * 5.0,
        "cell_count_by_region": np.stack([counts, counts * 0.5], axis=-1),
        "phenotype_count": phenotypes * 5.0,
        "phenotype_count_by_region": np.stack([phenotypes, phenotypes * 0.5], axis=-1),
        "variable_mean_by_region": np.array([[0.6 * pain, 0.0], [pain, 0.0]]),
        "cytokine_mean": 0.5 * (level + RESTING_LEVELS),
        "cytokine_by_region": np.stack([level, RESTING_LEVELS], axis=-1),
        "compartment_level": csf,
        "compartment_cells": waiting,
        "residual": np.zeros(4),
        "cells_injected": np.array([0, 0, 0, 0, 60.0 if cells else 0.0]),
        "dose_given": given,
    }
    if plan.pain:
        values |= {
            "nociception": pain,
            "nociception_quantile": pain * np.array([0.6, 0.8, 1.0, 1.2, 1.4]),
            "nociception_by_region": np.array([pain, 0.05 * pain]),
            "withdrawal_threshold": force,
        }
    return values
