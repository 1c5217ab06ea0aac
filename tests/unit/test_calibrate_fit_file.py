"""Fit files: what they may say, and everything that is wrong with one, at its place and at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.calibrate.load import load_problem
from abm.errors import ScenarioError
from tests.calibration_toy import PARAMETERS, ROWS, SCENARIO, write_toy

HEAD = "schema_version: 1\nscenario: wound.yaml\ntargets: {file: targets.yaml}\n"
SOUND = "parameters: {a: {path: cytokines.A.half_life}}\n"


def faults(tmp_path: Path, text: str) -> list[str]:
    """Faults of a fit file beside the toy: line, column, place and message."""
    write_toy(tmp_path)
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load_problem(path)
    return [f"{Path(f.file).name}:{f.line}:{f.column} {f.path}: {f.message}" for f in error.value.faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["bad.yaml:0:0 : is empty; docs/calibration.md shows a fit file"]),
        ("[1]\n", ["bad.yaml:1:1 : a fit file is a mapping"]),
        ("a: [\n", ["bad.yaml:2:1 : not valid YAML"]),
        ("schema_version: 2\n" + HEAD[18:] + SOUND, ["1:17 schema_version: given '2'; this program reads"]),
        (HEAD, ["1:1 parameters: 'parameters' is missing"]),
        (HEAD + "parameters: {}\n", ["4:13 parameters: has 0 entries, at least 1 are needed"]),
        (HEAD + "parameters: [a]\n", ["4:13 parameters: expected a mapping"]),
        (HEAD + SOUND + "bugdet: 3\n", ["5:1 bugdet: unknown key 'bugdet'; did you mean 'budget'?"]),
        (HEAD + SOUND + "method: simplex\n", ["5:9 method: 'simplex' is not allowed; allowed: least"]),
        (HEAD + SOUND + "budget: 0\n", ["5:9 budget: the number 0 is out of range"]),
        (HEAD + SOUND + "budget: 5\n", ["5:9 budget: 5 is too small: least-squares with 1"]),
        (HEAD + SOUND + "method: abc\nbudget: 50\n", ["6:9 budget: 50 is too small: abc with 1"]),
        (HEAD + SOUND + "replicates: 1.5\n", ["5:13 replicates: expected a whole number"]),
        (HEAD + SOUND + "seed: -1\n", ["5:7 seed: the number -1 is out of range"]),
        (HEAD + SOUND + "step: 0.9\n", ["5:7 step: '0.9' is above the largest value, 0.5"]),
        (HEAD + SOUND + "abc: {population: 1, final: 0}\n", [
            "5:19 abc.population: the number 1 is out of range",
            "5:29 abc.final: '0' must be above 0",
        ]),
        (HEAD.replace("wound", "wund") + SOUND, ["2:11 scenario: 'wund.yaml': no such file; did you mean"]),
        (HEAD.replace("wound.yaml", "[x]") + SOUND, ["2:11 scenario: expected a text"]),
        (HEAD.replace("targets.yaml", "t.yaml") + SOUND, ["3:17 targets.file: no targets file 't.yaml'"]),
    ],
)  # fmt: skip
def test_faults_of_the_whole(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = faults(tmp_path, text)
    assert len(found) == len(expected), found
    for one, start in zip(found, expected, strict=True):
        assert start in one


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ("[{id: T.9}]", "3:45 targets.choose.0.id: no target has the id 'T.9'; did you mean"),
        ("[{arm: wund}]", "3:46 targets.choose.0.arm: no target has the arm 'wund'; did you mean 'wound'?"),
        ("[{quantity: B}]", "3:51 targets.choose.0.quantity: no target has the quantity 'B'; there are A"),
        ("[{until: 3}]", "3:48 targets.choose.0.until: number 3 has no unit"),
        ("[{id: T.1, weight: -2}]", "3:58 targets.choose.0.weight: '-2' is negative"),
        ("[{id: T.3, until: 1 h}]", "3:40 targets.choose.0: no target meets all of this"),
        (
            "[{id: T.1}, {quantity: A}]",
            "3:51 targets.choose.1: takes 'T.1 wound A day 0.05' once more: line 3",
        ),
        ("[{}]", "3:40 targets.choose.0: expected a mapping with one or more of id, arm"),
        ("[]", "3:39 targets.choose: chooses nothing"),
        ("x", "3:39 targets.choose: expected a list"),
    ],
)
def test_faults_of_choices(tmp_path: Path, choices: str, expected: str) -> None:
    (found,) = faults(tmp_path, HEAD.replace("targets.yaml}", f"targets.yaml, choose: {choices}}}") + SOUND)
    assert expected in found


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{}", "a parameter has either 'path' (one value) or 'factor_of'"),
        ("{path: cytokines.A.half_life, factor_of: [x]}", "a parameter has either 'path'"),
        ("{path: cytokines.B.half_life}", "4:24 parameters.a.path: no 'B' in 'cytokines'; known: A"),
        ("{path: cytokines..A}", "is no path"),
        ("{path: arms.wund.cytokines.A.half_life}", "no arm 'wund'; did you mean 'wound'?"),
        ("{path: arms}", "no arm ''"),
        ("{path: cytokines.A.half_life, low: 1 min}", "4:52 parameters.a.low: '1 min' is outside the"),
        ("{path: cytokines.A.half_life, high: 201 min}", "parameters.a.high: '201 min' is outside"),
        ("{path: cytokines.A.half_life, low: 100 min, high: 30 min}", "the range is empty: low 100"),
        ("{path: cytokines.A.half_life, low: 30 um}", "'30 um' is a length, expected a time"),
        ("{path: cytokines.A.half_life, low: .nan}", "'.nan' is not a number"),
        ("{path: cytokines.A.half_life, low: 70 min}", "the scenario's value 60 min is outside 70 min"),
        ("{path: cytokines.A.half_life, start: 300 min}", "the start 300 min is outside 20 min to 200 min"),
        ("{path: cytokines.A.half_life, scale: cubic}", "'cubic' is not allowed; allowed: linear, log"),
        ("{path: cytokines.A.baseline, low: 5 pg/ml}", "no range for this value, so 'high' is needed"),
        ("{path: cell_types.neuron.behaviours.clearance, scale: log}", "needs a low end above 0"),
        ("{factor_of: [cell_types.neuron.behaviours.clearance]}", "value is 0, which no factor changes"),
        ("{factor_of: [cytokines.A.half_life, x]}", "parameters.a.factor_of.1: no 'x' at the top"),
        ("{path: cytokines.A.half_life, prior: {normal: {mean: 1 h}}}", "'sd' is missing"),
        ("{path: cytokines.A.half_life, prior: {normal: {mean: 1 h, sd: 0 h}}}", "'0 h' must be above 0"),
        ("{path: cytokines.A.half_life, prior: {normal: {mean: 9 h, sd: 1 h}}}", "the centre of the prior"),
        ("{path: cytokines.A.half_life, prior: {lognormal: {median: 1 h, factor: 2}}}", "the scale log"),
        ("{path: cytokines.A.half_life, scale: log, prior: {lognormal: {median: 1 h, factor: 1}}}", "above"),
        ("{path: cytokines.A.half_life, prior: {}}", "a prior is either 'normal' or 'lognormal'"),
        ("3", "expected a mapping with path or factor_of"),
        ("{path: [1]}", "expected a text"),
        ("{path: cytokines.A.diffusion, low: 1e999 um^2/s}", "outside the numbers of this program"),
    ],
)  # fmt: skip
def test_faults_of_parameters(tmp_path: Path, entry: str, expected: str) -> None:
    found = faults(tmp_path, HEAD + f"parameters: {{a: {entry}}}\n")
    assert [one for one in found if expected in one], found
    assert all(one.startswith("bad.yaml:4:") for one in found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("{time.cell_stp: 30 min}", "settings: unknown key 'cell_stp' in 'time'; did you mean 'cell_step'?"),
        ("{time.cell_step: 7 min}", "settings.time.cell_step: '7 min' is no whole multiple of field_step"),
        ("{record.readout: [1, 2]}", "settings.record.readout: expected a time"),
        ("{arms.wound.record.readout: never}", "arms.wound: record.readout is off"),
        ("{time.duration: 6 h}", "arms.wound: the runs end on day 0.25, but there are targets on day 0.4"),
        ("{arms.sham.record.readout: 2 h}", "arms.wound: has other steps or another interval of readouts"),
        ("[a]", "settings: expected a mapping"),
    ],
)
def test_faults_of_settings(tmp_path: Path, settings: str, expected: str) -> None:
    found = faults(tmp_path, HEAD + SOUND + f"settings: {settings}\n")
    assert len(found) == 1 and expected in found[0], found


def test_everything_at_once(tmp_path: Path) -> None:
    text = (
        HEAD.replace("targets.yaml}", "targets.yaml, choose: [{id: T.9}, {arm: 3}]}")
        + "settings: {time.cell_stp: 1 min}\nbudget: x\n"
        + "parameters:\n  a: {path: cytokines.B.half_life}\n  b: {path: title}\n  c: 5\n  d: {pth: x}\n"
    )
    found = faults(tmp_path, text)
    places = [one.partition(" ")[0].removeprefix("bad.yaml:") for one in found]
    assert places == ["3:45", "3:57", "4:12", "5:9", "7:13", "8:13", "9:6", "10:7"]


def test_a_faulty_scenario_shows_its_own_lines(tmp_path: Path) -> None:
    write_toy(tmp_path)
    (tmp_path / "wound.yaml").write_text(SCENARIO.replace("radius: 5 um", "radius: 5 h"), encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load_problem(tmp_path / "fit.yaml")
    assert [Path(fault.file).name for fault in error.value.faults] == ["wound.yaml"]


def test_an_end_of_the_range_that_the_scenario_refuses(tmp_path: Path) -> None:
    """Faults that only the low end has are found before anything is simulated."""
    broken = SCENARIO.replace("per: {value: 100 pg/ml, low: 10 pg/ml", "per: {value: 100 pg/ml, low: 0 pg/ml")
    write_toy(tmp_path, {"per": "{path: cell_types.neuron.variables.excitation.target.adds.0.per}"})
    (tmp_path / "wound.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"must be above 0"):
        load_problem(tmp_path / "fit.yaml")


def test_quantities_that_the_arms_cannot_show(tmp_path: Path) -> None:
    fit = write_toy(tmp_path)
    text = (tmp_path / "targets.yaml").read_text(encoding="utf-8")
    (tmp_path / "targets.yaml").write_text(text.replace("cytokine: A,", "cytokine: B,"), encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        load_problem(fit)
    messages = [fault.message for fault in error.value.faults]
    assert [message.partition(" cannot")[0] for message in messages] == ["'A fold'", "'A'"]
    assert all("no cytokine 'B'; there are A" in message for message in messages)
    assert [fault.line for fault in error.value.faults] == [3, 3]


def test_without_a_common_arm(tmp_path: Path) -> None:
    fit = write_toy(tmp_path, rows=[(0.25, "elsewhere", "A", "T", 1.0)])
    with pytest.raises(ScenarioError, match="no target has an arm of the scenario"):
        load_problem(fit)


def test_choices_and_weights(tmp_path: Path) -> None:
    fit = write_toy(tmp_path)
    text = fit.read_text(encoding="utf-8").replace(
        "{file: targets.yaml}",
        "{file: targets.yaml, choose: [{id: T.3, weight: 4}, {quantity: A, until: 3 h}]}",
    )
    fit.write_text(text, encoding="utf-8")
    problem = load_problem(fit)
    assert [(aim.target.id, aim.target.day, aim.weight) for aim in problem.aims] == [
        ("T.1", 0.05, 1.0), ("T.1", 0.125, 1.0), ("T.3", 0.25, 4.0), ("T.3", 0.4, 4.0),
    ]  # fmt: skip
    assert [target.id for target in problem.targets.targets] == ["T.1", "T.1", "T.3", "T.3"]


def test_all_targets_by_default_and_options_from_outside(tmp_path: Path) -> None:
    fit = write_toy(tmp_path)
    problem = load_problem(fit, method="cma", budget=77)
    assert len(problem.aims) == len(ROWS) and len(problem.parameters) == len(PARAMETERS)
    assert (problem.file.method, problem.file.budget) == ("cma", 77)
    with pytest.raises(ScenarioError, match=r"--budget: 3 is too small"):
        load_problem(fit, budget=3)
