"""From method, host and path to a route: one dict lookup, else a walk through a tree of segments.

In: every `LinkedRoute`, once; per request what `gate.py` checked. Out: `Match(route, values)`, or 404 or 405.
The cost does not grow with the number of routes. Next: `limits.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from core.errors import MethodNotAllowed, NotFound
from core.link.linked import LinkedRoute
from core.serve.gate import METHODS
from core.serve.hosts import Hosts

#: name of the path value that a trailing `*` fills
REST: Final = "rest"
_KNOWN_NAMES_MAX: Final = 256
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
        static: path → method → match, for routes without variables.
        single: path without its last segment → method → route and name, where only that one is a variable.
        root: the tree; it holds the routes of `single`, too.
    """

    __slots__ = ("root", "single", "static")

    def __init__(self, routes: Iterable[LinkedRoute]) -> None:
        self.static: dict[str, dict[str, Match]] = {}
        self.single: dict[str, dict[str, tuple[LinkedRoute, str]]] = {}
        self.root = _Node()
        empty_rests: list[tuple[str, LinkedRoute]] = []
        for route in routes:
            segments = _split(route.url)
            if not any(segment.startswith(":") or segment == "*" for segment in segments):
                self._add_static(route.url.rstrip("/"), Match(route, {}))
                continue
            self._add_variable(route, segments)
            if segments[-1] == "*" and ":" not in route.url:
                empty_rests.append((route.url.removesuffix("/*"), route))
        for path, route in empty_rests:  # after the static ones, which go before
            self._add_static(path, Match(route, {REST: ""}))

    def _add_static(self, path: str, match: Match) -> None:
        methods = self.static.setdefault(f"{path.lower()}/", {})
        methods.setdefault(match.route.method, match)
        if match.route.method == "GET":
            methods.setdefault("HEAD", match)
        # As declared, in lower case, and with one more slash: what clients send is found without changing it.
        for spelling in (path, path.lower(), f"{path}/"):
            self.static[spelling] = methods

    def _add_variable(self, route: LinkedRoute, segments: Sequence[str]) -> None:
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
        if len(variables) == 1 and segments[-1].startswith(":"):
            head = route.url.rstrip("/").rpartition("/")[0]
            methods = self.single.setdefault(head.lower(), {})
            _add_method(methods, route.method, (route, variables[0][0]))
            self.single[head] = methods


class Matcher:
    """Finds the route of a request.

    Routes of the most specific host id are tried first, then those of less specific ones, then those without
    a host id, which are reachable on every host (mia.js hid them on virtual hosts).

    Args:
        routes: everything that was linked.
        hosts: the configured hosts.
    """

    def __init__(self, routes: Sequence[LinkedRoute], hosts: Hosts) -> None:
        ids = dict.fromkeys(host_id for route in routes for host_id in route.host_ids)
        self._hosts = hosts
        self._by_id = {host_id: _Table(route for route in routes if host_id in route.host_ids) for host_id in ids}
        self._general = _Table(route for route in routes if not route.host_ids)
        self._by_name: dict[str, tuple[_Table, ...]] = {}

    def match(self, method: str, host_name: str, path: str) -> Match:
        """The route that answers.

        Args:
            method: one of `gate.METHODS`.
            host_name: in lower case, without port.
            path: decoded and checked by the gate.

        Raises:
            Misdirected: this server does not answer for the host.
            MethodNotAllowed: the path exists, the method on it does not.
            NotFound: nothing lives there.
        """
        for table in self._by_name.get(host_name) or self._tables(host_name):
            static = table.static
            methods = static.get(path) or static.get(path.lower())
            if methods is not None:
                match = methods.get(method)
                if match is not None:
                    return match
            # Nothing but a static route goes before literals that end in one variable: no need for the tree.
            head, _, last = path.rpartition("/")
            if last:
                singles = table.single.get(head) or table.single.get(head.lower())
                if singles is not None and method in singles:
                    route, name = singles[method]
                    return Match(route, {name: last})
            segments = path[1:].split("/")
            if not segments[-1]:
                segments.pop()
            target = _search(table.root, segments, 0, method)
            if target is not None:
                return _build_match(target, segments, path)
        allow = self.allowed(host_name, path)
        if allow:
            raise MethodNotAllowed(allow)
        raise NotFound

    def find(self, host_name: str, path: str) -> dict[str, LinkedRoute]:
        """Method → route for everything a path answers, `HEAD` included; empty when nothing lives there."""
        found: dict[str, LinkedRoute] = {}
        for table in self._by_name.get(host_name) or self._tables(host_name):
            for method, match in table.static.get(path.lower(), {}).items():
                found.setdefault(method, match.route)
            for targets in _walk(table.root, _split(path), 0):
                for method, target in targets.items():
                    found.setdefault(method, target.route)
        return found

    def allowed(self, host_name: str, path: str) -> tuple[str, ...]:
        """What belongs into `Allow`: the methods of a path, and OPTIONS where one of them has CORS."""
        found = self.find(host_name, path)
        methods = {*found, *(("OPTIONS",) if any(route.cors for route in found.values()) else ())}
        return tuple(method for method in METHODS if method in methods)

    def _tables(self, host_name: str) -> tuple[_Table, ...]:
        ids = self._hosts.resolve(host_name)
        tables = (*(self._by_id[host_id] for host_id in ids if host_id in self._by_id), self._general)
        if len(self._by_name) >= _KNOWN_NAMES_MAX:  # below a wildcard, clients choose the names
            self._by_name.clear()
        self._by_name[host_name] = tables
        return tables


def _add_method(methods: dict[str, _T], method: str, target: _T) -> None:
    methods[method] = target
    if method == "GET":
        methods.setdefault("HEAD", target)


def _split(path: str) -> list[str]:
    """Segments of a path or pattern, one trailing slash ignored."""
    path = path[1:].removesuffix("/")
    return path.split("/") if path else []


def _search(node: _Node, segments: Sequence[str], depth: int, method: str) -> _Target | None:
    """The target for a method: literals before variables before `*`, and back again from a dead end."""
    for index in range(depth, len(segments)):
        segment = segments[index]
        child = node.literals.get(segment) or node.literals.get(segment.lower())
        variable = node.variable if segment else None
        if child is not None:
            if variable is None and not node.rest:
                node = child
                continue
            found = _search(child, segments, index + 1, method)
            if found is not None:
                return found
        if variable is not None:
            if not node.rest:
                node = variable
                continue
            found = _search(variable, segments, index + 1, method)
            if found is not None:
                return found
        return node.rest.get(method)
    return node.targets.get(method) or node.rest.get(method)


def _walk(node: _Node, segments: Sequence[str], depth: int) -> Iterator[dict[str, _Target]]:
    """Every place a path leads to, in the order of `_search`."""
    if depth == len(segments):
        yield node.targets
    else:
        child = node.literals.get(segments[depth].lower())
        for following in (child, node.variable if segments[depth] else None):
            if following is not None:
                yield from _walk(following, segments, depth + 1)
    yield node.rest


def _build_match(target: _Target, segments: Sequence[str], path: str) -> Match:
    values = {name: segments[index] for name, index in target.variables}
    if target.rest_at >= 0:
        # Cut from the path, so that a trailing slash stays: an upstream may tell `a` from `a/`.
        values[REST] = path[1:].split("/", target.rest_at)[-1] if len(segments) > target.rest_at else ""
    return Match(target.route, values)
