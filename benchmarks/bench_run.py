"""One arm of the published experiment over 28 days on one core: engine and recording, kernels warm.

Run: .venv/bin/python benchmarks/bench_run.py [REPEATS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from abm.compile.build import compile_model
from abm.engine.run import declaration, replicate_seed, run
from abm.engine.threads import use_threads
from abm.record.writer import RunWriter
from abm.scenario.load import load_experiment

ROOT = Path(__file__).resolve().parents[1]
ARM = "cci_bmsc"
BUDGET = 9.5  # s for 28 days; with two at once, 32 of them make a study of three minutes


def seconds(days: float) -> tuple[float, float, float, int]:
    """Wall time, CPU time and time spent recording [s] of one run, and its number of cells."""
    experiment = load_experiment(
        ROOT / "scenarios" / "chen2015.yaml", [f"time.duration={days} d", "claims=[]"]
    )
    model = compile_model(experiment.arms[ARM], replicate_seed(experiment.seed, 0))
    with tempfile.TemporaryDirectory() as folder:
        plan = declaration(
            model, arm=ARM, replicate=0, seed=0, text=experiment.arm_text(ARM), provenance="{}"
        )
        writer = RunWriter.create(Path(folder) / "run.h5", plan)
        start, used = time.perf_counter(), time.process_time()
        run(model, writer)
        wall, used = time.perf_counter() - start, time.process_time() - used
        return wall, used, writer.seconds, len(model.cells.id)


def main() -> int:
    """Print the median over the repeats against the budget."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    use_threads(1)
    seconds(5.0)  # compiles whatever the cache does not hold
    found = sorted(seconds(28.0) for _ in range(repeats))
    wall, used, recording, cells = found[len(found) // 2]
    print(
        f"28 d of {cells} cells and 7 fields: {wall:.1f} s (budget {BUDGET:g} s), "
        f"{used:.1f} s of CPU, recording {recording:.2f} s"
    )
    print(f"all repeats: {', '.join(f'{f[0]:.1f}' for f in found)} s")
    return int(wall > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
