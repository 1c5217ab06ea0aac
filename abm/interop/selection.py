"""Which arm, which values, which seed: from the arguments of a model to one scenario and one number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from abm.errors import Fault, ScenarioError
from abm.scenario.load import Experiment, load_experiment, load_experiment_text
from abm.scenario.nodes import nearest
from abm.scenario.schema import Scenario
from abm.scenario.schema.scenario import MAX_SEED

Source = str | Path | Experiment | Scenario


def settings_of(overrides: str | Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """``path=value`` texts from both ways of changing a scenario, `values` last.

    Parameters
    ----------
    overrides : str or sequence of str
        As behind ``--set``.
    values : mapping
        Path to value; text is taken as it would stand in a file (``"10 ng"``).
    """
    texts = [overrides] if isinstance(overrides, str) else list(overrides)
    for path, value in values.items():
        plain = value.item() if isinstance(value, np.generic) else value
        texts.append(f"{path}={plain if isinstance(plain, str) else json.dumps(plain)}")
    return texts


def choose(source: Source, arm: str | None, sets: Sequence[str]) -> tuple[Scenario, int]:
    """One arm of an experiment, and the experiment's seed.

    Parameters
    ----------
    source : path, Experiment or Scenario
        A Scenario is one arm already and has no seed of its own: 0.
    arm : str, optional
        Without it, what all arms have in common.
    sets : sequence of str
        Values changed, ``path=value``.

    Raises
    ------
    ScenarioError
        If the file is faulty or has no such arm.
    ValueError
        If a Scenario is given together with an arm or with changed values.
    """
    if isinstance(source, Scenario):
        if arm is not None or sets:
            what = f"arm '{arm}'" if arm is not None else f"'{sets[0]}'"
            raise ValueError(
                f"{what} given with a Scenario, which is one arm with its values fixed; "
                "allowed with the path of a scenario file or with an Experiment"
            )
        return source, 0
    if not isinstance(source, Experiment):
        experiment = load_experiment(source, sets)
    elif sets:
        experiment = load_experiment_text(source.text, next(iter(source.arms)), sets)
    else:
        experiment = source
    if arm is None:
        return experiment.base, experiment.seed
    if arm not in experiment.arms:
        message = f"no arm '{arm}'{nearest(arm, experiment.arms)}; arms: {', '.join(experiment.arms)}"
        raise ScenarioError([Fault(message, "" if isinstance(source, Experiment) else str(source))])
    return experiment.arms[arm], experiment.seed


def seed_of(seed: Any, rng: Any, otherwise: int) -> int:
    """Seed of an experiment from what Mesa's users may give; `otherwise` if they give nothing.

    A whole number is taken as it is, everything else that numpy takes as a seed becomes one
    reproducibly; a Generator is asked for a number, which advances it.

    Raises
    ------
    ValueError
        If both are given, or a number outside 0 .. 2**63 - 1.
    TypeError
        If it is none of these.
    """
    if seed is not None and rng is not None:
        raise ValueError(f"seed = {seed!r} and rng = {rng!r}: give one of them")
    given = rng if seed is None else seed
    if given is None:
        return otherwise
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        if not 0 <= int(given) <= MAX_SEED:
            raise ValueError(f"seed is {given}, allowed: 0 to {MAX_SEED}")
        return int(given)
    if isinstance(given, np.random.BitGenerator):
        given = np.random.Generator(given)
    if isinstance(given, np.random.Generator):
        return int(given.integers(MAX_SEED, endpoint=True))
    if isinstance(given, Sequence) and not isinstance(given, str):
        given = np.random.SeedSequence(given)
    if isinstance(given, np.random.SeedSequence):
        return int(given.generate_state(1, np.uint64)[0] >> np.uint64(1))
    raise TypeError(f"seed is {given!r}, allowed: a whole number, or what numpy.random.default_rng takes")
