"""Whatever stands under `interventions` and `drugs` loads, or gets messages with places."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.compile.build import compile_model
from abm.errors import CompileError, Fault, ScenarioError
from abm.scenario.load import load_experiment_text
from abm.scenario.schema.drugs import Drug, DrugEffect
from abm.scenario.schema.treatment import KINDS, Intervention

FOLDER = Path(__file__).resolve().parents[1] / "data" / "faulty"
TISSUE = (FOLDER / "bare_tissue.yaml").read_text(encoding="utf-8")
BINDER = """
  etanercept:
    molar_mass: 150 kDa
    diffusion: 10 um^2/s
    half_life: 3 d
    binds: {TNF-a: {rate: 0.4 /min, at: 1 ug/ml}}
compartments:"""
TISSUE = TISSUE.replace("\ncompartments:", BINDER, 1)

GOOD = ["1 h", "0 h", "1 d", "1 ng", "90 %", "0.5", 0.5, 2, "10 ug/ml", "20 ml", "0.1 /h"]
NAMES = [
    "microglia",
    "neuron",
    "TNF-a",
    "IL-10",
    "etanercept",
    "site",
    "intrathecal",
    "local",
    "all",
    "tissue",
    "d",
]
TEXTS = ["secretion of TNF-a", "division", "activation", "nociception", "excess TNF-a", "production of IL-10"]
BAD: list[Any] = [
    *(
        None,
        True,
        "",
        " ",
        "?",
        -1,
        0,
        1e308,
        "1e400 h",
        "-3 h",
        "nan",
        ".inf",
        "3 h 4 min",
        "1e9 d",
        "1e-300 ng",
    ),
    *("microgla", "secretion of", "5 min", "1 nmol", "3 mg/kg", "100 %", 10**30, "\u00b5", "x" * 300),
    *([], {}, [[]], [None], {"value": "1 h"}, {"value": "1 h", "low": "2 h"}, {"base": 3}, ["1 h", "1 h", 3]),
]
VALUES = st.sampled_from([*GOOD, *NAMES, *TEXTS, *BAD, ["1 h", "2 h"], ["microglia", "neuron"]])


def keys(model: Any) -> list[str]:
    return [*model.model_fields, "typo", "at+", "doses"]


def mapping(model: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Some keys of a section with any values."""
    return st.dictionaries(st.sampled_from(keys(model)), VALUES, max_size=6)


def intervention() -> st.SearchStrategy[Any]:
    sections = {
        kind: field.annotation.__args__[0]  # type: ignore[union-attr]
        for kind, field in Intervention.model_fields.items()
    }
    of_one_kind = [
        mapping(section).map(lambda body, kind=kind: {kind: body}) for kind, section in sections.items()
    ]
    return st.one_of(*of_one_kind, *of_one_kind, VALUES)


def faults_of(**parts: Any) -> tuple[Fault, ...]:
    """Faults of a file with these sections; what loads is compiled, and may be refused there too."""
    text = TISSUE + "".join(f"{key}: {json.dumps(value)}\n" for key, value in parts.items())
    try:
        experiment = load_experiment_text(text, "hostile.yaml")
    except ScenarioError as error:
        return error.faults
    for scenario in experiment.arms.values():
        with suppress(CompileError):
            compile_model(scenario, 1)
    return ()


def has_words_and_place(fault: Fault) -> bool:
    return bool(fault.message) and fault.line > 0 and fault.column > 0 and len(str(fault)) < 6000


@settings(max_examples=40)
@given(st.lists(intervention(), max_size=4))
def test_any_interventions(interventions: list[Any]) -> None:
    faults = faults_of(interventions=interventions)
    assert all(map(has_words_and_place, faults)), faults


@settings(max_examples=30)
@given(mapping(Drug), st.lists(mapping(DrugEffect), max_size=3), st.lists(intervention(), max_size=2))
def test_any_drugs(drug: dict[str, Any], effects: list[Any], interventions: list[Any]) -> None:
    drugs = {"d": {"volume": "20 ml", "half_life": "3 h", **drug, "effects": effects}}
    faults = faults_of(drugs=drugs, interventions=interventions)
    assert all(map(has_words_and_place, faults)), faults


@settings(max_examples=25)
@given(st.lists(intervention(), max_size=3), st.lists(intervention(), max_size=3))
def test_any_appended_interventions(first: list[Any], second: list[Any]) -> None:
    faults = faults_of(interventions=first, arms={"a": {"interventions+": second}, "b": None})
    assert all(map(has_words_and_place, faults)), faults


def test_there_is_a_section_for_every_kind() -> None:
    assert set(KINDS) == set(Intervention.model_fields) and len(KINDS) == 7


@pytest.mark.parametrize(
    "value", ["[" * 40 + "]" * 40, "{a: " * 40 + "1" + "}" * 40, "!!python/object:os.system x"]
)
def test_deep_and_tagged_values(value: str) -> None:
    with pytest.raises(ScenarioError):
        load_experiment_text(f"{TISSUE}interventions: {value}\n", "hostile.yaml")


def test_as_many_times_as_allowed_are_loaded_quickly() -> None:
    """10 000 depletions and 10 000 windows: listed, not expanded into work."""
    lines = [
        {"remove_cells": {"type": "microglia", "at": "0 h", "every": "10 min", "repeats": 10_000}},
        {
            "modify": {
                "of": "all",
                "behaviour": "division",
                "by": 0,
                "until": "1 h",
                "every": "1 h",
                "repeats": 10_000,
            }
        },
    ]
    experiment = load_experiment_text(f"{TISSUE}interventions: {json.dumps(lines)}\n", "many.yaml")
    (scenario,) = experiment.arms.values()
    model = compile_model(scenario, 1)
    assert len(model.treatment.depletions) == 10_000
    late = [fault for fault in experiment.warnings if "never happen" in fault.message]
    assert [fault.path for fault in late] == [
        "interventions.0.remove_cells.repeats",
        "interventions.1.modify.repeats",
    ]
