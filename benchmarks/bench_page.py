"""Frames per second that a person sees: the player in a real Chromium without a graphics card.

    python benchmarks/bench_page.py [FOLDER] [--size SIDE,CELLS ...] [--frames 60]

makes recorded files of these sizes (in FOLDER they are kept and used again), serves each with `abm play`,
plays it once from the first frame to the last as fast as it goes, in a window of 1280 x 800, and prints a
line of JSON for each view; exits 1 when one is below its budget.  Needs playwright and /usr/bin/chromium.

cells     one field with the cells
fields    all six fields side by side
file      with --standalone: the same two of the page of one file, from the disk
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

try:
    from playwright.sync_api import Page, sync_playwright
except ImportError:
    print("NOTE: no playwright here: frames per second in a browser were not measured")
    sys.exit(0)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_play import make

from tests.e2e.play_page import CHROMIUM, served

SIZES = ("100,2000", "500,20000", "1000,100000")
# Frames per second wanted, by voxels along a side.
WANTED = {100: 25.0, 500: 15.0, 1000: 8.0}
VIEWS = {"cells": "view=tissue&field=TNF-a", "fields": "view=fields&colour=none"}
WINDOW = {"width": 1280, "height": 800}
PATIENCE = 120.0  # s


def played(page: Page, address: str, view: str) -> dict[str, float]:
    """Seconds until the first picture, and frames per second from the first frame to the last."""
    page.goto("about:blank")
    begin = time.perf_counter()
    page.goto(f"{address}{view}&speed=60&loop=0&theme=light")
    page.wait_for_function("window.abmView && abmView.ready", polling=10, timeout=1000 * PATIENCE)
    first = time.perf_counter() - begin
    found: dict[str, Any] = page.evaluate(
        """(patience) => new Promise((done) => {
            const begin = performance.now(), drawn = abmView.drawn;
            const look = () => {
                const ms = performance.now() - begin;
                if (abmView.frame < abmView.frames - 1 && ms < 1000 * patience) return setTimeout(look, 5);
                done({ ms, frames: abmView.frame, drawn: abmView.drawn - drawn });
            };
            document.querySelector("#play").click();
            look();
        })""",
        PATIENCE,
    )
    return {"first_picture_s": first, "fps": 1000 * found["frames"] / found["ms"], "drawn": found["drawn"]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Frames per second of the player in Chromium.")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--size", action="append", help="voxels along a side, cells; repeatable")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--view", action="append", choices=VIEWS)
    parser.add_argument("--standalone", action="store_true", help="also the page of one file")
    given = parser.parse_args()
    slow = []
    with tempfile.TemporaryDirectory() as passing, sync_playwright() as player:
        folder = given.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        browser = player.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_context(viewport=WINDOW, bypass_csp=True).new_page()
        for size in given.size or SIZES:
            side, cells = (int(word) for word in size.split(","))
            path = folder / f"bench_{side}_{cells}_{given.frames}.h5"
            if not path.exists():
                make(path, side, cells, given.frames)
            with served([path]) as (url, _):
                addresses = {"server": f"{url}&"}
                if given.standalone:
                    addresses["file"] = f"file://{packed(path)}#"
                for source, address in addresses.items():
                    for view in given.view or VIEWS:
                        measured = played(page, address, VIEWS[view])
                        told = {key: float(f"{value:.3g}") for key, value in measured.items()}
                        print(json.dumps({"what": view, "from": source, "size": size, **told}), flush=True)
                        if measured["fps"] < WANTED.get(side, 0.0):
                            slow.append(f"{view} at {size}, {source}: {measured['fps']:.1f} per second")
        browser.close()
    if slow:
        sys.exit("too slow: " + "; ".join(slow))


def packed(path: Path) -> Path:
    """The standalone page of a file, made when there is none."""
    from abm.view.play.pack import PackOptions, PagePacker
    from abm.view.play.session import Session

    target = path.with_suffix(".html").resolve()
    if not target.exists():
        with Session([path]) as session:
            PagePacker(session, PackOptions()).write(target, force=True)
    return target


if __name__ == "__main__":
    main()
