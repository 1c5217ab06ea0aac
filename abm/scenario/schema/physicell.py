"""Files of rules in PhysiCell's format, and what their names and numbers mean here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import core_schema

from abm.scenario.quantity import Quantity, quantity
from abm.scenario.schema.section import Level, OneOrMany, Section

#: What becomes of a file where PhysiCell would pass over a mistake or merge rules in silence.
Mode: TypeAlias = Literal["strict", "physicell-compat"]

SecretionRate: TypeAlias = Annotated[Quantity, quantity("fg/min", positive=True)]


class Substrate(Section):
    """What a substrate of the rules file is in this scenario."""

    cytokine: str | None = Field(
        None, description="cytokine that it is; the one of the same name if left out"
    )
    density: Level | None = Field(None, description="concentration that is a density of 1 in the rules")
    secretion: SecretionRate | None = Field(
        None, description="what one cell releases at a secretion rate of 1 /min in the rules"
    )


class RulesFile(Section):
    """One CSV file of rules after PhysiCell's grammar (CBHG version 3)."""

    file: str = Field(description="the CSV file, its path relative to this file")
    mode: Mode = Field(
        "strict",
        description="strict: what PhysiCell reads otherwise than it is meant is an error; "
        "physicell-compat: read and merged exactly as PhysiCell does, with a warning for each such place",
    )
    density: Level | None = Field(
        None, description="concentration that is a density of 1, for all substrates without their own"
    )
    substrates: dict[str, Substrate] = Field(default_factory=dict, description="by their name in the rules")
    cell_types: dict[str, str] = Field(
        default_factory=dict, description="name or number in the rules -> cell type of this scenario"
    )
    variables: dict[str, str] = Field(
        default_factory=dict,
        description="custom datum or its number in the rules -> variable of the cell type",
    )
    leave_out: tuple[str, ...] = Field(
        (), description="cell types, signals and behaviours whose rules are left out, as the file writes them"
    )


class OneOrManyOrNone(OneOrMany):
    """One entry may stand without brackets; null takes an arm the files of the others."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        made = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [*made["anyOf"], {"type": "null"}]}


class RulesFiles(Section):
    """The rules files of a scenario; once it is loaded, their rules are responses like all others."""

    physicell_rules: Annotated[tuple[RulesFile, ...], OneOrManyOrNone()] = Field(
        (), description="files of rules in PhysiCell's format, laid over the cell types"
    )
