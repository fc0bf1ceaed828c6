"""Urls of routes: prefix and path joined, checked and made comparable.

In: prefix, url and keyword. Out: the full pattern, the names of its variables, and a key that is equal for
two patterns which answer the same requests. Next: `conflicts.py`, `serve/matcher.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.declare.route import METHODS
from core.errors import BadDeclaration, RouteConflict
from core.source import Source

#: HTTP methods that `all=` mounts when they are not named
ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: variable that a trailing `*` fills
REST = "rest"

_VARIABLE = re.compile(r":[A-Za-z_]\w*", re.ASCII)
_LITERAL = re.compile(r"[\w.~!$&'()+,;=@-]+")


def expand_keywords(keywords: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Keyword → HTTP methods it mounts; `all` gets those that no other keyword of the path names."""
    named = {keyword: METHODS[keyword][0] for keyword in keywords if keyword != "all"}
    methods: dict[str, tuple[str, ...]] = {keyword: (method,) for keyword, method in named.items()}
    if "all" in keywords:
        # `index` and its kin append /:id, so on the path itself they leave their method to `all`.
        taken = {method for keyword, method in named.items() if not METHODS[keyword][1]}
        methods["all"] = tuple(method for method in ALL_METHODS if method not in taken)
    return methods


def build_urls(prefixes: Iterable[str], url: str, keyword: str) -> list[tuple[str, str]]:
    """The (prefix, full pattern) pairs of one method: one per prefix, or one for an absolute url."""
    prefixes = list(prefixes)
    extension = METHODS[keyword][1]
    relative = url.startswith(".")
    tail = (url[1:] if relative else url).rstrip("/") + extension
    if not relative:
        return [(prefixes[0], tail or "/")]
    return [(prefix, f"{prefix}{tail}" or "/") for prefix in prefixes]


def check_prefix(prefix: str, source: Source) -> None:
    """Refuse a prefix that cannot be mounted.

    Raises:
        BadDeclaration: it does not start with `/`, or is badly formed.
    """
    if prefix and not prefix.startswith("/"):
        raise BadDeclaration(source, f"the prefix '{prefix}' must start with /", f"write '/{prefix}'")
    if prefix:
        _check_segments(prefix, f"the prefix '{prefix}'", source, rest=False)


def check_url(url: str, source: Source) -> None:
    """Refuse a url of a `Path` that cannot be mounted.

    Raises:
        BadDeclaration: it starts neither with `./` nor with `/`, or is badly formed.
    """
    if not isinstance(url, str):
        raise BadDeclaration(source, f"a path must be a text, not {url!r}")
    if not (url in (".", "./") or url.startswith(("./", "/"))):
        hint = f"write './{url.lstrip('./')}' below the prefixes, or '/{url.lstrip('./')}' for an absolute path"
        raise BadDeclaration(source, f"the path '{url}' must start with ./ or /", hint)
    tail = url.removeprefix(".").removesuffix("/")
    if tail:
        _check_segments(tail, f"the path '{url}'", source, rest=True)


def _check_segments(path: str, label: str, source: Source, *, rest: bool) -> None:
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        if not segment:
            raise BadDeclaration(source, f"{label} has an empty segment (//)")
        if segment == "*" and rest and index == len(segments) - 1:
            continue
        if "*" in segment:
            raise BadDeclaration(source, f"{label}: * may only be the last segment", "name a variable instead: /:name")
        if segment in (".", ".."):
            raise BadDeclaration(source, f"{label} has a segment '{segment}'", "clients resolve it before they ask")
        if not (_VARIABLE if segment.startswith(":") else _LITERAL).fullmatch(segment):
            what = "variable" if segment.startswith(":") else "segment"
            raise BadDeclaration(
                source,
                f"{label}: '{segment}' cannot be a {what}",
                "variables are /:name, letters digits and _; literals are plain text",
            )


def check_pattern(pattern: str, source: Source) -> None:
    """Refuse a full pattern that contradicts itself or takes a path of the server's own.

    Raises:
        BadDeclaration: a variable is named twice.
        RouteConflict: the path is reserved.
    """
    names = variables_of(pattern)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        hint = "index, update and delete append /:id" if twice == ["id"] else "give them different names"
        raise BadDeclaration(source, f"'{pattern}' has the variable '{twice[0]}' twice", hint)
    first, *more = (segment.lower() for segment in pattern[1:].split("/"))
    if first in ("docs", "api-docs") or (first == "health" and more):
        hint = "/docs, /api-docs and /health/* are the server's own"
        raise RouteConflict(source, f"the path '{pattern}' is reserved", hint)


def variables_of(pattern: str) -> tuple[str, ...]:
    """The names of the variables of a pattern in order; a trailing `*` is `rest`."""
    segments = pattern[1:].split("/")
    return tuple(
        REST if segment == "*" else segment[1:] for segment in segments if segment == "*" or segment.startswith(":")
    )


def comparable(pattern: str) -> str:
    """Equal for patterns that answer the same requests: case and variable names do not matter."""
    segments = pattern.split("/")
    return "/".join(":" if segment.startswith(":") else segment.lower() for segment in segments)
