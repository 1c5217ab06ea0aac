"""Faulty scenario files and the exact messages they earn.

`tests/data/faulty/messages.txt` holds, for every file beside it, the faults in order: file, line,
column, what was given, what is allowed, the nearest spelling.  ``ABM_REWRITE_MESSAGES=1 pytest
tests/e2e/test_faulty_scenarios.py`` writes it anew; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from abm.errors import ScenarioError
from abm.scenario.load import load_experiment, load_experiment_text
from abm.scenario.read import MAX_BYTES

FOLDER = Path(__file__).resolve().parents[1] / "data" / "faulty"
MESSAGES = FOLDER / "messages.txt"
# The library's sources grow; which of them a message lists says nothing about the message.
SOURCES_KNOWN = re.compile(r"known: [^;]*; or add(?= it under 'sources')")
SOUND = ("good.yaml", "bare_tissue.yaml")
FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name not in SOUND)


def expected() -> dict[str, list[str]]:
    """File -> its messages."""
    found: dict[str, list[str]] = {}
    for line in MESSAGES.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found[line[3:]] = []
        elif line:
            found[list(found)[-1]].append(line)
    return found


def messages(path: str | Path) -> list[str]:
    """Messages of a file that must not load, without the lines that show the source."""
    with pytest.raises(ScenarioError) as error:
        load_experiment(path)
    lines = [str(fault).splitlines()[0] for fault in error.value.faults]
    return [SOURCES_KNOWN.sub("known: ...; or add", line) for line in lines]


@pytest.fixture(autouse=True)
def in_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name files as the user wrote them: here, without a folder."""
    monkeypatch.chdir(FOLDER)


@pytest.fixture(scope="module", autouse=True)
def rewrite() -> None:
    """Write the messages anew when asked to."""
    if os.environ.get("ABM_REWRITE_MESSAGES"):
        os.chdir(FOLDER)
        parts = ["\n".join([f"== {name}", *messages(name)]) for name in FILES]
        MESSAGES.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def test_there_are_enough_and_none_is_forgotten() -> None:
    assert len(FILES) >= 45
    assert sorted(expected()) == FILES


def test_what_they_extend_is_sound() -> None:
    for name in SOUND:
        assert load_experiment(name).base.cell_types


@pytest.mark.parametrize("name", FILES)
def test_messages(name: str) -> None:
    assert messages(name) == expected()[name]


def test_faults_are_ordered_by_position_and_told_once() -> None:
    with pytest.raises(ScenarioError) as error:
        load_experiment("many_faults.yaml")
    own = [(f.line, f.column) for f in error.value.faults if f.file == "many_faults.yaml"]
    assert len(own) >= 15
    assert own == sorted(own)
    assert len({str(fault) for fault in error.value.faults}) == len(error.value.faults)


def test_caret_points_at_the_value() -> None:
    with pytest.raises(ScenarioError) as error:
        load_experiment("bare_number.yaml")
    _, line, caret = str(error.value).splitlines()
    assert line[caret.index("^") :].startswith("72")


# Files that cannot well be kept as files.


def flow(depth: int) -> str:
    return "schema_version: 1\na: " + "[" * depth + "]" * depth + "\n"


def block(depth: int) -> str:
    return "\n".join(" " * i + f"k{i}:" for i in range(depth)) + " 1\n"


HOSTILE: dict[str, tuple[bytes, str]] = {
    "binary": (bytes(range(256)) * 4, "control character U+0000: this is not a text file|is not UTF-8"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, "byte 0x89 is not UTF-8"),
    "zeros": (b"schema_version: 1\n\x00\n", "control character U\\+0000"),
    "latin1": ("title: Sch\u00e4fer\n".encode("latin-1"), "f:1: error: byte 0xe4 is not UTF-8"),
    "utf16": ("schema_version: 1\n".encode("utf-16"), "is not UTF-8|control character"),
    "escape": (b"title: \x1b[31mred\n", "control character U\\+001B"),
    "huge": (b"# " + b"x" * MAX_BYTES, f"at most {MAX_BYTES} are read"),
    "deep flow": (flow(20_000).encode(), "nested deeper than 50 levels"),
    "deep block": (block(60).encode(), "nested deeper than 50 levels"),
    "many values": (b"schema_version: 1\na: [" + b"1," * 101_000 + b"]\n", "more than 100000 values"),
    "long key": (b"? " + b"k" * 5000 + b"\n: 1\n", "unknown key"),
    "billion laughs in keys": (b"a: &a {? [1, 2] : 3}\nb: *a\n", "a key must be a text"),
    "directive": (b"%YAML 1.1\n---\nschema_version: 1\n---\n", "a second document starts here"),
    "blanks": (b" \n\n   \n", "is empty"),
    "text": (b"just some words\n", "a scenario is a mapping"),
    "nothing but a dash": (b"-\n", "a scenario is a mapping"),
    "surrogate": (b'title: "\\ud800"\n', r"f:1:8: error: the text holds the character U\+D800"),
    "escaped zero": (b'title: "\\0"\n', r"f:1:8: error: the text holds the character U\+0000"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, says = HOSTILE[name]
    monkeypatch.chdir(tmp_path)
    Path("f").write_bytes(content)
    with pytest.raises(ScenarioError, match=says):
        load_experiment("f")


def make_missing(folder: Path) -> Path:
    (folder / "scenario.yaml").write_text("schema_version: 1\n")
    return folder / "scenaro.yaml"


def make_link_to_nowhere(folder: Path) -> Path:
    (folder / "link.yaml").symlink_to(folder / "gone.yaml")
    return folder / "link.yaml"


def make_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.yaml")
    return folder / "pipe.yaml"


def make_circle_of_links(folder: Path) -> Path:
    (folder / "a.yaml").symlink_to(folder / "b.yaml")
    (folder / "b.yaml").symlink_to(folder / "a.yaml")
    return folder / "a.yaml"


NO_FILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (make_missing, r"scenaro\.yaml: error: no such file; did you mean 'scenario\.yaml'\?"),
    "missing folder": (lambda folder: folder / "no" / "file.yaml", "no such file"),
    "directory": (lambda folder: folder, "is a directory; a scenario is one YAML file"),
    "link to nowhere": (make_link_to_nowhere, "no such file"),
    "circle of links": (make_circle_of_links, "cannot be read|no such file"),
    "pipe": (make_pipe, "is not a regular file"),
    "name with a zero": (lambda folder: Path("a\x00b.yaml"), "cannot be read|no such file"),
    "endless name": (lambda folder: folder / ("x" * 5000), "cannot be read|no such file"),
}


@pytest.mark.parametrize("name", NO_FILE)
def test_no_file(name: str, tmp_path: Path) -> None:
    make, says = NO_FILE[name]
    with pytest.raises(ScenarioError, match=says):
        load_experiment(make(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("schema_version: 1\n")
    file.chmod(0)
    with pytest.raises(ScenarioError, match="cannot be read: Permission denied"):
        load_experiment(file)


def test_a_stored_text_cannot_reach_for_files() -> None:
    text = "schema_version: 1\nextends: good.yaml\nregions: {r: {image: {file: /etc/passwd}}}\n"
    with pytest.raises(ScenarioError) as error:
        load_experiment_text(text, "run.h5")
    assert "this text has no folder of its own" in str(error.value)
    assert len(error.value.faults) == 2


def test_endless_chain_of_files_ends(tmp_path: Path) -> None:
    for i in range(120):
        (tmp_path / f"{i}.yaml").write_text(f"schema_version: 1\nextends: {i + 1}.yaml\n")
    with pytest.raises(ScenarioError, match="more than 100 files are extended"):
        load_experiment(tmp_path / "0.yaml")


def test_a_file_that_extends_itself(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("schema_version: 1\nextends: ./a.yaml\n")
    with pytest.raises(ScenarioError, match="in a circle"):
        load_experiment(tmp_path / "a.yaml")
