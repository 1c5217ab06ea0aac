"""Every command that the documents show is executed, and prints what they show.

After a change of what is printed,
`ABM_UPDATE_DOCS=1 python -m pytest -m slow tests/e2e/test_docs_commands.py`
writes the new text into the user guide; look at the difference before committing it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command_line import ROOT, python
from tests.e2e.documents import blocks, command_lines, essence, execute, follow

pytestmark = [pytest.mark.e2e]

GUIDE = ROOT / "docs" / "user_guide.md"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_user_guide(tmp_path: Path) -> None:
    found = follow(GUIDE, tmp_path)
    assert found.commands > 20
    assert not found.wrong, "\n\n".join(found.wrong)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_readme(tmp_path: Path) -> None:
    """The tour of the README: its commands succeed, its scenario holds, its Python runs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    assert_followed(text, tmp_path, least=12)
    (scenario,) = [block.text for block in blocks(text) if block.kind == "yaml"]
    (tmp_path / "below").mkdir()
    (tmp_path / "chen2015.yaml").symlink_to(ROOT / "scenarios" / "chen2015.yaml")
    (tmp_path / "below" / "mine.yaml").write_text(scenario, encoding="utf-8")
    code, output = execute("abm check below/mine.yaml", tmp_path)
    assert code == 0, output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_playback_guide(tmp_path: Path) -> None:
    arms = "--arm sham --arm cci --arm cci_bmsc --replicates 1"
    coarse = "--set 'time.duration=8 d' --set 'domain.spacing=40 um' --set 'time.cell_step=30 min'"
    code, output = execute(
        f"abm run {ROOT}/scenarios/chen2015.yaml -o outputs/tour {arms} {coarse} -q", tmp_path
    )
    assert code == 0, output
    assert_followed((ROOT / "docs" / "playback.md").read_text(encoding="utf-8"), tmp_path, least=5)


def assert_followed(text: str, folder: Path, least: int) -> None:
    """The commands of a document succeed in their order, `least` or more of them, and so does its Python."""
    lines = command_lines(text)
    assert len(lines) >= least
    for line in lines:
        code, output = execute(line, folder)
        assert code == 0, f"$ {line}\n{output}"
    for block in blocks(text):
        if block.kind == "python":
            answer = python(block.text, cwd=folder)
            assert answer.returncode == 0, answer.stderr


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


DOCUMENT = """\
<!-- file: a.txt -->
```yaml
one 1
```

```console
$ cat a.txt
one 1
$ echo two 3.5
two 2
```

<!-- exit: 3 -->
```console
$ echo no; exit 3
no
```

```python
print(open("a.txt").read())
```
"""


def test_a_document_is_followed(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(DOCUMENT, encoding="utf-8")
    found = follow(document, tmp_path, update=False)
    assert (found.commands, found.wrong) == (3, ())
    assert found.printed_by_python == "one 1\n\n"
    assert document.read_text(encoding="utf-8") == DOCUMENT

    follow(document, tmp_path, update=True)
    assert document.read_text(encoding="utf-8") == DOCUMENT.replace("two 2", "two 3.5")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("echo two 3.5", "echo three 3.5", "--- shown\ntwo 2\n--- printed\nthree 3.5"),
        ("exit: 3", "exit: 0", "exit code 3, expected 0"),
        ("cat a.txt", "cat b.txt", "exit code 1, expected 0"),
        ("print(open", "print(close", "NameError"),
    ],
)
def test_what_is_wrong_in_a_document_is_told(old: str, new: str, told: str, tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text(DOCUMENT.replace(old, new), encoding="utf-8")
    (wrong,) = follow(document, tmp_path, update=False).wrong
    assert told in wrong
