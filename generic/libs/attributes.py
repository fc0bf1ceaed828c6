"""Fields as mia.js listed them: type names and the attributes that a service listing keeps.

In: a field of `route.parameters`. Out: a plain dict. Next: `listing.py`. Source: mia.js 2.16; a pattern is
printed in slash notation (mia's came out as an empty object).
"""

from __future__ import annotations

from typing import Any, Final

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


def listing_attributes(field: Any) -> dict[str, Any]:
    """The attributes of a field, or of the fields of a nested object by name."""
    return _describe(field.type, field.rule, field.required, ())


def _describe(kind: Any, rule: Any, required: bool, above: tuple[type[Any], ...]) -> dict[str, Any]:
    if kind.params is not None:
        return _describe_nested(kind, above)
    attributes: dict[str, Any] = {"type": _type_name(kind)}
    if rule.description:
        attributes["desc"] = rule.description
    if kind.item is not None and kind.item.kind != "any":
        attributes["subType"] = _describe_nested(kind.item, above) if kind.item.params else _type_name(kind.item)
    if required:
        attributes["required"] = True
    limits = {"maxLength": rule.max_length, "minLength": rule.min_length, "max": rule.max, "min": rule.min}
    attributes |= {name: value for name, value in limits.items() if value is not None}
    if rule.match is not None:
        attributes["match"] = rule.pattern
    allowed = rule.allow or rule.allow_multiple or (kind.item or kind).choices
    if allowed:
        attributes["allow"] = list(allowed)
    if rule.deny:
        attributes["deny"] = list(rule.deny)
    if not rule.docs:
        attributes["docs"] = False
    return attributes


def _describe_nested(kind: Any, above: tuple[type[Any], ...]) -> dict[str, Any]:
    if kind.params in above:
        return {"type": "Object"}  # contains itself
    inside = (*above, kind.params)
    return {field.wire: _describe(field.type, field.rule, field.required, inside) for field in kind.fields}


def _type_name(kind: Any) -> str:
    return _CHOICES[kind.name] if kind.kind == "choice" else _NAMES.get(kind.kind, kind.name)
