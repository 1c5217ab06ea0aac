"""JSON Schema of scenario files, for completion and hover texts in editors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic.json_schema import GenerateJsonSchema

from abm.citations import KINDS
from abm.scenario.behaviours import FORMS as BEHAVIOURS
from abm.scenario.merge import APPEND
from abm.scenario.quantity import Quantity
from abm.scenario.schema.scenario import ExperimentFile
from abm.scenario.signals import FORMS as SIGNALS
from abm.units import DIMENSIONS

Json: TypeAlias = dict[str, Any]

#: First line of a scenario file that tells an editor which schema to use.
EDITOR_LINE = "# yaml-language-server: $schema="
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: Models that only occur inside lists.  Lists replace as a whole, so their items are complete;
#: everything else may be part of a patch over what is extended, where nothing is required.
_COMPLETE = (
    *("Add", "Brake", "Change", "Divisor", "Factor", "Release", "Injury", "InjectCells", "Infuse"),
    *("DrugEffect", "Neutralise", "Modify", "RemoveCells", "GiveDrug", "KnockOut"),
    "Claim",
)

_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"


class _Generator(GenerateJsonSchema):
    """Defaults appear as they would be written."""

    def encode_default(self, default: Any) -> Any:
        """A quantity as the text that gave it, a plain number without its unit 1."""
        if isinstance(default, Quantity):
            return float(default) if default.unit == "1" else default.given
        return super().encode_default(default)


def json_schema() -> Json:
    """The schema of a scenario file as a JSON-ready dictionary."""
    schema = ExperimentFile.model_json_schema(mode="validation", schema_generator=_Generator)
    definitions: Json = schema["$defs"]
    for name, definition in definitions.items():
        if name not in _COMPLETE:
            definition.pop("required", None)
    used: set[str] = set()
    for part in list(_parts(schema)):
        _quantity(part, used)
        _patchable(part)
        if isinstance(part.get("title"), str):
            del part["title"]  # generated from the key, says nothing
        if part.get("default", 0) is None:
            del part["default"]
    for name, definition in definitions.items():
        if name not in _COMPLETE:
            _appendable(definition)
    _appendable(schema)
    _name_responses(definitions)
    definitions.update({_definition_name(key): _quantity_definition(key) for key in sorted(used)})
    _describe(schema, definitions)
    schema["required"] = ["schema_version"]
    return {
        "$schema": _DIALECT,
        **schema,
        "title": "abm scenario",
        "description": "An experiment on inflamed nervous tissue: one file, one or more arms.",
    }


def _parts(node: object) -> Iterator[Json]:
    """Every dictionary of a schema, from the top."""
    if isinstance(node, dict):
        yield node
        for value in list(node.values()):
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _definition_name(key: str) -> str:
    return f"quantity: {key}"


def _quantity(part: Json, used: set[str]) -> None:
    """Point a quantity's mark at its definition."""
    unit = part.pop("x-abm-quantity", None)
    if unit is None:
        return
    words = part.pop("x-abm-words", ())
    used.add(unit)
    reference: Json = {"$ref": f"#/$defs/{_pointer(_definition_name(unit))}"}
    choices: list[Json] = [reference]
    if words:
        choices.append({"enum": [0 if word == "0" else word for word in words]})
    part["anyOf"] = choices


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("^", "%5E").replace(" ", "%20")


def _quantity_definition(unit: str) -> Json:
    """A value with a unit: as text, or annotated with range, kind and source."""
    if unit == "any":
        text: Json = {"type": ["string", "number"], "description": "number and unit, e.g. '0.1 /h'"}
    elif unit == "1":
        text = {
            "anyOf": [{"type": "number"}, {"type": "string", "pattern": _NUMBER + "(%|cells?)?$"}],
            "description": "a plain number; % is understood",
        }
    else:
        dimension = DIMENSIONS[unit]
        text = {
            "type": "string",
            "pattern": _NUMBER + r"[^\s\d]",
            "description": f"{dimension.name} with its unit, e.g. '1 {dimension.example}'",
        }
    cited = {
        "type": "object",
        "description": "a value with its cited range and source",
        "properties": {
            "value": text,
            "low": {**text, "description": "low end of the cited range"},
            "high": {**text, "description": "high end of the cited range"},
            "kind": {"enum": list(KINDS), "description": "how the value came about"},
            "source": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "key of 'sources' or of the library, or doi:10.xxxx/yyyy",
            },
            "note": {"type": "string", "description": "remark"},
        },
        "additionalProperties": False,
    }
    return {"anyOf": [text, cited]}


def _patchable(part: Json) -> None:
    """Entries of a mapping of names may be removed with null."""
    extra = part.get("additionalProperties")
    if isinstance(extra, dict):
        part["additionalProperties"] = {"anyOf": [extra, {"type": "null"}]}


def _appendable(definition: Json) -> None:
    """A list of sections may be appended to the inherited one, under its name and a plus sign."""
    for key, part in list(definition.get("properties", {}).items()):
        if part.get("type") == "array" and "$ref" in part["items"]:
            appended = {name: value for name, value in part.items() if name != "default"}
            appended["description"] = f"appended to {key}: {part.get('description', '')}"
            definition["properties"][key + APPEND] = appended


def _name_responses(definitions: Json) -> None:
    """A response may be written as a bare or annotated quantity."""
    response = definitions["Response"]
    definitions["Response mapping"] = response
    definitions["Response"] = {
        "description": response.get("description", ""),
        "anyOf": [
            {"$ref": f"#/$defs/{_pointer(_definition_name('any'))}"},
            {"$ref": f"#/$defs/{_pointer('Response mapping')}"},
        ],
    }


def _describe(schema: Json, definitions: Json) -> None:
    """Completion for signals and behaviours, and arms as patches of the file itself."""
    signals = "; ".join(f"{form}: {meaning}" for form, meaning in SIGNALS.items())
    for name in ("Add", "Brake", "Change", "Divisor", "Factor"):
        definitions[name]["properties"]["signal"]["description"] = f"what is sensed. {signals}"
    for owner, room in (("CellType", "cell"), ("Waiting", "compartment"), ("Tissue", "tissue")):
        behaviours = definitions[owner]["properties"]["behaviours"]
        forms = BEHAVIOURS[room]  # type: ignore[index]
        behaviours["description"] = "; ".join(f"{form}: {meaning}" for form, meaning in forms.items())
        fixed = [form for form in forms if form[-2:] not in (" X", " P", " T", " C")]
        behaviours["properties"] = {
            form: {"anyOf": [{"$ref": "#/$defs/Response"}, {"type": "null"}], "description": forms[form]}
            for form in fixed
        }
    arm = {
        key: value
        for key, value in schema["properties"].items()
        if key.removesuffix(APPEND) not in _NOT_IN_ARMS
    }
    definitions["Arm"] = {
        "type": ["object", "null"],
        "description": "what is different in this arm",
        "properties": arm,
        "additionalProperties": False,
    }
    schema["properties"]["arms"]["additionalProperties"] = {"$ref": "#/$defs/Arm"}


_NOT_IN_ARMS = ("extends", "arms", "replicates", "seed", "claims", "schema_version")
