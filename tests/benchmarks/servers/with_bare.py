"""A bare ASGI callable: reads the body, looks at nothing, sends bytes that were ready before. The ceiling."""

from __future__ import annotations

from typing import Any

from tests.benchmarks import signed
from tests.benchmarks.samples import ORDER, SEARCH_ANSWER, envelope

ANSWERS = {
    "/bench/hello": envelope({"hello": "world"}),
    "/bench/search": envelope(SEARCH_ANSWER),
    "/bench/orders": envelope(ORDER),
    "/bench/signed/1": envelope(signed.ANSWER),
    "/bench/signed/2": envelope(signed.ANSWER),
}
STARTS: dict[str, dict[str, Any]] = {
    path: {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
    }
    for path, body in ANSWERS.items()
}
BODIES = {path: {"type": "http.response.body", "body": body} for path, body in ANSWERS.items()}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
    path = scope["path"]
    await send(STARTS[path])
    await send(BODIES[path])
