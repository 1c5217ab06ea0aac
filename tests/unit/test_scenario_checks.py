"""What the schema cannot know: rules, bounds, plausibility, cost."""

from __future__ import annotations

from math import inf

import pytest

from abm.errors import ScenarioError
from abm.scenario.bounds import Bounds
from abm.scenario.checks.rules import find_circle
from abm.scenario.cost import estimate
from abm.scenario.load import Experiment, load_experiment_text
from abm.scenario.schema import CellType, Response, Variable
from abm.scenario.vocabulary import vocabulary_of
from abm.state.kinds import VariableKind

BARE = """
schema_version: 1
time: {duration: 1 d, cell_step: 10 min, field_step: 2 min}
domain: {size: [400 um, 400 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [200 um, 200 um], radius: 100 um}}}
cytokines:
  A: {diffusion: 30 um^2/s, half_life: 30 min, baseline: 10 pg/ml, molar_mass: 10 kDa, sensing_floor: 1 pg/ml}
injury_kinds:
  cut: {drives: {acute: {amplitude: 0.5, decay: 1 d}}}
injuries: [{kind: cut, site: site}, {kind: cut, site: site}]
cell_types:
  c:
    radius: 5 um
    density: 1000 /mm^3
    phenotypes: {p: {}, q: {}}
    variables:
      v: {target: {increases: [{signal: excess A, to: 1, half_max: 3 pg/ml}]}, time_constant: 1 h}
      w: {equals: {base: 0.5, adds: [{signal: own v, amount: 2, per: 1}]}}
      k: {value: 0.3}
      s: {gain: 1 /h, loss_time: 3 h}
"""


def load(behaviours: str = "", more: str = "") -> Experiment:
    return load_experiment_text(f"{BARE}    behaviours: {{{behaviours}}}\n{more}", "test")


def faults(behaviours: str = "", more: str = "") -> str:
    with pytest.raises(ScenarioError) as error:
        load(behaviours, more)
    return str(error.value)


def test_a_tissue_without_the_library_is_fine() -> None:
    experiment = load("division: 0.1 /h")
    assert experiment.base.readout is None
    assert experiment.warnings == ()


@pytest.mark.parametrize(
    ("behaviour", "bounds"),
    [
        ("division: 0.1 /h", (0.1, 0.1)),
        ("division: {base: 0.1 /h, increases: [{signal: A, to: 2 /h, half_max: 1 pg/ml}]}", (0.1, 2.0)),
        ("division: {base: 3 /h, decreases: [{signal: A, to: 1 /h, full: 1 pg/ml}]}", (1.0, 3.0)),
        ("division: {base: 1 /h, adds: [{signal: A, amount: 2 /h, half_max: 1 pg/ml}]}", (1.0, 3.0)),
        ("division: {base: 1 /h, adds: [{signal: A, amount: 2 /h, per: 1 pg/ml}]}", (1.0, inf)),
        ("division: {base: 4 /h, times: [{signal: own w}]}", (2.0, 10.0)),
        ("division: {base: 4 /h, times: [{signal: own k}]}", (1.2, 1.2)),
        ("division: {base: 4 /h, times: [{signal: own s}]}", (0.0, 4.0)),
        ("division: {base: 4 /h, times: [{signal: phenotype p}]}", (0.0, 4.0)),
        ("division: {base: 4 /h, times: [{signal: acute drive}]}", (0.0, 4.0)),  # two injuries of 0.5
        ("division: {base: 4 /h, times: [{signal: acute drive, limit: 2}]}", (2.0, 4.0)),
        ("division: {base: 4 /h, times: [{signal: density of c, limit: 1 /mm^3}]}", (0.0, 4.0)),
        ("division: {base: 4 /h, times: [{signal: own v, half_max: 1}]}", (0.0, 2.0)),
        ("division: {base: 4 /h, divided_by: [{signal: A, half_max: 1 pg/ml}]}", (0.0, 4.0)),
        ("division: {base: 4 /h, times: [{signal: time, per: 1 d}]}", (0.0, 4.0)),
    ],
)
def test_bounds_of_a_rate(behaviour: str, bounds: tuple[float, float]) -> None:
    scenario = load(behaviour).base
    low, high = Bounds(scenario, vocabulary_of(scenario)).response(
        scenario.cell_types["c"].behaviours["division"], "c"
    )
    assert (low * 60, high * 60) == pytest.approx(bounds)


def test_too_fast_an_event_is_warned_of() -> None:
    (warning,) = load("death: 3 /h").warnings
    assert "up to 39% of the cells do this within one cell_step (10 min)" in warning.message
    assert warning.path == "cell_types.c.behaviours.death"
    assert load("death: 1 /h").warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("site: site}]", "site: site, at: 2 d}]", "'2 d' lies after the end of the run (1 d)"),
        ("half_life: 30 min", "half_life: 2 min", "50% of A decays within one field_step, 2 min"),
        (
            "half_life: 30 min",
            "half_life: {value: 3 h, low: 1 h, high: 2 h}",
            "'3 h' is outside its cited range, 1 h to 2 h",
        ),
        ("diffusion: 30 um^2/s", "diffusion: 0.1 um^2/s", "A reaches 16.11 um, less than 2 voxels"),
    ],
)
def test_warnings(old: str, new: str, says: str) -> None:
    experiment = load_experiment_text(BARE.replace(old, new), "test")
    assert [says in warning.message for warning in experiment.warnings] == [True]


def test_a_bias_without_direction_is_warned_of() -> None:
    (warning,) = load("migration bias: 0.5").warnings
    assert "chemotactic sensitivity" in warning.message
    assert load("migration bias: 0.5, chemotactic sensitivity to A: 1").warnings == ()


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        ("division: {base: 1 /h, joint_power: 2}", "'joint_power' belongs to"),
        ("migration bias: 1.5", "a migration bias is a share from 0 to 1"),
        ("arrival: {base: 1 /mm^3/h, times: [{signal: own v}]}", "belongs to one cell"),
        ("death: 5", "number 5 has no unit; a rate is written e.g. '5 /h'"),
    ],
)
def test_contradicting_rules(behaviour: str, says: str) -> None:
    assert says in faults(behaviour)


@pytest.mark.parametrize(
    ("side", "terms", "says"),
    [
        (
            "increases",
            "{signal: A, to: 2 /h, full: 1 pg/ml}, {signal: A, to: 2 /h, half_max: 1 pg/ml}",
            "a linear term ('full') stands alone",
        ),
        (
            "joint_power: 2, increases",
            "{signal: A, to: 2 /h, half_max: 1 pg/ml, hill_power: 3}",
            "'joint_power' of the response replaces the 'hill_power'",
        ),
        ("decreases", "{signal: A, to: 2 /h, half_max: 1 pg/ml}", "which is above the base"),
        (
            "adds",
            "{signal: A, amount: -2 /h, half_max: 1 pg/ml}",
            "'-2 /h' is negative, and a behaviour cannot",
        ),
        (
            "adds",
            "{signal: A, amount: 2 /h, per: 1 pg/ml, half_max: 1 pg/ml}",
            "has only one of half_max, per",
        ),
        ("adds", "{signal: A, amount: 2 /h, per: 1 pg/ml, hill_power: 2}", "'hill_power' needs 'half_max'"),
        ("times", "{signal: A, per: 1 um}", "'1 um' is a length, expected a concentration"),
        (
            "increases",
            "{signal: own v, to: 2 /h, half_max: 1, above_baseline: true}",
            "'above_baseline' goes with the concentration",
        ),
    ],
)
def test_contradicting_terms(side: str, terms: str, says: str) -> None:
    assert says in faults(f"division: {{base: 1 /h, {side}: [{terms}]}}")


def test_relative_gradient_needs_a_floor() -> None:
    text = BARE.replace(", sensing_floor: 1 pg/ml", "")
    rule = "{increases: [{signal: relative gradient of A, to: 1, half_max: 1 /um}]}"
    with pytest.raises(ScenarioError, match="sensing_floor above 0"):
        load_experiment_text(f"{text}    behaviours: {{migration bias: {rule}}}\n", "test")


@pytest.mark.parametrize(
    ("reads", "circle"),
    [
        ({}, []),
        ({"a": ["b"], "b": []}, []),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, []),
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ["b", "c", "b"]),
        ({str(i): [str(i + 1)] for i in range(5000)} | {"5000": []}, []),
    ],
)
def test_find_circle(reads: dict[str, list[str]], circle: list[str]) -> None:
    assert find_circle(reads) == circle


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"target": 1, "time_constant": "1 h"}, VariableKind.RELAXING),
        ({"target": 1, "rise": "1 h", "fall": "2 h"}, VariableKind.RELAXING),
        ({"gain": "1 /h", "loss_time": "2 h"}, VariableKind.ACCUMULATING),
        ({"equals": 2}, VariableKind.INSTANT),
        ({"value": {"value": 2, "kind": "assumed"}}, VariableKind.CONSTANT),
    ],
)
def test_kinds_of_variable(raw: dict[str, object], kind: VariableKind) -> None:
    assert Variable.model_validate(raw).kind is kind


@pytest.mark.parametrize(
    "raw",
    ["0.5 /h", {"value": "0.5 /h", "kind": "assumed"}, {"base": "0.5 /h"}, {"base": {"value": "0.5 /h"}}],
)
def test_a_constant_response_may_be_written_short(raw: object) -> None:
    response = load("death: 1 /h").base.cell_types["c"].behaviours["death"]
    assert response.is_constant
    written = CellType.model_validate({"radius": "1 um", "behaviours": {"death": raw}}).behaviours["death"]
    assert isinstance(written, Response)
    assert written.base == 0.5 / 60 and written.is_constant


def test_cost_grows_with_what_costs() -> None:
    small, large = load().base, load(more="record: {fields: 10 min, cells: 10 min}").base
    one, two = estimate(small), estimate(large)
    assert one.n_voxel == 400 and one.cells == {"c": pytest.approx(3.2)}
    assert one.n_step == 144 and one.n_substep == 5
    assert two.disk > one.disk and two.memory == one.memory and two.seconds == one.seconds
    assert 1e8 < one.memory < 1e9


def test_hostile_sizes_are_refused_with_a_number() -> None:
    for size in ("1e9 mm", "1e150 m", "1e300 um"):
        text = BARE.replace("400 um, 400 um", f"{size}, {size}")
        with pytest.raises(ScenarioError, match="of memory; at most 256 GB are allowed"):
            load_experiment_text(text, "test")


@pytest.mark.parametrize(
    "terms",
    [
        "{signal: excess A, to: 0.2 /h, half_max: 3 pg/ml}, {signal: own v, half_max: 1}",
        "{signal: excess A, half_max: 3 pg/ml}, {signal: own v, to: 0.2 /h, half_max: 1}",
    ],
)
def test_one_side_has_one_limit_which_need_not_be_repeated(terms: str) -> None:
    response = load(f"division: {{increases: [{terms}]}}").base.cell_types["c"].behaviours["division"]
    assert [float(term.to) for term in response.increases] == pytest.approx([0.2 / 60] * 2)


def test_a_side_without_any_limit_is_refused() -> None:
    found = faults(
        "division: {increases: [{signal: own v, half_max: 1}, {signal: excess A, half_max: 1 pg/ml}]}"
    )
    assert "increases.0.to" in found and "increases.1.to" in found and "missing" in found
