"""``abm import-rules``: the rules files of a scenario written out as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import ReplaceFile, ScenarioFile


def import_rules(
    file: ScenarioFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it; by default it is printed."),
    ] = None,
    force: ReplaceFile = False,
) -> None:
    """Write PhysiCell's rules of a scenario as YAML.

    The result is a scenario file that extends FILE and makes the same experiment, with every rule as a
    response whose numbers --set, sweeps and fits can change.
    """
    import os

    from abm.cli.failure import say
    from abm.cli.text_files import refuse_existing, write_text
    from abm.errors import Fault, RecordError, ScenarioError
    from abm.scenario.load import load_experiment
    from abm.scenario.physicell_yaml import has_rules, rules_as_yaml

    if output is not None and output.resolve() == file.resolve():
        raise RecordError(f"{output}: is the file that would be extended; give another name")
    refuse_existing(output, force)
    experiment = load_experiment(file)
    if not has_rules(experiment):
        raise ScenarioError([Fault("names no rules file; its key is 'physicell_rules'", str(file))])
    folder = output.parent if output is not None else file.parent
    text = rules_as_yaml(experiment, Path(os.path.relpath(file, folder)).as_posix())
    if output is None:
        print(text, end="")
        return
    write_text(output, text, "the rules", force)
    say(f"Wrote {output}. Next: abm check {output}")
