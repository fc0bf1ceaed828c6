"""Updates: every operator checked against the field it changes.

In: `{"$set": {"items.0.name": "x"}}`, as code writes it. Out: the same with checked and converted values, or
a `ModelError` with everything that is wrong. A pipeline may set literal values only: anything else in it is
an expression, and a text that begins with `$` would read another field. Before: `paths.py`. Next: `data/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bson import Decimal128, Int64

from core.errors import ErrorItem, ModelError, WireCode
from core.schema.coerce import coerce_for
from core.schema.fields import FieldType, read_fields
from core.schema.paths import Target, find_target
from core.schema.plain import dump_object, is_object
from core.schema.refused import Problem, Refused, refuse, refuse_type, to_items

Operator = Callable[[type[Any], Target, Any], Any]
_INTEGER: Final = coerce_for(FieldType("integer", "integer"), "model")
_NUMBER: Final = coerce_for(FieldType("number", "number"), "model")


def check_operators(cls: type[Any], update: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
    """The update to send.

    Raises:
        ModelError: lists every unknown operator, unknown field and unfitting value.
    """
    problems: list[ErrorItem] = []
    if isinstance(update, Mapping):
        checked: Any = _check_all(cls, update, _OPERATORS, problems)
    else:
        checked = [_check_all(cls, stage, _STAGES, problems) for stage in update]
    if not update:
        problems.append(ErrorItem(WireCode.UNEXPECTED_TYPE, "an update needs at least one operator"))
    if problems:
        raise ModelError(problems)
    return checked


def _check_all(cls: type[Any], update: Any, known: Mapping[str, Operator], problems: list[ErrorItem]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    if not isinstance(update, Mapping):
        problems.append(ErrorItem(WireCode.UNEXPECTED_TYPE, "a stage is an object with one operator"))
        return checked
    for name, changes in update.items():
        operator = known.get(name)
        if operator is None:
            hint = f"known are {' '.join(known)}" if str(name)[:1] == "$" else "use operators: {'$set': …}"
            message = f"{name} is no update operator; {hint}"
            problems.append(ErrorItem(WireCode.VALUE_NOT_ALLOWED, message, str(name)))
        elif known is _STAGES and name == "$unset" and isinstance(changes, str | list | tuple):
            names = [changes] if isinstance(changes, str) else list(changes)
            _check_changes(cls, name, operator, dict.fromkeys(names, ""), problems)
            checked[name] = names
        elif not isinstance(changes, Mapping):
            problems.append(ErrorItem(WireCode.UNEXPECTED_TYPE, f"{name} needs fields and values", name))
        else:
            checked[name] = _check_changes(cls, name, operator, changes, problems)
    return checked


def _check_changes(
    cls: type[Any], name: str, operator: Operator, changes: Mapping[str, Any], problems: list[ErrorItem]
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for path, value in changes.items():
        try:
            target = find_target(cls, path)
            if path == "_id" and name not in ("$set", "$setOnInsert"):
                raise refuse(WireCode.VALUE_NOT_ALLOWED, " can never change")
            checked[path] = operator(cls, target, value)
        except Refused as refused:
            problems.extend(to_items(refused.problems, path))
    return checked


def _set(_: type[Any], target: Target, value: Any) -> Any:
    return target.check(value)


def _unset(_: type[Any], target: Target, _value: Any) -> Any:
    if target.required:
        raise refuse(WireCode.MISSING_REQUIRED_PARAMETER, " is required and cannot be removed")
    return ""


def _add(_: type[Any], target: Target, value: Any) -> Any:
    if not target.is_number:
        raise refuse(WireCode.UNEXPECTED_TYPE, f" is no number but {target.kind.name}")
    if isinstance(value, Decimal128 | Int64) and target.is_free:
        return value
    if target.kind.kind == "number":
        return _NUMBER(value)
    if target.is_free and isinstance(value, float):
        return value
    return _INTEGER(value)


def _modifiers(value: Any, known: frozenset[str]) -> Mapping[str, Any] | None:
    """`{"$each": …}` and its companions, or `None` for a plain value."""
    if not isinstance(value, Mapping) or not any(str(key).startswith("$") for key in value):
        return None
    for name in value:
        if name not in known:
            raise refuse(WireCode.VALUE_NOT_ALLOWED, f" takes {' '.join(sorted(known))}, not {name}")
    if not isinstance(value.get("$each"), list | tuple):
        raise refuse(WireCode.UNEXPECTED_TYPE, " needs a list as $each")
    return value


def _elements(target: Target, values: Sequence[Any]) -> list[Any]:
    element = target.element()
    checked: list[Any] = []
    problems: list[Problem] = []
    for index, value in enumerate(values, 1):
        try:
            checked.append(element.check(value))
        except Refused as refused:
            problems += [problem.under(f"[{index}]") for problem in refused.problems]
    if problems:
        raise Refused(problems)
    return checked


_PUSH: Final = frozenset({"$each", "$position", "$slice", "$sort"})


def _push(_: type[Any], target: Target, value: Any) -> Any:
    element = target.element()
    modifiers = _modifiers(value, _PUSH)
    if modifiers is None:
        return element.check(value)
    checked = {**modifiers, "$each": _elements(target, modifiers["$each"])}
    for name in ("$position", "$slice"):
        if name in modifiers:
            _INTEGER(modifiers[name])
    sort = modifiers.get("$sort", 1)
    orders = sort.values() if isinstance(sort, Mapping) else [sort]
    if not orders or any(order not in (1, -1) for order in orders):
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " is sorted by 1, -1 or fields with 1 or -1")
    return checked


def _add_to_set(_: type[Any], target: Target, value: Any) -> Any:
    element = target.element()
    modifiers = _modifiers(value, frozenset({"$each"}))
    return element.check(value) if modifiers is None else {"$each": _elements(target, modifiers["$each"])}


def _pull(_: type[Any], target: Target, value: Any) -> Any:
    """An element, or a condition: operators, and fields of the elements, whose values may be conditions."""
    element = target.element()
    if is_object(value):
        value = dump_object(value)
    if not isinstance(value, Mapping):
        return element.check(value)
    if element.kind.params is not None:
        known = {field.wire for field in read_fields(element.kind.params)}
        for name in value:
            if not str(name).startswith("$") and str(name).partition(".")[0] not in known:
                raise Refused([Problem("AdditionalParamsNotAllowed", " is not declared", str(name), str(name))])
    return dict(value)


def _pull_all(_: type[Any], target: Target, value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise refuse_type(value, "array")
    return _elements(target, value)


def _pop(_: type[Any], target: Target, value: Any) -> Any:
    target.element()
    if value not in (1, -1) or isinstance(value, bool):
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " is popped by 1 (last) or -1 (first)")
    return value


def _rename(cls: type[Any], target: Target, value: Any) -> Any:
    if not isinstance(value, str):
        raise refuse_type(value, "string")
    if target.required:
        raise refuse(WireCode.MISSING_REQUIRED_PARAMETER, " is required and cannot be renamed")
    other = find_target(cls, value)
    if not other.is_free and other.kind != target.kind:
        raise refuse(WireCode.UNEXPECTED_TYPE, f" is {target.kind.name}, {value} is {other.kind.name}")
    return value


def _current_date(_: type[Any], target: Target, value: Any) -> Any:
    if target.kind.kind not in ("date", "any"):
        raise refuse(WireCode.UNEXPECTED_TYPE, f" is no date but {target.kind.name}")
    if value is True or value == {"$type": "date"} or (target.is_free and value == {"$type": "timestamp"}):
        return value
    raise refuse(WireCode.VALUE_NOT_ALLOWED, " is set to now by true or {'$type': 'date'}")


def _bit(_: type[Any], target: Target, value: Any) -> Any:
    if not target.is_number or target.kind.kind == "number":
        raise refuse(WireCode.UNEXPECTED_TYPE, f" is no whole number but {target.kind.name}")
    if not isinstance(value, Mapping) or not value or not {"and", "or", "xor"}.issuperset(value):
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " takes and, or, xor with a number")
    return {name: _INTEGER(bits) for name, bits in value.items()}


def _set_literal(_: type[Any], target: Target, value: Any) -> Any:
    if not isinstance(value, Mapping) or set(value) != {"$literal"}:
        raise refuse(WireCode.VALUE_NOT_ALLOWED, " must be {'$literal': value} in a pipeline")
    return {"$literal": target.check(value["$literal"])}


_OPERATORS: Final[Mapping[str, Operator]] = {
    "$set": _set, "$setOnInsert": _set, "$unset": _unset, "$inc": _add, "$mul": _add, "$min": _set,
    "$max": _set, "$push": _push, "$addToSet": _add_to_set, "$pull": _pull, "$pullAll": _pull_all,
    "$pop": _pop, "$rename": _rename, "$currentDate": _current_date, "$bit": _bit,
}  # fmt: skip
_STAGES: Final[Mapping[str, Operator]] = {"$set": _set_literal, "$unset": _unset}
