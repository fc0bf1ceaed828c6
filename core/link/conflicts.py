"""Routes against each other: no two may answer the same request or share an identity.

In: linked routes. Out: problems that name both declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.errors import DuplicateIdentity, RouteConflict
from core.link.linked import LinkedRoute
from core.link.paths import comparable
from core.load.loader import Loaded
from core.load.problems import Problems
from core.source import Source

_ANY_HOST = "*"


def check_conflicts(routes: Iterable[LinkedRoute], hosts: Sequence[str], loaded: Loaded, problems: Problems) -> None:
    """Report routes with equal method and path on one host, and equal identities under one prefix.

    Args:
        routes: all of them.
        hosts: ids of the configured hosts; a route without hosts answers on each of them.
        loaded: names files relative to its root.
        problems: gets a `RouteConflict` or `DuplicateIdentity` per clash.
    """
    by_path: dict[tuple[str, str, str], LinkedRoute] = {}
    by_identity: dict[tuple[str, str, str], LinkedRoute] = {}
    for route in routes:
        for host in route.host_ids or (_ANY_HOST, *hosts):
            known = by_path.setdefault((host, route.method, comparable(route.url)), route)
            if known is not route:
                problems.add(_explain_path(route, known, host, loaded.relative(known.source)))
            named = by_identity.setdefault((host, route.prefix.lower(), route.identity), route)
            if (named.source, named.url) != (route.source, route.url):
                problems.add(_explain_identity(route, loaded.relative(named.source)))


def _explain_path(route: LinkedRoute, known: LinkedRoute, host: str, place: Source) -> RouteConflict:
    on_host = "" if host == _ANY_HOST else f" on host '{host}'"
    also = "" if route.url == known.url else f" (as {known.url})"
    taken = f"is taken{on_host} by route '{known.identity}' at {place}{also}"
    return RouteConflict(route.source, f"{route.label} of route '{route.identity}' {taken}")


def _explain_identity(route: LinkedRoute, place: Source) -> DuplicateIdentity:
    return DuplicateIdentity(
        route.source, f"route identity '{route.identity}' is used under '{route.prefix or '/'}' at {place}, too"
    )
