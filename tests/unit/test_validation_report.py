"""``abm report``: remarks and figures of the document; the rest is in test_study_findings.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abm.study.validation import read_study, validation_text
from tests.e2e.command_line import abm_here

COMPARISON = {
    "text": "threshold(cells, at=5 d) > 1 g",
    "verdict": "not reproduced",
    "mean": -0.25,
    "low": -0.5,
    "high": -0.125,
    "unit": "g",
}


def claim(name: str, verdict: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "says": f"Finding {name}.",
        "test": "threshold(cells, at=5 d) > 1 g",
        "references": ["Somebody 1999"],
        "verdict": verdict,
        "reason": "",
        "comparisons": [COMPARISON],
        **more,
    }


def folder(path: Path, title: str, *claims: dict[str, Any], picture: bytes | None = None) -> Path:
    path.mkdir(parents=True)
    document = {
        "schema": "abm-claims",
        "title": title,
        "seed": [7],
        "arms": {"cells": [0, 1, 2], "sham": [0]},
        "made_by": ["abm 1.0"],
        "claims": claims,
    }
    (path / "claims.json").write_text(json.dumps(document), encoding="utf-8")
    if picture is not None:
        (path / "figures").mkdir()
        (path / "figures" / "claims.png").write_bytes(picture)
    return path


def row(text: str, start: str) -> str:
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return " ".join(found.split())


def test_every_claim_stands_with_its_verdict_interval_and_remark(tmp_path: Path) -> None:
    one = folder(
        tmp_path / "one",
        "Relief",
        claim("A-1", "reproduced"),
        claim("A-2", "not reproduced", remark=["The model has no opioids."], contradicted_by=["Nobody 2001"]),
    )
    two = folder(
        tmp_path / "two", "Nothing", claim("B", "inconclusive", reason="one replicate has no interval")
    )
    text = validation_text([read_study(one), read_study(two)])
    assert row(text, "[Relief](#relief)") == "| [Relief](#relief) | 3 | 1 | 1 | 0 | 0 | – |"
    assert row(text, "**all**") == "| **all** | | 1 | 1 | 1 | 0 | |"
    failures, whole = text.split("## Relief")
    assert "| −0.25 [−0.5, −0.125] g | **not reproduced** | Somebody 1999 |" in row(whole, "A-2")
    assert "- **A-2**: The model has no opioids." in text
    assert "- **B**: One replicate has no interval." in text
    assert row(failures, "A-2") == "| A-2 | Finding A-2. | not reproduced | The model has no opioids. |"
    assert "- **A-2** (Finding A-2.): contradicted by Nobody 2001" in text.split("## Papers that disagree")[1]


def test_figures_go_beside_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder(tmp_path / "one", "Relief", claim("A", "reproduced"), picture=b"picture")
    made, pictures = tmp_path / "docs" / "found.md", tmp_path / "docs" / "images"
    made.parent.mkdir()
    arguments = ["report", str(one), "-o", str(made), "--figures", str(pictures)]
    assert abm_here(*arguments) == 0
    assert (pictures / "one.png").read_bytes() == b"picture"
    assert "](images/one.png)" in made.read_text(encoding="utf-8")
    made.unlink()
    assert abm_here(*arguments) != 0 and not made.exists()
    assert "one.png: exists already" in capsys.readouterr().err
    assert abm_here(*arguments, "--force") == 0 and made.exists()


def test_folders_that_would_share_a_figure_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = [folder(tmp_path / part / "x", part, claim("A", "reproduced"), picture=b"p") for part in "ab"]
    assert abm_here("report", *same, "-o", tmp_path / "f.md", "--figures", tmp_path / "i") != 0
    assert "same name" in capsys.readouterr().err
    assert not (tmp_path / "i").exists() and not (tmp_path / "f.md").exists()
