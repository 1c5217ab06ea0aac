"""Counter-based random numbers: published vectors, packing, limits, purity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.errors import CompileError, NumericsError
from abm.kernels import rng

SEED = np.uint64(2015)

# Random123 kat_vectors, philox4x32 with 10 rounds: counter, key, result.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_philox_known_answers(counter: str, key: str, result: str) -> None:
    assert list(rng.philox4x32(*words(counter), *words(key))) == words(result)


def philox_in_plain_integers(counter: int, key: int) -> int:
    """Philox4x32-10 from the paper, on Python's unlimited integers; word 0 is the least significant."""
    c = [counter >> 32 * i & 0xFFFFFFFF for i in range(4)]
    k = [key & 0xFFFFFFFF, key >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [k[0] + 0x9E3779B9 & 0xFFFFFFFF, k[1] + 0xBB67AE85 & 0xFFFFFFFF]
    return sum(word << 32 * i for i, word in enumerate(c))


@given(
    st.integers(0, rng.MAX_SEED),
    st.integers(0, rng.MAX_STREAM),
    st.integers(0, rng.MAX_STEP),
    st.integers(0, rng.MAX_CELL),
    st.integers(0, rng.MAX_DRAW),
)
def test_packing_is_the_documented_one(seed: int, stream: int, step: int, cell: int, draw: int) -> None:
    """Fields at disjoint bit positions that fill 128 bits: no two draws share a counter."""
    counter = cell | draw << 48 | step << 64 | 0 << 104 | stream << 116
    block = philox_in_plain_integers(counter, seed)
    u, v = rng.uniform_pair(np.uint64(seed), stream, step, cell, draw)
    assert u == (block >> 11 & 2**53 - 1) * 2.0**-53
    assert v == (block >> 64 + 11) * 2.0**-53
    assert rng.uniform(np.uint64(seed), stream, step, cell, draw) == u


def test_fields_fill_the_counter() -> None:
    bits = (rng.CELL_BITS, rng.DRAW_BITS, rng.STEP_BITS, rng.ROUND_BITS, rng.STREAM_BITS)
    assert sum(bits) == 128


def test_streams_are_distinct_and_within_limits() -> None:
    assert len(set(rng.STREAMS.values())) == len(rng.STREAMS) >= 10
    assert all(0 <= value <= rng.MAX_STREAM for value in rng.STREAMS.values())


def test_stream_numbers_never_change() -> None:
    """Append only: this list may grow at its end, nothing else."""
    frozen = [
        "PLACEMENT", "MOTION", "DIVISION", "DEATH", "CLEARANCE", "TRANSITION", "ARRIVAL", "ENTRY", "HOMING",
        "PHAGOCYTOSIS", "FATE", "DIVISION_PLACE", "COMPARTMENT_LOSS", "CELL_VARIABLE", "NEURON", "ASSAY",
        "INTERVENTION", "REPLICATE",
    ]  # fmt: skip
    assert [rng.STREAMS[name] for name in frozen] == list(range(len(frozen)))


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (rng.check_step, -1),
        (rng.check_step, 2**40),
        (rng.check_stream, 2**12),
        (rng.check_draw, 2**16),
        (rng.check_draw, -1),
        (rng.check_cells, np.array([3, 2**48])),
        (rng.check_cells, np.array([-1, 3])),
    ],
)
def test_out_of_range_is_an_error(check, bad) -> None:
    with pytest.raises(NumericsError, match="is not within 0 and"):
        check(bad)


@pytest.mark.parametrize("bad", [-1, 2**64, 1.0, True, "7"])
def test_bad_seed_is_an_error(bad: object) -> None:
    with pytest.raises(CompileError, match="whole number within 0 and 18446744073709551615"):
        rng.check_seed(bad)


def test_limits_themselves_are_allowed() -> None:
    assert rng.check_seed(2**64 - 1) == np.uint64(2**64 - 1)
    assert rng.check_step(2**40 - 1) == 2**40 - 1
    ids = np.array([0, 2**48 - 1])
    assert rng.check_cells(ids) is ids
    assert rng.check_cells(ids[:0]).size == 0


def test_every_argument_changes_the_draw() -> None:
    base = (2015, rng.MOTION, 7, 11, 0)
    draws = {rng.uniform(np.uint64(base[0]), *base[1:])}
    for position, high in enumerate((2**40, 2**11, 2**39, 2**47, 2**15)):
        for change in (1, high):
            other = list(base)
            other[position] += change
            draws.add(rng.uniform(np.uint64(other[0]), *other[1:]))
    assert len(draws) == 11


def test_order_and_subset_do_not_matter() -> None:
    cells = np.arange(500)
    whole, part = np.empty(500), np.empty(20)
    rng.fill_uniform(SEED, 1, 2, cells, 0, whole)
    chosen = cells[::-25].copy()
    rng.fill_uniform(SEED, 1, 2, chosen, 0, part)
    np.testing.assert_array_equal(part, whole[chosen])


def test_full_width() -> None:
    """Multiples of 2**-53, not of 2**-32 or 2**-24: rare events are neither lost nor rounded."""
    u = np.empty(200)
    rng.fill_uniform(SEED, 1, 2, np.arange(200), 0, u)
    scaled = u * 2.0**53
    assert np.all(scaled == np.floor(scaled))
    assert np.mean(np.floor(scaled) % 2 == 1) == pytest.approx(0.5, abs=0.2)


def test_poisson_refuses_impossible_means() -> None:
    for mean in (-1e-9, np.nan, np.inf, 2e9):
        assert rng.poisson(SEED, 1, 2, 3, 0, mean) == -1
    assert rng.poisson(SEED, 1, 2, 3, 0, 0.0) == 0


def test_poisson_is_monotone_in_the_mean() -> None:
    """Arms of a study stay paired: more expected arrivals never give fewer."""
    means = np.linspace(0.0, 64.0, 200)
    for cell in range(50):
        numbers = [rng.poisson(SEED, rng.ARRIVAL, 1, cell, 0, mean) for mean in means]
        assert all(a <= b for a, b in pairwise(numbers))


def test_unit_vectors_have_unit_length() -> None:
    for cell in range(200):
        x, y, z = rng.unit_vector(SEED, 1, 2, cell, 0, 2)
        assert z == 0.0 and np.hypot(x, y) == pytest.approx(1.0, abs=1e-15)
        assert np.linalg.norm(rng.unit_vector(SEED, 1, 2, cell, 0, 3)) == pytest.approx(1.0, abs=1e-15)


SCRIPT = """
import json, numpy as np
from abm.kernels import rng
s = np.uint64(2**64 - 3)
out = np.empty(50)
rng.fill_normal(s, rng.MOTION, 2**40 - 1, np.arange(2**48 - 50, 2**48), 2**16 - 1, out)
print(json.dumps({
    "uniform": [float(x).hex() for c in range(50) for x in rng.uniform_pair(s, 4095, 5, c, 9)],
    "smooth": list(out) + [float(rng.exponential(s, 1, 2, c, 0)) for c in range(50)],
    "poisson": [int(rng.poisson(s, 1, 2, c, 0, m)) for c in range(9) for m in (0.3, 40.0, 300.0, 1e6)],
}))
"""


def test_same_numbers_without_compilation() -> None:
    """The uncompiled source gives the same numbers and no overflow warning, at the limits too."""
    root = Path(rng.__file__).resolve().parents[2]
    results = []
    for disabled in ("0", "1"):
        environment = os.environ | {"NUMBA_DISABLE_JIT": disabled, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        results.append(json.loads(done.stdout))
    compiled, plain = results
    assert compiled["uniform"] == plain["uniform"]
    assert compiled["poisson"] == plain["poisson"]
    np.testing.assert_allclose(compiled["smooth"], plain["smooth"], rtol=1e-14)
