"""The scenario of one run of a planned sweep: as a worker simulates it, and as a text."""

from __future__ import annotations

from dataclasses import replace

from abm.errors import Fault, ScenarioError
from abm.scenario.load import load_experiment_text
from abm.scenario.nodes import KeyPath, Node
from abm.scenario.physicell import with_rules
from abm.scenario.schema.scenario import Scenario
from abm.sweep.manifest import Manifest
from abm.sweep.resolve import Resolver, checked


def resolver_of(manifest: Manifest) -> Resolver:
    """What makes the scenarios of a planned sweep.

    Raises
    ------
    ScenarioError
        This version of the program finds faults in the scenario.
    """
    resolver = Resolver(load_experiment_text(manifest.base_text, "scenario"), manifest.arms)
    design = manifest.design
    probes: dict[KeyPath, list[Node]] = {}
    for i, axis in enumerate(design.axes):
        ends = (design.values[:, i].min(), design.values[:, i].max())
        probes |= {path: [axis.node(float(value)) for value in ends] for path in axis.paths}
    resolver.learn(probes)
    return resolver


def scenario_of(manifest: Manifest, resolver: Resolver, run: int) -> Scenario:
    """The scenario of one run, checked as ``abm check`` does.

    Raises
    ------
    ScenarioError
        It has faults that the plan did not meet; or it is not the one that was planned.
    """
    point, arm, _ = manifest.where(run)
    document = resolver.document(arm, manifest.design.settings(point))
    planned = bytes(manifest.scenarios.digests[run // manifest.replicates])
    if resolver.digest(document) != planned:
        message = "is not the scenario that was planned; the folder or the program has changed: plan again"
        raise ScenarioError([Fault(f"{manifest.text_of(run)}: {message}")])
    scenario, faults = checked(document)
    if scenario is None:
        raise ScenarioError(faults)
    return scenario


def scenario_text(manifest: Manifest, resolver: Resolver, run: int) -> str:
    """Resolved text of one run with the seed of the sweep; ``abm run`` makes its replicates from it."""
    point, arm, _ = manifest.where(run)
    document, _ = with_rules(resolver.document(arm, manifest.design.settings(point)), [])
    changed = replace(
        resolver.experiment,
        arm_documents={arm: document},
        seed=manifest.seed_of(run),
        replicates=manifest.replicates,
    )
    return changed.arm_text(arm)
