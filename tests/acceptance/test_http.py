"""The demo over HTTP as clients meet it: bad bodies and targets, connections, conditional and compressed answers."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.rig.raw_http import RawConnection, raw_connection
from tests.server import Server, make_demo_root, start_server

TODO = "/demo/v1/todo"


@pytest.fixture(scope="module")
def server(mongo_url: str) -> Iterator[Server]:
    root = make_demo_root()
    with start_server(root, CATENA_MONGO_URL=mongo_url.replace("/?", "/test_http?")) as running:
        yield running
    shutil.rmtree(root)


@pytest.fixture
def connection(server: Server) -> Iterator[RawConnection]:
    with raw_connection(server.port) as opened:
        yield opened


BAD_BODIES = {
    "malformed": (b'{"name": ', 400),
    "no object": (b'"milk"', 400),
    "trailing data": (b'{"name": "a"} x', 400),
    "not UTF-8": (b'{"name": "\xff\xfe"}', 400),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), 400),
    "lone surrogate": (b'{"name": "\\ud800"}', 400),
    "duplicate key": (b'{"name": "a", "name": "b"}', 400),
    "duplicate key below": (b'{"name": "a", "x": [{"y": 1, "y": 2}]}', 400),
    "NaN": (b'{"name": NaN}', 400),
    "infinite": (b'{"name": Infinity}', 400),
    "huge integer": (b'{"name": 18446744073709551616}', 400),
    "long number": (b'{"name": 0.' + b"1" * 60 + b"}", 400),
    "too deep": (b'{"name": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "very deep": (b"[" * 5000 + b"]" * 5000, 400),
    "too many keys": (json.dumps({f"k{index}": 0 for index in range(10_001)}).encode(), 400),
    "too many items": (json.dumps({"x": [0] * 10_001}).encode(), 400),
    "operator": (b'{"name": {"$ne": null}}', 400),
    "reserved key": (b'{"__proto__": {"x": 1}}', 400),
    "long text": (json.dumps({"name": "a" * 70_000}).encode(), 400),
    "too large": (b'{"name": "' + b"a" * (600 * 1024) + b'"}', 413),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_body_is_answered_in_the_envelope(body: bytes, status: int, connection: RawConnection) -> None:
    connection.send("POST", TODO, body)
    got, headers, answer = connection.read()
    assert got == status
    envelope = json.loads(answer)
    assert envelope["status"] == status
    assert {"code", "msg"} <= set(envelope["errors"][0])
    assert envelope["errors"][0]["msg"]
    assert headers["content-type"].startswith("application/json")
    if headers.get("connection") != "close":
        connection.send("GET", f"{TODO}?limit=1")
        assert connection.read()[0] == 200


KEPT = [name for name in BAD_BODIES if name != "too large"]


@pytest.mark.parametrize("name", KEPT)
def test_bad_body_keeps_the_connection_in_order(name: str, connection: RawConnection) -> None:
    connection.send("POST", TODO, BAD_BODIES[name][0])
    connection.send("GET", f"{TODO}?limit=1")  # already on the way when the first one is answered
    connection.send("GET", "/demo/v1/nowhere")
    assert [connection.read()[0] for _ in range(3)] == [400, 200, 404]


def test_a_chunked_body_beyond_the_limit_is_refused(server: Server, connection: RawConnection) -> None:
    body = b"".join(b"10000\r\n" + b" " * 0x10000 + b"\r\n" for _ in range(9)) + b"0\r\n\r\n"
    connection.send("POST", TODO, body, Transfer_Encoding="chunked")
    assert connection.read()[0] == 413
    assert server.get("/health/live").status == 200


def test_other_content_types_are_415(server: Server) -> None:
    answer = server.request("POST", TODO, body=b"name=a", content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.json()["errors"][0]["code"]) == (415, "UnsupportedMediaType")


def test_every_broken_rule_is_listed_at_once(server: Server) -> None:
    answer = server.request("PUT", f"{TODO}/xyz", json_body={"name": "", "status": "maybe"})
    assert answer.status == 400
    found = {(item["code"], item["id"], item["in"]) for item in answer.json()["errors"]}
    assert found == {
        ("UnexpectedType", "id", "path"),
        ("MinLengthUnderachieved", "name", "body"),
        ("ValueNotAllowed", "status", "body"),
    }


TARGETS = [
    ("/nowhere", 404),
    ("/demo/v1/todo/x/y", 404),
    ("/demo//v1/todo", 404),
    ("/demo/v1/todo?limit=1&limit=%zz", 400),
    ("/demo/v1/%2e%2e/todo", 400),
    ("/demo/v1%2ftodo", 400),
    ("/demo/v1/%ff", 400),
    ("/demo/v1/todo?x[$ne]=1", 400),
    (f"/demo/v1/todo?{'a' * 9000}", 414),
    (f"/demo/v1/todo?{'&'.join(f'a{index}=1' for index in range(300))}", 400),
]


@pytest.mark.parametrize(("path", "status"), TARGETS, ids=[path[:30] for path, _ in TARGETS])
def test_bad_targets(path: str, status: int, connection: RawConnection) -> None:
    connection.send("GET", path)
    got, _, body = connection.read()
    assert (got, json.loads(body)["status"]) == (status, status)


def test_paths_match_in_any_case_with_a_slash_behind(server: Server) -> None:
    assert server.get("/DEMO/V1/Todo/").status == 200


@pytest.mark.parametrize(
    ("path", "allow"), [(TODO, "GET, HEAD, POST"), (f"{TODO}/{'a' * 24}", "GET, HEAD, PUT, DELETE")]
)
@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "PURGE"])
def test_unknown_method_is_405_with_allow(method: str, path: str, allow: str, connection: RawConnection) -> None:
    connection.send(method, path)
    status, headers, body = connection.read()
    assert status == 405
    assert json.loads(body)["errors"][0]["code"] == "MethodNotAllowed"
    if method in {"PATCH", "OPTIONS"}:
        assert headers["allow"] == allow


def test_too_many_headers_are_431(connection: RawConnection) -> None:
    connection.send("GET", TODO, **{f"X_{index}": "1" for index in range(120)})
    assert connection.read()[0] == 431


@pytest.mark.parametrize("path", [TODO, "/nowhere", f"{TODO}?limit=x"])
def test_debug_header_changes_nothing(path: str, server: Server) -> None:
    plain, debug = server.get(path), server.get(path, debug="true")
    assert (debug.status, debug.body) == (plain.status, plain.body)
    assert "debug" not in debug.json()


def test_requests_have_an_id(server: Server) -> None:
    first, second = (server.get(TODO).headers["x-request-id"] for _ in range(2))
    assert first != second
    assert re.fullmatch(r"[0-9a-f-]{16,36}", first)


def test_unchanged_answers_are_304(server: Server) -> None:
    first = server.get(f"{TODO}?limit=1")
    etag = first.headers["etag"]
    assert etag.startswith('W/"')
    again = server.get(f"{TODO}?limit=1", if_none_match=etag)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    assert server.get(f"{TODO}?limit=1", if_none_match='"other", ' + etag).status == 304
    assert server.get(f"{TODO}?limit=1", if_none_match="*").status == 304
    assert server.get(f"{TODO}?limit=1", if_none_match='W/"other"').status == 200
    assert server.get(f"{TODO}?limit=2", if_none_match=etag).status == 200


def test_head_is_get_without_a_body(connection: RawConnection) -> None:
    connection.send("GET", f"{TODO}?limit=1")
    _, get_headers, body = connection.read()
    connection.send("HEAD", f"{TODO}?limit=1")
    status, head_headers, _ = connection.read("HEAD")
    assert status == 200
    assert head_headers["content-length"] == get_headers["content-length"] == str(len(body))
    assert head_headers["etag"] == get_headers["etag"]
    connection.send("GET", "/health/live")
    assert connection.read()[0] == 200


def test_large_answers_are_compressed_for_who_asks(server: Server) -> None:
    plain = server.get("/demo/v1/services")
    assert len(plain.body) > 1024
    assert "content-encoding" not in plain.headers
    packed = server.get("/demo/v1/services", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.headers["content-length"]) == len(packed.body) < len(plain.body)
    assert server.get("/demo/v1/services", accept_encoding="gzip;q=0").headers.get("content-encoding") is None
    small = server.get(f"{TODO}?limit=1", accept_encoding="gzip")
    assert "content-encoding" not in small.headers


def test_docs_stand_on_every_host(server: Server) -> None:
    page = server.get("/docs", host="whatever.example")
    assert (page.status, server.get("/docs/").body) == (200, page.body)
    assert server.get("/health/live", host="other.example:80").json() == {"status": "live"}
