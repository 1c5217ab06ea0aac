"""Chunks decoded by hand are what HDF5 makes of them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import open_run
from abm.record.chunks import fetch_layer
from abm.record.streams import growing_array
from tests.recorded_runs import GrowingRun, Plan, write_run

# Four chunks per layer: 300 rows of 4,000 bytes are cut at 262.
SHAPE = (1, 300, 1000)


@pytest.fixture
def fields() -> np.ndarray:
    """(frame, cytokine, z, y, x)."""
    values = np.random.default_rng(3).lognormal(size=(2, 2, *SHAPE)).astype("f4")
    values[0, 0, 0, 5] = np.nan
    return values


def test_layers_of_several_chunks(tmp_path: Path, fields: np.ndarray) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, count in {"t": 2, "c": 2, "z": 1, "y": 300, "x": 1000}.items():
            file.create_dataset(name, data=np.arange(count)).make_scale(name)
        growing = growing_array(
            file, "a", ("t", "c", "z", "y", "x"), (2, *SHAPE), "f4", "1", "", chunk_rows=1, split_axes=1
        )
        growing.append(fields)
        assert growing.dataset.chunks == (1, 1, 1, 262, 1000)
    with h5py.File(path) as file:
        for frame in (0, 1):
            for cytokine in (0, 1):
                packed = fetch_layer(file["a"], (frame, cytokine, 0), path)
                assert packed is not None and len(packed.parts) == 2
                np.testing.assert_array_equal(packed.unpack(), fields[frame, cytokine, 0])


def test_what_is_not_chunked_by_layers_is_left_to_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        plain = file.create_dataset("plain", (2, 2, 2, 8, 8), "f4", chunks=(1, 1, 1, 8, 8))
        deep = file.create_dataset(
            "deep", (2, 2, 2, 8, 8), "f4", chunks=(1, 1, 2, 8, 8), shuffle=True, compression="gzip"
        )
        empty = file.create_dataset(
            "empty", (2, 2, 2, 8, 8), "f4", chunks=(1, 1, 1, 8, 8), shuffle=True, compression="gzip"
        )
        for dataset in (plain, deep, empty):
            assert fetch_layer(dataset, (0, 0, 0), tmp_path / "a.h5") is None


def test_chunks_of_a_run_that_is_being_written(tmp_path: Path) -> None:
    growing = GrowingRun(tmp_path / "a.h5", "cci")
    for day in range(3):
        growing.append_day(day)
    finished = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(layers=1, days=3.0))
    for path in (tmp_path / "a.h5", finished):
        with open_run(path) as run:
            for frame in range(len(run.field_times)):
                packed = run.packed_layer("TNF-a", frame, 0)
                assert packed is not None
                np.testing.assert_array_equal(packed.unpack(), run.field("TNF-a", frame).values[0])


def test_a_damaged_chunk_is_said(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(layers=1, days=3.0))
    with h5py.File(path, "r+") as file:
        stored = file["fields/concentration"]
        stored.id.write_direct_chunk((2, 0, 0, 0, 0), b"no gzip at all")
    with open_run(path) as run:
        packed = run.packed_layer(run.cytokines[0], 2, 0)
        assert packed is not None
        with pytest.raises(RecordError, match=r"cci_r000\.h5: a chunk of the fields is damaged"):
            packed.unpack()
