"""Every command that the documents show is executed, and prints what they show.

After a change of what is printed,
`ABM_UPDATE_DOCS=1 python -m pytest -m slow tests/e2e/test_docs_commands.py`
writes the new text into the user guide; look at the difference before committing it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.command_line import ROOT, environment

pytestmark = [pytest.mark.e2e]

GUIDE = ROOT / "docs" / "user_guide.md"
UPDATE = os.environ.get("ABM_UPDATE_DOCS") == "1"

BLOCK = re.compile(
    r"(?:<!-- (?P<mark>file|exit): (?P<value>\S+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
# Progress depends on the machine.
PROGRESS = re.compile(r"^(\d+ runs?, \d+ at a time|1 run|\d+ of \d+ runs, .*|Wall time .*)$")
NUMBER = re.compile(r"[-−–]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?:\s*±\s*\d+(?:\.\d+)?)?|(?<!\S)–(?!\S)")


@dataclass(frozen=True)
class Block:
    """One fenced block; its span is that of its text."""

    kind: str
    text: str
    mark: str
    value: str
    span: tuple[int, int]

    def commands(self) -> Iterator[tuple[str, str]]:
        """Command and what it prints, for a block of kind console."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


def blocks(text: str) -> list[Block]:
    return [
        Block(m["kind"], m["text"], m["mark"] or "", m["value"] or "", m.span("text"))
        for m in BLOCK.finditer(text)
    ]


def essence(text: str) -> list[str]:
    """What must agree: words and the number of numbers, not their values, nor how wide columns are."""
    lines = (line for line in text.splitlines() if not PROGRESS.match(line))
    return [re.sub(r"-{2,}", "-", re.sub(r"\s+", " ", NUMBER.sub("#", line))).strip() for line in lines]


def execute(command: str, cwd: Path) -> tuple[int, str]:
    """Exit code and output, both streams together as on a screen."""
    shims = cwd / ".shims"
    if not shims.exists():
        shims.mkdir()
        (shims / "abm").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m abm "$@"\n', encoding="utf-8")
        (shims / "abm").chmod(0o755)
    answer = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environment(PATH=f"{shims}{os.pathsep}{os.environ['PATH']}", COLUMNS="80"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return answer.returncode, answer.stdout


def shown(text: str) -> str:
    """Output as it goes into a document."""
    lines = [line.rstrip() for line in text.splitlines() if not PROGRESS.match(line) or "Wall time" in line]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_user_guide(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    wrong: list[str] = []
    new_text, at = "", 0
    for block in blocks(text):
        if block.mark == "file":
            (tmp_path / block.value).write_text(block.text, encoding="utf-8")
        if block.kind != "console":
            continue
        expected = int(block.value) if block.mark == "exit" else 0
        made = ""
        for command, printed in block.commands():
            if command.startswith("h5diff") and shutil.which("h5diff") is None:
                made += f"$ {command}\n{printed}"
                continue
            code, output = execute(command, tmp_path)
            made += f"$ {command}\n{shown(output)}"
            if code != expected:
                wrong.append(f"$ {command}\nexit code {code}, expected {expected}\n{output}")
            elif not UPDATE and essence(output) != essence(printed):
                wrong.append(f"$ {command}\n--- shown\n{printed}--- printed\n{output}")
        new_text += text[at : block.span[0]] + made
        at = block.span[1]
    new_text += text[at:]
    if UPDATE:
        GUIDE.write_text(new_text, encoding="utf-8")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_readme(tmp_path: Path) -> None:
    """The tour of the README: its commands succeed, its scenario holds, its Python runs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    lines = [
        line
        for block in blocks(text)
        if block.kind in ("", "console")
        for line in block.text.splitlines()
        if line.startswith("abm ")
    ]
    assert len(lines) >= 5
    for line in lines:
        code, output = execute(line, tmp_path)
        assert code == 0, f"$ {line}\n{output}"
    for block in blocks(text):
        if block.kind == "python":
            answer = subprocess.run(
                [sys.executable, "-c", block.text], cwd=tmp_path, env=environment(), check=False, timeout=300
            )
            assert answer.returncode == 0, block.text
    (scenario,) = [block.text for block in blocks(text) if block.kind == "yaml"]
    (tmp_path / "below").mkdir()
    (tmp_path / "chen2015.yaml").symlink_to(ROOT / "scenarios" / "chen2015.yaml")
    (tmp_path / "below" / "mine.yaml").write_text(scenario, encoding="utf-8")
    code, output = execute("abm check below/mine.yaml", tmp_path)
    assert code == 0, output


def test_every_option_of_run_is_in_the_guide() -> None:
    from typer.main import get_command

    from abm.cli.main import VERBS, app

    text = GUIDE.read_text(encoding="utf-8")
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    assert [verb for verb in (*VERBS, "library") if f"abm {verb}" not in text] == []
    options = [
        option for parameter in verbs["run"].params for option in parameter.opts if option.startswith("--")
    ]
    assert len(options) > 8
    hidden = {"--output", "--help"}  # shown by their short names, or common to all
    assert [option for option in options if option not in hidden and option not in text] == []


def test_essence_ignores_values_only() -> None:
    assert essence("a  1.20 ± 0.02   –\n---- --") == essence("a 3   5e-3\n-- ------")
    assert essence("8 runs, 2 at a time\nx") == ["x"]
    assert essence("threshold 1.2 g") != essence("threshold 1.2 mg")
    assert essence("1 2") != essence("1 2 3")
