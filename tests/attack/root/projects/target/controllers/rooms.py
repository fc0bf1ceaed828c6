"""Steps that fail, wait, log what they get, or stand behind a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from core import Context, Controller, Params, StreamResponse, Unauthorized
from projects.target.models.account import Account

rooms = Controller("target-rooms", group="target")


class Text(Params):
    text: str = ""


class Texts(Params):
    texts: list[str]


class Key(Params):
    x_key: str = ""


class Rest(Params):
    rest: str = ""


@rooms.action("key", authorizes=True, responses={401: "Unauthorized"})
async def check_key(ctx: Context, *, header: Key) -> None:
    if header.x_key != "open sesame":
        raise Unauthorized


@rooms.action("private")
async def private(ctx: Context, *, path: Rest) -> dict[str, str]:
    return {"room": "private", "rest": path.rest}


@rooms.action("public")
async def public(ctx: Context, *, path: Rest) -> dict[str, str]:
    return {"room": "public", "rest": path.rest}


@rooms.action("echo")
async def echo(ctx: Context, *, body: dict[str, Any]) -> dict[str, Any]:
    return body


@rooms.action("log")
async def log(ctx: Context, *, body: Texts) -> int:
    for text in body.texts:
        ctx.log.info(text, extra={"action": "attack.message"})
        ctx.log.warning("seen %s", text, extra={"action": "attack.argument", "data": {text: [text]}})
    return len(body.texts)


@rooms.action("crash")
async def crash(ctx: Context, *, query: Text) -> None:
    raise RuntimeError(f"inside: {query.text}")


@rooms.action("crash-later")
async def crash_later(ctx: Context, *, query: Text) -> str:
    async def fail() -> None:
        raise RuntimeError(f"later: {query.text}")

    ctx.later(fail(), name="fail")
    return "soon"


@rooms.action("crash-in-store")
async def crash_in_store(ctx: Context) -> Any:
    return await ctx.db[Account].aggregate([{"$group": {"_id": "$name", "n": {"$nonsense": 1}}}])


@rooms.action("crash-in-stream")
async def crash_in_stream(ctx: Context, *, query: Text) -> StreamResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError(f"stream: {query.text}")

    return StreamResponse(parts())


@rooms.action("stream")
async def stream(ctx: Context) -> StreamResponse:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65_536
            await asyncio.sleep(0)

    return StreamResponse(parts())


@rooms.action("wait")
async def wait(ctx: Context) -> str:
    await asyncio.sleep(0.3)
    return "done"
