"""Wall time of ``abm --help``: a person waits for it, and shell completion runs it on every Tab."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BUDGET_S = 0.4
REPEATS = 9


def seconds(arguments: list[str]) -> float:
    """Wall time of one Python process, in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    command = ["-m", "abm", "--help"]
    seconds(command)  # writes the byte code
    bare = statistics.median(seconds(["-c", "pass"]) for _ in range(REPEATS))
    measured = statistics.median(seconds(command) for _ in range(REPEATS))
    print(
        f"abm --help: {measured:.3f} s (budget {BUDGET_S} s, median of {REPEATS}); bare Python: {bare:.3f} s"
    )
    return int(measured > BUDGET_S)


if __name__ == "__main__":
    sys.exit(main())
