"""`Literal` and `Enum`: exactly one of the declared values.

In: a `FieldType` with choices and a mode. Out: a closure that gives the choice (a member for enums, but the
stored value in mode `model`). In text mode the text of a number or flag stands for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.schema.coerce import Check, Mode, text_of
from core.schema.fields import FieldType
from core.schema.limits import Limit, not_allowed
from core.schema.refused import js_typeof, refuse_type


def compile_choice(
    kind: FieldType, mode: Mode, limits: tuple[Limit, ...], convert: Callable[[str], str] | None
) -> Check:
    """The check of a value that must be one of the choices."""
    choose = _choose_text(kind) if all(type(choice) is str for choice in kind.choices) else _choose_any(kind, mode)
    members = {_key(member.value): member for member in kind.enum} if kind.enum and mode != "model" else None
    if not limits and convert is None and members is None:
        return choose

    def check(value: Any) -> Any:
        choice = choose(value)
        for limit in limits:
            limit(choice)
        if members is not None:
            return members[_key(choice)]
        return convert(choice) if convert is not None and isinstance(choice, str) else choice

    return check


def _choose_text(kind: FieldType) -> Check:
    allowed = frozenset(kind.choices)

    def choose(value: Any) -> Any:
        if type(value) is str and value in allowed:
            return value
        value = _value_of(value, kind)
        if not isinstance(value, str):
            raise refuse_type(value, kind.name)
        if value not in allowed:
            raise not_allowed(value, kind.choices)
        return value

    return choose


def _choose_any(kind: FieldType, mode: Mode) -> Check:
    by_value = {_key(choice): choice for choice in kind.choices}
    by_text = {text_of(choice): choice for choice in kind.choices} if mode == "text" else {}
    types = {js_typeof(choice) for choice in kind.choices} | ({"string"} if mode == "text" else set())

    def choose(value: Any) -> Any:
        value = _value_of(value, kind)
        if js_typeof(value) not in types:
            raise refuse_type(value, kind.name)
        if isinstance(value, str) and value in by_text:
            return by_text[value]
        key = _key(value)
        if key not in by_value:
            raise not_allowed(value, kind.choices)
        return by_value[key]

    return choose


def _value_of(value: Any, kind: FieldType) -> Any:
    return value.value if kind.enum is not None and isinstance(value, kind.enum) else value


def _key(value: Any) -> tuple[str, Any]:
    """Python takes 1 and True for one key; 1 and 1.0 are one number on the wire."""
    return js_typeof(value), value
