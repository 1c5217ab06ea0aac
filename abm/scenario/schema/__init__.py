"""The parts of a scenario as frozen pydantic models; attribute names are the YAML keys."""

from abm.scenario.schema.cells import CellType, Phenotype, Variable, Waiting
from abm.scenario.schema.domain import Boundaries, Domain
from abm.scenario.schema.drugs import Drug, DrugEffect
from abm.scenario.schema.fields import Binding, Compartment, Cytokine, Route
from abm.scenario.schema.injuries import Drive, Injury, InjuryKind, Release
from abm.scenario.schema.readout import Readout, WithdrawalThreshold
from abm.scenario.schema.responses import Add, Brake, Change, Divisor, Factor, Response, Term
from abm.scenario.schema.scenario import ExperimentFile, RunSettings, Scenario
from abm.scenario.schema.shapes import Shape
from abm.scenario.schema.timing import Record, Time
from abm.scenario.schema.tissue import Tissue
from abm.scenario.schema.treatment import (
    GiveDrug,
    Infuse,
    InjectCells,
    Intervention,
    KnockOut,
    Modify,
    Neutralise,
    RemoveCells,
    Target,
    Window,
)

__all__ = [
    "Add",
    "Binding",
    "Boundaries",
    "Brake",
    "CellType",
    "Change",
    "Compartment",
    "Cytokine",
    "Divisor",
    "Domain",
    "Drive",
    "Drug",
    "DrugEffect",
    "ExperimentFile",
    "Factor",
    "GiveDrug",
    "Infuse",
    "InjectCells",
    "Injury",
    "InjuryKind",
    "Intervention",
    "KnockOut",
    "Modify",
    "Neutralise",
    "Phenotype",
    "Readout",
    "Record",
    "Release",
    "RemoveCells",
    "Response",
    "Route",
    "RunSettings",
    "Scenario",
    "Shape",
    "Target",
    "Term",
    "Time",
    "Tissue",
    "Variable",
    "Waiting",
    "Window",
    "WithdrawalThreshold",
]
