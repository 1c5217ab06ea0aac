"""Small tissues for tests, loaded through the same door as a user's files."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from abm.compile.build import compile_model
from abm.compile.model import Model
from abm.engine import checkpoint
from abm.engine.state import State, new_state
from abm.engine.step import step
from abm.scenario.load import Experiment, load_experiment_text

SMALL = """
schema_version: 1
title: Small piece of dorsal horn
extends: library/dorsal_horn
time: {duration: 2 d, cell_step: 10 min, field_step: 2 min}
record: {readout: 1 h, cells: 12 h, fields: 1 d, checkpoint: 12 h}
domain:
  size: [0.4 mm, 0.4 mm]
  spacing: 20 um
  thickness: 60 um
  represents: 1.7 mm^3
  boundaries: {x_min: csf, x_max: csf, y_min: csf, y_max: csf}
regions:
  site: {disc: {center: [0.15 mm, 0.2 mm], radius: 100 um}}
  opposite: {disc: {center: [0.34 mm, 0.2 mm], radius: 60 um}}
injuries:
  - {kind: CCI, at: 0 d, site: site, edge: 40 um}
arms:
  naive: {injuries: []}
  sham: {injuries: [{kind: sham, at: 0 d, site: site, edge: 40 um}]}
  cci: {}
  cci_bmsc:
    interventions:
      - inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 6 h}
  cci_tgfb1:
    interventions:
      - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 6 h}
  naive_tgfb1:
    injuries: []
    interventions:
      - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 6 h}
"""


@cache
def experiment(text: str, *sets: str) -> Experiment:
    """A checked experiment from its text, with values set as on the command line."""
    return load_experiment_text(text, "test.yaml", sets)


@cache
def model(text: str, arm: str | None = None, seed: int = 1, sets: tuple[str, ...] = ()) -> Model:
    """Compiled model of one arm (of what all arms have in common without `arm`)."""
    loaded = experiment(text, *sets)
    return compile_model(loaded.base if arm is None else loaded.arms[arm], seed)


def assert_same(a: State, b: State) -> None:
    """Both states hold the same arrays, byte by byte."""
    first, second = checkpoint.save(a), checkpoint.save(b)
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype, name
        assert first[name].tobytes() == second[name].tobytes(), name


def advance(
    model: Model, state: State | None = None, *, days: float, watch: Callable[[State], None] | None = None
) -> State:
    """Run for some days from a state (the naive tissue without one); `watch` sees every step."""
    state = new_state(model) if state is None else state
    end = state.tick + round(days * 1440.0 / model.clock.tick)
    while state.tick < end:
        step(model, state)
        if watch is not None:
            watch(state)
    return state
