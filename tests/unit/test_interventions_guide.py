"""The guide to interventions: what it shows is in the examples, and the examples run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from abm.compile.build import compile_model
from abm.engine.readout import series
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.scenario.load import load_experiment
from abm.scenario.schema.treatment import KINDS
from tests.e2e.documents import blocks, execute

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "interventions.md"
EXAMPLES = ROOT / "scenarios" / "examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.yaml"))
SHOWN = re.compile(r"<!-- scenario: (?P<name>\S+) -->\n```yaml\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
TEXT = GUIDE.read_text(encoding="utf-8")


def test_every_scenario_shown_is_the_body_of_an_example() -> None:
    shown = {m["name"]: m["text"] for m in SHOWN.finditer(TEXT)}
    assert TEXT.count("```yaml") == len(shown) == len(FILES) - 1  # but the tissue they treat
    for name, text in shown.items():
        assert (EXAMPLES / name).read_text(encoding="utf-8").endswith(text), name


@pytest.mark.parametrize("name", FILES)
def test_an_example_opens_with_what_it_shows(name: str) -> None:
    first, *_ = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    assert first.startswith(("# Shows ", "# The tissue "))
    assert all(len(line) <= 120 for line in (EXAMPLES / name).read_text(encoding="utf-8").splitlines())


def test_every_kind_has_an_example_and_a_section() -> None:
    used = {
        intervention.kind
        for name in FILES
        for scenario in load_experiment(EXAMPLES / name).arms.values()
        for intervention in scenario.interventions
    }
    assert used == set(KINDS)
    assert all(f"`{kind}`" in TEXT for kind in KINDS)


def balanced(state: State) -> bool:
    b = state.budget
    passed = b.initial + b.added + b.sourced + np.abs(b.exchanged).sum(axis=0)
    return bool(np.all(np.abs(b.residual()) <= 1e-11 * passed))


@pytest.mark.parametrize("name", FILES)
def test_an_example_loads_and_runs(name: str) -> None:
    """Six hours beyond the first day, when most are given; without warnings, with balanced books."""
    experiment = load_experiment(EXAMPLES / name)
    assert experiment.warnings == ()
    for arm, scenario in experiment.arms.items():
        if name != "tissue.yaml" and arm in ("sham", "cci"):
            continue
        m = compile_model(scenario, 1)
        state = new_state(m)
        told = [given.text for _ in range(180) for given in step(m, state)]
        assert bool(told) == bool(scenario.interventions), arm
        assert balanced(state), arm


def test_series_of_the_guide_exist() -> None:
    """Every series in the table of the books is one of the result file."""
    scenario = load_experiment(EXAMPLES / "gabapentin.yaml").arms["once"]
    known = {s.name for s in series(compile_model(scenario, 1))}
    table = TEXT.split("## What is booked where")[1].split("## ")[0]
    named = {
        name
        for line in table.splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`([a-z_]+)`", line.split("|")[2])
    }
    assert len(named) > 15 and named <= known


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_commands_of_the_guide(tmp_path: Path) -> None:
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    commands = [
        command for block in blocks(TEXT) if block.kind == "console" for command, _ in block.commands()
    ]
    assert len(commands) == 2
    for command in commands:
        code, output = execute(command, tmp_path)
        assert code == 0, f"$ {command}\n{output}"
    assert len(list((tmp_path / "results").glob("*.h5"))) == 5
