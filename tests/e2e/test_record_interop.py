"""Other programs open the file: h5dump, xarray through h5netcdf and through netCDF-4."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import open_run
from tests.reference.recorded_run import field, readout, written

GROUPS = ("/", "readout", "budget", "ledger", "fields", "cells", "events", "summary")


@pytest.fixture(scope="module", params=[True, False], ids=["complete", "killed"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("interop") / "run.h5", 150, finish=request.param)


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_prints_everything(path: Path) -> None:
    answer = subprocess.run(["h5dump", str(path)], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.count("DATASET ") > 60
    one = subprocess.run(
        ["h5dump", "-y", "-w", "0", "-d", "/readout/sourced", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert one.returncode == 1  # the series lives in the group of the budget
    dump = subprocess.run(
        ["h5dump", "-y", "-d", "/budget/sourced", str(path)], capture_output=True, text=True, check=True
    )
    assert "0, 149, 298\n" in dump.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_xarray_opens_every_group(path: Path, group: str) -> None:
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    with xr.open_dataset(path, group=group, engine="h5netcdf") as data:
        data.load()
        if group == "readout":
            np.testing.assert_array_equal(data.threshold.sel(region="site"), np.arange(150) / 3)
            assert data.threshold.attrs["units"] == "g"
            assert data.time.attrs["units"] == "d" and data.time.dtype == np.float64
            assert set(data.data_vars) >= {"nociception", "nociception_quantile", "level"}
        if group == "fields":
            np.testing.assert_array_equal(
                data.concentration.sel(cytokine="IL-10").isel(time=-1), field(148)[2].astype("f4")
            )
            assert data.concentration.dims == ("time", "cytokine", "z", "y", "x")
            assert data.region_mask.sel(region="site").sum() == 8
        if group == "cells":
            assert data.frame_size.sum() == data.sizes["row"] > 4096
            assert data.type.attrs["flag_meanings"] == "microglia neuron"


def test_xarray_opens_the_whole_tree(path: Path) -> None:
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    pytest.importorskip("h5netcdf", reason="h5netcdf is not installed")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert {node.strip("/") for node in tree.groups} >= set(GROUPS[1:])


THROUGH_NETCDF = """
import sys, xarray as xr
for group in sys.argv[2:]:
    with xr.open_dataset(sys.argv[1], group=group, engine="netcdf4") as data:
        data.load()
        if group == "readout":
            print(float(data.threshold.sel(region="site")[-1]), data.threshold.units)
xr.open_datatree(sys.argv[1], engine="netcdf4").close()
"""


@pytest.mark.skipif(importlib.util.find_spec("netCDF4") is None, reason="netCDF4 is not installed")
def test_netcdf_opens_every_group(path: Path) -> None:
    """In a process of its own: two builds of the HDF5 library in one process do not always agree."""
    answer = subprocess.run(
        [sys.executable, "-c", THROUGH_NETCDF, str(path), *GROUPS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.split() == [repr(149 / 3), "g"]


def test_a_group_in_memory(path: Path) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    with open_run(path) as run:
        data = run.to_xarray("readout")
        np.testing.assert_array_equal(data.threshold.sel(region="opposite"), -np.arange(150) / 3)
        assert data.threshold.attrs == {"units": "g", "long_name": "paw-withdrawal threshold"}
        assert set(data.coords) == {"time", "tick", "region", "quantile", "cytokine", "compartment"}
        assert set(data.data_vars) == {n for n in readout(0) if n not in ("sourced", "divided")}
        assert run.to_xarray("cells").sizes["row"] == run.to_xarray("cells").id.size
        assert list(run.to_xarray("events").text[:2].values) == ["3 ng µ", "10 ng µ"]


def test_without_xarray(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with open_run(path) as run, pytest.raises(RecordError, match=r"not installed; install abm\[export\]"):
        run.to_xarray("readout")


def test_reading_loads_neither_engine_nor_numba() -> None:
    code = (
        "import sys, abm.record\n"
        "bad = {'numba', 'pint', 'pydantic', 'xarray', 'matplotlib', 'abm.engine', 'abm.kernels'}\n"
        "print(sorted(bad & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
