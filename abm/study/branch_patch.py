"""The scenario of a branch: that of the run with a patch laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from abm.errors import Fault, ScenarioError
from abm.scenario.check import check
from abm.scenario.extend import Loader
from abm.scenario.form import well_formed
from abm.scenario.load import Experiment
from abm.scenario.merge import merge, settled
from abm.scenario.nodes import MapNode
from abm.scenario.read import UnreadableError, decode, parse_text, read_bytes
from abm.scenario.schema import Intervention, Scenario
from abm.scenario.schema.scenario import FILE_KEYS
from abm.scenario.settings import apply_setting
from abm.scenario.validate import validate
from abm.scenario.vocabulary import name_problem
from abm.units import readable


def patched_arm(
    experiment: Experiment, arm: str, name: str, patch: str | Path | None, sets: Sequence[str] = ()
) -> Experiment:
    """One arm with a patch laid over it, under a new name.

    Parameters
    ----------
    patch : path or None
        A file written like an arm: only what is different.
    sets : sequence of str
        ``path=value`` each, applied after the patch.

    Raises
    ------
    ScenarioError
        With every fault of the patch and its position.
    """
    faults: list[Fault] = []
    document = experiment.arm_documents[arm]
    problem = name_problem(name) or ("an arm's name has no blanks or points" if set(name) & set(" .") else "")
    if problem:
        faults.append(Fault(f"--arm: {problem}"))
    if patch is not None:
        merged = settled(merge(document, _read(Path(patch), faults)))
        assert isinstance(merged, MapNode)
        document = merged
    for setting in sets:
        document = apply_setting(document, setting, faults)
    loader = Loader()
    document = loader.embed_images(document)
    scenario, found = validate(Scenario, document)
    faults += [*loader.faults, *found]
    if scenario is not None:
        faults += check(scenario, document)[0]
    if faults or scenario is None:
        raise ScenarioError(faults)
    return Experiment(
        base=scenario,
        arms={name: scenario},
        replicates=experiment.replicates,
        seed=experiment.seed,
        arm_documents={name: document},
    )


def _read(path: Path, faults: list[Fault]) -> MapNode:
    """The nodes of a patch; an empty file changes nothing."""
    try:
        text = decode(read_bytes(path, str(path)), str(path))
        if all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()):
            text = "{}"
        nodes = parse_text(text, str(path), path.parent, faults)
    except UnreadableError as error:
        raise ScenarioError([error.fault]) from None
    for key in FILE_KEYS:
        if key in nodes.entries:
            message = f"'{key}' belongs to a scenario file, not to the patch of a branch"
            faults.append(nodes.keys[key].fault(message, key))
    kept = {key: node for key, node in nodes.entries.items() if key not in FILE_KEYS}
    return well_formed(MapNode(kept, nodes.keys, nodes.mark), Scenario, faults)


def past_changes(old: Scenario, new: Scenario, minutes: float) -> list[str]:
    """What a patched scenario begins before a time [min] that the old one does not, in words."""
    known = [entry for one in old.interventions for entry in _beginnings(one)]
    found = []
    for intervention in new.interventions:
        for start, content in _beginnings(intervention):
            if start >= minutes:
                continue
            if (start, content) in known:
                known.remove((start, content))
            else:
                found.append(f"the {intervention.kind} of {readable(start, 'min')}")
    injuries = list(old.injuries)
    for injury in new.injuries:
        if injury in injuries:
            injuries.remove(injury)
        elif float(injury.at) < minutes:
            found.append(f"the injury {injury.kind} of {readable(float(injury.at), 'min')}")
    return list(dict.fromkeys(found))


def _beginnings(intervention: Intervention) -> list[tuple[float, Any]]:
    """When an intervention begins [min], with all that it is beside its times."""
    inner = getattr(intervention, intervention.kind)
    given = intervention.infusion
    starts = given.times if given is not None else getattr(inner, "times", getattr(inner, "starts", (0.0,)))
    content = (intervention.kind, inner.model_dump(exclude={"at", "every", "repeats", "since", "until"}))
    return [(float(start), content) for start in starts]
