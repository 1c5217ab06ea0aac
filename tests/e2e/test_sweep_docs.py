"""The commands of docs/sweeps.md and docs/hpc.md, on a sweep small enough for a test."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from abm.sweep.manifest import Manifest
from abm.sweep.slurm import load_profile
from tests.e2e.command_line import ROOT, TINY, abm_here
from tests.e2e.documents import blocks, execute
from tests.sweeps import write_sweep

pytestmark = [pytest.mark.e2e]

SWEEPS = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
HPC = (ROOT / "docs" / "hpc.md").read_text(encoding="utf-8")

SCENARIO = TINY.replace("  cells:\n", "  cci_bmsc:\n").replace("replicates: 2", "replicates: 1")
#: What the document writes for more than a test can make.
SMALLER = {
    "33 d": "6 h",
    "points: 5": "points: 2",
    "list: [0 d, 2 d, 4 d, 7 d, 14 d, 21 d, 28 d]": "list: [0 d, 1 h]",
}
SMALLER |= {"replicates: 8": "replicates: 2", "every: 6 h": "every: 1 h", "../chen2015.yaml": "tiny.yaml"}
MORRIS = "sample: {method: morris, points: 3}\nreplicates: 1\nsettings: {time.duration: 1 h}\n"
#: Needs somebody at the screen, or goes on until it is stopped.
NOT_RUN = ("abm play",)


def smaller(text: str) -> str:
    for large, small in SMALLER.items():
        text = text.replace(large, small)
    return text


def commands(text: str) -> list[str]:
    """Lines of blocks that call the program, without the remarks behind them."""
    lines = [line for block in blocks(text) if not block.kind for line in block.text.splitlines()]
    found = [re.sub(r"\s+#.*", "", line) for line in lines if line.startswith("abm ")]
    return [line for line in found if not line.startswith(NOT_RUN)]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of the document, and that of its sensitivities, smaller and run."""
    folder = tmp_path_factory.mktemp("docs")
    yaml = [block.text for block in blocks(SWEEPS) if block.kind == "yaml"]
    write_sweep(folder, smaller(yaml[0]), SCENARIO)
    ranges = re.sub(r"sample:.*", "", yaml[1])
    (folder / "s.yaml").write_text(
        f"schema_version: 1\nscenario: tiny.yaml\n{ranges}{MORRIS}", encoding="utf-8"
    )
    for name, out in (("sweep.yaml", "out"), ("s.yaml", "sampled")):
        assert abm_here("sweep", "run", folder / name, "-o", folder / out, "--processes", "1", "-q") == 0
    return folder


def test_commands_of_sweeps(swept: Path) -> None:
    name = Manifest.load(swept / "out").names[0]
    lines = commands(SWEEPS)
    assert len(lines) >= 11
    for line in lines:
        folder = "sampled" if "sensitivity" in line else "out"
        line = line.replace("FILE", "sweep.yaml").replace("DIR", folder).replace("1f3a", name)
        line = line.replace("14 d", "4 h")
        code, output = execute(line, swept)
        assert code == 0, f"$ {line}\n{output}"
    for made in ("one.h5", "cases.csv", "case.h5", "tornado.png", "map.png", "curve.png", "window.png"):
        assert (swept / made).stat().st_size > 300


def test_python_of_sweeps(swept: Path) -> None:
    if not (swept / "one.h5").exists():
        assert abm_here("sweep", "merge", swept / "out", "-o", swept / "one.h5", "-q") == 0
    (text,) = [block.text for block in blocks(SWEEPS) if block.kind == "python"]
    namespace: dict[str, object] = {}
    exec(text.replace('"one.h5"', repr(str(swept / "one.h5"))), namespace)
    assert namespace["relief"].sizes == {"dose": 2}  # type: ignore[attr-defined]
    assert set(namespace["cube"].sizes) >= {"arm", "dose", "day", "replicate"}  # type: ignore[attr-defined]


def test_commands_of_hpc_that_need_no_cluster(swept: Path) -> None:
    """Planning, a part of the runs, and looking; those with an engine are in tests/hpc."""
    lines = commands(HPC)
    assert len(lines) >= 4
    for line in lines:
        line = line.replace("$SCRATCH/dose", "part").replace("dose.yaml", "sweep.yaml").replace("DIR", "part")
        if "--engine" not in line:
            code, output = execute(line.replace("--watch", "").replace("$INDEX", "7"), swept)
            assert code == 0, f"$ {line}\n{output}"


def test_profile_of_the_document_is_read(tmp_path: Path) -> None:
    (text,) = [block.text for block in blocks(HPC) if block.kind == "yaml"]
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    profile = load_profile(tmp_path / "cluster.yaml")
    assert set(YAML(typ="safe").load(text)) <= set(type(profile).model_fields)
    assert profile.scratch == "${TMPDIR:-/var/tmp}" and profile.cpus == 8


def test_definition_file_of_the_container(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "abm.def").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^%(\w+)\n((?:    .*\n)+)", text, re.MULTILINE))
    assert set(sections) == {"files", "post", "environment", "runscript", "test"}
    for line in sections["files"].splitlines():
        source, target = line.split()
        assert (ROOT / source).exists() and target == f"/abm-source/{source}"
    (extras,) = re.findall(r"/abm-source\[([a-z,]+)\]", sections["post"])
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert set(extras.split(",")) <= set(known)
    for name in ("post", "environment", "runscript", "test"):
        (tmp_path / name).write_text(sections[name], encoding="utf-8")
        assert subprocess.run(["bash", "-n", str(tmp_path / name)], check=False).returncode == 0
    assert shutil.which("apptainer") is None or "docs/abm.def" in HPC
