"""Fields as mia.js listed them: type names and the attributes that a service listing keeps.

In: a `Field`. Out: a plain dict for `generic-listServices`. Source: mia 2.16; a pattern is printed in slash
notation (mia's came out as an empty object).
"""

from __future__ import annotations

from typing import Any, Final

from core.schema.fields import Field, FieldType, read_fields
from core.schema.pattern import print_pattern
from core.schema.rules import Rule

_NAMES: Final = {
    "text": "String",
    "integer": "integer",
    "number": "Number",
    "boolean": "Boolean",
    "date": "Date",
    "list": "Array",
    "map": "Object",
    "any": "Any",
    "upload": "File",
}
_CHOICES: Final = {"string": "String", "number": "Number", "boolean": "Boolean", "integer": "integer"}


def listing_attributes(field: Field) -> dict[str, Any]:
    """The attributes of a field, or of the fields of a nested object by name."""
    return _describe(field.type, field.rule, field.required, ())


def _describe(kind: FieldType, rule: Rule, required: bool, above: tuple[type[Any], ...]) -> dict[str, Any]:
    if kind.params is not None:
        return _describe_nested(kind.params, above)
    attributes: dict[str, Any] = {"type": _type_name(kind)}
    if rule.description:
        attributes["desc"] = rule.description
    if kind.item is not None and kind.item.kind != "any":
        nested = kind.item.params
        attributes["subType"] = _describe_nested(nested, above) if nested else _type_name(kind.item)
    if required:
        attributes["required"] = True
    limits = {"maxLength": rule.max_length, "minLength": rule.min_length, "max": rule.max, "min": rule.min}
    attributes |= {name: value for name, value in limits.items() if value is not None}
    if rule.match is not None:
        attributes["match"] = print_pattern(rule.match, rule.match_flags)
    allowed = rule.allow or rule.allow_multiple or (kind.item or kind).choices
    if allowed:
        attributes["allow"] = list(allowed)
    if rule.deny:
        attributes["deny"] = list(rule.deny)
    if not rule.docs:
        attributes["docs"] = False
    return attributes


def _describe_nested(cls: type[Any], above: tuple[type[Any], ...]) -> dict[str, Any]:
    if cls in above:
        return {"type": "Object"}  # contains itself
    return {field.wire: _describe(field.type, field.rule, field.required, (*above, cls)) for field in read_fields(cls)}


def _type_name(kind: FieldType) -> str:
    if kind.kind == "choice":
        return _CHOICES[kind.name]
    return _NAMES.get(kind.kind, kind.name)
