"""Small `Params` and `Model` classes made on the spot, and their checks, for tests of the schema."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from core.errors import ErrorItem
from core.schema.model import Model
from core.schema.params import Params, compile_section


def make_class(base: type, class_name: str, class_keywords: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """A class whose fields are given as `name=annotation` or `name=(annotation, default)`."""
    annotations: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, declared in fields.items():
        if isinstance(declared, tuple):
            annotations[name], defaults[name] = declared
        else:
            annotations[name] = declared

    def fill(namespace: dict[str, Any]) -> None:
        namespace.update(defaults, __annotations__=annotations)

    return types.new_class(class_name, (base,), dict(class_keywords), fill)


def params(**fields: Any) -> type[Params]:
    """A `Params` class."""
    made: type[Params] = make_class(Params, "Given", {}, fields)
    return made


def model(**fields: Any) -> type[Model]:
    """A `Model` class."""
    made: type[Model] = make_class(Model, "Stored", {"identity": "t-stored"}, fields)
    return made


def run(cls: type[Params], raw: Any, section: Any = "body") -> tuple[Any, list[ErrorItem]]:
    """The checked instance (or `None`) and the errors."""
    errors: list[ErrorItem] = []
    return compile_section(cls, section)(raw, errors), errors


def value_of(annotation: Any, raw: Any, section: Any = "body") -> Any:
    """What a field `a` of this type makes of a value; a `str` with code and message when it is refused."""
    made, errors = run(params(a=annotation), {"a": raw}, section)
    return errors[0] if errors else made.a
