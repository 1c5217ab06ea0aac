"""Interventions name things that exist, and change something that is there."""

from __future__ import annotations

from abm.scenario.behaviours import Behaviour, UnknownBehaviourError, parse_behaviour
from abm.scenario.checks.context import Context
from abm.scenario.checks.names import known
from abm.scenario.nodes import KeyPath, listed, nearest
from abm.scenario.schema.treatment import (
    ALL,
    LOCAL,
    TISSUE,
    Dose,
    InjectCells,
    KnockOut,
    Neutralise,
    RemoveCells,
    Target,
)
from abm.scenario.signals import Signal, UnknownSignalError, parse_signal
from abm.scenario.vocabulary import Vocabulary
from abm.scenario.walk import ResponsePlace, is_unknown, responses
from abm.state.kinds import BehaviourKind, SignalKind

#: Signals whose sensitivity cannot be changed: a cell does not sense itself through a receptor.
_OWN = (SignalKind.OWN, SignalKind.PHENOTYPE, SignalKind.AGE, SignalKind.DEAD, SignalKind.TIME)


def check_interventions(context: Context) -> None:
    """Report interventions that refer to nothing or would change nothing."""
    for i, intervention in enumerate(context.scenario.interventions):
        path: KeyPath = ("interventions", i, intervention.kind)
        if intervention.inject_cells is not None:
            _check_injection(context, path, intervention.inject_cells)
        elif intervention.infuse is not None:
            cytokines = context.names.cytokines
            known(context, (*path, "cytokine"), intervention.infuse.cytokine, cytokines, "cytokine")
            _check_route(context, path, intervention.infuse)
        elif intervention.neutralise is not None:
            _check_neutralise(context, path, intervention.neutralise)
        elif intervention.modify is not None:
            _check_site(context, path, intervention.modify.site)
            _check_target(context, path, intervention.modify)
        elif intervention.remove_cells is not None:
            _check_removal(context, path, intervention.remove_cells)
        elif intervention.drug is not None:
            known(context, (*path, "name"), intervention.drug.name, context.names.drugs, "drug")
        elif intervention.knock_out is not None:
            _check_knock_out(context, path, intervention.knock_out)
    for name, drug in context.scenario.drugs.items():
        for i, effect in enumerate(drug.effects):
            path = ("drugs", name, "effects", i)
            _check_site(context, path, effect.site)
            _check_target(context, path, effect)


def _check_site(context: Context, path: KeyPath, site: str | None) -> None:
    if site is not None:
        known(context, (*path, "site"), site, context.names.regions, "region")


def _check_injection(context: Context, path: KeyPath, dose: InjectCells) -> None:
    names = context.names
    compartment = _check_route(context, path, dose)
    if not known(context, (*path, "type"), dose.type, names.cell_types, "cell type"):
        return
    if dose.phenotype is not None:
        allowed = names.phenotypes.get(dose.type, ())
        known(context, (*path, "phenotype"), dose.phenotype, allowed, f"phenotype of {dose.type}")
    cell_type = context.scenario.cell_types.get(dose.type)
    if cell_type is None or compartment is None or is_unknown(compartment):
        return
    if compartment not in cell_type.compartments:
        message = f"{dose.type} cannot wait in '{compartment}', where route '{dose.route}' leads; "
        message += f"add cell_types.{dose.type}.compartments.{compartment}"
        context.fault((*path, "route"), message)


def _check_route(context: Context, path: KeyPath, dose: Dose) -> str | None:
    """The compartment of a dose, None when it is local or unknown."""
    routes = context.scenario.routes
    if not known(context, (*path, "route"), dose.route, (*routes, LOCAL), "route"):
        return None
    if dose.route == LOCAL:
        if dose.site is None:
            context.fault((*path, "route"), "a local dose needs 'site', the name of a region")
        else:
            known(context, (*path, "site"), dose.site, context.names.regions, "region")
        return None
    if dose.site is not None:
        context.fault((*path, "site"), f"'site' belongs to a local dose; route '{dose.route}' has none", True)
    return routes[dose.route].compartment


def _check_neutralise(context: Context, path: KeyPath, block: Neutralise) -> None:
    names = context.names
    if not known(context, (*path, "cytokine"), block.cytokine, names.cytokines, "cytokine"):
        return
    cytokine = context.scenario.cytokines.get(block.cytokine)
    dose = block.as_infusion
    if dose is None:
        _check_site(context, path, block.site)
        if cytokine is not None and cytokine.decay_rate == 0.0 and not _taken_up(context, block.cytokine):
            message = f"'{block.cytokine}' has no losses that could be raised; give an 'agent' that binds it"
            context.fault((*path, "share"), message, at_key=True)
        return
    _check_route(context, path, dose)
    if not known(context, (*path, "agent"), dose.cytokine, names.cytokines, "cytokine"):
        return
    agent = context.scenario.cytokines.get(dose.cytokine)
    if agent is not None and block.cytokine not in agent.binds:
        binds = f"it binds {listed(agent.binds)}" if agent.binds else "it binds nothing"
        message = f"'{dose.cytokine}' does not bind '{block.cytokine}'; {binds}"
        context.fault((*path, "agent"), message)


def _taken_up(context: Context, cytokine: str) -> bool:
    """Whether any cell takes a cytokine up."""
    uptake = Behaviour(BehaviourKind.UPTAKE, field=cytokine)
    return any(place.behaviour == uptake for place in responses(context.scenario, context.names))


def _check_removal(context: Context, path: KeyPath, removal: RemoveCells) -> None:
    _check_site(context, path, removal.site)
    exists = known(context, (*path, "type"), removal.type, context.names.cell_types, "cell type")
    if exists and removal.phenotype is not None:
        allowed = context.names.phenotypes.get(removal.type, ())
        known(context, (*path, "phenotype"), removal.phenotype, allowed, f"phenotype of {removal.type}")


def _check_knock_out(context: Context, path: KeyPath, out: KnockOut) -> None:
    if out.cytokine is not None:
        known(context, (*path, "cytokine"), out.cytokine, context.names.cytokines, "cytokine")
    if out.cell_type is not None:
        known(context, (*path, "cell_type"), out.cell_type, context.names.cell_types, "cell type")


def _check_target(context: Context, path: KeyPath, target: Target) -> None:
    """Every owner exists, and what is changed exists in each owner that is named."""
    names = (ALL, TISSUE, *context.names.cell_types)
    owners = []
    for j, name in enumerate(target.of):
        if known(context, (*path, "of", j), name, names, "cell type"):
            owners.append(name)
    if not owners or len(owners) < len(target.of):
        return
    for key, check in (("behaviour", _behaviours), ("variable", _variables), ("sensing", _senses)):
        text = getattr(target, key)
        if text is None or is_unknown(text):
            continue
        for owner in owners:
            problem = check(context, owner, text)
            if problem:
                context.fault((*path, key), problem)
                break


def _places(context: Context, owner: str) -> list[ResponsePlace]:
    """Responses of a cell type, of the tissue, or of everything."""
    wanted = None if owner == TISSUE else owner
    return [
        place
        for place in responses(context.scenario, context.names)
        if owner == ALL or place.cell_type == wanted
    ]


def _vocabulary(context: Context, owner: str) -> Vocabulary:
    if owner == TISSUE:
        return context.names.of_place()
    return context.names.of(None if owner == ALL else owner)


def _whose(owner: str) -> str:
    return {ALL: "no cell type", TISSUE: "the tissue"}.get(owner, owner)


def _behaviours(context: Context, owner: str, text: str) -> str:
    """Why a behaviour cannot be changed; empty when it can."""
    names = _vocabulary(context, owner)
    wanted: set[Behaviour] = set()
    reason = ""
    for room in ("cell", "compartment", "tissue") if owner == ALL else ("cell", "compartment"):
        if owner == TISSUE:
            room = "tissue"
        try:
            wanted.add(parse_behaviour(text, names, room))  # type: ignore[arg-type]
        except UnknownBehaviourError as error:
            reason = reason or str(error)
    if not wanted:
        return reason
    if owner == TISSUE:
        return ""  # basal production is there even where no response scales it
    places = _places(context, owner)
    if any(place.behaviour in wanted for place in places):
        return ""
    has = list(dict.fromkeys(place.title for place in places if place.variable is None))
    verb = "has" if owner == ALL else "does not have"
    return f"{_whose(owner)} {verb} the behaviour '{text}'{nearest(text, has)}; there is: {listed(has, 24)}"


def _variables(context: Context, owner: str, name: str) -> str:
    if owner == TISSUE:
        return "the tissue carries no variables"
    types = context.scenario.cell_types
    chosen = types if owner == ALL else {owner: types[owner]} if owner in types else {}
    moved = [key for cell in chosen.values() for key, v in cell.variables.items() if v.response is not None]
    if name in moved:
        return ""
    if any(name in cell.variables for cell in chosen.values()):
        return f"variable '{name}' is constant; change its 'value' in the arm instead"
    verb = "has" if owner == ALL else "does not have"
    hint = nearest(name, moved)
    return f"{_whose(owner)} {verb} the variable '{name}'{hint}; there is: {listed(dict.fromkeys(moved), 24)}"


def _senses(context: Context, owner: str, text: str) -> str:
    """Why what is sensed cannot be changed; empty when it can."""
    read: set[Signal] = set()
    followed: set[str | None] = set()  # cytokines whose gradients cells follow
    for place in _places(context, owner):
        for _, _, term in place.response.terms():
            try:
                signal = parse_signal(term.signal, place.names)
            except UnknownSignalError:
                continue
            if signal.kind not in _OWN:
                read.add(signal)
        if place.behaviour is not None and place.behaviour.kind is BehaviourKind.SENSITIVITY:
            followed.add(place.behaviour.field)
    if text in context.names.cytokines:
        found = text in followed or any(signal.field == text for signal in read)
    else:
        names = (
            context.names.of_place() if owner == TISSUE else context.names.of(owner if owner != ALL else None)
        )
        try:
            wanted = parse_signal(text, names)
        except UnknownSignalError as error:
            return str(error)
        found = wanted in read
    if found:
        return ""
    signals = sorted(str(signal) for signal in read)
    verb = "senses" if owner == ALL else "does not sense"
    return f"{_whose(owner)} {verb} '{text}'{nearest(text, signals)}; sensed there: {listed(signals, 24)}"
