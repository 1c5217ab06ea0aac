"""Sensitivity of a result of a sweep to what was sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abm.analysis.sensitivity import Sensitivity, morris_effects, sobol_indices
from abm.errors import AbmError
from abm.record.sweep_index import Found
from abm.record.sweep_table import summary_values
from abm.scenario.nodes import listed, nearest
from abm.sweep.axes import Axis
from abm.sweep.design import unit_points
from abm.sweep.manifest import Manifest
from abm.sweep.schema import Sample


class NotAnalysableError(AbmError):
    """A sweep does not hold what is asked of it."""

    exit_code = 2


def results_of(
    manifest: Manifest, found: Found, quantity: str, arm: str, relative_to: str = ""
) -> NDArray[np.float64]:
    """A scalar at every point of one arm, by replicate, (n_point, n_replicate) float64; nan where missing.

    Parameters
    ----------
    relative_to : str
        Arm whose value at the same point and replicate is subtracted: they share their noise.

    Raises
    ------
    NotAnalysableError
        There is no such quantity or arm.
    """
    values = summary_values(found, manifest.declaration)
    if quantity not in values:
        known = listed(values, 60)
        raise NotAnalysableError(f"no quantity '{quantity}'{nearest(quantity, values)}; there are {known}")
    cube = values[quantity][manifest.cases().run].reshape(
        len(manifest.design), len(manifest.arms), manifest.replicates
    )
    chosen = cube[:, _arm(manifest, arm)]
    return chosen - cube[:, _arm(manifest, relative_to)] if relative_to else chosen


def _arm(manifest: Manifest, name: str) -> int:
    if not name and len(manifest.arms) == 1:
        return 0
    if name not in manifest.arms:
        given = f"no arm '{name}'{nearest(name, manifest.arms)}" if name else "say which arm"
        raise NotAnalysableError(f"{given}; arms: {', '.join(manifest.arms)}")
    return manifest.arms.index(name)


def sensitivity_of(
    manifest: Manifest, found: Found, quantity: str, arm: str, relative_to: str = ""
) -> tuple[tuple[Axis, ...], Sensitivity]:
    """Sobol' indices or Morris' effects of the mean over replicates of a scalar.

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
    results = results_of(manifest, found, quantity, arm, relative_to).mean(axis=1)
    try:
        if method == "sobol":
            return axes, sobol_indices(results, len(axes))
        sample = Sample(**manifest.sample)
        return axes, morris_effects(results, unit_points([a.name for a in axes], sample, manifest.seed))
    except ValueError as error:
        raise NotAnalysableError(f"{manifest.folder}: {error}") from None
