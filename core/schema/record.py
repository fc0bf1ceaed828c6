"""Objects with fields, and the way between them and plain values: what is stored and sent, and what comes back.

In: the fields of a class. Out: object → dict under wire names and back, by functions that are generated when a class
needs them first; nothing is checked here. `Record` is the base of `Params` and `Model`. Before: `fields.py`,
`generate.py`. Next: `compiler.py`, `params.py`, `model.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Self

from core.schema.fields import MISSING, Field, FieldType, read_fields
from core.schema.generate import Code
from core.source import Source, caller_source


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
        for name in ("__wire__", "__dump__", "__load__"):  # what is generated for a base, now or later, is not ours
            setattr(cls, name, vars(Record)[name])

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        self._schema = fields = read_fields(cls)
        unknown = values.keys() - {field.name for field in fields}
        if unknown:
            raise TypeError(f"{cls.__name__} has no field '{unknown.pop()}'")
        missing = [field.name for field in fields if field.name not in values and field.default is MISSING]
        if missing:
            raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
        self._sent = {field.wire: None for field in fields if field.name in values}
        for field in fields:
            self.__dict__[field.name] = values[field.name] if field.name in values else field.make_default()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # values may change

    def __copy__(self) -> Self:
        made = object.__new__(type(self))
        made.__dict__ = self.__dict__.copy()
        made._schema, made._sent, made._unknown = self._schema, self._sent, getattr(self, "_unknown", None) or {}
        return made

    def __repr__(self) -> str:
        shown = [f"{field.name}={self.__dict__.get(field.name)!r}" for field in self._schema if field.rule.gettable]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __wire__(self) -> dict[str, Any]:
        """The values under their wire names, without those that must not leave the server."""
        made: dict[str, Any] = _generate(type(self), "__wire__", _write_wire)(self)
        return made

    def __dump__(self) -> dict[str, Any]:
        """The values as stored: wire names, enum values, dicts for nested objects, unknown fields kept.

        A field that is `None` although null is no value for it is left out: it was absent.
        """
        made: dict[str, Any] = _generate(type(self), "__dump__", _write_dump)(self)
        return made

    @classmethod
    def __load__(cls, document: Mapping[str, Any]) -> Self:
        """A plain document as instance: never checks, gives defaults, keeps what is not declared."""
        made: Self = _generate(cls, "__load__", _write_load)(document)
        return made


class Kept(dict[str, Any]):
    """A document with fields that its class does not know."""

    unknown: Mapping[str, Any] = {}


def _generate(cls: type[Any], name: str, write: Callable[[type[Any]], Code]) -> Callable[[Any], Any]:
    """A function of this class, which from now on stands in the place of the one that asked for it."""
    made = write(cls).compile(f"{name} of {cls.__module__}.{cls.__qualname__}")
    setattr(cls, name, staticmethod(made) if name == "__load__" else made)
    return made


def _write_wire(cls: type[Any]) -> Code:
    code = Code("wire(self)")
    shown = [field for field in read_fields(cls) if field.rule.gettable]
    items = {field.wire: _plain(field.type, f"self.{field.name}", "__wire__") for field in shown}
    code.add(f"return {code.dict(items.items())}", Enum=Enum, Record=Record)
    return code


def _write_dump(cls: type[Any]) -> Code:
    code, fields = Code("dump(self)"), read_fields(cls)
    items = {field.wire: _plain(field.type, f"self.{field.name}", "__dump__") for field in fields}
    code.add(f"made = Kept({code.dict(items.items())})", Enum=Enum, Record=Record, Kept=Kept)
    for field in fields:
        if not field.holds_null:
            code.add(f"if self.{field.name} is None:", f"    del made[{code.name(field.wire)}]")
    code.add("kept = getattr(self, '_unknown', None)", "if kept is not None:", "    made.unknown = kept")
    code.add("    made.update(kept)", "return made")
    return code


def _plain(kind: FieldType, value: str, method: str) -> str:
    """An expression that makes a value of this type plain, nested objects by their `method`."""
    if kind.enum is not None:
        return f"(one.value if isinstance(one := {value}, Enum) else one)"
    if kind.kind in ("object", "map", "any"):
        return f"(one.{method}() if isinstance(one := {value}, Record) else one)"
    return value if kind.item is None else _each(_plain(kind.item, "item", method), value)


def _each(convert: str, value: str) -> str:
    return value if convert == "item" else f"([{convert} for item in one] if isinstance(one := {value}, list) else one)"


def _write_load(cls: type[Any]) -> Code:
    """Whole documents are read at once; where a field is missing, it is filled in and they are read again."""
    code, fields = Code("load(document)"), read_fields(cls)
    code.add("made = new(cls)", "made._schema = fields", "try:", fields=fields, new=object.__new__, cls=cls)
    for field in fields:
        code.add(f"    made.{field.name} = {_revive(field.type, f'document[{code.name(field.wire)}]', code)}")
    code.add("except KeyError:", "    made = load({**document, **{field.wire: field.make_default() for field in fields")
    code.add("        if field.wire not in document}})", "made._sent = document", f"if len(document) > {len(fields)}:")
    code.add("    made._unknown = {name: document[name] for name in document if name not in known}", "return made")
    code.add(Mapping=Mapping, known=frozenset(field.wire for field in fields))
    return code


def _revive(kind: FieldType, value: str, code: Code) -> str:
    """An expression that makes the value of a field from what is stored."""
    if kind.enum is not None:
        members = code.name({member.value: member for member in kind.enum}, "members")
        return f"({members}.get(one, one) if isinstance(one := {value}, str | int | float) else one)"
    if kind.params is not None:
        load = f"{code.name(kind.params, 'cls')}.__load__(one)"
        return f"({load} if type(one := {value}) is dict or isinstance(one, Mapping) else one)"
    return value if kind.item is None else _each(_revive(kind.item, "item", code), value)
