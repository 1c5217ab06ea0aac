"""What is switched off, what that means for the value of a response, and which runs it takes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from abm.compile.build import compile_model
from abm.engine import checkpoint
from abm.errors import RecordError, ScenarioError
from abm.scenario.load import Experiment, load_experiment_text
from abm.scenario.schema import Response, Scenario
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import ResponsePlace, responses
from abm.state.kinds import BehaviourKind
from abm.study.ablation import plan_ablation, selected
from abm.study.ablation_changes import INTERVENTION, RESPONSE, TERM, changes_in, term_names
from abm.study.ablation_rest import NoSingleValueError, Rest
from abm.study.ablation_variants import Skipped, Variant, cells_in, variants_of, with_small_records
from abm.study.job import Start
from tests.e2e.command_line import TINY
from tests.reference.responses import response_value
from tests.reference.tissue import advance, experiment

EVERYTHING = """
schema_version: 1
title: Every kind of term
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain: {size: [80 um, 80 um], spacing: 20 um, thickness: 20 um}
regions: {half: {box: {low: [0 um, 0 um, 0 um], high: [40 um, 80 um, 20 um]}}}
tissue: {neighbourhood: 40 um, packing: 0.9}
cytokines:
  X: {diffusion: 1 um^2/s, half_life: 1 h, baseline: 50 pg/ml}
  Y: {diffusion: 1 um^2/s, half_life: 1 h, baseline: 3 pg/ml}
cell_types:
  ghost: {radius: 5 um}
  probe:
    radius: 5 um
    density: 50000 /mm^3
    variables:
      held: {value: 0.5}
      level:
        time_constant: 1 h
        target:
          base: 0.25
          adds:
            - {signal: X, amount: 0.5, half_max: 20 pg/ml, hill_power: 2, above_baseline: true}
            - {signal: X, amount: 0.1, per: 10 pg/ml}
          joint_power: 3
          increases:
            - {signal: excess X, to: 2, half_max: 7 pg/ml}
            - {signal: Y, to: 2, half_max: 9 pg/ml, above_baseline: true}
          brakes: [{signal: excess Y, half_max: 4 pg/ml}]
          decreases: [{signal: excess Y, to: 0.1, half_max: 5 pg/ml}]
          divided_by: [{signal: X, half_max: 30 pg/ml}, {signal: excess X, half_max: 9 pg/ml}]
          times: [{signal: own held}, {signal: X, limit: 200 pg/ml}]
    behaviours:
      division: {base: 0.1 /h, times: [{signal: own level}]}
      death: {base: 0.1 /h, times: [{signal: time, per: 1 h}]}
      clearance: {base: 0.1 /h, times: [{signal: inside half}]}
      persistence time: 5 min
      migration speed: {base: 1 um/min, adds: [{signal: density of ghost, amount: 1 um/min, per: 100 /mm^3}]}
interventions:
  - modify: {of: probe, behaviour: division, by: 0.5, since: 10 min}
  - modify: {of: probe, behaviour: division, by: 0.5, since: 10 min}
"""


def everything(text: str = EVERYTHING, arm: str = "test") -> tuple[list[Variant], list[Skipped], Experiment]:
    made = with_small_records(experiment(text), [arm])
    variants, skipped = variants_of(made, [arm], 1, lambda name, kind: True)
    return variants, skipped, made


def place_of(scenario: Scenario, title: str) -> ResponsePlace:
    return next(p for p in responses(scenario, vocabulary_of(scenario)) if p.title == title)


def held_factors(place: ResponsePlace) -> dict[str, float]:
    """Values in naive tissue that the factors of the test scenario have, worked out by hand."""
    return {"own held": 0.5, "X": 1.0 - 50.0 / 200.0}


def test_a_term_switched_off_is_the_formula_without_it() -> None:
    """For 50 sets of signals each, against the readable twin of the response."""
    variants, _, made = everything()
    intact = made.arms["test"]
    place = place_of(intact, "level")
    names = term_names(place)
    baselines = {name: float(c.baseline) for name, c in intact.cytokines.items()}
    rng = random.Random(5)
    by_name = {v.name: v for v in variants} | {n: v for v in variants for n in v.same_as}
    assert len(names) == len(set(names)) == 10
    for (side, i, term), name in zip(place.response.terms(), names, strict=True):
        changed = place_of(by_name[name].experiment.arms["test"], "level").response
        for _ in range(50):
            signals = {s: rng.uniform(0.0, 190.0) for s in ("X", "Y", "excess X", "excess Y", "own held")}
            left = tuple(t for s, j, t in place.response.terms() if s == side and j != i)
            update: dict[str, object] = {side: left}
            if side == "times":
                expected = (
                    response_value(place.response.model_copy(update=update), signals, baselines)
                    * held_factors(place)[term.signal]
                )
            else:
                expected = response_value(place.response.model_copy(update=update), signals, baselines)
            assert response_value(changed, signals, baselines) == pytest.approx(expected, rel=1e-12)


def test_whole_responses_switched_off() -> None:
    variants, skipped, made = everything()
    found = {v.name: v.experiment.arms["test"] for v in variants}
    assert found["probe: division"].cell_types["probe"].behaviours["division"] == Response.model_validate(
        {"base": "0 /h"}
    )
    # Held at its value in naive tissue: X = 50 and Y = 3 pg/ml, no excess.
    place = place_of(made.arms["test"], "level")
    at_rest = {"X": 50.0, "Y": 3.0, "excess X": 0.0, "excess Y": 0.0, "own held": 0.5}
    held = found["probe: level"].cell_types["probe"].variables["level"].target
    assert held is not None and held.is_constant
    assert float(held.base) == pytest.approx(response_value(place.response, at_rest, {"X": 50.0, "Y": 3.0}))
    reasons = {s.name: s.reason for s in skipped}
    assert "has no meaning" in reasons["probe: persistence time"]


def test_what_cannot_be_switched_off_is_named_with_its_reason() -> None:
    _, skipped, _ = everything()
    reasons = {s.name: s.reason for s in skipped}
    assert reasons["probe: death: times time"] == "time goes on in naive tissue too"
    assert "inside half is 0 to 1 in naive tissue" in reasons["probe: clearance: times inside half"]
    assert (
        reasons["probe: migration speed: adds density of ghost"]
        == "no effect by construction: no ghost in this arm"
    )
    assert set(reasons) == {
        "probe: death: times time",
        "probe: clearance: times inside half",
        "probe: migration speed: adds density of ghost",
        "probe: persistence time",
    }


def test_equal_interventions_and_equal_variants() -> None:
    variants, _, _ = everything()
    (given,) = [v for v in variants if v.kind == INTERVENTION]
    assert given.name.endswith("#1") and given.same_as[0].endswith("#2")
    assert len(given.experiment.arms["test"].interventions) == 1
    assert len({v.folder.lower() for v in variants}) == len(variants)
    assert all(v.experiment.arms["test"].title == f"Every kind of term; without {v.name}" for v in variants)


def test_the_text_of_a_run_loads_to_the_scenario_that_was_run() -> None:
    variants, _, _ = everything()
    for variant in variants:
        loaded = load_experiment_text(variant.experiment.arm_text("test"), "variant")
        assert loaded.arms == variant.experiment.arms
        assert [fault.message for fault in loaded.warnings] == []


@pytest.mark.slow
def test_so_do_all_of_the_library() -> None:
    lean = with_small_records(experiment(TINY), ["cells"])
    variants, skipped = variants_of(lean, ["cells"], 1, lambda name, kind: True)
    names = [n for v in variants for n in (v.name, *v.same_as)] + [s.name for s in skipped]
    scenario = lean.arms["cells"]
    expected = [
        name
        for place in responses(scenario, vocabulary_of(scenario))
        for name in (
            term_names(place)[0].rpartition(": ")[0] if place.response.terms() else "",
            *term_names(place),
        )
    ]
    assert set(expected) - {""} <= set(names)
    assert len(names) == len(set(names)) > 100
    for variant in variants[::2]:
        made = variant.experiment.arms
        assert load_experiment_text(variant.experiment.arm_text("cells"), "variant").arms == made


def test_rules_of_absent_cells_change_nothing_at_all() -> None:
    """By construction, as the ranking says, and by simulation: the same bits."""
    lean = with_small_records(experiment(TINY), ["cci"])
    intact, document = lean.arms["cci"], lean.arm_documents["cci"]
    assert "msc" not in cells_in(intact)
    name = "msc: secretion of TGF-b1"
    (change,) = changes_in(intact, document, 1, lambda n, kind: n == name)
    assert change.needs == ("msc",) and change.document is not None
    from abm.scenario.validate import validate

    changed, faults = validate(Scenario, change.document)
    assert not faults and changed is not None and changed != intact
    states = [advance(compile_model(s, 3), days=0.1) for s in (intact, changed)]
    a, b = (checkpoint.save(state) for state in states)
    assert [key for key in a if not np.array_equal(a[key], b[key])] == []


def test_cells_in_an_arm() -> None:
    arms = experiment(TINY).arms
    assert cells_in(arms["cci"]) == {"microglia", "astrocyte", "neuron", "t_cell"}
    assert cells_in(arms["cells"]) == cells_in(arms["cci"]) | {"msc", "msc waiting in csf"}


def test_values_in_naive_tissue() -> None:
    scenario = experiment(TINY).arms["cci"]
    rest = Rest(scenario, 1)
    gate, nociception = place_of(scenario, "gate"), place_of(scenario, "nociception")
    assert rest.response(gate) == 1.0
    assert rest.factor(nociception, nociception.response.times[0]) == 1.0
    division = place_of(scenario, "division")
    assert [rest.factor(division, f) for f in division.response.times] == [0.0, 0.0, 0.75]
    production = place_of(scenario, "production of TGF-b1")
    assert production.behaviour is not None and production.behaviour.kind is BehaviourKind.PRODUCTION
    assert rest.response(production) == 1.0
    other = experiment(EVERYTHING).base
    clearance, unlike = place_of(other, "clearance"), Rest(other, 1)
    with pytest.raises(NoSingleValueError, match="depending on the place"):
        unlike.factor(clearance, clearance.response.times[0])


# ------------------------------------------------------------------------------------------------- plan


def lean() -> Experiment:
    return with_small_records(experiment(TINY), ["cci", "cells"])


def test_selection_by_name_part_and_pattern() -> None:
    exact = selected(lean(), ["neuron: gate"], [])
    assert exact == {("neuron: gate", RESPONSE)}
    part = selected(lean(), ["times OWN gate"], [])
    assert part == {
        ("neuron: gated_drive: times own gate", TERM),
        ("neuron: nociception: times own gate", TERM),
    }
    assert len(selected(lean(), ["INFUSE*"], [])) == 1
    assert {kind for _, kind in selected(lean(), [], [INTERVENTION])} == {INTERVENTION}
    assert len(selected(lean(), [], [INTERVENTION])) == 2
    with pytest.raises(
        ScenarioError, match=r"(?s)no rule or intervention of that name.*did you mean.*'fish'"
    ):
        selected(lean(), ["neuron: gat e", "fish"], [])


def test_plan(tmp_path: Path) -> None:
    made = experiment(TINY)
    plan = plan_ablation(made, tmp_path / "out", only=["neuron: gate", "inject_cells*"])
    assert [v.name.partition(" {")[0] for v in plan.variants] == ["neuron: gate", "inject_cells:"]
    # intact 2 arms, gate 2 arms, injection 1 arm; 2 replicates
    assert plan.n_run == len(plan.runs.jobs) == 10
    assert all(job.scenario.record.cells == 0.0 for job in plan.runs.jobs)
    assert all(job.scenario.record.readout == made.base.record.readout for job in plan.runs.jobs)
    assert len({job.path for job in plan.runs.jobs}) == 10
    assert {job.path.parent.name for job in plan.runs.jobs} >= {"intact", "neuron-gate"}
    assert {job.seed for job in plan.runs.jobs} == {11}
    assert plan.seconds(1) == pytest.approx(2 * plan.seconds(2)) and plan.seconds(1) > 1.0
    intact, gate, injection = plan.ablated()
    assert {path for files in gate.files.values() for path in files.values()} == {
        job.path for job in plan.runs.jobs if job.path.parent.name == "neuron-gate"
    }
    assert list(intact.files) == ["cci", "cells"]
    assert injection.unchanged == {"cci": "not part of this arm"}
    assert list(injection.files) == ["cells"]


def test_existing_results_are_never_replaced_unasked(tmp_path: Path) -> None:
    made, out = experiment(TINY), tmp_path / "out"
    plan = plan_ablation(made, out, only=["neuron: gate"])
    for job in plan.runs.jobs:
        job.path.write_bytes(b"mine")
    with pytest.raises(RecordError, match=r"(?s)intact: 4 result files exist.*neuron-gate: 4 result files"):
        plan_ablation(made, out, only=["neuron: gate"])
    again = plan_ablation(made, out, only=["neuron: gate"], force=True)
    assert {job.start for job in again.runs.jobs} == {Start.REPLACE}
    looked = plan_ablation(made, out, only=["neuron: gate"], look=True)
    assert looked.runs.jobs == [] and looked.n_run == 8


def test_nothing_left_to_switch_off(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nothing is left to switch off.*pain is read from it"):
        plan_ablation(experiment(TINY), tmp_path, only=["neuron: nociception"])
    with pytest.raises(ScenarioError, match="no arm 'x'"):
        plan_ablation(experiment(TINY), tmp_path, arms=["x"])


def test_what_cannot_be_ranked_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no outcome 'relief by cell'; did you mean 'relief by cells'"):
        plan_ablation(experiment(TINY), tmp_path, by="relief by cell")
    with pytest.raises(ScenarioError, match="relief by cci"):
        plan_ablation(experiment(TINY), tmp_path, by="relief by cci")
    with pytest.raises(ScenarioError, match="arm test has no 'readout', so there is no pain"):
        plan_ablation(experiment(EVERYTHING), tmp_path)
    blunt = experiment(TINY, "readout.withdrawal_threshold=null")
    with pytest.raises(ScenarioError, match="--measure nociception ranks by the signal"):
        plan_ablation(blunt, tmp_path)
    found = plan_ablation(blunt, tmp_path, only=["neuron: gate"], measure="nociception", by="pain in cci")
    assert found.n_run == 8
