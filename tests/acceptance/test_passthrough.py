"""Passthrough over real sockets: what goes on and what does not, both bodies while they arrive."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.gateway import Case, echo, passthrough_case, passthrough_gateway

__all__ = ["passthrough_case", "passthrough_gateway"]


PATHS = [
    ("/plain/a", "/base/a"), ("/plain/a/b%20c?x=1&y=%26&x=2", "/base/a/b%20c?x=1&y=%26&x=2"), ("/plain/%C3%A9", "/base/%C3%A9"),
    ("/item/7", "/base/v2/7/x"), ("/item/a%3Fb%23c", "/base/v2/a%3Fb%23c/x"), ("/fixed?q=1", "/base/only?q=1"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "path"), PATHS)
async def test_EGR_1_the_path_goes_on_below_the_base_url(case: Case, asked: str, path: str) -> None:
    assert (await case[0].json(asked))["path"] == path


@pytest.mark.parametrize(
    "asked", ["/plain/../x", "/plain/a/%2e%2e/x", "/plain/a%2fb", "/plain//x", "/plain/a\\b", "/item/.."]
)
async def test_EGR_1_nothing_leads_out_of_the_base_url(case: Case, asked: str) -> None:
    import http.client

    def ask() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", case[0].server.port, timeout=5)
        connection.putrequest("GET", asked, skip_host=False)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    assert await asyncio.to_thread(ask) in {400, 404}
    assert case[1].requests == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_goes_on_with_its_body(case: Case, method: str) -> None:
    async with case[0].client.request(method, "/plain/x", data=b"abc") as reply:
        assert await reply.json() == {"method": method, "path": "/base/x", "body": "abc"}


async def test_head_and_answers_without_body(case: Case) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[-3:]), headers={"ETag": '"a"'})

    case[2]["handler"] = handler
    for status in (204, 304):
        async with case[0].client.get(f"/plain/{status}") as reply:
            assert (reply.status, reply.headers["etag"], await reply.read()) == (status, '"a"', b"")
    case[2]["handler"] = echo
    async with case[0].client.head("/plain/x") as reply:
        assert (reply.status, await reply.read()) == (200, b"")
    assert (await case[0].json("/plain/x"))["status"] == 200


WITHHELD = {
    "Connection": "keep-alive, X-Listed", "X-Listed": "1", "Keep-Alive": "timeout=5", "Proxy-Authorization": "a", "TE": "trailers",
    "Upgrade": "h2c", "Cookie": "a=b", "Authorization": "Bearer x", "Key": "k", "X-Api-Key": "k", "Session": "s",
    "X-Auth-User": "root", "X_Auth_User": "root", "X-Auth-Anything": "1", "x-user-id": "1", "X-Forwarded-User": "root",
    "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6", "Remote-User": "root",
    "X-Original-URL": "/admin", "X-Rewrite-URL": "/admin", "X-Request-ID": "evil one", "Traceparent": "00-evil-01", "Tracestate": "evil=1",
}  # fmt: skip


async def test_EGR_8_f03_what_is_not_for_the_upstream_does_not_get_there(case: Case) -> None:
    async with case[0].client.get("/plain/x", headers={**WITHHELD, "X-Mine": "1"}) as reply:
        assert reply.status == 200
        request_id = reply.headers["x-request-id"]
    got = {name.lower(): value for name, value in case[1].requests[0].headers.items()}
    assert not {name.lower() for name in WITHHELD} & got.keys() - {
        "x-forwarded-for",
        "x-forwarded-host",
        "x-request-id",
    }
    assert (got["x-mine"], got["x-own"]) == ("1", "mine")
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert got["x-forwarded-host"] == f"127.0.0.1:{case[0].server.port}"
    assert got["x-request-id"] == request_id


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_ids_and_traces_go_on(case: Case) -> None:
    sent = {"X-Request-ID": "job-4711", "Traceparent": TRACE, "Tracestate": "a=1,b=2"}
    async with case[0].client.get("/plain/x", headers=sent) as reply:
        assert reply.headers["x-request-id"] == "job-4711"
    got = case[1].requests[0].headers
    assert {name: got[name] for name in sent} == sent


async def test_EGR_8_f03_identity_is_what_an_earlier_step_says(case: Case) -> None:
    async with case[0].client.get("/open/x", headers=WITHHELD):
        got = case[1].requests[0].headers
    assert got.getall("X-Auth-User") == ["anna"]
    assert (got["authorization"], got["cookie"]) == ("Bearer x", "a=b")
    assert "x-api-key" not in got


async def test_EGR_8_what_the_client_does_not_get_back(case: Case) -> None:
    async def handler(request: web.Request) -> web.Response:
        answer = web.Response(
            text="x", headers={"Connection": "X-Listed", "X-Listed": "1", "Server": "secret/1.0", "X-Kept": "1"}
        )
        answer.headers["Strict-Transport-Security"] = "max-age=0"  # of its host, not of ours
        answer.headers.add("Set-Cookie", "a=b")
        answer.headers.add("Set-Cookie", "c=d")
        answer.headers["X-Powered-By"] = "secret"
        return answer

    case[2]["handler"] = handler
    async with case[0].client.get("/plain/x") as reply:
        assert not {"x-listed", "set-cookie", "x-powered-by", "strict-transport-security"} & {
            name.lower() for name in reply.headers
        }
        assert "secret" not in str(reply.headers)
        assert (reply.headers["x-kept"], reply.headers["x-content-type-options"]) == ("1", "nosniff")
    async with case[0].client.get("/open/x") as reply:
        assert reply.headers.getall("set-cookie") == ["a=b", "c=d"]


async def test_G04_which_pages_may_read_an_answer_is_not_for_the_upstream_to_say(case: Case) -> None:
    async def handler(request: web.Request) -> web.Response:
        who = {"Access-Control-Allow-Origin": request.headers["origin"], "Access-Control-Allow-Credentials": "true"}
        return web.Response(text="x", headers=who)

    case[2]["handler"] = handler
    for origin, allowed in (("https://a.example", {"access-control-allow-origin"}), ("https://evil.example", set())):
        async with case[0].client.get("/pages/x", headers={"Origin": origin}) as reply:
            got = {name.lower() for name in reply.headers if name.lower().startswith("access-control-")}
            assert (reply.status, got) == (200, allowed)


async def test_compressed_answers_go_through_as_they_are(case: Case) -> None:
    packed = gzip.compress(b"x" * 100_000)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    case[2]["handler"] = handler
    async with case[0].client.get("/plain/x", headers={"Accept-Encoding": "gzip"}) as reply:
        assert (await reply.read(), reply.headers["content-encoding"]) == (packed, "gzip")
        assert case[1].requests[0].headers["accept-encoding"] == "gzip"


async def test_both_bodies_arrive_while_they_are_sent(case: Case) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for chunk in request.content.iter_any():
            await answer.write(chunk.upper())
        return answer

    to_send: asyncio.Queue[bytes] = asyncio.Queue()

    async def body() -> AsyncIterator[bytes]:
        while chunk := await to_send.get():
            yield chunk

    case[2]["handler"] = handler
    to_send.put_nowait(b"part 0")
    async with asyncio.timeout(10), case[0].client.post("/plain/x", data=body()) as reply:
        for number in range(100):
            assert await reply.content.readany() == f"PART {number}".encode()
            to_send.put_nowait(f"part {number + 1}".encode())
        to_send.put_nowait(b"")
        assert await reply.content.readany() == b"PART 100"
        assert await reply.read() == b""


async def test_a_stream_of_a_step_is_counted_and_bounded(case: Case) -> None:
    async with case[0].client.post("/count", data=io.BytesIO(b"x" * 3_000_000)) as reply:
        assert (await reply.json())["response"] == 3_000_000
    async with case[0].client.post("/small/x", data=b"x" * 1000) as reply:
        assert reply.status == 200

    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    for data in (b"x" * 1001, body()):
        async with case[0].client.post("/small/x", data=data) as reply:
            assert reply.status == 413
