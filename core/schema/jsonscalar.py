"""Scalars as JSON Schema: exactly what the checks accept, conversions between text and numbers included.

In: a `FieldType` and its rule. Out: a JSON Schema (2020-12) without null and description. Where a rule cannot
be said in JSON Schema, the check itself is asked about candidates. Next: `jsonschema.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from core.schema.coerce import Check, Mode, text_of
from core.schema.compiler import compile_type
from core.schema.dates import FIRST_MS, LAST_MS
from core.schema.digits import range_pattern
from core.schema.fields import FieldType
from core.schema.formats import INT64_MAX, INT64_MIN, SAFE_INTEGER
from core.schema.pattern import flag_letters
from core.schema.refused import Refused
from core.schema.rules import Rule

Schema = dict[str, Any]

_BOUNDS: Final = {"timestamp": (10**9, 10**10 - 1), "safeinteger": (-SAFE_INTEGER, SAFE_INTEGER)}
_OCTETS: Final = r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_GROUPS: Final = r"(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|::1?|(?:[0-9a-fA-F]{1,4}:){1,6}:"
_CIDR4: Final = rf"{_OCTETS}/(?:3[0-2]|[12]?[0-9])"
_CIDR6: Final = rf"(?:{_GROUPS})/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"
_FORMATS: Final[dict[str, Schema]] = {
    "ip": {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]},
    "ipv4": {"type": "string", "format": "ipv4"},
    "ipv6": {"type": "string", "format": "ipv6"},
    "cidr": {"type": "string", "pattern": f"^(?:{_CIDR4}|{_CIDR6})$"},
    "cidrv4": {"type": "string", "pattern": f"^{_CIDR4}$"},
    "cidrv6": {"type": "string", "pattern": f"^{_CIDR6}$"},
    "email": {"type": "string", "format": "email"},
    "objectid": {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"},
}
#: texts of numbers of every shape: all, some or none of them keep a rule
_NUMBERS: Final = (0, -1, 7, 1.5, -0.25, 12345, INT64_MIN, INT64_MAX, 1e21, 5e-324, -2.2250738585072014e-308)
_DATES: Final = ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date"})
_FLAGS: Final = ["true", "false", "True", "False", "TRUE", "FALSE"]
_FREE_BOUND: Final = 10**15


def describe_scalar(kind: FieldType, rule: Rule, *, text: bool, required: bool) -> Schema:
    """The schema of a value that is neither list nor object.

    Args:
        kind: its type.
        rule: its rules.
        text: whether it arrives as text (header, query, path, forms).
        required: whether empty text is refused.
    """
    mode: Mode = "text" if text else "json"
    check = compile_type(kind, replace(rule, deny=()), mode)
    schema = _describe(kind, rule, check, text, required)
    if not rule.deny:
        return schema
    strict = compile_type(kind, rule, mode)
    denied = [value for value in _spellings(rule.deny, text) if not _accepts(strict, value)]
    return {**schema, "not": {"enum": denied}}


def _describe(kind: FieldType, rule: Rule, check: Check, text: bool, required: bool) -> Schema:
    if kind.kind == "choice":
        return _of_one_type([value for value in kind.choices if _accepts(check, _written(value, text))])
    if rule.allow:
        return _of_one_type([value for value in _spellings(rule.allow, text) if _accepts(check, value)])
    if kind.kind == "text":
        return _describe_text(rule, check, text, required)
    if kind.kind in ("integer", "number") or kind.name in _BOUNDS:
        return _describe_number(kind, rule, text)
    if kind.kind == "boolean":
        return {"type": "boolean"} if text else {"anyOf": [{"type": "boolean"}, {"enum": _FLAGS}]}
    if kind.kind == "date":
        moments = {"type": "integer", "minimum": FIRST_MS, "maximum": LAST_MS}
        return {"anyOf": [*_DATES] if text else [*_DATES, moments]}
    if kind.kind == "format":
        return {**_FORMATS.get(kind.name, {"type": "string"}), **_text_limits(rule, required=False)}
    if kind.kind == "upload":
        return {"type": "string", "format": "binary"}
    return _describe_any(rule, required)


def _describe_any(rule: Rule, required: bool) -> Schema:
    bounds = {"minimum": rule.min, "maximum": rule.max}
    schema = {name: value for name, value in bounds.items() if value is not None}
    schema |= _text_limits(rule, required=False)
    return {**schema, "not": {"enum": [None, ""]}} if required else schema


def _accepts(check: Check, value: Any) -> bool:
    try:
        check(value)
    except Refused:
        return False
    return True


def _written(value: Any, text: bool) -> Any:
    return text_of(value) if text else value


def _of_one_type(values: list[Any]) -> Schema:
    texts = all(isinstance(value, str) for value in values)
    return {"type": "string", "enum": values} if texts else {"enum": values}


def _spellings(values: Iterable[Any], text: bool) -> list[Any]:
    """Every way to write the listed values that a client would think of; the check decides."""
    found: dict[tuple[type, Any], None] = {}
    for value in values:
        written = text_of(value)
        for spelling in (written, written.lower(), written.upper()):
            found[str, spelling] = None
        if not text:
            for other in (value, *_read(written)):
                found[type(other), other] = None
    return [value for _, value in found]


def _read(text: str) -> Iterable[Any]:
    if text.lower() in ("true", "false"):
        yield text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return
    if math.isfinite(number):
        yield int(number) if number.is_integer() else number


def _text_limits(rule: Rule, *, required: bool) -> Schema:
    schema: Schema = {}
    least = max(rule.min_length or 0, int(required))
    if least:
        schema["minLength"] = least
    if rule.max_length is not None:
        schema["maxLength"] = rule.max_length
    if rule.match is not None:
        letters = flag_letters(rule.match_flags)
        schema["pattern"] = f"(?{letters}:{rule.match})" if letters else rule.match
    elif rule.allow_multiple:
        one = "|".join(_escape(part) for part in _spellings(rule.allow_multiple, text=True))
        schema["pattern"] = f"^(?:{one})(?:,(?:{one}))*$"
    elif required and "trim" in rule.convert:
        schema["pattern"] = r"\S"  # only blanks would be trimmed to nothing
    return schema


def _escape(text: str) -> str:
    return "".join(f"\\{letter}" if letter in r"\^$.|?*+()[]{}/-" else letter for letter in text)


def _describe_text(rule: Rule, check: Check, text: bool, required: bool) -> Schema:
    schema: Schema = {"type": "string", **_text_limits(rule, required=required)}
    if text:
        return schema
    kept = [_accepts(check, number) for number in _NUMBERS]
    flags = [flag for flag in (True, False) if _accepts(check, flag)]
    if all(kept) and len(flags) == 2 and "pattern" not in schema:
        return {**schema, "type": ["string", "number", "boolean"]}
    others: list[Schema] = [{"enum": flags}] if flags else []
    if all(kept):
        others.append({"type": "number"})
    elif any(kept) and not rule.match and not rule.allow_multiple:
        others.append(_integers_as_text(rule.min_length or 1, min(rule.max_length or 18, 18)))
    return {"anyOf": [schema, *others]} if others else schema


def _integers_as_text(least: int, most: int) -> Schema:
    """The whole numbers whose text has a length within limits."""
    if least <= 1:
        return {"type": "integer", "minimum": 1 - 10 ** (most - 1), "maximum": 10**most - 1}
    return {"type": "integer", "minimum": 10 ** (least - 1), "maximum": 10**most - 1}


def _describe_number(kind: FieldType, rule: Rule, text: bool) -> Schema:
    if kind.kind == "number":
        bounds = {"minimum": rule.min, "maximum": rule.max}
        number: Schema = {"type": "number", **{key: value for key, value in bounds.items() if value is not None}}
        pattern = r"^[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?$"
        least, most = -_FREE_BOUND, _FREE_BOUND
    else:
        least, most = _BOUNDS.get(kind.name, (INT64_MIN, INT64_MAX))
        pattern = "^[+-]?[0-9]{1,15}$" if kind.name != "timestamp" else "^[1-9][0-9]{9}$"
        number = {"type": "integer"}
        if kind.name != "timestamp":
            number["format"] = "int64"
    if rule.min is not None:
        least = max(least, math.ceil(rule.min))
    if rule.max is not None:
        most = min(most, math.floor(rule.max))
    if kind.kind != "number":
        number |= {"minimum": least, "maximum": most}
    if text or least > most:
        return number
    if rule.min is not None or rule.max is not None:
        pattern = range_pattern(least, most)
    return {"anyOf": [number, {"type": "string", "pattern": pattern}]}
