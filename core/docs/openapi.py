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
from core.link.paths import REST, comparable, find_variables
from core.schema.fields import Field
from core.schema.jsonschema import Components, build_field_schema, build_object_schema
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


def build_openapi(routes: Sequence[LinkedRoute], settings: ServerSettings) -> dict[str, Any]:
    """The document of every documented route, in the order of the routes files.

    Operations are grouped by routes file: its `name` is their tag. Where two hosts share method and path, the
    first one is described; where urls differ in case or names of variables only, those of the first one are taken.

    Args:
        routes: everything that was linked; those with `docs=False` are left out.
        settings: title, description and version, and the public address if there is one.

    Shape: an OpenAPI 3.1 document; `operationId` is `<prefix>-<identity of the route>`.
    """
    components = Components()
    components.update({name: dict(schema) for name, schema in SHARED_SCHEMAS.items()})
    paths: dict[str, dict[str, Any]] = {}
    urls: dict[str, str] = {}
    tags: dict[str, None] = {}
    names: set[str] = set()
    for route in [route for route in routes if route.docs]:
        url = urls.setdefault(comparable(route.url), route.url)
        path = paths.setdefault(_build_url(url), {})
        if route.method.lower() not in path:
            tags[route.name] = None
            path[route.method.lower()] = _build_operation(
                route, url, _choose_name(route, names), settings.default_output, components
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
    route: LinkedRoute, url: str, name: str, output: tuple[str, str] | None, components: Components
) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": name, "tags": [route.name]}
    if route.description:
        operation["summary"] = route.description
    if route.deprecated:
        operation["deprecated"] = True
    parameters = _build_parameters(route, url, components)
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
    return re.sub(r"[:*](\w*)", lambda found: f"{{{found[1] or REST}}}", pattern) or "/"


def _build_parameters(route: LinkedRoute, url: str, components: Components) -> list[dict[str, Any]]:
    """Header, query and path parameters; path variables have their names in `url`, undeclared ones are plain text."""
    names = dict(zip(find_variables(route.url), find_variables(url), strict=True))
    declared = [
        _build_parameter(route, section, field, components)
        for section in ("path", "query", "header")
        for field in _shown_fields(route, section)
    ]
    known = {item["name"] for item in declared if item["in"] == "path"}
    undeclared = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"} if name == REST else _SEGMENT}
        for name in names
        if name not in known
    ]
    parameters = [*undeclared, *declared]
    return [{**item, "name": names[item["name"]]} if item["in"] == "path" else item for item in parameters]


def _shown_fields(route: LinkedRoute, section: Section) -> list[Field]:
    """The fields of a section that a client may set and may know of, merged over the documented steps."""
    names = {field.wire: None for part in _shown_sections(route, section) for field in part.fields}
    fields = [route.parameters[section][name] for name in names]
    return [field for field in fields if field.rule.docs and field.rule.settable]


def _shown_sections(route: LinkedRoute, section: Section) -> Iterator[LinkedSection]:
    for step in route.steps:
        if step.action.docs:
            yield from (part for part in step.sections if part.section == section)


def _build_parameter(route: LinkedRoute, section: Section, field: Field, components: Components) -> dict[str, Any]:
    schema = build_field_schema(field, text=True, components=components)
    parameter: dict[str, Any] = {"name": field.wire, "in": section}
    description = schema.pop("description", "")
    if description:
        parameter["description"] = description
    # Who sends a virtual field need not send what that gives.
    if section == "path" or (field.is_demanded and not any(one.rule.virtual for one in _shown_fields(route, section))):
        parameter["required"] = True
    if section == "query" and field.type.kind in ("object", "map"):
        parameter |= {"style": "deepObject", "explode": True}
    if section != "query" and field.type.item is not None:  # commas do not part its text
        schema["maxItems"] = 1
    return {**parameter, "schema": schema}


def _build_request_body(route: LinkedRoute, components: Components) -> dict[str, Any] | None:
    """The body that the documented steps read, each by its own rules; `None` where none of them reads one."""
    sections = list(_shown_sections(route, "body"))
    if not sections or route.body.type == "none":
        return None
    text = route.body.type in ("urlencoded", "multipart")
    found = {repr(schema): schema for schema in (_describe_body(part, text, components) for part in sections)}
    schema = {"allOf": list(found.values())} if len(found) > 1 else next(iter(found.values()))
    settable = [field for part in sections for field in part.fields if field.rule.settable]
    required = any(part.shape == "list" for part in sections) or any(field.is_demanded for field in settable)
    return {"required": required, "content": {_MEDIA_TYPES[route.body.type]: {"schema": schema}}}


def _describe_body(section: LinkedSection, text: bool, components: Components) -> Schema:
    if section.shape == "list":
        item = build_object_schema(get_args(section.annotation)[0], text=text, components=components)
        return {"type": "array", "items": item}
    if section.fields:
        return build_object_schema(section.annotation, text=text, components=components)
    return {"type": "object" if section.shape == "free" else "string"}
