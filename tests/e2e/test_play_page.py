"""The playback page in a real browser: every control does what it says, and values are those of the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.record import Run, open_run
from tests.e2e.play_page import (
    PAGE_MARKS,
    SIZE,
    Watcher,
    bmsc,
    browser,
    changed,
    near_colour,
    runs,
    served,
    url,
    watcher,
)

pytestmark = PAGE_MARKS
__all__ = ["bmsc", "browser", "runs", "url", "watcher"]  # fixtures

GREEN = (0, 158, 115)  # microglia
BLUE = (0, 114, 178)  # msc


# ------------------------------------------------------------------------------- values under the cursor


def test_value_under_the_cursor_is_that_of_the_file(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=IL-1b")
    values = bmsc.field("IL-1b", time=0.25).values[0]
    x, y = bmsc.coordinate("x"), bmsc.coordinate("y")
    for i, j in ((0, 0), (19, 14), (7, 7), (13, 2), (3, 11)):
        found = watcher.hover(float(x[i]), float(y[j]))
        assert found["value"] == float(values[j, i])
        shown = watcher.page.locator("#readout").inner_text()
        assert float(re.search(r"IL-1β ([\d.]+) pg/ml", shown)[1]) == pytest.approx(values[j, i], rel=1e-4)


def test_values_in_small_multiples(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&view=fields")
    assert [panel["cytokine"] for panel in watcher.view["panels"]] == bmsc.cytokines
    for panel, name in enumerate(bmsc.cytokines):
        values = bmsc.field(name, time=0.25).values[0]
        found = watcher.hover(150.0, 150.0, panel)
        assert found["cytokine"] == name and found["value"] == float(values[7, 7])


def test_the_largest_value_along_z(watcher: Watcher, url: str, runs: list[Path]) -> None:
    watcher.open(f"{url}&runs=3&time=0.25&field=TNF-a")
    with open_run(runs[3]) as run:
        values = run.field("TNF-a", time=0.25).values
    for z, expected in (("1", values[1]), ("max", values.max(axis=0)), ("mean", values.mean(axis=0))):
        watcher.choose("z", z)
        assert watcher.hover(110.0, 130.0)["value"] == pytest.approx(float(expected[6, 5]), rel=1e-6)


def test_clicking_a_cell_tells_all_about_it(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25")
    frame = bmsc.frame(time=0.25)
    # A microglia with nobody close, so that it is clear which cell is meant.
    inside = np.flatnonzero(frame["place"] == 0)
    x, y = frame["x"][inside].astype(float), frame["y"][inside].astype(float)
    apart = np.hypot(np.subtract.outer(x, x), np.subtract.outer(y, y))
    np.fill_diagonal(apart, np.inf)
    row = int(inside[(apart.min(axis=1) * (frame["type"][inside] == 0)).argmax()])
    at = watcher.place(float(frame["x"][row]), float(frame["y"][row]))
    before = watcher.pixels()
    watcher.page.mouse.click(*at)
    watcher.ready()
    identity = int(frame["id"][row])
    assert (
        f"cell={identity}" in watcher.page.evaluate("location.hash")
        or watcher.page.wait_for_timeout(600) is None
    )
    assert watcher.page.input_value("#cell-id") == str(identity)
    watcher.page.wait_for_selector("#cell-facts dd")
    facts = watcher.page.locator("#cell-facts").inner_text().split("\n")
    assert "microglia" in watcher.page.locator("#cell-summary").inner_text()
    assert float(facts[facts.index("x [µm]") + 1]) == pytest.approx(frame["x"][row], rel=1e-3)
    assert _number(facts[facts.index("activation") + 1]) == pytest.approx(frame["activation"][row], rel=2e-2)
    assert 0 < changed(before, watcher.pixels()) < 0.1, "a ring and a track, nothing else"
    watcher.press("Escape")
    assert watcher.page.input_value("#cell-id") == ""


def _number(text: str) -> float:
    """``3.4×10⁻⁴`` as a number."""
    mantissa, _, power = text.replace("−", "-").partition("×10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(mantissa) * 10.0 ** int(exponent or 0)


# -------------------------------------------------------------------------------------- fields and cells


def test_cells_by_type_state_and_variable(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=")
    by_type = watcher.pixels()
    assert near_colour(by_type, GREEN) > 100 and near_colour(by_type, BLUE) > 10
    watcher.choose("colour", "phenotype")
    assert watcher.page.locator("#legend .sub").count() >= 4
    by_state = watcher.pixels()
    assert changed(by_type, by_state) > 0.002
    watcher.choose("colour", "nociception")
    assert changed(by_state, watcher.pixels()) > 0.005
    assert "nociception" in watcher.page.locator("#bars").inner_text()
    watcher.choose("colour", "none")
    assert near_colour(watcher.pixels(), GREEN) == 0


def test_hiding_a_type_takes_its_cells_away(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=")
    frame = bmsc.frame(time=0.25)
    count = int(((frame["type"] == 0) & (frame["place"] == 0)).sum())
    assert watcher.page.locator("#legend .mark .count").first.inner_text() == str(count)
    many = near_colour(watcher.pixels(), GREEN)
    watcher.tick("#legend input[data-type=microglia]")
    assert near_colour(watcher.pixels(), GREEN) < 0.05 * many
    watcher.tick("#legend input[data-type=microglia]")
    assert near_colour(watcher.pixels(), GREEN) == many


def test_size_of_symbols(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=")
    usual = near_colour(watcher.pixels(), GREEN)
    watcher.page.locator("#size").fill("2.5")
    assert near_colour(watcher.ready().pixels(), GREEN) > 2 * usual


def test_field_map_range_and_scale(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&colour=none&field=TNF-a")
    seen = [watcher.pixels()]
    for name, value in (("map", "magma"), ("field", "CXCL12"), ("map", "viridis")):
        watcher.choose(name, value)
        seen.append(watcher.pixels())
        assert changed(seen[-2], seen[-1]) > 0.2
    values = bmsc.field("CXCL12", time=0.25).values
    fixed = watcher.view["panels"][0]
    assert fixed["low"] <= values.min() and fixed["high"] >= values.max()
    watcher.tick("input[name=range][value=frame]")
    each = watcher.view["panels"][0]
    assert each["high"] == pytest.approx(float(values.max()))
    assert "range of the frame" in watcher.page.locator("#bars").inner_text()
    watcher.tick("input[name=scale][value=linear]")
    linear = watcher.pixels()
    watcher.tick("input[name=scale][value=log]")
    assert "logarithmic" in watcher.page.locator("#bars").inner_text()
    assert changed(linear, watcher.pixels()) > 0.05
    watcher.choose("field", "")
    assert watcher.page.locator("#bars .bar").count() == 0


def test_outlines(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&colour=none&field=TNF-a&map=greys")
    drawn = watcher.pixels()
    watcher.tick("#outlines")
    assert 0.002 < changed(drawn, watcher.pixels()) < 0.1


def test_highlight_and_trails(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&time=0.3333&field=")
    usual = watcher.pixels()
    watcher.choose("highlight", "msc")
    standing_out = watcher.pixels()
    assert near_colour(standing_out, BLUE) > 1.5 * near_colour(usual, BLUE)
    assert near_colour(standing_out, GREEN) < 0.2 * near_colour(usual, GREEN)
    watcher.choose("trails", "20")
    assert 0.0005 < changed(standing_out, watcher.pixels()) < 0.2


# --------------------------------------------------------------------------------------------------- time


def test_step_scrub_and_the_time_in_words(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2")
    assert watcher.view["frames"] == 9
    for button, frame in (("forward", 1), ("forward", 2), ("back", 1), ("last", 8), ("first", 0)):
        watcher.page.click(f"#{button}")
        assert watcher.ready().view["frame"] == frame
    before = watcher.pixels()
    now = watcher.page.locator("#threshold .now-line").evaluate("e => e.getBoundingClientRect().x")
    watcher.page.locator("#scrubber").fill("6")
    assert watcher.ready().view["time"] == pytest.approx(0.25)
    assert watcher.page.locator("#time").inner_text() == "0 d 06 h"
    assert watcher.page.locator("#frame").inner_text() == "frame 7 of 9"
    assert changed(before, watcher.pixels()) > 0.02
    later = watcher.page.locator("#threshold .now-line").evaluate("e => e.getBoundingClientRect().x")
    plot = watcher.page.locator("#threshold .u-over").bounding_box()
    assert later - now == pytest.approx(plot["width"] * 6 / 8, abs=2.0)


def test_play_pause_speed_and_loop(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&loop=0")
    watcher.choose("speed", "1")
    watcher.page.click("#play")
    watcher.page.wait_for_selector("#play[aria-label=Pause]")
    watcher.page.select_option("#speed", "25")
    watcher.until(lambda view: not view["playing"] and view["frame"] == 8)
    watcher.page.click("#loop")
    seen = set()
    watcher.page.click("#play")
    watcher.until(lambda view: seen.add(view["frame"]) or {1, 2} <= seen)
    watcher.page.click("#play")
    assert not watcher.view["playing"]
    still = watcher.ready().view["frame"]
    watcher.page.wait_for_timeout(300)
    assert watcher.view["frame"] == still


def test_charts_follow_the_runs_and_lead_to_times(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25")
    series = bmsc.series("withdrawal_threshold")
    at = float(series.values[np.searchsorted(series.time, 0.25 + 1e-9) - 1])
    assert float(watcher.page.locator("#threshold-unit").inner_text().split()[0]) == pytest.approx(
        at, rel=6e-3
    )
    events = watcher.page.locator("#marks .event")
    assert [line.split(":")[0] for line in events.evaluate_all("all => all.map(e => e.title)")] == [
        "Day 0",
        "Day 0.04167",
    ]
    assert "MSC" in events.nth(1).inner_text()
    scrub = watcher.page.locator("#marks").bounding_box()
    assert events.nth(1).bounding_box()["x"] - scrub["x"] == pytest.approx(scrub["width"] / 8 - 5, abs=2.0)
    before = watcher.pixels("#counts")
    watcher.choose("counts-of", "msc")
    assert changed(before, watcher.pixels("#counts")) > 0.005
    plot = watcher.page.locator("#pain .u-over").bounding_box()
    watcher.page.mouse.click(plot["x"] + plot["width"] * 0.5, plot["y"] + 20)
    assert watcher.ready().view["time"] == pytest.approx(4 / 24)


def test_runs_side_by_side_stay_in_step(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=0,1,2")
    for _ in range(4):
        panels = watcher.press("ArrowRight").view["panels"]
        assert [panel["run"] for panel in panels] == ["0", "1", "2"]
        assert len({panel["cellTime"] for panel in panels}) == 1
        assert len({(panel["fieldTime"], panel["low"], panel["high"]) for panel in panels}) == 1
        assert panels[0]["cellTime"] == watcher.view["time"]
    assert changed(watcher.pixels(), watcher.pixels(".panel-canvas >> nth=2")) > 0
    watcher.tick("#runs input[data-run='0']")
    assert [panel["run"] for panel in watcher.view["panels"]] == ["1", "2"]
    # A run of other times is shown at its nearest.
    watcher.tick("#runs input[data-run='3']")
    assert {panel["cellTime"] for panel in watcher.view["panels"]} == {watcher.view["time"]}


# ------------------------------------------------------------------------------------------ zoom and 3-D


def test_zoom_and_pan(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2&time=0.25")
    whole = watcher.pixels()
    base = watcher.view["panels"][0]["camera"]
    at = watcher.place(100.0, 100.0)
    watcher.page.mouse.move(*at)
    watcher.page.mouse.wheel(0, -400)
    watcher.ready()
    near = watcher.view["panels"][0]["camera"]
    assert near["k"] > 1.5 * base["k"]
    assert watcher.place(100.0, 100.0) == pytest.approx(at, abs=1.5), "the place under the pointer stays"
    watcher.page.mouse.down()
    watcher.page.mouse.move(at[0] + 60, at[1] + 30, steps=4)
    watcher.page.mouse.up()
    watcher.ready()
    assert watcher.place(100.0, 100.0) == pytest.approx((at[0] + 60, at[1] + 30), abs=6.0)
    assert changed(whole, watcher.pixels()) > 0.2
    watcher.page.click("#zoom-reset")
    assert watcher.ready().view["panels"][0]["camera"] == base
    watcher.page.click("#zoom-in")
    assert watcher.ready().view["panels"][0]["camera"]["k"] > base["k"]


def test_following_a_cell_keeps_it_in_the_middle(watcher: Watcher, url: str, bmsc: Run) -> None:
    frames = [bmsc.frame(time=hour / 24) for hour in (6, 8)]
    moving = _moving(frames[0], frames[1])
    watcher.open(f"{url}&runs=2&time=0.25&cell={moving}")
    watcher.tick("#follow")
    for frame in (frames[0], frames[1]):
        row = int(np.flatnonzero(frame["id"] == moving)[0])
        camera = watcher.view["panels"][0]["camera"]
        assert (camera["x"], camera["y"]) == pytest.approx((frame["x"][row], frame["y"][row]))
        watcher.press("End")


def _moving(first: Any, last: Any) -> int:
    """A cell that is in the tissue in both frames, at different places."""
    before = {
        int(i): (x, y)
        for i, x, y, p in zip(first["id"], first["x"], first["y"], first["place"], strict=True)
        if p == 0
    }
    for i, x, y, place in zip(last["id"], last["x"], last["y"], last["place"], strict=True):
        if place == 0 and int(i) in before and np.hypot(x - before[int(i)][0], y - before[int(i)][1]) > 5:
            return int(i)
    raise AssertionError("nothing moves")


def test_slices_and_orbit(watcher: Watcher, url: str, runs: list[Path]) -> None:
    watcher.open(f"{url}&runs=3&time=0.25")
    watcher.tick("input[name=view][value=slices]")
    assert [panel["z"] for panel in watcher.view["panels"]] == ["0", "1", "2", "3", "max"]
    watcher.tick("input[name=view][value=orbit]")
    before = watcher.pixels()
    box = watcher.page.locator(".panel-canvas").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    watcher.page.mouse.move(*middle)
    watcher.page.mouse.down()
    watcher.page.mouse.move(middle[0] + 120, middle[1] + 20, steps=3)
    watcher.page.mouse.up()
    turned = watcher.ready().pixels()
    assert changed(before, turned) > 0.05
    watcher.choose("z", "0")
    assert changed(turned, watcher.pixels()) > 0.02
    watcher.page.mouse.move(middle[0] + 30, middle[1])
    found = watcher.view["under"]
    with open_run(runs[3]) as run:
        layer = run.field("TNF-a", time=0.25).values[0]
    assert found["value"] == layer[int(found["y"] // 20), int(found["x"] // 20)], "the value of the plane"
    for shift in range(0, 200, 12):
        watcher.page.mouse.click(middle[0] + shift, middle[1])
        if watcher.ready().page.input_value("#cell-id"):
            break
    assert near_colour(watcher.pixels(), (213, 94, 0), 10) > 5, "the ring around the cell that was clicked"


def test_trails_in_three_dimensions(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=3&time=0.33&view=orbit&highlight=msc&outlines=0")
    before = watcher.pixels()
    blue = near_colour(before, (0, 114, 178))
    watcher.choose("trails", "20")
    assert changed(before, watcher.pixels()) > 1e-4
    assert near_colour(watcher.pixels(), (0, 114, 178), 90) > blue


def test_slices_of_two_blocks_have_a_row_each(watcher: Watcher, runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "again_r000.h5"
    copy.write_bytes(runs[3].read_bytes())
    with served([runs[3], copy]) as (url, _):
        watcher.open(f"{url}&runs=0,1&time=0.25&view=slices")
        panels = [(panel["run"], panel["z"]) for panel in watcher.view["panels"]]
        assert panels == [(run, z) for run in "01" for z in ("0", "1", "2", "3", "max")]
        assert watcher.page.locator(".row-title").count() == 2
        upper, lower = (watcher.page.locator(".panel").nth(i).bounding_box() for i in (0, 5))
        assert lower["x"] == pytest.approx(upper["x"]) and lower["y"] > upper["y"] + upper["height"]
        assert changed(watcher.pixels(), watcher.pixels(".panel-canvas >> nth=5")) < 0.05


def test_a_flat_run_has_no_third_dimension(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=0&view=orbit")
    assert watcher.page.locator("input[name=view][value=tissue]").is_checked()
    assert watcher.page.locator("input[name=view][value=orbit]").is_disabled()
    assert watcher.page.locator("#z-row").is_hidden()


def test_a_link_restores_the_view(watcher: Watcher, url: str, browser: Any) -> None:
    watcher.open(f"{url}&runs=1,2")
    watcher.choose("field", "CXCL12").choose("map", "magma").choose("colour", "activation")
    watcher.press("ArrowRight", "ArrowRight", "+", "+", "Shift+ArrowRight", "y")
    watcher.tick("#legend input[data-type=neuron]")
    watcher.page.wait_for_timeout(600)
    link = watcher.page.evaluate("location.href")
    other = Watcher(browser.new_context(viewport=SIZE, color_scheme="light").new_page()).open(link)
    for ours, theirs in zip(watcher.view["panels"], other.view["panels"], strict=True):
        assert theirs.pop("camera") == pytest.approx(ours.pop("camera"), rel=1e-4)
        assert theirs == ours
    assert changed(watcher.pixels(), other.pixels()) < 1e-3
    assert other.faults == []
    other.page.context.close()
