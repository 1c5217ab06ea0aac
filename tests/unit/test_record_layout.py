"""The layout is what the file holds, and the document says what the layout says."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.record.document import file_format
from abm.record.layout import LAYOUT, STANDARD_COLUMNS
from tests.reference.recorded_run import declaration, written


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("layout") / "run.h5", 25)


def dims(dataset: h5py.Dataset) -> tuple[str, ...]:
    if dataset.is_scale:
        return (dataset.name.rpartition("/")[2],)
    return tuple(axis[0].name.rpartition("/")[2] for axis in dataset.dims)


def test_the_document_is_current(root: Path) -> None:
    text = (root / "docs" / "file_format.md").read_text(encoding="utf-8")
    assert text == file_format(), "run: python -m abm.record.document docs/file_format.md"


@pytest.mark.parametrize("item", LAYOUT, ids=lambda item: f"{item.group}/{item.name}")
def test_every_item_is_in_the_file_as_described(path: Path, item: object) -> None:
    name = f"{item.group}/{item.name}"  # type: ignore[attr-defined]
    with h5py.File(path) as file:
        if item.dtype == "attribute":  # type: ignore[attr-defined]
            assert item.name in file.attrs  # type: ignore[attr-defined]
            return
        dataset = file[name]
        assert dims(dataset) == item.dims  # type: ignore[attr-defined]
        assert dataset.attrs["long_name"] == item.description  # type: ignore[attr-defined]
        assert dataset.attrs.get("units", "") == item.unit  # type: ignore[attr-defined]
        if item.dtype == "str":  # type: ignore[attr-defined]
            assert h5py.check_string_dtype(dataset.dtype).encoding == "utf-8"
        else:
            assert dataset.dtype == np.dtype(item.dtype)  # type: ignore[attr-defined]


def test_nothing_else_is_in_the_file(path: Path) -> None:
    given = declaration()
    allowed = {f"{item.group}/{item.name}".lstrip("/") for item in LAYOUT if item.dtype != "attribute"}
    allowed |= {f"{series.group}/{series.name}" for series in given.series}
    allowed |= {f"{series.group}/{dim}" for series in given.series for dim in series.dims}
    allowed |= {f"cells/{column.name}" for column in given.cells.columns}
    # Dimensions without coordinate values.
    allowed |= {"cells/row", "events/event", "checkpoint/slot0/byte", "checkpoint/slot1/byte"}
    found: set[str] = set()
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.add(name) if isinstance(item, h5py.Dataset) else None)
    assert found == allowed


def test_other_programs_need_no_plugin_and_no_special_types(path: Path) -> None:
    seen = []

    def look(name: str, item: object) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        seen.append(name)
        pipeline = item.id.get_create_plist()
        filters = {pipeline.get_filter(i)[0] for i in range(pipeline.get_nfilters())}
        assert filters <= {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE}
        assert item.dtype.kind in "fiuO"
        assert item.dtype.kind != "O" or h5py.check_string_dtype(item.dtype) is not None
        assert not (item.dtype.kind == "f" and item.dtype.itemsize == 2)

    with h5py.File(path) as file:
        file.visititems(look)
        assert file.id.get_create_plist().get_version()[0] <= 2  # superblock of HDF5 1.8
    assert len(seen) > 50


def test_standard_columns_come_first() -> None:
    assert declaration().cells.columns[: len(STANDARD_COLUMNS)] == STANDARD_COLUMNS
