"""Updates: every operator checked against the field it changes.

In: `{"$set": {"items.0.name": "x"}}`, as code writes it. Out: the same with checked and converted values, or
a `ModelError` with everything that is wrong. A pipeline may set literal values only: anything else in it is
an expression, and a text that begins with `$` would read another field. Before: `compiler.py`. Next: `data/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from bson import Decimal128, Int64

from core.errors import ErrorItem, ModelError, WireCode
from core.schema.compiler import Check, check_field, check_type
from core.schema.fields import FieldType, read_fields
from core.schema.record import Record
from core.schema.refused import Refused, refuse, refuse_type, refuse_unknown, to_items
from core.schema.rules import OPEN, Rule
from core.schema.stored import check_stored, is_storable_key
from core.schema.value import coerce

_POSITION: Final = re.compile(r"[0-9]{1,9}|\$|\$\[[A-Za-z0-9]*\]")
_INTEGER: Final = partial(coerce, FieldType("integer", "integer"), "model")


@dataclass(frozen=True, slots=True)
class Target:
    """A place in a document: what is declared there (`any` within free-form values), and whether it must stay."""

    kind: FieldType
    rule: Rule
    check: Check
    required: bool

    def element(self) -> Target:
        """The target of the elements of a list."""
        if self.kind.kind == "any":
            return self
        if self.kind.item is None:
            raise refuse(WireCode.UNEXPECTED_TYPE, f" is no list but {self.kind.name}")
        rule = self.kind.item_rule or self.rule
        return Target(self.kind.item, rule, partial(check_type, self.kind.item, rule, "model"), required=True)


_FREE: Final = Target(FieldType("any", "any"), OPEN, check_stored, required=False)


def check_update(cls: type[Any], update: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
    """Update operators, or a pipeline, as they may be sent; `ModelError` lists everything that is wrong."""
    problems: list[ErrorItem] = []
    if isinstance(update, Mapping):
        checked: Any = _check_operators(cls, update, _OPERATORS, problems)
    else:
        checked = [_check_operators(cls, stage, _STAGES, problems) for stage in update]
    if not update:
        problems.append(ErrorItem(WireCode.UNEXPECTED_TYPE, "an update needs at least one operator"))
    if problems:
        raise ModelError(problems)
    return checked


def _check_operators(cls: Any, update: Any, known: Mapping[str, Operator], problems: list[ErrorItem]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, changes in update.items() if isinstance(update, Mapping) else [(update, None)]:
        if name not in known:
            hint = f"known are {' '.join(known)}" if str(name)[:1] == "$" else "use operators: {'$set': …}"
            message = f"{name} is no update operator; {hint}"
            problems.append(ErrorItem(WireCode.VALUE_NOT_ALLOWED, message, str(name)))
        elif known is _STAGES and name == "$unset" and isinstance(changes, list):
            checked[name] = [*_check_changes(cls, name, known[name], dict.fromkeys(changes, ""), problems)]
        elif isinstance(changes, Mapping):
            checked[name] = _check_changes(cls, name, known[name], changes, problems)
        else:
            problems.append(ErrorItem(WireCode.UNEXPECTED_TYPE, f"{name} needs fields and values", name))
    return checked


def _check_changes(
    cls: Any, name: str, operator: Operator, changes: Mapping[str, Any], problems: list[ErrorItem]
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for path, value in changes.items():
        try:
            _demand(path != "_id" or name in ("$set", "$setOnInsert"), " can never change")
            target = _find_target(cls, path)
            checked[path] = operator(target, value) if name != "$rename" else _rename(cls, target, value)
        except Refused as refused:
            problems.extend(to_items(refused.problems, path))
    return checked


@lru_cache(1000)  # free-form names make any number of paths
def _find_target(cls: type[Any], path: str) -> Target:
    """What a dotted name of an update means."""
    inside: type[Any] | None = cls
    target = _FREE
    for part in path.split("."):
        if inside is not None:
            field = next((field for field in read_fields(inside) if field.wire == part), None)
            if field is None:
                raise refuse_unknown()
            kind = _FREE.kind if field.rule.extend else field.type  # what is below depends on the value
            target = Target(kind, field.rule, partial(check_field, field, "model"), field.required)
        elif target.kind.kind == "list" and _POSITION.fullmatch(part):
            target = target.element()
        elif target.kind.kind in ("any", "map") and (is_storable_key(part) or _POSITION.fullmatch(part)):
            target = _FREE
        else:
            raise refuse_unknown()
        inside = target.kind.params
    return target


def _set(target: Target, value: Any) -> Any:
    return target.check(value)


def _demand(holds: bool, message: str, code: WireCode = WireCode.VALUE_NOT_ALLOWED) -> None:
    if not holds:
        raise refuse(code, message)


def _unset(target: Target, _value: Any) -> Any:
    _demand(not target.required, " is required and cannot be removed", WireCode.MISSING_REQUIRED_PARAMETER)
    return ""


def _add(target: Target, value: Any) -> Any:
    """The sum is not known, so its limits are not checked."""
    if target.kind.kind == "any" and isinstance(value, Decimal128 | Int64 | float):
        return value
    fits = target.kind.kind == "any" or target.kind.is_number
    _demand(fits, f" is no number but {target.kind.name}", WireCode.UNEXPECTED_TYPE)
    return coerce(target.kind, "model", value) if target.kind.kind == "number" else _INTEGER(value)


def _push(target: Target, value: Any) -> Any:
    """One value, or several as `$each`; what stands beside it changes no value."""
    element = target.element()
    if not isinstance(value, Mapping) or not any(str(name)[:1] == "$" for name in value):
        return element.check(value)
    fits = value.keys() <= {"$each", "$position", "$slice", "$sort"} and isinstance(value.get("$each"), list)
    _demand(fits, " takes a list as $each, with $position $slice $sort")
    return {**value, "$each": _check_each(target, value["$each"])}


def _check_each(target: Target, values: Any) -> Any:
    if not isinstance(values, list):
        raise refuse_type(values, "array")
    target.element()
    return target.check(values) if target.kind.kind == "any" else check_type(target.kind, target.rule, "model", values)


def _pull(target: Target, value: Any) -> Any:
    """An element, or a condition on the fields of the elements."""
    element = target.element()
    value = value.__dump__() if isinstance(value, Record) else value
    if not isinstance(value, Mapping):
        return element.check(value)
    known = {field.wire for field in element.kind.fields}
    unknown = [name for name in value if known and name[:1] != "$" and name.partition(".")[0] not in known]
    if unknown:
        raise refuse_unknown(unknown[0])
    return dict(value)


def _pop(target: Target, value: Any) -> Any:
    target.element()
    _demand(value in (1, -1) and not isinstance(value, bool), " is popped by 1 (last) or -1 (first)")
    return value


def _current_date(target: Target, value: Any) -> Any:
    fits = target.kind.kind in ("date", "any")
    _demand(fits, f" is no date but {target.kind.name}", WireCode.UNEXPECTED_TYPE)
    _demand(value is True or value == {"$type": "date"}, " is set to now by true or {'$type': 'date'}")
    return value


def _bit(target: Target, value: Any) -> Any:
    fits = isinstance(value, Mapping) and {"and", "or", "xor"}.issuperset(value)
    _demand(fits, " takes and, or, xor with a number")
    return {name: _add(target, _INTEGER(bits)) for name, bits in value.items()}


def _rename(cls: Any, target: Target, value: Any) -> Any:
    other = _find_target(cls, str(value))
    fits = other.kind.kind == "any" or other.kind == target.kind
    _demand(fits and not target.required, f" cannot be renamed to {value}")
    return value


def _set_literal(target: Target, value: Any) -> Any:
    fits = isinstance(value, Mapping) and set(value) == {"$literal"}
    _demand(fits, " must be {'$literal': value} in a pipeline")
    return {"$literal": target.check(value["$literal"])}


Operator = Callable[[Target, Any], Any]
_OPERATORS: Final[Mapping[str, Operator]] = {
    "$set": _set, "$setOnInsert": _set, "$unset": _unset, "$inc": _add, "$mul": _add, "$min": _set, "$max": _set,
    "$push": _push, "$addToSet": _push, "$pull": _pull, "$pullAll": _check_each, "$pop": _pop,
    "$currentDate": _current_date, "$bit": _bit, "$rename": _set,
}  # fmt: skip
_STAGES: Final[Mapping[str, Operator]] = {"$set": _set_literal, "$unset": _unset}
