"""Which route answers: literals, variables, rests, hosts, methods; and that many routes cost no more than few."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.declare.route import Body, Cors
from core.errors import MethodNotAllowed, Misdirected, NotFound
from core.link.linked import LinkedRoute
from core.serve.hosts import Hosts
from core.serve.matcher import Matcher
from core.settings import Host
from core.source import Source


def route(label: str, *host_ids: str, cors: Cors | None = None) -> LinkedRoute:
    """A route by its label: `GET /a/:id`."""
    method, url = label.split(" ")
    values: dict[str, Any] = dict.fromkeys(LinkedRoute.__slots__, ())
    values |= {
        "method": method,
        "url": url,
        "host_ids": host_ids,
        "cors": cors,
        "body": Body(),
        "source": Source("", 1),
    }
    return LinkedRoute(**values)


def matcher(*labels: str) -> Matcher:
    return Matcher([route(label) for label in labels], Hosts())


ROUTES = (
    "GET /",
    "GET /demo/v1/todo",
    "POST /demo/v1/todo",
    "GET /demo/v1/todo/:id",
    "PUT /demo/v1/todo/:id",
    "GET /demo/v1/todo/mine",
    "GET /demo/v1/todo/:id/items/:item",
    "GET /demo/v1/:kind/all",
    "GET /Demo/v2/ValidateAccessKey",
    "GET /Demo/v2/Keys/:Id",
    "GET /a/b/:x",
    "GET /a/:y/c",
    "GET /a/:y/c/d",
    "POST /a/b/c",
    "GET /files/*",
    "GET /files/special/:name/info",
    "GET /files/fixed",
    "GET /:tenant/x/:b/*",
)

MATCHES = [
    ("GET", "/", "GET /", {}),
    ("GET", "/demo/v1/todo", "GET /demo/v1/todo", {}),
    ("POST", "/demo/v1/todo", "POST /demo/v1/todo", {}),
    ("HEAD", "/demo/v1/todo", "GET /demo/v1/todo", {}),
    ("GET", "/demo/v1/todo/", "GET /demo/v1/todo", {}),
    ("GET", "/DEMO/v1/ToDo", "GET /demo/v1/todo", {}),
    ("GET", "/DEMO/v1/ToDo/", "GET /demo/v1/todo", {}),
    ("GET", "/demo/v1/todo/5F", "GET /demo/v1/todo/:id", {"id": "5F"}),
    ("GET", "/demo/v1/todo/5F/", "GET /demo/v1/todo/:id", {"id": "5F"}),
    ("GET", "/DEMO/v1/TODO/5F", "GET /demo/v1/todo/:id", {"id": "5F"}),
    ("PUT", "/demo/v1/todo/5F", "PUT /demo/v1/todo/:id", {"id": "5F"}),
    ("HEAD", "/demo/v1/todo/5F", "GET /demo/v1/todo/:id", {"id": "5F"}),
    ("GET", "/demo/v1/todo/mine", "GET /demo/v1/todo/mine", {}),
    ("PUT", "/demo/v1/todo/mine", "PUT /demo/v1/todo/:id", {"id": "mine"}),
    ("GET", "/demo/v1/todo/1/ITEMS/2", "GET /demo/v1/todo/:id/items/:item", {"id": "1", "item": "2"}),
    ("GET", "/demo/v1/todo/1/items/2/", "GET /demo/v1/todo/:id/items/:item", {"id": "1", "item": "2"}),
    ("GET", "/demo/v1/todo/all", "GET /demo/v1/todo/:id", {"id": "all"}),
    ("GET", "/demo/v1/users/all", "GET /demo/v1/:kind/all", {"kind": "users"}),
    ("GET", "/demo/v2/validateaccesskey", "GET /Demo/v2/ValidateAccessKey", {}),
    ("GET", "/Demo/v2/ValidateAccessKey/", "GET /Demo/v2/ValidateAccessKey", {}),
    ("GET", "/Demo/v2/Keys/A", "GET /Demo/v2/Keys/:Id", {"Id": "A"}),
    ("GET", "/demo/v2/keys/A", "GET /Demo/v2/Keys/:Id", {"Id": "A"}),
    ("GET", "/a/b/c", "GET /a/b/:x", {"x": "c"}),
    ("POST", "/a/b/c", "POST /a/b/c", {}),
    ("GET", "/a/b/c/d", "GET /a/:y/c/d", {"y": "b"}),
    ("GET", "/a/z/c", "GET /a/:y/c", {"y": "z"}),
    ("GET", "/demo/v1/todo/a b", "GET /demo/v1/todo/:id", {"id": "a b"}),
    ("GET", "/demo/v1/todo/%2e", "GET /demo/v1/todo/:id", {"id": "%2e"}),
    ("GET", "/demo/v1/todo/:id", "GET /demo/v1/todo/:id", {"id": ":id"}),
    ("GET", "/demo/v1/todo/*", "GET /demo/v1/todo/:id", {"id": "*"}),
    ("GET", "/files", "GET /files/*", {"rest": ""}),
    ("GET", "/files/", "GET /files/*", {"rest": ""}),
    ("GET", "/files/A", "GET /files/*", {"rest": "A"}),
    ("HEAD", "/FILES/A/b/", "GET /files/*", {"rest": "A/b/"}),
    ("GET", "/files/fixed", "GET /files/fixed", {}),
    ("GET", "/files/fixed/x", "GET /files/*", {"rest": "fixed/x"}),
    ("GET", "/files/special/n/info", "GET /files/special/:name/info", {"name": "n"}),
    ("GET", "/files/special/n/other", "GET /files/*", {"rest": "special/n/other"}),
    ("GET", "/T/x/B/1/2", "GET /:tenant/x/:b/*", {"tenant": "T", "b": "B", "rest": "1/2"}),
    ("GET", "/files/x/B", "GET /files/*", {"rest": "x/B"}),
]


@pytest.mark.parametrize(("method", "path", "label", "values"), MATCHES, ids=[f"{m} {p}" for m, p, _, _ in MATCHES])
def test_routes_that_answer(method: str, path: str, label: str, values: dict[str, str]) -> None:
    for labels in (ROUTES, ROUTES[::-1]):
        match = matcher(*labels).match(method, "localhost", path)
        assert (match.route.label, dict(match.values)) == (label, values)


@pytest.mark.parametrize(
    "path", ["/x", "/demo", "/demo/v1", "/demo/v1/todo/1/items", "/a", "/a/b/x/y", "/t/x", "/t/y/b"]
)
def test_paths_where_nothing_lives(path: str) -> None:
    with pytest.raises(NotFound):
        matcher(*ROUTES).match("GET", "localhost", path)


@pytest.mark.parametrize("path", ["//", "/demo//v1/todo", "/demo/v1/todo//", "//demo/v1/todo", "/demo/v1/todo/1//"])
def test_http_5_empty_segments_match_no_literal(path: str) -> None:
    routes = [label for label in ROUTES if "*" not in label]
    with pytest.raises(NotFound):
        matcher(*routes).match("GET", "localhost", path)


NOT_ALLOWED = [
    ("DELETE", "/demo/v1/todo", "GET, HEAD, POST"),
    ("PATCH", "/demo/v1/todo/", "GET, HEAD, POST"),
    ("DELETE", "/demo/v1/todo/1", "GET, HEAD, PUT"),
    ("DELETE", "/demo/v1/todo/mine", "GET, HEAD, PUT"),
    ("PUT", "/a/b/c", "GET, HEAD, POST"),
    ("OPTIONS", "/files/x", "GET, HEAD"),
    ("POST", "/", "GET, HEAD"),
]


@pytest.mark.parametrize(("method", "path", "allow"), NOT_ALLOWED, ids=[f"{m} {p}" for m, p, _ in NOT_ALLOWED])
def test_http_7_other_methods_are_405_with_allow(method: str, path: str, allow: str) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        matcher(*ROUTES).match(method, "localhost", path)
    assert caught.value.headers["Allow"] == allow


def test_http_7_options_is_allowed_where_a_route_has_cors() -> None:
    found = Matcher([route("GET /a/:id", cors=Cors()), route("PUT /a/:id"), route("GET /b")], Hosts())
    assert found.allowed("", "/a/1") == ("GET", "HEAD", "PUT", "OPTIONS")
    assert found.allowed("", "/b") == ("GET", "HEAD")
    assert found.allowed("", "/c") == ()


def test_everything_a_path_answers() -> None:
    found = matcher(*ROUTES)
    assert found.allowed("localhost", "/DEMO/v1/todo/mine/") == ("GET", "HEAD", "PUT")


def test_a_dead_end_falls_back_to_variables() -> None:
    found = matcher("GET /a/b/c/d", "GET /:w/b/:x/e", "GET /a/:x/c/:y/g", "GET /*")
    assert found.match("GET", "", "/a/b/c/d").route.url == "/a/b/c/d"
    assert found.match("GET", "", "/a/b/c/e").values == {"w": "a", "x": "c"}
    assert found.match("GET", "", "/a/b/c/d/g").values == {"x": "b", "y": "d"}
    assert found.match("GET", "", "/a/b/c/f").values == {"rest": "a/b/c/f"}
    assert found.match("GET", "", "/").values == {"rest": ""}


def test_a_rest_gives_way_to_everything_else() -> None:
    found = matcher("GET /a/*", "GET /a/:x", "POST /a/:x/y", "GET /*")
    assert found.match("GET", "", "/a/1").route.url == "/a/:x"
    assert found.match("GET", "", "/a/1/y").route.url == "/a/*"
    assert found.match("POST", "", "/a/1/y").route.url == "/a/:x/y"
    assert found.match("GET", "", "/b").route.url == "/*"


# Hosts

HOSTS = Hosts([Host("api", ["api.example.com", "API2.example.com."]), Host("any", ["*.example.com"]), Host("x", ["x"])])


def test_routes_of_a_host_go_before_those_without() -> None:
    shared, own, other = route("GET /a/:id"), route("GET /a/:name", "api"), route("GET /b", "x")
    found = Matcher([shared, own, other], HOSTS)
    assert found.match("GET", "api.example.com", "/a/1").route is own
    assert found.match("GET", "api2.example.com", "/a/1").route is own
    assert found.match("GET", "www.example.com", "/a/1").route is shared
    assert found.match("GET", "x", "/a/1").route is shared
    assert found.match("GET", "x", "/b").route is other
    with pytest.raises(NotFound):
        found.match("GET", "api.example.com", "/b")


def test_b07_a_variable_of_the_host_goes_before_a_literal_of_all() -> None:
    own, shared = route("GET /a/:name", "api"), route("GET /a/b")
    found = Matcher([shared, own], HOSTS)
    assert found.match("GET", "api.example.com", "/a/b").route is own
    assert found.match("GET", "www.example.com", "/a/b").route is shared


def test_methods_of_all_hosts_of_a_name_count() -> None:
    found = Matcher([route("GET /a", "api"), route("POST /a", "any"), route("PUT /a")], HOSTS)
    assert found.match("POST", "api.example.com", "/a").route.host_ids == ("any",)
    assert found.match("PUT", "api.example.com", "/a").route.host_ids == ()
    assert found.allowed("api.example.com", "/a") == ("GET", "HEAD", "POST", "PUT")
    assert found.allowed("x", "/a") == ("PUT",)


def test_a_route_with_two_hosts_is_on_both() -> None:
    found = Matcher([route("GET /a", "api", "x")], HOSTS)
    assert found.match("GET", "x", "/a").route is found.match("GET", "api.example.com", "/a").route
    with pytest.raises(NotFound):
        found.match("GET", "www.example.com", "/a")


def test_http_3_a_foreign_host_is_misdirected() -> None:
    found = Matcher([route("GET /a")], HOSTS)
    with pytest.raises(Misdirected):
        found.match("GET", "evil.com", "/a")


def test_names_that_clients_choose_do_not_pile_up() -> None:
    found = Matcher([route("GET /a")], HOSTS)
    for number in range(1_000):
        found.match("GET", f"h{number}.example.com", "/a")
    assert found._tables.cache_info().currsize <= 256


# Against a simple reference


def simple_match(labels: list[str], path: str) -> str | None:
    """Every pattern tried; the best is the one with the earliest literals, `*` last."""
    segments = [segment for segment in path.split("/") if segment]
    found = []
    for label in labels:
        pattern = [segment for segment in label.split(" ")[1].split("/") if segment]
        ranks = []
        for index, part in enumerate(pattern):
            if part == "*":
                ranks.append(2)
                break
            if index >= len(segments) or not (part.startswith(":") or part == segments[index]):
                break
            ranks.append(1 if part.startswith(":") else 0)
        rest = pattern[-1:] == ["*"]
        if len(ranks) == len(pattern) and (rest or len(pattern) == len(segments)):
            found.append((not any(ranks), ranks, label))
    static = [label for is_static, _, label in found if is_static]
    return (static or [label for _, _, label in sorted(found, key=lambda item: item[1])] or [None])[0]


PATTERNS = st.lists(st.sampled_from(["a", "b", ":x"]), min_size=1, max_size=4).flatmap(
    lambda parts: st.sampled_from([parts, [*parts[:-1], "*"]])
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PATTERNS, max_size=8), st.lists(st.sampled_from(["a", "b", "c"]), max_size=4))
def test_the_tree_agrees_with_trying_every_pattern(patterns: list[list[str]], segments: list[str]) -> None:
    labels = list(dict.fromkeys("GET /" + "/".join(pattern) for pattern in patterns))
    path = "/" + "/".join(segments)
    try:
        answer = matcher(*labels).match("GET", "", path).route.label
    except NotFound:
        answer = None
    assert answer == simple_match(labels, path)


def test_the_cost_does_not_grow_with_the_routes() -> None:
    """Nodes visited, not time: a tree over 5,000 routes is no deeper than one over 5."""
    numbers = list(range(5_000))
    random.Random(1).shuffle(numbers)
    found = matcher(*(f"GET /r{number}/:id/x" for number in numbers))
    table = found._tables("")[-1]
    visited = 0
    node = table.root
    for segment in ("r17", "5", "x"):
        visited += 1
        node = node.literals.get(segment) or node.variable
    assert visited == 3
    assert node.targets["GET"].route.url == "/r17/:id/x"
    assert found.match("GET", "", "/r17/5/x").values == {"id": "5"}
