"""How far a single simulation is, now and then on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable

from abm.cli.failure import say

SAY_SECONDS = 5.0


def now_and_then(what: str) -> Callable[[int, int], None]:
    """A progress function that says ``what: 40%`` every few seconds; short simulations pass in silence."""
    last = time.monotonic()

    def progress(done: int, whole: int) -> None:
        nonlocal last
        if time.monotonic() - last >= SAY_SECONDS:
            last = time.monotonic()
            say(f"{what}: {done / whole:.0%}")

    return progress


def day_of(text: str, option: str) -> float:
    """Time of an option [d].

    Raises
    ------
    typer.BadParameter
        It is no time with a unit.
    """
    import typer

    from abm.errors import UnitError
    from abm.units import to_internal

    try:
        return to_internal(text, "min") / 1440.0
    except UnitError as error:
        raise typer.BadParameter(f"{option}: {error}") from None
