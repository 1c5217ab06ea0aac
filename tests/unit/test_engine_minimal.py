"""Scenarios that lack whole parts of a tissue, and what a reader sees at a recording time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abm.engine import checkpoint
from abm.engine.readout import cell_columns, read_out
from abm.engine.run import declaration, run
from abm.engine.state import new_state
from abm.record.reader import open_run
from abm.record.writer import RunWriter
from tests.reference.tissue import SMALL, advance, experiment, model

BARE = """
schema_version: 1
title: As little as possible
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 10 min, cells: 10 min, fields: 30 min, checkpoint: 30 min}
domain: {size: [100 um, 60 um], spacing: 20 um, thickness: 20 um}
tissue: {extracellular_fraction: 0.2}
"""
FIELD = "cytokines: {X: {diffusion: 1 um^2/s, half_life: 1 h, baseline: 5 pg/ml}}\n"
LASTING = "cytokines: {X: {diffusion: 1 um^2/s, half_life: none, baseline: 5 pg/ml}}\n"
WALKERS = "cell_types: {c: {radius: 4 um, density: 1e5 /mm^3, behaviours: {migration speed: 1 um/min}}}\n"
SOURCES = "cell_types: {c: {radius: 4 um, density: 1e5 /mm^3, behaviours: {secretion of X: 1 fg/day}}}\n"


@pytest.mark.parametrize(
    ("parts", "n_cell", "level"),
    [
        ("", 0, None),
        (FIELD, 0, 5.0),
        (WALKERS, 12, None),
        # 12 cells x 1 fg/day in 2.4e4 um^3 of extracellular space
        (LASTING + SOURCES, 12, 5.0 + 12 / 24 / 2.4e4 * 1e9),
    ],
)
def test_a_tissue_may_lack_parts(parts: str, n_cell: int, level: float | None, tmp_path: Path) -> None:
    """No cytokines, no cells, no regions, no compartments, no injuries, no readout."""
    m = model(BARE + parts)
    writer = RunWriter.create(
        tmp_path / "run.h5", declaration(m, arm="run", replicate=0, seed=1, text="", provenance="{}"), True
    )
    state = run(m, writer)
    assert read_out(m, state)["cell_count"].sum() == n_cell
    if level is not None:
        assert read_out(m, state)["cytokine_mean"] == pytest.approx([level], rel=1e-12)
    with open_run(tmp_path / "run.h5") as recorded:
        assert recorded.status == "complete"


def test_instant_variables_are_read_as_of_now() -> None:
    """Not as of the start of the last step, and in naive tissue already before the first step."""
    m, scenario = model(SMALL, "naive_tgfb1"), experiment(SMALL).arms["naive_tgfb1"]
    kind = m.names.cell_types.index("neuron")
    variables = scenario.cell_types["neuron"].variables
    (closing,) = variables["gate"].equals.decreases
    weight = float(variables["nociception"].equals.adds[0].amount)
    state = new_state(m)
    neurons = state.cells.type == kind
    np.testing.assert_array_equal(cell_columns(m, state)["gate"][neurons], 1.0)

    state = advance(m, state, days=8 / 24)  # the dose came at 6 h
    state.cells.variables[neurons, m.names.variables[kind].index("fast")] = 0.1
    c = state.concentration[m.names.cytokines.index("TGF-b1")].reshape(-1)[state.cells.voxel[neurons]]
    half, power, base = float(closing.half_max), float(closing.hill_power), m.fields.baseline[3]
    rest, now = ((s / half) ** power / (1.0 + (s / half) ** power) for s in (base, c))
    want = 1.0 - (1.0 - float(closing.to)) * (now - rest) / (1.0 - rest)
    assert want.max() < 0.9
    columns = cell_columns(m, state)
    np.testing.assert_allclose(columns["gate"][neurons], want, rtol=1e-6)  # recorded as float32
    np.testing.assert_allclose(columns["nociception"][neurons], weight * 0.1 * want, rtol=1e-6)
    inside = m.regions[0][state.cells.voxel[neurons]] == 1
    mean = read_out(m, state)["nociception_by_region"][0]
    assert mean == pytest.approx(np.mean(weight * 0.1 * want[inside]), rel=1e-12)
    lagging = state.cells.variables[neurons, m.names.variables[kind].index("gate")]
    assert np.all(lagging != want)


def test_looking_does_not_change_the_course() -> None:
    m = model(SMALL, "cci")
    seen = advance(m, days=0.1, watch=lambda state: (read_out(m, state), cell_columns(m, state)))
    unseen = advance(m, days=0.1)
    a, b = checkpoint.save(seen), checkpoint.save(unseen)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
