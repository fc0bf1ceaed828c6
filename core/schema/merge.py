"""Whether two steps of one chain may read the same parameter.

In: two fields of the same name. Out: the attribute in which their declarations differ, if any. What one of
them leaves open is no difference. Next: `link/merge.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core.schema.fields import MISSING, Field, FieldType, read_fields
from core.schema.rules import Factory, Rule

_OPEN: Final = Rule()
_COMPARED: Final = (
    "min", "max", "min_length", "max_length", "match", "match_flags", "allow", "allow_multiple", "deny",
    "convert", "nullable", "required", "settable", "gettable", "virtual", "extend", "description",
)  # fmt: skip
_AUTHORS_NAME: Final = {"match_flags": "match", "settable": "public", "gettable": "public"}


def find_conflict(first: Field, second: Field) -> str | None:
    """The name of the first attribute in which two fields contradict each other, as authors write it."""
    conflict = _find_in_type(first.type, second.type) or _find_in_rule(first.rule, second.rule)
    if conflict is None and not _agree(first.default, second.default, MISSING):
        return "default"
    return conflict


def _find_in_rule(first: Rule, second: Rule) -> str | None:
    for name in _COMPARED:
        if not _agree(getattr(first, name), getattr(second, name), getattr(_OPEN, name)):
            return _AUTHORS_NAME.get(name, name)
    return None


def _find_in_type(first: FieldType, second: FieldType) -> str | None:
    if "any" in (first.kind, second.kind) or first == second:
        return None
    if first.params is not None and second.params is not None:
        return _find_in_params(first.params, second.params)
    if first.item is not None and second.item is not None:
        rules = _find_in_rule(first.item_rule or _OPEN, second.item_rule or _OPEN)
        return _find_in_type(first.item, second.item) or rules
    return "type"


def _find_in_params(first: type[Any], second: type[Any]) -> str | None:
    """Nested classes may differ, as long as what both declare agrees."""
    others = {field.wire: field for field in read_fields(second)}
    for field in read_fields(first):
        other = others.get(field.wire)
        conflict = find_conflict(field, other) if other is not None else None
        if conflict is not None:
            return f"{field.wire}.{conflict}"
    return None


def _agree(first: Any, second: Any, missing: Any) -> bool:
    if first is missing or second is missing or (type(first) is type(second) and first == second):
        return True
    if missing is not MISSING and missing in (first, second):
        return True
    if isinstance(first, Factory) and isinstance(second, Factory):
        return _agree(first.make, second.make, None)
    return _is_same_code(first, second) if callable(first) and callable(second) else False


def _is_same_code(first: Callable[..., Any], second: Callable[..., Any]) -> bool:
    """Inherited annotations are evaluated per class: the same `lambda` gives two functions."""
    code = getattr(first, "__code__", None)
    return code is not None and code == getattr(second, "__code__", None)
