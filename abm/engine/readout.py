"""What is read out of the tissue: declared once, computed at every recording time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Model, Readout, Threshold
from abm.engine.state import COUNTERS, State
from abm.engine.step import as_of_now
from abm.kernels.summaries import (
    count_cells,
    fill_quantiles,
    fill_variable_means,
    summarise_fields,
    values_inside,
)
from abm.record.layout import BUDGET, LEDGER, Dimension, Series
from abm.state.cells import CellArrays
from abm.state.tables import Floats

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_REGIONAL = "over the cells in each region; nan where there are none"

SIGNAL_SERIES = (
    Series("nociception", (), "1", "mean nociceptive signal of the neurons in the readout region"),
    Series(
        "nociception_quantile", ("quantile",), "1", "quantiles of the nociceptive signal over those neurons"
    ),
    Series("nociception_by_region", ("region",), "1", f"mean nociceptive signal {_REGIONAL}"),
)
THRESHOLD_SERIES = (
    Series("withdrawal_threshold", (), "g", "paw-withdrawal threshold of the mean nociceptive signal"),
    Series("withdrawal_threshold_by_region", ("region",), "g", "threshold of the mean signal of each region"),
)
TISSUE_SERIES = (
    Series("cell_count", ("cell_type",), "1", "live cells in the tissue"),
    Series("cell_count_by_region", ("cell_type", "region"), "1", "live cells in each region"),
    Series("dead_count", ("cell_type",), "1", "dead bodies in the tissue"),
    Series("phenotype_count", ("phenotype",), "1", "live cells in the tissue, by phenotype"),
    Series(
        "phenotype_count_by_region", ("phenotype", "region"), "1", "live cells in each region, by phenotype"
    ),
    Series("variable_mean", ("variable",), "1", "mean of each cell variable over the live cells of its type"),
    Series("variable_mean_by_region", ("variable", "region"), "1", f"mean of each cell variable {_REGIONAL}"),
    Series("cytokine_mean", ("cytokine",), "pg/ml", "mean concentration in the tissue"),
    Series("cytokine_lowest", ("cytokine",), "pg/ml", "lowest concentration in the tissue"),
    Series("cytokine_highest", ("cytokine",), "pg/ml", "highest concentration in the tissue"),
    Series("cytokine_by_region", ("cytokine", "region"), "pg/ml", "mean concentration in each region"),
    Series("compartment_level", ("compartment", "cytokine"), "pg/ml", "concentration in each compartment"),
    Series(
        "compartment_cells",
        ("compartment", "cell_type"),
        "1",
        "living injected cells waiting in a compartment",
    ),
)
BUDGET_SERIES = (
    Series("tissue_amount", ("cytokine",), "fg", "amount in the simulated tissue", BUDGET),
    Series(
        "sourced",
        ("cytokine",),
        "fg",
        "secreted by cells and tissue, released by injuries, infused, leaked in",
        BUDGET,
    ),
    Series("added", ("cytokine",), "fg", "put into the tissue at once by doses", BUDGET),
    Series("decayed", ("cytokine",), "fg", "lost by decay", BUDGET),
    Series("taken_up", ("cytokine",), "fg", "taken up by cells, neutralised or bound", BUDGET),
    Series("residual", ("cytokine",), "fg", "what the tissue holds minus what the books say", BUDGET),
    Series(
        "exchanged", ("reservoir", "cytokine"), "fg", "net inflow into the slab from each reservoir", BUDGET
    ),
    Series(
        "produced",
        ("reservoir", "cytokine"),
        "fg",
        "produced in or infused into each reservoir over time, minus what leaked out",
        BUDGET,
    ),
    Series("cleared", ("reservoir", "cytokine"), "fg", "cleared from each reservoir", BUDGET),
    Series("infused", ("reservoir", "cytokine"), "fg", "put into each reservoir at once by doses", BUDGET),
    Series("steps_redone", ("cytokine",), "1", "field steps redone by the positive scheme", BUDGET),
)
LEDGER_SERIES = (
    *(
        Series(f"cells_{name}", ("cell_type",), "1", f"cells {name.replace('_', ' ')}", LEDGER)
        for name in COUNTERS
    ),
    Series(
        "dose_given",
        ("compartment", "cell_type"),
        "1",
        "living cells injected, in cells of the animal",
        LEDGER,
    ),
    Series(
        "dose_pool", ("compartment", "cell_type"), "1", "of them alive and not followed one by one", LEDGER
    ),
    Series("dose_pool_lost", ("compartment", "cell_type"), "1", "of these lost", LEDGER),
)
DRUG_SERIES = (
    Series("drug_level", ("drug",), "pg/ml", "concentration of each drug in its central compartment"),
    Series("drug_given", ("drug",), "fg", "of each drug absorbed or on its way to be", BUDGET),
    Series("drug_depot", ("drug",), "fg", "of it not yet absorbed", BUDGET),
    Series("drug_central", ("drug",), "fg", "of it in the central compartment", BUDGET),
    Series("drug_peripheral", ("drug",), "fg", "of it in the peripheral compartment", BUDGET),
    Series("drug_eliminated", ("drug",), "fg", "of it eliminated", BUDGET),
)


def series(model: Model) -> tuple[Series, ...]:
    """What a model reads out; a scenario without a readout, or without a threshold, has fewer."""
    signal = () if model.readout is None else SIGNAL_SERIES
    threshold = THRESHOLD_SERIES if has_threshold(model) else ()
    drugs = DRUG_SERIES if model.names.drugs else ()
    return (*signal, *threshold, *TISSUE_SERIES, *drugs, *BUDGET_SERIES, *LEDGER_SERIES)


def has_threshold(model: Model) -> bool:
    """Whether the model maps its nociceptive signal to a withdrawal threshold."""
    return model.readout is not None and model.readout.threshold is not None


def dimensions(model: Model) -> tuple[Dimension, ...]:
    """Labelled dimensions of the series."""
    names = model.names
    held = len(model.fields.reservoirs.volume) - len(names.compartments)
    return (
        Dimension("quantile", QUANTILES, "1", "quantile over neurons"),
        Dimension("region", names.regions),
        Dimension("cell_type", names.cell_types),
        Dimension("phenotype", phenotype_labels(model)),
        Dimension("variable", [f"{k}.{v}" for k, v, _ in _variables(model)]),
        Dimension("cytokine", names.cytokines),
        Dimension("compartment", names.compartments),
        *((Dimension("drug", names.drugs),) if names.drugs else ()),
        Dimension("reservoir", [*names.compartments, *(f"boundary {i}" for i in range(held))]),
    )


def phenotype_labels(model: Model) -> list[str]:
    """`type:phenotype` of every phenotype; a type without phenotypes has one, named as itself."""
    return [
        f"{k}:{p}"
        for k, types in zip(model.names.cell_types, model.names.phenotypes, strict=True)
        for p in types
    ]


def phenotype_codes(model: Model, cells: Any) -> NDArray[np.int64]:
    """Index of each cell into `phenotype_labels`, (n,) int64."""
    first = np.cumsum([0, *(len(p) for p in model.names.phenotypes)])[:-1]
    return np.asarray(first[cells.type] + cells.phenotype, dtype=np.int64)


def _variables(model: Model) -> list[tuple[str, str, tuple[int, int]]]:
    """(type, variable, (type index, slot)) of every variable."""
    return [
        (kind, name, (k, slot))
        for k, (kind, slots) in enumerate(zip(model.names.cell_types, model.names.variables, strict=True))
        for slot, name in enumerate(slots)
    ]


def read_out(model: Model, state: State) -> dict[str, Any]:
    """Values of every declared series at this moment."""
    cells = as_of_now(model, state)
    means = variable_means(model, cells)
    pain = {} if model.readout is None else _pain(model, model.readout, cells, means)
    drugs = _drugs(model, state) if model.names.drugs else {}
    return {
        **pain,
        **drugs,
        "variable_mean": means[:, 0],
        "variable_mean_by_region": means[:, 1:],
        **_cells(model, state, cells),
        **_cytokines(model, state),
        **_books(model, state),
    }


def variable_means(model: Model, cells: CellArrays) -> Floats:
    """Means of all variables, (n_variable, 1 + n_region): in the tissue, then in each region."""
    slots = np.array([where for _, _, where in _variables(model)], np.int64).reshape(-1, 2)
    means = np.empty((len(slots), 1 + len(model.regions)))
    fill_variable_means(cells, slots, model.tissue.reshape(-1), model.regions, means)
    return means


def _pain(model: Model, readout: Readout, cells: CellArrays, means: Floats) -> dict[str, Any]:
    inside, found = model.regions[readout.region], np.empty(len(cells.id))
    signal = values_inside(cells, readout.cell_type, readout.slot, inside, found)
    quantiles = np.empty(len(QUANTILES))
    fill_quantiles(signal, np.array(QUANTILES), quantiles)
    row = [where for _, _, where in _variables(model)].index((readout.cell_type, readout.slot))
    by_region = means[row, 1:]
    mean = float(by_region[readout.region])
    return {
        "nociception": mean,
        "nociception_quantile": quantiles,
        "nociception_by_region": by_region,
        **_thresholds(readout.threshold, mean, by_region),
    }


def _thresholds(threshold: Threshold | None, mean: float, by_region: Floats) -> dict[str, Any]:
    if threshold is None:
        return {}
    return {
        "withdrawal_threshold": float(threshold.of(np.array(mean))),
        "withdrawal_threshold_by_region": threshold.of(by_region),
    }


def _cells(model: Model, state: State, cells: CellArrays) -> dict[str, Any]:
    n_type, n_code = len(model.names.cell_types), sum(len(p) for p in model.names.phenotypes)
    live, dead = np.empty((n_type, 1 + len(model.regions)), np.int64), np.empty(n_type, np.int64)
    by_code = np.empty((n_code, live.shape[1]), np.int64)
    count_cells(cells, phenotype_codes(model, cells), model.regions, live, dead, by_code)
    waiting, followed = np.zeros((len(model.names.compartments), n_type)), np.flatnonzero(cells.place)
    place, kind = cells.place[followed], cells.type[followed]
    for (k, c), dose in state.doses.items():
        n = float(((place == 1 + c) & (kind == k)).sum())
        waiting[c, k] = dose.pool + n * model.fields.reservoirs.multiplicity
    return {
        "cell_count": live[:, 0],
        "cell_count_by_region": live[:, 1:],
        "dead_count": dead,
        "phenotype_count": by_code[:, 0],
        "phenotype_count_by_region": by_code[:, 1:],
        "compartment_cells": waiting,
    }


def _cytokines(model: Model, state: State) -> dict[str, Any]:
    n_field = len(model.names.cytokines)
    c = state.concentration.reshape(n_field, model.grid.n_voxel)
    mean, lowest, highest = np.empty((3, n_field))
    by_region = np.empty((n_field, len(model.regions)))
    if "region_voxels" not in state.work:
        start = np.concatenate([[0], np.cumsum((model.regions == 1).sum(axis=1))])
        state.work["region_voxels"] = np.nonzero(model.regions == 1)[1], start
    voxels, start = state.work["region_voxels"]
    summarise_fields(c, model.tissue.reshape(-1), voxels, start, mean, lowest, highest, by_region)
    return {
        "cytokine_mean": mean,
        "cytokine_lowest": lowest,
        "cytokine_highest": highest,
        "cytokine_by_region": by_region,
        "compartment_level": state.reservoirs.c[: len(model.names.compartments)],
    }


def _drugs(model: Model, state: State) -> dict[str, Any]:
    step = model.clock.step_of(state.tick)
    amounts = np.array([course.amounts[step] for course in model.treatment.drugs])
    names = ("drug_given", "drug_depot", "drug_central", "drug_peripheral", "drug_eliminated")
    return {
        "drug_level": np.array([course.level[step] for course in model.treatment.drugs]),
        **dict(zip(names, amounts.T, strict=True)),
    }


def _books(model: Model, state: State) -> dict[str, Any]:
    budget = state.budget
    doses = np.zeros((3, len(model.names.compartments), len(model.names.cell_types)))
    for (k, c), dose in state.doses.items():
        doses[:, c, k] = dose.given, dose.pool, dose.pool_lost
    return {
        "tissue_amount": budget.amount,
        "sourced": budget.sourced,
        "added": budget.added,
        "decayed": budget.decayed,
        "taken_up": budget.taken_up,
        "residual": budget.residual(),
        "exchanged": budget.exchanged,
        "produced": budget.produced,
        "cleared": budget.cleared,
        "infused": state.infused,
        "steps_redone": state.solver_counters[:, 0],
        **{f"cells_{name}": state.counters[name] for name in COUNTERS},
        "dose_given": doses[0],
        "dose_pool": doses[1],
        "dose_pool_lost": doses[2],
    }


def cell_columns(model: Model, state: State) -> dict[str, Any]:
    """Columns of one frame of the cell table; a variable is nan for types that lack it."""
    cells = as_of_now(model, state)
    columns: dict[str, Any] = {
        "id": cells.id,
        "type": cells.type,
        "phenotype": phenotype_codes(model, cells),
        "status": cells.dead,
        "place": cells.place,
        "x": cells.position[:, 0],
        "y": cells.position[:, 1],
        "z": cells.position[:, 2],
    }
    for name in variable_names(model):
        columns[name] = np.full(len(cells.id), np.nan, np.float32)
    for _, name, (k, slot) in _variables(model):
        rows = cells.type == k
        columns[name][rows] = cells.variables[rows, slot]
    return columns


def variable_names(model: Model) -> list[str]:
    """Names of all cell variables, each once."""
    return list(dict.fromkeys(name for _, name, _ in _variables(model)))
