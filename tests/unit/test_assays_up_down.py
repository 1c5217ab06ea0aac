"""Dixon's estimator and the staircase of filaments."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.analysis.up_down import ABOVE, BELOW, ESTIMATED, FilamentSet, dixon_k, fifty_percent, staircases
from abm.errors import RecordError

#: Dixon (1980), table 7, as Chaplan et al. (1994) print it: the second part of the series, then k after one,
#: two, three and four or more equal responses in the first part (``O``, ``OO``, ``OOO``, ``OOOO``).
PUBLISHED = """
X      -.500  -.388  -.378  -.377
XO      .842   .890   .894   .894
XX     -.178   .000   .026   .028
XOO     .299   .314   .315   .315
XOX    -.500  -.439  -.432  -.432
XXO    1.000  1.122  1.139  1.140
XXX     .194   .449   .500   .506
XOOO   -.157  -.154  -.154  -.154
XOOX   -.878  -.861  -.860  -.860
XOXO    .701   .737   .741   .741
XOXX    .084   .169   .181   .182
XXOO    .305   .372   .380   .381
XXOX   -.305  -.169  -.144  -.142
XXXO   1.288  1.500  1.544  1.549
XXXX    .555   .897   .985  1.000
XOOOO  -.547  -.547  -.547  -.547
XOOOX -1.250 -1.247 -1.246 -1.246
XOOXO   .372   .380   .381   .381
XOOXX  -.169  -.144  -.142  -.142
XOXOO   .022   .039   .040   .040
XOXOX  -.500  -.458  -.453  -.453
XOXXO  1.169  1.237  1.247  1.248
XOXXX   .611   .732   .756   .758
XXOOO  -.296  -.266  -.263  -.263
XXOOX  -.831  -.763  -.753  -.752
XXOXO   .831   .935   .952   .954
XXOXX   .296   .463   .500   .504
XXXOO   .500   .648   .678   .681
XXXOX  -.043   .187   .244   .252
XXXXO  1.603  1.917  2.000  2.014
XXXXX   .893  1.329  1.465  1.496
"""
TABLE = [
    (first * "O" + second, float(k))
    for line in PUBLISHED.split("\n")
    if line
    for second, *values in [line.split()]
    for first, k in enumerate(values, start=1)
]
MIRROR = str.maketrans("OX", "XO")

RAT = FilamentSet((0.41, 0.70, 1.20, 2.00, 3.63, 5.50, 8.50, 15.10), 2.00, 0.25, 15.0)
MOUSE = FilamentSet((0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56), 0.32, 0.01, 2.56)


def test_k_agrees_with_every_published_value() -> None:
    assert len(TABLE) == 31 * 4
    # Half of the last printed digit, and as much for values that were rounded the other way.
    wrong = {p: (k, dixon_k(p)) for p, k in TABLE if abs(dixon_k(p) - k) > 0.0011}
    assert wrong == {}


def test_k_of_the_mirrored_pattern_has_the_other_sign() -> None:
    for pattern, _ in TABLE:
        assert dixon_k(pattern.translate(MIRROR)) == pytest.approx(-dixon_k(pattern), abs=1e-9)


def test_k_by_hand() -> None:
    # One step apart and one response of each kind: the likelihood is symmetric, the estimate half-way.
    assert dixon_k("OX") == pytest.approx(-0.5, abs=1e-9)
    assert dixon_k("OXOXOX") == pytest.approx(-0.5, abs=1e-9)
    # Levels 0, 1, 2, 1: responses mirror each other around level 1, where the last trial was.
    assert dixon_k("OOXX") == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("pattern", ["", "O", "XXXX", "OXox", "OX ", "O\nX", "0X"])
def test_k_needs_both_responses_and_no_other_letter(pattern: str) -> None:
    with pytest.raises(RecordError, match="each at least once"):
        dixon_k(pattern)


def test_threshold_formula_with_the_numbers_on_the_handles() -> None:
    # Chaplan's formula: handle 4.31 (2.0 g), mean step 0.224, pattern OXOXOX ending there.
    threshold, end = fifty_percent("OXOXOX", 3, RAT)
    handles = 10 ** (math.log10(2.0 * 10_000) + dixon_k("OXOXOX") * RAT.step) / 10_000
    assert threshold == pytest.approx(handles) and end == ESTIMATED
    assert RAT.step == pytest.approx(0.224, abs=0.0005)


def test_ends_of_the_set() -> None:
    assert fifty_percent("OOOOO", 7, RAT) == (15.0, ABOVE)
    assert fifty_percent("XXXX", 0, RAT) == (0.25, BELOW)
    # An estimate beyond the assigned value is no measurement either.
    assert fifty_percent("OOOOXXXXO", 7, RAT) == (15.0, ABOVE)


def exact(log_threshold: float, filaments: FilamentSet, n: int = 1, further: int = 4) -> np.ndarray:
    """Tolerances of an animal without noise."""
    return np.full((n, filaments.longest(further)), log_threshold)


@pytest.mark.parametrize(
    ("threshold", "pattern"),
    [
        (2.5, "OXOXOX"),  # 2.0 no, 3.63 yes, and so on
        (0.5, "XXXOXOXO"),  # 2.0, 1.2, 0.7 yes, 0.41 no, then up and down
        (100.0, "OOOOO"),  # the five filaments from the start to the top
        (0.1, "XXXX"),  # the four from the start to the bottom
        (10.0, "OOOOXOXOX"),  # nine trials, the most there can be
    ],
)
def test_series_without_noise(threshold: float, pattern: str) -> None:
    found = staircases(exact(math.log10(threshold), RAT), RAT, 4)
    assert found.patterns == (pattern,)
    estimate = float(found.threshold[0])
    if len(set(pattern)) == 2:
        # Without noise the estimate lies between the two filaments that straddle the threshold.
        above = np.searchsorted(RAT.forces, threshold)
        assert RAT.forces[above - 1] < estimate < RAT.forces[above]


def test_further_trials_after_the_first_change() -> None:
    for further in (1, 2, 4, 6):
        (pattern,) = staircases(exact(math.log10(2.5), RAT, further=further), RAT, further).patterns
        assert len(pattern) == 2 + further


def test_a_series_that_calls_for_more_than_the_strongest_ends_there() -> None:
    # 0.32, 0.64 no; 1.28 yes; 0.64, 1.28, 2.56 no: the next one does not exist after three further trials.
    tolerance = np.log10(np.array([[1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0]]))
    found = staircases(tolerance, MOUSE, 4)
    assert found.patterns == ("OOXOOO",) and found.last.tolist() == [7]
    assert found.threshold[0] == pytest.approx(2.56 * 10 ** (dixon_k("OOXOOO") * MOUSE.step))
    assert found.censored.tolist() == [ESTIMATED]


def test_infinite_tolerances_are_extreme_animals() -> None:
    found = staircases(np.array([[-np.inf] * 9, [np.inf] * 9]), MOUSE, 4)
    assert found.threshold.tolist() == [0.01, 2.56]
    assert found.censored.tolist() == [BELOW, ABOVE]


def test_no_animals() -> None:
    found = staircases(np.empty((0, 9)), MOUSE, 4)
    assert found.patterns == () and found.threshold.shape == (0,)


def test_hostile_tolerances() -> None:
    with pytest.raises(RecordError, match="not a number"):
        staircases(np.full((1, 9), np.nan), MOUSE, 4)
    with pytest.raises(RecordError, match="9 trials per animal are needed"):
        staircases(np.zeros((1, 8)), MOUSE, 4)
    with pytest.raises(RecordError, match="trials per animal"):
        staircases(np.zeros((1, 9)), MOUSE, -1)


@pytest.mark.parametrize(
    ("forces", "start", "below", "above"),
    [
        ((1.0, 2.0), 1.0, 0.5, 2.0),
        ((1.0, 2.0, 2.0), 1.0, 0.5, 2.0),
        ((3.0, 2.0, 1.0), 1.0, 0.5, 2.0),
        ((0.0, 1.0, 2.0), 1.0, 0.5, 2.0),
        ((1.0, 2.0, math.nan), 1.0, 0.5, 2.0),
        ((1.0, 2.0, math.inf), 1.0, 0.5, 2.0),
        ((1.0, 2.0, 3.0), 1.5, 0.5, 3.0),
        ((1.0, 2.0, 3.0), 1.0, 3.0, 3.0),
        ((1.0, 2.0, 3.0), 1.0, math.nan, 3.0),
    ],
)
def test_impossible_sets(forces: tuple[float, ...], start: float, below: float, above: float) -> None:
    with pytest.raises(RecordError):
        FilamentSet(forces, start, below, above)
