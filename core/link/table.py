"""The linked route table for people and tools: `server.py routes`.

In: `LinkedRoute`s, the values that serve requests. Out: rows of plain JSON, and text for a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.link.linked import LinkedRoute, LinkedStep


def build_table(routes: Sequence[LinkedRoute], root: Path) -> list[dict[str, Any]]:
    """One row per route, by url and method."""
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
            "chain": [step.action.label for step in route.steps],
            "errors": [step.action.label for step in route.error_steps],
            "authorization": route.authorization,
            "deprecated": route.deprecated,
            "parameters": {section: sorted(fields) for section, fields in route.parameters.items() if fields},
            "responses": {str(status): list(codes) for status, codes in route.responses.items()},
            "source": str(route.source.relative_to(root)),
        }
        for route in sorted(routes, key=lambda route: (route.url.lower(), route.method, route.host_ids))
    ]


def format_table(routes: Sequence[LinkedRoute], root: Path) -> str:
    """The table as aligned text: method, url, host, chain, source."""
    rows = [
        (row["method"], row["url"], ",".join(row["host"]), " → ".join(row["chain"]), row["source"])
        for row in build_table(routes, root)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def explain_route(route: LinkedRoute, root: Path) -> str:
    """Everything a request of this route runs through, one line each, in order."""
    body, reads = route.body, ", ".join(sorted(route.reads)) or "nothing"
    lines = [
        f"{route.label}  ({route.identity}, {route.source.relative_to(root)})",
        f"  reads {reads}; body {body.type} up to {body.limit_bytes} bytes; deadline {route.timeout_s:g} s",
    ]
    for section in route.sections:
        names = ", ".join(field.wire for field in section.fields) or section.shape
        lines.append(f"  check {section.section}: {names} → slot {section.slot}")
        lines += [f"      {line}" for line in getattr(section.check, "__source__", "").splitlines()]
    for index, step in enumerate(route.steps, 1):
        lines.append(f"  {index}. {step.action.label} ({step.action.source.relative_to(root)}){_effects(step)}")
    lines += [f"  error: {step.action.label}" for step in route.error_steps]
    return "\n".join([*lines, "  error: core's JSON envelope"])


def _effects(step: LinkedStep) -> str:
    parts = [f"{name}=slot {slot}" for name, slot in step.arguments]
    parts += [f"{name}={value!r}" for name, value in step.options.items()]
    if step.action.provides is not None:
        parts.append(f"provides {step.action.provides.__name__} → slot {step.provides_slot}")
    return f" [{step.kind}] {', '.join(parts)}".rstrip()
