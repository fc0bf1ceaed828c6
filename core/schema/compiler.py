"""Fields and classes to closures: everything about them is decided here, once, when a route is linked.

In: a `Params` or `Model` class and a mode. Out: a function raw value → checked value, which raises `Refused`
with every problem at once. Per request only the closures run. Before: `fields.py`, `coerce.py`, `limits.py`.
Next: `params.py` (sections), `model.py` (documents).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from core.errors import BadDeclaration
from core.schema.choice import compile_choice
from core.schema.coerce import Check, Mode, coerce_for
from core.schema.fields import MISSING, Field, FieldType, own_cache, read_fields
from core.schema.limits import Limit, compile_convert, compile_limits
from core.schema.plain import dump_object, is_object
from core.schema.prepare import compile_prepare
from core.schema.refused import Problem, Refused, refuse_missing, refuse_type
from core.schema.rules import Factory, Rule

_NEW = object.__new__
#: of one list: a body of ten thousand wrong elements needs no ten thousand answers
_MOST_PROBLEMS: Final = 100
Plan = tuple[tuple[str, str, Check, Callable[[], Any] | None], ...]


def compile_object(cls: type[Any], mode: Mode, wire_name: Callable[[str], str] | None = None) -> Check:
    """The check of a whole object: an instance in the modes of requests, a document in mode `model`.

    Raises:
        BadDeclaration: a field contradicts itself.
    """
    cache = own_cache(cls, "__compiled__")
    key = (mode, wire_name)
    if key not in cache:
        cache[key] = _forward(cache, key)
        try:
            fields = read_fields(cls, wire_name=wire_name)
            build = _compile_document if mode == "model" else _compile_instance
            cache[key] = compile_prepare(build(cls, fields, mode), fields, public=mode != "model")
        except BaseException:
            del cache[key]
            raise
    check: Check = cache[key]
    return check


def _forward(cache: dict[Any, Any], key: Any) -> Check:
    """Stands in for a check while it is compiled: the class may contain itself."""

    def check(raw: Any) -> Any:
        return cache[key](raw)

    return check


def compile_field(field: Field, mode: Mode) -> Check:
    """The check of one value that is present.

    Raises:
        BadDeclaration: the pattern is no pattern.
    """
    try:
        check = _compile_extend(field, mode) if field.rule.extend else compile_type(field.type, field.rule, mode)
    except ValueError as error:
        raise BadDeclaration(field.source, f"{field.name}: '{field.rule.match}' is no pattern: {error}") from None
    if field.required and field.type.kind in ("text", "format", "any"):
        check = _refuse_empty(check)
    return _accept_null(check) if field.nullable else check


def compile_type(kind: FieldType, rule: Rule, mode: Mode) -> Check:
    """The check of a value of this type: type, limits, conversions.

    Raises:
        ValueError: the pattern is no pattern.
    """
    if kind.kind == "list":
        assert kind.item is not None
        return _compile_list(compile_type(kind.item, kind.item_rule or rule, mode), mode, kind.item.kind)
    if kind.kind == "object":
        assert kind.params is not None
        return _compile_nested(kind.params, mode)
    limits = tuple(_guard(name, limit, kind) for name, limit in compile_limits(rule).items() if _applies(name, kind))
    convert = compile_convert(rule)
    if kind.kind == "choice":
        return compile_choice(kind, mode, limits, convert)
    return _chain(coerce_for(kind, mode), limits, _convert_text(convert) if kind.kind == "any" else convert)


def _applies(name: str, kind: FieldType) -> bool:
    """Mia applies limits to text and numbers only; never to flags, dates and ids."""
    if kind.kind in ("boolean", "date", "map", "upload") or kind.name == "objectid":
        return name == "match" and kind.kind == "boolean"
    is_number = kind.kind in ("integer", "number") or (kind.format is not None and kind.format.json_type == "integer")
    return name != "length" if is_number else True


def _guard(name: str, limit: Limit, kind: FieldType) -> Limit:
    """Where any value is possible, a limit meets only values that it is about."""
    if kind.kind not in ("any", "choice"):
        return limit
    about: Any = str if name == "length" else (int, float) if name == "range" else (str, int, float)

    def check(value: Any) -> None:
        if isinstance(value, about) and not isinstance(value, bool):
            limit(value)

    return check


def _convert_text(convert: Callable[[str], str] | None) -> Callable[[Any], Any] | None:
    return None if convert is None else lambda value: convert(value) if isinstance(value, str) else value


def _chain(coerce: Check, limits: tuple[Limit, ...], convert: Callable[[Any], Any] | None) -> Check:
    """Type, limits, conversion as one function without loops over what is not there."""
    if not limits and convert is None:
        return coerce
    if len(limits) == 1 and convert is None:
        limit = limits[0]

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


def _accept_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _compile_list(item: Check, mode: Mode, kind: str) -> Check:
    gathers = kind in ("object", "list")

    def check(value: Any) -> list[Any]:
        if type(value) is not list:
            value = _as_list(value, mode)
        checked: list[Any] = []
        problems: list[Problem] = []
        add = checked.append
        for raw in value:
            try:
                add(item(raw))
            except Refused as refused:
                index = f"[{len(checked) + 1}]"
                add(None)
                if not gathers:  # one error per field: its first wrong element
                    first = refused.problems[0]
                    raise Refused([Problem(first.code, first.tail, "", index)]) from None
                problems += [problem.under(index) for problem in refused.problems]
                if len(problems) >= _MOST_PROBLEMS:
                    break
        if problems:
            raise Refused(problems)
        return checked

    return check


def _as_list(value: Any, mode: Mode) -> list[Any]:
    if isinstance(value, list) or (mode == "model" and isinstance(value, tuple)):
        return list(value)
    if mode == "text" and not isinstance(value, Mapping):
        return [value]
    raise refuse_type(value, "array")


def _compile_nested(cls: type[Any], mode: Mode) -> Check:
    check_raw = compile_object(cls, mode)
    if mode == "model":
        return check_raw

    def check(value: Any) -> Any:
        return check_raw(dump_object(value) if isinstance(value, cls) else value)

    return check


def _compile_extend(field: Field, mode: Mode) -> Check:
    """The class is chosen per value; each class is compiled once."""
    extend = field.rule.extend
    assert extend is not None

    def check(value: Any) -> Any:
        try:
            cls = extend(value)
        except (ValueError, TypeError, KeyError):
            raise refuse_type(value, field.type.name) from None
        return compile_object(cls, mode)(value)

    return check


def _drop(check: Check, fallback: Callable[[], Any]) -> Check:
    """Validated, but never handed on: `public` without `get`."""

    def check_and_drop(value: Any) -> Any:
        check(value)
        return fallback()

    return check_and_drop


def _checked_default(cls: type[Any], field: Field, mode: Mode) -> Any:
    """A constant default as the check of its field gives it.

    Raises:
        BadDeclaration: it breaks the rules it stands beside.
    """
    default = field.make_default()
    if default is None or default == "":
        return default
    bare = replace(field, required=False, rule=replace(field.rule, extend=None))
    try:
        compile_field(bare, "model")(default)
        return compile_field(bare, mode)(default)
    except Refused as refused:
        problem = refused.problems[0]
        message = f"the default {default!r} of {cls.__name__}.{field.name} breaks its own rules: "
        raise BadDeclaration(field.source, message + field.wire + problem.name + problem.tail) from None


def _constants(cls: type[Any], fields: tuple[Field, ...], mode: Mode) -> dict[str, Any]:
    return {
        field.name: None if isinstance(field.default, Factory) else _checked_default(cls, field, mode)
        for field in fields
    }


def _compile_instance(cls: type[Any], fields: tuple[Field, ...], mode: Mode) -> Check:
    """Raw dict → instance. Constant defaults are copied in one go; only the rest is visited."""
    constants = _constants(cls, fields, "json")
    plan = _plan_instance(fields, mode)

    def check(raw: Any) -> Any:
        if type(raw) is not dict:
            if not isinstance(raw, Mapping):
                raise refuse_type(raw, "object")
            raw = dict(raw)
        values = constants.copy()
        problems: list[Problem] | None = None
        for wire, name, check_value, make in plan:
            try:
                if wire in raw:
                    values[name] = check_value(raw[wire])
                elif make is not None:
                    values[name] = make()
            except Refused as refused:
                problems = problems or []
                problems += [problem.under(wire) for problem in refused.problems]
        if problems is not None:
            raise Refused(problems)
        instance = _NEW(cls)
        instance.__dict__ = values
        instance._schema = fields  # noqa: SLF001  made here
        instance._sent = raw  # noqa: SLF001
        return instance

    return check


def _plan_instance(fields: tuple[Field, ...], mode: Mode) -> Plan:
    plan: list[tuple[str, str, Check, Callable[[], Any] | None]] = []
    for field in fields:
        check = compile_field(field, mode)
        if not field.rule.gettable:
            check = _drop(check, field.make_default)
        make: Callable[[], Any] | None = field.default.make if isinstance(field.default, Factory) else None
        if field.required and field.rule.settable and field.default in (MISSING, None, ""):
            make = _raise_missing
        plan.append((field.wire, field.name, check, make))
    return tuple(plan)


def _raise_missing() -> Any:
    raise refuse_missing()


def _compile_document(cls: type[Any], fields: tuple[Field, ...], mode: Mode) -> Check:
    """Document (or instance) → document. Unknown fields are refused, unless they were stored before."""
    constants = _constants(cls, fields, mode)
    defaults = {
        field.wire: constants[field.name]
        for field in fields
        if field.default is not MISSING
        and not isinstance(field.default, Factory)
        and (constants[field.name] is not None or field.nullable or field.type.kind == "any")
    }
    plan = _plan_document(fields, mode)

    def check(raw: Any) -> dict[str, Any]:
        if type(raw) is not dict:
            if is_object(raw):
                raw = dump_object(raw)
            elif not isinstance(raw, Mapping):
                raise refuse_type(raw, "object")
        values = defaults.copy()
        problems: list[Problem] = []
        found = 0
        for wire, _, check_value, make in plan:
            try:
                if wire in raw:
                    found += 1
                    values[wire] = check_value(raw[wire])
                elif make is not None:
                    values[wire] = make()
            except Refused as refused:
                problems += [problem.under(wire) for problem in refused.problems]
        if found < len(raw):
            _sort_unknown(raw, known, values, problems)
        if problems:
            raise Refused(problems)
        return values

    known = frozenset(field.wire for field in fields)
    return check


def _sort_unknown(
    raw: Mapping[str, Any], known: frozenset[str], values: dict[str, Any], problems: list[Problem]
) -> None:
    kept: frozenset[str] = getattr(raw, "unknown", frozenset())
    for name, value in raw.items():
        if name in kept:
            values[name] = value
        elif name not in known:
            problems.append(unknown_field(str(name)))


def unknown_field(name: str) -> Problem:
    """A name that the class does not declare."""
    return Problem("AdditionalParamsNotAllowed", " is not declared", name, name)


def _plan_document(fields: tuple[Field, ...], mode: Mode) -> Plan:
    plan: list[tuple[str, str, Check, Callable[[], Any] | None]] = []
    for field in fields:
        check = compile_field(field, mode)
        make: Callable[[], Any] | None = None
        if isinstance(field.default, Factory):
            make = _checked_factory(check, field.default.make)
        elif field.required and field.default in (MISSING, None, ""):
            make = _raise_missing
        plan.append((field.wire, field.name, check, make))
    return tuple(plan)


def _checked_factory(check: Check, make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: check(make())
