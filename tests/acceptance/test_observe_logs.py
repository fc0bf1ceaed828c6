"""The access log of a real server: one line for every request, with everything but secrets."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.applications import write_files
from tests.mongo import wait_until
from tests.rig.raw_http import raw_connection
from tests.server import Server, free_port, start_server

CONFIG = """
from core import CronSettings, Log, Metrics, Mongo, ServerSettings
settings = ServerSettings(
    databases={"main": Mongo()}, log=Log(level="warn", access=True), cron=CronSettings(enabled=False),
    metrics=Metrics(port=PORT),
)
"""
STEPS = """
from typing import Any
from core import Context, Controller, Params, StreamResponse
from collections.abc import AsyncIterator

steps = Controller("room-steps")

class Token(Params):
    token: str

@steps.action("hello")
async def hello(ctx: Context) -> str:
    return "hello"

@steps.action("reset")
async def reset(ctx: Context, *, path: Token) -> str:
    return "done"

@steps.action("crash")
async def crash(ctx: Context) -> str:
    raise RuntimeError("inside")

@steps.action("read")
async def read(ctx: Context, *, body: dict[str, Any]) -> int:
    return len(body)

@steps.action("stream")
async def stream(ctx: Context) -> StreamResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 1000
    return StreamResponse(pieces())
"""
ROUTES = """
from core import Cors, Path, Route, Routes
from projects.room.controllers.steps import crash, hello, read, reset, stream
api = Routes(group="room", prefix="/room", paths=[
    Path("./hello", get=Route("hello", chain=[hello]), post=Route("hello-post", chain=[hello])),
    Path("./reset/:token", get=Route("reset", chain=[reset], cors=Cors(origins=["https://a.example"]))),
    Path("./crash", get=Route("crash", chain=[crash])),
    Path("./stream", get=Route("stream", chain=[stream])),
    Path("./read", post=Route("read", chain=[read])),
])
"""


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(metrics_port: int) -> Iterator[Server]:
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    files = {"config/test.py": CONFIG.replace("PORT", str(metrics_port))}
    files |= {"projects/room/controllers/steps.py": STEPS, "projects/room/routes/room.py": ROUTES}
    files["projects/room/public/note.txt"] = "a file"
    write_files(root, files)
    with start_server(root, CATENA_LOCAL_URL="memory") as running:
        yield running
    shutil.rmtree(root)


def lines(server: Server) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in server.output.splitlines() if line.startswith("{")]
    return [event for event in events if event["tag"] == "access"]


def line_of(server: Server, request_id: str) -> dict[str, Any]:
    wait_until(lambda: any(line["request_id"] == request_id for line in lines(server)))
    (found,) = [line for line in lines(server) if line["request_id"] == request_id]
    return found


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CASES = [
    ("GET", "/room/hello?a=1", {}, "/room/hello", 200),
    ("HEAD", "/room/hello", {}, "/room/hello", 200),
    ("POST", "/room/hello", {}, "/room/hello", 200),
    ("GET", "/room/stream", {}, "/room/stream", 200),
    ("GET", "/room/crash", {}, "/room/crash", 500),
    ("GET", "/nowhere", {}, "", 404),
    ("DELETE", "/room/hello", {}, "/room/hello", 405),
    ("GET", "/room/%2f", {}, "", 400),
    ("GET", f"/room/{'x' * 9000}", {}, "", 414),
    ("GET", "/room/note.txt", {}, "", 200),
    ("GET", "/health/live", {}, "", 200),
    ("GET", "/room/hello", {"traceparent": TRACE}, "/room/hello", 200),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "route", "status"), CASES, ids=[f"{case[0]} {case[1][:20]}" for case in CASES]
)
def test_every_request_is_one_line(
    method: str, path: str, headers: Any, route: str, status: int, server: Server
) -> None:
    answer = server.request(method, path, **headers)
    assert answer.status == status
    line = line_of(server, answer.headers["x-request-id"])
    assert list(line)[:13] == [
        "timestamp", "level", "tag", "message", "action", "method", "route", "path", "status", "elapsed_ms", "bytes",
        "client_ip", "request_id",
    ]  # fmt: skip
    expected = (method, route, path.partition("?")[0][:1024], status, len(answer.body), "127.0.0.1")
    assert tuple(line[name] for name in ("method", "route", "path", "status", "bytes", "client_ip")) == expected
    assert 0 < line["elapsed_ms"] < 60_000
    assert line.get("trace_id", "") == (TRACE.split("-")[1] if headers else "")


def test_304_is_what_is_logged(server: Server) -> None:
    etag = server.get("/room/hello").headers["etag"]
    answer = server.get("/room/hello", if_none_match=etag, x_request_id="second-304")
    assert answer.status == 304
    assert answer.headers["x-request-id"] == "second-304"
    line = line_of(server, "second-304")
    assert (line["status"], line["bytes"]) == (304, 0)


def read_figures(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        return reply.read().decode()


def test_a_client_that_left_is_499(server: Server, metrics_port: int) -> None:
    with raw_connection(server.port) as connection:
        connection.send_bytes(
            b"POST /room/read HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: left-early\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        wait_until(lambda: "catena_requests_in_flight 1.0" in read_figures(metrics_port))
    line = line_of(server, "left-early")
    assert (line["status"], line["bytes"], line["route"]) == (499, 0, "/room/read")


def test_LOG_2_no_secret_reaches_the_access_log_or_the_figures(server: Server, metrics_port: int) -> None:
    canaries = [secrets.token_hex(12) for _ in range(8)]
    query, cookie, auth, key, body, token, wrong, header = canaries
    sent = {"cookie": f"sid={cookie}", "authorization": f"Bearer {auth}", "key": key, "x_api_key": header}
    answers = [
        server.get(f"/room/reset/{token}?token={query}", **sent),
        server.request("POST", f"/room/hello?password={query}", json_body={"password": body}, **sent),
        server.request("POST", f"/room/hello?password={query}", body=b"{" + body.encode(), **sent),
        server.get(f"/room/crash?secret={query}", **sent),
        server.get(f"/nowhere?token={wrong}", **sent),
        server.get(f"/room/hello?x=%zz{wrong}", **sent),
    ]
    preflight = {"origin": "https://a.example", "access_control_request_method": "GET"}
    answers += [
        server.request("DELETE", f"/room/reset/{token}"),
        server.request("OPTIONS", f"/room/reset/{token}", **preflight),
    ]
    assert [answer.status for answer in answers[-2:]] == [405, 204]
    written = [line_of(server, answer.headers["x-request-id"]) for answer in answers]
    for line in (written[0], *written[-2:]):
        assert line["path"] == line["route"] == "/room/reset/:token"
    figures = read_figures(metrics_port)
    assert [canary for canary in canaries if canary in server.output or canary in figures] == []


def test_LOG_1_hostile_ids_and_paths_stay_on_their_line(server: Server) -> None:
    before = len(lines(server))
    hostile = ['a"},{"level":"error', "a\tb", "a b", "é" * 3, "x" * 200]
    for text in hostile:
        with raw_connection(server.port) as connection:
            connection.send_bytes(
                b"GET /room/hello HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: " + text.encode("latin-1") + b"\r\n\r\n"
            )
            connection.read()
    assert server.get('/room/hello/%22%7d%0a{"level":"error"}').status in {400, 404}
    wait_until(lambda: len(lines(server)) == before + len(hostile) + 1)
    for line in lines(server)[before:-1]:
        assert line["request_id"] not in hostile
