"""``abm describe``: documents made from a scenario, for papers and reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abm.cli.options import ReplaceFile, ScenarioFile, Settings

CSV = ".csv"


def describe(
    file: ScenarioFile,
    odd: Annotated[
        bool, typer.Option("--odd", help="Only the ODD protocol, without the parameter table.")
    ] = False,
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Only the parameter table, with its sources.")
    ] = False,
    arm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One arm; by default what all have in common and how they differ."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write Markdown, or CSV if it ends on .csv."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="The parameter table as CSV.")] = False,
    sets: Settings = None,
    force: ReplaceFile = False,
) -> None:
    """Describe a scenario as an ODD protocol and as a table of parameters with their sources."""
    from abm.cli.failure import say
    from abm.cli.text_files import refuse_existing, write_text
    from abm.scenario.load import load_experiment
    from abm.scenario.odd import odd_protocol, parameter_document
    from abm.scenario.odd_subject import Subject
    from abm.scenario.parameters import as_csv
    from abm.scenario.parameters import parameters as table_of
    from abm.study.arms import chosen_arms

    as_table = csv or (output is not None and output.suffix.lower() == CSV)
    if as_table and odd:
        raise typer.BadParameter("the ODD protocol is Markdown; only the parameter table can be CSV")
    refuse_existing(output, force)
    experiment = load_experiment(file, sets or ())
    for fault in experiment.warnings:
        say(str(fault).replace(": error:", ": warning:", 1))
    chosen = chosen_arms(experiment, [arm])[0] if arm is not None else None
    subject = Subject(experiment, chosen, file.as_posix())
    if as_table:
        text = as_csv(table_of(experiment, chosen))
    elif parameters and not odd:
        text = parameter_document(subject)
    else:
        text = odd_protocol(subject, with_parameters=parameters or not odd)
    if output is None:
        print(text, end="")
        return
    write_text(output, text, "the document", force)
    print(f"Wrote {output}")
