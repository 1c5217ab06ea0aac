"""Rules files of PhysiCell through the loader, the compiler and the kernel, against the twin of PhysiCell."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.errors import ScenarioError
from abm.scenario.load import load_experiment
from tests.reference.compiled_response import PROBE, kernel_values
from tests.reference.physicell import Ruleset, StopsError

#: Signal as the rules spell it -> as the probe reads it.
SIGNALS = {
    **{name: name for name in ("X", "Y")},
    **{f"custom:{name}": f"own {name}" for name in "abcd"},
    **{f"custom: {name}": f"own {name}" for name in "ab"},
}
CYCLE = ("cycle entry", "exit from cycle phase 0")
Line = tuple[Any, ...]


def text_of(lines: Sequence[Line]) -> str:
    return "".join(",".join(map(str, ("probe", *line))) + "\n" for line in lines)


def here(text: str, base: float, mode: str, readings: Sequence[Mapping[str, float]]) -> list[float]:
    """Division of the probe [1/min] under the rules; readings by the probe's names."""
    with tempfile.TemporaryDirectory() as folder:
        rules = f"physicell_rules: {{file: rules.csv, mode: {mode}, density: 1 pg/ml}}\n"
        behaviours = f"    behaviours: {{division: {base!r} /min}}\n"
        Path(folder, "rules.csv").write_text(text, encoding="utf-8")
        Path(folder, "probe.yaml").write_text(PROBE + behaviours + rules, encoding="utf-8")
        scenario = load_experiment(Path(folder, "probe.yaml")).base
    return kernel_values(scenario.cell_types["probe"].behaviours["division"], readings)


def there(text: str, base: float, readings: Sequence[Mapping[str, float]]) -> list[float]:
    """The same in PhysiCell."""
    rules = Ruleset(dict.fromkeys(CYCLE, base)).read(text)
    spelt = [{name: signals[probe] for name, probe in SIGNALS.items()} for signals in readings]
    return [rules.value(CYCLE, signals) for signals in spelt]


values = st.one_of(st.just(0.0), st.floats(1e-6, 1e3))
positive = st.floats(1e-3, 1e3)
powers = st.sampled_from([1, 2, 4, 8, 10, "0.5", "1.5", "3.0"])
readings = st.fixed_dictionaries(dict.fromkeys(dict.fromkeys(SIGNALS.values()), st.floats(0.0, 1e4)))
many_readings = st.lists(readings, min_size=1, max_size=4)


@st.composite
def strict_rules(draw: st.DrawFn) -> tuple[float, list[Line]]:
    """A base and rules whose saturations agree on each side."""
    low, base, high = sorted(draw(st.tuples(values, values, values)))
    lines: list[Line] = []
    for direction, limit in (("increases", high), ("decreases", low)):
        names = draw(st.lists(st.sampled_from(list(SIGNALS)[:6]), unique=True, max_size=4))
        lines += [(s, direction, CYCLE[0], limit, draw(positive), draw(powers), 0) for s in names]
    return base, draw(st.permutations(lines))


@given(strict_rules(), many_readings)
@settings(max_examples=50)
def test_strict_rules_give_the_numbers_of_physicell(
    rules: tuple[float, list[Line]], at: list[dict[str, float]]
) -> None:
    base, lines = rules
    text = text_of(lines)
    assert here(text, base, "strict", at) == pytest.approx(there(text, base, at), rel=1e-12, abs=1e-300)


numbers = st.one_of(positive, st.builds("{:.3e}".format, positive), st.builds("{:.3f}junk".format, positive))
saturations = st.one_of(values, st.sampled_from(["abc", "1e1,", " 5", "0.5 /min", ""]))
any_line = st.tuples(
    st.sampled_from(list(SIGNALS)),
    st.sampled_from(
        ["increases", "decreases", "increases", "decreases", "increase", "promotes", "Increases"]
    ),
    st.sampled_from([CYCLE[0], CYCLE[0], CYCLE[0], CYCLE[1]]),
    saturations,
    numbers,
    powers,
    st.sampled_from([0, 0, 0, 1, "true", "0.5", "0,"]),
)


@given(values, st.lists(any_line, max_size=8), many_readings)
@settings(max_examples=80)
def test_compatible_rules_give_the_numbers_of_physicell(
    base: float, lines: list[Line], at: list[dict[str, float]]
) -> None:
    """Whatever the file says: the same numbers, or a fault where PhysiCell stops."""
    text = text_of(lines)
    try:
        want = there(text, base, at)
    except StopsError:
        with pytest.raises(ScenarioError, match="PhysiCell stops at this"):
            here(text, base, "physicell-compat", at)
        return
    assert here(text, base, "physicell-compat", at) == pytest.approx(want, rel=1e-12, abs=1e-300)


@given(values, st.lists(any_line, min_size=1, max_size=5), many_readings)
@settings(max_examples=60)
def test_what_strict_accepts_has_the_numbers_of_physicell(
    base: float, lines: list[Line], at: list[dict[str, float]]
) -> None:
    """No trap passes: a file is faulty, or both programs agree on it."""
    text = text_of(lines)
    try:
        got = here(text, base, "strict", at)
    except ScenarioError:
        return
    assert got == pytest.approx(there(text, base, at), rel=1e-12, abs=1e-300)


# ---------------------------------------------------------------------------- PhysiCell's own figures


@pytest.mark.parametrize("mode", ["strict", "physicell-compat"])
@pytest.mark.parametrize(
    ("oxygen", "pressure", "want"),
    [
        (38, 0, 3.0262948492e-03),
        (38, 0.5, 2.8482775052e-03),
        (38, 1, 1.5131474246e-03),
        (21.5, 0, 1.683165e-03),
        (5, 0, 4.2953393134e-05),
        (0, 0, 3.333e-05),
    ],
)
def test_cycle_entry(mode: str, oxygen: float, pressure: float, want: float) -> None:
    """Figures of PhysiCell 1.14.2, to the digits it prints."""
    text = text_of(
        [
            ("X", "increases", "cycle entry", "0.003333", "21.5", "4", "0"),
            ("custom:a", "decreases", "cycle entry", "0", "1", "4", "0"),
        ]
    )
    at = [{"X": oxygen, "own a": pressure}]
    assert here(text, 3.333e-5, mode, at) == pytest.approx([want], rel=1e-9, abs=0.0)


def test_two_signals_at_half_max() -> None:
    text = text_of([(s, "increases", "cycle entry", 1, 0.25, 4, 0) for s in ("X", "Y")])
    assert here(text, 0.0, "strict", [{"X": 0.25, "Y": 0.25}]) == pytest.approx([2 / 3], rel=1e-12)


def test_increase_to_below_the_base() -> None:
    text = text_of([("X", "increases", "cycle entry", 0.2, 5, 1, 0)])
    assert here(text, 1.0, "physicell-compat", [{"X": 5}]) == pytest.approx([0.6], rel=1e-12)
    with pytest.raises(ScenarioError, match="below the base value"):
        here(text, 1.0, "strict", [])


def test_hill_value_beyond_half_max() -> None:
    text = text_of([("X", "increases", "cycle entry", 1, 0.5, 3, 0)])
    assert here(text, 0.0, "strict", [{"X": 1.0}]) == pytest.approx([0.8888888889], rel=1e-9)


def test_one_signal_may_raise_and_lower() -> None:
    text = text_of(
        [
            ("X", "increases", "cycle entry", 1, 0.1, 4, 0),
            ("X", "decreases", "cycle entry", 0, 1, 4, 0),
        ]
    )
    got = here(text, 0.0, "strict", [{"X": s} for s in (0.1, 0.3, 1.0, 3.0)])
    assert got == pytest.approx([0.499950, 0.979868, 0.499950, 0.012195], abs=5e-7)
