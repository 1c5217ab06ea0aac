from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from abm import __version__, provenance


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    (tmp_path / "file.txt").write_text("one\n")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_document_describes_the_run_and_survives_json() -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    document = provenance.collect("title: x\n", seed=2015, threads=2, command=["abm", "run", "x.yaml"])
    again = json.loads(provenance.to_json(document))

    assert again == document
    assert again["schema_version"] == provenance.SCHEMA_VERSION
    assert again["software"]["abm"] == __version__
    assert again["software"]["numpy"] == np.__version__
    assert again["run"]["seed"] == 2015
    assert again["run"]["threads"] == 2
    assert again["run"]["command"] == ["abm", "run", "x.yaml"]
    started = datetime.fromisoformat(again["run"]["started"])
    assert before <= started <= datetime.now(UTC)


def test_scenario_fingerprint_is_the_sha256_of_its_utf8() -> None:
    digest = provenance.collect("µ", seed=0, threads=1, command=[])["scenario_sha256"]
    # printf 'µ' | sha256sum
    assert digest == "5a072f1be4c3ee04849a9ad686b287d12d6a99dc4eba13c7a2ca1844e7923a0a"


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        provenance.to_json({"value": float("nan")})


def test_numpy_integers_become_plain_ones() -> None:
    document = provenance.collect("", seed=np.int64(7), threads=np.int32(1), command=[])  # type: ignore[arg-type]
    assert json.loads(provenance.to_json(document))["run"]["seed"] == 7


def test_missing_distribution_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_DISTRIBUTIONS", ("numpy", "no-such-distribution"))
    versions = provenance.software_versions()
    assert versions["no-such-distribution"] is None
    assert versions["numpy"] == np.__version__


def test_source_state_follows_the_checkout(checkout: Path) -> None:
    clean = provenance.source_state(checkout)
    assert clean is not None
    assert len(str(clean["commit"])) == 40
    assert clean["dirty"] is False

    (checkout / "untracked.txt").write_text("results do not make the source dirty\n")
    assert provenance.source_state(checkout) == clean

    (checkout / "file.txt").write_text("two\n")
    assert provenance.source_state(checkout) == {"commit": clean["commit"], "dirty": True}


def test_repository_around_an_installed_package_is_not_ours(checkout: Path) -> None:
    site_packages = checkout / "venv" / "site-packages"
    site_packages.mkdir(parents=True)
    assert provenance.source_state(site_packages) is None


def test_repository_without_commit_has_no_state(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert provenance.source_state(tmp_path) is None


def test_hook_environment_does_not_answer_for_another_repository(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = provenance.source_state(checkout)
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "init", "-q"], cwd=other, check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert provenance.source_state(checkout) == expected
    assert expected is not None


def test_no_git_no_state(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout / "empty"))
    assert provenance.source_state(checkout) is None


def test_cpu_model_reads_the_first_name(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2.0: GHz\nmodel name\t: Other\n")
    assert provenance.cpu_model(cpuinfo) == "Some CPU @ 2.0: GHz"


def test_cpu_model_without_cpuinfo_still_says_something(tmp_path: Path) -> None:
    assert provenance.cpu_model(tmp_path / "missing") != ""


def test_folder_fingerprint_sees_content_names_and_borders(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "cells").mkdir(parents=True)
    (folder / "cells" / "a.yaml").write_text("x: 1\n")
    (folder / "b.yaml").write_text("y: 2\n")
    first = provenance.folder_fingerprint(folder)

    (folder / "notes.txt").write_text("not data\n")
    assert provenance.folder_fingerprint(folder) == first

    (folder / "cells" / "a.yaml").write_text("x: 3\n")
    changed = provenance.folder_fingerprint(folder)
    (folder / "cells" / "a.yaml").write_text("")
    (folder / "b.yaml").write_text("x: 3\ny: 2\n")
    moved = provenance.folder_fingerprint(folder)
    (folder / "b.yaml").rename(folder / "c.yaml")
    renamed = provenance.folder_fingerprint(folder)
    assert len({first, changed, moved, renamed}) == 4
    assert None not in {first, changed, moved, renamed}


def test_empty_folder_has_no_fingerprint(tmp_path: Path) -> None:
    assert provenance.folder_fingerprint(tmp_path) is None
    assert provenance.folder_fingerprint(tmp_path / "missing") is None


def test_home_folder_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/someone")
    document = provenance.collect(
        "", seed=0, threads=1, command=["/users/someone/venv/bin/abm", "run", "--set=a=b"]
    )
    assert "someone" not in provenance.to_json(document)
    run = document["run"]
    assert isinstance(run, dict)
    assert run["command"] == ["~/venv/bin/abm", "run", "--set=a=b"]


def test_numba_settings_that_change_code_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_OPT", "0")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "somewhere")
    run = provenance.collect("", seed=0, threads=1, command=[])["run"]
    assert isinstance(run, dict)
    assert run["numba_settings"]["NUMBA_OPT"] == "0"
    assert "NUMBA_CACHE_DIR" not in run["numba_settings"]


def test_import_loads_no_compiled_library() -> None:
    code = "import sys, abm.provenance; print(sorted({'numba', 'numpy', 'h5py'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
