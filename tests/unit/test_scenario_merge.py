"""Merging and ``--set``."""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.errors import Fault, ScenarioError
from abm.scenario.load import load_experiment
from abm.scenario.merge import merge, settled
from abm.scenario.nodes import MapNode, Node, plain
from abm.scenario.read import parse_text
from abm.scenario.settings import apply_setting, parse_path

CHEN = Path(__file__).resolve().parents[2] / "scenarios" / "chen2015.yaml"
CITED = "{value: 40 min, low: 20 min, high: 90 min, kind: measured, source: X, note: n}"


def tree(text: str) -> MapNode:
    faults: list[Fault] = []
    node = parse_text(text, "test", None, faults)
    assert faults == []
    return node


def merged(base: str, patch: str) -> object:
    node: Node = merge(tree(base), tree(patch))
    return plain(node)


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ("a: {x: 1, y: 2}", "a: {y: 3, z: 4}", {"a": {"x": 1, "y": 3, "z": 4}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        ("a: {x: 1}", "a: 5", {"a": 5}),
        ("a: 5", "a: {x: 1}", {"a": {"x": 1}}),
        ("a: {x: 1, y: 2}", "a: {x: null}", {"a": {"y": 2}}),
        ("a: 1", "b: null", {"a": 1, "b": None}),
        # a new number keeps the cited range and loses what is said about the old number
        (f"a: {CITED}", "a: 30 min", {"a": {"value": "30 min", "low": "20 min", "high": "90 min"}}),
        (
            f"a: {CITED}",
            "a: {value: 30 min, low: 1 min, source: Y}",
            {"a": {"value": "30 min", "low": "1 min", "source": "Y", "high": "90 min"}},
        ),
        ("a: {value: 1, kind: assumed}", "a: 2", {"a": 2}),
        # a range alone changes the range alone
        (
            "a: {value: 1, low: 0, kind: assumed}",
            "a: {low: 0.5}",
            {"a": {"value": 1, "low": 0.5, "kind": "assumed"}},
        ),
        # other forms replace each other
        (f"a: {CITED}", "a: {base: 1, adds: []}", {"a": {"base": 1, "adds": []}}),
        ("a: {base: 1, adds: []}", "a: {value: 3}", {"a": {"value": 3}}),
        ("a: {disc: {radius: 1}}", "a: {ball: {radius: 2}}", {"a": {"ball": {"radius": 2}}}),
        (
            "a: {disc: {radius: 1, center: 2}}",
            "a: {disc: {radius: 2}}",
            {"a": {"disc": {"radius": 2, "center": 2}}},
        ),
    ],
)
def test_merge(base: str, patch: str, result: object) -> None:
    assert merged(base, patch) == result


def test_merging_changes_neither_side() -> None:
    base, patch = tree("a: {x: 1}\nb: 2"), tree("a: {x: null, y: 3}")
    before = plain(base), plain(patch)
    merge(base, patch)
    assert (plain(base), plain(patch)) == before


def test_a_merged_part_stands_where_its_last_word_stands() -> None:
    node = merge(tree("a: {x: 1}"), tree("\n\na: {y: 2}"))
    assert isinstance(node, MapNode)
    assert node.keys["a"].line == 3
    inner = node.entries["a"]
    assert isinstance(inner, MapNode)
    assert (inner.keys["x"].line, inner.keys["y"].line, inner.mark.line) == (1, 3, 3)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.b.0", ("a", "b", "0")),
        ('a."b.c".d', ("a", "b.c", "d")),
        ("a.'b.c'", ("a", "b.c")),
        (
            "cell_types.msc.behaviours.secretion of IL-10",
            ("cell_types", "msc", "behaviours", "secretion of IL-10"),
        ),
    ],
)
def test_path_of_a_setting(text: str, path: tuple[str, ...]) -> None:
    assert parse_path(text) == path


def test_settings_change_every_arm() -> None:
    experiment = load_experiment(
        CHEN,
        [
            "time.duration=3 d",
            "cytokines.IL-10.half_life=50 min",
            "injuries.0.edge=20 um",
            "arms.cci_bmsc.interventions.0.inject_cells.dose=1e5",
            "regions.site.disc.center=[1 mm, 1 mm]",
            "seed=7",
            "record.cells=never",
        ],
    )
    assert experiment.seed == 7
    for arm in experiment.arms.values():
        assert arm.time.duration == 3 * 1440
        assert arm.cytokines["IL-10"].half_life == 50.0
        assert arm.cytokines["IL-10"].half_life.high == 240.0  # type: ignore[union-attr]
        assert arm.regions["site"].disc.center == (1000.0, 1000.0)  # type: ignore[union-attr]
        assert arm.record.cells == 0.0
    assert experiment.arms["cci"].injuries[0].edge == 20.0
    dose = experiment.arms["cci_bmsc"].interventions[0].inject_cells
    assert dose is not None and dose.dose == 1e5


def test_a_setting_may_name_what_the_file_leaves_out() -> None:
    assert load_experiment(CHEN, ["tissue.packing=0.5"]).base.tissue.packing == 0.5


def test_a_setting_may_remove() -> None:
    arms = load_experiment(
        CHEN, ["arms.cci_tgfb1=null", "claims=null", "cell_types.microglia.behaviours.division=null"]
    ).arms
    assert list(arms) == ["sham", "cci", "cci_bmsc"]
    assert "division" not in arms["cci"].cell_types["microglia"].behaviours


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("time.durration=3 d", "unknown key 'durration' in 'time'; did you mean 'duration'?"),
        ("cytokines.IL10.half_life=3 min", "unknown key 'IL10' in 'cytokines'; did you mean 'IL-10'?"),
        ("tme.duration=3 d", "unknown key 'tme' at the top; did you mean 'time'?"),
        ("injuries.1.at=3 d", "'injuries' is a list with entries 0 to 0; given: '1'"),
        ("injuries.x.at=3 d", "'injuries' is a list with entries 0 to 0; given: 'x'"),
        ("seed.x=3", "'seed' has no parts, so 'x' does not exist"),
        ("arms.cci_bmcs.seed=3", "unknown key 'cci_bmcs' in 'arms'; did you mean 'cci_bmsc'?"),
        (
            "arms.cci.time.durration=3 d",
            "unknown key 'durration' in 'arms.cci.time'; did you mean 'duration'?",
        ),
        ("time.duration", "--set takes path=value"),
        ("=3", "--set takes path=value"),
        ("a..b=3", "is no path"),
        ("time.duration=[3", "--set time.duration: not valid YAML"),
        ("time.duration=", "the value is missing after '='"),
        ("time.duration=*x", "has no anchor"),
        ("time.duration=3", "time.duration: number 3 has no unit"),
        ("time.duration=-3 d", "time.duration: '-3 d' is negative"),
    ],
)
def test_faulty_settings(setting: str, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_experiment(CHEN, [setting])
    assert says in str(error.value)
    assert len(error.value.faults) == 1
    assert error.value.faults[0].file == ""


def test_all_faulty_settings_at_once() -> None:
    with pytest.raises(ScenarioError) as error:
        load_experiment(CHEN, ["time.x=1", "domain.y=2", "seed=-1"])
    assert len(error.value.faults) == 3


def test_a_refused_setting_changes_nothing() -> None:
    document, faults = tree("time: {duration: 1 d}"), []  # type: ignore[var-annotated]
    assert apply_setting(document, "nothing=1", faults) is document
    assert len(faults) == 1


def test_list_under_name_plus_is_appended_to_the_inherited_one():
    base = tree("cell: {adds: [{signal: A}], base: 1}")
    merged = merge(base, tree("cell: {adds+: [{signal: B}, {signal: C}]}"))
    assert plain(merged) == {"cell": {"adds": [{"signal": "A"}, {"signal": "B"}, {"signal": "C"}], "base": 1}}


def test_appending_to_nothing_gives_the_list():
    merged = settled(merge(tree("{}"), tree("new: {deep: {adds+: [1]}}")))
    assert plain(merged) == {"new": {"deep": {"adds": [1]}}}


def test_an_append_waits_for_the_list_it_belongs_to():
    module = merge(tree("{}"), tree("r: {adds+: [2]}"))
    assert plain(merge(tree("r: {adds: [1]}"), module)) == {"r": {"adds": [1, 2]}}
    assert plain(settled(merge(module, tree("r: {adds+: [3]}")))) == {"r": {"adds": [2, 3]}}


def test_a_new_list_replaces_what_was_to_be_appended_to_the_old_one():
    module = merge(tree("{}"), tree("r: {adds+: [2]}"))
    assert plain(settled(merge(module, tree("r: {adds: [9]}")))) == {"r": {"adds": [9]}}


def test_appending_keeps_a_constant_response_as_its_base():
    merged = settled(merge(tree("r: {value: 3 /h, kind: fitted}"), tree("r: {adds+: [1]}")))
    assert plain(merged) == {"r": {"base": {"value": "3 /h", "kind": "fitted"}, "adds": [1]}}


def test_appending_twice_keeps_the_order():
    first = merge(tree("r: {adds: [1]}"), tree("r: {adds+: [2]}"))
    assert plain(merge(first, tree("r: {adds+: [3]}"))) == {"r": {"adds": [1, 2, 3]}}


def test_what_a_module_appends_is_there_once_however_often_it_is_extended():
    once, module = tree("r: {adds: [1]}"), tree("r: {adds+: [2]}")
    assert plain(merge(merge(once, module), module)) == {"r": {"adds": [1, 2]}}
    twice = merge(merge(once, module), tree("\nr: {adds+: [2]}"))  # the same words, elsewhere
    assert plain(twice) == {"r": {"adds": [1, 2, 2]}}


def test_plus_on_something_that_is_no_list_is_left_for_the_schema_to_refuse():
    assert plain(merge(tree("r: {adds: [1]}"), tree("r: {adds+: 2}"))) == {"r": {"adds": [1], "adds+": 2}}
