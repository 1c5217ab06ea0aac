"""Printing errors: those of the user's making as plain text, those of ours with a traceback set aside."""

from __future__ import annotations

import os
import sys

from abm.errors import AbmError

RUN_FAILED = 3
IO_FAILED = 4
DEFECT = 70
STOPPED = 130
DEBUG = "ABM_DEBUG"


def say(text: str) -> None:
    """Write a line to standard error, even if nobody reads it."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def report_error(error: Exception) -> int:
    """Print an error and return the exit code that goes with it."""
    if os.environ.get(DEBUG) == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, AbmError):
        say(_as_error(str(error)))
        return error.exit_code
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        say(f"error: {place}{error.strerror or error}")
        return IO_FAILED
    if isinstance(error, MemoryError):
        say("error: out of memory")
        return IO_FAILED
    say(f"internal error: {type(error).__name__}: {error}")
    say(f"This is a defect of abm, not of your input. {_set_aside(error)}")
    return DEFECT


def _as_error(text: str) -> str:
    """Faults of files carry the word after their position; everything else gets it in front."""
    return text if "error:" in text else f"error: {text}"


def _set_aside(error: Exception) -> str:
    """Keep the traceback in a file, so that the screen stays readable and the report complete."""
    if os.environ.get(DEBUG) == "1":
        return "Its traceback is above."
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="abm-error-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(f"{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}")
    except OSError:
        return f"{DEBUG}=1 shows its traceback."
    return f"Its traceback is in {file.name}; please send it with your report."
