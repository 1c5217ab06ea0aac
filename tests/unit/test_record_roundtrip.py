"""What is written comes back to the bit, with names, labels and units."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import Column, Dimension, Run, RunWriter, Series, open_run
from tests.reference.recorded_run import (
    CYTOKINES,
    SHAPE,
    TICKS,
    assert_same_arrays,
    cells,
    check,
    declaration,
    field,
    readout,
    record,
    state,
    written,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # More readouts than one chunk of series (128) and more cells than one chunk of the table (4096).
    return written(tmp_path_factory.mktemp("record") / "run.h5", 150)


def opened(path: Path) -> Run:
    return open_run(path)


def test_everything_comes_back(path: Path) -> None:
    with opened(path) as run:
        assert check(run) == 150
        assert run.checkpoint_ticks == [119 * TICKS, 139 * TICKS]
        assert_same_arrays(run.checkpoint().arrays, state(139 * TICKS))


def test_description_of_the_run(path: Path) -> None:
    with opened(path) as run:
        assert (run.title, run.arm, run.replicate, run.seed) == ("Contrôle, 20 µm", "cci", 3, 2015)
        assert (run.status, run.status_message, run.is_being_written) == ("complete", "", False)
        assert (run.tick_minutes, run.format_version) == (2.0, 1)
        assert run.scenario_text == "title: Contrôle\nspacing: 20 µm\n"
        assert json.loads(run.provenance) == {"abm": "0.1.0", "threads": 2}
        assert run.summary["peak"].value == 1.5
        assert (run.summary["peak"].unit, run.summary["peak"].description) == ("g", "highest")
        assert np.isnan(run.summary["onset"].value)


def test_series_carry_labels_and_units(path: Path) -> None:
    with opened(path) as run:
        series = run.series("threshold")
        assert (series.dims, series.unit, series.long_name) == (
            ("time", "region"),
            "g",
            "paw-withdrawal threshold",
        )
        assert list(series.labels["region"]) == ["site", "opposite"]
        site = series.at(region="opposite")
        assert site.dims == ("time",)
        np.testing.assert_array_equal(site.values, -np.arange(150) / 3)
        np.testing.assert_array_equal(site.time, run.time)
        assert run.series("nociception_quantile").at(quantile=0.5).values[7] == 2.0
        assert run.series("level").values.shape == (150, 0, 3)
        assert run.series("divided").values.dtype == np.int64
        assert run.series("budget/sourced").unit == "fg"
        assert set(run.series_names) == set(readout(0))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda run: run.series("pain"), "no series 'pain'; there are .*threshold"),
        (lambda run: run.series("readout/sourced"), "no series 'readout/sourced'"),
        (
            lambda run: run.series("threshold").at(region="brain"),
            "no region 'brain'; there are site, opposite",
        ),
        (lambda run: run.series("threshold").at(organ="x"), "no dimension 'organ'; it has time, region"),
        (lambda run: run.frame(99), "no frame of cells number 99; there are 30, from 0"),
        (lambda run: run.frame(0, columns=["id", "size"]), "no column 'size'; there are .*phenotype"),
        (lambda run: run.field("IL-2", 0), "no field 'IL-2'; there are IL-1b, TNF-a, IL-10"),
        (lambda run: run.checkpoint(7), "no checkpoint of tick 7"),
        (lambda run: run.to_xarray("movies"), "no group 'movies'; there are .*readout"),
    ],
)
def test_asking_for_what_is_not_there(path: Path, ask: object, message: str) -> None:
    with opened(path) as run, pytest.raises(RecordError, match=message):
        ask(run)  # type: ignore[operator]


def test_frames_of_cells(path: Path) -> None:
    with opened(path) as run:
        frame = run.frame(time=0.5)  # day 0.5 lies nearer to readout 10 (0.417 d) than to 15 (0.625 d)
        assert frame.tick == 10 * TICKS
        assert run.frame(-1).tick == 145 * TICKS
        wanted = cells(10)
        assert len(frame) == len(wanted["id"])
        assert frame.units["x"] == "um"
        assert list(frame.names("type")[:2]) == ["microglia", "neuron"]
        dead = frame.where(type="neuron", status="dead")
        np.testing.assert_array_equal(
            dead["id"], wanted["id"][(wanted["type"] == 1) & (wanted["status"] == 1)]
        )
        assert set(run.frame(1, columns=["id"]).columns) == {"id"}
        with pytest.raises(ValueError, match="either an index or time"):
            run.frame()


def test_fields_and_maps(path: Path) -> None:
    with opened(path) as run:
        frame = run.field("TNF-a", time=100.0)
        assert (frame.tick, frame.unit, frame.values.dtype) == (148 * TICKS, "pg/ml", np.float32)
        assert run.cytokines == list(CYTOKINES)
        assert list(run.coordinate("y")) == [10.0, 30.0, 50.0, 70.0, 90.0, 110.0]
        assert run.tissue.all() and run.tissue.shape == SHAPE
        assert run.regions["site"].sum() == 8 and run.regions["opposite"].sum() == 52
        np.testing.assert_array_equal(run.weights["injury 0"], run.regions["site"] * np.float32(0.25))


def test_nothing_recorded_yet(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run.h5", declaration()) as writer, opened(writer.path) as run:
        assert len(run.time) == len(run.frame_times) == 0
        assert run.series("threshold").values.shape == (0, 2)
        assert run.summary == {} and run.events == []
        with pytest.raises(RecordError, match="holds no frame of fields"):
            run.field("IL-10", 0)
        with pytest.raises(RecordError, match="holds no checkpoint"):
            run.checkpoint()


def test_no_regions_and_no_weights(tmp_path: Path) -> None:
    given = declaration()
    fields = type(given.fields)(CYTOKINES, given.fields.x, given.fields.y, given.fields.z)
    with RunWriter.create(tmp_path / "run.h5", declaration(fields=fields)) as writer:
        record(writer, 0, 5)
    with opened(writer.path) as run:
        assert run.regions == {} and run.weights == {}
        assert check(run) == 5


def test_fields_larger_than_a_chunk(tmp_path: Path) -> None:
    """A field of 1.2 MB is cut along z; the last part is smaller than the others."""
    shape = (7, 200, 220)
    given = declaration()
    fields = type(given.fields)(("A", "B"), *(np.arange(float(n)) for n in shape[::-1]))
    values = np.random.default_rng(5).random((2, *shape))
    with RunWriter.create(tmp_path / "run.h5", declaration(fields=fields)) as writer:
        writer.append_fields(0, values)
        writer.append_fields(1, values + 1)
    with opened(writer.path) as run:
        np.testing.assert_array_equal(run.field("B", 0).values, values[1].astype("f4"))
        np.testing.assert_array_equal(run.field("A", 1).values, (values[0] + 1).astype("f4"))


def test_rounded_fields_say_so(tmp_path: Path) -> None:
    given = declaration()
    fields = type(given.fields)(
        CYTOKINES, given.fields.x, given.fields.y, given.fields.z, significant_bits=10
    )
    with RunWriter.create(tmp_path / "run.h5", declaration(fields=fields)) as writer:
        writer.append_fields(0, field(3))
    with opened(writer.path) as run:
        stored = run.field("IL-10", 0).values
    exact = field(3)[2].astype(np.float32)
    assert 0 < np.max(np.abs(stored - exact) / exact) <= 2.0**-11
    with h5py.File(writer.path) as file:
        assert file["fields/concentration"].attrs["significant_bits"] == 10
        assert "4.9e-04" in file["fields/concentration"].attrs["comment"]


def test_the_writer_knows_what_it_recorded(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path / "run.h5", declaration()) as writer:
        record(writer, 0, 140)
        days, threshold = writer.recorded("threshold")
        np.testing.assert_array_equal(days, np.arange(140) * TICKS * 2.0 / 1440.0)
        np.testing.assert_array_equal(threshold, [readout(k)["threshold"] for k in range(140)])
        assert 0 < writer.seconds < 60


def test_resume_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter.create(path, declaration()) as writer:
        record(writer, 0, 47)
        writer.finish("interrupted", "Ctrl-C")
    with opened(path) as run:
        assert (run.status, run.status_message) == ("interrupted", "Ctrl-C")
    writer, saved = RunWriter.resume(path)
    with writer:
        assert saved.tick == 39 * TICKS
        with opened(path) as run:
            assert check(run) == 40
            assert (run.status, run.status_message, run.is_being_written) == ("running", "", True)
        record(writer, 40, 70)
        writer.finish()
    with opened(path) as run:
        assert check(run) == 70
        assert run.status == "complete"


def test_resume_from_the_older_checkpoint(tmp_path: Path) -> None:
    path = written(tmp_path / "run.h5", 70, finish=False)
    writer, saved = RunWriter.resume(path, tick=39 * TICKS)
    with writer:
        assert saved.tick == 39 * TICKS
    with opened(path) as run:
        assert check(run) == 40
        # The younger one lies beyond the end of the data now.
        assert run.checkpoint_ticks == [39 * TICKS]


def test_a_checkpoint_taken_before_the_readout_of_its_tick(tmp_path: Path) -> None:
    """What is cut at resume follows from what had been appended, not from comparing ticks."""
    path = tmp_path / "run.h5"
    with RunWriter.create(path, declaration()) as writer:
        record(writer, 0, 10)
        writer.save_checkpoint(10 * TICKS, state(10 * TICKS))
        record(writer, 10, 15)
    writer, _ = RunWriter.resume(path)
    with writer:
        record(writer, 10, 15)
    with opened(path) as run:
        assert check(run) == 15


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda w: w.append_readout(0, {"nociception": 1.0}), "missing .*'threshold'"),
        (lambda w: w.append_readout(0, readout(0) | {"pain": 1.0}), r"undeclared \['pain'\]"),
        (lambda w: w.append_readout(0, readout(0) | {"threshold": 1.0}), r"shape \(\), declared \(2,\)"),
        (lambda w: w.append_cells(0, {"id": np.arange(3)}), "missing .*'phenotype'"),
        (lambda w: w.append_cells(0, cells(1) | {"x": np.zeros(2)}), "unequal shapes"),
        (lambda w: w.append_fields(0, np.zeros((3, 1, 1, 1))), "shape .* declared"),
        (lambda w: w.save_checkpoint(0, {"a": np.array([None])}), "dtype object"),
        (lambda w: w.finish("done"), "status 'done', allowed"),
    ],
)
def test_what_was_not_declared_is_refused_whole(tmp_path: Path, act: object, message: str) -> None:
    with RunWriter.create(tmp_path / "run.h5", declaration()) as writer:
        record(writer, 0, 3)
        with pytest.raises(ValueError, match=message):
            act(writer)  # type: ignore[operator]
        record(writer, 3, 6)
    with opened(writer.path) as run:
        assert check(run) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"series": [Series("a b")]}, "a name is a letter"),
        ({"series": [Series("a/b")]}, "a name is a letter"),
        ({"series": [Series("a"), Series("a", group="budget")]}, "declared twice"),
        ({"series": [Series("time")]}, "reserved"),
        ({"series": [Series("a", group="fields")]}, "group 'fields', allowed"),
        ({"series": [Series("a", ("organ",))]}, r"undeclared dimensions \['organ'\]"),
        ({"series": [Series("region")]}, "both a series and a dimension"),
        ({"dimensions": [Dimension("tick", ("a",))], "series": []}, "reserved"),
    ],
)
def test_faulty_declarations_leave_no_file(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunWriter.create(tmp_path / "run.h5", declaration(**changes))
    assert list(tmp_path.iterdir()) == []


def test_faulty_columns_leave_no_file(tmp_path: Path) -> None:
    table = declaration().cells
    double = type(table)([Column("id")], table.types, table.phenotypes, table.statuses)
    with pytest.raises(ValueError, match="'id' is declared twice"):
        RunWriter.create(tmp_path / "run.h5", declaration(cells=double))
    assert list(tmp_path.iterdir()) == []


def test_overview_names_what_is_inside(path: Path, tmp_path: Path) -> None:
    with opened(path) as run:
        text = run.describe()
    for part in (
        "arm cci, replicate 3, seed 2015",
        "status      complete",
        "150 times, 0 to 6.20833 d",
        "IL-1b, TNF-a, IL-10",
        "5 x 6 x 2 voxels, spacing 20 um",
        "peak   1.5 g",
        "threads: 2",
    ):
        assert part in text
    killed = written(tmp_path / "killed.h5", 30, finish=False)
    with opened(killed) as run:
        assert "stopped without finishing (killed?); continue it with `abm resume`" in run.describe()
    fresh = written(tmp_path / "fresh.h5", 3, finish=False)
    with opened(fresh) as run:
        assert "it has no checkpoint; run it again" in run.describe()
