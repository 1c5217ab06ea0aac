"""Shapes: parts of the domain, for regions and tissue outlines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from abm.scenario.schema.section import Coordinate, Fraction, Length, Section, fault, one_of, preset

Point = Annotated[tuple[Coordinate, ...], Field(min_length=2, max_length=3)]


class Disc(Section):
    """A disc in the x-y plane; in 3-D a cylinder through all layers."""

    center: Point = Field(description="x and y of the centre, e.g. [1 mm, 1 mm]")
    radius: Length = Field(description="radius of the disc")


class Ball(Section):
    """A ball; in 2-D its section through the centre."""

    center: Point = Field(description="x, y (and z) of the centre")
    radius: Length = Field(description="radius of the ball")


class Extent(Section):
    """A rectangle or box between two corners."""

    low: Point = Field(description="low corner, e.g. [0 um, 0 um]")
    high: Point = Field(description="high corner")

    @model_validator(mode="after")
    def _ordered(self) -> Extent:
        if len(self.low) != len(self.high):
            raise fault("'low' and 'high' have different numbers of coordinates")
        if any(a >= b for a, b in zip(self.low, self.high, strict=True)):
            raise fault("'low' must be below 'high' along every axis")
        return self


class Polygon(Section):
    """A simple polygon in the x-y plane; in 3-D a prism through all layers."""

    points: Annotated[tuple[Point, ...], Field(min_length=3, max_length=10_000)] = Field(
        description="corners in order, [x, y] each; the last is joined to the first"
    )


class Image(Section):
    """The bright part of a PNG image stretched over the x-y plane of the domain; row 0 is at high y."""

    file: str = Field(description="PNG file, relative to this scenario file", max_length=4_000_000)
    above: Fraction = Field(
        preset(0.5, "1", "0.5"),
        description="brightness, 0 (black) to 1 (white), above which a pixel is inside",
    )


SHAPES = ("disc", "ball", "rectangle", "box", "polygon", "image", "any_of", "outside")


class Shape(Section):
    """Exactly one of the shapes below; each is a part of the domain."""

    disc: Disc | None = Field(None, description="disc in the x-y plane")
    ball: Ball | None = Field(None, description="ball")
    rectangle: Extent | None = Field(None, description="rectangle in the x-y plane")
    box: Extent | None = Field(None, description="box")
    polygon: Polygon | None = Field(None, description="polygon in the x-y plane")
    image: Image | None = Field(None, description="bright part of a PNG image")
    any_of: Annotated[tuple[Shape, ...], Field(min_length=1)] | None = Field(
        None, description="what lies in at least one of these shapes"
    )
    outside: Shape | None = Field(None, description="everything but this shape")

    @model_validator(mode="before")
    @classmethod
    def _one(cls, raw: object) -> object:
        one_of(raw, SHAPES, SHAPES, "a shape")
        return raw

    @property
    def kind(self) -> str:
        """Which shape this is."""
        return next(name for name in SHAPES if getattr(self, name) is not None)
