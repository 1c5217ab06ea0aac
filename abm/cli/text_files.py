"""Writing tables and documents that a user asked for, without replacing any by accident."""

from __future__ import annotations

from pathlib import Path


def refuse_existing(file: Path | None, force: bool) -> None:
    """Before anything is computed: stop if a file that would be written exists.

    Raises
    ------
    abm.errors.RecordError
        It exists, and `force` is not given.
    """
    from abm.errors import RecordError

    if file is not None and file.exists() and not force:
        raise RecordError(f"{file}: exists already and is not replaced; give another name, or --force")


def write_text(file: Path, text: str, what: str, force: bool) -> None:
    """Write a text file; lines end with a line feed on every system.

    Parameters
    ----------
    file : Path
    text, what : str
        Its content, and what it is, for messages: ``the table``.
    force : bool
        Replace an existing file.

    Raises
    ------
    abm.errors.RecordError
        It exists, and `force` is not given; or it cannot be written.
    """
    from abm.record.faults import os_fault

    try:
        with file.open("w" if force else "x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError:
        refuse_existing(file, force)
        raise
    except OSError as error:
        raise os_fault(file, f"write {what}", error) from error
