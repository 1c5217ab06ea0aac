"""The formulas that documents print are those that are simulated: they are evaluated and compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.scenario.load import load_experiment
from abm.scenario.odd_formulas import drive_formula, formulas, variable_formulas
from abm.scenario.schema import CellType, Drive, Response
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import responses
from abm.units import BY_POWERS, parse
from tests.reference.responses import response_value

QUANTITY = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?(?:e[+-]?\d+)?) ((?:/|%|[a-zA-Z])[\w/^%]*)")


def internal(found: re.Match[str]) -> str:
    measure = parse(found[0])
    return repr(measure.in_unit_of(BY_POWERS[measure.exponents]))


def hill(s: float, h: float, n: float = 1.0) -> float:
    return (s / h) ** n / (1.0 + (s / h) ** n)


def evaluated(lines: list[str], signals: dict[str, float], rest: dict[str, float]) -> float:
    """Value of a printed formula; `rest` are the signals at the baselines, for R[...]."""
    names = sorted(signals, key=len, reverse=True)
    texts: dict[str, str] = {}
    for line in lines:
        left, _, right = line.strip().partition(" = ")
        for i, name in enumerate(names):
            right = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"x{i}_", right)
        right = QUANTITY.sub(internal, right).replace(";", ",").replace("^", "**")
        texts[left] = re.sub(r"R\[(.*?)\]", r"R('\1')", right)

    def value(text: str, given: dict[str, float]) -> float:
        known: dict[str, Any] = {f"x{i}_": given[name] for i, name in enumerate(names)}
        known |= {"H": hill, "min": min, "max": max, "R": rested}
        for symbol in ("S", "B", "D", "U"):
            if symbol in texts and re.search(rf"\b{symbol}\b", text):
                known[symbol] = value(texts[symbol], given)
        return float(eval(text, {}, known))

    def rested(text: str) -> float:
        x, x0 = value(text, signals), value(text, rest)
        return max(0.0, (x - x0) / (1.0 - x0))

    return value(texts[next(iter(texts))], signals)


def printed_and_simulated(
    response: Response, baselines: dict[str, float], seed: int
) -> tuple[list[float], list[float]]:
    """Values of the printed formula and of the readable twin, for weak, middling and strong signals."""
    rng = np.random.default_rng(seed)
    names = sorted({term.signal for _, _, term in response.terms()})
    marked = {term.signal for _, _, term in response.terms() if getattr(term, "above_baseline", False)}
    printed, simulated = [], []
    for scale in (0.01, 1.0, 300.0):
        signals = {name: float(scale * rng.random()) for name in names}
        # Rest is the state in which only the marked cytokines are there, at their baselines.
        rest = {name: baselines.get(name, 0.0) if name in marked else 0.0 for name in names}
        printed.append(evaluated(formulas("value", response), signals, rest))
        simulated.append(response_value(response, signals, baselines))
    return printed, simulated


def test_every_rule_of_the_shipped_scenarios(root: Path) -> None:
    compared = 0
    for file in sorted(root.glob("scenarios/*.yaml")):
        scenario = load_experiment(file).base
        baselines = {name: float(one.baseline) for name, one in scenario.cytokines.items()}
        for place in responses(scenario, vocabulary_of(scenario)):
            printed, simulated = printed_and_simulated(place.response, baselines, compared)
            assert printed == pytest.approx(simulated, rel=1e-9, abs=1e-15), formulas("value", place.response)
            compared += 1
    assert compared > 60


RULES: dict[str, dict[str, Any]] = {
    "constant": {"base": "3 /h"},
    "nothing": {"base": 0},
    "adds Hill": {"adds": [{"signal": "IL-1b", "amount": 2, "half_max": "30 pg/ml", "hill_power": 1.5}]},
    "adds above baseline": {
        "base": 1,
        "adds": [{"signal": "IL-1b", "amount": 2, "half_max": "30 pg/ml", "above_baseline": True}],
    },
    "adds negative": {"base": 5, "adds": [{"signal": "own a", "amount": -0.5, "per": 3}]},
    "up and down": {
        "base": "1 um/min",
        "increases": [
            {"signal": "own a", "to": "5 um/min", "half_max": 2, "hill_power": 2},
            {"signal": "own b", "to": "4 um/min", "half_max": 3},
        ],
        "decreases": [{"signal": "own c", "to": "0.5 um/min", "half_max": 0.2}],
        "brakes": [{"signal": "own d", "half_max": 7}],
    },
    "joint": {
        "base": 0.5,
        "joint_power": 3,
        "increases": [
            {"signal": "own a", "to": 1, "half_max": 2},
            {"signal": "own b", "to": 1, "half_max": 1},
        ],
        "decreases": [{"signal": "own c", "to": 0, "half_max": 2}],
        "brakes": [{"signal": "own d", "half_max": 7}, {"signal": "IL-10", "half_max": "9 pg/ml"}],
    },
    "linear": {
        "base": 2,
        "increases": [{"signal": "own a", "to": 8, "full": 4}],
        "decreases": [{"signal": "own b", "to": 1, "full": 50}],
    },
    "above baseline": {
        "base": 1,
        "decreases": [
            {"signal": "TGF-b1", "to": 0.2, "half_max": "70 pg/ml", "hill_power": 2, "above_baseline": True}
        ],
    },
    "factors": {
        "base": "4 fg/day",
        "adds": [{"signal": "own a", "amount": "1 fg/day", "per": 1}],
        "times": [
            {"signal": "own b"},
            {"signal": "own c", "per": 2},
            {"signal": "own d", "limit": 500},
            {"signal": "IL-10", "half_max": "9 pg/ml", "hill_power": 2},
        ],
        "divided_by": [
            {"signal": "IL-1b", "half_max": "3 pg/ml", "hill_power": 2},
            {"signal": "own e", "half_max": 5},
        ],
    },
    "lowered from a sum": {
        "base": 1,
        "adds": [{"signal": "own a", "amount": 1, "per": 1}],
        "decreases": [{"signal": "own b", "to": 0, "half_max": 2}],
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_every_form_of_a_rule(rule: str) -> None:
    baselines = {"IL-1b": 50.0, "TGF-b1": 100.0, "IL-10": 20.0}
    printed, simulated = printed_and_simulated(Response(**RULES[rule]), baselines, len(rule))
    assert printed == pytest.approx(simulated, rel=1e-9, abs=1e-15)


def test_formulas_read_well() -> None:
    assert formulas("division", Response(base="0.1 /h")) == ["division = 0.1 /h"]
    assert formulas("v", Response(**RULES["above baseline"])) == [
        "v = 1 + (0.2 - 1) * R[D/(D + 1)]",
        "  D = (TGF-b1/(70 pg/ml))^2",
    ]
    assert formulas("v", Response(base=1, times=[{"signal": "own a"}])) == ["v = own a"]


def test_kinetics_of_variables() -> None:
    def lines(**definition: Any) -> list[str]:
        cell = CellType(radius="5 um", variables={"a": definition})
        return variable_formulas("a", cell.variables["a"])

    assert lines(value=3) == ["a = 3"]
    assert lines(equals=2) == ["a = 2"]
    assert lines(target=1, time_constant="3 h") == ["d(a)/dt = (T - a)/(3 h)", "  T = 1"]
    assert lines(target=1, rise="3 h", fall="1 d")[0].endswith("tau = 3 h if T > a, else 1 d")
    assert lines(gain="1 /h", loss_time="2 h") == ["d(a)/dt = G * (1 - a) - a/(2 h)", "  G = 1 /h"]


def test_drives() -> None:
    assert drive_formula("x", Drive()) == "x(t) = 1"
    assert drive_formula("x", Drive(amplitude=2, decay="3 h")) == "x(t) = 2 * exp(-t/(3 h))"
    full = drive_formula("x", Drive(rise="1 h", off="2 d", off_width="1 d"))
    assert full == "x(t) = (1 - exp(-t/(1 h))) * 1/(1 + exp((t - 2 d)/(1 d)))"
