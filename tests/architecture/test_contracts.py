"""The import contracts hold, and each of them would notice a violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# For each contract: the room that breaks it, and the line that does.
VIOLATIONS = {
    "rooms": ("scenario", "import abm.engine"),
    "record-stands-alone": ("record", "import abm.scenario"),
    "looking-needs-no-engine": ("analysis", "import abm.kernels"),
    "plain-arrays-inside": ("state", "import pydantic"),
    "mesa-in-one-file": ("engine", "import mesa"),
    "templates-in-one-file": ("study", "from jinja2 import Environment"),
    "hdf5-in-one-room": ("view", "import h5py"),
    "figures-in-one-room": ("cli", "import matplotlib.pyplot"),
    "terminal-in-one-room": ("record", "from rich import progress"),
    "numba-below-the-engine": ("compile", "from numba import njit"),
}


def contracts() -> dict[str, dict[str, object]]:
    """The contracts of pyproject.toml by their id."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def lint_imports(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in a folder."""
    only = [] if contract is None else ["--contract", contract]
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *only],
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, to be spoilt."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "abm", tmp_path / "abm", ignore=lambda _, names: [n for n in names if n == "__pycache__"]
    )
    return tmp_path


def test_contracts_hold() -> None:
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(contracts())} kept, 0 broken" in answer.stdout


def test_every_contract_has_its_violation() -> None:
    assert set(VIOLATIONS) == set(contracts())


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_violation_is_caught(copy: Path, contract: str) -> None:
    room, line = VIOLATIONS[contract]
    spoilt = copy / "abm" / room / "__init__.py"
    with spoilt.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    answer = lint_imports(copy, contract)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "0 kept, 1 broken" in answer.stdout
    assert f"abm.{room} -> {line.split()[1].partition('.pyplot')[0]}" in answer.stdout


def test_violation_inside_a_function_is_caught(copy: Path) -> None:
    with (copy / "abm" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef late() -> None:\n    import abm.provenance\n")

    answer = lint_imports(copy, "rooms")

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "abm.errors -> abm.provenance" in answer.stdout


def test_room_without_a_place_in_the_layers_is_caught(copy: Path) -> None:
    (copy / "abm" / "helpers.py").write_text('"""A room that nobody declared."""\n', encoding="utf-8")

    answer = lint_imports(copy, "rooms")

    assert answer.returncode != 0
    assert "helpers" in answer.stdout + answer.stderr
