"""From a fit file to a problem, or to every fault of the files it names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from abm.analysis.target_files import TargetSet
from abm.calibrate.arms import ArmPlan, plan_arms
from abm.calibrate.fit_file import FitParts, read_fit
from abm.calibrate.idle import is_idle
from abm.calibrate.parameters import Parameter, numbers_at, settings_at
from abm.calibrate.places import PlaceError, value_at, with_values
from abm.calibrate.problem import Problem
from abm.calibrate.ranges import free_parameter, repeated_places
from abm.calibrate.schema import Method
from abm.calibrate.targets import Aim, chosen, read_target_set
from abm.errors import Fault, ScenarioError
from abm.scenario.load import Experiment, load_experiment
from abm.scenario.nodes import KeyPath, MapNode, Mark, Origin, dotted
from abm.scenario.parts import in_order, mark_at, named_experiment, settings_of
from abm.scenario.quantity import Quantity
from abm.scenario.schema.scenario import Scenario


def load_problem(
    path: str | Path,
    *,
    method: Method | None = None,
    budget: int | None = None,
) -> Problem:
    """Read a fit file and everything it names, and check that it can be run.

    Parameters
    ----------
    method, budget : optional
        In place of the file's.

    Raises
    ------
    ScenarioError
        With every fault found, of the fit file, the scenario and the targets file.
    """
    path = Path(path)
    parts = read_fit(path)
    faults = parts.faults
    experiment = _experiment(parts)
    targets = None
    if parts.targets is not None:
        mark = mark_at(parts.document, ("targets", "file"))
        targets = read_target_set(parts.targets, parts.folder, mark, faults)
    parameters: dict[str, Parameter] = {}
    nodes: dict[str, MapNode] = {}
    aims: list[Aim] = []
    plans: dict[str, ArmPlan] = {}
    if experiment is not None:
        for name, (part, node) in parts.parameters.items():
            found = free_parameter(name, part, node, experiment, faults)
            if found is not None:
                parameters[name], nodes[name] = found, node
        repeated_places(parameters, nodes, faults)
    if experiment is not None and targets is not None:
        before = len(faults)
        aims = chosen(targets, parts.choices, experiment.arms, faults)
        if len(faults) == before:
            plans = _plans(experiment, aims, targets, parts, faults)
    if parts.file is not None:
        changed = {"method": method or parts.file.method, "budget": budget or parts.file.budget}
        parts.file = parts.file.model_copy(update=changed)
        _check_budget(parts, budget is not None)
    if faults:
        raise ScenarioError(in_order(faults, str(path)))
    assert experiment is not None and targets is not None and parts.file is not None
    places = _bound(parts, experiment, tuple(parameters.values()), plans)
    return Problem(
        path=path,
        scenario_path=parts.folder / parts.file.scenario,
        file=parts.file,
        experiment=experiment,
        parameters=tuple(parameters.values()),
        aims=tuple(aims),
        targets=replace(targets, targets=[aim.target for aim in aims]),
        plans=plans,
        places=places,
    )


def _check_budget(parts: FitParts, from_command_line: bool) -> None:
    """Report a budget that cannot hold the start, one step of the search, and the slopes at the end.

    Without any step, the start and the slopes around it, is enough to see what the data hold there.
    """
    file, n = parts.file, len(parts.parameters)
    assert file is not None
    first = {"least-squares": 2 * n + 2, "cma": 2, "abc": 1 + file.abc.population}
    least = first[file.method] + 2 * n
    no_search = 1 + 2 * n
    if file.budget < least and not (file.method == "least-squares" and file.budget == no_search):
        what = "1 parameter" if n == 1 else f"{n} parameters"
        message = f"{file.budget} is too small: {file.method} with {what} needs {least} evaluations or more"
        if file.method == "least-squares":
            message += f", or {no_search} to stay at the start and see what the data hold there"
        nowhere = Mark(Origin(""))
        mark = nowhere if from_command_line else mark_at(parts.document, ("budget",))
        parts.faults.append(mark.fault(message, "--budget" if from_command_line else "budget"))


def _plans(
    experiment: Experiment, aims: list[Aim], targets: TargetSet, parts: FitParts, faults: list[Fault]
) -> dict[str, ArmPlan]:
    if not aims:
        arms, theirs = ", ".join(experiment.arms), ", ".join(targets.arms)
        message = f"no target has an arm of the scenario; arms: {arms}; targets: {theirs}"
        faults.append(mark_at(parts.document, ("targets",)).fault(message, "targets"))
        return {}
    found: list[Fault] = []
    plans = plan_arms(experiment, aims, targets, found)
    mark = mark_at(parts.document, ("scenario",))
    faults += [mark.fault(fault.message, fault.path) for fault in found]
    return plans


def _experiment(parts: FitParts) -> Experiment | None:
    """The scenario of a fit with its settings; None and its faults when it cannot be loaded."""
    experiment = named_experiment(parts.document, parts.folder, parts.faults)
    file = parts.file
    if experiment is None or file is None:
        return experiment
    replicates = experiment.replicates if file.replicates is None else file.replicates
    seed = experiment.seed if file.seed is None else file.seed
    return replace(experiment, replicates=replicates, seed=seed)


def _bound(
    parts: FitParts, experiment: Experiment, parameters: Sequence[Parameter], plans: Mapping[str, ArmPlan]
) -> dict[str, dict[KeyPath, KeyPath]]:
    """Where in each arm the parameters act, found by loading the scenario with other values.

    An arm that gives a value of its own does not follow the parameter.  The lowest and the highest values are
    loaded, so that what the checks of a scenario refuse is found before anything is simulated; and putting
    values into a loaded scenario must give what loading them gives.
    """
    settings = [settings_at(parameters, numbers_at(parameters, [u] * len(parameters))) for u in (0.0, 1.0)]
    loaded = [_loaded_with(parts, experiment, values) for values in settings]
    places: dict[str, dict[KeyPath, KeyPath]] = {}
    for arm in plans:
        pairs = [(made.arms[arm], values) for made, values in zip(loaded, settings, strict=True)]
        places[arm] = {
            path: value_at(experiment.arms[arm], inside)[0]
            for path in settings[0]
            if (inside := _inside(path, arm)) is not None
            and all(_holds(scenario, inside, values[path]) for scenario, values in pairs)
        }
        for scenario, values in pairs:
            put = {inside: values[path] for path, inside in places[arm].items()}
            assert with_values(experiment.arms[arm], put) == scenario, f"values of arm {arm}"
        places[arm] = {
            path: inside for path, inside in places[arm].items() if not is_idle(experiment.arms[arm], inside)
        }
    idle = [
        mark_at(parts.document, ("parameters", parameter.name)).fault(
            "changes nothing in any arm that is simulated", f"parameters.{parameter.name}"
        )
        for parameter in parameters
        if not any(place.path in found for place in parameter.places for found in places.values())
    ]
    if idle:
        raise ScenarioError(idle)
    return places


def _inside(path: KeyPath, arm: str) -> KeyPath | None:
    """The path inside an arm's scenario; None when it is one of another arm."""
    if path[0] != "arms":
        return path
    return path[2:] if path[1] == arm else None


def _holds(scenario: Scenario, path: KeyPath, value: Quantity) -> bool:
    try:
        return value_at(scenario, path)[1] == value
    except PlaceError:
        return False


def _loaded_with(parts: FitParts, experiment: Experiment, settings: Mapping[KeyPath, Quantity]) -> Experiment:
    """The scenario loaded with other values.

    Raises
    ------
    ScenarioError
        Its checks refuse them.
    """
    assert parts.file is not None
    sets, _ = settings_of(parts.document, experiment)
    sets += [f"{dotted(path)}={json.dumps(value.given)}" for path, value in settings.items()]
    try:
        return load_experiment(parts.folder / parts.file.scenario, sets)
    except ScenarioError as error:
        mark = mark_at(parts.document, ("parameters",))
        text = "at an end of the ranges the scenario is faulty"
        found = [mark.fault(f"{text}: {f.path}: {f.message}", "parameters") for f in error.faults]
        raise ScenarioError(found) from None
