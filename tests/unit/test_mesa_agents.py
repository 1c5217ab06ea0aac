"""Cells as Mesa's agents: views, sets, and the books behind them."""

from __future__ import annotations

import copy
import statistics
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest
from mesa.agent import AgentSet

from abm.engine.health import check_population
from abm.interop.cells import Cells
from abm.interop.mesa_model import CellSet, CellView, TissueModel, cell_class
from abm.scenario.load import Experiment, load_experiment

TISSUE = Path(__file__).parents[1] / "data" / "mesa_tissue.yaml"
ATTRIBUTES = ("unique_id", "cell_type", "phenotype", "place", "alive", "age", "parent", "pos")


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment(TISSUE)


@pytest.fixture
def model(experiment: Experiment) -> TissueModel:
    """After an hour: residents, and injected cells half an hour old that wait in the CSF."""
    model = TissueModel(experiment, "cci_msc")
    for _ in range(6):
        model.step()
    return model


def test_attributes_of_a_resident(model: TissueModel) -> None:
    cells, row = model.state.cells, 3
    cell = model.agents[row]
    assert isinstance(cell, mesa.Agent)
    assert cell.model is model
    assert (cell.unique_id, cell.cell_type, cell.phenotype) == (
        int(cells.id[row]),
        "microglia",
        "surveilling",
    )
    assert (cell.place, cell.alive, cell.parent, cell.age) == ("tissue", True, -1, model.time)
    assert cell.pos == (cell.x, cell.y) == tuple(cells.position[row, :2])
    assert cell.activation == cells.variables[row, model.tissue.names.variables[0].index("activation")]


def test_attributes_of_a_cell_that_waits(model: TissueModel) -> None:
    cell = model.cells("msc")[0]
    assert (cell.place, cell.phenotype, cell.pos) == ("csf", "naive", None)
    assert np.isnan([cell.x, cell.y, cell.z]).all()
    assert cell.age == pytest.approx(0.5 / 24)


def test_a_dead_body_is_not_alive(model: TissueModel) -> None:
    model.state.cells.dead[2] = 1
    assert [cell.alive for cell in model.agents[1:4]] == [True, False, True]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_columns_say_what_the_views_say(model: TissueModel, name: str) -> None:
    expected = [getattr(cell, name) for cell in model.agents]
    assert model.agents.get(name) == expected
    assert {type(value) for value in model.agents.get(name)} == {type(value) for value in expected}


def test_position_has_three_parts_in_three_dimensions() -> None:
    size = {"domain.size": ["0.4 mm", "0.4 mm", "0.1 mm"], "domain.thickness": None}
    solid = TissueModel(TISSUE, **size)
    assert solid.agents[0].pos == tuple(solid.state.cells.position[0])
    assert solid.concentration("TNF-a").shape == (5, 20, 20)


def test_the_same_cell_is_the_same_object(model: TissueModel) -> None:
    cell = model.agents[5]
    model.step()
    assert model.agents[5] is cell
    assert model.agents.select(lambda c: c.unique_id == cell.unique_id).to_list() == [cell]


def test_writing_a_variable_writes_the_column(model: TissueModel) -> None:
    neuron = model.cells("neuron")[4]
    threshold = model.withdrawal_threshold
    for cell in model.cells("neuron"):
        cell.fast = 3.0
    slot = model.tissue.names.variables[model.tissue.names.cell_types.index("neuron")].index("fast")
    assert neuron.fast == model.state.cells.variables[neuron.row, slot] == 3.0
    assert model.withdrawal_threshold < threshold  # the signal follows from `fast`, at once


def test_what_follows_from_other_values_is_read_as_of_now(model: TissueModel) -> None:
    neurons = model.cells("neuron")
    inside = model.tissue.regions[0][model.state.cells.voxel[neurons.rows]] == 1
    before = model.nociception
    for fast in (0.5, 3.0):
        neurons.set("fast", fast)
        assert neurons.select(inside).agg("nociception", np.mean) == model.nociception > before
        before = model.nociception
        assert [cell.nociception for cell in neurons] == neurons.get("nociception")


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("fst", 1.0, AttributeError, r"no cell has a 'fst'; did you mean 'fast'\?"),
        ("activation", 1.0, AttributeError, "a neuron has no 'activation'; it has: .*fast, "),
        ("age", 1.0, AttributeError, "'age' belongs to the engine; can be set: .*activation"),
        ("nociception", 1.0, AttributeError, "'nociception' follows from other values; can be set: .*fast, "),
        ("fast", float("nan"), ValueError, "fast = nan: a variable is a finite number"),
    ],
)
def test_what_cannot_be_written(
    model: TissueModel, name: str, value: Any, error: type[Exception], message: str
) -> None:
    before = model.state.cells.variables.copy()
    with pytest.raises(error, match=message):
        setattr(model.cells("neuron")[0], name, value)
    with pytest.raises(error, match=message):
        model.cells("neuron").set(name, value)
    np.testing.assert_array_equal(model.state.cells.variables, before)


def test_reading_what_a_cell_lacks(model: TissueModel) -> None:
    with pytest.raises(AttributeError, match="a microglia has no 'fast'"):
        _ = model.agents[0].fast
    assert not hasattr(model.agents[0], "energy")
    with pytest.raises(AttributeError, match="a microglia has no 'fast'"):
        model.agents.get("fast")
    assert set(model.agents.get("fast", "default", -1.0)) > {-1.0}
    assert model.agents.get("energy", "default") == [None] * len(model.agents)
    with pytest.raises(ValueError, match="handle_missing is 'skip', allowed: 'error', 'default'"):
        model.agents.get("fast", "skip")  # type: ignore[arg-type]


def test_removal_is_booked_and_gives_room_back(model: TissueModel) -> None:
    live, body, waiting = model.agents[0], model.agents[1], model.cells("msc")[0]
    model.state.cells.dead[1] = 1
    voxel, room = model.state.cells.voxel[0], int(model.tissue.space[0])
    before = {name: counts.copy() for name, counts in model.state.counters.items()}
    occupied = model.state.occupancy.reshape(-1)[voxel]
    n = len(model.agents)
    for cell in (live, body, waiting):
        cell.remove()
    gained = {name: (counts - before[name]).tolist() for name, counts in model.state.counters.items()}
    assert {name: counts for name, counts in gained.items() if any(counts)} == {
        "cleared": [1, 0, 0, 0, 0],
        "dissolved": [1, 0, 0, 0, 0],
        "lost_waiting": [0, 0, 0, 0, 1],
    }
    assert model.state.occupancy.reshape(-1)[voxel] == occupied - room
    assert len(model.agents) == n - 3
    check_population(model.tissue, model.state)
    model.step()  # which checks the books again
    with pytest.raises(LookupError, match=f"cell {live.unique_id} is gone"):
        _ = live.pos


@pytest.mark.parametrize("way", ["do", "discard", "remove", "deregister", "all", "one by one"])
def test_every_way_of_removal_goes_through_the_books(model: TissueModel, way: str) -> None:
    cells = model.cells("astrocyte")
    n = len(cells)
    if way == "do":
        cells.select(at_most=5).do("remove")
    elif way == "one by one":
        cells.select(at_most=5).do(lambda cell: cell.remove())
    elif way == "all":
        model.remove_all_agents()
    else:
        call = {"discard": cells.discard, "remove": model.agents.remove, "deregister": model.deregister_agent}
        for cell in cells.to_list()[:5]:
            call[way](cell)
    assert len(cells) == (0 if way == "all" else n - 5)
    assert model.state.counters["cleared"][1] == (n if way == "all" else 5)
    check_population(model.tissue, model.state)
    model.step()


def test_a_removed_cell_leaves_derived_sets(model: TissueModel) -> None:
    chosen = model.agents.select(at_most=3)
    first = chosen[0]
    assert first.is_there
    first.remove()
    assert not first.is_there
    assert (len(chosen), first in chosen, first in model.agents) == (2, False, False)
    with pytest.raises(KeyError):
        model.agents.remove(first)
    model.agents.discard(first)


def test_sets_by_type_cover_all_cells(model: TissueModel) -> None:
    assert [found.__name__ for found in model.agent_types] == list(model.tissue.names.cell_types)
    assert sum(len(cells) for cells in model.agents_by_type.values()) == len(model.agents)
    for found, cells in model.agents_by_type.items():
        assert issubclass(found, CellView)
        assert all(type(cell) is found for cell in cells)
    assert len(model.agents_by_type[cell_class("t_cell")]) == 0


def test_select(model: TissueModel) -> None:
    agents = model.agents
    left = [cell for cell in agents if cell.cell_type == "neuron" and cell.x < 200]
    assert 0 < len(left) < len(model.cells("neuron"))
    assert agents.select(lambda cell: cell.x < 200, agent_type=cell_class("neuron")).to_list() == left
    assert model.cells("neuron").select(model.cells("neuron").array("x") < 200).to_list() == left
    assert agents.select(agent_type=CellView).to_list() == agents.select().to_list() == list(agents)
    assert (
        agents.select(lambda cell: cell.x < 200, at_most=2).get("unique_id")
        == [cell.unique_id for cell in agents if cell.x < 200][:2]
    )
    assert len(agents.select(at_most=0.5)) == len(agents) // 2
    assert len(agents.select(at_most=0)) == 0
    narrowed = agents.copy()
    assert narrowed.select(lambda cell: cell.x < 200, inplace=True) is narrowed
    assert len(narrowed) < len(agents)


def test_sort_and_shuffle(model: TissueModel) -> None:
    agents = model.cells("astrocyte")
    x = [cell.x for cell in agents]
    assert agents.sort("x", ascending=True).get("x") == sorted(x)
    assert agents.sort("x").get("x") == sorted(x, reverse=True)
    assert agents.sort(lambda cell: -cell.x).get("x") == sorted(x)
    drawn = agents.shuffle().get("unique_id")
    assert drawn != agents.get("unique_id")
    assert sorted(drawn) == agents.get("unique_id")
    own = agents.copy()
    assert own.sort("x", inplace=True) is own
    assert own.get("x") == sorted(x, reverse=True)


def test_the_models_own_sets_keep_their_order(model: TissueModel) -> None:
    for change in (model.agents.shuffle, lambda inplace: model.agents.sort("x", inplace=inplace)):
        with pytest.raises(TypeError, match="this set is the cell table itself"):
            change(inplace=True)


def test_groups(model: TissueModel) -> None:
    groups = model.agents.groupby("cell_type")
    assert isinstance(groups.groups["neuron"], CellSet)
    assert list(groups.groups) == ["microglia", "astrocyte", "neuron", "msc"]
    assert groups.count() == {name: len(model.cells(name)) for name in groups.groups}
    for_each = {name: statistics.mean(model.cells(name).get("y")) for name in ("microglia", "neuron")}
    residents = model.agents.select(lambda cell: cell.place == "tissue")
    means = residents.groupby("cell_type").agg("y", np.mean)
    assert {name: means[name] for name in for_each} == pytest.approx(for_each)
    halves = model.cells("neuron").groupby(lambda cell: cell.x < 200, result_type="list")
    assert sorted(len(cells) for cells in halves.groups.values()) == sorted(halves.count().values())
    assert halves.agg("x", max)[True] < 200 <= halves.agg("x", min)[False]


def test_aggregates(model: TissueModel) -> None:
    neurons = model.cells("neuron")
    fast = [cell.fast for cell in neurons]
    assert neurons.agg("fast", max) == max(fast)
    assert neurons.agg("fast", [min, np.mean, len]) == [min(fast), np.mean(fast), len(fast)]
    assert neurons.get(["cell_type", "fast"]) == [["neuron", value] for value in fast]


def test_set_writes_the_columns_of_the_whole_set(model: TissueModel) -> None:
    half = model.cells("neuron").select(at_most=0.5)
    assert half.set("fast", 0.25) is half
    half.set("slow", np.arange(len(half)))
    assert half.get("fast") == [0.25] * len(half)
    assert [cell.slow for cell in half] == list(range(len(half)))
    assert 0.25 not in [cell.fast for cell in model.cells("neuron") - half]


def test_do_and_map_reach_every_cell_that_is_still_there(model: TissueModel) -> None:
    neurons = model.cells("neuron")
    ids = neurons.get("unique_id")
    assert neurons.map(lambda cell, add: cell.unique_id + add, 1) == [uid + 1 for uid in ids]
    assert neurons.do("step") is neurons
    seen: list[int] = []

    def kill_next(cell: CellView) -> None:
        seen.append(cell.unique_id)
        for other in neurons.to_list():
            if other.unique_id == cell.unique_id + 1:
                other.remove()

    neurons.do(kill_next)
    assert seen == ids[::2]
    order: list[int] = []
    neurons.shuffle_do(lambda cell: order.append(cell.unique_id))
    assert order != neurons.get("unique_id") == sorted(order)


def test_set_operators(model: TissueModel) -> None:
    a, b = model.agents[:4], model.agents[2:6]
    first, second = model.agents.select(lambda c: c in a), model.agents.select(lambda c: c in b)
    assert (first | second).to_list() == model.agents[:6]
    assert (first & second).to_list() == model.agents[2:4]
    assert (first - second).to_list() == model.agents[:2]
    assert len(first - first) == 0


def test_adding(model: TissueModel) -> None:
    own = model.cells("neuron").select(at_most=0)
    cell = model.agents[0]
    own.add(cell)
    own.add(cell)
    assert own.to_list() == [cell]
    with pytest.raises(TypeError, match="cells come from the scenario"):
        model.agents.add(cell)
    with pytest.raises(TypeError, match="is no cell of this model"):
        own.add(TissueModel(TISSUE).agents[0])


def test_other_agents_are_refused(model: TissueModel) -> None:
    with pytest.raises(TypeError, match="the agents of a TissueModel are its cells"):
        mesa.Agent(model)
    assert len(model.agents) == len(model.state.cells.id)


def test_a_cell_that_changes_type_changes_class() -> None:
    model = TissueModel(
        TISSUE, **{"cell_types.astrocyte.behaviours": {"transform to cell type microglia": "6 /h"}}
    )
    known = model.cells("astrocyte").to_list()
    model.step()
    new = [cell for cell in known if cell.cell_type == "microglia"]
    assert 0 < len(new) < len(known)
    assert all(type(cell) is cell_class(cell.cell_type) for cell in known)
    assert all(cell in model.cells("microglia") for cell in new)
    assert new[0].activation == 0.0


def test_views_of_cells_that_are_gone_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abm.interop.mesa_model.SPARE_VIEWS", 0)
    model = TissueModel(TISSUE, **{"cell_types.astrocyte.behaviours": {"clearance": "6 /h"}})
    first = model.agents.to_list()[0]
    model.step()
    assert 0 < len(model.cells("astrocyte")) < 48
    assert list(model._views) == model.agents.get("unique_id")
    assert model.agents[0] is first


def test_copies_of_sets_and_cells(model: TissueModel) -> None:
    assert copy.copy(model.agents).to_list() == model.agents.to_list()
    assert copy.deepcopy(model.agents[0]) is model.agents[0]


def test_every_method_of_mesas_sets_is_columnar() -> None:
    """What this Mesa's AgentSet does itself, and `Cells` does not, would look for Mesa's weak registry."""
    inherited = {
        name
        for base in AgentSet.__mro__
        if base.__module__.startswith("mesa.")
        for name, value in vars(base).items()
        if callable(value)
    }
    assert {"select", "agg", "groupby", "__iter__"} <= inherited
    ours = set(vars(Cells)) | {"_update", "__class_getitem__", "__init_subclass__", "__subclasshook__"}
    assert inherited - ours == set()
