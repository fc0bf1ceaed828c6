"""Rules as JSON Schema (2020-12, the dialect of OpenAPI 3.1): what goes in, and what comes out.

In: fields, `Params` and `Model` classes. Out: schemas that admit what the checks accept and nothing else;
nested classes become components. Pure; read by `docs/openapi.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal

from core.schema.fields import MISSING, Field, FieldType, read_fields
from core.schema.formats import INT64_MAX, INT64_MIN
from core.schema.jsonscalar import Schema, describe_scalar
from core.schema.rules import Factory, Rule

Use = Literal["json", "text", "answer"]
_SUFFIXES: dict[Use, str] = {"json": "", "text": "Form", "answer": "Answer"}
#: no key of a request is a database operator or reserved; see `serve/values.py`
_KEY: Final[Schema] = {"not": {"pattern": r"^(?:\$|(?:__proto__|constructor|prototype)$)|\x00"}}


class Anything:
    """Stands for any JSON value among the components."""


class Components(dict[str, Schema]):
    """`components/schemas` of a document: each class once per use, under a name of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[tuple[type[Any], Use], str] = {}

    def refer(self, cls: type[Any], use: Use, build: Callable[[], Schema]) -> Schema:
        """A `$ref` to the schema of a class, which is built when it is referred to first."""
        name = self._names.get((cls, use))
        if name is None:
            wanted = name = cls.__name__ + _SUFFIXES[use]
            number = 1
            while name in self:
                number += 1
                name = f"{wanted}{number}"
            self._names[cls, use] = name
            self[name] = {}  # taken: the class may contain itself
            self[name] = build()
        return {"$ref": f"#/components/schemas/{name}"}


def build_object_schema(cls: type[Any], *, text: bool = False, components: Components) -> Schema:
    """A `$ref` to what is accepted as an object of this class."""
    return components.refer(
        cls, "text" if text else "json", lambda: build_fields_schema(read_fields(cls), text=text, components=components)
    )


def build_fields_schema(fields: Iterable[Field], *, text: bool = False, components: Components) -> Schema:
    """The schema of an object with these fields, merged ones of several steps for example.

    Fields that a client cannot set are left out, as whatever is given for them is discarded; and hidden ones.
    """
    shown = [field for field in fields if field.rule.settable and field.rule.docs]
    schema: Schema = {
        "type": "object",
        "properties": {field.wire: build_field_schema(field, text=text, components=components) for field in shown},
    }
    if not text:
        schema |= describe_members(components)
    required = [field.wire for field in shown if is_demanded(field)]
    return {**schema, "required": required} if required else schema


def describe_members(components: Components) -> Schema:
    """What a JSON object may hold beside the fields that are declared: what the gate lets through."""
    anything = components.refer(Anything, "json", lambda: _describe_json(components))
    return {"propertyNames": _KEY, "additionalProperties": anything}


def _describe_json(components: Components) -> Schema:
    """Any JSON value that the gate lets through, to any depth."""
    scalars: list[Schema] = [
        {"type": ["null", "boolean", "string"]},
        {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX},
        {"type": "number", "not": {"type": "integer"}},
    ]
    items = components.refer(Anything, "json", lambda: _describe_json(components))
    members = {"type": "object", **describe_members(components)}
    return {"anyOf": [*scalars, {"type": "array", "items": items}, members]}


def is_demanded(field: Field) -> bool:
    """Whether a request without this field is refused."""
    return field.required and field.rule.settable and field.default in (MISSING, None, "")


def build_field_schema(field: Field, *, text: bool = False, components: Components) -> Schema:
    """What is accepted as value of a field, with description and default.

    Args:
        field: the field.
        text: whether it arrives as text (header, query, path, forms).
        components: gets the schemas of nested classes.
    """
    if field.rule.extend is not None:  # its class depends on the value
        schema: Schema = {"type": "object"}
    else:
        schema = _describe(field.type, field.rule, text, field.required, components)
    if field.nullable and not text:
        schema = _admit_null(schema)
    if field.rule.description:
        schema = {**schema, "description": field.rule.description}
    default = _written_default(field)
    if default is not None:
        schema = {**schema, "default": default}
    return schema if field.rule.gettable else {**schema, "writeOnly": True}


def _describe(kind: FieldType, rule: Rule, text: bool, required: bool, components: Components) -> Schema:
    if kind.kind == "list":
        assert kind.item is not None
        items = _describe(kind.item, kind.item_rule or rule, text, False, components)
        schema: Schema = {"type": "array", "items": items}
        return {**schema, "minItems": 1} if text and required else schema  # an empty list cannot be written
    if kind.kind == "object":
        assert kind.params is not None
        return build_object_schema(kind.params, text=text, components=components)
    if kind.kind == "map":
        return {"type": "object", **({} if text else describe_members(components))}
    schema = describe_scalar(kind, rule, text=text, required=required)
    if kind.kind == "any" and not text and not schema:
        return components.refer(Anything, "json", lambda: _describe_json(components))
    return schema


def _admit_null(schema: Schema) -> Schema:
    if "enum" in schema:
        values = {**schema, "enum": [*schema["enum"], None]}
        return {**values, "type": [schema["type"], "null"]} if "type" in schema else values
    if "type" in schema and "not" not in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return {**schema, "type": [*types, "null"]}
    if set(schema) == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    if not schema or set(schema) <= {"minLength", "maxLength", "pattern", "minimum", "maximum"}:
        return schema  # any value
    return {"anyOf": [schema, {"type": "null"}]}


def _written_default(field: Field) -> Any:
    default = None if isinstance(field.default, Factory) else field.make_default()
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, datetime):
        return default.isoformat()
    return default if isinstance(default, str | int | float) else None


def build_model_schema(cls: type[Any], components: Components) -> Schema:
    """A `$ref` to what an instance of a `Model` or `Params` looks like in an answer.

    Only types: what is stored may be older than a rule, and conversions come after the limits.
    """
    return components.refer(cls, "answer", lambda: _describe_answer(cls, components))


def _describe_answer(cls: type[Any], components: Components) -> Schema:
    properties: Schema = {}
    for field in read_fields(cls):
        if field.rule.gettable and field.rule.docs:
            schema = _describe_stored(field.type, components)
            if field.nullable or field.default is None:
                schema = _admit_null(schema)
            properties[field.wire] = (
                {**schema, "description": field.rule.description} if field.rule.description else schema
            )
    return {"type": "object", "properties": properties, "required": list(properties)}


_STORED: dict[str, Schema] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date-time"},
    "map": {"type": "object"},
    "upload": {"type": "string"},
}


def _describe_stored(kind: FieldType, components: Components) -> Schema:
    if kind.kind == "list" and kind.item is not None:
        return {"type": "array", "items": _describe_stored(kind.item, components)}
    if kind.kind == "object" and kind.params is not None:
        return build_model_schema(kind.params, components)
    if kind.kind == "choice":
        return {"enum": list(kind.choices)}
    if kind.format is not None:
        return {"type": kind.format.json_type}
    return dict(_STORED.get(kind.kind, {}))
