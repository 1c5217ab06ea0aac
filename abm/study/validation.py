"""The verdicts of several studies as one document: what is reproduced, what is not, and who disagrees."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abm.analysis.groups import group_runs
from abm.analysis.tables import Table, number
from abm.analysis.targets import Report, compare_with_targets, target_table
from abm.errors import RecordError
from abm.study.claim_tables import CLAIMS_FIGURE, CLAIMS_FILE, FIGURES, SCHEMA


@dataclass(frozen=True)
class StudyResult:
    """One evaluated study.

    Attributes
    ----------
    folder : Path
    document : mapping
        The content of its ``claims.json``.
    targets : Report or None
        Calibration targets that its arms meet or miss; None where it has none of these arms.
    """

    folder: Path
    document: Mapping[str, Any]
    targets: Report | None

    @property
    def claims(self) -> Sequence[Mapping[str, Any]]:
        """Every claim with its verdict."""
        return list(self.document["claims"])


def read_study(folder: str | Path) -> StudyResult:
    """The verdicts in a folder, and how its runs compare with the calibration targets.

    Raises
    ------
    RecordError
        The folder holds no evaluated claims, or not such ones.
    """
    folder = Path(folder)
    path = folder / CLAIMS_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise RecordError(
            f"{path}: cannot be read ({reason}); make it with abm study FILE -o {folder}"
        ) from None
    except ValueError as error:
        raise RecordError(f"{path}: is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise RecordError(f"{path}: is no file of claims that abm study wrote")
    return StudyResult(folder, document, _targets(folder))


def picture_of(study: StudyResult) -> Path | None:
    """The figure of all claims that `abm study` drew; None where there is none."""
    path = study.folder / FIGURES / f"{CLAIMS_FIGURE}.png"
    return path if path.is_file() else None


def _targets(folder: Path) -> Report | None:
    if not any(folder.glob("*.h5")):
        return None
    with group_runs(folder, finished_only=True) as groups:
        report = compare_with_targets(groups)
    return report if report.tested else None


def validation_text(studies: Sequence[StudyResult], pictures: Mapping[Path, str] | None = None) -> str:
    """The document, in Markdown.

    Parameters
    ----------
    studies : sequence of StudyResult
    pictures : mapping of Path to str, optional
        For the folder of a study, where its figure of all claims is, as seen from the document.
    """
    # Arms of the same name meet the same targets in every study: they are shown where most are tested.
    fullest = max(studies, key=lambda study: study.targets.tested if study.targets else 0, default=None)
    shown = [_study(study, (pictures or {}).get(study.folder), study is fullest) for study in studies]
    missed = fullest.targets if fullest else None
    parts = [_HEAD, _summary(studies), _not_reproduced(studies, missed), *shown]
    disagreements = _disagreements(studies)
    if disagreements:
        parts.append(disagreements)
    return "\n".join(parts)


_HEAD = """# Published findings: what the simulation reproduces, and what not

Made by `abm report` from the results of `abm study`; do not edit. A claim is *reproduced* when the 95 %
bootstrap interval of the paired difference lies wholly on the claimed side, *not reproduced* when it lies
wholly on the other, else *inconclusive*. Replicates of the same number share their noise in all arms. How
claims are written: [studies](studies.md).
"""


def _summary(studies: Sequence[StudyResult]) -> str:
    rows = []
    total: Counter[str] = Counter()
    for study in studies:
        found = Counter(str(claim["verdict"]) for claim in study.claims)
        total += found
        rows.append(
            [
                f"[{study.document['title']}](#{_anchor(study.document['title'])})",
                str(max((len(r) for r in study.document["arms"].values()), default=0)),
                *(str(found.get(verdict, 0)) for verdict in _VERDICTS),
                _met(study.targets),
            ]
        )
    rows.append(["**all**", "", *(str(total.get(verdict, 0)) for verdict in _VERDICTS), ""])
    head = ["study", "replicates", *_VERDICTS, "targets met"]
    return Table(head, rows, "<>" + ">" * len(_VERDICTS) + "<").as_markdown()


_VERDICTS = ("reproduced", "not reproduced", "inconclusive", "cannot be evaluated")


def _not_reproduced(studies: Sequence[StudyResult], report: Report | None) -> str:
    """Every claim without a clear yes, and every target missed, before anything else is read."""
    rows = [
        [str(claim["id"]), str(claim["says"]), str(claim["verdict"]), " ".join(_words_on(claim))]
        for study in studies
        for claim in study.claims
        if claim["verdict"] != _VERDICTS[0]
    ]
    tables = [Table(["id", "finding", "verdict", "why"], rows, "<" * 4)] if rows else []
    if report is not None and report.met < report.tested:
        every = target_table(report)
        missed = [row for row in every.rows if row[-1] == "no"]
        tables.append(
            replace(every, rows=missed, notes=[f"Missed: {len(missed)} of {report.tested} targets."])
        )
    return "\n".join(["## What is not reproduced\n", *(t.as_markdown() for t in tables)]) if tables else ""


def _words_on(claim: Mapping[str, Any]) -> list[str]:
    """The reason of a verdict and the remarks of its author, as sentences."""
    reason = str(claim["reason"])
    sentence = [f"{reason[0].upper()}{reason[1:]}."] if reason else []
    return [*sentence, *map(str, claim.get("remark", ()))]


def _met(report: Report | None) -> str:
    return f"{report.met} of {report.tested}" if report else "–"


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _study(study: StudyResult, picture: str | None, with_targets: bool) -> str:
    document = study.document
    arms = ", ".join(f"{arm} ({len(runs)})" for arm, runs in document["arms"].items())
    origin = f"Seed {', '.join(map(str, document['seed']))}; made by {'; '.join(document['made_by'])}."
    lines = [
        f"## {document['title']}\n",
        f"Arms (replicates): {arms}. {origin}\n",
        _claims_table(study).as_markdown(),
    ]
    remarks = [f"- **{claim['id']}**: {text}" for claim in study.claims for text in _words_on(claim)]
    if remarks:
        lines.append("\n".join(remarks) + "\n")
    if picture is not None:
        lines.append(f"![Differences of {document['title']} with their intervals]({picture})\n")
    if study.targets is not None and with_targets:
        lines += ["### Calibration targets\n", target_table(study.targets).as_markdown()]
    return "\n".join(lines)


def _claims_table(study: StudyResult) -> Table:
    rows = []
    for claim in study.claims:
        comparisons = claim["comparisons"] or [{}]
        for i, comparison in enumerate(comparisons):
            first = i == 0
            rows.append(
                [
                    str(claim["id"]) if first else "",
                    str(claim["says"]) if first else "",
                    f"`{comparison.get('text', claim['test'])}`",
                    _effect(comparison),
                    f"**{claim['verdict']}**" if first else str(comparison.get("verdict", "")),
                    "; ".join(claim["references"]) if first else "",
                ]
            )
    return Table(["id", "finding", "test", "difference (95 %)", "verdict", "source"], rows, "<" * 6)


def _effect(comparison: Mapping[str, Any]) -> str:
    """``mean [low, high] unit`` of the difference of the two sides."""
    values = [comparison.get(key) for key in ("mean", "low", "high")]
    if any(not isinstance(value, int | float) or not math.isfinite(value) for value in values):
        return "–"
    mean, low, high = (number(float(value)) for value in values if value is not None)
    unit = comparison.get("unit", "1")
    return f"{mean} [{low}, {high}]" + ("" if unit == "1" else f" {unit}")


def _disagreements(studies: Sequence[StudyResult]) -> str:
    rows = [
        f"- **{claim['id']}** ({claim['says']}): {word} {text}"
        for study in studies
        for claim in study.claims
        for key, word in (("contradicted_by", "contradicted by"), ("contradicts", "contradicts"))
        for text in claim.get(key, ())
    ]
    return "## Papers that disagree\n\n" + "\n".join(rows) + "\n" if rows else ""
