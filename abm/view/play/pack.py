"""The standalone page: one HTML file that plays recorded runs offline."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from abm import __version__
from abm.analysis.groups import origin_text
from abm.errors import RecordError, RequestError
from abm.record.layout import CODED_COLUMNS
from abm.view.play.api import series_document
from abm.view.play.assets import INDEX, SCRIPT, STYLE, read_asset
from abm.view.play.describe import VERSION, describe_run, variable_names
from abm.view.play.output import new_file
from abm.view.play.pack_cells import CellPacker
from abm.view.play.pack_fields import GROUP, FieldPacker, compress
from abm.view.play.session import PlayedRun, Session

KIND = "abm-page"
SERIES_POINTS = 2000
PIXELS = 250
LIMIT_MB = 200.0  # larger pages open slowly, or not at all

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class PackOptions:
    """What goes into a standalone page.

    Attributes
    ----------
    pixels : int
        Longest side of a field after averaging over blocks.
    every : int
        Only every k-th frame; the last one always.
    fields, variables : tuple of str or None
        Only these cytokines and variables of cells; all when None.
    """

    pixels: int = PIXELS
    every: int = 1
    fields: tuple[str, ...] | None = None
    variables: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Budget:
    """About how many bytes a page will have."""

    fields: int
    cells: int
    rest: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.fields + self.cells + self.rest

    def words(self) -> str:
        """Such as ``about 41 MB (fields 33, cells 7.9, the rest 0.4)``."""
        parts = (("fields", self.fields), ("cells", self.cells), ("the rest", self.rest))
        listed = ", ".join(f"{name} {size / 1e6:.3g}" for name, size in parts)
        return f"about {self.total / 1e6:.3g} MB ({listed})"


class PagePacker:
    """Packs all runs of a session into one page.

    Parameters
    ----------
    session : Session
    options : PackOptions

    Raises
    ------
    RecordError
        A cytokine or variable that a run does not have, or the page of the player is not built.
    """

    def __init__(self, session: Session, options: PackOptions) -> None:
        self._runs = [_RunPacker(played, options) for played in session.values()]
        self._page = _Page()

    def budget(self) -> Budget:
        """Estimate the size, from one group of frames of each run."""
        fields = sum(run.fields.estimate() for run in self._runs if run.fields) * 4 // 3
        cells = sum(run.cells.estimate() for run in self._runs if run.cells) * 4 // 3
        rest = self._page.size + sum(len(_encoded(run.series())) for run in self._runs)
        return Budget(fields, cells, rest)

    def write(self, path: Path, *, force: bool = False, progress: Advance | None = None) -> int:
        """Write the page, block by block.

        Parameters
        ----------
        path : Path
        force : bool
            Replace an existing file.
        progress : callable, optional
            Told how many steps are done, and of how many.

        Returns
        -------
        int
            Its size [bytes].

        Raises
        ------
        RecordError
            The file exists, cannot be written, or a run cannot be read.
        """
        counter = _Counter(sum(run.steps for run in self._runs), progress)
        with new_file(path, force) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(self._page.before)
            head = self._data(file, counter)
            text = json.dumps(head, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
            file.write(f'<script type="application/json" id="abm-head">{text}</script>\n')
            file.write(self._page.after)
        return path.stat().st_size

    def _data(self, file: IO[str], counter: _Counter) -> dict[str, Any]:
        """Write all blocks and return the head."""

        def store(name: str, block: bytes) -> None:
            text = _encoded(block)
            kind = "application/octet-stream;base64"
            file.write(f'<script type="{kind}" data-block="{name}">{text}</script>\n')

        packed = {run.id: run.pack(store, counter.step) for run in self._runs}
        return {
            "version": VERSION,
            "kind": KIND,
            "made_by": f"abm {__version__}",
            "origin": "\n".join(run.origin for run in self._runs),
            "runs": [run.describe() for run in self._runs],
            "packed": packed,
        }


class _Counter:
    """Steps done, told to whoever shows the progress."""

    def __init__(self, total: int, progress: Advance | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def step(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


class _RunPacker:
    """One run of the page."""

    def __init__(self, played: PlayedRun, options: PackOptions) -> None:
        self.id = played.id
        self._played = played
        with played.reading() as run:
            name = run.path.name
            cytokines = _chosen(run.cytokines, options.fields, f"{name}: no field")
            self._variables = _chosen(variable_names(run), options.variables, f"{name}: no variable")
            self.origin = origin_text([run])
            counts = len(run.field_times), len(run.frame_times)
        field_frames, cell_frames = (thinned(count, options.every) for count in counts)
        self.fields = FieldPacker(played, field_frames, cytokines, options.pixels) if field_frames else None
        self.cells = CellPacker(played, cell_frames, self._variables) if cell_frames else None
        self._cytokines = cytokines

    @property
    def steps(self) -> int:
        """How often :meth:`pack` advances."""
        planes = self.fields.planes if self.fields else 0
        return planes + (-(-len(self.cells.frames) // GROUP) if self.cells else 0)

    def pack(self, store: Callable[[str, bytes], None], advance: Callable[[], None]) -> dict[str, Any]:
        """Store the blocks, and return what the head says of them."""
        series = f"{self.id}/s"
        store(series, self.series())
        fields = self.fields.pack(store, advance) if self.fields else None
        cells = self.cells.pack(store, advance) if self.cells else None
        return {"series": series, "fields": fields, "cells": cells}

    def series(self) -> bytes:
        """All series as a compressed JSON document."""
        with self._played.reading() as run:
            documents = {name: series_document(run.series(name), SERIES_POINTS) for name in run.series_names}
        return compress(json.dumps(_shortened(documents), separators=(",", ":"), allow_nan=False).encode())

    def describe(self) -> dict[str, Any]:
        """The run as the page is told, with the packed frames and columns only; after :meth:`pack`."""
        found = describe_run(self._played)
        found["live"] = False
        for key, packer in (("fieldTimes", self.fields), ("cellTimes", self.cells)):
            found[key] = [found[key][frame] for frame in packer.frames] if packer else []
        found["cytokines"] = [one for one in found["cytokines"] if one["name"] in self._cytokines]
        kept = {*CODED_COLUMNS, *self._variables}
        found["columns"] = [one for one in found["columns"] if one["name"] in kept]
        for column in found["columns"]:
            if self.cells and column["name"] in self.cells.ranges:
                column["low"], column["high"] = self.cells.ranges[column["name"]]
                column["exact"] = True
        return found


class _Page:
    """The built page with script and style inside, cut where the data go."""

    def __init__(self) -> None:
        script = re.sub(r"<(?=/script|!--)", r"\\x3c", read_asset(SCRIPT), flags=re.IGNORECASE)
        style = read_asset(STYLE)
        policy = (
            f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
            "img-src data: blob:"
        )
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        text = read_asset(INDEX)
        text = _replaced(text, r"(<head>\s*(?:<meta charset[^>]*>)?)", lambda m: f"{m[1]}\n{meta}")
        text = _replaced(
            text, r'<link rel="stylesheet" href="page\.css"\s*/?>', lambda _: f"<style>{style}</style>"
        )
        parts = re.split(r'<script src="page\.js"[^>]*></script>', text)
        if len(parts) != 2:
            raise RecordError(f"{INDEX} of the player does not have one script {SCRIPT}")
        self.before = parts[0]
        self.after = f"<script>{script}</script>{parts[1]}"

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.before) + len(self.after)


def _replaced(text: str, pattern: str, new: Callable[[re.Match[str]], str]) -> str:
    changed, count = re.subn(pattern, new, text)
    if count != 1:
        raise RecordError(f"{INDEX} of the player has {count} times {pattern!r}, once is needed")
    return changed


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _encoded(block: bytes) -> str:
    return base64.b64encode(block).decode("ascii")


def thinned(count: int, every: int) -> list[int]:
    """Every k-th of `count` frames, and the last."""
    return sorted({*range(0, count, every), *([count - 1] if count else [])})


def _chosen(known: Sequence[str], wanted: Sequence[str] | None, what: str) -> list[str]:
    for name in wanted or ():
        if name not in known:
            raise RequestError(f"{what} {name!r}; there are {', '.join(known) or 'none'}")
    return [name for name in known if wanted is None or name in wanted]


def _shortened(content: Any) -> Any:
    """Numbers of six significant digits."""
    if isinstance(content, float):
        return float(f"{content:.6g}")
    if isinstance(content, dict):
        return {key: _shortened(value) for key, value in content.items()}
    return [_shortened(value) for value in content] if isinstance(content, list) else content
