"""What the readouts of claims are computed from: one function for each row of their table.

The rows are in `abm/scenario/claims/functions.py`; arguments and units are those given there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abm.analysis import assays
from abm.analysis.compare import THRESHOLD, percent_mpe
from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups
from abm.analysis.quantities import section_area
from abm.record import Run

MINUTES_PER_DAY = 1440.0

Value: TypeAlias = "Curves | NDArray[np.float64]"
"""A course of every replicate, or one number for each, in the unit of the table."""
Compute: TypeAlias = "Callable[..., Value]"

IMPLEMENTED: dict[str, Compute] = {}


class Source:
    """The runs that a comparison may read: the replicates that all its arms have.

    Attributes
    ----------
    groups : RunGroups
    replicates : tuple of int
    """

    def __init__(self, groups: RunGroups, replicates: Sequence[int]) -> None:
        self.groups = groups
        self.replicates = tuple(replicates)

    def runs(self, arm: str) -> list[Run]:
        """The runs of an arm, by replicate."""
        return [run for run in self.groups[arm] if run.replicate in self.replicates]

    def collect(self, arm: str, series: str, **labels: Any) -> Curves:
        """A recorded series of an arm."""
        return collect(self.runs(arm), series, **labels)


def computes(name: str) -> Callable[[Compute], Compute]:
    """Say which row of the table a function computes."""

    def register(function: Compute) -> Compute:
        IMPLEMENTED[name] = function
        return function

    return register


@computes("threshold")
def _threshold(source: Source, arm: str, region: str = "") -> Curves:
    if region:
        return source.collect(arm, "withdrawal_threshold_by_region", region=region)
    return source.collect(arm, THRESHOLD)


@computes("relative_threshold")
def _relative_threshold(source: Source, arm: str) -> Curves:
    return source.collect(arm, THRESHOLD).relative_to_start()


@computes("nociception")
def _nociception(source: Source, arm: str, region: str = "") -> Curves:
    if region:
        return source.collect(arm, "nociception_by_region", region=region)
    return source.collect(arm, "nociception")


@computes("mpe")
def _mpe(source: Source, treated: str, vehicle: str) -> Curves:
    return percent_mpe(source.runs(treated), source.runs(vehicle))


@computes("concentration")
def _concentration(
    source: Source, cytokine: str, arm: str, region: str = "", compartment: str = ""
) -> Curves:
    if compartment:
        return source.collect(arm, "compartment_level", compartment=compartment, cytokine=cytokine)
    if region:
        return source.collect(arm, "cytokine_by_region", cytokine=cytokine, region=region)
    return source.collect(arm, "cytokine_mean", cytokine=cytokine)


@computes("cells")
def _cells(
    source: Source, cell_type: str, arm: str, region: str = "", outside: str = "", phenotype: str = ""
) -> Curves:
    series, labels = "cell_count", {"cell_type": cell_type}
    if phenotype:
        series, labels = "phenotype_count", {"phenotype": f"{cell_type}:{phenotype}"}
    if region:
        return source.collect(arm, f"{series}_by_region", **labels, region=region)
    everywhere = source.collect(arm, series, **labels)
    if not outside:
        return everywhere
    within = source.collect(arm, f"{series}_by_region", **labels, region=outside)
    return replace(everywhere, values=everywhere.values - within.values)


@computes("density")
def _density(
    source: Source, cell_type: str, arm: str, region: str = "", outside: str = "", phenotype: str = ""
) -> Curves:
    run = source.runs(arm)[0]
    area = section_area(run, region) - (section_area(run, outside) if outside else 0.0)
    counts = _cells(source, cell_type, arm, region, outside, phenotype)
    assert isinstance(counts, Curves)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(area > 0.0, counts.values / area, np.nan)
    return replace(counts, values=values, unit="/mm^2")


@computes("phenotype_fraction")
def _phenotype_fraction(source: Source, cell_type: str, phenotype: str, arm: str, region: str = "") -> Curves:
    some = _cells(source, cell_type, arm, region, "", phenotype)
    every = _cells(source, cell_type, arm, region)
    assert isinstance(some, Curves) and isinstance(every, Curves)
    with np.errstate(divide="ignore", invalid="ignore"):
        return replace(some, values=np.where(every.values > 0, some.values / every.values, np.nan))


@computes("variable")
def _variable(source: Source, cell_type: str, variable: str, arm: str, region: str = "") -> Curves:
    label = f"{cell_type}.{variable}"
    if region:
        return source.collect(arm, "variable_mean_by_region", variable=label, region=region)
    return source.collect(arm, "variable_mean", variable=label)


@computes("waiting")
def _waiting(source: Source, cell_type: str, compartment: str, arm: str) -> Curves:
    return source.collect(arm, "compartment_cells", compartment=compartment, cell_type=cell_type)


@computes("series")
def _series(source: Source, name: str, arm: str, **labels: str) -> Curves:
    quantile = {key: float(value) if key == "quantile" else value for key, value in labels.items()}
    return source.collect(arm, name, **quantile)


# ------------------------------------------------------------------------------------------------- assays


def _tested(assay: str, source: Source, arm: str, at: float, animals: float | None) -> assays.AssayResult:
    """An assay of the replicates that count, at a time [min]."""
    kept = RunGroups({arm: source.runs(arm)})
    number = None if animals is None else int(animals)
    return assays.ASSAYS[assay](kept, arm, [at / MINUTES_PER_DAY], number)


@computes("von_frey")
def _von_frey(source: Source, arm: str, at: float, animals: float | None = None) -> NDArray[np.float64]:
    return _tested(assays.VON_FREY, source, arm, at, animals).curves().values[:, 0]


@computes("von_frey_mpe")
def _von_frey_mpe(
    source: Source, treated: str, vehicle: str, at: float, animals: float | None = None
) -> NDArray[np.float64]:
    both = [_tested(assays.VON_FREY, source, arm, at, animals) for arm in (treated, vehicle)]
    return assays.percent_mpe(*both).values[:, 0]


@computes("heat_latency")
def _heat_latency(source: Source, arm: str, at: float, animals: float | None = None) -> NDArray[np.float64]:
    return _tested(assays.HEAT, source, arm, at, animals).curves().values[:, 0]
