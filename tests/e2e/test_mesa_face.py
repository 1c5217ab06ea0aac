"""The model in Mesa: the engine's bits, Mesa's tools, nothing left behind."""

from __future__ import annotations

import copy
import gc
import os
import re
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest
from mesa.batchrunner import batch_run

from abm.compile.build import compile_model
from abm.engine.run import declaration, replicate_seed, run
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.interop.mesa_model import CellView, TissueModel, cell_class
from abm.record.reader import open_run
from abm.record.writer import RunWriter
from abm.scenario.load import Experiment, load_experiment

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
TISSUE = ROOT / "tests" / "data" / "mesa_tissue.yaml"
HAS_CLOCK = hasattr(mesa.Model, "run_until")  # Mesa 3.5
SEEDED = "rng" in batch_run.__code__.co_varnames

# Births, deaths and changes of type in every step, besides the injected cells of the arm.
EVENTFUL = {
    "cell_types.microglia.behaviours": {"division": "0.3 /h", "death": "0.3 /h"},
    "cell_types.astrocyte.behaviours": {"transform to cell type microglia": "0.1 /h", "clearance": "0.1 /h"},
}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(TISSUE)


def assert_same_bits(model: TissueModel, state: State) -> None:
    assert model.state.tick == state.tick
    for name, column in state.cells._asdict().items():
        assert getattr(model.state.cells, name).tobytes() == column.tobytes(), name
    assert model.state.concentration.tobytes() == state.concentration.tobytes()
    assert model.state.reservoirs.c.tobytes() == state.reservoirs.c.tobytes()
    for name, counts in state.counters.items():
        np.testing.assert_array_equal(model.state.counters[name], counts, err_msg=name)


@pytest.mark.parametrize("replicate", [0, 1])
def test_the_bits_of_the_engine(replicate: int) -> None:
    model = TissueModel(TISSUE, "cci_msc", seed=3, replicate=replicate, **EVENTFUL)
    tissue = compile_model(model.resolved, replicate_seed(3, replicate))
    state = new_state(tissue)
    while model.running:
        assert_same_bits(model, state)
        model.agents.agg("x", np.mean)  # looking changes nothing
        model.cells("neuron").get("nociception")
        model.random.random(), model.rng.random()
        model.step()
        step(tissue, state)
    assert state.tick == tissue.clock.end
    assert_same_bits(model, state)
    happened = {name for name, counts in state.counters.items() if counts.any()}
    assert happened >= {"injected", "born", "died", "cleared", "transformed_into"}


def test_the_engine_draws_nothing_from_mesa(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci_msc", seed=3)
    before = model.random.getstate(), model.rng.bit_generator.state
    for _ in range(6):
        model.step()
    assert (model.random.getstate(), model.rng.bit_generator.state) == before


def test_collected_frame_holds_the_series_of_the_result_file(experiment: Experiment, tmp_path: Path) -> None:
    model = TissueModel(experiment, "cci_msc")
    model.run_model()
    tissue = compile_model(experiment.arms["cci_msc"], replicate_seed(experiment.seed, 0))
    declared = declaration(
        tissue, arm="cci_msc", replicate=0, seed=7, text=experiment.arm_text("cci_msc"), provenance="{}"
    )
    run(tissue, RunWriter.create(tmp_path / "run.h5", declared, False))
    frame = model.datacollector.get_model_vars_dataframe().drop_duplicates("time")
    with open_run(tmp_path / "run.h5") as recorded:
        for name in ("nociception", "withdrawal_threshold"):
            assert frame[name].to_list() == recorded.series(name).values.tolist()
            assert getattr(model, name) == frame[name].iloc[-1]
        cells = recorded.frame(-1)
        np.testing.assert_array_equal(cells["id"], model.agents.array("unique_id"))
        neurons = np.isin(cells["id"], model.cells("neuron").array("unique_id"))
        for name in ("fast", "nociception"):
            values = model.cells("neuron").array(name).astype(np.float32)
            np.testing.assert_array_equal(cells[name][neurons], values)
    assert len(frame) == 7  # every half hour of three, and the start


def test_the_end(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci_msc")
    assert (model.time, model.steps, model.running) == (0.0, 0, True)
    model.run_model()
    assert (model.time, model.steps, model.running) == (3 / 24, 18, False)
    assert model.given == [(0.5 / 24, "5e+06 living msc intrathecal")]


def test_time_is_in_days_to_the_last_bit(experiment: Experiment) -> None:
    model = TissueModel(experiment)
    while model.running:
        model.step()
        assert model.time == model.steps * 10 / 1440 == model.tissue.clock.days(model.state.tick)


@pytest.mark.skipif(not HAS_CLOCK, reason="Mesa 3.3 has no clock")
def test_mesas_events_run_by_days(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci")
    seen: list[tuple[float, int]] = []

    def silence() -> None:
        model.cells("neuron").set("fast", 0.0)
        seen.append((model.time, model.steps))

    model.schedule_event(silence, at=1 / 24)
    model.run_for(2 / 24)
    assert seen == [(1 / 24, 6)]  # after the step that ends then
    assert (model.time, model.steps, model.state.tick * model.tissue.clock.tick) == (2 / 24, 12, 120.0)
    model.run_until(3 / 24)
    assert not model.running
    undisturbed = TissueModel(experiment, "cci")
    undisturbed.run_model()
    assert model.cells("neuron").agg("slow", np.mean) < undisturbed.cells("neuron").agg("slow", np.mean)


class Watched(TissueModel):
    """Collects by model, by cell and by cell type."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(TISSUE, "cci_msc", **parameters)
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "day": "time",
                "threshold": "withdrawal_threshold",
                "cells": lambda model: len(model.agents),
                "neurons": partial(TissueModel.count, cell_type="neuron"),
            },
            agent_reporters={"kind": "cell_type", "x": lambda cell: cell.x},
            agenttype_reporters={
                cell_class("neuron"): {"fast": "fast"},
                cell_class("msc"): {"place": "place"},
                CellView: {"alive": "alive"},
            },
        )
        self.datacollector.collect(self)


def test_data_collector() -> None:
    model = Watched()
    model.run_model()
    collector = model.datacollector
    frame = collector.get_model_vars_dataframe().drop_duplicates("day")
    assert frame["day"].to_list() == [half * 0.5 / 24 for half in range(7)]
    assert frame["neurons"].to_list() == [16] * 7
    assert frame["cells"].iloc[-1] == len(model.agents) > frame["cells"].iloc[0] == 88
    agents = collector.get_agent_vars_dataframe()
    assert agents.index.names == ["Step", "AgentID"]
    last = agents.loc[model.time if HAS_CLOCK else model.steps]
    assert last["x"].to_dict() == pytest.approx(
        dict(zip(model.agents.get("unique_id"), model.agents.get("x"), strict=True)), nan_ok=True
    )
    assert last["kind"].value_counts().to_dict() == model.agents.groupby("cell_type").count()
    neurons = collector.get_agenttype_vars_dataframe(cell_class("neuron"))
    assert len(neurons) == 7 * 16
    assert neurons["fast"].iloc[-16:].to_list() == model.cells("neuron").get("fast")
    places = collector.get_agenttype_vars_dataframe(cell_class("msc"))["place"]
    assert set(places) == {"csf", "tissue"}
    assert len(collector.get_agenttype_vars_dataframe(CellView)) == len(agents)


def batch(processes: int = 1, **parameters: Any) -> list[dict[str, Any]]:
    """Rows by run, without the scenario."""
    own = {"scenario": str(TISSUE), "time.duration": "1 h", **parameters}
    rows = batch_run(TissueModel, own, number_processes=processes, max_steps=100, display_progress=False)
    return sorted(rows, key=lambda row: row["RunId"])


def test_batch_run_over_arms_and_seeds() -> None:
    rows = batch(arm=["sham", "cci"], seed=[1, 2])
    assert [(row["arm"], row["seed"]) for row in rows] == [
        ("sham", 1), ("sham", 2), ("cci", 1), ("cci", 2),
    ]  # fmt: skip
    assert len({row["nociception"] for row in rows}) == 4
    for row in rows:
        model = TissueModel(TISSUE, row["arm"], "time.duration=1 h", seed=row["seed"])
        while model.time < row["time"]:
            model.step()
        assert model.nociception == row["nociception"]


@pytest.mark.slow
def test_batch_run_on_two_processes_gives_the_same_rows() -> None:
    parameters = {"arm": "cci", "replicate": [0, 1, 2]}
    assert batch(2, **parameters) == batch(1, **parameters)


def test_batch_run_over_one_value_of_the_scenario() -> None:
    path = "arms.cci_msc.interventions.0.inject_cells.dose"
    rows = batch(arm="cci_msc", **{path: [1e6, "4e6"], "record.readout": "10 min"})
    assert [row[path] for row in rows] == [1e6, "4e6"]
    models = [TissueModel(TISSUE, "cci_msc", f"{path}={dose}") for dose in ("1e6", "4e6")]
    for model in models:
        while model.steps < 6:
            model.step()
    few, many = (len(model.cells("msc")) for model in models)
    assert 0 < few < many


def test_batch_run_over_overrides() -> None:
    texts = ["injuries.0.kind=sham", "injuries.0.kind=CCI"]
    sham, cci = batch(overrides=texts)
    assert sham["nociception"] < cci["nociception"]
    assert [row["overrides"] for row in (sham, cci)] == texts


@pytest.mark.skipif(not SEEDED, reason="batch_run of Mesa 3.3 takes no rng")
def test_rng_of_batch_run_chooses_the_seed(experiment: Experiment) -> None:
    parameters = {"scenario": [experiment], "arm": "cci", "time.duration": "1 h"}
    keywords: Any = {"rng": [4, 5], "max_steps": 100, "display_progress": False}
    rows = batch_run(TissueModel, parameters, **keywords)
    by_seed = [row["nociception"] for row in batch(arm="cci", seed=[4, 5])]
    assert [row["nociception"] for row in rows] == by_seed
    watched = batch_run(Watched, {"time.duration": "1 h"}, **keywords)
    assert {row["rng"] for row in watched} == {4, 5}


def test_rng_and_seed_are_one(experiment: Experiment) -> None:
    first, second = TissueModel(experiment, rng=4), TissueModel(experiment, seed=4)
    assert first.agents.get("x") == second.agents.get("x")
    assert first.agents.get("x") != TissueModel(experiment, seed=5).agents.get("x")
    assert first.random.random() == second.random.random()


def test_arms_share_their_noise(experiment: Experiment) -> None:
    sham, cci = TissueModel(experiment, "sham"), TissueModel(experiment, "cci")
    assert sham.agents.get("pos") == cci.agents.get("pos")


def test_readout_is_a_copy_of_this_moment(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci")
    before = model.readout
    assert model.readout is before
    kept = copy.deepcopy(before)
    model.step()
    assert model.readout is not before
    assert before.keys() == kept.keys() == model.readout.keys()
    for name, values in kept.items():
        np.testing.assert_array_equal(before[name], values, err_msg=name)
    assert not np.array_equal(before["tissue_amount"], model.readout["tissue_amount"])
    assert len(model.labels["cytokine"]) == len(model.readout["cytokine_mean"])


def test_concentration_is_a_copy_by_name(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci")
    field = model.concentration("TNF-a")
    assert field.shape == (20, 20)
    np.testing.assert_array_equal(field, model.state.concentration[1, 0])
    field[:] = -1.0
    model.step()
    with pytest.raises(
        ValueError, match=r"no cytokine 'TNF'; did you mean 'TNF-a'\?; there are: IL-1b, TNF-a"
    ):
        model.concentration("TNF")
    with pytest.raises(ValueError, match="no cell type 'neurons'; did you mean 'neuron'"):
        model.count("neurons")


def test_a_tissue_without_a_readout_has_no_threshold() -> None:
    model = TissueModel(TISSUE, readout=None)
    model.step()
    assert list(model.datacollector.model_vars) == [*model.tissue.names.cell_types, "time"]


def test_a_copy_goes_on_to_the_same_bits(experiment: Experiment) -> None:
    model = TissueModel(experiment, "cci_msc", **EVENTFUL)
    for _ in range(6):
        model.step()
    view = model.agents[0]
    branch = copy.deepcopy(model)
    assert branch.agents[0] is not view
    assert branch.agents[0].model is branch
    model.run_model()
    assert branch.steps == 6
    branch.run_model()
    assert_same_bits(branch, model.state)
    assert (branch.steps, branch.time, branch.running) == (model.steps, model.time, False)


def test_memory_is_freed(experiment: Experiment) -> None:
    def live_and_die() -> list[weakref.ref[Any]]:
        model = TissueModel(experiment, "cci_msc")
        for _ in range(4):
            model.step()
        model.agents.do("step")
        model.agents[0].remove()
        with pytest.raises(TypeError):
            mesa.Agent(model)
        return [weakref.ref(thing) for thing in (model, model.state, model.state.concentration, model.agents)]

    left = live_and_die()
    gc.collect()
    assert [thing() for thing in left] == [None] * 4


def test_the_guide_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "docs" / "mesa.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) == 6
    names: dict[str, Any] = {"__name__": "guide"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs{os.sep}mesa.md, block {number}", "exec"), names)
    assert names["model"].time > 3 / 24
