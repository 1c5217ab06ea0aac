"""What the Mesa face adds to a step of the engine, and what columns and single views cost.

The tissue of ``scenarios/chen2015.yaml`` with its cells for 2 x 2 mm and for 13.5 x 13.5 mm (about
100,000).  A Mesa model and the bare engine take turns from the same state; the ratio of their quick steps
(the quantile 0.1, since others use the machine too) must stay below ``BUDGET``.  A step at which the
scenario reads out also pays for that: the engine's own run does the same to write its file.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mesa
import numpy as np

from abm.engine.state import new_state
from abm.engine.step import step
from abm.interop.mesa_model import CellView, TissueModel

SCENARIO = Path(__file__).parents[1] / "scenarios" / "chen2015.yaml"
BUDGET = 1.10
SIZES = {
    "2 mm": ("[2 mm, 2 mm]", "1.7 mm^3", 120),
    "13.5 mm": ("[13.5 mm, 13.5 mm]", "5 mm^3", 20),
}


def seconds(call: Callable[[], object], times: int = 3) -> float:
    """Median wall time of a call."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def steps(model: TissueModel, n: int) -> tuple[float, float]:
    """Time of a quick step of the bare engine and of the Mesa model, alternating [s]."""
    state = new_state(model.tissue)
    for _ in range(3):
        step(model.tissue, state)
        model.step()
    bare, face = [], []
    for _ in range(n):
        bare.append(seconds(lambda: step(model.tissue, state), 1))
        face.append(seconds(model.step, 1))
    assert all(np.array_equal(a, b) for a, b in zip(state.cells, model.state.cells, strict=True))
    return float(np.quantile(bare, 0.1)), float(np.quantile(face, 0.1))


def looks(model: TissueModel) -> dict[str, float]:
    """Time of ways to look at the cells [s]."""
    agents, neurons = model.agents, model.cells("neuron")
    by_cell = mesa.DataCollector(agent_reporters={"x": "x"})
    return {
        "one read-out": seconds(lambda: (neurons.set("fast", 0.1), model.readout)),
        "agg of a column": seconds(lambda: agents.agg("x", np.mean)),
        "set a variable": seconds(lambda: neurons.set("fast", 0.1)),
        "get a column as a list": seconds(lambda: agents.get("x")),
        "sort by a column": seconds(lambda: agents.sort("x")),
        "group by a column": seconds(lambda: agents.groupby("cell_type")),
        "all views": seconds(agents.to_list),
        "select by a function": seconds(lambda: agents.select(lambda cell: cell.x < 500.0)),
        "one agent reporter": seconds(lambda: by_cell.collect(model)),
        "new model": seconds(lambda: TissueModel(model.resolved), 1),
    }


def main() -> int:
    """Measure and print; returns 1 over the budget, else 0."""
    print(f"Mesa {mesa.__version__}, Python {sys.version.split()[0]}")
    over = []
    for name, (size, represents, n) in SIZES.items():
        model = TissueModel(
            SCENARIO, "cci", **{"domain.size": size, "domain.represents": represents, "record.fields": "33 d"}
        )
        bare, face = steps(model, n)
        print(f"\n{len(model.agents):,} cells ({name}), quick ones of {n} steps")
        print(f"  {'engine step':24}{bare * 1e3:9.2f} ms")
        print(f"  {'Mesa step':24}{face * 1e3:9.2f} ms   ratio {face / bare:.3f}")
        for what, taken in looks(model).items():
            print(f"  {what:24}{taken * 1e3:9.2f} ms")
        if face > BUDGET * bare:
            over.append(name)
        assert isinstance(model.agents[0], CellView)
    print(f"\nbudget: a Mesa step costs at most {BUDGET:.2f} engine steps" + ("; over it" if over else ""))
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
