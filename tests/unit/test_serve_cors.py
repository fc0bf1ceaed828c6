"""CORS: who may read an answer, what a preflight says, and what is no origin."""

from __future__ import annotations

import pytest

from core.declare.route import Cors, Route, Routes
from core.serve.cors import answer_preflight, build_finisher, find_mistakes
from core.serve.request import Request
from core.serve.response import Response

FILE = Routes("shop")
SHOP = ["https://shop.example", "https://*.shop.example", "http://localhost:8080"]


def request(origin: str | None, method: str = "GET", **headers: str) -> Request:
    index = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    if origin is not None:
        index[b"origin"] = origin.encode("latin-1")
    return Request(method, "/", index=index)


def finish(cors: Cors, origin: str | None) -> dict[str, str]:
    response = Response({})
    finisher = build_finisher(Route("a", chain=[], cors=cors), FILE, "")
    assert finisher is not None
    finisher(request(origin), response)
    wanted = ("access-control-", "vary")
    return {name.decode(): value.decode() for name, value in response.raw_headers if name.decode().startswith(wanted)}


ADMITTED = ["https://shop.example", "https://a.shop.example", "https://a.b.shop.example", "http://localhost:8080"]


@pytest.mark.parametrize("origin", ADMITTED)
def test_HTTP_8_listed_origins_are_admitted(origin: str) -> None:
    assert finish(Cors(origins=SHOP, credentials=True, expose=["x-a", "x-b"]), origin) == {
        "vary": "origin",
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-a, x-b",
    }


REFUSED = [
    None,
    "",
    "null",
    "https://shop.example.evil.com",
    "https://evilshop.example",
    "https://shopxexample",
    "https://a.shopxexample",
    "https://evil.com/.shop.example",
    "https://evil.com#.shop.example",
    "https://evil.com@.shop.example",
    "https://.shop.example",
    "http://shop.example",
    "https://shop.example:444",
    "https://a.shop.example:444",
    "https://SHOP.example",
    "https://shop.example ",
    "https://shop.example\n",
    "https://*.shop.example",
    "http://localhost",
    "https://" + "a." * 4000 + "shop.example",
    "https://" + "a" * 4000 + "!shop.example",
]


@pytest.mark.parametrize("origin", REFUSED, ids=[repr(origin)[:40] for origin in REFUSED])
def test_HTTP_8_g04_other_origins_get_nothing_but_vary(origin: str | None) -> None:
    assert finish(Cors(origins=SHOP, credentials=True), origin) == {"vary": "origin"}


@pytest.mark.parametrize("origin", ["https://evil.com", "null"])
def test_HTTP_8_g04_a_star_is_never_an_echo(origin: str) -> None:
    assert finish(Cors(), origin) == {"access-control-allow-origin": "*"}


POLICIES = {
    "GET": Cors(origins=SHOP, headers=["content-type", "x-key"], max_age_s=60),
    "HEAD": Cors(origins=SHOP),
    "POST": Cors(origins=["https://shop.example"]),
    "DELETE": None,
}
PREFLIGHTS = {
    "admitted": ("https://shop.example", "GET", "GET, HEAD, POST"),
    "subdomain": ("https://a.shop.example", "GET", "GET, HEAD"),
    "method without CORS": ("https://shop.example", "DELETE", None),
    "method that is not declared": ("https://shop.example", "PUT", None),
    "method in lower case": ("https://shop.example", "get", None),
    "no method": ("https://shop.example", "", None),
    "not for this origin": ("https://a.shop.example", "POST", None),
    "foreign origin": ("https://evil.com", "GET", None),
    "null": ("null", "GET", None),
}


@pytest.mark.parametrize(("origin", "method", "expected"), PREFLIGHTS.values(), ids=PREFLIGHTS)
def test_HTTP_8_preflight_names_declared_methods_only(origin: str, method: str, expected: str | None) -> None:
    asked = request(origin, "OPTIONS", access_control_request_method=method, access_control_request_headers="x-evil")
    answer = answer_preflight(asked, POLICIES)
    assert (answer.status, answer.body, answer.header("allow")) == (204, b"", "GET, HEAD, POST, DELETE, OPTIONS")
    assert {"origin", "access-control-request-method"} <= set((answer.header("vary") or "").split(", "))
    assert answer.header("access-control-allow-methods") == expected
    allowed = expected is not None
    assert answer.header("access-control-allow-origin") == (origin if allowed else None)
    assert answer.header("access-control-allow-headers") == ("content-type, x-key" if allowed else None)
    assert answer.header("access-control-max-age") == ("60" if allowed else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", True),
        ("https://a.example", True),
        ("https://*.a.example:8443", True),
        ("capacitor://localhost", True),
        ("null", False),
        ("a.example", False),
        ("https://a.example/", False),
        ("https://A.example", False),
        ("https://*", False),
        ("https://a.*.example", False),
        ("*.example", False),
        ("", False),
    ],
)
def test_g04_what_can_be_an_origin(text: str, expected: bool) -> None:
    assert (not list(find_mistakes(Cors(origins=[text])))) is expected


def test_routes_without_cors_have_nothing_to_call() -> None:
    assert build_finisher(Route("a", chain=[]), FILE, "2026-01-01") is None


@pytest.mark.parametrize(("modified", "expected"), [("2026-01-02T00:00:00.000Z", "@1767312000"), ("", "@0")])
def test_deprecated_routes_say_since_when(modified: str, expected: str) -> None:
    response = Response({})
    finisher = build_finisher(Route("a", chain=[], deprecated=True), FILE, modified)
    assert finisher is not None
    finisher(request(None), response)
    assert response.header("deprecation") == expected
