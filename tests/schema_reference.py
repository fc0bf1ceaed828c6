"""What a check should do, said slowly: schemas as plain data, and an interpreter of mia's rules that reads them.

In: `Spec`s, raw values and a section. Out: the values, or the errors as (code, id, message). Nothing of `core.schema` is
used to decide; only `declare` turns a `Spec` into the annotation that an author would write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from core.schema.rules import factory, rule
from tests.schemas import params

REQUIRED = object()
TYPES = {"string": str, "integer": int, "number": float, "boolean": bool, "any": Any, "object": dict[str, Any]}
SEVERAL = "Use one or more of the following string values separated by comma without blank spaces"


@dataclass(frozen=True)
class Spec:
    """A field: the name of its type, rules, whether null is a value, default (`list` for a fresh list).

    `items`: of a list, whose rules are about its elements; `fields`: of a nested object; `choices`: of a `Literal`.
    """

    type: str
    rules: Mapping[str, Any] = field(default_factory=dict)
    null: bool = False
    default: Any = REQUIRED
    items: Spec | None = None
    fields: Mapping[str, Spec] | None = None
    choices: tuple[Any, ...] = ()


class Wrong(Exception):
    """One or more errors: (code, path of the id, path in the message, rest of the message)."""


def declare(fields: Mapping[str, Spec]) -> Any:
    """The `Params` class that an author would write."""
    return params(**{name: _annotate(spec) for name, spec in fields.items()})


def _annotate(spec: Spec) -> Any:
    annotation = _type(spec)
    if spec.null:
        annotation = annotation | None
    if spec.rules:
        annotation = Annotated[annotation, rule(**spec.rules)]
    if spec.default is REQUIRED:
        return annotation
    return annotation, factory(list) if spec.default is list else spec.default


def _type(spec: Spec) -> Any:
    if spec.items is not None:
        return list[_type(spec.items)]  # type: ignore[misc]
    if spec.fields is not None:
        return declare(spec.fields)
    return Literal[spec.choices] if spec.choices else TYPES[spec.type]  # type: ignore[return-value]


def check(fields: Mapping[str, Spec], raw: Any, section: str) -> tuple[dict[str, Any] | None, list[tuple[str, ...]]]:
    """The values by name, or `None` and the errors as (code, id, message)."""
    try:
        return _object(fields, raw, section), []
    except Wrong as wrong:
        return None, [(code, at or section, (name or section) + rest) for code, at, name, rest in wrong.args]


def _object(fields: Mapping[str, Spec], raw: Any, section: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise _wrong_type(raw, "object")
    raw, values = _nest(fields, raw), {}
    errors = []
    for name, spec in fields.items():
        try:
            values[name] = _field(spec, raw, name, section)
        except Wrong as wrong:
            errors += [(code, _join(name, at), _join(name, shown), rest) for code, at, shown, rest in wrong.args]
    if errors:
        raise Wrong(*errors)
    return values


def _nest(fields: Mapping[str, Spec], raw: dict[str, Any]) -> dict[str, Any]:
    """Dots lead into nested objects, at most five of them; what stands there already wins."""
    nested, objects = dict(raw), {name for name, spec in fields.items() if spec.fields is not None}
    for name, value in raw.items():
        outer, _, inner = name.partition(".")
        if inner and name.count(".") <= 5 and outer in objects and type(raw.get(outer, {})) is dict:
            nested[outer] = {inner: value} | nested.get(outer, {})
    return nested


def _join(name: str, path: str) -> str:
    return name + ("." if path and path[0] != "[" else "") + path


def _field(spec: Spec, raw: dict[str, Any], name: str, section: str) -> Any:
    required = spec.rules.get("required", spec.default is REQUIRED)
    default = [] if spec.default is list else None if spec.default is REQUIRED else spec.default
    access = spec.rules.get("public", True)
    settable = access if isinstance(access, bool) else access.get("set", True)
    gettable = access if isinstance(access, bool) else access.get("get", True)
    if not settable:
        return default
    if name not in raw:
        if required and default in (None, ""):
            raise _missing()
        return default
    nullable = spec.rules.get("nullable", spec.null)
    if raw[name] is None and nullable:
        return None if gettable else default
    value = _value(spec, raw[name], section)
    if required and spec.type in ("string", "any") and spec.items is None and not spec.choices and value in ("", None):
        raise _missing()
    return value if gettable else default


def _missing() -> Wrong:
    return Wrong(("MissingRequiredParameter", "", "", " is required but invalid value or no value given"))


def _wrong_type(value: Any, expected: str) -> Wrong:
    given = {bool: "boolean", str: "string", int: "number", float: "number"}.get(type(value), "object")
    return Wrong(("UnexpectedType", "", "", f" is unexpected type. {given} given {expected} expected"))


def _value(spec: Spec, value: Any, section: str) -> Any:
    if spec.items is not None:
        return _list(spec, spec.items, value, section)
    if spec.fields is not None:
        return _object(spec.fields, value, section)
    if spec.choices:
        return _choice(spec, value, section)
    converted = _convert(spec.type, value)
    _limits(spec.rules, converted)
    wanted = spec.rules.get("convert", ())
    for name in (wanted,) if isinstance(wanted, str) else wanted:
        converted = {"lower": converted.lower, "upper": converted.upper, "trim": converted.strip}[name]()
    return converted


def _list(spec: Spec, items: Spec, value: Any, section: str) -> list[Any]:
    if section != "body" and not isinstance(value, list | dict):
        value = [value]
    if not isinstance(value, list):
        raise _wrong_type(value, "array")
    values, errors = [], []
    for position, item in enumerate(value, 1):
        try:
            values.append(_value(Spec(items.type, spec.rules, items=items.items, fields=items.fields), item, section))
        except Wrong as wrong:
            if items.fields is None:  # the first wrong element is the error of the field
                code, at, _, rest = wrong.args[0]
                raise Wrong((code, at, f"[{position}]", rest)) from None
            errors += [(c, _join(f"[{position}]", a), _join(f"[{position}]", n), r) for c, a, n, r in wrong.args]
    if errors:
        raise Wrong(*errors)
    return values


def _choice(spec: Spec, value: Any, section: str) -> Any:
    kinds = {bool: "boolean", str: "string", int: "number", float: "number"}
    for choice in spec.choices:
        if section != "body" and isinstance(value, str) and value == show(choice):
            return choice
        if kinds.get(type(value)) == kinds[type(choice)] and value == choice:
            return choice
    if kinds.get(type(value)) in {kinds[type(choice)] for choice in spec.choices}:
        raise _not_allowed(value, "Use one of the following values", spec.choices)
    if section != "body" and isinstance(value, str):
        raise _not_allowed(value, "Use one of the following values", spec.choices)
    raise _wrong_type(value, spec.type)


def _convert(kind: str, value: Any) -> Any:
    """The value as this type."""
    is_text, is_flag = type(value) is str, type(value) is bool
    is_number = type(value) is int or (type(value) is float and math.isfinite(value))
    if kind == "any":
        return value
    if kind == "object" and type(value) is dict:
        return value
    if kind == "string" and (is_text or is_flag or is_number):
        return show(value)
    if kind == "boolean" and (is_flag or (is_text and value.lower() in ("true", "false"))):
        return value if is_flag else value.lower() == "true"
    if kind == "integer":
        whole = is_text and re.fullmatch(r"[+-]?[0-9]{1,40}", value)
        if (whole or (is_number and value == int(value))) and -(2**63) <= int(value) <= 2**63 - 1:
            return int(value)
    if kind == "number" and (is_number or (is_text and re.fullmatch(r"\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*", value))):
        try:
            if math.isfinite(float(value)):
                return float(value)
        except (ValueError, OverflowError):
            pass
    raise _wrong_type(value, kind)


def show(value: Any) -> str:
    """A value as JavaScript prints it."""
    if type(value) is bool:
        return "true" if value else "false"
    return str(int(value)) if type(value) is float and value.is_integer() and abs(value) < 1e21 else str(value)


def _limits(rules: Mapping[str, Any], value: Any) -> None:
    """The first rule that the value breaks."""
    if "min_length" in rules and len(value) < rules["min_length"]:
        raise Wrong(("MinLengthUnderachieved", "", "", f" length is less than {rules['min_length']} chars"))
    if "max_length" in rules and len(value) > rules["max_length"]:
        raise Wrong(("MaxLengthExceeded", "", "", f" length is more than {rules['max_length']} chars"))
    if "min" in rules and value < rules["min"]:
        raise Wrong(("MinValueUnderachived", "", "", f" value is less than {show(rules['min'])}"))
    if "max" in rules and value > rules["max"]:
        raise Wrong(("MaxValueExceeded", "", "", f" value is more than {show(rules['max'])}"))
    if "allow" in rules and show(value).lower() not in [show(item).lower() for item in rules["allow"]]:
        raise _not_allowed(value, "Use one of the following values", rules["allow"])
    if "allow_multiple" in rules:
        known = [item.lower() for item in rules["allow_multiple"]]
        if any(part not in known for part in show(value).lower().split(",")):
            raise _not_allowed(value, SEVERAL, rules["allow_multiple"])
    if "deny" in rules and show(value).lower() in [show(item).lower() for item in rules["deny"]]:
        raise _not_allowed(value, "Do not use one of the following values", rules["deny"])
    if "match" in rules and not re.search(rules["match"], show(value)):
        raise Wrong(("PatternMismatch", "", "", f" does not match pattern /{rules['match']}/"))


def _not_allowed(value: Any, hint: str, values: Any) -> Wrong:
    known = ",".join(show(item) for item in values)
    return Wrong(("ValueNotAllowed", "", "", f" value '{show(value)}' is not allowed. {hint}: {known}"))
