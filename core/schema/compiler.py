"""Fields and classes to closures: everything about them is decided here, once, when a route is linked.

In: a `Params` or `Model` class and a mode. Out: a function raw value → checked value, which raises `Refused`
with every problem at once. Per request only the closures run. Before: `fields.py`, `coerce.py`, `limits.py`.
Next: `params.py` (sections), `model.py` (documents).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from enum import Enum
from typing import Any, Final

from core.errors import BadDeclaration
from core.schema.coerce import Check, Mode, coerce_for
from core.schema.fields import Field, FieldType, own_cache, read_fields
from core.schema.limits import compile_convert, compile_limits
from core.schema.record import Kept, dump_object, is_object
from core.schema.refused import Problem, Refused, refuse_missing, refuse_type, refuse_unknown
from core.schema.rules import Rule

#: of one list: a body of ten thousand wrong elements needs no ten thousand answers
_MOST_PROBLEMS: Final = 100
_NEW: Final = object.__new__
_CONFUSED: Final = (ValueError, TypeError, KeyError, AttributeError)  # an author's function by a raw value


def compile_object(cls: type[Any], mode: Mode, wire_name: Callable[[str], str] | None = None) -> Check:
    """The check of a whole object: an instance in the modes of requests, a document in mode `model`."""
    cache = own_cache(cls, "__compiled__")
    key = (mode, wire_name)
    if key not in cache:
        cache[key] = lambda raw: cache[key](raw)  # noqa: PLW0108  until it is compiled: the class may contain itself
        try:
            fields = read_fields(cls, wire_name=wire_name)
            cache[key] = _prepare(_compile_class(cls, fields, mode), fields, mode)
        except BaseException:
            del cache[key]
            raise
    check: Check = cache[key]
    return check


def compile_field(field: Field, mode: Mode) -> Check:
    """The check of one value that is present; a rule that does not compile is a `BadDeclaration`."""
    try:
        check = _compile_extend(field, mode) if field.rule.extend else compile_type(field.type, field.rule, mode)
    except ValueError as error:
        raise BadDeclaration(field.source, f"{field.name}: {error}") from None
    if field.required and field.type.kind in ("text", "format", "any"):
        check = _refuse_empty(check)
    return (lambda value: None if value is None else check(value)) if field.nullable else check


def compile_type(kind: FieldType, rule: Rule, mode: Mode) -> Check:
    """The check of a value of this type: type, limits, conversions; `ValueError` for a rule that does not compile."""
    if kind.item is not None:
        gathers = kind.item.kind in ("object", "list")
        return _compile_list(compile_type(kind.item, kind.item_rule or rule, mode), mode, gathers=gathers)
    if kind.params is not None:
        return compile_object(kind.params, mode)
    coerce, limits, convert = coerce_for(kind, mode), compile_limits(rule), compile_convert(rule)
    if not limits and convert is None:
        return coerce
    if len(limits) == 1 and convert is None:
        (limit,) = limits

        def check_one(value: Any) -> Any:
            value = coerce(value)
            limit(value)
            return value

        return check_one

    def check(value: Any) -> Any:
        value = coerce(value)
        for limit in limits:
            limit(value)
        return value if convert is None else convert(value)

    return check


def _refuse_empty(check: Check) -> Check:
    def check_present(value: Any) -> Any:
        value = check(value)
        if value == "" or value is None:
            raise refuse_missing()
        return value

    return check_present


def _compile_list(item: Check, mode: Mode, *, gathers: bool) -> Check:
    """Element by element; of scalars the first wrong one is the error of the field, of objects all are reported."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            value = _as_list(value, mode)
        checked: list[Any] = []
        problems: list[Problem] = []
        for index, raw in enumerate(value, 1):
            try:
                checked.append(item(raw))
            except Refused as refused:
                if not gathers:
                    raise Refused(refused.problems[0]._replace(name=f"[{index}]")) from None
                problems += [problem.under(f"[{index}]") for problem in refused.problems]
                if len(problems) >= _MOST_PROBLEMS:
                    break
        if problems:
            raise Refused(*problems)
        return checked

    return check


def _as_list(value: Any, mode: Mode) -> list[Any] | tuple[Any, ...]:
    if mode == "model" and isinstance(value, tuple):
        return value
    if mode == "text" and not isinstance(value, Mapping):
        return [value]
    raise refuse_type(value, "array")


def _compile_extend(field: Field, mode: Mode) -> Check:
    """The class is chosen per value; each class is compiled once."""
    extend = field.rule.extend
    assert extend is not None

    def check(value: Any) -> Any:
        try:
            cls = extend(value)
        except _CONFUSED:
            raise refuse_type(value, field.type.name) from None
        return compile_object(cls, mode)(value)

    return check


def _compile_class(cls: type[Any], fields: tuple[Field, ...], mode: Mode) -> Check:
    """Raw dict → instance or document. Constant defaults are copied in one go; only the rest is visited."""
    stored = mode == "model"
    known = frozenset(field.wire for field in fields)
    plan = tuple(_plan_field(field, mode) for field in fields)
    constants = {
        field.wire if stored else field.name: _check_default(cls, field, mode)
        for field in fields
        if not stored or field.constant is not None or (field.default is None and _holds_null(field))
    }

    def check(raw: Any) -> Any:
        if type(raw) is not dict:
            raw = _read_object(raw)
        values = constants.copy()
        problems: list[Problem] = []
        for wire, name, check_value, make in plan:
            try:
                if wire in raw:
                    values[name] = check_value(raw[wire])
                elif make is not None:
                    values[name] = make()
            except Refused as refused:
                problems += [problem.under(wire) for problem in refused.problems]
        if stored and not known.issuperset(raw):
            kept = raw.unknown if isinstance(raw, Kept) else {}
            values |= kept
            unknown = raw.keys() - known - kept.keys()
            problems += [problem for name in raw if name in unknown for problem in refuse_unknown(str(name)).problems]
        if problems:
            raise Refused(*problems)
        if stored:
            return values
        instance = _NEW(cls)
        instance.__dict__ = values
        instance._schema = fields  # noqa: SLF001  made here; no call, this is the hot path
        instance._sent = raw  # noqa: SLF001
        return instance

    return check


def _holds_null(field: Field) -> bool:
    return field.nullable or field.type.kind == "any"


def _read_object(raw: Any) -> dict[str, Any]:
    if is_object(raw):
        return dump_object(raw)
    if isinstance(raw, Mapping):
        return raw if isinstance(raw, Kept) else dict(raw)
    raise refuse_type(raw, "object")


def _plan_field(field: Field, mode: Mode) -> tuple[str, str, Check, Callable[[], Any] | None]:
    """Wire name, name of the result, check, what to do in absence."""
    check, make = compile_field(field, mode), field.make
    if mode == "model":
        return field.wire, field.wire, check, _raise_missing if field.is_demanded else make and (lambda: check(make()))
    given = check if field.rule.gettable else lambda value: (check(value), field.make_default())[1]  # checked, dropped
    return field.wire, field.name, given, _raise_missing if field.is_demanded and field.rule.settable else make


def _raise_missing() -> Any:
    raise refuse_missing()


def _check_default(cls: type[Any], field: Field, mode: Mode) -> Any:
    """A constant default as its own rules give it; one that breaks them is a `BadDeclaration`."""
    default = field.constant
    if default is None or default == "":
        return default
    try:
        checked = compile_type(field.type, field.rule, "model")(default) if not field.rule.extend else default
    except Refused as refused:
        problem = refused.problems[0]
        message = f"the default {default!r} of {cls.__name__}.{field.name} breaks its own rules: "
        raise BadDeclaration(field.source, message + field.wire + problem.name + problem.tail) from None
    return default if isinstance(default, Enum) and mode != "model" else checked


def _prepare(check: Check, fields: tuple[Field, ...], mode: Mode) -> Check:
    """In front of the check: what nobody may set is dropped, and virtual fields give values to others."""
    hidden = frozenset(field.wire for field in fields if not field.rule.settable and mode != "model")
    virtuals = tuple(field for field in fields if field.rule.virtual is not None and field.wire not in hidden)
    if not hidden and not virtuals:
        return check

    def check_prepared(raw: Any) -> Any:
        raw = copy(_read_object(raw))
        for name in hidden:
            raw.pop(name, None)
        for field in virtuals:
            if field.wire in raw or field.constant is not None:
                _run_virtual(field, raw)
        return check(raw)

    return check_prepared


def _run_virtual(field: Field, raw: dict[str, Any]) -> None:
    """Put what a virtual field gives into the raw values, unless the caller gave them."""
    value = raw.setdefault(field.wire, field.constant)
    try:
        made: Any = field.rule.virtual(value)  # type: ignore[misc]  # there is one
    except _CONFUSED:
        refused = refuse_type(value, field.type.name)
        raise Refused(*(problem.under(field.wire) for problem in refused.problems)) from None
    for path, given in made.items() if isinstance(made, Mapping) else ():
        if path == "this":
            raw[field.wire] = given
        else:
            _put(raw, path, given)


def _put(raw: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted name that is absent; objects on the way are copied, they are the caller's."""
    name, _, rest = path.partition(".")
    inner = raw.get(name, {})
    if not rest:
        raw.setdefault(name, value)
    elif isinstance(inner, Mapping):
        raw[name] = dict(inner)
        _put(raw[name], rest, value)
