"""The explanation of one cell against what the engine computes, and against the readable twin."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abm.engine.step as engine_step
from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.sites import values_at
from abm.engine.state import State
from abm.errors import RecordError
from abm.record.reader import open_run
from abm.scenario.load import load_experiment_text
from abm.scenario.schema.responses import Response
from abm.state.cells import TISSUE
from abm.state.kinds import BehaviourKind
from abm.state.tables import Target
from abm.study.moment import How, Moment, advance, exact_state, moment_at, recorded_model
from abm.study.runner import run_experiment
from abm.study.why import Explanation, cells_at, explain, why
from abm.study.why_names import column_text, signal_text
from tests.e2e.command_line import TINY, abm_here
from tests.reference.responses import response_value

# Some of every kind from the start, and some that die.
CROWD = """
cell_types:
  t_cell: {density: 4000 /mm^3}
  msc: {density: 2000 /mm^3}
  microglia: {behaviours: {phagocytosis of dead cells: 0.01 /h}}
  astrocyte: {behaviours: {death: 0.1 /h}}
"""
# A second arm whose cells are changed by interventions and by a drug.
CHANGED = """\
  changed:
    interventions:
      - modify: {of: [microglia, neuron], sensing: TGF-b1, by: 0.2, since: 30 min, site: site}
      - modify: {of: all, behaviour: secretion of IL-1b, by: 3, since: 30 min}
      - modify: {of: neuron, variable: slow, by: 0.5}
      - drug: {name: potion, dose: 1 mg, at: 1 h}
replicates: 2
"""
DRUG = """
drugs:
  potion:
    volume: 1 ml
    half_life: 2 h
    effects: [{of: microglia, behaviour: division, by: 0, half_max: 100 ng/ml}]
"""
SETS = ("time.duration=12 h", "record.checkpoint=4 h", "record.cells=1 h", "record.fields=1 h")
DAY = 1 / 24  # an hour


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("cells", tmp_path_factory.mktemp("why"))


@pytest.fixture(scope="module")
def changed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("changed", tmp_path_factory.mktemp("why"))


def made(arm: str, folder: Path) -> Path:
    text = TINY.replace("replicates: 2\n", CHANGED) + CROWD + DRUG
    experiment = load_experiment_text(text, "tiny", SETS)
    (result,) = run_experiment(experiment, folder, arms=[arm], replicates=1)
    assert result.status == "complete", result.message
    return result.path


@dataclass
class Seen:
    """What the engine held when it went on from responding to the fields."""

    model: Model
    state: State
    behaviours: np.ndarray
    drift: np.ndarray


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, float], Seen]:
    """The responses of the step that begins at a time, as `step` itself computes them."""

    def look(path: Path, day: float) -> Seen:
        with open_run(path) as run:
            model = recorded_model(run)
            state, _ = exact_state(run, model, 0)
        advance(model, state, round(day * 1440 / model.clock.tick))
        kept: list[Seen] = []
        respond_all = engine_step.respond_all

        def note(model: Model, state: State) -> tuple[Any, Any]:
            behaviours, drift = respond_all(model, state)
            cells = state.cells._replace(variables=state.cells.variables.copy())
            arrays = checkpoint.save(state)
            frozen = checkpoint.restore(model, arrays)
            frozen.here = state.here._replace(
                **{
                    name: np.array(value)
                    for name, value in state.here._asdict().items()
                    if isinstance(value, np.ndarray)
                }
            )
            frozen.cells = cells
            kept.append(Seen(model, frozen, behaviours.copy(), drift.copy()))
            return behaviours, drift

        with monkeypatch.context() as patch:
            patch.setattr(engine_step, "respond_all", note)
            engine_step.step(model, state)
        return kept[0]

    return look


def rows_of_every_type(model: Model, state: State) -> list[int]:
    """Row of the first live cell of each type in the tissue."""
    cells = state.cells
    rows = []
    for k in range(len(model.names.cell_types)):
        found = np.flatnonzero((cells.type == k) & (cells.place == TISSUE) & (cells.dead == 0))
        rows += found[:1].tolist()
    return rows


@pytest.mark.parametrize("hours", [0, 1, 2, 11])
def test_values_are_those_the_engine_computes(
    run_file: Path, seen: Callable[[Path, float], Seen], hours: int
) -> None:
    """For every response of one cell of each type, bit by bit; doses are due at hours 1 and 2."""
    explained, computed = values_of_every_type(run_file, seen(run_file, hours * DAY), hours)
    assert explained == computed


def test_factors_of_interventions_are_among_the_signals(
    changed_file: Path, seen: Callable[[Path, float], Seen]
) -> None:
    explained, computed = values_of_every_type(changed_file, seen(changed_file, 4 * DAY), 4)
    assert explained == computed
    found = {}
    for cell_type in ("microglia", "neuron"):
        cell = first_id(changed_file, cell_type, 4)
        explanation = why(changed_file, cell, 4 * DAY, how=How.EXACT)
        found |= {(r.name, c.signal): (r, c) for r in explanation.responses for c in r.contributions}
    secretion, factor = found["secretion of IL-1b", "secretion of IL-1b of all x 3"]
    assert factor.value == 3.0
    assert factor.without == pytest.approx(secretion.value / 3.0)
    division, drug = found["division", "potion: division of microglia x 0"]
    assert 0.0 < drug.value < 0.1
    assert drug.without * drug.value == pytest.approx(division.value)
    assert ("gate", "TGF-b1, sensing of TGF-b1 of microglia, neuron x 0.2") in found
    assert found["slow", "slow of neuron x 0.5"][1].value == 0.5


Values = dict[str, dict[str, float]]  # of the responses of one cell of each type


def values_of_every_type(run_file: Path, engine: Seen, hours: int) -> tuple[Values, Values]:
    """What is explained and what the engine computed, for one cell of each type."""
    model, cells = engine.model, engine.state.cells
    rows = rows_of_every_type(model, engine.state)
    assert len(rows) == 5
    moment = moment_at(run_file, hours * DAY, How.EXACT)
    assert moment.exact
    explained: Values = {}
    computed: Values = {}
    for row in rows:
        with open_run(run_file) as run:
            found = explain(run, fresh(moment), int(cells.id[row]))
        k = int(cells.type[row])
        assert found.cell_type == model.names.cell_types[k]
        expected = {}
        table = model.responses
        for r in range(table.group_first[k], table.group_first[k + 1]):
            slot, target = int(table.slot[r]), Target(int(table.target[r]))
            if target is Target.BEHAVIOUR:
                expected[column_text(model, slot, k)] = float(engine.behaviours[row, slot])
            else:
                values = cells.variables if target is Target.INSTANT else engine.drift
                expected[model.names.variables[k][slot]] = float(values[row, slot])
        assert len(expected) >= 3
        assert all(r.uncertainty == 0.0 for r in found.responses)
        explained[found.cell_type] = {r.name: r.value for r in found.responses}
        computed[found.cell_type] = expected
    return explained, computed


def fresh(moment: Moment) -> Moment:
    """The same moment with a state of its own."""
    state = checkpoint.restore(moment.model, checkpoint.save(moment.state))
    return Moment(moment.model, state, moment.origin, moment.exact, moment.notes)


def test_variables_after_the_step_are_those_of_the_engine(run_file: Path) -> None:
    before, after = moment_at(run_file, 3 * DAY, How.EXACT), moment_at(run_file, 3 * DAY, How.EXACT)
    engine_step.step(after.model, after.state)
    for row in rows_of_every_type(before.model, before.state):
        cell = int(before.state.cells.id[row])
        with open_run(run_file) as run:
            found = explain(run, fresh(before), cell)
        (later,) = np.flatnonzero(after.state.cells.id == cell)
        assert [v.next for v in found.variables] == list(
            after.state.cells.variables[later, : len(found.variables)]
        )


def test_probabilities_are_those_of_competing_events(run_file: Path) -> None:
    found = why(run_file, first_id(run_file, "msc", 3), 3 * DAY, how=How.EXACT)
    events = {r.name: r for r in found.responses if r.probability is not None}
    assert set(events) == {"transition to primed", "transition to naive", "clearance"}
    total = sum(r.value for r in events.values())
    whole = 1 - math.exp(-total * found.step)
    for one in events.values():
        assert one.probability == pytest.approx(one.value / total * whole, rel=1e-12)


def first_id(path: Path, cell_type: str, hours: int, place: str = "tissue", status: str = "alive") -> int:
    with open_run(path) as run:
        frame = run.frame(time=hours * DAY).where(type=cell_type, place=place, status=status)
    return int(frame["id"][0])


def test_waiting_cell(run_file: Path, seen: Callable[[Path, float], Seen]) -> None:
    cell = first_id(run_file, "msc", 3, "csf")
    found = why(run_file, cell, 3 * DAY, how=How.EXACT)
    engine = seen(run_file, 3 * DAY)
    (waiting,) = [w for w in engine.model.waiting if engine.model.names.compartments[w.compartment] == "csf"]
    assert found.place == "csf"
    by_name = {r.name: r for r in found.responses}
    assert waiting.entry is not None
    rates = values_at(engine.model, engine.state, waiting.entry, waiting.voxels)
    assert by_name["entry"].value == pytest.approx(rates.mean(), rel=1e-14)
    assert by_name["entry"].places == len(waiting.voxels) > 10
    total = by_name["entry"].value + 1 / waiting.lifetime
    assert by_name["loss while waiting"].value == 1 / waiting.lifetime
    chances = [by_name[name].probability for name in ("entry", "loss while waiting")]
    assert sum(c or 0.0 for c in chances) == pytest.approx(1 - math.exp(-total * found.step), rel=1e-12)
    for site in waiting.secretion:
        name = f"secretion of {engine.model.names.cytokines[site.cytokine]}"
        expected = values_at(engine.model, engine.state, site, waiting.voxels[:1])[0]
        assert by_name[name].value == expected


def test_dead_cell_says_so(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = first_id(run_file, "astrocyte", 12, status="dead")
    found = why(run_file, cell, 12 * DAY)
    assert found.status == "dead"
    assert {r.what for r in found.responses} == {"loss"}
    assert all(v.value == v.next for v in found.variables)
    assert abm_here("why", run_file, "--cell", cell, "--at", "12 h") == 0
    assert "A dead cell responds to nothing" in capsys.readouterr().out


def test_left_out_signals_agree_with_the_twin(run_file: Path) -> None:
    """Every contribution of every cell type against the formula as the documents give it."""
    with open_run(run_file) as run:
        (scenario,) = load_experiment_text(run.scenario_text, "run").arms.values()
    baselines = {name: float(c.baseline) for name, c in scenario.cytokines.items()}
    moment = moment_at(run_file, 11 * DAY, How.EXACT)
    compared = 0
    for row in rows_of_every_type(moment.model, moment.state):
        with open_run(run_file) as run:
            found = explain(run, fresh(moment), int(moment.state.cells.id[row]))
        cell_type = scenario.cell_types[found.cell_type]
        of_variables = {name: v.response for name, v in cell_type.variables.items()}
        for one in found.responses:
            response = of_variables.get(one.name) or cell_type.behaviours[one.name]
            assert isinstance(response, Response)
            signals = {c.signal: c.value for c in one.contributions}
            assert response_value(response, signals, baselines) == pytest.approx(one.value, rel=1e-12)
            for c in one.contributions:
                if c.role != "times":
                    value = response_value(response, {**signals, c.signal: 0.0}, baselines)
                    assert c.without == pytest.approx(value, rel=1e-12, abs=1e-300)
                    compared += 1
                assert c.effect == one.value - c.without
            if any(c.effect for c in one.contributions):
                assert sum(c.share for c in one.contributions) == pytest.approx(1.0)
    assert compared > 25


def test_factors_are_compared_with_rest(run_file: Path) -> None:
    neuron = why(run_file, first_id(run_file, "neuron", 11), 11 * DAY, how=How.EXACT)
    (signal,) = [r for r in neuron.responses if r.name == "nociception"]
    (gate,) = [c for c in signal.contributions if c.signal == "own gate"]
    assert gate.value < 0.9
    assert gate.without == pytest.approx(signal.value / gate.value)  # the gate is 1 at rest
    assert gate.effect < 0.0
    glia = why(run_file, first_id(run_file, "microglia", 11), 11 * DAY, how=How.EXACT)
    (division,) = [r for r in glia.responses if r.name == "division"]
    crowd = next(c for c in division.contributions if c.signal == "relative density of microglia")
    assert crowd.term == pytest.approx(1 - crowd.value / 4)
    assert crowd.without * crowd.term == pytest.approx(division.value * 0.75)


def test_rounded_frames_are_within_the_stated_uncertainty(run_file: Path) -> None:
    exact, rounded = (moment_at(run_file, 3 * DAY, how) for how in (How.EXACT, How.AUTO))
    assert exact.exact and not rounded.exact
    moved = 0
    for row in rows_of_every_type(exact.model, exact.state):
        cell = int(exact.state.cells.id[row])
        with open_run(run_file) as run:
            true, found = explain(run, fresh(exact), cell), explain(run, fresh(rounded), cell)
        for a, b in zip(true.responses, found.responses, strict=True):
            assert abs(a.value - b.value) <= 1.01 * b.uncertainty + 1e-15 * abs(a.value)
            assert b.uncertainty < 0.2 * abs(b.value) + 1e-9
            moved += a.value != b.value
        if not found.cell >> 32:
            assert found.age == true.age
    assert moved > 5


def test_simulated_again_to_the_same_bits(run_file: Path) -> None:
    before = run_file.read_bytes()
    moment = moment_at(run_file, 5 * DAY, How.EXACT)
    assert moment.exact
    assert "bit by bit" in moment.notes[0]
    saved = moment_at(run_file, 8 * DAY)
    assert saved.origin == f"the checkpoint of day {8 * DAY:g}"
    with open_run(run_file) as run:
        model = recorded_model(run)
        start, _ = exact_state(run, model, 0)
    advance(model, start, saved.state.tick)
    a, b = checkpoint.save(start), checkpoint.save(saved.state)
    assert [name for name in a if not np.array_equal(a[name], b[name])] == []
    assert run_file.read_bytes() == before


def test_what_is_not_there_is_named(run_file: Path) -> None:
    with pytest.raises(RecordError, match=r"no cell 77777 at day 0.125; there are \d+ cells \(.*microglia"):
        why(run_file, 77777, 3 * DAY)
    gone = gone_cell(run_file)
    with pytest.raises(RecordError, match=f"cell {gone} was recorded from day"):
        why(run_file, gone, 12 * DAY)
    with pytest.raises(RecordError, match=r"no step at 61 min.*nearest are 60 min and 70 min"):
        why(run_file, 3, 61 / 1440)
    for day in (-1.0, 0.625, 99.0):
        with pytest.raises(
            RecordError, match=r"not part of the run; recorded from day 0 to day 0\.5; checkpoints"
        ):
            why(run_file, 3, day)
    with pytest.raises(RecordError, match="no step"):
        why(run_file, 3, math.nan)
    with pytest.raises(RecordError, match="no cells and fields and readout recorded then"):
        why(run_file, 3, 190 / 1440, how=How.RECORDED)
    with pytest.raises(RecordError, match="an intervention acts at that moment"):
        why(run_file, 3, 1 * DAY, how=How.RECORDED)


def gone_cell(path: Path) -> int:
    """A cell of the first frame that is not in the last."""
    with open_run(path) as run:
        first, last = run.frame(0)["id"], run.frame(-1)["id"]
    return int(np.setdiff1d(first, last)[0])


def test_a_cell_of_every_kind_is_offered(run_file: Path) -> None:
    kinds = cells_at(run_file, 12 * DAY)
    assert sum(kind.count for kind in kinds) == len(moment_at(run_file, 12 * DAY).state.cells.id)
    assert {kind.cell_type for kind in kinds} == {"microglia", "astrocyte", "t_cell", "neuron", "msc"}
    assert {"csf", "tissue"} == {kind.place for kind in kinds}
    assert "dead" in {kind.status for kind in kinds}
    for kind in kinds:
        found = why(run_file, kind.cell, 12 * DAY)
        assert (found.cell_type, found.phenotype, found.status, found.place) == (
            kind.cell_type,
            kind.phenotype,
            kind.status,
            kind.place,
        )


def test_command(run_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = first_id(run_file, "neuron", 12)
    assert abm_here("why", run_file, "--cell", cell, "--at", "12 h") == 0
    text = capsys.readouterr().out
    assert f"cell {cell} at day 0.5: neuron" in text
    assert len(text.splitlines()) < 50
    assert max(map(len, text.splitlines())) < 140
    assert abm_here("why", run_file, "--cell", cell, "--at", "12 h", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    found = why(run_file, cell, 0.5)
    assert [r["value"] for r in document["responses"]] == [r.value for r in found.responses]
    assert abm_here("why", run_file, "--cell", cell, "--at", "12 h", "--behaviour", "gate", "--json") == 0
    names = [r["name"] for r in json.loads(capsys.readouterr().out)["responses"]]
    assert names == ["gate"]
    assert abm_here("why", run_file, "--at", "12 h") == 0
    assert "one of them" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--at", "3", "--cell", "1"), 2, "'3' is a plain number, expected a time"),
        (("--at", "3 um", "--cell", "1"), 2, "is a length, expected a time"),
        (("--at", "12 h", "--cell", "1", "--exact", "--recorded"), 2, "give one of the two"),
        (("--at", "12 h", "--cell", "1", "--behaviour", "fly"), 4, "in the tissue has "),
        (("--at", "12 h", "--cell", "-5"), 4, "no cell -5"),
        (("--at", "12 h", "--cell", "9" * 400), 2, "--cell"),
        (("--cell", "5"), 2, "--at"),
    ],
)
def test_faulty_calls(
    run_file: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], code: int, said: str
) -> None:
    assert abm_here("why", run_file, *options) == code
    assert said in capsys.readouterr().err


def test_every_signal_has_its_text(run_file: Path) -> None:
    """What the tables hold reads as the scenario wrote it, for every term of every cell type."""
    with open_run(run_file) as run:
        model = recorded_model(run)
        (scenario,) = load_experiment_text(run.scenario_text, "run").arms.values()
    table = model.responses
    for k, cell_type in enumerate(scenario.cell_types.values()):
        written = {
            term.signal
            for response in (
                *(v.response for v in cell_type.variables.values() if v.response is not None),
                *(r for text, r in cell_type.behaviours.items() if text != "arrival"),
            )
            for _, _, term in response.terms()
        }
        terms = range(table.term_first[table.group_first[k]], table.term_first[table.group_first[k + 1]])
        told = {signal_text(model, int(table.signal[t]), k) for t in terms}
        assert told - {"potion: division of microglia x 0"} == written


def test_every_behaviour_has_a_text() -> None:
    from abm.study.why_names import _BEHAVIOURS

    assert set(BehaviourKind) - set(_BEHAVIOURS) == set()


def test_explanations_are_complete(run_file: Path) -> None:
    found = why(run_file, 3, 0.0)
    assert isinstance(found, Explanation)
    assert found.day == 0.0 and found.origin.startswith("the cells and fields recorded")
