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

_ATTRIBUTES = ("units", "long_name", "comment", "flag_values", "flag_meanings", "significant_bits")


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
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {}
    for name, dataset in members.items():
        if dataset.is_scale and bytes(dataset.attrs["NAME"]).startswith(b"This is a netCDF dimension"):
            continue
        dims = dims_of(dataset) if dataset.shape else ()
        data = values_of(dataset, path) if dataset.shape else np.asarray(dataset.asstr()[()])
        variables[name] = (dims, data, {k: v for k, v in dataset.attrs.items() if k in _ATTRIBUTES})
    coords = {name: value for name, value in variables.items() if value[0] == (name,) or name == "tick"}
    rest = {name: value for name, value in variables.items() if name not in coords}
    return xr.Dataset(rest, coords, dict(file[group].attrs))


def _groups(file: h5py.File) -> list[str]:
    return [name for name, item in file.items() if isinstance(item, h5py.Group)]
