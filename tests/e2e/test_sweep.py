"""Sweeps as a person makes them: planned, run, killed, resumed, merged."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from abm.record.reader import open_run
from abm.record.sweep_layout import COMPLETE, FAILED, MISSING
from abm.record.sweep_merge import open_merged
from abm.sweep.manifest import Manifest
from abm.sweep.run import find
from tests.e2e.command_line import TINY, abm, abm_here, children, python, start, wait_until
from tests.sweeps import DOSE, SWEEP, columns, statuses, write_sweep

pytestmark = pytest.mark.e2e

# Long enough that a kill meets runs under way.
LONGER = TINY.replace("duration: 6 h", "duration: 3 d")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a sweep that was planned and run by one command."""
    folder = tmp_path_factory.mktemp("sweep")
    write_sweep(folder)
    answer = abm("sweep", "run", "sweep.yaml", "-o", "out", "--processes", "2", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "14 runs made" in answer.stdout
    return folder


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """Folder of a sweep that was only planned."""
    write_sweep(tmp_path)
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    return tmp_path / "out"


def test_all_runs_are_there_in_few_files(done: Path) -> None:
    assert statuses(done / "out").tolist() == [COMPLETE] * 14
    assert len(list((done / "out" / "shards").iterdir())) <= 2
    assert (done / "out" / "index.h5").exists()


def test_a_run_of_a_sweep_is_the_run_that_abm_run_makes(done: Path) -> None:
    manifest = Manifest.load(done / "out")
    run = next(i for i in range(14) if manifest.text_of(i) == "arm cells, dose 100000, hour 2 h, replicate 1")
    name = manifest.names[run]
    assert abm_here("sweep", "case", done / "out", name[:9], "-o", done / "alone.h5") == 0
    assert abm_here("sweep", "merge", done / "out", "-o", done / "one.h5", "--force") == 0
    with open_run(done / "alone.h5") as alone, open_merged(done / "one.h5") as merged:
        (row,) = np.flatnonzero(merged.run.values.astype(str) == name)
        for quantity, item in alone.summary.items():
            assert float(merged[quantity][row]) == pytest.approx(item.value, rel=0, abs=0, nan_ok=True)
        whole = alone.series("cytokine_mean")
        every = [list(alone.time).index(day) for day in merged.time.values]
        assert np.array_equal(merged.cytokine_mean.values[row], np.asarray(whole.values)[every])
        assert merged.dose.values[row] == 1e5 and merged.hour.values[row] == 2.0
        assert float(merged.time[-1]) == 0.25


def test_case_writes_a_scenario_that_makes_the_run(done: Path) -> None:
    name = Manifest.load(done / "out").names[0]
    assert abm_here("sweep", "case", done / "out", name, "-o", done / "case.yaml", "--force") == 0
    assert abm_here("check", done / "case.yaml") == 0
    assert abm_here("sweep", "case", done / "out", name, "-o", done / "case.yaml") == 4


def test_status_and_table(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("sweep", "status", done / "out", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["runs"], status["cases"], status["complete"], status["missing"]) == (14, 24, 14, 0)
    assert abm_here("sweep", "table", done / "out", "-o", done / "t.csv", "--force") == 0
    rows = list(csv.DictReader((done / "t.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 24
    assert {row["status"] for row in rows} == {"complete"}
    assert abm_here("sweep", "table", done / "out", "-o", done / "t.txt") == 2
    assert ".csv or .parquet" in capsys.readouterr().err and not (done / "t.txt").exists()
    # The arm without cells is one run for all doses.
    assert len({row["run"] for row in rows if row["arm"] == "cci"}) == 2


def test_editing_an_axis_reuses_what_is_there(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SWEEP.replace("list: [1 h, 2 h]", "list: [1 h, 2 h, 3 h]").replace("Dose and", "Another title")
    write_sweep(done, text)
    assert abm_here("sweep", "plan", done / "sweep.yaml", "-o", done / "out", "--json") == 0
    forecast = json.loads(capsys.readouterr().out)["forecast"]
    assert (forecast["known"], forecast["runs"]) == (14, 6)
    write_sweep(done)
    assert abm_here("sweep", "plan", done / "sweep.yaml", "-o", done / "out") == 0
    assert abm_here("sweep", "run", done / "out") == 0
    assert "0 runs made, 14 complete before" in capsys.readouterr().out


def test_parts_make_the_whole_sweep(tmp_path: Path) -> None:
    write_sweep(tmp_path)
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    for part in ("1/2", "2/2"):
        assert abm_here("sweep", "run", tmp_path / "out", "--shard", part, "--processes", "1") == 0
    assert statuses(tmp_path / "out").tolist() == [COMPLETE] * 14


def test_a_faulty_value_is_told_at_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path, SWEEP.replace("list: [1 h, 2 h]", "list: [1 h, 2 um, 9 h]"))
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "sweep.yaml:6:" in said and "'2 um' is a length" in said
    assert "9 h" in said
    assert not (tmp_path / "out").exists()


def test_a_case_that_cannot_be_built_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Valid, but there is no room for so many cells.
    crowd = "  crowd: {path: cell_types.astrocyte.density, list: [8000 /mm^3, 4e7 /mm^3]}\n"
    text = SWEEP.replace("returns:", "arms: [cci]\nreturns:").replace("vary:\n", "vary:\n" + crowd)
    lines = [line for line in text.splitlines() if not line.startswith(("  dose", "  hour"))]
    write_sweep(tmp_path, "\n".join(lines) + "\n")
    code = abm_here("sweep", "run", tmp_path / "sweep.yaml", "-o", tmp_path / "out", "--processes", "1")
    assert code == 3, capsys.readouterr().err
    assert statuses(tmp_path / "out").tolist() == [COMPLETE, COMPLETE, FAILED, FAILED]
    assert abm_here("sweep", "status", tmp_path / "out") == 0
    assert "failed      2" in capsys.readouterr().out


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the longer sweep returns when nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_sweep(folder, scenario=LONGER)
    assert abm_here("sweep", "run", folder / "sweep.yaml", "-o", folder / "out", "-q") == 0
    return columns(folder / "out")


def test_a_killed_worker_costs_its_run_only(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    write_sweep(tmp_path, scenario=LONGER)
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    with start("sweep", "run", "out", "--processes", "2", cwd=tmp_path) as process:
        wait_until(lambda: len(list((tmp_path / "out" / "shards").glob("*.part"))) == 2)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert statuses(tmp_path / "out").tolist() == [COMPLETE] * 14


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_same_command_goes_on_after_a_stop(
    tmp_path: Path, how: signal.Signals, undisturbed: dict[str, bytes]
) -> None:
    write_sweep(tmp_path, scenario=LONGER)
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml", "-o", tmp_path / "out") == 0
    with start("sweep", "run", "out", "--processes", "1", cwd=tmp_path) as process:
        wait_until(lambda: COMPLETE in statuses(tmp_path / "out"))
        os.kill(process.pid, how)
        process.communicate(timeout=240)
    assert process.returncode == (130 if how is signal.SIGINT else -how)
    before = statuses(tmp_path / "out").tolist()
    assert COMPLETE in before and MISSING in before
    answer = abm("sweep", "run", "out", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    # A worker whose parent was killed may have finished its run before it noticed.
    (known,) = re.findall(r"(\d+) complete before", answer.stdout)
    assert before.count(COMPLETE) <= int(known) < 14
    assert statuses(tmp_path / "out").tolist() == [COMPLETE] * 14


def test_a_run_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    text = SWEEP.replace("returns:", "arms: [cci]\nlimits: {time: 0.0001 s}\nreturns:")
    lines = [line for line in text.splitlines() if not line.startswith(("  dose", "  hour"))]
    text = "\n".join(lines).replace("vary:", "vary:\n  t: {path: time.duration, list: [6 h]}") + "\n"
    write_sweep(tmp_path, text)
    assert abm_here("sweep", "run", tmp_path / "sweep.yaml", "-o", tmp_path / "out", "--processes", "1") == 3
    manifest = Manifest.load(tmp_path / "out")
    assert "given up after" in find(manifest).message(0)


def test_whole_files(tmp_path: Path) -> None:
    text = SWEEP.replace("returns: {", "arms: [cells]\nreturns: {files: true, ").replace(
        "points: 3", "points: 2"
    )
    write_sweep(tmp_path, text.replace("[1 h, 2 h]", "[1 h]"))
    assert abm_here("sweep", "run", tmp_path / "sweep.yaml", "-o", tmp_path / "out", "--processes", "1") == 0
    manifest = Manifest.load(tmp_path / "out")
    with open_run(tmp_path / "out" / "runs" / f"{manifest.names[1]}.h5") as run:
        assert (run.status, run.arm, run.replicate) == ("complete", "cells", 1)
        assert len(run.summary) == len(manifest.declaration.summary)


LEAN = """
import sys
import abm.sweep.worker as worker
from abm.sweep.cases import resolver_of
from abm.sweep.simulate import Simulator
manifest = worker.Manifest.load("out")
row = Simulator(manifest, resolver_of(manifest)).row(2)
assert row.status == 1 and row.summary, row.message
worker.open_shard_of(manifest.folder, manifest.declaration).abandon()
heavy = ("dask", "jinja2", "matplotlib", "mesa", "mpi4py", "pandas", "pint", "rich", "typer", "xarray")
heavy += ("scipy.linalg", "scipy.stats")
print(*sorted(set(heavy) & set(sys.modules)))
"""


def test_workers_are_lean(planned: Path) -> None:
    """After a run and its shard nothing is loaded that only people need, nor SciPy, which numba looks for."""
    answer = python(LEAN, cwd=planned.parent)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == []


def test_axis_over_an_arm_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sweep(tmp_path, SWEEP.replace(DOSE, DOSE.replace("cells", "sells", 1)))
    assert abm_here("sweep", "plan", tmp_path / "sweep.yaml") == 2
    assert "sells" in capsys.readouterr().err


def test_figures(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = ("--arm", "cells", "--against", "cci", "--force")
    for axes, name in ((("dose",), "curve.png"), (("dose", "hour"), "surface.svg")):
        along = [part for axis in axes for part in ("--along", axis)]
        assert abm_here("sweep", "plot", done / "out", *along, "-o", done / name, *one) == 0
        assert (done / name).stat().st_size > 5_000
    assert abm_here("sweep", "plot", done / "out", "--along", "dosis", "-o", done / "x.png", *one) == 2
    assert "did you mean 'dose'?" in " ".join(capsys.readouterr().err.split())
    assert abm_here("sweep", "plot", done / "out", "--along", "dose", "-o", done / "x.png") == 2
    assert "say which arm" in capsys.readouterr().err


RELIEF = ("--of", "withdrawal_threshold", "--arm", "cells", "--against", "cci", "--mpe")


def test_relief_after_the_injection_as_a_surface(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    along = ("--along", "hour", "--along", "dose", "-o", done / "relief.png", "--force")
    window = ("--from", "0 h", "--to", "4 h", "--since", "hour")
    assert abm_here("sweep", "plot", done / "out", *RELIEF, *window, *along) == 0
    assert (done / "relief.png").stat().st_size > 5_000
    capsys.readouterr()
    assert abm_here("sweep", "plot", done / "out", *RELIEF, *along, "--to", "4", "--since", "hour") == 2
    assert "--to '4': a time with its unit is expected" in " ".join(capsys.readouterr().err.split())
    assert abm_here("plot", done / "out") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "abm sweep plot" in said and "--along dose --along hour" in said


def test_the_best_case_can_be_repeated_as_a_whole_file(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rank = ("sweep", "rank", done / "out", "--arm", "cells", "--of", "nociception_peak", "--count", "2")
    assert abm_here(*rank) == 0
    said = capsys.readouterr().out
    (command,) = re.findall(r"abm (sweep case \S+ [0-9a-f]{12} -o case.h5), then abm play case.h5", said)
    assert abm_here(*command.replace("case.h5", str(done / "best.h5")).split()) == 0
    capsys.readouterr()
    assert abm_here(*rank, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    lowest, highest = document["lowest"][0], document["highest"][0]
    assert lowest["mean"] <= highest["mean"] and lowest["replicates"] == 2
    assert command.split()[3] == lowest["run"][:12]
    with open_run(done / "best.h5") as best:
        assert best.status == "complete" and best.arm == "cells"
        assert lowest["low"] <= best.summary["nociception_peak"].value <= lowest["high"]
    assert abm_here("info", done / "best.h5") == 0


def test_parquet_or_how_to_get_it(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = abm_here("sweep", "table", done / "out", "-o", done / "t.parquet", "--force")
    if importlib.util.find_spec("pyarrow") is None:
        assert code == 4 and "abm[export]" in capsys.readouterr().err
        return
    from pyarrow import parquet

    found = parquet.read_table(done / "t.parquet")
    assert found.num_rows == 24 and found.column("dose").to_pylist()[-1] == 1e6
    assert found.schema.field("pain_area").metadata == {b"units": b"d"}


def test_sensitivity_of_a_small_morris_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vary = "  edge: {path: injuries.0.edge, range: {low: 10 um, high: 60 um}}\n"
    vary += "  radius: {path: regions.site.disc.radius, range: {low: 40 um, high: 120 um}}\n"
    text = "schema_version: 1\nscenario: tiny.yaml\narms: [cci]\nreplicates: 1\nvary:\n" + vary
    write_sweep(tmp_path, text + "sample: {method: morris, points: 4}\n")
    folder = tmp_path / "out"
    assert abm_here("sweep", "run", tmp_path / "sweep.yaml", "-o", folder, "--processes", "1", "-q") == 0
    capsys.readouterr()
    assert abm_here("sensitivity", folder, "--of", "nociception_peak", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["points"], document["of_points"]) == (4, 4)
    effects = document["measures"]["mean |effect|"]
    assert set(effects) == {"edge", "radius"} and effects["radius"]["value"] > 0.0
    assert abm_here("sensitivity", folder, "-o", tmp_path / "tornado.png", "--of", "nociception_peak") == 0
    assert "radius" in capsys.readouterr().out
    assert (tmp_path / "tornado.png").stat().st_size > 5_000
    both = ("--of", "nociception_peak", "--of", "pain_area")
    assert abm_here("sensitivity", folder, "-o", tmp_path / "map.png", *both) == 0
    assert "pain area [d]" in capsys.readouterr().out
    assert (tmp_path / "map.png").stat().st_size > 5_000
    assert abm_here("sensitivity", folder, "--of", "pain") == 2
    assert "no quantity 'pain'" in capsys.readouterr().err


def test_sensitivity_needs_a_design_for_it(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("sensitivity", done / "out") == 2
    assert "sampled with the method morris" in capsys.readouterr().err
