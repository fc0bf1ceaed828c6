"""What an operation answers, in OpenAPI terms: envelopes of results and of errors, by status.

In: a `LinkedRoute`. Out: plain dicts. The schema of a result is what the route says in `response_schemes`, else
what the steps of its chain are annotated to return, as far as that says anything. Next: `openapi.py`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from typing import Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

from bson import Decimal128, ObjectId

from core.link.linked import LinkedRoute, LinkedStep
from core.schema.jsonschema import Components, build_model_schema
from core.serve.response import Finish, Response

Schema = dict[str, Any]
_STATUS: Final = {"type": "integer", "description": "The HTTP status once more."}
SHARED_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Success": {
        "type": "object",
        "description": "The envelope of every result.",
        "properties": {
            "status": _STATUS,
            "deprecated": {"type": "boolean", "description": "Whether this service will go."},
            "notice": {"type": "string", "description": "What to know about it."},
            "response": {"description": "The result."},
        },
        "required": ["status"],
    },
    "Error": {
        "type": "object",
        "description": "The envelope of every error.",
        "properties": {
            "status": _STATUS,
            "errors": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/ErrorDescription"}},
        },
        "required": ["status", "errors"],
    },
    "ErrorDescription": {
        "type": "object",
        "properties": {
            "code": {"type": "string", "description": "What clients decide by."},
            "id": {"type": "string", "description": "The field, as dotted path."},
            "msg": {"type": "string", "description": "Text for people, in the language of the request."},
            "in": {"type": "string", "enum": ["header", "query", "path", "body"]},
        },
        "required": ["code", "msg"],
    },
}
_JSON: Final = "application/json"
_ERROR: Final = {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
_ANY_CONTENT: Final[Schema] = {"*/*": {}}
_EMPTY_OBJECT: Final = {_JSON: {"schema": {"type": "object", "maxProperties": 0}}}
SHARED_RESPONSES: Final[Mapping[str, Any]] = {
    "Error": {
        "description": (
            "Whatever else goes wrong: BadRequest (400), NotFound (404), PayloadTooLarge (413), UriTooLong (414), "
            "UnsupportedMediaType (415), HeadersTooLarge (431), ServiceUnavailable or RequestTimeout (503)"
        ),
        "content": _ERROR,
    }
}
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


def build_responses(route: LinkedRoute, output: tuple[str, str] | None, components: Components) -> dict[str, Any]:
    """Every declared status with its codes, and `default` for what core answers by itself.

    Args:
        route: the operation.
        output: identity and version of the step that writes the JSON envelope.
        components: gets the schemas of classes.
    """
    declared = dict(route.responses)
    success = _build_success(route, output, components)
    most = 400 if success is _ANY_CONTENT else 300  # a redirect, for example
    if not any(200 <= status < most for status in declared):
        declared[200] = ("Success",)
    phrases = {int(known): known.phrase for known in HTTPStatus}
    responses: dict[str, Any] = {}
    for status in sorted(declared):
        responses[str(status)] = {"description": ", ".join(declared[status]) or phrases.get(status, "Response")}
        content = _build_content(route, status, success, components)
        if content:
            responses[str(status)]["content"] = content
    return {**responses, "default": {"$ref": "#/components/responses/Error"}}


def _build_content(route: LinkedRoute, status: int, success: Schema, components: Components) -> Schema:
    if status == HTTPStatus.NO_CONTENT or 300 <= status < 400:
        return {}
    is_success = status < 300
    for key in (status, str(status), "success" if is_success else "error"):
        if key in route.response_schemes:
            scheme = route.response_schemes[key]
            is_schema = isinstance(scheme, Mapping)
            return {_JSON: {"schema": scheme if is_schema else _wrap([describe_type(scheme, components)])}}
    if is_success:
        return success
    return _EMPTY_OBJECT if status == HTTPStatus.PRECONDITION_FAILED else _ERROR


def _build_success(route: LinkedRoute, output: tuple[str, str] | None, components: Components) -> dict[str, Any]:
    """The envelope with what the chain gives; any content where something else than the envelope is sent."""
    found: list[Any] = []
    is_certain = False
    for step in reversed(route.steps):
        kinds, certain = read_result(step)
        controller = step.action.controller
        if certain and not kinds and (controller.identity, controller.version) != output and not found:
            return _ANY_CONTENT  # an answer of its own takes the place of the envelope
        found += kinds
        if certain and kinds:
            is_certain = True
            break
    schemas = {repr(schema): schema for schema in (describe_type(kind, components) for kind in found)}
    return {_JSON: {"schema": _wrap(list(schemas.values()), required=is_certain)}}


def read_result(step: LinkedStep) -> tuple[tuple[Any, ...], bool]:
    """The types of a step's result, and whether it always gives one; without types, certain: a `Response`."""
    returned = typing.get_type_hints(step.call).get("return", Any)
    if step.kind == "around" and get_args(returned):
        returned = get_args(returned)[0]
    members = get_args(returned) if get_origin(returned) in (Union, types.UnionType) else (returned,)
    own = [member for member in members if not _is_class(member, step.action.provides)]
    kinds = tuple(
        Any if member is Finish else member
        for member in own
        if member is not type(None) and not _is_class(member, Response)
    )
    return kinds, len(own) == len(members) and not {Any, Finish, type(None)} & set(own)


def _is_class(member: Any, wanted: type[Any] | None) -> bool:
    return wanted is not None and isinstance(member, type) and issubclass(member, wanted)


def describe_type(kind: Any, components: Components) -> Schema:
    """A type as JSON Schema; `{}` admits anything, for types that say nothing."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is typing.Annotated:
        return describe_type(arguments[0], components)
    if origin in (Union, types.UnionType):
        return {"anyOf": [describe_type(member, components) for member in arguments]}
    if origin is Literal:
        return {"enum": [member.value if isinstance(member, Enum) else member for member in arguments]}
    if not isinstance(origin, type):
        return {}
    if hasattr(origin, "__params__") or hasattr(origin, "__model__"):
        return build_model_schema(origin, components)
    if issubclass(origin, Enum):
        return {"enum": [member.value for member in origin]}
    scalar = next((schema for known, schema in _SCALARS.items() if issubclass(origin, known)), None)
    if scalar is not None:
        return dict(scalar)
    items = [describe_type(item, components) for item in arguments if item is not Ellipsis]
    if issubclass(origin, Mapping):
        return {"type": "object", **({"additionalProperties": items[1]} if len(items) == 2 and items[1] else {})}
    if issubclass(origin, Collection):
        return {"type": "array", **({"items": items[0]} if len(items) == 1 and items[0] else {})}
    return {}


def _wrap(results: list[Schema], *, required: bool = True) -> Schema:
    """The envelope around a result that has one of these schemas."""
    success = {"$ref": "#/components/schemas/Success"}
    if not results:
        return success
    if {} in results:
        results = [{}]
    result = results[0] if len(results) == 1 else {"anyOf": results}
    schema: Schema = {"type": "object", "properties": {"response": result}}
    return {"allOf": [success, {**schema, "required": ["response"]} if required else schema]}
