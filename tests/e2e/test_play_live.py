"""Watching a run while it is computed: a real simulation, the player beside it, a browser that follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.command_line import abm, days_recorded, different, start, wait_until
from tests.e2e.play_page import PAGE_MARKS, PLAYED, Watcher, browser, changed, served, watcher

__all__ = ["browser", "watcher"]

pytestmark = PAGE_MARKS

# Long enough that several flushes, one each two seconds, fall into it.
LONG = PLAYED.replace("duration: 8 h", "duration: 20 d").replace(
    "  sham: {injuries: [{kind: sham, at: 0 d, site: site, edge: 40 um}]}\n  cci: {}\n", ""
)


def test_a_run_is_watched_while_it_is_computed(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG, encoding="utf-8")
    assert abm("run", "long.yaml", "-o", "alone", "--quiet", cwd=tmp_path).returncode == 0
    path = tmp_path / "watched" / "cci_bmsc_r000.h5"
    running = start("run", "long.yaml", "-o", "watched", "--quiet", cwd=tmp_path)
    try:
        wait_until(lambda: days_recorded(path) > 0)
        with served([path]) as (url, _):
            seen = watched(watcher, url)
    finally:
        _, complaints = running.communicate(timeout=240)
    assert (running.returncode, complaints) == (0, "")
    assert len(seen) >= 3 and seen == sorted(seen), "the page showed one newest frame after the other"
    assert different(tmp_path / "alone" / path.name, path) == []


def watched(watcher: Watcher, url: str) -> list[int]:
    """Numbers of the frames that the page showed while it followed the run to its end."""
    page = watcher.open(url).page
    page.click("#live")
    seen: list[int] = []
    before = watcher.pixels()

    def ended(view: dict[str, Any]) -> bool:
        if view["frame"] not in seen:
            seen.append(view["frame"])
        return bool(page.locator("#live").is_hidden())

    view = watcher.until(ended, seconds=240)
    watcher.ready()
    assert view["frame"] == view["frames"] - 1
    assert changed(before, watcher.pixels()) > 0.001
    return seen
