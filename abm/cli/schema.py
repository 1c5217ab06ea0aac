"""``abm schema``: the scenario language for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")
    ] = None,
) -> None:
    """Print the JSON Schema of scenario files; it gives completion and checks in editors."""
    import json

    from abm.record.faults import os_fault
    from abm.scenario.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise os_fault(output, "write the schema", error) from error
    print(
        f"Wrote {output}. In VS Code (YAML extension) or any editor with yaml-language-server, "
        f"open a scenario with the line\n# yaml-language-server: $schema={output}"
    )
