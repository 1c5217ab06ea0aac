"""Options that say which number of every run of a sweep is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from abm.record.sweep_index import Found
    from abm.sweep.manifest import Manifest
    from abm.sweep.quantity import Quantity

Of = Annotated[
    str, typer.Option("--of", metavar="NAME", help="Scalar of the summary, or a series: NAME[/LABEL ...].")
]
Arm = Annotated[str, typer.Option("--arm", metavar="NAME", help="Arm; needed where there are several.")]
Against = Annotated[
    str, typer.Option("--against", metavar="ARM", help="Subtract this arm, replicate by replicate.")
]
Mpe = Annotated[
    bool, typer.Option("--mpe", help="Percent of the maximal possible effect in place of the difference.")
]
Start = Annotated[
    str, typer.Option("--from", metavar="TIME", help='Beginning of the mean of a series, e.g. "0 d".')
]
End = Annotated[str, typer.Option("--to", metavar="TIME", help='Its end, e.g. "14 d".')]
Since = Annotated[
    str, typer.Option("--since", metavar="AXIS", help="Count the window from the value of this axis.")
]


def quantity_of(name: str, arm: str, against: str, mpe: bool, start: str, end: str, since: str) -> Quantity:
    """What the options say.

    Raises
    ------
    typer.BadParameter
        A time cannot be read.
    """
    from abm.cli.options import day_of
    from abm.sweep.quantity import Quantity

    return Quantity(
        name=name,
        arm=arm,
        against=against,
        mpe=mpe,
        start=day_of(start, "--from") if start else None,
        end=day_of(end, "--to") if end else None,
        since=since,
    )


def find_and_tell(folder: Path) -> tuple[Manifest, Found]:
    """A planned sweep and where its runs are; shards that cannot be read are told, never passed over."""
    from abm.sweep.manifest import Manifest
    from abm.sweep.run import find

    manifest = Manifest.load(folder)
    found = find(manifest)
    tell_unreadable(found.unreadable)
    return manifest, found


def tell_unreadable(reasons: tuple[str, ...]) -> None:
    """Say which shards are left out, and why."""
    from abm.cli.failure import say

    for reason in reasons:
        say(f"note: left out, its runs count as missing: {reason}")
