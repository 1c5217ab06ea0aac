"""What is done to the tissue from outside: doses of cells and of protein, and the course of the injuries."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from abm.compile.model import Depletion, DriveCourse, Infusion, Injection, Model
from abm.engine.population import add_cells, new_rows, place_near, remove_cells
from abm.engine.state import State
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from abm.kernels.rng import DEPLETION, INTERVENTION, fill_uniform, uniform
from abm.kernels.sources import add_scaled
from abm.state.cells import TISSUE, CellArrays, selected
from abm.state.tables import Floats, Ints


class Given(NamedTuple):
    """A line of the log of events: in words, and how much, NaN where that is no number."""

    text: str
    amount: float = math.nan
    unit: str = ""


def course_value(course: DriveCourse, tick: int, minutes_per_tick: float) -> float:
    """Level of one drive of one injury; amplitude x rise x decay x off, 0 before the injury."""
    if tick < course.start:
        return 0.0
    t = (tick - course.start) * minutes_per_tick
    value = course.amplitude
    if course.rise > 0.0:
        value *= -math.expm1(-t / course.rise)
    if course.decay > 0.0:
        value *= math.exp(-t / course.decay)
    if course.off_width > 0.0:
        value /= 1.0 + math.exp(min((t - course.off) / course.off_width, 700.0))
    return value


def set_drives(model: Model, state: State) -> None:
    """Write the drives of all injuries at this moment into the surroundings."""
    state.here.drive[:] = 0.0
    for course in model.courses:
        level = course_value(course, state.tick, model.clock.tick)
        if level != 0.0:
            add_scaled(model.weights[course.injury], level, state.here.drive[course.drive])


def add_releases(model: Model, state: State, source: Floats) -> None:
    """Add what the injuries release to the sources, (n_field, n_voxel) [pg/ml/min]."""
    for release in model.releases:
        course = model.courses[release.course]
        level = course_value(course, state.tick, model.clock.tick)
        if level != 0.0:
            add_scaled(model.weights[course.injury], release.rate * level, source[release.cytokine])


def apply_interventions(model: Model, state: State) -> list[Given]:
    """Give every dose that is due now; returns a line for each, for the log."""
    given = [] if state.tick > 0 else [Given(text) for text in model.treatment.knocked_out]
    for index, depletion in enumerate(model.treatment.depletions):
        if depletion.tick == state.tick:
            remove(model, state, depletion, index)
            given.append(Given(depletion.text))
    given += [Given(text) for start, text in model.treatment.onsets if start == state.tick]
    for injection in model.treatment.injections:
        if injection.tick == state.tick:
            inject(model, state, injection)
            given.append(Given(injection.text, injection.dose, "cells"))
    for infusion in model.treatment.infusions:
        if infusion.start == state.tick == infusion.stop:
            add_protein(model, state, infusion, infusion.amount)
        if infusion.start == state.tick:
            given.append(Given(infusion.text, infusion.given, "ng"))
    return given


def infuse_over_time(model: Model, state: State, ticks: int, source: Floats, inflow: Floats) -> None:
    """Add running infusions to the sources of the coming `ticks`.

    Parameters
    ----------
    source : (n_field, n_voxel) float64 [pg/ml/min]
    inflow : (n_reservoir, n_field) float64 [pg/ml/min]
    """
    for infusion in model.treatment.infusions:
        overlap = min(infusion.stop, state.tick + ticks) - max(infusion.start, state.tick)
        if infusion.stop == infusion.start or overlap <= 0:
            continue
        begin = max(infusion.start, state.tick)
        amount = infusion.amount * (
            run_in(infusion, begin + overlap - infusion.start) - run_in(infusion, begin - infusion.start)
        )
        rate = amount / (ticks * model.clock.tick * FG_PER_PG_UM3_PER_ML)
        if infusion.compartment >= 0:
            inflow[infusion.compartment, infusion.cytokine] += (
                rate / model.fields.reservoirs.volume[infusion.compartment]
            )
        else:
            source[infusion.cytokine, infusion.voxels] += rate / _represented(model, infusion.voxels)


def run_in(infusion: Infusion, elapsed: int) -> float:
    """Share of an infusion that has run in after `elapsed` ticks; its rate rises linearly over the ramp."""
    whole, ramp = infusion.stop - infusion.start, infusion.ramp
    if elapsed < ramp:
        return 0.5 * elapsed * elapsed / ramp / (whole - 0.5 * ramp)
    return (elapsed - 0.5 * ramp) / (whole - 0.5 * ramp)


def remove(model: Model, state: State, depletion: Depletion, index: int) -> None:
    """Take live cells out of the tissue, each with the same chance."""
    cells = state.cells
    chosen = (cells.type == depletion.cell_type) & (cells.place == TISSUE) & (cells.dead == 0)
    if depletion.phenotype >= 0:
        chosen &= cells.phenotype == depletion.phenotype
    if depletion.region >= 0:
        chosen &= model.regions[depletion.region][cells.voxel] == 1
    draws = np.empty(len(cells.id))
    fill_uniform(np.uint64(model.seed), DEPLETION, model.clock.step_of(state.tick), cells.id, index, draws)
    gone = chosen & (draws < depletion.share)
    state.count("removed", depletion.cell_type, int(gone.sum()))
    remove_cells(model, state, gone)


def add_protein(model: Model, state: State, infusion: Infusion, amount: float) -> None:
    """Raise a compartment or the voxels of a site by a dose of `amount` [fg] at once, and book it."""
    f = infusion.cytokine
    if infusion.compartment >= 0:
        volume = model.fields.reservoirs.volume[infusion.compartment]
        state.reservoirs.c[infusion.compartment, f] += amount / (volume * FG_PER_PG_UM3_PER_ML)
        state.infused[infusion.compartment, f] += amount
        return
    volume = _represented(model, infusion.voxels)
    flat = state.concentration.reshape(len(model.names.cytokines), -1)
    flat[f, infusion.voxels] += amount / (volume * FG_PER_PG_UM3_PER_ML)
    state.budget.added[f] += amount / model.fields.reservoirs.multiplicity
    state.settling[f] = 1


def _represented(model: Model, voxels: Ints) -> float:
    """Extracellular volume [um^3] that some voxels stand for: a slab receives its share of a local dose."""
    return model.fields.system.voxel_volume * len(voxels) * model.fields.reservoirs.multiplicity


def inject(model: Model, state: State, injection: Injection) -> None:
    """Give a dose of cells: into a compartment, where a share may home later, or straight into the tissue."""
    if injection.compartment >= 0:
        inject_into_compartment(model, state, injection)
    else:
        inject_into_tissue(model, state, injection)


def inject_into_compartment(model: Model, state: State, injection: Injection) -> None:
    """Put a dose into its compartment.

    Those that can home to the simulated slab are followed one by one, each standing for
    `multiplicity` cells of the whole tissue; the others form a pool that secretes and dies off.
    """
    waiting = next(
        w
        for w in model.waiting
        if (w.cell_type, w.compartment) == (injection.cell_type, injection.compartment)
    )
    multiplicity = model.fields.reservoirs.multiplicity
    expected = injection.dose * waiting.homing_fraction / multiplicity
    step = model.clock.step_of(state.tick)
    u = uniform(np.uint64(model.seed), INTERVENTION, step, injection.origin, 0)
    n = int(expected) + int(u < expected - int(expected))
    if n * multiplicity > injection.dose:  # rounding up must not follow cells that were never given
        n -= 1
    dose = state.doses[injection.cell_type, injection.compartment]
    dose.given += injection.dose
    dose.pool += injection.dose - n * multiplicity
    rows = _dose_rows(model, state, injection, n)
    rows.place[:] = 1 + injection.compartment
    add_cells(model, state, rows)
    state.count("injected", injection.cell_type, n)


def inject_into_tissue(model: Model, state: State, injection: Injection) -> None:
    """Put a local dose at random voxels of its site; a slab receives its share of the represented volume."""
    expected = injection.dose / model.fields.reservoirs.multiplicity
    seed, step = np.uint64(model.seed), model.clock.step_of(state.tick)
    u = uniform(seed, INTERVENTION, step, injection.origin, 0)
    n = int(expected) + int(u < expected - int(expected))
    rows = _dose_rows(model, state, injection, n)
    pick = [uniform(seed, INTERVENTION, step, int(i), 2) for i in rows.id]
    wanted: Ints = injection.voxels[(np.array(pick) * len(injection.voxels)).astype(np.int64)]
    placed = place_near(model, state, INTERVENTION, rows, wanted)
    state.count("injected", injection.cell_type, int(placed.sum()))
    state.count("entry_refused", injection.cell_type, int((~placed).sum()))
    add_cells(model, state, selected(rows, placed))


def _dose_rows(model: Model, state: State, injection: Injection, n: int) -> CellArrays:
    rows = new_rows(model, state, injection.origin, injection.cell_type, n)
    rows.phenotype[:] = injection.phenotype
    return rows
