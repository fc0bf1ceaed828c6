"""Outgoing calls by hand on aiohttp: a request passed through as it arrives, and three answers put together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from starlette.requests import Request
from starlette.responses import StreamingResponse
from yarl import URL

UPSTREAM = os.environ.get("BENCH_UPSTREAM", "http://127.0.0.1:9/bench")
HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "cookie", "authorization"}


class Outgoing:
    """One session for a worker."""

    def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        jar = aiohttp.DummyCookieJar()
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False)

    async def close(self) -> None:
        await self.session.close()

    async def pass_through(self, request: Request) -> StreamingResponse:
        headers = {name: value for name, value in request.headers.items() if name not in HOP}
        headers["x-forwarded-for"] = request.client.host if request.client else ""
        query = f"?{request.url.query}" if request.url.query else ""
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        reply = await self.session.request(
            request.method,
            URL(f"{UPSTREAM}/{request.path_params['rest']}{query}", encoded=True),
            headers=headers,
            data=request.stream() if has_body else None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=2, sock_read=10),
        )

        async def chunks() -> AsyncIterator[bytes]:
            async with reply:
                async for chunk in reply.content.iter_any():
                    yield chunk

        answered = {name: value for name, value in reply.headers.items() if name.lower() not in HOP}
        return StreamingResponse(chunks(), reply.status, answered)

    async def collect(self) -> dict[str, Any]:
        async def get(name: str) -> Any:
            limit = aiohttp.ClientTimeout(total=5)
            async with self.session.get(f"{UPSTREAM}/slow/{name}", timeout=limit) as reply:
                return orjson.loads(await reply.read())

        names = ("a", "b", "c")
        return dict(zip(names, await asyncio.gather(*map(get, names)), strict=True))
