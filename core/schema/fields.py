"""From an annotated class to its fields: the one place where annotations are read. Runs at load time only.

In: a `Params`, `Model` or `Settings` class. Out: frozen `Field`s in order of declaration, and whether two steps of a
chain may read the same one. Next: `compiler.py` makes checks of them, `record.py` the way to documents, `jsonschema.py`
the docs.
"""

from __future__ import annotations

import builtins
import inspect
import linecache
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import Any, ClassVar, Final, Literal, Union, get_args, get_origin

from core.errors import BadDeclaration
from core.schema.formats import OBJECT_ID, Format, ObjectId
from core.schema.pattern import compile_search
from core.schema.rules import CONVERSIONS, OPEN, Factory, Rule
from core.schema.upload import Upload
from core.source import Source

Kind = Literal[
    "text", "integer", "number", "boolean", "date", "list", "map", "any", "object", "choice", "format", "upload"
]
WireName = Callable[[str, str | None], str]
MISSING: Final = type("Missing", (), {"__repr__": lambda _: "MISSING"})()  # the absence of a default


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type without its rules.

    Attributes:
        kind, name: family of checks; mia's lower-case name, used in messages and listings.
        item, item_rule: of a list: type and rules of its elements; without rules those of the list are theirs.
        params: class of a nested object.
        choices, enum: values of a `Literal` or `Enum`, as they appear on the wire; the enum class.
    """

    kind: Kind
    name: str
    item: FieldType | None = None
    item_rule: Rule | None = None
    params: type[Any] | None = None
    choices: tuple[Any, ...] = ()
    enum: type[Enum] | None = None
    format: Format | None = None

    @property
    def is_text(self) -> bool:
        """Whether the rules of text apply."""
        return self.kind == "text" or (self.format is not None and self.format.type is str)

    @property
    def is_number(self) -> bool:
        """Whether the rules of numbers apply."""
        return self.kind in ("integer", "number") or (self.format is not None and self.format.type is int)

    @property
    def innermost(self) -> FieldType:
        """Of lists, the type of what they hold in the end."""
        return self if self.item is None else self.item.innermost

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of a nested object, by their own names."""
        return read_fields(self.params) if self.params is not None else ()


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    Attributes:
        name, wire: the Python attribute, and its name in requests, documents and answers.
        type, rule: what is demanded.
        default: the constant default, a `Factory`, or `MISSING`.
        nullable, required: whether null is a value; whether absence (and empty text) is an error.
        source: its line, else that of its class.
    """

    name: str
    wire: str
    type: FieldType
    rule: Rule
    default: Any
    nullable: bool
    required: bool
    source: Source = field(compare=False)

    @property
    def constant(self) -> Any:
        """The default, where it is no `Factory`; else `None`."""
        return None if self.default is MISSING or isinstance(self.default, Factory) else self.default

    @property
    def make(self) -> Callable[[], Any] | None:
        """What computes the default, if anything does."""
        return self.default.make if isinstance(self.default, Factory) else None

    @property
    def is_demanded(self) -> bool:
        """Whether its absence is an error: no default takes its place."""
        return self.required and (self.default is MISSING or self.default is None or self.default == "")

    @property
    def holds_null(self) -> bool:
        """Whether null is a value."""
        return self.nullable or self.type.kind == "any"

    @property
    def is_filled(self) -> bool:
        """Whether empty text is as good as nothing."""
        return self.required and self.type.kind in ("text", "format", "any")

    def make_default(self) -> Any:
        """A fresh default value; `None` where there is none."""
        return self.make() if self.make is not None else self.constant


_COMPARED: Final = (
    "min", "max", "min_length", "max_length", "match", "match_flags", "allow", "allow_multiple", "deny",
    "convert", "nullable", "required", "settable", "gettable", "virtual", "extend", "description",
)  # fmt: skip
_ABOUT: Final = {
    **dict.fromkeys(("min_length", "max_length", "allow_multiple", "convert"), "text"),
    **dict.fromkeys(("min", "max"), "numbers"), **dict.fromkeys(("allow", "deny", "match"), "text and numbers"),
}  # fmt: skip
_TYPED: Final[Mapping[str, tuple[Any, str]]] = {
    **dict.fromkeys(("min", "max"), (int | float, "number")), **dict.fromkeys(("match", "name"), (str, "text")),
    **dict.fromkeys(("min_length", "max_length"), (int, "whole number")),
    **dict.fromkeys(("nullable", "required"), (bool, "flag")),
}  # fmt: skip
_AUTHORS_NAME: Final = {"match_flags": "match", "settable": "public", "gettable": "public"}
_SCALARS: Mapping[Any, FieldType] = {
    str: FieldType("text", "string"), int: FieldType("integer", "integer"), float: FieldType("number", "number"),
    bool: FieldType("boolean", "boolean"), datetime: FieldType("date", "date"), Any: FieldType("any", "any"),
    ObjectId: FieldType("format", "objectid", format=OBJECT_ID), dict: FieldType("map", "object"),
    list: FieldType("list", "array", item=FieldType("any", "any")),
}  # fmt: skip


def read_fields(cls: type[Any], *, wire_name: WireName | None = None) -> tuple[Field, ...]:
    """The fields of a class, inherited ones first; read once per class and way of naming.

    The first annotation that cannot be read is a `BadDeclaration` at the line of its field. `wire_name` makes the
    wire name from that of Python and the one that the rule gives, if any.
    """
    rename: WireName | None = wire_name if wire_name is not None else getattr(cls, "__wire_name__", None)
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


def _read_all(cls: type[Any], wire_name: WireName | None) -> Iterator[Field]:
    try:
        hints = _read_hints(cls)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        hint = "names imported only under TYPE_CHECKING do not exist at run time" if type(error) is NameError else ""
        message = f"the annotations of {cls.__name__} cannot be resolved: {error}"
        raise BadDeclaration(cls.source, message, hint) from None
    names: set[str] = set()
    for name, hint_of in hints.items():
        field = _read_field(cls, name, hint_of, wire_name)
        if field.wire in names:
            raise BadDeclaration(field.source, f"two fields of {cls.__name__} are both called '{field.wire}'")
        names.add(field.wire)
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
            if not name.startswith("_") and hint is not ClassVar and get_origin(hint) is not ClassVar:
                holder: Any = types.SimpleNamespace(__annotations__={name: hint})  # resolves what is quoted inside
                hints |= typing.get_type_hints(holder, names, inner, include_extras=True)
    return hints


def _read_field(cls: type[Any], name: str, hint: Any, wire_name: WireName | None) -> Field:
    bare, rule = _split_rule(hint)
    members = [member for member in get_args(bare) if member is not type(None)]
    optional = get_origin(bare) in (Union, types.UnionType) and len(members) == 1
    rule = rule or OPEN
    if optional:
        bare, inner_rule = _split_rule(members[0])
        rule = rule.over(inner_rule or OPEN)
    owner, default = _find_default(cls, name)
    source = _find_source(owner, name)
    where = f"{cls.__name__}.{name}"
    if name in getattr(cls, "__reserved__", ()) or not name.isidentifier():  # generated code speaks of it
        hint_text = f'call it otherwise and write rule(name="{name}")'
        raise BadDeclaration(source, f"{where}: '{name}' is a name that the class itself uses", hint_text)
    kind = _read_type(bare, where, source)
    _check_rule(kind, rule, where, source)
    required = default is MISSING if rule.required is None else rule.required
    if default is MISSING and not required:
        raise BadDeclaration(source, f"{where} is not required and so needs a default", "for example = None")
    if isinstance(default, Rule):
        raise BadDeclaration(source, f"a rule is no default of {where}", f"{name}: Annotated[…, rule(…)]")
    if isinstance(default, list | tuple | set | Mapping) or hasattr(type(default), "_schema"):
        hint_text = f"use = factory({'list' if isinstance(default, tuple) else type(default).__name__})"
        raise BadDeclaration(source, f"the default of {where} would be shared", hint_text)
    nullable = optional if rule.nullable is None else rule.nullable
    wire = wire_name(name, rule.name) if wire_name is not None else rule.name or name
    return Field(name, wire, kind, rule, default, nullable, required, source)


def _find_default(cls: type[Any], name: str) -> tuple[type[Any], Any]:
    """The class that declares the field last, and the default that it gives."""
    owner = next(base for base in cls.__mro__ if name in base.__dict__ or name in inspect.get_annotations(base))
    return owner, owner.__dict__.get(name, MISSING)


def _find_source(owner: type[Any], name: str) -> Source:
    """The line of the field, found in its text: postponed annotations run far from it. A docstring is further in."""
    source: Source = owner.source
    declared = re.compile(rf"(\s+){re.escape(name)}\s*[:=]")
    lines = takewhile(lambda line: line[0] in " \t\r\n#)", linecache.getlines(source.file)[source.line :])
    found = [(at.end(1), number) for number, line in enumerate(lines, source.line + 1) if (at := declared.match(line))]
    return Source(source.file, min(found, default=(0, source.line))[1])


def _split_rule(hint: Any) -> tuple[Any, Rule | None]:
    """`Annotated[T, …, Rule]` → (T with its format, Rule); of several rules the last word on each point counts."""
    if get_origin(hint) is not typing.Annotated:
        return hint, None
    base, *extras = get_args(hint)
    rest = [extra for extra in extras if isinstance(extra, Format)]
    rule: Rule | None = None
    for extra in extras:
        if isinstance(extra, Rule):
            rule = extra.over(rule or OPEN)
    return typing.Annotated[(base, *rest)] if rest else base, rule


def _read_type(annotation: Any, where: str, source: Source) -> FieldType:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return FieldType("format", arguments[1].name, format=arguments[1])
    if origin is list:
        item, item_rule = _split_rule(arguments[0])
        item_type = _read_type(item, where, source)
        _check_rule(item_type, item_rule or OPEN, where, source)
        return FieldType("list", "array", item_type, item_rule)
    if origin is dict and arguments[0] is str:
        return FieldType("map", "object")
    if origin is Literal and all(isinstance(choice, str | int) for choice in arguments):
        return FieldType("choice", _choice_name(arguments), choices=arguments)
    if annotation is Any or (isinstance(annotation, type) and origin is None):
        if annotation in _SCALARS:
            return _SCALARS[annotation]
        if issubclass(annotation, Enum) and all(isinstance(item.value, str | int | float) for item in annotation):
            choices = tuple(member.value for member in annotation)
            return FieldType("choice", _choice_name(choices), choices=choices, enum=annotation)
        if issubclass(annotation, Upload):
            return FieldType("upload", "file")
        if hasattr(annotation, "__params__"):
            return FieldType("object", "object", params=annotation)
    named = annotation.__name__ if isinstance(annotation, type) and origin is None else str(annotation)
    known = "str int float bool datetime list[T] dict[str, Any] Any, Params, Literal, Enum, T | None, a format"
    raise BadDeclaration(source, f"{where} has a type that cannot be checked: {named}", known)


def _choice_name(choices: tuple[Any, ...]) -> str:
    kinds = {type(choice) for choice in choices}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return names.get(kinds.pop(), "string") if len(kinds) == 1 else "string"


def _check_rule(kind: FieldType, rule: Rule, where: str, source: Source) -> None:
    """Refuse rules that never apply (values of other types pass through them unguarded), and what makes no sense."""
    for name, (valid, what) in _TYPED.items():
        if not isinstance(getattr(rule, name), valid | None):
            raise BadDeclaration(source, f"{where}: {name}={getattr(rule, name)!r} is no {what}")
    kind = kind.innermost
    fits = {"text": kind.is_text, "numbers": kind.is_number, "text and numbers": kind.is_text or kind.is_number}
    for name, about in _ABOUT.items():
        if not fits[about] and getattr(rule, name) not in (None, ()):
            what = "min and max apply" if about == "numbers" else f"{name} applies"
            raise BadDeclaration(source, f"{where}: {what} to {about}, not to {kind.name}")
    for name, least, most in (("min", rule.min, rule.max), ("min_length", rule.min_length, rule.max_length)):
        if least is not None and most is not None and not least <= most:
            raise BadDeclaration(source, f"{where}: {name}={least} is more than {name.replace('in', 'ax')}={most}")
    for name in set(rule.convert) - set(CONVERSIONS):
        raise BadDeclaration(source, f"{where}: there is no conversion '{name}' ({', '.join(CONVERSIONS)})")
    try:
        compile_search(rule.match or "", rule.match_flags)
    except ValueError as error:
        raise BadDeclaration(source, f"{where}: {error}") from None


def walk_fields(
    fields: Iterable[Field], prefix: str = "", above: tuple[type[Any], ...] = ()
) -> Iterator[tuple[str, Field]]:
    """Every field with its dotted wire name; those inside lists count with the path of the list, as in MongoDB."""
    for declared in fields:
        yield prefix + declared.wire, declared
        kind = declared.type.innermost
        if kind.params is not None and kind.params not in above:
            yield from walk_fields(kind.fields, f"{prefix}{declared.wire}.", (*above, kind.params))


def find_text_limits(owners: Iterable[Any], text_bytes: int) -> dict[str, int]:
    """Wire names of texts that `fields` of some owner declare longer than `text_bytes`, and their bytes in UTF-8."""
    fields = (field for _, field in walk_fields(field for owner in owners for field in owner.fields))
    longest = sorted((4 * ((field.type.item_rule or field.rule).max_length or 0), field.wire) for field in fields)
    return {wire: most for most, wire in longest if most > text_bytes}


def find_conflict(first: Field, second: Field) -> str | None:
    """The first attribute in which two fields contradict each other, as authors write it; what is open, does not."""
    conflict = _find_in_type(first.type, second.type) or _find_in_rule(first.rule, second.rule)
    return conflict or (None if _agree(first.default, second.default, MISSING) else "default")


def _find_in_rule(first: Rule, second: Rule) -> str | None:
    names = (n for n in _COMPARED if not _agree(getattr(first, n), getattr(second, n), getattr(OPEN, n)))
    return next((_AUTHORS_NAME.get(name, name) for name in names), None)


def _find_in_type(first: FieldType, second: FieldType) -> str | None:
    if "any" in (first.kind, second.kind) or first == second:
        return None
    if first.item is not None and second.item is not None:
        rules = _find_in_rule(first.item_rule or OPEN, second.item_rule or OPEN)
        return _find_in_type(first.item, second.item) or rules
    if first.params is None or second.params is None:
        return "type"
    others = {inner.wire: inner for inner in second.fields}  # classes may differ, if what both declare agrees
    conflicts = ((inner.wire, find_conflict(inner, others.get(inner.wire, inner))) for inner in first.fields)
    return next((f"{wire}.{conflict}" for wire, conflict in conflicts if conflict is not None), None)


def _agree(first: Any, second: Any, missing: Any) -> bool:
    if isinstance(first, Factory) and isinstance(second, Factory):
        first, second = first.make, second.make
    if first is missing or second is missing or (type(first) is type(second) and first == second):
        return True
    if missing is not MISSING and missing in (first, second):
        return True
    code = getattr(first, "__code__", None)  # inherited annotations are evaluated per class: two lambdas, one code
    return code is not None and code == getattr(second, "__code__", None)
