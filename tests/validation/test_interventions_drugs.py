"""Pharmacokinetics of drugs against closed forms, their mass balance, and what their level does.

Closed forms: Gibaldi and Perrier, Pharmacokinetics, 2nd ed. 1982, chapters 1 to 3.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import log, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from abm.compile.drugs import matrix_exponential, rates
from abm.compile.model import DrugCourse, Model
from abm.engine.readout import read_out
from abm.engine.state import new_state
from abm.engine.step import step
from tests.reference.box import BOX, SOURCE, history, secretion_factors, with_interventions
from tests.reference.tissue import experiment

pytestmark = pytest.mark.validation

Floats = NDArray[np.float64]
HOUR = 60.0
K = log(2.0) / (3.0 * HOUR)  # elimination [1/min]
KA = log(2.0) / (0.5 * HOUR)  # absorption
OUT, BACK = 0.2 / HOUR, 0.1 / HOUR  # to the second compartment and back
VOLUME_ML = 20.0
DOSE_PG = 1e9  # 1 mg
NONE, ABSORBED, TWO = "", "absorption_half_life: 30 min, ", "peripheral: {out: 0.2 /h, back: 0.1 /h}, "


def model_of(drug: str, *doses: str, text: str = BOX) -> Model:
    """Model in which a drug of volume 20 ml and half-life 3 h is given."""
    text += f"drugs:\n  d: {{volume: 20 ml, half_life: 3 h, {drug}}}\n"
    return with_interventions(text, *(f"drug: {{name: d, dose: 1 mg, {dose}}}" for dose in doses))


def course(drug: str, *doses: str) -> tuple[Floats, DrugCourse]:
    """Times [min] of the cell steps, and the course of the drug."""
    m = model_of(drug, *doses)
    (found,) = m.treatment.drugs
    return np.arange(len(found.level)) * m.clock.cell_step, found


def bolus(t: Floats) -> Floats:
    return np.where(t >= 0.0, np.exp(-K * np.maximum(t, 0.0)), 0.0)


def bateman(t: Floats) -> Floats:
    t = np.maximum(t, 0.0)
    return KA / (KA - K) * (np.exp(-K * t) - np.exp(-KA * t))


def _dispositions() -> tuple[float, float]:
    """The two exponents of two compartments (Gibaldi and Perrier 1982, eq. 2.17 and 2.18)."""
    total = OUT + BACK + K
    root = sqrt(total**2 - 4.0 * BACK * K)
    return (total + root) / 2.0, (total - root) / 2.0


def two_compartments(t: Floats) -> Floats:
    a, b = _dispositions()
    t = np.maximum(t, 0.0)
    return ((a - BACK) * np.exp(-a * t) + (BACK - b) * np.exp(-b * t)) / (a - b)


def absorbed_into_two(t: Floats) -> Floats:
    a, b = _dispositions()
    t = np.maximum(t, 0.0)
    return KA * (
        (BACK - a) / ((KA - a) * (b - a)) * np.exp(-a * t)
        + (BACK - b) / ((KA - b) * (a - b)) * np.exp(-b * t)
        + (BACK - KA) / ((a - KA) * (b - KA)) * np.exp(-KA * t)
    )


def infusion(t: Floats, hours: float = 4.0) -> Floats:
    """Over some hours into the centre."""
    length = hours * HOUR

    def run(s: Floats) -> Floats:
        return -np.expm1(-K * np.maximum(s, 0.0)) / K / length

    return run(t) - run(t - length)


def absorbed_infusion(t: Floats) -> Floats:
    """The same through the depot: the integral of the Bateman function."""
    length = 4.0 * HOUR

    def run(s: Floats) -> Floats:
        s = np.maximum(s, 0.0)
        return KA / (KA - K) * (-np.expm1(-K * s) / K + np.expm1(-KA * s) / KA) / length

    return run(t) - run(t - length)


FORMS: dict[str, tuple[str, str, Callable[[Floats], Floats]]] = {
    "one compartment": (NONE, "at: 1 h", bolus),
    "absorption": (ABSORBED, "at: 1 h", bateman),
    "two compartments": (TWO, "at: 1 h", two_compartments),
    "absorption into two": (ABSORBED + TWO, "at: 1 h", absorbed_into_two),
    "infusion": (NONE, "at: 1 h, duration: 4 h", infusion),
    "infusion that is absorbed": (ABSORBED, "at: 1 h, duration: 4 h", absorbed_infusion),
}


@pytest.mark.parametrize("name", FORMS)
def test_level_after_a_dose(name: str) -> None:
    """At every cell step of two days, to 1e-12 of the peak."""
    drug, dose, form = FORMS[name]
    t, found = course(drug, dose)
    expected = np.where(t >= HOUR, DOSE_PG / VOLUME_ML * form(t - HOUR), 0.0)
    np.testing.assert_allclose(found.level, expected, rtol=0.0, atol=1e-12 * expected.max())
    assert expected.max() > 0.1 * DOSE_PG / VOLUME_ML


@pytest.mark.parametrize("name", FORMS)
def test_repeated_doses_superpose(name: str) -> None:
    """Five doses 6 h apart, half of each absorbed: the sum of the single courses."""
    drug, dose, form = FORMS[name]
    t, found = course(f"{drug} bioavailability: 50 %", f"{dose}, every: 6 h, repeats: 5")
    starts = HOUR * (1.0 + 6.0 * np.arange(5))
    expected = sum(np.where(t >= s, 0.5 * DOSE_PG / VOLUME_ML * form(t - s), 0.0) for s in starts)
    np.testing.assert_allclose(found.level, expected, rtol=0.0, atol=1e-12 * np.max(expected))
    listed = f"{dose.replace('at: 1 h', 'at: [1 h, 7 h, 13 h, 19 h, 25 h]')}"
    assert course(f"{drug} bioavailability: 50 %", listed)[1].level.tobytes() == found.level.tobytes()


@pytest.mark.parametrize("name", FORMS)
def test_every_femtogram_is_somewhere(name: str) -> None:
    """Given = depot + centre + periphery + eliminated, to rounding; nothing is ever negative."""
    drug, dose, _ = FORMS[name]
    _, found = course(f"{drug} bioavailability: 80 %", f"{dose}, every: 5 h, repeats: 7", "at: 40 h")
    given, *parts = found.amounts.T
    np.testing.assert_allclose(np.sum(parts, axis=0), given, rtol=1e-12, atol=0.0)
    assert given[-1] == pytest.approx(8 * 0.8 * 1e12, rel=1e-13)
    assert np.all(found.amounts >= 0.0) and np.all(np.diff(found.amounts[:, -1]) >= 0.0)
    np.testing.assert_allclose(found.level, found.amounts[:, 2] / 1e3 / VOLUME_ML, rtol=1e-14)


def test_two_compartments_against_an_integrator() -> None:
    """An adaptive integrator of order 8, tolerance 1e-11, with two overlapping infusions."""

    def slope(t: float, y: Floats) -> Floats:
        inflow = sum(
            DOSE_PG / (3.0 * HOUR) for start in (HOUR, 2.0 * HOUR) if start <= t < start + 3.0 * HOUR
        )
        depot, centre, far = y
        return np.array(
            [inflow - KA * depot, KA * depot - (K + OUT) * centre + BACK * far, OUT * centre - BACK * far]
        )

    t, found = course(ABSORBED + TWO, "at: [1 h, 2 h], duration: 3 h")
    y, expected = np.zeros(3), [0.0]
    for start, stop in pairwise(t):  # the inflow jumps at steps only
        y = solve_ivp(slope, (start, stop - 1e-9), y, method="DOP853", rtol=1e-11, atol=1.0).y[:, -1]
        expected.append(y[1] / VOLUME_ML)
    np.testing.assert_allclose(found.level, expected, rtol=0.0, atol=1e-8 * np.max(expected))


def test_no_elimination_and_no_dose() -> None:
    lasting = BOX + "drugs: {d: {volume: 20 ml, half_life: none}}\n"
    (kept,) = with_interventions(lasting, "drug: {name: d, dose: 1 mg, at: 0 h}").treatment.drugs
    np.testing.assert_allclose(kept.level, DOSE_PG / VOLUME_ML, rtol=1e-13)
    assert not with_interventions(lasting).treatment.drugs[0].amounts.any()


@pytest.mark.parametrize("absorption", ["1e-9 s", "1 s", "1 min", "300 d"])
def test_stiff_rates_stay_exact(absorption: str) -> None:
    """From absorption within a nanosecond to hardly any; the exponential is that of scipy to 1e-11."""
    from scipy.linalg import expm

    m = model_of(f"absorption_half_life: {absorption}, {TWO}", "at: 0 h")
    text = (
        BOX + f"drugs:\n  d: {{volume: 20 ml, half_life: 3 h, absorption_half_life: {absorption}, {TWO}}}\n"
    )
    matrix = rates(experiment(text).base.drugs["d"]) * 10.0
    if np.abs(matrix).max() < 1e4:  # scipy's own limit
        np.testing.assert_allclose(matrix_exponential(matrix), expm(matrix), rtol=1e-11, atol=1e-14)
    found = m.treatment.drugs[0]
    assert np.all(found.amounts >= 0.0)
    np.testing.assert_allclose(found.amounts[:, 1:].sum(axis=1), 1e12, rtol=1e-12)


# --------------------------------------------------------------------------------- what a level does


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_an_effect_is_a_hill_function_of_the_level(power: float) -> None:
    """Secretion x (1 - 0.8 Hill(level)), in every step, with the level at its start."""
    effect = f"{{of: source, behaviour: secretion of X, by: 0.2, half_max: 10 ug/ml, hill_power: {power}}}"
    m = model_of(f"{ABSORBED} effects: [{effect}]", "at: [1 h, 5 h]", text=BOX + SOURCE)
    seen, _ = history(m, 8 * HOUR)
    level = m.treatment.drugs[0].level[: len(seen) - 1] / 1e7
    expected = 1.0 - 0.8 * level**power / (1.0 + level**power)
    factors = secretion_factors(seen, m)
    np.testing.assert_allclose(factors, np.tile(expected[:, None], 10), rtol=2e-5)
    assert factors.min() < 0.5 and factors[:6].min() > 0.99999


def test_an_effect_in_one_region_only() -> None:
    effect = "{of: source, behaviour: secretion of X, by: 0, half_max: 1 pg/ml, site: left}"
    m = model_of(f"effects: [{effect}]", "at: 0 h", text=BOX + SOURCE)
    seen, _ = history(m, HOUR)
    factors = secretion_factors(seen, m)
    assert np.all(factors[:, [0, 1, 5, 6]] < 1e-6) and np.all(factors[:, [2, 3, 4, 7, 8, 9]] > 0.9999)


@pytest.mark.parametrize(
    ("half_max", "power"), [("1e-300 pg/ml", "300"), ("1e-290 pg/ml", "0.1"), ("1e290 pg/ml", "9")]
)
def test_levels_beyond_all_numbers(half_max: str, power: str) -> None:
    """A level of 1e300 half-maxima is full effect, one of 1e-300 none; neither breaks the run."""
    effect = f"{{of: source, behaviour: secretion of X, by: 0.5, half_max: {half_max}, hill_power: {power}}}"
    m = model_of(f"effects: [{effect}]", "at: 0 h", text=BOX + SOURCE)
    seen, _ = history(m, 20.0)
    expected = 0.5 if half_max.startswith("1e-") else 1.0
    np.testing.assert_allclose(secretion_factors(seen, m), expected, rtol=1e-3)


def test_a_rule_may_read_the_level() -> None:
    """Signal `drug d`: secretion divided by 1 + level / half_max."""
    rule = "{base: 144 fg/day, divided_by: [{signal: drug d, half_max: 5 ug/ml}]}"
    text = BOX + SOURCE.replace("secretion of X: 144 fg/day", f"secretion of X: {rule}")
    m = model_of(NONE, "at: 1 h", text=text)
    seen, _ = history(m, 5 * HOUR)
    level = m.treatment.drugs[0].level[: len(seen) - 1]
    expected = 1.0 / (1.0 + level / 5e6)
    np.testing.assert_allclose(secretion_factors(seen, m), np.tile(expected[:, None], 10), rtol=2e-5)


def test_what_is_read_out() -> None:
    """Level and amounts at the moment of the record; the same after the last step."""
    m = model_of(ABSORBED + TWO, "at: 20 min, duration: 1 h")
    state = new_state(m)
    (found,) = m.treatment.drugs
    for k in range(30):
        out = read_out(m, state)
        assert out["drug_level"][0] == found.level[k]
        parts = ("drug_given", "drug_depot", "drug_central", "drug_peripheral", "drug_eliminated")
        np.testing.assert_array_equal([out[name][0] for name in parts], found.amounts[k])
        step(m, state)
    assert out["drug_given"][0] == pytest.approx(1e12, rel=1e-12)
