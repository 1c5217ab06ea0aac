"""A factor of one changes no byte; windows survive a restart; arms share the noise of their cells."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.run import declaration, run
from abm.record.reader import open_run
from abm.record.writer import RunWriter
from tests.reference.tissue import SMALL, advance, assert_same, model

pytestmark = pytest.mark.determinism

DRUGS = """
cytokines:
  etanercept:
    molar_mass: 150 kDa
    diffusion: 10 um^2/s
    half_life: 3 d
    binds: {TNF-a: {rate: 0.4 /min, at: 1 ug/ml}}
drugs:
  gabapentin:
    volume: 20 ml
    half_life: 3 h
    absorption_half_life: 30 min
    effects: [{of: neuron, variable: nociception, by: 0.3, half_max: 10 ug/ml}]
"""
BASE = SMALL.split("arms:")[0] + DRUGS

TWO_HOURS = "route: intrathecal, at: 2 h, duration: 2 h"

#: Everything at once, with windows that are open, closed and half open at 3 h.
EVERYTHING = (
    "modify: {of: microglia, behaviour: secretion of TNF-a, by: 0.2, since: 2 h, until: 4 h, ramp: 1 h}",
    "modify: {of: all, sensing: IL-1b, by: 0.5, since: 1 h, half_life: 2 h, site: site}",
    "modify: {of: t_cell, behaviour: migration speed, by: 0.5, since: 3 h}",
    "modify: {of: tissue, behaviour: production of CXCL12, by: 0.9, since: 150 min}",
    "neutralise: {cytokine: IL-10, share: 60 %, since: 2 h, until: 5 h}",
    f"neutralise: {{cytokine: TNF-a, agent: etanercept, dose: 9 ng, {TWO_HOURS}}}",
    "remove_cells: {type: microglia, share: 20 %, at: 1 h, every: 2 h, repeats: 2, site: site}",
    "drug: {name: gabapentin, dose: 1 mg, at: 1 h, every: 1 h, repeats: 3}",
    "inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 1 h}",
    f"infuse: {{cytokine: TGF-b1, dose: 10 ng, {TWO_HOURS}, ramp: 1 h}}",
)


def treated(*lines: str, text: str = BASE, seed: int = 1) -> Model:
    listed = "".join(f"      - {line}\n" for line in lines)
    return model(
        text + "arms:\n  a:\n    interventions:\n" + listed if lines else text, "a" if lines else None, seed
    )


# ----------------------------------------------------------------------------------- a factor of one

SHAMS = (
    "of: microglia, behaviour: secretion of TNF-a",
    "of: all, sensing: TNF-a",
    "of: all, sensing: IL-1b, site: site",
    "of: t_cell, behaviour: arrival, site: site",
    "of: t_cell, behaviour: migration speed, since: 1 h, until: 3 h, ramp: 1 h",
    "of: neuron, variable: nociception, half_life: 1 h",
    "of: tissue, behaviour: production of IL-1b",
    "of: tissue, behaviour: production of TGF-b1, site: site",
    "of: msc, behaviour: entry",
    "of: msc, behaviour: chemotactic sensitivity to CXCL12",
    "of: all, behaviour: clearance",
)
CELLS = "inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 30 min}"


@pytest.mark.parametrize("sham", SHAMS)
def test_a_factor_of_one_changes_no_byte(sham: str) -> None:
    plain = advance(treated(CELLS), days=0.2)
    assert_same(plain, advance(treated(CELLS, f"modify: {{{sham}, by: 1}}"), days=0.2))
    assert plain.counters["entered"].sum() > 0


def test_all_sham_changes_together() -> None:
    lines = [f"modify: {{{sham}, by: 1}}" for sham in SHAMS]
    assert_same(advance(treated(CELLS), days=0.2), advance(treated(CELLS, *lines), days=0.2))


def test_a_factor_of_one_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    """Every recorded series, cell and field."""
    text = BASE.replace("duration: 2 d", "duration: 4 h").replace(
        "cells: 12 h, fields: 1 d", "cells: 1 h, fields: 1 h"
    )
    runs = []
    for name, lines in {
        "plain": (CELLS,),
        "sham": (CELLS, "modify: {of: all, sensing: TNF-a, by: 1}"),
    }.items():
        m = treated(*lines, text=text)
        declared = declaration(m, arm=name, replicate=0, seed=1, text="", provenance="{}")
        run(m, RunWriter.create(tmp_path / f"{name}.h5", declared, True))
        runs.append(open_run(tmp_path / f"{name}.h5"))
    with runs[0] as a, runs[1] as b:
        assert a.series_names == b.series_names and len(a.series_names) > 20
        for name in a.series_names:
            np.testing.assert_array_equal(a.series(name).values, b.series(name).values, err_msg=name)
        for cytokine in ("IL-1b", "TNF-a"):
            np.testing.assert_array_equal(a.field(cytokine, -1).values, b.field(cytokine, -1).values)


def test_a_closed_window_changes_no_byte() -> None:
    """Before it opens; and what the drug that is never given would do."""
    plain = advance(treated(CELLS), days=0.15)
    later = advance(treated(CELLS, "modify: {of: all, sensing: TNF-a, by: 0, since: 4 h}"), days=0.15)
    assert_same(plain, later)


# ---------------------------------------------------------------------------------- restart, threads


@pytest.mark.parametrize("minutes", [60, 130, 180, 210, 290])
def test_a_restart_in_the_middle_of_windows(minutes: int) -> None:
    """Inside ramps, between doses, while a binder binds: nothing but the arrays is carried over."""
    m = treated(*EVERYTHING)
    straight = advance(m, days=330 / 1440)
    early = advance(m, days=minutes / 1440)
    arrays = {name: values.copy() for name, values in checkpoint.save(early).items()}
    restored = checkpoint.restore(m, arrays)
    assert_same(early, restored)
    assert_same(straight, advance(m, restored, days=(330 - minutes) / 1440))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
@pytest.mark.usefixtures("threads_restored")
def test_one_thread_and_two(monkeypatch: pytest.MonkeyPatch) -> None:
    m = treated(*EVERYTHING)
    serial = advance(m, days=0.15)
    monkeypatch.setattr("abm.engine.fields.PARALLEL_FROM", 0)
    for n in (1, 2):
        numba.set_num_threads(n)
        assert_same(serial, advance(m, days=0.15))


# ------------------------------------------------------------------------------------- shared noise

#: Cells that do not sense each other: what differs between arms is the intervention alone.
DEAF = """
schema_version: 1
title: Cells that sense nothing
time: {duration: 2 d, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h, cells: never, fields: never, checkpoint: never}
domain: {size: [200 um, 200 um], spacing: 20 um, thickness: 20 um}
tissue: {extracellular_fraction: 0.2}
regions: {left: {rectangle: {low: [0 um, 0 um], high: [100 um, 200 um]}}}
cytokines: {X: {diffusion: 10 um^2/s, half_life: 1 h}}
cell_types:
  prey:
    radius: 1 um
    density: 5e4 /mm^3
    behaviours: {migration speed: 1 um/min, persistence time: 5 min, death: 0.02 /h}
  other:
    radius: 1 um
    density: 5e4 /mm^3
    phenotypes: {naive: {}, primed: {}}
    behaviours:
      migration speed: 1 um/min
      persistence time: 5 min
      clearance: 0.02 /h
      transition to primed: 0.05 /h
      secretion of X: 1 fg/day
"""
TREATMENTS = (
    "remove_cells: {type: prey, share: 50 %, at: 2 h, every: 2 h, repeats: 3}",
    "knock_out: {cell_type: prey}",
    "modify: {of: prey, behaviour: death, by: 20}",
    "modify: {of: prey, behaviour: migration speed, by: 0, since: 1 h}",
    "knock_out: {cytokine: X}",
    "neutralise: {cytokine: X, share: 90 %}",
)


@pytest.mark.parametrize("line", TREATMENTS)
def test_the_others_draw_the_same_numbers(line: str) -> None:
    """Fate and way of every cell of the other type, bit for bit, over a day."""
    control, arm = advance(treated(text=DEAF), days=1.0), advance(treated(line, text=DEAF), days=1.0)
    rows = [s.cells.type == 1 for s in (control, arm)]
    assert rows[0].sum() > 10
    for name, a, b in zip(control.cells._fields, control.cells, arm.cells, strict=True):
        first, second = (
            np.ascontiguousarray(column[mine]) for column, mine in zip((a, b), rows, strict=True)
        )
        assert first.tobytes() == second.tobytes(), name
    for name in ("cleared", "transitioned"):
        assert control.counters[name][1] == arm.counters[name][1] > 0
    prey = [int(np.sum((s.cells.type == 0) & (s.cells.dead == 0))) for s in (control, arm)]
    fewer = "prey" in line and "speed" not in line
    assert (prey[1] < prey[0]) == fewer


def test_survivors_of_a_depletion_go_their_way() -> None:
    """Cells that exist in both arms have the same ids, ways and fates; the removed ones are simply gone."""
    line = "remove_cells: {type: prey, share: 50 %, at: 2 h}"
    control, arm = advance(treated(text=DEAF), days=0.5), advance(treated(line, text=DEAF), days=0.5)
    common = np.isin(control.cells.id, arm.cells.id)
    assert common.sum() == len(arm.cells.id) < len(control.cells.id)
    np.testing.assert_array_equal(control.cells.position[common], arm.cells.position)
    np.testing.assert_array_equal(control.cells.dead[common], arm.cells.dead)
