"""A person at the playback page: a real Chromium, the real server, real recorded runs."""

from __future__ import annotations

import io
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from abm.record import Run, open_run
from tests.e2e.command_line import ROOT, abm_here, command, environment

CHROMIUM = Path("/usr/bin/chromium")
SIZE = {"width": 1280, "height": 800}
PATIENCE = 120.0  # s; a busy machine is slow, not wrong

# Everything that the page shows happens within hours: all cell types, both doses, two regions.
PLAYED = """\
schema_version: 1
title: Played
extends: library/dorsal_horn
time: {duration: 8 h, cell_step: 10 min, field_step: 2 min}
record: {readout: 30 min, cells: 1 h, fields: 2 h, checkpoint: 4 h}
domain:
  size: [400 um, 300 um]
  spacing: 20 um
  thickness: 20 um
  represents: 1.7 mm^3
  boundaries: {x_min: csf, x_max: csf}
regions:
  site: {disc: {center: [150 um, 150 um], radius: 80 um}}
  opposite: {disc: {center: [320 um, 150 um], radius: 50 um}}
injuries:
  - {kind: CCI, at: 0 d, site: site, edge: 40 um}
arms:
  sham: {injuries: [{kind: sham, at: 0 d, site: site, edge: 40 um}]}
  cci: {}
  cci_bmsc:
    interventions:
      - inject_cells: {type: msc, dose: 2.5e5, route: intrathecal, at: 1 h}
replicates: 1
seed: 5
"""

BLOCK = (
    PLAYED.replace("title: Played", "title: Block")
    .replace("size: [400 um, 300 um]", "size: [300 um, 260 um, 80 um]")
    .replace("  thickness: 20 um\n", "")
    .replace("  opposite: {disc: {center: [320 um, 150 um], radius: 50 um}}\n", "")
    .replace("  sham: {injuries: [{kind: sham, at: 0 d, site: site, edge: 40 um}]}\n  cci: {}\n", "")
)


PAGE_MARKS = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}"),
]


@contextmanager
def served(files: list[Path], port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address of a player of some files, and its process."""
    process = subprocess.Popen(
        command("play", "--no-browser", "--port", str(port), *files),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=\S+", url)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()


class Watcher:
    """One page, with the errors that it reported.

    Parameters
    ----------
    page : playwright.sync_api.Page
        A fresh one.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, url: str) -> Watcher:
        self.page.goto(url)
        return self.ready()

    @property
    def view(self) -> dict[str, Any]:
        """What `window.abmView` says."""
        names = ["ready", "frame", "frames", "time", "playing", "fps", "drawn", "panels", "under", "memory"]
        picked = ", ".join(f"{name}: abmView.{name}" for name in names)
        return dict(self.page.evaluate(f"window.abmView ? ({{{picked}}}) : ({{ready: false}})"))

    def until(self, true: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until something is true of the view."""
        end = time.monotonic() + seconds
        while not true(view := self.view):
            assert time.monotonic() < end, f"it did not happen; the page says {view}, {self.faults}"
            self.page.wait_for_timeout(30)
        return view

    def ready(self) -> Watcher:
        """Wait for a complete picture, and for the frame after it."""
        self.page.wait_for_timeout(60)
        self.until(lambda view: bool(view["ready"]))
        self.page.wait_for_timeout(60)
        return self

    def press(self, *keys: str) -> Watcher:
        for key in keys:
            self.page.keyboard.press(key)
        return self.ready()

    def choose(self, name: str, value: str) -> Watcher:
        self.page.select_option(f"#{name}", value)
        return self.ready()

    def tick(self, selector: str) -> Watcher:
        """Press a check box or a radio button, which may lie below its label."""
        self.page.locator(selector).click(force=True)
        return self.ready()

    def pixels(self, selector: str = ".panel-canvas >> nth=0") -> NDArray[np.int16]:
        """A part of the page as (height, width, 3)."""
        picture = self.page.locator(selector).screenshot()
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(np.int16)

    def place(self, x: float, y: float, panel: int = 0) -> tuple[float, float]:
        """Where a place of the tissue [um] is on the page [px]."""
        canvas = self.page.locator(".panel-canvas").nth(panel)
        box = canvas.bounding_box()
        ratio = canvas.evaluate("c => c.width / c.clientWidth")
        camera = self.view["panels"][panel]["camera"]
        return (
            box["x"] + box["width"] / 2 + (x - camera["x"]) * camera["k"] / ratio,
            box["y"] + box["height"] / 2 - (y - camera["y"]) * camera["k"] / ratio,
        )

    def hover(self, x: float, y: float, panel: int = 0) -> dict[str, Any]:
        """What the page says is at a place of the tissue [um]."""
        self.page.mouse.move(*self.place(x, y, panel))
        found = self.view["under"]
        assert found is not None
        return dict(found)


def changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    """Share of the pixels that differ."""
    if before.shape != after.shape:
        return 1.0
    return float((np.abs(before - after).max(axis=2) > 8).mean())


def near_colour(pixels: NDArray[np.int16], colour: tuple[int, int, int], within: int = 30) -> int:
    """Number of pixels of about a colour."""
    return int((np.abs(pixels - np.array(colour)).max(axis=2) <= within).sum())


# ------------------------------------------------------------------------------------------- fixtures


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three arms of a flat tissue and one block, simulated by the command line."""
    place = tmp_path_factory.mktemp("played")
    before = Path.cwd()
    os.chdir(place)
    try:
        for name, text in (("flat", PLAYED), ("block", BLOCK)):
            (place / f"{name}.yaml").write_text(text, encoding="utf-8")
            assert abm_here("run", f"{name}.yaml", "-o", place / name, "--quiet") == 0
    finally:
        os.chdir(before)
    return [place / "flat" / f"{arm}_r000.h5" for arm in ("sham", "cci", "cci_bmsc")] + [
        place / "block" / "cci_bmsc_r000.h5"
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def url(runs: list[Path]) -> Iterator[str]:
    with served(runs) as (address, _):
        yield address


@pytest.fixture
def watcher(browser: Any) -> Iterator[Watcher]:
    context = browser.new_context(viewport=SIZE, color_scheme="light")
    found = Watcher(context.new_page())
    yield found
    context.close()
    assert found.faults == []


@pytest.fixture
def bmsc(runs: list[Path]) -> Iterator[Run]:
    with open_run(runs[2]) as run:
        yield run
