"""Which runs are made, continued, skipped or refused; no run is simulated here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from abm.errors import RecordError, ScenarioError
from abm.record import RunWriter
from abm.scenario.load import Experiment, load_experiment_text
from abm.study.job import Job, Start, Status
from abm.study.plan import file_name, plan_continuation, plan_runs, prepare_folder
from abm.study.runner import run_experiment
from tests.e2e.command_line import TINY
from tests.reference.recorded_run import declaration, record


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_experiment_text(TINY, "tiny")


def write(job: Job, status: str, *, checkpoint: bool = False, **changes: object) -> None:
    """A file that says it is the run of this job."""
    given = {
        "arm": job.arm,
        "replicate": job.replicate,
        "seed": job.seed,
        "scenario_text": job.text,
    } | changes
    writer = RunWriter.create(job.path, declaration(**given))
    record(writer, 0, 21 if checkpoint else 3)
    if status == "running":
        writer.close()
    else:
        writer.finish(status, "" if status == "complete" else "why")


def jobs(experiment: Experiment, folder: Path) -> dict[str, Job]:
    return {job.path.name: job for job in plan_runs(experiment, folder).jobs}


@pytest.mark.parametrize(
    ("replicate", "replicates", "expected"),
    [
        (0, 1, "cci_r000.h5"),
        (7, 1000, "cci_r007.h5"),
        (7, 1001, "cci_r0007.h5"),
        (1000, 1001, "cci_r1000.h5"),
    ],
)
def test_file_names_sort(replicate: int, replicates: int, expected: str) -> None:
    assert file_name("cci", replicate, replicates) == expected


def test_arms_of_one_replicate_come_together(experiment: Experiment, tmp_path: Path) -> None:
    plan = plan_runs(experiment, tmp_path / "a/b")
    assert [(job.arm, job.replicate) for job in plan.jobs] == [
        ("cci", 0),
        ("cells", 0),
        ("cci", 1),
        ("cells", 1),
    ]
    assert {job.start for job in plan.jobs} == {Start.NEW}
    assert {job.days for job in plan.jobs} == {0.25}
    assert (tmp_path / "a/b").is_dir()
    assert list((tmp_path / "a/b").iterdir()) == []


def test_arms_are_chosen_in_the_order_of_the_experiment(experiment: Experiment, tmp_path: Path) -> None:
    plan = plan_runs(experiment, tmp_path, arms=["cells", "cci", "cells"])
    assert [job.arm for job in plan.jobs][:2] == ["cci", "cells"]
    assert len(plan.jobs) == 4
    with pytest.raises(ScenarioError, match=r"no arm 'shan'(.|\n)*no arm 'cels'; did you mean 'cells'"):
        plan_runs(experiment, tmp_path, arms=["shan", "cels"])


def test_files_in_the_way_are_one_error(experiment: Experiment, tmp_path: Path) -> None:
    for name in ("cci_r000.h5", "cells_r001.h5"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(RecordError, match=r"2 result files exist already: cci_r000\.h5, cells_r001\.h5"):
        plan_runs(experiment, tmp_path)
    plan = plan_runs(experiment, tmp_path, force=True)
    assert [job.start for job in plan.jobs] == [Start.REPLACE, Start.NEW, Start.NEW, Start.REPLACE]
    assert (tmp_path / "cci_r000.h5").read_text(encoding="utf-8") == "x"
    # A link that leads nowhere is in the way too.
    (tmp_path / "cells_r000.h5").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RecordError, match="3 result files"):
        plan_runs(experiment, tmp_path)


def test_resume_decides_file_by_file(experiment: Experiment, tmp_path: Path) -> None:
    known = jobs(experiment, tmp_path)
    write(known["cci_r000.h5"], "complete")
    write(known["cells_r000.h5"], "interrupted", checkpoint=True)
    write(known["cci_r001.h5"], "running")
    plan = plan_runs(experiment, tmp_path, resume=True)
    assert [(r.path.name, r.status) for r in plan.skipped] == [("cci_r000.h5", Status.SKIPPED)]
    assert [(job.path.name, job.start) for job in plan.jobs] == [
        ("cells_r000.h5", Start.CONTINUE),
        ("cci_r001.h5", Start.REPLACE),  # killed before its first checkpoint
        ("cells_r001.h5", Start.NEW),
    ]


def test_failed_run_starts_again(experiment: Experiment, tmp_path: Path) -> None:
    job = jobs(experiment, tmp_path)["cci_r000.h5"]
    write(job, "failed", checkpoint=True)
    plan = plan_runs(experiment, tmp_path, resume=True)
    assert plan.jobs[0].start is Start.REPLACE
    with pytest.raises(RecordError, match="this run failed and would fail again: why"):
        plan_continuation(job.path, experiment)


def test_resume_refuses_what_is_something_else(experiment: Experiment, tmp_path: Path) -> None:
    known = jobs(experiment, tmp_path)
    write(known["cci_r000.h5"], "complete", seed=12)
    write(known["cells_r000.h5"], "complete", arm="cci")
    write(known["cci_r001.h5"], "complete", scenario_text="title: another\n")
    (tmp_path / "cells_r001.h5").write_text("x", encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        plan_runs(experiment, tmp_path, resume=True)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert "holds seed 12, asked for 11" in lines[0]
    assert "holds arm cci, asked for cells" in lines[1]
    assert "holds a run of another scenario" in lines[2]
    assert "not an HDF5 file" in lines[3]


def test_number_of_replicates_does_not_make_another_scenario(experiment: Experiment, tmp_path: Path) -> None:
    for job in jobs(experiment, tmp_path).values():
        write(job, "complete")
    plan = plan_runs(replace(experiment, replicates=3), tmp_path, resume=True)
    assert len(plan.skipped) == 4
    assert [(job.arm, job.replicate) for job in plan.jobs] == [("cci", 2), ("cells", 2)]


def test_file_being_written_is_left_alone(experiment: Experiment, tmp_path: Path) -> None:
    job = jobs(experiment, tmp_path)["cci_r000.h5"]
    given = {"arm": job.arm, "replicate": 0, "seed": job.seed, "scenario_text": job.text}
    with RunWriter.create(job.path, declaration(**given)) as writer:
        record(writer, 0, 2)
        writer.flush()
        for choice in ({"force": True}, {"resume": True}):
            with pytest.raises(RecordError, match="another process is writing this file"):
                plan_runs(experiment, tmp_path, **choice)


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(RecordError, match="this is a file, not a folder"):
        prepare_folder(tmp_path / "file")
    with pytest.raises(RecordError, match="choose another output directory"):
        prepare_folder(tmp_path / "file" / "below")


@pytest.mark.parametrize("wrong", [{"replicates": 0}, {"threads": 0}, {"processes": 0}])
def test_counts_start_at_one(wrong: dict[str, int], experiment: Experiment, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is 0, allowed: 1 or more"):
        run_experiment(experiment, tmp_path, **wrong)
    assert list(tmp_path.iterdir()) == []
