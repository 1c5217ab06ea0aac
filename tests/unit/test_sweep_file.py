"""Sweep files: axes, designs, the names of cases, and every fault at its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abm.errors import ScenarioError
from abm.record.sweep_layout import SweepDeclaration
from abm.scenario.load import load_experiment, load_experiment_text
from abm.scenario.nodes import ListNode, MapNode
from abm.scenario.settings import parse_path
from abm.sweep.axes import Spread
from abm.sweep.cases import resolver_of, scenario_of, scenario_text
from abm.sweep.design import own_seed, saltelli, trajectories, unit_points
from abm.sweep.expand import chosen_for_checking, distinct_scenarios
from abm.sweep.manifest import Limits, Manifest
from abm.sweep.resolve import Resolver, checked, scalar
from abm.sweep.run import Part
from abm.sweep.schema import Sample
from abm.sweep.sweep_file import Sweep, load_sweep
from tests.e2e.command_line import TINY
from tests.sweeps import DAY, DOSE, SWEEP, write_sweep


def sweep_of(folder: Path, vary: str, more: str = "") -> Sweep:
    text = f"schema_version: 1\nscenario: tiny.yaml\n{more}vary:\n{vary}"
    return load_sweep(write_sweep(folder, text))


def faults_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_sweep(write_sweep(folder, text))
    return [f"{fault.line}: {fault.path}: {fault.message}" for fault in caught.value.faults]


# -------------------------------------------------------------------------------------------------- axes


def test_crossed_axes(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    assert [sweep.design.text(i) for i in range(6)] == [
        f"dose {dose}, hour {hour}" for dose in ("10000", "100000", "1000000") for hour in ("1 h", "2 h")
    ]
    dose, hour = sweep.design.axes
    np.testing.assert_allclose(dose.numbers, [1e4, 1e5, 1e6])
    assert (hour.unit, hour.numbers.tolist()) == ("h", [1.0, 2.0])


def test_units_of_an_axis_are_those_of_its_first_value(tmp_path: Path) -> None:
    vary = f"  hour: {{path: {DAY}, list: [1 h, 90 min]}}\n"
    vary += f"  dose: {{path: {DOSE}, range: {{low: 1, high: 2}}}}\n"
    sweep = sweep_of(tmp_path, vary, "sample: {points: 4}\n")
    assert sweep.design.axes[0].numbers.tolist() == [1.0, 1.5]
    assert len(sweep.design) == 8
    assert sweep.design.axes[1].spread == Spread(1.0, 2.0)


def test_paired_axes_and_columns_of_one_table_go_together(tmp_path: Path) -> None:
    tmp_path.joinpath("t.csv").write_text("dose,hour\n1e4,1 h\n2e4,2 h\n\n", encoding="utf-8")
    vary = f"  d: {{path: {DOSE}, csv: {{file: t.csv, column: dose}}}}\n"
    vary += f"  h: {{path: {DAY}, csv: {{file: t.csv, column: hour}}}}\n"
    assert [sweep_of(tmp_path, vary).design.text(i) for i in range(2)] == ["d 1e4, h 1 h", "d 2e4, h 2 h"]
    vary = f"  d: {{path: {DOSE}, list: [1, 2, 3]}}\n  h: {{path: {DAY}, list: [1 h, 2 h, 3 h]}}\n"
    vary += "  t: {path: time.duration, list: [5 h, 6 h]}\n"
    design = sweep_of(tmp_path, vary, "paired: [d, h]\n").design
    assert len(design) == 6
    assert design.text(3) == "d 2, h 2 h, t 6 h"


def test_values_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    vary = "  kind: {path: injuries.0.kind, list: [CCI, sham]}\n"
    sweep = sweep_of(tmp_path, vary, "arms: [cci]\n")
    assert sweep.design.axes[0].numbers is None
    assert [sweep.design.text(i) for i in range(2)] == ["kind CCI", "kind sham"]


def test_every_fault_has_its_line(tmp_path: Path) -> None:
    text = f"""\
schema_version: 1
scenario: tiny.yaml
arms: [cci, sells]
vary:
  dose: {{path: {DOSE}, grid: {{low: 1e6, high: 1e4, points: 3}}}}
  hour: {{path: {DAY}, list: [1 h], range: {{low: 1 h, high: 2 h}}}}
  width: {{path: cytokines.TNF-a.difusion, list: [30 um^2/s]}}
  status: {{path: time.duration, list: [6 h]}}
  log: {{path: time.duration, grid: {{low: 0 h, high: 3 d, points: 3, scale: log}}}}
  mixed: {{path: time.duration, range: {{low: 1 h, high: 3 um}}}}
paired: [dosis]
limits: {{retries: -1}}
"""
    found = faults_of(tmp_path, text)
    expected = (
        ("3: arms.1", "no arm 'sells'; did you mean 'cells'?"),
        ("5: vary.dose.grid", "the range is empty"),
        ("6: vary.hour", "an axis has one of"),
        ("7: vary.width", "did you mean 'diffusion'?"),
        ("8: vary.status", "'status' is taken"),
        ("9: vary.log.grid.scale", "needs a low end above 0"),
        ("10: vary.mixed.range.high", "not of the same kind"),
        ("12: limits.retries", "at least 0"),
    )
    for place, message in expected:
        assert any(line.startswith(place) and message in line for line in found), (place, found)


HEAD = "schema_version: 1\nscenario: tiny.yaml\n"
LENGTH = "t: {path: time.duration, list: [6 h]}"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", "", "is empty"),
        ("\0\1\2", "", "sweep.yaml"),
        ("- 1\n- 2\n", "1:1", "sweep file"),
        (f"{HEAD}vary: &a {{x: *a}}\n", "3:", "a"),
        (f"{HEAD}vary: {'[' * 3000}\n", "3:", "nested deeper"),
        (f"{HEAD}vary: {{}}\n", "3:", "vary"),
        (f"{HEAD}vary: {{t: {{path: time.duration, list: []}}}}\n", "3:", "list"),
        (f"{HEAD}vary: {{t: 5}}\n", "3:", "t"),
        (
            f"{HEAD}vary: {{t: {{path: time.duration, list: [6 h, 3 h, 0.25 d]}}}}\n",
            "3:",
            "value 3 is the same",
        ),
        (f"{HEAD}vary: {{t: {{path: [1], list: [6 h]}}}}\n", "3:", "path"),
        (
            f"{HEAD}vary: {{t: {{path: time.duration, csv: {{file: /dev/zero, column: a}}}}}}\n",
            "3:",
            "/dev/zero",
        ),
        (
            f"{HEAD}vary: {{t: {{path: time.duration, grid: {{low: 1 h, high: 6 h, points: 1e9}}}}}}\n",
            "3:",
            "points",
        ),
        (
            f"{HEAD}replicates: 2000000\nvary:\n  {LENGTH}\n  d: {{path: {DOSE}, list: [1, 2]}}\n",
            "",
            "cases",
        ),
        (f"{HEAD}vary: {{{LENGTH}}}\nlimits: {{time: -5 s, memory: lots}}\n", "4:", "no amount of memory"),
        (f"{HEAD}vary: {{{LENGTH}}}\nlimits: {{time: -5 s}}\n", "4:", "-5 s"),
        (f"{HEAD}vary: {{{LENGTH}}}\nseed: 1e30\n", "4:", "seed"),
    ],
)
def test_hostile_files_are_told_where_they_are_wrong(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_sweep(write_sweep(tmp_path, text))
    message = str(caught.value)
    assert said in message
    assert f"sweep.yaml:{place}" in message


def test_axis_without_effect_and_axis_given_twice(tmp_path: Path) -> None:
    vary = f"  dose: {{path: {DOSE}, list: [1]}}\n  again: {{path: {DOSE}, list: [2]}}\n"
    vary += "  s: {path: seed, list: [1]}\n"
    found = faults_of(tmp_path, f"schema_version: 1\nscenario: tiny.yaml\narms: [cci]\nvary:\n{vary}")
    assert any("5: vary.dose" in line and "changes nothing in cci" in line for line in found)
    assert any("6: vary.again" in line and "set by the axis 'dose' already" in line for line in found)
    assert any("7: vary.s" in line and "changes nothing" in line for line in found)


def test_a_distribution_needs_a_sample_and_a_sample_a_distribution(tmp_path: Path) -> None:
    one = f"  dose: {{path: {DOSE}, normal: {{mean: 1e5, sd: 1e4}}}}\n"
    assert "needs 'sample'" in faults_of(tmp_path, f"schema_version: 1\nscenario: tiny.yaml\nvary:\n{one}")[0]
    found = faults_of(tmp_path, SWEEP + "sample: {points: 8}\n")
    assert "nothing is sampled" in found[0]


# ------------------------------------------------------------------------------------------------ designs


def test_latin_hypercube_has_one_point_in_every_slice() -> None:
    points = unit_points(["a", "b"], Sample(method="latin_hypercube", points=50), seed=3)
    for column in points.T:
        assert sorted((column * 50).astype(int)) == list(range(50))


def test_an_axis_keeps_its_draws_when_another_is_added() -> None:
    sample = Sample(method="random", points=20)
    one, two = unit_points(["a"], sample, 3), unit_points(["b", "a"], sample, 3)
    assert np.array_equal(one[:, 0], two[:, 1])
    assert not np.array_equal(one, unit_points(["a"], sample, 4))


def test_morris_moves_one_axis_at_a_time() -> None:
    points = trajectories(5, 30, 4, np.random.default_rng(1)).reshape(30, 6, 5)
    steps = np.diff(points, axis=1)
    assert ((np.abs(steps) > 0).sum(axis=2) == 1).all()
    np.testing.assert_allclose(np.abs(steps).max(axis=2), 2.0 / 3.0)
    assert (np.abs(steps).sum(axis=1) > 0.5).all()
    assert points.min() >= 0.0 and points.max() <= 1.0
    assert {-1.0, 1.0} <= set(np.sign(steps[np.abs(steps) > 0]))


def test_saltelli_blocks() -> None:
    a, b = np.zeros((4, 3)), np.ones((4, 3))
    blocks = saltelli(a, b).reshape(5, 4, 3)
    assert blocks[0].sum() == 0 and blocks[1].sum() == 12
    assert np.array_equal(blocks[2:].sum(axis=1), 4.0 * np.eye(3))


@pytest.mark.parametrize(
    ("spread", "quartiles"),
    [
        (Spread(2.0, 6.0), (3.0, 4.0, 5.0)),
        (Spread(1.0, 16.0, is_log=True), (2.0, 4.0, 8.0)),
        (Spread(-np.inf, np.inf, bell=(10.0, 2.0)), (8.65102, 10.0, 11.34898)),
        (Spread(0.0, np.inf, is_log=True, bell=(np.log(10.0), np.log(2.0))), (6.26554, 10.0, 15.96032)),
    ],
)
def test_quartiles_of_distributions(spread: Spread, quartiles: tuple[float, ...]) -> None:
    np.testing.assert_allclose([spread.at(u) for u in (0.25, 0.5, 0.75)], quartiles, rtol=1e-5)


def test_cut_distribution_stays_inside() -> None:
    spread = Spread(9.0, 10.5, bell=(10.0, 2.0))
    drawn = [spread.at(u) for u in np.linspace(0.0, 1.0, 101)]
    assert drawn[0] == 9.0 and drawn[-1] == 10.5
    assert (np.diff(drawn) > 0).all()


# ------------------------------------------------------------------------------------- names of the cases


def test_patched_scenario_is_the_one_that_set_makes(tmp_path: Path) -> None:
    tmp_path.joinpath("tiny.yaml").write_text(TINY, encoding="utf-8")
    experiment = load_experiment(tmp_path / "tiny.yaml")
    values = {
        DOSE: "3e5",
        "time.duration": "4 h",
        "cytokines.TGF-b1.half_life": "30 min",
        "regions.site.disc.radius": "60 um",
        "injuries.0.edge": "20 um",
    }
    paths = {parse_path(path): [scalar(text), scalar(text)] for path, text in values.items()}
    resolver = Resolver(experiment, ["cci", "cells"])
    resolver.learn(paths)
    sets = [f"{path}={text}" for path, text in values.items()]
    loaded = load_experiment(tmp_path / "tiny.yaml", sets)
    again = Resolver(loaded, ["cci", "cells"])
    for arm in resolver.arms:
        document = resolver.document(arm, {path: nodes[0] for path, nodes in paths.items()})
        scenario, faults = checked(document)
        assert (scenario, faults) == (loaded.arms[arm], [])
        assert resolver.digest(document) == again.digest(again.document(arm, {}))
    assert not resolver.follows("cci", parse_path(DOSE))


def test_paths_inside_each_other_are_laid_over_the_file(tmp_path: Path) -> None:
    tmp_path.joinpath("tiny.yaml").write_text(TINY, encoding="utf-8")
    experiment = load_experiment(tmp_path / "tiny.yaml")
    whole = "arms.cells.interventions.0"
    given = load_experiment_text("schema_version: 1\n" + TINY.split("\n", 1)[1], str(tmp_path / "x"))
    interventions = given.document.entries["arms"].entries["cells"].entries["interventions"]
    assert isinstance(interventions, ListNode) and isinstance(interventions.items[0], MapNode)
    paths = {parse_path(whole): [interventions.items[0]], parse_path(DOSE): [scalar("7e4")]}
    resolver = Resolver(experiment, ["cells"])
    resolver.learn(paths)
    scenario, _ = checked(resolver.document("cells", {path: nodes[0] for path, nodes in paths.items()}))
    assert scenario is not None
    assert float(scenario.interventions[0].inject_cells.dose) == 7e4


def test_the_name_depends_on_values_not_on_how_they_are_written(tmp_path: Path) -> None:
    tmp_path.joinpath("tiny.yaml").write_text(TINY, encoding="utf-8")
    tmp_path.joinpath("other.yaml").write_text(
        TINY.replace("dose: 2.5e5", "dose: 250000").replace("title: Tiny", "title: Another"), encoding="utf-8"
    )
    one, other = (Resolver(load_experiment(tmp_path / f"{n}.yaml"), ["cells"]) for n in ("tiny", "other"))
    assert one.digest(one.document("cells", {})) == other.digest(other.document("cells", {}))
    changed = load_experiment(tmp_path / "tiny.yaml", ["cytokines.TNF-a.half_life=3 h"])
    third = Resolver(changed, ["cells"])
    assert third.digest(third.document("cells", {})) != one.digest(one.document("cells", {}))


def manifest_of(sweep: Sweep, folder: Path, **changes: object) -> Manifest:
    given = {
        "folder": folder,
        "title": "",
        "sweep_text": "",
        "base_text": sweep.experiment.text,
        "design": sweep.design,
        "arms": sweep.arms,
        "scenarios": distinct_scenarios(sweep),
        "replicates": 2,
        "seed": 11,
        "shared_noise": True,
        "declaration": SweepDeclaration((), ()),
        "files": False,
        "limits": Limits(),
        "chunk": 5,
        "sample": {},
        "predicted": {"seconds": 1.0},
    }
    return Manifest(**{**given, **changes})  # type: ignore[arg-type]


def test_cases_that_are_the_same_are_one_run(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    manifest = manifest_of(sweep, tmp_path)
    # The arm without cells follows neither axis: one scenario beside the six of the other arm.
    assert (manifest.n_case, manifest.n_run) == (24, 14)
    assert len(set(manifest.ids)) == 14


def test_manifest_survives_the_disk_and_makes_the_scenarios(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    before = manifest_of(sweep, tmp_path, limits=Limits(seconds=3.0))
    before.save()
    after = Manifest.load(tmp_path)
    assert after.ids.tolist() == before.ids.tolist()
    assert after.limits == before.limits
    assert [after.text_of(run) for run in range(14)] == [before.text_of(run) for run in range(14)]
    resolver = resolver_of(after)
    run = next(i for i in range(14) if after.text_of(i) == "arm cells, dose 100000, hour 2 h, replicate 1")
    scenario = scenario_of(after, resolver, run)
    sets = [f"{DOSE}=100000", f"{DAY}=2 h"]
    assert scenario == load_experiment(tmp_path / "tiny.yaml", sets).arms["cells"]
    text = scenario_text(after, resolver, run)
    alone = load_experiment_text(text, "case")
    assert alone.arms == {"cells": scenario}
    assert (alone.seed, alone.replicates) == (11, 2)


def test_own_noise_gives_every_scenario_its_seed(tmp_path: Path) -> None:
    sweep = load_sweep(write_sweep(tmp_path))
    shared, own = (manifest_of(sweep, tmp_path, shared_noise=flag) for flag in (True, False))
    assert {shared.seed_of(run) for run in range(14)} == {11}
    seeds = [own.seed_of(run) for run in range(14)]
    assert len(set(seeds)) == 7
    assert seeds[0] == own_seed(11, bytes(own.scenarios.digests[0]))
    assert not set(own.ids) & set(shared.ids)


def test_some_scenarios_of_many_are_checked(tmp_path: Path) -> None:
    vary = f"  dose: {{path: {DOSE}, range: {{low: 1e4, high: 1e6, scale: log}}}}\n"
    vary += f"  hour: {{path: {DAY}, list: [1 h, 2 h, 3 h]}}\n"
    sweep = sweep_of(tmp_path, vary, "sample: {method: random, points: 1000}\narms: [cells]\n")
    scenarios = distinct_scenarios(sweep)
    chosen = chosen_for_checking(sweep, scenarios)
    assert len(scenarios) == 3000 and 50 < len(chosen) < 400
    points = scenarios.point[chosen]
    values = sweep.design.values
    assert set(values[points, 1]) == {0.0, 1.0, 2.0}
    assert values[points, 0].min() == values[:, 0].min() and values[points, 0].max() == values[:, 0].max()
    assert len(chosen_for_checking(sweep, scenarios, everything=True)) == 3000


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3"])
def test_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="i/n"):
        Part.parse(text)


def test_parts_make_the_whole() -> None:
    runs = np.arange(10)
    parts = [Part.parse(f"{i}/3").of(runs) for i in (1, 2, 3)]
    assert sorted(np.concatenate(parts)) == list(range(10))
