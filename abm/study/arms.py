"""Which arms of an experiment are meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from abm.errors import Fault, ScenarioError
from abm.scenario.load import Experiment


def chosen_arms(experiment: Experiment, arms: Iterable[str] | None) -> list[str]:
    """The arms asked for, in the order of the experiment; all when none is asked for.

    Raises
    ------
    ScenarioError
        With every name that is no arm.
    """
    wanted = list(experiment.arms) if arms is None else list(arms)
    faults = []
    for name in wanted:
        if name not in experiment.arms:
            near = get_close_matches(name, experiment.arms, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            faults.append(Fault(f"no arm '{name}'{hint} (arms: {', '.join(experiment.arms)})"))
    if faults:
        raise ScenarioError(faults)
    return [name for name in experiment.arms if name in wanted]
