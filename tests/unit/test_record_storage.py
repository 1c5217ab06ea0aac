"""Commits are all or nothing: at every place where one can be cut off, and on a full disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.errors import RecordError
from abm.record import RunWriter, open_run, storage
from abm.record.storage import CommittedFile, read_journal
from tests.reference.recorded_run import CHECKPOINT_EVERY, TICKS, check, declaration, record


def opened(path: Path) -> CommittedFile:
    return CommittedFile(os.open(path, os.O_RDWR | os.O_CREAT), path)


@st.composite
def actions(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    kinds = st.sampled_from(["write", "write", "write", "truncate", "commit", "reopen"])
    return [
        (draw(kinds), draw(st.integers(0, 20_000)), draw(st.integers(0, 9_000)))
        for _ in range(draw(st.integers(1, 12)))
    ]


@given(actions())
def test_behaves_like_a_plain_file(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[str, int, int]]
) -> None:
    """Against a byte array: what is read is what was written; the disk holds what was committed."""
    path = tmp_path_factory.mktemp("storage") / "file"
    file, model, on_disk = opened(path), bytearray(), b""
    for number, (kind, offset, length) in enumerate(todo):
        if kind == "write":
            data = bytes([number + 1]) * length
            offset = min(offset, len(model))  # what lies in a gap is not promised
            file.seek(offset)
            assert file.write(memoryview(data)) == length
            model[offset : offset + length] = data
        elif kind == "truncate":
            # HDF5 cuts off or extends at its end of allocation only.
            size = min(offset, len(model))
            file.truncate(size)
            del model[size:]
        elif kind == "commit":
            file.commit()
            on_disk = bytes(model)
        else:
            file.release()
            file, model = opened(path), bytearray(on_disk)
        buffer = bytearray(len(model))
        file.seek(0)
        file.readinto(memoryview(buffer))
        assert bytes(buffer) == bytes(model)
        assert path.read_bytes() == on_disk
    file.release()


class Cut(BaseException):
    """The process ends here."""


def cut_after(calls: int) -> Callable[[int, bytes, int], None]:
    """Stand-in for `write_at` that stops for good at the given call, half-way through its bytes."""
    left = [calls]
    write_at = storage.write_at

    def write(fd: int, data: bytes, offset: int) -> None:
        if left[0] == 0:
            write_at(fd, data[: len(data) // 2], offset)
            raise Cut
        left[0] -= 1
        write_at(fd, data, offset)

    return write


@pytest.fixture
def half_way(tmp_path: Path) -> tuple[Path, RunWriter]:
    """A run with two checkpoints, flushed at readout 42, and more rows waiting for the next flush."""
    writer = RunWriter.create(tmp_path / "run.h5", declaration())
    record(writer, 0, 42, flush_every=5)
    writer.flush()
    record(writer, 42, 58)
    return tmp_path / "run.h5", writer


# A commit of this run writes the tail with the journal (call 0) and then about 25 pages.
@pytest.mark.parametrize("calls", [0, 1, 2, 3, 5, 8, 12, 16, 20, 24])
def test_a_flush_cut_off_anywhere(
    half_way: tuple[Path, RunWriter], monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    path, writer = half_way
    monkeypatch.setattr(storage, "write_at", cut_after(calls))
    with pytest.raises(Cut):
        writer.flush()
    monkeypatch.undo()
    left = shutil.copy(path, path.with_name("left.h5"))
    with open_run(left) as run:
        # While the journal is not complete the old state counts, afterwards the new one.
        assert check(run) == (42 if calls == 0 else 58)
        assert run.checkpoint_ticks == [19 * TICKS, 39 * TICKS]
    before = left.read_bytes()
    assert left.read_bytes() == before, "reading changes nothing"
    resumed, saved = RunWriter.resume(left)
    with resumed:
        assert saved.tick == 39 * TICKS
        record(resumed, 40, 65)
        resumed.finish()
    with h5py.File(left, "r") as file:  # mended: any program can read it now
        assert file["readout/time"].shape == (65,)
    with open_run(left) as run:
        assert check(run) == 65


@pytest.mark.parametrize("calls", range(0, 60, 3))
def test_a_checkpoint_cut_off_anywhere(
    half_way: tuple[Path, RunWriter], monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    path, writer = half_way
    monkeypatch.setattr(storage, "write_at", cut_after(calls))
    k = 3 * CHECKPOINT_EVERY - 1
    try:
        record(writer, 58, k + 1)
        done = True
    except Cut:
        done = False
    monkeypatch.undo()
    left = shutil.copy(path, path.with_name("left.h5"))
    with open_run(left) as run:
        assert check(run) in (42, k + 1)
        ticks = run.checkpoint_ticks
    newest = k * TICKS
    assert ticks[-1] in (39 * TICKS, newest)
    assert not done or ticks == [39 * TICKS, newest]


def test_a_journal_that_is_not_whole_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "file"
    pages = {0: bytearray(b"new" * 100)}
    journal = storage.pack_journal(pages, 300)
    whole = b"old" * 100 + journal
    for data in (whole[:-1], whole[1:], whole[:310] + b"?" + whole[311:], b"", journal[-20:]):
        path.write_bytes(data)
        with path.open("rb") as file:
            found, base, size = read_journal(file.fileno())
        if data == whole[1:]:
            continue  # only what precedes the journal is missing: the journal itself is whole
        assert (found, base, size) == ({}, len(data), len(data))
    path.write_bytes(whole)
    with path.open("rb") as file:
        assert read_journal(file.fileno()) == (pages, 300, 300)


def test_a_full_disk_leaves_the_last_flush(
    half_way: tuple[Path, RunWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writer = half_way
    size, pwrite = path.stat().st_size, os.pwrite
    room = 3000

    def full(fd: int, data: memoryview, offset: int) -> int:
        count = min(len(data), size + room - offset)
        if count <= 0:
            raise OSError(28, "No space left on device")
        return pwrite(fd, data[:count], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RecordError, match=r"run\.h5: cannot write: the disk is full; free space, or record"):
        writer.flush()
    assert path.stat().st_size == size
    with open_run(path) as run:
        assert check(run) == 42
    monkeypatch.undo()
    writer.flush()  # somebody made room
    with open_run(path) as run:
        assert check(run) == 58
    writer.close()


def test_a_full_disk_while_leaving_on_an_error(
    half_way: tuple[Path, RunWriter], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, writer = half_way

    def full(fd: int, data: memoryview, offset: int) -> int:
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RecordError, match="quota is used up"), writer:
        writer.flush()
    with open_run(path) as run:
        assert check(run) == 42


def test_only_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter.create(path, declaration()) as writer:
        record(writer, 0, 25)
        writer.flush()
        with pytest.raises(RecordError, match="another run is writing this file"):
            RunWriter.resume(path)
        with pytest.raises(RecordError, match="another run is writing this file"):
            RunWriter.create(path, declaration(), force=True)
        assert storage.is_being_written(path)
        record(writer, 25, 30)
    assert not storage.is_being_written(path)
    with open_run(path) as run:
        assert check(run) == 30


def test_readers_see_one_commit_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter.create(path, declaration()) as writer:
        record(writer, 0, 30)
        writer.flush()
        with open_run(path) as early:
            assert early.is_being_written
            record(writer, 30, 140)  # fills a chunk: what was stored before moves
            writer.flush()
            assert check(early) == 30
        with open_run(path) as late, h5py.File(path, "r") as plain:
            assert check(late) == 140
            assert plain["readout/time"].shape == (140,)


def test_a_flush_is_due_after_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("abm.record.writer.time.monotonic", lambda: now[0])
    with RunWriter.create(tmp_path / "run.h5", declaration()) as writer:
        record(writer, 0, 10)
        writer.flush_if_due()
        with open_run(writer.path) as run:
            assert len(run.time) == 0
        now[0] += 1.99
        writer.flush_if_due()
        with open_run(writer.path) as run:
            assert len(run.time) == 0
        now[0] += 0.02
        writer.flush_if_due()
        with open_run(writer.path) as run:
            assert check(run) == 10


def test_a_slow_disk_is_flushed_to_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("abm.record.writer.time.monotonic", lambda: now[0])
    commit = CommittedFile.commit

    def slow(self: CommittedFile, durable: bool = False) -> None:
        now[0] += 0.1
        commits.append(now[0])
        commit(self, durable)

    commits: list[float] = []

    with RunWriter.create(tmp_path / "run.h5", declaration()) as writer:
        monkeypatch.setattr(CommittedFile, "commit", slow)
        for k in range(100):
            now[0] += 1.0
            record(writer, k, k + 1)
            writer.flush_if_due()
        # Five checkpoints of three commits each; a flush every 10 s, where a fast disk had one every 2 s.
        assert 15 < len(commits) <= 15 + 12


def test_large_frames_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abm.record.writer.PENDING_BYTES", 200_000)
    given = declaration()
    fields = type(given.fields)(("A",), *(np.arange(float(n)) for n in (100, 100, 3)))
    with RunWriter.create(tmp_path / "run.h5", declaration(fields=fields)) as writer:
        noise = np.random.default_rng(1).random((1, 3, 100, 100))
        for tick in range(4):
            writer.append_fields(tick, noise)
        assert writer.path.stat().st_size > 200_000
