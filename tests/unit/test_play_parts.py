"""Parts of the player: outlines, ranges, planes, the guard, new files, discs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.errors import RecordError
from abm.record import open_run
from abm.view.play.compose import View, colour_table, stamp
from abm.view.play.guard import Query, Refused, check_host, check_token, new_token
from abm.view.play.outlines import rings
from abm.view.play.output import new_file
from abm.view.play.pack_fields import scale_for
from abm.view.play.planes import block_factor, block_mean, quantise, read_plane, restore
from abm.view.play.ranges import MOST_FRAMES, RangeSampler, _frames
from abm.view.play.session import Memory, Session
from tests.recorded_runs import Plan, write_run


def area(ring: list[tuple[int, int]]) -> float:
    """Signed area of a ring, positive when it runs against the clock."""
    x, y = np.array(ring).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def test_rings_of_two_voxels_that_touch_in_a_corner_stay_apart() -> None:
    mask = np.zeros((3, 3), bool)
    mask[0, 0] = mask[1, 1] = True
    found = sorted(sorted(ring) for ring in rings(mask))
    assert found == [[(0, 0), (0, 1), (1, 0), (1, 1)], [(1, 1), (1, 2), (2, 1), (2, 2)]]


def test_a_hole_has_a_ring_of_its_own() -> None:
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    assert sorted(area(ring) for ring in rings(mask)) == [-1.0, 25.0]


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_rings_enclose_exactly_the_mask(seed: int, ny: int, nx: int) -> None:
    mask = np.random.default_rng(seed).random((ny, nx)) < 0.5
    assert sum(area(ring) for ring in rings(mask)) == mask.sum()
    assert all(len(ring) >= 4 for ring in rings(mask))


def test_block_mean_leaves_out_what_is_no_tissue() -> None:
    plane = np.array([[1, 3, np.nan], [5, np.nan, np.nan], [8, 8, 4]], np.float32)
    np.testing.assert_allclose(block_mean(plane, 2), [[3.0, np.nan], [8.0, 4.0]])
    whole = np.arange(9, dtype=np.float32).reshape(3, 3)
    np.testing.assert_allclose(block_mean(whole, 2), [[2.0, 3.5], [6.5, 8.0]])
    assert block_mean(whole, 1) is whole


@pytest.mark.parametrize(
    ("longest", "most", "factor"), [(500, 250, 2), (500, 499, 2), (500, 500, 1), (7, 3, 3)]
)
def test_block_factor(longest: int, most: int, factor: int) -> None:
    assert block_factor((longest, 5), most) == factor


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_quantised_values_come_back_within_half_a_step(scale: str, size: int) -> None:
    values = np.geomspace(2.0, 300.0, 1000)
    back = restore(quantise(values, 2.0, 300.0, scale, size), 2.0, 300.0, scale)
    steps = {1: 254, 2: 65534}[size]
    if scale == "log":
        assert np.abs(np.log(back / values)).max() <= np.log(150.0) / steps / 2 * 1.01
    else:
        assert np.abs(back - values).max() <= 298.0 / steps / 2 * 1.01


def test_quantised_ends_and_nothing() -> None:
    numbers = quantise(np.array([-1.0, 0.0, 10.0, 11.0, np.nan]), 0.0, 10.0)
    assert numbers.tolist() == [0, 0, 254, 254, 255]
    assert quantise(np.array([0.0, -3.0]), 1.0, 10.0, "log").tolist() == [0, 0]


def test_scales() -> None:
    assert scale_for(50.0, 150.0).kind == "linear"
    wide = scale_for(1.0, 1e6)
    assert (wide.kind, wide.low, wide.high) == ("log", 100.0, 1e6)
    assert scale_for(0.0, 0.0).low < scale_for(0.0, 0.0).high
    assert scale_for(float("nan"), float("nan")).high == 1.0


def test_planes_are_what_was_recorded(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc", plan=Plan(layers=5))
    with Session([path]) as session, open_run(path) as run:
        played = session["0"]
        true = np.where(run.tissue, run.field("TGF-b1", 4).values, np.nan)
        np.testing.assert_array_equal(played.plane("TGF-b1", 4, "3"), true[3])
        np.testing.assert_array_equal(played.plane("TGF-b1", 4, "max"), true.max(axis=0))
        np.testing.assert_allclose(played.plane("TGF-b1", 4, "mean"), true.mean(axis=0), rtol=1e-6)
        assert played.plane("TGF-b1", 4, "3") is played.plane("TGF-b1", 4, "3")


def test_a_projection_is_read_slab_by_slab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc", plan=Plan(layers=5))
    with Session([path]) as session:
        whole = read_plane(session["0"].followed, "TGF-b1", 4, "mean")
        monkeypatch.setattr("abm.view.play.planes.SLAB_VALUES", 2 * 1600)
        np.testing.assert_allclose(read_plane(session["0"].followed, "TGF-b1", 4, "mean"), whole, rtol=1e-6)


def test_ranges_are_exact_for_small_files(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_bmsc_r000.h5", "cci_bmsc")
    with open_run(path) as run:
        found = RangeSampler().cytokines(run)["TGF-b1"]
        inside = np.array([run.field("TGF-b1", i).values[run.tissue] for i in range(len(run.field_times))])
        assert (found.low, found.high, found.exact) == (inside.min(), inside.max(), True)
        columns = RangeSampler().columns(run, ["activation"])["activation"]
        assert (columns.low, columns.high) == (0.5, 0.5)


def test_ranges_of_large_files_come_from_few_frames(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci", plan=Plan(days=50.0, cells=False))
    with open_run(path) as run:
        found = RangeSampler().cytokines(run)["TNF-a"]
        assert not found.exact
        assert found.high == pytest.approx(150.0, rel=1e-3)


def test_sampled_frames_are_few_and_hold_the_ends() -> None:
    for count in (0, 1, 2, 15, 16, 17, 480, 12345):
        frames = _frames(count, 10**9)
        assert len(frames) <= MOST_FRAMES
        assert not count or (frames[0], frames[-1]) == (0, count - 1)
    # A run that grows is sampled at frames that were read before, and its last.
    assert len(set(_frames(481, 10**9)) - set(_frames(480, 10**9))) == 1


def test_memory_forgets_what_was_used_longest_ago() -> None:
    memory: Memory[bytes] = Memory(10)
    made: list[str] = []

    def get(key: str) -> None:
        memory.get(key, lambda: (made.append(key), bytes(4))[1], len)

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert made == ["a", "b", "c", "b"]


def test_one_file_given_twice_is_one_run(tmp_path: Path) -> None:
    path = write_run(tmp_path / "cci_r000.h5", "cci")
    with Session([path, tmp_path, str(path)]) as session:
        assert list(session) == ["0"]


def test_runs_of_a_folder_are_in_the_order_of_figures(tmp_path: Path) -> None:
    given = [
        write_run(tmp_path / f"{arm}.h5", arm, plan=Plan(days=0.1)) for arm in ("cci_bmsc", "cci", "sham")
    ]

    def arms(*paths: Path) -> list[str]:
        with Session(paths) as session:
            return [played.followed.path.stem for played in session.values()]

    assert arms(tmp_path) == ["sham", "cci", "cci_bmsc"]
    assert arms(*given) == ["cci_bmsc", "cci", "sham"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "a.h5", "cci")
    write_run(tmp_path / "b.h5", "cci")
    monkeypatch.setattr("abm.view.play.session.MOST_RUNS", 1)
    with pytest.raises(RecordError, match="2 files were given; 1 can be looked at together"):
        Session([tmp_path])


@pytest.mark.parametrize(
    "host", [None, "", "evil.org", "evil.org:80", "127.0.0.1", "127.0.0.1:81", "0.0.0.0:80"]
)
def test_other_hosts_are_refused(host: str | None) -> None:
    with pytest.raises(Refused) as refused:
        check_host(host, 80)
    assert refused.value.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:80", "LOCALHOST:80", "[::1]:80"])
def test_this_host_is_not(host: str) -> None:
    check_host(host, 80)
    with pytest.raises(Refused):
        check_host(host, 8080)


def test_tokens() -> None:
    token = new_token()
    assert len(token) >= 32 and token != new_token()
    check_token(token, token)
    for wrong in (None, "", token[:-1], token + "x", "ü"):
        with pytest.raises(Refused) as refused:
            check_token(wrong, token)
        assert refused.value.status == 403


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frame=1&frame=2", "given twice"),
        ("other=1", "no entry 'other'"),
        ("frame", "malformed"),
        ("frame=%ff", "malformed"),
        ("frame=1&" * 40 + "frame=1", "malformed"),
        ("frame=" + "1" * 5000, "characters"),
    ],
)
def test_faulty_queries(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        Query(text, ("frame",))
    assert refused.value.status == 400


@pytest.mark.parametrize("value", ["-1", "1.0", "1e3", "10", "99999999999", "", " 1", "٣", "nan", "0x1"])
def test_numbers_out_of_bounds(value: str) -> None:
    with pytest.raises(Refused, match="allowed is a whole number from 0 to 9"):
        Query(f"frame={value}", ("frame",)).number("frame", 0, 9)


@pytest.mark.parametrize("value", ["nan", "inf", "1_0", "", "0x1", "1e9999"])
def test_reals(value: str) -> None:
    with pytest.raises(Refused, match="a number is expected"):
        Query(f"low={value}", ("low",)).real("low", 0.0)
    assert Query("low=-1.5e-3", ("low",)).real("low", 0.0) == -0.0015


def test_new_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"

    def stopped() -> None:
        with new_file(path, False) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []
    with new_file(path, False) as part:
        part.write_text("whole")
        assert part.suffix == ".mp4" and not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(RecordError, match="--force"), new_file(path, False):
        pass
    with pytest.raises(RecordError, match="no folder"), new_file(tmp_path / "no" / "film.mp4", False):
        pass


def test_discs_are_round_and_cut_off_at_the_edges() -> None:
    image = np.full((40, 60, 3), 255, np.uint8)
    stamp(image, np.array([20.0]), np.array([20.0]), 8.0, (0, 0, 0))
    dark = 1.0 - image[..., 0] / 255.0
    assert dark.sum() == pytest.approx(np.pi * 64, rel=0.05)
    np.testing.assert_array_equal(dark[20, 20 + np.arange(12)], dark[20 + np.arange(12), 20])
    edge = np.full((40, 60, 3), 255, np.uint8)
    stamp(edge, np.array([0.0, 59.0, -50.0]), np.array([0.0, 39.0, 5.0]), 8.0, (0, 0, 0))
    assert edge[0, 0, 0] == 0 and edge[39, 59, 0] == 0
    assert edge[20].min() == 255


def test_places_become_pixels_with_y_upwards() -> None:
    view = View((100.0, 0.0), (200.0, 100.0), 50, 100)
    columns, rows = view.pixels(np.array([100.0, 200.0]), np.array([0.0, 75.0]))
    assert columns.tolist() == [0.0, 50.0]
    assert rows.tolist() == [50.0, 12.5]


def test_unknown_colours() -> None:
    assert colour_table("grey")[255].tolist() == [255, 255, 255]
    with pytest.raises(RecordError, match="no colours 'jet'; there are grey, viridis"):
        colour_table("jet")
