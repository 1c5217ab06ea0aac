"""What the server refuses: strangers, other hosts, other methods, questions out of bounds."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

TOKEN_HEADER = "X-Abm-Token"
TOKEN_BYTES = 24
QUERY_LENGTH = 4096  # characters
MOST_FIELDS = 32  # entries of a query

_NUMBER = re.compile(r"[0-9]{1,9}")
_SIGNED = re.compile(r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """A request that is not answered: status of HTTP, and one sentence that says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def new_token() -> str:
    """An unguessable word for a URL."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def check_host(given: str | None, port: int) -> None:
    """Refuse any name but that of this machine's loopback, so that no web site can pass for the page.

    Raises
    ------
    Refused
    """
    if given is None or given.lower() not in {
        f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")
    }:
        raise Refused(403, f"this server answers to 127.0.0.1:{port} and localhost:{port} only")


def check_token(given: str | None, token: str) -> None:
    """Refuse a request without the token, in constant time.

    Raises
    ------
    Refused
    """
    if given is None or not secrets.compare_digest(given.encode(errors="replace"), token.encode()):
        raise Refused(403, f"the header {TOKEN_HEADER} is missing or wrong; use the address abm play printed")


class Query:
    """The query of a request, read entry by entry.

    Parameters
    ----------
    text : str
        What follows the question mark.
    known : sequence of str
        Entries that the request may have.

    Raises
    ------
    Refused
        It is too long, malformed, has other entries, or one of them twice.
    """

    def __init__(self, text: str, known: Sequence[str]) -> None:
        if len(text) > QUERY_LENGTH:
            raise Refused(400, f"the query has {len(text)} characters; {QUERY_LENGTH} are allowed")
        try:
            pairs = parse_qsl(
                text,
                keep_blank_values=True,
                strict_parsing=bool(text),
                errors="strict",
                max_num_fields=MOST_FIELDS,
            )
        except ValueError:
            raise Refused(400, "the query is malformed; it is name=value&name=value") from None
        self._values: Mapping[str, str] = dict(pairs)
        unknown = [name for name in self._values if name not in known]
        if unknown:
            allowed = ", ".join(known) or "none"
            raise Refused(400, f"the query has no entry {unknown[0][:40]!r}; allowed: {allowed}")
        if len(pairs) > len(self._values):
            raise Refused(400, "an entry of the query is given twice")
        if "compress" in known:
            self.choice("compress", ("0", "1"), "0")

    def text(self, name: str, default: str | None = None) -> str:
        """A word; refused when it is missing and has no default."""
        value = self._values.get(name, default)
        if value is None:
            raise Refused(400, f"the query lacks {name}=")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of the words allowed."""
        value = self.text(name, default)
        if value not in allowed:
            raise Refused(400, f"{name}={value[:40]}: allowed is {', '.join(allowed) or 'nothing'}")
        return value

    def number(
        self, name: str, low: int, high: int, default: int | None = None, *, words: Sequence[str] = ()
    ) -> int:
        """A whole number from `low` to `high`, both included; `words` are allowed too, and read elsewhere."""
        value = self.text(name, None if default is None else str(default))
        if not _NUMBER.fullmatch(value) or not low <= int(value) <= high:
            span = f"a whole number from {low} to {high}" if low <= high else "nothing: there is none"
            raise Refused(400, f"{name}={value[:40]}: allowed is {' or '.join((span, *words))}")
        return int(value)

    def real(self, name: str, default: float) -> float:
        """A finite number."""
        value = self.text(name, repr(float(default)))
        if name in self._values and not _SIGNED.fullmatch(value):
            raise Refused(400, f"{name}={value[:40]}: a number is expected")
        return float(value)
