"""What a listing says about a route: versions 1.0 and 2.0 of mia's service entries.

In: linked routes. Out: plain dicts. Pure; the same values that serve the requests, so a listing cannot lie.
Source: mia.js 2.16; types, attributes and the three statuses that every service lists are mia's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from core import WireCode
from generic.libs.attributes import listing_attributes

#: what every service may answer, whatever its steps declare
_ALWAYS: Final[Mapping[int, tuple[WireCode, ...]]] = {
    400: (
        WireCode.UNEXPECTED_DEFAULT_VALUE,
        WireCode.UNEXPECTED_TYPE,
        WireCode.MIN_LENGTH_UNDERACHIEVED,
        WireCode.MAX_LENGTH_EXCEEDED,
        WireCode.MIN_VALUE_UNDERACHIVED,
        WireCode.MAX_VALUE_EXCEEDED,
        WireCode.VALUE_NOT_ALLOWED,
        WireCode.PATTERN_MISMATCH,
        WireCode.MISSING_REQUIRED_PARAMETER,
    ),
    429: (WireCode.RATE_LIMIT_EXCEEDED,),
    500: (WireCode.INTERNAL_SERVER_ERROR,),
}


def list_siblings(routes: Iterable[Any], route: Any) -> list[Any]:
    """The routes of the same host, prefix, group and version, in the order of their declaration."""
    wanted = _place_of(route)
    return [other for other in routes if _place_of(other) == wanted]


def _place_of(route: Any) -> tuple[Any, ...]:
    return (frozenset(route.host_ids), route.prefix.lower(), route.group.strip().lower(), route.version.strip().lower())


def describe_service(route: Any, base_url: str) -> dict[str, Any]:
    """The entry of version 2.0.

    Shape: `{modified?, method, url, id, parameters?: {section: {name: attributes}},
    responses: {status: [codes]}, deprecated?, authorization}`.
    """
    entry: dict[str, Any] = {}
    if route.modified:
        entry["modified"] = route.modified
    entry |= {"method": route.method, "url": f"{base_url}{route.url or '/'}", "id": route.identity}
    parameters = _describe_parameters(route)
    if parameters:
        entry["parameters"] = parameters
    entry["responses"] = _merge_responses(route.responses)
    if route.deprecated:
        entry["deprecated"] = True
    entry["authorization"] = route.authorization
    return entry


def describe_service_v1(route: Any, base_url: str) -> dict[str, Any]:
    """The entry of version 1.0.

    Shape: `{modified?, url, requiresSession, name, requestMethods: [method], deprecated?}`.
    """
    entry: dict[str, Any] = {"modified": route.modified} if route.modified else {}
    entry |= {
        "url": f"{base_url}{route.url or '/'}",
        "requiresSession": route.authorization,
        "name": route.identity,
        "requestMethods": [route.method],
    }
    if route.deprecated:
        entry["deprecated"] = True
    return entry


def _describe_parameters(route: Any) -> dict[str, Any]:
    return {
        section: {name: listing_attributes(field) for name, field in fields.items()}
        for section, fields in route.parameters.items()
        if fields
    }


def _merge_responses(declared: Mapping[int, Iterable[str]]) -> dict[str, list[str]]:
    merged: dict[int, dict[str, None]] = {}
    for responses in (_ALWAYS, declared):
        for status, codes in responses.items():
            merged.setdefault(status, {}).update(dict.fromkeys(map(str, codes)))
    return {str(status): list(merged[status]) for status in sorted(merged)}
