"""From a scenario file to an experiment: one validated scenario per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from abm.errors import Fault, ScenarioError
from abm.scenario.check import check
from abm.scenario.claims.reading import CheckedClaim, read_claims
from abm.scenario.emit import emit
from abm.scenario.extend import Loader
from abm.scenario.form import well_formed
from abm.scenario.merge import merge, settled
from abm.scenario.nodes import ListNode, MapNode, Mark, Node, Origin, ScalarNode, nearest, plain
from abm.scenario.physicell import embed_rules, with_rules
from abm.scenario.read import UnreadableError
from abm.scenario.repair import repaired
from abm.scenario.schema.claims import Claims
from abm.scenario.schema.scenario import FILE_KEYS, RunSettings, Scenario
from abm.scenario.settings import apply_setting
from abm.scenario.validate import validate
from abm.scenario.vocabulary import name_problem


@dataclass(frozen=True)
class Experiment:
    """A checked scenario file.

    Attributes
    ----------
    base : Scenario
        What all arms have in common.
    arms : dict of str to Scenario
        At least one; a file without `arms` has one arm, named like the file.
    replicates, seed : int
    claims : tuple of CheckedClaim
        Published findings that the arms are tested against.
    warnings : tuple of Fault
        What is allowed but deserves a look.
    """

    base: Scenario
    arms: dict[str, Scenario]
    replicates: int
    seed: int
    claims: tuple[CheckedClaim, ...] = ()
    warnings: tuple[Fault, ...] = field(default=(), compare=False)
    document: MapNode = field(default=MapNode({}, {}, Mark(Origin(""))), compare=False, repr=False)
    arm_documents: dict[str, MapNode] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def text(self) -> str:
        """Resolved YAML of the whole experiment; loads again to an equal experiment."""
        entries = dict(self.document.entries)
        if not isinstance(entries.get("arms"), MapNode):
            entries["arms"] = _only_arm(next(iter(self.arms)))
        return emit(_ordered(entries))

    def arm_text(self, name: str) -> str:
        """Resolved YAML of one arm alone; loads again to an experiment with that arm."""
        arm = self.arm_documents[name]
        nowhere = Mark(Origin(""))
        entries: dict[str, Node] = dict(arm.entries)
        for key in ("replicates", "seed"):
            number = getattr(self, key)
            entries[key] = ScalarNode(number, str(number), nowhere)
        entries["arms"] = _only_arm(name)
        return emit(_ordered(entries))


def _only_arm(name: str) -> MapNode:
    """The arms of a text that has one arm."""
    nowhere = Mark(Origin(""))
    return MapNode({name: MapNode({}, {}, nowhere)}, {name: nowhere}, nowhere)


def load_experiment(path: str | Path, sets: Sequence[str] = ()) -> Experiment:
    """Read, resolve and check a scenario file.

    Parameters
    ----------
    path : str or Path
    sets : sequence of str
        Values changed from the command line, ``path=value`` each, applied in order.

    Raises
    ------
    abm.errors.ScenarioError
        With every fault found, ordered by position.
    """
    loader = Loader()
    try:
        document = loader.file(Path(path), str(path))
    except UnreadableError as error:
        raise ScenarioError([error.fault]) from None
    return _experiment(document, loader, Path(path).stem, sets)


def load_experiment_text(text: str, name: str = "run", sets: Sequence[str] = ()) -> Experiment:
    """The same for a text, e.g. the one stored in a result file; `name` stands in messages."""
    loader = Loader()
    try:
        document = loader.text(text, name, None)
    except UnreadableError as error:
        raise ScenarioError([error.fault]) from None
    return _experiment(document, loader, Path(name).stem, sets)


def load_scenario(path: str | Path, arm: str | None = None, sets: Sequence[str] = ()) -> Scenario:
    """One arm of a scenario file; without `arm` what all arms have in common."""
    experiment = load_experiment(path, sets)
    if arm is None:
        return experiment.base
    if arm not in experiment.arms:
        message = f"no arm '{arm}'{nearest(arm, experiment.arms)}; arms: {', '.join(experiment.arms)}"
        raise ScenarioError([Fault(message, str(path))])
    return experiment.arms[arm]


def arm_document(document: MapNode, arm: str) -> MapNode:
    """What one arm of a loaded file is made from, before the rules of its rules files are laid over it.

    Parameters
    ----------
    document : MapNode
        :attr:`Experiment.document`, perhaps with other values put into it.
    arm : str
        Name of an arm; that of the only one where the file names none.
    """
    base = _without(document, FILE_KEYS)
    arms = document.entries.get("arms")
    patch = arms.entries.get(arm) if isinstance(arms, MapNode) else None
    if not isinstance(patch, MapNode) or not patch.entries:
        return base
    own = well_formed(_without(patch, (*FILE_KEYS, "schema_version")), Scenario, [], ("arms", arm))
    merged = settled(merge(base, own))
    assert isinstance(merged, MapNode)
    return merged


def _experiment(document: MapNode, loader: Loader, stem: str, sets: Sequence[str]) -> Experiment:
    faults = loader.faults
    for setting in sets:
        document = apply_setting(document, setting, faults)
    document = embed_rules(loader.embed_images(document), loader.names, faults)
    base_document = _without(document, FILE_KEYS)
    ruled, notes = with_rules(base_document, faults, loader.incomplete)
    patches = _patches(document, stem, faults)
    run_settings, setting_faults = validate(RunSettings, _only(document, ("replicates", "seed")))
    faults += setting_faults
    base, warnings = _one(ruled, loader, ())
    warnings += notes
    arms: dict[str, Scenario] = {}
    arm_documents: dict[str, MapNode] = {}
    for name, patch in patches.items():
        arm_documents[name] = ruled
        if patch.entries:
            merged = settled(merge(base_document, patch))
            assert isinstance(merged, MapNode)
            arm_documents[name], notes = with_rules(merged, faults, loader.incomplete)
            arm, more = _one(arm_documents[name], loader, ("arms", name))
            warnings += notes + more
        else:
            arm = base
        if arm is not None:
            arms[name] = arm
    claims = _claims(document, {name: arms.get(name) for name in patches}, faults, warnings)
    if faults:
        raise ScenarioError(_in_order(faults, loader.names))
    assert base is not None and run_settings is not None
    return Experiment(
        base=base,
        arms=arms,
        replicates=run_settings.replicates,
        seed=run_settings.seed,
        claims=claims,
        warnings=tuple(_in_order(warnings, loader.names)),
        document=_without(document, ("extends",)),
        arm_documents=arm_documents,
    )


def _claims(
    document: MapNode, arms: Mapping[str, Scenario | None], faults: list[Fault], warnings: list[Fault]
) -> tuple[CheckedClaim, ...]:
    """The checked claims; an arm that is faulty itself is not looked into."""
    claims, found = validate(Claims, _only(document, ("claims",)))
    faults += found
    checked, found, late = read_claims(claims, document, arms)
    faults += found
    warnings += late
    return checked


def _one(document: MapNode, loader: Loader, prefix: tuple[str, ...]) -> tuple[Scenario | None, list[Fault]]:
    """One arm; its new faults go to the loader, its warnings are returned."""
    scenario, found = validate(Scenario, document, loader.incomplete)
    repair = repaired(document) if scenario is None else None
    checked = repair.scenario if repair is not None else scenario
    warnings: list[Fault] = []
    # Names of what could not be read are not unknown, so then names are not looked at.
    if checked is not None and not loader.incomplete:
        more, warnings = check(checked, document, repair.places if repair is not None else None)
        found += more
    # The version of every file was looked at when it was read.
    _add_new(loader.faults, [fault for fault in found if fault.path != "schema_version"], prefix)
    return scenario, warnings


def _add_new(faults: list[Fault], found: list[Fault], prefix: tuple[str, ...]) -> None:
    """Add faults that no other arm has shown yet."""
    seen = {_place(fault) for fault in faults}
    for fault in found:
        if _place(fault) not in seen:
            path = ".".join((*prefix, fault.path)) if fault.path else ".".join(prefix)
            faults.append(Fault(fault.message, fault.file, fault.line, fault.column, path, fault.source_line))
            seen.add(_place(fault))


def _place(fault: Fault) -> tuple[str, int, int, str]:
    return fault.file, fault.line, fault.column, fault.message


def _in_order(faults: Sequence[Fault], names: Sequence[str]) -> list[Fault]:
    """Faults by position, the file given first, without repetitions."""
    rank = {name: i for i, name in enumerate(names)}
    unique = {_place(fault): fault for fault in reversed(faults)}
    return sorted(unique.values(), key=lambda f: (rank.get(f.file, -1), f.line, f.column, f.message))


def _patches(document: MapNode, stem: str, faults: list[Fault]) -> dict[str, MapNode]:
    """Arm -> what is different in it."""
    arms = document.entries.get("arms")
    nothing = MapNode({}, {}, document.mark)
    if arms is None or (isinstance(arms, ScalarNode) and arms.value is None):
        fit = not name_problem(stem) and not set(stem) & set(" .")
        return {stem if fit else "run": nothing}
    if not isinstance(arms, MapNode) or not arms.entries:
        faults.append(arms.mark.fault("expected a mapping of arm names to what is different in them", "arms"))
        return {}
    patches: dict[str, MapNode] = {}
    for name, patch in arms.entries.items():
        problem = name_problem(name) or (
            "an arm's name has no blanks or points" if set(name) & set(" .") else ""
        )
        if problem:
            faults.append(arms.keys[name].fault(problem, f"arms.{name}"))
        if isinstance(patch, ScalarNode) and patch.value is None:
            patch = nothing
        if not isinstance(patch, MapNode):
            what = "a list" if isinstance(patch, ListNode) else f"'{plain(patch)}'"
            message = f"expected a mapping with what is different in this arm, got {what}"
            faults.append(patch.mark.fault(message, f"arms.{name}"))
            continue
        for key in (*FILE_KEYS, "schema_version"):
            if key in patch.entries:
                message = f"'{key}' belongs to the file, not to an arm"
                faults.append(patch.keys[key].fault(message, f"arms.{name}.{key}"))
        own = _without(patch, (*FILE_KEYS, "schema_version"))
        patches[name] = well_formed(own, Scenario, faults, ("arms", name))
    return patches


def _without(node: MapNode, drop: Sequence[str]) -> MapNode:
    return _only(node, [key for key in node.entries if key not in drop])


def _only(node: MapNode, keep: Sequence[str]) -> MapNode:
    kept = [key for key in node.entries if key in keep]
    return MapNode({k: node.entries[k] for k in kept}, {k: node.keys[k] for k in kept}, node.mark)


#: Order of the keys of a resolved text: what a person looks for first comes first.
_FIRST = (
    "schema_version",
    "title",
    "time",
    "record",
    "domain",
    "regions",
    "injuries",
    "interventions",
    "arms",
)


def _ordered(entries: dict[str, Node]) -> MapNode:
    first = [key for key in _FIRST if key in entries]
    keys = [*first, *(key for key in entries if key not in first)]
    nowhere = Mark(Origin(""))
    return MapNode({key: entries[key] for key in keys}, dict.fromkeys(keys, nowhere), nowhere)
