"""Quantities that published data are given in, defined as data over recorded series.

A definition names a series and one label of each of its dimensions; the label ``readout`` of the dimension
``region`` stands for the region of the nociceptive readout.  It may then be divided by its own start, by the
control arm on the same day, or by the area of the region.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from abm.analysis.curves import Curves, collect, common_times
from abm.analysis.experiment import CONTROL
from abm.analysis.groups import RunGroups
from abm.errors import RecordError
from abm.record import Run

READOUT_REGION = "readout"
START, REFERENCE = "start", "control"
SECTION_UM = 20.0  # densities per area are those of a histological section of this thickness
PER_AREA = "mm^2"


@dataclass(frozen=True)
class Quantity:
    """How a quantity is computed.

    Attributes
    ----------
    name : str
        As targets refer to it.
    label : str
        As axes show it.
    series : str
        Recorded series.
    select : mapping of str to str
        Dimension of the series to its label.
    relative_to : str
        Empty; ``start``: divided by the replicate's own first value; ``control``: divided by the control arm
        (sham) on the same day, or by the own first value when no arm is a control.
    per_area : str
        Empty, or ``mm^2``: divided by the area of the region, for a section of 20 um.
    unit : str
        Unit of the result.
    """

    name: str
    label: str
    series: str
    select: Mapping[str, str] = field(default_factory=dict)
    relative_to: str = ""
    per_area: str = ""
    unit: str = "1"


def evaluate(quantity: Quantity, groups: RunGroups, arm: str) -> Curves:
    """A quantity of every replicate of an arm over time.

    Raises
    ------
    RecordError
        The files lack the series or a label.
    """
    region = groups.experiments[arm].readout_region
    curves = _collect(quantity, groups[arm], region)
    if quantity.per_area:
        area = section_area(groups[arm][0], region)
        curves = curves.scaled(1.0 / area, quantity.unit)
    if quantity.relative_to == START:
        curves = curves.relative_to_start()
    elif quantity.relative_to == REFERENCE:
        control = groups.arm_with_role(CONTROL)
        if control is None:
            curves = curves.relative_to_start()
        else:
            other = _collect(quantity, groups[control], groups.experiments[control].readout_region)
            curves = _relative_to_control(curves, other)
    return replace(curves, unit=quantity.unit, label=quantity.label)


def reference_note(groups: RunGroups) -> str:
    """What a fold is relative to, as a sentence."""
    control = groups.arm_with_role(CONTROL)
    if control is None:
        return "Folds are relative to day 0 of the same run: no arm is a control."
    return f"Folds are relative to {control} on the same day, replicate by replicate."


def section_area(run: Run, region: str) -> float:
    """Area [mm²] of a region (the whole tissue if empty) in a section of 20 um.

    For a slab of that thickness it is the area seen from above; otherwise the volume over 20 um.
    """
    inside = run.tissue & run.regions[region] if region else run.tissue
    return float(inside.sum()) * voxel_volume(run) / SECTION_UM * 1e-6


def voxel_volume(run: Run) -> float:
    """Volume of one voxel [um³]; the origin is the low corner, so one layer is twice its centre thick."""
    sizes = []
    for axis in "xyz":
        centres = run.coordinate(axis)
        sizes.append(float(centres[1] - centres[0]) if len(centres) > 1 else 2.0 * float(centres[0]))
    return sizes[0] * sizes[1] * sizes[2]


def _collect(quantity: Quantity, runs: Sequence[Run], region: str) -> Curves:
    select = dict(quantity.select)
    series = quantity.series
    if select.get("region") == READOUT_REGION:
        if not region:
            raise RecordError(
                f"{runs[0].path}: {quantity.name!r} needs the readout's region, and there is none"
            )
        select["region"] = region
    return collect(runs, series, **select)


def _relative_to_control(curves: Curves, control: Curves) -> Curves:
    """Each replicate over the same replicate of the control; over the control's mean where it has none."""
    time = common_times([curves.time, control.time])
    below = control.values[:, np.isin(control.time, time)]
    mean = below.mean(axis=0)
    rows: list[NDArray[np.float64]] = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, row in zip(curves.replicates, curves.values[:, np.isin(curves.time, time)], strict=True):
            same = number in control.replicates
            rows.append(row / (below[control.replicates.index(number)] if same else mean))
    return replace(curves, time=time, values=np.array(rows))
