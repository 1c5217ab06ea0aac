"""The study that a pain laboratory waits for: 4 arms, 8 replicates, 28 days, two processes.

Run: .venv/bin/python benchmarks/bench_study.py [--replicates N] [--days D] [--processes P]

With fewer replicates or days the whole study is projected: what follows the first step grows in proportion,
the start of the workers does not.  The last line is JSON, for machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from abm.scenario.load import load_experiment
from abm.study.job import Job, RunResult, Status
from abm.study.runner import Silence, run_experiment

ROOT = Path(__file__).resolve().parents[1]
REPLICATES, DAYS, PROCESSES = 8, 28.0, 2
BUDGET = 180.0  # s of wall time for the whole study on two cores


class Stopwatch(Silence):
    """Notes when the first run moved, and how long each took."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.start = 0.0
        self.runs: list[float] = []

    def advanced(self, job: Job, days: float) -> None:
        """The first call ends the start."""
        self.start = self.start or time.perf_counter() - self.begun

    def ended(self, job: Job, result: RunResult) -> None:
        """Keep the time of the run."""
        self.runs.append(result.seconds)


def measure(replicates: int, days: float, processes: int) -> dict[str, float]:
    """Times [s] of one study."""
    sets = [f"time.duration={days} d", "claims=[]"]
    experiment = load_experiment(ROOT / "scenarios" / "chen2015.yaml", sets)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        results = run_experiment(
            experiment, folder, replicates=replicates, processes=processes, progress=watch
        )
        wall = time.perf_counter() - watch.begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    share = replicates * days / (REPLICATES * DAYS)
    return {
        "arms": len(experiment.arms),
        "replicates": replicates,
        "days": days,
        "processes": processes,
        "failed": sum(result.status != Status.COMPLETE for result in results),
        "wall_s": round(wall, 1),
        "start_s": round(watch.start, 1),
        "run_s": round(sorted(watch.runs)[len(watch.runs) // 2], 2),
        "cpu_per_run_s": round((used.ru_utime + used.ru_stime) / len(results), 2),
        "projected_s": round(watch.start + (wall - watch.start) / share, 1),
        "budget_s": BUDGET,
    }


def main() -> int:
    """Print the times against the budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--days", type=float, default=DAYS)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    given = parser.parse_args()
    found = measure(given.replicates, given.days, given.processes)
    print(
        f"{found['arms']:.0f} arms x {found['replicates']:.0f} replicates x {found['days']:g} d on "
        f"{found['processes']:.0f} processes: {found['wall_s']:.1f} s, of which {found['start_s']:.1f} s "
        f"until the first step; median run {found['run_s']:.1f} s, {found['cpu_per_run_s']:.1f} s of CPU"
    )
    print(f"whole study: {found['projected_s']:.1f} s (budget {BUDGET:g} s)")
    print(json.dumps({"benchmark": "study", **found}))
    return int(found["projected_s"] > BUDGET or found["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
