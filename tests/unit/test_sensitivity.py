"""Sensitivity indices against functions whose indices are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.analysis.sensitivity import (
    FIRST,
    MEAN,
    MEAN_STAR,
    SPREAD,
    TOTAL,
    morris_effects,
    sobol_indices,
)
from abm.sweep.design import trajectories, unit_points
from abm.sweep.schema import Sample

A, B = 7.0, 0.1


def ishigami(u: np.ndarray) -> np.ndarray:
    x = math.pi * (2.0 * u - 1.0)
    return np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])


def known_indices() -> tuple[np.ndarray, np.ndarray]:
    """First-order and total indices of the Ishigami function in closed form."""
    first = np.array([0.5 * (1.0 + B * math.pi**4 / 5.0) ** 2, A**2 / 8.0, 0.0])
    both = B**2 * math.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    variance = first.sum() + both
    return first / variance, (first + both * np.array([1.0, 0.0, 1.0])) / variance


def test_sobol_indices_of_ishigami() -> None:
    points = unit_points(["a", "b", "c"], Sample(method="sobol", points=4096, indices=True), seed=1)
    found = sobol_indices(ishigami(points), 3)
    first, total = known_indices()
    np.testing.assert_allclose(first, [0.3139, 0.4424, 0.0], atol=1e-4)
    np.testing.assert_allclose(found[FIRST].value, first, atol=0.02)
    np.testing.assert_allclose(found[TOTAL].value, total, atol=0.02)
    for measure, truth in ((found[FIRST], first), (found[TOTAL], total)):
        assert (measure.low <= truth + 0.005).all() and (truth - 0.005 <= measure.high).all()
        assert (measure.low <= measure.value).all() and (measure.value <= measure.high).all()


def test_intervals_shrink_with_points() -> None:
    widths = []
    for points in (128, 2048):
        sample = Sample(method="sobol", points=points, indices=True)
        found = sobol_indices(ishigami(unit_points(["a", "b", "c"], sample, 2)), 3)[FIRST]
        widths.append((found.high - found.low).max())
    assert widths[1] < 0.5 * widths[0]


def test_a_shift_of_the_result_changes_no_index() -> None:
    points = unit_points(["a", "b", "c"], Sample(method="sobol", points=256, indices=True), seed=1)
    one, other = (sobol_indices(ishigami(points) + shift, 3)[FIRST].value for shift in (0.0, 1e3))
    np.testing.assert_allclose(one, other, atol=1e-8)


def test_missing_runs_cost_their_base_point() -> None:
    points = unit_points(["a", "b", "c"], Sample(method="sobol", points=256, indices=True), seed=1)
    results = ishigami(points)
    results[[3, 3 + 256, 700]] = np.nan
    found = sobol_indices(results, 3)
    assert (found.used, found.given) == (254, 256)
    with pytest.raises(ValueError, match="only 0 base points"):
        sobol_indices(np.full(15, np.nan), 3)


def test_morris_of_a_linear_function_is_exact() -> None:
    points = trajectories(3, 10, 4, np.random.default_rng(5))
    found = morris_effects(points @ np.array([2.0, -3.0, 0.0]), points)
    np.testing.assert_allclose(found[MEAN].value, [2.0, -3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found[MEAN_STAR].value, [2.0, 3.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found[SPREAD].value, 0.0, atol=1e-12)


def test_morris_sees_interaction_as_spread() -> None:
    points = trajectories(3, 3000, 4, np.random.default_rng(5))
    found = morris_effects(points[:, 0] + 4.0 * points[:, 1] * points[:, 2], points)
    # The effect of the second input is four times the third, which is 0, 1/3, 2/3 or 1.
    np.testing.assert_allclose(
        found[SPREAD].value, [0.0, 4.0 * math.sqrt(5.0) / 6.0, 4.0 * math.sqrt(5.0) / 6.0], atol=0.05
    )
    np.testing.assert_allclose(found[MEAN].value, [1.0, 2.0, 2.0], atol=0.1)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(50):
        points = trajectories(2, 40, 4, np.random.default_rng(seed))
        mean = morris_effects(4.0 * points[:, 0] * points[:, 1], points)[MEAN]
        held += int(((mean.low <= 2.0) & (mean.high >= 2.0)).sum())
    assert 86 <= held <= 100
