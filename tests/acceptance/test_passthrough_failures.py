"""Passthrough when something fails: the upstream, the client, the framing of either."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.gateway import Case, echo, passthrough_case, passthrough_gateway, run_gateway, until
from tests.upstreams import serve_upstream

__all__ = ["passthrough_case", "passthrough_gateway"]


async def test_EGR_9_errors_of_the_upstream_are_ours(case: Case) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[-3:]), text="secret detail")

    case[2]["handler"] = handler
    for status in (500, 503):
        async with case[0].client.get(f"/plain/{status}") as reply:
            assert (reply.status, (await reply.json())["errors"][0]["code"]) == (502, "BadGateway")
        async with case[0].client.get(f"/open/{status}") as reply:
            assert (reply.status, await reply.text()) == (status, "secret detail")
    async with case[0].client.get("/plain/404") as reply:
        assert (reply.status, await reply.text()) == (404, "secret detail")


async def test_EGR_4_a_silent_upstream_is_504(case: Case) -> None:
    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(20)
        return web.Response()

    case[2]["handler"] = handler
    for path, at_most in (("/plain/x", 3), ("/slow/x", 1)):
        began = time.monotonic()
        async with case[0].client.get(path) as reply:
            assert (reply.status, (await reply.json())["errors"][0]["code"]) == (504, "GatewayTimeout")
        assert time.monotonic() - began < at_most


async def test_EGR_6_a_dead_upstream_is_502_then_503_at_once(case: Case) -> None:
    statuses = []
    for _ in range(10):
        async with case[0].client.post("/away/x") as reply:
            statuses.append(reply.status)
            retry_after = reply.headers.get("retry-after")
    assert statuses == [502] * 5 + [503] * 5
    assert retry_after == "1"


@pytest.mark.parametrize("kind", ["announced", "chunked"])
async def test_f02_an_answer_that_breaks_off_breaks_off_for_the_client(case: Case, kind: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000000"} if kind == "announced" else {})
        await answer.prepare(request)
        await answer.write(b"x" * 1000)
        await asyncio.sleep(0.1)
        assert request.transport is not None
        request.transport.abort()
        return answer

    case[2]["handler"] = handler
    async with case[0].client.get("/plain/x") as reply:
        assert reply.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()
    case[2]["handler"] = echo
    assert (await case[0].json("/plain/x"))["status"] == 200
    assert "broke off" in case[0].server.output
    assert "Traceback" not in case[0].server.output


async def test_EGR_4_a_body_may_take_only_so_long(case: Case) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b".")
            await asyncio.sleep(0.02)

    case[2]["handler"] = handler
    began = time.monotonic()
    async with case[0].client.get("/short/x") as reply:
        with pytest.raises(aiohttp.ClientPayloadError):
            await reply.read()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("while_", ["waiting", "reading", "calling"])
async def test_HTTP_16_when_the_client_leaves_the_upstream_is_left(case: Case, while_: str) -> None:
    ended, began = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        began.set()
        try:
            answer = web.StreamResponse()
            if while_ == "reading":
                await answer.prepare(request)
            for _ in range(400):
                await asyncio.sleep(0.02)
                if while_ == "reading":
                    await answer.write(b"x" * 10_000)
        finally:
            ended.set()
        return answer

    case[2]["handler"] = handler
    before = case[0].server.output.count("error")
    path = "/call" if while_ == "calling" else "/plain/x"
    task = asyncio.ensure_future(case[0].client.get(path))
    await asyncio.wait_for(began.wait(), 5)
    if while_ == "reading":
        (await task).close()
    else:
        task.cancel()
    left = time.monotonic()
    await asyncio.wait_for(ended.wait(), 5)
    assert time.monotonic() - left < 0.8  # before any time-out
    assert case[0].server.output.count("error") == before


async def test_f02_a_body_that_breaks_off_breaks_off_for_the_upstream(case: Case) -> None:
    seen: list[Any] = []

    async def handler(request: web.Request) -> web.Response:
        try:
            seen.append(await request.read())
        except BaseException as error:
            seen.append(error)
            raise
        return web.Response()

    case[2]["handler"] = handler
    _, writer = await asyncio.open_connection("127.0.0.1", case[0].server.port)
    writer.write(b"POST /plain/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    await writer.drain()
    await until(lambda: case[1].requests)
    writer.close()
    await until(lambda: seen)
    assert isinstance(seen[0], BaseException)
    case[2]["handler"] = echo
    assert (await case[0].json("/plain/x"))["body"] == ""


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /base/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Length: 3\r\nContent-Length: 50\r\n\r\nabcGET /base/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /base/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /base/smuggled HTTP/1.1\r\n\r\n",
        b"Content-Length : 0\r\n\r\nGET /base/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"X: a\nContent-Length: 40\r\n\r\nGET /base/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["both", "two lengths", "unknown coding", "two codings", "blank", "bare lf"],
)
async def test_f02_nothing_is_smuggled_to_the_upstream(case: Case, framing: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", case[0].server.port)
    writer.write(b"POST /plain/x HTTP/1.1\r\nHost: x\r\n" + framing)
    await writer.drain()
    with suppress(TimeoutError):
        await asyncio.wait_for(reader.read(65536), 1)
    writer.close()
    await asyncio.sleep(0.05)
    assert [request.path for request in case[1].requests if "smuggled" in request.path] == []
    assert (await case[0].json("/plain/after"))["path"] == "/base/after"


LOCATIONS = [
    ("/plain/old", "/base/new?x=1", "/plain/new?x=1"), ("/plain/old", "{url}/base/new", "/plain/new"),
    ("/plain/a/old", "new", "/plain/a/new"), ("/plain/a/old?p=1", "?p=2", "/plain/a/old?p=2"),
    ("/plain/a/b%20c", "../d", "/plain/d"), ("/plain", "x", "/plain/x"), ("/under/old", "/base/v2/new", "/under/new"),
    ("/under/old", "/base/new", "/base/new"), ("/item/7", "/base/v2/8/x", "/base/v2/8/x"), ("/plain/old", "/else", "/else"),
    ("/plain/old", "https://example.com/x", "https://example.com/x"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "location", "returned"), LOCATIONS)
async def test_redirects_of_the_upstream_stay_below_the_route(
    case: Case, asked: str, location: str, returned: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location.format(url=case[1].url)})

    case[2]["handler"] = handler
    async with case[0].client.get(asked, allow_redirects=False) as reply:
        assert (reply.status, reply.headers["location"]) == (302, returned)
    assert len(case[1].requests) == 1


async def test_EGR_7_a_hanging_upstream_leaves_other_routes_alone(case: Case) -> None:
    release = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    case[2]["handler"] = handler
    hanging = [asyncio.ensure_future(case[0].client.get("/few/x")) for _ in range(6)]
    await until(lambda: len(case[1].requests) >= 2)
    for _ in range(50):
        async with asyncio.timeout(2):
            assert (await case[0].json("/hello"))["response"] == "hello"
    await asyncio.wait(hanging, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    release.set()
    replies = await asyncio.gather(*hanging)
    statuses = [reply.status for reply in replies]
    for reply in replies:
        reply.close()
    assert set(statuses) <= {200, 503, 504}
    assert statuses.count(503) > 0  # more than there are places, and nobody waits for long


async def test_EGR_5_6_an_upstream_that_answers_500_for_a_while() -> None:
    failing = True

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=500 if failing else 200, text="x")

    async with serve_upstream(handler) as server:
        upstreams = {"api": f'base_url="{server.url}", breaker=Breaker(open_s=0.3)'}
        async with run_gateway(upstreams, 'Path("/*", all=Route("t", chain=[through()]))') as gate:
            for _ in range(60):
                async with gate.client.get("/x") as reply:
                    assert reply.status in {502, 503}
            assert len(server.requests) <= 8
            failing = False

            async def is_back() -> bool:
                async with gate.client.get("/x") as reply:
                    return reply.status == 200

            deadline = time.monotonic() + 5
            while not await is_back():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
