"""`abm check --explain`, the JSON Schema and the starter."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from abm.library.catalogue import module_names, module_text
from abm.scenario.english import sentences
from abm.scenario.explain import Section, as_text, explain
from abm.scenario.json_schema import json_schema
from abm.scenario.load import Experiment, load_experiment, load_experiment_text
from abm.scenario.schema import CellType
from abm.scenario.walk import quantities

ROOT = Path(__file__).resolve().parents[2]
STARTER = (files("abm.scenario") / "starter.yaml").read_text(encoding="utf-8")
SHIPPED = {
    path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "scenarios").glob("*.yaml"))
}


@pytest.fixture(scope="module")
def chen() -> Experiment:
    return load_experiment(ROOT / "scenarios" / "chen2015.yaml", ["cytokines.IL-1b.half_life=30 min"])


@pytest.fixture(scope="module")
def told(chen: Experiment) -> dict[str, Section]:
    return {section.title: section for section in explain(chen, "cci_bmsc")}


def test_derived_numbers_of_a_field(told: dict[str, Section]) -> None:
    fields = told["Fields"]
    row = dict(zip(fields.columns, next(r for r in fields.rows if r[0] == "IL-1b"), strict=True))
    # sqrt(30 um^2/s x 30 min / ln 2) = 279 um
    assert row["diffusion length"] == "279.1 um"
    assert row["signal range"] == "836.2 um"
    assert row["half-life"] == "30 min"
    assert row["voxels"] == "14"


def test_numerical_numbers_follow_the_step() -> None:
    text = STARTER.replace("field_step: 2 min", "field_step: 5 min")
    fields = explain(load_experiment_text(text, "s"))[4]
    row = dict(zip(fields.columns, next(r for r in fields.rows if r[0] == "IL-1b"), strict=True))
    assert float(row["D dt/dx^2"]) == pytest.approx(1800 * 5 / 400, rel=1e-2)
    assert float(row["k dt"]) == pytest.approx(0.69315 / 30 * 5, rel=1e-2)


def test_every_event_has_its_largest_rate(told: dict[str, Section]) -> None:
    events = {row[0]: row for row in told["Events of cells"].rows}
    assert {"microglia: division", "msc: clearance", "msc waiting in csf: entry"} <= set(events)
    assert events["msc: transition to primed"][1] == "grows with its signals"
    rate, product, probability = events["microglia: clearance"][1:]
    assert rate.endswith("/h") and 0.0 < float(probability) <= float(product) < 0.01


def test_schedule_records_and_events(chen: Experiment, told: dict[str, Section]) -> None:
    time = chen.base.time
    assert f"{time.n_steps} steps" in told["Schedule of a step"].lines[0]
    assert any(f"in {time.substeps} steps" in line for line in told["Schedule of a step"].lines)
    records = {row[0]: row for row in told["Records"].rows}
    assert set(records) == {"readout", "cells", "fields", "checkpoint"}
    assert int(records["readout"][2]) == time.duration / chen.base.record.readout + 1
    rows = told["Events"].rows
    assert ("cci_bmsc", "4 d", "250000 cells of msc, intrathecal") in rows
    assert ("cci_tgfb1", "5 d", "10 ng TGF-b1, intrathecal") in rows
    assert {row[0] for row in rows} == set(chen.arms)


def test_cells_and_cost(told: dict[str, Section]) -> None:
    assert ("microglia", "600") in told["Tissue"].rows
    cost = {row[0]: row[1:] for row in told["Estimated cost"].rows}
    assert set(cost) == {"memory", "disk", "time on one core"}
    assert cost["memory"][0].endswith("MB")


def test_every_value_has_a_source(chen: Experiment, told: dict[str, Section]) -> None:
    values = told["Values"]
    rows = {row[0]: dict(zip(values.columns, row, strict=True)) for row in values.rows}
    half_life = rows["cytokines.IL-1b.half_life"]
    assert half_life["where"] == "--set"
    diffusion = rows["cytokines.IL-1b.diffusion"]
    assert diffusion["kind"] == "measured" and "SYK08" in diffusion["source"]
    assert diffusion["where"].startswith("library/cytokines.yaml:")
    assert diffusion["cited range"] == "5 um^2/s to 75 um^2/s"
    assert all(row["where"] for row in rows.values())
    left_out = [q for _, q in quantities(chen.arms["cci_bmsc"]) if q.unit == "1" and q.note == "default"]
    assert len(rows) == len(list(quantities(chen.arms["cci_bmsc"]))) - len(left_out)


def test_text_is_aligned_and_complete(chen: Experiment) -> None:
    sections = explain(chen)
    text = as_text(sections)
    for section in sections:
        assert section.title in text
    assert "\n\n\n" not in text


def test_without_injury_and_treatment() -> None:
    text = STARTER.partition("injuries:")[0] + "readout: null\n"
    told = {section.title: section for section in explain(load_experiment_text(text, "plain"))}
    assert told["Events"].rows == (("plain", "", "nothing"),)


def test_one_sentence_per_term() -> None:
    raw = {
        "base": "1 /h",
        "adds": [
            {"signal": "A", "amount": "2 /h", "per": "3 pg/ml"},
            {"signal": "own v", "amount": "2 /h", "per": 1},
        ],
        "increases": [
            {"signal": "B", "to": "9 /h", "half_max": "4 pg/ml", "hill_power": 2, "above_baseline": True}
        ],
        "decreases": [{"signal": "C", "to": "0 /h", "full": "5 pg/ml"}],
        "brakes": [{"signal": "D", "half_max": "6 pg/ml"}],
        "times": [
            {"signal": "own v"},
            {"signal": "E", "per": "7 pg/ml"},
            {"signal": "F", "limit": "8 pg/ml"},
            {"signal": "G", "half_max": "9 pg/ml"},
        ],
        "divided_by": [{"signal": "H", "half_max": "10 pg/ml", "hill_power": 3}],
    }
    cell = CellType.model_validate({"radius": "1 um", "behaviours": {"death": raw}})
    assert sentences(cell.behaviours["death"]) == (
        "It starts at 1 /h.",
        "A adds 2 /h per 3 pg/ml.",
        "own v adds 2 /h times its value.",
        "B raises it towards 9 /h, half-way at 4 pg/ml (Hill power 2) beyond its effect at the baseline.",
        "D brakes that: 6 pg/ml of it doubles what is needed.",
        "C lowers it in proportion, to 0 /h at 5 pg/ml and beyond.",
        "It is multiplied by own v.",
        "It is multiplied by E / 7 pg/ml.",
        "It is multiplied by 1 - F / 8 pg/ml, and stops at the limit.",
        "It is multiplied by the saturation of G, half at 9 pg/ml.",
        "H divides it: by two at 10 pg/ml (Hill power 3).",
    )


# ------------------------------------------------------------------------------------- JSON Schema


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load(text: str) -> object:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_satisfy_the_json_schema(name: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(load(SHIPPED[name]))] == []


@pytest.mark.parametrize("name", module_names())
def test_library_modules_satisfy_the_json_schema(name: str, validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(load(module_text(name)))] == []


def test_resolved_texts_satisfy_the_json_schema(chen: Experiment, validator: Any) -> None:
    for text in (chen.text, chen.arm_text("cci_bmsc")):
        assert [error.message for error in validator.iter_errors(load(text))] == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"tme": {}}, "$"),
        ({"time": {"durration": "3 d"}}, "$.time"),
        ({"time": {"duration": 3}}, "$.time.duration"),
        ({"record": {"cells": "sometimes"}}, "$.record.cells"),
        ({"cytokines": {"X": {"half_life": {"value": "3 h", "kind": "guessed"}}}}, "$.cytokines.X"),
        ({"injuries": [{"kind": "CCI"}]}, "$.injuries[0]"),
        ({"arms": {"a": {"seed": 3}}}, "$.arms.a"),
        ({"seed": -1}, "$.seed"),
        ({"cell_types": {"c": {"behaviours": {"death": {"bse": "1 /h"}}}}}, "$.cell_types.c"),
        ({"interventions": [{"modify": {"of": "c", "by": "3 h"}}]}, "$.interventions[0]"),
        ({"interventions": [{"modify": {"behaviour": "division", "by": 0}}]}, "$.interventions[0]"),
        ({"interventions": [{"knock_out": {"gene": "x"}}]}, "$.interventions[0]"),
        ({"interventions+": {"drug": {}}}, "$['interventions+']"),
        ({"time+": []}, "$"),
        ({"arms": {"a": {"claims+": []}}}, "$.arms.a"),
        ({"drugs": {"d": {"volume": 3}}}, "$.drugs.d"),
        ({"injuries": [{"kind": "CCI", "site": "s", "every": "1 d", "repeats": 1e9}]}, "$.injuries[0]"),
    ],
)
def test_json_schema_refuses(change: dict[str, object], path: str, validator: Any) -> None:
    errors = list(validator.iter_errors({"schema_version": 1, **change}))
    assert errors and errors[0].json_path.startswith(path)


@pytest.mark.parametrize(
    "change",
    [
        {"record": {"cells": "never", "fields": 0, "readout": "1 h"}},
        {"cytokines": {"X": None, "Y": {"half_life": "none"}}},
        {"domain": {"spacing": ["20 um", "10 um"], "boundaries": {"x_min": {"A": "3 pg/ml"}}}},
        {
            "cell_types": {
                "c": {"behaviours": {"death": "1 /h", "division": {"base": "1 /h"}, "clearance": None}}
            }
        },
        {"arms": {"a": None, "b": {}, "c": {"time": {"duration": "3 d"}}}},
        {"extends": ["library/dorsal_horn"]},
        {"extends": "x.yaml", "seed": 3, "replicates": 2},
        {"interventions+": [{"knock_out": {"cytokine": "X"}}, {"knock_out": {"cell_type": "c"}}]},
        {"arms": {"a": {"interventions+": [{"remove_cells": {"type": "c", "at": ["1 h", "2 h"]}}]}}},
        {"arms": {"a": {"injuries+": [{"kind": "CCI", "site": "s", "every": "1 d", "repeats": 3}]}}},
        {"cell_types": {"c": {"behaviours": {"death": {"increases+": [], "adds+": [], "times+": []}}}}},
        {"cell_types": {"c": {"variables": {"v": {"target": {"brakes+": []}}}}}},
        {
            "cytokines": {
                "B": {
                    "binds": {"X": {"rate": "1 /min", "at": "1 ug/ml", "valency": 2}},
                    "compartments": {"blood": {"half_life": "3 d"}},
                }
            }
        },
        {
            "drugs": {
                "d": {
                    "half_life": "none",
                    "peripheral": {"out": "1 /h", "back": "1 /h"},
                    "effects+": [{"of": ["c"], "sensing": "X", "by": 0, "half_max": "1 ug/ml"}],
                }
            }
        },
        {
            "interventions": [
                {"infuse": {"cytokine": "X", "dose": "1 ng", "route": "r", "at": "1 h", "ramp": "1 h"}},
                {"neutralise": {"cytokine": "X", "share": "90 %", "since": "1 d", "half_life": "2 d"}},
                {"neutralise": {"cytokine": "X", "agent": "B", "dose": "1 ug", "route": "r", "at": "1 d"}},
                {"modify": {"of": ["a", "b"], "variable": "v", "by": 0.5, "every": "1 d", "repeats": 3}},
                {"drug": {"name": "d", "dose": "1 mg", "at": "1 h", "every": "8 h", "repeats": 9}},
            ]
        },
    ],
)
def test_json_schema_accepts(change: dict[str, object], validator: Any) -> None:
    assert [error.message for error in validator.iter_errors({"schema_version": 1, **change})] == []


def test_every_key_of_the_json_schema_is_described() -> None:
    schema = json_schema()
    silent = []
    for name, definition in {"": schema, **schema["$defs"]}.items():
        for key, part in definition.get("properties", {}).items():
            if not part.get("description") and not name.startswith("quantity"):
                silent.append(f"{name}.{key}")
    assert silent == []


def test_defaults_are_written_with_their_units() -> None:
    defaults = json_schema()["$defs"]["Time"]["properties"]
    assert defaults["cell_step"]["default"] == "10 min"


def test_json_schema_is_json_and_stays_the_same() -> None:
    assert json.loads(json.dumps(json_schema())) == json_schema()


# ------------------------------------------------------------------------------------------ starter


def test_starter_is_valid_and_without_warnings() -> None:
    experiment = load_experiment_text(STARTER, "starter.yaml")
    assert {"sham", "cci"} <= set(experiment.arms)
    assert [w for w in experiment.warnings if w.file == "starter.yaml"] == []


def test_starter_satisfies_the_json_schema(validator: Any) -> None:
    assert [error.message for error in validator.iter_errors(load(STARTER))] == []


def test_starter_explains_itself() -> None:
    lines = STARTER.splitlines()
    assert len(lines) < 80
    assert all(len(line) <= 120 for line in lines)
    for section in ("time:", "record:", "domain:", "regions:", "injuries:", "arms:", "extends:"):
        assert section in STARTER
