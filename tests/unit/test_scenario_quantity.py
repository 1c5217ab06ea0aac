"""Quantities: floats in internal units that remember what was written."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from abm.scenario.quantity import Quantity, quantity, read_quantity


def read(raw: object, unit: str | None, **options: bool) -> Quantity:
    value, faults = read_quantity(raw, quantity(unit, **options))  # type: ignore[arg-type]
    assert faults == []
    assert value is not None
    return value


def why(raw: object, unit: str | None, **options: object) -> str:
    value, faults = read_quantity(raw, quantity(unit, **options))  # type: ignore[arg-type]
    assert value is None
    return "; ".join(f"{'.'.join(map(str, path))}: {message}" for path, message in faults)


def test_value_range_and_provenance_are_kept() -> None:
    raw = {
        "value": "30 um^2/s",
        "low": "5 um^2/s",
        "high": "75 um^2/s",
        "kind": "measured",
        "source": ["A", "B"],
    }
    value = read({**raw, "note": "in brain"}, "um^2/min")
    assert value == 1800.0
    assert (value.low, value.high) == (300.0, 4500.0)
    assert (value.kind, value.source, value.note) == ("measured", ("A", "B"), "in brain")
    assert (value.given, value.unit) == ("30 um^2/s", "um^2/min")


def test_behaves_as_a_float() -> None:
    value = read("2 h", "min")
    assert value == 120.0
    assert hash(value) == hash(120.0)
    assert type(value * 2) is float
    assert str(value) == "2 h"
    assert f"{value:.1f}" == "120.0"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda q: pickle.loads(pickle.dumps(q))])
def test_copies_keep_everything(again: object) -> None:
    value = read({"value": "5 nM", "low": "1 nM", "kind": "assumed", "source": "X"}, "pg/ml")
    twin = again(value)  # type: ignore[operator]
    assert type(twin) is Quantity
    assert twin == value
    names = ("given", "unit", "low", "high", "kind", "source", "note", "molar")
    assert [getattr(twin, name) for name in names] == [getattr(value, name) for name in names]


def test_plain_numbers_are_fine_without_a_dimension() -> None:
    assert read(2.5e5, "1") == 2.5e5
    assert read("50 %", "1") == 0.5
    assert read(3, None).unit == "1"


def test_any_dimension_is_recognised() -> None:
    assert read("0.1 /h", None).unit == "1/min"
    assert read("1 fg/day", None).unit == "fg/min"
    assert read("3 pg/ml/um", None).unit == "pg/ml/um"


def test_molar_values_wait_for_a_molar_mass() -> None:
    value = read({"value": "5 nM", "low": "1 nM", "high": "10 nM"}, None)
    assert value.molar == ("value", "low", "high") and value.unit == "pg/ml"
    by_mass = value.in_mass(17.0)
    # 5e-9 mol/l x 17e3 g/mol = 85e-6 g/l = 85 ng/ml
    assert math.isclose(by_mass, 85_000.0, rel_tol=1e-12)
    assert by_mass.low is not None and math.isclose(by_mass.low, 17_000.0, rel_tol=1e-12)
    assert not by_mass.molar
    assert by_mass.in_mass(99.0) is by_mass
    mixed = read({"value": "5 nM", "low": "1 pg/ml", "high": "10 nM"}, "pg/ml").in_mass(17.0)
    assert (mixed.low, mixed.high) == (1.0, pytest.approx(170_000.0))


@pytest.mark.parametrize(
    ("raw", "unit", "options", "says"),
    [
        (72, "min", {}, "number 72 has no unit; a time is written e.g. '72 h'"),
        ("72", "min", {}, "number 72 has no unit"),
        ("5 um", "min", {}, "'5 um' is a length, expected a time such as '1 h'"),
        (True, "1", {}, "expected a plain number, got 'true'"),
        (None, "um", {}, "expected a length such as '1 um', got nothing"),
        ([1], "um", {}, "got a list"),
        (float("nan"), "1", {}, "is not a number"),
        (float("inf"), "1", {}, "infinite or too large"),
        (10**400, "1", {}, "too large"),
        ("-1 um", "um", {}, "'-1 um' is negative; it must be at least 0"),
        ("0 um", "um", {"positive": True}, "'0 um' must be above 0"),
        ("120 %", "1", {"at_most": 1.0}, "'120 %' is above the largest value, 1"),
        ("1 um^5", None, {}, "has a unit that no quantity of this model has"),
        ("1 nmol^2", None, {}, "has a unit that no quantity of this model has"),
        ({"low": "1 um"}, "um", {}, "'value' is missing"),
        ({"value": "1 um", "hihg": "2 um"}, "um", {}, "unknown key 'hihg'; did you mean 'high'?"),
        ({"value": "1 um", "low": "3 um", "high": "2 um"}, "um", {}, "low: 'low' is larger than 'high'"),
        (
            {"value": "1 nM", "low": "3 um"},
            None,
            {},
            "low: 'low' is a length, but 'value' is a concentration",
        ),
        ({"value": "1 um", "kind": "gessed"}, "um", {}, "'gessed' is no kind of value"),
        ({"value": "1 um", "source": [1]}, "um", {}, "a source is a text"),
    ],
)
def test_refusals_say_why(raw: object, unit: str | None, options: dict[str, object], says: str) -> None:
    assert says in why(raw, unit, **options)


def test_all_faults_of_an_annotated_value_at_once() -> None:
    told = why({"value": "1 s", "low": "-1 um", "kind": "x", "other": 1}, "um")
    assert told.count(";") >= 3
    assert "value: '1 s' is a time" in told and "low: '-1 um' is negative" in told


def test_words_stand_for_values() -> None:
    rule = quantity("min", words={"never": 0.0, "0": 0.0})
    assert rule.validate("never") == 0.0
    assert rule.validate(0).given == "never"
    assert rule.validate("1 h") == 60.0


def test_as_a_field_of_a_model() -> None:
    class Thing(BaseModel):
        width: Annotated[Quantity, quantity("um", positive=True)]

    assert Thing(width="2 mm").width == 2000.0  # type: ignore[arg-type]
    assert Thing.model_validate({"width": "2 mm"}).model_dump(mode="json") == {"width": "2 mm"}
    with pytest.raises(ValidationError, match="is negative"):
        Thing.model_validate({"width": "-2 mm"})
