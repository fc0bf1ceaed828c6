"""The linked route table for people and tools: `server.py routes`.

In: `LinkedRoute`s. Out: rows of plain JSON in order of prefix, path and method, and text for a terminal.
The same values that serve requests, so it cannot tell anything else than what runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.link.linked import LinkedRoute, LinkedStep


def sort_routes(routes: Sequence[LinkedRoute]) -> list[LinkedRoute]:
    """Routes by url and method."""
    return sorted(routes, key=lambda route: (route.url.lower(), route.method, route.host_ids))


def build_table(routes: Sequence[LinkedRoute], root: Path) -> list[dict[str, Any]]:
    """One row per route.

    Shape: `{method, url, id, keyword, host, group, version, prefix, chain: [label], errors: [label],
    authorization, deprecated, parameters: {section: [names]}, responses: {status: [codes]}, source}`.
    """
    return [
        {
            "method": route.method,
            "url": route.url or "/",
            "id": route.identity,
            "keyword": route.keyword,
            "host": list(route.host_ids) or ["*"],
            "group": route.group,
            "version": route.version,
            "prefix": route.prefix or "/",
            "chain": [step.label for step in route.steps],
            "errors": [f"{step.identity}@{step.version}.{step.function}" for step in route.error_steps],
            "authorization": route.authorization,
            "deprecated": route.deprecated,
            "parameters": {section: sorted(fields) for section, fields in route.parameters.items() if fields},
            "responses": {str(status): list(codes) for status, codes in route.responses.items()},
            "source": str(route.source.relative_to(root)),
        }
        for route in sort_routes(routes)
    ]


def format_table(routes: Sequence[LinkedRoute], root: Path) -> str:
    """The table as aligned text: method, url, host, chain, source."""
    rows = [
        (
            route.method,
            route.url or "/",
            ",".join(route.host_ids) or "*",
            " → ".join(step.label for step in route.steps),
            str(route.source.relative_to(root)),
        )
        for route in sort_routes(routes)
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def explain_route(route: LinkedRoute, root: Path) -> str:
    """Everything a request of this route runs through, one line each, in order."""
    return "\n".join(_explain(route, root))


def _explain(route: LinkedRoute, root: Path) -> Iterator[str]:
    yield f"{route.label}  ({route.identity}, {route.source.relative_to(root)})"
    reads = ", ".join(sorted(route.reads)) or "nothing"
    body = f"body {route.body.type} up to {route.body.limit_bytes} bytes"
    yield f"  reads {reads}; {body}; deadline {route.timeout_s:g} s"
    for section in route.sections:
        names = ", ".join(field.wire for field in section.fields) or section.schema_of
        yield f"  check {section.section}: {names} → slot {section.slot}"
    for index, step in enumerate(route.steps):
        yield f"  {index + 1}. {step.label} ({step.source.relative_to(root)}){_effects(step)}"
    for error_step in route.error_steps:
        yield f"  error: {error_step.identity}@{error_step.version}.{error_step.function}"
    yield "  error: core's JSON envelope"


def _effects(step: LinkedStep) -> str:
    parts = [f"{name}=slot {slot}" for name, slot in step.arguments]
    parts += [f"{name}={value!r}" for name, value in step.options.items()]
    if step.provides is not None:
        parts.append(f"provides {step.provides.__name__} → slot {step.provides_slot}")
    return f" [{step.kind}] {', '.join(parts)}".rstrip()
