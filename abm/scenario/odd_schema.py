"""Any part of a scenario in words, from the schema alone: what has a description there needs no code here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from abm.scenario.nodes import dotted
from abm.scenario.odd_markdown import code, plain, table
from abm.scenario.quantity import Quantity
from abm.scenario.schema.responses import Response
from abm.scenario.schema.treatment import Intervention

Row = tuple[str, str, str]


def in_words(section: BaseModel | type[BaseModel]) -> str:
    """What a part of the language is: its own text in the schema, as one paragraph."""
    kind = section if isinstance(section, type) else type(section)
    return plain(inspect.getdoc(kind) or "")


def settings(section: BaseModel, path: tuple[str | int, ...] = ()) -> Iterator[Row]:
    """Key, value and meaning of everything that is written in a part of a scenario, at any depth."""
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if key in section.model_fields_set and value is not None:
            yield from _rows(value, (*path, key), field.description or "")


def _rows(value: object, path: tuple[str | int, ...], meaning: str) -> Iterator[Row]:
    if isinstance(value, Response):
        yield dotted(path), _response(value), meaning
    elif isinstance(value, BaseModel):
        yield from settings(value, path)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _rows(below, (*path, str(key)), meaning)
    elif isinstance(value, tuple) and any(isinstance(one, BaseModel) for one in value):
        for i, below in enumerate(value):
            yield from _rows(below, (*path, i), meaning)
    else:
        yield dotted(path), shown(value), meaning


def _response(response: Response) -> str:
    return str(response.base) if response.is_constant else "depends on signals"


def shown(value: object) -> str:
    """A value as it is written; lists with commas."""
    if isinstance(value, Quantity):
        return value.given
    if isinstance(value, tuple):
        return ", ".join(shown(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def settings_table(section: BaseModel) -> str:
    """A part of a scenario as a table of keys, values and meanings."""
    rows = ((code(key), plain(value), plain(meaning)) for key, value, meaning in settings(section))
    return table(("key", "value", "meaning"), rows)


def content_of(intervention: Intervention) -> tuple[str, BaseModel]:
    """Kind of an intervention, and what is written under it."""
    for kind in type(intervention).model_fields:
        found = getattr(intervention, kind)
        if isinstance(found, BaseModel):
            return kind, found
    raise AssertionError("the schema lets no empty intervention pass")


def meaning_of_kind(kind: str) -> str:
    """What a kind of intervention does, in the words of the schema."""
    return plain(Intervention.model_fields[kind].description or "")


def in_one_line(section: BaseModel) -> str:
    """Everything written in a part of a scenario as ``key value`` pairs."""
    return "; ".join(f"{plain(key)} {plain(value)}" for key, value, _ in settings(section))
