"""What docs/physicell.md shows is what happens.

After a change of what is printed,
`ABM_UPDATE_DOCS=1 python -m pytest -m slow tests/e2e/test_physicell_docs.py` writes the new text into it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from abm.scenario.physicell_csv import MAX_RULES
from tests.e2e.command_line import ROOT
from tests.e2e.documents import execute, follow, write_files

pytestmark = [pytest.mark.e2e]

DOCUMENT = ROOT / "docs" / "physicell.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the document."""
    place = tmp_path_factory.mktemp("docs")
    write_files(DOCUMENT.read_text(encoding="utf-8"), place)
    return place


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_command(folder: Path) -> None:
    found = follow(DOCUMENT, folder)
    assert found.commands >= 3
    assert not found.wrong, "\n\n".join(found.wrong)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_shown_setting_and_a_run(folder: Path) -> None:
    setting = '--set "cell_types.T cell.behaviours.death.increases.0.to=0.002 /min"'
    assert setting in DOCUMENT.read_text(encoding="utf-8")
    code, output = execute("abm import-rules glia.yaml -o changed.yaml", folder)
    assert code == 0, output
    code, output = execute(f"abm check changed.yaml {setting} --explain", folder)
    assert code == 0 and "raises it towards 0.002 /min" in output, output
    code, output = execute("abm run glia.yaml --replicates 1 -q", folder)
    assert code == 0, output


def test_limits_are_those_of_the_program() -> None:
    assert f"{MAX_RULES:,} rules" in DOCUMENT.read_text(encoding="utf-8")
