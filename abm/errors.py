"""The family of errors that `abm` raises on purpose.

Every message says what was given, what is allowed, and where.  Anything else that escapes is a
defect of the program, not of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class AbmError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback."""

    exit_code = 1


@dataclass(frozen=True)
class Fault:
    """One fault of an input file.

    Attributes
    ----------
    message : str
        What was given, what is allowed, and the nearest spelling where there is one.
    file : str
        Path of the file as the user wrote it; empty when the value came from the command line.
    line, column : int
        Position counted from 1; 0 when unknown.
    path : str
        Dotted path of the value inside the scenario, e.g. ``cytokines.TNF-a.diffusion``.
    source_line : str
        The text of the line, for the caret display; may be empty.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    source_line: str = ""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line or "", self.column or "") if part)
        subject = f"{self.path}: " if self.path else ""
        text = f"{where}: error: {subject}{self.message}" if where else f"error: {subject}{self.message}"
        if self.source_line and self.column:
            text += f"\n    {self.source_line.rstrip()}\n    {' ' * (self.column - 1)}^"
        return text


class ScenarioError(AbmError):
    """A scenario or library file is faulty; carries every fault found, not only the first."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Fault, ...]]]:
        """Pickle by the faults: workers send their errors to the parent."""
        return type(self), (self.faults,)


class UnitError(AbmError):
    """A physical value has no unit, an unknown unit or the wrong dimension."""

    exit_code = 2


class LibraryError(AbmError):
    """Something asked of the library does not exist, or a library file breaks its own rules."""

    exit_code = 2


class CompileError(AbmError):
    """A valid scenario cannot be turned into a model (e.g. more cells than places)."""

    exit_code = 2


class NumericsError(AbmError):
    """The simulation itself went wrong: NaN, negative concentration, lost mass, lost cell."""

    exit_code = 3


class RecordError(AbmError):
    """A result file cannot be written or read."""

    exit_code = 4


class RequestError(RecordError):
    """What is asked of result files is not in them, or cannot be asked: a faulty command line."""

    exit_code = 2


class Interrupted(AbmError):
    """The user stopped a run; what was recorded is safe."""

    exit_code = 130
