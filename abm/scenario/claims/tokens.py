"""A claim as tokens: numbers with their units, quoted texts, names and signs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from abm.errors import UnitError
from abm.scenario.schema.claims import MAX_TEST
from abm.units import UNITS, Measure, parse

MAX_DIGITS = 40
KEYWORDS = ("and", "or", "not")


class ClaimError(Exception):
    """A claim that cannot be read: what is wrong, and at which character (from 0).

    With `is_late` it can be read but not evaluated, because the runs end before.
    """

    def __init__(self, message: str, at: int, is_late: bool = False) -> None:
        self.message, self.at, self.is_late = message, at, is_late
        super().__init__(message)


class Kind(Enum):
    """What a token is; the value is its name in messages."""

    NUMBER = "a number"
    TEXT = "a text"
    NAME = "a name"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True)
class Token:
    """One token and where it stands.

    Attributes
    ----------
    kind : Kind
    text : str
        As written; without quotes for a text, in one spelling for a sign.
    start, end : int
        Characters of the claim, end excluded.
    measure : Measure or None
        Of a number.
    """

    kind: Kind
    text: str
    start: int
    end: int
    measure: Measure | None = None


_BLANK = re.compile(r"\s+")
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGN = re.compile(r"<=|>=|[<>≤≥+\-−*×·/^(),=]")
_SPELLING = {"≤": "<=", "≥": ">=", "−": "-", "×": "*", "·": "*"}
# One unit after a number or after the sign between units; a name before a parenthesis is a function.
_UNIT = re.compile(
    r"\s*([*·/]?)\s*([A-Za-zµμ%]+)((?:\^[+-]?[0-9](?![0-9]))|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?(?![\w(])(?!\s+\()"
)

# What people who know other languages try, and what to write here.
_FOREIGN = (
    ("**", "a power is written with '^'"),
    ("==", "equality of measured values cannot be tested; write between(x, low, high)"),
    ("!=", "inequality is tested with '<' or '>'"),
    ("&&", "write 'and'"),
    ("||", "write 'or'"),
    ("&", "write 'and'"),
    ("|", "write 'or'"),
    ("!", "write 'not'"),
    ("[", "nothing can be indexed; choose a time with at= or a window with from= and to="),
    (".", "nothing has attributes; names with points stand in quotes"),
)


def tokens(text: str) -> list[Token]:
    """The tokens of a claim; the last one is its end.

    Raises
    ------
    ClaimError
        At the first character that cannot be part of a claim.
    """
    if len(text) > MAX_TEST:
        raise ClaimError(f"text of {len(text)} characters; at most {MAX_TEST} are allowed", 0)
    found: list[Token] = []
    at = 0
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if at >= len(text):
            return [*found, Token(Kind.END, "", at, at)]
        try:
            token = _token(text, at)
        except ClaimError as error:
            raise _perhaps_a_name(text, found, error) from None
        if found and found[-1].kind is Kind.NUMBER and found[-1].end == at and token.kind is Kind.NUMBER:
            raise ClaimError(f"'{text[found[-1].start : token.end]}' is no number", found[-1].start)
        found.append(token)
        at = token.end


def _perhaps_a_name(text: str, found: list[Token], error: ClaimError) -> ClaimError:
    """A number with a wrong unit right after 'IL-' is the rest of a name."""
    if (
        len(found) < 2
        or found[-2].kind is not Kind.NAME
        or found[-1].text != "-"
        or error.at != found[-1].end
    ):
        return error
    rest = re.match(r"[\w+.-]+", text[found[-2].start :])
    name = rest[0] if rest else found[-2].text
    return ClaimError(f"a name with '-' stands in quotes: '{name}'", found[-2].start)


def _token(text: str, at: int) -> Token:
    if text[at] in "'\"":
        return _quoted(text, at)
    number = _NUMBER.match(text, at)
    if number:
        return _number(text, number)
    name = _NAME.match(text, at)
    if name:
        return Token(Kind.NAME, name[0], at, name.end())
    for sign, hint in _FOREIGN:
        if text.startswith(sign, at):
            raise ClaimError(f"'{sign}' is not part of a claim: {hint}", at)
    sign_found = _SIGN.match(text, at)
    if sign_found:
        return Token(Kind.SIGN, _SPELLING.get(sign_found[0], sign_found[0]), at, sign_found.end())
    letter = text[at]
    name_of = unicodedata.name(letter, "unnamed").lower()
    shown = f"'{letter}'" if letter.isprintable() else "a character"
    raise ClaimError(f"{shown} (U+{ord(letter):04X} {name_of}) is not part of a claim", at)


def _quoted(text: str, at: int) -> Token:
    end = text.find(text[at], at + 1)
    if end < 0:
        raise ClaimError(f"the quote {text[at]} is not closed", at)
    return Token(Kind.TEXT, text[at + 1 : end], at, end + 1)


def _number(text: str, number: re.Match[str]) -> Token:
    start = number.start()
    if len(number[0]) > MAX_DIGITS:
        raise ClaimError(f"a number of {len(number[0])} characters; at most {MAX_DIGITS} are allowed", start)
    end = _unit_end(text, number.end())
    try:
        measure = parse(text[start:end])
    except UnitError as error:
        raise ClaimError(str(error), start) from None
    return Token(Kind.NUMBER, text[start:end], start, end, measure)


def _unit_end(text: str, at: int) -> int:
    """Where the unit after a number ends; `at` when there is none."""
    first = True
    while True:
        found = _UNIT.match(text, at)
        if found is None:
            return at
        sign, name = found[1], found[2].replace("µ", "u").replace("μ", "u")
        if first and sign not in ("", "/"):
            return at
        if not first and sign == "":
            return at
        if name not in UNITS:
            # Directly after a number nothing but a unit or 'and', 'or' can stand, so this is a misspelt unit.
            return found.end() if first and sign == "" and name not in KEYWORDS else at
        at, first = found.end(), False
