"""The studies of published findings: sound, complete against docs/panel.md, and small enough to be run."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from abm.scenario.load import Experiment, load_experiment, load_experiment_text

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "scenarios" / "studies").glob("*.yaml"))
NAMES = [path.stem for path in FILES]
PANEL = (ROOT / "docs" / "panel.md").read_text(encoding="utf-8")

ROW = re.compile(r"(?:DUKE|MSCR-T[123X])-\d+")
MOST_ARM_DAYS = 1000
"""Of one replicate of all studies together; ten replicates are then an hour of one core."""
DAY = 1440.0


@cache
def study(path: Path) -> Experiment:
    return load_experiment(path)


def claims_of(path: Path) -> dict[str, tuple[str, ...]]:
    """Ids of the claims of a study and the rows of evidence that each restates."""
    return {checked.claim.id: checked.claim.evidence for checked in study(path).claims}


def section(title: str) -> str:
    """A part of docs/panel.md."""
    return PANEL.partition(f"# {title}\n")[2].split("\n#")[0]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_study_is_sound(path: Path) -> None:
    """Ten replicates, claims, an arm without injury or with a sham operation, and nothing to warn of."""
    found = study(path)
    assert [str(fault) for fault in found.warnings] == []
    assert found.replicates == 10 and found.claims
    assert any(not arm.injuries or arm.injuries[0].kind == "sham" for arm in found.arms.values())


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_arm_is_needed_and_every_claim_has_a_source(path: Path) -> None:
    tests = " ".join(checked.claim.test for checked in study(path).claims)
    assert [arm for arm in study(path).arms if not re.search(rf"\b{arm}\b", tests)] == []
    for checked in study(path).claims:
        assert checked.claim.source and checked.references
        assert all(ROW.fullmatch(row) for row in checked.claim.evidence)


def test_all_studies_together_are_an_hour_of_one_core() -> None:
    days = [arm.time.duration / DAY for path in FILES for arm in study(path).arms.values()]
    assert 0.0 < sum(days) <= MOST_ARM_DAYS


def test_the_document_lists_every_row_with_its_claims() -> None:
    listed = {}
    for line in section("Studies of published findings").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if ROW.fullmatch(cells[0]):
            files = [name.strip() for name in cells[2].split(",")]
            listed[cells[0]] = (files, set(re.findall(r"`([\w-]+)`", cells[3])))
    stated: dict[str, set[str]] = {}
    for path in FILES:
        for claim, rows in claims_of(path).items():
            for row in rows:
                stated.setdefault(row, set()).add(claim)
                assert path.stem in listed[row][0], f"{row} of {path.stem}"
    assert {row: claims - {"MSCR-TX-15-review"} for row, (_, claims) in listed.items()} == stated


def test_a_row_is_stated_or_said_not_to_be() -> None:
    """Every row of the tables of evidence, once."""
    stated = {row for path in FILES for rows in claims_of(path).values() for row in rows}
    absent = set(ROW.findall(section("Not stated, and why")))
    assert stated & absent == set()
    numbers = {"DUKE": (1, 2, 3, 6, 7, 8, 9), "MSCR-T1": (1, 2, 3, 4, 5, 6, 7, 9), "MSCR-T2": range(3, 11)}
    numbers |= {"MSCR-T3": range(1, 6), "MSCR-TX": (1, 2, 3, 6, 9, 10, 12, *range(14, 19), 20, 27, 28)}
    assert stated | absent == {f"{table}-{n}" for table, rows in numbers.items() for n in rows}


def test_contradicting_papers_have_claims_of_their_own() -> None:
    every = {
        claim: checked for path in FILES for checked in study(path).claims for claim in (checked.claim.id,)
    }
    named = re.findall(r"`([\w-]+)`", section("Contradictions, stated and not tuned away"))
    claims = [name for name in named if name in every]
    assert {"SCH14", "ZHANG14", "TENG19", "LI17", "EBB17-severity", "MSCR-TX-15-review"} <= set(claims)
    for name in set(claims) - {"EBB17-pain"}:
        assert every[name].claim.contradicts or every[name].claim.contradicted_by


def test_scenarios_of_the_document_are_sound() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PANEL, re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        assert load_experiment_text(block, "panel.md").warnings == ()
