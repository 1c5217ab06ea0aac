"""Processes that write a run and are killed, run out of disk, or simply stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from abm.record import RunWriter, open_run
from tests.reference.recorded_run import check, record

WRITER = """
import sys
from abm.record import RunWriter, open_run
from tests.reference.recorded_run import declaration, record

writer = RunWriter.create(sys.argv[1], declaration())
k = 0
while True:
    record(writer, k, k + 1)
    k += 1
    if k % 3 == 0:
        writer.flush()
        print(k, flush=True)
"""


def start(root: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kills", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_at_any_moment(root: Path, tmp_path: Path, kills: int) -> None:
    """Whatever was flushed is there, in every program, and the run goes on from its checkpoint."""
    rng = np.random.default_rng(kills)
    for kill in range(kills):
        path = tmp_path / f"{kill}.h5"
        process = start(root, WRITER, str(path))
        assert process.stdout is not None
        process.stdout.readline()  # importing is over, writing has begun
        time.sleep(float(rng.uniform(0, 0.5)))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        flushed = max([3, *map(int, re.findall(r"^\d+$", out, re.MULTILINE))])
        with open_run(path) as run:
            count = check(run)  # times without a gap, every value right
            assert count >= flushed
            assert (run.status, run.is_being_written) == ("running", False)
            ticks = run.checkpoint_ticks
            # A kill within a checkpoint costs that one and the older one, whose place it takes.
            within = count % 20 == 0
            expected = [(k * 20 - 1) * 30 for k in range(1, count // 20 + 1)][-2:]
            assert ticks == expected or (within and ticks == expected[:-1])
        if ticks:
            writer, saved = RunWriter.resume(path)
            with writer:
                assert saved.tick == ticks[-1]
                again = saved.tick // 30 + 1
                record(writer, again, count + 30)
                writer.finish()
            with open_run(path) as run:
                assert check(run) == count + 30
            with h5py.File(path) as file:
                assert len(file["readout/time"]) == count + 30


FULL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
from abm.errors import RecordError
from abm.record import RunWriter
from tests.reference.recorded_run import declaration, record
try:
    with RunWriter.create(sys.argv[1], declaration()) as writer:
        record(writer, 0, 2000, flush_every=3)
except RecordError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("limit", [2_000, 60_000, 300_000, 700_000])
def test_no_room(root: Path, tmp_path: Path, limit: int) -> None:
    """Too little for the empty file: nothing is left; too little for the run: what was flushed stays."""
    path = tmp_path / "run.h5"
    process = start(root, FULL_DISK, str(path), str(limit))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (4, "")
    assert re.fullmatch(rf"{path}: cannot write: the largest file size allowed .* record less often\n", out)
    if limit < 100_000:
        assert list(tmp_path.iterdir()) == []
        return
    assert path.stat().st_size <= limit
    with open_run(path) as run:
        assert check(run) >= (20 if limit > 500_000 else 4)


LEFT_OPEN = """
import sys
from abm.record import RunWriter
from tests.reference.recorded_run import declaration, record
writer = RunWriter.create(sys.argv[1], declaration())
record(writer, 0, 10)
writer.flush()
record(writer, 10, 20)
{ending}
"""


@pytest.mark.parametrize(
    ("ending", "code"), [("", 0), ("raise KeyError('x')", 1), ("sys.exit(3)", 3), ("del writer", 0)]
)
def test_a_writer_that_nobody_closed(root: Path, tmp_path: Path, ending: str, code: int) -> None:
    path = tmp_path / "run.h5"
    process = start(root, LEFT_OPEN.format(ending=ending), str(path))
    _, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert ("KeyError" in err) == ("KeyError" in ending)
    assert "h5py" not in err
    with open_run(path) as run:
        # The checkpoint at readout 19 flushes; without it the first ten would be there.
        assert check(run) == 20
