"""One group of a result file as an ``xarray.Dataset``; xarray is an optional dependency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from abm.errors import RecordError
from abm.record.opening import dims_of, values_of

if TYPE_CHECKING:
    import xarray


def to_xarray(file: h5py.File, group: str, path: Path) -> xarray.Dataset:
    """Read a whole group into memory.

    Raises
    ------
    RecordError
        xarray is not installed, or there is no such group.
    """
    try:
        import xarray as xr
    except ImportError as error:
        raise RecordError("this needs xarray, which is not installed; install abm[export]") from error
    if group not in file or not isinstance(file[group], h5py.Group):
        raise RecordError(f"{path}: no group {group!r}; there are {', '.join(_groups(file))}")
    members = {name: item for name, item in file[group].items() if isinstance(item, h5py.Dataset)}
    found: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {}
    lengths: dict[str, int] = {}
    for name, dataset in members.items():
        if dataset.is_scale and bytes(dataset.attrs["NAME"]).startswith(b"This is a netCDF dimension"):
            continue
        dims = dims_of(dataset) if dataset.shape else ()
        data = values_of(dataset, path) if dataset.shape else np.asarray(dataset.asstr()[()])
        for dim, size in zip(dims, data.shape, strict=True):
            lengths[dim] = min(size, lengths.get(dim, size))
        attributes = {
            k: v
            for k, v in dataset.attrs.items()
            if k in ("units", "long_name", "flag_values", "flag_meanings")
        }
        found[name] = (dims, data, attributes)
    # A kill inside a commit may leave one data set a row longer than its fellows.
    cut = {
        name: (dims, data[tuple(slice(lengths[dim]) for dim in dims)], attributes)
        for name, (dims, data, attributes) in found.items()
    }
    coords = {name: value for name, value in cut.items() if value[0] == (name,) or name == "tick"}
    return xr.Dataset(
        {name: value for name, value in cut.items() if name not in coords}, coords, dict(file[group].attrs)
    )


def _groups(file: h5py.File) -> list[str]:
    return [name for name, item in file.items() if isinstance(item, h5py.Group)]
