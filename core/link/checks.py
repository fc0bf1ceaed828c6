"""The plain values of routes and routes files: limits, times, words.

In: declarations. Out: nothing, or a `BadDeclaration` at their line. An editor shows most of these mistakes;
here they are caught for everybody.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import get_args

from core.declare.route import Cors, Overflow, RateLimit, Route, Routes
from core.errors import BadDeclaration
from core.source import Source


def is_in_mode(environments: Collection[str], mode: str) -> bool:
    """Whether something exists in a mode: it names the mode, or none at all."""
    return not environments or mode in environments


def check_file(file: Routes) -> None:
    """Refuse a routes file whose plain values make no sense.

    Raises:
        BadDeclaration: the first such value.
    """
    if not file.group:
        raise BadDeclaration(file.source, "a routes file needs a group", 'Routes(group="…")')
    _check_common(file.cors, file.rate_limit, file.timeout_s, file.parameter_overflow, "", file.source)


def check_route(route: Route) -> None:
    """Refuse a route whose plain values make no sense.

    Raises:
        BadDeclaration: the first such value.
    """
    if not route.identity:
        raise BadDeclaration(route.source, "a route needs an identity", 'Route("…", chain=[…])')
    label = f"route '{route.identity}': "
    _check_common(
        route.cors, route.rate_limit, route.timeout_s, route.parameter_overflow, label, route.source
    )
    format_modified(route)


def _check_common(
    cors: Cors | None,
    limit: RateLimit | None,
    timeout_s: float | None,
    overflow: str | None,
    label: str,
    source: Source,
) -> None:
    if cors is not None and cors.credentials and "*" in cors.origins:
        hint = "any page could act for its visitor; name the origins"
        raise BadDeclaration(source, f"{label}Cors with credentials cannot admit every origin", hint)
    if limit is not None and (limit.requests < 1 or limit.per_s <= 0):
        message = f"{label}a rate limit needs at least one request and a time: {limit}"
        raise BadDeclaration(source, message)
    if timeout_s is not None and timeout_s <= 0:
        raise BadDeclaration(source, f"{label}timeout_s must be over 0, not {timeout_s}")
    if overflow is not None and overflow not in get_args(Overflow):
        hint = f"one of {', '.join(get_args(Overflow))}"
        raise BadDeclaration(source, f"{label}parameter_overflow cannot be '{overflow}'", hint)


def format_modified(route: Route) -> str:
    """The last change of a route as ISO-8601 in UTC, as listings print it; empty when it names none.

    Raises:
        BadDeclaration: a text that is no date.
    """
    at = route.modified
    if at is None:
        return ""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            message = f"route '{route.identity}': modified cannot be '{at}'"
            raise BadDeclaration(route.source, message, "an ISO date such as 2026-11-20") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
