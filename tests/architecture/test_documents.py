"""The documents speak of what exists, and nothing in the tree belongs to somebody's machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A path into one machine, or the address of a package index: the lock files work with any.
FOREIGN = re.compile(
    r"(?<![\w.~/<>-])/(?:tmp|home|root|work|Users|opt)/"
    r"|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|--(?:extra-)?index-url|--find-links"
)
# pyproject.toml and Makefile say that no index may be named, by the name of the option.
ALLOWED = re.compile(r"--no-emit-index-url|--no-emit-find-links")

MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BACKTICKED = re.compile(r"`([^`\s]+)`")


def tracked() -> list[Path]:
    """The files git knows of, or will."""
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in answer.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def foreign(text: str) -> list[str]:
    """Lines that name one machine's folders or a package index."""
    return [line.strip() for line in text.splitlines() if FOREIGN.search(ALLOWED.sub("", line))]


def mentioned_files(text: str) -> set[str]:
    """Backticked words that are meant as a file or folder of this project."""
    words = {word.rstrip("/") for word in BACKTICKED.findall(text)}
    suffix = re.compile(r"\.(py|md|toml|yaml|yml|txt|cff|sh)$")
    return {
        word
        for word in words
        if re.fullmatch(r"[\w./-]+", word)
        and not word.startswith(("/", "."))
        and (suffix.search(word) or re.match(r"(abm|tests|docs|scenarios|benchmarks|outputs)/", word))
    }


def test_nothing_names_a_machine_or_an_index() -> None:
    found: dict[str, list[str]] = {}
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data or path == Path(__file__).resolve():
            continue
        if lines := foreign(data.decode("utf-8", errors="replace")):
            found[path.relative_to(ROOT).as_posix()] = lines
    assert found == {}


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("open('/tmp/x.h5')", True),
        ("cd /home/someone/abm", True),
        ("--extra-index-url https://example.org", True),
        ("uv pip compile --no-emit-index-url", False),
        ("the datasets /fields/TNF and /home", False),
        ("abm/tmp/x", False),
        ("PyPI has it", False),
    ],
)
def test_finder(line: str, caught: bool) -> None:
    assert bool(foreign(line)) is caught


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_named_files_exist(name: str) -> None:
    words = mentioned_files((ROOT / name).read_text(encoding="utf-8"))
    places = (ROOT, ROOT / "abm", ROOT / "tests")
    missing = {word for word in words if not any((place / word).exists() for place in places)}
    assert words
    assert missing == set()


def test_mentioned_files_are_recognised() -> None:
    text = "`abm/engine/step.py` runs `abm run`; `kernels/` and `x.yaml`, `a.b.c`, `abm/state/`, `c : (n,)`"
    assert mentioned_files(text) == {"abm/engine/step.py", "x.yaml", "abm/state"}


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked():
        if path.suffix != ".md":
            continue
        for target in MARKDOWN_LINK.findall(path.read_text(encoding="utf-8")):
            if "://" in target or target.startswith(("#", "mailto:")):
                continue
            if not (path.parent / target.partition("#")[0]).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_version_is_the_same_everywhere() -> None:
    from abm import __version__

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation


def test_locks_agree_and_are_hashed() -> None:
    pins = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        entries = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
        entries = [entry for entry in entries if not entry.startswith("#")]
        assert all("--hash=sha256:" in entry for entry in entries)
        pins[name] = {entry.partition(" \\")[0] for entry in entries}
    assert pins["requirements.txt"] < pins["requirements-dev.txt"]


def test_locks_hold_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for name, wanted in (
        ("requirements.txt", project["dependencies"]),
        ("requirements-dev.txt", extras["dev"] + extras["export"]),
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        locked = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
        declared = {re.split(r"[\s\[<>=;]", entry)[0].lower().replace(".", "-") for entry in wanted} - {"abm"}
        assert declared <= locked
