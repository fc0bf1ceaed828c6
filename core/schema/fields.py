"""From an annotated class to its fields: the one place where annotations are read.

In: a `Params`, `Model` or `Settings` class. Out: frozen `Field`s in order of declaration, from which
`params.py` compiles checks, `model.py` documents and `jsonschema.py` the docs. Runs at load time only.
"""

from __future__ import annotations

import builtins
import dataclasses
import functools
import inspect
import linecache
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Final, Literal, Union, get_args, get_origin

from core.errors import BadDeclaration
from core.schema.formats import OBJECT_ID, Format, ObjectId
from core.schema.rules import Factory, Rule
from core.source import Source

Kind = Literal[
    "text", "integer", "number", "boolean", "date", "list", "map", "any", "object", "choice", "format", "upload"
]


class _Missing:
    """The absence of a default."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
_OPEN: Final = Rule()


class Upload:
    """Base of uploaded files in multipart bodies; the value itself is made by `serve/body.py`."""


class Stream:
    """Base of unbuffered bodies; the value itself is made by `serve/body.py`."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type without its rules.

    Attributes:
        kind: which family of checks applies.
        name: mia's lower-case name, used in messages and listings.
        item: element type of a list.
        item_rule: rules of the elements; those of the list apply to its elements where this is `None`.
        params: class of a nested object.
        choices: values of a `Literal` or `Enum`, as they appear on the wire.
        enum: the enum class of `choices`.
        format: the named format.
    """

    kind: Kind
    name: str
    item: FieldType | None = None
    item_rule: Rule | None = None
    params: type[Any] | None = None
    choices: tuple[Any, ...] = ()
    enum: type[Enum] | None = None
    format: Format | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    Attributes:
        name: the Python attribute.
        wire: its name in requests, documents and answers.
        type, rule: what is demanded.
        default: the constant default, a `Factory`, or `MISSING`.
        nullable: whether null is a value.
        required: whether absence (and empty text) is an error.
        source: the line of its `rule(...)`, else of its class.
    """

    name: str
    wire: str
    type: FieldType
    rule: Rule
    default: Any
    nullable: bool
    required: bool
    source: Source = field(compare=False)

    def make_default(self) -> Any:
        """A fresh default value; `None` where there is none."""
        if isinstance(self.default, Factory):
            return self.default.make()
        return None if self.default is MISSING else self.default


_SCALARS: Mapping[Any, FieldType] = {
    str: FieldType("text", "string"),
    int: FieldType("integer", "integer"),
    float: FieldType("number", "number"),
    bool: FieldType("boolean", "boolean"),
    datetime: FieldType("date", "date"),
    Any: FieldType("any", "any"),
    ObjectId: FieldType("format", "objectid", format=OBJECT_ID),
    dict: FieldType("map", "object"),
    list: FieldType("list", "array", item=FieldType("any", "any")),
}


def read_fields(cls: type[Any], *, wire_name: Callable[[str], str] | None = None) -> tuple[Field, ...]:
    """The fields of a class, inherited ones first; read once per class and way of naming.

    Args:
        cls: an annotated class with a `source`.
        wire_name: Python name → wire name where the rule gives none; else that of the class.

    Raises:
        BadDeclaration: an annotation that cannot be resolved, a type outside the contract, or rules
            that contradict the type. One error per class, at the line of the field where it is known.
    """
    rename: Callable[[str], str] = wire_name if wire_name is not None else getattr(cls, "__wire_name__", str)
    known: dict[Any, tuple[Field, ...]] = own_cache(cls, "__read__")
    if rename not in known:
        known[rename] = tuple(_read_all(cls, rename))
    return known[rename]


def own_cache(cls: type[Any], name: str) -> dict[Any, Any]:
    """What was worked out for this class, kept on the class itself and not inherited."""
    if name not in cls.__dict__:
        setattr(cls, name, {})
    cache: dict[Any, Any] = cls.__dict__[name]
    return cache


def _read_all(cls: type[Any], wire_name: Callable[[str], str]) -> Iterator[Field]:
    source: Source = cls.source
    try:
        hints = _read_hints(cls)
    except NameError as error:
        raise BadDeclaration(
            source,
            f"the annotations of {cls.__name__} cannot be resolved: {error}",
            "names imported only under TYPE_CHECKING do not exist at run time",
        ) from None
    except (TypeError, SyntaxError, AttributeError) as error:
        raise BadDeclaration(source, f"the annotations of {cls.__name__} cannot be read: {error}") from None
    by_wire: dict[str, Field] = {}
    for name, hint in hints.items():
        if name.startswith("_"):
            continue
        field = _read_field(cls, name, hint, wire_name)
        other = by_wire.setdefault(field.wire, field)
        if other is not field:
            raise BadDeclaration(
                field.source, f"{cls.__name__}.{name} and {cls.__name__}.{other.name} are both called '{field.wire}'"
            )
        yield field


def _read_hints(cls: type[Any]) -> dict[str, Any]:
    """The resolved annotations of a class and its bases.

    Evaluated with the globals of their module: `typing.get_type_hints` uses the class in their place, and a
    `lambda` in a postponed annotation would not find the names of its module when it is called.
    """
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        names = getattr(sys.modules.get(base.__module__), "__dict__", {})
        inner = {name: value for name, value in vars(base).items() if name not in names and not hasattr(builtins, name)}
        found: dict[str, Any] = inspect.get_annotations(base, globals=names, locals=inner, eval_str=True)
        for name, hint in found.items():
            if hint is ClassVar or get_origin(hint) is ClassVar:
                hints.pop(name, None)
                continue
            holder: Any = types.SimpleNamespace(__annotations__={name: hint})  # resolves what is quoted inside
            hints |= typing.get_type_hints(holder, names, inner, include_extras=True)
    return hints


def _read_field(cls: type[Any], name: str, hint: Any, wire_name: Callable[[str], str]) -> Field:
    inner, rule = _split_rule(hint)
    optional, bare = _split_optional(inner)
    if optional:
        bare, inner_rule = _split_rule(bare)
        rule = _overlay(inner_rule, rule) if rule != _OPEN else inner_rule
    owner, default = _find_default(cls, name)
    source = _find_source(owner, name, rule)
    where = f"{cls.__name__}.{name}"
    if name in getattr(cls, "__reserved__", ()):
        hint_text = f'call it otherwise and write rule(name="{name}")'
        raise BadDeclaration(source, f"{where}: '{name}' is a name that the class itself uses", hint_text)
    kind = read_type(bare, where, source)
    nullable = optional if rule.nullable is None else rule.nullable
    required = default is MISSING if rule.required is None else rule.required
    if default is MISSING and not required:
        raise BadDeclaration(source, f"{where} is not required and so needs a default", "for example = None")
    if isinstance(default, list | dict | set | bytearray) or hasattr(type(default), "_schema"):
        made = type(default).__name__
        raise BadDeclaration(source, f"the default of {where} would be shared", f"use = factory({made})")
    _check_rule(kind, rule, where, source)
    return Field(name, rule.name or wire_name(name), kind, rule, default, nullable, required, source)


def _find_default(cls: type[Any], name: str) -> tuple[type[Any], Any]:
    """The class that declares the field last, and the default that it gives."""
    for owner in cls.__mro__:
        if name in owner.__dict__:
            return owner, owner.__dict__[name]
        if name in inspect.get_annotations(owner):
            return owner, MISSING
    return cls, MISSING


def _find_source(owner: type[Any], name: str, rule: Rule) -> Source:
    """The line of the field: its text is asked, because postponed annotations run far from their file."""
    source: Source = owner.__dict__.get("source") or Source("<unknown>", 0)
    lines = linecache.getlines(source.file)[max(source.line - 1, 0) :]
    depth = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    field_line = re.compile(rf"\s{{{depth + 1},}}{re.escape(name)}\s*[:=]")
    for number, line in enumerate(lines[1:], source.line + 1):
        if field_line.match(line):
            return Source(source.file, number)
        code = line.lstrip()
        if code and len(line) - len(code) <= depth and code[0] not in ")]}#":
            break
    return rule.source if rule.source is not None and rule.source.file == source.file else source


def read_type(annotation: Any, where: str, source: Source) -> FieldType:
    """The `FieldType` of an annotation without rules.

    Raises:
        BadDeclaration: the type is not part of the contract; the message names `where`.
    """
    annotation, _ = _split_rule(annotation)
    form = _format_of(annotation)
    if form is not None:
        return FieldType("format", form.name, format=form)
    if (
        (isinstance(annotation, type) and get_origin(annotation) is None) or annotation is Any
    ) and annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list:
        item, item_rule = _split_rule(arguments[0])
        return FieldType("list", "array", read_type(item, where, source), item_rule if item_rule != _OPEN else None)
    if origin is dict and arguments[0] is str:
        return FieldType("map", "object")
    if origin is Literal and all(isinstance(choice, str | int) for choice in arguments):
        return FieldType("choice", _choice_name(arguments), choices=arguments)
    if isinstance(annotation, type):
        if issubclass(annotation, Enum) and all(isinstance(item.value, str | int | float) for item in annotation):
            choices = tuple(member.value for member in annotation)
            return FieldType("choice", _choice_name(choices), choices=choices, enum=annotation)
        if issubclass(annotation, Upload):
            return FieldType("upload", "file")
        if hasattr(annotation, "__params__"):
            return FieldType("object", "object", params=annotation)
    raise BadDeclaration(
        source,
        f"{where} has a type that cannot be checked: {_type_name(annotation)}",
        "str int float bool datetime list[T] dict[str, Any] Any, Params, Literal, Enum, T | None, a format",
    )


def _choice_name(choices: tuple[Any, ...]) -> str:
    kinds = {type(choice) for choice in choices}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return names.get(kinds.pop(), "string") if len(kinds) == 1 else "string"


def _split_rule(hint: Any) -> tuple[Any, Rule]:
    """`Annotated[T, …, Rule, …]` → (T with its format, Rule); of several rules the last word counts."""
    if get_origin(hint) is not typing.Annotated:
        return hint, Rule()
    base, *extras = get_args(hint)
    rules = [extra for extra in extras if isinstance(extra, Rule)]
    rest = [extra for extra in extras if isinstance(extra, Format)]
    inner = typing.Annotated[(base, *rest)] if rest else base
    return inner, functools.reduce(_overlay, rules, Rule())


def _overlay(base: Rule, over: Rule) -> Rule:
    """Both rules as one: what `over` leaves open is taken from `base`."""
    if base == _OPEN:
        return over
    said = {
        item.name: getattr(over, item.name)
        for item in dataclasses.fields(Rule)
        if item.name == "source" or getattr(over, item.name) != getattr(_OPEN, item.name)
    }
    return dataclasses.replace(base, **said)


def _format_of(annotation: Any) -> Format | None:
    if get_origin(annotation) is not typing.Annotated:
        return None
    return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, Format)), None)


def _split_optional(hint: Any) -> tuple[bool, Any]:
    if get_origin(hint) not in (Union, types.UnionType):
        return False, hint
    members = [member for member in get_args(hint) if member is not type(None)]
    optional = len(members) < len(get_args(hint))
    return (True, members[0]) if optional and len(members) == 1 else (False, hint)


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


#: what a rule is about, the families of types it may stand at, the rules
_APPLIES: Final = (
    ("text", ("any", "text"), ("min_length", "max_length", "allow_multiple", "convert")),
    ("numbers", ("any", "number"), ("min", "max")),
    ("text and numbers", ("any", "text", "number"), ("allow", "deny")),
    ("text, numbers and flags", ("any", "text", "number", "boolean"), ("match",)),
)
_CONVERSIONS = ("lower", "upper", "trim")


def _check_rule(kind: FieldType, rule: Rule, where: str, source: Source) -> None:
    """Refuse rules that could never hold or never apply."""
    target = kind
    while target.item is not None:
        target = target.item
    family = _family(target)
    for about, families, names in _APPLIES:
        for name in names if family not in families else ():
            if getattr(rule, name) not in (None, ()):
                what = "min and max apply" if name in ("min", "max") else f"{name} applies"
                raise BadDeclaration(source, f"{where}: {what} to {about}, not to {target.name}")
    for low, high in (("min", "max"), ("min_length", "max_length")):
        least, most = getattr(rule, low), getattr(rule, high)
        if least is not None and most is not None and least > most:
            raise BadDeclaration(source, f"{where}: {low} {least} is over {high} {most}")
    for name in rule.convert:
        if name not in _CONVERSIONS:
            raise BadDeclaration(source, f"{where}: there is no conversion '{name}'", ", ".join(_CONVERSIONS))


def _family(kind: FieldType) -> str:
    """Which rules may be said about a type: those for `text`, for `number`s, `boolean`, `any`, or none."""
    if kind.format is not None and kind.format is not OBJECT_ID:
        return "text" if kind.format.json_type == "string" else "number"
    if kind.kind in ("any", "choice"):
        return "any"
    return "number" if kind.kind in ("integer", "number") else kind.kind
