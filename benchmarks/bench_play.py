"""How fast recorded runs are opened, served, filmed and packed, on a file made for it.

    python benchmarks/bench_play.py [FOLDER] [--side 500] [--cells 20000] [--frames 60] [--only NAME ...]

makes a recorded file of that size (in FOLDER it is kept and used again), prints a line of JSON for each
measurement, and exits 1 when one is over its budget. The fields are like those of a run: smooth, with bumps,
changing over days.

open      seconds until a session is opened and described, and until the first field and cells came over HTTP
serve     frames per second over HTTP: one field with the cells; all fields with the cells; resident memory
movie     seconds and frames per second of an MP4 of 1000 x 1000 pixels; needs ffmpeg
page      seconds and size of the standalone page, and the size that 480 frames would have

    python benchmarks/bench_play.py [FOLDER] --big GB

makes a file of that many gigabytes, 1000 x 1000 voxels with six fields and 98,304 cells in every frame, in a
few minutes by repeating chunks, plays it through `abm play` in a process of its own, and deletes it:

big       seconds from the start of the program to the address, to the first field and cells; frames per
          second of one field with the cells, in turn and all over the file; the most memory of the server
"""

from __future__ import annotations

import argparse
import http.client
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from big_file import ROWS, repeat

from abm.record import CellTable, Column, Dimension, FieldStack, RunDeclaration, RunWriter, Series

FIELDS = ("IL-1b", "TNF-a", "IL-10", "TGF-b1", "IL-6", "CXCL12")
VARIABLES = ("activation", "reactivity")
SPACING = 20.0  # um
PER_DAY = 24
FULL = 480  # frames that sizes are scaled to
# For 500 x 500 voxels, 6 fields and 20,000 cells; (lowest, highest).
BUDGETS = {
    "first_picture_s": (0.0, 2.0),
    "one_field_fps": (25.0, np.inf),
    "all_fields_fps": (15.0, np.inf),
    "peak_memory_mb": (0.0, 500.0),
    "seconds_for_480": (0.0, 60.0),
    "mb_for_480": (0.0, 60.0),
}
over: list[str] = []


def make(path: Path, side: int, cells: int, frames: int) -> None:
    """Diffusing patches with bumps, a frame each two hours; cells that stay but for the 10 % that walk."""
    rng = np.random.default_rng(5)
    centres = SPACING * (0.5 + np.arange(side))
    width = SPACING * side
    y, x = np.meshgrid(centres, centres, indexing="ij")
    site = np.hypot(x - 0.4 * width, y - 0.5 * width) < 0.2 * width
    writer = RunWriter.create(path, _declaration(centres, site))
    place = rng.uniform(0, width, (cells, 2))
    kind = rng.choice(5, cells, p=[0.35, 0.4, 0.05, 0.15, 0.05])
    walks = (kind == 2) | (kind == 4)
    state = rng.random((2, cells))
    bumps = 1 + 0.03 * rng.standard_normal((len(FIELDS), 1, side, side), np.float32)
    spots = rng.uniform(0.2, 0.8, (len(FIELDS), 4, 2)) * width
    for frame in range(frames):
        tick = 2 * frame
        day = tick / PER_DAY
        writer.append_readout(
            tick, {"withdrawal_threshold": 0.2 + np.exp(-day), "cell_count": np.bincount(kind)}
        )
        writer.append_fields(tick, _concentration(x, y, spots, width, day) * bumps)
        place[walks] = np.clip(place[walks] + rng.normal(0, 15, (int(walks.sum()), 2)), 0, width - 1)
        state = np.clip(state + rng.normal(0, 0.01, state.shape), 0, 1)
        columns = {"id": np.arange(cells), "type": kind, "phenotype": kind, "status": np.zeros(cells)}
        columns |= {"place": np.zeros(cells), "x": place[:, 0], "y": place[:, 1], "z": np.full(cells, 10.0)}
        writer.append_cells(tick, columns | dict(zip(VARIABLES, state, strict=True)))
    writer.finish("complete", "", [])


def _concentration(x: np.ndarray, y: np.ndarray, spots: np.ndarray, width: float, day: float) -> np.ndarray:
    """(field, 1, ny, nx) [pg/ml]."""
    found = np.empty((len(FIELDS), 1, *x.shape), np.float32)
    reach = (0.08 + 0.1 * day / (day + 10)) * width
    for i, places in enumerate(spots):
        level = np.full(x.shape, 50.0, np.float32)
        for j, (a, b) in enumerate(places):
            level += (
                200.0
                * (j + 1)
                * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * reach**2))
                * np.sin(0.1 * day + j) ** 2
            )
        found[i, 0] = level
    return found


def _declaration(centres: np.ndarray, site: np.ndarray) -> RunDeclaration:
    types = ("microglia", "astrocyte", "t_cell", "neuron", "msc")
    phenotypes = tuple(f"{name}:{name}" for name in types)
    stack = FieldStack(
        FIELDS, centres, centres, np.array([10.0]), None, {"site": site[None]}, significant_bits=10
    )
    series = (Series("withdrawal_threshold", (), "g"), Series("cell_count", ("cell_type",), "1"))
    table = CellTable([Column(name) for name in VARIABLES], types, phenotypes, ("alive", "dead"))
    dimensions = (Dimension("cell_type", types),)
    return RunDeclaration(
        "Made by a benchmark", "cci", 0, 1, 60.0, "{}", "{}", dimensions, series, stack, table
    )


class Measured:
    """Asks a server as the page does."""

    def __init__(self, port: int, token: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port)
        self._token = token

    def get(self, path: str) -> bytes:
        self._line.request("GET", path, headers={"X-Abm-Token": self._token})
        answer = self._line.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


def rate(frames: int, show: Callable[[int], object]) -> float:
    """Frames per second."""
    begin = time.perf_counter()
    for frame in range(frames):
        show(frame)
    return frames / (time.perf_counter() - begin)


def bench_server(path: Path, frames: int) -> None:
    from abm.view.play.server import PlayServer
    from abm.view.play.session import Session

    begin = time.perf_counter()
    with Session([path]) as session, PlayServer(session) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = Measured(server.port, server.token)
        page.get("/api/runs")
        described = time.perf_counter() - begin
        page.get(f"/api/runs/0/field?frame=0&cytokine={FIELDS[0]}")
        page.get("/api/runs/0/cells?frame=0")
        tell("open", described_s=described, first_picture_s=time.perf_counter() - begin)

        def one(frame: int) -> None:
            page.get(f"/api/runs/0/field?frame={frame}&cytokine={FIELDS[0]}")
            page.get(f"/api/runs/0/cells?frame={frame}")

        def every(frame: int) -> None:
            page.get(f"/api/runs/0/fields?frame={frame}&cytokines={','.join(FIELDS)}&most=250")
            page.get(f"/api/runs/0/cells?frame={frame}&columns=activation")

        shown = min(frames, 60)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        tell(
            "serve", one_field_fps=rate(shown, one), all_fields_fps=rate(shown, every), peak_memory_mb=memory
        )
        server.shutdown()


def bench_big(folder: Path, gigabytes: float) -> None:
    small, path = folder / "bench_small.h5", folder / "bench_big.h5"
    try:
        make(small, 1000, 24 * ROWS, 20)
        begin = time.perf_counter()
        frames = repeat(small, path, gigabytes * 1e9)
        tell("make", seconds=time.perf_counter() - begin, gb=path.stat().st_size / 1e9, frames=frames)
        begin = time.perf_counter()
        command = [sys.executable, "-m", "abm", "play", "--no-browser", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            try:
                assert program.stdout is not None
                url = urlsplit(program.stdout.readline().strip())
                address = time.perf_counter() - begin
                page = Measured(int(url.port or 0), url.fragment.removeprefix("token="))
                page.get("/api/runs")
                described = time.perf_counter() - begin

                def one(frame: int) -> None:
                    page.get(f"/api/runs/0/field?frame={frame}&cytokine={FIELDS[0]}")
                    page.get(f"/api/runs/0/cells?frame={frame}")

                def anywhere(frame: int) -> None:
                    one(frame * 7919 % frames)

                one(0)
                first = time.perf_counter() - begin
                tell("big", address_s=address, described_s=described, first_picture_s=first)
                tell("big", in_turn_fps=rate(200, one), anywhere_fps=rate(200, anywhere))
                # The cells of one among all, and the time course: what the page asks for besides.
                page.get("/api/runs/0/track?cell=17")
                page.get("/api/runs/0/series?name=cell_count&most=2000")
                status = Path(f"/proc/{program.pid}/status").read_text(encoding="ascii")
                tell("big", peak_memory_mb=int(status.partition("VmHWM:")[2].split()[0]) / 1024)
            finally:
                program.terminate()
    finally:
        small.unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def bench_movie(path: Path, frames: int) -> None:
    from abm.view.play import movie
    from abm.view.play.session import Session

    movie.PRESETS["bench"] = (1000, 1000)
    with Session([path]) as session:
        film = movie.Movie(session, movie.MovieOptions(preset="bench"))
        begin = time.perf_counter()
        film.write(path.with_suffix(".mp4"), force=True)
        seconds = time.perf_counter() - begin
    tell("movie", seconds=seconds, fps=frames / seconds, seconds_for_480=FULL * seconds / frames)


def bench_page(path: Path, frames: int) -> None:
    from abm.view.play.pack import PackOptions, PagePacker
    from abm.view.play.session import Session

    with Session([path]) as session:
        begin = time.perf_counter()
        packer = PagePacker(session, PackOptions())
        budget = packer.budget()
        estimated = time.perf_counter() - begin
        size = packer.write(path.with_suffix(".html"), force=True)
        seconds = time.perf_counter() - begin
    tell(
        "page",
        seconds=seconds,
        estimate_s=estimated,
        mb=size / 1e6,
        budget_mb=budget.total / 1e6,
        mb_for_480=size / 1e6 * FULL / frames,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def tell(name: str, **measured: float) -> None:
    told = {key: float(f"{value:.3g}") for key, value in measured.items()}
    print(json.dumps({"what": name, **told}), flush=True)
    for key, value in measured.items():
        low, high = BUDGETS.get(key, (-np.inf, np.inf))
        if not low <= value <= high:
            over.append(f"{key} {value:.3g} is not within {low:g} to {high:g}")


BENCHES = {"server": bench_server, "movie": bench_movie, "page": bench_page}


def bench_file(folder: Path, given: argparse.Namespace) -> None:
    path = folder / f"bench_{given.side}_{given.cells}_{given.frames}.h5"
    if not path.exists():
        begin = time.perf_counter()
        make(path, given.side, given.cells, given.frames)
        tell("make", seconds=time.perf_counter() - begin, mb=path.stat().st_size / 1e6)
    for name in given.only or BENCHES:
        BENCHES[name](path, given.frames)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time opening, serving, filming and packing a recorded run.")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--side", type=int, default=500)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--only", action="append", choices=BENCHES)
    parser.add_argument("--big", type=float, metavar="GB", help="only: a file of so many gigabytes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = given.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        if given.big:
            bench_big(folder, given.big)
        else:
            bench_file(folder, given)
    if over:
        sys.exit("over budget: " + "; ".join(over))


if __name__ == "__main__":
    main()
