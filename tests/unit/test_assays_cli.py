"""``abm assay`` as a person uses it."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.command_line import TINY, abm_here
from tests.unit.test_assays import experiment

pytestmark = [pytest.mark.e2e]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return experiment(tmp_path_factory.mktemp("assays"), ("cci", "cci_bmsc"), replicates=2)


def test_table_csv_and_figure(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "animals.csv"
    code = abm_here(
        "assay", results, "--assay", "von-frey", "--assay", "heat", "--at", "7 d", "--at", "12 h",
        "--animals", "4", "-o", table, "--figures", tmp_path / "figures", "--format", "svg",
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert code == 0
    assert "50 % withdrawal threshold; 4 animals per run" in printed and "cut off at 20 s" in printed
    assert printed.splitlines()[-2:] == [
        str(tmp_path / "figures" / f"assay_{name}.svg") for name in ("von_frey", "heat")
    ]
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert len(rows) == 2 * 2 * 2 * 2 * 4
    assert {row["assay"] for row in rows} == {"von-frey", "heat"} and {row["unit"] for row in rows} == {
        "g",
        "s",
    }
    assert {row["day"] for row in rows} == {"0.5", "7.0"}


def test_the_same_command_gives_the_same_bytes(results: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert abm_here("assay", results, "-o", tmp_path / f"{name}.csv", "--figures", tmp_path / name) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    figures = [(tmp_path / name / "assay_von_frey.png").read_bytes() for name in ("a", "b")]
    assert figures[0] == figures[1]


def test_output_is_not_replaced_by_accident(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("mine", encoding="utf-8")
    assert abm_here("assay", results, "-o", table, "--format", "none") == 4
    assert "mine.csv: exists already and is not replaced" in capsys.readouterr().err
    assert table.read_text(encoding="utf-8") == "mine"
    assert abm_here("assay", results, "-o", table, "--format", "none", "--force") == 0
    assert table.read_text(encoding="utf-8").startswith("assay,arm,replicate,animal,day")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--at", "5"), 2, "a time with its unit is expected"),
        (("--at", "nan d"), 2, "a time with its unit is expected"),
        (("--at", "60 d"), 4, "arm cci is recorded from day 0 to day 8"),
        (("--at", "-1 d"), 4, "days to be tested that are not in it: -1"),
        (("--assay", "tail-flick"), 2, "there are von-frey, heat"),
        (("--animals", "0"), 2, "greater than or equal to 1"),
        (("--animals", "1000000"), 4, "allowed: 1 to 10000"),
        (("--format", "jpg"), 2, "there are png, svg, pdf, or none alone"),
        (("-o", "/nowhere/x.csv", "--format", "none"), 4, "the directory does not exist"),
    ],
)
def test_faults(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    assert abm_here("assay", results, "--figures", tmp_path, *options) == code
    error = capsys.readouterr().err
    assert message in " ".join(error.replace("│", " ").split()) and "Traceback" not in error


def test_no_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("assay", tmp_path) == 4
    assert "there is no result file" in capsys.readouterr().err


def test_document(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/assays.md works, and so does its Python."""
    experiment(tmp_path / "results", ("cci", "cci_bmsc"), replicates=2, days=15.0)
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / "assays.md").read_text(encoding="utf-8")
    commands = [re.split(r"\s{3,}", line)[0] for line in text.splitlines() if line.startswith("abm assay")]
    assert len(commands) == 3
    for command in commands:
        assert abm_here(*shlex.split(command)[1:], "--format", "none") == 0, command
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(python, {})


@pytest.mark.slow
def test_assay_of_a_simulation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the library through the engine and the file to the table: the units agree."""
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert abm_here("run", "tiny.yaml", "-o", "out", "--quiet") == 0
        assert (
            abm_here("assay", "out", "--at", "0 h", "--at", "6 h", "--assay", "heat", "--format", "none") == 0
        )
    finally:
        os.chdir(before)
    first = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("cci "))
    assert first.split()[1:3] == ["0", "10"]
