"""The program as a person calls it: in its own process, or in this one where that is enough."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from abm.cli.main import exit_code
from abm.record.reader import open_run

ROOT = Path(__file__).resolve().parents[2]

# The smallest tissue in which everything happens: all cell types, both doses, two arms.
TINY = """\
schema_version: 1
title: Tiny
extends: library/dorsal_horn
time: {duration: 6 h, cell_step: 10 min, field_step: 2 min}
record: {readout: 1 h, cells: 2 h, fields: 2 h, checkpoint: 2 h}
domain:
  size: [300 um, 300 um]
  spacing: 20 um
  thickness: 20 um
  represents: 1.7 mm^3
  boundaries: {x_min: csf, x_max: csf}
regions:
  site: {disc: {center: [150 um, 150 um], radius: 80 um}}
injuries:
  - {kind: CCI, at: 0 d, site: site, edge: 40 um}
arms:
  cci: {}
  cells:
    interventions:
      - inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 1 h}
      - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 2 h}
replicates: 2
seed: 11
"""


def environment(**changes: str) -> dict[str, str]:
    """Environment of a child, in which the source tree is found wherever it is started."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def command(*arguments: str | Path) -> list[str]:
    """Command line of the program."""
    return [sys.executable, "-m", "abm", *map(str, arguments)]


def abm(
    *arguments: str | Path, cwd: Path, timeout: float = 240, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end in a process of its own."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def python(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def keep_what_is_said(*arguments: str | Path, cwd: Path) -> None:
    """Run the program, which must succeed, and keep its two streams as files `stdout` and `stderr`."""
    answer = abm(*arguments, cwd=cwd)
    assert answer.returncode == 0, answer.stderr
    (cwd / "stdout").write_text(answer.stdout, encoding="utf-8")
    (cwd / "stderr").write_text(answer.stderr, encoding="utf-8")


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Start the program and go on, in a process group of its own like a shell does."""
    return subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def abm_here(*arguments: str | Path) -> int:
    """Run the program in this process; returns its exit code, pytest's capsys has what it printed."""
    return exit_code([str(argument) for argument in arguments])


def wait_until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.02)


def days_recorded(path: Path) -> float:
    """Last recorded time of a result file that may not be there yet [d]; -1 when there is nothing."""
    if not path.exists():
        return -1.0
    with open_run(path) as run:
        return float(run.time[-1]) if len(run.time) else -1.0


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and content of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.read_bytes()) for path in files
    }


def children(pid: int) -> list[int]:
    """Processes that this one has started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(number) for number in text.split()]


def content(path: Path) -> dict[str, Any]:
    """Everything in a result file but the provenance, as bytes; the newest checkpoint by its arrays."""
    found: dict[str, Any] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if not isinstance(item, h5py.Dataset) or name == "provenance" or name.startswith("checkpoint"):
            return
        values = np.asarray(item[()])
        plain = values.tolist() if values.dtype.kind == "O" else values.tobytes()
        found[name] = (item.shape, str(item.dtype), plain)

    with h5py.File(path) as file:
        file.visititems(visit)
        found["attributes"] = {name: str(value) for name, value in file.attrs.items()}
    with open_run(path) as run:
        saved = run.checkpoint()
    found |= {f"checkpoint {name}": array.tobytes() for name, array in saved.arrays.items()}
    found["checkpoint"] = (saved.tick, saved.lengths)
    return found


def different(a: Path, b: Path) -> list[str]:
    """Names of what two result files do not have in common, byte by byte."""
    one, other = content(a), content(b)
    assert len(one) > 100
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
