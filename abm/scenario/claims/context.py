"""What the parts of the checker share: the claim, the arms, and the faults found so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from abm.scenario.claims.expressions import Place
from abm.scenario.claims.syntax import Part
from abm.scenario.claims.tokens import ClaimError
from abm.scenario.schema.scenario import Scenario

_LONGEST = 60


class Context:
    """One claim under check.

    Attributes
    ----------
    text : str
    arms : mapping of str to Scenario or None
        None for an arm too faulty to be looked into.
    faults : list of ClaimError
    """

    def __init__(self, text: str, arms: Mapping[str, Scenario | None]) -> None:
        self.text = text
        self.arms = arms
        self.faults: list[ClaimError] = []
        self._instead: dict[str, str] = {}

    def fault(self, at: int, message: str) -> None:
        """Note a fault at a character of the claim."""
        self.faults.append(ClaimError(message, at))

    def late(self, at: int, message: str) -> None:
        """Note a time that the runs do not reach: of shortened runs, say, whose claims stay as they are."""
        self.faults.append(ClaimError(message, at, is_late=True))

    def shown(self, part: Part) -> str:
        """A part as it was written, in quotes, cut when it is long."""
        text = self.text[part.start : part.end]
        if text[0] in "'\"":
            return text
        return f"'{text}'" if len(text) <= _LONGEST else f"'{text[: _LONGEST - 3]}...'"

    def place(self, part: Part) -> Place:
        """Where a part stands."""
        return Place(self.text[part.start : part.end], part.start)

    def read_as(self, arm: str) -> str:
        """The arm that is meant by a name: itself, or the one put in its place."""
        return self._instead.get(arm, arm)

    @contextmanager
    def reading(self, arm: str, instead: str) -> Iterator[None]:
        """For a while, take one arm for another."""
        before, self._instead = self._instead, {arm: instead}
        yield
        self._instead = before
