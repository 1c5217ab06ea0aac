"""The same bytes on any number of threads, after a restart, in another process; arms share their noise."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.fields import FieldSolver
from abm.engine.run import declaration, replicate_seed, run
from abm.engine.state import State
from abm.record.reader import open_run
from abm.record.writer import RunWriter
from tests.reference.tissue import SMALL, advance, assert_same, model

pytestmark = pytest.mark.determinism


def digest(state: State) -> str:
    """Hash over every byte of a state."""
    found = hashlib.sha256()
    for name, values in sorted(checkpoint.save(state).items()):
        found.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


# -------------------------------------------------------------------------------------------- threads


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
@pytest.mark.usefixtures("threads_restored")
@pytest.mark.parametrize("arm", ["cci_bmsc", "cci_tgfb1"])
def test_any_number_of_threads(arm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The serial build, and the parallel one on one and on two threads."""
    m = model(SMALL, arm)
    serial = advance(m, days=0.3)
    assert not serial.work["fields"].parallel
    monkeypatch.setattr("abm.engine.fields.PARALLEL_FROM", 0)
    for n in (1, 2):
        numba.set_num_threads(n)
        state = advance(m, days=0.3)
        assert state.work["fields"].parallel
        assert_same(serial, state)


def test_small_problems_run_on_one_thread() -> None:
    assert not FieldSolver.of(model(SMALL, "cci")).parallel


# -------------------------------------------------------------------------------------------- restart


@pytest.mark.parametrize("arm", ["sham", "cci_bmsc", "cci_tgfb1"])
@pytest.mark.parametrize("minutes", [10, 360, 370, 500])
def test_a_restored_state_goes_on_as_if_nothing_had_been(arm: str, minutes: int) -> None:
    """Before, at and after the dose at 6 h; nothing but the arrays is carried over."""
    m = model(SMALL, arm)
    straight = advance(m, days=0.5)
    early = advance(m, days=minutes / 1440)
    arrays = {name: values.copy() for name, values in checkpoint.save(early).items()}
    restored = checkpoint.restore(m, arrays)
    assert_same(early, restored)
    assert_same(straight, advance(m, restored, days=(720 - minutes) / 1440))


def test_a_restored_state_shares_nothing_with_its_arrays() -> None:
    m = model(SMALL, "cci")
    arrays = checkpoint.save(advance(m, days=0.02))
    before = {name: values.copy() for name, values in arrays.items()}
    advance(m, checkpoint.restore(m, arrays), days=0.02)
    for name, values in before.items():
        np.testing.assert_array_equal(arrays[name], values, err_msg=name)


def test_through_the_file(tmp_path: Path) -> None:
    """A checkpoint in the result file holds every bit."""
    m = model(SMALL.replace("duration: 2 d", "duration: 16 h"), "cci_bmsc")
    declared = declaration(m, arm="cci_bmsc", replicate=0, seed=1, text="", provenance="{}")
    end = run(m, RunWriter.create(tmp_path / "run.h5", declared, True))
    with open_run(tmp_path / "run.h5") as recorded:
        assert recorded.checkpoint_ticks == [360, 480]  # and at the end
        saved = recorded.checkpoint(360)
    restored = checkpoint.restore(m, saved.arrays)
    assert restored.tick == 360
    assert_same(end, advance(m, restored, days=4 / 24))


def test_an_interrupted_run_resumes_to_the_same_file(tmp_path: Path) -> None:
    """Every recorded number, not only the last state."""
    m = model(SMALL.replace("duration: 2 d", "duration: 16 h"), "cci_bmsc")
    declared = declaration(m, arm="cci_bmsc", replicate=0, seed=1, text="", provenance="{}")
    run(m, RunWriter.create(tmp_path / "straight.h5", declared, True))

    class Stop(Exception):  # noqa: N818
        pass

    def stop(tick: int, _end: int) -> None:
        if tick == 430:
            raise Stop

    with pytest.raises(Stop):
        run(m, RunWriter.create(tmp_path / "broken.h5", declared, True), progress=stop)
    writer, saved = RunWriter.resume(tmp_path / "broken.h5")
    assert saved.tick == 360
    run(m, writer, state=checkpoint.restore(m, saved.arrays))
    with open_run(tmp_path / "straight.h5") as a, open_run(tmp_path / "broken.h5") as b:
        assert b.status == "complete"
        np.testing.assert_array_equal(a.time, b.time)
        for name in a.series_names:
            np.testing.assert_array_equal(a.series(name).values, b.series(name).values, err_msg=name)
        np.testing.assert_array_equal(a.frame_times, b.frame_times)
        np.testing.assert_array_equal(a.field("IL-1b", -1).values, b.field("IL-1b", -1).values)


# ------------------------------------------------------------------------------------ other processes

IN_A_PROCESS = """
from tests.determinism.test_same_bytes import digest
from tests.reference.tissue import SMALL, advance, assert_same, model
print(digest(advance(model(SMALL, "cci_bmsc"), days=0.3)))
"""


def test_another_process(root: Path) -> None:
    """Other hash seeds, another number of threads: nothing in the engine hangs on them."""
    here = digest(advance(model(SMALL, "cci_bmsc"), days=0.3))
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    there = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env=environment,
    )
    assert there.stdout.strip() == here


# ---------------------------------------------------------------------------------------- shared noise


def test_arms_share_the_initial_tissue() -> None:
    tissues = [model(SMALL, arm).cells for arm in ("naive", "sham", "cci", "cci_bmsc", "cci_tgfb1")]
    for cells in tissues[1:]:
        for name, first, other in zip(cells._fields, tissues[0], cells, strict=True):
            np.testing.assert_array_equal(first, other, err_msg=name)


@pytest.mark.parametrize("arm", ["cci_bmsc", "cci_tgfb1"])
def test_arms_are_equal_until_the_dose(arm: str) -> None:
    """Bit for bit up to 6 h, and different after the first step with the dose."""
    control, treated = (advance(model(SMALL, name), days=0.25) for name in ("cci", arm))
    assert_same(control, treated)
    control, treated = (
        advance(model(SMALL, name), state, days=60 / 1440)
        for name, state in (("cci", control), (arm, treated))
    )
    f = model(SMALL, arm).names.cytokines.index("TGF-b1")
    assert np.any(control.concentration[f] != treated.concentration[f])


# Cells that do nothing to the others: what remains is their presence in the table.
SILENT = (
    SMALL
    + """
cell_types:
  msc:
    radius: 1 um
    behaviours:
      secretion of TGF-b1: {base: 0 fg/day, adds: []}
      secretion of IL-10: 0 fg/day
    compartments:
      csf:
        homing_fraction: 100 %
        behaviours: {secretion of TGF-b1: 0 fg/day, secretion of IL-10: 0 fg/day}
  t_cell:
    density: 500 /mm^3
    behaviours: {transition to regulatory: {increases: []}}
"""
)


def test_the_noise_of_a_cell_is_its_own() -> None:
    """Hundreds of injected cells that move, prime and leave do not change one draw of the others."""
    control, treated = (advance(model(SILENT, arm), days=1.0) for arm in ("cci", "cci_bmsc"))
    names = model(SILENT, "cci").names
    msc = names.cell_types.index("msc")
    assert treated.counters["entered"][msc] > 100
    assert control.counters["born"][0] > 0  # the others do draw
    others = treated.cells.type != msc
    for name, a, b in zip(control.cells._fields, control.cells, treated.cells, strict=True):
        assert a.tobytes() == np.ascontiguousarray(b[others]).tobytes(), name
    assert control.concentration.tobytes() == treated.concentration.tobytes()


def test_replicates_differ() -> None:
    seeds = [replicate_seed(2015, k) for k in range(50)]
    assert len(set(seeds)) == 50
    assert len({replicate_seed(seed, 0) for seed in range(50)}) == 50
    first, second = (model(SMALL, "cci", seed) for seed in seeds[:2])
    assert len(first.cells.id) == len(second.cells.id)
    assert not np.any(first.cells.position[:, :2] == second.cells.position[:, :2])


def test_the_field_step_does_not_change_the_noise() -> None:
    """Paths of T cells under half the field step: the same draws, so nearly the same places."""

    def at_the_end(sets: tuple[str, ...]) -> tuple[Model, State]:
        m = model(SILENT, "cci", 1, sets)
        return m, advance(m, days=0.2)

    (m, coarse), (_, fine) = at_the_end(()), at_the_end(("time.field_step=1 min",))
    np.testing.assert_array_equal(coarse.cells.id, fine.cells.id)
    moving = coarse.cells.type == m.names.cell_types.index("t_cell")
    start = m.cells.position[m.cells.type == m.names.cell_types.index("t_cell")]
    assert np.linalg.norm(coarse.cells.position[moving] - start, axis=1).mean() > 20.0
    assert np.linalg.norm(coarse.cells.position[moving] - fine.cells.position[moving], axis=1).max() < 1.0
