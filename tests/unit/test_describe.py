"""The ODD protocol and the parameter table of any scenario."""

from __future__ import annotations

import csv
import io
import re
from importlib.resources import files
from pathlib import Path

import pytest

from abm.cli.main import exit_code
from abm.scenario.behaviours import EVENTS
from abm.scenario.load import Experiment, load_experiment, load_experiment_text
from abm.scenario.odd import odd_protocol, parameter_document
from abm.scenario.odd_concepts import _RANDOM
from abm.scenario.odd_markdown import cell, code, formula, listed, plain
from abm.scenario.odd_prose import texts
from abm.scenario.odd_subject import Subject
from abm.scenario.parameters import COLUMNS, Parameter, as_csv, grouped, parameters
from abm.scenario.schema.treatment import Intervention
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import quantities, responses

SMALL = """
schema_version: 1
title: A small one
extends: library/dorsal_horn
time: {duration: 1 d}
domain: {size: [400 um, 400 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [200 um, 200 um], radius: 100 um}}}
"""
#: No library, no readout, nothing but a cell type of its own that does one thing.
BARE = """
schema_version: 1
time: {duration: 2 h}
domain: {size: [200 um, 200 um, 200 um], spacing: 20 um}
cytokines: {signal: {diffusion: 10 um^2/s, half_life: none}}
cell_types:
  walker:
    radius: 4 um
    density: 1000 /mm^3
    behaviours:
      migration speed: {base: 1 um/min, times: [{signal: signal, half_max: 5 pg/ml}]}
  stone: {radius: 4 um}
"""
ELEMENTS = (
    "## Overview",
    "### 1. Purpose and patterns",
    "### 2. Entities, state variables, and scales",
    "### 3. Process overview and scheduling",
    "## Design concepts",
    "### 4. Design concepts",
    "## Details",
    "### 5. Initialization",
    "### 6. Input data",
    "### 7. Submodels",
    "## Simulation experiments",
    "## Appendix: parameters",
    "## References",
)
CONCEPTS = (
    *("Basic principles", "Emergence", "Adaptation", "Objectives", "Learning", "Prediction", "Sensing"),
    *("Interaction", "Stochasticity", "Collectives", "Observation"),
)


@pytest.fixture(scope="module")
def chen() -> Experiment:
    return load_experiment(Path(__file__).parents[2] / "scenarios" / "chen2015.yaml")


@pytest.fixture(scope="module")
def document(chen: Experiment) -> str:
    return odd_protocol(Subject(chen, None, "scenarios/chen2015.yaml"))


def described(text: str, arm: str | None = None) -> str:
    return odd_protocol(Subject(load_experiment_text(text), arm))


def headings(document: str) -> list[str]:
    return re.findall(r"^#+ .*$", document, re.MULTILINE)


# ------------------------------------------------------------------------------------------- protocol


def test_the_document_in_the_repository_is_up_to_date(root: Path, document: str) -> None:
    text = (root / "docs" / "odd.md").read_text(encoding="utf-8")
    assert text == document, "run: abm describe scenarios/chen2015.yaml -o docs/odd.md --force"


def test_all_elements_in_their_order(document: str) -> None:
    found = [line for line in headings(document) if line in ELEMENTS]
    assert found == list(ELEMENTS)
    assert [line[5:] for line in headings(document) if line[5:] in CONCEPTS] == list(CONCEPTS)


def test_every_rule_value_and_name_is_told(chen: Experiment, document: str) -> None:
    scenario = chen.base
    for place in responses(scenario, vocabulary_of(scenario)):
        assert code(place.title) in document
    untold = [
        ".".join(map(str, path))
        for path, value in quantities(scenario)
        if value.source and plain(value.given) not in document
    ]
    assert untold == []
    for names in (
        scenario.cytokines,
        scenario.cell_types,
        scenario.compartments,
        scenario.regions,
        chen.arms,
    ):
        assert [name for name in names if code(name) not in document] == []
    cited = {key for _, value in quantities(scenario) for key in value.source}
    assert [key for key in cited if f"- {key}: " not in document] == []


def test_claims_are_the_patterns(chen: Experiment, document: str) -> None:
    patterns = document.partition("**Patterns.**")[2].partition("### 2.")[0]
    assert chen.claims and all(code(claim.claim.id) in patterns for claim in chen.claims)


def test_purpose_is_the_opening_comment() -> None:
    text = described("# What it is for,\n# in two lines.\n#\n# And more.\n" + SMALL.lstrip())
    assert "**Purpose.** What it is for, in two lines.\n\nAnd more." in text
    schema = "# yaml-language-server: $schema=abm.json\n"
    assert "**Purpose.** A small one." in described(schema + SMALL.lstrip())


def test_one_arm_alone(chen: Experiment) -> None:
    text = odd_protocol(Subject(chen, "cci_bmsc"))
    assert "It describes the arm `cci_bmsc`." in text
    assert "Intervention `inject_cells`" in text and "Arm `sham`" not in text
    assert "`infuse`" not in text


ARMS = """
arms:
  a: {}
  b:
    time: {duration: 2 d}
    cell_types:
      msc:
        behaviours:
          clearance: 9 /h
          secretion of IL-10: {base: 1 fg/h, times: [{signal: TNF-a, half_max: 3 pg/ml}]}
      guest: {radius: 3 um, label: a guest}
"""


def test_arms_that_change_rules_are_told() -> None:
    text = described(SMALL + ARMS).partition("#### Arm `b`")[2]
    assert "- `cell_types.msc.behaviours.clearance`: 9 /h in place of 0.00" in text
    assert "- `time.duration`: 2 d in place of 1 d." in text
    assert "`secretion of IL-10 = 1 fg/h * H(TNF-a; 3 pg/ml)` in place of 0.133 fg/day." in text
    assert "- `cell_types.guest`: label a guest; radius 3 um in place of nothing." in text
    assert len(re.findall("^- ", text.partition("## ")[0], re.MULTILINE)) == 2 + 4


def test_without_library_and_readout() -> None:
    text = described(BARE)
    assert [line for line in headings(text) if line in ELEMENTS] == list(ELEMENTS)
    assert "Untitled scenario: ODD protocol" in text
    assert "migration speed = 1 um/min * H(signal; 5 pg/ml)" in text
    assert "Rules of `stone`" in text and "do nothing" in text
    assert "No nociceptive readout is defined." in text
    assert "Nociceptive readout\n" not in text and "Assays" not in text and "Compartments" not in text
    assert "states no pattern" in text and "unlimited" in text and "a block;" in text


def test_a_scenario_with_nothing_in_it() -> None:
    nothing = "\n".join(BARE.splitlines()[:4]) + "\n"
    text = described(nothing)
    assert [line for line in headings(text) if line in ELEMENTS] == list(ELEMENTS)
    assert "There are no diffusible signals." in text


def test_starter(tmp_path: Path) -> None:
    text = (files("abm.scenario") / "starter.yaml").read_text(encoding="utf-8")
    assert "Arm `cci_cells`" in described(text)


INTERVENTIONS = """
cytokines:
  binder:
    molar_mass: 100 kDa
    diffusion: 5 um^2/s
    half_life: 3 d
    binds: {TNF-a: {rate: 1 /h, at: 10 pg/ml}}
drugs:
  painkiller:
    volume: 2 ml
    half_life: 4 h
    effects: [{of: neuron, variable: nociception, by: 0, half_max: 1 ng/ml}]
interventions:
  - inject_cells: {type: msc, dose: 1e5, route: intrathecal, at: 1 h}
  - infuse: {cytokine: TGF-b1, dose: 1 ng, route: local, site: site, at: [1 h, 2 h], duration: 1 h}
  - neutralise: {cytokine: TNF-a, share: 90 %, since: 1 h}
  - modify: {of: microglia, behaviour: secretion of IL-1b, by: 0.5}
  - remove_cells: {type: microglia, share: 50 %, at: 3 h}
  - drug: {name: painkiller, dose: 1 ug, at: 1 h}
  - knock_out: {cytokine: IL-10}
"""


def test_every_kind_of_intervention_and_unknown_sections() -> None:
    text = described(SMALL + INTERVENTIONS)
    table = text.partition("#### Interventions")[2].partition("## Simulation")[0]
    for kind, field in Intervention.model_fields.items():
        assert f"- Intervention `{kind}`: " in text, f"add an intervention '{kind}' to this test"
        assert f"| `{kind}` | {plain(field.description or '')} |" in table
    assert "at 1 h, 2 h; " in text and "share 90 %" in text
    assert "which cells a depletion removes" in text
    # Drugs have no code of their own in the document: the schema tells them.
    drugs = text.partition("#### Drugs")[2].partition("\n#")[0]
    assert "| `half_life` | 4 h |" in drugs and "`effects.0.half_max`" in drugs
    assert "`binder` | `TNF-a` | 1 /h at 10 pg/ml" in text


def test_every_random_event_has_words() -> None:
    assert set(_RANDOM) >= EVENTS


def test_hostile_texts_stay_texts() -> None:
    evil = '"| a | `b` <script>alert(1)</script> [x](http://y) # h \\\\ *c*"'
    text = described(
        SMALL.replace("title: A small one", f"title: {evil}") + f"cell_types: {{msc: {{label: {evil}}}}}\n"
    )
    assert "<script>" not in text and "[x](http" not in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.endswith(" |")
    bars = {
        len(re.findall(r"(?<!\\)\|", line))
        for line in text.splitlines()
        if line.startswith("| `msc`") and "territories" not in line and "`random`" in line
    }
    assert bars == {6}


def test_every_table_has_as_many_cells_as_its_head(document: str) -> None:
    width = 0
    for line in document.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        bars = len(re.findall(r"(?<!\\)\|", line))
        width = width or bars
        assert bars == width, line


def test_every_text_is_used_and_complete(document: str) -> None:
    assert "{" not in re.sub(r"`[^`]*`|```.*?```", "", document, flags=re.DOTALL)
    sources = "".join(
        path.read_text(encoding="utf-8") for path in Path(str(files("abm.scenario"))).glob("odd*.py")
    )
    assert [name for name in texts() if f'"{name}"' not in sources] == []


def test_markdown() -> None:
    assert plain("a|b\n<c>") == r"a\|b \<c\>"
    assert code("a`b") == "`` a`b ``" and cell(r"a | b \| c") == r"a \| b \| c"
    assert listed([]) == "none" and listed(["a"]) == "a" and listed("abc") == "a, b and c"
    assert listed(["a, b", "c"]) == "a, b; and c"
    long = "x = " + " + ".join(f"excess IL-1b/({i} pg/ml)" for i in range(20))
    lines = formula([long]).splitlines()
    assert max(map(len, lines)) <= 100 and len(lines) > 4
    assert not any(re.search(r"\([^)]*$", line) for line in lines), "a quantity is broken"
    assert " ".join(" ".join(lines[1:-1]).split()) == long


# ----------------------------------------------------------------------------------------- parameters


@pytest.fixture(scope="module")
def table(chen: Experiment) -> tuple[Parameter, ...]:
    return parameters(chen)


def test_every_cited_value_is_in_the_table(chen: Experiment, table: tuple[Parameter, ...]) -> None:
    cited = [path for path, value in quantities(chen.base) if value.source]
    assert sum(bool(one.source) for one in table) == len(cited)
    assert len({one.path for one in table}) == len(table)


def test_biology_is_complete(table: tuple[Parameter, ...]) -> None:
    for one in table:
        assert one.meaning and one.value and one.kind, one.path
        if one.kind in ("measured", "fitted", "assumed"):
            assert one.source and one.where.startswith(("library/", "scenarios/")), one.path


def test_values_keep_unit_range_and_place(table: tuple[Parameter, ...]) -> None:
    found = {one.path: one for one in table}
    diffusion = found["cytokines.IL-1b.diffusion"]
    assert (diffusion.value, diffusion.unit, diffusion.range) == ("30", "um^2/s", "5 to 75")
    assert re.fullmatch(r"library/cytokines\.yaml:\d+", diffusion.where)
    assert diffusion.group == "cytokines.IL-1b" and diffusion.name == "diffusion"
    half = next(
        one
        for one in table
        if one.path.endswith("microglia.variables.activation.target.increases.2.half_max")
    )
    assert half.name == "activation: target: excess IL-1b raises: half_max" and half.unit == "pg/ml"
    assert found["seed"].kind == "setting" and found["replicates"].group == "experiment"
    assert found["cytokines.IL-1b.sensing_floor"].kind == "default"
    assert found["assays.filament_sets.mouse.forces"].value.startswith("0.02, 0.04")


def test_paths_are_those_of_set(table: tuple[Parameter, ...]) -> None:
    taken = [one for one in table if one.kind == "fitted"][::12]
    assert len(taken) > 5
    for one in taken:
        changed = load_experiment_text(SMALL, sets=[f"{one.path}={one.low} {one.unit}".strip()])
        again = {p.path: p for p in parameters(changed)}[one.path]
        assert float(again.value) == float(one.low), one.path


def test_csv_reads_back(table: tuple[Parameter, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert tuple(rows[0]) == COLUMNS and len(rows) == len(table)
    assert [row["path"] for row in rows] == [one.path for one in table]
    assert all(None not in row.values() for row in rows)


def test_parameters_of_an_arm(chen: Experiment) -> None:
    dose = next(one for one in parameters(chen, "cci_bmsc") if one.name == "inject_cells: dose")
    assert dose.value == "250000" and dose.kind == "setting"
    with pytest.raises(KeyError):
        parameters(chen, "nobody")


def test_long_polygons_and_decay_rates() -> None:
    corners = ", ".join(f"[{i} um, {i * i % 97} um]" for i in range(300))
    odd = f"regions: {{odd: {{polygon: {{points: [{corners}]}}}}, "
    decaying = "cytokines: {IL-60: {diffusion: 20 um^2/s, decay: 1 /h}}\n"
    text = SMALL.replace("regions: {", odd) + decaying
    experiment = load_experiment_text(text)
    found = grouped(parameters(experiment))
    assert "regions.odd" not in found
    assert [one.name for one in found["cytokines.IL-60"] if one.kind != "default"] == ["diffusion", "decay"]
    assert "polygon of 300 corners" in odd_protocol(Subject(experiment))


def test_parameter_document(chen: Experiment) -> None:
    text = parameter_document(Subject(chen))
    assert text.startswith("# Intrathecal BMSC after chronic constriction injury: parameters\n")
    assert "## Sources" in text and "### 7. Submodels" not in text and "Grimm" not in text


# ---------------------------------------------------------------------------------------- command line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL + "arms: {a: {}, b: {time: {duration: 2 d}}}\n", encoding="utf-8")
    return path


def run(*arguments: object) -> int:
    return exit_code([str(argument) for argument in arguments])


def test_printed_and_written(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("describe", file) == 0
    printed = capsys.readouterr().out
    assert "## Appendix: parameters" in printed and file.as_posix() in printed
    assert run("describe", file, "-o", tmp_path / "out.md") == 0
    assert (tmp_path / "out.md").read_text(encoding="utf-8") == printed
    assert run("describe", file, "-o", tmp_path / "out.md") == 4
    assert "exists already and is not replaced" in capsys.readouterr().err
    assert run("describe", file, "-o", tmp_path / "out.md", "--force", "--odd") == 0
    assert "## Appendix: parameters" not in (tmp_path / "out.md").read_text(encoding="utf-8")


def test_parameters_as_markdown_and_csv(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("describe", file, "--parameters", "--arm", "b") == 0
    assert "It describes the arm `b`." in capsys.readouterr().out
    assert run("describe", file, "--csv", "--set", "time.duration=3 d") == 0
    printed = capsys.readouterr().out
    assert 'time.duration,time,duration,"simulated time, e.g. 42 d",3,d,,,setting,,,--set' in printed
    assert run("describe", file, "-o", tmp_path / "p.csv") == 0
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").startswith("path,group,name,")


@pytest.mark.parametrize(
    ("options", "code_", "message"),
    [
        (("--arm", "c"), 2, "no arm 'c'"),
        (("--odd", "-o", "x.csv"), 2, "only the parameter table can be CSV"),
        (("--odd", "--csv"), 2, "only the parameter table can be CSV"),
        (("--set", "time.durations=2 d"), 2, "durations"),
        (("-o", "no/such/folder/x.md"), 4, "the directory does not exist"),
    ],
)
def test_faults(
    file: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code_: int, message: str
) -> None:
    assert run("describe", file, *options) == code_
    error = capsys.readouterr().err
    assert message in " ".join(error.split()) and "Traceback" not in error


def test_faulty_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("schema_version: 1\ntime: {duration: 3}\n", encoding="utf-8")
    assert run("describe", tmp_path / "bad.yaml") == 2
    assert "bad.yaml:2:18: error: time.duration" in capsys.readouterr().err
