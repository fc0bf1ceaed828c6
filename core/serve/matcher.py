"""From method, host and path to a route: one dict lookup, else a walk through a tree of segments.

In: every `LinkedRoute`, once; per request what `gate.py` checked. Out: `Match(route, values)`, or 404 or 405.
The cost does not grow with the number of routes. Next: `context.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from core.errors import MethodNotAllowed, NotFound
from core.link.linked import LinkedRoute
from core.serve.gate import METHODS
from core.serve.hosts import Hosts

#: name of the path value that a trailing `*` fills
REST: Final = "rest"
_T = TypeVar("_T")


class Match(NamedTuple):
    """A route and the variables of its path; literals match in any case, variables keep theirs."""

    route: LinkedRoute
    values: Mapping[str, str]


class _Target(NamedTuple):
    """A route with variables: (name, index of its segment), and where the trailing `*` begins, or -1."""

    route: LinkedRoute
    variables: tuple[tuple[str, int], ...]
    rest_at: int


class _Node:
    """A segment of the tree: `targets` end here, `rest` swallows what follows. Both by method."""

    __slots__ = ("literals", "rest", "targets", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.targets: dict[str, _Target] = {}
        self.rest: dict[str, _Target] = {}


class _Table:
    """The routes of one host id, or those that belong to none.

    Attributes:
        static: path → method → match, for routes without variables; they go before all others.
        single: path without its last segment → method → route and name, where only that one is a variable.
        root: the tree; it holds the routes of `single`, too.
    """

    def __init__(self, routes: Iterable[LinkedRoute]) -> None:
        self.static: dict[str, dict[str, Match]] = {}
        self.single: dict[str, dict[str, tuple[LinkedRoute, str]]] = {}
        self.root = _Node()
        for route in sorted(routes, key=lambda route: route.url.endswith("/*")):
            base, star, _ = route.url.partition("/*")
            if "/:" not in base:
                self._add_static(base.rstrip("/"), Match(route, {REST: ""} if star else {}))
            if star or "/:" in base:
                self._add_variable(route)

    def _add_static(self, path: str, match: Match) -> None:
        methods = self.static.setdefault(path.lower(), {})
        _add_method(methods, match.route.method, match)
        # As declared, in lower case, and with one more slash: what clients send is found without changing it.
        for spelling in (path, f"{path}/", f"{path.lower()}/"):
            self.static[spelling] = methods

    def _add_variable(self, route: LinkedRoute) -> None:
        segments = _split(route.url)
        node = self.root
        variables: list[tuple[str, int]] = []
        for index, segment in enumerate(segments):
            if segment == "*":
                _add_method(node.rest, route.method, _Target(route, tuple(variables), index))
                return
            if segment.startswith(":"):
                variables.append((segment[1:], index))
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                child = node.literals.setdefault(segment.lower(), _Node())
                node.literals[segment] = child
                node = child
        _add_method(node.targets, route.method, _Target(route, tuple(variables), -1))
        if [index for _, index in variables] == [len(segments) - 1]:
            head = route.url.rstrip("/").rpartition("/")[0]
            methods = self.single.setdefault(head.lower(), {})
            _add_method(methods, route.method, (route, variables[0][0]))
            self.single[head] = methods

    def find(self, method: str, path: str) -> Match | None:
        """The route for a method of a path."""
        methods = self.static.get(path) or self.static.get(path.lower())
        if methods is not None and method in methods:
            return methods[method]
        # Nothing but a static route goes before literals that end in one variable: no need for the tree.
        head, _, last = path.rpartition("/")
        if last:
            singles = self.single.get(head) or self.single.get(head.lower())
            if singles is not None and method in singles:
                route, name = singles[method]
                return Match(route, {name: last})
        segments = _split(path)
        target = _search(self.root, segments, 0, method)
        if target is None:
            return None
        values = {name: segments[index] for name, index in target.variables}
        if target.rest_at >= 0:
            # Cut from the path, so that a trailing slash stays: an upstream may tell `a` from `a/`.
            values[REST] = path[1:].split("/", target.rest_at)[-1] if len(segments) > target.rest_at else ""
        return Match(target.route, values)


class Matcher:
    """Finds the route of a request.

    Routes of the most specific host id are tried first, then those of less specific ones, then those without
    a host id, which are reachable on every host (mia.js hid them on virtual hosts).
    """

    def __init__(self, routes: Sequence[LinkedRoute], hosts: Hosts) -> None:
        ids = dict.fromkeys(host_id for route in routes for host_id in route.host_ids)
        by_id = {host_id: _Table(route for route in routes if host_id in route.host_ids) for host_id in ids}
        general = _Table(route for route in routes if not route.host_ids)

        @lru_cache(maxsize=256)  # below a wildcard, clients choose the names
        def find_tables(host_name: str) -> tuple[_Table, ...]:
            return (*(by_id[host_id] for host_id in hosts.resolve(host_name) if host_id in by_id), general)

        self._tables = find_tables

    def match(self, method: str, host_name: str, path: str) -> Match:
        """The route that answers; all three as the gate gives them.

        Raises:
            Misdirected: this server does not answer for the host.
            MethodNotAllowed: the path exists, the method on it does not.
            NotFound: nothing lives there.
        """
        for table in self._tables(host_name):
            if (match := table.find(method, path)) is not None:
                return match
        allow = self.allowed(host_name, path)
        if allow:
            raise MethodNotAllowed(allow)
        raise NotFound

    def allowed(self, host_name: str, path: str) -> tuple[str, ...]:
        """What belongs into `Allow`: the methods of a path, and OPTIONS where one of them has CORS."""
        found = self.routes_at(host_name, path)
        cors = any(route.cors for route in found.values())
        return tuple(method for method in METHODS if method in found or (cors and method == "OPTIONS"))

    def routes_at(self, host_name: str, path: str) -> dict[str, LinkedRoute]:
        """Method → route of a path."""
        tables = self._tables(host_name)[::-1]  # the most specific one wins
        found = {method: match for method in METHODS for table in tables if (match := table.find(method, path))}
        return {method: match.route for method, match in found.items()}


def _add_method(methods: dict[str, _T], method: str, target: _T) -> None:
    """The first one stays: what is static goes before what a `*` leaves empty."""
    methods.setdefault(method, target)
    if method == "GET":
        methods.setdefault("HEAD", target)


def _split(path: str) -> list[str]:
    """Segments of a path or pattern, one trailing slash ignored."""
    segments = path[1:].split("/")
    if not segments[-1]:
        segments.pop()
    return segments


def _search(node: _Node, segments: Sequence[str], depth: int, method: str) -> _Target | None:
    """The target for a method: literals before variables before `*`, and back again from a dead end."""
    if depth == len(segments):
        return node.targets.get(method) or node.rest.get(method)
    segment = segments[depth]
    child = node.literals.get(segment) or node.literals.get(segment.lower())
    found = _search(child, segments, depth + 1, method) if child is not None else None
    if found is None and node.variable is not None and segment:
        found = _search(node.variable, segments, depth + 1, method)
    return found or node.rest.get(method)
