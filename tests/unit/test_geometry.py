"""Shapes on the grid against areas, volumes and distances that are known exactly."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from abm.compile.geometry import mask, weight
from abm.errors import CompileError
from abm.scenario.extend import DATA_URI
from abm.scenario.raster import signed_distance
from abm.scenario.schema import Shape
from abm.state.grid import Grid

FLAT = Grid((1, 80, 100), (10.0, 10.0, 20.0))
SOLID = Grid((40, 50, 60), (10.0, 10.0, 10.0))


def shape(**definition: object) -> Shape:
    return Shape.model_validate(definition)


def disc(x: float, y: float, radius: float) -> dict[str, object]:
    return {"disc": {"center": [f"{x} um", f"{y} um"], "radius": f"{radius} um"}}


def png(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return DATA_URI + base64.b64encode(buffer.getvalue()).decode()


def test_disc_has_the_area_of_a_disc() -> None:
    inside = mask(shape(**disc(500, 400, 300)), FLAT)
    assert inside.shape == FLAT.shape
    # The error of counting pixels is below a few perimeters times pixel size over sqrt(n).
    assert inside.sum() * 100.0 == pytest.approx(math.pi * 300.0**2, rel=5e-3)


def test_disc_is_a_cylinder_in_three_dimensions() -> None:
    inside = mask(shape(**disc(303.7, 247.1, 150)), SOLID)
    assert (inside == inside[:1]).all()
    assert inside[0].sum() * 100.0 == pytest.approx(math.pi * 150.0**2, rel=1e-2)


def test_ball_has_the_volume_of_a_ball() -> None:
    ball = shape(ball={"center": ["303.7 um", "247.1 um", "198.3 um"], "radius": "150 um"})
    assert mask(ball, SOLID).sum() * 1000.0 == pytest.approx(4 / 3 * math.pi * 150.0**3, rel=1e-2)


def test_ball_in_two_dimensions_is_its_section() -> None:
    ball = shape(ball={"center": ["500 um", "400 um"], "radius": "300 um"})
    assert (mask(ball, FLAT) == mask(shape(**disc(500, 400, 300)), FLAT)).all()


def test_rectangle_and_box_count_exactly() -> None:
    corners = {"low": ["100 um", "200 um"], "high": ["300 um", "350 um"]}
    assert mask(shape(rectangle=corners), FLAT).sum() == 20 * 15
    box = {"low": ["100 um", "200 um", "50 um"], "high": ["300 um", "350 um", "90 um"]}
    assert mask(shape(box=box), SOLID).sum() == 20 * 15 * 4


def test_polygon_agrees_with_a_rectangle_and_with_a_concave_area() -> None:
    corners = [["100 um", "200 um"], ["300 um", "200 um"], ["300 um", "350 um"], ["100 um", "350 um"]]
    rectangle = {"low": corners[0], "high": corners[2]}
    assert (mask(shape(polygon={"points": corners}), FLAT) == mask(shape(rectangle=rectangle), FLAT)).all()
    ell = [[0, 0], [400, 0], [400, 100], [100, 100], [100, 400], [0, 400]]
    points = [[f"{x} um", f"{y} um"] for x, y in ell]
    assert mask(shape(polygon={"points": points}), FLAT).sum() == 40 * 10 + 10 * 30


@pytest.mark.parametrize("turned", [False, True])
def test_polygon_distance_is_the_distance_of_a_rectangle(turned: bool) -> None:
    corners = [["105 um", "205 um"], ["305 um", "205 um"], ["305 um", "355 um"], ["105 um", "355 um"]]
    points = corners[::-1] if turned else corners
    ours = signed_distance(shape(polygon={"points": points}), FLAT)
    theirs = signed_distance(shape(rectangle={"low": corners[0], "high": corners[2]}), FLAT)
    np.testing.assert_allclose(
        np.broadcast_to(ours, FLAT.shape), np.broadcast_to(theirs, FLAT.shape), atol=1e-9
    )


def test_union_and_complement() -> None:
    one, two = disc(250, 400, 150), disc(750, 400, 150)
    both = mask(shape(any_of=[one, two]), FLAT)
    assert (both == (mask(shape(**one), FLAT) | mask(shape(**two), FLAT))).all()
    assert (mask(shape(outside=one), FLAT) == ~mask(shape(**one), FLAT)).all()


def test_image_is_stretched_over_the_domain_with_its_top_at_high_y() -> None:
    pixels = np.zeros((2, 4), np.uint8)
    pixels[0, 3] = 255  # top right
    inside = mask(shape(image={"file": png(pixels)}), FLAT)
    expected = np.zeros(FLAT.shape, bool)
    expected[:, 40:, 75:] = True
    assert (inside == expected).all()


def test_image_threshold_and_transparency() -> None:
    grey = np.full((1, 2), 100, np.uint8)
    assert mask(shape(image={"file": png(grey), "above": 0.3}), FLAT).all()
    assert not mask(shape(image={"file": png(grey), "above": 0.5}), FLAT).any()
    clear = np.zeros((1, 1, 4), np.uint8)
    clear[..., :3] = 255
    assert not mask(shape(image={"file": png(clear)}), FLAT).any()


def test_distance_to_an_image_is_euclidean() -> None:
    pixels = np.zeros((80, 100), np.uint8)
    x, y, _ = FLAT.centres()
    pixels[(np.hypot(x - 500, y - 400) <= 300)[0][::-1]] = 255
    numeric = np.broadcast_to(signed_distance(shape(image={"file": png(pixels)}), FLAT), FLAT.shape)
    exact = np.broadcast_to(signed_distance(shape(**disc(500, 400, 300)), FLAT), FLAT.shape)
    # The border of the mask is known to within a voxel.
    assert np.abs(numeric - exact).max() < 10.0


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n but not really", b"GIF89a"])
def test_broken_image_is_an_error(content: bytes) -> None:
    broken = shape(image={"file": DATA_URI + base64.b64encode(content).decode()})
    for use in (lambda: mask(broken, FLAT), lambda: weight(broken, FLAT, 10.0)):
        with pytest.raises(CompileError, match="image cannot be read"):
            use()


def test_sharp_weight_is_the_mask() -> None:
    site = shape(**disc(500, 400, 300))
    np.testing.assert_array_equal(weight(site, FLAT, 0.0), mask(site, FLAT).astype(float))


def test_soft_weight_follows_its_formula_and_keeps_the_area() -> None:
    site = shape(**disc(500, 400, 300))
    soft = weight(site, FLAT, 40.0)
    x, y, _ = FLAT.centres()
    distance = np.hypot(x - 500, y - 400) - 300
    np.testing.assert_allclose(soft, 0.5 * (1 - np.tanh(2 * distance / 40.0)), atol=1e-12)
    assert soft.min() >= 0.0 and soft.max() <= 1.0
    # Second order: a soft disc holds pi^2/12 (edge/2)^2 2 pi more than a sharp one; below 1 % here.
    assert soft.sum() * 100.0 == pytest.approx(math.pi * 300.0**2, rel=1e-2)


def test_distance_of_a_box_is_negative_inside_and_euclidean_outside() -> None:
    grid = Grid((1, 3, 3), (10.0, 10.0, 1.0))  # centres at 5, 15, 25
    distance = signed_distance(shape(rectangle={"low": ["0 um", "0 um"], "high": ["10 um", "10 um"]}), grid)[
        0
    ]
    assert distance[0, 0] == -5.0
    assert distance[0, 2] == 15.0
    assert distance[2, 2] == pytest.approx(math.hypot(15.0, 15.0))
