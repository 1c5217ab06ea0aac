"""``abm init``: a commented scenario to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to write it.")] = Path(
        "scenario.yaml"
    ),
) -> None:
    """Write a commented scenario to start from; an existing file is never replaced."""
    from importlib.resources import files

    from abm.errors import RecordError
    from abm.record.faults import os_fault

    text = (files("abm.scenario") / "starter.yaml").read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise RecordError(f"{file}: exists already and is not replaced; give another name") from None
    except OSError as error:
        raise os_fault(file, "write the scenario", error) from error
    print(f"Wrote {file}. Next: abm check {file}, then abm run {file}")
