"""One arm of an experiment, complete."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from abm.scenario.schema.cells import CellType
from abm.scenario.schema.claims import Claims
from abm.scenario.schema.domain import Domain
from abm.scenario.schema.drugs import Drug
from abm.scenario.schema.fields import Compartment, Cytokine, Route
from abm.scenario.schema.injuries import Injury, InjuryKind
from abm.scenario.schema.physicell import RulesFiles
from abm.scenario.schema.readout import Assays, Readout
from abm.scenario.schema.section import Section
from abm.scenario.schema.shapes import Shape
from abm.scenario.schema.timing import Record, Time
from abm.scenario.schema.tissue import Tissue
from abm.scenario.schema.treatment import Intervention

SCHEMA_VERSION = 1
MAX_SEED = 2**63 - 1
MAX_REPLICATES = 1_000_000


class SourceRecord(Section):
    """Where values come from."""

    cite: str = Field(description="full reference")
    doi: str = Field("", description="digital object identifier, e.g. 10.1172/JCI80883")
    authority: str = Field(
        "", description="how the figure was obtained: read, read (abstract), recalled, fitted"
    )


class Scenario(Section):
    """One arm, ready to be compiled; all values in internal units."""

    schema_version: Literal[1] = Field(description="version of this language")
    title: str = Field("", description="what the experiment is")
    time: Time = Field(description="duration and steps")
    record: Record = Field(default_factory=Record, description="what is written when")
    domain: Domain = Field(description="the simulated block of tissue")
    regions: dict[str, Shape] = Field(default_factory=dict, description="named parts of the domain")
    cytokines: dict[str, Cytokine] = Field(default_factory=dict, description="diffusible signals")
    compartments: dict[str, Compartment] = Field(default_factory=dict, description="well-mixed spaces")
    routes: dict[str, Route] = Field(default_factory=dict, description="ways of a dose into the body")
    drugs: dict[str, Drug] = Field(default_factory=dict, description="drugs and their pharmacokinetics")
    injury_kinds: dict[str, InjuryKind] = Field(default_factory=dict, description="kinds of injury")
    injuries: tuple[Injury, ...] = Field((), description="injuries of this experiment")
    cell_types: dict[str, CellType] = Field(default_factory=dict, description="cell types")
    tissue: Tissue = Field(default_factory=Tissue, description="properties of the tissue as a whole")
    readout: Readout | None = Field(None, description="nociceptive readout")
    assays: Assays = Field(default_factory=Assays, description="how a laboratory would test the animals")
    interventions: tuple[Intervention, ...] = Field((), description="what is done, in any order")
    sources: dict[str, SourceRecord] = Field(
        default_factory=dict, description="sources of this file's own values, by short key"
    )


class RunSettings(Section):
    """How often and from which seed an experiment is run."""

    replicates: Annotated[int, Field(strict=True, ge=1, le=MAX_REPLICATES)] = Field(
        1, description="independent runs of every arm"
    )
    seed: Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)] = Field(
        0, description="start of all randomness; arms share it, replicates differ"
    )


class ExperimentFile(Scenario, RunSettings, Claims, RulesFiles):
    """A scenario file as it is written; the JSON Schema for editors is made from it."""

    extends: str | tuple[str, ...] = Field(
        (), description="files taken over before this one: library/NAME or a path relative to this file"
    )
    arms: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="name -> what is different in this arm; merged over the rest of the file",
    )


#: Keys of a file that are not part of an arm.
FILE_KEYS = ("extends", "arms", "replicates", "seed", "claims")
