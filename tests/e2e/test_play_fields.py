"""Several fields in one answer, as the page asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abm.record import open_run
from abm.view.play import api
from tests.e2e.test_play_server import Client, client, recorded

__all__ = ["client", "recorded"]


def planes(body: bytes, kind: str) -> dict[str, tuple[dict[str, str], np.ndarray]]:
    """By docs/playback_format.md."""
    length = int.from_bytes(body[:4], "little")
    assert (4 + length) % 8 == 0
    found, at = {}, 4 + length
    for about in json.loads(body[4:at])["planes"]:
        ny, nx = map(int, about["shape"].split(","))
        values = np.frombuffer(body, kind, ny * nx, at).reshape(ny, nx)
        found[about["name"]] = about, values
        at += values.nbytes
    assert at == len(body)
    return found


@pytest.mark.parametrize("z", ["0", "max"])
def test_several_fields_are_what_they_are_one_by_one(client: Client, recorded: Path, z: str) -> None:
    with open_run(recorded) as run:
        names = run.cytokines
    query = f"frame=5&z={z}&most=20"
    found = planes(client.ask(f"/api/runs/0/fields?cytokines={','.join(names)}&{query}").body, "<f4")
    assert list(found) == names and len(names) > 1
    for name, (about, values) in found.items():
        single = client.ask(f"/api/runs/0/field?cytokine={name}&{query}")
        np.testing.assert_array_equal(values.ravel(), np.frombuffer(single.body, "<f4"))
        for key in ("shape", "low", "high", "time"):
            assert about[key] == single.headers[f"X-{key.title()}"]


def test_several_fields_as_bytes(client: Client) -> None:
    query = "frame=5&type=u8&scale=linear&compress=1"
    found = planes(client.ask(f"/api/runs/0/fields?cytokines=TNF-a,TGF-b1&{query}").body, "u1")
    single = client.ask(f"/api/runs/0/field?cytokine=TGF-b1&{query}")
    about, values = found["TGF-b1"]
    np.testing.assert_array_equal(values.ravel(), np.frombuffer(single.body, "u1"))
    assert about["scale-high"] == single.headers["X-Scale-High"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("frame=0", "lacks cytokines="),
        ("frame=0&cytokines=TNF-a,unicorn", "no field 'unicorn'; there are"),
        ("frame=99&cytokines=TNF-a", "frame=99: allowed is a whole number from 0 to 8"),
        ("frame=0&cytokines=TNF-a&cytokine=TNF-a", "no entry 'cytokine'"),
    ],
)
def test_refusals(client: Client, query: str, said: str) -> None:
    reply = client.ask(f"/api/runs/0/fields?{query}")
    assert reply.status == 400 and said in reply.json["error"]


def test_too_much_at_once_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_VALUES", 2000)
    reply = client.ask("/api/runs/0/fields?frame=0&cytokines=TNF-a,TGF-b1")
    assert (
        reply.status == 400 and "2 fields of 40 x 40 values; 2000 can be sent at once" in reply.json["error"]
    )
    assert client.ask("/api/runs/0/fields?frame=0&cytokines=TNF-a").status == 200
    assert client.ask("/api/runs/0/fields?frame=0&cytokines=TNF-a,TGF-b1&most=30").status == 200
