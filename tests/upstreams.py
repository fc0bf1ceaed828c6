"""Upstream servers for tests: real HTTP servers on loopback that answer what the test says, and count.

In: a handler of aiohttp. Out: a running server with an address, and an application or client that calls it.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from core.data.cache import RecordCache
from core.declare.upstream import Upstream
from core.http.client import Client

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class UpstreamServer:
    """A running server; `requests` are those it got, `port` is where it listens."""

    port: int
    requests: list[web.Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serve_upstream(
    handler: Handler, *, port: int = 0, tls: Any = None, host: str = "127.0.0.1"
) -> AsyncIterator[UpstreamServer]:
    """A server that gives every request to the handler."""
    place = UpstreamServer(port)

    async def handle(request: web.Request) -> web.StreamResponse:
        place.requests.append(request)
        return await handler(request)

    app = web.Application(client_max_size=2**31)
    app.router.add_route("*", r"/{path:[\s\S]*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    place.port = listener.getsockname()[1]
    await web.SockSite(runner, listener, ssl_context=tls).start()
    try:
        yield place
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_for(base_url: str, **options: Any) -> AsyncIterator[Client]:
    """A client of one upstream, with a cache of its own."""
    cache = RecordCache()
    client = Client(Upstream("test", base_url=base_url, **options), cache)
    try:
        yield client
    finally:
        await client.close()
        await cache.close()


async def say_ok(request: web.Request) -> web.StreamResponse:
    """The usual answer: what was asked, as JSON."""
    body = await request.text()
    return web.json_response({"method": request.method, "path": request.raw_path, "body": body})
