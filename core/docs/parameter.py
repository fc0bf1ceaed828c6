"""What an operation reads, in OpenAPI terms: its url, header, query and path parameters, and its body.

In: a `LinkedRoute`. Out: plain dicts. What steps or fields hide with `docs=False` is left out; parameters are
the merged ones of the whole chain. Next: `openapi.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from core.link.linked import LinkedRoute, LinkedSection, Section
from core.schema.fields import Field
from core.schema.jsonscalar import Schema
from core.schema.jsonschema import Components, build_field_schema, build_fields_schema, build_object_schema, is_demanded

_MEDIA_TYPES: Final = {
    "json": "application/json",
    "urlencoded": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain",
    "raw": "application/octet-stream",
}
#: a path variable that no step reads: one segment, which the gate lets through
_SEGMENT: Final = {"type": "string", "pattern": r"^[^/\\\x00-\x1f\x7f]+$"}
_REST: Final = "rest"


def build_url(pattern: str) -> str:
    """`/todo/:id` → `/todo/{id}`; a trailing `*` is `{rest}`."""
    return "/".join(_template(segment) for segment in pattern.split("/")) or "/"


def _template(segment: str) -> str:
    name = _variable(segment)
    return f"{{{name}}}" if name else segment


def _variable(segment: str) -> str:
    if segment == "*":
        return _REST
    return segment[1:] if segment.startswith(":") else ""


def build_parameters(route: LinkedRoute, components: Components) -> list[dict[str, Any]]:
    """Header, query and path parameters; path variables that no step declares are plain text."""
    parameters = [
        _build_parameter(section, field, components)
        for section in ("path", "query", "header")
        for field in shown_fields(route, section)
    ]
    known = {item["name"] for item in parameters if item["in"] == "path"}
    variables = [name for name in map(_variable, route.url.split("/")) if name and name not in known]
    undeclared = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"} if name == _REST else _SEGMENT}
        for name in variables
    ]
    return [*undeclared, *parameters]


def shown_fields(route: LinkedRoute, section: Section) -> list[Field]:
    """The fields of a section that a client may set and may know of, merged over the documented steps."""
    names = {field.wire: None for part in _shown_sections(route, section) for field in part.fields}
    fields = [route.parameters[section][name] for name in names]
    return [field for field in fields if field.rule.docs and field.rule.settable]


def _shown_sections(route: LinkedRoute, section: Section) -> Iterator[LinkedSection]:
    for step in route.steps:
        if step.docs:
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


def build_request_body(route: LinkedRoute, components: Components) -> dict[str, Any] | None:
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
    fields = shown_fields(route, "body")
    required = any(is_demanded(field) for field in fields)
    if not fields:
        is_text = all(section.schema_of in ("raw", "text", "stream") for section in sections)
        return {"type": "string"} if is_text else {"type": "object"}, False
    if len(sections) == 1:
        return build_object_schema(sections[0].annotation, text=text, components=components), required
    return build_fields_schema(fields, text=text, components=components), required
