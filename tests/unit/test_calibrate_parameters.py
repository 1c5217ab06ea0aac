"""Free parameters: ranges, scales, priors, and the values they put into a scenario."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from abm.calibrate.load import load_problem
from abm.calibrate.parameters import FLAT_SD, Parameter, Prior, numbers_at, positions_of, settings_at
from abm.calibrate.places import PlaceError, value_at, with_values
from abm.scenario.load import load_experiment
from tests.calibration_toy import PARAMETERS, write_toy

FACTOR = "{factor_of: [injury_kinds.wound.releases.0.rate, cytokines.A.half_life], scale: log}"
EXCITATION = ("cell_types", "neuron", "variables", "excitation", "target")


def parameter(tmp_path: Path, text: str) -> Parameter:
    return load_problem(write_toy(tmp_path, {"p": text})).parameters[0]


def test_the_range_is_that_of_the_library_unless_given(tmp_path: Path) -> None:
    whole = parameter(tmp_path / "a", "{path: cytokines.A.half_life}")
    part = parameter(tmp_path / "b", "{path: cytokines.A.half_life, low: 0.5 h, high: 100 min}")
    assert (whole.low, whole.high, whole.start, whole.unit) == (20.0, 200.0, 60.0, "min")
    assert (part.low, part.high) == (30.0, 100.0)


def test_a_factor_keeps_every_value_in_its_range(tmp_path: Path) -> None:
    # Rate 0.5 to 10 around 2, half-life 20 to 200 around 60: factors 1/4 to 5 and 1/3 to 10/3.
    tied = parameter(tmp_path, FACTOR)
    assert (tied.low, tied.high) == pytest.approx((1 / 3, 10 / 3), rel=1e-11)
    set_to = tied.settings(2.0)
    assert [value.given for value in set_to.values()] == ["4 pg/ml/min", "120 min"]


@pytest.mark.parametrize(
    ("scale", "middle"), [("linear", 110.0), ("log", math.sqrt(20.0 * 200.0))], ids=["linear", "log"]
)
def test_positions_and_numbers(tmp_path: Path, scale: str, middle: float) -> None:
    one = parameter(tmp_path, f"{{path: cytokines.A.half_life, scale: {scale}}}")
    assert (one.number(0.0), one.number(1.0)) == (20.0, 200.0)
    assert one.number(0.5) == pytest.approx(middle, rel=1e-7)
    for u in (0.0, 0.123, 0.9, 1.0):
        assert one.position(one.number(u)) == pytest.approx(u, abs=1e-7)


def test_what_is_simulated_is_what_the_file_will_say(tmp_path: Path) -> None:
    """The internal value at any position is that of a scenario loaded with the written text, bit by bit."""
    write_toy(tmp_path)
    problem = load_problem(tmp_path / "fit.yaml")
    rng = np.random.default_rng(1)
    for _ in range(5):
        numbers = numbers_at(problem.parameters, rng.random(3).tolist())
        settings = settings_at(problem.parameters, numbers)
        sets = [f"{'.'.join(map(str, path))}={value.given}" for path, value in settings.items()]
        loaded = load_experiment(tmp_path / "wound.yaml", sets)
        for arm in problem.plans:
            scenario = problem.experiment.arms[arm]
            values = {value_at(scenario, path)[0]: value for path, value in settings.items()}
            assert with_values(scenario, values) == loaded.arms[arm]
        assert numbers_at(problem.parameters, positions_of(problem.parameters, numbers).tolist()) == numbers


def test_an_arm_with_its_own_value_does_not_follow(tmp_path: Path) -> None:
    rows = [(0.25, arm, "A", "T", 1.0) for arm in ("wound", "half")]
    amplitude = "{path: injury_kinds.wound.drives.acute.amplitude}"
    problem = load_problem(write_toy(tmp_path, {"amplitude": amplitude}, rows=rows))
    assert {arm: len(found) for arm, found in problem.places.items()} == {"wound": 1, "half": 0}
    # So its run is the same at all points.
    keys = [{key for key in problem.runs((x,)) if key[0] == "half"} for x in (0.5, 2.0)]
    assert keys[0] == keys[1]


def test_a_parameter_of_one_arm(tmp_path: Path) -> None:
    rows = [(0.25, arm, "A", "T", 1.0) for arm in ("wound", "half")]
    own = {"own": "{path: arms.half.cytokines.A.half_life}"}
    problem = load_problem(write_toy(tmp_path, own, rows=rows))
    assert {arm: len(found) for arm, found in problem.places.items()} == {"wound": 0, "half": 1}
    assert problem.parameters[0].low == 20.0


def test_an_entry_of_a_list_in_one_arm(tmp_path: Path) -> None:
    rows = [(0.25, arm, "A", "T", 1.0) for arm in ("wound", "half")]
    own = {"own": "{path: arms.half.injury_kinds.wound.releases.0.rate}"}
    problem = load_problem(write_toy(tmp_path, own, rows=rows))
    assert {arm: len(found) for arm, found in problem.places.items()} == {"wound": 0, "half": 1}


def test_a_bare_value_is_the_base_of_a_response(tmp_path: Path) -> None:
    fits = {
        name: {"p": f"{{path: cell_types.neuron.behaviours.clearance{end}}}"}
        for name, end in (("short", ""), ("long", ".base"))
    }
    for name, parameters in fits.items():
        problem = load_problem(write_toy(tmp_path / name, parameters))
        (place,) = problem.parameters[0].places
        assert place.path == ("cell_types", "neuron", "behaviours", "clearance")
        assert place.leaf[-1] == "base"


def test_values_at_paths(tmp_path: Path) -> None:
    write_toy(tmp_path)
    scenario = load_experiment(tmp_path / "wound.yaml").base
    path, value = value_at(scenario, (*EXCITATION, "adds", "0", "amount"))
    assert path == (*EXCITATION, "adds", 0, "amount") and value == 1.0
    changed = with_values(scenario, {path: value.in_mass(1.0).__class__(3.0, unit="1")})
    assert value_at(changed, path)[1] == 3.0
    assert value_at(scenario, path)[1] == 1.0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("cytokines.B.half_life", "no 'B' in 'cytokines'; known: A"),
        ("cytokines.A.halflife", "did you mean 'half_life'"),
        ("cytokines.A", "is no value; it has"),
        ("cytokines.A.half_life.low", "is a part of the value"),
        ("cytokines.A.half_life.x", "is a value and has no 'x'"),
        ("cytokines.A.molar_mass", "is not set in this scenario"),
        ("time.duration", "part of the set-up"),
        ("cytokines.A.label", "no value with a unit"),
        ("injury_kinds.wound.releases.1.rate", "a list with entries 0 to 0; given: '1'"),
        ("injury_kinds.wound.releases.x.rate", "a list with entries 0 to 0; given: 'x'"),
        ("cytokines.A.__class__", "no '__class__' in 'cytokines.A'"),
    ],
)
def test_paths_without_a_value(tmp_path: Path, path: str, message: str) -> None:
    write_toy(tmp_path)
    scenario = load_experiment(tmp_path / "wound.yaml").base
    with pytest.raises(PlaceError, match=message):
        value_at(scenario, tuple(path.split(".")))


def test_priors_integrate_to_one() -> None:
    u = np.linspace(0.0, 1.0, 20_001)
    for prior in (Prior(), Prior(0.5, 0.1), Prior(0.0, 0.3), Prior(1.0, 5.0)):
        assert np.trapezoid(prior.density(u), u) == pytest.approx(1.0, abs=1e-3)
    assert Prior().sd == FLAT_SD
    # Narrow: that of the normal distribution; wide: nearly flat.
    assert Prior(0.5, 0.05).sd == pytest.approx(0.05, rel=1e-3)
    assert Prior(0.5, 20.0).sd == pytest.approx(FLAT_SD, rel=1e-3)


def test_priors_on_both_scales(tmp_path: Path) -> None:
    linear = "{path: cytokines.A.half_life, prior: {normal: {mean: 1 h, sd: 18 min}}}"
    log = "{path: cytokines.A.half_life, scale: log, prior: {lognormal: {median: 60 min, factor: 2}}}"
    a, b = parameter(tmp_path / "a", linear), parameter(tmp_path / "b", log)
    assert (a.prior.centre, a.prior.spread) == pytest.approx((40 / 180, 18 / 180))
    assert b.number(b.prior.centre) == pytest.approx(60.0, rel=1e-6)
    assert b.number(b.prior.centre + b.prior.spread) == pytest.approx(120.0, rel=1e-6)


def test_the_same_value_twice_is_refused_however_it_is_written(tmp_path: Path) -> None:
    from abm.errors import ScenarioError

    twice = {**PARAMETERS, "again": '{path: cytokines."A".half_life}'}
    with pytest.raises(ScenarioError, match=r"'cytokines.A.half_life' is set by the parameter 'half_life'"):
        load_problem(write_toy(tmp_path, twice))
