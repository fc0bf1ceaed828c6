"""What is behind a gateway: an answer of 1 KB at once, or a small one after 50 ms. It has the core of the load."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

WAIT_S = 0.05
BODY = orjson.dumps({"items": [{"id": number, "name": f"item {number}"} for number in range(32)]})


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    body, path = BODY, scope["path"]
    if path.startswith("/bench/slow/"):
        await asyncio.sleep(WAIT_S)
        body = orjson.dumps({"name": path.rpartition("/")[2]})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
