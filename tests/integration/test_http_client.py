"""The client of upstreams over real servers: what is sent, what comes back, and every way in which it can fail."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import pytest
from aiohttp import web

from core.data.deadline import reset_deadline, set_deadline
from core.errors import BadGateway, BadRequest, GatewayTimeout
from core.serve.delivery import deliver
from core.serve.request import Request
from core.serve.response import Response
from core.settings import Secret
from tests.server import free_port
from tests.upstreams import client_for, say_ok, serve_upstream


async def test_the_reply_has_status_headers_and_body() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"n": 1}, status=201, headers={"X-A": "b"})

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        reply = await client.get("/x")
        assert (reply.status, reply.headers["x-a"], reply.json(), reply.text) == (201, "b", {"n": 1}, '{"n": 1}')


@pytest.mark.parametrize("is_packed", [True, False])
async def test_what_an_upstream_said_can_be_answered_as_it_is(is_packed: bool) -> None:
    """Its headers fit the body that the reply has, not the one that was sent."""
    plain = b"a page of text " * 20

    async def handler(request: web.Request) -> web.Response:
        packed = gzip.compress(plain) if is_packed else plain
        headers = {"Content-Encoding": "gzip"} if is_packed else {}
        return web.Response(body=packed, headers={**headers, "Connection": "keep-alive", "Content-Type": "text/x"})

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        reply = await client.get("/x")
    status, headers, body = deliver(Response(reply.body, reply.status, reply.headers), Request("GET", "/x", index={}))
    names = [name for name, _ in headers]
    assert (status, body, dict(headers)[b"content-length"]) == (200, plain, b"300")
    assert dict(headers)[b"content-type"] == b"text/x"
    assert names.count(b"content-length") == 1
    assert {b"content-encoding", b"connection"}.isdisjoint(names)


PATHS: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, "/base"),
    ("/", {}, "/base/"),
    ("x/y", {}, "/base/x/y"),
    ("/cities/:id", {"path": {"id": 7}}, "/base/cities/7"),
    ("/cities/:id", {"path": {"id": "a/b?c#d&e é"}}, "/base/cities/a%2Fb%3Fc%23d%26e%20%C3%A9"),
    ("/files/*", {"path": {"rest": "a b/c+d"}}, "/base/files/a%20b/c%2Bd"),
    (
        "/x",
        {"query": {"q": "a&b=c#d+e%20é", "n": [1, 2], "t": True, "no": None}},
        "/base/x?q=a%26b%3Dc%23d%2Be%2520%C3%A9&n=1&n=2&t=true",
    ),
    ("/x?a=1&b=%20", {"query": {"c": "d"}}, "/base/x?a=1&b=%20&c=d"),
    ("/x y\r\nHost: evil", {}, "/base/x%20y%0D%0AHost:%20evil"),
    ("//evil.example/x", {}, "/base/evil.example/x"),
    ("/x?q=\r\n&x", {}, "/base/x?q=%0D%0A&x"),
]


@pytest.mark.parametrize(("url", "options", "asked"), PATHS, ids=[ascii(case[0]) + str(len(case[2])) for case in PATHS])
async def test_EGR_1_values_are_only_values(url: str, options: dict[str, Any], asked: str) -> None:
    async with serve_upstream(say_ok) as server, client_for(f"{server.url}/base") as client:
        assert (await client.get(url, **options)).json()["path"] == asked


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/a/../b", {}),
        ("/a/%2e%2E/b", {}),
        ("/a/./b", {}),
        ("/a/%2e%2e%2fb", {}),
        ("/a/..\\b", {}),
        ("/:id", {"id": ".."}),
        ("/:id", {"id": ""}),
        ("/:id", {"id": None}),
        ("/:id", {"id": "x/../../y"}),
        ("/:id", {"id": "..\\x"}),
        ("/*", {"rest": "a/../b"}),
        ("/:id", {"id": "x/..;/y"}),  # some servers cut at the semicolon, and climb
        ("/*", {"rest": "..;a=b/x"}),
        ("/a/.;/b", {}),
    ],
    ids=str,
)
async def test_EGR_1_no_value_leaves_the_base_url(url: str, path: dict[str, Any]) -> None:
    async with serve_upstream(say_ok) as server, client_for(f"{server.url}/base") as client:
        with pytest.raises(BadRequest):
            await client.get(url, path=path)
        assert server.requests == []


async def test_EGR_8_headers_are_those_that_were_given_and_cannot_be_split() -> None:
    async with serve_upstream(say_ok) as server, client_for(server.url, headers={"X-Key": Secret("geheim")}) as client:
        await client.post("/x", json={"a": 1}, headers={"X-More": "1"})
        got = {name.lower(): value for name, value in server.requests[0].headers.items()}
        assert got.pop("host") == f"127.0.0.1:{server.port}"
        assert got == {"x-key": "geheim", "x-more": "1", "content-type": "application/json", "content-length": "7"}
        for headers in (
            {"X": "a\r\nY: b"},
            {"X\r\nY": "b"},
            {"X": "a\x00"},
            {"Host": "evil"},
            {"Transfer-Encoding": "chunked"},
        ):
            with pytest.raises(ValueError, match="header"):
                await client.get("/x", headers=headers)
        assert len(server.requests) == 1


async def test_cookies_of_one_answer_are_not_sent_with_the_next_call() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("cookie", ""), headers={"Set-Cookie": "session=a"})

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        assert [(await client.get("/")).text for _ in range(2)] == ["", ""]


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"<html>"], ids=ascii)
async def test_EGR_9_what_is_no_json_is_502(body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        reply = await client.get("/")
        with pytest.raises(BadGateway):
            reply.json()


async def test_EGR_9_an_error_of_the_upstream_is_502_without_its_text() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]), text="secret detail")

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        for status in (500, 501, 599):
            with pytest.raises(BadGateway) as raised:
                await client.get(f"/{status}")
            assert "secret" not in str(raised.value)
        reply = await client.get("/404")
        assert reply.status == 404
        with pytest.raises(BadGateway):
            reply.json()


async def test_EGR_9_nobody_there_is_502() -> None:
    async with client_for(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(BadGateway):
            await client.get("/")


async def test_EGR_4_a_silent_upstream_is_504_in_time() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serve_upstream(handler) as server, client_for(server.url, timeout_s=0.3) as client:
        began = time.monotonic()
        with pytest.raises(GatewayTimeout):
            await client.get("/")
        assert 0.25 < time.monotonic() - began < 2


async def test_EGR_4_an_upstream_that_trickles_is_cut_at_the_total() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b".")
            await asyncio.sleep(0.05)

    async with serve_upstream(handler) as server, client_for(server.url, timeout_s=0.4) as client:
        with pytest.raises(GatewayTimeout):
            await client.get("/")


async def test_EGR_4_the_deadline_of_the_request_bounds_the_call() -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        token = set_deadline(time.monotonic() + 0.5)
        began = time.monotonic()
        with pytest.raises(GatewayTimeout):
            await client.get("/")
        reset_deadline(token)
        assert 0.3 < time.monotonic() - began < 3


@pytest.mark.parametrize("kind", ["announced", "chunked", "gzip"])
async def test_EGR_4_a_body_over_the_limit_is_502(kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        big = b"x" * 3_000_000
        if kind == "gzip":
            return web.Response(body=gzip.compress(big), headers={"Content-Encoding": "gzip"})
        if kind == "announced":
            return web.Response(body=big)
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        await answer.write(big)
        return answer

    async with serve_upstream(handler) as server, client_for(server.url, response_bytes=1_000_000) as client:
        with pytest.raises(BadGateway):
            await client.get("/")


async def test_EGR_4_headers_over_the_limit_are_502() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(headers={f"X-{at}": "v" * 1000 for at in range(int(request.path[1:]))})

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        assert (await client.get("/30")).status == 200
        for amount in (40, 500):
            with pytest.raises(BadGateway):
                await client.get(f"/{amount}")
