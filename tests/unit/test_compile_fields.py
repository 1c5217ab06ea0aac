"""Diffusion, decay, production and borders of the fields, in internal units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.compile.build import labels_of
from abm.compile.fields import border_voxels, decay_rate, face_voxels, length_scale
from abm.compile.space import space_of
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from tests.reference.tissue import advance, experiment, model

BATH = """
schema_version: 1
title: A block beside a bath
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain:
  size: [100 um, 80 um, 60 um]
  spacing: 20 um
  represents: 0.0048 mm^3
  boundaries: {x_min: bath, z_max: baseline, y_max: {X: 200 pg/ml}}
tissue: {extracellular_fraction: 0.25}
regions:
  slow: {box: {low: [40 um, 0 um, 0 um], high: [100 um, 80 um, 60 um]}}
compartments:
  bath: {label: bath, volume: 2 ul, half_life: 30 min, permeability: 0.5 um/s}
  store: {label: store, volume: 1 ml, half_life: none}
cytokines:
  X:
    diffusion: 10 um^2/s
    half_life: 20 min
    baseline: 50 pg/ml
    regions: {slow: {diffusion: 2 um^2/s, half_life: 5 min}}
  Y: {diffusion: 5 um^2/s, half_life: none, baseline: 7 pg/ml}
"""


def test_rates_are_per_minute_and_lengths_in_micrometres() -> None:
    m = model(BATH)
    slow = m.regions[0].reshape(m.grid.shape) == 1
    decay = m.fields.system.decay
    np.testing.assert_allclose(decay[0][~slow], math.log(2) / 20)
    np.testing.assert_allclose(decay[0][slow], math.log(2) / 5)
    np.testing.assert_array_equal(decay[1], 0.0)
    # Conductance of a face: D / h^2, the harmonic mean where D jumps.
    kx = m.fields.system.kx[0, 0, 0]
    np.testing.assert_allclose(kx[:4], np.array([600, 2 * 600 * 120 / 720, 120, 120]) / 400)
    assert m.fields.system.voxel_volume == 0.25 * 8000
    assert m.fields.reservoirs.multiplicity == pytest.approx(10.0)


def test_production_holds_the_baseline() -> None:
    m = model(BATH)
    np.testing.assert_allclose(m.fields.production[0], m.fields.system.decay[0] * 50.0)
    np.testing.assert_array_equal(m.fields.production[1], 0.0)
    np.testing.assert_allclose(m.fields.reservoirs.c[:2], [[50.0, 7.0], [50.0, 7.0]])
    np.testing.assert_allclose(m.fields.reservoirs.input[0], math.log(2) / 30 * np.array([50.0, 7.0]))
    np.testing.assert_array_equal(m.fields.reservoirs.input[1:], 0.0)


def test_every_face_is_coupled_as_told() -> None:
    m = model(BATH)
    system, reservoirs = m.fields.system, m.fields.reservoirs
    x_min, y_max, z_max = (face_voxels(m.grid, face)[0] for face in ("x_min", "y_max", "z_max"))
    coupled = {r: set(system.ex_voxel[system.ex_reservoir == r]) for r in range(4)}
    assert coupled == {0: set(x_min), 1: set(), 2: set(y_max), 3: set(z_max)}
    # Through the pia: 1 / (1/P + h / 2D) / h, with P = 30 um/min and D = 600 um^2/min.
    rates = system.ex_rate[:, system.ex_reservoir == 0]
    np.testing.assert_allclose(rates[0], 1 / (1 / 30 + 20 / 1200) / 20)
    np.testing.assert_allclose(rates[1], 1 / (1 / 30 + 20 / 600) / 20)
    # Held faces: 2 D / h^2; X only on y_max.
    held = system.ex_rate[:, system.ex_reservoir == 2]
    assert np.all(held[0] > 0.0) and np.all(held[1] == 0.0)
    np.testing.assert_array_equal(reservoirs.c[2:], [[200.0, 0.0], [50.0, 7.0]])
    assert list(np.isinf(reservoirs.volume)) == [False, False, True, True]
    assert reservoirs.volume[0] == 2e9


def test_a_compartment_without_a_face_reaches_all_tissue() -> None:
    scenario = experiment(BATH).base
    space = space_of(scenario)
    assert set(border_voxels(scenario, space, "bath")) == set(face_voxels(space.grid, "x_min")[0])
    assert len(border_voxels(scenario, space, "store")) == space.grid.n_voxel


def test_masked_tissue_touches_nothing_outside() -> None:
    hole = "tissue: {ball: {center: [50 um, 40 um, 30 um], radius: 45 um}}\n  boundaries"
    m = model(BATH.replace("boundaries", hole))
    outside = np.flatnonzero(m.tissue.reshape(-1) == 0)
    assert len(outside) > 0
    assert not set(m.fields.system.ex_voxel) & set(outside)
    for k in (m.fields.system.kx, m.fields.system.ky, m.fields.system.kz):
        assert np.all(k.reshape(2, -1)[:, outside] == 0.0)
    assert np.all(m.fields.production.reshape(2, -1)[:, outside] == 0.0)


def test_a_held_face_feeds_the_tissue() -> None:
    m = model(BATH)
    state = advance(m, days=5 / 24)
    x = state.concentration[0]
    assert x[:, -1].mean() > 1.5 * x[:, 0].mean()
    assert state.budget.exchanged[2, 0] > 0.0
    assert abs(state.budget.residual()[0]) < 1e-10 * state.budget.sourced[0]
    # The bath gains what the slab stands for, ten times what the slab loses.
    bath = (state.reservoirs.c[0, 0] - 50.0) * 2e9 * FG_PER_PG_UM3_PER_ML
    gained = -10.0 * state.budget.exchanged[0, 0] + state.budget.produced[0, 0] - state.budget.cleared[0, 0]
    assert bath == pytest.approx(gained, rel=1e-9)


def test_length_scale_and_decay() -> None:
    cytokines = experiment(BATH).base.cytokines
    assert length_scale(cytokines["X"]) == pytest.approx(math.sqrt(600 / (math.log(2) / 20)))
    assert math.isinf(length_scale(cytokines["Y"]))
    assert decay_rate(None) == 0.0


def test_labels_are_in_the_order_of_the_file() -> None:
    labels = labels_of(experiment(BATH).base)
    assert labels.cytokines == ("X", "Y")
    assert labels.compartments == ("bath", "store")
    assert labels.regions == ("slow",)
    assert labels.cell_types == () and labels.drives == ()
