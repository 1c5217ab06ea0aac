"""What every run records, for `series(...)`: dimensions and units.

The engine declares the same in `abm/engine/readout.py`; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from abm.scenario.claims.signatures import SIGNAL, THRESHOLD
from abm.scenario.schema.scenario import Scenario


@dataclass(frozen=True)
class Recorded:
    """One recorded series: its dimensions beside time, its unit, and the part of the readout it needs."""

    dims: tuple[str, ...] = ()
    unit: str = "1"
    rests_on: str = ""


_BOOKS = ("cytokine",)
_HELD = ("reservoir", "cytokine")
_LEDGER = (
    *("injected", "arrived", "entered", "lost_waiting", "born", "division_refused", "died", "cleared"),
    *("removed", "dissolved", "phagocytosed", "transitioned", "transformed_away", "transformed_into"),
    "entry_refused",
)

SERIES: Mapping[str, Recorded] = MappingProxyType(
    {
        "nociception": Recorded(rests_on=SIGNAL),
        "nociception_quantile": Recorded(("quantile",), rests_on=SIGNAL),
        "nociception_by_region": Recorded(("region",), rests_on=SIGNAL),
        "withdrawal_threshold": Recorded((), "g", THRESHOLD),
        "withdrawal_threshold_by_region": Recorded(("region",), "g", THRESHOLD),
        "cell_count": Recorded(("cell_type",)),
        "cell_count_by_region": Recorded(("cell_type", "region")),
        "dead_count": Recorded(("cell_type",)),
        "phenotype_count": Recorded(("phenotype",)),
        "phenotype_count_by_region": Recorded(("phenotype", "region")),
        "variable_mean": Recorded(("variable",)),
        "variable_mean_by_region": Recorded(("variable", "region")),
        "cytokine_mean": Recorded(("cytokine",), "pg/ml"),
        "cytokine_lowest": Recorded(("cytokine",), "pg/ml"),
        "cytokine_highest": Recorded(("cytokine",), "pg/ml"),
        "cytokine_by_region": Recorded(("cytokine", "region"), "pg/ml"),
        "compartment_level": Recorded(("compartment", "cytokine"), "pg/ml"),
        "compartment_cells": Recorded(("compartment", "cell_type")),
        **{
            name: Recorded(_BOOKS, "fg")
            for name in ("tissue_amount", "sourced", "added", "decayed", "taken_up", "residual")
        },
        **{name: Recorded(_HELD, "fg") for name in ("exchanged", "produced", "cleared", "infused")},
        "steps_redone": Recorded(_BOOKS),
        **{f"cells_{name}": Recorded(("cell_type",)) for name in _LEDGER},
        **{
            name: Recorded(("compartment", "cell_type"))
            for name in ("dose_given", "dose_pool", "dose_pool_lost")
        },
    }
)

_QUANTILES = ("0.05", "0.25", "0.5", "0.75", "0.95")


def labels(dimension: str, scenario: Scenario) -> list[str]:
    """Labels of a dimension in the runs of an arm."""
    match dimension:
        case "region":
            return list(scenario.regions)
        case "cell_type":
            return list(scenario.cell_types)
        case "cytokine":
            return list(scenario.cytokines)
        case "compartment":
            return list(scenario.compartments)
        case "reservoir":
            # A boundary held at a level is a reservoir too; six faces at most.
            return [*scenario.compartments, *(f"boundary {i}" for i in range(6))]
        case "phenotype":
            kinds = scenario.cell_types.items()
            return [f"{name}:{p}" for name, cell in kinds for p in (cell.phenotypes or (name,))]
        case "variable":
            return [f"{name}.{v}" for name, cell in scenario.cell_types.items() for v in cell.variables]
        case _:
            return list(_QUANTILES)
