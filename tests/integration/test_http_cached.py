"""Replies of upstreams that are kept: for how long, and for whom."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from core.errors import BadGateway
from tests.upstreams import client_for, say_ok, serve_upstream


async def test_a_reply_is_kept_and_returned_longer_while_the_upstream_fails() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(
            status=500 if failing else 200, text=str(len(server.requests)), headers={"Set-Cookie": "a=b"}
        )

    failing = False
    async with serve_upstream(handler) as server, client_for(server.url) as client:
        now = [1000.0]
        client._cache._clock = client._cache._store._clock = lambda: now[0]
        first = await client.get("/", cache_s=10, stale_s=100)
        assert "set-cookie" not in (await client.get("/", cache_s=10, stale_s=100)).headers
        assert len(server.requests) == 1
        failing, now[0] = True, 1050.0
        assert (await client.get("/", cache_s=10, stale_s=100)).body == first.body
        assert len(server.requests) == 2
        now[0] = 1200.0
        with pytest.raises(BadGateway):
            await client.get("/", cache_s=10, stale_s=100)


async def test_CACHE_5_replies_to_different_principals_are_kept_apart() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("authorization", "nobody"))

    async with serve_upstream(handler) as server, client_for(server.url) as client:
        for _ in range(2):
            for who in ("a", "b", "c"):
                assert (await client.get("/me", headers={"Authorization": who}, cache_s=60)).text == who
            assert (await client.get("/me", cache_s=60)).text == "nobody"
        assert len(server.requests) == 4


async def test_a_reply_to_another_body_is_another_reply() -> None:
    async with serve_upstream(say_ok) as server, client_for(server.url) as client:
        for body in ({"n": 1}, {"n": 2}, {"n": 1}):
            reply = await client.get("/search", json=body, cache_s=60)
            assert json.loads(reply.json()["body"]) == body
        assert len(server.requests) == 2
