"""Between objects and plain values: what is stored and sent, and what comes back.

In: the fields of a class. Out: functions object → dict under wire names and back, compiled once per class.
Nothing is checked here. `Kept` marks a document that holds fields its class does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from core.schema.fields import Field, FieldType, own_cache, read_fields
from core.schema.rules import Factory

Convert = Callable[[Any], Any]
_NEW = object.__new__


class Kept(dict[str, Any]):
    """A document with fields that its class does not know; `unknown` names them."""

    __slots__ = ("unknown",)

    def __init__(self, known: Mapping[str, Any], unknown: Mapping[str, Any]) -> None:
        super().__init__(known)
        self.unknown = frozenset(unknown)
        self.update(unknown)


def is_object(value: Any) -> bool:
    """Whether a value is an instance of `Params` or `Model`."""
    return hasattr(type(value), "_schema")


def dump_object(instance: Any) -> dict[str, Any]:
    """An instance as stored: wire names, enum values, dicts for nested objects, unknown fields kept.

    A field that is `None` although null is no value for it is left out: it was absent.
    """
    values = instance.__dict__
    plain: dict[str, Any] = {}
    for wire, name, nullable, dump in _dump_plan(type(instance)):
        value = values[name]
        if value is None:
            if nullable:
                plain[wire] = None
        else:
            plain[wire] = value if dump is None else dump(value)
    unknown = getattr(instance, "_unknown", None)
    return Kept(plain, unknown) if unknown else plain


def dump_public(instance: Any) -> dict[str, Any]:
    """An instance as sent to clients: like `dump_object`, without what must not leave the server."""
    values = instance.__dict__
    public: dict[str, Any] = {}
    for wire, name, dump in _public_plan(type(instance)):
        value = values[name]
        public[wire] = value if value is None or dump is None else dump(value)
    return public


def _dump_plan(cls: type[Any]) -> tuple[tuple[str, str, bool, Convert | None], ...]:
    cache = own_cache(cls, "__compiled__")
    if "dump" not in cache:
        cache["dump"] = tuple(
            (field.wire, field.name, field.nullable or field.type.kind == "any", _dumper(field.type, dump_object))
            for field in read_fields(cls)
        )
    plan: tuple[tuple[str, str, bool, Convert | None], ...] = cache["dump"]
    return plan


def _public_plan(cls: type[Any]) -> tuple[tuple[str, str, Convert | None], ...]:
    cache = own_cache(cls, "__compiled__")
    if "public" not in cache:
        cache["public"] = tuple(
            (field.wire, field.name, _dumper(field.type, dump_public))
            for field in read_fields(cls)
            if field.rule.gettable
        )
    plan: tuple[tuple[str, str, Convert | None], ...] = cache["public"]
    return plan


def _dumper(kind: FieldType, nested: Convert) -> Convert | None:
    """What makes a value of this type plain; `None` where it is plain already."""
    if kind.enum is not None:
        return lambda value: value.value if isinstance(value, Enum) else value
    if kind.kind in ("object", "map", "any"):
        return lambda value: nested(value) if is_object(value) else value
    if kind.kind == "list" and kind.item is not None:
        inner = _dumper(kind.item, nested)
        if inner is not None:
            return lambda value: [inner(item) for item in value] if isinstance(value, list) else value
    return None


def compile_load(cls: type[Any]) -> Convert:
    """A function plain document → instance: never checks, gives defaults, keeps what is not declared."""
    cache = own_cache(cls, "__compiled__")
    if "load" not in cache:

        def forward(document: Mapping[str, Any]) -> Any:
            """Stands in while the class is compiled: it may contain itself."""
            return cache["load"](document)

        cache["load"] = forward
        cache["load"] = _compile_load(cls, read_fields(cls))
    load: Convert = cache["load"]
    return load


def _compile_load(cls: type[Any], fields: tuple[Field, ...]) -> Convert:
    constants = {field.name: None if isinstance(field.default, Factory) else field.make_default() for field in fields}
    plan = tuple(
        (
            field.wire,
            field.name,
            _loader(field.type),
            field.default.make if isinstance(field.default, Factory) else None,
        )
        for field in fields
    )
    known = frozenset(field.wire for field in fields)

    def load(document: Mapping[str, Any]) -> Any:
        values = constants.copy()
        found = 0
        for wire, name, convert, make in plan:
            if wire in document:
                found += 1
                value = document[wire]
                values[name] = value if convert is None or value is None else convert(value)
            elif make is not None:
                values[name] = make()
        instance = _NEW(cls)
        instance.__dict__ = values
        instance._schema = fields  # noqa: SLF001  made here
        instance._sent = document  # noqa: SLF001
        if found < len(document):
            instance._unknown = {name: value for name, value in document.items() if name not in known}  # noqa: SLF001
        return instance

    return load


def _loader(kind: FieldType) -> Convert | None:
    if kind.enum is not None:
        members = {member.value: member for member in kind.enum}
        return lambda value: members.get(value, value) if isinstance(value, str | int | float) else value
    if kind.kind == "object":
        assert kind.params is not None
        load = compile_load(kind.params)
        return lambda value: load(value) if isinstance(value, Mapping) else value
    if kind.kind == "list" and kind.item is not None:
        inner = _loader(kind.item)
        if inner is not None:
            return lambda value: [inner(item) for item in value] if isinstance(value, list) else value
    return None
