"""The plain values of routes and routes files: limits, times, words.

In: declarations. Out: nothing, or a `BadDeclaration` at their line. An editor shows most of these mistakes;
here they are caught for everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from core.declare.route import Body, Cors, Overflow, RateLimit, Route, Routes
from core.errors import BadDeclaration
from core.source import Source

#: arguments that are values of our own
_TYPES: Mapping[str, type[Any]] = {"cors": Cors, "rate_limit": RateLimit, "body": Body}


def is_in_mode(environments: Collection[str], mode: str) -> bool:
    """Whether something exists in a mode: it names the mode, or none at all."""
    return not environments or mode in environments


def check_shape(file: Routes) -> None:
    """Refuse a routes file that cannot even be walked through.

    Raises:
        BadDeclaration: a list that is none.
    """
    for name in ("before", "after", "errors", "paths"):
        if not isinstance(getattr(file, name), list | tuple):
            message = f"{name} must be a list, not {getattr(file, name)!r}"
            raise BadDeclaration(file.source, message)
    for name in ("prefix", "host_id", "environment"):
        value = getattr(file, name)
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            raise BadDeclaration(file.source, f"{name} must be a text or a list of texts, not {value!r}")
    _expect_text(file.group, "a routes file needs a group", 'Routes(group="…")', file.source)


def check_values(declared: Routes | Route, label: str = "") -> None:
    """Refuse plain values of a routes file or route that make no sense.

    Args:
        declared: the file or route.
        label: begins the message.

    Raises:
        BadDeclaration: the first such value.
    """
    source, limit, cors = declared.source, declared.rate_limit, declared.cors
    if isinstance(declared, Route):
        _expect_text(declared.identity, "a route needs an identity", 'Route("…", chain=[…])', source)
        format_modified(declared)
    for name, kind in _TYPES.items():
        value = getattr(declared, name)
        if value is not None and not isinstance(value, kind):
            raise BadDeclaration(source, f"{label}{name} must be {kind.__name__}(…), not {value!r}")
    if cors is not None and cors.credentials and "*" in cors.origins:
        hint = "any page could act for its visitor; name the origins"
        raise BadDeclaration(source, f"{label}Cors with credentials cannot admit every origin", hint)
    if limit is not None and not (is_over(limit.requests, 0) and is_over(limit.per_s, 0)):
        raise BadDeclaration(source, f"{label}a rate limit needs at least one request and a time: {limit}")
    if declared.timeout_s is not None and not is_over(declared.timeout_s, 0):
        raise BadDeclaration(source, f"{label}timeout_s must be over 0, not {declared.timeout_s!r}")
    overflow = declared.parameter_overflow
    if overflow is not None and overflow not in get_args(Overflow):
        hint = f"one of {', '.join(get_args(Overflow))}"
        raise BadDeclaration(source, f"{label}parameter_overflow cannot be {overflow!r}", hint)


def is_over(value: object, least: float) -> bool:
    """Whether something is a number over a limit."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > least


def _expect_text(value: object, message: str, hint: str, source: Source) -> None:
    if not isinstance(value, str) or not value:
        raise BadDeclaration(source, message, hint)


def format_modified(route: Route) -> str:
    """The last change of a route as ISO-8601 in UTC, as listings print it; empty when it names none.

    Raises:
        BadDeclaration: a text that is no date.
    """
    at = route.modified
    if at is None:
        return ""
    try:
        at = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    except (ValueError, TypeError):
        message = f"route '{route.identity}': modified cannot be {at!r}"
        raise BadDeclaration(route.source, message, "an ISO date such as 2026-11-20") from None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
