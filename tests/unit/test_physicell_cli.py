"""``abm import-rules``, and rules files in ``abm check``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from abm.cli.main import exit_code

DATA = Path(__file__).resolve().parents[1] / "data" / "physicell"


@pytest.fixture
def glia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("glia.yaml", "glia.csv", "sloppy.csv"):
        shutil.copy(DATA / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Path("glia.yaml")


def test_rules_are_printed_or_written(glia: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["import-rules", str(glia)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("schema_version: 1\nextends: glia.yaml\nphysicell_rules: null\n")
    Path("new").mkdir()
    assert exit_code(["import-rules", str(glia), "-o", "new/rules.yaml"]) == 0
    told = capsys.readouterr()
    assert told.out == "" and told.err == "Wrote new/rules.yaml. Next: abm check new/rules.yaml\n"
    written = Path("new/rules.yaml").read_text(encoding="utf-8")
    assert written == printed.replace("extends: glia.yaml", "extends: ../glia.yaml")
    assert exit_code(["check", "new/rules.yaml"]) == 0


def test_nothing_is_replaced_without_force(glia: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = glia.read_bytes()
    assert exit_code(["import-rules", str(glia), "-o", "glia.csv"]) == 4
    assert "exists already and is not replaced" in capsys.readouterr().err
    assert exit_code(["import-rules", str(glia), "-o", str(glia), "--force"]) == 4
    assert "is the file that would be extended" in capsys.readouterr().err
    assert glia.read_bytes() == before


def test_a_scenario_without_rules_files(glia: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = glia.read_text(encoding="utf-8")
    Path("none.yaml").write_text(text.split("physicell_rules:")[0], encoding="utf-8")
    assert exit_code(["import-rules", "none.yaml"]) == 2
    assert "none.yaml: error: names no rules file" in capsys.readouterr().err


def test_faults_are_shown_with_their_lines(glia: Path, capsys: pytest.CaptureFixture[str]) -> None:
    glia.write_text(glia.read_text(encoding="utf-8").replace("glia.csv", "sloppy.csv"), encoding="utf-8")
    assert exit_code(["check", str(glia)]) == 2
    told = capsys.readouterr().err
    assert "sloppy.csv:4:14: error: direction 'Increases'; did you mean 'increases'?" in told
    line = "    tumor,oxygen,Increases,cycle entry,0.003,21.5,4,0\n"
    assert f"{line}{' ' * 17}^\n" in told
