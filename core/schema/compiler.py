"""Fields and classes to checks: everything about them is decided here, once, when a route is linked.

In: a `Params` or `Model` class and a mode. Out: a generated function raw value → checked value, which raises `Refused`
with every problem at once. Values as they mostly come are taken by a condition in its text, the rest goes to
`check_field`. Before: `fields.py`, `value.py`, `generate.py`. Next: `params.py` (sections), `model.py` (documents).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from enum import Enum
from functools import partial
from threading import RLock
from typing import Any, Final

from core.errors import BadDeclaration
from core.schema.fields import MISSING, Field, FieldType, WireName, own_cache, read_fields
from core.schema.generate import Code, inline_check
from core.schema.record import Kept, Record
from core.schema.refused import Problem, Refused, refuse_missing, refuse_type, refuse_unknown
from core.schema.rules import Rule
from core.schema.value import Mode, check_value

#: of one list: a body of ten thousand wrong elements needs no ten thousand answers
_MOST_PROBLEMS: Final = 100
Check = Callable[[Any], Any]
_compiling: Final = RLock()
_under_way: Final[dict[Any, Check]] = {}
_CONFUSED: Final = (ValueError, TypeError, KeyError, AttributeError)  # an author's function by a raw value


def compile_object(cls: type[Any], mode: Mode, wire_name: WireName | None = None) -> Check:
    """The check of a whole object: an instance in the modes of requests, a document in mode `model`."""
    cache: dict[Any, Check] = own_cache(cls, "__compiled__")
    key = (mode, wire_name)
    if key in cache:
        return cache[key]
    with _compiling:  # threads that need the same check wait for it
        if key not in cache and (cls, key) not in _under_way:
            # A class may contain itself: until it is compiled, its fields get a check that asks again.
            _under_way[cls, key] = lambda raw: compile_object(cls, mode, wire_name)(raw)  # noqa: PLW0108
            try:
                cache[key] = _compile_class(cls, read_fields(cls, wire_name=wire_name), mode)
            finally:
                del _under_way[cls, key]
        return cache[key] if key in cache else _under_way[cls, key]


def check_field(field: Field, mode: Mode, value: Any) -> Any:
    """A value that is present."""
    if value is None and field.nullable:
        return None
    if field.rule.extend is not None:
        try:
            cls = field.rule.extend(value)
        except _CONFUSED:
            raise refuse_type(value, field.type.name) from None
        value = compile_object(cls, mode)(value)
    else:
        value = check_type(field.type, field.rule, mode, value)
    if field.is_filled and (value is None or value == ""):
        raise refuse_missing()
    return value


def check_type(kind: FieldType, rule: Rule, mode: Mode, value: Any) -> Any:
    """A value of this type: an object, a list, or what `value.py` knows."""
    if kind.params is not None:
        return compile_object(kind.params, mode)(value)
    if kind.item is not None:
        return _check_list(kind.item, kind.item_rule or rule, mode, value)
    return check_value(kind, rule, mode, value)


def _check_list(item: FieldType, rule: Rule, mode: Mode, value: Any) -> list[Any]:
    """Element by element; of scalars the first wrong one is the error of the field, of objects all are reported."""
    if mode == "text" and not isinstance(value, list | Mapping):
        value = [value]
    if not isinstance(value, list) and not (mode == "model" and isinstance(value, tuple)):
        raise refuse_type(value, "array")
    checked: list[Any] = []
    problems: list[Problem] = []
    for index, raw in enumerate(value, 1):
        try:
            checked.append(check_type(item, rule, mode, raw))
        except Refused as refused:
            if item.kind not in ("object", "list"):
                raise Refused(refused.problems[0]._replace(name=f"[{index}]")) from None
            problems += refused.under(f"[{index}]").problems
            if len(problems) >= _MOST_PROBLEMS:
                break
    if problems:
        raise Refused(*problems)
    return checked


def _compile_class(cls: type[Any], fields: tuple[Field, ...], mode: Mode) -> Check:
    """Raw dict → instance or document: fields in order of declaration, a document without those that are absent."""
    code = Code("check(raw)")
    code.add("if type(raw) is not dict:", "    raw = read_object(raw)", read_object=_read_object)
    nested = frozenset(field.wire for field in fields if field.type.params is not None and mode != "model")
    if nested:
        code.add("if not known.issuperset(raw):", "    raw = expand(raw)", expand=partial(_expand, nested))
    hidden = frozenset(field.wire for field in fields if not field.rule.settable and mode != "model")
    virtuals = tuple(field for field in fields if field.rule.virtual is not None and field.wire not in hidden)
    if hidden or virtuals:
        code.add("raw, sent = prepare(raw)", prepare=partial(_prepare, hidden, virtuals))
    code.add("problems = []", MISSING=MISSING, Refused=Refused)
    names = [f"v{index}" for index in range(len(fields))]
    for field, value in zip(fields, names, strict=True):
        _write_field(code, field, value, check_default(cls, field, mode), mode)
    if mode == "model":
        code.add(f"made = {code.dict(zip([field.wire for field in fields], names, strict=True))}")
        for field, value in zip(fields, names, strict=True):
            if not field.is_demanded and field.default is None and not field.holds_null:
                code.add(f"if {value} is MISSING:", f"    del made[{code.name(field.wire)}]")
        code.add("if not known.issuperset(raw):", "    keep_unknown(raw, known, made, problems)")
    code.add("if problems:", "    raise Refused(*problems)")
    if mode != "model":
        code.add("made = new(cls)", *(f"made.{field.name} = {v}" for field, v in zip(fields, names, strict=True)))
        code.add("made._schema = fields", f"made._sent = {'sent' if hidden or virtuals else 'raw'}")
    known = frozenset(field.wire for field in fields)
    code.add("return made", known=known, keep_unknown=_keep_unknown, new=object.__new__, cls=cls, fields=fields)
    return code.compile(f"{mode} check of {cls.__module__}.{cls.__qualname__}")


def _write_field(code: Code, field: Field, value: str, default: Any, mode: Mode) -> None:
    """`v0 = raw.get('name', MISSING)`, the condition under which it is right, and what else becomes of it."""
    stored, nested = mode == "model", field.type.innermost.params
    check: Check = partial(check_field, field, mode)
    nested_check = None if nested is None or field.rule.extend else compile_object(nested, mode)  # it may be wrong
    if nested_check is not None and field.type.params is nested and (stored or field.rule.gettable):
        check = nested_check
    settle = code.name(partial(_settle, check, field.wire), "settle_")
    demanded = field.is_demanded and (stored or field.rule.settable)
    absent = code.name(default, "default") if field.make is None else f"{code.name(field.make, 'make')}()"
    code.add(f"{value} = raw.get({code.name(field.wire)}, MISSING)")
    if not stored and not field.rule.gettable:  # checked and dropped
        code.add(f"if {value} is not MISSING or {demanded}:", f"    {settle}({value}, problems)", f"{value} = {absent}")
        return
    branches = []
    if stored and field.make is not None and not demanded:  # what is made is checked, too
        code.add(f"if {value} is MISSING:", f"    {value} = {absent}")
    elif not demanded:
        given = not stored or default is not None or field.holds_null
        branches.append((f"{value} is MISSING", f"{value} = {absent}" if given else "pass"))
    if field.nullable:
        branches.append((f"{value} is None", "pass"))
    inline = None if field.rule.extend else inline_check(field.type, field.rule, mode, value, code, field.is_filled)
    if inline is not None:
        branches.append((inline[0], "pass" if inline[1] == value else f"{value} = {inline[1]}"))
    for word, (condition, action) in zip(["if", "elif", "elif"], branches, strict=False):
        code.add(f"{word} {condition}:", f"    {action}")
    code.add("else:" if branches else "if True:", f"    {value} = {settle}({value}, problems)")


def _settle(check: Check, wire: str, value: Any, problems: list[Problem]) -> Any:
    """Decide about a value that no condition took, and note what is wrong with it."""
    try:
        if value is MISSING:
            raise refuse_missing()
        return check(value)
    except Refused as refused:
        problems += refused.under(wire).problems
        return None


def _keep_unknown(raw: Mapping[str, Any], known: frozenset[str], made: dict[str, Any], problems: list[Problem]) -> None:
    kept = raw.unknown if isinstance(raw, Kept) else {}
    made |= kept
    unknown = raw.keys() - known - kept.keys()
    problems += [problem for name in raw if name in unknown for problem in refuse_unknown(str(name)).problems]


def _read_object(raw: Any) -> dict[str, Any]:
    if isinstance(raw, Record):
        return raw.__dump__()
    if isinstance(raw, Mapping):
        return raw if isinstance(raw, Kept) else dict(raw)
    raise refuse_type(raw, "object")


def check_default(cls: type[Any], field: Field, mode: Mode) -> Any:
    """A constant default as its own rules give it; one that breaks them is a `BadDeclaration`."""
    default = field.constant
    if default is None or default == "" or field.rule.extend:
        return default
    try:
        checked = check_type(field.type, field.rule, "model", default)
    except Refused as refused:
        problem = refused.problems[0]
        message = f"the default {default!r} of {cls.__name__}.{field.name} breaks its own rules: "
        raise BadDeclaration(field.source, message + field.wire + problem.name + problem.tail) from None
    return default if isinstance(default, Enum) and mode != "model" else checked


def _expand(nested: frozenset[str], raw: dict[str, Any]) -> dict[str, Any]:
    """`{"sub.name": 1}` as `{"sub": {"name": 1}}`, as in mia.js; not into free-form objects: operators could hide."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in raw.items():
        head, _, rest = name.partition(".")
        if rest and head in nested and rest.count(".") < 5 and isinstance(raw.get(head, {}), dict):
            found.setdefault(head, {})[rest] = value
    return raw | {head: inner | raw.get(head, {}) for head, inner in found.items()}


def _prepare(hidden: frozenset[str], virtuals: tuple[Field, ...], raw: dict[str, Any]) -> tuple[Any, Any]:
    """In front of the check: drops what nobody may set, lets virtual fields give values; and what was sent of it."""
    if any(field.wire in raw or field.constant is not None for field in virtuals) or not hidden.isdisjoint(raw):
        raw = copy(raw)
    for name in hidden:
        raw.pop(name, None)
    absent = [field for field in virtuals if field.wire not in raw and field.constant is not None]
    for field in virtuals:
        if field.wire in raw:
            _run_virtual(field, raw)
    sent = copy(raw) if absent else raw
    for field in absent:
        _run_virtual(field, raw)
    return raw, sent


def _run_virtual(field: Field, raw: dict[str, Any]) -> None:
    """Put what a virtual field gives into the raw values, unless the caller gave them."""
    value = raw.setdefault(field.wire, field.constant)
    try:
        made: Any = field.rule.virtual(value)  # type: ignore[misc]  # there is one
    except _CONFUSED:
        raise refuse_type(value, field.type.name).under(field.wire) from None
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
