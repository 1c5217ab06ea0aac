"""Pumps, repeated injuries, and what leaks from the blood: the whole dose arrives, no more and no less."""

from __future__ import annotations

from math import exp, expm1

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.events import course_value, run_in, set_drives
from abm.engine.state import new_state
from abm.engine.step import step
from abm.scenario.bounds import Bounds
from abm.scenario.vocabulary import vocabulary_of
from tests.reference.box import BOX, ECS_VOLUME, LEFT, amount, history, with_interventions
from tests.reference.tissue import SMALL, advance, experiment, model

Floats = NDArray[np.float64]

# -------------------------------------------------------------------------------------------- pumps

LASTING = (
    BOX
    + """
compartments: {csf: {volume: 40 ul, half_life: none}}
routes: {intrathecal: {compartment: csf}}
cytokines: {X: {diffusion: 10 um^2/s, half_life: none}}
"""
)
CSF, LOCAL = "route: intrathecal", "route: local, site: whole"


def pumped(rest: str, route: str, minutes: float, text: str = LASTING) -> Floats:
    """Amount of X [fg] in the CSF or the tissue after every cell step."""
    m = with_interventions(text, f"infuse: {{cytokine: X, dose: 1 pg, {route}, {rest}}}")
    state = new_state(m)
    seen = []
    for _ in range(round(minutes / m.clock.cell_step)):
        step(m, state)
        csf = float(amount(state.reservoirs.c[0, 0], 40e9))
        seen.append(csf if route == CSF else float(state.budget.amount[0]))
    return np.array([0.0, *seen])


def trapezoid(t: Floats, length: float, ramp: float) -> Floats:
    """Share that a pump has given whose rate rises linearly over the ramp."""
    t = np.clip(t, 0.0, length)
    given = np.where(t < ramp, t**2 / (2.0 * ramp) if ramp else 0.0, t - 0.5 * ramp)
    return np.asarray(given / (length - 0.5 * ramp))


@pytest.mark.parametrize("route", [CSF, LOCAL])
@pytest.mark.parametrize(
    ("length", "ramp"), [(100.0, 0.0), (100.0, 40.0), (100.0, 100.0), (10.0, 10.0), (70.0, 10.0)]
)
def test_a_pump_with_a_ramp_gives_its_whole_dose(route: str, length: float, ramp: float) -> None:
    """The dose to 1e-12, and at every step what its rate has given by then."""
    seen = pumped(f"at: 20 min, duration: {length} min, ramp: {ramp} min", route, 160.0)
    t = 10.0 * np.arange(len(seen)) - 20.0
    np.testing.assert_allclose(seen, 1e3 * trapezoid(t, length, ramp), rtol=1e-12, atol=1e-9)
    assert seen[-1] == pytest.approx(1e3, rel=1e-12)


def test_the_ramp_does_not_hang_on_the_step() -> None:
    """Half the cell step: the same amount at the times that both know."""
    rest = "at: 20 min, duration: 80 min, ramp: 40 min"
    fine = pumped(rest, CSF, 120.0, LASTING.replace("cell_step: 10 min", "cell_step: 5 min"))
    np.testing.assert_allclose(fine[::2], pumped(rest, CSF, 120.0), rtol=1e-12)


def test_a_pump_that_is_refilled() -> None:
    """Three times, overlapping; the run ends within the last one."""
    seen = pumped("at: 0 h, duration: 1 h, every: 40 min, repeats: 3", CSF, 100.0)
    t = 10.0 * np.arange(len(seen))
    expected = sum(trapezoid(t - start, 60.0, 0.0) for start in (0.0, 40.0, 80.0))
    np.testing.assert_allclose(seen, 1e3 * np.asarray(expected), rtol=1e-12, atol=1e-9)
    assert seen[-1] == pytest.approx(1e3 * (2.0 + 1.0 / 3.0), rel=1e-12)


def test_shares_that_have_run_in() -> None:
    """0 at the start, 1 at the end, rising; in ticks."""
    m = with_interventions(
        LASTING, f"infuse: {{cytokine: X, dose: 1 pg, {CSF}, at: 0 h, duration: 1 h, ramp: 20 min}}"
    )
    (infusion,) = m.treatment.infusions
    shares = [run_in(infusion, k) for k in range(61)]
    assert shares[0] == 0.0 and shares[60] == pytest.approx(1.0, rel=1e-15)
    assert np.all(np.diff(shares) > 0.0) and np.all(np.diff(shares, 2)[:18] > 0.0)


# ------------------------------------------------------------------------------- repeated injuries

CYCLES = (
    BOX
    + """
cytokines: {X: {diffusion: 10 um^2/s, half_life: none}}
injury_kinds:
  paclitaxel:
    drives: {toxic: {amplitude: 0.5, rise: 30 min, decay: 2 h}, late: {rise: 5 h}}
    releases: [{cytokine: X, drive: toxic, rate: 6 pg/ml/h}]
injuries:
  - {kind: paclitaxel, at: 20 min, every: 1 h, repeats: 4, site: left}
"""
)


def toxic(t: float) -> float:
    return 0.5 * -expm1(-t / 30.0) * exp(-t / 120.0) if t >= 0.0 else 0.0


def test_drives_of_repeated_injuries_add() -> None:
    """Four cycles, each with its whole course."""
    m = model(CYCLES)
    state = new_state(m)
    starts = [20.0, 80.0, 140.0, 200.0]
    assert [course.start for course in m.courses[::2]] == starts  # in ticks of 1 min
    for minute in (0, 19, 20, 50, 80, 81, 200, 400):
        state.tick = minute
        set_drives(m, state)
        for name, form in (("toxic", toxic), ("late", lambda t: -expm1(-t / 300.0) if t >= 0.0 else 0.0)):
            expected = sum(form(minute - start) for start in starts)
            drive = state.here.drive[m.names.drives.index(name)]
            np.testing.assert_allclose(drive, expected * LEFT, rtol=1e-12, atol=1e-300)
        assert sum(course_value(c, minute, 1.0) for c in m.courses[::2]) == pytest.approx(
            sum(toxic(minute - start) for start in starts), abs=1e-15
        )


def test_releases_of_repeated_injuries_add() -> None:
    """What all four have set free, with the drive held over each step."""
    m = model(CYCLES)
    _, state = history(m, 360.0)
    rate = 6.0 / 60.0  # pg/ml/min
    released = sum(
        rate * toxic(10.0 * k - start) * 10.0 for k in range(36) for start in (20.0, 80.0, 140.0, 200.0)
    )
    assert state.budget.sourced[0] == pytest.approx(
        float(amount(released, ECS_VOLUME * LEFT.mean())), rel=1e-9
    )


def test_the_bound_of_a_repeated_drive_counts_every_time() -> None:
    scenario = experiment(CYCLES).base
    bounds = Bounds(scenario, vocabulary_of(scenario))
    assert bounds._drive("toxic") == pytest.approx(4 * 0.5)


def test_repeated_is_the_same_as_listed() -> None:
    listed = "".join(f"  - {{kind: paclitaxel, at: {at} min, site: left}}\n" for at in (20, 80, 140, 200))
    other = model(CYCLES.split("  - {kind")[0] + listed)
    one, two = (history(m, 300.0)[0] for m in (model(CYCLES), other))
    np.testing.assert_allclose(one, two, rtol=1e-12)


# ---------------------------------------------------------------------------------- what leaks in

LEAKY = (
    BOX
    + """
compartments: {blood: {volume: 1 ul, half_life: HALF_LIFE}}
routes: {intravenous: {compartment: blood}}
cytokines: {X: {diffusion: 10 um^2/s, half_life: none, baseline: BASELINE}}
injury_kinds: {cut: {drives: {damage: {amplitude: 0.6}}}}
injuries: [{kind: cut, at: 1 h, site: left}]
tissue:
  extracellular_fraction: 0.2
  behaviours: {leakage of X from blood: {base: 0 /h, adds: [{signal: damage drive, amount: 0.5 /h, per: 1}]}}
"""
)
LEAKY = LEAKY.replace("tissue: {extracellular_fraction: 0.2}\n", "", 1)
INTRAVENOUS = "infuse: {cytokine: X, dose: 1 ng, route: intravenous, at: 0 h}"
BLOOD = 1e9  # um^3


def leaky(*lines: str, half_life: str = "none", baseline: str = "0 pg/ml", represents: str = "") -> Model:
    text = LEAKY.replace("HALF_LIFE", half_life).replace("BASELINE", baseline)
    if represents:
        text = text.replace("thickness: 20 um}", f"thickness: 20 um, represents: {represents}}}")
    return with_interventions(text, *lines)


@pytest.mark.parametrize("represents", ["", "0.008 mm^3"])
def test_what_leaves_the_blood_arrives_in_the_tissue(represents: str) -> None:
    """Femtogram for femtogram, for all slabs that one blood serves; nothing before the damage."""
    m = leaky(INTRAVENOUS, represents=represents)
    n_slab = m.fields.reservoirs.multiplicity
    assert n_slab == pytest.approx(100.0 if represents else 1.0)
    early, state = history(m, 60.0)
    assert not early.any() and state.reservoirs.c[0, 0] == pytest.approx(1e6)  # 1 ng in 1 ul
    _, state = history(m, 300.0, state)
    left = float(amount(state.reservoirs.c[0, 0], BLOOD))
    arrived = float(state.budget.sourced[0])
    assert arrived > 0.0 and state.budget.amount[0] == pytest.approx(arrived, rel=1e-12)
    assert 1e6 - left == pytest.approx(n_slab * arrived, rel=1e-9)
    assert state.budget.produced[0, 0] == pytest.approx(-n_slab * arrived, rel=1e-12)
    assert abs(state.budget.residual()[0]) < 1e-12 * arrived


def test_the_rate_of_a_leak() -> None:
    """0.5 /h x damage 0.6 x the excess in the blood, in the four voxels of the site only."""
    m = leaky(INTRAVENOUS)
    _, state = history(m, 120.0)
    volume = ECS_VOLUME * LEFT.mean()
    per_min = 0.5 / 60.0 * 0.6
    share = per_min * volume / BLOOD  # of the blood's excess that leaves per minute
    expected = float(amount(1e6, BLOOD)) * -expm1(-share * 60.0)
    assert state.budget.sourced[0] == pytest.approx(expected, rel=1e-4)


def test_only_what_is_above_the_baseline_leaks() -> None:
    """Naive blood holds what naive tissue holds: no leak, also where the barrier is open."""
    m = leaky(baseline="40 pg/ml", half_life="20 min")
    seen, state = history(m, 300.0)
    np.testing.assert_allclose(seen[:, 0], 40.0, rtol=1e-12)
    assert state.reservoirs.c[0, 0] == pytest.approx(40.0, rel=1e-12) and state.budget.sourced[0] == 0.0
    dosed, _ = history(leaky(INTRAVENOUS, baseline="40 pg/ml", half_life="20 min"), 300.0)
    assert dosed[-1, 0].min() > 41.0


def test_clearance_and_leak_share_the_dose() -> None:
    """Given = cleared + leaked + left, in the blood's own books."""
    m = leaky(INTRAVENOUS, half_life="20 min", represents="0.008 mm^3")
    _, state = history(m, 300.0)
    b = state.budget
    left = float(amount(state.reservoirs.c[0, 0], BLOOD))
    assert state.infused[0, 0] == 1e6
    assert state.infused[0, 0] + b.produced[0, 0] == pytest.approx(b.cleared[0, 0] + left, rel=1e-12)
    assert b.produced[0, 0] == pytest.approx(-100.0 * b.sourced[0], rel=1e-12)


#: Etanercept in the endoneurium of injured, not of uninjured nerve (Kato 2009; row MSCR-TX-18).
BARRIER = """
cytokines:
  etanercept:
    molar_mass: 150 kDa
    diffusion: 10 um^2/s
    half_life: 3 d
    compartments: {blood: {half_life: 3 d}}
    binds: {TNF-a: {rate: 0.4 /min, at: 1 ug/ml}}
tissue:
  behaviours:
    leakage of etanercept from blood: {adds: [{signal: acute drive, amount: 0.01 /h, per: 1}]}
interventions:
  - neutralise: {cytokine: TNF-a, agent: etanercept, dose: 100 ug, route: intravenous, at: 6 h}
arms: {naive: {injuries: []}, injured: {}, untreated: {interventions: []}}
"""


def test_a_barrier_that_opens_with_damage() -> None:
    """The drug gets into injured tissue only, and TNF falls there."""
    text = SMALL.split("arms:")[0] + BARRIER
    drug, tnf, leaked = {}, {}, {}
    for arm in ("naive", "injured", "untreated"):
        m = model(text, arm)
        state = advance(m, days=0.75)
        site = m.regions[m.names.regions.index("site")] == 1
        f, t = (m.names.cytokines.index(name) for name in ("etanercept", "TNF-a"))
        drug[arm], tnf[arm] = (state.concentration[k].reshape(-1)[site].mean() for k in (f, t))
        leaked[arm] = float(state.budget.sourced[f])
        assert abs(state.budget.residual()[f]) <= 1e-12 * leaked[arm]
    assert leaked["naive"] == drug["naive"] == 0.0 == leaked["untreated"]
    assert drug["injured"] > 1e4  # pg/ml
    assert tnf["injured"] < 0.9 * tnf["untreated"]


def test_a_half_life_of_its_own_in_a_compartment() -> None:
    """A day instead of the 20 min of the compartment, for this substance alone."""
    text = (
        BOX
        + """
compartments: {blood: {volume: 1 ul, half_life: 20 min}}
routes: {intravenous: {compartment: blood}}
cytokines:
  X: {diffusion: 1 um^2/s, half_life: none, compartments: {blood: {half_life: 1 d}}}
  Y: {diffusion: 1 um^2/s, half_life: none}
"""
    )
    lines = [INTRAVENOUS, INTRAVENOUS.replace("X", "Y")]
    _, state = history(with_interventions(text, *lines), 240.0)
    np.testing.assert_allclose(state.reservoirs.c[0], 1e6 * 0.5 ** np.array([1.0 / 6.0, 12.0]), rtol=1e-6)


def test_the_log_says_how_much_was_given() -> None:
    """Doses of protein as they were given, active or not; cells that live; what is no amount has none."""
    protein = f"infuse: {{cytokine: X, dose: 1 pg, {CSF}, at: 10 min}}"
    text = LASTING.replace("X: {", "X: {active_fraction: 0.25, ")
    m = with_interventions(text, protein)
    state = new_state(m)
    given = [line for _ in range(4) for line in step(m, state)]
    assert [(line.text, line.unit) for line in given] == [("0.001 ng X intrathecal", "ng")]
    assert given[0].amount == pytest.approx(1e-3, rel=1e-12)
    assert float(amount(state.reservoirs.c[0, 0], 40e9)) == pytest.approx(250.0, rel=1e-6)


def test_the_log_says_how_many_cells_were_given() -> None:
    dose = "inject_cells: {type: msc, dose: 1e5, viability: 0.9, route: intrathecal, at: 0 h}"
    m = with_interventions(SMALL, dose)
    (given,) = step(m, new_state(m))
    assert given == ("90000 living msc intrathecal", pytest.approx(9e4), "cells")
