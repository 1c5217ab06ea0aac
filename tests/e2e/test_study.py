"""`abm study` from the file to the report, what it refuses, and the documents that show it."""

from __future__ import annotations

import csv
import json
import re
import signal
from pathlib import Path

import pytest

from tests.e2e.command_line import (
    ROOT,
    TINY,
    abm,
    abm_here,
    days_recorded,
    different,
    keep_what_is_said,
    start,
    state,
    wait_until,
)
from tests.e2e.documents import essence, follow

pytestmark = [pytest.mark.e2e]

GUIDE = ROOT / "docs" / "studies.md"
OUTPUTS = ["claims.csv", "claims.json", "figures", "report.html"]

CLAIMS = """\
claims:
  - {id: same-start, says: Both arms start alike., source: JCI15,
     test: "threshold(cells, at=0 d) >= threshold(cci, at=0 d)"}
  - {id: hurts, says: The injury releases damage signals., source: JCI15,
     test: "concentration(DAMP, cci, region=site, at=6 h) > concentration(DAMP, cci, region=site, at=0 h)"}
  - {id: wrong, says: The injury takes damage signals away., source: JCI15,
     test: "concentration(DAMP, cci, region=site, at=6 h) < concentration(DAMP, cci, region=site, at=0 h)"}
  - {id: nothing, says: Nothing is divided., source: JCI15,
     test: "1 g / (threshold(cells, at=0 h) - threshold(cci, at=0 h)) > 3"}
"""
SMALL = (
    TINY.replace(
        "{readout: 1 h, cells: 2 h, fields: 2 h, checkpoint: 2 h}", "{readout: 1 h, checkpoint: 6 h}"
    )
    + CLAIMS
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small study and what `abm study` made of it."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    keep_what_is_said("study", "small.yaml", "-o", "out", cwd=folder)
    return folder


@pytest.mark.slow
def test_runs_tables_figures_and_report(folder: Path) -> None:
    out = folder / "out"
    runs = [f"{arm}_r00{i}.h5" for arm in ("cci", "cells") for i in (0, 1)]
    assert sorted(path.name for path in out.iterdir()) == sorted([*runs, *OUTPUTS])
    ids = ["hurts", "nothing", "same-start", "wrong"]
    figures = {path.stem for path in (out / "figures").iterdir()}
    assert {"pain", "claims", *(f"claim_{name}" for name in ids)} <= figures
    document = json.loads((out / "claims.json").read_text(encoding="utf-8"))
    assert {claim["id"]: claim["verdict"] for claim in document["claims"]} == {
        "same-start": "reproduced",
        "hurts": "reproduced",
        "wrong": "not reproduced",
        "nothing": "cannot be evaluated",
    }
    with (out / "claims.csv").open(encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["same-start", "hurts", "wrong", "nothing"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "The injury releases damage signals." in page
    assert "abm study small.yaml" in page
    assert not re.search(r"""(src|href)=["'](?!data:|\#|https://doi\.org/)""", page)


@pytest.mark.slow
def test_tables_go_to_stdout_and_progress_to_stderr(folder: Path) -> None:
    out, err = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    assert "4 claims: 2 reproduced, 1 not reproduced, 1 cannot be evaluated." in out
    assert "nothing: '1 g / (threshold(cells, at=0 h)" in out and "division by zero" in out
    assert out.rstrip().endswith("4 runs in out. Report: out/report.html")
    assert err.startswith("4 runs, ")
    assert "testing 4 claims" in err


@pytest.mark.slow
def test_an_earlier_study_stops_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(here / "out")
    assert abm_here("study", "small.yaml", "-o", "out") == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "report.html exist already" in printed.err and "--resume" in printed.err
    (here / "bare").mkdir(exist_ok=True)
    (here / "bare" / "cci_r000.h5").write_bytes((here / "out" / "cci_r000.h5").read_bytes())
    assert abm_here("study", "small.yaml", "-o", "bare") == 4
    assert "a result file exists already: cci_r000.h5" in capsys.readouterr().err
    assert sorted(path.name for path in (here / "bare").iterdir()) == ["cci_r000.h5"]
    assert state(here / "out") == before


@pytest.mark.slow
def test_resume_keeps_the_runs_and_makes_the_report_anew(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = here / "out"
    before = state(out)
    (here / "more.yaml").write_text(
        SMALL + '  - {id: more, says: More., source: JCI15, test: "threshold(cci, at=3 h) > 0 g"}\n',
        encoding="utf-8",
    )
    assert abm_here("study", "more.yaml", "-o", "out", "--resume", "--quiet") == 0
    assert capsys.readouterr().out == ""
    after = state(out)
    for name in before:
        if name.endswith(".h5"):
            assert after[name] == before[name]
    assert "figures/claim_more.png" in after
    # And back: the same claims on the same runs give the same bytes, but for the command in the report.
    assert abm_here("study", "small.yaml", "-o", "out", "--resume", "-q") == 0
    again = state(out)
    for name in ("claims.csv", "claims.json", "figures/claims.png", "figures/claim_hurts.png"):
        assert again[name][1] == before[name][1]


@pytest.mark.slow
def test_evaluate_only(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = {name: kept for name, kept in state(here / "out").items() if name.endswith(".h5")}
    assert abm_here("study", "small.yaml", "--evaluate-only", "out") == 4
    assert "--resume" not in capsys.readouterr().err
    target = ["--evaluate-only", "out", "-o", tmp_path / "other", "-q"]
    assert abm_here("study", "small.yaml", *target) == 0
    assert abm_here("study", "small.yaml", *target, "--force", "--strict") == 1
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == OUTPUTS
    capsys.readouterr()
    assert abm_here("study", "small.yaml", *target, "--force", "--json", "--level", "0.9") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["level"] == 0.9
    assert document["files"][-1].endswith("report.html")
    assert {name: kept for name, kept in state(here / "out").items() if name.endswith(".h5")} == runs
    assert abm_here("study", "small.yaml", "--evaluate-only", tmp_path / "absent") == 4


@pytest.mark.slow
def test_one_arm_one_replicate(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-o", tmp_path, "--arm", "cci", "--replicates", "1", "--set", "seed=11", "--json"]
    answer = abm("study", "small.yaml", *arguments, cwd=here)
    assert answer.returncode == 0, answer.stderr
    claims = {claim["id"]: claim for claim in json.loads(answer.stdout)["claims"]}
    assert claims["hurts"]["verdict"] == "inconclusive"
    assert claims["hurts"]["reason"] == "one replicate has no interval"
    assert claims["same-start"]["verdict"] == "cannot be evaluated"
    assert claims["same-start"]["reason"] == "there are no runs of arm cells"
    assert different(here / "out" / "cci_r000.h5", tmp_path / "cci_r000.h5") in ([], ["scenario"])


@pytest.mark.slow
def test_a_failed_run_is_left_out_and_told(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from abm.study import runner
    from abm.study.job import RunResult, Status

    made = [RunResult("cci", i, here / "out" / f"cci_r00{i}.h5", Status.COMPLETE) for i in (0, 1)]
    broken = here / "out" / "cells_r000.h5"
    failed = RunResult("cells", 0, broken, Status.FAILED, message=f"{broken}: out of memory")
    monkeypatch.setattr(runner, "run_experiment", lambda *_, **__: [*made, failed])
    assert abm_here("study", "small.yaml", "-o", tmp_path / "out", "--json") == 3
    printed = capsys.readouterr()
    claims = {claim["id"]: claim["verdict"] for claim in json.loads(printed.out)["claims"]}
    assert (claims["hurts"], claims["same-start"]) == ("reproduced", "cannot be evaluated")
    assert "out of memory" in printed.err
    assert "cells_r000.h5 failed and is left out" in printed.err
    assert "cells_r000.h5 failed" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr(runner, "run_experiment", lambda *_, **__: [failed])
    assert abm_here("study", "small.yaml", "-o", tmp_path / "none") == 3
    assert not (tmp_path / "none" / "report.html").exists()


@pytest.mark.slow
def test_a_stopped_study_goes_on_with_resume(here: Path, tmp_path: Path) -> None:
    long = ["--set", "time.duration=20 d", "--set", "record.checkpoint=1 d", "--processes", "1"]
    process = start("study", "small.yaml", "-o", tmp_path, *long, cwd=here)
    wait_until(lambda: days_recorded(tmp_path / "cci_r000.h5") > 0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "--resume" in err
    assert "claims:" not in out
    assert not (tmp_path / "report.html").exists()


def test_hostile_claims_end_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    trap = tmp_path / "trap"
    tests = [
        f"__import__('os').system('touch {trap}') > 0",
        f"open('{trap}', 'w') > 0",
        "threshold.__class__.__mro__ > 0",
        "9^9^9 > 0",
        "threshold(nobody, at=1 h) > 0 g",
        "threshold(cci, at=1 h) > 3 / 0",
        "threshold(cci, at=1 h) > 30 %",
        "(" * 1900,
    ]
    rows = "".join(
        f"  - {json.dumps({'id': f'c{i}', 'says': 'x', 'test': test, 'source': 'JCI15'})}\n"
        for i, test in enumerate(tests)
    )
    Path("hostile.yaml").write_text(TINY + "claims:\n" + rows, encoding="utf-8")
    for verb in (["check"], ["study", "-o", "out"], ["run", "-o", "out"]):
        assert abm_here(*verb, "hostile.yaml") == 2
        err = capsys.readouterr().err
        assert err.count("hostile.yaml:") == len(tests)
        assert err.count("error: claims.") == len(tests)
        assert "Traceback" not in err
    assert not trap.exists() and not Path("out").exists()


def test_megabytes_of_claim_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"id": "c", "says": "x", "test": "(" * 1_000_000, "source": "JCI15"}
    Path("large.yaml").write_text(f"{TINY}claims:\n  - {json.dumps(row)}\n", encoding="utf-8")
    assert abm_here("check", "large.yaml") == 2
    err = capsys.readouterr().err
    assert "text of 1000000 characters; at most 2000 are allowed" in err
    assert len(err) < 1000


def test_options_that_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    for options, says in (
        (["--force", "--resume"], "give one of the two"),
        (["--evaluate-only", tmp_path, "--resume"], "not with --evaluate-only"),
        (["--evaluate-only", tmp_path, "--replicates", "2", "--arm", "cci"], "--arm, --replicates: not with"),
        (["--level", "95"], "a share from 0.5 to 0.9999"),
        (["--level", "nan"], "a share from 0.5 to 0.9999"),
    ):
        assert abm_here("study", path, *options) == 2
        assert says in " ".join(capsys.readouterr().err.split())


def settled(text: str) -> list[str]:
    """What must agree: not whether an effect is beyond 100, nor whether the program changed in between."""
    lines = [re.sub(r"[<>]−?#", "#", line) for line in essence(text)]
    return [line for line in lines if not line.startswith("note: the runs were made by")]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_guide_to_studies(tmp_path: Path) -> None:
    """Every command of docs/studies.md succeeds and prints what is shown, its Python runs."""
    found = follow(GUIDE, tmp_path, settled)
    assert found.commands >= 3
    assert not found.wrong, "\n\n".join(found.wrong)


def test_every_option_is_in_the_guide() -> None:
    from typer.main import get_command

    from abm.cli.main import app

    text = GUIDE.read_text(encoding="utf-8")
    verb = get_command(app).commands["study"]  # type: ignore[attr-defined]
    options = [option for parameter in verb.params for option in parameter.opts if option.startswith("--")]
    assert len(options) > 10
    hidden = {"--output", "--help"}
    assert [option for option in options if option not in hidden and option not in text] == []
