"""`abm report`: several evaluated studies as one document."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from abm.analysis.groups import group_runs
from abm.scenario.load import load_experiment_text
from abm.study.claim_tables import as_document, to_json
from abm.study.validation import read_study, validation_text
from abm.study.verdicts import evaluate_claims
from tests.e2e.command_line import abm_here
from tests.recorded_runs import Plan, write_experiment
from tests.unit.test_claims_values import TEXT

CLAIMS = """
claims:
  - {id: hurts, says: The injury hurts., source: JCI15,
     test: "threshold(cci, at=5 d) < threshold(sham, at=5 d)", contradicted_by: [Nobody 1999]}
  - {id: soothes, says: The injury soothes., source: JCI15,
     test: "threshold(cci, at=5 d) > threshold(sham, at=5 d)"}
  - {id: later, says: Nobody looked., source: JCI15, test: "threshold(cci, at=99 d) < 1 g"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs and their claims.json, as `abm study` leaves them."""
    made = write_experiment(
        tmp_path_factory.mktemp("runs"), ["sham", "cci"], range(6), Plan(days=8.0, fields=False, cells=False)
    )
    experiment = load_experiment_text(TEXT + CLAIMS)
    with group_runs(made) as groups:
        verdicts = evaluate_claims(experiment.claims, groups)
        text = to_json(as_document(verdicts, experiment, groups, 0.95))
    (made / "claims.json").write_text(text, encoding="utf-8")
    return made


def test_every_claim_with_its_verdict(folder: Path) -> None:
    text = validation_text([read_study(folder)])
    # One row per claim: id, finding, test, difference, verdict, source.
    rows = {cells[1].strip(): cells for line in text.splitlines() if len(cells := line.split("|")) == 8}
    assert [rows[name][5].strip() for name in ("hurts", "soothes", "later")] == [
        "**reproduced**",
        "**not reproduced**",
        "**cannot be evaluated**",
    ]
    assert rows["hurts"][2].strip() == "The injury hurts."
    assert re.fullmatch(r"−[\d.]+ \[−[\d.]+, −[\d.]+\] g", rows["hurts"][4].strip())
    assert rows["later"][4].strip() == "–"
    assert "- **later**: " in text
    assert "- **hurts** (The injury hurts.): contradicted by Nobody 1999" in text


def test_studies_are_summed_up(folder: Path) -> None:
    study = read_study(folder)
    text = validation_text([study, study])
    summary = [line for line in text.splitlines() if line.startswith("| ")]
    (total,) = [line for line in summary if "**all**" in line]
    assert [cell.strip() for cell in total.split("|")[3:7]] == ["2", "2", "0", "2"]
    assert text.count(f"## {study.document['title']}\n") == 2


def test_missed_targets_stand_before_the_studies(folder: Path) -> None:
    study = read_study(folder)
    assert study.targets is not None
    missed = study.targets.tested - study.targets.met
    before = validation_text([study]).split(f"## {study.document['title']}\n")[0]
    assert missed > 0 and before.count("| no |") == missed and "| yes |" not in before
    assert f"Missed: {missed} of {study.targets.tested} targets." in before


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("report", folder) == 0
    printed = capsys.readouterr().out
    assert printed == validation_text([read_study(folder)])
    file = tmp_path / "findings.md"
    assert abm_here("report", folder, "-o", file) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert file.read_text(encoding="utf-8") == printed
    file.write_text("mine", encoding="utf-8")
    assert abm_here("report", folder, "-o", file) == 4
    assert "not replaced" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "mine"
    assert abm_here("report", folder, "-o", file, "--force") == 0
    assert file.read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("{", "is no JSON"),
        ("[]", "is no file of claims that abm study wrote"),
        (json.dumps({"schema": "other"}), "is no file of claims that abm study wrote"),
    ],
)
def test_folders_without_claims(
    content: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "claims.json").write_text(content, encoding="utf-8")
    assert abm_here("report", tmp_path) == 4
    assert told in capsys.readouterr().err
