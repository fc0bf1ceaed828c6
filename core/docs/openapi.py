"""Linked routes as an OpenAPI 3.1 document: what `/api-docs` and `server.py openapi` give.

In: `LinkedRoute`s and the settings. Out: a plain dict. Pure, and made from the values that serve requests, so it
cannot tell anything else than what runs. Before it: `link/`; beside it: `parameter.py` (what goes in) and
`answer.py` (what comes out); after it: `ui.py` shows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from core.docs.answer import SHARED_RESPONSES, SHARED_SCHEMAS, build_responses
from core.docs.parameter import build_parameters, build_request_body, build_url
from core.link.linked import LinkedRoute
from core.schema.jsonschema import Components
from core.settings import ServerSettings

VERSION: Final = "3.1.0"


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
        path = paths.setdefault(build_url(route.url), {}) if route.docs else None
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
    parameters = build_parameters(route, components)
    if parameters:
        operation["parameters"] = parameters
    body = build_request_body(route, components)
    if body is not None:
        operation["requestBody"] = body
    operation["responses"] = build_responses(route, output, components)
    return operation


def _choose_name(route: LinkedRoute, taken: set[str]) -> str:
    """An `operationId` that no other operation has and that stays when other routes come and go."""
    wanted = "-".join(part for part in (_slug(route.prefix), _slug(route.identity)) if part)
    for name in (wanted, f"{wanted}-{route.method.lower()}", f"{route.method.lower()}-{_slug(route.url)}"):
        if name not in taken:
            taken.add(name)
            return name
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    taken.add(f"{wanted}-{number}")
    return f"{wanted}-{number}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")
