"""The claims of a scenario file: checked, with every fault at its place in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from abm.citations import Source, is_known
from abm.errors import Fault
from abm.library.catalogue import sources as library_sources
from abm.scenario.claims.checker import check_claim
from abm.scenario.claims.expressions import Condition
from abm.scenario.nodes import ListNode, MapNode, Mark, ScalarNode, dotted, find, listed, nearest, value_mark
from abm.scenario.schema.claims import MAX_CLAIMS, MAX_TEST, Claim, Claims
from abm.scenario.schema.scenario import Scenario


@dataclass(frozen=True)
class CheckedClaim:
    """One claim, ready to be evaluated.

    Attributes
    ----------
    claim : Claim
        As it was written.
    condition : Condition
        Its test.
    references : tuple of str
        Its sources in full where the library or the file knows them.
    """

    claim: Claim
    condition: Condition
    references: tuple[str, ...] = ()


def read_claims(
    claims: Claims | None, document: MapNode, arms: Mapping[str, Scenario | None]
) -> tuple[tuple[CheckedClaim, ...], list[Fault], list[Fault]]:
    """Check the claims of a file against its arms.

    Parameters
    ----------
    claims : Claims or None
        After the schema; None when it found faults.  The tests are checked all the same.
    document : MapNode
        Of the whole file.
    arms : mapping of str to Scenario or None
        None for an arm that is faulty itself.

    Returns
    -------
    tuple
        The sound claims, the faults of the others, and warnings of times that no run reaches.
    """
    faults: list[Fault] = []
    warnings: list[Fault] = []
    section = find(document, ("claims",))
    count = len(section.items) if isinstance(section, ListNode) else 0
    conditions = [_condition(document, i, arms, faults, warnings) for i in range(min(count, MAX_CLAIMS))]
    if claims is None:
        return (), faults, warnings
    known, seen, found = _sources(arms), dict[str, int](), list[CheckedClaim]()
    for i, (claim, condition) in enumerate(zip(claims.claims, conditions, strict=True)):
        if claim.id in seen:
            taken = f"the id '{claim.id}' is taken by claim number {seen[claim.id] + 1}"
            faults.append(_fault(document, i, "id", taken))
        seen.setdefault(claim.id, i)
        faults += _source_faults(document, i, claim, known)
        if condition is not None:
            references = tuple(str(known[key]) if key in known else key for key in claim.source)
            found.append(CheckedClaim(claim, condition, references))
    return tuple(found), faults, warnings


def _condition(
    document: MapNode,
    i: int,
    arms: Mapping[str, Scenario | None],
    faults: list[Fault],
    warnings: list[Fault],
) -> Condition | None:
    """The checked test of one claim; its faults and warnings are added to the others."""
    path = ("claims", i, "test")
    test = find(document, path)
    if not isinstance(test, ScalarNode) or not isinstance(test.value, str) or len(test.value) > MAX_TEST:
        return None  # a fault of the schema
    condition, errors = check_claim(test.value, arms)
    for error in errors:
        mark = mark_in(test, error.at)
        message = error.message if mark.line else f"{error.message} (character {error.at + 1} of the test)"
        (warnings if error.is_late else faults).append(mark.fault(message, dotted(path)))
    return condition


def _fault(document: MapNode, claim: int, key: str, message: str) -> Fault:
    path = ("claims", claim, key)
    return value_mark(document, path).fault(message, dotted(path))


def _sources(arms: Mapping[str, Scenario | None]) -> dict[str, Source]:
    known = dict(library_sources())
    for scenario in arms.values():
        if scenario is not None:
            for key, record in scenario.sources.items():
                known[key] = Source(key, record.cite, record.doi, record.authority)
    return known


def _source_faults(document: MapNode, i: int, claim: Claim, known: Mapping[str, Source]) -> Iterator[Fault]:
    """A source is a key, a DOI, or a reference written out, which has blanks."""
    for key in claim.source:
        if not is_known(key, known) and " " not in key.strip():
            message = (
                f"unknown source '{key}'{nearest(key, known)}; known: {listed(known, 24)}; or add it under "
            )
            yield _fault(
                document, i, "source", message + "'sources', write doi:10.x/y, or the reference in full"
            )


def mark_in(node: ScalarNode, at: int) -> Mark:
    """Position of a character of a text in its file.

    Quotes, the folding of long lines and simple escapes are followed; where the text was written with other
    escapes, the start of the text is all that can be said.
    """
    start, lines = node.mark, node.mark.origin.lines
    if not 0 < start.line <= len(lines):
        return start
    style = lines[start.line - 1][start.column - 1 : start.column]
    letters = "".join(node.text.split())
    wanted = len("".join(node.text[:at].split()))
    # A blank, and the end, stand right after the letter before them.
    after = at >= len(node.text) or node.text[at].isspace()
    for position, (line, column, letter) in enumerate(_letters(lines, start, style)):
        if position >= len(letters) or letter != letters[position]:
            return start
        if position == wanted - after:
            return Mark(start.origin, line, column + after)
    return start


def _letters(lines: Sequence[str], start: Mark, style: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and meaning of every character of a scalar that is no blank, from its start."""
    line, column = start.line, start.column - 1
    if style in "|>":
        line, column = line + 1, 0
    elif style in "'\"":
        column += 1
    while line <= len(lines):
        text = lines[line - 1]
        while column < len(text):
            letter, width = text[column], 1
            if style == "'" and text.startswith("''", column):
                width = 2
            elif style == '"' and letter == "\\" and column + 1 < len(text):
                letter, width = text[column + 1], 2
            if not letter.isspace():
                yield line, column + 1, letter
            column += width
        line, column = line + 1, 0
