"""The commands of docs/calibration.md are executed, and print what the document shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abm.calibrate.load import load_problem
from tests.e2e.command_line import ROOT
from tests.e2e.documents import follow

SHIPPED = sorted(
    path
    for path in (ROOT / "scenarios" / "calibration").glob("*.yaml")
    if "\nparameters:" in path.read_text(encoding="utf-8")
)
DOCUMENT = ROOT / "docs" / "calibration.md"


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_document_shows_what_is_printed(tmp_path: Path) -> None:
    found = follow(DOCUMENT, tmp_path)
    assert found.commands >= 3
    assert not found.wrong, "\n\n".join(found.wrong)


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_fit_files_are_sound(path: Path) -> None:
    problem = load_problem(path)
    assert len(problem.parameters) >= 3
    # A fit with more parameters than targets would say nothing.
    assert len(problem.aims) > 2 * len(problem.parameters)
    for parameter in problem.parameters:
        assert parameter.low < parameter.start < parameter.high


def test_every_key_of_a_fit_file_is_described() -> None:
    from abm.calibrate.schema import (
        AbcOptions,
        Choice,
        CmaOptions,
        FitFile,
        LeastSquaresOptions,
        ParameterPart,
    )

    text = DOCUMENT.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_.]+)`", text))
    wanted = {"targets.file", "targets.choose", *FitFile.model_fields, *Choice.model_fields}
    wanted |= {*ParameterPart.model_fields, *CmaOptions.model_fields, *AbcOptions.model_fields}
    wanted |= set(LeastSquaresOptions.model_fields)
    # Said in the title of the example, or without effect on the result.
    assert wanted - named - {"targets", "title", "batch"} == set()
