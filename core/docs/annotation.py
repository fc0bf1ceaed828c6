"""What steps are annotated to return: which of it is a result, and its JSON Schema.

In: `LinkedStep`s and types. Out: `Result`s and schemas; best effort, as an annotation may say `Any`. Next:
`answer.py`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

from bson import Decimal128, ObjectId

from core.link.linked import LinkedStep
from core.schema.jsonscalar import Schema
from core.schema.jsonschema import Components, build_model_schema
from core.serve.response import Finish, Response

_SCALARS: Final[Mapping[type[Any], Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    UUID: {"type": "string", "format": "uuid"},
    ObjectId: {"type": "string", "pattern": "^[0-9a-f]{24}$"},
    Decimal128: {"type": "string"},
    Decimal: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    type(None): {"type": "null"},
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a step, or a chain, gives.

    Attributes:
        types: the possible types of the result.
        is_certain: whether there always is one.
        is_response: whether an answer of its own takes the place of any result.
    """

    types: tuple[Any, ...]
    is_certain: bool
    is_response: bool


def read_result(step: LinkedStep) -> Result:
    """The result of one step; what it provides to others is none."""
    returned = typing.get_type_hints(step.call).get("return", Any)
    if step.kind == "around" and get_args(returned):
        returned = get_args(returned)[0]
    is_union = get_origin(returned) in (Union, types.UnionType)
    members = get_args(returned) if is_union else (returned,)
    own = [member for member in members if not _is_class(member, step.provides)]
    results = tuple(
        Any if member is Finish else member
        for member in own
        if member is not type(None) and not _is_class(member, Response)
    )
    is_certain = len(own) == len(members) and not {Any, Finish, type(None)} & set(own)
    return Result(results, is_certain and bool(results), is_certain and not results)


def _is_class(member: Any, wanted: type[Any] | None) -> bool:
    return wanted is not None and isinstance(member, type) and issubclass(member, wanted)


def join_results(steps: Sequence[Result]) -> Result:
    """The result of a chain: that of the last step that gives one for certain, or of those after it."""
    found: list[Any] = []
    for step in reversed(steps):
        if step.is_response:
            return Result(tuple(found), is_certain=False, is_response=not found)
        found += step.types
        if step.is_certain:
            return Result(tuple(found), is_certain=True, is_response=False)
    return Result(tuple(found), is_certain=False, is_response=False)


def describe_type(kind: Any, components: Components) -> Schema:
    """A type as JSON Schema; `{}` admits anything, for types that say nothing."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is typing.Annotated:
        return describe_type(arguments[0], components)
    if origin in (Union, types.UnionType):
        return {"anyOf": [describe_type(member, components) for member in arguments]}
    if origin is Literal:
        return {"enum": [member.value if isinstance(member, Enum) else member for member in arguments]}
    return _describe_class(origin, arguments, components) if isinstance(origin, type) else {}


def _describe_class(kind: type[Any], arguments: tuple[Any, ...], components: Components) -> Schema:
    if hasattr(kind, "__params__") or hasattr(kind, "__model__"):
        return build_model_schema(kind, components)
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    for known, schema in _SCALARS.items():
        if issubclass(kind, known):
            return dict(schema)
    if issubclass(kind, Mapping):
        values = describe_type(arguments[1], components) if len(arguments) == 2 else {}
        return {"type": "object", **({"additionalProperties": values} if values else {})}
    if issubclass(kind, Collection):
        items = _describe_items(arguments, components)
        return {"type": "array", **({"items": items} if items else {})}
    return {}


def _describe_items(arguments: Iterable[Any], components: Components) -> Schema:
    schemas = [describe_type(item, components) for item in arguments if item is not Ellipsis]
    if not schemas or {} in schemas:
        return {}
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
