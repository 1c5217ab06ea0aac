"""`abm why`, `abm ablate` and `abm branch` as a person uses them."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import pytest

from abm.record.reader import open_run
from tests.e2e.command_line import ROOT, TINY, abm, abm_here, start, wait_until
from tests.e2e.documents import follow
from tests.reference.tissue import SMALL

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

DOCUMENT = ROOT / "docs" / "mechanism.md"


def test_the_document(tmp_path: Path) -> None:
    """Every command of docs/mechanism.md prints what it shows; the Python example runs."""
    found = follow(DOCUMENT, tmp_path)
    assert found.commands >= 3
    assert not found.wrong, "\n\n".join(found.wrong)
    assert "nociception own gate" in found.printed_by_python


def effects(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """Rows of ablation.csv by what is switched off and outcome."""
    with (folder / "ablation.csv").open(encoding="utf-8") as file:
        return {(row["switched_off"], row["outcome"]): row for row in csv.DictReader(file)}


def test_the_gate_carries_the_relief(tmp_path: Path) -> None:
    """Without the TGF-β1 gate most of the relief within a day is gone, by cells and by protein.

    The sham arm has no pain with or without it.  Seeds are fixed, so this cannot fail by chance.
    """
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    arms = [part for arm in ("sham", "cci", "cci_bmsc", "cci_tgfb1") for part in ("--arm", arm)]
    options = [*arms, "--only", "neuron: gate", "--replicates", "3", "--set", "time.duration=1 d"]
    answer = abm("ablate", "small.yaml", *options, "-o", "out", cwd=tmp_path, timeout=1500)
    assert answer.returncode == 0, answer.stderr
    found = effects(tmp_path / "out")
    for therapy in ("cci_bmsc", "cci_tgfb1"):
        relief = found["neuron: gate", f"relief by {therapy}"]
        assert float(relief["intact_mean_d"]) > 0.01
        assert float(relief["share_left"]) < 0.5
        assert float(relief["change_high_d"]) < 0.0
        assert relief["replicates"] == "3"
    assert float(found["neuron: gate", "pain in sham"]["ablated_mean_d"]) < 1e-6
    # TGF-β1 is below its baseline in the injured tissue, where the gate is open anyway.
    assert float(found["neuron: gate", "pain in cci"]["change_mean_d"]) == 0.0
    assert "(0 % left)" not in answer.stdout and "% left)" in answer.stdout
    assert (tmp_path / "out/ablation.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    document = json.loads((tmp_path / "out/ablation.json").read_text(encoding="utf-8"))
    assert document["ranking"][0]["switched_off"] == "neuron: gate"
    # The same runs looked at in another window: nothing is simulated.
    again = abm("ablate", "small.yaml", *options, "-o", "out", "--resume", "--since", "12 h", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "24 of these runs are there already" in again.stderr
    assert "from day 0.5 on" in again.stdout


def test_stopped_and_resumed(tmp_path: Path) -> None:
    """Ctrl-C keeps what is complete; resuming makes the rest; the ranking is that of an unbroken ablation."""
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    call = ("ablate", "tiny.yaml", "--kind", "intervention", "--processes", "1", "--set", "time.duration=4 d")
    process = start(*call, "-o", "out", cwd=tmp_path)
    intact = tmp_path / "out/intact/cci_r000.h5"

    def first_is_complete() -> bool:
        if not intact.exists():
            return False
        with open_run(intact) as run:
            return run.status == "complete"

    wait_until(first_is_complete, 600)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "The same command with --resume makes them" in said
    assert not (tmp_path / "out/ablation.csv").exists()
    stamp = intact.stat().st_mtime_ns
    refused = abm(*call, "-o", "out", cwd=tmp_path)
    assert refused.returncode == 4 and "--resume" in refused.stderr
    resumed = abm(*call, "-o", "out", "--resume", cwd=tmp_path, timeout=900)
    assert resumed.returncode == 0, resumed.stderr
    assert intact.stat().st_mtime_ns == stamp
    whole = abm(*call, "-o", "whole", cwd=tmp_path, timeout=900)
    assert whole.returncode == 0, whole.stderr
    assert effects(tmp_path / "out") == effects(tmp_path / "whole")
    assert len(effects(tmp_path / "out")) == 2 * 3


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--only", "gaet"), 2, "no rule or intervention of that name"),
        (("--kind", "genes"), 2, "allowed are term, response, intervention"),
        (("--measure", "heat"), 2, "allowed are threshold, nociception"),
        (("--since", "2 d", "--until", "1 d"), 2, "the first must come before the second"),
        (("--since", "2"), 2, "expected a time"),
        (("--arm", "nobody"), 2, "no arm 'nobody'"),
        (("--force", "--resume"), 2, "give one of the two"),
    ],
)
def test_faulty_ablations(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY, encoding="utf-8")
    assert abm_here("ablate", "tiny.yaml", *options) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert not Path("outputs").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Nothing is run over it, or without it."""
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    call = (
        "ablate",
        "tiny.yaml",
        "--only",
        "neuron: gate",
        "--only",
        "infuse*",
        "--replicates",
        "1",
        "-o",
        "out",
    )
    first = abm(*call, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    broken = tmp_path / "out/neuron-gate/cells_r000.h5"
    broken.write_bytes(b"not a result file")
    again = abm(*call, "--resume", cwd=tmp_path)
    assert again.returncode == 4
    assert "cells_r000.h5" in again.stderr
