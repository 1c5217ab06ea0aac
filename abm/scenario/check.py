"""All checks of one scenario, in one go."""

from __future__ import annotations

from abm.errors import Fault
from abm.scenario.checks.context import Context, Places
from abm.scenario.checks.dimensions import check_dimensions
from abm.scenario.checks.geometry import check_geometry
from abm.scenario.checks.interventions import check_interventions
from abm.scenario.checks.names import check_names
from abm.scenario.checks.plausibility import check_chemotaxis, check_sources, check_steps
from abm.scenario.checks.rules import check_rules
from abm.scenario.checks.times import check_times
from abm.scenario.nodes import MapNode, find
from abm.scenario.schema.scenario import Scenario
from abm.scenario.vocabulary import Vocabulary, vocabulary_of


def check(
    scenario: Scenario, document: MapNode, places: Places | None = None
) -> tuple[list[Fault], list[Fault]]:
    """Faults and warnings of a scenario that satisfies the schema, or was repaired to do so.

    Molar values are converted to mass on the way.

    Parameters
    ----------
    scenario : Scenario
    document : MapNode
        What it was made from, for positions.
    places : mapping, optional
        Where the entries of shortened lists stand in the document; given when the scenario holds
        stand-ins for what the schema refused (`abm.scenario.repair`).
    """
    context = Context(scenario, document, _every_name(scenario, document), places or {})
    check_names(context)
    check_interventions(context)
    check_dimensions(context)
    check_rules(context)
    check_times(context)
    check_geometry(context)
    check_sources(context)
    if not context.faults and places is None:
        check_steps(context)
        check_chemotaxis(context)
    return context.faults, context.warnings


def _every_name(scenario: Scenario, document: MapNode) -> Vocabulary:
    """Names of the document, also of entries too faulty to be part of the scenario.

    A cytokine with a faulty unit still exists: its signals are not faults of their own.
    """

    def names(*path: str) -> tuple[str, ...]:
        node = find(document, path)
        return tuple(node.entries) if isinstance(node, MapNode) else ()

    cell_types = names("cell_types")
    drives = [drive for kind in names("injury_kinds") for drive in names("injury_kinds", kind, "drives")]
    known = vocabulary_of(scenario)
    return Vocabulary(
        cytokines=names("cytokines"),
        cell_types=cell_types,
        regions=names("regions"),
        compartments=names("compartments"),
        drives=tuple(dict.fromkeys((*known.drives, *drives))),
        drugs=names("drugs"),
        variables={name: names("cell_types", name, "variables") for name in cell_types},
        phenotypes={name: names("cell_types", name, "phenotypes") for name in cell_types},
    )
