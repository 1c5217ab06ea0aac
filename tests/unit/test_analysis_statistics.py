"""Student's t intervals over replicates, and the tables they are printed in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abm.analysis.statistics import mean_interval, t_quantile
from abm.analysis.tables import Table, interval_text, number


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 7, 10, 29, 30, 99, 100, 1000])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99, 0.999])
def test_quantile_of_t(level: float, freedom: int) -> None:
    assert t_quantile(level, freedom) == pytest.approx(stats.t.ppf(0.5 + 0.5 * level, freedom), rel=1e-10)


@pytest.mark.parametrize(("level", "freedom"), [(0.0, 3), (1.0, 3), (0.95, 0)])
def test_impossible_quantiles_are_refused(level: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="allowed"):
        t_quantile(level, freedom)


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).normal(5.0, 2.0, (4, 6))
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, 3, values.mean(axis=0), stats.sem(values, axis=0))
    np.testing.assert_allclose(found.mean, values.mean(axis=0))
    np.testing.assert_allclose(found.low, low)
    np.testing.assert_allclose(found.high, high)


def test_one_replicate_has_no_interval() -> None:
    found = mean_interval([[1.0, 2.0]])
    np.testing.assert_array_equal(found.mean, [1.0, 2.0])
    assert np.isnan(found.low).all() and np.isnan(found.high).all()
    assert not found.exists


def test_missing_values_are_left_out_where_they_are_missing() -> None:
    found = mean_interval([[1.0, 4.0, np.nan], [3.0, np.nan, np.nan]])
    np.testing.assert_array_equal(found.mean, [2.0, 4.0, np.nan])
    np.testing.assert_array_equal(found.n, [2, 1, 0])
    assert found.high[0] == pytest.approx(2.0 + 12.7062047 * 1.0)
    assert np.isnan(found.high[1:]).all()


def test_equal_replicates_have_an_interval_of_no_width() -> None:
    found = mean_interval([2.0, 2.0, 2.0])
    assert (float(found.low), float(found.high)) == (2.0, 2.0)


def test_coverage_of_the_interval() -> None:
    """Of 20,000 intervals of three normal values 95 % hold the mean; 5 sigma: false alarm 6e-7."""
    values = np.random.default_rng(2015).normal(size=(3, 20_000))
    found = mean_interval(values)
    share = ((found.low < 0.0) & (found.high > 0.0)).mean()
    assert abs(share - 0.95) < 5.0 * math.sqrt(0.95 * 0.05 / 20_000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-2.5, "−2.5"),
        (-3461.2, "−3461"),
        (250000.0, "250000"),
        (2.5e8, "2.5e+08"),
        (math.nan, "–"),
        (0.0, "0"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5], "0.5"),
        ([2.0, 2.0], "2"),
        ([1.2, 1.2 - 1e-9], "1.2"),
        ([0.50, 0.54, 0.58], "0.540 ± 0.099"),
        ([10.0, 20.0, 30.0], "20 ± 25"),
        ([-1.0, -1.1, -1.2], "−1.10 ± 0.25"),
    ],
)
def test_mean_and_half_width_have_matching_digits(values: list[float], text: str) -> None:
    assert interval_text(mean_interval(values)) == text


def test_table_as_text_and_markdown() -> None:
    table = Table(["arm", "z"], [["cci", "−1.25"], ["a|b", "2"]], "<>", ["A note."])
    assert table.as_text().splitlines() == ["arm      z", "---  -----", "cci  −1.25", "a|b      2", "A note."]
    assert table.as_markdown() == "| arm | z |\n|---|---:|\n| cci | −1.25 |\n| a\\|b | 2 |\n\nA note.\n"
