"""Signals and behaviours of a compiled model in the words of scenario files.

A compiled model holds indices only, and terms that no file wrote: the factors of interventions.  So the words
are made from the tables.
"""

from __future__ import annotations

from abm.compile.model import Model
from abm.scenario.behaviours import Behaviour
from abm.scenario.signals import Signal
from abm.state.kinds import BehaviourKind, SignalKind

_OF_FIELD = (
    SignalKind.CONCENTRATION,
    SignalKind.EXCESS,
    SignalKind.GRADIENT,
    SignalKind.RELATIVE_GRADIENT,
)
_OF_TYPE = (SignalKind.CONTACT, SignalKind.DENSITY, SignalKind.RELATIVE_DENSITY, SignalKind.SURPLUS)
_PLAIN = (
    SignalKind.CONTACT_LIVE,
    SignalKind.CONTACT_DEAD,
    SignalKind.TIME,
    SignalKind.AGE,
    SignalKind.DEAD,
)

_BEHAVIOURS = {
    BehaviourKind.SECRETION: "secretion of {}",
    BehaviourKind.UPTAKE: "uptake of {}",
    BehaviourKind.SPEED: "migration speed",
    BehaviourKind.BIAS: "migration bias",
    BehaviourKind.PERSISTENCE: "persistence time",
    BehaviourKind.SENSITIVITY: "chemotactic sensitivity to {}",
    BehaviourKind.DIVISION: "division",
    BehaviourKind.DEATH: "death",
    BehaviourKind.CLEARANCE: "clearance",
    BehaviourKind.PHAGOCYTOSIS: "phagocytosis of dead cells",
    BehaviourKind.TRANSITION: "transition to {}",
    BehaviourKind.TRANSFORM: "transform to {}",
    BehaviourKind.ARRIVAL: "arrival",
    BehaviourKind.ENTRY: "entry",
    BehaviourKind.PRODUCTION: "production of {}",
    BehaviourKind.LEAKAGE: "leakage of {}",
}


def signal_text(model: Model, row: int, group: int) -> str:
    """A row of the signal table as scenario files write it, seen by a group of responses."""
    kind = SignalKind(int(model.signals.kind[row]))
    first, second = int(model.signals.first[row]), int(model.signals.second[row])
    if kind is SignalKind.MODIFIER:
        return str(model.treatment.modifiers[first].text)
    if kind is SignalKind.MODIFIED:
        return f"{signal_text(model, first, group)}, {model.treatment.modifiers[second].text}"
    named = _named(model, kind, first, second, group)
    if named is None:
        return f"{kind.name.lower().replace('_', ' ')} {first} {second}"
    return str(Signal(kind, **named))


def _named(model: Model, kind: SignalKind, first: int, second: int, group: int) -> dict[str, str] | None:
    """Fields of the `Signal` that a row of the table stands for; None for an unknown kind."""
    names = model.names
    if kind in _OF_FIELD:
        return {"field": names.cytokines[first]}
    if kind in _OF_TYPE:
        return {"cell_type": names.cell_types[first]}
    match kind:
        case SignalKind.OWN:
            return {"variable": names.variables[group][first]}
        case SignalKind.PHENOTYPE:
            return {"phenotype": names.phenotypes[group][first]}
        case SignalKind.MEAN | SignalKind.LOAD:
            k, slot = (int(i) for i in model.pairs[second])
            return {"cell_type": names.cell_types[k], "variable": names.variables[k][slot]}
        case SignalKind.DRIVE:
            return {"drive": names.drives[first]}
        case SignalKind.REGION:
            return {"region": names.regions[first]}
        case SignalKind.LEVEL:
            return {"field": names.cytokines[first], "compartment": names.compartments[second]}
        case SignalKind.DRUG:
            return {"drug": names.drugs[first]}
    return {} if kind in _PLAIN else None


def signal_unit(model: Model, row: int) -> str:
    """Internal unit of a row of the signal table."""
    kind = SignalKind(int(model.signals.kind[row]))
    if kind is SignalKind.MODIFIED:
        return signal_unit(model, int(model.signals.first[row]))
    return Signal(kind).dimension.unit


def behaviour_kind(model: Model, column: int) -> BehaviourKind:
    """What a column of the behaviour array holds."""
    return BehaviourKind[model.behaviours.names[column].rpartition(" ")[0].upper()]


def behaviour_text(model: Model, kind: BehaviourKind, index: int, cell_type: int) -> str:
    """A behaviour as scenario files write it.

    Parameters
    ----------
    kind : BehaviourKind
    index : int
        Of its cytokine, phenotype or cell type, where it has one.
    cell_type : int
        Whose behaviour it is.
    """
    form = _BEHAVIOURS.get(kind, kind.name.lower().replace("_", " "))
    match kind:
        case BehaviourKind.TRANSITION:
            return form.format(model.names.phenotypes[cell_type][index])
        case BehaviourKind.TRANSFORM:
            return form.format(model.names.cell_types[index])
        case _ if "{}" in form:
            return form.format(model.names.cytokines[index])
    return form


def column_text(model: Model, column: int, cell_type: int) -> str:
    """A column of the behaviour array as scenario files write it."""
    index = int(model.behaviours.names[column].rpartition(" ")[2])
    return behaviour_text(model, behaviour_kind(model, column), index, cell_type)


def behaviour_unit(kind: BehaviourKind) -> str:
    """Internal unit of a behaviour."""
    return Behaviour(kind).dimension.unit
