"""The program ``abm``: its verbs, and what becomes of every error.

Nothing heavy is imported here or at the top of any verb: ``abm --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from abm import __version__
from abm.cli import (
    ablate,
    assay,
    branch,
    calibrate,
    check,
    describe,
    import_rules,
    info,
    init,
    library,
    movie,
    play,
    plot,
    report,
    resume,
    run,
    schema,
    sensitivity,
    study,
    sweep,
    why,
)
from abm.cli.failure import report_error

app = typer.Typer(
    name="abm",
    help="Simulate inflamed nervous tissue: glia, T cells, neurons, stromal-cell therapy and pain readout.",
    # Plain help: loading rich for a coloured one takes longer than everything else together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

READER_GONE = 1  # as typer has it

VERBS: dict[str, Callable[..., None]] = {
    "run": run.run,
    "resume": resume.resume,
    "study": study.study,
    "report": report.report,
    "check": check.check,
    "describe": describe.describe,
    "info": info.info,
    "plot": plot.plot,
    "play": play.play,
    "movie": movie.movie,
    "assay": assay.assay,
    "why": why.why,
    "ablate": ablate.ablate,
    "branch": branch.branch,
    "sensitivity": sensitivity.sensitivity,
    "calibrate": calibrate.calibrate,
    "import-rules": import_rules.import_rules,
    "init": init.init,
    "schema": schema.schema,
}


def _first_sentence(verb: Callable[..., None]) -> str:
    """Up to the first full stop or semicolon: the list of verbs has one line for each."""
    return re.split(r"[.;:]", verb.__doc__ or "", maxsplit=1)[0]


for _name, _verb in VERBS.items():
    app.command(_name, short_help=_first_sentence(_verb))(_verb)
app.add_typer(library.app, name="library")
app.add_typer(sweep.app, name="sweep")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"abm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Nothing to do: the options act by themselves."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code.

    0 success, 1 a claim of a strict study does not hold, 2 faulty input, 3 a run failed, 4 a file cannot be
    read or written, 70 a defect of the program, 130 stopped by the user.
    """
    sys.exit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its code; see :func:`main`."""
    _speak_any_encoding()
    try:
        code = _call(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except OSError as error:
        # Such as standard output on a full disk.
        return report_error(error)
    return code


def _speak_any_encoding() -> None:
    """A terminal that cannot show µ or β shows a question mark instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="replace")


def _call(arguments: Sequence[str] | None) -> int:
    try:
        get_command(app)(args=None if arguments is None else list(arguments), prog_name="abm")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, which reports it
        return report_error(error)
    return 0


def _reader_gone() -> int:
    """Whoever read our output closed it (``abm info x.h5 | head``): there is nobody to say anything to."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return READER_GONE
