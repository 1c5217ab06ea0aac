"""`modify`: which factor acts on what, where and when; read off what the changed cells do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.compile.model import Model
from abm.engine.state import State, new_state
from abm.engine.step import step
from tests.reference.box import (
    BOX,
    ECS_VOLUME,
    LEFT,
    SOURCE,
    amount,
    history,
    secretion_factors,
    with_interventions,
)
from tests.reference.tissue import SMALL, advance, model

Floats = NDArray[np.float64]
HOUR = 60.0
ACCURACY = 1e-5  # of the solver, over a cell step


def factors(*lines: str, hours: float = 6.0, text: str = BOX + SOURCE) -> Floats:
    """Factor on the secretion of every cell in every step, (n_step, 10)."""
    m = with_interventions(text, *lines)
    seen, _ = history(m, hours * HOUR)
    return secretion_factors(seen, m)


def strength(t: Floats, since: float, until: float, ramp: float = 0.0, half_life: float = np.inf) -> Floats:
    """Share of the full effect, written down anew: rises over the ramp, falls over it after the end."""
    rise = np.interp(t, [since, since + ramp], [0.0, 1.0]) if ramp else np.where(t >= since, 1.0, 0.0)
    top = np.interp(until, [since, since + ramp], [0.0, 1.0]) if ramp else 1.0
    fall = np.interp(t, [until, until + ramp], [1.0, 0.0]) if ramp else np.where(t < until, 1.0, 0.0)
    value = np.where(t <= until, rise, top * fall) if ramp else rise * fall
    return np.where(t < since, 0.0, value * 0.5 ** ((t - since) / half_life))


WINDOWS: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "always": ("", (0.0, np.inf, 0.0, np.inf)),
    "from birth to a time": ("until: 2 h", (0.0, 120.0, 0.0, np.inf)),
    "from a time on": ("since: 100 min", (100.0, np.inf, 0.0, np.inf)),
    "a window": ("since: 1 h, until: 3 h", (60.0, 180.0, 0.0, np.inf)),
    "with ramps": ("since: 1 h, until: 3 h, ramp: 50 min", (60.0, 180.0, 50.0, np.inf)),
    "a ramp without end": ("since: 1 h, ramp: 50 min", (60.0, np.inf, 50.0, np.inf)),
    "ended within its ramp": ("since: 1 h, until: 90 min, ramp: 1 h", (60.0, 90.0, 60.0, np.inf)),
    "fading": ("since: 1 h, half_life: 77 min", (60.0, np.inf, 0.0, 77.0)),
    "fading with ramps": (
        "since: 1 h, until: 4 h, ramp: 30 min, half_life: 90 min",
        (60.0, 240.0, 30.0, 90.0),
    ),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("by", [0.0, 0.3, 2.5])
def test_strength_of_a_window(name: str, by: float) -> None:
    """Factor 1 + (by - 1) x strength at the start of every step."""
    window, (since, until, ramp, half_life) = WINDOWS[name]
    seen = factors(f"modify: {{of: source, behaviour: secretion of X, by: {by}, {window}}}")
    t = 10.0 * np.arange(len(seen))
    expected = 1.0 + (by - 1.0) * strength(t, since, min(until, 1e9), ramp, half_life)
    np.testing.assert_allclose(seen, np.tile(expected[:, None], 10), rtol=ACCURACY, atol=ACCURACY)


def test_of_windows_that_overlap_the_strongest_counts() -> None:
    """siRNA every hour with a half-life of 40 min: each dose restores the full effect, none adds up."""
    window = "since: 1 h, every: 1 h, repeats: 3, half_life: 40 min"
    seen = factors(f"modify: {{of: source, behaviour: secretion of X, by: 0, {window}}}")
    t = 10.0 * np.arange(len(seen))
    doses = [strength(t, HOUR * k, 1e9, half_life=40.0) for k in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(seen[:, 0], 1.0 - np.max(doses, axis=0), atol=ACCURACY)
    assert seen[18, 0] < 1e-5 < 0.5 < seen[17, 0]


def test_several_changes_multiply() -> None:
    """Named, with all types, in one region, twice the same."""
    seen = factors(
        "modify: {of: source, behaviour: secretion of X, by: 0.5}",
        "modify: {of: all, behaviour: X secretion, by: 0.5, since: 1 h}",
        "modify: {of: [source], behaviour: secretion of X, by: 3, since: 2 h, site: left}",
        hours=3.0,
    )
    expected = np.full((18, 10), 0.5)
    expected[6:] *= 0.5
    expected[12:, LEFT] *= 3.0
    np.testing.assert_allclose(seen, expected, rtol=ACCURACY)


def test_other_types_and_other_cytokines_are_left_alone() -> None:
    """Two types that make two cytokines each; one of the four secretions is switched off."""
    field = "  Y: {diffusion: 0 um^2/s, half_life: 69.31471805599453 min}\n"
    both = "{secretion of X: 144 fg/day, secretion of Y: 144 fg/day}"
    text = SOURCE.replace("cell_types:", field + "cell_types:").replace("{secretion of X: 144 fg/day}", both)
    text = BOX + text + text.split("cell_types:\n")[1].replace("source:", "other:")
    m = with_interventions(text, "modify: {of: source, behaviour: secretion of X, by: 0}")
    seen, _ = history(m, HOUR)
    np.testing.assert_allclose(secretion_factors(seen, m, 0), 1.0, rtol=ACCURACY)
    np.testing.assert_allclose(secretion_factors(seen, m, 1), 2.0, rtol=ACCURACY)


# -------------------------------------------------------------------------- variables and their kinetics

CELLS = """
cytokines: {X: {diffusion: 0 um^2/s, half_life: none, baseline: 50 pg/ml}}
cell_types:
  cell:
    radius: 4 um
    density: 125000 /mm^3
    placement: territories
    variables:
      relaxing: {target: 0.8, time_constant: 2 h}
      gaining: {gain: 0.2 /h, loss_time: 5 h}
      instant: {equals: {base: 0.5, adds: [{signal: own relaxing, amount: 1, per: 1}]}}
      sensing: {equals: {adds: [{signal: X, amount: 1, per: 50 pg/ml}]}}
      excess: {equals: {adds: [{signal: excess X, amount: 1, per: 50 pg/ml}]}}
      contact: {equals: {adds: [{signal: contact with cell, amount: 1, per: 1}]}}
"""


def variables(*lines: str, hours: float = 4.0, text: str = BOX + CELLS) -> dict[str, Floats]:
    """Every variable of every cell after some hours, by name, (10,)."""
    m = with_interventions(text, *lines)
    _, state = history(m, hours * HOUR)
    return dict(zip(m.names.variables[0], state.cells.variables.T, strict=True))


def change(what: str, by: float = 0.25, rest: str = "site: left") -> str:
    return f"modify: {{of: cell, {what}, by: {by}, {rest}}}"


def test_a_variable_relaxes_to_the_changed_target() -> None:
    """With its own time constant: a silenced variable fades, it does not jump."""
    got = variables(change("variable: relaxing"))["relaxing"]
    reached = -np.expm1(-2.0)
    np.testing.assert_allclose(got, np.where(LEFT, 0.2, 0.8) * reached, rtol=1e-9)


def test_a_gain_is_multiplied() -> None:
    got = variables(change("variable: gaining"))["gaining"]
    for factor, where in ((0.25, LEFT), (1.0, ~LEFT)):
        gain, loss = 0.2 * factor, 0.2
        expected = gain / (gain + loss) * -np.expm1(-(gain + loss) * 4.0)
        np.testing.assert_allclose(got[where], expected, rtol=1e-9)


def test_an_instant_variable_and_its_readers() -> None:
    """Evaluated at the start of the last step, from the relaxing variable as it stood then."""
    got = variables(change("variable: instant"), hours=2.0)["instant"]
    before = 0.8 * -np.expm1(-110.0 / 120.0)
    np.testing.assert_allclose(got, np.where(LEFT, 0.25, 1.0) * (0.5 + before), rtol=1e-9)


@pytest.mark.parametrize(
    ("what", "changed"),
    [("X", ("sensing", "excess")), ("excess X", ("excess",)), ("contact with cell", ("contact",))],
)
def test_what_is_sensed(what: str, changed: tuple[str, ...]) -> None:
    """A cytokine names its receptor, with every signal it gives; a signal names itself alone."""
    bolus = "infuse: {cytokine: X, dose: 8e-4 pg, route: local, site: whole, at: 0 h}"  # + 50 pg/ml
    free = variables(bolus, hours=1.0)
    blocked = variables(bolus, change(f"sensing: {what}"), hours=1.0)
    assert all(np.all(free[name] > 0.9) for name in ("sensing", "excess", "contact"))
    for name in ("sensing", "excess", "contact", "relaxing", "gaining", "instant"):
        expected = np.where(LEFT, 0.25, 1.0) if name in changed else np.ones(10)
        np.testing.assert_allclose(blocked[name], expected * free[name], rtol=1e-12, err_msg=name)


@pytest.mark.boundscheck
def test_a_block_of_a_gradient_and_of_the_way_along_it() -> None:
    """`sensing: X` takes the gradient from the rules and the walk, its `gradient` from the rules only."""
    walker = """
cytokines: {X: {diffusion: 0.001 um^2/s, half_life: none, baseline: 10 pg/ml, sensing_floor: 1 pg/ml}}
cell_types:
  walker:
    radius: 2 um
    density: 2e5 /mm^3
    variables: {slope: {equals: {adds: [{signal: relative gradient of X, amount: 1, per: 1 /um}]}}}
    behaviours:
      migration speed: 0.2 um/min
      migration bias: 1
      persistence time: 0 min
      chemotactic sensitivity to X: 1
"""
    text = BOX + walker
    bolus = "infuse: {cytokine: X, dose: 1 pg, route: local, site: left, at: 0 h}"
    drift: dict[str, float] = {}
    for name, line in {
        "free": "modify: {of: walker, behaviour: migration speed, by: 1}",
        "gradient": "modify: {of: walker, sensing: relative gradient of X, by: 0}",
        "receptor": "modify: {of: walker, sensing: X, by: 0}",
        "sensitivity": "modify: {of: walker, behaviour: chemotactic sensitivity to X, by: 0}",
    }.items():
        m = with_interventions(text, bolus, line)
        state = new_state(m)
        before = state.cells.position[:, 0].copy()
        for _ in range(12):
            step(m, state)
        middle = (before > 40.0) & (before < 60.0)  # one voxel beside the edge of what was given
        drift[name] = float((state.cells.position[:, 0] - before)[middle].mean())
        blocked = name in ("gradient", "receptor")
        assert np.all(state.cells.variables[:, 0] == 0.0) == blocked
    assert drift["free"] < -5.0 and drift["gradient"] == drift["free"]
    assert abs(drift["receptor"]) < 5.0 and drift["receptor"] == drift["sensitivity"]


@pytest.mark.boundscheck
def test_basal_production_without_a_rule_of_its_own() -> None:
    """The tissue makes half as much on the left: half the baseline there; compartments keep theirs."""
    text = (
        BOX
        + """
cytokines: {X: {diffusion: 0 um^2/s, half_life: 10 min, baseline: 80 pg/ml}}
compartments: {csf: {volume: 1 ul, half_life: 1 h}}
"""
    )
    m = with_interventions(
        text, "modify: {of: tissue, behaviour: production of X, by: 0.5, site: left, since: 1 h}"
    )
    seen, state = history(m, 9 * HOUR)
    np.testing.assert_allclose(seen[6, 0], 80.0, rtol=1e-12)
    np.testing.assert_allclose(seen[-1, 0], np.where(LEFT, 40.0, 80.0), rtol=1e-9)
    assert state.reservoirs.c[0, 0] == pytest.approx(80.0, rel=1e-12)
    made = np.log(2.0) / 10.0 * 80.0 * 10.0 * (6 * 10 + 48 * (4 * 0.5 + 6))
    assert state.budget.sourced[0] == pytest.approx(float(amount(made, ECS_VOLUME / 10)), rel=1e-9)


# -------------------------------------------------------------------------------- cells that wait

WAITING = (
    BOX
    + """
cytokines: {X: {diffusion: 0 um^2/s, half_life: none}}
compartments: {csf: {volume: 1 ul, half_life: none}}
routes: {intrathecal: {compartment: csf}}
cell_types:
  msc:
    radius: 4 um
    compartments:
      csf: {lifetime: 1e9 d, homing_fraction: 0, behaviours: {secretion of X: 1 fg/day}}
"""
)
DOSE = "inject_cells: {type: msc, dose: 1440, route: intrathecal, at: 0 h}"


@pytest.mark.parametrize(
    ("line", "factor"),
    [
        ("of: msc, behaviour: secretion of X, by: 0.25", 0.25),
        ("of: all, behaviour: secretion of X, by: 0.25", 0.25),
        ("of: msc, behaviour: secretion of X, by: 0.25, site: left", 1.0),
        ("of: msc, behaviour: secretion of X, by: 0.25, since: 1 h, until: 2 h", 1.0 - 0.75 / 3.0),
    ],
)
def test_waiting_cells_are_changed_unless_a_region_is_named(line: str, factor: float) -> None:
    """1440 cells in the CSF make 1 fg/min together; no region reaches them."""
    m = with_interventions(WAITING, DOSE, f"modify: {{{line}}}")
    _, state = history(m, 3 * HOUR)
    assert state.budget.produced[0, 0] == pytest.approx(180.0 * factor, rel=1e-6)


def test_entry_of_waiting_cells_is_a_behaviour() -> None:
    entering = WAITING.replace("homing_fraction: 0", "homing_fraction: 100 %").replace(
        "{secretion of X: 1 fg/day}", "{entry: 5 /h}"
    )
    few = DOSE.replace("1440", "8")
    _, free = history(with_interventions(entering, few), 2 * HOUR)
    _, blocked = history(
        with_interventions(entering, few, "modify: {of: msc, behaviour: entry, by: 0}"), 2 * HOUR
    )
    assert free.counters["entered"][0] == 8 and blocked.counters["entered"][0] == 0


# ---------------------------------------------------------------------------- in the default tissue


def changed(line: str, days: float = 0.5, arm: str = "cci") -> tuple[Model, State]:
    text = SMALL.replace(f"  {arm}: {{}}", f"  {arm}: {{interventions: [{{modify: {{{line}}}}}]}}")
    m = model(text, arm)
    return m, advance(m, days=days)


def test_silenced_microglia_make_no_tnf() -> None:
    """What is left of TNF's sources comes from other cells and the tissue."""
    m, silent = changed("of: microglia, behaviour: secretion of TNF-a, by: 0")
    control = advance(model(SMALL, "cci"), days=0.5)
    f = m.names.cytokines.index("TNF-a")
    basal = m.fields.production[f].mean() * 720 * m.grid.n_voxel * m.fields.system.voxel_volume * 1e-9
    assert silent.budget.sourced[f] < control.budget.sourced[f]
    # Basal production is fixed; astrocytes add a little in half a day.
    assert 0.0 <= silent.budget.sourced[f] - basal < 0.2 * (control.budget.sourced[f] - basal)


@pytest.mark.parametrize(
    "line",
    [
        "of: microglia, behaviour: division, by: 0",
        "of: t_cell, behaviour: arrival, by: 0, site: site",
        "of: [microglia, astrocyte], sensing: TNF-a, by: 0.5",
        "of: all, sensing: IL-1b, by: 0",
        "of: neuron, variable: nociception, by: 0.5",
        "of: msc, behaviour: entry, by: 0",
        "of: msc, sensing: CXCL12, by: 0",
        "of: tissue, sensing: mean activation of microglia, by: 0",
    ],
)
def test_changes_of_the_default_tissue_are_accepted_and_run(line: str) -> None:
    m, state = changed(line, days=0.05)
    assert len(m.treatment.modifiers) == 1 and state.tick > 0


def test_a_change_is_told_in_words() -> None:
    m = with_interventions(
        BOX + SOURCE, "modify: {of: source, behaviour: secretion of X, by: 0.1, since: 20 min}"
    )
    state = new_state(m)
    told = [[given.text for given in step(m, state)] for _ in range(4)]
    assert told == [[], [], ["secretion of X of source x 0.1"], []]
