"""Every way a file can be unreadable or unwritable has its message, and nothing is left behind."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import RunWriter, open_run
from tests.reference.recorded_run import check, declaration, record, written


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("time,threshold\n0,1.2\n", encoding="utf-8")


def directory(path: Path) -> None:
    path.mkdir()


def cut(path: Path) -> None:
    written(path, 30)
    with path.open("r+b") as file:
        file.truncate(40_000)


def only_the_beginning(path: Path) -> None:
    written(path, 3)
    with path.open("r+b") as file:
        file.truncate(20)


def another_program(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["time"] = [1.0, 2.0]


def another_format(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "abm-sweep"
        file.attrs["format_version"] = 1


def newer(path: Path) -> None:
    written(path, 3)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 2


def a_part_missing(path: Path) -> None:
    written(path, 3)
    with h5py.File(path, "r+") as file:
        del file["fields/tissue"]


UNREADABLE: list[tuple[Callable[[Path], None], str]] = [
    (lambda path: None, "cannot read the file: there is no such file"),
    (empty, "the file is empty"),
    (text, "not an HDF5 file"),
    (directory, "the path is a directory"),
    (cut, r"is cut off \(40000 bytes; HDF5 says: .*was it copied completely"),
    (only_the_beginning, r"the HDF5 file is (cut off|damaged) \(20 bytes"),
    (another_program, r"written by another program \(no attribute format='abm-run'\)"),
    (another_format, "written by another program"),
    (newer, "format version 2; this abm reads up to 1; update abm"),
    (a_part_missing, "the file is damaged: fields/tissue is missing"),
]


@pytest.mark.parametrize("act", [open_run, RunWriter.resume], ids=["read", "resume"])
@pytest.mark.parametrize(("make", "message"), UNREADABLE, ids=[m[0].__name__ for m in UNREADABLE])
def test_files_that_are_not_a_run(
    tmp_path: Path, make: Callable[[Path], None], message: str, act: Callable[[Path], object]
) -> None:
    path = tmp_path / "x.h5"
    make(path)
    with pytest.raises(RecordError, match=rf"^{path}: .*{message}"):
        act(path)


def test_a_damaged_chunk_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 140)
    with h5py.File(path) as file:
        place = file["readout/threshold"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[place.byte_offset + 20 : place.byte_offset + 30] = b"\xff" * 10
    path.write_bytes(data)
    with open_run(path) as run:
        assert len(run.series("nociception").values) == 140
        with pytest.raises(RecordError, match="/readout/threshold is damaged"):
            run.series("threshold")


def test_a_damaged_checkpoint_gives_way_to_the_older_one(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 60, finish=False)
    with open_run(path) as run:
        older, newer = run.checkpoint_ticks
    with h5py.File(path, "r+") as file:
        slot = next(slot for slot in file["checkpoint"].values() if slot.attrs["tick"] == newer)
        slot["data"][100] ^= np.uint8(1)
    with open_run(path) as run:
        assert run.checkpoint().tick == older
    writer, saved = RunWriter.resume(path)
    with writer:
        assert saved.tick == older
    with open_run(path) as run:
        assert check(run) == 40


def test_a_finished_run_is_not_continued(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 30)
    with pytest.raises(RecordError, match="the run is complete; there is nothing to continue"):
        RunWriter.resume(path)
    with open_run(path) as run:
        assert check(run) == 30
        assert run.status == "complete"


def test_a_run_without_checkpoint_is_not_continued(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 5, finish=False)
    with pytest.raises(RecordError, match="holds no checkpoint; run again from the start"):
        RunWriter.resume(path)
    with open_run(path) as run:
        assert check(run) == 5


def test_existing_files_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 5)
    before = path.read_bytes()
    with pytest.raises(RecordError, match=r"exists already; continue it with .* replace it with --force"):
        RunWriter.create(path, declaration())
    assert path.read_bytes() == before
    with RunWriter.create(path, declaration(), force=True) as writer:
        record(writer, 0, 7)
    with open_run(path) as run:
        assert check(run) == 7
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    monkeypatch.setattr("abm.record.writer.refuse_existing", lambda path, force: path.write_text("mine"))
    with pytest.raises(RecordError, match="exists already"):
        RunWriter.create(path, declaration())
    assert path.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False])
def test_file_systems_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    path = written(tmp_path / "run.h5", 5)
    assert list(tmp_path.iterdir()) == [path]
    with open_run(path) as run:
        assert check(run) == 5


def test_places_where_nothing_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path, message in (
        (tmp_path / "no" / "run.h5", "the directory does not exist; create it"),
        (file / "run.h5", "a part of the path is a file, not a directory"),
        (tmp_path, "the path is a directory; give a file name"),
        (tmp_path / ("x" * 300 + ".h5"), "the file name is too long"),
    ):
        for force in (False, True):
            with pytest.raises(RecordError, match=message):
                RunWriter.create(path, declaration(), force=force)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "permission denied; choose a directory you may write to"),
        (errno.EROFS, "the file system is read-only; choose another output directory"),
        (errno.ENOSPC, "the disk is full; free space"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_what_the_system_refuses_at_creation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    """Root may write everywhere, so the refusal is made up."""
    old = written(tmp_path / "run.h5", 5)
    before = old.read_bytes()

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    for name in ("open", "pwrite"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, refuse)
            with pytest.raises(RecordError, match=rf"run\.h5: cannot (create the file|write): {message}"):
                RunWriter.create(old, declaration(), force=True)
    assert old.read_bytes() == before
    assert list(tmp_path.iterdir()) == [old]
