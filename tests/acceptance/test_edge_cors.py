"""CORS and deprecation over HTTP: answers, errors, preflights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge import edge_server
from tests.server import Server

SHOP = "https://shop.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with edge_server("") as running:
        yield running


ANSWERS = {
    "answer": ("GET", "/edge/shop", 200),
    "error of a step": ("GET", "/edge/shop-fail", 500),
    "body too large": ("POST", "/edge/shop", 413),
}


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS.values(), ids=ANSWERS)
def test_HTTP_8_every_answer_of_the_route_can_be_read(method: str, path: str, status: int, server: Server) -> None:
    answer = server.request(method, path, body=b"x" * 600_000 if status == 413 else b"", origin=SHOP)
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == "x-total"
    assert "origin" in answer.headers["vary"]
    foreign = server.request(method, path, origin="https://evil.com")
    assert not [name for name in foreign.headers if name.startswith("access-control-")]
    assert "origin" in foreign.headers["vary"]


def test_HTTP_8_preflight(server: Server) -> None:
    asked = {"origin": SHOP, "access_control_request_method": "POST"}
    answer = server.request("OPTIONS", "/edge/shop", **asked)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    refused = server.request("OPTIONS", "/edge/shop/1", **asked | {"access_control_request_method": "DELETE"})
    assert (refused.status, refused.headers["allow"]) == (405, "DELETE")


def test_HTTP_8_routes_without_cors_answer_no_preflight(server: Server) -> None:
    answer = server.request("OPTIONS", "/edge/tell", origin=SHOP, access_control_request_method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "vary" not in server.get("/edge/tell", origin=SHOP).headers


def test_g04_open_routes_echo_nobody(server: Server) -> None:
    for origin in ("https://evil.com", "null"):
        headers = server.get("/edge/open", origin=origin).headers
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers


def test_deprecated_routes_announce_it(server: Server) -> None:
    answer = server.get("/edge/open")
    assert answer.headers["deprecation"] == "@1767312000"
    assert answer.json()["deprecated"] is True
    assert answer.json()["notice"]
    assert "deprecation" not in server.get("/edge/tell").headers
