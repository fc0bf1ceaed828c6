"""Urls of routes: prefix and path joined, checked and compared.

In: prefix, url and keyword. Out: the full pattern, the names of its variables, and problems of routes that
answer the same requests. Next: `serve/matcher.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.declare.route import METHODS
from core.errors import BadDeclaration, DuplicateIdentity, LoadError, RouteConflict
from core.link.linked import LinkedRoute
from core.source import Source

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")  # that `all=` mounts when they are not named
REST = "rest"  # the variable that a trailing `*` fills

_SEGMENT = re.compile(r":[A-Za-z_][A-Za-z0-9_]*|(?!\.\.?$)[\w.~!$&'()+,;=@-]+")
_SEGMENT_HINT = "a segment is plain text, or a variable /:name of letters, digits and _; the last one may be *"
_RESERVED = re.compile(r"/(docs|api-docs|health(?=/))(/.*)?", re.IGNORECASE)


def expand_keywords(keywords: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Keyword → HTTP methods it mounts; `all` gets those that no other keyword of the path names."""
    methods: dict[str, tuple[str, ...]] = {keyword: (METHODS[keyword][0],) for keyword in keywords}
    if "all" in methods:
        # `index` and its kin append /:id, so on the path itself they leave their method to `all`.
        taken = {METHODS[keyword][0] for keyword in methods if not METHODS[keyword][1]}
        methods["all"] = tuple(method for method in ALL_METHODS if method not in taken)
    return methods


def build_urls(prefixes: Sequence[str], url: str, keyword: str) -> list[tuple[str, str]]:
    """The (prefix, full pattern) pairs of one method: one per prefix, or one for an absolute url."""
    tail = url.removeprefix(".").rstrip("/") + METHODS[keyword][1]
    if url.startswith("/"):
        return [(prefixes[0], tail or "/")]
    return [(prefix, f"{prefix}{tail}" or "/") for prefix in prefixes]


def check_url(url: str, label: str, source: Source) -> str:
    """The prefix of a file or the url of a `Path`, unless it cannot be mounted."""
    relative = label == "path"
    if url and not url.startswith(("./", "/") if relative else "/") and not (relative and url == "."):
        plain = url.lstrip("./")
        hint = f"write './{plain}' below the prefixes, or '/{plain}' for an absolute path" if relative else ""
        raise BadDeclaration(source, f"the {label} '{url}' must start with {'./ or ' if relative else ''}/", hint)
    segments = url.removeprefix(".").rstrip("/").split("/")[1:]
    for index, segment in enumerate(segments):
        is_rest = segment == "*" and relative and index == len(segments) - 1
        if not is_rest and not _SEGMENT.fullmatch(segment):
            raise BadDeclaration(source, f"the {label} '{url}': '{segment}' cannot be a segment", _SEGMENT_HINT)
    return url


def find_variables(pattern: str) -> list[str]:
    """The names of the variables of a full pattern, in order."""
    return [REST if segment == "*" else segment[1:] for segment in pattern.split("/") if segment[:1] in (":", "*")]


def check_pattern(pattern: str, source: Source) -> tuple[str, ...]:
    """The names of the variables of a full pattern in order, each once, unless the path is reserved."""
    names = find_variables(pattern)
    for name in names:
        if names.count(name) > 1:
            hint = "index, update and delete append /:id" if name == "id" else "give them different names"
            raise BadDeclaration(source, f"'{pattern}' has the variable '{name}' twice", hint)
    if _RESERVED.fullmatch(pattern):
        hint = "/docs, /api-docs and /health/* are the server's own"
        raise RouteConflict(source, f"the path '{pattern}' is reserved", hint)
    return tuple(names)


def comparable(pattern: str) -> str:
    """Equal for patterns that answer the same requests: case and variable names do not matter."""
    return re.sub(r":[^/]*", ":", pattern).lower()


def find_conflicts(routes: Iterable[LinkedRoute], hosts: Sequence[str], root: Path) -> Iterator[LoadError]:
    """Routes with equal method and path on one host, and equal identities under one prefix.

    `hosts` are the configured ones: a route without hosts answers on each of them.
    """
    by_path: dict[tuple[str, str, str], LinkedRoute] = {}
    by_identity: dict[tuple[str, str, str], LinkedRoute] = {}
    for route in routes:
        for host in route.host_ids or ("*", *hosts):
            known = by_path.setdefault((host, route.method, comparable(route.url)), route)
            if known is not route:
                on_host = "" if host == "*" else f" on host '{host}'"
                also = "" if route.url == known.url else f" (as {known.url})"
                taken = f"is taken{on_host} by route '{known.identity}' at {known.source.relative_to(root)}{also}"
                yield RouteConflict(route.source, f"{route.label} of route '{route.identity}' {taken}")
            named = by_identity.setdefault((host, route.prefix.lower(), route.identity), route)
            if (named.source, named.url) != (route.source, route.url):
                used = f"is used under '{route.prefix or '/'}' at {named.source.relative_to(root)}, too"
                yield DuplicateIdentity(route.source, f"route identity '{route.identity}' {used}")
