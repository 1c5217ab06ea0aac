"""Reading parts of a result file, and reading it again and again while it grows."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import open_run
from abm.record.following import FollowedRun
from tests.recorded_runs import GrowingRun, Plan, write_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(layers=4, days=3.0))


def test_layers_of_a_field(path: Path) -> None:
    with open_run(path) as run:
        whole = run.field("TNF-a", 2).values
        np.testing.assert_array_equal(run.field("TNF-a", 2, layer=3).values, whole[3])
        np.testing.assert_array_equal(run.field("TNF-a", 2, layer=slice(1, 3)).values, whole[1:3])
        assert run.field_unit == "pg/ml"


def test_rows_of_the_cell_table(path: Path) -> None:
    with open_run(path) as run:
        frame, rows = run.frame(4), run.frame_rows(4)
        assert rows.stop - rows.start == len(frame)
        np.testing.assert_array_equal(run.cell_values("x", rows), frame["x"])
        assert run.cell_values("id", rows.start + 7) == frame["id"][7]
        assert run.column_units["x"] == "um"
        with pytest.raises(RecordError, match="no column 'mood'; there are"):
            run.cell_values("mood", rows)


def test_outlines_of_series_have_no_points(path: Path) -> None:
    with open_run(path) as run:
        outlines = {series.name: series for series in run.series_outlines()}
        assert list(outlines) == run.series_names
        found, true = outlines["cytokine_by_region"], run.series("cytokine_by_region")
    assert found.values.shape == (0, *true.values.shape[1:])
    assert (found.dims, found.unit, found.labels["region"].tolist()) == (
        true.dims,
        true.unit,
        ["site", "opposite"],
    )


def test_cells_by_name(path: Path) -> None:
    with open_run(path) as run:
        frame = run.frame(4)
        assert len(frame.where(type="microglia")) == (frame.names("type") == "microglia").sum() > 0
        assert len(frame.where(type="unicorn")) == 0


def test_a_followed_run_stays_open_while_it_does_not_change(path: Path) -> None:
    followed = FollowedRun(path)
    with followed.reading() as first, followed.reading() as again:
        assert first is again
    followed.close()
    with followed.reading() as reopened:
        assert reopened.arm == "cci"
    followed.close()


def test_every_state_that_is_seen_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "cci_bmsc_r000.h5"
    growing = GrowingRun(path, "cci_bmsc")
    growing.append_day(0)
    followed, seen, faults = FollowedRun(path), set(), []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with followed.reading() as run:
                last = len(run.field_times) - 1
                expected = growing.grid.concentration("cci_bmsc", float(last))[3]
                if not np.allclose(run.field("TGF-b1", last).values, expected, rtol=1e-6):
                    faults.append(last)
                if len(run.frame(last)) != (403 if last >= 2 else 400):
                    faults.append(last)
                seen.add(last)

    reader = threading.Thread(target=look)
    reader.start()
    for day in range(1, 40):
        growing.append_day(day)
    end = time.monotonic() + 60
    while 39 not in seen and not faults and time.monotonic() < end:
        time.sleep(0.01)
    done.set()
    reader.join()
    growing.writer.finish("complete", "", [])
    with followed.reading() as run:
        assert run.status == "complete" and len(run.field_times) == 40
    followed.close()
    assert faults == []
    assert 39 in seen


def test_a_followed_file_that_goes_or_is_none_is_said(path: Path) -> None:
    followed = FollowedRun(path)
    path.write_bytes(b"something else")
    with pytest.raises(RecordError, match="not an HDF5 file"), followed.reading():
        pass
    path.unlink()
    with pytest.raises(RecordError, match="no such file"), followed.reading():
        pass
    followed.close()
