"""The playback page for everybody: by keyboard alone, read aloud, offline, on a bad line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from abm.record import Run, open_run
from tests.e2e.command_line import abm_here
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

CONTROLS = "button, select, input, canvas[tabindex]"


def test_every_control_has_a_name_and_can_be_reached_with_tab(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2")
    unnamed = watcher.page.evaluate(
        """selector => [...document.querySelectorAll(selector)].filter(e =>
            e.offsetParent && !e.getAttribute('aria-label') && !(e.labels && e.labels.length)
            && !e.textContent.trim()).map(e => e.outerHTML)""",
        CONTROLS,
    )
    assert unnamed == []
    wanted = set(
        watcher.page.evaluate(
            """selector => [...document.querySelectorAll(selector)].filter(e => e.offsetParent && !e.disabled
                && (e.type !== 'radio' || e.checked)).map(e => e.id || e.name || e.dataset.type
                || e.dataset.run || e.className)""",
            CONTROLS,
        )
    )
    reached, hidden = set(), []
    for _ in range(2 * len(wanted)):
        watcher.page.keyboard.press("Tab")
        name, outlined = watcher.page.evaluate(
            """() => { const e = document.activeElement;
                const seen = s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1;
                const next = e.nextElementSibling;
                return [e.id || e.name || e.dataset.type || e.dataset.run || e.className,
                    seen(getComputedStyle(e)) || (e.type === 'radio' && seen(getComputedStyle(next)))]; }"""
        )
        reached.add(name)
        if name in wanted and not outlined:
            hidden.append(name)
    assert wanted <= reached
    assert hidden == [], "controls whose focus cannot be seen"


def test_keyboard_alone_suffices(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2")
    page = watcher.page
    assert watcher.press("ArrowRight", "ArrowRight", ".").view["frame"] == 3
    assert watcher.press("ArrowLeft", "End").view["frame"] == 8
    assert watcher.press("Home").view["frame"] == 0
    watcher.press("]", "]", "]", " ")
    watcher.until(lambda view: view["playing"] and view["frame"] >= 3)
    watcher.press(" ")
    assert not watcher.view["playing"]
    plain = watcher.press("Home", "End").pixels()
    for keys in (["g"], ["c"], ["o"], ["m"], ["t"], ["r"], ["k"], ["+"], ["Shift+ArrowUp"], ["Shift+D"]):
        after = watcher.press(*keys).pixels()
        # One of the scales may be in force already.
        assert changed(plain, after) > 0 or keys in (["r"], ["k"]), keys
        plain = after
    watcher.press("0", "2")
    assert len(watcher.view["panels"]) == len(bmsc.cytokines)
    watcher.press("1", "s", "d")
    assert page.locator("#left").is_hidden() and page.locator("#right").is_hidden()
    watcher.press("s", "d")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#help").is_hidden()


def test_crosshair_reads_and_selects_without_a_mouse(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=IL-1b")
    watcher.page.locator(".panel-canvas").focus()
    watcher.press("ArrowRight", "ArrowRight", "ArrowUp")
    found = watcher.view["under"]
    x, y = bmsc.coordinate("x"), bmsc.coordinate("y")
    i, j = int(abs(x - found["x"]).argmin()), int(abs(y - found["y"]).argmin())
    assert (x[i], y[j]) == pytest.approx((found["x"], found["y"]))
    assert found["value"] == float(bmsc.field("IL-1b", time=0.25).values[0, j, i])
    assert "IL-1β" in watcher.page.locator("#say").inner_text(), "it is read aloud"
    assert watcher.view["frame"] == 6, "arrows moved the crosshair, not the time"
    watcher.press("Enter")
    selected = int(watcher.page.input_value("#cell-id"))
    assert selected in bmsc.frame(time=0.25)["id"]


def test_a_cell_by_its_id(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25")
    identity = int(bmsc.frame(time=0.25)["id"][3])
    watcher.press("i")
    watcher.page.keyboard.type(str(identity))
    watcher.press("Enter")
    watcher.page.wait_for_selector("#cell-facts dd")
    watcher.page.fill("#cell-id", "many")
    watcher.press("Enter")
    assert "whole number" in watcher.page.locator("#cell-hint").inner_text()


def test_steps_and_states_are_announced(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2").press("ArrowRight")
    assert watcher.page.locator("#say").inner_text() == "day 0, 1 hour, frame 2 of 9"
    watcher.press(" ")
    assert watcher.page.locator("#say").inner_text() == "Playing."
    watcher.press(" ")
    assert "Paused at day 0" in watcher.page.locator("#say").inner_text()


@pytest.mark.parametrize("size", [(1024, 700), (1280, 800), (1920, 1080)])
@pytest.mark.parametrize("view", ["runs=0,1,2", "runs=2&view=fields", "runs=3&view=orbit&cell=3"])
def test_nothing_overlaps_and_nothing_scrolls(
    watcher: Watcher, url: str, size: tuple[int, int], view: str
) -> None:
    watcher.page.set_viewport_size({"width": size[0], "height": size[1]})
    watcher.open(f"{url}&{view}")
    page = watcher.page
    assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    boxes = [
        box
        for item in page.locator(
            ".top, .left, .stage-bar, .panel, .bar, .chart, .inspector, .transport"
        ).all()
        if (box := item.bounding_box())
    ]
    for i, a in enumerate(boxes):
        assert a["x"] >= 0 and a["y"] >= 0 and a["x"] + a["width"] <= size[0] + 1
        for b in boxes[:i]:
            across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
            down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
            assert across <= 1 or down <= 1, (a, b)


def test_colour_bars_follow_the_width(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=0,1")
    drawn_as_shown = """() => { const c = document.querySelector('#bars canvas');
        return c.clientWidth > 50 && c.width === Math.round(c.clientWidth * devicePixelRatio); }"""
    widths = set()
    for key in ("", "s", "d", "s", "d"):
        if key:
            watcher.page.keyboard.press(key)
        watcher.page.wait_for_function(drawn_as_shown)
        widths.add(watcher.page.evaluate("document.querySelector('#bars canvas').clientWidth"))
    assert len(widths) > 1


def test_counts_of_all_runs_are_shown(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=0,1,2")
    watcher.page.wait_for_function(
        "document.querySelector('.legend .count').textContent.split('·').length === 3"
    )
    cut_off = (
        "[...document.querySelectorAll('.legend .name')].filter(e => e.scrollWidth > e.clientWidth).length"
    )
    assert watcher.page.evaluate(cut_off) == 0


def test_theme_follows_the_system_until_one_is_chosen(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=2")
    light = watcher.pixels("body").mean()
    watcher.page.emulate_media(color_scheme="dark")
    dark = watcher.ready().pixels("body").mean()
    assert dark < 0.4 * light
    for expected in (light, dark, dark):
        watcher.page.click("#theme")
        assert watcher.ready().pixels("body").mean() == pytest.approx(expected, rel=0.05)
    watcher.page.emulate_media(color_scheme="light")
    assert watcher.ready().pixels("body").mean() == pytest.approx(light, rel=0.05), "automatic again"


def test_strict_policy_and_no_foreign_address(watcher: Watcher, url: str) -> None:
    watcher.open(f"{url}&runs=0,1,2").press("2", "1", "End")
    assert watcher.asked and all(
        address.startswith(url.split("#", maxsplit=1)[0]) for address in watcher.asked
    )
    assert not any("token" in address for address in watcher.asked)
    watcher.page.evaluate(
        """() => { const script = document.createElement('script'); script.textContent = 'window.ran = 1';
            document.body.append(script); }"""
    )
    assert watcher.page.evaluate("window.ran === undefined")
    assert len(watcher.faults) == 1 and "Content Security Policy" in watcher.faults.pop()


def test_a_wrong_token_is_refused_in_words(browser: Any, url: str) -> None:
    page = browser.new_context(viewport=SIZE).new_page()
    page.goto(url.split("#", maxsplit=1)[0] + "#token=wrong")
    page.wait_for_selector("#banner:not([hidden])")
    assert "token" in page.locator("#banner-text").inner_text()
    page.context.close()


def test_failed_requests_are_told_and_repeated(browser: Any, url: str) -> None:
    page = browser.new_context(viewport=SIZE).new_page()
    watcher = Watcher(page).open(f"{url}&runs=2")
    page.route("**/api/**", lambda route: route.abort())
    page.keyboard.press("g")
    page.wait_for_selector("#banner:not([hidden])")
    assert "does not answer" in page.locator("#banner-text").inner_text()
    page.unroute("**/api/**")
    page.click("#retry")
    watcher.ready()
    assert page.locator("#banner").is_hidden()
    page.context.close()


def test_a_growing_run_is_followed(watcher: Watcher, url: str) -> None:
    """The server's answers, cut short at first as while the run is written."""
    frames = {"n": 3}

    def shortened(run: dict[str, Any]) -> dict[str, Any]:
        until = run["cellTimes"][min(frames["n"], len(run["cellTimes"])) - 1]
        live = frames["n"] < len(run["cellTimes"])
        return {
            **run,
            "live": live,
            "status": "running" if live else "complete",
            "days": until,
            "cellTimes": [t for t in run["cellTimes"] if t <= until],
            "fieldTimes": [t for t in run["fieldTimes"] if t <= until],
        }

    def answer(route: Any) -> None:
        response = route.fetch()
        content = response.json()
        if "runs" in content:
            content["runs"] = [shortened(run) for run in content["runs"]]
        else:
            content = shortened(content)
        route.fulfill(response=response, body=json.dumps(content))

    watcher.page.route("**/api/runs", answer)
    watcher.page.route("**/api/runs/2", answer)
    watcher.open(f"{url}&runs=2")
    assert watcher.view["frames"] == 3
    watcher.page.click("#live")
    assert watcher.ready().view["frame"] == 2
    frames["n"] = 6
    watcher.until(lambda view: view["frames"] == 6 and view["frame"] == 5)
    frames["n"] = 9
    watcher.until(lambda view: view["frames"] == 9 and view["frame"] == 8)
    watcher.page.wait_for_selector("#live", state="hidden")


def test_slow_connection_rounds_values_and_says_so(watcher: Watcher, url: str, bmsc: Run) -> None:
    watcher.open(f"{url}&runs=2&time=0.25&field=IL-1b")
    watcher.tick("#light")
    found = watcher.hover(150.0, 150.0)
    values = bmsc.field("IL-1b", time=0.25).values[0]
    assert found["quantised"] and found["value"] == pytest.approx(
        float(values[7, 7]), abs=float(values.max() - values.min()) / 254
    )
    assert "≈" in watcher.page.locator("#readout").inner_text()


def test_a_server_that_ends_and_comes_back(browser: Any, runs: list[Path]) -> None:
    page = browser.new_context(viewport=SIZE).new_page()
    with served(runs[:1]) as (address, process):
        watcher = Watcher(page).open(address)
        before = watcher.pixels()
        process.terminate()
        process.wait()
        page.keyboard.press("g")
        page.wait_for_selector("#banner:not([hidden])")
        assert "abm play" in page.locator("#banner-text").inner_text()
        assert near_colour(watcher.pixels(), (0, 0, 0), 2) < before.shape[0] * before.shape[1] / 2
    with served(runs[:1], int(address.split(":")[2].split("/")[0])) as (renewed, _):
        # Another token, which the address bar takes.
        page.goto("about:blank")
        assert Watcher(page).open(renewed).view["frames"] == 9
    page.context.close()


# -------------------------------------------------------------------------------------- the page in a file


@pytest.fixture(scope="module")
def standalone(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("page") / "page.html"
    assert abm_here("movie", *runs, "-o", place, "--quiet") == 0
    return place.as_uri()


@pytest.fixture
def offline(browser: Any) -> Any:
    context = browser.new_context(viewport=SIZE, color_scheme="light", offline=True)
    found = Watcher(context.new_page())
    yield found
    context.close()
    assert found.faults == []


def test_standalone_page_needs_no_network(offline: Watcher, standalone: str) -> None:
    offline.open(f"{standalone}#runs=0,1,2&time=0.25")
    assert offline.asked == [standalone + "#runs=0,1,2&time=0.25"] or len(offline.asked) == 1
    assert [panel["cellTime"] for panel in offline.view["panels"]] == [0.25] * 3
    before = offline.pixels(".panel-canvas >> nth=2")
    offline.press("End")
    assert changed(before, offline.pixels(".panel-canvas >> nth=2")) > 0.001
    assert offline.page.locator("#light-block").is_hidden()
    offline.choose("field", "CXCL12")
    offline.page.wait_for_timeout(800)
    assert "field=CXCL12" in offline.page.evaluate("location.hash"), "a file's address can be kept, too"


def test_standalone_values_are_those_of_the_file_within_8_bits(
    offline: Watcher, standalone: str, bmsc: Run
) -> None:
    offline.open(f"{standalone}#runs=2&time=0.25&field=IL-1b")
    values = bmsc.field("IL-1b", time=0.25).values[0]
    for i, j in ((0, 0), (19, 14), (7, 7), (13, 2)):
        found = offline.hover(20.0 * i + 10.0, 20.0 * j + 10.0)
        assert found["quantised"] and found["value"] == pytest.approx(float(values[j, i]), rel=0.02)


def test_standalone_cells_tracks_and_trails(offline: Watcher, standalone: str, bmsc: Run) -> None:
    offline.open(f"{standalone}#runs=2&time=0.25&field=")
    frame = bmsc.frame(time=0.25)
    count = int(((frame["type"] == 0) & (frame["place"] == 0)).sum())
    assert offline.page.locator("#legend .mark .count").first.inner_text() == str(count)
    identity = int(frame["id"][frame["place"] == 0][0])
    before = offline.pixels()
    offline.page.fill("#cell-id", str(identity))
    offline.page.press("#cell-id", "Enter")
    offline.ready()
    offline.page.wait_for_selector("#cell-facts dd")
    assert changed(before, offline.pixels()) > 0
    offline.page.click("#last")
    offline.choose("highlight", "msc")
    before = offline.pixels()
    offline.choose("trails", "10")
    assert changed(before, offline.pixels()) > 0


def test_standalone_slices_of_a_block(offline: Watcher, standalone: str, runs: list[Path]) -> None:
    offline.open(f"{standalone}#runs=3&time=0.25&view=slices&field=TNF-a")
    with open_run(runs[3]) as run:
        values = run.field("TNF-a", time=0.25).values
    shown = {panel["z"]: i for i, panel in enumerate(offline.view["panels"])}
    assert "max" in shown
    for z, i in shown.items():
        expected = values.max(axis=0) if z == "max" else values[int(z)]
        assert offline.hover(110.0, 130.0, i)["value"] == pytest.approx(float(expected[6, 5]), rel=0.02)
