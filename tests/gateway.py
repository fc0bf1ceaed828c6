"""A whole server in front of upstreams of the test: `python server.py` with routes that the test writes.

In: the routes of a project as text, and upstream servers of the test's own loop. Out: a running server, and an HTTP
client in the same loop, because a blocking one would keep the upstreams from answering.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.applications import write_files
from tests.server import Server, free_port, start_server
from tests.upstreams import UpstreamServer, serve_upstream

CONFIG = """
from core import CronSettings, Docs, Log, Mongo, ServerSettings

settings = ServerSettings(
    databases={"main": Mongo()}, log=Log(level="info", format="text"), cron=CronSettings(enabled=False)
)
"""
STEPS = """
from core import Context, Controller, HTTPError, Stream
from generic.libs.forwarding import Identity

steps = Controller("gate-steps")


@steps.action("who", provides=Identity)
async def who(ctx: Context) -> Identity:
    return Identity({"X-Auth-User": "anna"})


@steps.action("hello")
async def hello(ctx: Context) -> str:
    return "hello"


@steps.action("count")
async def count(ctx: Context, *, body: Stream) -> int:
    return sum([len(chunk) async for chunk in body])


@steps.action("call")
async def call(ctx: Context) -> object:
    return (await ctx.http["api"].get("/call")).json()
"""
HEAD = """
from core import Body, Cors, Path, Route, Routes, use

def through(**options):
    return use("generic-passthrough", "1.0", options={"upstream": "api", **options})

def many(*calls, **options):
    return use("generic-aggregate", "1.0", options={"calls": list(calls), **options})
"""


@dataclass
class Gateway:
    """A running server and a client whose URLs are relative to it."""

    server: Server
    client: aiohttp.ClientSession

    async def json(self, path: str, **options: Any) -> Any:
        async with self.client.get(path, **options) as reply:
            return {"status": reply.status, **await reply.json()}


@asynccontextmanager
async def run_gateway(
    upstreams: Mapping[str, str],
    routes: str,
    *options: str,
    variables: Mapping[str, str] | None = None,
    measured: bool = False,
) -> AsyncIterator[Gateway]:
    """The server; `upstreams` are identities and the arguments of `Upstream` as text, `routes` a list of `Path`s."""
    root = Path(tempfile.mkdtemp(prefix="catena-"))
    declared = "\n".join(f"u{at} = Upstream({name!r}, {text})" for at, (name, text) in enumerate(upstreams.items()))
    files = {
        "config/test.py": CONFIG,
        "projects/gate/config/upstreams.py": f"from core import *\n\n{declared}\n",
        "projects/gate/controllers/steps.py": STEPS,
        "projects/gate/routes/api.py": f'{HEAD}\napi = Routes(group="gate", prefix="/", paths=[{routes}])\n',
    }
    environment = {"CATENA_LOCAL_URL": "memory", **(variables or {})}
    try:
        with start_server(
            write_files(root, files), "test", *options, ready="", measured=measured, **environment
        ) as server:
            async with aiohttp.ClientSession(server.url, auto_decompress=False) as client:
                await _wait_for(server, client)
                yield Gateway(server, client)
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def _wait_for(server: Server, client: aiohttp.ClientSession) -> None:
    for _ in range(600):
        assert server.process.poll() is None, server.output
        try:
            async with client.get("/health/ready") as reply:
                if reply.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError(server.output)


PASSTHROUGH = """
    Path("/plain/*", all=Route("plain", chain=[through()])),
    Path("/pages/*", all=Route("pages", cors=Cors(origins=["https://a.example"]), chain=[through()])),
    Path("/under/*", all=Route("under", chain=[through(path="/v2/*")])),
    Path("/item/:id", get=Route("item", chain=[through(path="/v2/:id/x")])),
    Path("/fixed", get=Route("fixed", chain=[through(path="/only")])),
    Path("/open/*", all=Route("open", chain=[
        use("gate-steps", "1.0", "who"),
        through(forward=["Authorization", "cookie"], **{"return": ["Set-Cookie"]}, errors="pass"),
    ])),
    Path("/slow/*", all=Route("slow", timeout_s=0.6, chain=[through()])),
    Path("/small/*", post=Route("small", body=Body(type="raw", limit_bytes=1000), chain=[through()])),
    Path("/short/*", get=Route("short", chain=[through(body_s=0.3)])),
    Path("/away/*", all=Route("away", chain=[through(upstream="away")])),
    Path("/few/*", all=Route("few", chain=[through(upstream="few")])),
    Path("/hello", get=Route("hello", chain=[use("gate-steps", "1.0", "hello")])),
    Path("/count", post=Route("count", chain=[use("gate-steps", "1.0", "count")])),
    Path("/call", get=Route("call", chain=[use("gate-steps", "1.0", "call")])),
"""
Case = tuple[Gateway, UpstreamServer, dict[str, Any]]


@pytest.fixture(scope="module")
async def passthrough_gateway() -> AsyncIterator[Case]:
    """One server and one upstream for the file; a test says what the upstream does in `plan["handler"]`."""
    plan: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        answer: web.StreamResponse = await plan["handler"](request)
        return answer

    async with serve_upstream(handler) as server:
        upstreams = {
            "api": f'base_url="{server.url}/base", timeout_s=1, breaker=None, headers={{"X-Own": Secret("mine")}}',
            "few": f'base_url="{server.url}/base", timeout_s=2, concurrency=2',
            "away": f'base_url="http://127.0.0.1:{free_port()}", breaker=Breaker(open_s=0.3)',
        }
        async with run_gateway(upstreams, PASSTHROUGH) as gate:
            yield gate, server, plan


@pytest.fixture(name="case")
async def passthrough_case(passthrough_gateway: Case) -> Case:
    _, server, plan = passthrough_gateway
    server.requests.clear()
    plan["handler"] = echo
    return passthrough_gateway


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.text()
    return web.json_response({"method": request.method, "path": request.raw_path, "body": body})


async def until(condition: Any, timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
