"""Linked routes as an OpenAPI 3.1 document: what `/api-docs` and `server.py openapi` give.

In: `LinkedRoute`s and the settings. Out: a plain dict. Pure, and made from the values that serve requests, so it
cannot tell anything else than what runs. What steps or fields hide with `docs=False` is left out. Before it:
`link/`; beside it: `answer.py` (what comes out); after it: `ui.py` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import Any, Final, get_args

from core.docs.answer import SHARED_RESPONSES, SHARED_SCHEMAS, Schema, build_responses
from core.link.linked import LinkedRoute, LinkedSection, Section
from core.schema.fields import Field
from core.schema.jsonschema import Components, build_field_schema, build_fields_schema, build_object_schema, is_demanded
from core.settings import ServerSettings

VERSION: Final = "3.1.0"
_MEDIA_TYPES: Final = {
    "json": "application/json",
    "urlencoded": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain",
    "raw": "application/octet-stream",
    "stream": "application/octet-stream",
}
#: a path variable that no step reads: one segment, which the gate lets through
_SEGMENT: Final = {"type": "string", "pattern": r"^[^/\\\x00-\x1f\x7f]+$"}
_REST: Final = "rest"


def build_openapi(routes: Sequence[LinkedRoute], settings: ServerSettings) -> dict[str, Any]:
    """The document of every documented route, in the order of the routes files.

    Operations are grouped by routes file: its `name` is their tag. Where two hosts share method and path, the
    first one is described.

    Args:
        routes: everything that was linked; those with `docs=False` are left out.
        settings: title, description and version, and the public address if there is one.

    Shape: an OpenAPI 3.1 document; `operationId` is `<prefix>-<identity of the route>`.
    """
    components = Components()
    components.update({name: dict(schema) for name, schema in SHARED_SCHEMAS.items()})
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, None] = {}
    names: set[str] = set()
    for route in routes:
        path = paths.setdefault(_build_url(route.url), {}) if route.docs else None
        if path is not None and route.method.lower() not in path:
            tags[route.name] = None
            path[route.method.lower()] = _build_operation(
                route, _choose_name(route, names), settings.default_output, components
            )
    docs = settings.docs
    document: dict[str, Any] = {
        "openapi": VERSION,
        "info": {"title": docs.title, "description": docs.description, "version": docs.version},
    }
    if settings.public_url:
        document["servers"] = [{"url": settings.public_url.rstrip("/")}]
    document["tags"] = [{"name": name} for name in tags]
    document["paths"] = paths
    document["components"] = {"schemas": dict(components), "responses": SHARED_RESPONSES}
    return document


def _build_operation(
    route: LinkedRoute, name: str, output: tuple[str, str] | None, components: Components
) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": name, "tags": [route.name]}
    if route.description:
        operation["summary"] = route.description
    if route.deprecated:
        operation["deprecated"] = True
    parameters = _build_parameters(route, components)
    if parameters:
        operation["parameters"] = parameters
    body = _build_request_body(route, components)
    if body is not None:
        operation["requestBody"] = body
    operation["responses"] = build_responses(route, output, components)
    return operation


def _choose_name(route: LinkedRoute, taken: set[str]) -> str:
    """An `operationId` that no other operation has and that stays when other routes come and go."""
    slugs = [re.sub(r"[^A-Za-z0-9_]+", "-", part).strip("-") for part in (route.prefix, route.identity)]
    wanted = "-".join(slug for slug in slugs if slug)
    candidates = chain((wanted, f"{wanted}-{route.method.lower()}"), (f"{wanted}-{number}" for number in count(2)))
    name = next(name for name in candidates if name not in taken)
    taken.add(name)
    return name


def _build_url(pattern: str) -> str:
    """`/todo/:id` → `/todo/{id}`; a trailing `*` is `{rest}`."""
    return "/".join(f"{{{_variable(part)}}}" if _variable(part) else part for part in pattern.split("/")) or "/"


def _variable(segment: str) -> str:
    if segment == "*":
        return _REST
    return segment[1:] if segment.startswith(":") else ""


def _build_parameters(route: LinkedRoute, components: Components) -> list[dict[str, Any]]:
    """Header, query and path parameters; path variables that no step declares are plain text."""
    parameters = [
        _build_parameter(section, field, components)
        for section in ("path", "query", "header")
        for field in _shown_fields(route, section)
    ]
    known = {item["name"] for item in parameters if item["in"] == "path"}
    variables = [name for name in map(_variable, route.url.split("/")) if name and name not in known]
    undeclared = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"} if name == _REST else _SEGMENT}
        for name in variables
    ]
    return [*undeclared, *parameters]


def _shown_fields(route: LinkedRoute, section: Section) -> list[Field]:
    """The fields of a section that a client may set and may know of, merged over the documented steps."""
    names = {field.wire: None for part in _shown_sections(route, section) for field in part.fields}
    fields = [route.parameters[section][name] for name in names]
    return [field for field in fields if field.rule.docs and field.rule.settable]


def _shown_sections(route: LinkedRoute, section: Section) -> Iterator[LinkedSection]:
    for step in route.steps:
        if step.action.docs:
            yield from (part for part in step.sections if part.section == section)


def _build_parameter(section: Section, field: Field, components: Components) -> dict[str, Any]:
    schema = build_field_schema(field, text=True, components=components)
    parameter: dict[str, Any] = {"name": field.wire, "in": section}
    description = schema.pop("description", "")
    if description:
        parameter["description"] = description
    if section == "path" or is_demanded(field):
        parameter["required"] = True
    if section == "query" and field.type.kind in ("object", "map"):
        parameter |= {"style": "deepObject", "explode": True}
    return {**parameter, "schema": schema}


def _build_request_body(route: LinkedRoute, components: Components) -> dict[str, Any] | None:
    """The body that the documented steps read; `None` where none of them reads one."""
    sections = list(_shown_sections(route, "body"))
    if not sections or route.body.type == "none":
        return None
    schema, required = _build_body_schema(route, sections, components)
    return {"required": required, "content": {_MEDIA_TYPES[route.body.type]: {"schema": schema}}}


def _build_body_schema(
    route: LinkedRoute, sections: list[LinkedSection], components: Components
) -> tuple[Schema, bool]:
    """The schema, and whether a request without a body is refused."""
    text = route.body.type in ("urlencoded", "multipart")
    for section in sections:
        if section.schema_of == "list":
            item = build_object_schema(get_args(section.annotation)[0], text=text, components=components)
            return {"type": "array", "items": item}, True
    fields = _shown_fields(route, "body")
    required = any(is_demanded(field) for field in fields)
    if not fields:
        is_text = all(section.schema_of in ("raw", "text", "stream") for section in sections)
        return {"type": "string"} if is_text else {"type": "object"}, False
    if len(sections) == 1:
        return build_object_schema(sections[0].annotation, text=text, components=components), required
    return build_fields_schema(fields, text=text, components=components), required
