"""Documents whose commands are executed: what they show is what is printed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from tests.e2e.command_line import environment, python

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

    @property
    def exit_code(self) -> int:
        """What its commands are said to end with."""
        return int(self.value) if self.mark == "exit" else 0

    def commands(self) -> Iterator[tuple[str, str]]:
        """Command and what it prints, for a block of kind console."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


@dataclass
class Followed:
    """What came of following a document."""

    commands: int = 0
    wrong: tuple[str, ...] = ()
    printed_by_python: str = ""


def blocks(text: str) -> list[Block]:
    return [
        Block(m["kind"], m["text"], m["mark"] or "", m["value"] or "", m.span("text"))
        for m in BLOCK.finditer(text)
    ]


def write_files(text: str, folder: Path) -> None:
    """Write the files that a document shows."""
    for block in blocks(text):
        if block.mark == "file":
            (folder / block.value).write_text(block.text, encoding="utf-8")


def essence(text: str) -> list[str]:
    """What must agree: words and the number of numbers, not their values, nor how wide columns are."""
    lines = (line for line in text.splitlines() if not PROGRESS.match(line))
    return [re.sub(r"-{2,}", "-", re.sub(r"\s+", " ", NUMBER.sub("#", line))).strip() for line in lines]


def command_lines(text: str) -> list[str]:
    """Commands of this program in blocks that do not show what they print."""
    plain = (block.text for block in blocks(text) if block.kind in ("", "console"))
    return [line for block in plain for line in block.splitlines() if line.startswith("abm ")]


def execute(command: str, cwd: Path) -> tuple[int, str]:
    """Exit code and output, both streams as on a screen; a player is asked for its page and ended."""
    environ = _environment(cwd)
    if command.startswith("abm play") and "--mpl" not in command:
        return _look_at_player(command, cwd, environ)
    answer = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return answer.returncode, answer.stdout


def _environment(cwd: Path) -> dict[str, str]:
    """One in which `abm` is the program of this source tree."""
    shims = cwd / ".shims"
    if not shims.exists():
        shims.mkdir()
        (shims / "abm").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m abm "$@"\n', encoding="utf-8")
        (shims / "abm").chmod(0o755)
    path = f"{shims}{os.pathsep}{os.environ['PATH']}"
    return environment(PATH=path, COLUMNS="80")


def _look_at_player(command: str, cwd: Path, environ: dict[str, str]) -> tuple[int, str]:
    # Its comment, if any, would hide the option.
    program = ["bash", "-c", f"exec {command.partition(' #')[0]} --no-browser"]
    with subprocess.Popen(
        program, cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as player:
        assert player.stdout is not None
        address = player.stdout.readline()
        if address.startswith("http://127.0.0.1:"):
            with urlopen(address.partition("#")[0].strip()) as page:
                assert b"<html" in page.read()
            player.send_signal(signal.SIGINT)
        rest = player.stdout.read()
        return player.wait(timeout=30), address + rest


def shown(text: str) -> str:
    """Output as it goes into a document."""
    lines = [line.rstrip() for line in text.splitlines() if not PROGRESS.match(line) or "Wall time" in line]
    return "".join(f"{line}\n" for line in lines)


def follow(
    document: Path, folder: Path, settled: Callable[[str], list[str]] = essence, *, update: bool = UPDATE
) -> Followed:
    """Do what a document says in its order: write its files, execute its commands and its Python.

    Commands must end with the code that is said, and agree in what `settled` leaves of what they print.
    With `update` it need not agree: if nothing else is wrong, it is written into the document.
    """
    text = document.read_text(encoding="utf-8")
    found = Followed()
    new_text, at = "", 0
    for block in blocks(text):
        if block.mark == "file":
            (folder / block.value).write_text(block.text, encoding="utf-8")
        if block.kind == "python":
            answer = python(block.text, cwd=folder)
            found.printed_by_python += answer.stdout
            if answer.returncode:
                found.wrong += (f"{block.text}--- failed\n{answer.stderr}",)
        if block.kind != "console":
            continue
        made = ""
        for command, printed in block.commands():
            found.commands += 1
            if command.startswith("h5diff") and shutil.which("h5diff") is None:
                made += f"$ {command}\n{printed}"
                continue
            code, output = execute(command, folder)
            made += f"$ {command}\n{shown(output)}"
            if code != block.exit_code:
                found.wrong += (f"$ {command}\nexit code {code}, expected {block.exit_code}\n{output}",)
            elif not update and settled(output) != settled(printed):
                found.wrong += (f"$ {command}\n--- shown\n{printed}--- printed\n{output}",)
        new_text += text[at : block.span[0]] + made
        at = block.span[1]
    if update and not found.wrong:
        document.write_text(new_text + text[at:], encoding="utf-8")
    return found
