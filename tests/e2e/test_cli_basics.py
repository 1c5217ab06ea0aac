"""Everything the command line says without simulating anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from abm import __version__
from abm.cli import info as info_verb
from abm.cli.main import VERBS
from tests.e2e.command_line import ROOT, TINY, abm, abm_here, command, environment

pytestmark = pytest.mark.e2e


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("--version") == 0
    assert capsys.readouterr().out == f"abm {__version__}\n"


def test_help_names_every_verb_on_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("--help") == 0
    lines = capsys.readouterr().out.splitlines()
    for verb in (*VERBS, "library"):
        (line,) = [line for line in lines if line.startswith(f"  {verb} ")]
        assert not line.endswith("...")


@pytest.mark.parametrize("verb", [*VERBS, "library"])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here(verb, "-h") == 0
    assert f"Usage: abm {verb}" in capsys.readouterr().out


def test_no_verb_at_all_shows_the_help_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here() == 2
    printed = capsys.readouterr()
    assert "Usage: abm" in printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["library", "lst"], "Did you mean 'list'?"),
        (["run", "x.yaml", "--sed", "3"], "No such option: --sed"),
        (["run", "x.yaml", "--seed", "three"], "--seed"),
        (["run", "x.yaml", "--threads", "0"], "--threads"),
        (["run"], "give either a scenario FILE or --from OLD.h5"),
        (["run", "x.yaml", "--from", "y.h5"], "give either a scenario FILE or --from OLD.h5"),
        *(
            ([verb, "x.yaml", "--force", "--resume"], "give one of the two")
            for verb in ("run", "study", "ablate")
        ),
        (["run", "--from", "y.h5", "--seed", "3", "-o", "z.h5"], "--seed: not with --from"),
        (["run", "--from", "y.h5"], "--from needs -o"),
        (["plot", "x.h5", "--at", "four"], "a time with its unit is expected"),
    ],
)
def test_wrong_usage(
    arguments: list[str], expected: str, scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert abm_here(*arguments) == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.out == ""


def test_check_says_what_it_will_be(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("check", "tiny.yaml") == 0
    text = capsys.readouterr().out
    assert "tiny.yaml: no faults" in text
    assert "Tiny: cci, cells; 0.25 d" in text
    assert "15 x 15 x 1 = 225 voxels" in text
    assert "2 arms x 2 replicates" in text


def test_check_counts_the_claims(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = '  - {id: c%d, says: It hurts., source: JCI15, test: "threshold(cci, at=6 h) < 1 g"}\n'
    for count, said in ((0, "0.25 d\n"), (1, "0.25 d; 1 claim\n"), (2, "0.25 d; 2 claims\n")):
        rows = "".join(claim % i for i in range(count))
        scenario.write_text(f"{TINY}claims:\n{rows}" if count else TINY, encoding="utf-8")
        assert abm_here("check", "tiny.yaml") == 0
        assert f"Tiny: cci, cells; {said}" in capsys.readouterr().out
        assert abm_here("check", "tiny.yaml", "--json") == 0
        assert json.loads(capsys.readouterr().out)["claims"] == count


def test_check_lists_all_faults_at_once(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenario.write_text(
        TINY.replace("spacing: 20 um", "spacing: 20").replace("kind: CCI", "kind: CIC"), encoding="utf-8"
    )
    assert abm_here("check", "tiny.yaml") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("error:") == 2
    assert "tiny.yaml:8:" in printed.err
    assert "'CCI'" in printed.err
    assert "Traceback" not in printed.err


def test_check_as_json(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("check", "tiny.yaml", "--json") == 0
    good = json.loads(capsys.readouterr().out)
    assert good["ok"] is True
    assert good["arms"]["cells"]["days"] == 0.25
    assert good["arms"]["cci"]["cost_of_one_run"]["n_voxel"] == 225

    assert abm_here("check", "tiny.yaml", "--json", "--set", "time.duration=3") == 2
    bad = json.loads(capsys.readouterr().out)
    assert bad["ok"] is False
    assert [fault["path"] for fault in bad["faults"]] == ["time.duration"]


def test_check_explains(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("check", "tiny.yaml", "--explain", "--arm", "cells") == 0
    text = capsys.readouterr().out
    for part in ("Schedule of a step", "diffusion length", "Rules", "JCI15"):
        assert part in text
    assert abm_here("check", "tiny.yaml", "--arm", "cell") == 2
    assert "no arm 'cell'; did you mean 'cells'?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "run"])
def test_missing_scenario(verb: str, scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here(verb, "tyni.yaml") == 2
    assert "tyni.yaml" in capsys.readouterr().err


def test_init_writes_a_scenario_that_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert abm_here("init", "mine.yaml") == 0
    assert "abm run mine.yaml" in capsys.readouterr().out
    assert abm_here("check", "mine.yaml") == 0
    before = (tmp_path / "mine.yaml").read_bytes()
    assert abm_here("init", "mine.yaml") == 4
    assert "not replaced" in capsys.readouterr().err
    assert (tmp_path / "mine.yaml").read_bytes() == before
    assert abm_here("init", "no/where.yaml") == 4
    assert abm_here("init") == 0
    assert (tmp_path / "scenario.yaml").read_bytes() == before


def test_schema_accepts_what_abm_accepts(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    content = YAML(typ="safe").load(TINY)
    jsonschema.validate(content, schema)
    content["domian"] = {}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)
    assert abm_here("schema", "-o", "abm.json") == 0
    assert json.loads(Path("abm.json").read_text(encoding="utf-8")) == schema
    assert abm_here("schema", "-o", "no/where.json") == 4


def test_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert abm_here("library", "list") == 0
    assert "library/cells/msc" in capsys.readouterr().out
    shown = []
    for name in ("msc", "cells/msc", "library/cells/msc"):
        assert abm_here("library", "show", name) == 0
        shown.append(capsys.readouterr().out)
    assert "migration speed" in shown[0]
    assert len(set(shown)) == 1
    assert abm_here("library", "show", "msc", "--yaml") == 0
    assert "cell_types:" in capsys.readouterr().out
    assert abm_here("library", "cite", "JCI15") == 0
    assert "doi:10.1172/JCI80883" in capsys.readouterr().out
    assert abm_here("library", "cite", "--bibtex") == 0
    assert "@misc{JCI15," in capsys.readouterr().out
    assert abm_here("library", "show", "mcs") == 2
    assert "no module 'mcs'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there is no such file"),
        (b"", "empty"),
        (b"time: 3", "not an HDF5 file"),
        (b"\x89HDF\r\n\x1a\nabc", "damaged"),
    ],
)
@pytest.mark.parametrize("verb", ["info", "plot", "resume", "run"])
def test_file_that_is_no_result(
    verb: str,
    content: bytes | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("x.h5").write_bytes(content)
    arguments = ["run", "--from", "x.h5", "-o", "y.h5"] if verb == "run" else [verb, "x.h5"]
    assert abm_here(*arguments) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: x.h5: ")
    assert expected in error
    assert "Traceback" not in error


def test_reader_that_leaves_early() -> None:
    """``abm schema | head -1``: no traceback, no message."""
    with subprocess.Popen(
        command("schema"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "{\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


def test_output_on_a_full_disk() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        answer = subprocess.run(
            command("--version"),
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            check=False,
        )
    assert answer.returncode == 4
    assert answer.stderr == "error: No space left on device\n"


def test_terminal_that_knows_ascii_only(scenario: Path) -> None:
    answer = abm("library", "cite", "JCI15", cwd=ROOT, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert answer.returncode == 0
    assert "TGF-" in answer.stdout


def test_defect_sets_its_traceback_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_path: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("abm.record.reader.open_run", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("ABM_DEBUG", raising=False)
    assert abm_here("info", "x.h5") == 70
    error = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: a defect" in error
    assert "Traceback" not in error
    (kept,) = tmp_path.glob("abm-error-*.txt")
    assert str(kept) in error
    assert info_verb.__file__ in kept.read_text(encoding="utf-8")

    monkeypatch.setenv("ABM_DEBUG", "1")
    assert abm_here("info", "x.h5") == 70
    assert "Traceback" in capsys.readouterr().err


def test_module_and_program_are_the_same() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "abm", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert answer.stdout == f"abm {__version__}\n"
