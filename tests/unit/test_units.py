"""Units: exact conversion, refusal of everything unknown, agreement with an independent library."""

from __future__ import annotations

from fractions import Fraction

import pytest

from abm.errors import UnitError
from abm.units import BY_POWERS, DIMENSIONS, UNITS, describe, like, molar_twin, parse, readable, to_internal


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20 um", "um", 20.0),
        ("20 µm", "um", 20.0),  # U+00B5
        ("20 μm", "um", 20.0),  # U+03BC
        ("20um", "um", 20.0),
        ("2 mm", "um", 2000.0),
        ("30 um^2/s", "um^2/min", 1800.0),
        ("30 um²/s", "um^2/min", 1800.0),
        ("30 um**2/s", "um^2/min", 1800.0),
        ("30 um^2 s^-1", "um^2/min", 1800.0),
        ("30 µm²·s⁻¹", "um^2/min", 1800.0),
        ("1 um/s", "um/min", 60.0),
        ("14 d", "min", 20160.0),
        ("1.5 h", "min", 90.0),
        ("30 s", "min", 0.5),
        ("1 week", "min", 10080.0),
        ("50 pg/ml", "pg/ml", 50.0),
        ("0.05 ng/ml", "pg/ml", 50.0),
        ("50 ng/l", "pg/ml", 50.0),
        ("14 pg/ml/min", "pg/ml/min", 14.0),
        ("3 pg/(ml min)", "pg/ml/min", 3.0),
        ("1.44 fg/day", "fg/min", 0.001),
        ("10 ng", "fg", 1e7),
        ("1.2 g", "g", 1.2),
        ("17 kDa", "kDa", 17.0),
        ("17000 g/mol", "kDa", 17.0),
        ("40 ul", "um^3", 4e10),
        ("1.7 mm^3", "um^3", 1.7e9),
        ("7500 /mm^3", "1/um^3", 7.5e-6),
        ("7500 cells/mm^3", "1/um^3", 7.5e-6),
        ("0.6 /h", "1/min", 0.01),
        ("0.005 /um", "1/um", 0.005),
        ("0.5 %", "1", 0.005),
        ("2.5e5", "1", 2.5e5),
        (".5", "1", 0.5),
        ("5.", "1", 5.0),
        ("-3 um", "um", -3.0),
    ],
)
def test_conversion_is_exact(text: str, unit: str, value: float) -> None:
    assert to_internal(text, unit) == value


def test_factors_are_exact_fractions() -> None:
    # 20.8 cells per mm^3 and hour: one rounding only, at the very end.
    assert to_internal("20.8 /mm^3/h", "1/um^3/min") == float(Fraction("20.8") / 10**9 / 60)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3 dyas", "did you mean 'days'"),
        ("20 UM", "did you mean 'um'"),
        ("pg", "not a number with a unit"),
        ("", "not a number with a unit"),
        ("2,5 um", "the decimal sign is a point"),
        ("nan um", "not a finite number"),
        ("-inf", "not a finite number"),
        ("1e400 um", "outside the numbers"),
        ("1e9999999999999 um", "outside the numbers"),
        ("9" * 90 + "e300 um", "outside the numbers"),
        ("1 month", "no fixed length"),
        ("37 °C", "temperature"),
        ("5 IU", "activity units"),
        ("2 um^x", "unknown unit 'x'|a power must be"),
        ("2 um^", "a power must be"),
        ("2 um^99", "a power must be"),
        ("2 (um", "closing parenthesis"),
        ("2 um)", "unexpected '\\)'"),
        ("2 um//s", "a unit is missing"),
        ("33 h 5 min", "a unit is missing"),
        ("2 um $", "unknown unit '\\$'"),
        ("1 " + "u" * 200, "longer than"),
    ],
)
def test_refused_texts_say_why(text: str, says: str) -> None:
    with pytest.raises(UnitError, match=says):
        parse(text)


def test_wrong_dimension_names_both() -> None:
    with pytest.raises(
        UnitError, match=r"'0.1 um/s' is a speed, expected a diffusion coefficient, e\.g\. in um\^2/s"
    ):
        to_internal("0.1 um/s", "um^2/min")


def test_zero_with_a_huge_exponent_is_zero() -> None:
    assert to_internal("0e999999 um", "um") == 0.0


def test_internal_units_are_their_own_unit() -> None:
    for unit, dimension in DIMENSIONS.items():
        assert to_internal(f"1 {unit}", unit) == 1.0, dimension.name


def test_dimensions_are_told_apart_by_their_powers() -> None:
    # Only the threshold in g shares its powers (with a mass), and is therefore never guessed.
    assert len(BY_POWERS) == len(DIMENSIONS) - 1
    assert BY_POWERS[DIMENSIONS["g"].exponents].unit == "fg"


def test_molar_twin() -> None:
    twin = molar_twin(parse("5 nM").exponents)
    assert twin is not None and twin.unit == "pg/ml"
    assert molar_twin(parse("5 pmol").exponents) is DIMENSIONS["fg"]
    assert molar_twin(parse("5 um").exponents) is None
    assert describe(parse("5 nM")) == "molar (concentration)"
    assert describe(parse("5 um^5")) == "in um^5"


# Names that pint reads as something else: M is metre-like nothing, "cells" and "%" are ours.
_PINT_NAME = {
    "M": "molar",
    "Da": "dalton",
    "cell": "count",
    "cells": "count",
    "%": "percent",
    "1": "",
    "hr": "hour",
}


def test_every_unit_agrees_with_pint() -> None:
    pint = pytest.importorskip("pint")
    registry = pint.UnitRegistry()
    base = {"m": "micrometer", "t": "minute", "g": "femtogram", "n": "mole"}
    # NA is exact in SI and cancels in g/mol; pint's dalton differs from g/mol by 3e-10.
    for name, (factor, (length, time, mass, amount)) in UNITS.items():
        symbol = next((k for k in ("M", "Da") if name.endswith(k) and name[: -len(k)] in "kmunpfaM"), None)
        if symbol == "M" and name != "min":
            theirs = registry.Quantity(1, f"{name[:-1]}molar")
        elif symbol == "Da":
            prefix = {"": 1.0, "k": 1e3, "M": 1e6}[name[:-2]]
            theirs = registry.Quantity(prefix, "gram / mole")
        else:
            known = {"wk": "week", "sec": "second", "microns": "micron"}
            theirs = registry.Quantity(1, known.get(name, _PINT_NAME.get(name, name)) or "dimensionless")
        unit = f"{base['m']}**{length} * {base['t']}**{time} * {base['g']}**{mass} * {base['n']}**{amount}"
        ours = float(factor)
        assert theirs.to(unit).magnitude == pytest.approx(ours, rel=1e-9), name


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (47520.0, "min", "33 d"),
        (0.0, "min", "0 min"),
        (90.0, "min", "1.5 h"),
        (1800.0, "um^2/min", "30 um^2/s"),
        (1e7, "fg", "10 ng"),
        (7.5e-6, "1/um^3", "7500 /mm^3"),
        (0.25, "1", "0.25"),
        (50.0, "pg/ml", "50 pg/ml"),
    ],
)
def test_readable(value: float, unit: str, text: str) -> None:
    assert readable(value, unit) == text


def test_like_keeps_the_unit_that_was_given() -> None:
    assert like(1450.0, "min", "1445 min") == "1450 min"
    assert like(0.025, "1/min", "1 /h") == "1.5 /h"
    assert like(3.0, "1", "2") == "3"
    assert like(60.0, "min", "never") == "1 h"
