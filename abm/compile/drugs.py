"""Pharmacokinetics of drugs: levels at every cell step, from exact solutions of linear compartments."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from abm.compile.model import Clock, DrugCourse
from abm.kernels.field_system import FG_PER_PG_UM3_PER_ML
from abm.scenario.schema import Drug, GiveDrug, Scenario
from abm.state.tables import Floats

DEPOT, CENTRAL, PERIPHERAL, ELIMINATED, INPUT = range(5)
_SQUARINGS_BELOW = 0.25  # norm below which twelve terms of the series are exact to rounding
_TERMS = 12


def drug_courses(scenario: Scenario, clock: Clock) -> tuple[DrugCourse, ...]:
    """Level and amounts of every drug of a scenario, given what is taken of it."""
    given = [i.drug for i in scenario.interventions if i.drug is not None]
    return tuple(
        _course(drug, [dose for dose in given if dose.name == name], clock)
        for name, drug in scenario.drugs.items()
    )


def _course(drug: Drug, doses: list[GiveDrug], clock: Clock) -> DrugCourse:
    """March the exact solution from cell step to cell step; doses fall on their starts."""
    n_step = clock.end // clock.ticks_per_step
    bolus, rate = np.zeros(n_step + 1), np.zeros(n_step + 1)  # [fg] at once, [fg/min] over the step
    for dose in doses:
        for at in dose.times:
            _give(
                bolus, rate, float(dose.dose) * float(drug.bioavailability), at, float(dose.duration), clock
            )
    advance = matrix_exponential(rates(drug) * clock.cell_step)
    entry = entry_of(drug)
    state = np.zeros(5)
    amounts = np.zeros((n_step + 1, 5))
    taken = 0.0
    for k in range(n_step + 1):
        state[entry] += bolus[k]
        taken += bolus[k]
        amounts[k] = taken, state[DEPOT], state[CENTRAL], state[PERIPHERAL], state[ELIMINATED]
        state[INPUT] = rate[k]
        state = advance @ state
        taken += rate[k] * clock.cell_step
    volume = float(drug.volume) * FG_PER_PG_UM3_PER_ML
    return DrugCourse(level=amounts[:, 1 + CENTRAL] / volume, amounts=amounts)


def _give(bolus: Floats, rate: Floats, dose: float, at: float, duration: float, clock: Clock) -> None:
    first = round(at / clock.cell_step)
    if first >= len(bolus):
        return
    if duration == 0.0:
        bolus[first] += dose
        return
    last = first + round(duration / clock.cell_step)
    rate[first:last] += dose / duration


def entry_of(drug: Drug) -> int:
    """Where a dose goes, at once or over time: through the depot where the drug has to be absorbed."""
    return DEPOT if float(drug.absorption_half_life) > 0.0 else CENTRAL


def rates(drug: Drug) -> Floats:
    """Rates [1/min] between depot, centre, periphery and what is eliminated, (5, 5).

    Column j says where what is in j goes; the last column is a constant input [fg/min].
    """

    def rate(half_life: float) -> float:
        return math.log(2.0) / half_life if 0.0 < half_life < math.inf else 0.0

    flow = np.zeros((5, 5))

    def connect(source: int, to: int, speed: float) -> None:
        flow[source, source] -= speed
        flow[to, source] += speed

    connect(DEPOT, CENTRAL, rate(float(drug.absorption_half_life)))
    connect(CENTRAL, ELIMINATED, rate(float(drug.half_life)))
    if drug.peripheral is not None:
        connect(CENTRAL, PERIPHERAL, float(drug.peripheral.out))
        connect(PERIPHERAL, CENTRAL, float(drug.peripheral.back))
    flow[entry_of(drug), INPUT] = 1.0
    return flow


def matrix_exponential(matrix: NDArray[np.float64]) -> Floats:
    """exp(matrix) by scaling and squaring of its Taylor series (Moler and Van Loan 2003, method 3).

    What is squared is P = exp(A / 2^s) - 1, by (1 + P)^2 - 1 = P (P + 2): a slow rate beside a fast one
    keeps all its digits, which it would lose beside the 1.  So columns that add up to 1 still do,
    to rounding, and no entry becomes negative.
    """
    norm = float(np.abs(matrix).sum(axis=0).max())
    halvings = max(0, math.ceil(math.log2(norm / _SQUARINGS_BELOW))) if norm > 0.0 else 0
    scaled = matrix / 2.0**halvings
    one = np.eye(len(matrix))
    term, less_one = one, np.zeros_like(scaled)
    for k in range(1, _TERMS + 1):
        term = term @ scaled / k
        less_one = less_one + term
    for _ in range(halvings):
        less_one = less_one @ (less_one + 2.0 * one)
    return np.asarray(one + less_one)
