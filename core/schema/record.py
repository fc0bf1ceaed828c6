"""Objects with fields, and the way between them and plain values: what is stored and sent, and what comes back.

In: the fields of a class. Out: object → dict under wire names and back; nothing is checked here. `Record` is the
base of `Params` and `Model`. Before: `fields.py`. Next: `compiler.py`, `params.py`, `model.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, TypeVar, cast

from core.schema.fields import MISSING, Field, FieldType, own_cache, read_fields
from core.source import Source, caller_source

Convert = Callable[[Any], Any]
R = TypeVar("R", bound="Record")


class Record:
    """An object of annotated fields.

    The constructor is for code: it takes every field by keyword, applies defaults and checks nothing. `_sent` is
    the raw values that it was made of, `_unknown` what was stored and its class does not declare.
    """

    __slots__ = ("__dict__", "__weakref__", "_schema", "_sent", "_unknown")
    __reserved__: ClassVar[frozenset[str]] = frozenset({"source"})
    source: ClassVar[Source]
    _schema: tuple[Field, ...]
    _sent: Mapping[str, Any]
    _unknown: Mapping[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.source = caller_source()

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        fields = read_fields(cls)
        unknown = values.keys() - {field.name for field in fields}
        if unknown:
            raise TypeError(f"{cls.__name__} has no field '{unknown.pop()}'")
        missing = [field.name for field in fields if field.name not in values and field.default is MISSING]
        if missing:
            raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
        sent = {field.wire: None for field in fields if field.name in values}
        made = {field.name: field.make_default() for field in fields if field.name not in values}
        make_record(cls, {field.name: None for field in fields} | made | values, fields, sent, self)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # values may change

    def __repr__(self) -> str:
        shown = [f"{field.name}={self.__dict__.get(field.name)!r}" for field in self._schema if field.rule.gettable]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __wire__(self) -> dict[str, Any]:
        """The values under their wire names, without those that must not leave the server."""
        values = self.__dict__
        return {
            wire: values[name] if values[name] is None or dump is None else dump(values[name])
            for wire, name, _, dump in _dump_plan(type(self), "public")
        }


def make_record(
    cls: type[Any], values: dict[str, Any], fields: tuple[Field, ...], sent: Mapping[str, Any], instance: Any = None
) -> Any:
    """An instance with these values, which it keeps."""
    instance = instance or object.__new__(cls)
    instance.__dict__ = values
    instance._schema = fields  # noqa: SLF001  its own class
    instance._sent = sent  # noqa: SLF001
    return instance


class Kept(dict[str, Any]):
    """A document with fields that its class does not know."""

    unknown: Mapping[str, Any] = {}


def is_object(value: Any) -> bool:
    """Whether a value is an instance of `Params` or `Model`."""
    return isinstance(value, Record)


def dump_object(instance: Any) -> dict[str, Any]:
    """An instance as stored: wire names, enum values, dicts for nested objects, unknown fields kept.

    A field that is `None` although null is no value for it is left out: it was absent.
    """
    values = instance.__dict__
    plain = Kept()
    for wire, name, nullable, dump in _dump_plan(type(instance), "stored"):
        value = values[name]
        if value is not None or nullable:
            plain[wire] = value if value is None or dump is None else dump(value)
    plain.unknown = getattr(instance, "_unknown", plain.unknown)
    plain.update(plain.unknown)
    return plain


def _dump_plan(cls: type[Any], use: str) -> tuple[tuple[str, str, bool, Convert | None], ...]:
    cache = own_cache(cls, "__compiled__")
    if use not in cache:
        nested = dump_object if use == "stored" else Record.__wire__
        cache[use] = tuple(
            (field.wire, field.name, field.nullable or field.type.kind == "any", _dumper(field.type, nested))
            for field in read_fields(cls)
            if field.rule.gettable or use == "stored"
        )
    plan: tuple[tuple[str, str, bool, Convert | None], ...] = cache[use]
    return plan


def _dumper(kind: FieldType, nested: Convert) -> Convert | None:
    """What makes a value of this type plain; `None` where it is plain already."""
    if kind.enum is not None:
        return lambda value: value.value if isinstance(value, Enum) else value
    if kind.kind in ("object", "map", "any"):
        return lambda value: nested(value) if is_object(value) else value
    return _each(_dumper(kind.item, nested)) if kind.item is not None else None


def _each(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value: [convert(item) for item in value] if isinstance(value, list) else value


def load_record(cls: type[R], document: Mapping[str, Any]) -> R:
    """A plain document as instance: never checks, gives defaults, keeps what is not declared."""
    cache = own_cache(cls, "__compiled__")
    if "load" not in cache:
        fields = read_fields(cls)
        constants = {field.name: field.constant for field in fields}
        plan = tuple((field.wire, field.name, _loader(field.type), field.make) for field in fields)
        cache["load"] = fields, constants, plan, frozenset(field.wire for field in fields)
    fields, constants, plan, known = cache["load"]
    values = constants.copy()
    for wire, name, convert, make in plan:
        if wire in document:
            value = document[wire]
            values[name] = value if convert is None or value is None else convert(value)
        elif make is not None:
            values[name] = make()
    instance = make_record(cls, values, fields, document)
    if not known.issuperset(document):
        instance._unknown = {name: value for name, value in document.items() if name not in known}  # noqa: SLF001
    return cast("R", instance)


def _loader(kind: FieldType) -> Convert | None:
    if kind.enum is not None:
        members = {member.value: member for member in kind.enum}
        return lambda value: members.get(value, value) if isinstance(value, str | int | float) else value
    cls = kind.params
    if cls is not None:
        return lambda value: load_record(cls, value) if isinstance(value, Mapping) else value
    return _each(_loader(kind.item)) if kind.item is not None else None
