"""Wall time until the program answers.

`abm --help` (0.4 s: a person waits for it), `abm check` of the shipped scenario (2 s: it is called after
every edit), and a run of one step of a small tissue (6 s: what every `abm run` pays before it simulates, with
compiled kernels in numba's cache).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIO = str(Path(__file__).resolve().parents[1] / "scenarios" / "chen2015.yaml")
ONE_STEP = """\
schema_version: 1
title: One step
extends: library/dorsal_horn
time: {duration: 10 min, cell_step: 10 min, field_step: 2 min}
record: {readout: 10 min, cells: never, fields: never, checkpoint: never}
domain:
  size: [200 um, 200 um]
  spacing: 20 um
  thickness: 20 um
  boundaries: {x_min: csf}
regions:
  site: {disc: {center: [100 um, 100 um], radius: 60 um}}
"""


def seconds(arguments: list[str]) -> float:
    """Wall time of one Python process, in seconds."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> int:
    """Measure and print; returns 1 over the budget, else 0."""
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "one_step.yaml"
        scenario.write_text(ONE_STEP, encoding="utf-8")
        run = ["run", str(scenario), "-o", folder, "--quiet", "--force"]
        for name, arguments, budget, repeats in (
            ("bare Python", ["-c", "pass"], None, 9),
            ("abm --help", ["-m", "abm", "--help"], 0.4, 9),
            ("abm check scenarios/chen2015.yaml", ["-m", "abm", "check", SCENARIO], 2.0, 5),
            ("abm run, one step", ["-m", "abm", *run], 6.0, 3),
        ):
            seconds(arguments)  # writes the byte code, and compiles the kernels
            measured = statistics.median(seconds(arguments) for _ in range(repeats))
            limit = f" (budget {budget} s)" if budget else ""
            print(f"{name}: {measured:.3f} s{limit}, median of {repeats}", flush=True)
            over += budget is not None and measured > budget
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
