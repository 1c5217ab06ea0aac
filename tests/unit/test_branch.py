"""A branch of a run: the same bits without a change, the same noise with one, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from abm.engine import checkpoint
from abm.errors import Interrupted, RecordError, ScenarioError
from abm.record.layout import BRANCH
from abm.record.reader import open_run
from abm.scenario.load import load_experiment_text
from abm.study.branch import branch_run
from abm.study.moment import How, moment_at, packed, unpacked
from abm.study.runner import repeat_run, resume_runs, run_experiment
from tests.e2e.command_line import TINY, abm_here

HOUR = 1 / 24
LATE = """
interventions+:
  - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 4 h}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (result,) = run_experiment(
        load_experiment_text(TINY, "tiny"), tmp_path_factory.mktemp("branch"), arms=["cells"], replicates=1
    )
    assert result.status == "complete", result.message
    return result.path


def patch(folder: Path, text: str) -> Path:
    path = folder / "patch.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def differing(a: Path, b: Path) -> list[str]:
    """What two files recorded differently; events and provenance set apart."""
    with open_run(a) as one, open_run(b) as two:
        found = [
            name
            for name in one.series_names
            if not np.array_equal(one.series(name).values, two.series(name).values, equal_nan=True)
        ]
        assert one.series_names == two.series_names
        for times in ("time", "frame_times", "field_times"):
            found += [times] if not np.array_equal(getattr(one, times), getattr(two, times)) else []
        for i in range(len(one.field_times)):
            for name in one.cytokines:
                if not np.array_equal(one.field(name, i).values, two.field(name, i).values):
                    found.append(f"field {name} {i}")
        for i in range(len(one.frame_times)):
            p, q = one.frame(i).columns, two.frame(i).columns
            found += [f"{c} {i}" for c in p if not np.array_equal(p[c], q[c], equal_nan=c not in ("id",))]
        if {k: v.value for k, v in one.summary.items()} != pytest.approx(
            {k: v.value for k, v in two.summary.items()}, rel=0, abs=0, nan_ok=True
        ):
            found.append("summary")
        p, q = one.checkpoint().arrays, two.checkpoint().arrays
        found += [f"checkpoint {c}" for c in p if not np.array_equal(p[c], q[c])]
    return found


@pytest.mark.parametrize("hours", [0, 1, 2, 3, 4, 5])
def test_an_empty_patch_gives_the_same_bytes(original: Path, tmp_path: Path, hours: int) -> None:
    """From the start, where doses are due (1 and 2), at a checkpoint kept (4), and between."""
    before = original.read_bytes()
    made = branch_run(original, hours * HOUR, tmp_path / "new.h5", patch=patch(tmp_path, "# nothing\n"))
    assert made.result.status == "complete" and made.notes == ()
    assert ("checkpoint of day" in made.origin) == (hours >= 4)
    assert differing(original, tmp_path / "new.h5") == []
    assert original.read_bytes() == before
    with open_run(original) as old, open_run(tmp_path / "new.h5") as new:
        assert new.arm == "cells_branch"
        assert str([e for e in new.events if e["kind"] != BRANCH]) == str(old.events)  # nan is in them
        (told,) = [e for e in new.events if e["kind"] == BRANCH]
        assert told["text"].startswith(f"branched from {original.name} (arm cells, replicate 0)")
        assert told["time"] == pytest.approx(hours * HOUR)
        origin = new.branch
        assert origin is not None and unpacked(origin["scenario"]) == old.scenario_text
        assert old.branch is None
        assert origin["scenario"] not in new.describe() and f'"file": "{original.name}"' in new.describe()
    with pytest.raises(RecordError, match="repeat that run and branch from it instead"):
        repeat_run(tmp_path / "new.h5", tmp_path / "again.h5")
    assert not (tmp_path / "again.h5").exists()


def test_a_change_acts_from_then_on_with_the_same_noise(original: Path, tmp_path: Path) -> None:
    """A dose at the branch equals the same dose planned from the start, bit by bit."""
    branch_run(original, 4 * HOUR, tmp_path / "new.h5", patch=patch(tmp_path, LATE))
    late = "      - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intrathecal, at: 4 h}\nreplicates: 2"
    experiment = load_experiment_text(TINY.replace("replicates: 2", late), "tiny")
    (whole,) = run_experiment(experiment, tmp_path / "whole", arms=["cells"], replicates=1)
    assert differing(whole.path, tmp_path / "new.h5") == []
    assert "compartment_level" in differing(original, tmp_path / "new.h5")
    with open_run(original) as old, open_run(tmp_path / "new.h5") as new:
        until = old.time <= 4 * HOUR + 1e-9
        a, b = (run.series("cytokine_mean").values for run in (old, new))
        assert np.array_equal(a[until], b[until])
        assert not np.array_equal(a, b)


def test_settings_and_a_longer_run(original: Path, tmp_path: Path) -> None:
    branch_run(original, 6 * HOUR, tmp_path / "new.h5", sets=["time.duration=8 h"], arm="longer")
    with open_run(tmp_path / "new.h5") as run:
        assert run.arm == "longer"
        assert run.time[-1] == pytest.approx(8 * HOUR)
        assert run.status == "complete"


def test_a_branch_of_a_branch_can_be_made_again_from_the_start(original: Path, tmp_path: Path) -> None:
    """Its first state is two runs back; nothing but the file itself is needed."""
    first, second = tmp_path / "first.h5", tmp_path / "second.h5"
    one = copied(original, tmp_path)
    branch_run(one, 2 * HOUR, first, patch=patch(tmp_path, LATE))
    branch_run(first, 5 * HOUR, second, sets=["record.checkpoint=30 min", "time.duration=7 h"])
    one.unlink()
    first.unlink()
    with open_run(second) as run:
        kept = run.checkpoint_ticks
        recorded = run.checkpoint(kept[-1]).arrays
        assert min(kept) * run.tick_minutes > 6 * 60
    moment = moment_at(second, 6 * HOUR, How.EXACT)
    assert moment.exact and "the start of the run" in moment.origin
    assert "bit by bit" in moment.notes[0]
    last = moment_at(second, 7 * HOUR, How.EXACT)
    saved = checkpoint.save(last.state)
    assert [name for name in saved if not np.array_equal(saved[name], recorded[name])] == []
    with pytest.raises(
        RecordError, match=r"branched at day 0\.208333 from first\.h5, whose rules held before"
    ):
        moment_at(second, 4 * HOUR)


def copied(path: Path, folder: Path) -> Path:
    return Path(shutil.copy(path, folder / "copy.h5"))


def test_an_interrupted_branch_can_be_resumed(original: Path, tmp_path: Path) -> None:
    import os
    import signal

    def stop(done: int, whole: int) -> None:
        if done > whole * 0.8:
            os.kill(os.getpid(), signal.SIGINT)

    new = tmp_path / "new.h5"
    with pytest.raises(Interrupted):
        branch_run(original, 4 * HOUR, new, patch=patch(tmp_path, LATE), progress=stop)
    (result,) = resume_runs([new])
    assert result.status == "complete", result.message
    branch_run(original, 4 * HOUR, tmp_path / "whole.h5", patch=patch(tmp_path, LATE))
    assert differing(new, tmp_path / "whole.h5") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cytokines: {X: {diffusion: 1 um^2/s, half_life: 1 h}}", r"cytokines: IL-1b.*became.*, X"),
        ("domain: {spacing: 25 um}", r"voxels \(z, y, x\): \(1, 15, 15\) became \(1, 12, 12\); spacing"),
        ("time: {field_step: 5 min}", r"field step \[min\]: 2\.0 became 5\.0"),
        ("cell_types: {ghost: {radius: 5 um}}", r"cell types: .* became .*ghost"),
        ("cell_types: {neuron: {radius: 7 um}}", "the size of cells is another"),
        ("cell_types: {neuron: {variables: {extra: {value: 1}}}}", r"variables: .*extra"),
        (
            "regions: {more: {disc: {center: [50 um, 50 um], radius: 20 um}}}",
            "regions: site became site, more",
        ),
        ("tissue: {neighbourhood: 100 um}", "neighbourhood in voxels"),
        ("domain: {boundaries: {x_max: no-flux}}", None),
        ("{cell_types: {msc: {compartments: {csf: null}}}, interventions: []}", "doses"),
    ],
)
def test_another_layout_is_refused_by_name(
    original: Path, tmp_path: Path, text: str, said: str | None
) -> None:
    new = tmp_path / "new.h5"
    if said is None:
        branch_run(original, 4 * HOUR, new, patch=patch(tmp_path, text))
        return
    with pytest.raises(RecordError, match=rf"(?s)does not fit the changed scenario: .*{said}"):
        branch_run(original, 4 * HOUR, new, patch=patch(tmp_path, text))
    assert not new.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LATE.replace("4 h", "3 h"), r"the infuse of 3 h begins before the branch at day 0\.166667"),
        (LATE.replace("4 h", "[3 h, 5 h]"), "the infuse of 3 h begins"),
        ("interventions+: [modify: {of: neuron, variable: gate, by: 0}]", "the modify of 0 min begins"),
        ("interventions+: [knock_out: {cytokine: TGF-b1}]", "the knock_out of 0 min begins"),
        ("injuries+: [{kind: SNI, at: 1 h, site: site}]", "the injury SNI of 1 h begins"),
        ("time: {duration: 3 h}", "the run ends at day 0.125, not after day"),
        ("arms: {a: {}}", r"patch\.yaml:1:1: error: arms: 'arms' belongs to a scenario file"),
        ("interventions+: [{infuse: {cytokine: TGF-b2}}]", r"patch\.yaml:1:.*unknown cytokine|missing"),
        ("tissu: {}", r"patch\.yaml:1:1: error: .*unknown key 'tissu'; did you mean 'tissue'"),
        ("- 1", "a scenario is a mapping"),
    ],
)
def test_faulty_patches(original: Path, tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=f"(?s){said}"):
        branch_run(original, 4 * HOUR, tmp_path / "new.h5", patch=patch(tmp_path, text))
    assert not (tmp_path / "new.h5").exists()


def test_stopping_what_was_going_on_is_allowed(original: Path, tmp_path: Path) -> None:
    """What lies before the branch may be taken out: it has happened, and its effects are in the state."""
    branch_run(original, 4 * HOUR, tmp_path / "new.h5", patch=patch(tmp_path, "interventions: []"))
    assert differing(original, tmp_path / "new.h5") == []


def test_files_are_never_replaced_unasked(original: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.h5"
    new.write_bytes(b"mine")
    with pytest.raises(RecordError, match="exists"):
        branch_run(original, 4 * HOUR, new)
    assert new.read_bytes() == b"mine"
    branch_run(original, 4 * HOUR, new, force=True)
    assert differing(original, new) == []
    with pytest.raises(RecordError, match="this is the file to branch from"):
        branch_run(original, 4 * HOUR, original, force=True)
    with pytest.raises(RecordError, match="no step at 241 min"):
        branch_run(original, 241 / 1440, tmp_path / "other.h5")
    with pytest.raises(ScenarioError, match="an arm's name has no blanks"):
        branch_run(original, 4 * HOUR, tmp_path / "other.h5", arm="a b")


def test_command(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.h5"
    changed = patch(tmp_path, LATE)
    assert abm_here("branch", original, "--at", "4 h", "--with", changed, "-o", new, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["runs"][0]["arm"] == "cells_branch"
    assert abm_here("branch", original, "--at", "4 h", "--with", changed, "-o", new) == 4
    assert "exists" in capsys.readouterr().err
    assert abm_here("branch", original, "--at", "4") == 2
    assert "expected a time" in capsys.readouterr().err
    assert abm_here("why", new, "--at", "4 h") == 0


def test_packed_text_comes_back() -> None:
    text = "title: β\n" * 1000
    assert unpacked(packed(text)) == text
    assert len(packed(text)) < 200
