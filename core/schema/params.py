"""Sections of requests: `Params`, and what the linker compiles from it.

In: a section class and the raw section (`serve/body.py`). Out: an instance, or every error of every field as
wire items. Before: `compiler.py`. Next: `link/steps.py`, `serve/program.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Literal, dataclass_transform, get_args, get_origin

from core.errors import ErrorItem
from core.schema import compiler
from core.schema.fields import Field, FieldType, read_fields
from core.schema.record import Record
from core.schema.refused import Refused, to_items
from core.schema.rules import OPEN
from core.schema.value import Mode

SectionName = Literal["header", "query", "path", "body"]
SectionCheck = Callable[[Any, list[ErrorItem]], Any]


@dataclass_transform(kw_only_default=True)
class Params(Record):
    """Base of sections, nested objects and options: annotated fields with `rule(...)`."""

    __slots__ = ()
    __params__: ClassVar[bool] = True


def given(params: Any) -> dict[str, Any]:
    """Only the fields that were sent, under stored names and as plain values: ready for `$set`."""
    return {
        field.wire: _plain(params.__dict__[field.name])
        for field in params._schema  # noqa: SLF001  its own class
        if field.wire in params._sent and field.rule.gettable  # noqa: SLF001
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return given(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def compile_section(cls: type[Any], section: SectionName) -> SectionCheck:
    """The check of a section: `(raw, errors) -> instance`, or `None` after adding to `errors`; a body is JSON."""
    wire_name = header_name if section == "header" else None
    return _collect(compiler.compile_object(cls, "json" if section == "body" else "text", wire_name), section)


def header_name(name: str, given: str | None) -> str:
    """The header that a field stands for, in small letters as all of them arrive."""
    return (given or name.replace("_", "-")).lower()


def compile_body(annotation: Any, *, text: bool = False) -> tuple[SectionCheck, tuple[Field, ...]]:
    """The check of a body of type `Params`, `list[Params]` or `dict`, and its fields.

    `text` is for forms.
    """
    mode: Mode = "text" if text else "json"
    if get_origin(annotation) is list:
        (cls,) = get_args(annotation)
        compiler.compile_object(cls, mode)  # what is wrong with it is wrong now
        kind = FieldType("list", "array", FieldType("object", "object", params=cls))
        return _collect(partial(compiler.check_type, kind, OPEN, mode), "body"), read_fields(cls)
    if annotation is dict or get_origin(annotation) is dict:
        return _collect(partial(compiler.check_type, FieldType("map", "object"), OPEN, mode), "body"), ()
    return _collect(compiler.compile_object(annotation, mode), "body"), read_fields(annotation)


def compile_field(field: Field) -> SectionCheck:
    """The check of a single value as in a JSON body, for settings: `(raw, errors) -> value`."""
    return _collect(partial(compiler.check_field, field, "json"), None, field.wire)


def _collect(check: compiler.Check, section: SectionName | None, path: str = "") -> SectionCheck:
    def check_section(raw: Any, errors: list[ErrorItem]) -> Any:
        try:
            return check(raw)
        except Refused as refused:
            errors.extend(to_items(refused.problems, path, section))
            return None

    check_section.__source__ = getattr(check, "__source__", "")  # type: ignore[attr-defined]
    return check_section
