"""The variants of an experiment, each with one rule or intervention switched off, as scenarios to be run.

Variants are documents, like scenario files, so that the file of each run says exactly what was run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from abm.errors import Fault, ScenarioError
from abm.scenario.check import check
from abm.scenario.load import Experiment
from abm.scenario.nodes import MapNode
from abm.scenario.schema import Scenario
from abm.scenario.validate import validate
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import responses
from abm.state.kinds import BehaviourKind
from abm.study.ablation_changes import Change, changes_in, put, text_node, waiting_name

_SLUG = re.compile(r"[^A-Za-z0-9.+]+")
_LONGEST = 80
INTACT = "intact"  # folder of the runs with nothing switched off


@dataclass(frozen=True)
class Variant:
    """One rule or intervention switched off.

    Attributes
    ----------
    name : str
        E.g. ``neuron: gate: decreases TGF-b1``.
    kind : str
        One of `KINDS`.
    experiment : Experiment
        Its arms are those in which something is different; they keep their names.
    unchanged : dict of str to str
        Arm to why it is the intact run by construction.
    same_as : tuple of str
        Names of other variants that give the same scenarios.
    folder : str
        Name of the folder of its runs.
    """

    name: str
    kind: str
    experiment: Experiment
    unchanged: dict[str, str] = field(default_factory=dict)
    same_as: tuple[str, ...] = ()
    folder: str = ""


@dataclass(frozen=True)
class Skipped:
    """What is not switched off, and why."""

    name: str
    kind: str
    reason: str


def slug(name: str) -> str:
    """Name as part of a path."""
    return _SLUG.sub("-", name).strip("-")[:_LONGEST]


def variants_of(
    experiment: Experiment, arms: Sequence[str], seed: int, wanted: Callable[[str, str], bool]
) -> tuple[list[Variant], list[Skipped]]:
    """Everything that can be switched off, and what cannot.

    Parameters
    ----------
    experiment : Experiment
    arms : sequence of str
        Only these.
    seed : int
        Of the first replicate: values in naive tissue are taken from it.
    wanted : callable(name, kind)
        Whether something is to be switched off.
    """
    by_name: dict[str, dict[str, Change]] = {}
    for arm in arms:
        scenario, document = experiment.arms[arm], experiment.arm_documents[arm]
        for change in changes_in(scenario, document, seed, wanted):
            by_name.setdefault(change.name, {})[arm] = change
    found: list[Variant] = []
    skipped: list[Skipped] = []
    present = {arm: cells_in(experiment.arms[arm]) for arm in arms}
    for changes in by_name.values():
        variant, left_out = _variant(experiment, arms, changes, present)
        skipped += left_out
        if variant is not None:
            found.append(variant)
    return _in_folders(_without_repetitions(found)), skipped


def _variant(
    experiment: Experiment, arms: Sequence[str], changes: dict[str, Change], present: dict[str, set[str]]
) -> tuple[Variant | None, list[Skipped]]:
    """One change in all arms."""
    first = next(iter(changes.values()))
    scenarios: dict[str, Scenario] = {}
    documents: dict[str, MapNode] = {}
    unchanged: dict[str, str] = {}
    reasons: list[str] = []
    for arm in arms:
        change = changes.get(arm)
        if change is None:
            unchanged[arm] = "not part of this arm"
            continue
        intact = experiment.arms[arm]
        if change.document is None:
            reasons.append(change.reason)
            continue
        missing = [name for name in change.needs if name not in present[arm]]
        if missing:
            unchanged[arm] = f"no {missing[0]} in this arm"
            continue
        scenario, problem = _validated(change.document)
        if scenario is None:
            reasons.append(problem)
        elif scenario == intact:
            unchanged[arm] = "it is as if switched off already"
        else:
            scenarios[arm], documents[arm] = scenario, change.document
    if reasons:
        return None, [Skipped(first.name, first.kind, "; ".join(dict.fromkeys(reasons)))]
    if not scenarios:
        reason = "; ".join(dict.fromkeys(unchanged.values()))
        return None, [Skipped(first.name, first.kind, f"no effect by construction: {reason}")]
    made = Experiment(
        base=next(iter(scenarios.values())),
        arms=scenarios,
        replicates=experiment.replicates,
        seed=experiment.seed,
        arm_documents=documents,
    )
    return Variant(first.name, first.kind, made, unchanged), []


def _validated(document: MapNode) -> tuple[Scenario | None, str]:
    """The scenario of a changed document, or why it is none."""
    scenario, faults = validate(Scenario, document)
    if scenario is not None:
        faults, _ = check(scenario, document)
    if faults or scenario is None:
        return None, f"the scenario without it is not valid: {faults[0].message}"
    return scenario, ""


def _without_repetitions(variants: list[Variant]) -> list[Variant]:
    """Variants that give the same scenarios are made once, under the first name."""
    kept: list[Variant] = []
    for variant in variants:
        twin = next((v for v in kept if v.experiment.arms == variant.experiment.arms), None)
        if twin is None:
            kept.append(variant)
        else:
            names = (*twin.same_as, variant.name)
            kept[kept.index(twin)] = replace(twin, same_as=names)
    return kept


def _in_folders(variants: list[Variant]) -> list[Variant]:
    """Give every variant a folder of its own, and scenarios a title that says what is switched off."""
    taken: set[str] = {INTACT}
    found = []
    for variant in variants:
        folder = plain = slug(variant.name)
        number = 1
        while folder.lower() in taken:
            number += 1
            folder = f"{plain}-{number}"
        taken.add(folder.lower())
        made = variant.experiment
        scenarios = {
            arm: scenario.model_copy(update={"title": title_without(scenario.title, variant.name)})
            for arm, scenario in made.arms.items()
        }
        documents = {
            arm: put(document, ("title",), text_node(scenarios[arm].title))
            for arm, document in made.arm_documents.items()
        }
        made = replace(made, base=next(iter(scenarios.values())), arms=scenarios, arm_documents=documents)
        found.append(replace(variant, experiment=made, folder=folder))
    return found


def title_without(title: str, name: str) -> str:
    """Title of a variant."""
    return f"{title}; without {name}" if title else f"without {name}"


def cells_in(scenario: Scenario) -> set[str]:
    """Cell types that can occur in an arm, and ``T waiting in C`` where such cells are injected.

    They are placed, arrive, are injected, or are what such cells turn into.
    """
    present = {
        name
        for name, cell_type in scenario.cell_types.items()
        if float(cell_type.density) > 0.0 or "arrival" in cell_type.behaviours
    }
    for intervention in scenario.interventions:
        if intervention.inject_cells is not None:
            given = intervention.inject_cells
            route = scenario.routes.get(given.route)
            present |= {given.type} | ({waiting_name(given.type, route.compartment)} if route else set())
    while True:
        turned = {
            place.behaviour.cell_type
            for place in responses(scenario, vocabulary_of(scenario))
            if place.cell_type in present
            and place.behaviour is not None
            and place.behaviour.kind is BehaviourKind.TRANSFORM
            and place.behaviour.cell_type is not None
        }
        if turned <= present:
            return present
        present |= turned


def with_small_records(experiment: Experiment, arms: Sequence[str]) -> Experiment:
    """Some arms of an experiment, recording nothing but readouts: that is all an ablation looks at."""
    documents: dict[str, MapNode] = {}
    scenarios: dict[str, Scenario] = {}
    never = text_node("never")
    for arm in arms:
        document = experiment.arm_documents[arm]
        for key in ("cells", "fields", "checkpoint"):
            document = put(document, ("record", key), never)
        scenario, problem = _validated(document)
        if scenario is None:
            raise ScenarioError([Fault(f"arm {arm}: {problem}")])
        documents[arm], scenarios[arm] = document, scenario
    return replace(
        experiment, arms=scenarios, arm_documents=documents, claims=(), base=next(iter(scenarios.values()))
    )
