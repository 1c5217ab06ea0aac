"""Sensitivity of a result of a sweep to what was sampled."""

from __future__ import annotations

from abm.analysis.sensitivity import Sensitivity, morris_effects, sobol_indices
from abm.record.sweep_index import Found
from abm.sweep.axes import Axis
from abm.sweep.design import unit_points
from abm.sweep.manifest import Manifest
from abm.sweep.quantity import NotAnalysableError, Quantity, values_of
from abm.sweep.schema import Sample


def sensitivity_of(
    manifest: Manifest, found: Found, quantity: Quantity
) -> tuple[tuple[Axis, ...], Sensitivity]:
    """Sobol' indices or Morris' effects of the mean over replicates of a quantity.

    Raises
    ------
    NotAnalysableError
        The sweep was not sampled for that, or too few runs are complete.
    """
    axes = tuple(axis for axis in manifest.design.axes if axis.spread is not None)
    method = manifest.sample.get("method")
    if method not in ("sobol", "morris") or (method == "sobol" and not manifest.sample["indices"]):
        raise NotAnalysableError(
            "sensitivity needs a sweep that was sampled with the method morris, or sobol with indices: true"
        )
    if len(axes) != len(manifest.design.axes):
        others = ", ".join(axis.name for axis in manifest.design.axes if axis.spread is None)
        raise NotAnalysableError(f"sensitivity needs a sweep in which all axes are sampled; not: {others}")
    results = values_of(manifest, found, quantity).mean(axis=1)
    try:
        if method == "sobol":
            return axes, sobol_indices(results, len(axes))
        sample = Sample(**manifest.sample)
        return axes, morris_effects(results, unit_points([a.name for a in axes], sample, manifest.seed))
    except ValueError as error:
        raise NotAnalysableError(f"{manifest.folder}: {error}") from None
