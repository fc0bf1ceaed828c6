"""Rules as JSON Schema (2020-12, the dialect of OpenAPI 3.1): what goes in, and what comes out.

In: fields, `Params` and `Model` classes. Out: schemas; what they admit, the checks accept. Where a rule cannot be
said exactly, they admit less. Nested classes become components. Pure; read by `docs/openapi.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from itertools import count
from typing import Any, Final, Literal

from core.schema.fields import Field, FieldType, read_fields
from core.schema.formats import INT64_MAX, INT64_MIN, SAFE_INTEGER
from core.schema.refused import text_of
from core.schema.rules import Rule, flag_letters
from core.schema.value import FIRST_MS, LAST_MS

Schema = dict[str, Any]
Use = Literal["json", "text", "answer"]

_SUFFIXES: dict[Use, str] = {"json": "", "text": "Form", "answer": "Answer"}
#: no key of a request is a database operator or reserved; see `serve/values.py`
_KEY: Final[Schema] = {"not": {"pattern": r"^(?:\$|(?:__proto__|constructor|prototype)$)|\x00"}}
_BOUNDS: Final = {"timestamp": (10**9, 10**10 - 1), "safeinteger": (-SAFE_INTEGER, SAFE_INTEGER)}
_CIDR4: Final = r"^(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(?:\.(?!/)|(?=/))){4}/(?:3[0-2]|[12]?[0-9])$"
_CIDR6: Final = r"^(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])$"
_TEXTS: Final[dict[str, Schema]] = {
    "ip": {"format": "ipv4"}, "ipv4": {"format": "ipv4"}, "ipv6": {"format": "ipv6"}, "email": {"format": "email"},
    "cidr": {"pattern": _CIDR4}, "cidrv4": {"pattern": _CIDR4}, "cidrv6": {"pattern": _CIDR6},
    "objectid": {"pattern": "^[0-9a-fA-F]{24}$"}, "file": {"format": "binary"},
}  # fmt: skip
_DATES: Final = ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date"})
_MOMENT: Final = {"type": "integer", "minimum": FIRST_MS, "maximum": LAST_MS}
_NULL: Final = {"type": "null"}
_FLAGS: Final = ["true", "false", "True", "False", "TRUE", "FALSE"]
#: whole numbers and others as text, where no rule limits them
_DIGITS: Final = {"integer": "^[+-]?[0-9]{1,15}$", "timestamp": "^[1-9][0-9]{9}$", "safeinteger": "^[+-]?[0-9]{1,15}$"}
_DECIMAL: Final = r"^[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?$"
_NUMBER_LENGTH: Final = 32  # no number of a request is longer as text


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
            wanted = re.sub(r"[^A-Za-z0-9._-]", "_", cls.__name__) + _SUFFIXES[use]
            names = (f"{wanted}{number}" for number in count(2))
            name = wanted if wanted not in self else next(name for name in names if name not in self)
            self._names[cls, use] = name
            self[name] = {}  # taken: the class may contain itself
            self[name] = build()
        return {"$ref": f"#/components/schemas/{name}"}


def build_object_schema(cls: type[Any], *, text: bool = False, components: Components) -> Schema:
    """A `$ref` to what is accepted as an object of this class.

    Fields that a client cannot set are left out, as whatever is given for them is discarded; and hidden ones.
    """
    return components.refer(cls, "text" if text else "json", lambda: _describe_fields(cls, text, components))


def _describe_fields(cls: type[Any], text: bool, components: Components) -> Schema:
    shown = [field for field in read_fields(cls) if field.rule.settable and field.rule.docs]
    properties = {field.wire: build_field_schema(field, text=text, components=components) for field in shown}
    schema = {"type": "object", "properties": properties, **({} if text else _describe_members(components))}
    required = [field.wire for field in shown if field.is_demanded]
    return {**schema, "required": required} if required else schema


def _describe_members(components: Components) -> Schema:
    """What a JSON object may hold beside the fields that are declared: what the gate lets through."""
    return {"propertyNames": _KEY, "additionalProperties": _describe_any(components)}


def _describe_any(components: Components) -> Schema:
    """Any JSON value that the gate lets through, to any depth."""
    # No bounds: 10**300 is refused and 1e300 is not, but for JSON Schema they are the same number.
    scalars = {"type": ["null", "boolean", "string", "number"]}
    return components.refer(
        Anything, "json", lambda: {"anyOf": [scalars, {"type": "array", "items": _describe_any(components)},
                                             {"type": "object", **_describe_members(components)}]}
    )  # fmt: skip


def build_field_schema(field: Field, *, text: bool = False, components: Components) -> Schema:
    """What is accepted as value of a field, with description and default; `text` for header, query, path and forms."""
    schema: Schema = {"type": "object"}  # where its class depends on the value
    if field.rule.extend is None:
        schema = _describe(field.type, field.rule, text, field.required, components)
    if field.nullable and not text:
        schema = {"anyOf": [schema, _NULL]}
    if field.rule.description:
        schema = {**schema, "description": field.rule.description}
    default = field.constant.value if isinstance(field.constant, Enum) else field.constant
    if isinstance(default, str | int | float | datetime):
        schema = {**schema, "default": default.isoformat() if isinstance(default, datetime) else default}
    return schema if field.rule.gettable else {**schema, "writeOnly": True}


def _describe(kind: FieldType, rule: Rule, text: bool, required: bool, components: Components) -> Schema:
    if kind.item is not None:
        items = _describe(kind.item, kind.item_rule or rule, text, False, components)
        return {"type": "array", "items": items, **({"minItems": 1} if text and required else {})}
    if kind.params is not None:
        return build_object_schema(kind.params, text=text, components=components)
    if kind.kind == "map":
        return {"type": "object", **({} if text else _describe_members(components))}
    if kind.kind == "any":
        anything = {} if text else _describe_any(components)
        return {**anything, "not": {"enum": [None, ""]}} if required else anything
    schema = _describe_scalar(kind, rule, text, required)
    spellings = [spelling for value in map(text_of, rule.deny) for spelling in (value, value.lower(), value.upper())]
    numbers = [value for value in rule.deny if isinstance(value, int | float)]
    return {**schema, "not": {"enum": spellings + numbers}} if rule.deny else schema


def _describe_scalar(kind: FieldType, rule: Rule, text: bool, required: bool) -> Schema:
    if kind.kind == "choice" or rule.allow:
        values = list(kind.choices or rule.allow)
        if kind.is_text:
            values = [value for value in map(text_of, values) if len(value) <= (rule.max_length or len(value))]
        texts = all(isinstance(value, str) for value in values)
        return {"type": "string", "enum": values} if texts and not kind.is_number else {"enum": values}
    if kind.is_number:
        return _describe_number(kind, rule, text)
    if kind.kind == "boolean":
        return {"type": "boolean"} if text else {"anyOf": [{"type": "boolean"}, {"enum": _FLAGS}]}
    if kind.kind == "date":
        return {"anyOf": [*_DATES] if text else [*_DATES, _MOMENT]}
    return _describe_text(kind, rule, text, required)


def _describe_number(kind: FieldType, rule: Rule, text: bool) -> Schema:
    whole = kind.kind != "number"
    least, most = _BOUNDS.get(kind.name, (INT64_MIN, INT64_MAX)) if whole else (None, None)
    limits = {"minimum": least if rule.min is None else rule.min, "maximum": most if rule.max is None else rule.max}
    number: Schema = {"type": "integer", "format": "int64"} if whole else {"type": "number"}
    number |= {name: limit for name, limit in limits.items() if limit is not None}
    if text or rule.min is not None or rule.max is not None:
        return number
    return {"anyOf": [number, {"type": "string", "pattern": _DIGITS.get(kind.name, _DECIMAL)}]}


def _describe_text(kind: FieldType, rule: Rule, text: bool, required: bool) -> Schema:
    schema: Schema = {"type": "string", **_TEXTS.get(kind.name, {})}
    least = max(rule.min_length or 0, int(required and kind.kind == "text"))
    if least:
        schema["minLength"] = least
    if rule.max_length is not None:
        schema["maxLength"] = rule.max_length
    if rule.match is not None:
        letters = flag_letters(rule.match_flags)
        schema["pattern"] = f"(?{letters}:{rule.match})" if letters else rule.match
    elif rule.allow_multiple:
        one = "|".join(f"(?:{text_of(value)})" for value in rule.allow_multiple)
        schema["pattern"] = f"^(?:{one})(?:,(?:{one}))*$"
    elif required and "trim" in rule.convert:
        schema["pattern"] = r"\S"  # only blanks would be trimmed to nothing
    numbers = least <= 1 and (rule.max_length or _NUMBER_LENGTH) >= _NUMBER_LENGTH and "pattern" not in schema
    if numbers and kind.kind == "text" and not text:
        schema["type"] = ["string", "number", "boolean"]
    return schema


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
            schema = {"anyOf": [schema, _NULL]} if schema and (field.nullable or field.default is None) else schema
            told = {"description": field.rule.description} if field.rule.description else {}
            properties[field.wire] = {**schema, **told}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _describe_stored(kind: FieldType, components: Components) -> Schema:
    if kind.item is not None:
        return {"type": "array", "items": _describe_stored(kind.item, components)}
    if kind.params is not None:
        return build_model_schema(kind.params, components)
    if kind.kind == "choice":
        return {"enum": list(kind.choices)}
    if kind.kind == "date":
        return dict(_DATES[0])
    if kind.kind == "any":
        return {}
    types = {"number": "number", "boolean": "boolean", "map": "object"}
    return {"type": "integer" if kind.is_number and kind.kind != "number" else types.get(kind.kind, "string")}
