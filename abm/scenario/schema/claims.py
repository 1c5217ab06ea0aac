"""Claims of a study: published findings as tests over the readouts of its arms."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import Field, field_validator

from abm.scenario.schema.section import OneOrMany, Section, fault

MAX_TEST = 2000
MAX_SENTENCE = 500
MAX_CLAIMS = 1000

#: An id names files and stands in tables.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")

Sentence: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_SENTENCE)]
Sentences: TypeAlias = Annotated[tuple[Sentence, ...], OneOrMany()]


class Claim(Section):
    """One finding, as a sentence and as a test."""

    id: Annotated[str, Field(max_length=60)] = Field(description="short name, e.g. relief-in-24h")
    says: Sentence = Field(description="the finding in words")
    test: Annotated[str, Field(max_length=MAX_TEST)] = Field(
        description="the finding as an expression over readouts, e.g. mpe(cci_bmsc, cci, at=5 d) > 30 %; "
        "see docs/studies.md"
    )
    source: Sentences = Field(
        description="where it is published: a key of 'sources' or of the library, doi:10.xxxx/yyyy, or a "
        "reference in full"
    )
    evidence: Sentences = Field((), description="rows of a table of evidence that it restates")
    contradicts: Sentences = Field((), description="published findings that it speaks against")
    contradicted_by: Sentences = Field((), description="published findings that speak against it")
    remark: Sentences = Field((), description="what a reader of the verdict should know, e.g. why it differs")

    @field_validator("id")
    @classmethod
    def _is_short_name(cls, value: str) -> str:
        if not ID.fullmatch(value):
            raise fault(
                f"'{value}' is no id; an id starts with a letter or digit and holds ASCII letters, digits, "
                "'-', '_', '+' and points, e.g. relief-in-24h"
            )
        return value


class Claims(Section):
    """The claims of a file, apart from its arms."""

    claims: Annotated[tuple[Claim, ...], Field(max_length=MAX_CLAIMS)] = Field(
        (), description="published findings that the arms are tested against"
    )
