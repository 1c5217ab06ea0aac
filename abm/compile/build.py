"""Scenario to model: gathers what the other files of this room compile."""

from __future__ import annotations

import math

import numpy as np

from abm.compile.biology import compile_biology
from abm.compile.fields import border_voxels, fields_of
from abm.compile.knock_out import absent_types, knocked_out
from abm.compile.model import Clock, Labels, Model, Readout, Threshold
from abm.compile.modifiers import changes_of
from abm.compile.placement import initial_cells
from abm.compile.space import Space, space_of
from abm.compile.treatment import bonds_of, injury_courses, treatment_of
from abm.kernels.rng import check_seed
from abm.scenario.schema import Scenario
from abm.state.cells import selected
from abm.state.tables import Floats

SMALLEST_BODY = 1  # um^3; keeps occupancy meaningful for the tiniest cell


def labels_of(scenario: Scenario) -> Labels:
    """Index order of every name in a scenario."""
    types = scenario.cell_types
    drives = dict.fromkeys(name for kind in scenario.injury_kinds.values() for name in kind.drives)
    return Labels(
        cytokines=tuple(scenario.cytokines),
        compartments=tuple(scenario.compartments),
        cell_types=tuple(types),
        phenotypes=tuple(tuple(t.phenotypes) or (name,) for name, t in types.items()),
        variables=tuple(tuple(t.variables) for t in types.values()),
        drives=tuple(drives),
        regions=tuple(scenario.regions),
        drugs=tuple(scenario.drugs),
    )


def clock_of(scenario: Scenario) -> Clock:
    """Times of a scenario as whole ticks; the scenario's checks made sure that they are."""
    tick = float(scenario.time.field_step)

    def ticks(minutes: float) -> int:
        return round(minutes / tick)

    record = scenario.record
    return Clock(
        tick=tick,
        ticks_per_step=ticks(float(scenario.time.cell_step)),
        end=ticks(float(scenario.time.duration)),
        readout=ticks(float(record.readout)),
        cells=ticks(float(record.cells)),
        fields=ticks(float(record.fields)),
        checkpoint=ticks(float(record.checkpoint)),
    )


def body_volumes(scenario: Scenario) -> Floats:
    """Volume of one cell of each type [um^3], a ball of its radius."""
    radii = np.array([float(t.radius) for t in scenario.cell_types.values()])
    return np.asarray(4.0 / 3.0 * math.pi * radii**3)


def compile_model(scenario: Scenario, seed: int) -> Model:
    """Turn a checked scenario into a model.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        Of this run; replicates of one experiment differ in it, arms do not.

    Raises
    ------
    CompileError
        If the initial cells do not fit.
    """
    check_seed(seed)
    absent = absent_types(scenario)
    scenario = knocked_out(scenario)
    labels = labels_of(scenario)
    space = space_of(scenario)
    clock = clock_of(scenario)
    room = int(space.capacity.max())
    volumes = body_volumes(scenario)
    body = np.clip(np.round(volumes), SMALLEST_BODY, room).astype(np.int32)  # any cell fits an empty voxel
    changes = changes_of(scenario, labels, clock)
    biology = compile_biology(scenario, labels, lambda name: border_voxels(scenario, space, name), changes)
    cells, identities = initial_cells(scenario, space, labels, biology.variables.initial, body, seed)
    is_there = np.array([name not in absent for name in labels.cell_types], bool)
    cells = selected(cells, is_there[cells.type])
    courses, weights, releases = injury_courses(scenario, space, labels, clock)
    return Model(
        title=scenario.title,
        names=labels,
        grid=space.grid,
        clock=clock,
        seed=seed,
        fields=fields_of(scenario, space, labels),
        tissue=space.tissue,
        regions=space.regions,
        block=space.block,
        block_volume=space.block_volume,
        capacity=space.capacity,
        space=body,
        cell_volume=volumes,
        body_lifetime=float(scenario.tissue.body_lifetime or math.inf),
        responses=biology.responses,
        signals=biology.signals,
        variables=biology.variables,
        behaviours=biology.behaviours,
        switches=biology.switches,
        pairs=biology.pairs,
        sites=biology.sites,
        waiting=biology.waiting,
        courses=courses,
        weights=weights,
        releases=releases,
        treatment=treatment_of(scenario, space, labels, clock, changes.modifiers),
        bonds=bonds_of(scenario, labels),
        readout=readout_of(scenario, labels),
        cells=cells,
        issued=identities.issued,
        naive=naive_counts(labels, space, cells.type, cells.voxel),
    )


def naive_counts(labels: Labels, space: Space, types: np.ndarray, voxels: np.ndarray) -> Floats:
    """Cells of each type in each neighbourhood block of the initial tissue, (n_type, n_block)."""
    counts = np.zeros((len(labels.cell_types), len(space.block_volume)))
    np.add.at(counts, (types, space.block[voxels]), 1.0)
    return counts


def readout_of(scenario: Scenario, labels: Labels) -> Readout | None:
    """Where the nociceptive signal is read and how it maps to a threshold; None without a readout."""
    if scenario.readout is None:
        return None
    nociception, threshold = scenario.readout.nociception, scenario.readout.withdrawal_threshold
    k = labels.cell_types.index(nociception.cell_type)
    return Readout(
        cell_type=k,
        slot=labels.variables[k].index(nociception.variable),
        region=labels.regions.index(nociception.region),
        threshold=None
        if threshold is None
        else Threshold(
            baseline=float(threshold.baseline),
            floor=float(threshold.floor),
            half_signal=float(threshold.half_signal),
            power=float(threshold.power),
        ),
    )
