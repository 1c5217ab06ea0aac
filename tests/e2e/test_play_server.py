"""The player's server as a client meets it: answers, live files, and what it refuses."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm.errors import RecordError
from abm.record import open_run
from abm.record.storage import is_being_written
from abm.view.play import tracks
from abm.view.play.server import MOST_CONNECTIONS, PlayServer
from abm.view.play.session import Session
from tests.e2e.command_line import abm, command, environment
from tests.recorded_runs import GrowingRun, Plan, write_run

pytestmark = [pytest.mark.e2e]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks a server over one connection that is kept."""

    port: int
    token: str

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"X-Abm-Token": self.token} | {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, {name: text for name, text in sent.items() if text})
        answer = connection.getresponse()
        reply = Reply(answer.status, dict(answer.getheaders()), answer.read())
        connection.close()
        return reply


@contextmanager
def serving(*paths: Path) -> Iterator[Client]:
    with Session(paths) as session, PlayServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Client(server.port, server.token)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    return write_run(folder / "cci_bmsc_r000.h5", "cci_bmsc", plan=Plan(layers=3))


@pytest.fixture(scope="module")
def client(recorded: Path) -> Iterator[Client]:
    with serving(recorded, write_run(recorded.parent / "sham_r000.h5", "sham")) as found:
        yield found


def decode_cells(body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """By docs/playback_format.md."""
    length = int.from_bytes(body[:4], "little")
    assert (4 + length) % 8 == 0
    head = json.loads(body[4 : 4 + length])
    data = body[4 + length :]
    columns = {}
    for column in head["columns"]:
        assert column["offset"] % 8 == 0
        raw = data[column["offset"] : column["offset"] + column["bytes"]]
        columns[column["name"]] = np.frombuffer(raw, "<" + column["type"])
        assert len(columns[column["name"]]) == head["n"]
    return head, columns


def test_runs_are_described(client: Client, recorded: Path) -> None:
    answer = client.ask("/api/runs").json
    assert answer["version"] == 1
    treated, sham = answer["runs"]
    assert (treated["file"], treated["arm"], treated["live"]) == ("cci_bmsc_r000.h5", "cci_bmsc", False)
    assert (treated["shape"], sham["shape"]) == ([3, 40, 40], [1, 40, 40])
    assert treated["spacing"] == [50.0, 50.0, 20.0]
    assert (treated["origin"], treated["size"]) == ([0.0, 0.0, 0.0], [2000.0, 2000.0, 60.0])
    assert treated["fieldTimes"] == list(range(9))
    assert treated["days"] == 8.0
    with open_run(recorded) as run:
        tgf = next(one for one in treated["cytokines"] if one["name"] == "TGF-b1")
        values = np.array([run.field("TGF-b1", i).values[run.tissue] for i in range(9)])
    assert (tgf["label"], tgf["unit"], tgf["exact"]) == ("TGF-β1", "pg/ml", True)
    assert (tgf["low"], tgf["high"]) == (values.min(), values.max())
    assert [one["name"] for one in treated["columns"]] == [
        "type",
        "phenotype",
        "status",
        "place",
        "activation",
    ]
    assert treated["columns"][0]["codes"][4] == "msc" and treated["columns"][0]["codeLabels"][4] == "MSC"
    assert [one["kind"] for one in treated["events"]] == ["injury", "intervention"]
    assert treated["events"][1]["time"] == 2.0
    site = treated["regions"][0]
    assert site["name"] == "site" and len(site["outlines"]) == 3
    ring = np.array(site["outlines"][0][0])
    assert np.hypot(ring[:, 0] - 800, ring[:, 1] - 1000).max() < 400 + 75
    threshold = next(one for one in treated["series"] if one["name"] == "withdrawal_threshold")
    assert threshold["unit"] == "g" and threshold["dims"] == []
    counts = next(one for one in treated["series"] if one["name"] == "cell_count_by_region")
    assert counts["labels"]["region"] == ["site", "opposite"]
    assert client.ask("/api/runs/1").json["arm"] == "sham"


@pytest.mark.parametrize("z", ["0", "2", "max", "mean"])
def test_fields_are_the_recorded_ones(client: Client, recorded: Path, z: str) -> None:
    reply = client.ask(f"/api/runs/0/field?frame=5&cytokine=TGF-b1&z={z}")
    assert reply.headers["X-Shape"] == "40,40" and float(reply.headers["X-Time"]) == 5.0
    got = np.frombuffer(reply.body, "<f4").reshape(40, 40)
    with open_run(recorded) as run:
        true = np.where(run.tissue, run.field("TGF-b1", 5).values, np.nan)
    layer = {"max": true.max(axis=0), "mean": true.mean(axis=0)}.get(z)
    np.testing.assert_allclose(got, true[int(z)] if layer is None else layer, rtol=1e-6)
    assert float(reply.headers["X-High"]) == np.nanmax(got)


def test_fields_for_slow_tunnels(client: Client) -> None:
    whole = client.ask("/api/runs/0/field?frame=5&cytokine=TNF-a&z=0")
    small = client.ask(
        "/api/runs/0/field?frame=5&cytokine=TNF-a&z=0&most=10&type=u8&low=40&high=200&scale=log"
    )
    assert small.headers["X-Shape"] == "10,10" and len(small.body) == 100
    values = np.frombuffer(whole.body, "<f4").reshape(10, 4, 10, 4)
    means = np.nanmean(values[2:8, :, 2:8], axis=(1, 3))
    q = np.frombuffer(small.body, np.uint8).reshape(10, 10)[2:8, 2:8]
    np.testing.assert_allclose(40 * 5 ** (q / 254), means, rtol=0.01)
    corner = client.ask("/api/runs/0/field?frame=5&cytokine=TNF-a&z=0&type=u8")
    assert corner.body[0] == 255 and np.isnan(np.frombuffer(whole.body, "<f4")[0])  # outside
    zipped = client.ask("/api/runs/0/field?frame=5&cytokine=TNF-a&z=0&compress=1", Accept_Encoding="gzip")
    assert zipped.headers["Content-Encoding"] == "gzip" and gzip.decompress(zipped.body) == whole.body
    assert len(zipped.body) < len(whole.body)


def test_cells_are_the_recorded_ones(client: Client, recorded: Path) -> None:
    head, columns = decode_cells(client.ask("/api/runs/0/cells?frame=9&columns=activation,x").body)
    assert list(columns) == ["id", "type", "phenotype", "status", "place", "x", "y", "z", "activation"]
    with open_run(recorded) as run:
        frame = run.frame(9)
    assert (head["time"], head["n"]) == (4.5, len(frame))
    for name, values in columns.items():
        np.testing.assert_array_equal(values, frame[name])


def test_cells_of_a_layer(client: Client, recorded: Path) -> None:
    _, columns = decode_cells(client.ask("/api/runs/0/cells?frame=9&z=1").body)
    with open_run(recorded) as run:
        frame = run.frame(9)
    inside = (frame["z"] >= 20) & (frame["z"] < 40)
    np.testing.assert_array_equal(columns["id"], frame["id"][inside | (frame["place"] != 0)])
    assert 0 < inside.sum() < len(frame) and (columns["place"] != 0).any()


def test_series(client: Client, recorded: Path) -> None:
    answer = client.ask("/api/runs/0/series?name=cytokine_by_region").json
    with open_run(recorded) as run:
        true = run.series("cytokine_by_region")
    assert answer["dims"] == ["time", "cytokine", "region"]
    np.testing.assert_array_equal(answer["values"], true.values)
    thin = client.ask("/api/runs/0/series?name=withdrawal_threshold&most=5").json
    assert thin["time"] == [0, 2, 4, 6, 8] and len(thin["values"]) == 5


def test_tracks_and_trails(client: Client, recorded: Path) -> None:
    with open_run(recorded) as run:
        msc = run.frame(16).where(type="msc", place="tissue")["id"].tolist()
        true = [(f.time, float(f["x"][f["id"] == msc[0]][0])) for f in map(run.frame, range(4, 17))]
    track = client.ask(f"/api/runs/0/track?cell={msc[0]}").json
    assert list(zip(track["time"], track["x"], strict=True)) == true
    assert track["frame"] == list(range(4, 17))
    trails = client.ask("/api/runs/0/trails?type=msc&frame=16&back=3").json
    assert [one["id"] for one in trails["cells"]] == msc
    assert trails["cells"][0]["x"] == [x for _, x in true[-4:]]
    # Where the cell came in later, its trail is shorter.
    early = client.ask("/api/runs/0/trails?type=msc&frame=5&back=4").json
    assert len(early["cells"][0]["x"]) == 2


def test_tracks_of_very_long_runs_skip_frames(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "TRACK_ROWS", 2000)
    track = client.ask("/api/runs/0/track?cell=3").json
    assert track["every"] == 4 and track["frame"] == [0, 4, 8, 12, 16]


def test_one_connection_serves_many_questions(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("GET", "/api/runs", headers={"X-Abm-Token": client.token})
        assert connection.getresponse().read()
    assert connection.sock is first
    connection.close()


def test_many_threads_get_what_they_asked_for(client: Client, recorded: Path) -> None:
    with open_run(recorded) as run:
        true = [np.where(run.tissue[1], run.field("IL-1b", i).values[1], np.nan) for i in range(9)]
    wrong: list[int] = []

    def ask(start: int) -> None:
        for i in range(18):
            frame = (start + i) % 9
            body = client.ask(f"/api/runs/0/field?frame={frame}&cytokine=IL-1b&z=1").body
            if not np.array_equal(np.frombuffer(body, "<f4").reshape(40, 40), true[frame], equal_nan=True):
                wrong.append(frame)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/runs/0/field?frame=9&cytokine=TNF-a", 400, "frame=9: allowed is a whole number from 0 to 8"),
        ("/api/runs/0/field?frame=-1&cytokine=TNF-a", 400, "frame=-1: allowed"),
        ("/api/runs/0/field?frame=999999999999999999999&cytokine=TNF-a", 400, "allowed is a whole number"),
        ("/api/runs/0/field?frame=0&cytokine=IL-99", 400, "cytokine=IL-99: allowed is IL-1b, TNF-a"),
        ("/api/runs/0/field?cytokine=TNF-a", 400, "lacks frame="),
        (
            "/api/runs/0/field?frame=0&cytokine=TNF-a&z=3",
            400,
            "z=3: allowed is a whole number from 0 to 2 or max or mean",
        ),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&scale=cubic", 400, "scale=cubic: allowed is linear, log"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&compress=2", 400, "compress=2: allowed is 0, 1"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&type=u8&low=-1e308&high=1e308", 400, "within 3.4e+38"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&most=0", 400, "most=0"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&type=u8&low=5&high=5", 400, "needs low < high"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&type=u8&low=0&high=5&scale=log", 400, "low > 0"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&type=u8&low=nan", 400, "a number is expected"),
        ("/api/runs/0/field?frame=0&cytokine=TNF-a&file=x", 400, "no entry 'file'"),
        ("/api/runs/0/cells?frame=17", 400, "from 0 to 16"),
        ("/api/runs/0/cells?frame=0&columns=mood", 400, "no column 'mood'"),
        ("/api/runs/0/series?name=mood", 404, "no series 'mood'"),
        ("/api/runs/0/series?name=nociception&most=1", 400, "most=1"),
        ("/api/runs/0/track?cell=123456", 404, "no frame has a cell 123456"),
        ("/api/runs/0/track?cell=-1", 400, "cell=-1"),
        ("/api/runs/0/trails?type=msc&frame=3&back=100000", 400, "from 0 to 200"),
        ("/api/runs/7", 404, "nothing of this name"),
        ("/api/runs/0/secrets", 404, "nothing of this name"),
        ("/api/runs/../../../etc/passwd", 404, "nothing of this name"),
        ("/api/", 404, "nothing of this name"),
        ("/../../etc/passwd", 404, "nothing of this name"),
        ("/%2e%2e/%2e%2e/etc/passwd", 404, "nothing of this name"),
        ("//etc/passwd", 404, "nothing of this name"),
        ("/server.py", 404, "nothing of this name"),
    ],
)
def test_refusals(client: Client, path: str, status: int, said: str) -> None:
    reply = client.ask(path)
    assert reply.status == status
    assert said in reply.json["error"]


@pytest.mark.parametrize("token", ["", "x", "A" * 32])
def test_another_token_opens_nothing(client: Client, token: str) -> None:
    for path in ("/api/runs", "/api/runs/0", "/api/runs/0/cells?frame=0", "/api/nothing"):
        reply = client.ask(path, X_Abm_Token=token)
        assert reply.status == 403 and "X-Abm-Token" in reply.json["error"]


def test_the_token_of_one_server_does_not_open_another(client: Client, recorded: Path) -> None:
    with serving(recorded) as other:
        assert other.ask("/api/runs", X_Abm_Token=client.token).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1"])
def test_another_host_is_refused_even_with_the_token(client: Client, host: str) -> None:
    for path in ("/", "/api/runs"):
        assert client.ask(path, Host=host.format(port=client.port)).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "NONSENSE"])
def test_only_get_is_answered(client: Client, method: str) -> None:
    reply = client.ask("/api/runs", method=method, body=b"x" * 100 if method == "POST" else None)
    assert reply.status == 405 and reply.headers["Allow"] == "GET"


def test_every_answer_carries_the_policy(client: Client) -> None:
    for path in ("/", "/api/runs", "/api/nothing", "/nothing"):
        headers = client.ask(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_only_this_machine_can_connect(client: Client) -> None:
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        if not str(address).startswith("127."):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, client.port), timeout=2)


def test_nonsense_on_the_line_does_not_stop_the_server(client: Client) -> None:
    for sent in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 70000, b""):
        with socket.create_connection(("127.0.0.1", client.port), timeout=5) as line:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass
    assert client.ask("/api/runs").status == 200


def test_too_many_connections_are_turned_away(client: Client) -> None:
    idle = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(MOST_CONNECTIONS)]
    try:
        with pytest.raises((OSError, http.client.HTTPException)):
            client.ask("/api/runs")
    finally:
        for line in idle:
            line.close()
    end = time.monotonic() + 20
    status = 0
    while status != 200 and time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status = client.ask("/api/runs").status
    assert status == 200, "connections that were closed must not count any more"


# ------------------------------------------------------------------------- files that change or break


def test_a_file_that_breaks_while_it_is_played_is_said(tmp_path: Path, recorded: Path) -> None:
    path = tmp_path / "run.h5"
    shutil.copy(recorded, path)
    with serving(path) as client:
        assert client.ask("/api/runs/0/field?frame=0&cytokine=TNF-a").status == 200
        path.write_bytes(path.read_bytes()[:20000])
        reply = client.ask("/api/runs/0/field?frame=1&cytokine=TNF-a")
        assert reply.status == 500 and "cut off" in reply.json["error"]
        path.unlink()
        reply = client.ask("/api/runs")
        assert reply.status == 500 and "no such file" in reply.json["error"]
        shutil.copy(recorded, path)
        assert client.ask("/api/runs").status == 200


def test_a_live_run_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "cci_bmsc_r000.h5"
    run = GrowingRun(path, "cci_bmsc")
    run.append_day(0)
    with serving(path) as client:
        assert is_being_written(path)
        first = client.ask("/api/runs/0").json
        assert (first["live"], first["fieldTimes"], first["status"]) == (True, [0], "running")
        for number in (1, 2, 3):
            run.append_day(number)
            now = client.ask("/api/runs/0").json
            assert now["fieldTimes"] == now["cellTimes"] == list(range(number + 1))
            body = client.ask(f"/api/runs/0/field?frame={number}&cytokine=TGF-b1").body
            grid = run.grid
            true = np.where(grid.tissue[0], grid.concentration("cci_bmsc", float(number))[3, 0], np.nan)
            np.testing.assert_allclose(np.frombuffer(body, "<f4").reshape(40, 40), true, rtol=1e-6)
            _, columns = decode_cells(client.ask(f"/api/runs/0/cells?frame={number}").body)
            assert len(columns["id"]) == (403 if number >= 2 else 400)
        assert client.ask("/api/runs/0/track?cell=400").json["time"] == [2, 3]
        # The range grew with what came.
        tgf = next(one for one in now["cytokines"] if one["name"] == "TGF-b1")
        assert tgf["high"] == pytest.approx(2000.0)
        run.writer.finish("complete", "", [])
        done = client.ask("/api/runs/0").json
        assert (done["live"], done["status"]) == (False, "complete")


def test_a_repeated_run_replaces_what_was_kept(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.h5", "cci")
    with serving(path) as client:
        question = "/api/runs/0/field?frame=8&cytokine=TNF-a"
        before = client.ask(question).body
        other = write_run(tmp_path / "other.h5", "sham")
        other.replace(path)
        after = client.ask(question).body
        assert client.ask("/api/runs/0").json["arm"] == "sham"
        assert np.nanmax(np.frombuffer(before, "<f4")) > 100 > np.nanmax(np.frombuffer(after, "<f4"))


def test_foreign_and_truncated_files_are_refused(tmp_path: Path, recorded: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    (tmp_path / "cut.h5").write_bytes(recorded.read_bytes()[:30000])
    (tmp_path / "text.h5").write_text("not HDF5")
    for name, said in (
        ("foreign.h5", "another program"),
        ("cut.h5", "cut off"),
        ("text.h5", "not an HDF5 file"),
        ("missing.h5", "no such file"),
    ):
        with pytest.raises(RecordError, match=said):
            Session([tmp_path / name])


# -------------------------------------------------------------------------------- the command itself


def test_play_prints_where_it_is_and_ends_with_ctrl_c(recorded: Path) -> None:
    arguments = command("play", recorded, "--no-browser")
    with subprocess.Popen(
        arguments, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().strip()
        port, token = address.removeprefix("http://127.0.0.1:").split("/#token=")
        assert Client(int(port), token).ask("/api/runs").json["runs"][0]["arm"] == "cci_bmsc"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        said = process.stderr.read()
    assert f"ssh -N -L {port}:127.0.0.1:{port}" in said
    assert "Traceback" not in said


def test_play_refuses_what_it_cannot_play(tmp_path: Path, recorded: Path) -> None:
    (tmp_path / "text.h5").write_text("not HDF5")
    answer = abm("play", "text.h5", cwd=tmp_path)
    assert answer.returncode == 4
    assert answer.stderr.strip().endswith("this is not an HDF5 file, so not a result file of abm")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = abm("play", recorded, "--port", str(port), "--no-browser", cwd=tmp_path)
    assert answer.returncode == 4
    assert f"port {port} is used by another program" in answer.stderr
