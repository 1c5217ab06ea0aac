"""Numbers of a sweep's runs: scalars, windows of series, percent of the maximal possible effect; ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abm.analysis.sensitivity import Measure, Sensitivity
from abm.analysis.windows import mean_where_defined
from abm.record.shards import ShardWriter
from abm.record.sweep_layout import COMPLETE, ShardRow
from abm.sweep.manifest import SHARDS, Manifest
from abm.sweep.plan import plan_sweep
from abm.sweep.quantity import NotAnalysableError, Quantity, values_of
from abm.sweep.rank import rank
from abm.sweep.run import find
from abm.view.canvas import house_style
from abm.view.sweep import Input, draw_sensitivity_map, draw_surface
from tests.sweeps import write_sweep

MISSING_RUN = 3
HOUR = 1.0 / 24.0


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A planned sweep with rows written by hand; one run is missing.

    Replicate r of the arm without cells has the thresholds 10 + r, then 4 + r; cells of the n-th dose give
    3 n back, so that their effect is n times 50 % of the maximum.  The n-th arm, dose and replicate can be
    read off the cytokines as well.
    """
    folder = tmp_path_factory.mktemp("sweep")
    planned = plan_sweep(write_sweep(folder), folder / "out").manifest
    declared = planned.declaration
    with ShardWriter.create(planned.folder / SHARDS, declared, "{}") as shard:
        for run in range(planned.n_run):
            if run != MISSING_RUN:
                shard.append(_row(planned, run))
    return planned


def _row(manifest: Manifest, run: int) -> ShardRow:
    _, arm, replicate = manifest.where(run)
    dose = int(np.log10(manifest.parameters_of(run)[0])) - 4 if arm == "cells" else 0
    threshold = np.array([10.0, 4.0, 4.0, 4.0]) + replicate
    threshold[1:] += 3.0 * dose
    shape = manifest.declaration.data_sets()["series/cytokine_mean"].shape
    return ShardRow(
        id=manifest.ids[run : run + 1].tobytes(),
        status=COMPLETE,
        replicate=replicate,
        seed=11,
        parameters=manifest.parameters_of(run),
        summary={"pain_area": 10.0 - dose - replicate},
        series={
            "withdrawal_threshold": threshold,
            "cytokine_mean": np.broadcast_to(np.arange(shape[1]) + 100.0 * np.arange(4)[:, None], shape),
        },
    )


def values(manifest: Manifest, name: str, **how: object) -> np.ndarray:
    return values_of(manifest, find(manifest), Quantity(name, **how))  # type: ignore[arg-type]


def test_a_scalar_of_an_arm_and_against_another(manifest: Manifest) -> None:
    assert manifest.where(MISSING_RUN)[1:] == ("cells", 1)
    found = values(manifest, "pain_area", arm="cells")
    np.testing.assert_array_equal(found[:, 0], [10.0, 10.0, 9.0, 9.0, 8.0, 8.0])
    assert np.argwhere(np.isnan(found)).tolist() == [[0, 1]]
    paired = values(manifest, "pain_area", arm="cells", against="cci")
    np.testing.assert_array_equal(paired[1:], [[0, 0], [-1, -1], [-1, -1], [-2, -2], [-2, -2]])


def test_the_mean_of_a_series_over_a_window(manifest: Manifest) -> None:
    # Linear from 10 to 4 in the first two hours.
    whole = values(manifest, "withdrawal_threshold", arm="cci")
    np.testing.assert_allclose(whole[:, 0], (7.0 * 2 + 4.0 * 4) / 6)
    early = values(manifest, "withdrawal_threshold", arm="cci", end=HOUR)
    np.testing.assert_allclose(early, [[8.5, 9.5]] * 6)
    since = values(manifest, "withdrawal_threshold", arm="cci", start=0.0, end=HOUR, since="hour")
    np.testing.assert_allclose(since[:, 0], [5.5, 4.0] * 3)


def test_percent_of_the_maximal_possible_effect_after_the_dose(manifest: Manifest) -> None:
    # Undefined before the second hour, where the vehicle feels no pain yet: that part does not count.
    found = values(
        manifest,
        "withdrawal_threshold",
        arm="cells",
        against="cci",
        mpe=True,
        start=0.0,
        end=2 * HOUR,
        since="hour",
    )
    np.testing.assert_allclose(found[:, 0], [0.0, 0.0, 50.0, 50.0, 100.0, 100.0], atol=1e-9)
    np.testing.assert_allclose(found[1:, 1], found[1:, 0])


def test_one_label_of_a_series(manifest: Manifest) -> None:
    labels = [str(label) for label in manifest.declaration.dimensions[0].labels]
    found = values(manifest, f"cytokine_mean/{labels[2]}", arm="cci", start=2 * HOUR, end=2 * HOUR)
    np.testing.assert_array_equal(found, 102.0)


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("pain_are", {"arm": "cells"}, "did you mean 'pain_area'?"),
        ("pain_area", {}, "say which arm"),
        ("pain_area", {"arm": "sells"}, "did you mean 'cells'?"),
        ("pain_area", {"arm": "cells", "end": 1.0}, "windows are for series"),
        ("cytokine_mean", {"arm": "cells"}, "write it as cytokine_mean/CYTOKINE"),
        ("cytokine_mean/IL-1", {"arm": "cells"}, "did you mean 'IL-1b'?"),
        ("withdrawal_threshold", {"arm": "cells", "end": 1.0}, "the series from day 0 to 0.25"),
        (
            "withdrawal_threshold",
            {"arm": "cells", "start": 0.2, "end": 0.1},
            "the window is from day 0.2 to 0.1",
        ),
        ("withdrawal_threshold", {"arm": "cells", "since": "our"}, "did you mean 'hour'?"),
        ("withdrawal_threshold", {"arm": "cells", "since": "dose"}, "its values are no times, e.g. 10000"),
        ("withdrawal_threshold", {"arm": "cells", "mpe": True}, "--against ARM"),
        ("pain_area", {"arm": "cells", "against": "cci", "mpe": True}, "--of withdrawal_threshold"),
    ],
)
def test_what_cannot_be_asked(manifest: Manifest, name: str, how: dict[str, object], said: str) -> None:
    with pytest.raises(NotAnalysableError) as caught:
        values(manifest, name, **how)
    assert said in str(caught.value)


def test_labels_say_what_when_and_against_what(manifest: Manifest) -> None:
    relief = Quantity("withdrawal_threshold", "cells", "cci", True, 0.0, 14.0, "hour")
    assert (
        relief.label(manifest)
        == "maximal possible effect [%], cells against CCI, mean over 0 d to 14 d from hour on"
    )
    assert Quantity("pain_area", "cells").label(manifest) == "pain area [d], cells"


def test_rank_names_the_ends_and_a_typical_run(manifest: Manifest) -> None:
    ends = rank(manifest, find(manifest), Quantity("pain_area", "cells"), 2)
    assert [(one.mean, one.replicates) for one in ends["lowest"]] == [(7.5, 2), (7.5, 2)]
    first = ends["highest"][0]
    assert manifest.where(first.run) == (first.point, "cells", 0)
    assert (first.mean, first.replicates) == (10.0, 1) and np.isnan(first.low)


def test_rank_of_a_sweep_without_results(tmp_path: Path) -> None:
    planned = plan_sweep(write_sweep(tmp_path), tmp_path / "out").manifest
    with pytest.raises(NotAnalysableError, match="no complete run"):
        rank(planned, find(planned), Quantity("pain_area", "cells"), 2)


def test_mean_over_the_defined_part_of_a_window() -> None:
    time = np.array([0.0, 1.0, 2.0, 4.0])
    courses = np.array([[0.0, 2.0, 2.0, 0.0], [np.nan, 2.0, 4.0, 4.0], [np.nan] * 4])
    np.testing.assert_allclose(mean_where_defined(time, courses, 0.0, 4.0), [5 / 4, 11 / 3, np.nan])
    np.testing.assert_allclose(mean_where_defined(time, courses, 2.0, 2.0), [2.0, 4.0, np.nan])
    np.testing.assert_allclose(mean_where_defined(time, courses, 0.5, 1.5), [1.75, 2.5, np.nan])


# ------------------------------------------------------------------------------------------------- figures


def written(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]  # type: ignore[attr-defined]


def test_cells_of_a_surface_show_mean_and_interval() -> None:
    results = np.zeros((3, 2, 2))
    results[0, 1] = 9.0, 11.0
    results[2, 0] = np.nan
    x, y = Input("day [d]", np.array([0.0, 4.0, 7.0])), Input("dose", np.array([1e4, 2.5e5]))
    with house_style():
        figure = draw_surface(x, y, results, "effect [%], mean from 0 d to 4 d", None)
    texts = written(figure)
    assert len(texts) == 5 and "10\n± 13" in texts and texts.count("0") == 4
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["10⁴", "2.5×10⁵"]
    assert axes.get_title(loc="left") == "Mean from 0 d to 4 d"
    assert figure.axes[1].get_ylabel() == "effect [%]"


def test_a_large_surface_is_not_written_into() -> None:
    many = Input("x", np.arange(20.0))
    assert written(draw_surface(many, many, np.zeros((20, 20, 2)), "effect", 0.5)) == []


def test_heat_map_shows_shares() -> None:
    effects = [np.array([4.0, 1.0]), np.array([0.0, 10.0])]
    found = {
        name: Sensitivity((Measure("mean |effect|", value, value, value),), 8, 8)
        for name, value in zip(("area [d]", "threshold [g]"), effects, strict=True)
    }
    figure = draw_sensitivity_map(["half-life", "radius"], found)
    assert written(figure) == ["1.00", "0.25", "0.00", "1.00"]
