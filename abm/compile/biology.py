"""Cell types, tissue behaviour and waiting cells as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from abm.compile.model import Behaviours, Labels, Site, Switch, Waiting
from abm.compile.modifiers import Changes
from abm.compile.responses import ResponseTables, variable_order
from abm.scenario.behaviours import Behaviour, UnknownBehaviourError, parse_behaviour
from abm.scenario.quantity import Quantity
from abm.scenario.schema import CellType, Response, Scenario, Variable
from abm.scenario.schema.treatment import ALL, TISSUE
from abm.state.kinds import BehaviourKind, VariableKind
from abm.state.tables import Ints, Responses, Signals, Target, Variables

Key = tuple[BehaviourKind, int]
"""Kind of a behaviour and the index of its cytokine, phenotype or cell type (0 where it has none)."""


@dataclass(frozen=True)
class Biology:
    """What the cells and the tissue do."""

    responses: Responses
    signals: Signals
    variables: Variables
    behaviours: Behaviours
    switches: tuple[Switch, ...]
    pairs: Ints
    sites: tuple[Site, ...]
    waiting: tuple[Waiting, ...]


def compile_biology(
    scenario: Scenario, labels: Labels, entrance: Callable[[str], Ints], changes: Changes
) -> Biology:
    """Compile every response of a scenario.

    Parameters
    ----------
    entrance : callable
        Compartment name to the flat voxels through which its cells enter the tissue.
    changes : Changes
        Factors that interventions put on behaviours, variables and senses.
    """
    tables = ResponseTables(scenario, labels, changes)
    columns = behaviour_columns(scenario, labels, tables)
    keys = list(columns)
    for name, cell_type in scenario.cell_types.items():
        _add_variables(tables, name, cell_type, labels)
        for text, response in cell_type.behaviours.items():
            key = _key(tables, labels, name, text)
            if key[0] is not BehaviourKind.ARRIVAL:
                factors = changes.of_behaviour(name, parse_behaviour(text, tables.vocabulary.of(name)))
                tables.add(response, Target.BEHAVIOUR, keys.index(key), name, factors)
        tables.close_group()
    sites = _tissue_sites(scenario, labels, tables)
    waiting = _waiting(scenario, labels, tables, entrance)
    responses, signals = tables.finish()
    return Biology(
        responses=responses,
        signals=signals,
        variables=variable_tables(scenario, labels),
        behaviours=behaviours_of(keys, labels),
        switches=_switches(scenario, labels),
        pairs=np.array(tables.pairs, np.int64).reshape(-1, 2),
        sites=sites,
        waiting=waiting,
    )


def _key(tables: ResponseTables, labels: Labels, cell_type: str, text: str) -> Key:
    behaviour = parse_behaviour(text, tables.vocabulary.of(cell_type))
    return behaviour.kind, _target_index(behaviour, labels, cell_type)


def _target_index(behaviour: Behaviour, labels: Labels, cell_type: str) -> int:
    if behaviour.field is not None:
        return labels.cytokines.index(behaviour.field)
    if behaviour.phenotype is not None:
        return labels.phenotypes[labels.cell_types.index(cell_type)].index(behaviour.phenotype)
    if behaviour.cell_type is not None:
        return labels.cell_types.index(behaviour.cell_type)
    return 0


def behaviour_columns(scenario: Scenario, labels: Labels, tables: ResponseTables) -> dict[Key, None]:
    """Columns of the behaviour array: every behaviour that any cell type has, each once, in order."""
    return dict.fromkeys(
        key
        for name, cell_type in scenario.cell_types.items()
        for text in cell_type.behaviours
        if (key := _key(tables, labels, name, text))[0] is not BehaviourKind.ARRIVAL
    )


def behaviours_of(keys: list[Key], labels: Labels) -> Behaviours:
    """Where each behaviour stands in the behaviour array."""

    def column(kind: BehaviourKind) -> int:
        return keys.index((kind, 0)) if (kind, 0) in keys else -1

    def per_field(kind: BehaviourKind) -> Ints:
        return np.array(
            [keys.index((kind, f)) if (kind, f) in keys else -1 for f in range(len(labels.cytokines))],
            np.int64,
        )

    def events(kind: BehaviourKind) -> tuple[tuple[int, int], ...]:
        return tuple((j, key[1]) for j, key in enumerate(keys) if key[0] is kind)

    return Behaviours(
        secretion=per_field(BehaviourKind.SECRETION),
        uptake=per_field(BehaviourKind.UPTAKE),
        sensitivity=per_field(BehaviourKind.SENSITIVITY),
        speed=column(BehaviourKind.SPEED),
        bias=column(BehaviourKind.BIAS),
        persistence=column(BehaviourKind.PERSISTENCE),
        division=column(BehaviourKind.DIVISION),
        death=column(BehaviourKind.DEATH),
        clearance=column(BehaviourKind.CLEARANCE),
        phagocytosis=column(BehaviourKind.PHAGOCYTOSIS),
        transition=events(BehaviourKind.TRANSITION),
        transform=events(BehaviourKind.TRANSFORM),
        names=tuple(f"{kind.name.lower()} {index}" for kind, index in keys),
    )


def variable_kind(variable: Variable) -> VariableKind:
    """How a variable moves, from which of its keys are given."""
    if variable.target is not None:
        return VariableKind.RELAXING
    if variable.gain is not None:
        return VariableKind.ACCUMULATING
    if variable.equals is not None:
        return VariableKind.INSTANT
    return VariableKind.CONSTANT


def _add_variables(tables: ResponseTables, name: str, cell_type: CellType, labels: Labels) -> None:
    """Rows of the variables of one type, instant ones first."""
    slots = labels.variables[labels.cell_types.index(name)]
    for key in variable_order(name, cell_type, tables):
        variable = cell_type.variables[key]
        if variable.response is not None:
            target = Target.DRIFT if variable.equals is None else Target.INSTANT
            factors = tables.changes.of_variable(name, key)
            tables.add(variable.response, target, slots.index(key), name, factors)


def variable_tables(scenario: Scenario, labels: Labels) -> Variables:
    """Kinetics of every variable, (n_type, n_slot)."""
    n_slot = max((len(slots) for slots in labels.variables), default=0)
    shape = (len(labels.cell_types), max(n_slot, 1))
    tables = Variables(np.full(shape, -1), np.ones(shape), np.ones(shape), np.zeros(shape))
    for k, cell_type in enumerate(scenario.cell_types.values()):
        for slot, variable in enumerate(cell_type.variables.values()):
            tables.kind[k, slot] = variable_kind(variable)
            start = variable.value if variable.value is not None else variable.initial
            tables.initial[k, slot] = float(start)
            fall = variable.fall or variable.time_constant or variable.loss_time
            rise = variable.rise or variable.time_constant
            tables.fall[k, slot] = float(fall or 1.0)
            tables.rise[k, slot] = float(rise or 1.0)
    return tables


def _switches(scenario: Scenario, labels: Labels) -> tuple[Switch, ...]:
    return tuple(
        Switch(k, p, labels.variables[k].index(phenotype.when.variable), float(phenotype.when.above))
        for k, cell_type in enumerate(scenario.cell_types.values())
        for p, phenotype in enumerate(cell_type.phenotypes.values())
        if phenotype.when is not None
    )


def _tissue_sites(scenario: Scenario, labels: Labels, tables: ResponseTables) -> tuple[Site, ...]:
    """Responses of the tissue: basal production, leaks, and arrival of cells through vessels."""
    sites = []
    for text, response in _tissue_behaviours(scenario, tables):
        behaviour = parse_behaviour(text, tables.vocabulary, "tissue")
        factors = tables.changes.of_behaviour(None, behaviour)
        group = tables.add_site(response, factors)
        sites.append(
            Site(
                kind=behaviour.kind,
                group=group,
                cytokine=_target_index(behaviour, labels, ""),
                compartment=labels.compartments.index(behaviour.compartment) if behaviour.compartment else -1,
                per_block=tables.reads_only_neighbourhood(response, factors),
            )
        )
    for k, (name, cell_type) in enumerate(scenario.cell_types.items()):
        for text, response in cell_type.behaviours.items():
            if _key(tables, labels, name, text)[0] is BehaviourKind.ARRIVAL:
                factors = tables.changes.of_behaviour(name, Behaviour(BehaviourKind.ARRIVAL))
                group = tables.add_site(response, factors, name)
                block = tables.reads_only_neighbourhood(response, factors, name)
                sites.append(Site(BehaviourKind.ARRIVAL, group, cell_type=k, per_block=block))
    return tuple(sites)


def _tissue_behaviours(scenario: Scenario, tables: ResponseTables) -> list[tuple[str, Response]]:
    """Behaviours of the tissue; basal production that an intervention changes gets one of its own."""
    found = dict(scenario.tissue.behaviours)
    held = {parse_behaviour(text, tables.vocabulary, "tissue") for text in found}
    for target in tables.changes.targets:
        if target.behaviour is not None and (TISSUE in target.of or ALL in target.of):
            try:
                wanted = parse_behaviour(target.behaviour, tables.vocabulary.of_place(), "tissue")
            except UnknownBehaviourError:
                continue
            if wanted.kind is BehaviourKind.PRODUCTION and wanted not in held:
                found[target.behaviour] = Response(base=Quantity(1.0))
                held.add(wanted)
    return list(found.items())


def _waiting(
    scenario: Scenario, labels: Labels, tables: ResponseTables, entrance: Callable[[str], Ints]
) -> tuple[Waiting, ...]:
    """Every cell type in every compartment where it can wait."""
    found = []
    for k, cell_type in enumerate(scenario.cell_types.values()):
        for name, stay in cell_type.compartments.items():
            compartment = labels.compartments.index(name)
            entry, secretion = None, []
            for text, response in stay.behaviours.items():
                behaviour = parse_behaviour(text, tables.vocabulary, "compartment")
                type_name = labels.cell_types[k]
                factors = tables.changes.of_behaviour(type_name, behaviour, in_tissue=False)
                group = tables.add_site(response, factors, type_name, in_tissue=False)
                cytokine = _target_index(behaviour, labels, "")
                senses = tables.senses_tissue(response)
                site = Site(behaviour.kind, group, k, cytokine, compartment, senses_tissue=senses)
                if behaviour.kind is BehaviourKind.ENTRY:
                    entry = site
                else:
                    secretion.append(site)
            found.append(
                Waiting(
                    cell_type=k,
                    compartment=compartment,
                    lifetime=float(stay.lifetime),
                    homing_fraction=float(stay.homing_fraction),
                    entry=entry,
                    secretion=tuple(secretion),
                    voxels=entrance(name),
                )
            )
    return tuple(found)
