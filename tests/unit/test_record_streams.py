"""Growing data sets against plain h5py, and the rounding of concentrations."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.record.streams import GrowingArray, encode, growing_array, round_mantissa


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
    st.integers(1, 5),
    st.sampled_from([(), (3,), (2, 0), (2, 3)]),
    st.sampled_from(["f4", "f8", "i8", "u1", "i1"]),
)
def test_rows_come_back_whatever_the_pieces(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[int],
    chunk: int,
    shape: tuple[int, ...],
    dtype: str,
) -> None:
    rows = np.arange(sum(pieces) * math.prod(shape)).reshape(sum(pieces), *shape).astype(dtype)
    path = tmp_path_factory.mktemp("streams") / "x.h5"
    file = h5py.File(path, "w")
    stream = growing_array(file, "a", (), shape, dtype, "um", "a", chunk_rows=chunk)
    done = 0
    for piece in pieces:
        stream.append(rows[done : done + piece])
        done += piece
        if piece % 2:
            stream.flush()
        if piece % 3 == 0:
            # Not read through the same handle: HDF5 takes a chunk written directly for a filtered one.
            stream.flush()
            file.close()
            file = h5py.File(path, "r+")
            np.testing.assert_array_equal(file["a"][:], rows[:done])
            stream = GrowingArray(file["a"])
        np.testing.assert_array_equal(stream.values(), rows[:done])
    stream.flush(final=True)
    file.close()
    with h5py.File(path) as file:
        assert file["a"].dtype == dtype
        np.testing.assert_array_equal(file["a"][:], rows)


def test_chunks_are_compressed_once_full(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stream = growing_array(file, "a", (), (), "f8", "1", "a", chunk_rows=1000)
        for _ in range(2500):
            stream.append_one(1.0)
        stream.flush()
        sizes = [file["a"].id.get_chunk_info(i).size for i in range(3)]
        assert sizes[0] == sizes[1] < 200
        assert sizes[2] == 8000
        stream.flush(final=True)
        assert file["a"].id.get_chunk_info(2).size < 200
        assert (file["a"][:] == 1.0).all()


def test_a_chunk_that_compresses_to_its_own_size(tmp_path: Path) -> None:
    """HDF5 would keep the mask of the uncompressed chunk and hand out compressed bytes as numbers."""
    rng = np.random.default_rng(0)
    rows = next(
        rows for rows in (rng.random(16).round(2) for _ in range(10_000)) if len(encode(rows)) == rows.nbytes
    )
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stream = growing_array(file, "a", (), (), "f8", "1", "a", chunk_rows=16)
        stream.append(rows[:9])
        stream.flush()
        stream.append(rows[9:])
    with h5py.File(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file["a"][:], rows)


def test_values_of_a_chunk_that_was_stored_twice(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stream = growing_array(file, "a", (), (), "f8", "1", "a", chunk_rows=500)
        stream.append(np.ones(400))
        stream.flush()
        np.testing.assert_array_equal(stream.values(), np.ones(400))
        stream.append(np.ones(100))
        np.testing.assert_array_equal(stream.values(), np.ones(500))


def test_one_cytokine_is_read_without_the_others(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        stream = growing_array(
            file, "c", (), (6, 40, 300, 100), "f4", "pg/ml", "c", chunk_rows=1, split_axes=1
        )
        assert stream.dataset.chunks == (1, 1, 8, 300, 100)


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(st.lists(FLOATS, min_size=1, max_size=20), st.integers(1, 23))
def test_rounding_keeps_the_promised_precision(values: list[float], bits: int) -> None:
    exact = np.array(values, np.float32)
    with np.errstate(over="ignore"):
        rounded = round_mantissa(exact, bits)
    largest = np.float32(np.finfo(np.float32).max)
    normal = np.abs(exact) < largest / 2
    error = np.abs(rounded[normal].astype(float) - exact[normal].astype(float))
    assert (error <= np.abs(exact[normal].astype(float)) * 2.0 ** -(bits + 1)).all()
    assert not (rounded.view(np.uint32) & np.uint32((1 << (23 - bits)) - 1)).any()


def test_rounding_takes_ties_to_even() -> None:
    exact = np.array([1 + 0.5 / 4, 1 + 1.5 / 4, -(1 + 2.5 / 4), 1 + 0.51 / 4], np.float32)
    np.testing.assert_array_equal(round_mantissa(exact, 2), [1.0, 1.5, -1.5, 1.25])


def test_rounding_leaves_what_is_no_number() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    assert round_mantissa(odd, 4).tobytes() == odd.tobytes()
    exact = np.array([1 / 3], np.float32)
    assert round_mantissa(exact, None) is exact
