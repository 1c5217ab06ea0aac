"""Rules files of PhysiCell in a scenario: names, units, base values, arms, and what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from abm.errors import ScenarioError
from abm.scenario.json_schema import json_schema
from abm.scenario.load import Experiment, load_experiment, load_experiment_text
from abm.scenario.physicell_names import (
    UNSUPPORTED_BEHAVIOURS,
    UNSUPPORTED_SIGNALS,
    Names,
    behaviours,
    signals,
)
from abm.scenario.physicell_yaml import has_rules, rules_as_yaml
from abm.scenario.signals import parse_signal
from abm.scenario.vocabulary import vocabulary_of

DATA = Path(__file__).resolve().parents[1] / "data" / "physicell"

TUMOUR = """
schema_version: 1
title: A small tumour
time: {duration: 1 h, cell_step: 6 min, field_step: 6 min}
record: {readout: 1 h}
domain: {size: [100 um, 100 um], spacing: 20 um, thickness: 20 um}
cytokines:
  oxygen: {diffusion: 100 um^2/s, half_life: 30 min, baseline: 38 pg/ml, molar_mass: 0.032 kDa}
  TNF-a: {diffusion: 30 um^2/s, half_life: 30 min}
cell_types:
  tumor:
    radius: 8 um
    variables: {damage: {value: 0}, zeal: {value: 0.5, label: zeal}, slow: {target: 1, time_constant: 1 h}}
    behaviours:
      division: 0.6 /h
      death: {value: 5e-5 /min, low: 1e-5 /min, high: 1e-4 /min, kind: assumed}
      secretion of TNF-a: {base: 2 fg/min, times: [{signal: own zeal}]}
      migration speed: 1 um/min
  glia:
    radius: 6 um
    behaviours: {migration speed: 1 um/min}
"""
RULES = """
physicell_rules:
  file: rules.csv
  density: 1 pg/ml
  substrates:
    oxygen: {}
    pro-inflammatory factor: {cytokine: TNF-a, density: 10 pg/ml, secretion: 2 fg/min}
  cell_types: {macrophage: glia, "2": glia}
  variables: {motivation: zeal, "0": zeal}
"""


def load(folder: Path, rules: str | bytes, more: str = RULES, tumour: str = TUMOUR) -> Experiment:
    content = rules if isinstance(rules, bytes) else rules.encode()
    (folder / "rules.csv").write_bytes(content)
    (folder / "tumour.yaml").write_text(tumour + more, encoding="utf-8")
    return load_experiment(folder / "tumour.yaml")


def faults(folder: Path, rules: str | bytes, more: str = RULES, tumour: str = TUMOUR) -> list[str]:
    """Position in the file of rules and message of every fault."""
    with pytest.raises(ScenarioError) as error:
        load(folder, rules, more, tumour)
    return [f"{Path(f.file).name}:{f.line}:{f.column}: {f.message}" for f in error.value.faults]


def notes(experiment: Experiment) -> list[str]:
    return [f"{w.line}:{w.column}: {w.message}" for w in experiment.warnings if w.file.endswith("rules.csv")]


def response(experiment: Experiment, cell_type: str, behaviour: str) -> dict[str, Any]:
    """A response as it would be written, without what it does not say."""
    found = experiment.base.cell_types[cell_type].behaviours[behaviour]
    return found.model_dump(exclude_unset=True, mode="json")


# -------------------------------------------------------------------------------------- translation


@pytest.mark.parametrize(
    ("signal", "here", "half_max"),
    [
        ("oxygen", "oxygen", "3 pg/ml"),
        ("pro-inflammatory factor", "TNF-a", "30 pg/ml"),
        ("oxygen gradient", "oxygen gradient", "3 pg/ml/um"),
        ("grad(pro-inflammatory factor)", "TNF-a gradient", "30 pg/ml/um"),
        ("gradient of oxygen", "oxygen gradient", "3 pg/ml/um"),
        ("contact with macrophage", "contact with glia", "3"),
        ("contact with cell type 2", "contact with glia", "3"),
        ("contact with live cells", "contact with live cells", "3"),
        ("contact with dead cell", "contact with dead cells", "3"),
        ("contact with apoptotic cells", "contact with dead cells", "3"),
        ("global time", "time", "3 min"),
        ("custom:motivation", "own zeal", "3"),
        ("custom: motivation", "own zeal", "3"),
        ("custom 0", "own zeal", "3"),
        ("damage", "own damage", "3"),
        ("is dead", "dead", "3"),
        ("apoptotic", "dead", "3"),
    ],
)
def test_signals(tmp_path: Path, signal: str, here: str, half_max: str) -> None:
    made = load(tmp_path, f"tumor,{signal},increases,cycle entry,0.02,3,4,0")
    (term,) = response(made, "tumor", "division")["increases"]
    assert term == {"signal": here, "to": "0.02 /min", "half_max": half_max, "hill_power": "4"}


@pytest.mark.parametrize(
    ("behaviour", "here", "to"),
    [
        ("cycle entry", "division", "3 /min"),
        ("exit from cycle phase 0", "division", "3 /min"),
        ("apoptosis", "death", "3 /min"),
        ("migration speed", "migration speed", "3 um/min"),
        ("migration persistence time", "persistence time", "3 min"),
        ("chemotactic response to pro-inflammatory factor", "chemotactic sensitivity to TNF-a", "3"),
        ("chemotactic sensitivity to oxygen", "chemotactic sensitivity to oxygen", "3"),
        ("pro-inflammatory factor secretion", "secretion of TNF-a", "6 fg/min"),
        ("pro-inflammatory factor export", "secretion of TNF-a", "3.0000000000000004e-08 fg/min"),
        ("oxygen uptake", "uptake of oxygen", "3 /min"),
        ("phagocytose apoptotic cell", "phagocytosis of dead cells", "3 /min"),
        ("phagocytosis of apoptotic cells", "phagocytosis of dead cells", "3 /min"),
        ("phagocytose dead cell", "phagocytosis of dead cells", "3 /min"),
        ("transition to macrophage", "transform to glia", "3 /min"),
        ("transform to cell type 2", "transform to glia", "3 /min"),
    ],
)
def test_behaviours(tmp_path: Path, behaviour: str, here: str, to: str) -> None:
    made = load(
        tmp_path, f"tumor,oxygen,increases,{behaviour},3,3,4,0", tumour=TUMOUR.replace("2 fg", "0 fg")
    )
    assert response(made, "tumor", here)["increases"][0]["to"] == to


def test_every_name_of_the_dictionary_means_something_here(tmp_path: Path) -> None:
    own = {"zeal": "zeal", "damage": "damage", "0": "zeal"}
    names = Names({"oxygen": "oxygen", "TNF-a": "TNF-a"}, {"tumor": "tumor", "2": "glia"}, own)
    text = "".join(f"tumor,oxygen,increases,{name},3,3,4,0\n" for name in behaviours(names))
    released = "oxygen: {secretion: 1 fg/min}, TNF-a: {secretion: 1 fg/min}"
    said = f"substrates: {{{released}}}, cell_types: {{'2': glia}}, variables: {{'0': zeal}}"
    told = faults(tmp_path, text, f"physicell_rules: {{file: rules.csv, density: 1 pg/ml, {said}}}\n")
    assert not any("unknown" in message or "not supported" in message for message in told)
    vocabulary = vocabulary_of(load(tmp_path, "").base).of("tumor")
    for known in signals(names).values():
        assert (parse_signal(known.text, vocabulary).dimension.unit) == (known.unit or "1")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            f"tumor,{signal},increases,cycle entry,0.02,1,1,0",
            f"signal '{signal}' is known to PhysiCell, not supp",
        )
        for signal in (
            "pressure",
            "volume",
            "necrotic",
            "is_necrotic",
            "contact with necrotic cell",
            "attacking",
            "contact with other dead cells",
            "contact with BM",
            "intracellular oxygen",
            "damage delivered",
            "internalized pro-inflammatory factor",
            "total attack time",
            "contact with basement membrane",
        )
    ]
    + [
        (
            f"tumor,oxygen,increases,{name},0.02,1,1,0",
            f"behaviour '{name}' is known to PhysiCell, not supported",
        )
        for name in (
            "necrosis",
            "oxygen secretion target",
            "oxygen secretion saturation density",
            "attack macrophage",
            "exit from cycle phase 3",
            "cell-cell adhesion",
            "cell-cell adhesion elastic constant",
            "cell-BM repulsion",
            "cell-membrane adhesion",
            "adhesive affinity to tumor",
            "fuse to macrophage",
            "relative maximum adhesion distance",
            "phagocytose macrophage",
            "phagocytosis of 3",
            "is_movable",
            "phagocytose necrotic cell",
            "phagocytosis of other dead cells",
            "movable",
            "damage rate",
            "asymmetric division to tumor",
            "immunogenicity to tumor",
            "cell attachment rate",
            "cell detachment rate",
            "maximum number of cell attachments",
            "attack damage rate",
            "attack duration",
            "damage repair rate",
        )
    ],
)
@pytest.mark.parametrize("mode", ["strict", "physicell-compat"])
def test_what_physicell_knows_and_this_program_does_not(
    tmp_path: Path, line: str, says: str, mode: str
) -> None:
    (fault,) = faults(tmp_path, line, f"{RULES}  mode: {mode}\n")
    assert says in fault and "physicell_rules.leave_out leaves such rules out" in fault


def test_reasons_are_given_for_every_family() -> None:
    assert all(len(reason) > 20 for _, reason in (*UNSUPPORTED_SIGNALS, *UNSUPPORTED_BEHAVIOURS))


@pytest.mark.parametrize(
    ("line", "where", "says"),
    [
        (
            "tumour,oxygen,increases,apoptosis,1,1,1,0",
            "1:1",
            "unknown cell type 'tumour'; did you mean 'tumor'?",
        ),
        (
            "glia,oxygen,increases,apoptosis,1,1,1,0",
            "1:1",
            "unknown cell type 'glia'",
        ),  # has another name there
        (
            "tumor,oxigen,increases,apoptosis,1,1,1,0",
            "1:7",
            "unknown signal 'oxigen'; did you mean 'oxygen'?",
        ),
        (
            "tumor,Oxygen,increases,apoptosis,1,1,1,0",
            "1:7",
            "unknown signal 'Oxygen'; did you mean 'oxygen'?",
        ),
        ("tumor,TNF-a,increases,apoptosis,1,1,1,0", "1:7", "unknown signal 'TNF-a'"),
        ("tumor,excess oxygen,increases,apoptosis,1,1,1,0", "1:7", "unknown signal 'excess oxygen'"),
        (
            "tumor,oxygen,increases,apoptosys,1,1,1,0",
            "1:24",
            "unknown behaviour 'apoptosys'; did you mean 'apop",
        ),
        ("tumor,oxygen,increases,division,1,1,1,0", "1:24", "unknown behaviour 'division'"),
        (
            "tumor,contact with cell type 7,increases,apoptosis,1,1,1,0",
            "1:7",
            "say what number 7 is: cell_types",
        ),
        ("tumor,custom 3,increases,apoptosis,1,1,1,0", "1:7", "say what number 3 is: variables: {'3': ...}"),
        (
            "tumor,custom:zeal,increases,apoptosis,1,1,1,0",
            "1:7",
            "did you mean 'custom:slow'?; variables of tumor",
        ),
        (
            "macrophage,damage,increases,apoptosis,1,1,1,0",
            "1:12",
            "unknown signal 'damage'; variables of glia: none",
        ),
        ("tumοr,oxygen,increases,apoptosis,1,1,1,0", "1:1", "U+03BF greek small letter omicron"),
        (
            "tumor,oxygen,increases,custom:slow,1,1,1,0",
            "1:24",
            "cell_types.tumor.variables.slow needs 'value' or",
        ),
    ],
)
def test_unknown_names(tmp_path: Path, line: str, where: str, says: str) -> None:
    (fault,) = faults(tmp_path, line)
    assert fault.startswith(f"rules.csv:{where}: ") and says in fault


def test_a_misspelt_name_is_found_beside_a_misspelt_number(tmp_path: Path) -> None:
    told = faults(tmp_path, "tumour,oxigen,up,apoptosys,a,0,-1,2")
    assert [fault.split(" ")[0] for fault in told] == [
        f"rules.csv:1:{column}:" for column in (1, 8, 15, 18, 28, 30, 32, 35)
    ]


# -------------------------------------------------------------------------------------------- units


def test_a_density_is_never_guessed(tmp_path: Path) -> None:
    more = RULES.replace("  density: 1 pg/ml\n", "").replace("density: 10 pg/ml, ", "")
    line = "tumor,{},increases,{},0.02,1,1,0\n"
    text = "".join(
        line.format(signal, behaviour)
        for signal in ("oxygen", "pro-inflammatory factor", "oxygen gradient")
        for behaviour in ("cycle entry", "apoptosis")
    )
    told = faults(tmp_path, text, more)
    assert [fault.split(" ")[0] for fault in told] == ["rules.csv:1:41:", "rules.csv:3:58:"]
    assert "substrates: {oxygen: {density: 1 pg/ml}}" in told[0]
    export = "tumor,custom 0,increases,oxygen export,1,1,1,0"
    assert "say in physicell_rules what a density of 1 is" in faults(tmp_path, export, more)[0]


def test_a_secretion_is_never_guessed(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "tumor,custom 0,increases,oxygen secretion,1,1,1,0\n")
    assert fault.startswith("rules.csv:1:43:") and "substrates: {oxygen: {secretion: 1 fg/min}}" in fault


def test_a_density_may_be_molar(tmp_path: Path) -> None:
    line = "tumor,oxygen,increases,cycle entry,0.02,2,1,0"
    made = load(tmp_path, line, RULES.replace("oxygen: {}", "oxygen: {density: 1 nM}"))
    (term,) = response(made, "tumor", "division")["increases"]
    assert term["half_max"] == "64 pg/ml"
    wrong = RULES.replace("density: 10 pg/ml", "density: 1 nM")
    (fault,) = faults(tmp_path, line.replace("oxygen", "pro-inflammatory factor"), wrong)
    assert "give cytokines.TNF-a.molar_mass" in fault


def test_numbers_beyond_all_numbers_are_refused(tmp_path: Path) -> None:
    more = RULES.replace("oxygen: {}", "oxygen: {density: 1e10 pg/ml}")
    (fault,) = faults(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,1e300,1,0", more)
    assert "is outside the numbers of this program" in fault


# -------------------------------------------------------------------------------------- base values


def test_base_values_are_those_of_the_cell_type(tmp_path: Path) -> None:
    text = """tumor,oxygen,increases,cycle entry,0.02,20,4,0
tumor,oxygen,decreases,apoptosis,0,5,4,0
tumor,oxygen,decreases,pro-inflammatory factor secretion,0.5,5,4,0
"""
    made = load(tmp_path, text)
    assert response(made, "tumor", "division")["base"] == "0.6 /h"
    death = made.base.cell_types["tumor"].behaviours["death"]
    assert (death.base.given, death.base.kind) == ("5e-5 /min", "assumed")
    secretion = response(made, "tumor", "secretion of TNF-a")
    assert secretion["base"] == "2 fg/min" and secretion["times"] == [{"signal": "own zeal"}]
    assert secretion["decreases"][0]["to"] == "1 fg/min"
    assert notes(made) == []


def test_a_missing_base_value_is_0_and_said(tmp_path: Path) -> None:
    made = load(tmp_path, "tumor,oxygen,increases,migration persistence time,5,20,4,0\n")
    assert response(made, "tumor", "persistence time")["base"] == "0 min"
    (note,) = notes(made)
    assert note == "1:24: cell_types.tumor.behaviours does not say 'persistence time': the base value is 0"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["oxygen,increases,cycle entry,0.009"],
            "1:36: 'increases' towards 0.009 /min, which is below the base value",
        ),
        (
            ["oxygen,decreases,cycle entry,0.011"],
            "1:36: 'decreases' towards 0.011 /min, which is above the base value",
        ),
        (
            ["custom 0,increases,cycle entry,1", "oxygen,decreases,cycle entry,0.011"],
            "2:36: 'decreases' towards 0.011",
        ),
        (
            ["oxygen,increases,cycle entry,1", "custom 0,increases,cycle entry,2"],
            "2:38: saturation value 2, but 1 in line 1: in PhysiCell all rules that raise",
        ),
        (["oxygen,decreases,cycle entry,0", "custom 0,decreases,cycle entry,0.001"], "share the smallest"),
        (
            ["oxygen,increases,cycle entry,1", "oxygen,increases,cycle entry,1"],
            "2:7: repeats the rule in line 1; PhysiCell stops at this",
        ),
        (
            ["grad(oxygen),increases,cycle entry,1", "oxygen gradient,increases,cycle entry,1"],
            "2:7: 'oxygen gradient' and 'grad(oxygen)' in line 1 are one signal here; keep one of the rules",
        ),
        (
            ["oxygen,increases,cycle entry,1", "damage,increases,exit from cycle phase 0,1"],
            "2:24: 'exit from cycle phase 0' is another name of 'cycle entry' in line 1; in",
        ),
        (
            [
                "oxygen,decreases,pro-inflammatory factor export,0",
                "damage,decreases,pro-inflammatory factor secretion,0",
            ],
            "2:24: 'pro-inflammatory factor secretion' and 'pro-inflammatory factor export' are both",
        ),
        (["oxygen,increases,apoptosis,1,1,1,1"], "1:40: rules for dead cells are not supported"),
    ],
)
def test_what_rules_together_do_not_mean(tmp_path: Path, lines: list[str], says: str) -> None:
    text = "".join(f"tumor,{line}{'' if line.endswith(',1,1,1') else ',1,1,0'}\n" for line in lines)
    (fault,) = faults(tmp_path, text)
    assert says in fault


def test_the_same_signal_may_raise_and_lower(tmp_path: Path) -> None:
    text = "tumor,oxygen,increases,cycle entry,0.02,20,4,0\ntumor,oxygen,decreases,cycle entry,0,60,4,0\n"
    found = response(load(tmp_path, text), "tumor", "division")
    assert [found[side][0]["signal"] for side in ("increases", "decreases")] == ["oxygen"] * 2


def test_a_side_that_is_written_in_the_scenario_is_not_touched(tmp_path: Path) -> None:
    own = "{base: 1 um/min, increases: [{signal: TNF-a, to: 2 um/min, half_max: 1 pg/ml}]}"
    tumour = TUMOUR.replace("migration speed: 1 um/min\n  glia", f"migration speed: {own}\n  glia")
    up = "tumor,oxygen,increases,migration speed,2,20,4,0"
    (fault,) = faults(tmp_path, up, tumour=tumour)
    assert "1:24: 'migration speed' has 'increases' in the scenario already" in fault
    down = "tumor,oxygen,decreases,migration speed,0,20,4,0"
    found = response(load(tmp_path, down, tumour=tumour), "tumor", "migration speed")
    assert [len(found[side]) for side in ("increases", "decreases")] == [1, 1]
    (fault,) = faults(tmp_path, down, f"{RULES}  mode: physicell-compat\n", tumour)
    assert "with physicell-compat the base value of 'migration speed' must be a number" in fault


def test_later_checks_point_into_the_file_of_rules(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "tumor,oxygen,increases,migration bias,1.5,20,4,0")
    assert fault.startswith("rules.csv:1:39: '1.5' is above 1; a migration bias is a share")
    made = load(tmp_path, "tumor,oxygen,increases,apoptosis,0.5,20,4,0")
    (note,) = notes(made)
    assert note.startswith("1:24: up to 95% of the cells do this within one cell_step")


def test_a_custom_datum_becomes_a_variable_that_is_set_at_once(tmp_path: Path) -> None:
    made = load(tmp_path, "tumor,oxygen,increases,custom:motivation,0.9,20,4,0")
    zeal = made.base.cell_types["tumor"].variables["zeal"]
    assert zeal.value is None and zeal.label == "zeal" and zeal.equals is not None
    assert (float(zeal.equals.base), float(zeal.equals.increases[0].to)) == (0.5, 0.9)


# ------------------------------------------------------------------------------------------- compat


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["oxygen,increases,cycle entry,0.009"],
            "1:36: saturation value 0.009 /min, base value 0.01 /min of 'cycle entry': together with its "
            "other rules this one lowers it towards 0.009 /min, as in PhysiCell",
        ),
        (["oxygen,decreases,cycle entry,0.011"], "this one raises it towards 0.011 /min, as in PhysiCell"),
        (
            ["custom 0,increases,cycle entry,1", "oxygen,decreases,cycle entry,0.011"],
            "this one does not change it",
        ),
        (
            ["oxygen,increases,cycle entry,1", "custom 0,increases,cycle entry,2"],
            "1:36: saturation value 1 /min, base value 0.01 /min of 'cycle entry': together with its "
            "other rules this one raises it towards 2 /min, as in PhysiCell",
        ),
        (
            ["grad(oxygen),increases,cycle entry,1", "oxygen gradient,increases,cycle entry,1"],
            "2:7: 'oxygen gradient' is another name of 'grad(oxygen)' in line 1: both count, as in PhysiCell",
        ),
        (
            ["oxygen,increases,cycle entry,1", "damage,increases,exit from cycle phase 0,1"],
            "1:24: 'cycle entry' is overwritten by 'exit from cycle phase 0', another name of it",
        ),
        (
            ["contact with apoptotic cell,increases,cycle entry,1"],
            "1:7: 'contact with apoptotic cell': PhysiCell 1.14.2 reads 0 for this signal",
        ),
        (
            ["oxygen,increases,cycle entry,1,1,1,1"],
            "1:42: applies to dead cells as well, here to live ones only",
        ),
        (
            ["oxygen,Up,cycle entry,0"],
            "1:14: direction 'Up'; allowed: increases, decreases: it is read as 'decreases'",
        ),
    ],
)
def test_every_place_where_physicell_is_odd_is_noted(tmp_path: Path, lines: list[str], says: str) -> None:
    text = "".join(f"tumor,{line}{'' if line.endswith(',1,1,1') else ',1,1,0'}\n" for line in lines)
    found = [
        note
        for note in notes(load(tmp_path, text, f"{RULES}  mode: physicell-compat\n"))
        if "within one cell_step" not in note
    ]
    assert len(found) == 1 and says in found[0]


def test_sound_rules_have_no_notes_and_are_the_same_in_both_modes(tmp_path: Path) -> None:
    text = "tumor,oxygen,increases,cycle entry,0.02,20,4,0\ntumor,damage,decreases,cycle entry,0,1,4,0\n"
    strict = load(tmp_path, text)
    compat = load(tmp_path, text, f"{RULES}  mode: physicell-compat\n")
    assert strict.base == compat.base
    assert notes(strict) == notes(compat) == []


def test_a_signal_that_never_is_anything_but_0_is_noted(tmp_path: Path) -> None:
    (note,) = notes(load(tmp_path, "tumor,dead,increases,cycle entry,0.02,1,1,0"))
    assert note == "1:7: 'dead' is 0 for every cell that acts: the rule has no effect"


def test_files_of_different_modes_do_not_rule_one_behaviour(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("tumor,damage,increases,cycle entry,0.02,20,4,0\n")
    files = "{file: rules.csv, density: 1 pg/ml}, {file: more.csv, mode: physicell-compat}"
    more = f"physicell_rules: [{files}]\n"
    (fault,) = faults(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0", more)
    assert fault.startswith("more.csv:1:24: 'cycle entry' is ruled by files of different modes")


# ---------------------------------------------------------------------------------- what a file says


def test_several_files_rule_together(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("tumor,damage,increases,cycle entry,0.02,20,4,0\n")
    more = "physicell_rules: [{file: rules.csv, density: 1 pg/ml}, {file: more.csv}]\n"
    made = load(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0", more)
    assert len(response(made, "tumor", "division")["increases"]) == 2
    (fault,) = faults(tmp_path, "tumor,damage,increases,cycle entry,0.02,20,4,0", more)
    assert fault.startswith("more.csv:1:7: repeats the rule in line 1")


def test_rules_are_left_out_by_name(tmp_path: Path) -> None:
    text = """tumor,pressure,decreases,cycle entry,0,1,4,0
tumor,oxygen,increases,necrosis,0.1,1,4,0
tumor,damage,increases,attack macrophage,0.1,1,4,0
stroma,oxygen,increases,cycle entry,0.02,1,4,0
tumor,oxygen,increases,cycle entry,0.02,1,4,0
"""
    more = f"{RULES}  leave_out: [pressure, necrosis, attack macrophage, stroma]\n"
    made = load(tmp_path, text, more)
    assert response(made, "tumor", "division")["increases"][0]["signal"] == "oxygen"
    told = [w.message for w in made.warnings if "left out" in w.message]
    assert told[0] == "left out by 'pressure': rules in line 1" and len(told) == 4
    (fault,) = faults(tmp_path, text, more.replace("stroma]", "stroma, presure]"))
    assert (
        fault.startswith("tumour.yaml:") and "'presure' leaves out no rule; did you mean 'pressure'?" in fault
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("physicell_rules: {mode: strict}", "'file' is missing"),
        ("physicell_rules: {file: 3}", "expected a text, got the number 3"),
        ("physicell_rules: rules.csv", "expected a mapping of keys to values"),
        ("physicell_rules: {file: rules.csv, mode: loose}", "'loose' is not allowed"),
        ("physicell_rules: {file: rules.csv, modes: strict}", "unknown key 'modes'; did you mean 'mode'?"),
        ("physicell_rules: {file: rules.csv, density: 1 g}", "expected a concentration"),
        ("physicell_rules: {file: rules.csv, density: 0 pg/ml}", "must be above 0"),
        ("physicell_rules: {file: rules.csv, density: 1}", "number 1 has no unit"),
        ("physicell_rules: {file: rule.csv}", "'rule.csv': no such file; did you mean 'rules.csv'?"),
        ("physicell_rules: {file: .}", "is a directory; rules stand in one CSV file"),
        ("physicell_rules: {file: /dev/zero}", "is not a regular file"),
        ("physicell_rules: {file: ../../../../nowhere/rules.csv}", "no such file"),
        ('physicell_rules: {file: "a\\0b"}', "the character U+0000"),
        (
            "physicell_rules: {file: rules.csv, cell_types: {M0: gliaa}}",
            "unknown cell type 'gliaa'; did you mean 'glia'",
        ),
        (
            "physicell_rules: {file: rules.csv, cell_types: {M0: glia, M1: glia}}",
            "'M0' and 'M1' are both 'glia'",
        ),
        ("physicell_rules: {file: rules.csv, substrates: {O2: {}}}", "unknown cytokine 'O2'"),
        (
            "physicell_rules: {file: rules.csv, substrates: {a: {cytokine: oxygen}, b: {cytokine: oxygen}}}",
            "are both",
        ),
        (
            "physicel_rules: {file: rules.csv}",
            "unknown key 'physicel_rules'; did you mean 'physicell_rules'?",
        ),
    ],
)
def test_faults_of_the_key(tmp_path: Path, more: str, says: str) -> None:
    told = faults(tmp_path, "tumor,damage,increases,cycle entry,0.02,1,4,0\n", more + "\n")
    assert any(says in fault and fault.startswith("tumour.yaml:") for fault in told), told


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "rules.csv:1:0: byte 0x89 is not UTF-8; a file of rules is a UTF-8 text",
        ),
        ("tumor,oxygen\n".encode("utf-16"), "byte 0xff is not UTF-8"),
        ("tumor,µ\n".encode("latin-1"), "byte 0xb5 is not UTF-8"),
        (
            b"tumor,oxy\0gen,increases,apoptosis,1,1,1,0\n",
            "control character U+0000: this is not a text file",
        ),
        (b"a,b\rc,d\r", "a line must end with a line feed, not with a carriage return"),
        (b"x,y\n" * 1_000_000, "file has 4000000 bytes; at most 2000000 are read"),
    ],
)
def test_files_that_are_no_rules(tmp_path: Path, content: bytes, says: str) -> None:
    (fault,) = faults(tmp_path, content)
    assert says in fault


def test_a_byte_order_mark_and_carriage_returns_are_fine(tmp_path: Path) -> None:
    plain = "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n// x\n"
    windows = b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode()
    assert load(tmp_path, windows).base == load(tmp_path, plain).base


def test_tens_of_thousands_of_rules_end_in_a_screenful_of_faults(tmp_path: Path) -> None:
    good = "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n"
    told = faults(tmp_path, good * 30_000)
    assert len(told) == 101 and "more are not shown" in " ".join(told)
    told = faults(tmp_path, "".join(f"tumor,x{i},increases,cycle entry,0.02,20,4,0\n" for i in range(9_000)))
    assert len(told) == 101


def test_a_sloppy_file_has_all_its_faults_told_at_once(tmp_path: Path) -> None:
    text = (DATA / "sloppy.csv").read_text(encoding="utf-8")
    names = "cell_types: {macrophage: glia}, substrates: {debris: {cytokine: TNF-a}}"
    told = faults(tmp_path, text, f"physicell_rules: {{file: rules.csv, density: 1 pg/ml, {names}}}\n")
    lines = {int(fault.split(":")[1]) for fault in told}
    assert lines == set(range(2, text.count("\n") + 1)) - {22}


# ------------------------------------------------------------------------------- arms, sets, storage

ARMS = """arms:
  as_is: {}
  without: {physicell_rules: null}
  faster: {cell_types: {tumor: {behaviours: {division: 0.012 /min}}}}
  other: {physicell_rules: {file: other.csv}}
  coarse: {physicell_rules: {density: 100 pg/ml}}
"""


@pytest.fixture
def arms(tmp_path: Path) -> Experiment:
    (tmp_path / "other.csv").write_text("tumor,oxygen,increases,cycle entry,0.05,20,4,0\n")
    return load(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n", RULES + ARMS)


def test_rules_are_laid_over_what_each_arm_changes(arms: Experiment) -> None:
    found = {name: arm.cell_types["tumor"].behaviours["division"] for name, arm in arms.arms.items()}
    bases = {name: float(one.base) for name, one in found.items()}
    limits = {name: [float(term.to) for term in one.increases] for name, one in found.items()}
    halves = {name: [float(term.half_max or 0) for term in one.increases] for name, one in found.items()}
    assert bases == {"as_is": 0.01, "without": 0.01, "faster": 0.012, "other": 0.01, "coarse": 0.01}
    assert limits == {"as_is": [0.02], "without": [], "faster": [0.02], "other": [0.05], "coarse": [0.02]}
    assert halves["coarse"] == [2000.0] and halves["other"] == [20.0]


def test_an_arm_whose_base_passes_the_saturation_is_faulty(tmp_path: Path) -> None:
    more = f"{RULES}arms: {{a: {{}}, b: {{cell_types: {{tumor: {{behaviours: {{division: 3 /min}}}}}}}}}}\n"
    (fault,) = faults(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n", more)
    assert "below the base value 3 /min" in fault


def test_settings_change_base_values_and_the_key(tmp_path: Path) -> None:
    load(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n")
    path = tmp_path / "tumour.yaml"
    division = "cell_types.tumor.behaviours.division"
    made = load_experiment(path, [f"{division}=0.013 /min", "physicell_rules.density=2 pg/ml"])
    found = made.base.cell_types["tumor"].behaviours["division"]
    assert (float(found.base), float(found.increases[0].half_max or 0)) == (0.013, 40.0)
    with pytest.raises(ScenarioError, match="has no parts"):
        load_experiment(path, [f"{division}.increases.0.to=0.5 /min"])


def test_stored_texts_need_no_other_file(arms: Experiment, tmp_path: Path) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    again = load_experiment_text(arms.text)
    assert again.arms == arms.arms and again.text == arms.text
    for name, arm in arms.arms.items():
        text = arms.arm_text(name)
        assert load_experiment_text(text).arms == {name: arm}
        assert "physicell" not in text and "csv" not in text


def test_rules_written_out_as_yaml_make_the_same_experiment(arms: Experiment, tmp_path: Path) -> None:
    assert has_rules(arms)
    text = rules_as_yaml(arms, "tumour.yaml")
    (tmp_path / "written.yaml").write_text(text, encoding="utf-8")
    again = load_experiment(tmp_path / "written.yaml")
    assert again.arms == arms.arms and not has_rules(again)
    to = "cell_types.tumor.behaviours.division.increases.0.to"
    changed = load_experiment(tmp_path / "written.yaml", [f"{to}=0.5 /min"])
    assert float(changed.arms["as_is"].cell_types["tumor"].behaviours["division"].increases[0].to) == 0.5


def test_a_rule_on_a_variable_is_written_out_as_well(tmp_path: Path) -> None:
    made = load(tmp_path, "tumor,oxygen,increases,custom:motivation,0.9,20,4,0\n")
    (tmp_path / "written.yaml").write_text(rules_as_yaml(made, "tumour.yaml"), encoding="utf-8")
    assert load_experiment(tmp_path / "written.yaml").base == made.base


def test_rules_are_found_beside_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    load(tmp_path / "base", "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n")
    (tmp_path / "child.yaml").write_text(
        "schema_version: 1\nextends: base/tumour.yaml\nphysicell_rules: {density: 3 pg/ml}\n"
    )
    made = load_experiment(tmp_path / "child.yaml")
    assert response(made, "tumor", "division")["increases"][0]["half_max"] == "60 pg/ml"


def test_what_cannot_be_extended_does_not_bury_the_rest(tmp_path: Path) -> None:
    tumour = TUMOUR.replace("schema_version: 1", "schema_version: 1\nextends: nowhere.yaml")
    (fault,) = faults(tmp_path, "tumor,oxygen,increases,cycle entri,0.02,20,4,0\n", tumour=tumour)
    assert "nowhere.yaml" in fault


@pytest.mark.parametrize(
    ("rules", "is_fine"),
    [
        ({"file": "rules.csv"}, True),
        ([{"file": "rules.csv", "density": "1 ng/ml", "leave_out": ["pressure"]}], True),
        (None, True),
        ({"file": "rules.csv", "mode": "loose"}, False),
        ({"file": "rules.csv", "denzity": "1 ng/ml"}, False),
    ],
)
def test_editors_know_the_key(rules: object, is_fine: bool) -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    document = {"schema_version": 1, "arms": {"a": {"physicell_rules": rules}}}
    assert validator.is_valid(document) == is_fine


def test_an_arm_may_take_one_more_file(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("tumor,damage,increases,cycle entry,0.02,20,4,0\n")
    more = f"{RULES}arms: {{a: {{}}, b: {{physicell_rules+: [{{file: more.csv}}]}}}}\n"
    made = load(tmp_path, "tumor,oxygen,increases,cycle entry,0.02,20,4,0\n", more)
    terms = [len(arm.cell_types["tumor"].behaviours["division"].increases) for arm in made.arms.values()]
    assert terms == [1, 2]
    (tmp_path / "written.yaml").write_text(rules_as_yaml(made, "tumour.yaml"), encoding="utf-8")
    assert load_experiment(tmp_path / "written.yaml").arms == made.arms


@pytest.mark.parametrize("name", ["glia.csv", "tabs.csv"])
def test_files_in_the_style_of_published_ones(name: str, tmp_path: Path) -> None:
    if name == "glia.csv":
        made = load_experiment(DATA / "glia.yaml")
        assert len(made.base.cell_types["activated microglia"].behaviours) == 4
        return
    tumour = TUMOUR + "  foam cell: {radius: 5 um}\n"
    made = load(tmp_path, (DATA / name).read_text(), tumour=tumour)
    assert set(made.base.cell_types["glia"].behaviours) == {"migration speed", "transform to foam cell"}
