"""The simulated block of tissue and its grid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from abm.scenario.schema.section import Concentration, Length, Section, Steps, Volume, fault
from abm.scenario.schema.shapes import Shape

FACES = ("x_min", "x_max", "y_min", "y_max", "z_min", "z_max")


def _face_form(raw: object) -> Literal["name", "held"]:
    return "held" if isinstance(raw, dict) else "name"


#: A face is named (`no-flux`, `baseline`, a compartment) or holds a concentration per cytokine.
Face = Annotated[
    Annotated[str, Tag("name")] | Annotated[dict[str, Concentration], Tag("held")], Discriminator(_face_form)
]
_FACE = "no-flux, baseline (held at every baseline), the name of a compartment, or {cytokine: concentration}"


class Boundaries(Section):
    """What happens at each face of the domain."""

    x_min: Face = Field("no-flux", description=f"face at low x: {_FACE}")
    x_max: Face = Field("no-flux", description=f"face at high x: {_FACE}")
    y_min: Face = Field("no-flux", description=f"face at low y: {_FACE}")
    y_max: Face = Field("no-flux", description=f"face at high y: {_FACE}")
    z_min: Face = Field("no-flux", description=f"face at low z: {_FACE}")
    z_max: Face = Field("no-flux", description=f"face at high z: {_FACE}")

    def faces(self) -> dict[str, str | dict[str, Concentration]]:
        """Face -> what happens there."""
        return {face: getattr(self, face) for face in FACES}


class Domain(Section):
    """Size and grid of the simulated block; two lengths make a slab of one layer of voxels."""

    size: Annotated[tuple[Length, ...], Field(min_length=2, max_length=3)] = Field(
        description="edge lengths [x, y] or [x, y, z], whole multiples of the spacing"
    )
    spacing: Steps = Field(description="edge length of a voxel, or one per axis")
    thickness: Length | None = Field(None, description="thickness of the slab; in 2-D only, and needed there")
    represents: Volume | None = Field(
        None, description="tissue volume that the block stands for in doses; default: its own volume"
    )
    boundaries: Boundaries = Field(default_factory=Boundaries, description="what happens at the faces")
    tissue: Shape | None = Field(None, description="where tissue is; default: everywhere")

    @model_validator(mode="after")
    def _axes(self) -> Domain:
        if len(self.spacing) not in (1, len(self.size)):
            raise fault(
                f"'spacing' has {len(self.spacing)} lengths, 'size' has {len(self.size)}; give one or as many"
            )
        if self.is_flat and self.thickness is None:
            raise fault("'thickness' is missing: two lengths in 'size' make a slab, e.g. thickness: 20 um")
        if not self.is_flat and self.thickness is not None:
            raise fault("'thickness' belongs to a slab; with three lengths in 'size' the third is the height")
        return self

    @property
    def is_flat(self) -> bool:
        """Whether the domain is a slab of one layer."""
        return len(self.size) == 2

    @property
    def spacings(self) -> tuple[float, ...]:
        """Edge lengths of a voxel [um] along the axes of `size`."""
        steps = self.spacing if len(self.spacing) > 1 else self.spacing * len(self.size)
        return tuple(float(step) for step in steps)

    @property
    def voxel(self) -> tuple[float, float, float]:
        """Edge lengths (dx, dy, dz) of a voxel [um]; dz of a slab is its thickness."""
        steps = self.spacings
        return steps[0], steps[1], float(self.thickness or 0.0) if self.is_flat else steps[2]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels (nz, ny, nx)."""
        counts = [max(1, round(length / step)) for length, step in zip(self.size, self.spacings, strict=True)]
        return (1 if self.is_flat else counts[2]), counts[1], counts[0]

    @property
    def volume(self) -> float:
        """Volume of the block [um^3]."""
        x, y = float(self.size[0]), float(self.size[1])
        return x * y * (float(self.thickness or 0.0) if self.is_flat else float(self.size[2]))

    @property
    def represented_volume(self) -> float:
        """Volume that the block stands for [um^3]."""
        return float(self.represents) if self.represents is not None else self.volume
