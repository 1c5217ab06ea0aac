"""``abm sweep rank``: the cases with the lowest and the highest values, ready to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abm.sweep.manifest import Manifest
    from abm.sweep.quantity import Quantity
    from abm.sweep.rank import Ranked


def tell_rank(folder: Path, quantity: Quantity, count: int, as_json: bool) -> None:
    """Print the points at both ends of a quantity and how to repeat a typical run of each."""
    import json

    from abm.cli.quantity import find_and_tell
    from abm.sweep.rank import rank

    manifest, found = find_and_tell(folder)
    ends = rank(manifest, found, quantity, count)
    if as_json:
        document = {
            "of": quantity.label(manifest),
            **{end: [_as_json(manifest, one) for one in ranked] for end, ranked in ends.items()},
        }
        print(json.dumps(document, indent=1, ensure_ascii=False))
        return
    print(quantity.label(manifest))
    for end, ranked in ends.items():
        print(f"\n{end}")
        print(_table(manifest, ranked))
    name = manifest.names[next(iter(ends.values()))[0].run][:12]
    print(f"\nTo see one: abm sweep case {folder} {name} -o case.h5, then abm play case.h5")


def _as_json(manifest: Manifest, one: Ranked) -> dict[str, object]:
    values = manifest.design.values[one.point]
    return {
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
        "replicates": one.replicates,
        "parameters": {
            axis.name: axis.text(float(value))
            for axis, value in zip(manifest.design.axes, values, strict=True)
        },
        "run": manifest.names[one.run],
    }


def _table(manifest: Manifest, ranked: list[Ranked]) -> str:
    from abm.analysis.tables import NUMBER, TEXT, Table, number

    axes = manifest.design.axes
    head = ["mean", "95 % interval", *(axis.name for axis in axes), "run"]
    rows = [
        [
            number(one.mean),
            "–" if one.replicates < 2 else f"{number(one.low)} to {number(one.high)}",
            *(
                axis.text(float(value))
                for axis, value in zip(axes, manifest.design.values[one.point], strict=True)
            ),
            manifest.names[one.run][:12],
        ]
        for one in ranked
    ]
    return Table(head, rows, NUMBER + TEXT + NUMBER * len(axes) + TEXT).as_text()
