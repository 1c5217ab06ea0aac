"""How far a file being written has got: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from abm.cli.failure import say
from abm.study.pool import listening

LINE_SECONDS = 10.0

Advance = Callable[[int, int], None]


@contextmanager
def counting(what: str, quiet: bool) -> Iterator[Advance]:
    """A function to be told how much is done, and of how much; it shows that on standard error.

    Ctrl-C is heeded when it is called next: raised wherever the signal happens to come, in a callback of a
    library, it could be lost.
    """
    with listening() as asked, _shown(what, quiet) as show:

        def advance(done: int, total: int) -> None:
            if asked():
                raise KeyboardInterrupt
            show(done, total)

        yield advance


@contextmanager
def _shown(what: str, quiet: bool) -> Iterator[Advance]:
    if quiet:
        yield lambda _done, _total: None
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _lines(what)


def _lines(what: str) -> Advance:
    said = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_SECONDS:
            said = time.monotonic()
            say(f"{what}: {done} of {total}")

    return advance
