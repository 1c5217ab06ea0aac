"""New files that appear whole under their name, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from abm.errors import RecordError
from abm.record.faults import os_fault


@contextmanager
def new_file(path: Path, force: bool) -> Iterator[Path]:
    """A name beside `path` to write to; what is there gets the name `path` when all went well.

    The name keeps the suffix, by which encoders know the format.  Whatever ends the block early, Ctrl-C
    included, removes the half file.

    Raises
    ------
    RecordError
        `path` exists and `force` is not given, or cannot be written.
    """
    check_new(path, force)
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield part
        check_new(path, force)
        os.replace(part, path)  # noqa: PTH105 - one word for what it does
    except OSError as error:
        raise os_fault(path, "write the file", error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def check_new(path: Path, force: bool) -> None:
    """Refuse a file that exists already, a folder, and a name in a folder that is none.

    Raises
    ------
    RecordError
    """
    if path.is_dir():
        raise RecordError(f"{path}: this is a folder; give the name of a file")
    if os.path.lexists(path) and not force:
        raise RecordError(f"{path}: the file exists already; replace it with --force or choose another name")
    if not path.parent.is_dir():
        raise RecordError(f"{path}: there is no folder {path.parent}")
