"""Answers to what the page asks for, see docs/playback.md; nothing here knows of sockets."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abm.errors import RecordError
from abm.record import LabelledArray
from abm.view.play import tracks
from abm.view.play.describe import Grid, describe_run, describe_session, plain
from abm.view.play.frames import encode_cells, in_layer, wanted_columns, with_head
from abm.view.play.guard import Query, Refused
from abm.view.play.planes import LINEAR, LOG, PROJECTIONS, SCALES, block_factor, block_mean, quantise
from abm.view.play.ranges import ends_of
from abm.view.play.session import PlayedRun, Session

JSON_TYPE = "application/json"
BYTES_TYPE = "application/octet-stream"
LARGEST_ID = (1 << 48) - 1
MOST_PIXELS = 1 << 14
MOST_POINTS = 100_000
MOST_VALUES = 1 << 25  # of several fields at once
MOST_CELLS = 2_000_000  # of one answer


@dataclass(frozen=True)
class Answer:
    """Body of an answer, its media type and further headers."""

    body: bytes
    media: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


class Api:
    """Answers requests about the runs of a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, path: str, query: str, *, gzip_accepted: bool = False) -> Answer:
        """Answer one request.

        Parameters
        ----------
        path, query : str
            Of the URL, before and after the question mark, the path from ``/api/`` on.
        gzip_accepted : bool
            Whether a body may be compressed; it is when the query says ``compress=1``.

        Raises
        ------
        Refused
            There is nothing of this name (404), the query is faulty (400), or the file cannot be read any
            more (500).
        """
        try:
            found = self._route(path.split("/")[1:], query)
        except RecordError as error:
            raise Refused(500, str(error)) from error
        if gzip_accepted and "compress=1" in query.split("&"):
            body = gzip.compress(found.body, compresslevel=1, mtime=0)
            return Answer(body, found.media, {**found.headers, "Content-Encoding": "gzip"})
        return found

    def _route(self, parts: list[str], query: str) -> Answer:
        if parts == ["api", "runs"]:
            Query(query, ("compress",))
            return as_json(describe_session(self._session))
        if len(parts) not in (3, 4) or parts[:2] != ["api", "runs"] or parts[2] not in self._session:
            raise Refused(404, "there is nothing of this name; see /api/runs")
        played = self._session[parts[2]]
        match parts[3:]:
            case []:
                Query(query, ("compress",))
                return as_json(describe_run(played))
            case ["field"]:
                return _field(played, query)
            case ["fields"]:
                return _fields(played, query)
            case ["cells"]:
                return _cells(played, query)
            case ["series"]:
                return _series(played, query)
            case ["track"]:
                cell = Query(query, ("cell", "compress")).text("cell")
                if not cell.isascii() or not cell.isdigit() or len(cell) > 15 or int(cell) > LARGEST_ID:
                    raise Refused(400, f"cell={cell[:40]}: allowed is a whole number from 0 to {LARGEST_ID}")
                return as_json(tracks.track(played, int(cell)))
            case ["trails"]:
                return _trails(played, query)
        raise Refused(404, "there is nothing of this name; see /api/runs")


def as_json(content: object) -> Answer:
    """An answer in JSON."""
    return Answer(json.dumps(content, separators=(",", ":"), allow_nan=False).encode())


FIELD_QUERY = ("frame", "z", "most", "type", "low", "high", "scale", "compress")


def _field(played: PlayedRun, text: str) -> Answer:
    query = Query(text, ("cytokine", *FIELD_QUERY))
    with played.reading() as run:
        cytokine = query.choice("cytokine", run.cytokines)
    about, body = _plane(played, query, cytokine)
    headers = {f"X-{name.title()}": value for name, value in about.items()}
    return Answer(body, BYTES_TYPE, headers)


def _fields(played: PlayedRun, text: str) -> Answer:
    """Several fields of a frame at once: a request costs as much as a small field."""
    query = Query(text, ("cytokines", *FIELD_QUERY))
    with played.reading() as run:
        known, (_, ny, nx) = run.cytokines, run.tissue.shape
    names = query.text("cytokines").split(",")
    for name in names:
        if name not in known:
            raise Refused(400, f"there is no field {name[:40]!r}; there are {', '.join(known)}")
    most = min(query.number("most", 1, MOST_PIXELS, MOST_PIXELS), max(ny, nx))
    if len(names) > 1 and len(names) * most**2 > MOST_VALUES:
        raise Refused(
            400, f"{len(names)} fields of {most} x {most} values; {MOST_VALUES} can be sent at once"
        )
    planes = [_plane(played, query, name) for name in names]
    heads = [{"name": name, **about} for name, (about, _) in zip(names, planes, strict=True)]
    return Answer(with_head({"planes": heads}, [body for _, body in planes]), BYTES_TYPE)


def _plane(played: PlayedRun, query: Query, cytokine: str) -> tuple[dict[str, str], bytes]:
    """What is said of a plane, and its bytes."""
    with played.reading() as run:
        times, layers = run.field_times, run.tissue.shape[0]
    frame = query.number("frame", 0, len(times) - 1)
    z = query.text("z", str(layers // 2))
    if z not in PROJECTIONS:
        z = str(query.number("z", 0, layers - 1, layers // 2, words=PROJECTIONS))
    most = query.number("most", 1, MOST_PIXELS, MOST_PIXELS)
    form = query.choice("type", ("f4", "u8"), "f4")
    scale = query.choice("scale", SCALES, LINEAR)
    plane = played.plane(cytokine, frame, z)
    plane = block_mean(plane, block_factor((plane.shape[0], plane.shape[1]), most))
    low, high = ends_of(plane)
    about = {
        "shape": f"{plane.shape[0]},{plane.shape[1]}",
        "low": repr(low),
        "high": repr(high),
        "time": repr(float(times[frame])),
    }
    if form == "f4":
        return about, np.ascontiguousarray(plane, "<f4").tobytes()
    low, high = _scale_ends(query, scale, low, high)
    about |= {"scale": scale, "scale-low": repr(low), "scale-high": repr(high)}
    return about, quantise(plane, low, high, scale).tobytes()


def _scale_ends(query: Query, scale: str, low: float, high: float) -> tuple[float, float]:
    """Ends as asked for, else those of the frame, made valid where it is of one colour."""
    default = (low, high) if np.isfinite(low) else (0.0, 1.0)
    if default[1] <= default[0]:
        default = (default[0], default[0] + (abs(default[0]) or 1.0))
    low, high = query.real("low", default[0]), query.real("high", default[1])
    largest = float(np.finfo(np.float32).max)
    if not -largest <= low < high <= largest or (scale == LOG and low <= 0.0):
        positive = " and low > 0" if scale == LOG else ""
        wanted = f"low < high within {largest:.2g}{positive}"
        raise Refused(400, f"low={low:g}, high={high:g}: a {scale} scale needs {wanted}")
    return low, high


def _cells(played: PlayedRun, text: str) -> Answer:
    query = Query(text, ("frame", "columns", "z", "compress"))
    with played.reading() as run:
        grid = Grid(run)
        frame = query.number("frame", 0, len(run.frame_times) - 1)
        asked = [name for name in query.text("columns", "").split(",") if name]
        for name in asked:
            if name not in run.column_names:
                raise Refused(
                    400, f"there is no column {name[:40]!r}; there are {', '.join(run.column_names)}"
                )
        rows = run.frame_rows(frame)
        if rows.stop - rows.start > MOST_CELLS:
            raise Refused(
                400, f"the frame has {rows.stop - rows.start} cells; {MOST_CELLS} can be sent at once"
            )
        cells = run.frame(frame, columns=wanted_columns(asked))
    if query.text("z", "all") != "all":
        cells = in_layer(cells, grid, query.number("z", 0, grid.shape[0] - 1))
    return Answer(encode_cells(cells), BYTES_TYPE)


def _series(played: PlayedRun, text: str) -> Answer:
    query = Query(text, ("name", "most", "compress"))
    with played.reading() as run:
        known = {about.name for about in run.series_outlines()}
        if query.text("name").rpartition("/")[2] not in known:
            raise Refused(404, f"there is no series {query.text('name')[:40]!r}; /api/runs lists them")
        series = run.series(query.text("name"))
    return as_json(series_document(series, query.number("most", 2, MOST_POINTS, MOST_POINTS)))


def series_document(series: LabelledArray, most: int) -> dict[str, Any]:
    """A series for JSON, evenly thinned to at most `most` points; the first and the last stay."""
    count = len(series.time)
    points = np.unique(np.linspace(0, count - 1, most).astype(np.int64)) if count > most else slice(None)
    return {
        "name": series.name,
        "long_name": series.long_name,
        "unit": series.unit,
        "dims": list(series.dims),
        "labels": {dim: plain(series.labels[dim]) for dim in series.dims[1:]},
        "time": series.time[points].tolist(),
        "values": plain(series.values[points]),
    }


def _trails(played: PlayedRun, text: str) -> Answer:
    query = Query(text, ("type", "frame", "back", "compress"))
    with played.reading() as run:
        kinds = [str(name) for name in run.cell_labels["type"]]
        frame = query.number("frame", 0, len(run.frame_times) - 1)
    kind = kinds.index(query.choice("type", kinds))
    return as_json(tracks.trails(played, kind, frame, query.number("back", 0, tracks.TRAIL_FRAMES, 20)))
