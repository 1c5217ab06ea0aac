"""Pair correlation, radial profiles, dose and response: against patterns and files with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abm.analysis.dose_response import dose_responses, given_to, mean_after
from abm.analysis.experiment import Dose, Experiment
from abm.analysis.groups import group_runs
from abm.analysis.pair_correlation import Window, pair_correlation
from abm.analysis.radial import Rings, along_line, centre_of, radius_of
from abm.record import open_run
from tests import recorded_runs
from tests.recorded_runs import Plan, threshold, write_experiment, write_run

EDGES = np.linspace(0.0, 200.0, 21)
MIDDLE = 0.5 * (EDGES[1:] + EDGES[:-1])


def square(side: float = 1000.0, voxels: int = 50) -> Window:
    return Window(np.ones((voxels, voxels), bool), (side / voxels, side / voxels))


def ring_window() -> Window:
    """A ring: far from convex, so that a wrong correction shows."""
    y, x = np.meshgrid(np.arange(100) + 0.5, np.arange(100) + 0.5, indexing="ij")
    r = np.hypot(x - 50, y - 50)
    return Window((r < 48) & (r > 30), (10.0, 10.0))


def scatter(window: Window, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points by chance in a window, columns x, y."""
    size = np.array(window.mask.shape[::-1]) * window.spacing[::-1]
    points = rng.uniform(0, 1, (20 * count, 2)) * size
    voxel = np.floor(points / window.spacing[::-1]).astype(int)
    return points[window.mask[voxel[:, 1], voxel[:, 0]]][:count]


@pytest.mark.parametrize("window", [square(), ring_window()], ids=["square", "ring"])
def test_points_by_chance_have_g_of_one_up_to_the_edges(window: Window) -> None:
    rng = np.random.default_rng(3)
    repeats = np.array([pair_correlation(scatter(window, 400, rng), window, EDGES) for _ in range(40)])
    error = repeats.std(axis=0) / np.sqrt(len(repeats))
    np.testing.assert_array_less(np.abs(repeats.mean(axis=0) - 1.0), 4.0 * error + 0.012)
    # Without the correction it would fall far below 1 in the ring.
    assert window.covariance(np.array([200.0]))[0] < 0.85 * window.content


def test_covariance_of_a_square_is_the_known_one() -> None:
    """Isotropised: a² - 4 a r / π + r² / π for r below the side a."""
    r = np.array([50.0, 100.0, 200.0, 400.0])
    known = 1000.0**2 - 4.0 * 1000.0 * r / np.pi + r**2 / np.pi
    np.testing.assert_allclose(square(voxels=100).covariance(r), known, rtol=0.005)


def test_clusters_have_the_known_g() -> None:
    """Thomas process: g(r) = 1 + exp(-r² / 4σ²) / (4 π κ σ²), with κ parents per area and offspring at σ."""
    rng = np.random.default_rng(4)
    side, sigma, parents = 1000.0, 20.0, 60
    kappa = parents / (side + 400.0) ** 2
    repeats = []
    for _ in range(60):
        centres = rng.uniform(-200.0, side + 200.0, (rng.poisson(parents), 2))
        children = [c + rng.normal(0, sigma, (rng.poisson(10), 2)) for c in centres]
        points = np.vstack(children)
        points = points[((points >= 0) & (points < side)).all(axis=1)]
        repeats.append(pair_correlation(points, square(side), EDGES))
    mean, error = np.mean(repeats, axis=0), np.std(repeats, axis=0) / np.sqrt(len(repeats))
    known = 1.0 + np.exp(-(MIDDLE**2) / (4 * sigma**2)) / (4 * np.pi * kappa * sigma**2)
    np.testing.assert_array_less(np.abs(mean - known), 4.0 * error + 0.03 * known)
    assert mean[0] > 5.0


def test_a_lattice_has_no_near_neighbours() -> None:
    x, y = np.meshgrid(np.arange(25, 1000, 50.0), np.arange(25, 1000, 50.0))
    g = pair_correlation(np.column_stack([x.ravel(), y.ravel()]), square(), np.array([0.0, 45.0, 55.0]))
    assert g[0] == 0.0 and g[1] > 1.5


def test_points_by_chance_in_a_block() -> None:
    rng = np.random.default_rng(5)
    window = Window(np.ones((20, 30, 30), bool), (20.0, 20.0, 20.0))
    edges = np.linspace(0.0, 150.0, 6)
    repeats = [
        pair_correlation(rng.uniform(0, 1, (600, 3)) * [600, 600, 400], window, edges) for _ in range(20)
    ]
    error = np.std(repeats, axis=0) / np.sqrt(20)
    np.testing.assert_array_less(np.abs(np.mean(repeats, axis=0) - 1.0), 4.0 * error + 0.03)


def test_pairs_are_counted_once_whatever_their_order() -> None:
    points = np.random.default_rng(6).uniform(0, 1000, (1000, 2))
    g = pair_correlation(points, square(), EDGES)
    np.testing.assert_allclose(pair_correlation(points[::-1], square(), EDGES), g)
    distance = np.hypot(*(points[:, None] - points[None]).T)
    counts = np.histogram(distance[np.triu_indices(1000, 1)], EDGES)[0]
    expected = 1000 * 999 / 1e12 * np.pi * np.diff(EDGES**2) * square().covariance(MIDDLE)
    np.testing.assert_allclose(g, 2 * counts / expected)


def test_fewer_than_two_points_have_none() -> None:
    assert np.isnan(pair_correlation(np.zeros((1, 2)), square(), EDGES)).all()


# ------------------------------------------------------------------------------------- distance, time


@pytest.mark.parametrize("layers", [1, 4])
def test_rings_around_the_site(tmp_path: Path, layers: int) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(layers=layers))
    with open_run(path) as run:
        np.testing.assert_allclose(centre_of(run, "site"), [800.0, 1000.0])
        assert radius_of(run, "site") == pytest.approx(400.0, rel=0.03)
        rings = Rings(run, "site")
        assert rings.area.sum() == pytest.approx(run.tissue[0].sum() * 2500.0)
        profile = rings.mean(run.field("TNF-a", -1).values)
        high = 50.0 + 100.0 * (1 - np.exp(-8.0))
        np.testing.assert_allclose(profile[rings.middle < 340], high, rtol=1e-5)
        np.testing.assert_allclose(profile[rings.middle > 460], 50.0, rtol=1e-5)


def test_density_counts_only_tissue(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci")
    with open_run(path) as run:
        rings = Rings(run, "site")
        y, x = np.meshgrid(run.coordinate("y"), run.coordinate("x"), indexing="ij")
        inside = run.tissue[0]
        # One point in every voxel of tissue.
        np.testing.assert_allclose(rings.density(x[inside], y[inside]), 1e6 / 2500.0)


def test_line_through_the_site_over_time(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci")
    with open_run(path) as run:
        line = along_line(run, "TNF-a", "site")
        true = run.field("TNF-a", 5).values[0, 19]
    assert line.shape == (9, 40)
    np.testing.assert_allclose(line[5], true, rtol=1e-6)


# ------------------------------------------------------------------------------------- dose, response


def test_doses_of_the_same_thing_add_up() -> None:
    doses = (
        Dose(4.0, "250000 living msc intrathecal"),
        Dose(9.0, "1e+06 living msc intrathecal", 1.0000004e6, "cells"),
        Dose(5.0, "10 ng TGF-b1 intrathecal"),
        Dose(6.0, "clodronate begins"),
    )
    cells, protein = given_to(Experiment(doses=doses))
    assert (cells.what, cells.amount, cells.unit, cells.day) == ("msc", 1.2500004e6, "cells", 4.0)
    assert (protein.what, protein.amount, protein.unit, protein.day) == ("TGF-b1", 10.0, "ng", 5.0)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for arm, dose in (("low", 1e4), ("high", 1e6)):
        text = f"{dose:g} living msc intrathecal"
        given = (2.0, text, f"inject_cells: {{type: msc, dose: {dose:g}, at: 2 d}}")
        monkeypatch.setitem(recorded_runs.TREATMENTS, arm, given)
    return write_experiment(tmp_path / "study", ["cci", "low", "high", "cci_tgfb1"], (0, 1))


def test_responses_by_dose(study: Path) -> None:
    with group_runs(study) as groups:
        found = dose_responses(groups, "withdrawal_threshold")
    assert set(found) == {("msc", "cells"), ("TGF-b1", "ng")}
    rows = found["msc", "cells"]
    assert [(row.arm, row.amount) for row in rows] == [("cci", 0.0), ("low", 1e4), ("high", 1e6)]
    days = np.arange(48, 193) / 24
    for row in rows:
        expected = [np.trapezoid(threshold(row.arm, r, days), days) / 6.0 for r in (0, 1)]
        np.testing.assert_allclose(row.values, expected)


def test_mean_after_a_day(study: Path) -> None:
    from abm.analysis.curves import Curves
    from abm.errors import RecordError

    curves = Curves(np.array([0.0, 1.0, 3.0]), np.array([[0.0, 2.0, 4.0]]), (0,), "g")
    assert mean_after(curves, 1.0).tolist() == [3.0]
    assert mean_after(curves, 3.0).tolist() == [4.0]
    with pytest.raises(RecordError, match="after day 4"):
        mean_after(curves, 4.0)
