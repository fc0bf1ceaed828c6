"""Whether two steps of one chain may read the same parameter.

In: two fields of the same name. Out: the attribute in which their declarations differ, if any. What one of
them leaves open is no difference. Next: `link/merge.py`.
"""

from __future__ import annotations

from typing import Any, Final

from core.schema.fields import MISSING, OPEN, Field, FieldType
from core.schema.rules import Factory, Rule

_COMPARED: Final = (
    "min", "max", "min_length", "max_length", "match", "match_flags", "allow", "allow_multiple", "deny",
    "convert", "nullable", "required", "settable", "gettable", "virtual", "extend", "description",
)  # fmt: skip
_AUTHORS_NAME: Final = {"match_flags": "match", "settable": "public", "gettable": "public"}


def find_conflict(first: Field, second: Field) -> str | None:
    """The name of the first attribute in which two fields contradict each other, as authors write it."""
    conflict = _find_in_type(first.type, second.type) or _find_in_rule(first.rule, second.rule)
    return conflict or (None if _agree(first.default, second.default, MISSING) else "default")


def _find_in_rule(first: Rule, second: Rule) -> str | None:
    for name in _COMPARED:
        if not _agree(getattr(first, name), getattr(second, name), getattr(OPEN, name)):
            return _AUTHORS_NAME.get(name, name)
    return None


def _find_in_type(first: FieldType, second: FieldType) -> str | None:
    if "any" in (first.kind, second.kind) or first == second:
        return None
    if first.item is not None and second.item is not None:
        rules = _find_in_rule(first.item_rule or OPEN, second.item_rule or OPEN)
        return _find_in_type(first.item, second.item) or rules
    if first.params is None or second.params is None:
        return "type"
    others = {field.wire: field for field in second.fields}  # classes may differ, if what both declare agrees
    for field in first.fields:
        conflict = find_conflict(field, others.get(field.wire, field))
        if conflict is not None:
            return f"{field.wire}.{conflict}"
    return None


def _agree(first: Any, second: Any, missing: Any) -> bool:
    if isinstance(first, Factory) and isinstance(second, Factory):
        first, second = first.make, second.make
    if first is missing or second is missing or (type(first) is type(second) and first == second):
        return True
    if missing is not MISSING and missing in (first, second):
        return True
    code = getattr(first, "__code__", None)  # inherited annotations are evaluated per class: two lambdas, one code
    return code is not None and code == getattr(second, "__code__", None)
