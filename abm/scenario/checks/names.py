"""Every name that is used must exist, and every name that is given must be one."""

from __future__ import annotations

from collections.abc import Iterable

from abm.scenario.checks.context import Context
from abm.scenario.nodes import KeyPath, listed, nearest
from abm.scenario.schema.domain import FACES
from abm.scenario.schema.treatment import ALL, LOCAL, TISSUE
from abm.scenario.signals import UnknownSignalError, parse_signal
from abm.scenario.vocabulary import lookalike, name_problem
from abm.scenario.walk import ResponsePlace, is_unknown, responses

_FACE_WORDS = ("no-flux", "baseline")
_RESERVED = {
    "cytokines": ("time", "age", "dead", "damage"),
    "compartments": _FACE_WORDS,
    "routes": (LOCAL,),
    "cell_types": (ALL, TISSUE),
}


def check_names(context: Context) -> None:
    """Report names that are no names, and references to what does not exist."""
    _check_given(context)
    _check_boundaries(context)
    _check_biology(context)
    _check_experiment(context)
    for place in responses(context.scenario, context.names):
        check_response_names(context, place)
    _check_same_behaviour(context)


def known(context: Context, path: KeyPath, name: str | None, allowed: Iterable[str], what: str) -> bool:
    """Whether `name` is one of `allowed`; reports it when not."""
    allowed = tuple(allowed)
    if name is None or is_unknown(name):
        return False
    if name in allowed:
        return True
    hint = f"{lookalike(name)}{nearest(name, allowed)}"
    context.fault(path, f"unknown {what} '{name}'{hint}; known: {listed(allowed, 24)}")
    return False


def _check_given(context: Context) -> None:
    scenario = context.scenario
    for section in ("cytokines", "regions", "compartments", "routes", "drugs", "injury_kinds", "cell_types"):
        _check_keys(context, (section,), getattr(scenario, section), _RESERVED.get(section, ()))
    for name, kind in scenario.injury_kinds.items():
        _check_keys(context, ("injury_kinds", name, "drives"), kind.drives)
    for name, cell_type in scenario.cell_types.items():
        _check_keys(context, ("cell_types", name, "variables"), cell_type.variables)
        _check_keys(context, ("cell_types", name, "phenotypes"), cell_type.phenotypes)


def _check_keys(context: Context, path: KeyPath, names: Iterable[str], reserved: Iterable[str] = ()) -> None:
    for name in names:
        problem = name_problem(name)
        if not problem and name in reserved:
            problem = f"'{name}' has a meaning of its own here and cannot be a name"
        if problem:
            context.fault((*path, name), problem, at_key=True)


def _check_boundaries(context: Context) -> None:
    domain, names = context.scenario.domain, context.names
    for face in FACES:
        path: KeyPath = ("domain", "boundaries", face)
        boundary = getattr(domain.boundaries, face)
        if isinstance(boundary, str):
            known(context, path, boundary, (*_FACE_WORDS, *names.compartments), "boundary")
        else:
            for cytokine in boundary:
                known(context, (*path, cytokine), cytokine, names.cytokines, "cytokine")
        if domain.is_flat and face.startswith("z") and boundary != "no-flux":
            context.fault(path, "a slab has no exchange through its z faces; leave it out or write no-flux")


def _check_biology(context: Context) -> None:
    scenario, names = context.scenario, context.names
    for name, cytokine in scenario.cytokines.items():
        for region in cytokine.regions:
            known(context, ("cytokines", name, "regions", region), region, names.regions, "region")
        for compartment in cytokine.compartments:
            here: KeyPath = ("cytokines", name, "compartments", compartment)
            known(context, here, compartment, names.compartments, "compartment")
        for target in cytokine.binds:
            _check_bond(context, name, target)
    for name, route in scenario.routes.items():
        path: KeyPath = ("routes", name, "compartment")
        known(context, path, route.compartment, names.compartments, "compartment")
    for name, kind in scenario.injury_kinds.items():
        for i, release in enumerate(kind.releases):
            here = ("injury_kinds", name, "releases", i)
            known(context, (*here, "cytokine"), release.cytokine, names.cytokines, "cytokine")
            known(context, (*here, "drive"), release.drive, kind.drives, f"drive of {name}")
    for name, cell_type in scenario.cell_types.items():
        variables = names.variables.get(name, ())
        for phenotype, definition in cell_type.phenotypes.items():
            if definition.when is not None:
                here = ("cell_types", name, "phenotypes", phenotype, "when", "variable")
                known(context, here, definition.when.variable, variables, f"variable of {name}")
        for compartment in cell_type.compartments:
            here = ("cell_types", name, "compartments", compartment)
            known(context, here, compartment, names.compartments, "compartment")


def _check_bond(context: Context, name: str, target: str) -> None:
    """A binder and its target need molar masses: they meet mole for mole."""
    path: KeyPath = ("cytokines", name, "binds", target)
    if not known(context, path, target, context.names.cytokines, "cytokine"):
        return
    if target == name:
        context.fault(path, f"'{name}' cannot bind itself", at_key=True)
    for which in (name, target):
        cytokine = context.scenario.cytokines.get(which)
        if cytokine is not None and cytokine.molar_mass is None:
            message = f"'{name}' binds '{target}' mole for mole: give cytokines.{which}.molar_mass"
            context.fault(path, message, at_key=True)


def _check_experiment(context: Context) -> None:
    scenario, names = context.scenario, context.names
    for i, injury in enumerate(scenario.injuries):
        known(context, ("injuries", i, "kind"), injury.kind, scenario.injury_kinds, "kind of injury")
        known(context, ("injuries", i, "site"), injury.site, names.regions, "region")
    if scenario.readout is not None:
        nociception = scenario.readout.nociception
        path: KeyPath = ("readout", "nociception")
        if known(context, (*path, "cell_type"), nociception.cell_type, names.cell_types, "cell type"):
            allowed = names.variables.get(nociception.cell_type, ())
            what = f"variable of {nociception.cell_type}"
            known(context, (*path, "variable"), nociception.variable, allowed, what)
        if nociception.region is not None:
            known(context, (*path, "region"), nociception.region, names.regions, "region")


def check_response_names(context: Context, place: ResponsePlace) -> None:
    """Behaviour and signals of one response."""
    if place.problem:
        context.fault(place.path, place.problem, at_key=True)
    for side, i, term in place.response.terms():
        if is_unknown(term.signal):
            continue
        try:
            parse_signal(term.signal, place.names)
        except UnknownSignalError as error:
            context.fault((*place.path, side, i, "signal"), str(error))


def _check_same_behaviour(context: Context) -> None:
    """One behaviour written twice under two names."""
    seen: dict[tuple[object, ...], str] = {}
    for place in responses(context.scenario, context.names):
        if place.behaviour is None:
            continue
        key = (place.path[:-1], place.behaviour)
        if key in seen:
            message = f"'{place.title}' and '{seen[key]}' are the same behaviour; keep one"
            context.fault(place.path, message, at_key=True)
        seen[key] = place.title
