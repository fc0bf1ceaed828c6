"""Sections of requests: `Params`, and what the linker compiles from it.

In: a section class and the raw section (`serve/body.py`). Out: an instance, or every error of every field as
wire items. Before: `compiler.py`. Next: `link/sections.py`, `serve/chain.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, ClassVar, Literal, dataclass_transform, get_args, get_origin

from core.errors import ErrorItem
from core.schema import compiler
from core.schema.coerce import Check, Mode
from core.schema.fields import MISSING, Field, FieldType, read_fields
from core.schema.plain import dump_public, is_object
from core.schema.refused import Refused, refuse_type, to_items
from core.schema.rules import Rule
from core.source import Source, caller_source

SectionName = Literal["header", "query", "path", "body"]
SectionCheck = Callable[[Any, list[ErrorItem]], Any]
BodyShape = Literal["object", "list", "free"]


@dataclass_transform(kw_only_default=True)
class Params:
    """Base of sections, nested objects and options: annotated fields with `rule(...)`.

    The constructor is for code and unit tests: it takes every field by keyword, applies defaults and checks
    nothing. Instances of requests are made by the compiled check.
    """

    __slots__ = ("__dict__", "__weakref__", "_schema", "_sent", "_unknown")
    __params__: ClassVar[bool] = True
    __reserved__: ClassVar[frozenset[str]] = frozenset({"source"})
    source: ClassVar[Source]
    _schema: tuple[Field, ...]
    _sent: Mapping[str, Any]
    _unknown: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.source = caller_source()

    def __init__(self, **values: Any) -> None:
        fill_instance(self, values)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    __hash__ = None  # type: ignore[assignment]  # values may change

    def __repr__(self) -> str:
        return print_instance(self)

    def __wire__(self) -> dict[str, Any]:
        """The values under their wire names, without those that must not leave the server."""
        return dump_public(self)


def fill_instance(instance: Any, values: dict[str, Any]) -> None:
    """The constructor of `Params` and `Model`: values by Python name, defaults for the others.

    Raises:
        TypeError: a name that is no field, or a field without default that is not given.
    """
    cls = type(instance)
    fields = read_fields(cls)
    names = {field.name for field in fields}
    for name in values:
        if name not in names:
            raise TypeError(f"{cls.__name__} has no field '{name}'")
    missing = [field.name for field in fields if field.name not in values and field.default is MISSING]
    if missing:
        raise TypeError(f"{cls.__name__} needs {', '.join(missing)}")
    instance.__dict__ = {
        field.name: values[field.name] if field.name in values else field.make_default() for field in fields
    }
    instance._schema = fields  # noqa: SLF001  this is its constructor
    instance._sent = {field.wire: None for field in fields if field.name in values}  # noqa: SLF001


def print_instance(instance: Any) -> str:
    """`Class(name=value)`, without fields that must not leave the server."""
    shown = (
        f"{field.name}={instance.__dict__.get(field.name)!r}"
        for field in instance._schema  # noqa: SLF001  its own class
        if field.rule.gettable
    )
    return f"{type(instance).__name__}({', '.join(shown)})"


def given(params: Any) -> dict[str, Any]:
    """Only the fields that were sent, under stored names and as plain values: ready for `$set`."""
    return {
        field.wire: _plain(params.__dict__[field.name])
        for field in params._schema  # noqa: SLF001  its own class
        if field.wire in params._sent and field.rule.gettable  # noqa: SLF001
    }


def _plain(value: Any) -> Any:
    if is_object(value):
        return given(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def compile_section(
    cls: type[Any], section: SectionName, *, mode: Mode | None = None
) -> Callable[[Any, list[ErrorItem]], Any]:
    """The check of a section: `(raw, errors) -> instance`, or `None` after adding to `errors`.

    Args:
        cls: a `Params` class.
        section: where the values come from; header names get `-` for `_`.
        mode: how to read them; by default a body as JSON, everything else as text.

    Raises:
        BadDeclaration: a field contradicts itself.
    """
    wire_name = header_name if section == "header" else None
    return _collect(compiler.compile_object(cls, mode or section_mode(section), wire_name), section)


def section_mode(section: SectionName, *, text: bool = False) -> Mode:
    """How the values of a section arrive; `text` for bodies that are forms."""
    return "json" if section == "body" and not text else "text"


def header_name(name: str) -> str:
    """The header that a Python name stands for."""
    return name.replace("_", "-")


def compile_body(annotation: Any, *, text: bool = False) -> tuple[SectionCheck, tuple[Field, ...], BodyShape, bool]:
    """The check of a parsed body of type `Params`, `list[Params]` or `dict[str, Any]`.

    Args:
        annotation: the author's type.
        text: whether it is a form.

    Returns:
        The check, the fields, how the docs describe it, and whether it admits any field.
    """
    mode = section_mode("body", text=text)
    if get_origin(annotation) is list:
        cls = get_args(annotation)[0]
        kind = FieldType("list", "array", FieldType("object", "object", params=cls))
        return _collect(compiler.compile_type(kind, Rule(), mode), "body"), read_fields(cls), "list", False
    if annotation is dict or get_origin(annotation) is dict:
        return _collect(_check_free, "body"), (), "free", True
    return compile_section(annotation, "body", mode=mode), read_fields(annotation), "object", False


def compile_field(field: Field) -> SectionCheck:
    """The check of a single value as in a JSON body, for settings: `(raw, errors) -> value`."""
    return _collect(compiler.compile_field(field, "json"), None, field.wire)


def _check_free(raw: Any) -> Any:
    if not isinstance(raw, dict):
        raise refuse_type(raw, "object")
    return raw


def _collect(check: Check, section: SectionName | None, path: str = "") -> SectionCheck:
    def check_section(raw: Any, errors: list[ErrorItem]) -> Any:
        try:
            return check(raw)
        except Refused as refused:
            errors.extend(to_items(refused.problems, path, section))
            return None

    return check_section
