"""`abm run` from the scenario to the files, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from abm.record.reader import open_run
from tests.e2e.command_line import (
    TINY,
    abm,
    abm_here,
    command,
    different,
    environment,
    keep_what_is_said,
    python,
    state,
)

# Starting the engine takes two seconds in each process, and the first time half a minute of compiling.
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAMES = ["cci_r000.h5", "cci_r001.h5", "cells_r000.h5", "cells_r001.h5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny scenario and its four runs in `out`, made by the program itself."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    keep_what_is_said("run", "tiny.yaml", "-o", "deep/out", cwd=folder)
    return folder


def test_one_complete_file_per_arm_and_replicate(folder: Path) -> None:
    out = folder / "deep/out"
    assert sorted(path.name for path in out.iterdir()) == NAMES
    for name in NAMES:
        with open_run(out / name) as run:
            assert run.status == "complete"
            assert name == f"{run.arm}_r{run.replicate:03d}.h5"
            assert run.seed == 11
            assert run.time[-1] == 0.25
            assert run.summary["threshold_baseline"].value > 0
            assert json.loads(run.provenance)["run"]["command"][:3] == ["abm", "run", "tiny.yaml"]


def test_results_go_to_stdout_and_progress_to_stderr(folder: Path) -> None:
    out, err = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    assert "cells" in out and "threshold" in out
    assert re.search(r"^4 runs in deep/out: cci_r000\.h5, ", out, re.MULTILINE)
    assert re.search(r"^Wall time \d", out, re.MULTILINE)
    assert err.startswith("4 runs, ")
    assert "\x1b" not in out + err


def test_arms_share_their_noise_until_they_differ(folder: Path) -> None:
    runs = {
        name: open_run(folder / "deep/out" / f"{name}.h5") for name in ("cci_r000", "cells_r000", "cci_r001")
    }
    first = {name: run.frame(0).columns["x"].tolist() for name, run in runs.items()}
    for run in runs.values():
        run.close()
    assert first["cci_r000"] == first["cells_r000"]
    assert first["cci_r000"] != first["cci_r001"]


def test_existing_files_stop_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = here / "deep/out"
    before = state(out)
    assert abm_here("run", "tiny.yaml", "-o", "deep/out", "--replicates", "3") == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("error:") == 1
    assert all(name in printed.err for name in NAMES)
    assert "--resume" in printed.err and "--force" in printed.err
    assert state(out) == before


def test_resume_skips_what_is_complete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = here / "deep/out"
    before = state(out)
    assert abm_here("run", "tiny.yaml", "-o", "deep/out", "--resume") == 0
    assert "4 runs in deep/out (4 complete before)" in capsys.readouterr().out
    # A file need not know of later replicates.
    assert abm_here("run", "tiny.yaml", "-o", "deep/out", "--resume", "--replicates", "1", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [run["status"] for run in document["runs"]] == ["skipped", "skipped"]
    assert abm_here("resume", "deep/out/cci_r000.h5") == 0
    assert state(out) == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (["--seed", "12"], "holds seed 11, asked for 12"),
        (["--set", "time.duration=8 h"], "duration: 8 h"),
    ],
)
def test_resume_refuses_another_experiment(
    change: list[str], expected: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(here / "deep/out")
    assert abm_here("run", "tiny.yaml", "-o", "deep/out", "--resume", *change) == 4
    error = capsys.readouterr().err
    assert error.count(expected) == 4
    assert state(here / "deep/out") == before


def test_json_is_one_document(here: Path, tmp_path: Path) -> None:
    answer = abm("run", "tiny.yaml", "-o", tmp_path, "--arm", "cci", "--json", "--processes", "1", cwd=here)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["status"] == "complete"
    assert [(run["arm"], run["replicate"], run["status"]) for run in document["runs"]] == [
        ("cci", 0, "complete"),
        ("cci", 1, "complete"),
    ]
    assert document["arms"]["cci"]["threshold_baseline"]["n"] == 2
    assert document["runs"][0]["summary"]["pain_area"]["unit"] == "d"
    assert different(here / "deep/out/cci_r001.h5", tmp_path / "cci_r001.h5") == []


def test_quiet_says_nothing(here: Path, tmp_path: Path) -> None:
    answer = abm("run", "tiny.yaml", "-o", tmp_path, "--arm", "cci", "--replicates", "1", "-q", cwd=here)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert (tmp_path / "cci_r000.h5").exists()


def test_repeating_a_recorded_run_gives_the_same_bytes(here: Path, tmp_path: Path) -> None:
    old = here / "deep/out/cells_r001.h5"
    answer = abm("run", "--from", old, "-o", tmp_path / "new.h5", cwd=here)
    assert answer.returncode == 0, answer.stderr
    assert different(old, tmp_path / "new.h5") == []
    # Once more: nothing is replaced unless it is asked for.  And into a folder, the name is the old one's.
    assert abm_here("run", "--from", old, "-o", tmp_path / "new.h5", "-q") == 4
    assert abm_here("run", "--from", old, "-o", old, "--force", "-q") == 4
    assert abm_here("run", "--from", old, "-o", tmp_path / "folder", "-q") == 0
    assert different(old, tmp_path / "folder/cells_r001.h5") == []


def test_seed_and_set_change_the_run(here: Path, tmp_path: Path) -> None:
    changes = ["--seed", "12", "--set", "record.cells=never", "--arm", "cci", "--replicates", "1"]
    assert abm_here("run", "tiny.yaml", "-o", tmp_path, "-q", *changes) == 0
    with open_run(tmp_path / "cci_r000.h5") as run:
        assert run.seed == 12
        assert len(run.frame_times) == 0
        assert "seed: 12" in run.scenario_text


def test_force_replaces(here: Path, tmp_path: Path) -> None:
    arguments = ["run", "tiny.yaml", "-o", tmp_path, "--arm", "cci", "--replicates", "1", "-q"]
    (tmp_path / "cci_r000.h5").write_text("something else", encoding="utf-8")
    assert abm_here(*arguments) == 4
    assert abm_here(*arguments, "--resume") == 4
    assert (tmp_path / "cci_r000.h5").read_text(encoding="utf-8") == "something else"
    assert abm_here(*arguments, "--force") == 0
    assert different(here / "deep/out/cci_r000.h5", tmp_path / "cci_r000.h5") == ["scenario"]


def test_unknown_arm(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("run", "tiny.yaml", "-o", tmp_path / "x", "--arm", "cels") == 2
    assert "no arm 'cels'; did you mean 'cells'? (arms: cci, cells)" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_output_that_cannot_be(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("run", "tiny.yaml", "-o", "tiny.yaml") == 4
    assert "tiny.yaml: this is a file, not a folder" in capsys.readouterr().err
    assert abm_here("run", "tiny.yaml", "-o", "tiny.yaml/out") == 4
    assert "choose another output directory" in capsys.readouterr().err
    assert abm_here("run", "tiny.yaml", "-o", "/proc/out") == 4
    assert "error: /proc/out: cannot" in capsys.readouterr().err


def test_output_on_a_full_disk(here: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: both refuse a write in the middle of a run."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)); "
    limited += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limited += "from abm.cli.main import main; main(sys.argv[1:])"
    answer = python(limited, "run", "tiny.yaml", "-o", str(tmp_path), "--arm", "cci", cwd=here)
    assert answer.returncode == 3
    assert answer.stderr.count("error: ") == 2
    assert "ulimit -f" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_threads_do_not_change_a_byte(here: Path, tmp_path: Path) -> None:
    """Large enough for the parallel solver: 30,625 voxels times seven fields."""
    large = ["--set", "domain.size=[3.5 mm, 3.5 mm]", "--set", "time.duration=1 h", "--arm", "cells"]
    large += ["--set", "record.checkpoint=1 h", "--replicates", "1", "-q"]
    for threads in ("1", "2"):
        answer = abm("run", "tiny.yaml", "-o", tmp_path / threads, *large, "--threads", threads, cwd=here)
        assert answer.returncode == 0, answer.stderr
        with open_run(tmp_path / threads / "cells_r000.h5") as run:
            used = json.loads(run.provenance)["run"]["threads"]
        assert used == min(int(threads), os.cpu_count() or 1)
    assert different(tmp_path / "1/cells_r000.h5", tmp_path / "2/cells_r000.h5") == []


def test_info_and_plot_read_what_was_written(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert abm_here("info", "deep/out/cells_r000.h5") == 0
    text = capsys.readouterr().out
    assert "complete" in text and "threshold_lowest" in text
    assert abm_here("info", "deep/out/cells_r000.h5", "--json") == 0
    assert json.loads(capsys.readouterr().out)["last_day"] == 0.25
    assert abm_here("info", "deep/out/cells_r000.h5", "--scenario") == 0
    (tmp_path / "again.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    assert abm_here("check", tmp_path / "again.yaml") == 0
    capsys.readouterr()

    assert abm_here("plot", "deep/out", "-o", tmp_path, "--kind", "pain", "--dpi", "40") == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "pain.png")]
    assert (tmp_path / "pain.png").read_bytes().startswith(b"\x89PNG")
    assert abm_here("plot", "deep/out", "--kind", "pian") == 2
    assert "'pian'" in capsys.readouterr().err


def test_progress_bar_on_a_terminal(here: Path, tmp_path: Path) -> None:
    """On a terminal standard error shows a bar; standard output, going elsewhere, does not."""
    master, slave = pty.openpty()
    arguments = ["run", "tiny.yaml", "-o", tmp_path, "--arm", "cci", "--set", "time.duration=10 d"]
    with subprocess.Popen(
        command(*arguments), cwd=here, env=environment(TERM="xterm"), stdout=subprocess.PIPE, stderr=slave
    ) as process:
        os.close(slave)
        shown = _read_all(lambda: os.read(master, 65536))
        assert process.stdout is not None
        out = process.stdout.read().decode()
        assert process.wait(timeout=200) == 0
    os.close(master)
    assert "simulated days/s" in shown and " left" in shown
    assert "━" in shown
    assert "\x1b" not in out and "2 runs in" in out


def _read_all(read: Callable[[], bytes]) -> str:
    parts = []
    while True:
        try:
            part = read()
        except OSError:  # the other side of a terminal is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode("utf-8", errors="replace")
