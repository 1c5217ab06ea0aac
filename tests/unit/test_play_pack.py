"""The standalone page decodes to what was recorded; the decoder here is written from the document alone."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import open_run
from abm.view.play import assets
from abm.view.play.pack import PackOptions, PagePacker, thinned
from abm.view.play.planes import block_mean
from abm.view.play.session import Session
from tests.recorded_runs import Plan, write_run

PAGE = {
    "index.html": '<!doctype html><html><head><meta charset="utf-8"><link rel="stylesheet" href="page.css">'
    '</head><body><header></header><main></main><script src="page.js"></script></body></html>',
    "page.css": "main { color: red }",
    "page.js": "const end = '</script>'; // <!-- a",
}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny page in place of the built one."""
    monkeypatch.setattr("abm.view.play.pack.read_asset", PAGE.__getitem__)


class Reader:
    """Decodes a page as docs/playback_format.md says."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.text = text
        head = re.search(r'id="abm-head">(.*?)</script>', text, re.DOTALL)
        assert head
        self.head: dict[str, Any] = json.loads(head[1])
        self.blocks = dict(re.findall(r'data-block="([^"]*)">([^<]*)</script>', text))

    def block(self, name: str) -> bytes:
        return zlib.decompress(base64.b64decode(self.blocks[name]))

    def field(self, run: str, name: str, layer: int) -> np.ndarray:
        """All frames (frames, ny, nx) with NaN outside."""
        fields = self.head["packed"][run]["fields"]
        about = next(one for one in fields["cytokines"] if one["name"] == name)
        ny, nx = fields["shape"]
        frames = []
        for block in about["blocks"][layer]:
            coded = np.frombuffer(self.block(block), np.uint8).reshape(-1, ny, nx)
            first = coded[0].astype(np.int64)
            first[:, 0] = np.cumsum(first[:, 0])
            decoded = [np.cumsum(first, axis=1) % 256]
            for change in coded[1:]:
                decoded.append((decoded[-1] + change) % 256)
            frames += decoded
        q = np.array(frames)
        low, high = about["low"], about["high"]
        share = q / 254
        values = low * (high / low) ** share if about["scale"] == "log" else low + (high - low) * share
        return np.where(q == 255, np.nan, values)

    def cells(self, run: str, frame: int) -> dict[str, np.ndarray]:
        groups = self.head["packed"][run]["cells"]["groups"]
        group = next(g for g in groups if g["first"] <= frame < g["first"] + g["frames"])
        data, n, count = self.block(group["block"]), group["n"], group["frames"]
        table: dict[str, np.ndarray] = {}
        for column in group["columns"]:
            assert column["offset"] % 8 == 0
            raw = np.frombuffer(data, np.uint8, column["bytes"], column["offset"])
            if column["name"] == "id":
                table["id"] = raw.view("<i8")
                continue
            if column["type"] == "u2":
                planes = raw.reshape(2, count, n).astype(np.int64)
                numbers = np.cumsum(planes[0] + 256 * planes[1], axis=0) % 65536
            else:
                numbers = np.cumsum(raw.reshape(count, n).astype(np.int64), axis=0) % 256
            row = numbers[frame - group["first"]].astype(float)
            if "low" in column:
                nothing = 65535 if column["type"] == "u2" else 255
                values = column["low"] + (column["high"] - column["low"]) * row / (nothing - 1)
                row = np.where(row == nothing, np.nan, values)
            table[column["name"]] = row
        here = table.pop("present") == 1
        return {name: values[here] for name, values in table.items()}


def packed(tmp_path: Path, options: PackOptions | None = None, layers: int = 1) -> tuple[Path, Reader]:
    plan = Plan(days=12.0, layers=layers)
    source = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc", plan=plan)
    with Session([source]) as session:
        PagePacker(session, options or PackOptions()).write(tmp_path / "page.html")
    return source, Reader(tmp_path / "page.html")


@pytest.mark.usefixtures("page")
def test_fields_come_back_within_the_stated_error(tmp_path: Path) -> None:
    source, page = packed(tmp_path)
    with open_run(source) as run:
        for name in run.cytokines:
            decoded = page.field("0", name, 0)
            assert len(decoded) == len(run.field_times) == 13
            for i in range(len(decoded)):
                true = np.where(run.tissue[0], run.field(name, i).values[0], np.nan)
                np.testing.assert_array_equal(np.isnan(decoded[i]), np.isnan(true))
                about = next(
                    one for one in page.head["packed"]["0"]["fields"]["cytokines"] if one["name"] == name
                )
                if about["scale"] == "log":
                    share = (about["high"] / about["low"]) ** (1 / 508)
                    error = np.nanmax(np.abs(np.log(decoded[i] / true)))
                    assert error <= np.log(share) * 1.001
                else:
                    assert (
                        np.nanmax(np.abs(decoded[i] - true)) <= (about["high"] - about["low"]) / 508 * 1.001
                    )


@pytest.mark.usefixtures("page")
def test_a_wide_range_is_logarithmic(tmp_path: Path) -> None:
    _, page = packed(tmp_path)
    scales = {one["name"]: one["scale"] for one in page.head["packed"]["0"]["fields"]["cytokines"]}
    assert scales["TGF-b1"] == "log"  # 100 to 2000
    assert scales["TNF-a"] == "linear"  # 50 to 150


@pytest.mark.usefixtures("page")
def test_fields_are_averaged_and_the_ends_of_each_frame_are_exact(tmp_path: Path) -> None:
    source, page = packed(tmp_path, PackOptions(pixels=20))
    fields = page.head["packed"]["0"]["fields"]
    assert fields["shape"] == [20, 20] and fields["factor"] == 2
    with open_run(source) as run:
        true = block_mean(np.where(run.tissue[0], run.field("TGF-b1", 5).values[0], np.float32(np.nan)), 2)
    about = next(one for one in fields["cytokines"] if one["name"] == "TGF-b1")
    assert about["range"][0][5] == pytest.approx([np.nanmin(true), np.nanmax(true)])


@pytest.mark.usefixtures("page")
def test_cells_come_back(tmp_path: Path) -> None:
    source, page = packed(tmp_path)
    with open_run(source) as run:
        # MSC come on day 2: some groups of 20 frames hold cells that are not in all of their frames.
        for i in range(len(run.frame_times)):
            true, decoded = run.frame(i), page.cells("0", i)
            order = np.argsort(true["id"])
            for name in ("id", "type", "phenotype", "status", "place"):
                np.testing.assert_array_equal(decoded[name], true[name][order])
            for axis in "xy":
                np.testing.assert_allclose(decoded[axis], true[axis][order], atol=2000 / 65534)
            activation = true["activation"][order]
            np.testing.assert_array_equal(np.isnan(decoded["activation"]), np.isnan(activation))
            np.testing.assert_allclose(decoded["activation"], activation, atol=0.008)
    assert "z" not in decoded


@pytest.mark.usefixtures("page")
def test_layers_of_a_block(tmp_path: Path) -> None:
    source, page = packed(tmp_path, layers=10)
    layers = page.head["packed"]["0"]["fields"]["layers"]
    assert layers == ["max", "0", "1", "3", "4", "5", "6", "8", "9"]
    with open_run(source) as run:
        true = run.field("TGF-b1", 12).values
        inside = run.tissue
        highest, slice_ = page.field("0", "TGF-b1", 0)[12], page.field("0", "TGF-b1", 4)[12]
        expected = np.where(inside.any(axis=0), np.where(inside, true, -np.inf).max(axis=0), np.nan)
        np.testing.assert_allclose(highest, expected, rtol=0.02)
        np.testing.assert_allclose(slice_, np.where(inside[4], true[4], np.nan), rtol=0.02)
        true_z = run.frame(3)["z"][np.argsort(run.frame(3)["id"])]
        np.testing.assert_allclose(page.cells("0", 3)["z"], true_z, atol=0.01)


@pytest.mark.usefixtures("page")
def test_head_speaks_of_what_is_packed(tmp_path: Path) -> None:
    source, page = packed(tmp_path, PackOptions(every=5, fields=("TNF-a",), variables=()))
    run = page.head["runs"][0]
    assert run["fieldTimes"] == [0, 5, 10, 12]
    assert [one["name"] for one in run["cytokines"]] == ["TNF-a"]
    assert [one["name"] for one in run["columns"]] == ["type", "phenotype", "status", "place"]
    assert run["live"] is False
    series = json.loads(page.block(page.head["packed"]["0"]["series"]))
    with open_run(source) as recorded:
        true = recorded.series("withdrawal_threshold")
    assert series["withdrawal_threshold"]["values"] == pytest.approx(true.values.tolist(), rel=1e-5)


@pytest.mark.usefixtures("page")
def test_nothing_is_fetched_and_scripts_are_hashed(tmp_path: Path) -> None:
    _, page = packed(tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.text)
    assert policy and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]
    import hashlib

    script = re.search(r"<script>(.*?)</script>", page.text, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert script and style
    for text in (script[1], style[1]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]
    assert "<!--" not in script[1]
    assert not re.search(r'(?:src|href)="', page.text)


@pytest.mark.usefixtures("page")
def test_budget_is_near_what_is_written(tmp_path: Path) -> None:
    source = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc", plan=Plan(days=40.0))
    with Session([source]) as session:
        packer = PagePacker(session, PackOptions())
        budget = packer.budget()
        steps: list[tuple[int, int]] = []
        size = packer.write(tmp_path / "page.html", progress=lambda done, total: steps.append((done, total)))
    assert budget.total == pytest.approx(size, rel=0.5)
    assert re.fullmatch(r"about [\d.]+ MB \(fields [\d.]+, cells [\d.]+, the rest [\d.e-]+\)", budget.words())
    assert steps[-1][0] == steps[-1][1] == len(steps)


@pytest.mark.usefixtures("page")
def test_a_half_page_is_never_left(tmp_path: Path) -> None:
    source = write_run(tmp_path / "cci_r000.h5", "cci")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with Session([source]) as session:
        packer = PagePacker(session, PackOptions())
        with pytest.raises(KeyboardInterrupt):
            packer.write(tmp_path / "page.html", progress=stop)
        assert [path.name for path in tmp_path.iterdir()] == ["cci_r000.h5"]
        packer.write(tmp_path / "page.html")
        with pytest.raises(RecordError, match="exists already; replace it with --force"):
            packer.write(tmp_path / "page.html")
        packer.write(tmp_path / "page.html", force=True)


@pytest.mark.usefixtures("page")
def test_unknown_names_are_refused(tmp_path: Path) -> None:
    source = write_run(tmp_path / "cci_r000.h5", "cci")
    with Session([source]) as session:
        with pytest.raises(RecordError, match="no field 'IL-7'; there are IL-1b, TNF-a"):
            PagePacker(session, PackOptions(fields=("IL-7",)))
        with pytest.raises(RecordError, match="no variable 'mood'; there are activation"):
            PagePacker(session, PackOptions(variables=("mood",)))


@pytest.mark.usefixtures("page")
def test_a_run_without_frames_still_has_its_series(tmp_path: Path) -> None:
    source = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(fields=False, cells=False))
    with Session([source]) as session:
        PagePacker(session, PackOptions()).write(tmp_path / "page.html")
    page = Reader(tmp_path / "page.html")
    assert page.head["packed"]["0"]["fields"] is None and page.head["packed"]["0"]["cells"] is None
    assert "nociception" in json.loads(page.block("0/s"))


def test_a_page_that_is_not_built_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "files", lambda _: tmp_path)
    with pytest.raises(RecordError, match=r"index\.html is missing"):
        assets.read_asset("index.html")


def test_thinning_keeps_the_last_frame() -> None:
    assert thinned(10, 4) == [0, 4, 8, 9]
    assert thinned(9, 4) == [0, 4, 8]
    assert thinned(0, 4) == []
