"""Upstreams that fail: repetitions, the breaker, places, redirects, stale answers, answers with two readings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from core.data.deadline import Disconnected, reset_deadline, set_deadline
from core.declare.upstream import Breaker
from core.errors import BadGateway, GatewayTimeout, HTTPError, Unavailable
from core.http import client as module
from core.http.client import Client
from tests.server import free_port
from tests.upstreams import client_for, say_ok, serve_upstream


async def test_EGR_5_idempotent_calls_are_repeated_once_others_never() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503 if len(server.requests) % 2 else 200)

    async with serve_upstream(handler) as server, client_for(server.url, breaker=None) as client:
        assert (await client.get("/")).status == 200
        server.requests.clear()
        with pytest.raises(BadGateway):
            await client.post("/")
        assert len(server.requests) == 1
        server.requests.clear()
        for _ in range(10):  # calls earn retries
            server.requests.append(None)  # type: ignore[arg-type]
            await client.put("/")
        server.requests.clear()
        assert (await client.post("/", headers={"Idempotency-Key": "1"})).status == 200


async def test_EGR_5_a_dead_upstream_sees_few_repetitions() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise ConnectionResetError

    async def handle_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        await reader.readline()
        seen += 1
        writer.close()

    seen = 0
    server = await asyncio.start_server(handle_and_close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with client_for(f"http://127.0.0.1:{port}", breaker=None) as client:
        for _ in range(200):
            with pytest.raises(BadGateway):
                await client.get("/")
    server.close()
    assert 200 <= seen <= 221


async def test_EGR_5_with_the_breaker_an_outage_is_seen_by_a_handful_of_calls() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503)

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        for _ in range(100):
            with pytest.raises(HTTPError):
                await client.get("/")
        assert len(server.requests) <= 6


async def test_EGR_6_an_open_breaker_answers_at_once_and_closes_again() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=500 if failing else 200)

    failing = True
    breaker = Breaker(open_s=0.3)
    async with serve_upstream(handler) as server, client_for(server.url, breaker=breaker) as client:
        for _ in range(5):
            with pytest.raises(BadGateway):
                await client.get("/")
        waits = []
        for _ in range(50):
            began = time.perf_counter()
            with pytest.raises(Unavailable) as raised:
                await client.get("/")
            waits.append(time.perf_counter() - began)
        assert sorted(waits)[25] < 0.005
        assert raised.value.headers == {"Retry-After": "1"}
        assert len(server.requests) == 5
        failing = False
        deadline = time.monotonic() + 5
        while client.circuit.is_open:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
            try:
                await client.get("/")
            except Unavailable:
                continue
        assert len(server.requests) == 6


async def test_EGR_7_no_more_calls_than_places_and_no_long_wait_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PLACE_S", 0.2)
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with serve_upstream(handler) as server, client_for(server.url, concurrency=5) as client:
        calls = [asyncio.create_task(client.get("/")) for _ in range(8)]
        done, _ = await asyncio.wait(calls, timeout=1, return_when=asyncio.ALL_COMPLETED)
        assert [type(call.exception()) for call in done] == [Unavailable] * 3
        assert len(server.requests) == 5
        release.set()
        assert {(await call).status for call in calls if call not in done} == {200}
        assert (await client.get("/")).status == 200  # every place was given back


async def test_a_caller_that_leaves_ends_the_call() -> None:
    gone = asyncio.Event()
    ended = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        gone.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return web.Response()

    runner: Any = serve_upstream(handler)
    async with runner as server, client_for(server.url, concurrency=1) as client:
        token = set_deadline(None, gone.wait)
        with pytest.raises(Disconnected):
            await client.get("/")
        reset_deadline(token)
        assert not client.circuit.is_open
        async with asyncio.timeout(5):  # the place is free
            await client._places.acquire()


REDIRECTS = [
    ("GET", 302, "GET", "same", True), ("POST", 303, "GET", "same", False), ("POST", 302, "GET", "same", False),
    ("POST", 307, "POST", "same", True), ("PUT", 308, "PUT", "same", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "status", "then", "_", "body"), REDIRECTS, ids=[f"{c[0]} {c[1]}" for c in REDIRECTS]
)
async def test_redirects_are_followed_where_they_are_allowed(
    method: str, status: int, then: str, _: str, body: bool
) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/old":
            return web.Response(status=status, headers={"Location": "/new?x=1"})
        return await say_ok(request)  # type: ignore[return-value]

    async with serve_upstream(handler) as server, client_for(server.url, redirects=3, headers={"x-key": "k"}) as client:
        content = None if method == "GET" else b"abc"
        found = (await client.request(method, "/old", content=content)).json()
        assert found == {"method": then, "path": "/new?x=1", "body": "abc" if content and body else ""}
        assert server.requests[1].headers["x-key"] == "k"
    async with serve_upstream(handler) as server, client_for(server.url) as client:
        assert (await client.request(method, "/old", content=content)).status == status
        assert len(server.requests) == 1


async def test_EGR_3_redirects_end() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.path + "x"})

    async with serve_upstream(handler) as server, client_for(server.url, redirects=3) as client:
        with pytest.raises(BadGateway):
            await client.get("/")
        assert len(server.requests) == 4


LOCATIONS = [
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:1/",
    "http://[::1",
    "http://u:p@127.0.0.1/",
    "http://a b/",
    "https://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "http://x\\@y/",
]


@pytest.mark.parametrize("location", LOCATIONS)
async def test_f01_a_redirect_to_something_else_is_502(location: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serve_upstream(handler) as server, client_for(server.url, redirects=3) as client:
        with pytest.raises(BadGateway):
            await client.get("/")
        assert len(server.requests) == 1


async def test_f01_a_redirect_into_the_own_network_is_502(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.1:{other.port}/"})

    async with (
        serve_upstream(say_ok) as other,
        serve_upstream(handler) as server,
        client_for(server.url, redirects=3) as client,
    ):
        with pytest.raises(BadGateway):
            await client.get("/")
        assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_f05_secrets_do_not_follow_a_redirect_to_another_host(status: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": f"{other.url}/there"})

    secrets = {"Authorization": "Bearer a", "X-Key": "b", "Cookie": "c=d"}
    options: dict[str, Any] = {"redirects": 1, "headers": secrets, "allow_networks": ["127.0.0.0/8"]}
    async with (
        serve_upstream(say_ok) as other,
        serve_upstream(handler) as server,
        client_for(server.url, **options) as client,
    ):
        await client.get("/", headers={"X-Token": "e"})
        assert {name.lower() for name in other.requests[0].headers} == {"host"}
        if status in {307, 308}:
            with pytest.raises(BadGateway):
                await client.post("/", content=b"secret")
        else:
            await client.post("/", content=b"secret")
        assert [await request.read() for request in other.requests] == [b""] * len(other.requests)


async def test_a_stale_connection_is_replaced() -> None:
    port = free_port()
    async with client_for(f"http://127.0.0.1:{port}", breaker=None) as client:
        for _ in range(3):
            async with serve_upstream(say_ok, port=port):
                assert (await client.get("/")).status == 200


async def test_EGR_10_variables_of_the_environment_set_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with serve_upstream(say_ok) as server, client_for(server.url) as client:
        assert (await client.get("/")).status == 200


async def test_f02_an_answer_that_came_too_late_reaches_nobody_else() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await asyncio.sleep(0.4)
        return web.Response(text=request.path)

    async with serve_upstream(handler) as server, client_for(server.url, breaker=None) as client:
        for _ in range(3):
            with pytest.raises(GatewayTimeout):
                await client.get("/slow", timeout_s=0.05)
            found = await asyncio.gather(*(client.get(f"/{at}") for at in range(5)))
            assert [reply.text for reply in found] == [f"/{at}" for at in range(5)]
        await asyncio.sleep(0.5)
        assert (await client.get("/last")).text == "/last"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n",
        b"garbage\r\n\r\n",
        b"",
    ],
    ids=[
        *("two lengths", "length and chunks", "negative", "truncated", "bad chunk", "nul", "another protocol"),
        *("no protocol", "garbage", "nothing"),
    ],
)
async def test_f02_an_answer_that_can_be_read_in_two_ways_is_502(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with client_for(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as client:
        with pytest.raises(BadGateway):
            await client.get("/")
    server.close()


async def test_EGR_4_an_answer_that_never_begins_ends_without_a_deadline() -> None:
    """Behind an interim answer the library waits without a bound."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with client_for(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.1) as client:
        with pytest.raises(GatewayTimeout):
            async with asyncio.timeout(10):
                await client.stream("GET", "/", body_s=0.3)
    server.close()


LEAKS = {
    "an answer that is none": (b"garbage\r\n\r\n", "/x?apikey=geheim"),
    "a header that is none": (b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n", "/x?apikey=geheim"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "/x?apikey=geheim"),
    "a URL without host": (b"", "http://:80/?apikey=geheim"),
}


@pytest.mark.parametrize(("answer", "url"), LEAKS.values(), ids=LEAKS)
async def test_C12_the_log_of_a_failure_has_neither_query_nor_headers(
    answer: bytes, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    base_url = "" if url.startswith("http") else f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, client_for(base_url, headers={"Authorization": "geheim"}) as client:
        with pytest.raises(BadGateway):
            await client.post(url, json={})
    assert "failed" in caplog.text
    assert "geheim" not in caplog.text


async def test_EGR_6_slow_uploads_and_downloads_of_clients_open_no_breaker() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return await say_ok(request)
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(bytes(65_536))

    async def upload() -> AsyncIterator[bytes]:
        while True:
            yield b"a"
            await asyncio.sleep(0.02)

    async def send(client: Client) -> None:
        await client.stream("POST", "/x", content=upload(), body_s=0.3)

    async def receive(client: Client) -> None:
        async for _ in await client.stream("GET", "/x", body_s=0.3):
            await asyncio.sleep(0.05)

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        for slow, failure in ((send, GatewayTimeout), (receive, BadGateway)):
            outcomes = await asyncio.gather(*(slow(client) for _ in range(6)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [failure] * 6
            assert not client.circuit.is_open
