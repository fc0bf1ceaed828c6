"""A10, HTTP-5: paths that mean something else to somebody, and names that look like parts of Python."""

from __future__ import annotations

import pytest

from tests.attack.attacker import Attacker

#: target → status without a key; with one, a room that is shown with 200 must be the one the path names
PATHS: dict[bytes, int] = {
    b"/target/public/a": 200,
    b"/target/public/a/": 200,
    b"/target/public": 200,
    b"/target/public/": 200,
    b"/TARGET/Public/a": 200,
    b"/%74arget/public/a": 200,
    b"/target/publi%63/a": 200,
    b"/target/public/a%20b": 200,
    b"/target/public/%C3%A9": 200,
    b"/target/public/%E2%80%AE": 200,
    b"/target/public/a;x=1": 200,
    b"/target/public/a;/private/x": 200,
    b"/target/public/%3f": 200,
    b"/target/public/%23": 200,
    b"/target/public/%25": 200,
    b"/target/public/%252e%252e/x": 200,
    b"/target/public/%252fprivate": 200,
    b"/target/public/...": 200,
    b"/target/public/.a": 200,
    b"/target/public/~root": 200,
    b"/target/public/__init__": 200,
    b"/target/public/http:x": 200,
    b"/target/private/a": 401,
    b"/target/private/a/": 401,
    b"/target/private": 401,
    b"/target/private/": 401,
    b"/target/PRIVATE/a": 401,
    b"/Target/Private/A": 401,
    b"/target/%70rivate/a": 401,
    b"/%54arget/%50rivate/a": 401,
    b"/target/private/public": 401,
    b"/target/private/a;x": 401,
    b"http://localhost/target/private/a": 401,
    b"/target/private/%252e%252e/public": 401,
    b"/target/private;x/a": 404,
    b"/target;x/private/a": 404,
    b"/target/private%20/a": 404,
    b"/target/%20private/a": 404,
    b"/target/private./a": 404,
    b"/target/private%c2%a0/a": 404,
    b"/target/%ef%bd%90rivate/a": 404,
    b"/target/pr%c4%b1vate/a": 404,
    b"/target/pr%c4%b0vate/a": 404,
    b"//target/private/a": 404,
    b"/target//private/a": 404,
    b"/target/private//a": 404,
    b"/target/private/a//": 404,
    b"//": 404,
    b"///": 404,
    b"//evil.example/target/private/a": 404,
    b"/target/public//../private/a": 400,
    b"/target/public/../private/a": 400,
    b"/target/public/./private/a": 400,
    b"/target/public/..": 400,
    b"/target/public/.": 400,
    b"/target/public/../": 400,
    b"/../target/private/a": 400,
    b"/./target/private/a": 400,
    b"/..": 400,
    b"/.": 400,
    b"/target/public/%2e%2e/private/a": 400,
    b"/target/public/%2E%2E/private/a": 400,
    b"/target/public/.%2e/private/a": 400,
    b"/target/public/%2e./private/a": 400,
    b"/target/public/%2e/private/a": 400,
    b"/target/public/..;/private/a": 400,
    b"/target/public/..;x=1/private/a": 400,
    b"/target/public/%2e%2e;/private/a": 400,
    b"/target/public/..%2fprivate/a": 400,
    b"/target/public%2f..%2fprivate/a": 400,
    b"/target%2fprivate%2fa": 400,
    b"/target%2Fprivate/a": 400,
    b"/target/private%2fa": 400,
    b"/target%5cprivate/a": 400,
    b"/target/public/..%5cprivate": 400,
    b"/target\\private\\a": 400,
    b"/target/public/\\..\\private": 400,
    b"/target/private%00/a": 400,
    b"/target/private/a%00.html": 400,
    b"/target/private/a%0a": 400,
    b"/target/private/a%0d%0aX-Evil:1": 400,
    b"/target/private/a%1b[31m": 400,
    b"/target/private/a%7f": 400,
    b"/target/private/%ff": 400,
    b"/target/private/%c0%ae%c0%ae/x": 400,
    b"/target/public/%c0%afprivate": 400,
    b"/target/private/%ed%a0%80": 400,
    b"/target/private/%": 400,
    b"/target/private/%2": 400,
    b"/target/private/%zz": 400,
    b"/target/private/%u0061": 400,
    b"target/private/a": 400,
    b"*": 400,
    b"/target/public/\xc3\xa9": 400,
}


@pytest.mark.parametrize(("path", "status"), PATHS.items(), ids=[repr(path)[2:-1] for path in PATHS])
def test_HTTP_5_b08_the_route_that_was_found_decides_who_may_pass(path: bytes, status: int, target: Attacker) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
    answer = target.ask_bytes(head + b"\r\n")
    assert answer.status == status
    assert "location" not in answer.headers
    if status == 200:
        assert answer.json()["response"]["room"] == "public"
    known = target.ask_bytes(head + b"X-Key: open sesame\r\n\r\n")
    assert known.status == (200 if status == 401 else status)
    if status == 401:
        assert known.json()["response"]["room"] == "private"


@pytest.mark.parametrize("path", [b"/target/private/a\0b", b"/target/private/a b", b"/target/private/a\x7f", b"/a\tb"])
def test_HTTP_5_bytes_that_no_target_has(path: bytes, target: Attacker) -> None:
    answer = target.ask_bytes(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status == 400


@pytest.mark.parametrize("path", ["/target/private/a", "/target/PRIVATE/a", "/target/private/a/"])
@pytest.mark.parametrize("method", ["OPTIONS", "get", "Get", "TRACE", "__CLASS__", "POST"])
def test_HTTP_5_b08_no_method_passes_the_door(method: str, path: str, target: Attacker) -> None:
    for more in ({}, {"X_HTTP_Method_Override": "GET"}, {"X_Method": "GET"}, {"X_HTTP_Method": "GET"}):
        assert target.ask(method, path, **more).status in {400, 401, 404, 405}


NAMES = ["__init__", "__class__", "constructor", "..", "a/b", "a%2fb", "%2e%2e", "core.cli", "os:system", "prototype"]


@pytest.mark.parametrize("name", NAMES)
def test_a10_names_in_paths_are_only_values(name: str, target: Attacker, demo: Attacker) -> None:
    answer = target.ask("GET", f"/target/path/{name}")
    assert answer.status in {400, 404} or answer.json() == {"status": 200, "response": []}
    assert target.ask("GET", f"/{name}/query").status in {400, 404}
    assert target.ask("GET", f"/target/{name}").status in {400, 404}
    for prefix in ("/demo/v1", "/demo", ""):
        assert demo.ask("GET", f"{prefix}/{name}").status in {400, 404}
    assert demo.ask("GET", f"/demo/v1/todo/{name}").status in {400, 404}


@pytest.mark.parametrize("name", ["generic-listServices", "demo-todos", "target-rooms", "crons", "generic", "admin"])
def test_a10_controllers_and_crons_are_reached_by_routes_only(name: str, target: Attacker, demo: Attacker) -> None:
    for client in (target, demo):
        for path in (f"/{name}", f"/controllers/{name}", f"/demo/v1/{name}", f"/{name}/all", f"/{name}.py"):
            assert client.ask("GET", path).status == 404
            assert client.ask("POST", path, b"{}").status == 404
