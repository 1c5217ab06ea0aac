"""Shards of a sweep: nothing that was flushed is lost, everything is found, merged files are complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.errors import RecordError
from abm.record.layout import Column
from abm.record.shards import ShardWriter, read_shard, shard_paths
from abm.record.sweep_index import adopt_abandoned, find_runs, open_index, write_index
from abm.record.sweep_layout import COMPLETE, FAILED, MISSING, SweepDeclaration
from abm.record.sweep_merge import CaseTable, merge_shards, open_merged
from tests.conftest import ROOT
from tests.sweeps import declaration, names, row, write_shard


def cases_of(ids: np.ndarray, run: np.ndarray) -> CaseTable:
    count = len(run)
    return CaseTable(
        ids=ids,
        run=run,
        replicate=np.zeros(count, np.int64),
        arm=np.arange(count) % 2,
        arms=("sham", "cci"),
        parameters={
            Column("dose", "f8", "1", "dose"): run.astype(np.float64),
            Column("kind", "f8", "1", "kind"): np.arange(count) % 2.0,
        },
        texts={"kind": ("early", "late")},
    )


def test_declaration_survives_its_text() -> None:
    assert SweepDeclaration.from_json(declaration().to_json()) == declaration()
    assert declaration().returned != declaration(series=False).returned


def test_rows_come_back(tmp_path: Path) -> None:
    ids = names(700)
    path = write_shard(tmp_path, ids, range(700), declaration())
    table = read_shard(path)
    assert table.ids.tolist() == ids.tolist()
    assert set(table.columns["status"]) == {COMPLETE}
    assert not table.is_open
    with h5py.File(path) as file:
        assert file["series/level"].shape == (700, 4, 3)
        assert file["series/level"][699, 3, 2] == 11.0 + 100.0 * 699
        assert np.array_equal(file["parameters/dose"][()], np.arange(700.0))


def test_shard_without_rows_leaves_no_file(tmp_path: Path) -> None:
    with ShardWriter.create(tmp_path, declaration(), "{}"):
        assert len(shard_paths(tmp_path)) == 1
    assert shard_paths(tmp_path) == []


def test_open_shard_is_read_up_to_its_last_flush(tmp_path: Path) -> None:
    ids = names(10)
    writer = ShardWriter.create(tmp_path, declaration(), "{}")
    for run in range(3):
        writer.append(row(ids, run, declaration()))
    writer.flush()
    writer.append(row(ids, 3, declaration()))
    found = find_runs(tmp_path, ids, declaration())
    assert np.flatnonzero(found.status == COMPLETE).tolist() == [0, 1, 2]
    assert found.tables[0].is_open
    assert adopt_abandoned(tmp_path) == []
    writer.finish()
    assert np.count_nonzero(find_runs(tmp_path, ids, declaration()).status) == 4


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from abm.record.shards import ShardWriter
from tests.sweeps import declaration, names, row
ids = names(5000)
writer = ShardWriter.create(Path(sys.argv[1]), declaration(), "{}")
for run in range(int(sys.argv[3])):
    writer.append(row(ids, run, declaration()))
    if run % 7 == 6:
        writer.flush()
        print(run, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("rows", [7, 45, 1200])
def test_kill_loses_no_flushed_row(tmp_path: Path, rows: int) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(ROOT), str(rows)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode == -signal.SIGKILL
    safe = int(answer.stdout.split()[-1]) + 1
    (path,) = adopt_abandoned(tmp_path)
    assert path.suffix == ".h5"
    table = read_shard(path)
    assert len(table) == safe
    with h5py.File(path) as file:
        assert np.array_equal(file["summary/peak"][()], 2.0 * np.arange(safe))


def test_complete_beats_failed_and_the_last_attempt_tells(tmp_path: Path) -> None:
    ids, declared = names(3), declaration()
    with ShardWriter.create(tmp_path, declared, "{}") as shard:
        for run, failed in ((0, True), (1, True), (0, False)):
            shard.append(row(ids, run, declared, failed))
    with ShardWriter.create(tmp_path, declared, "{}") as shard:
        shard.append(row(ids, 0, declared, failed=True))
    found = find_runs(tmp_path, ids, declared)
    assert found.status.tolist() == [COMPLETE, FAILED, MISSING]
    assert found.message(1) == "it went wrong"
    assert found.message(0) == found.message(2) == ""


def test_rows_that_return_something_else_do_not_count(tmp_path: Path) -> None:
    ids = names(4)
    write_shard(tmp_path, ids, [0, 1], declaration(series=False))
    write_shard(tmp_path, names(9)[5:], [0, 1], declaration())
    found = find_runs(tmp_path, ids, declaration())
    assert found.status.tolist() == [MISSING] * 4
    assert found.unused == 4


def test_what_is_no_shard_is_told_and_left_out(tmp_path: Path) -> None:
    ids = names(2)
    write_shard(tmp_path, ids, [1], declaration())
    (tmp_path / "x.h5").write_bytes(b"not HDF5 at all")
    found = find_runs(tmp_path, ids, declaration())
    assert found.status.tolist() == [MISSING, COMPLETE]
    assert "x.h5" in found.unreadable[0]


def test_index_reads_like_one_file(tmp_path: Path) -> None:
    ids, declared, shards = names(30), declaration(), tmp_path / "shards"
    shards.mkdir()
    write_shard(shards, ids, range(20, 30), declared)
    write_shard(shards, ids, range(5, 20), declared)
    write_index(tmp_path / "index.h5", find_runs(shards, ids, declared), declared, ids)
    with open_index(tmp_path / "index.h5") as index:
        rows = index["row_of_run"][()]
        assert (rows[:5] == -1).all() and sorted(rows[5:]) == list(range(25))
        assert np.array_equal(index["summary/peak"][()][rows[5:]], 2.0 * np.arange(5, 30))
        assert index["series/level"][int(rows[17])][1, 1] == 1704.0


def test_merged_file_opens_in_xarray_with_its_coordinates(tmp_path: Path) -> None:
    ids, declared = names(6), declaration()
    write_shard(tmp_path, ids, [3, 1, 0], declared)
    with ShardWriter.create(tmp_path, declared, "{}") as shard:
        shard.append(row(ids, 4, declared, failed=True))
    # Cases 0 and 1 are the same run; run 5 is missing.
    cases = cases_of(ids, np.array([0, 0, 1, 3, 4, 5]))
    merge_shards(tmp_path / "one.h5", find_runs(tmp_path, ids, declared), declared, cases, {"sweep": "x"})
    with open_merged(tmp_path / "one.h5") as found:
        assert set(found.coords) >= {"dose", "kind", "arm", "replicate", "run", "cytokine", "time"}
        assert found.level.dims == ("case", "time", "cytokine")
        assert found.kind.values.tolist() == ["early", "late"] * 3
        assert found.arm.values.tolist() == ["sham", "cci"] * 3
        np.testing.assert_array_equal(found.peak.values, [0.0, 0.0, 2.0, 6.0, np.nan, np.nan])
        assert found.level.sel(cytokine="b").values[3].tolist() == [301.0, 304.0, 307.0, 310.0]
        assert found.status.values.tolist() == [1, 1, 1, 1, 2, 0]
        assert found.message.values.tolist() == [""] * 4 + ["it went wrong", ""]
        assert str(found.run.values[3], "ascii") == bytes(ids[3:4].tobytes()).hex()
        assert str(found["sweep"].values) == "x"


def test_merge_does_not_replace_without_being_told(tmp_path: Path) -> None:
    ids, declared = names(1), declaration()
    write_shard(tmp_path, ids, [0], declared)
    cases, found = cases_of(ids, np.array([0])), find_runs(tmp_path, ids, declared)
    target = tmp_path / "elsewhere" / "one.h5"
    with pytest.raises(RecordError, match="directory does not exist"):
        merge_shards(target, found, declared, cases, {})
    target.parent.mkdir()
    target.write_text("mine")
    with pytest.raises(RecordError, match="--force"):
        merge_shards(target, found, declared, cases, {})
    assert target.read_text() == "mine"
    merge_shards(target, found, declared, cases, {}, force=True)
    assert [path.name for path in target.parent.iterdir()] == ["one.h5"]


@pytest.mark.slow
def test_a_hundred_thousand_rows(tmp_path: Path) -> None:
    count, declared = 100_000, declaration(series=False)
    ids, shards = names(count), tmp_path / "shards"
    shards.mkdir()
    order = np.random.default_rng(1).permutation(count)
    for part in np.array_split(order, 10):
        write_shard(shards, ids, part.tolist(), declared)
    found = find_runs(shards, ids, declared)
    assert (found.status == COMPLETE).all()
    write_index(tmp_path / "index.h5", found, declared, ids)
    with open_index(tmp_path / "index.h5") as index:
        assert np.array_equal(index["parameters/dose"][()][index["row_of_run"][()]], np.arange(count))
    merge_shards(tmp_path / "one.h5", found, declared, cases_of(ids, np.arange(count)), {})
    with open_merged(tmp_path / "one.h5") as merged:
        assert np.array_equal(merged.peak.values, 2.0 * np.arange(count))
