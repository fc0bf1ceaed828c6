"""What an operation answers, in OpenAPI terms: envelopes of results and of errors, by status.

In: a `LinkedRoute`. Out: plain dicts. The schema of a result is what the route says in `response_schemes`, else
what the steps of its chain are annotated to return. Next: `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from core.docs.annotation import describe_type, join_results, read_result
from core.link.linked import LinkedRoute, LinkedStep
from core.schema.jsonscalar import Schema
from core.schema.jsonschema import Components

SHARED_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Success": {
        "type": "object",
        "description": "The envelope of every result.",
        "properties": {
            "status": {"type": "integer", "description": "The HTTP status once more."},
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
            "status": {"type": "integer", "description": "The HTTP status once more."},
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
_ANY: Final = "*/*"
_ERROR: Final = {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
SHARED_RESPONSES: Final[Mapping[str, Any]] = {
    "Error": {
        "description": (
            "Whatever else goes wrong: BadRequest (400), NotFound (404), PayloadTooLarge (413), UriTooLong (414), "
            "UnsupportedMediaType (415), HeadersTooLarge (431), ServiceUnavailable or RequestTimeout (503)"
        ),
        "content": _ERROR,
    }
}
_EMPTY_OBJECT: Final = {_JSON: {"schema": {"type": "object", "maxProperties": 0}}}


def build_responses(route: LinkedRoute, output: tuple[str, str] | None, components: Components) -> dict[str, Any]:
    """Every declared status with its codes, and `default` for what core answers by itself.

    Args:
        route: the operation.
        output: identity and version of the step that writes the JSON envelope.
        components: gets the schemas of classes.
    """
    declared = dict(route.responses)
    if not any(200 <= status < 300 for status in declared):
        declared[200] = ("Success",)
    responses: dict[str, Any] = {}
    for status in sorted(declared):
        response: dict[str, Any] = {"description": ", ".join(declared[status]) or _phrase(status)}
        content = _build_content(route, status, output, components)
        responses[str(status)] = {**response, "content": content} if content else response
    return {**responses, "default": {"$ref": "#/components/responses/Error"}}


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "Response")


def _build_content(
    route: LinkedRoute, status: int, output: tuple[str, str] | None, components: Components
) -> dict[str, Any]:
    if status == HTTPStatus.NO_CONTENT or 300 <= status < 400:
        return {}
    is_success = status < 300
    for key in (status, str(status), "success" if is_success else "error"):
        if key in route.response_schemes:
            scheme = route.response_schemes[key]
            is_schema = isinstance(scheme, Mapping)
            return {_JSON: {"schema": scheme if is_schema else _wrap(describe_type(scheme, components))}}
    if is_success:
        return _build_success(route, output, components)
    return _EMPTY_OBJECT if status == HTTPStatus.PRECONDITION_FAILED else _ERROR


def _build_success(route: LinkedRoute, output: tuple[str, str] | None, components: Components) -> dict[str, Any]:
    """The envelope with what the chain gives; any content where something else than the envelope is sent."""
    result = join_results([read_result(step) for step in route.steps[: route.output_at]])
    if result.is_response or any(_writes_other(step, output) for step in route.steps[route.output_at :]):
        return {_ANY: {}}
    schemas: dict[str, Schema] = {}
    for kind in result.types:
        schema = describe_type(kind, components)
        schemas.setdefault(repr(schema), schema)
    found = list(schemas.values())
    if {} in found or not found:
        return {_JSON: {"schema": _wrap({} if found else None, required=result.is_certain)}}
    joined = found[0] if len(found) == 1 else {"anyOf": found}
    return {_JSON: {"schema": _wrap(joined, required=result.is_certain)}}


def _writes_other(step: LinkedStep, output: tuple[str, str] | None) -> bool:
    """Whether a step after the chain answers with something else than the JSON envelope."""
    return (step.identity, step.version) != output and read_result(step).is_response


def _wrap(result: Schema | None, *, required: bool = True) -> Schema:
    """The envelope around a result; `None` where there is none."""
    success = {"$ref": "#/components/schemas/Success"}
    if result is None:
        return success
    schema: Schema = {"type": "object", "properties": {"response": result}}
    return {"allOf": [success, {**schema, "required": ["response"]} if required else schema]}
