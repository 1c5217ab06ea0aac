"""Which arm, which values, which seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.errors import ScenarioError
from abm.interop.selection import choose, seed_of, settings_of
from abm.scenario.load import load_experiment

TISSUE = Path(__file__).parents[1] / "data" / "mesa_tissue.yaml"


def test_settings_are_written_as_in_a_file() -> None:
    values = {"title": "10 ng", "seed": np.int64(3), "a.b": 2.5e5, "c": [1, 2], "d": None, "e": True}
    assert settings_of(["x=1"], values) == [
        "x=1",
        "title=10 ng",
        "seed=3",
        "a.b=250000.0",
        "c=[1, 2]",
        "d=null",
        "e=true",
    ]


def test_one_override_needs_no_list() -> None:
    assert settings_of("time.duration=1 h", {}) == ["time.duration=1 h"]


def test_arm_and_seed_of_a_file() -> None:
    scenario, seed = choose(TISSUE, "sham", ["time.duration=1 h", "seed=9"])
    assert (scenario.injuries[0].kind, float(scenario.time.duration), seed) == ("sham", 60.0, 9)


def test_without_an_arm_what_all_have_in_common() -> None:
    scenario, seed = choose(str(TISSUE), None, ())
    assert (scenario, seed) == (load_experiment(TISSUE).base, 7)


def test_a_loaded_experiment_takes_settings_too() -> None:
    experiment = load_experiment(TISSUE)
    assert choose(experiment, "cci", ()) == (experiment.arms["cci"], 7)
    changed = ["time.duration=1 h"]
    assert choose(experiment, "cci", changed) == choose(TISSUE, "cci", changed)


def test_a_scenario_is_taken_as_it_is() -> None:
    scenario = load_experiment(TISSUE).arms["cci"]
    assert choose(scenario, None, ()) == (scenario, 0)


@pytest.mark.parametrize(
    ("arm", "sets", "named"), [("cci", (), "arm 'cci'"), (None, ("seed=1",), "'seed=1'")]
)
def test_a_scenario_takes_no_arm_and_no_settings(arm: str | None, sets: tuple[str, ...], named: str) -> None:
    with pytest.raises(ValueError, match=f"{named} given with a Scenario"):
        choose(load_experiment(TISSUE).base, arm, sets)


def test_unknown_arm_names_the_nearest_and_all() -> None:
    with pytest.raises(
        ScenarioError, match=r"no arm 'shan'; did you mean 'sham'\?; arms: sham, cci, cci_msc"
    ):
        choose(TISSUE, "shan", ())


@pytest.mark.parametrize("value", [0, 5, 2**63 - 1, np.int32(5), np.uint64(5)])
def test_a_number_is_the_seed(value: Any) -> None:
    assert seed_of(value, None, 1) == seed_of(None, value, 1) == int(value)


def test_nothing_given_leaves_the_seed_of_the_file() -> None:
    assert seed_of(None, None, 2015) == 2015


def test_every_seed_of_numpy_becomes_a_number_reproducibly() -> None:
    makers = [
        lambda: [1, 2, 3],
        lambda: (1, 2, 4),
        lambda: np.random.SeedSequence(4),
        lambda: np.random.default_rng(5),
        lambda: np.random.PCG64(6),
    ]
    first, second = ([seed_of(None, make(), 1) for make in makers] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(makers)
    assert all(0 <= number < 2**63 for number in first)


def test_a_generator_gives_a_new_seed_each_time() -> None:
    generator = np.random.default_rng(5)
    assert seed_of(None, generator, 1) != seed_of(None, generator, 1)


@pytest.mark.parametrize(
    ("seed", "rng", "error", "message"),
    [
        (1, 2, ValueError, "seed = 1 and rng = 2: give one"),
        (-1, None, ValueError, "seed is -1, allowed: 0 to"),
        (2**63, None, ValueError, "allowed: 0 to 9223372036854775807"),
        (1.5, None, TypeError, r"seed is 1\.5, allowed: a whole number"),
        ("7", None, TypeError, "seed is '7', allowed"),
        (True, None, TypeError, "seed is True"),
    ],
)
def test_what_is_no_seed(seed: Any, rng: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        seed_of(seed, rng, 1)
